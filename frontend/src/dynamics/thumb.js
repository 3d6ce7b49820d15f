// A sample in small: a picture, a line of text, a row of features, a curve.

import { h, say } from "../dom.js";
import { span } from "../envelope.js";
import { fit } from "../layout.js";
import { extent, lookOf, paint } from "../look.js";
import { brief, shorten } from "../numbers.js";
import { isPictures, isSeries } from "../panes.js";
import { drawSeries } from "../series.js";
import { featureRanges, standing } from "../table.js";
import { visible } from "../tokens.js";
import { bars } from "./bars.js";

/** @typedef {import("../types.js").DecodedBatch} DecodedBatch */
/** @typedef {{ masks: import("../types.js").Masks, sample: number, opacity: number }} Overlay */
/** @typedef {{ width: number, height: number, build: () => HTMLElement, draw: (element: HTMLElement, sample: number, overlay?: Overlay | null) => void }} Thumb */

const WORDS = 12;

/**
 * How samples of a batch are drawn in a square of so many pixels.
 * @param {DecodedBatch | null} batch
 * @param {number} size
 * @returns {Thumb}
 */
export function thumbOf(batch, size) {
  const item = batch?.inputs[0];
  if (isPictures(item)) return pictureThumb(item, size);
  if (isSeries(item)) return seriesThumb(item, size);
  if (item?.decoder === "table") return tableThumb(item, size);
  if (item?.decoder === "text") return textThumb(item, size);
  return { width: size, height: 18, build: () => h("span", { class: "nd-text" }), draw: (element, sample) => say(element, `sample ${sample}`) };
}

/** @param {import("../types.js").Pictures} item @param {number} size @returns {Thumb} */
function pictureThumb(item, size) {
  const look = lookOf(item, item.normalisation ? "denormalised" : "fed", null);
  const { width, height } = fit(size, ...item.size);
  const small = Math.max(...item.planes.shape.slice(2)) < size * 2;
  return {
    width,
    height,
    build() {
      const canvas = h("canvas", { class: `nd-thumb${small ? " nd-pixels" : ""}`, "aria-hidden": true });
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
      return canvas;
    },
    draw(element, sample, overlay = null) {
      const canvas = /** @type {HTMLCanvasElement} */ (element);
      const { h: rows, w: columns } = extent(item, sample);
      canvas.width = columns;
      canvas.height = rows;
      const drawing = canvas.getContext("2d");
      if (!drawing || sample >= item.planes.shape[0]) return;
      const image = drawing.createImageData(columns, rows);
      paint(image.data, item, sample, look, overlay);
      drawing.putImageData(image, 0, 0);
    },
  };
}

/** @param {import("../types.js").Series} item @param {number} size @returns {Thumb} */
function seriesThumb(item, size) {
  const [width, height] = [Math.round(size * 1.6), Math.round(size * 0.7)];
  const range = span(item, null);
  return { width, height, build: () => h("canvas", { class: "nd-thumb", "aria-hidden": true }), draw: (element, sample) => drawSeries(/** @type {HTMLCanvasElement} */ (element), { width, height, range, channel: null }, item, sample) };
}

/** @param {import("../types.js").Table} item @param {number} size @returns {Thumb} */
function tableThumb(item, size) {
  const ranges = featureRanges(item);
  const [width, height] = [Math.round(size * 1.5), Math.round(size * 0.6)];
  const features = item.values.shape[1];
  return {
    width,
    height,
    build: () => h("canvas", { class: "nd-thumb", "aria-hidden": true }),
    draw(element, sample) {
      const own = Array.from(item.values.data.subarray(sample * features, (sample + 1) * features));
      bars(/** @type {HTMLCanvasElement} */ (element), width, height, own.map((value, f) => ({ value: (standing(value, ranges[f]) + 1) / 2 + 0.02, colour: "--nb-bars" })), 1.05);
      element.title = shorten(own.map((value, f) => `${item.features[f] ?? f} ${brief(value)}`).join(", "), 400);
    },
  };
}

/** @param {import("../types.js").Tokens} item @param {number} size @returns {Thumb} */
function textThumb(item, size) {
  const length = item.ids.shape[1];
  return {
    width: size * 2,
    height: 54,
    build: () => h("span", { class: "nd-text" }),
    draw(element, sample) {
      const pieces = Array.from({ length: Math.min(length, WORDS) }, (_, t) => visible(item.pieces[item.index.data[sample * length + t]] ?? "?"));
      say(element, pieces.join(" ") + (length > WORDS ? " …" : ""));
    },
  };
}
