// A matrix, such as what depends on what: a cell a value, its number in it where there is room.

import { MARKS, colourScale, css } from "../colour.js";
import { isDark } from "../theme.js";
import { brief, shorten } from "../numbers.js";
import { axisLabel, label, s } from "./svg.js";

const MOST = 64;
/** Pixels that a number in a cell needs. */
const ROOM = 38;

/**
 * @param {import("./types.js").Chart} chart
 * @param {number} width
 * @param {(text: string) => void} read
 */
export function drawMatrix(chart, width, read) {
  const rows = chart.values.slice(0, MOST).map((row) => Array.from(row.data).slice(0, MOST));
  const columns = Math.max(1, ...rows.map((row) => row.length));
  const names = rows.map((_, i) => shorten(chart.names[i] ?? String(i), 22));
  const left = Math.min(12 + 7.3 * Math.max(1, ...names.map((name) => name.length)), width * 0.4);
  const cell = Math.min(Math.max((width - left - 12) / columns, 3), 44, Math.max(340 / Math.max(rows.length, 1), 8));
  const tall = Math.min(cell, 30);
  const finite = rows.flat().filter(Number.isFinite);
  const scale = colourScale(Math.min(0, ...finite), Math.max(0, ...finite));
  const every = Math.max(1, Math.ceil(22 / cell));
  const down = Math.max(1, Math.ceil(13 / tall));
  const top = 52;
  const height = top + tall * rows.length + 30;
  const cut = chart.values.length > MOST || (chart.values[0]?.data.length ?? 0) > MOST;
  const svg = s(
    "svg",
    { width, height, viewBox: `0 0 ${width} ${height}` },
    axisLabel(left, 12, `→ ${chart.x}`, width - left),
    axisLabel(left, 28, `↓ ${chart.y}`, width - left),
    ...Array.from({ length: columns }, (_, c) => (c % every ? null : label(left + cell * (c + 0.5), top - 6, String(c), "middle"))),
    ...names.map((name, r) => (r % down ? null : label(left - 6, top + tall * (r + 0.5) + 4, name, "end"))),
    ...rows.flatMap((row, r) => row.flatMap((value, c) => drawCell(value, left + cell * c, top + tall * r, cell, tall, scale))),
    label(left, height - 8, `${brief(scale.from)} dark … ${brief(scale.to)} light${cut ? `; the first ${MOST} are shown` : ""}`.replace(scale.diverging ? / dark … (.*) light/ : /$^/, " blue … $1 orange")),
  );
  svg.addEventListener("pointermove", (event) => {
    const { offsetX, offsetY } = /** @type {PointerEvent} */ (event);
    const [c, r] = [Math.floor((offsetX - left) / cell), Math.floor((offsetY - top) / tall)];
    const value = rows[r]?.[c];
    read(value === undefined ? "" : `row ${names[r]}, column ${c}: ${brief(value)}`);
  });
  svg.addEventListener("pointerleave", () => read(""));
  return svg;
}

/** @param {number} value @param {number} x @param {number} y @param {number} wide @param {number} tall @param {{ colour: (value: number) => import("../colour.js").Rgb }} scale */
function drawCell(value, x, y, wide, tall, scale) {
  const colour = css(Number.isFinite(value) ? scale.colour(value) : MARKS[0]);
  const gap = wide > 10 ? 1 : 0;
  const number = wide >= ROOM && tall >= 16 && label(x + wide / 2, y + tall / 2 + 4, brief(value), "middle", isDark(colour) ? "ns-ondark" : "ns-onlight");
  return [s("rect", { x, y, width: wide - gap, height: tall - gap, style: `fill: ${colour}` }), number];
}
