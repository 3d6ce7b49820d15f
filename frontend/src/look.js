// From the 8 bits of a picture to the colours on the screen: tables computed once, then applied to every picture.

import { MARKS, classColour, colourScale } from "./colour.js";

/** @typedef {import("./types.js").Pictures} Pictures */
/**
 * @typedef {object} Look
 * @property {number[]} planes the channels that are read: one, or red, green and blue
 * @property {Uint8Array[]} tables byte → red, green, blue; with one plane all three read it
 * @property {number | null} alpha the channel of transparency
 * @property {Uint8Array | null} alphaTable
 * @property {number} from value of the darkest shown
 * @property {number} to
 * @property {boolean} map whether colours stand for values
 * @property {(value: number) => number} byteOf the byte that stands for a value of the first plane
 */

/**
 * @param {Pictures} pictures
 * @param {number} channel
 * @param {number} byte
 */
export const decode = (pictures, channel, byte) => {
  const low = pictures.low.data[channel];
  return low + (byte * (pictures.high.data[channel] - low)) / 255;
};

/**
 * The value that `Normalize` had before it, or the value itself where there is no normalisation.
 * @param {Pictures} pictures
 * @param {number} channel
 * @param {number} value
 */
export function denormalise(pictures, channel, value) {
  const known = pictures.normalisation;
  if (!known) return value;
  const row = Math.min(channel, known.mean.length - 1);
  return value * known.std[Math.min(channel, known.std.length - 1)] + known.mean[row];
}

/** @param {(value: number) => number} shade 0…1 of a value, per byte @param {Pictures} pictures @param {number} channel */
const table = (shade, pictures, channel) =>
  Uint8Array.from({ length: 256 }, (_, byte) => Math.round(255 * Math.min(Math.max(shade(decode(pictures, channel, byte)), 0), 1)));

/** Channels that are shown together: one alone, or red, green and blue.
 * @param {Pictures} pictures
 * @param {number | null} channel
 */
export function shownChannels(pictures, channel) {
  if (channel !== null && channel < pictures.channels.length) return [channel];
  return isColour(pictures) ? [0, 1, 2] : [0];
}

/** @param {Pictures} pictures */
export const isColour = (pictures) =>
  pictures.kind === "image" && pictures.total_channels === pictures.channels.length && [3, 4].includes(pictures.channels.length);

/**
 * @param {Pictures} pictures
 * @param {"fed" | "denormalised"} mode
 * @param {number | null} channel
 * @returns {Look}
 */
export function lookOf(pictures, mode, channel) {
  const planes = shownChannels(pictures, channel);
  const low = Math.min(...planes.map((c) => pictures.low.data[c]));
  const high = Math.max(...planes.map((c) => pictures.high.data[c]));
  const natural = mode === "denormalised" && pictures.normalisation !== null;
  const alpha = isColour(pictures) && channel === null && pictures.channels.length === 4 ? 3 : null;
  const [first, last] = [pictures.low.data[planes[0]], pictures.high.data[planes[0]]];
  const byteOf = (/** @type {number} */ value) => ((value - first) * 255) / (last - first || 1);
  const rest = { planes, byteOf, alpha, alphaTable: alpha === null ? null : alphaShades(pictures, alpha, natural) };
  if (pictures.kind === "values") {
    const scale = colourScale(low, high);
    const colours = Array.from({ length: 256 }, (_, byte) => scale.colour(decode(pictures, planes[0], byte)));
    const tables = [0, 1, 2].map((part) => Uint8Array.from(colours, (colour) => colour[part]));
    return { ...rest, tables, from: scale.from, to: scale.to, map: true };
  }
  const tables = planes.map((c) => table((v) => (natural ? denormalise(pictures, c, v) : (v - low) / (high - low || 1)), pictures, c));
  return { ...rest, tables, from: natural ? 0 : low, to: natural ? 1 : high, map: false };
}

