// What the view has to say beside the batch: progress, staleness, errors, notes, the facts of one tensor.

import { attribute, changed, fill, h, say } from "./dom.js";
import { waitingFor } from "./describe.js";
import { figure, integral, plural, shape, shorten, tooltip } from "./numbers.js";

/** @typedef {import("./types.js").State} State */

/**
 * @param {import("./types.js").Store} store
 * @returns {import("./types.js").View}
 */
export function createNotices(store) {
  const bar = h("div", { class: "nb-progress" }, h("span"));
  const dismiss = h("button", { type: "button", class: "nb-plain", "aria-label": "Dismiss this message", onclick: () => store.set({ failure: null }) }, "✕");
  const text = h("span");
  const failure = h("div", { class: "nb-notice", "data-tone": "bad", role: "alert" }, h("span", { class: "nb-icon", "aria-hidden": true }, "✕"), text, dismiss);
  const lines = h("div", { class: "nb-lines" });
  const element = h("div", { class: "nb-notices" }, bar, failure, lines);
  /** @type {State | null} */
  let before = null;
  return {
    element,
    update(state) {
      bar.hidden = waitingFor(state) === "";
      failure.hidden = state.failure === null;
      say(text, shorten(state.failure ?? "", 4000));
      if (changed(before, state, ["batch", "status", "tensor"])) fill(lines, ...noticesOf(state));
      before = state;
    },
  };
}

/** @param {State} state @returns {(HTMLElement | null)[]} */
function noticesOf(state) {
  const { status, batch } = state;
  return [
    status.state === "error" ? notice("bad", "✕", status.text || "something went wrong in the kernel") : null,
    status.state === "closed" ? notice("muted", "■", status.text || "closed: what was sent can still be looked at") : null,
    status.state === "idle" && status.text ? notice("muted", "i", status.text) : null,
    status.stale ? notice("stale", "▲", status.stale) : null,
    batch?.batch.error ? errorBox(batch.batch.error) : null,
    batch ? notes([...batch.batch.origin.notes, ...batch.notes]) : null,
    batch && state.tensor !== null && batch.batch.tensors[state.tensor] ? tensorCard(batch.batch.tensors[state.tensor]) : null,
  ];
}

/** @param {string} tone @param {string} icon @param {string} text */
function notice(tone, icon, text) {
  return h("div", { class: "nb-notice", "data-tone": tone }, h("span", { class: "nb-icon", "aria-hidden": true }, icon), h("span", {}, shorten(text, 4000)));
}

/** @param {string} error */
function errorBox(error) {
  const box = notice("bad", "✕", "the forward pass raised; the batch below is what it got");
  box.append(h("pre", {}, shorten(error, 8000)));
  return box;
}

/** @param {string[]} sentences */
function notes(sentences) {
  if (!sentences.length) return null;
  if (sentences.length === 1) return notice("muted", "i", sentences[0]);
  const list = sentences.map((sentence) => h("li", {}, shorten(sentence, 1000)));
  return h("details", { class: "nb-notice", "data-tone": "muted" }, h("summary", {}, `${plural(sentences.length, "note")}: ${shorten(sentences[0], 120)}`), h("ul", {}, ...list));
}

/** @param {import("./types.js").TensorRecord} tensor */
function tensorCard({ facts, preview, note }) {
  const integer = integral(facts.dtype);
  const strides = facts.strides.length ? `, strides ${shape(facts.strides)}` : "";
  const values = Array.from(preview.data, (value) => figure(value, integer)).join("  ");
  /** @type {[string, string][]} */
  const pairs = [
    [facts.role, facts.name],
    ["type", `${facts.dtype} ${shape(facts.shape)} on ${facts.device}`],
    ["memory", `${facts.layout}${strides}`],
    ["gradient", facts.requires_grad ? "required" : "not required"],
    ["first values", values || "none"],
  ];
  if (note) pairs.push(["note", note]);
  const card = h("dl", { class: "nb-card" });
  for (const [name, value] of pairs) card.append(h("dt", {}, name), h("dd", { title: tooltip(value) }, shorten(value, 1200)));
  attribute(card, "aria-label", `Facts of ${shorten(facts.name, 80)}`);
  return card;
}
