// Changing what the pass goes on with: the tensor at the cursor, or a part of the input; and what came of it.

import { attribute, changed, h, say } from "../dom.js";
import { shorten } from "../numbers.js";
import { activeIn, button, enable, reasonAgainst, spin } from "./controls.js";
import { INPUT, focusOf, viewOf } from "./pass.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Region} Region */

/**
 * @param {import("./types.js").Store} store
 * @param {import("./types.js").Actions} actions
 * @returns {import("./types.js").View}
 */
export function createChange(store, actions) {
  const { ask } = actions;
  const zero = button("Zero this", () => void ask("replace", { how: "zero" }));
  const noise = button("Add noise", () => void ask("replace", { how: "noise" }));
  const named = button("Replace from notebook", () => open(Boolean(form.hidden)), { "aria-expanded": "false" });
  const name = h("input", { type: "text", class: "nf-text", "aria-label": "Name of the variable", placeholder: "name of a variable", spellcheck: "false" });
  const form = h("form", { class: "nf-form", hidden: true, onsubmit: replace }, name, h("button", { type: "submit" }, "Replace"), button("Cancel", () => open(false)));
  const effect = h("p", { class: "nf-effect", role: "status" });
  const tensor = h("div", { class: "nf-buttons" }, zero, noise, named, form);
  const editor = createEditor(store, actions);
  const element = h("div", { class: "nf-change", role: "group", "aria-label": "Change" }, tensor, editor.element, effect);
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    open(false);
    event.stopPropagation();
  });
  /** @type {State | null} */
  let before = null;

  /** @param {boolean} shown */
  function open(shown) {
    form.hidden = !shown;
    attribute(named, "aria-expanded", String(shown));
    if (shown) name.focus();
    else if (activeIn(form) !== null && form.contains(activeIn(form))) named.focus();
  }

  /** @param {Event} event */
  function replace(event) {
    event.preventDefault();
    const wanted = name.value.trim();
    if (!wanted) name.focus();
    else void ask("replace", { how: "name", name: wanted }).then((answer) => answer !== null && open(false));
  }

  return {
    element,
    update(state) {
      editor.update(state);
      if (!changed(before, state, ["cursor", "selected", "pending", "passed"])) return;
      before = state;
      const { cursor } = state;
      const focus = focusOf(state);
      tensor.hidden = focus === INPUT || focus === -2 || focus === null;
      const away = focus !== cursor.index ? "only the tensor at the cursor is live: run to this step first" : "";
      const reason = reasonAgainst(cursor, "replace") || away;
      const busy = state.pending.includes("replace");
      enable(zero, { reason, busy, title: "the pass goes on with zeros" });
      enable(noise, { reason, busy, title: "the pass goes on with noise of its own scale added" });
      enable(named, { reason, busy, title: "the pass goes on with a tensor of the notebook" });
      if (reason && !form.hidden) open(false);
      const done = cursor.effect?.text;
      const what = cursor.edits.length ? `✎ ${cursor.edits.join(", ")}: ` : "";
      say(effect, shorten(`${what}${done || (what ? "the effect on outputs and loss is said when the pass has ended" : "nothing has been changed")}`, 600));
      attribute(effect, "data-tone", done ? "live" : null);
      effect.hidden = !state.passed || (!what && cursor.state === "failed");
      element.hidden = focus === null;
    },
  };
}

/**
 * The part of the input to change, in numbers: filled in by drawing a rectangle or choosing a cell, or by hand.
 * @param {import("./types.js").Store} store
 * @param {import("./types.js").Actions} actions
 */
function createEditor(store, { ask }) {
  const keys = /** @type {const} */ (["sample", "row", "column", "height", "width"]);
  const fields = Object.fromEntries(keys.map((key) => [key, spin(key, (value) => set({ [key]: value }), { min: key === "height" || key === "width" ? 1 : 0 })]));
  const value = h("input", { type: "number", step: "any", class: "nf-number nf-value", "aria-label": "New value" });
  value.value = "0";
  const zero = button("Zero", () => edit("zero"), { title: "set this part of the input to 0" });
  const apply = button("Set", () => edit(kind()), { title: "set this part of the input to the value" });
  const hint = h("p", { class: "nf-hint" });
  const boxes = keys.map((key) => h("label", { class: "nf-control" }, key, fields[key]));
  const element = h("div", { class: "nf-editor", role: "group", "aria-label": "Change the input" }, hint, h("div", { class: "nf-buttons" }, ...boxes, zero, h("label", { class: "nf-control" }, "value", value), apply));
  value.addEventListener("keydown", (event) => event.key === "Enter" && edit(kind()));

  /** @param {Partial<Region>} part */
  function set(part) {
    const { region } = store.get();
    store.set({ region: { ...(region ?? { sample: viewOf(store.get())?.sample ?? 0, row: 0, column: 0, height: 1, width: 1 }), ...part } });
  }

  /** An image takes a value in a rectangle; of the rest one token or one cell is set. */
  function kind() {
    const view = viewOf(store.get());
    if (view?.kind === "maps") return "value";
    return view && /^(u?int|long)/.test(view.dtype) ? "token" : "cell";
  }

  /** @param {string} how */
  function edit(how) {
    const { region } = store.get();
    const number = Number(value.value);
    if (!region) return;
    if (value.value === "" || !Number.isFinite(number)) {
      value.focus();
      return;
    }
    void ask("edit", { how, ...region, output: store.get().output, value: how === "zero" ? 0 : number });
  }

  return {
    element,
    /** @param {State} state */
    update(state) {
      const view = viewOf(state);
      element.hidden = focusOf(state) !== INPUT || !view || ["none", "attention", "number"].includes(view.kind);
      if (element.hidden || !view) return;
      const reason = reasonAgainst(state.cursor, "edit");
      const busy = state.pending.includes("edit");
      const { region } = state;
      const unset = region ? "" : view.kind === "maps" ? "draw a rectangle on the image first" : "choose a value first";
      enable(zero, { reason: reason || unset, busy, title: "set this part of the input to 0" });
      enable(apply, { reason: reason || unset, busy, title: "set this part of the input to the value" });
      say(hint, reason ? `The input cannot be changed now: ${reason}.` : view.kind === "maps" ? "Draw a rectangle on the image, or give it in numbers, to change that part of the input." : `Choose a ${kind() === "token" ? "token" : "cell"} to change it.`);
      for (const key of keys) {
        const field = fields[key];
        if (activeIn(field) !== field || region) field.value = region ? String(region[key]) : "";
        const one = view.kind !== "maps" && (key === "height" || key === "width" || (key === "row" && view.sample === null));
        field.parentElement?.toggleAttribute("hidden", one);
      }
    },
  };
}
