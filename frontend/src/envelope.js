// Places of series in a drawing.

/** @typedef {import("./types.js").Series} Series */

/**
 * The least and greatest finite value of the channels of all samples, or of one.
 * @param {Series} series
 * @param {number | null} channel
 * @param {number | null} [sample]
 */
export function span(series, channel, sample = null) {
  const [samples, channels, points] = series.low.shape;
  let [low, high] = [Infinity, -Infinity];
  for (let n = sample ?? 0; n < (sample === null ? samples : sample + 1); n++) {
    for (let c = channel ?? 0; c < (channel === null ? channels : channel + 1); c++) {
      const start = (n * channels + c) * points;
      for (let p = start; p < start + points; p++) {
        if (series.low.data[p] < low) low = series.low.data[p];
        if (series.high.data[p] > high) high = series.high.data[p];
      }
    }
  }
  if (low > high) return { low: 0, high: 1 };
  return low === high ? { low: low - 0.5, high: high + 0.5 } : { low, high };
}

/**
 * Runs of points without a gap, as [first, last + 1]; NaN makes a gap.
 * @param {ArrayLike<number>} values
 * @returns {[number, number][]}
 */
export function runs(values) {
  /** @type {[number, number][]} */
  const found = [];
  let start = -1;
  for (let i = 0; i <= values.length; i++) {
    const there = i < values.length && !Number.isNaN(values[i]);
    if (there && start < 0) start = i;
    if (!there && start >= 0) {
      found.push([start, i]);
      start = -1;
    }
  }
  return found;
}

/**
 * First and last step of the original that a point stands for.
 * @param {number} point
 * @param {number} points
 * @param {number} length
 */
export function stretch(point, points, length) {
  const first = Math.floor((point * length) / points);
  return { first, last: Math.max(first, Math.ceil(((point + 1) * length) / points) - 1) };
}
