// Simple models beside the network, and what more data would bring.

import { h } from "../dom.js";
import { brief, count, plural, share, shorten } from "../numbers.js";
import { curveElement } from "./curve.js";
import { between, createResult, notesOf, tableOf, verdict } from "./result.js";

/** Verdicts that call for something to be done. */
const BAD = new Set(["nothing to learn", "network below constant", "network below simple"]);

/** A score as its metric is said. @param {string} metric @param {number | null} value */
export const scoreText = (metric, value) => (value === null || Number.isNaN(value) ? "–" : metric === "accuracy" ? share(value, 1) : brief(value));

/** A bar of a score with its interval. @param {string} metric @param {any} score @param {number} most */
function scoreBar(metric, { value, low, high, name }, most) {
  const bar = h("span", { class: "ne-scorebar", title: `${name}: ${scoreText(metric, value)}, 95 % between ${scoreText(metric, low)} and ${scoreText(metric, high)}` }, h("span", { class: "ne-part" }), h("span", { class: "ne-interval" }));
  const [part, interval] = /** @type {HTMLElement[]} */ ([...bar.children]);
  const place = (/** @type {number | null} */ at) => Math.min(Math.max(at ?? 0, 0) / (most || 1), 1) * 100;
  part.style.width = `${place(value)}%`;
  interval.style.left = `${place(low)}%`;
  interval.style.width = `${Math.max(place(high) - place(low), 0.5)}%`;
  return bar;
}

/**
 * @param {import("./types.js").Kit} kit
 * @returns {import("./types.js").View}
 */
export function createBaselines(kit) {
  const table = createResult(kit, {
    key: "baselines",
    text: "Is there anything to learn? Models that take seconds, judged on samples that they were not fitted on, beside the network.",
    verb: "Fit simple models",
    draw({ metric = "", unit = "", scores = [], sentence, verdict: kind, notes, samples, folds }) {
      const most = Math.max(...scores.map((/** @type {any} */ one) => one.high ?? one.value ?? 0), metric === "accuracy" ? 1 : 0);
      const errors = scores.some((/** @type {any} */ one) => one.error !== null && one.error !== undefined);
      const rows = scores.map((/** @type {any} */ one, /** @type {number} */ i) => [
        h("span", { class: i === scores.length - 1 && /network/i.test(one.name) ? "ne-strong" : null, title: one.note || null }, shorten(one.name, 40)),
        scoreText(metric, one.value),
        h("span", { class: "ne-soft" }, one.low === null ? "" : between(scoreText(metric, one.low), scoreText(metric, one.high))),
        ...(errors ? [one.error === null ? "–" : `${brief(one.error)}${unit ? ` ${unit}` : ""}`] : []),
        one.value === null ? shorten(one.note ?? "", 60) : scoreBar(metric, one, most),
      ]);
      return [
        verdict(sentence, BAD.has(kind) ? "warn" : undefined),
        tableOf("Baselines", ["model", metric, "95 %", ...(errors ? ["mean error"] : []), "size"], rows),
        samples !== undefined && h("p", { class: "ne-soft" }, `${plural(samples, "sample")}${folds ? `, ${folds} folds` : ""}`),
        notesOf(notes),
      ];
    },
  });
  const curve = createResult(kit, {
    key: "curve",
    text: "Would more data help? One model, fitted on more and more of the data.",
    verb: "Draw the learning curve",
    draw: (payload) => [verdict(payload.sentence), curveElement(payload), h("p", { class: "ne-soft" }, `${shorten(payload.model ?? "", 60)}; ${count(payload.samples ?? 0)} samples`), notesOf(payload.notes)],
  });
  const element = h("section", { class: "ne-two" }, table.element, curve.element);
  return {
    element,
    update(state) {
      table.update(state);
      curve.update(state);
    },
  };
}
