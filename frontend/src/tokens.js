// Rows of tokens: special and masked ones differ by outline and strike-through, not by colour alone.

import { fill, h } from "./dom.js";
import { earlierOf, labelOf, nameSample, verdict } from "./describe.js";
import { brief, plural, shorten, tooltip } from "./numbers.js";

/** @typedef {import("./types.js").Tokens} Tokens */
/** @typedef {import("./types.js").State} State */

const LINE = 22;

/**
 * Text of a token in which white space can be seen.
 * @param {string} piece
 */
export function visible(piece) {
  if (piece === "") return "∅";
  return shorten(piece, 80).replaceAll("\n", "↵").replaceAll("\t", "⇥").replace(/^ +| +$/g, (spaces) => "␣".repeat(spaces.length));
}

/**
 * Spans of one sample's tokens; `data-token` is the position.
 * @param {Tokens} tokens
 * @param {number} sample
 * @param {number} most
 */
export function tokenSpans(tokens, sample, most) {
  const length = tokens.ids.shape[1];
  const last = Math.min(length, most);
  const spans = Array.from({ length: last }, (_, t) => {
    const at = sample * length + t;
    const special = tokens.special.data[at] ? " nb-special" : "";
    const masked = tokens.attended && !tokens.attended.data[at] ? " nb-masked" : "";
    return h("span", { class: `nb-token${special}${masked}`, "data-token": t }, visible(tokens.pieces[tokens.index.data[at]] ?? "?"));
  });
  if (last < tokens.length) spans.push(h("span", { class: "nb-more" }, `… ${plural(tokens.length - last, "more token")}`));
  return spans;
}

/**
 * What a token is, in words; nothing where the pointer is between tokens.
 * @param {Tokens} tokens
 * @param {number} sample
 * @param {Event} event
 */
export function describeToken(tokens, sample, event) {
  const span = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest?.("[data-token]"));
  if (!span) return "";
  const t = Number(span.dataset.token);
  const at = sample * tokens.ids.shape[1] + t;
  const words = [`token ${t}`, `id ${tokens.ids.data[at]}`, `“${shorten(tokens.pieces[tokens.index.data[at]] ?? "?", 80)}”`];
  if (tokens.special.data[at]) words.push("special");
  if (tokens.attended) words.push(tokens.attended.data[at] ? "attended" : "masked out");
  return words.join("  ");
}

/**
 * @param {State} state
 * @param {Tokens} tokens
 * @returns {import("./grid.js").Kind}
 */
export function tokenCells(state, tokens) {
  const batch = /** @type {import("./types.js").DecodedBatch} */ (state.batch);
  const earlier = earlierOf(state);
  const before = earlier?.decoder === "text" ? earlier : null;
  const lines = Math.min(Math.max(Math.round(state.size / 28), 1), 8, Math.max(1, Math.ceil(tokens.ids.shape[1] / 8)));
  return {
    cellWidth: 0,
    cellHeight: (before ? 2 : 1) * lines * LINE + 8,
    gap: 0,
    single: true,
    name: (sample) => `${nameSample(batch, tokens, sample)}: ${shorten(sentence(tokens, sample), 200)}`,
    draw(cell, sample, across) {
      const most = Math.ceil((lines * across.width) / 24);
      const row = (/** @type {Tokens} */ from, /** @type {string} */ when) => {
        const line = h("div", { class: "nb-tokens" }, when && h("span", { class: "nb-when" }, when), ...tokenSpans(from, sample, most));
        line.style.height = `${lines * LINE}px`;
        return line;
      };
      const texts = h("div", { class: "nb-texts" }, row(tokens, before ? "this time" : ""), before && row(before, "before"));
      fill(cell, h("div", { class: "nb-sentence" }, sideOf(state, sample), texts));
    },
    probe: (sample, event) => `sample ${sample}  ${describeToken(tokens, sample, event)}`,
  };
}

/** @param {Tokens} tokens @param {number} sample */
function sentence(tokens, sample) {
  const length = tokens.ids.shape[1];
  return Array.from({ length: Math.min(length, 40) }, (_, t) => tokens.pieces[tokens.index.data[sample * length + t]] ?? "?").join(" ");
}

/** The left margin of a row: index, label, prediction and loss.
 * @param {State} state
 * @param {number} sample
 */
export function sideOf(state, sample) {
  const batch = /** @type {import("./types.js").DecodedBatch} */ (state.batch);
  const { icon, tone } = verdict(batch, sample);
  const predicted = batch.predictions?.text[sample];
  const label = labelOf(batch, sample, 60);
  const loss = batch.losses ? brief(batch.losses.data[sample]) : "";
  const title = [label && `label ${batch.labels?.text[sample]}`, predicted !== undefined && `predicted ${predicted}`].filter(Boolean).join(" · ");
  return h(
    "div",
    { class: "nb-side", title: title ? tooltip(title) : null },
    h("span", { class: "nb-index" }, sample),
    h("span", { class: "nb-label" }, label),
    predicted !== undefined && h("span", { class: "nb-label", "data-tone": tone || null }, `${icon || "→ "}${shorten(predicted, 60)}`),
    loss && h("span", { class: "nb-index" }, loss),
  );
}
