// Cells of the probe batch: the sample in small, and what the network makes of it at the scrubber.

import { attribute, fill, h, say } from "../dom.js";
import { brief, shorten, tooltip } from "../numbers.js";
import { bars } from "./bars.js";
import { MEANINGS, columnOf, guessText, hasClasses, probabilities, rowOf, targetColumns, targetText, valuesOf } from "./measures.js";
import { thumbOf } from "./thumb.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").ProbeRecord} ProbeRecord */
/** @typedef {import("./types.js").Reading} Reading */
/** @typedef {{ thumb: HTMLElement, chart: HTMLCanvasElement, lines: HTMLElement[], sample: number, batch: object | null }} Parts */

const SIDE = 56;
const BARS = 26;
const LINE = 16;

/** The verdict on a sample, as a sign and a word.
 * @param {Reading} reading @param {number} sample
 */
export function verdictOf(reading, sample) {
  const right = reading.correct.data[sample];
  if (right === 1) return { icon: "✓", word: "right", tone: "ok" };
  return right === 0 ? { icon: "✕", word: "wrong", tone: "bad" } : { icon: "", word: "", tone: "" };
}

/** The measure that cells show: what they are sorted by.
 * @param {State} state @param {Reading} reading @param {number} sample
 */
function measureText({ sort }, reading, sample) {
  const key = sort === "index" ? (reading.guesses.shape.length === 1 ? "flips" : "loss") : sort;
  const value = valuesOf(reading, key)?.[sample] ?? NaN;
  // Shares are told to three decimals, for that is what a cell has room for.
  const told = key === "margin" || key === "jitter" ? Number(Math.abs(value) < 1e-3 ? value.toPrecision(1) : value.toFixed(3)) : value;
  return `${key} ${brief(told)}`;
}

/** What a sample is and what is made of it, in words.
 * @param {State} state @param {ProbeRecord} probe @param {Reading} reading @param {number} sample
 */
export function nameOf({ sort }, probe, reading, sample) {
  const target = targetText(probe, sample);
  const guess = guessText(probe, reading, sample);
  const { word } = verdictOf(reading, sample);
  const key = sort === "index" || sort === "loss" ? null : sort;
  const more = [`loss ${brief(reading.losses.data[sample])}`, reading.guesses.shape.length === 1 && `flips ${reading.flips.data[sample]}`, key && key !== "flips" && `${key} ${brief(valuesOf(reading, key)?.[sample] ?? NaN)}`];
  return [`sample ${sample}`, target && `target ${shorten(target, 60)}`, guess && `predicts ${shorten(guess, 60)}${word ? ` (${word})` : ""}`, ...more].filter(Boolean).join(", ");
}

/** The bars of one sample: probabilities; for numbers where the prediction lies; else the loss.
 * @param {ProbeRecord} probe @param {Reading} reading @param {number} sample @param {number} most greatest loss of all
 * @returns {import("./bars.js").Bar[]}
 */
export function barsOf(probe, reading, sample, most) {
  if (!hasClasses(probe)) return [{ value: reading.losses.data[sample] / (most || 1), colour: "--nb-bars" }];
  const targets = targetColumns(probe, sample);
  const shares = probabilities(probe, reading, sample);
  const guess = probe.task === "classification" ? columnOf(probe, reading.guesses.data[sample]) : -1;
  return Array.from(shares, (value, c) => {
    if (targets.includes(c)) return { value, colour: "--nb-ok", sign: "target" };
    const guessed = probe.task === "classification" ? c === guess : value > 0.5;
    return guessed && probe.targets ? { value, colour: "--nb-bad", sign: "wrong" } : { value, colour: "--nd-quiet" };
  });
}

/**
 * @param {State} state
 * @param {ProbeRecord} probe
 * @param {Reading} reading
 * @param {WeakMap<HTMLElement, Parts>} built what each cell holds, kept from drawing to drawing
 * @returns {import("../grid.js").Kind}
 */
export function sampleCells(state, probe, reading, built) {
  const thumb = thumbOf(probe.batch, SIDE);
  const width = Math.max(thumb.width, 88) + 14;
  const most = Array.from(reading.losses.data).reduce((a, b) => (b > a ? b : a), 0);
  const numbers = probe.task === "regression";
  const key = state.sort === "index" ? "flips" : state.sort;

  /** @param {HTMLElement} cell @returns {Parts} */
  function build(cell) {
    const parts = { thumb: thumb.build(), chart: h("canvas", { class: "nd-cellbars", "aria-hidden": true }), lines: [h("span"), h("span"), h("span")], sample: -1, batch: probe.batch };
    fill(cell, h("span", { class: "nd-thumbplace" }, parts.thumb), parts.chart, h("span", { class: "nb-line" }, parts.lines[0], parts.lines[1]), h("span", { class: "nb-line" }, parts.lines[2]));
    built.set(cell, parts);
    return parts;
  }

  return {
    cellWidth: width,
    cellHeight: thumb.height + BARS + 2 * LINE + 14,
    gap: 4,
    single: false,
    name: (sample) => nameOf(state, probe, reading, sample),
    draw(cell, sample) {
      const found = built.get(cell);
      const parts = found?.batch === probe.batch ? found : build(cell);
      if (parts.sample !== sample) thumb.draw(parts.thumb, sample);
      parts.sample = sample;
      bars(parts.chart, width - 12, BARS, barsOf(probe, reading, sample, most));
      const { icon, tone } = verdictOf(reading, sample);
      const [target, guess, measure] = parts.lines;
      const aim = numbers && probe.targets ? [...rowOf(probe.targets, sample)].map(brief).join(" ") : targetText(probe, sample);
      say(target, shorten(aim, 40));
      attribute(target, "title", aim ? tooltip(`target ${aim}`) : null);
      const said = guessText(probe, reading, sample);
      const differs = icon !== "✓" && said !== "";
      say(guess, differs ? `${icon || "→"} ${shorten(said, 40)}` : "");
      attribute(guess, "data-tone", differs ? tone || null : null);
      attribute(guess, "title", said ? tooltip(`predicts ${said}`) : null);
      say(measure, measureText(state, reading, sample));
      attribute(measure, "title", MEANINGS[key]);
      attribute(measure, "class", key === "flips" && reading.flips.data[sample] >= 3 ? "nd-much" : "");
    },
    probe: (sample) => nameOf(state, probe, reading, sample),
  };
}
