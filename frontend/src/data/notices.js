// What there is to say above the rows: errors, what has grown old, what a reader should know.

import { changed, fill, h, say } from "../dom.js";
import { plural, shorten } from "../numbers.js";

/** @typedef {import("./types.js").State} State */

/**
 * @param {import("./types.js").Kit} kit
 * @returns {import("./types.js").View}
 */
export function createNotices({ store }) {
  const text = h("span", {});
  const dismiss = h("button", { type: "button", class: "nb-plain", "aria-label": "Dismiss this message", onclick: () => store.set({ failure: null }) }, "✕");
  const message = h("div", { class: "nb-notice", role: "alert", "data-tone": "bad", hidden: true }, h("span", { class: "nb-icon", "aria-hidden": true }, "✕"), text, dismiss);
  const lines = h("div", {});
  const element = h("div", { class: "nb-notices" }, message, lines);
  /** @type {State | null} */
  let before = null;
  let written = "";
  return {
    element,
    update(state) {
      message.hidden = state.failure === null;
      say(text, shorten(state.failure ?? "", 2000));
      if (!changed(before, state, ["status", "dataset"])) return;
      before = state;
      const { status, dataset } = state;
      const sentences = [
        status.state === "error" && status.text ? line("bad", "✕", status.text) : null,
        status.state === "closed" ? line("muted", "■", `${status.text || "This view is closed."} What is on the page stays.`) : null,
        status.stale ? line("stale", "▲", status.stale) : null,
        notesOf(dataset?.notes ?? []),
      ];
      const key = sentences.map((one) => one?.textContent ?? "").join("\n");
      if (key !== written) fill(lines, ...sentences);
      written = key;
    },
  };
}

/** @param {string} tone @param {string} icon @param {string} sentence */
const line = (tone, icon, sentence) => h("div", { class: "nb-notice", "data-tone": tone }, h("span", { class: "nb-icon", "aria-hidden": true }, icon), h("span", {}, shorten(sentence, 2000)));

/** @param {string[]} notes */
function notesOf(notes) {
  if (!notes.length) return null;
  if (notes.length === 1) return line("muted", "i", notes[0]);
  return h("details", { class: "nb-notice", "data-tone": "muted" }, h("summary", {}, `${plural(notes.length, "note")}: ${shorten(notes[0], 110)}`), h("ul", {}, ...notes.map((note) => h("li", {}, shorten(note, 1000)))));
}
