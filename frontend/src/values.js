// What the numbers behind the drawing are: exact where they were sent, within a stated step where 8 bits stand for them.

import { MARK_NAMES } from "./colour.js";
import { decode, denormalise, extent } from "./look.js";
import { brief, figure } from "./numbers.js";
import { isSeries } from "./panes.js";

/** @typedef {import("./types.js").Pictures} Pictures */
/** @typedef {import("./types.js").NdArray} NdArray */
/** @typedef {import("./types.js").Decoded} Decoded */

/**
 * One sample's own pictures at full size, from values that were fetched; null where their shape cannot be told.
 * @param {Pictures} pictures
 * @param {number} sample
 * @param {NdArray} values of the sample's own shape
 * @returns {Pictures | null}
 */
export function sharpen(pictures, sample, values) {
  const channels = pictures.total_channels;
  const [h, w] = pictures.sizes
    ? [pictures.sizes.data[2 * sample], pictures.sizes.data[2 * sample + 1]]
    : pictures.size;
  if (values.data.length !== channels * h * w || pictures.channels.length !== channels) return null;
  const planar = channelsLast(values.shape) ? toPlanar(values.data, channels, h * w) : Float32Array.from(values.data);
  const marks = Uint8Array.from({ length: h * w }, (_, at) => markOf(planar, at, h * w));
  return {
    ...pictures,
    planes: { shape: [1, channels, h, w], data: quantise(planar, pictures, h * w) },
    exact: { shape: [1, channels, h, w], data: planar },
    marks: marks.some(Boolean) ? { shape: [1, h, w], data: marks } : null,
    size: [h, w],
    sizes: null,
  };
}

/** @param {number[]} shape of one sample */
const channelsLast = (shape) => shape.length === 3 && [1, 3, 4].includes(shape[2]) && ![1, 3, 4].includes(shape[0]);

/** @param {ArrayLike<number>} values @param {number} channels @param {number} area */
function toPlanar(values, channels, area) {
  return Float32Array.from({ length: channels * area }, (_, at) => values[(at % area) * channels + Math.floor(at / area)]);
}

/** @param {Float32Array} values @param {number} at @param {number} area */
function markOf(values, at, area) {
  for (let i = at; i < values.length; i += area) {
    if (Number.isNaN(values[i])) return 1;
    if (!Number.isFinite(values[i])) return values[i] > 0 ? 2 : 3;
  }
  return 0;
}

/**
 * @param {Float32Array} values planar
 * @param {Pictures} pictures
 * @param {number} area
 */
export function quantise(values, pictures, area) {
  return Uint8Array.from(values, (value, at) => {
    const channel = Math.floor(at / area);
    const low = pictures.low.data[channel];
    const scaled = ((value - low) * 255) / (pictures.high.data[channel] - low || 1);
    return Number.isNaN(scaled) ? 0 : Math.min(Math.max(Math.round(scaled), 0), 255);
  });
}

/**
 * @param {Pictures} pictures
 * @param {number} sample
 * @param {number} channel
 * @param {number} row @param {number} column of the plane
 * @returns {{ value: number, exact: boolean }}
 */
export function valueAt(pictures, sample, channel, row, column) {
  const [, channels, h, w] = pictures.planes.shape;
  const at = ((sample * channels + channel) * h + row) * w + column;
  if (pictures.exact) return { value: pictures.exact.data[at], exact: true };
  const mark = pictures.marks?.data[(sample * h + row) * w + column] ?? 0;
  if (mark && channels === 1) return { value: [NaN, Infinity, -Infinity][mark - 1], exact: true };
  return { value: decode(pictures, channel, pictures.planes.data[at]), exact: false };
}

/**
 * One line about the pixel under the pointer: place, values as fed, values before normalisation, marks.
 * @param {Pictures} pictures
 * @param {number} sample
 * @param {number} row @param {number} column of the plane
 * @param {number | null} only one channel alone
 */
export function describePixel(pictures, sample, row, column, only) {
  const { h, w } = extent(pictures, sample);
  if (row < 0 || column < 0 || row >= h || column >= w) return "padding of a ragged batch";
  const [, channels, height, width] = pictures.planes.shape;
  const reduced = height !== pictures.size[0] || width !== pictures.size[1];
  const place = reduced
    ? `around pixel (${Math.floor((row * pictures.size[0]) / height)}, ${Math.floor((column * pictures.size[1]) / width)})`
    : `pixel (${row}, ${column})`;
  const wanted = only !== null ? [only] : Array.from({ length: Math.min(channels, 4) }, (_, c) => c);
  const read = wanted.map((c) => ({ c, ...valueAt(pictures, sample, c, row, column) }));
  const loose = read.some((entry) => !entry.exact);
  /** @param {(entry: { c: number, value: number }) => number} of */
  const list = (of) => read.map((entry) => `${read.length > 1 ? `${pictures.channels[entry.c]} ` : ""}${figure(of(entry))}`).join("  ");
  const step = Math.max(...wanted.map((c) => (pictures.high.data[c] - pictures.low.data[c]) / 255));
  const fed = `${loose ? "≈ " : "= "}${list((entry) => entry.value)}${loose ? ` (steps of ${brief(step)})` : ""}`;
  const before = pictures.normalisation ? `  de-normalised ${list((entry) => denormalise(pictures, entry.c, entry.value))}` : "";
  const mark = MARK_NAMES[pictures.marks?.data[(sample * height + row) * width + column] ?? 0];
  return `${place} ${fed}${before}${mark ? `  ✕ ${mark}` : ""}`;
}

/**
 * The values of one sample, a row a channel or feature, for its histogram.
 * @param {Decoded} item
 * @param {number} sample
 * @param {NdArray | undefined} fetched
 * @returns {{ rows: ArrayLike<number>[], exact: boolean } | null}
 */
export function sampleRows(item, sample, fetched) {
  if (item.decoder === "table") {
    const features = item.values.shape[1];
    return { rows: item.features.map((_, f) => [item.values.data[sample * features + f]]), exact: true };
  }
  if (item.decoder === "text") return { rows: [slice(item.ids, sample)], exact: item.length === item.ids.shape[1] };
  if (isSeries(item)) {
    const [, channels, points] = item.low.shape;
    const own = slice(item.low, sample);
    return { rows: split(own, channels, points), exact: points === item.length };
  }
  const sharp = fetched ? sharpen(item, sample, fetched) : null;
  const pictures = sharp ?? item;
  const [, channels, h, w] = pictures.planes.shape;
  const area = h * w;
  if (pictures.exact) return { rows: split(slice(pictures.exact, sharp ? 0 : sample), channels, area), exact: true };
  const bytes = slice(pictures.planes, sample);
  return { rows: split(Float32Array.from(bytes, (byte, at) => decode(pictures, Math.floor(at / area), byte)), channels, area), exact: false };
}

/** @param {NdArray} array @param {number} sample */
function slice(array, sample) {
  const length = array.data.length / (array.shape[0] || 1);
  return array.data.subarray(sample * length, (sample + 1) * length);
}

/** @param {import("./types.js").Numbers} values @param {number} rows @param {number} length */
const split = (values, rows, length) => Array.from({ length: rows }, (_, row) => values.subarray(row * length, (row + 1) * length));
