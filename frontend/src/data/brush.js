// A range of a histogram: from places in pixels to values, and back; numbers only.

/** @typedef {[number, number]} Range */

/** Where a value lies, in pixels. @param {number} value @param {Range} ends @param {number} width */
export const placeOf = (value, [low, high], width) => (high > low ? Math.min(Math.max((value - low) / (high - low), 0), 1) * width : 0);

/** The value at a place. @param {number} x @param {Range} ends @param {number} width */
export const valueAt = (x, [low, high], width) => low + (Math.min(Math.max(x, 0), width) / (width || 1)) * (high - low);

/** The bin that a place lies in. @param {number} x @param {number} bins @param {number} width */
export const binAt = (x, bins, width) => Math.min(Math.max(Math.floor((x / (width || 1)) * bins), 0), bins - 1);

/**
 * The edges that a drag from one place to another takes in: whole bins, at least one.
 * @param {number} from
 * @param {number} to
 * @param {ArrayLike<number>} edges
 * @param {number} width
 * @returns {Range}
 */
export function dragged(from, to, edges, width) {
  const bins = edges.length - 1;
  const [first, last] = [binAt(Math.min(from, to), bins, width), binAt(Math.max(from, to), bins, width)];
  return [edges[first], edges[last + 1]];
}

/**
 * A range after a key at one of its ends; null where the key means nothing.
 * @param {Range} range
 * @param {0 | 1} end
 * @param {string} key
 * @param {ArrayLike<number>} edges
 * @returns {Range | null}
 */
export function nudged(range, end, key, edges) {
  const last = edges.length - 1;
  const at = nearestEdge(range[end], edges);
  const other = nearestEdge(range[1 - end], edges);
  const [least, most] = end === 0 ? [0, other - 1] : [other + 1, last];
  const to = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, PageDown: at - 8, PageUp: at + 8, Home: least, End: most }[key];
  if (to === undefined) return null;
  const edge = edges[Math.min(Math.max(to, least), most)];
  return end === 0 ? [edge, range[1]] : [range[0], edge];
}

/** @param {number} value @param {ArrayLike<number>} edges */
export function nearestEdge(value, edges) {
  let best = 0;
  for (let i = 1; i < edges.length; i++) if (Math.abs(edges[i] - value) < Math.abs(edges[best] - value)) best = i;
  return best;
}
