// How often each label occurs; a click shows its samples.

import { changed, fill, h, say } from "../dom.js";
import { choice } from "../forward/controls.js";
import { count, shorten } from "../numbers.js";
import { linesOf } from "./result.js";
import { createSpread } from "./spread.js";
import { columnOf, mainTarget, targetsOf } from "./state.js";

/**
 * @param {import("./types.js").Kit} kit
 * @returns {import("./types.js").View}
 */
export function createLabels(kit) {
  const spread = createSpread(kit, ({ own }) => (columnOf(kit.store.get().dataset, chosen)?.kind === "class" ? `${balanceText(own)} Click a label to show its samples.` : "How the targets are spread; drag to show the samples of a range."));
  const target = choice("Target", (name) => {
    chosen = name;
    show(kit.store.get());
  });
  const nothing = h("p", { class: "ne-about" });
  const findings = h("div", {});
  const element = h("section", {}, target.element, nothing, spread.element, findings);
  let chosen = "";
  /** @type {import("./types.js").State | null} */
  let before = null;
  return {
    element,
    update(state) {
      if (!changed(before, state, ["dataset"])) return;
      before = state;
      show(state);
      fill(findings, ...linesOf(kit, state.dataset, ["imbalance", "order", "missing labels", "nameless labels", "conflicting labels"]));
    },
    restyle: spread.draw,
    destroy: spread.destroy,
  };

  /** @param {import("./types.js").State} state */
  function show({ dataset }) {
    const targets = targetsOf(dataset);
    const facts = targets.find(({ name }) => name === chosen) ?? mainTarget(dataset) ?? targets[0] ?? null;
    chosen = facts?.name ?? "";
    target.element.hidden = targets.length < 2;
    target.show(targets.map(({ name }) => [name, shorten(name, 40)]), chosen);
    const countable = facts !== null && facts.kind !== "text";
    spread.element.hidden = !countable;
    say(nothing, countable ? "" : "These labels are no classes and no numbers: there is nothing to count.");
    if (dataset && countable) spread.show(dataset, facts.name);
  }
}

/** Most and fewest samples of a label, in words. @param {ArrayLike<number>} counts */
export function balanceText(counts) {
  const own = Array.from(counts).filter((value) => value > 0).sort((a, b) => b - a);
  if (own.length < 2) return own.length ? "All samples have the same label." : "There are no labels.";
  const [most, least] = [own[0], own[own.length - 1]];
  return most === least ? `${count(most)} samples of each label.` : `${count(least)} to ${count(most)} samples of a label.`;
}
