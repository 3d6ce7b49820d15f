// Numbers of readings: probabilities, order, what changed; no elements.

/** @typedef {import("./types.js").Reading} Reading */
/** @typedef {import("./types.js").ProbeRecord} ProbeRecord */
/** @typedef {import("./types.js").SortKey} SortKey */

/** What the page says of each measure, the same words everywhere.
 * @type {Record<SortKey, string>}
 */
export const MEANINGS = {
  index: "place in the probe batch",
  loss: "loss of the sample at this reading",
  flips: "flips: how often the likeliest class has differed from the one at the reading before",
  jitter: "jitter: how far the reading before strays from the straight line between its neighbours in time, 0 … 1; steady drift is no jitter",
  forgotten: "forgetting events: how often a right prediction has become wrong",
  margin: "margin: probability of the target less that of the likeliest other class, −1 … 1",
};

/**
 * Numbers of each sample to sort by, or null where the order is their own.
 * @param {Reading} reading
 * @param {SortKey} key
 * @returns {ArrayLike<number> | null}
 */
export function valuesOf(reading, key) {
  if (key === "index") return null;
  return reading[key === "loss" ? "losses" : key].data;
}

/**
 * Samples with the most noteworthy first: greatest first, of margins the least; equal ones in their own order, NaN last.
 * @param {Reading | null} reading
 * @param {SortKey} key
 * @returns {number[]}
 */
export function orderOf(reading, key) {
  const samples = Array.from({ length: reading?.losses.shape[0] ?? 0 }, (_, i) => i);
  const values = reading && valuesOf(reading, key);
  if (!values) return samples;
  const sign = key === "margin" ? 1 : -1;
  return samples.sort((a, b) => {
    const [x, y] = [values[a], values[b]];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || a - b;
    return sign * (x - y) || a - b;
  });
}

/**
 * Probabilities of the classes of one sample: softmax, or sigmoid where several may hold.
 * @param {ProbeRecord} probe
 * @param {Reading} reading
 * @param {number} sample
 * @returns {Float64Array} one for each column
 */
