// All that was found in the data: what it is, the samples it speaks of, those that belong together side by side.

import { changed, fill, h, say } from "../dom.js";
import { button } from "../forward/controls.js";
import { count, plural, shorten } from "../numbers.js";
import { wordsOf } from "./actions.js";
import { problemLine } from "./fields.js";
import { createStrip } from "./thumbs.js";
import { filterButton } from "./result.js";
import { numbersOf } from "./numbers.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Finding} Finding */

const GROUPED = new Set(["duplicates", "near duplicates", "conflicting labels"]);
const GROUPS = 12;
const TOGETHER = 8;
const ICONS = { warn: "▲", note: "●", ok: "✓" };
const ORDER = { warn: 0, note: 1, ok: 2 };

/**
 * @param {import("./types.js").Kit} kit
 * @returns {import("./types.js").View}
 */
export function createFindings(kit) {
  const { store, previews } = kit;
  const strip = createStrip(kit, 64);
  const list = h("ul", { class: "ne-findings" });
  const failures = h("div", {});
  const element = h("section", {}, list, failures);
  let open = "";
  /** @type {number[][] | null} */
  let groups = null;
  let problem = "";
  let limit = GROUPS;
  /** @type {State | null} */
  let before = null;

  /** @param {string} kind */
  async function toggle(kind) {
    open = open === kind ? "" : kind;
    [groups, problem, limit] = [null, "", GROUPS];
    write();
    if (!open) return;
    try {
      const payload = await kit.actions.request("groups", { kind });
      if (open !== kind) return;
      groups = (payload.groups ?? []).map((/** @type {any} */ rows) => Array.from(numbersOf(rows)));
    } catch (error) {
      problem = wordsOf(error);
    }
    if (open === kind) write();
  }

  function write() {
    const all = [...(store.get().dataset?.findings ?? [])].sort((a, b) => ORDER[a.level] - ORDER[b.level]);
    strip.clear();
    fill(list, ...all.map(entry), all.length === 0 && h("li", { class: "ne-soft" }, store.get().dataset?.complete ? "Nothing suspicious was found." : "Findings come when the scan is done."));
    previews.want("groups", strip.rows().slice(0, 128));
    strip.draw();
  }

  /** @param {Finding} finding */
  function entry(finding) {
    const { kind, level, text, query } = finding;
    const grouped = GROUPED.has(kind) && finding.count > 0;
    return h(
      "li",
      {},
      h("p", { "data-tone": level === "note" ? "muted" : level }, h("span", { class: "ne-icon", "aria-hidden": true }, ICONS[level] ?? "●"), h("b", {}, kind), h("span", { class: "ne-words-of" }, shorten(text, 600))),
      h("span", { class: "ne-pair" }, query && filterButton(kit, query, finding.count ? `Show ${plural(finding.count, "sample")}` : "Show"), grouped && button(open === kind ? "Hide" : "Side by side", () => void toggle(kind), { class: "nb-plain", "aria-expanded": String(open === kind) })),
      open === kind && groupsOf(),
    );
  }

  function groupsOf() {
    if (problem) return problemLine(problem);
    if (!groups) return h("p", { class: "ne-soft" }, "…");
    const shown = groups.slice(0, limit).map((rows) => h("div", { class: "ne-group" }, strip.build(rows.slice(0, TOGETHER)), rows.length > TOGETHER && h("span", { class: "ne-soft" }, `and ${count(rows.length - TOGETHER)} more`)));
    const more = groups.length - shown.length;
    return h("div", {}, h("div", { class: "ne-groupslist" }, ...shown), groups.length === 0 && h("p", { class: "ne-soft" }, "no groups are known"), more > 0 && button(`Show ${plural(Math.min(more, GROUPS), "more group")} of ${count(more)}`, () => {
      limit += GROUPS;
      write();
    }, { class: "nb-plain" }));
  }

  return {
    element,
    update(state) {
      if (changed(before, state, ["dataset"]) && JSON.stringify(before?.dataset?.findings) !== JSON.stringify(state.dataset?.findings)) write();
      else if (before === null) write();
      if (changed(before, state, ["arrivals"])) strip.draw();
      if (changed(before, state, ["dataset"])) writeFailures(state);
      before = state;
    },
  };

  /** @param {State} state */
  function writeFailures({ dataset }) {
    const all = dataset?.failures ?? [];
    const key = JSON.stringify(all);
    if (failures.dataset.key === key) return;
    failures.dataset.key = key;
    if (!all.length) return fill(failures);
    const title = h("h4", {}, "");
    say(title, `${plural(dataset?.failed ?? all.length, "sample")} could not be read${(dataset?.failed ?? 0) > all.length ? `; the first ${all.length}` : ""}`);
    fill(failures, title, h("ul", { class: "ne-failures" }, ...all.map(({ index, error }) => h("li", {}, h("b", {}, `index ${count(index)}`), " ", shorten(error, 400)))));
  }
}
