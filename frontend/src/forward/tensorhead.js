// What tensor is looked at, and what of it: output, sample, what to compare with, one scale for all or each its own.

import { attribute, changed, fill, h, say } from "../dom.js";
import { shape, shorten, tooltip } from "../numbers.js";
import { activeIn, button, choice, enable, reasonAgainst, spin } from "./controls.js";
import { FILTERS, INPUT, focusOf, fullName, isReached, stepAt, viewOf } from "./pass.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Comparison} Comparison */

const KEEP = "keep the parameters as they are now: after a training step, compare with “before training”";

/** The sample to compare with, as it was or, where that is the one shown, its neighbour. @param {State} state */
function another(state) {
  const view = viewOf(state);
  return view && view.sample === state.other ? (state.other + 1) % Math.max(view.samples, 1) : state.other;
}

/**
 * @param {import("./types.js").Store} store
 * @param {import("./types.js").Actions} actions
 * @returns {import("./types.js").View}
 */
export function createTensorHead(store, { ask, look, select }) {
  const title = h("h3", { class: "nf-title" });
  const chip = h("span", { class: "nf-chip" });
  const tag = h("span", { class: "nf-tag" });
  const run = button("Run to here", () => void ask("run_to", { index: focusOf(store.get()) }));
  const back = button("◂ cursor", () => select(store.get().stood ?? INPUT), { title: "look at the step at the cursor again" });
  const output = choice("Output", (value) => look({ output: Number(value), first: 0, channel: null, unit: null }));
  const sample = spin("Sample", (value) => look({ sample: value }));
  const samples = h("span", { class: "nf-control" }, h("span", { "aria-hidden": true }, "Sample"), sample);
  const compare = choice("Compare with", (value) => look({ compare: /** @type {Comparison} */ (value), other: another(store.get()) }));
  const other = spin("Other sample", (value) => look({ other: value }));
  const keep = button("Keep", () => void ask("keep"), { class: "nf-small" });
  const own = button("own", () => store.set({ shared: false }), { title: "each plane has its own scale" });
  const shared = button("shared", () => store.set({ shared: true }), { title: "all planes have one scale" });
  const scale = h("span", { class: "nf-control" }, h("span", { "aria-hidden": true }, "Scale"), h("span", { class: "nf-segment", role: "group", "aria-label": "Scale of colours" }, shared, own));
  const filters = button("First-layer filters", () => look({ selected: FILTERS, output: 0, first: 0, channel: null, unit: null }), { title: "the weights of the first layer, as images" });
  const element = h(
    "div",
    { class: "nf-tensorhead" },
    h("div", { class: "nf-what" }, title, chip, tag, run, back),
    h("div", { class: "nf-tools" }, output.element, samples, h("span", { class: "nf-control" }, compare.element, other, keep), scale, filters),
  );
  /** @type {State | null} */
  let before = null;
  return {
    element,
    update(state) {
      if (!changed(before, state, ["steps", "cursor", "selected", "exhibit", "looked", "output", "sample", "compare", "other", "shared", "passed", "pending"])) return;
      before = state;
      writeTitle(state);
      writeTools(state);
    },
  };

  /** @param {State} state */
  function writeTitle(state) {
    const { steps, cursor, passed } = state;
    const focus = focusOf(state);
    const step = stepAt(steps, focus);
    const view = viewOf(state);
    const activation = step?.outputs[state.output] ?? (focus === INPUT ? passed?.inputs[state.output] : null);
    const name = step ? fullName(step) : focus === INPUT ? "input" : focus === FILTERS ? "first-layer filters" : "";
    const facts = view ?? activation;
    fill(title, shorten(name, 70), step?.kind === "operation" && step.path && h("span", { class: "nf-soft" }, `  in ${shorten(step.path, 60)}`));
    title.hidden = name === "";
    attribute(title, "title", name.length > 70 ? tooltip(name) : null);
    chip.hidden = !facts;
    if (facts) say(chip, `${facts.dtype} ${shape(facts.shape)}${facts.device === "cpu" ? "" : ` ${facts.device}`}`);
    const ahead = step !== null && !isReached(state, step.index);
    const live = focus === cursor.index && cursor.state === "suspended";
    say(tag, live ? "live" : ahead ? "not reached yet" : cursor.state === "running" || cursor.failure?.step === focus ? "" : focus === INPUT || focus === FILTERS || !step ? "" : "recorded");
    attribute(tag, "title", live ? "the tensor that the pass goes on with" : ahead ? "what the untouched run made there" : null);
    tag.hidden = tag.textContent === "";
    run.hidden = !ahead || focus === null;
    enable(run, { reason: reasonAgainst(cursor, "run"), busy: state.pending.includes("run_to"), title: "run the pass to this step" });
    back.hidden = focus === state.stood || state.stood === null;
  }

  /** @param {State} state */
  function writeTools(state) {
    const focus = focusOf(state);
    const view = viewOf(state);
    const step = stepAt(state.steps, focus);
    const outputs = step?.outputs ?? (focus === INPUT ? state.passed?.inputs ?? [] : []);
    output.element.hidden = outputs.length < 2;
    output.show(outputs.map((one, i) => [String(i), `${i + 1} of ${outputs.length}: ${shorten(one.name, 40)}`]), String(state.output));
    const count = view?.samples ?? 0;
    samples.hidden = count < 1 || view?.sample === null;
    attribute(sample, "max", Math.max(count - 1, 0));
    const shown = view?.sample ?? null;
    // What is being typed stays while its answer is on its way.
    if (activeIn(sample) !== sample || shown !== null) sample.value = shown === null ? "" : String(shown);
    attribute(sample, "title", count ? `0 to ${count - 1}` : null);
    compare.element.parentElement?.toggleAttribute("hidden", focus === FILTERS || focus === null || !outputs.length);
    compare.show(comparisons(state), state.compare);
    other.hidden = state.compare !== "sample";
    other.value = String(state.other);
    attribute(other, "max", Math.max(count - 1, 0));
    keep.hidden = focus === FILTERS || focus === INPUT || focus === null;
    enable(keep, { busy: state.pending.includes("keep"), reason: state.cursor.state === "closed" ? "this view is closed" : "", title: KEEP });
    const many = (view?.planes.shape[0] ?? 0) > 1;
    scale.hidden = !many;
    attribute(own, "aria-pressed", String(!state.shared));
    attribute(shared, "aria-pressed", String(state.shared));
    // Indices, as of tokens, go into an embedding, which has no filters.
    filters.hidden = focus !== FILTERS && (focus !== INPUT || /^u?int(16|32|64)$/.test((view ?? outputs[state.output])?.dtype ?? ""));
    attribute(filters, "aria-pressed", focus === FILTERS ? "true" : null);
  }
}

/** @param {State} state @returns {[string, string][]} */
function comparisons({ cursor }) {
  return [
    ["", "nothing"],
    ["previous", "previous step"],
    ["sample", "another sample"],
    cursor.training ? ["eval", "eval mode"] : ["train", "train mode"],
    ["next batch", "next batch"],
    ["before", "before training"],
  ];
}
