// One sample through time: its probabilities, its loss, when its likeliest class changed.

import { attribute, changed, fill, h, say } from "../dom.js";
import { button } from "../forward/controls.js";
import { brief, count, shorten } from "../numbers.js";
import { verdictOf } from "./cells.js";
import { rightShare } from "./masks.js";
import { MEANINGS, columnName, columnOf, guessText, hasClasses, probabilities, rowOf, targetColumns, targetText } from "./measures.js";
import { createPlot } from "./plot.js";
import { thumbOf } from "./thumb.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Reading} Reading */
/** @typedef {import("./types.js").ProbeRecord} ProbeRecord */
/** @typedef {import("./plot.js").Line} Line */

const MOST = 6;

/**
 * @param {import("./types.js").Store} store
 * @param {import("./around.js").Around} around
 * @param {() => void} leave puts the focus back where the sample was chosen
 * @returns {import("./types.js").View}
 */
export function createTrajectory(store, around, leave) {
  const title = h("span", { class: "nd-charttitle" });
  const close = button("✕", shut, { class: "nd-small", "aria-label": "Close this sample" });
  const place = h("span", { class: "nd-thumbplace" });
  const facts = h("dl", { class: "nd-facts" });
  const [main, loss] = [createPlot("Prediction", 138, around), createPlot("Loss of the sample", 92, around)];
  const element = h("section", { class: "nd-sample", "aria-label": "The sample chosen, through time", hidden: true }, h("div", { class: "nd-samplehead" }, title, close), h("div", { class: "nd-samplebody" }, h("div", { class: "nd-sampleside" }, place, facts), h("div", { class: "nd-sampleplots" }, main.element, loss.element)));
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    shut();
    event.stopPropagation();
  });

  function shut() {
    store.set({ sample: null });
    leave();
  }

  /** @type {State | null} */
  let before = null;
  return {
    element,
    update(state) {
      const probe = state.record?.probes[state.probe];
      const { sample, reading, readings } = state;
      element.hidden = sample === null || !probe || !reading;
      if (sample === null || !probe || !reading) {
        before = state;
        return;
      }
      const other = changed(before, state, ["sample", "probe"]);
      if (other) showSample(probe, sample);
      if (other || changed(before, state, ["reading"])) showFacts(probe, reading, sample);
      if (other || changed(before, state, ["readings"])) showLines(probe, readings, sample);
      before = state;
    },
    destroy() {
      main.destroy();
      loss.destroy();
    },
  };

  /** @param {ProbeRecord} probe @param {number} sample */
  function showSample(probe, sample) {
    const target = targetText(probe, sample);
    say(title, `Sample ${sample}${target ? `, target ${shorten(target, 60)}` : ""}`);
    const thumb = thumbOf(probe.batch, 84);
    const made = thumb.build();
    fill(place, made);
    thumb.draw(made, sample);
  }

  /** @param {ProbeRecord} probe @param {Reading} reading @param {number} sample */
  function showFacts(probe, reading, sample) {
    const { icon, tone } = verdictOf(reading, sample);
    const guess = guessText(probe, reading, sample);
    const guessed = reading.guesses.shape.length === 1;
    /** @type {[string, string, string][]} */
    const all = [["step", count(reading.step), ""], ["predicts", guess && `${icon} ${shorten(guess, 40)}`.trim(), "the likeliest class"], ["loss", figureOf(reading.losses, sample), MEANINGS.loss], ["confidence", figureOf(reading.confidence, sample), "probability of the likeliest class"], ["margin", figureOf(reading.margin, sample), MEANINGS.margin], ["jitter", figureOf(reading.jitter, sample), MEANINGS.jitter], ["flips", guessed ? figureOf(reading.flips, sample) : "", MEANINGS.flips], ["forgotten", guessed ? figureOf(reading.forgotten, sample) : "", MEANINGS.forgotten]];
    fill(facts, ...all.filter(([, value]) => value !== "").flatMap(([name, value, hint]) => [h("dt", { title: hint || null }, name), h("dd", { "data-tone": name === "predicts" ? tone || null : null }, value)]));
  }

  /** @param {ProbeRecord} probe @param {Reading[]} readings @param {number} sample */
  function showLines(probe, readings, sample) {
    const x = Float64Array.from(readings, (one) => one.step);
    const { lines, words } = linesOf(probe, readings, sample);
    main.element.hidden = lines.length === 0;
    say(/** @type {Element} */ (main.caption.firstElementChild), words);
    const flips = readings.filter((one, t) => t > 0 && one.flips.data[sample] > readings[t - 1].flips.data[sample]).map((one) => one.step);
    attribute(main.element, "title", flips.length ? "▴ the likeliest class changed" : null);
    if (lines.length) main.show({ x, lines, log: false, zero: hasClasses(probe), broken: [], flips });
    const losses = readings.map(({ losses: own }) => (Number.isFinite(own.data[sample]) ? own.data[sample] : null));
    loss.element.hidden = losses.every((value) => value === null);
    if (!loss.element.hidden) loss.show({ x, lines: [{ name: "", row: losses, colour: 0 }], log: false, zero: true, broken: [] });
  }
}

