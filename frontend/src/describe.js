// Words about samples and batches.

import { brief, count, plural, share, shape, shorten } from "./numbers.js";
import { tensorOf } from "./order.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").DecodedBatch} DecodedBatch */
/** @typedef {import("./types.js").Decoded} Decoded */

/** Everything that a batch decoded into, inputs first.
 * @param {DecodedBatch} batch
 */
export const items = (batch) => [...batch.inputs, ...batch.targets];

/** What is looked at now.
 * @param {State} state
 * @returns {Decoded | null}
 */
export const itemOf = (state) => (state.batch ? items(state.batch)[state.item] ?? null : null);

/** The same tensor of the batch to compare with, where it was decoded the same way.
 * @param {State} state
 * @returns {Decoded | null}
 */
export function earlierOf(state) {
  const item = itemOf(state);
  if (!state.compare || !state.previous || !item) return null;
  const found = items(state.previous).find((other) => other.name === item.name && other.decoder === item.decoder);
  return found && state.previous.batch.size === state.batch?.batch.size ? found : null;
}

/**
 * `✓`, `✕` or nothing, by what was predicted.
 * @param {DecodedBatch} batch
 * @param {number} sample
 * @returns {{ icon: string, word: string, tone: "ok" | "bad" | "" }}
 */
export function verdict(batch, sample) {
  const correct = batch.correct?.data[sample];
  if (correct === 1) return { icon: "✓ ", word: "right", tone: "ok" };
  if (correct === 0) return { icon: "✕ ", word: "wrong", tone: "bad" };
  return { icon: "", word: "", tone: "" };
}

/** @param {DecodedBatch} batch @param {number} sample @param {number} limit */
export const labelOf = (batch, sample, limit) => shorten(batch.labels?.text[sample] ?? "", limit);

/**
 * A text alternative for one sample.
 * @param {DecodedBatch} batch
 * @param {Decoded | null} item
 * @param {number} sample
 */
export function nameSample(batch, item, sample) {
  const parts = [`sample ${sample}`];
  const label = labelOf(batch, sample, 80);
  if (label) parts.push(`label ${label}`);
  const statistics = item ? tensorOf(batch, item.name)?.samples : null;
  if (statistics) {
    parts.push(`mean ${brief(statistics.mean.data[sample])}`, `std ${brief(statistics.std.data[sample])}`);
    if (statistics.nonfinite.data[sample]) parts.push(`${count(statistics.nonfinite.data[sample])} NaN or infinite`);
  }
  const predicted = batch.predictions?.text[sample];
  if (predicted !== undefined) {
    const { word } = verdict(batch, sample);
    parts.push(`predicted ${shorten(predicted, 80)}${word ? ` (${word})` : ""}`);
  }
  const loss = batch.losses?.data[sample];
  if (loss !== undefined) parts.push(`loss ${brief(loss)}`);
  return parts.join(", ");
}

/** The shape of one sample, with its own lengths in a ragged list.
 * @param {DecodedBatch} batch
 * @param {Decoded} item
 * @param {number} sample
 */
export function sampleShape(batch, item, sample) {
  const fed = tensorOf(batch, item.name)?.facts.shape ?? [];
  const along = Math.max(0, fed.indexOf(batch.batch.size)); // time may come first
  const lengths = fed.filter((_, axis) => axis !== along);
  if (!("sizes" in item) || !item.sizes) return lengths;
  const own = [item.sizes.data[2 * sample], item.sizes.data[2 * sample + 1]];
  return lengths.map((length) => (length === null ? own.shift() ?? null : length));
}

/**
 * Facts of one sample as pairs of name and figure.
 * @param {DecodedBatch} batch
 * @param {Decoded} item
 * @param {number} sample
 * @returns {[string, string][]}
 */
export function sampleFacts(batch, item, sample) {
  /** @type {[string, string][]} */
  const facts = [];
  const lengths = sampleShape(batch, item, sample);
  const statistics = tensorOf(batch, item.name)?.samples;
  if (lengths.length || statistics) facts.push(["shape", lengths.length ? shape(lengths) : "()"]);
  if (statistics) {
    const of = (/** @type {keyof typeof statistics} */ key) => statistics[key].data[sample];
    const size = lengths.reduce((/** @type {number} */ product, length) => product * (length ?? NaN), 1);
    facts.push(["mean", brief(of("mean"))], ["std", brief(of("std"))], ["range", `${brief(of("min"))} … ${brief(of("max"))}`]);
    facts.push(["zeros", Number.isNaN(size) ? count(of("zeros")) : share(of("zeros"), size)]);
    if (of("nonfinite")) facts.push(["NaN, ±Inf", count(of("nonfinite"))]);
  }
  const index = batch.batch.indices?.[sample];
  if (index !== undefined) facts.push(["index", count(index)]);
  return facts;
}

/** Where and how the batch was caught.
 * @param {import("./types.js").BatchRecord} batch
 */
export function provenance(batch) {
  const { module, how, step, split } = batch.origin;
  const door = `${module}.forward`;
  if (how === "probe") return `probe: a ${split === "train" ? "training" : "validation"} batch at ${door}`;
  if (how === "given") return `given batch at ${door}`;
  return `captured at ${door}${step === null ? "" : `, step ${count(step)}`}${split === "train" ? "" : ", validation"}`;
}

/** What the view waits for, in words; empty while it waits for nothing.
 * @param {State} state
 */
export function waitingFor({ status, pending }) {
  if (["busy", "waiting"].includes(status.state)) return status.text || "working …";
  /** @type {Record<string, string>} */
  const names = { next: "the next batch", again: "the same batch again", split: "the other split", predict: "predictions" };
  const asked = pending.map((method) => names[method] ?? method).join(", ");
  return asked && `asked for ${asked}; waiting for the kernel …`;
}

/** All findings of a batch that warn.
 * @param {DecodedBatch} batch
 */
export function warnings(batch) {
  const all = [...batch.batch.findings, ...batch.batch.tensors.flatMap((tensor) => tensor.findings)];
  return all.filter((finding) => finding.level === "warn").length;
}

/** @param {number} shown @param {number} all */
export const tally = (shown, all) => (shown === all ? plural(all, "sample") : `${count(shown)} of ${plural(all, "sample")}`);
