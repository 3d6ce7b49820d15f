// What a screen reader is told: what is being done, which room has opened, which sample is held; never more than one thing in a while.

import { h, say } from "../dom.js";
import { nameOf, roomOf, titleOf } from "./words.js";

/** @typedef {import("./types.js").State} State */

/** Milliseconds between two announcements; of those that come quicker, only the last is made. */
const SELDOM = 2000;

/** @returns {import("./types.js").View} */
export function createSpoken() {
  const element = h("div", { class: "nb-unseen", role: "status" });
  /** @type {State | null} */
  let before = null;
  let last = -Infinity;
  let timer = 0;

  /** @param {string} words */
  function tell(words) {
    clearTimeout(timer);
    const left = last + SELDOM - Date.now();
    if (left > 0) {
      timer = setTimeout(() => tell(words), left);
      return;
    }
    last = Date.now();
    say(element, words);
  }

  return {
    element,
    update(state) {
      const words = before ? newsOf(before, state) : "";
      before = state;
      if (words) tell(words);
    },
    destroy: () => clearTimeout(timer),
  };
}

/** @param {State} before @param {State} now */
function newsOf(before, now) {
  const [old, room] = [roomOf(before, now.active), roomOf(now, now.active)];
  if (room && old?.state !== room.state && room.state === "open") return `${room.title} is open`;
  if (room && old?.state !== room.state && room.state === "error") return `${room.title} could not be opened: ${room.why}`;
  if (now.sample && now.sample !== before.sample) {
    const { place, label, split } = nameOf(now.sample);
    return `Sample ${[place, label, split].filter(Boolean).join(", ")} is held, from ${titleOf(now, now.sample.from)}`;
  }
  if (now.status.text && now.status.text !== before.status.text && now.status.state !== "error") return now.status.text;
  if (now.recipe.done !== before.recipe.done) return `${now.recipe.done} of ${now.recipe.total} steps of the recipe are done`;
  return "";
}