/** @param {Pictures} pictures @param {number} channel @param {boolean} natural */
function alphaShades(pictures, channel, natural) {
  const most = pictures.high.data[channel] > 1 ? 255 : 1;
  const fourth = natural && (pictures.normalisation?.mean.length ?? 0) === 4;
  return table((value) => (fourth ? denormalise(pictures, channel, value) : value / most), pictures, channel);
}

/**
 * Height and width in pixels of what is there of a picture; less than the plane where a ragged list was padded.
 * @param {Pictures} pictures
 * @param {number} sample
 */
export function extent(pictures, sample) {
  const [, , h, w] = pictures.planes.shape;
  if (!pictures.sizes) return { h, w };
  const [H, W] = pictures.size;
  const [own, wide] = [pictures.sizes.data[2 * sample], pictures.sizes.data[2 * sample + 1]];
  return { h: Math.max(1, Math.min(h, Math.round((h * own) / H))), w: Math.max(1, Math.min(w, Math.round((w * wide) / W))) };
}

/**
 * Writes the RGBA bytes of one picture.
 * @param {Uint8ClampedArray} out h × w × 4
 * @param {Pictures} pictures
 * @param {number} sample
 * @param {Look} look
 * @param {{ masks: import("./types.js").Masks, sample: number, opacity: number } | null} [overlay]
 */
export function paint(out, pictures, sample, look, overlay = null) {
  const [, channels, height, width] = pictures.planes.shape;
  const { h, w } = extent(pictures, sample);
  const bytes = pictures.planes.data;
  const area = height * width;
  const start = sample * channels * area;
  const [red, green, blue] = look.planes.length === 3 ? look.planes : [look.planes[0], look.planes[0], look.planes[0]];
  const [r, g, b] = look.tables.length === 3 ? look.tables : [look.tables[0], look.tables[0], look.tables[0]];
  let to = 0;
  for (let row = 0; row < h; row++) {
    for (let column = 0; column < w; column++, to += 4) {
      const at = start + row * width + column;
      out[to] = r[bytes[at + red * area]];
      out[to + 1] = g[bytes[at + green * area]];
      out[to + 2] = b[bytes[at + blue * area]];
      out[to + 3] = look.alpha === null || !look.alphaTable ? 255 : look.alphaTable[bytes[at + look.alpha * area]];
    }
  }
  if (overlay) blend(out, h, w, height, width, overlay);
  if (pictures.marks) stamp(out, pictures.marks.data, sample * area, h, w, width);
}

/**
 * @param {Uint8ClampedArray} out
 * @param {number} h @param {number} w what is painted
 * @param {number} height @param {number} width of the plane that the mask covers
 * @param {{ masks: import("./types.js").Masks, sample: number, opacity: number }} overlay
 */
function blend(out, h, w, height, width, { masks, sample, opacity }) {
  const [, rows, columns] = masks.classes.shape;
  for (let row = 0, to = 0; row < h; row++) {
    const line = (sample * rows + Math.floor((row * rows) / height)) * columns;
    for (let column = 0; column < w; column++, to += 4) {
      const index = masks.classes.data[line + Math.floor((column * columns) / width)];
      if (index === 255) continue;
      const colour = classColour(index);
      for (let part = 0; part < 3; part++) out[to + part] += (colour[part] - out[to + part]) * opacity;
      out[to + 3] = Math.max(out[to + 3], 255 * opacity);
    }
  }
}

/** A chequer of magenta and black marks what is no number.
 * @param {Uint8ClampedArray} out
 * @param {import("./types.js").Numbers} marks
 * @param {number} start
 * @param {number} h @param {number} w @param {number} width
 */
function stamp(out, marks, start, h, w, width) {
  for (let row = 0, to = 0; row < h; row++) {
    for (let column = 0; column < w; column++, to += 4) {
      const mark = marks[start + row * width + column];
      if (!mark) continue;
      const dark = (row + column) % 2 === 1;
      const colour = MARKS[mark - 1] ?? MARKS[0];
      for (let part = 0; part < 3; part++) out[to + part] = dark ? colour[part] * 0.55 : colour[part];
      out[to + 3] = 255;
    }
  }
}
