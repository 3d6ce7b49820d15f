// Curves over steps or depth, each with a dash of its own, rates that are marked, and the values under the pointer.

import { brief, shorten } from "../numbers.js";
import { bandIn, domainOf, placeIn, tickText, ticksOf } from "./axis.js";
import { axisLabel, label, s } from "./svg.js";

const DASHES = ["", "7 4", "2 3", "9 3 2 3"];
const HEIGHT = 190;
const POWERS = /^log10 of (?:the )?/;
/** Lines of range tests that only say where a rate lies. */
const MARKS = new Set(["rate in use", "suggested"]);
/** A loss so many times the first ones has exploded: how far it went would leave nothing to see of the others. */
const EXPLODED = 8;
/** Of the first losses, to where the picture of an exploded one goes. */
const SHOWN = 2;

/**
 * @param {import("./types.js").Chart} chart
 * @param {number} width
 * @param {(text: string) => void} read
 */
export function drawLines(chart, width, read) {
  const at = Array.from(chart.at.data);
  const rows = chart.values.map((row) => Array.from(row.data));
  const isMark = chart.names.map((name) => MARKS.has(name));
  const x = domainOf(at, [null, null], false);
  [x.low, x.high] = at.length > 1 ? [Math.min(...at), Math.max(...at)] : [x.low, x.high];
  const edge = edgeOf(chart, rows.filter((_, i) => !isMark[i]));
  const y = domainOf(rows.filter((_, i) => !isMark[i]).flat().map((value) => Math.min(value, edge)), chart.expected, chart.log);
  const ticks = ticksOf(y, 4);
  const left = 14 + 7 * Math.max(1, ...ticks.map((tick) => tickText(tick).length));
  const right = width - 16;
  const [top, bottom] = [20, HEIGHT - 36];
  const across = placeIn(x, left, right);
  const down = placeIn(y, bottom, top);
  const band = bandIn(chart.expected, y);
  const cursor = s("line", { y1: top, y2: bottom, class: "ns-cursor", visibility: "hidden" });
  const svg = s(
    "svg",
    { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` },
    band && s("rect", { x: left, width: right - left, y: down(band[1]), height: Math.max(down(band[0]) - down(band[1]), 1), class: "ns-band" }),
    ...ticks.flatMap((tick) => [s("line", { x1: left, x2: right, y1: down(tick), y2: down(tick), class: "ns-rule" }), label(left - 6, down(tick) + 4, tickText(tick), "end")]),
    ...ticksOf(x, Math.max(2, Math.floor(width / 110))).map((tick) => label(across(tick), bottom + 15, placeText(chart, tick), "middle")),
    axisLabel(left, 12, edge < Infinity ? `${chart.y}; above ${brief(edge)} it lies on the edge` : chart.y, right - left),
    axisLabel(right, HEIGHT - 4, chart.x.replace(POWERS, ""), right - left, "end"),
    ...rows.flatMap((row, i) => (isMark[i] ? mark(row, at, across, [top, bottom], i) : curve(row, at, across, down, chart.log, i))),
    cursor,
  );
  svg.addEventListener("pointermove", (event) => {
    const place = /** @type {PointerEvent} */ (event).offsetX;
    const nearest = at.reduce((best, value, i) => (Math.abs(across(value) - place) < Math.abs(across(at[best]) - place) ? i : best), 0);
    if (!at.length) return;
    cursor.setAttribute("visibility", "visible");
    for (const end of ["x1", "x2"]) cursor.setAttribute(end, String(across(at[nearest])));
    const values = rows.map((row, i) => (isMark[i] || Number.isNaN(row[nearest]) ? "" : `${shorten(chart.names[i] ?? "", 40)} ${brief(row[nearest])}`.trim()));
    read(`${shorten(chart.x.replace(POWERS, ""), 40)} ${placeText(chart, at[nearest])}: ${values.filter(Boolean).join(", ")}`);
  });
  svg.addEventListener("pointerleave", () => {
    cursor.setAttribute("visibility", "hidden");
    read("");
  });
  return svg;
}

/** To where losses are drawn; infinite where none has exploded.
 * @param {import("./types.js").Chart} chart @param {number[][]} rows
 */
function edgeOf({ y, log }, rows) {
  const first = Math.max(...rows.map((row) => row.find(Number.isFinite) ?? -Infinity));
  const most = Math.max(...rows.flat().filter(Number.isFinite));
  return y.startsWith("loss") && !log && first > 0 && most > EXPLODED * first ? SHOWN * first : Infinity;
}

/** A place on the axis as it is said: a rate, where the axis has its logarithm.
 * @param {import("./types.js").Chart} chart @param {number} value
 */
const placeText = ({ x }, value) => tickText(POWERS.test(x) ? 10 ** value : value);

/** One curve, interrupted where there is no number; a point alone is a dot.
 * @param {number[]} row @param {number[]} at @param {(value: number) => number} across @param {(value: number) => number} down @param {boolean} log @param {number} number
 */
function curve(row, at, across, down, log, number) {
  /** @type {string[][]} */
  const runs = [[]];
  row.forEach((value, i) => {
    if (Number.isFinite(value) && (!log || value > 0)) runs[runs.length - 1].push(`${across(at[i]).toFixed(1)},${down(value).toFixed(1)}`);
    else runs.push([]);
  });
  return runs.filter((run) => run.length).map((run) => (run.length === 1 ? s("circle", { cx: run[0].split(",")[0], cy: run[0].split(",")[1], r: 2.5, class: `ns-dot ns-series${number % 4}` }) : s("polyline", { points: run.join(" "), class: `ns-curve ns-series${number % 4}`, "stroke-dasharray": dashOf(number) })));
}

/** Where a rate lies, from top to bottom; it is the last point of its line.
 * @param {number[]} row @param {number[]} at @param {(value: number) => number} across @param {[number, number]} ends @param {number} number
 */
function mark(row, at, across, [top, bottom], number) {
  const place = row.findLastIndex(Number.isFinite);
  if (place < 0) return [];
  const x = across(at[place]);
  return [s("line", { x1: x, x2: x, y1: top, y2: bottom, class: `ns-curve ns-series${number % 4}`, "stroke-dasharray": dashOf(number) })];
}

/** Colours come again after four curves, pairs of colour and dash do not.
 * @param {number} number
 */
const dashOf = (number) => DASHES[(number + Math.floor(number / 4)) % 4] || null;

/** A piece of a curve, for the legend.
 * @param {number} number
 */
export const sample = (number) => s("svg", { width: 26, height: 8, "aria-hidden": true }, s("line", { x1: 0, x2: 26, y1: 4, y2: 4, class: `ns-curve ns-series${number % 4}`, "stroke-dasharray": dashOf(number) }));
