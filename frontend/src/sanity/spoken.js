// What a screen reader is told of a run: how far it is, now and then, and what it came to.

import { h, say } from "../dom.js";
import { isSwapping } from "./swap.js";
import { counts, diagnosisOf, isRunning, standing } from "./words.js";

/** Milliseconds between two announcements of progress. */
const SELDOM = 8000;

/** @returns {import("./types.js").View} */
export function createSpoken() {
  const element = h("div", { class: "nb-unseen", role: "status" });
  let running = false;
  let swapping = false;
  let last = -Infinity;
  return {
    element,
    update(state) {
      const now = isRunning(state);
      const { progress } = state;
      if (running && !now && swapping) say(element, state.swap?.title || state.swap?.summary || "");
      else if (running && !now) say(element, [diagnosisOf(state).title, counts(state.results.values())].filter(Boolean).join(". "));
      else if (now && (!running || (progress && Date.now() - last >= SELDOM))) {
        last = Date.now();
        say(element, isSwapping(state) ? standing(state) : progress ? `${progress.done} of ${progress.total} checks` : "The checks begin");
      }
      running = now;
      swapping = isSwapping(state);
    },
  };
}
