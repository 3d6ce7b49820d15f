// Which class is taken for which; a click on a count shows those samples.

import { attribute, h } from "../dom.js";
import { matrixHead, matrixName } from "../matrix.js";
import { count, plural, share, shorten, tooltip } from "../numbers.js";
import { createResult, filterButton, notesOf, tableOf, verdict } from "./result.js";
import { numbersOf } from "./numbers.js";
import { equals } from "./spelling.js";

const MOST = 20;

/** Counts as rows. @param {any} payload @returns {number[][]} */
export function matrixOf({ words, counts }) {
  const flat = numbersOf(counts);
  const many = words.length;
  return Array.from({ length: many }, (_, r) => Array.prototype.slice.call(flat, r * many, (r + 1) * many));
}

/** The samples of a cell as a query. @param {string} label @param {string} guess */
export const cellQuery = (label, guess) => `${equals("label", label)} and ${equals("prediction", guess)}`;

/**
 * @param {import("./types.js").Kit} kit
 * @returns {import("./types.js").View}
 */
export function createConfusion(kit) {
  const { actions } = kit;
  return createResult(kit, {
    key: "confusion",
    text: "Which class is taken for which. A click on a count shows those samples.",
    verb: "Count",
    atOnce: true,
    reason: ({ dataset }) => (dataset?.predicted ? "" : "press Predict first"),
    draw(payload) {
      const rows = matrixOf(payload);
      const others = payload.others ?? 0;
      const known = others ? payload.words.length - 1 : payload.words.length;
      return [verdict(payload.sentence), known <= MOST && matrix(payload.words, rows, known), pairs(payload.pairs ?? []), notesOf(payload.notes)];
    },
  });

  /** @param {string[]} words @param {number[][]} rows @param {number} known words that a query can name */
  function matrix(words, rows, known) {
    const names = words.map(matrixName);
    const body = rows.map((row, r) => {
      const sum = row.reduce((a, b) => a + b, 0) || 1;
      return h("tr", {}, h("th", { scope: "row", title: tooltip(words[r]) }, names[r]), ...row.map((many, c) => cell(words, many, sum, r, c, r < known && c < known)));
    });
    return h("div", { class: "ne-tableplace", tabindex: 0, role: "region", "aria-label": "Confusion" }, h("table", { class: "ne-confusion" }, matrixHead(words, "label ↓ prediction →"), h("tbody", {}, ...body)));
  }

  /** @param {string[]} words @param {number} many @param {number} sum @param {number} r @param {number} c @param {boolean} named */
  function cell(words, many, sum, r, c, named) {
    if (!many) return h("td", {}, h("span", { class: "ne-faint", "aria-label": "none" }, "·"));
    const right = r === c;
    const told = `${plural(many, "sample")} of ${words[r]} ${right ? "told right" : `taken for ${words[c]}`} (${share(many, sum)})`;
    const text = right ? count(many) : `✕ ${count(many)}`;
    const made = h("td", { class: right ? "ne-right-cell" : "ne-wrong-cell" }, named ? h("button", { type: "button", "aria-label": shorten(told, 200), title: tooltip(told), onclick: () => void actions.filter(cellQuery(words[r], words[c])) }, text) : h("span", { title: tooltip(told) }, text));
    made.style.setProperty("--ne-part", `${Math.round(10 + (60 * many) / sum)}%`);
    attribute(made, "data-many", many);
    return made;
  }

  /** @param {any[]} own */
  function pairs(own) {
    return own.length > 0 && tableOf("Most frequent confusions", ["label → prediction", "samples", "of the label"], own.map((pair) => [
      filterButton(kit, pair.query, `${shorten(pair.label, 30)} → ✕ ${shorten(pair.prediction, 30)}`), count(pair.count), share(pair.share, 1)]));
  }
}
