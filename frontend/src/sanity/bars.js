// A bar a name, beside the band in which its value is expected.

import { brief, shorten } from "../numbers.js";
import { bandIn, domainOf, placeIn, tickText, ticksOf } from "./axis.js";
import { axisLabel, label, s } from "./svg.js";

const ROW = 19;
const MOST = 60;

/**
 * @param {import("./types.js").Chart} chart
 * @param {number} width
 * @param {(text: string) => void} read
 */
export function drawBars(chart, width, read) {
  const values = Array.from(chart.values[0]?.data ?? []).slice(0, MOST);
  const names = chart.names.slice(0, MOST).map((name) => shorten(name, 34));
  const rest = chart.names.length - names.length;
  const axis = domainOf(values, chart.expected, chart.log, !chart.log);
  const left = Math.min(14 + 7.3 * Math.max(4, ...names.map((name) => name.length)), width * 0.45);
  const right = width - 64;
  const bottom = 8 + ROW * values.length;
  const height = bottom + (rest ? 52 : 36);
  const across = placeIn(axis, left, right);
  const band = bandIn(chart.expected, axis);
  const base = across(axis.log ? axis.low : 0);
  return s(
    "svg",
    { width, height, viewBox: `0 0 ${width} ${height}` },
    band && s("rect", { x: across(band[0]), width: Math.max(across(band[1]) - across(band[0]), 1), y: 4, height: bottom - 4, class: "ns-band" }),
    ...ticksOf(axis, Math.max(2, Math.floor((right - left) / 90))).flatMap((tick) => [s("line", { x1: across(tick), x2: across(tick), y1: 4, y2: bottom, class: "ns-rule" }), label(across(tick), bottom + 15, tickText(tick), "middle")]),
    ...values.map((value, i) => bar(value, names[i] ?? "", 8 + ROW * i, { left, base, end: Number.isFinite(value) ? across(value) : base, outside: isOutside(value, chart.expected) })),
    axisLabel(right, bottom + 31, chart.y || chart.x, right, "end"),
    rest > 0 && label(left, bottom + 47, `and ${rest} more`),
    over(chart, values, width, height, read),
  );
}

/** @param {number} value @param {[number | null, number | null]} expected */
export const isOutside = (value, [low, high]) => !Number.isFinite(value) || (low !== null && value < low) || (high !== null && value > high);

/** @param {number} value @param {string} name @param {number} y @param {{ left: number, base: number, end: number, outside: boolean }} place */
function bar(value, name, y, { left, base, end, outside }) {
  return s(
    "g",
    {},
    label(left - 8, y + 13, name, "end", "ns-namelabel"),
    s("rect", { x: Math.min(base, end), y: y + 3, width: Math.max(Math.abs(end - base), 1), height: ROW - 6, class: outside ? "ns-bar ns-outside" : "ns-bar" }),
    // A value outside is marked too, for those who do not see the colour.
    label(Math.max(base, end) + 6, y + 13, `${brief(value)}${outside ? " ✕" : ""}`, "start", outside ? "ns-bad" : ""),
  );
}

/** What the pointer is over, without holes between the bars.
 * @param {import("./types.js").Chart} chart @param {number[]} values @param {number} width @param {number} height @param {(text: string) => void} read
 */
function over(chart, values, width, height, read) {
  const area = s("rect", { width, height, class: "ns-clear" });
  area.addEventListener("pointermove", (event) => {
    const i = Math.floor((/** @type {PointerEvent} */ (event).offsetY - 8) / ROW);
    read(i in values ? `${shorten(chart.names[i] ?? "", 120)}: ${brief(values[i])}` : "");
  });
  area.addEventListener("pointerleave", () => read(""));
  return area;
}
