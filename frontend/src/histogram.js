// Counting values into given bins.

/**
 * Counts of finite values between edges; the last bin includes its upper edge.
 * @param {ArrayLike<number>} values
 * @param {ArrayLike<number>} edges ascending
 */
export function countInto(values, edges) {
  const bins = edges.length - 1;
  const counts = new Uint32Array(Math.max(bins, 0));
  const low = edges[0];
  const width = edges[bins] - low;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!(value >= low && value <= edges[bins])) continue;
    let bin = width > 0 ? Math.min(Math.floor(((value - low) / width) * bins), bins - 1) : 0;
    // The quotient may round across an edge.
    if (value < edges[bin]) bin--;
    else if (bin < bins - 1 && value >= edges[bin + 1]) bin++;
    counts[bin]++;
  }
  return counts;
}

/**
 * The least and greatest value that bins stand for. Bins of whole numbers have their edges half-way between them.
 * @param {number} low first edge
 * @param {number} high last edge
 * @returns {[number, number]}
 */
export function extent(low, high) {
  const whole = Math.abs(low % 1) === 0.5 && Math.abs(high % 1) === 0.5;
  return whole ? [low + 0.5, high - 0.5] : [low, high];
}

/**
 * The least and greatest value of a whole histogram, whose last bin may reach beyond the greatest value there is.
 * @param {ArrayLike<number>} edges
 * @param {number} most the greatest value; NaN where it is not known
 * @returns {[number, number]}
 */
export function ends(edges, most) {
  const last = edges.length - 1;
  const [low, high] = extent(edges[0], edges[last]);
  return [low, most >= edges[last - 1] && most < high ? most : high];
}

/**
 * One row of a (C, B) array.
 * @param {import("./types.js").NdArray} array
 * @param {number} row
 */
export function rowOf(array, row) {
  const width = array.shape[1];
  return array.data.subarray(row * width, (row + 1) * width);
}
