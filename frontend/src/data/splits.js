// Training against validation data: how a column is spread in each.

import { changed, fill, h } from "../dom.js";
import { choice } from "../forward/controls.js";
import { plural, share, shorten } from "../numbers.js";
import { total } from "./numbers.js";
import { linesOf } from "./result.js";
import { createSpread } from "./spread.js";
import { mainTarget } from "./state.js";

/** @typedef {import("./types.js").State} State */

/** Shares of each bin. @param {ArrayLike<number>} counts */
export function shares(counts) {
  const sum = total(counts) || 1;
  return Array.from(counts, (value) => value / sum);
}

/** How much of the two lies apart, 0 … 1. @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
export function apart(a, b) {
  const [p, q] = [shares(a), shares(b)];
  return total(p.map((value, i) => Math.abs(value - (q[i] ?? 0)))) / 2;
}

/**
 * @param {import("./types.js").Kit} kit
 * @returns {import("./types.js").View}
 */
export function createSplits(kit) {
  const column = choice("Column", (name) => {
    chosen = name;
    write(kit.store.get());
  });
  const spread = createSpread(kit, ({ own, other }) => (other ? `${plural(total(own), "sample")} here, ${total(other).toLocaleString("en-US")} in the other split; ${share(apart(own, other), 1)} of them lie apart` : "The other split has no such column, or was not scanned."));
  const findings = h("div", {});
  const element = h("section", {}, findings, h("div", { class: "ne-charthead" }, column.element), spread.element);
  let chosen = "";
  /** @type {State | null} */
  let before = null;

  /** @param {State} state */
  function write({ dataset }) {
    const columns = (dataset?.columns ?? []).filter(({ kind, about }) => kind !== "text" && kind !== "index" && about !== "mark");
    if (!columns.some(({ name }) => name === chosen)) chosen = (columns.find(({ name }) => name === mainTarget(dataset)?.name) ?? columns[0])?.name ?? "";
    column.show(columns.map(({ name }) => [name, shorten(name, 30)]), chosen);
    if (dataset && chosen) spread.show(dataset, chosen);
  }

  return {
    element,
    update(state) {
      if (!changed(before, state, ["dataset"])) return;
      before = state;
      write(state);
      fill(findings, ...linesOf(kit, state.dataset, ["shift", "in both splits"]));
    },
    restyle: spread.draw,
    destroy: spread.destroy,
  };
}
