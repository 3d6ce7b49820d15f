// Traces as the rows of one chart: a common axis of steps, smoothed, with gaps where there was no number.

/** @typedef {import("./types.js").Trace} Trace */
/** @typedef {(number | null | undefined)[]} Row null is a gap, undefined no point of this line */

/**
 * The running mean, corrected for its start; what is no number is left out and stays none.
 * @param {ArrayLike<number>} values
 * @param {number} weight of the past, 0 … 0.99
 * @returns {Float64Array}
 */
export function smooth(values, weight) {
  const out = Float64Array.from(values);
  if (!weight) return out;
  let [mean, share] = [0, 0];
  for (let i = 0; i < out.length; i++) {
    if (!Number.isFinite(out[i])) continue;
    mean = weight * mean + (1 - weight) * out[i];
    share = weight * share + (1 - weight);
    out[i] = mean / share;
  }
  return out;
}

/**
 * All steps of some traces, ascending, each once.
 * @param {{ step: { data: ArrayLike<number> } }[]} traces
 * @returns {Float64Array}
 */
export function steps(traces) {
  const first = traces[0]?.step.data;
  if (first && traces.every((trace) => alike(trace.step.data, first))) return Float64Array.from(first);
  const all = new Float64Array(traces.reduce((sum, trace) => sum + trace.step.data.length, 0));
  let end = 0;
  for (const trace of traces) {
    all.set(/** @type {ArrayLike<number>} */ (trace.step.data), end);
    end += trace.step.data.length;
  }
  all.sort();
  return all.filter((step, i) => i === 0 || step !== all[i - 1]);
}

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
function alike(a, b) {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/**
 * Values laid on a common axis.
 * @param {Float64Array} x
 * @param {ArrayLike<number>} at the steps of the values, all of them in x
 * @param {ArrayLike<number>} values
 * @param {boolean} log whether only what is above 0 can be drawn
 * @returns {Row}
 */
export function place(x, at, values, log) {
  /** @type {Row} */
  const row = new Array(x.length).fill(undefined);
  for (let i = 0, j = 0; i < at.length; i++) {
    while (j < x.length && x[j] < at[i]) j++;
    if (j < x.length) row[j] = Number.isFinite(values[i]) && (!log || values[i] > 0) ? values[i] : null;
  }
  return row;
}

/** A trace whose last value holds until a step.
 * @param {Trace} trace @param {number} until
 * @returns {Trace}
 */
export function held(trace, until) {
  const { step, low, mean, high, broken } = trace;
  const longer = (/** @type {any} */ array, /** @type {number} */ value) => ({ shape: [array.data.length + 1], data: [...array.data, value] });
  const last = step.data.length - 1;
  if (last < 0 || step.data[last] >= until) return trace;
  return /** @type {any} */ ({ ...trace, step: longer(step, until), low: longer(low, low.data[last]), mean: longer(mean, mean.data[last]), high: longer(high, high.data[last]), broken: longer(broken, 0) });
}

/** Whether a point of a trace stands for more than one value.
 * @param {Trace} trace
 */
export function isThinned({ low, high }) {
  for (let i = 0; i < low.data.length; i++) if (high.data[i] > low.data[i]) return true;
  return false;
}

/**
 * Stretches of steps in which values were NaN or infinite.
 * @param {Trace} trace
 * @returns {[number, number][]}
 */
export function brokenStretches({ step, broken }) {
  /** @type {[number, number][]} */
  const found = [];
  for (let i = 0; i < broken.data.length; i++) {
    if (!broken.data[i]) continue;
    const before = found.at(-1);
    if (before && i > 0 && broken.data[i - 1]) before[1] = step.data[i];
    else found.push([step.data[i], step.data[i]]);
  }
  return found;
}

/**
 * From where to where an axis of values goes.
 * @param {number | null} low least value in sight
 * @param {number | null} high
 * @param {{ log: boolean, zero?: boolean }} how
 * @returns {[number, number]}
 */
export function reach(low, high, { log, zero = false }) {
  if (low === null || high === null || !Number.isFinite(low) || !Number.isFinite(high)) return log ? [0.1, 1] : [0, 1];
  if (log) return [toDigit(low * 0.95, Math.floor), toDigit(high * 1.05, Math.ceil)];
  const from = zero ? Math.min(low, 0) : low;
  const width = high - from || Math.abs(high) || 1;
  return [zero && from === 0 ? 0 : from - 0.06 * width, high + 0.06 * width];
}

/**
 * Of the places of a logarithmic axis those that have room for a line and a number: powers of ten, evenly many of them;
 * between two of them 2 and 5 as well, or all. The others are null.
 * @param {number[]} splits
 * @param {number} room so many numbers
 * @returns {(number | null)[]}
 */
export function logTicks(splits, room) {
  const power = (/** @type {number} */ value) => Math.round(Math.log10(value));
  const first = (/** @type {number} */ value) => Math.round(value / 10 ** Math.floor(Math.log10(value) + 1e-6));
  const whole = splits.filter((split) => first(split) === 1).length;
  if (whole < 2) return splits.map((split) => (splits.length <= room || [1, 2, 5].includes(first(split)) ? split : null));
  const every = Math.ceil(whole / Math.max(room, 2));
  return splits.map((split) => (first(split) === 1 && power(split) % every === 0 ? split : null));
}

/** To one significant digit.
 * @param {number} value @param {(value: number) => number} round
 */
function toDigit(value, round) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-30)));
  return Math.max(round(value / power), 1) * power;
}
