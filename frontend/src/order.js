// Which samples are shown, and in which order.

/** @typedef {import("./types.js").DecodedBatch} DecodedBatch */
/** @typedef {import("./types.js").Labels} Labels */
/** @typedef {import("./types.js").TensorRecord} TensorRecord */

/**
 * Whether a sample's text counts under a class: the text itself, one of several labels, or the class of a soft label.
 * @param {Labels} labels
 * @param {number} sample
 * @param {string} name
 */
export function carries(labels, sample, name) {
  const text = labels.text[sample] ?? "";
  if (text === name) return true;
  if (labels.kind === "multilabel") return text.split(", ").includes(name);
  return labels.kind === "soft" && text.startsWith(`${name} `);
}

/**
 * Classes with the number of samples that carry each; those that none carries are left out.
 * @param {Labels | null} labels
 * @returns {{ name: string, count: number }[]}
 */
export function classCounts(labels) {
  if (!labels) return [];
  const samples = labels.text.map((_, sample) => sample);
  return labels.classes
    .map((name) => ({ name, count: samples.filter((sample) => carries(labels, sample, name)).length }))
    .filter((entry) => entry.count > 0);
}

/**
 * The record of a tensor by the name that a decoder gave it.
 * @param {DecodedBatch} batch
 * @param {string} name
 * @returns {TensorRecord | null}
 */
export function tensorOf(batch, name) {
  return batch.batch.tensors.find((tensor) => tensor.facts.name === name) ?? null;
}

/**
 * Numbers to sort by, or null where there are none.
 * @param {DecodedBatch} batch
 * @param {import("./types.js").SortKey} key
 * @param {string} name of the tensor looked at
 * @returns {ArrayLike<number> | null}
 */
export function sortValues(batch, key, name) {
  if (key === "label") return batch.labels?.values.data ?? null;
  if (key === "loss") return batch.losses?.data ?? null;
  if (key === "mean") return tensorOf(batch, name)?.samples?.mean.data ?? null;
  return null;
}

/**
 * Positions in the batch after filtering and sorting; equal values keep their order, NaN comes last either way.
 * @param {DecodedBatch} batch
 * @param {{ sort: import("./types.js").SortKey, descending: boolean, label: string, only: { samples: number[] } | null }} wanted
 * @param {string} name of the tensor looked at
 * @returns {number[]}
 */
export function arrange(batch, wanted, name) {
  const { labels } = batch;
  let samples = Array.from({ length: batch.batch.size }, (_, sample) => sample);
  if (wanted.only) {
    const chosen = new Set(wanted.only.samples);
    samples = samples.filter((sample) => chosen.has(sample));
  }
  if (wanted.label && labels) samples = samples.filter((sample) => carries(labels, sample, wanted.label));
  const sign = wanted.descending ? -1 : 1;
  const values = sortValues(batch, wanted.sort, name);
  if (!values) return wanted.descending ? samples.reverse() : samples;
  return samples.sort((a, b) => {
    const [x, y] = [values[a] ?? NaN, values[b] ?? NaN];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || a - b;
    return sign * (x - y) || a - b;
  });
}
