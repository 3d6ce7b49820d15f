// Curves over steps or depth, each with a dash of its own, and the values under the pointer.

import { brief, shorten } from "../numbers.js";
import { bandIn, domainOf, placeIn, tickText, ticksOf } from "./axis.js";
import { label, s } from "./svg.js";

const DASHES = ["", "7 4", "2 3", "9 3 2 3"];
const HEIGHT = 190;

/**
 * @param {import("./types.js").Chart} chart
 * @param {number} width
 * @param {(text: string) => void} read
 */
export function drawLines(chart, width, read) {
  const at = Array.from(chart.at.data);
  const rows = chart.values.map((row) => Array.from(row.data));
  const x = domainOf(at, [null, null], false);
  [x.low, x.high] = at.length > 1 ? [Math.min(...at), Math.max(...at)] : [x.low, x.high];
  const y = domainOf(rows.flat(), chart.expected, chart.log);
  const ticks = ticksOf(y, 4);
  const left = 14 + 7 * Math.max(1, ...ticks.map((tick) => tickText(tick).length));
  const [top, bottom] = [20, HEIGHT - 36];
  const across = placeIn(x, left, width - 12);
  const down = placeIn(y, bottom, top);
  const band = bandIn(chart.expected, y);
  const cursor = s("line", { y1: top, y2: bottom, class: "ns-cursor", visibility: "hidden" });
  const svg = s(
    "svg",
    { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` },
    band && s("rect", { x: left, width: width - 12 - left, y: down(band[1]), height: Math.max(down(band[0]) - down(band[1]), 1), class: "ns-band" }),
    ...ticks.flatMap((tick) => [s("line", { x1: left, x2: width - 12, y1: down(tick), y2: down(tick), class: "ns-rule" }), label(left - 6, down(tick) + 4, tickText(tick), "end")]),
    ...ticksOf(x, Math.max(2, Math.floor(width / 110))).map((tick) => label(across(tick), bottom + 15, tickText(tick), "middle")),
    label(left, 12, shorten(chart.y, 60)),
    label(width - 12, HEIGHT - 4, shorten(chart.x, 80), "end"),
    ...rows.flatMap((row, i) => curve(row, at, across, down, chart.log, i)),
    cursor,
  );
  svg.addEventListener("pointermove", (event) => {
    const place = /** @type {PointerEvent} */ (event).offsetX;
    const nearest = at.reduce((best, value, i) => (Math.abs(across(value) - place) < Math.abs(across(at[best]) - place) ? i : best), 0);
    if (!at.length) return;
    cursor.setAttribute("visibility", "visible");
    for (const end of ["x1", "x2"]) cursor.setAttribute(end, String(across(at[nearest])));
    read(`${shorten(chart.x, 40)} ${brief(at[nearest])}: ${rows.map((row, i) => `${shorten(chart.names[i] ?? "", 40)} ${brief(row[nearest])}`.trim()).join(", ")}`);
  });
  svg.addEventListener("pointerleave", () => {
    cursor.setAttribute("visibility", "hidden");
    read("");
  });
  return svg;
}

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
  const kind = `ns-curve ns-series${number % 4}`;
  return runs.filter((run) => run.length).map((run) => (run.length === 1 ? s("circle", { cx: run[0].split(",")[0], cy: run[0].split(",")[1], r: 2.5, class: `ns-dot ns-series${number % 4}` }) : s("polyline", { points: run.join(" "), class: kind, "stroke-dasharray": DASHES[number % 4] || null })));
}

/** A piece of a curve, for the legend.
 * @param {number} number
 */
export const sample = (number) => s("svg", { width: 26, height: 8, "aria-hidden": true }, s("line", { x1: 0, x2: 26, y1: 4, y2: 4, class: `ns-curve ns-series${number % 4}`, "stroke-dasharray": DASHES[number % 4] || null }));
