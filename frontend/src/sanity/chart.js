// The picture of what a check measured, with its title, its legend, and what the pointer is over.

import { h, say } from "../dom.js";
import { shorten } from "../numbers.js";
import { bandText } from "./axis.js";
import { drawBars } from "./bars.js";
import { drawHistogram } from "./counted.js";
import { drawLines, sample } from "./lines.js";
import { drawMatrix } from "./matrix.js";

/** @typedef {import("./types.js").Chart} Chart */

/** Name of the first curve where a remedy was tried on a copy: it is what goes, the next what comes. */
const AS_IT_IS = "as it is";
const DRAW = { lines: drawLines, bars: drawBars, histogram: drawHistogram, matrix: drawMatrix };

/**
 * @param {Chart} chart
 * @param {number} width
 */
export function chartElement(chart, width) {
  const readout = h("p", { class: "ns-readout", "aria-hidden": true });
  const svg = DRAW[chart.kind](chart, Math.max(width, 240), (text) => say(readout, text));
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", described(chart));
  return h("figure", { class: `ns-chart ${chart.names[0] === AS_IT_IS ? "ns-proof" : ""}` }, h("figcaption", {}, h("b", {}, shorten(chart.title, 120)), ...legend(chart)), svg, readout);
}

/** @param {Chart} chart @returns {import("../dom.js").Child[]} */
function legend({ kind, names, expected }) {
  const several = kind === "lines" ? names.length > 0 : kind === "histogram" && names.length > 1;
  const series = several ? names.map((name, i) => keyOf(kind === "histogram" && i === 0, i, name)) : [];
  const band = bandText(expected);
  return [...series, band && h("span", { class: "ns-key" }, h("span", { class: "ns-swatch ns-bandswatch" }), `expected ${band}`)];
}

/** @param {boolean} filled whether it is drawn as bars @param {number} i @param {string} name */
const keyOf = (filled, i, name) => h("span", { class: `ns-key ${filled ? "" : `ns-series${i % 4}`}` }, filled ? h("span", { class: "ns-swatch ns-filledswatch" }) : sample(i), shorten(name, 60));

/** The picture in words.
 * @param {Chart} chart
 */
function described(chart) {
  const band = bandText(chart.expected);
  const what = { lines: "curves", bars: "bars", histogram: "histogram", matrix: "matrix" }[chart.kind];
  return shorten(`${chart.title}: ${what} of ${chart.y || "values"} by ${chart.x || "name"}; ${chart.names.slice(0, 12).join(", ")}${band ? `; expected ${band}` : ""}`, 600);
}
