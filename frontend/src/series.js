// Series as lines, or as filled envelopes where a point stands for many steps.

import { context, fill, h } from "./dom.js";
import { earlierOf, labelOf, nameSample, verdict } from "./describe.js";
import { classColour, css } from "./colour.js";
import { runs, span, stretch } from "./envelope.js";
import { brief, count, figure, shorten, tooltip } from "./numbers.js";

/** @typedef {import("./types.js").Series} Series */
/** @typedef {import("./types.js").State} State */
/** @typedef {{ low: number, high: number }} Range */

const MOST = 8;

/** Channels drawn together.
 * @param {Series} series
 * @param {number | null} channel
 */
export function drawnChannels(series, channel) {
  if (channel !== null && channel < series.channels.length) return [channel];
  return Array.from({ length: Math.min(series.low.shape[1], MOST) }, (_, c) => c);
}

/**
 * Draws one sample into a canvas of CSS size.
 * @param {HTMLCanvasElement} canvas
 * @param {{ width: number, height: number, range: Range, channel: number | null }} how
 * @param {Series} series
 * @param {number} sample
 */
export function drawSeries(canvas, { width, height, range, channel }, series, sample) {
  const drawing = context(canvas, width, height);
  if (!drawing) return;
  const ink = getComputedStyle(canvas).color || "#888";
  const y = (/** @type {number} */ value) => height - 2 - ((value - range.low) / (range.high - range.low)) * (height - 4);
  if (range.low < 0 && range.high > 0) {
    drawing.strokeStyle = ink;
    drawing.globalAlpha = 0.3;
    drawing.strokeRect(0, Math.round(y(0)) + 0.5, width, 0);
    drawing.globalAlpha = 1;
  }
  for (const c of drawnChannels(series, channel)) drawChannel(drawing, width, y, series, sample, c);
}

/** @param {CanvasRenderingContext2D} drawing @param {number} width @param {(value: number) => number} y @param {Series} series @param {number} sample @param {number} c */
function drawChannel(drawing, width, y, series, sample, c) {
  const [, channels, points] = series.low.shape;
  const start = (sample * channels + c) * points;
  const low = series.low.data.subarray(start, start + points);
  const high = series.high.data.subarray(start, start + points);
  const x = (/** @type {number} */ p) => (points > 1 ? (p / (points - 1)) * (width - 2) + 1 : width / 2);
  drawing.strokeStyle = drawing.fillStyle = css(classColour(c));
  drawing.lineWidth = 1.25;
  for (const [first, last] of runs(low)) {
    drawing.beginPath();
    for (let p = first; p < last; p++) drawing.lineTo(x(p), y(high[p]));
    for (let p = last - 1; p >= first; p--) drawing.lineTo(x(p), y(low[p]));
    drawing.closePath();
    drawing.globalAlpha = 0.55;
    drawing.fill();
    drawing.globalAlpha = 1;
    drawing.stroke();
  }
}

/**
 * What lies at a share of the width, in words.
 * @param {Series} series
 * @param {number} sample
 * @param {number} at 0…1
 * @param {number | null} channel
 */
export function describeStep(series, sample, at, channel) {
  const [, channels, points] = series.low.shape;
  const point = Math.min(Math.max(Math.round(at * (points - 1)), 0), points - 1);
  const { first, last } = stretch(point, points, series.length);
  const time = series.sample_rate ? ` (${brief(first / series.sample_rate)} s)` : "";
  const values = drawnChannels(series, channel).map((c) => {
    const place = (sample * channels + c) * points + point;
    const [low, high] = [series.low.data[place], series.high.data[place]];
    const name = channels > 1 ? `${shorten(series.channels[c], 24)} ` : "";
    return `${name}${Number.isNaN(low) ? "no finite value" : low === high ? figure(low) : `${figure(low)} … ${figure(high)}`}`;
  });
  return `${first === last ? `step ${count(first)}` : `steps ${count(first)}–${count(last)}`}${time}  ${values.join("  ")}`;
}

/**
 * @param {State} state
 * @param {Series} series
 * @returns {import("./grid.js").Kind}
 */
export function seriesCells(state, series) {
  const batch = /** @type {import("./types.js").DecodedBatch} */ (state.batch);
  const earlier = earlierOf(state);
  const before = earlier?.decoder === series.decoder ? /** @type {Series} */ (earlier) : null;
  const range = span(series, state.channel);
  const width = Math.round(state.size * 2.4);
  const height = Math.round(state.size * 0.8);
  const panes = [series, before].flatMap((from) => (from ? [from] : []));
  return {
    cellWidth: width + 10,
    cellHeight: panes.length * (height + 4) + 22,
    gap: 8,
    single: false,
    name: (sample) => nameSample(batch, series, sample),
    draw(cell, sample) {
      const canvases = panes.map(() => h("canvas", { class: "nb-plot", "aria-hidden": true }));
      const { icon, tone } = verdict(batch, sample);
      const predicted = batch.predictions?.text[sample];
      const loss = batch.losses ? ` ${brief(batch.losses.data[sample])}` : "";
      const figures = canvases.map((canvas, i) => h("span", { class: "nb-pane" }, canvas, panes.length > 1 && h("span", { class: "nb-when nb-over" }, i ? "before" : "this time")));
      const line = h(
        "span",
        { class: "nb-line", title: tooltip(nameSample(batch, series, sample)) },
        h("span", {}, sample),
        predicted !== undefined && h("span", { "data-tone": tone || null }, `${icon || "→ "}${shorten(predicted, 40)}${loss}`),
        h("span", {}, labelOf(batch, sample, 60)),
      );
      fill(cell, ...figures, line);
      canvases.forEach((canvas, i) => drawSeries(canvas, { width, height, range, channel: state.channel }, panes[i], sample));
    },
    probe(sample, event) {
      const canvas = /** @type {Element} */ (event.target).closest?.("canvas");
      if (!canvas) return nameSample(batch, series, sample);
      const place = canvas.getBoundingClientRect();
      const which = canvas.parentElement?.nextElementSibling?.querySelector("canvas") || !before ? series : before;
      return `sample ${sample}  ${describeStep(which, sample, (event.clientX - place.left) / place.width, state.channel)}`;
    },
  };
}
