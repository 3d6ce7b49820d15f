// The tensor of the step that is looked at: its values, its figures, and what can be done to it.

import { changed, fill, h, say } from "../dom.js";
import { shorten } from "../numbers.js";
import { createChange } from "./change.js";
import { createChannel } from "./channel.js";
import { factsOf, figuresTable, writeHistogram } from "./figures.js";
import { createHeat } from "./heat.js";
import { createMaps, original } from "./maps.js";
import { INPUT, focusOf, stepAt, viewOf } from "./pass.js";
import { createTensorHead } from "./tensorhead.js";
import { alone, createVector } from "./vector.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").ActivationView} ActivationView */
/** @typedef {{ row: number, column: number }} Unit */

/**
 * @param {import("./types.js").Store} store
 * @param {import("./types.js").Actions} actions
 * @returns {import("./types.js").View}
 */
export function createTensor(store, actions) {
  const readout = h("p", { class: "nf-readout" });
  const read = (/** @type {string} */ text) => say(readout, text ? shorten(text, 300) : hint);
  const head = createTensorHead(store, actions);
  const note = h("p", { class: "nf-note" });
  const maps = createMaps(store, actions, read, drag);
  const heat = createHeat(read, choose, drag);
  const vector = createVector(read, choose);
  const number = h("div");
  const channel = createChannel(store, actions);
  const heading = h("h4", { class: "nf-heading" });
  const bars = h("div");
  const spread = h("div", { class: "nf-spread" }, heading, bars);
  const figures = h("div", { class: "nf-numbers" });
  const facts = h("div", { class: "nf-about" });
  const change = createChange(store, actions);
  const body = h("div", { class: "nf-exhibit" }, maps.element, heat.element, vector.element, number);
  const element = h("section", { class: "nf-tensor", "aria-label": "Tensor" }, head.element, note, body, readout, channel.element, change.element, h("div", { class: "nf-below" }, spread, figures), facts);
  let hint = "";
  let width = 0;
  /** @type {State | null} */
  let before = null;

  const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => {
    if (before && Math.abs(element.clientWidth - width) > 4) draw(before);
  });
  watch?.observe(element);

  /** A cell or token of the input that is chosen can be changed.
   * @param {Unit} unit in places of the original
   */
  function choose(unit) {
    const view = viewOf(store.get());
    if (!view) return;
    store.set({ unit });
    if (view.step !== INPUT) return;
    const rowsAreSamples = view.sample === null;
    store.set({ region: { sample: view.sample ?? unit.row, row: rowsAreSamples ? 0 : unit.row, column: unit.column, height: 1, width: 1 } });
  }

  /** @param {number} _ plane; a rectangle goes through all of them @param {Unit} from @param {Unit} to in places of the plane */
  function drag(_, from, to) {
    const view = viewOf(store.get());
    if (!view || view.kind !== "maps") return;
    const [top, left] = [Math.min(from.row, to.row), Math.min(from.column, to.column)];
    const start = original(view, { row: top, column: left });
    const end = original(view, { row: Math.max(from.row, to.row) + 1, column: Math.max(from.column, to.column) + 1 });
    store.set({ region: { sample: view.sample ?? 0, ...start, height: Math.max(end.row - start.row, 1), width: Math.max(end.column - start.column, 1) } });
  }

  /** @param {State} state */
  function draw(state) {
    width = element.clientWidth;
    const room = Math.max((width || 620) - 28, 200);
    const focus = focusOf(state);
    const step = stepAt(state.steps, focus);
    const view = viewOf(state);
    const activation = step?.outputs[state.output] ?? (focus === INPUT ? state.passed?.inputs[state.output] : null) ?? null;
    drawView(state, view, room);
    const said = noteOf(state, view, activation?.note ?? "");
    say(note, said);
    note.hidden = said === "";
    hint = hintFor(view);
    read("");
    channel.show(state, view);
    const none = focus === null;
    for (const part of [spread, figures, facts]) part.hidden = none;
    // One number has no spread.
    if (view?.kind === "number" || (!view?.bars.data.length && !activation?.moments)) spread.hidden = true;
    if (none) return;
    fill(heading, view?.compared ? `Difference to ${view.compared}` : "Values", h("span", { class: "nf-soft" }, view && view.sample !== null && !view.compared ? ` · sample ${view.sample}` : ""));
    writeHistogram(bars, view, activation?.moments ?? null, Math.min(room, room > 620 ? Math.floor(room * 0.5) : room), read);
    fill(figures, activation && figuresTable(activation.moments, activation.gradient), focus === -2 && h("p", { class: "nf-hint" }, "Weights of the model, not a part of the pass."));
    fill(facts, ...factsOf(state, step, actions.select));
  }

  /** @param {State} state @param {ActivationView | null} view @param {number} room */
  function drawView(state, view, room) {
    const { pending, cursor, status } = state;
    const waits = !view && (pending.includes("look") || pending.includes("filters") || cursor.state === "running" || status.state === "busy");
    // What was shown before stays, pale, until the values come: nothing jumps.
    body.classList.toggle("nf-waits", waits);
    if (waits) return;
    const kind = view?.planes.data.length ? view.kind : "none";
    const many = kind === "maps" || kind === "attention";
    maps.element.hidden = !many;
    heat.element.hidden = kind !== "matrix" && kind !== "attention";
    vector.element.hidden = kind !== "vector";
    number.hidden = kind !== "number";
    if (!view) return;
    if (many) maps.show(view, state, room);
    const plane = Math.max(0, Math.min((state.channel ?? view.first) - view.first, view.planes.shape[0] - 1));
    if (!heat.element.hidden) heat.show(view, plane, state.shared, view.kind === "matrix" || state.channel !== null ? state.unit : null, room);
    if (kind === "vector") vector.show(view, room);
    if (kind === "number") fill(number, alone(view));
  }

  return {
    element,
    update(state) {
      head.update(state);
      change.update(state);
      if (changed(before, state, ["steps", "cursor", "selected", "exhibit", "looked", "output", "shared", "channel", "unit", "receptive", "region", "passed", "pending", "slow"])) draw(state);
      before = state;
    },
    destroy: () => watch?.disconnect(),
  };
}

/** @param {ActivationView | null} view */
function hintFor(view) {
  if (!view) return "";
  if (view.kind === "maps" && view.step >= 0) return "point at a value to read it; click a unit for the samples that excite its channel, and its receptive field";
  if (view.kind === "attention") return "rows attend to columns; click a head to see it large";
  return view.kind === "none" || view.kind === "number" ? "" : "point at a value to read it";
}

/**
 * What stands in place of values, or beside them.
 * @param {State} state
 * @param {ActivationView | null} view
 * @param {string} why
 */
function noteOf(state, view, why) {
  const { cursor, passed } = state;
  const focus = focusOf(state);
  if (view?.note) return view.note;
  if (view) return view.compared ? `Shown is the difference: this minus ${view.compared}.` : "";
  if (focus === null || !passed) return cursor.text || "No pass has been run yet. Restart begins one; its tensors appear here.";
  if (cursor.failure?.step === focus) return `This step raised: ${cursor.failure.error}`;
  if (why) return why;
  if (state.pending.includes("look") || state.pending.includes("filters")) return state.slow ? "The values are asked for; the kernel has not answered yet …" : " ";
  if (cursor.state === "running") return "The values appear when the pass stops.";
  const step = stepAt(state.steps, focus);
  if (step && !step.outputs.length) return "This step gave no tensor.";
  return state.failure ? `The values cannot be shown: ${state.failure}` : "Only the figures below were kept of this step.";
}
