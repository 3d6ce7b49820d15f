// An error taken apart: what each part of it is due to, and what the largest asks for.

import { h } from "../dom.js";
import { brief, count, share, shorten } from "../numbers.js";
import { between, createResult, notesOf, tableOf, verdict } from "./result.js";

/** @param {string} metric @param {string} unit @param {number | null} value */
export const partText = (metric, unit, value) => (value === null ? "–" : metric === "error rate" ? share(value, 1).replace("<", "under ") : `${brief(value)}${unit ? ` ${unit}` : ""}`);

/** Signed shares: `share` knows none below 0. @param {string} metric @param {string} unit @param {number | null} value */
const signed = (metric, unit, value) => (value !== null && value < 0 ? `−${partText(metric, unit, -value)}` : partText(metric, unit, value));

/**
 * @param {import("./types.js").Kit} kit
 * @returns {import("./types.js").View}
 */
export const createDecomposition = (kit) => createResult(kit, {
  key: "decomposition",
  method: "decompose",
  text: "What the error is due to: what a person errs on, what training has not learnt, what does not carry over, what differs between the sets.",
  verb: "Take the error apart",
  draw({ metric = "", unit = "", levels = [], parts = [], largest, sentence, notes }) {
    const most = Math.max(...parts.map((/** @type {any} */ part) => Math.abs(part.value ?? 0)), 1e-12);
    const own = parts.map((/** @type {any} */ part) => {
      const bar = h("span", { class: "ne-scorebar" }, h("span", { class: "ne-part" }));
      /** @type {HTMLElement} */ (bar.firstElementChild).style.width = `${(100 * Math.max(part.value ?? 0, 0)) / most}%`;
      return [
        h("span", { class: part.name === largest ? "ne-strong" : null }, `${part.name === largest ? "▲ " : ""}${shorten(part.name, 60)}`),
        h("span", { class: "ne-soft" }, shorten(part.of, 40)),
        signed(metric, unit, part.value),
        h("span", { class: "ne-soft" }, between(signed(metric, unit, part.low), signed(metric, unit, part.high))),
        part.state === "clear" ? bar : h("span", { class: "ne-soft" }, part.state),
      ];
    });
    const advice = parts.filter((/** @type {any} */ part) => part.state === "clear" && part.advice).map((/** @type {any} */ part) => h("li", {}, h("b", {}, shorten(part.name, 60)), `: ${shorten(part.advice, 400)}`));
    const sets = levels.map((/** @type {any} */ level) => [shorten(level.name, 40), partText(metric, unit, level.value), h("span", { class: "ne-soft" }, between(partText(metric, unit, level.low), partText(metric, unit, level.high))), level.samples ? count(level.samples) : "given"]);
    return [verdict(sentence), own.length > 0 && tableOf("Parts of the error", ["part", "of", metric, "95 %", "size"], own), advice.length > 0 && h("ul", { class: "ne-notes" }, ...advice), sets.length > 0 && tableOf("Errors", ["on", metric, "95 %", "samples"], sets), notesOf(notes)];
  },
});
