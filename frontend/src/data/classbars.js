// Words with their counts as bars; a click chooses one. Of many only the most are there, the others can be searched.

import { attribute, fill, h, say } from "../dom.js";
import { count, plural, shorten, tooltip } from "../numbers.js";
import { searchField } from "./fields.js";

const MOST = 100;
const SEARCHED = 12;

/** @typedef {{ word: string, whole: number, part: number, other?: number }} Bar */
/** @typedef {{ chosen: string[], name: (bar: Bar) => string, note?: string, pressable?: boolean }} How */

/** Bars whose words hold what is searched. @param {Bar[]} bars @param {string} wanted */
export function found(bars, wanted) {
  const sought = wanted.trim().toLowerCase();
  return sought ? bars.filter(({ word }) => word.toLowerCase().includes(sought)) : bars;
}

/** @param {(word: string) => void} choose */
export function createClassBars(choose) {
  const search = searchField("Find a word", () => write());
  const list = h("div", { class: "ne-words" });
  const rest = h("p", { class: "ne-soft" });
  const element = h("div", {}, search, list, rest);
  /** @type {Bar[]} */
  let bars = [];
  /** @type {How} */
  let how = { chosen: [], name: ({ word }) => word };

  function write() {
    const some = found(bars, search.value);
    const most = bars.reduce((sum, bar) => Math.max(sum, bar.whole, bar.other ?? 0), 1);
    const active = /** @type {HTMLElement | null} */ (/** @type {Document | ShadowRoot} */ (list.getRootNode()).activeElement);
    const held = active && list.contains(active) ? active.dataset.word : undefined;
    list.style.setProperty("--ne-long", `${Math.min(Math.max(3, ...some.slice(0, MOST).map(({ word }) => word.length)), 18)}ch`);
    fill(list, ...some.slice(0, MOST).map((bar) => barOf(bar, most)));
    if (held !== undefined) /** @type {HTMLElement | undefined} */ ([...list.children].find((one) => /** @type {HTMLElement} */ (one).dataset.word === held))?.focus();
    const left = some.length - MOST;
    say(rest, [left > 0 ? `and ${plural(left, "more word")}: search for them` : some.length ? "" : "no such word", how.note].filter(Boolean).join("; "));
  }

  /** @param {Bar} bar @param {number} most */
  function barOf(bar, most) {
    const line = h("span", { class: "ne-wordbar" }, h("span", { class: "ne-whole" }), h("span", { class: "ne-part" }), bar.other !== undefined && h("span", { class: "ne-othermark" }));
    const [whole, part, other] = /** @type {HTMLElement[]} */ ([...line.children]);
    whole.style.width = `${(100 * bar.whole) / most}%`;
    part.style.width = `${(100 * bar.part) / most}%`;
    if (other) other.style.left = `${(100 * (bar.other ?? 0)) / most}%`;
    const own = h("button", { type: "button", class: "ne-word", "data-word": bar.word, title: tooltip(how.name(bar)), "aria-label": shorten(how.name(bar), 200), onclick: () => choose(bar.word) }, h("span", { class: "ne-clip" }, shorten(bar.word, 60) || "(empty)"), line, h("span", { class: "ne-number" }, bar.part === bar.whole ? count(bar.whole) : `${count(bar.part)} / ${count(bar.whole)}`));
    attribute(own, "aria-pressed", how.pressable === false ? null : String(how.chosen.includes(bar.word)));
    return own;
  }

  return {
    element,
    /** @param {Bar[]} next @param {How} now */
    show(next, now) {
      bars = next;
      how = now;
      search.hidden = next.length <= SEARCHED;
      if (search.hidden) search.value = "";
      write();
    },
  };
}
