// Rows of tokens, the darker the greater their loss; the number is told under the pointer, great ones are underlined too.

import { attribute, fill, h, say } from "../dom.js";
import { brief, shorten } from "../numbers.js";
import { visible } from "../tokens.js";
import { rowOf } from "./measures.js";

/** @typedef {import("./types.js").ProbeRecord} ProbeRecord */
/** @typedef {import("./types.js").Reading} Reading */
/** @typedef {{ spans: HTMLElement[], side: HTMLElement, sample: number, probe: ProbeRecord }} Parts */

const MOST = 160;
const LINE = 22;
/** A loss of so many nats has the full colour. */
const FULL = 6;
const GREAT = 3;

/** What stands for a token of the vocabulary, as far as the probe batch tells.
 * @param {import("../types.js").Tokens} item
 * @returns {Map<number, string>}
 */
function vocabulary(item) {
  return new Map(Array.from(item.ids.data, (id, i) => [id, item.pieces[item.index.data[i]] ?? "?"]));
}

/** @type {import("./predictions.js").Cells} the tokens that were to be guessed, each at its place */
export function wordCells(_, probe, reading, built) {
  const first = probe.batch.inputs.find((one) => one.decoder === "text");
  const item = first?.decoder === "text" ? first : null;
  const length = reading.values.shape[1] ?? 0;
  const shown = Math.min(length, MOST);
  const lines = Math.min(Math.max(Math.ceil(shown / 10), 1), 6);
  const known = item ? vocabulary(item) : new Map();
  const width = item?.ids.shape[1] ?? 0;
  const own = (/** @type {number} */ sample, /** @type {number} */ t) => (item && t < width ? item.pieces[item.index.data[sample * width + t]] ?? "?" : "·");
  const word = (/** @type {number | undefined} */ id) => (id === undefined || id < 0 ? "" : known.get(id) ?? `#${id}`);
  /** The token that is guessed at a place; that of the input where none is. @param {number} sample @param {number} t */
  const piece = (sample, t) => (probe.targets ? word(rowOf(probe.targets, sample)[t]) : "") || own(sample, t);

  /** @param {HTMLElement} cell @param {number} sample @returns {Parts} */
  function build(cell, sample) {
    const spans = Array.from({ length: shown }, (__, t) => h("span", { class: "nd-token", "data-token": t }, visible(piece(sample, t))));
    const side = h("span", { class: "nd-side" });
    const text = h("div", { class: "nd-tokens" }, ...spans, length > shown && h("span", { class: "nd-soft" }, `… ${length - shown} more`));
    fill(cell, h("div", { class: "nd-sentence" }, side, text));
    const parts = { spans, side, sample, probe };
    built.set(cell, parts);
    return parts;
  }

  /** @param {number} sample @param {number} t */
  function tell(sample, t) {
    const loss = rowOf(reading.values, sample)[t];
    const guess = word(rowOf(reading.guesses, sample)[t]);
    return `sample ${sample}, place ${t} “${shorten(piece(sample, t), 40)}”: ${Number.isNaN(loss) ? "no loss" : `loss ${brief(loss)}`}${guess && `, guess “${shorten(guess, 40)}”`}`;
  }

  return {
    cellWidth: 0,
    cellHeight: lines * LINE + 8,
    gap: 0,
    single: true,
    name: (sample) => `sample ${sample}, mean loss ${brief(reading.losses.data[sample])}: ${shorten(Array.from({ length: Math.min(shown, 30) }, (__, t) => piece(sample, t)).join(" "), 200)}`,
    draw(cell, sample) {
      const found = built.get(cell);
      const parts = found?.sample === sample && found.probe === probe ? found : build(cell, sample);
      const losses = rowOf(reading.values, sample);
      parts.spans.forEach((/** @type {HTMLElement} */ span, /** @type {number} */ t) => {
        const loss = losses[t];
        span.style.setProperty("--nd-part", `${Number.isNaN(loss) ? 0 : Math.round(Math.min(loss / FULL, 1) * 70)}%`);
        attribute(span, "data-great", loss >= GREAT);
      });
      say(parts.side, `${sample}  ${brief(reading.losses.data[sample])}`);
    },
    probe(sample, event) {
      const span = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest?.("[data-token]"));
      return span ? tell(sample, Number(span.dataset.token)) : `sample ${sample}, mean loss ${brief(reading.losses.data[sample])}`;
    },
  };
}
