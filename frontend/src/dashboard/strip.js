// The selected sample, and where it can be carried.

import { attribute, changed, h, say } from "../dom.js";
import { button, enable } from "../forward/controls.js";
import { shorten } from "../numbers.js";
import { nameOf, reasonAgainst, titleOf } from "./words.js";

/** @typedef {import("./types.js").State} State */

const ROOMS = /** @type {const} */ (["data", "batch", "forward", "dynamics"]);

/**
 * @param {import("./types.js").Actions} actions
 * @returns {import("./types.js").View}
 */
export function createStrip({ carry, clear }) {
  const [place, label, split] = [h("b"), h("span"), h("span", { class: "nr-soft" })];
  const what = h("span", { class: "nr-what" }, h("span", { class: "nr-soft" }, "Sample"), place, label, split);
  const buttons = ROOMS.map((name) => ({ name, element: button("", () => carry(name), { class: "nr-carry" }) }));
  const drop = button("✕", clear, { class: "nr-drop", "aria-label": "Let go of this sample", title: "let go of this sample" });
  const hint = h("span", { class: "nr-soft nr-hint" }, "a sample that you pick in a room can be carried into the others");
  const carries = h("span", { class: "nr-carries", role: "group", "aria-label": "Show this sample in" }, ...buttons.map((one) => one.element));
  const picked = h("span", { class: "nr-picked" }, what, h("span", { class: "nr-carrying" }, carries, drop));
  const element = h("section", { class: "nr-strip", "aria-label": "Selected sample" }, hint, picked);
  /** @type {State | null} */
  let before = null;
  return {
    element,
    update(state) {
      if (!changed(before, state, ["sample", "active", "status", "pending", "rooms"])) return;
      before = state;
      const { sample, pending } = state;
      hint.hidden = sample !== null;
      picked.hidden = sample === null;
      attribute(element, "data-empty", sample === null && state.active === "recipe");
      if (!sample) return;
      const name = nameOf(sample);
      say(place, name.place);
      say(label, shorten(name.label, 40));
      say(split, name.split);
      attribute(what, "title", `${name.split} ${name.place} ${shorten(name.label, 200)}`);
      enable(drop, { reason: reasonAgainst(state), busy: pending.includes("clear"), title: "let go of this sample" });
      for (const one of buttons) {
        const where = sample.where[one.name];
        const here = one.name === state.active;
        say(one.element, titleOf(state, one.name));
        attribute(one.element, "aria-current", here ? "true" : null);
        const reason = reasonAgainst(state) || (typeof where === "string" ? where : where ? "" : "it cannot be shown there");
        enable(one.element, { reason, busy: pending.includes(`show ${one.name}`), title: `show this sample in ${titleOf(state, one.name)}` });
      }
    },
  };
}