export function probabilities(probe, reading, sample) {
  const columns = reading.values.shape[1] ?? 0;
  const own = Float64Array.from(reading.values.data.subarray(sample * columns, (sample + 1) * columns));
  if (probe.task === "multilabel" || columns === 1) return own.map((value) => 1 / (1 + Math.exp(-value)));
  const most = own.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = own.map((value) => Math.exp(value - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  const shares = powers.map((value) => value / sum);
  return shares.map((value) => value * kept(probe, reading, sample, shares));
}

/** The share of all classes that those have which are columns; 1 where all are. It follows from the probability of one
 * of them: of the likeliest class, which is the confidence, or of the target, which is that and the margin.
 * @param {ProbeRecord} probe @param {Reading} reading @param {number} sample @param {Float64Array} shares
 */
function kept(probe, reading, sample, shares) {
  const confidence = reading.confidence.data[sample];
  const guess = columnOf(probe, reading.guesses.data[sample]);
  if (guess >= 0) return Number.isFinite(confidence) && shares[guess] > 0 ? Math.min(confidence / shares[guess], 1) : 1;
  const target = targetColumns(probe, sample)[0] ?? -1;
  const own = confidence + reading.margin.data[sample];
  return target >= 0 && Number.isFinite(own) && shares[target] > 0 ? Math.min(Math.max(own, 0) / shares[target], 1) : 1;
}

/** Whether values are logits of classes.
 * @param {ProbeRecord} probe
 */
export const hasClasses = ({ task }) => task === "classification" || task === "binary" || task === "multilabel";

/** The place among the columns of a class, −1 where it is not among them.
 * @param {ProbeRecord} probe
 * @param {number} index of the class
 */
export const columnOf = (probe, index) => probe.columns.data.indexOf(index);

/** The columns that a sample's target stands for.
 * @param {ProbeRecord} probe
 * @param {number} sample
 * @returns {number[]}
 */
export function targetColumns(probe, sample) {
  const { targets, task } = probe;
  if (!targets) return [];
  const width = targets.shape.length > 1 ? targets.shape.slice(1).reduce((a, b) => a * b, 1) : 1;
  if (task === "classification" || (task === "binary" && width === 1)) {
    const target = targets.data[sample];
    const column = columnOf(probe, target);
    // One output for two classes: its bar is the probability of the second.
    return probe.columns.data.length === 1 ? (target ? [0] : []) : column < 0 ? [] : [column];
  }
  const own = targets.data.subarray(sample * width, (sample + 1) * width);
  return [...own].flatMap((value, c) => (value > 0.5 ? [c] : []));
}

/** The name of a class.
 * @param {ProbeRecord} probe
 * @param {number} index
 */
export function className(probe, index) {
  if (probe.columns.data.length !== 1) return probe.classes[columnOf(probe, index)] ?? String(index);
  // One output for two classes: it may have the names of both, or of the second.
  if (probe.classes.length === 1) return index ? probe.classes[0] : `not ${probe.classes[0]}`;
  return probe.classes[index] ?? String(index);
}

/** The name of a column; that of one output for two classes is the second's.
 * @param {ProbeRecord} probe
 * @param {number} column
 */
export const columnName = (probe, column) => (probe.columns.data.length === 1 && probe.classes.length === 2 ? probe.classes[1] : probe.classes[column] ?? String(probe.columns.data[column] ?? column));

/** What was to come, in words: the label as it was decoded, else the class.
 * @param {ProbeRecord} probe
 * @param {number} sample
 */
export function targetText(probe, sample) {
  const text = probe.batch.labels?.text[sample];
  if (text !== undefined) return text;
  const target = probe.targets && probe.targets.shape.length === 1 ? probe.targets.data[sample] : null;
  return target === null ? "" : hasClasses(probe) ? className(probe, target) : String(target);
}

/** The likeliest class in words; empty where there is none.
 * @param {ProbeRecord} probe
 * @param {Reading} reading
 * @param {number} sample
 */
export function guessText(probe, reading, sample) {
  if (probe.task === "multilabel") {
    const on = [...probabilities(probe, reading, sample)].flatMap((p, c) => (p > 0.5 ? [columnName(probe, c)] : []));
    return on.length ? on.join(", ") : "none";
  }
  if (probe.task === "regression") return [...rowOf(reading.values, sample)].map((value) => String(Number(value.toPrecision(3)))).join(", ");
  if (reading.guesses.shape.length !== 1) return "";
  const guess = reading.guesses.data[sample];
  return guess < 0 ? "no number" : className(probe, guess);
}

/** One row of an (N, …) array.
 * @param {import("./types.js").NdArray} array
 * @param {number} row
 */
export function rowOf({ shape, data }, row) {
  const width = shape.slice(1).reduce((a, b) => a * b, 1);
  return data.subarray(row * width, (row + 1) * width);
}

/**
 * Samples by what became of them between two readings: changed guesses first, then the greatest change of the loss.
 * @param {Reading} from
 * @param {Reading} to
 * @returns {{ sample: number, changed: boolean, moved: number }[]}
 */
export function changes(from, to) {
  const found = Array.from({ length: Math.min(from.losses.shape[0], to.losses.shape[0]) }, (_, sample) => {
    const moved = to.losses.data[sample] - from.losses.data[sample];
    const [a, b] = [rowOf(from.guesses, sample), rowOf(to.guesses, sample)];
    return { sample, moved: Number.isNaN(moved) ? 0 : moved, changed: a.some((guess, i) => guess !== b[i]) };
  });
  return found.sort((a, b) => Number(b.changed) - Number(a.changed) || Math.abs(b.moved) - Math.abs(a.moved) || a.sample - b.sample);
}