/** @param {import("./types.js").NdArray} array @param {number} sample */
const figureOf = ({ data }, sample) => (Number.isNaN(data[sample]) || data[sample] === undefined ? "" : brief(data[sample]));

/** What of the prediction is drawn over the steps.
 * @param {ProbeRecord} probe @param {Reading[]} readings @param {number} sample
 * @returns {{ words: string, lines: Line[] }}
 */
export function linesOf(probe, readings, sample) {
  if (hasClasses(probe)) return { words: "Probability of its classes", lines: classLines(probe, readings, sample) };
  if (probe.task === "regression") return { words: "Prediction and target", lines: numberLines(probe, readings, sample) };
  if (probe.task === "segmentation") {
    const row = readings.map((one) => rightShare(probe, one, sample)).map((share) => (Number.isNaN(share) ? null : share));
    return { words: "Share of right pixels", lines: row.every((share) => share === null) ? [] : [{ name: "", row, colour: 2 }] };
  }
  return { words: "", lines: [] };
}

/** The target's classes, those that were ever guessed, then the likeliest of the others.
 * @param {ProbeRecord} probe @param {Reading[]} readings @param {number} sample
 */
function classLines(probe, readings, sample) {
  const shares = readings.map((one) => probabilities(probe, one, sample));
  const columns = shares[0]?.length ?? 0;
  const targets = targetColumns(probe, sample);
  const guessed = new Set(readings.map((one) => columnOf(probe, one.guesses.data[sample])));
  const most = Array.from({ length: columns }, (_, c) => shares.reduce((best, row) => Math.max(best, row[c]), 0));
  const rank = (/** @type {number} */ c) => (targets.includes(c) ? 2 : guessed.has(c) ? 1 : 0);
  const chosen = most.map((_, c) => c).sort((a, b) => rank(b) - rank(a) || most[b] - most[a]).slice(0, MOST);
  return chosen.map((c, i) => ({
    name: `${columnName(probe, c)}${targets.includes(c) ? " (target)" : ""}`,
    row: shares.map((row) => (Number.isFinite(row[c]) ? row[c] : null)),
    colour: targets.includes(c) ? 2 : [0, 1, 3, 4, 5, 6, 7][i % 7],
    dash: targets.includes(c) ? undefined : [[6, 3], [2, 3], [8, 3, 2, 3]][i % 3],
  }));
}

/** @param {ProbeRecord} probe @param {Reading[]} readings @param {number} sample @returns {Line[]} */
function numberLines(probe, readings, sample) {
  const targets = probe.targets ? rowOf(probe.targets, sample) : null;
  const columns = Math.min(readings[0]?.values.shape[1] ?? 0, 3);
  return Array.from({ length: columns }, (_, c) => c).flatMap((c) => {
    const name = probe.classes[c] ?? (columns > 1 ? String(c) : "prediction");
    const own = { name, colour: c, row: readings.map((one) => rowOf(one.values, sample)[c]).map((value) => (Number.isFinite(value) ? value : null)) };
    return targets ? [own, { name: `target${columns > 1 ? ` ${name}` : ""}`, colour: c, dash: [4, 4], row: readings.map(() => targets[c]) }] : [own];
  });
}
