// What there is to say beside the run: how to begin, errors, what is not seen and the line to add.

import { changed, fill, h, say } from "../dom.js";
import { plural, shorten } from "../numbers.js";
import { prose } from "../sanity/prose.js";

/** @typedef {import("./types.js").State} State */

const BEGIN = "Nothing has been seen yet: press Watch and run your training loop as it is, or train inside `with inspector.dynamics():`.";
const WATCHED = "Watched from now on: run your training loop as it is.";

/**
 * @param {import("./types.js").Store} store
 * @param {(method: string) => void} ask
 * @returns {import("./types.js").View}
 */
export function createNotices(store, ask) {
  const watch = h("button", { type: "button", class: "nb-primary", onclick: () => ask("watch") }, "Watch");
  const dismiss = h("button", { type: "button", class: "nb-plain", "aria-label": "Dismiss this message", onclick: () => store.set({ failure: null, said: "" }) }, "✕");
  const text = h("span", { class: "nd-said" });
  const message = h("div", { class: "nb-notice", hidden: true }, text, dismiss);
  const lines = h("div", { class: "nb-lines" });
  const element = h("div", { class: "nb-notices" }, message, lines);
  /** @type {State | null} */
  let before = null;
  let written = "";
  return {
    element,
    update(state) {
      const { failure, said } = state;
      message.hidden = failure === null && said === "";
      message.setAttribute("role", failure === null ? "status" : "alert");
      message.dataset.tone = failure === null ? "ok" : "bad";
      say(text, failure === null ? shorten(said, 8000) : `✕ ${shorten(failure, 2000)}`);
      if (changed(before, state, ["status"]) || before?.record?.notes !== state.record?.notes || Boolean(before?.record) !== Boolean(state.record)) write(state);
      before = state;
    },
  };

  /** @param {State} state */
  function write({ status, record }) {
    const begun = Boolean(record && (record.steps > 0 || record.probes.length));
    const off = status.state === "running" && status.live === "off" && !status.following;
    const sentences = [
      status.state === "error" ? notice("bad", "✕", status.text || "training raised an exception") : null,
      ["closed", "stopped"].includes(status.state) && status.text ? notice("muted", "■", status.text) : null,
      status.stale ? notice("stale", "▲", status.stale) : null,
      off && status.liveText ? notice("warn", "○", status.liveText) : null,
      begun ? null : beginning(status),
      status.state === "running" && !status.following && !record?.steps ? notice("muted", "i", WATCHED) : null,
      notesOf(record?.notes ?? []),
    ];
    const held = JSON.stringify(sentences.map((one) => one?.textContent));
    if (held === written) return;
    written = held;
    fill(lines, ...sentences);
  }

  /** @param {State["status"]} status */
  function beginning(status) {
    const line = notice("muted", "i", status.state === "idle" && status.text ? status.text : BEGIN);
    if (status.state === "idle" && !status.following) line.append(watch);
    return line;
  }
}

/** @param {string} tone @param {string} icon @param {string} sentence */
const notice = (tone, icon, sentence) => h("div", { class: "nb-notice", "data-tone": tone }, h("span", { class: "nb-icon", "aria-hidden": true }, icon), h("span", {}, ...prose(sentence)));

/** @param {string[]} sentences */
function notesOf(sentences) {
  if (sentences.length < 2) return sentences.length ? notice("muted", "i", sentences[0]) : null;
  return h("details", { class: "nb-notice", "data-tone": "muted" }, h("summary", {}, `${plural(sentences.length, "note")}: ${shorten(sentences[0].replaceAll("`", ""), 110)}`), h("ul", {}, ...sentences.map((sentence) => h("li", {}, ...prose(sentence)))));
}
