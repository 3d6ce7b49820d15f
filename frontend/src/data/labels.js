// How often each label occurs; a click shows its samples.

import { changed, fill, h, say } from "../dom.js";
import { count } from "../numbers.js";
import { linesOf } from "./result.js";
import { createSpread } from "./spread.js";
import { columnOf } from "./state.js";

/**
 * @param {import("./types.js").Kit} kit
 * @returns {import("./types.js").View}
 */
export function createLabels(kit) {
  const spread = createSpread(kit, ({ own }) => (columnOf(kit.store.get().dataset, "label")?.kind === "class" ? `${balanceText(own)} Click a label to show its samples.` : "How the targets are spread; drag to show the samples of a range."));
  const nothing = h("p", { class: "ne-about" });
  const findings = h("div", {});
  const element = h("section", {}, nothing, spread.element, findings);
  /** @type {import("./types.js").State | null} */
  let before = null;
  return {
    element,
    update(state) {
      if (!changed(before, state, ["dataset"])) return;
      before = state;
      const facts = columnOf(state.dataset, "label") ?? columnOf(state.dataset, "label_0");
      const countable = facts !== null && facts.kind !== "text";
      spread.element.hidden = !countable;
      say(nothing, countable ? "" : "The labels are no classes and no numbers: there is nothing to count.");
      if (state.dataset && countable) spread.show(state.dataset, facts.name);
      fill(findings, ...linesOf(kit, state.dataset, ["imbalance", "order", "missing labels", "nameless labels", "conflicting labels"]));
    },
    restyle: spread.draw,
    destroy: spread.destroy,
  };
}

/** Most and fewest samples of a label, in words. @param {ArrayLike<number>} counts */
export function balanceText(counts) {
  const own = Array.from(counts).filter((value) => value > 0).sort((a, b) => b - a);
  if (own.length < 2) return own.length ? "All samples have the same label." : "There are no labels.";
  const [most, least] = [own[0], own[own.length - 1]];
  return most === least ? `${count(most)} samples of each label.` : `${count(least)} to ${count(most)} samples of a label.`;
}
