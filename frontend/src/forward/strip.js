// One line that is always there — why the pass stands where it stands — and what else has to be said.

import { attribute, changed, fill, h, say } from "../dom.js";
import { plural, shorten, tooltip } from "../numbers.js";
import { button } from "./controls.js";
import { stepAt, fullName } from "./pass.js";

/** @typedef {import("./types.js").State} State */

/**
 * @param {import("./types.js").Store} store
 * @returns {import("./types.js").View}
 */
export function createStrip(store) {
  const bar = h("div", { class: "nb-progress" }, h("span"));
  const icon = h("span", { class: "nb-icon", "aria-hidden": true });
  const words = h("span", { class: "nf-said", role: "status" });
  const text = h("span");
  const dismiss = button("✕", () => store.set({ failure: null }), { class: "nb-plain", "aria-label": "Dismiss this message" });
  const failure = h("div", { class: "nb-notice", "data-tone": "bad", role: "alert" }, h("span", { class: "nb-icon", "aria-hidden": true }, "✕"), text, dismiss);
  const line = h("div", { class: "nf-line" }, icon, words);
  const lines = h("div", { class: "nb-lines" });
  const element = h("div", { class: "nb-notices" }, bar, line, failure, lines);
  /** @type {State | null} */
  let before = null;
  return {
    element,
    update(state) {
      if (!changed(before, state, ["cursor", "status", "slow", "failure", "passed", "steps"])) return;
      before = state;
      bar.hidden = !state.slow;
      const said = sentence(state);
      say(icon, said.icon);
      say(words, shorten(said.text, 400));
      attribute(line, "data-tone", said.tone);
      attribute(line, "title", said.text.length > 80 ? tooltip(said.text) : null);
      failure.hidden = state.failure === null || (state.status.state === "error" && state.status.text === state.failure);
      say(text, shorten(state.failure ?? "", 4000));
      fill(lines, ...notices(state));
    },
  };
}

/**
 * What the line says: the most pressing thing of all.
 * @param {State} state
 * @returns {{ icon: string, text: string, tone: string | null }}
 */
export function sentence({ cursor, status, slow, passed, steps }) {
  if (status.state === "error") return { icon: "✕", text: status.text || "something went wrong in the kernel", tone: "bad" };
  if (status.state === "waiting") return { icon: "…", text: status.text || "waits for the running cell to end", tone: "busy" };
  if (cursor.state === "running" || (slow && status.state === "busy")) return { icon: "…", text: cursor.text || status.text || "running … Stop ends the pass where it is", tone: "busy" };
  if (cursor.failure && cursor.state === "failed") {
    const step = stepAt(steps, cursor.failure.step);
    return { icon: "✕", text: `the pass failed${step ? ` in ${fullName(step)}` : ""}: ${cursor.failure.error}`, tone: "bad" };
  }
  if (cursor.hit) return { icon: "◆", text: `stopped: ${cursor.hit}`, tone: "warn" };
  if (cursor.text) return { icon: cursor.state === "closed" ? "■" : "i", text: cursor.text, tone: null };
  if (status.text) return { icon: "i", text: status.text, tone: null };
  if (!passed) return { icon: "i", text: "no pass has been run yet", tone: null };
  if (cursor.state === "ready") return { icon: "i", text: "not begun: Over runs the first step, Continue all up to a breakpoint", tone: null };
  const step = stepAt(steps, cursor.view ?? cursor.index);
  if (step && cursor.view !== null) return { icon: "◂", text: `looking back at ${fullName(step)}, as it was recorded${cursor.can.over ? "; Over goes forwards again" : ""}`, tone: null };
  if (step) return { icon: "‖", text: `after ${fullName(step)}${step.place ? `, line ${step.place.line}` : ""}: what it gave is live`, tone: null };
  return { icon: "", text: cursor.state === "finished" ? "the pass has ended; shown is what the model gave" : "", tone: null };
}

/** @param {State} state */
function notices({ cursor, status, passed }) {
  const notes = [...new Set([...cursor.notes, ...(passed?.notes ?? [])])];
  return [
    status.stale ? notice("stale", "▲", status.stale) : null,
    notes.length ? listed("muted", "i", plural(notes.length, "note"), notes) : null,
  ];
}

/** @param {string} tone @param {string} icon @param {string} text */
const notice = (tone, icon, text) => h("div", { class: "nb-notice", "data-tone": tone }, h("span", { class: "nb-icon", "aria-hidden": true }, icon), h("span", {}, shorten(text, 4000)));

/** @param {string} tone @param {string} icon @param {string} title @param {string[]} sentences */
function listed(tone, icon, title, sentences) {
  if (sentences.length === 1) return notice(tone, icon, sentences[0]);
  const items = sentences.map((sentence) => h("li", {}, shorten(sentence, 1000)));
  return h("details", { class: "nb-notice", "data-tone": tone }, h("summary", {}, `${title}: ${shorten(sentences[sentences.length - 1], 120)}`), h("ul", {}, ...items));
}
