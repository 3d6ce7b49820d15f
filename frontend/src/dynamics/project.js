// From scores of many classes to two coordinates; numbers only.

/** @typedef {{ mean: Float64Array, axes: [Float64Array, Float64Array], share: [number, number] }} Basis */

const ROUNDS = 200;
const MOST_ROWS = 2000;

/**
 * The two directions of greatest variance, by power iteration; of more rows than 2,000 evenly chosen ones.
 * @param {ArrayLike<number>[]} rows all of one length; those with NaN are left out
 * @param {Basis | null} [before] turned so that it lies as an earlier one did
 * @returns {Basis | null} null where there is nothing that varies
 */
export function principal(rows, before = null) {
  const every = Math.max(1, Math.ceil(rows.length / MOST_ROWS));
  const kept = rows.filter((row, i) => i % every === 0 && Array.from(row).every(Number.isFinite));
  const width = kept[0]?.length ?? 0;
  if (width < 2 || kept.length < 3) return null;
  const mean = new Float64Array(width);
  for (const row of kept) for (let c = 0; c < width; c++) mean[c] += row[c] / kept.length;
  const centred = kept.map((row) => Float64Array.from(row, (value, c) => value - mean[c]));
  const total = centred.reduce((sum, row) => sum + dot(row, row), 0);
  if (!(total > 0)) return null;
  const first = direction(centred, []);
  const second = direction(centred, [first]);
  const axes = /** @type {[Float64Array, Float64Array]} */ ([first, second]);
  axes.forEach((axis, i) => turn(axis, before?.mean.length === width ? before.axes[i] : null));
  const share = /** @type {[number, number]} */ (axes.map((axis) => centred.reduce((sum, row) => sum + dot(row, axis) ** 2, 0) / total));
  return { mean, axes, share };
}

/** The direction of greatest variance that is at right angles to the others.
 * @param {Float64Array[]} rows @param {Float64Array[]} others
 */
function direction(rows, others) {
  const width = rows[0].length;
  // A start that no symmetry of the data is at right angles to.
  let axis = Float64Array.from({ length: width }, (_, c) => 1 + Math.sin(12.9898 * (c + 1)));
  clear(axis, others);
  for (let round = 0; round < ROUNDS; round++) {
    const next = new Float64Array(width);
    for (const row of rows) {
      const along = dot(row, axis);
      for (let c = 0; c < width; c++) next[c] += along * row[c];
    }
    clear(next, others);
    if (!normalise(next)) return axis;
    const moved = 1 - Math.abs(dot(next, axis));
    axis = next;
    if (round && moved < 1e-14) break;
  }
  return axis;
}

/** @param {Float64Array} axis @param {Float64Array[]} others */
function clear(axis, others) {
  for (const other of others) {
    const along = dot(axis, other);
    for (let c = 0; c < axis.length; c++) axis[c] -= along * other[c];
  }
  normalise(axis);
}

/** @param {Float64Array} axis */
function normalise(axis) {
  const length = Math.sqrt(dot(axis, axis));
  if (!(length > 1e-150)) return false;
  for (let c = 0; c < axis.length; c++) axis[c] /= length;
  return true;
}

/** Gives a direction its sign: that of the earlier one, else of its largest part.
 * @param {Float64Array} axis @param {Float64Array | null} before
 */
function turn(axis, before) {
  const largest = axis.reduce((best, value, c) => (Math.abs(value) > Math.abs(axis[best]) ? c : best), 0);
  if ((before ? dot(axis, before) : axis[largest]) < 0) for (let c = 0; c < axis.length; c++) axis[c] = -axis[c];
}

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/**
 * @param {Basis} basis
 * @param {ArrayLike<number>} row
 * @returns {[number, number]}
 */
export function project({ mean, axes }, row) {
  const centred = Float64Array.from(row, (value, c) => value - mean[c]);
  return [dot(centred, axes[0]), dot(centred, axes[1])];
}

/**
 * The place of three probabilities in a triangle with corners (0, 0), (1, 0) and (½, √¾).
 * @param {ArrayLike<number>} shares
 * @returns {[number, number]}
 */
export const ternary = (shares) => [shares[1] + shares[2] / 2, (Math.sqrt(3) / 2) * shares[2]];
