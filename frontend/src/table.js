// Rows of features, shaded by where each value lies among the batch's values of that feature; wide rows are windowed too.

import { fill, h } from "./dom.js";
import { earlierOf, nameSample } from "./describe.js";
import { brief, figure, shorten, tooltip } from "./numbers.js";
import { sideOf } from "./tokens.js";

/** @typedef {import("./types.js").Table} Table */
/** @typedef {import("./types.js").State} State */

const COLUMN = 84;
const LINE = 24;

/**
 * Least and greatest finite value of each feature.
 * @param {Table} table
 */
export function featureRanges(table) {
  const [rows, features] = table.values.shape;
  const ranges = Array.from({ length: features }, () => ({ low: Infinity, high: -Infinity }));
  for (let at = 0; at < rows * features; at++) {
    const value = table.values.data[at];
    const range = ranges[at % features];
    if (!Number.isFinite(value)) continue;
    if (value < range.low) range.low = value;
    if (value > range.high) range.high = value;
  }
  return ranges;
}

/**
 * Place of a value in its range as −1 … 1; 0 where the feature is constant.
 * @param {number} value
 * @param {{ low: number, high: number }} range
 */
export function standing(value, { low, high }) {
  return high > low ? (2 * (value - low)) / (high - low) - 1 : 0;
}

/**
 * @param {State} state
 * @param {Table} table
 * @returns {import("./grid.js").Kind}
 */
export function tableCells(state, table) {
  const batch = /** @type {import("./types.js").DecodedBatch} */ (state.batch);
  const earlier = earlierOf(state);
  const before = earlier?.decoder === "table" ? earlier : null;
  const features = table.values.shape[1];
  const ranges = featureRanges(table);
  const side = 96 + (batch.predictions ? 60 : 0) + (batch.losses ? 52 : 0);
  const width = side + features * COLUMN;
  const window = (/** @type {import("./grid.js").Across} */ across) => {
    const first = Math.max(0, Math.floor(across.left / COLUMN) - 1);
    return { first, last: Math.min(features, first + Math.ceil(across.width / COLUMN) + 3) };
  };
  return {
    cellWidth: width,
    cellHeight: (before ? 2 : 1) * LINE,
    gap: 1,
    single: true,
    part: (across) => `${window(across).first} ${window(across).last}`,
    head(across) {
      const { first, last } = window(across);
      const names = Array.from({ length: last - first }, (_, i) => {
        const name = table.features[first + i] ?? String(first + i);
        return place(h("span", { class: "nb-feature", title: tooltip(name) }, shorten(name, 40)), first + i, side);
      });
      const row = h("div", { class: "nb-features", "aria-hidden": true }, h("span", { class: "nb-side nb-corner" }, "sample"), ...names);
      row.style.width = `${width}px`;
      return row;
    },
    name: (sample) => `${nameSample(batch, table, sample)}: ${rowText(table, sample)}`,
    draw(cell, sample, across) {
      const { first, last } = window(across);
      const lines = [table, before].flatMap((from) => (from ? [line(from, ranges, sample, first, last, side)] : []));
      const margin = sideOf(state, sample);
      margin.style.width = `${side}px`;
      fill(cell, h("div", { class: "nb-record" }, margin, ...lines));
      lines[1]?.classList.add("nb-before");
    },
    probe(sample, event) {
      const span = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest?.("[data-feature]"));
      if (!span) return `sample ${sample}`;
      const f = Number(span.dataset.feature);
      const when = before ? (span.parentElement?.classList.contains("nb-before") ? " before" : " this time") : "";
      const from = when === " before" && before ? before : table;
      return `sample ${sample}${when}  ${shorten(table.features[f] ?? String(f), 80)} = ${figure(from.values.data[sample * features + f])}`;
    },
  };
}

/** @param {HTMLElement} element @param {number} feature @param {number} side */
function place(element, feature, side) {
  element.style.left = `${side + feature * COLUMN}px`;
  element.style.width = `${COLUMN - 1}px`;
  return element;
}

/**
 * @param {Table} table @param {{ low: number, high: number }[]} ranges
 * @param {number} sample @param {number} first @param {number} last @param {number} side
 */
function line(table, ranges, sample, first, last, side) {
  const features = table.values.shape[1];
  const cells = Array.from({ length: Math.max(0, last - first) }, (_, i) => {
    const feature = first + i;
    const value = table.values.data[sample * features + feature];
    const at = standing(value, ranges[feature] ?? { low: 0, high: 0 });
    const cell = h("span", { class: Number.isFinite(value) ? "nb-value" : "nb-value nb-mark", "data-feature": feature }, brief(value));
    if (Number.isFinite(value)) cell.style.background = `rgb(${at < 0 ? "48 112 210" : "226 128 34"} / ${(Math.abs(at) * 0.34).toFixed(3)})`;
    return place(cell, feature, side);
  });
  return h("div", { class: "nb-values" }, ...cells);
}

/** @param {Table} table @param {number} sample */
function rowText(table, sample) {
  const features = table.values.shape[1];
  const first = table.features.slice(0, 8).map((name, f) => `${shorten(name, 30)} ${brief(table.values.data[sample * features + f])}`);
  return first.join(", ") + (features > 8 ? ` and ${features - 8} more` : "");
}
