// What the network puts out, beside its targets, and errors in the units of the problem.

import { h } from "../dom.js";
import { brief, count, shorten } from "../numbers.js";
import { createNumberBars } from "./bars.js";
import { createClassBars } from "./classbars.js";
import { numbersOf } from "./numbers.js";
import { createResult, notesOf, tableOf, verdict } from "./result.js";

/** One target's outputs. @param {any} one */
function histogramOf({ kind, name, words, edges, targets, outputs, sentence, advice }) {
  const [aims, own] = [numbersOf(targets), numbersOf(outputs)];
  const bars = kind === "number" ? createNumberBars(null) : createClassBars(() => undefined);
  if ("draw" in bars) bars.show({ name, edges: numbersOf(edges), all: aims, shown: aims, other: own, range: null, legend: "blue: targets · dashed: outputs" });
  else bars.show(Array.from(/** @type {string[]} */ (words), (word, i) => ({ word, whole: aims[i], part: aims[i], other: own[i] })), { chosen: [], pressable: false, note: "bars: targets; mark: outputs", name: (bar) => `${bar.word}: ${count(bar.whole)} targets, ${count(bar.other ?? 0)} outputs` });
  return [h("h4", {}, shorten(name, 60)), verdict(sentence), h("div", { class: "ne-full" }, bars.element), notesOf(advice)];
}

/**
 * @param {import("./types.js").Kit} kit
 * @returns {import("./types.js").View}
 */
export const createOutputs = (kit) => createResult(kit, {
  key: "outputs",
  text: "How often the network puts out what, beside how often that is right.",
  verb: "Compare",
  reason: ({ dataset }) => (dataset?.predicted ? "" : "press Predict first"),
  draw({ histograms = [], errors = [] }) {
    const rows = errors.map((/** @type {any} */ one) => [shorten(one.name, 40), ...[one.rmse, one.mae, one.bias, one.spread].map((value) => (value === null ? "–" : `${brief(value)}${one.unit ? ` ${one.unit}` : ""}`))]);
    return [...errors.map((/** @type {any} */ one) => verdict(one.sentence)), rows.length > 0 && tableOf("Errors", ["of", "root mean square", "mean", "bias", "spread of the targets"], rows), ...histograms.flatMap(histogramOf)];
  },
});
