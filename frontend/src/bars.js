// Histograms: the batch as bars, one sample as a line over them.

import { context, fill, h } from "./dom.js";
import { countInto, ends, extent, rowOf } from "./histogram.js";
import { brief, share, shorten, tooltip } from "./numbers.js";

/**
 * @typedef {object} Bars
 * @property {string} name
 * @property {ArrayLike<number>} counts of the batch
 * @property {ArrayLike<number>} edges
 * @property {ArrayLike<number> | null} own counts of the sample
 * @property {number | null} at a sample's single value
 * @property {number} most the greatest value of the batch, NaN where it is not known
 */

/**
 * Bars of each channel, with the sample's own values counted into the batch's bins.
 * @param {import("./types.js").TensorRecord} tensor
 * @param {ArrayLike<number>[] | null} rows of the sample
 * @returns {Bars[]}
 */
export function barsOf(tensor, rows) {
  const { histogram, statistics } = tensor;
  if (!histogram) return [];
  return Array.from({ length: histogram.counts.shape[0] }, (_, row) => {
    const edges = rowOf(histogram.edges, row);
    const values = rows && (rows.length === 1 || row < rows.length) ? rows[rows.length === 1 ? 0 : row] : null;
    const all = rows && histogram.counts.shape[0] === 1 && rows.length > 1 ? flatten(rows) : values;
    const single = all?.length === 1;
    return {
      name: nameOf(statistics, row),
      counts: rowOf(histogram.counts, row),
      edges,
      own: all && !single ? countInto(all, edges) : null,
      at: all && single ? all[0] : null,
      most: statistics?.max?.data[row] ?? NaN,
    };
  });
}

/** @param {import("./types.js").Statistics | null} statistics @param {number} row */
function nameOf(statistics, row) {
  const name = statistics?.names[row] ?? String(row);
  return /^\d+$/.test(name) ? `${statistics?.axis === "feature" ? "feature" : "channel"} ${name}` : name;
}

/** @param {ArrayLike<number>[]} rows */
const flatten = (rows) => Float64Array.from(rows.flatMap((row) => Array.from(row)));

/**
 * @param {Bars} bars
 * @param {number} width
 * @param {number} height
 * @param {boolean} named whether the name stands below
 * @param {(text: string) => void} hover
 */
export function barsElement(bars, width, height, named, hover) {
  const canvas = h("canvas", { class: "nb-bars", "aria-hidden": true });
  const [low, high] = ends(bars.edges, bars.most);
  const total = sum(bars.counts);
  canvas.addEventListener("pointermove", (event) => {
    const bin = Math.min(Math.max(Math.floor((event.offsetX / canvas.clientWidth) * bars.counts.length), 0), bars.counts.length - 1);
    const own = bars.own ? `, this sample ${share(bars.own[bin], sum(bars.own))}` : "";
    hover(`${shorten(bars.name, 40)}: ${[...new Set(extent(bars.edges[bin], bars.edges[bin + 1]).map((end) => brief(end > high ? high : end)))].join(" … ")}  ${share(bars.counts[bin], total)}${own}`);
  });
  canvas.addEventListener("pointerleave", () => hover(""));
  const element = h("figure", { class: "nb-histogram" }, canvas, h("figcaption", {}, h("span", {}, brief(low)), h("span", { title: tooltip(bars.name) }, named ? shorten(bars.name, 24) : ""), h("span", {}, brief(high))));
  element.style.width = `${width}px`;
  return { element, draw: () => drawBars(canvas, bars, width, height) };
}

/** @param {ArrayLike<number>} counts */
const sum = (counts) => Array.from(counts).reduce((all, value) => all + value, 0);

/** @param {HTMLCanvasElement} canvas @param {Bars} bars @param {number} width @param {number} height */
function drawBars(canvas, bars, width, height) {
  const drawing = context(canvas, width, height);
  if (!drawing) return;
  const style = getComputedStyle(canvas);
  const bins = bars.counts.length;
  const step = width / bins;
  const gap = step > 6 ? 1 : 0;
  drawing.fillStyle = style.getPropertyValue("--nb-bars") || "#5596de";
  const most = Math.max(...Array.from(bars.counts), 1);
  for (let i = 0; i < bins; i++) {
    const tall = (bars.counts[i] / most) * (height - 2);
    if (bars.counts[i]) drawing.fillRect(i * step, height - Math.max(tall, 1), step - gap, Math.max(tall, 1));
  }
  drawing.strokeStyle = drawing.fillStyle = style.color;
  drawing.lineWidth = 1.5;
  if (bars.own) drawSteps(drawing, bars.own, step, height);
  if (bars.at !== null && Number.isFinite(bars.at)) {
    const low = bars.edges[0];
    const x = ((bars.at - low) / (bars.edges[bins] - low || 1)) * (width - 2);
    drawing.fillRect(x, 0, 2, height);
  }
}

/** @param {CanvasRenderingContext2D} drawing @param {ArrayLike<number>} counts @param {number} step @param {number} height */
function drawSteps(drawing, counts, step, height) {
  const most = Math.max(...Array.from(counts), 1);
  drawing.beginPath();
  for (let i = 0; i < counts.length; i++) {
    const y = height - 1 - (counts[i] / most) * (height - 3);
    drawing.lineTo(i * step, y);
    drawing.lineTo((i + 1) * step, y);
  }
  drawing.stroke();
}

/**
 * @param {HTMLElement} place
 * @param {Bars[]} all
 * @param {number} available width
 * @param {(text: string) => void} hover
 */
export function fillHistograms(place, all, available, hover) {
  const columns = all.length === 1 ? 1 : Math.max(1, Math.min(all.length, Math.floor(available / 130)));
  const width = Math.floor((available - (columns - 1) * 12) / columns);
  const figures = all.map((bars) => barsElement(bars, width, all.length === 1 ? 72 : 52, all.length > 1, hover));
  fill(place, ...figures.map((figure) => figure.element));
  for (const figure of figures) figure.draw();
}
