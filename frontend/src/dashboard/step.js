// One step of the recipe: a mark, its title, what was found, its button; the advice and its sources open below.

import { attribute, h, say } from "../dom.js";
import { button, enable } from "../forward/controls.js";
import { shorten, tooltip } from "../numbers.js";
import { STEPS, actionOf, reasonAgainst } from "./words.js";

/** @param {import("./types.js").Actions} actions */
export function createStep({ act, go: enter }) {
  let id = "";
  let room = /** @type {import("./types.js").RoomName | null} */ (null);
  const [icon, word, text] = [h("span", { class: "nr-icon", "aria-hidden": true }), h("span", { class: "nb-unseen" }), h("p", { class: "nr-found" })];
  const problem = button("", () => room && enter(room), { class: "nr-found", title: "look at it" });
  const [advice, sources] = [h("p"), h("p", { class: "nr-soft" })];
  const more = h("div", { class: "nr-more", hidden: true }, advice, sources);
  const name = h("span");
  const title = button("", unfold, { class: "nr-step", "aria-expanded": "false" }, name, word);
  const go = button("", () => act(id), { class: "nr-act" });
  const element = h("li", {}, icon, title, go, text, problem, more);

  function unfold() {
    more.hidden = !more.hidden;
    attribute(title, "aria-expanded", String(!more.hidden));
  }

  return {
    element,
    /** @param {import("./types.js").Step} step @param {import("./types.js").State} state */
    update(step, state) {
      ({ id, room } = step);
      const [mark, tone, said] = STEPS[step.state] ?? STEPS.todo;
      attribute(element, "data-state", step.state);
      attribute(element, "data-next", step.id === state.recipe.next);
      attribute(element, "aria-current", step.id === state.recipe.next ? "step" : null);
      say(icon, mark);
      attribute(icon, "data-tone", tone || null);
      say(name, shorten(step.title, 120));
      say(word, `, ${said}`);
      attribute(title, "title", tooltip(step.advice) || null);
      const wrong = step.state === "attention" && room !== null;
      for (const one of [text, problem]) say(one, shorten(step.text, 300));
      text.hidden = !step.text || wrong;
      problem.hidden = !step.text || !wrong;
      say(advice, shorten(step.advice, 1000));
      say(sources, shorten(step.sources.join(" · "), 300));
      const words = actionOf(state, step);
      go.hidden = !words;
      say(go, shorten(words, 60));
      attribute(go, "aria-label", words ? `${shorten(words, 60)}: ${shorten(step.title, 120)}` : null);
      enable(go, { reason: reasonAgainst(state), busy: state.pending.includes(`act ${step.id}`) });
    },
  };
}
