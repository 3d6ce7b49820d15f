// The recipe as a list that ticks itself, with the step that comes next on top.

import { attribute, changed, h, say } from "../dom.js";
import { button, enable } from "../forward/controls.js";
import { plural, shorten } from "../numbers.js";
import { createStep } from "./step.js";
import { actionOf, reasonAgainst, stepsOf, titleOf } from "./words.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Chapter} Chapter */

/**
 * @param {import("./types.js").Actions} actions
 * @returns {import("./types.js").View}
 */
export function createRecipe(actions) {
  const next = createNext(actions);
  const done = h("span", { class: "nr-done" });
  const bar = h("div", { class: "nr-bar", role: "progressbar", "aria-label": "Recipe", "aria-valuemin": 0 }, h("span"));
  const filled = /** @type {HTMLElement} */ (bar.firstElementChild);
  const chapters = h("div", { class: "nr-chapters" });
  const element = h("section", { class: "nr-recipe", "aria-label": "Recipe" }, h("div", { class: "nr-top" }, next.element, h("div", { class: "nr-standing" }, done, bar)), chapters);
  /** @type {ReturnType<typeof createChapter>[]} */
  const drawn = [];
  /** @type {State | null} */
  let before = null;
  return {
    element,
    update(state) {
      if (!changed(before, state, ["recipe", "status", "pending", "rooms"])) return;
      before = state;
      const { recipe } = state;
      next.update(state);
      say(done, recipe.total ? `${recipe.done} of ${plural(recipe.total, "step")} done` : "");
      bar.hidden = recipe.total === 0;
      attribute(bar, "aria-valuemax", recipe.total);
      attribute(bar, "aria-valuenow", recipe.done);
      filled.style.width = `${(100 * recipe.done) / Math.max(recipe.total, 1)}%`;
      while (drawn.length > recipe.chapters.length) drawn.pop()?.element.remove();
      recipe.chapters.forEach((chapter, i) => {
        drawn[i] ??= createChapter(actions);
        if (!drawn[i].element.parentNode) chapters.append(drawn[i].element);
        drawn[i].update(chapter, state);
      });
    },
  };
}

/** The step that comes next, large, with its one button.
 * @param {import("./types.js").Actions} actions
 */
function createNext({ act, go: enter }) {
  const [icon, lead, title, why] = [h("span", { class: "nr-icon", "aria-hidden": true }), h("span", { class: "nr-lead" }), h("span", { class: "nr-nexttitle" }), h("p", { class: "nr-why" })];
  /** @type {import("./types.js").Step | undefined} */
  let step;
  // What is wrong is looked at; what was not done yet is done.
  const go = button("", () => step && (step.state === "attention" && step.room ? enter(step.room) : act(step.id)), { class: "nr-go" });
  const element = h("section", { class: "nr-next", "aria-label": "Next step" }, h("div", { class: "nr-nextline" }, icon, h("h3", {}, lead, title)), why, go);
  return {
    element,
    /** @param {State} state */
    update(state) {
      const { recipe } = state;
      step = stepsOf(state).find((one) => one.id === recipe.next);
      const attention = step?.state === "attention";
      element.hidden = recipe.total === 0;
      attribute(element, "data-tone", attention ? "warn" : step ? null : "ok");
      say(icon, attention ? "▲" : step ? "→" : "✓");
      say(lead, attention ? (step?.certain ? "Mend first: " : "Worth a look: ") : step ? "Next: " : "");
      say(title, step ? shorten((attention && step.text) || step.title, 160) : shorten(recipe.nextText, 160));
      say(why, shorten(attention ? `${step?.title}. ${step?.advice}` : recipe.nextText || step?.advice || "", 600));
      const words = !step ? "" : attention && step.room ? `Open ${titleOf(state, step.room)}` : actionOf(state, step);
      go.hidden = !words;
      say(go, shorten(words, 60));
      enable(go, { reason: reasonAgainst(state), busy: state.pending.includes(`act ${step?.id}`) });
    },
  };
}

/** @param {import("./types.js").Actions} actions */
function createChapter(actions) {
  const [title, tally] = [h("span"), h("span", { class: "nr-tally" })];
  const list = h("ul", { class: "nr-steps" });
  const element = h("section", { class: "nr-chapter" }, h("h4", {}, title, tally), list);
  /** @type {Map<string, ReturnType<typeof createStep>>} */
  const steps = new Map();
  return {
    element,
    /** @param {Chapter} chapter @param {State} state */
    update(chapter, state) {
      say(title, shorten(chapter.title, 80));
      attribute(element, "aria-label", shorten(chapter.title, 80));
      say(tally, `${chapter.steps.filter((step) => step.state === "done").length} of ${chapter.steps.length}`);
      const kept = new Set(chapter.steps.map((step) => step.id));
      for (const [id, step] of steps) {
        if (kept.has(id)) continue;
        step.element.remove();
        steps.delete(id);
      }
      chapter.steps.forEach((step, i) => {
        const own = steps.get(step.id) ?? createStep(actions);
        steps.set(step.id, own);
        if (list.children[i] !== own.element) list.insertBefore(own.element, list.children[i] ?? null);
        own.update(step, state);
      });
    },
  };
}
