// Axes: where a value lies, and which round numbers stand beside it.

import { brief } from "../numbers.js";

/** @typedef {{ low: number, high: number, log: boolean }} Domain */
/** @typedef {[number | null, number | null]} Band */

/** A band of expected values is shown whole unless that leaves the values themselves a sliver of the picture. */
const REACH = 20;

/**
 * The range of an axis: all finite values, and where they are expected.
 * @param {Iterable<number>} values
 * @param {Band} expected
 * @param {boolean} log
 * @param {boolean} [zero] whether the axis begins at zero
 * @returns {Domain}
 */
export function domainOf(values, expected, log, zero = false) {
  const own = [...values].filter((value) => Number.isFinite(value) && (!log || value > 0));
  const only = log && own.length === 0;
  let low = own.length ? Math.min(...own) : 0;
  let high = own.length ? Math.max(...own) : 1;
  if (only) return { low: 0.1, high: 1, log };
  const span = log ? Math.log10(high / low) || 1 : high - Math.min(low, zero ? 0 : low) || Math.abs(high) || 1;
  for (const bound of expected) {
    if (bound === null || (log && bound <= 0)) continue;
    const far = log ? Math.max(Math.log10(low / bound), Math.log10(bound / high)) > 8 : Math.max(low - bound, bound - high) > REACH * span;
    if (!far) [low, high] = [Math.min(low, bound), Math.max(high, bound)];
  }
  if (log) return low === high ? { low: low / 3, high: high * 3, log } : { low: low / 1.5, high: high * 1.05, log };
  if (zero || (low >= 0 && low < 0.4 * high)) low = Math.min(low, 0);
  if (zero) high = Math.max(high, 0);
  if (low === high) [low, high] = [low - (Math.abs(low) || 1) * 0.1, high + (Math.abs(high) || 1) * 0.1];
  const room = (high - low) * 0.04;
  return { low: low === 0 ? 0 : low - room, high: high === 0 ? 0 : high + room, log };
}

/**
 * From a value to its place, clamped to the axis.
 * @param {Domain} domain
 * @param {number} from place of the low end
 * @param {number} to place of the high end
 * @returns {(value: number) => number}
 */
export function placeIn({ low, high, log }, from, to) {
  const bend = log ? Math.log10 : (/** @type {number} */ value) => value;
  const [a, b] = [bend(low), bend(high)];
  return (value) => {
    const share = log && value <= 0 ? 0 : (bend(value) - a) / (b - a || 1);
    return from + Math.min(Math.max(share, 0), 1) * (to - from);
  };
}

/**
 * Round numbers along an axis; powers of ten where it is logarithmic and wide enough.
 * @param {Domain} domain
 * @param {number} wanted
 * @returns {number[]}
 */
export function ticksOf({ low, high, log }, wanted) {
  if (log && high / low >= 10) {
    const [from, to] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
    const every = Math.max(1, Math.ceil((to - from + 1) / wanted));
    return Array.from({ length: Math.max(0, Math.floor((to - from) / every) + 1) }, (_, i) => 10 ** (from + i * every));
  }
  const rough = (high - low) / Math.max(wanted, 1);
  const power = 10 ** Math.floor(Math.log10(rough || 1));
  const step = ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10) * power;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * step);
}

/** A round number as it stands beside an axis.
 * @param {number} value
 */
export const tickText = (value) => brief(value).replace(".0e", "e");

/** The band in words: `0.1 to 10`, `below 0.7`; empty where there is none.
 * @param {Band} expected
 */
export function bandText([low, high]) {
  if (low !== null && high !== null) return `${brief(low)} to ${brief(high)}`;
  if (high !== null) return `up to ${brief(high)}`;
  return low === null ? "" : `from ${brief(low)}`;
}

/**
 * The two ends of the band on an axis; null where there is none, or none of it in sight.
 * @param {Band} expected
 * @param {Domain} domain
 * @returns {[number, number] | null}
 */
export function bandIn([low, high], domain) {
  if (low === null && high === null) return null;
  const from = Math.max(low ?? domain.low, domain.low);
  const to = Math.min(high ?? domain.high, domain.high);
  return from <= to ? [from, to] : null;
}
