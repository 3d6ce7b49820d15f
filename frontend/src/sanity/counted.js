// Histograms: the first filled, others as outlines over it.

import { brief, shorten } from "../numbers.js";
import { bandIn, domainOf, placeIn, tickText, ticksOf } from "./axis.js";
import { axisLabel, label, s } from "./svg.js";

const HEIGHT = 150;
const DASHES = ["", "7 4", "2 3", "9 3 2 3"];

/**
 * @param {import("./types.js").Chart} chart
 * @param {number} width
 * @param {(text: string) => void} read
 */
export function drawHistogram(chart, width, read) {
  const edges = Array.from(chart.at.data);
  const rows = chart.values.map((row) => Array.from(row.data));
  const x = domainOf(edges, chart.expected, false);
  const y = domainOf(rows.flat(), [null, null], chart.log, !chart.log);
  const ticks = ticksOf(y, 3);
  const left = 14 + 7 * Math.max(1, ...ticks.map((tick) => tickText(tick).length));
  const [top, bottom] = [20, HEIGHT - 36];
  const across = placeIn(x, left, width - 12);
  const down = placeIn(y, bottom, top);
  const band = bandIn(chart.expected, x);
  const svg = s(
    "svg",
    { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` },
    band && s("rect", { x: across(band[0]), width: Math.max(across(band[1]) - across(band[0]), 1), y: top, height: bottom - top, class: "ns-band" }),
    ...ticks.flatMap((tick) => [s("line", { x1: left, x2: width - 12, y1: down(tick), y2: down(tick), class: "ns-rule" }), label(left - 6, down(tick) + 4, tickText(tick), "end")]),
    ...ticksOf(x, Math.max(2, Math.floor(width / 110))).map((tick) => label(across(tick), bottom + 15, tickText(tick), "middle")),
    axisLabel(left, 12, chart.y, width - 12 - left),
    axisLabel(width - 12, HEIGHT - 4, chart.x, width - 12 - left, "end"),
    ...rows.map((row, i) => (i === 0 ? filled(row, edges, across, down, bottom) : outline(row, edges, across, down, bottom, i))),
  );
  svg.addEventListener("pointermove", (event) => {
    const place = /** @type {PointerEvent} */ (event).offsetX;
    const bin = edges.findIndex((edge, i) => i + 1 < edges.length && across(edge) <= place && place < across(edges[i + 1]));
    read(bin < 0 ? "" : `${brief(edges[bin])} to ${brief(edges[bin + 1])}: ${rows.map((row, i) => `${shorten(chart.names[i] ?? "", 40)} ${brief(row[bin])}`.trim()).join(", ")}`);
  });
  svg.addEventListener("pointerleave", () => read(""));
  return svg;
}

/** @param {number[]} row @param {number[]} edges @param {(value: number) => number} across @param {(value: number) => number} down @param {number} bottom */
function filled(row, edges, across, down, bottom) {
  const bars = row.map((count, i) => (count > 0 ? s("rect", { x: across(edges[i]), width: Math.max(across(edges[i + 1]) - across(edges[i]) - 0.5, 0.5), y: down(count), height: Math.max(bottom - down(count), 1) }) : null));
  return s("g", { class: "ns-bar" }, ...bars);
}

/** @param {number[]} row @param {number[]} edges @param {(value: number) => number} across @param {(value: number) => number} down @param {number} bottom @param {number} number */
function outline(row, edges, across, down, bottom, number) {
  const steps = row.map((count, i) => `H${across(edges[i]).toFixed(1)}V${(count > 0 ? down(count) : bottom).toFixed(1)}H${across(edges[i + 1]).toFixed(1)}`);
  return s("path", { d: `M${across(edges[0]).toFixed(1)} ${bottom}${steps.join("")}V${bottom}`, class: `ns-curve ns-series${number % 4}`, "stroke-dasharray": DASHES[number % 4] || null });
}
