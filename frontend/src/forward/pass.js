// What a forward pass says of itself: which steps it has now, what belongs to what, and how healthy each is.

import { brief, count, shape, shorten } from "../numbers.js";

/** @typedef {import("./types.js").Step} Step */
/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Place} Place */

export const INPUT = -1;
export const FILTERS = -2;

/**
 * The steps of the pass as it stands: those of the untouched run, with the ones of the pass being stepped in their place.
 * Where this pass has ended, what the other one did beyond it is left out.
 * @param {import("./types.js").ForwardRecord | null} passed
 * @param {{ first: number, steps: Step[] }} live
 * @param {string} state of the pass
 * @returns {Step[]}
 */
export function stepsOf(passed, live, state) {
  const steps = [...(passed?.steps ?? [])];
  for (const step of live.steps) steps[step.index] = step;
  if (live.steps.length && ["finished", "failed"].includes(state)) {
    steps.length = Math.max(...live.steps.map((step) => step.index)) + 1;
  }
  // Modules that began but have not ended may be missing where the other run had nothing at their place.
  return steps.filter(Boolean);
}

/**
 * The step that the panes speak of: chosen by hand, or the one at the cursor; before the first step, the input.
 * @param {State} state
 * @returns {number | null}
 */
export function focusOf({ selected, cursor, passed, exhibit }) {
  return selected ?? cursor.view ?? cursor.index ?? restOf(cursor, passed) ?? exhibit?.step ?? null;
}

/** Where the panes look when no step is at the cursor: at the start the input, at the end what the model gave.
 * @param {import("./types.js").Cursor} cursor
 * @param {import("./types.js").ForwardRecord | null} passed
 */
function restOf({ state, failure, reached }, passed) {
  if (state === "finished" && reached >= 0) return 0;
  if (["failed", "stopped", "running"].includes(state) && reached >= 0) return failure?.step ?? reached;
  return passed ? INPUT : null;
}

/** @param {Step[]} steps @param {number | null} index */
export function stepAt(steps, index) {
  if (index === null || index < 0) return null;
  if (steps[index]?.index === index) return steps[index];
  return steps.find((step) => step.index === index) ?? null;
}

/** The view of the step that is looked at; null while it is on its way.
 * @param {State} state
 */
export function viewOf(state) {
  const focus = focusOf(state);
  return [state.looked, state.exhibit].find((view) => view && view.step === focus) ?? null;
}

/** @param {State} state @param {number} index */
export const isReached = ({ cursor }, index) => index < 0 || index <= cursor.reached || ["finished", "closed"].includes(cursor.state);

/** The last word of what a step is called: `conv1`, `relu`.
 * @param {Step} step
 */
export function shortName(step) {
  if (step.kind === "operation") return step.name.split(".").at(-1) || step.name;
  const own = step.path.split(".").at(-1) || step.name;
  return step.call > 0 ? `${own} (call ${step.call + 1})` : own;
}

/** As a title: `F.relu` in `layer1.0`.
 * @param {Step} step
 */
export const fullName = (step) => (step.kind === "operation" ? step.name : `${step.path || "the model"} · ${step.name}`);

/** The first output's shape, and how many more there are.
 * @param {Step} step
 */
export function outputShape(step) {
  if (!step.outputs.length) return "no tensor";
  const more = step.outputs.length - 1;
  return `${shape(step.outputs[0].shape)}${more ? ` and ${more} more` : ""}`;
}

/** @param {number} value */
const percent = (value) => (value > 0 && value < 0.01 ? "<1 %" : `${Math.round(100 * value)} %`);

/** @type {Record<string, (output: import("./types.js").Activation | undefined, text: string) => string>} */
const WORDS = {
  dead: (output) => (output?.units ? `${percent(output.dead / output.units)} dead` : "dead"),
  "non-finite": (output) => (output?.moments?.nan ? "NaN" : "infinite"),
  "all-zero": () => "all zero",
  saturated: (output) => `${percent(output?.moments?.saturated ?? 1)} saturated`,
  exploding: () => "exploding",
  vanishing: () => "vanishing",
};

/**
 * How a step does, never by colour alone.
 * @param {Step} step
 * @param {boolean} failed whether it raised
 * @returns {{ icon: string, tone: "ok" | "warn" | "bad", words: string }}
 */
export function health(step, failed) {
  if (failed) return { icon: "✕", tone: "bad", words: "failed" };
  const found = step.findings.find((finding) => finding.level === "warn");
  if (!found) return { icon: "●", tone: "ok", words: "" };
  const output = step.outputs.find((one) => found.kind !== "dead" || one.dead > 0);
  const words = (WORDS[found.kind] ?? ((_, text) => text))(output, found.text);
  return { icon: "▲", tone: found.kind === "non-finite" ? "bad" : "warn", words: shorten(words, 60) };
}

/** Share of values that are not zero, 0…1; null where nothing is known.
 * @param {Step} step
 */
export function alive(step) {
  const moments = step.outputs[0]?.moments;
  return moments ? 1 - moments.zero : null;
}

/** A text for people and screen readers: name, shape and figures.
 * @param {Step} step
 */
export function describeStep(step) {
  const moments = step.outputs[0]?.moments;
  const parts = [`${step.index}: ${fullName(step)}`, outputShape(step)];
  if (moments) {
    for (const key of /** @type {const} */ (["mean", "std", "min", "max"])) parts.push(`${key} ${number(moments[key])}`);
    parts.push(`zeros ${percent(moments.zero)}`);
    if (moments.nan + moments.inf) parts.push(`${count(moments.nan + moments.inf)} not finite`);
  } else if (step.outputs[0]?.note) parts.push(step.outputs[0].note);
  return [...parts, ...step.findings.map((finding) => finding.text)].join(", ");
}

/** @param {number | null | undefined} value */
export const number = (value) => (value === null || value === undefined ? "–" : brief(value));

/**
 * Where a step was called from; without a line of its own, the nearest step around it that has one.
 * @param {Step[]} steps
 * @param {Step | null} step
 * @returns {{ place: Place | null, from: Step | null }} `from` is the step that the place belongs to
 */
export function placeOf(steps, step) {
  let at = step;
  while (at && !at.place) at = stepAt(steps, at.parent);
  return { place: at?.place ?? null, from: at };
}

/** Steps around a step, the outermost first.
 * @param {Step[]} steps
 * @param {number | null} index
 */
export function around(steps, index) {
  const found = [];
  for (let at = stepAt(steps, index)?.parent ?? null; at !== null; at = stepAt(steps, at)?.parent ?? null) found.unshift(at);
  return found;
}

/** How many steps begin on each line of a function.
 * @param {Step[]} steps
 * @param {string} file
 * @returns {Map<number, number>}
 */
export function linesUsed(steps, file) {
  const lines = new Map();
  for (const { place } of steps) if (place?.file === file) lines.set(place.line, (lines.get(place.line) ?? 0) + 1);
  return lines;
}

/** A file's own name.
 * @param {string} file
 */
export const fileName = (file) => file.split(/[\\/]/).at(-1) || file;

/** A file's name for people: the files that stand for notebook cells have names of no meaning. @param {string} file */
export const fileTitle = (file) => (/[\\/]ipykernel_\d+[\\/]|^<ipython-input/.test(file) ? "notebook cell" : fileName(file));
