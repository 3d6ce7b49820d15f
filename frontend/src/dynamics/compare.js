// Two moments side by side: what became of each sample between them, changed predictions first.

import { changed, h } from "../dom.js";
import { brief, count, plural, shorten } from "../numbers.js";
import { button } from "../forward/controls.js";
import { bars } from "./bars.js";
import { barsOf, verdictOf } from "./cells.js";
import { changes, guessText, targetText } from "./measures.js";
import { refill } from "./refill.js";
import { nearest } from "./state.js";
import { thumbOf } from "./thumb.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").ProbeRecord} ProbeRecord */
/** @typedef {import("./types.js").Reading} Reading */

const MOST = 60;

/**
 * @param {import("./types.js").Store} store
 * @returns {import("./types.js").View}
 */
export function createCompare(store) {
  const element = h("div", { class: "nd-scroll nd-compare" });
  /** @type {State | null} */
  let before = null;

  /** @param {State} state */
  function draw(state) {
    const probe = state.record?.probes[state.probe];
    const { readings } = state;
    if (!probe || !readings.length || state.pinned.length < 2) return;
    const [from, to] = [...state.pinned].sort((a, b) => a - b).map((step) => readings[nearest(readings, step)]);
    const all = changes(from, to);
    const differ = all.filter((one) => one.changed).length;
    const worse = all.filter((one) => from.correct.data[one.sample] === 1 && to.correct.data[one.sample] === 0).length;
    const better = all.filter((one) => from.correct.data[one.sample] === 0 && to.correct.data[one.sample] === 1).length;
    const words = `${plural(differ, "prediction")} of ${count(all.length)} changed${worse + better ? `: ${count(better)} became right, ${count(worse)} wrong` : ""}.`;
    const head = h("div", { class: "nd-comparehead" }, h("span", {}, `A step ${count(from.step)} → B step ${count(to.step)}: `, h("b", {}, words)), button("End comparison", () => store.set({ pinned: [] }), { class: "nd-small", "data-key": "end" }));
    /** @type {(() => void)[]} */
    const later = [];
    const rows = all.slice(0, MOST).map((one) => rowFor(probe, from, to, one, later));
    refill(element, head, h("div", { class: "nd-comparerows", role: "list" }, ...rows));
    for (const paint of later) paint();
  }

  return {
    element,
    restyle: () => before && draw(before),
    update(state) {
      if (changed(before, state, ["pinned", "probe", "readings"])) draw(state);
      before = state;
    },
  };

  /** @param {ProbeRecord} probe @param {Reading} from @param {Reading} to @param {{ sample: number, changed: boolean, moved: number }} one @param {(() => void)[]} later */
  function rowFor(probe, from, to, { sample, changed: other, moved }, later) {
    const thumb = thumbOf(probe.batch, 40);
    const own = thumb.build();
    const sides = [from, to].map((reading) => {
      const canvas = h("canvas", { class: "nd-cellbars", "aria-hidden": true });
      const { icon, tone } = verdictOf(reading, sample);
      later.push(() => bars(canvas, 120, 28, barsOf(probe, reading, sample, Math.max(from.losses.data[sample], to.losses.data[sample]))));
      return h("span", { class: "nd-side" }, canvas, h("span", { "data-tone": tone || null }, `${icon} ${shorten(guessText(probe, reading, sample), 24)}`.trim()));
    });
    later.push(() => thumb.draw(own, sample));
    const target = targetText(probe, sample);
    const words = h("span", { class: "nd-moved" }, h("span", {}, `${sample}${target ? `, target ${shorten(target, 24)}` : ""}`), h("span", { class: "nd-soft" }, `${other ? "changed, " : ""}loss ${moved > 0 ? "+" : ""}${brief(moved)}`));
    return h("div", { role: "listitem" }, h("button", { type: "button", class: "nd-comparerow", "data-key": sample, "data-changed": other, onclick: () => store.set({ sample }) }, h("span", { class: "nd-thumbplace" }, own), words, sides[0], h("span", { "aria-hidden": true }, "→"), sides[1]));
  }
}
