// One row of the tree of steps.

import { attribute, fill, h, say } from "../dom.js";
import { brief, shape, shorten, tooltip } from "../numbers.js";
import { isOn, onStep } from "./breakpoints.js";
import { alive, describeStep, health, isReached, number, outputShape, shortName } from "./pass.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Step} Step */
/**
 * @typedef {object} Shown
 * @property {State} state
 * @property {import("./outline.js").Row} row
 * @property {Step | null} step null for the input
 * @property {import("./types.js").Breakpoint[]} points
 * @property {boolean} failed whether it raised, or something inside it
 * @property {boolean} entered whether it has begun and not ended
 * @property {number | null | undefined} moved how far a change has moved its values
 * @property {boolean} current whether the cursor stands here
 * @property {boolean} looked
 * @property {boolean} tabbed whether the Tab key comes here
 */

/**
 * @param {number} index
 * @param {object} tree
 * @param {(index: number) => void} tree.select
 * @param {(index: number, open: boolean) => void} tree.toggle
 * @param {import("./types.js").Actions} tree.actions
 * @param {import("./types.js").Store} tree.store
 */
export function createRow(index, { select, toggle, actions, store }) {
  const dot = h("span", { class: "nf-edge" });
  const twisty = h("span", { class: "nf-twisty", "aria-hidden": true });
  const name = h("span", { class: "nf-name" });
  const what = h("span", { class: "nf-cell nf-soft" });
  const lengths = h("span", { class: "nf-cell" });
  const filled = h("span");
  const bar = h("span", { class: "nf-bar" }, filled);
  const state = h("span", { class: "nf-cell nf-health" });
  const grad = h("span", { class: "nf-cell nf-grad" });
  const run = h("span", { class: "nf-runto", "aria-hidden": true }, "▷ run to here");
  const element = h("div", { class: "nf-row nf-step", role: "treeitem", tabindex: -1, "data-index": index }, dot, h("span", { class: "nf-label" }, twisty, name), what, lengths, bar, state, grad, run);
  /** @type {Shown | null} */
  let last = null;

  element.addEventListener("click", (event) => {
    const target = /** @type {Node} */ (event.target);
    element.focus({ preventScroll: true });
    if (twisty.contains(target) && last?.row.open !== null) toggle(index, !last?.row.open);
    else if (run.contains(target)) void actions.ask("run_to", { index });
    else if (dot.contains(target) && index >= 0) breakHere();
    else if (event.detail < 2) select(index);
  });
  element.addEventListener("dblclick", (event) => {
    const target = /** @type {Node} */ (event.target);
    if (index >= 0 && !twisty.contains(target) && !dot.contains(target) && !run.contains(target)) void actions.ask("run_to", { index });
  });

  function breakHere() {
    const point = last?.step ? onStep(store.get().cursor.breakpoints, last.step) : null;
    void actions.ask("breakpoint", point ? { remove: point.id } : { add: { on: "step", index } });
  }

  return {
    element,
    /** @param {Shown} shown */
    show(shown) {
      const { row, step, current, looked, tabbed } = shown;
      attribute(element, "aria-level", row.level);
      attribute(element, "aria-posinset", row.place);
      attribute(element, "aria-setsize", row.siblings);
      attribute(element, "aria-expanded", row.open === null ? null : String(row.open));
      attribute(element, "aria-selected", String(looked));
      attribute(element, "aria-current", current ? "step" : null);
      attribute(element, "tabindex", tabbed ? 0 : -1);
      element.style.setProperty("--nf-level", String(Math.min(row.level - 1, 12)));
      say(twisty, row.open === null ? "" : row.open ? "▾" : "▸");
      const same = last && last.step === step && last.state.cursor === shown.state.cursor && last.state.passed === shown.state.passed;
      last = shown;
      if (!same) step ? writeStep(shown, step) : writeInput(shown);
    },
  };

  /** @param {Shown} shown */
  function writeInput({ state: { passed, cursor } }) {
    const inputs = passed?.inputs ?? [];
    say(name, "input");
    say(what, inputs[0]?.dtype ?? "");
    say(lengths, inputs.length ? `${shape(inputs[0].shape)}${inputs.length > 1 ? ` and ${inputs.length - 1} more` : ""}` : "");
    bar.style.visibility = run.style.visibility = dot.style.visibility = "hidden";
    fill(state, cursor.edits.some((edit) => edit.startsWith("input")) && h("span", { class: "nf-moved" }, "✎ changed"));
    attribute(element, "aria-label", `input ${lengths.textContent}`);
  }

  /** @param {Shown} shown @param {Step} step */
  function writeStep({ state: now, points, failed, entered, moved }, step) {
    const begun = isReached(now, index);
    const reached = begun && !entered;
    const { icon, tone, words } = health(step, failed);
    const point = onStep(points, step);
    say(dot, point ? (isOn(point) ? "●" : "○") : "·");
    attribute(dot, "title", point ? "remove this breakpoint" : "stop at this step");
    attribute(dot, "data-set", point !== null);
    say(name, shorten(shortName(step), 60));
    say(what, shorten(step.name, 60));
    say(lengths, reached ? (failed ? "✕" : outputShape(step)) : "…");
    element.classList.toggle("nf-ahead", !begun);
    const share = reached && !failed ? alive(step) : null;
    bar.style.visibility = share === null ? "hidden" : "visible";
    attribute(bar, "data-tone", tone);
    filled.style.width = `${100 * Math.min(Math.max(share ?? 0, 0), 1)}%`;
    // JSON has no infinity: null is a change of what had been nothing, or to what is no number.
    const far = reached && moved !== undefined && moved !== 0;
    const much = moved === null || moved === undefined ? "∞" : brief(moved);
    fill(
      state,
      begun && entered && h("span", { class: "nf-soft" }, "▷ in it"),
      reached && h("span", { "data-tone": tone }, icon),
      far && h("span", { class: "nf-moved", title: `its values moved by ${much} of their norm` }, ` Δ ${much}`),
      reached && words && h("span", { "data-tone": tone }, ` ${words}`),
    );
    say(grad, reached ? gradientOf(step) : "");
    const text = describeStep(step);
    const movedText = far ? `, moved by ${much} of its norm` : "";
    const standing = entered && begun ? "has begun and not ended" : "not reached yet";
    attribute(element, "title", tooltip(reached ? text + movedText : begun ? `${text.split(",")[0]}: ${standing}` : `${text.split(",")[0]}: ${standing}; double-click or Shift+Enter runs to here`));
    attribute(element, "aria-label", shorten(`${shortName(step)}, ${step.name}, ${reached ? `${outputShape(step)}, ${icon === "●" ? "healthy" : words || icon}${movedText}` : standing}${point ? ", breakpoint" : ""}`, 300));
  }
}

/** @param {Step} step */
function gradientOf(step) {
  const gradient = step.outputs[0]?.gradient;
  return gradient ? number(gradient.std) : "–";
}

