// The figures of a step: histogram, statistics, gradients, findings, and what it was made from.

import { barsElement } from "../bars.js";
import { fill, h } from "../dom.js";
import { brief, count, plural, shape, share, shorten, tooltip } from "../numbers.js";
import { button } from "./controls.js";
import { INPUT, isReached, number } from "./pass.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Moments} Moments */

/**
 * The histogram of what is shown or, without that, of the whole output.
 * @param {HTMLElement} place
 * @param {import("./types.js").ActivationView | null} view
 * @param {Moments | null} moments
 * @param {number} width
 * @param {(text: string) => void} read
 */
export function writeHistogram(place, view, moments, width, read) {
  const bars = view?.bars.data.length ? view.bars.data : moments?.bars.data;
  const [low, high] = (view?.bars.data.length ? view.edges : moments?.edges) ?? [null, null];
  if (!bars?.length || low === null || high === null || !Array.from(bars).some(Boolean)) {
    fill(place, h("p", { class: "nf-hint" }, "There is no finite value to count."));
    return;
  }
  const edges = Array.from({ length: bars.length + 1 }, (_, i) => low + ((high - low) * i) / bars.length);
  const what = view?.compared ? "differences" : view?.sample !== null && view ? `sample ${view.sample}` : "values";
  const drawn = barsElement({ name: what, counts: bars, edges, own: null, at: null, most: high }, width, 76, false, read);
  fill(place, drawn.element);
  drawn.draw();
}

/** The figures of values, and of their gradient beside them.
 * @param {Moments | null} values
 * @param {Moments | null} gradient
 */
export function figuresTable(values, gradient) {
  if (!values) return h("p", { class: "nf-hint" }, "No statistics are known.");
  const percent = (/** @type {number} */ part) => share(part, 1);
  /** @type {[string, (of: Moments) => string][]} */
  const rows = [
    ["mean", (of) => number(of.mean)],
    ["std", (of) => number(of.std)],
    ["min", (of) => number(of.min)],
    ["max", (of) => number(of.max)],
    ["zeros", (of) => percent(of.zero)],
    ["negative", (of) => percent(of.negative)],
    ["saturated", (of) => (of.saturated ? percent(of.saturated) : "–")],
    ["not finite", (of) => (of.nan + of.inf ? `${count(of.nan)} NaN, ${count(of.inf)} ∞` : "none")],
  ];
  const bad = values.nan + values.inf > 0;
  const line = (/** @type {[string, (of: Moments) => string]} */ [name, of]) =>
    h("tr", {}, h("th", { scope: "row" }, name), h("td", { "data-tone": bad && name === "not finite" ? "bad" : null }, of(values)), gradient && h("td", {}, name === "saturated" ? "" : of(gradient)));
  const head = h("thead", {}, h("tr", {}, h("td"), h("th", { scope: "col" }, gradient ? "all samples" : "of all samples"), gradient && h("th", { scope: "col" }, "gradient")));
  const table = h("table", { class: "nf-figures" }, head, h("tbody", {}, ...rows.map(line)));
  if (values.sampled < 1) table.append(h("caption", {}, `shares from ${brief(100 * values.sampled)} % of the values`));
  return table;
}

/**
 * What a step found, was given and cost.
 * @param {State} state
 * @param {import("./types.js").Step | null} step
 * @param {(index: number) => void} select
 */
export function factsOf(state, step, select) {
  if (!step) return [];
  const findings = step.findings.map((found) => h("p", { class: "nf-finding", "data-tone": found.level }, h("span", { "aria-hidden": true }, found.level === "warn" ? "▲ " : "● "), shorten(found.text, 400)));
  const facts = h("dl", { class: "nf-facts" });
  const say = (/** @type {string} */ name, /** @type {import("../dom.js").Child[]} */ ...value) => facts.append(h("dt", {}, name), h("dd", {}, ...value.map((part) => part instanceof Node ? part : h("span", {}, part))));
  for (const use of step.inputs.slice(0, 24)) say(`${shorten(use.name, 40)} ←`, origin(state, use, select), ` ${use.dtype} ${shape(use.shape)}`);
  if (step.inputs.length > 24) say("and", `${step.inputs.length - 24} more inputs`);
  if (step.parameters.length) say("parameters", h("span", { title: tooltip(step.parameters.join(", ")) }, shorten(step.parameters.join(", "), 200)));
  if (step.note || step.in_place) say("memory", [step.in_place ? "changes its input in place" : "", step.note].filter(Boolean).join("; "));
  const note = step.outputs[state.output]?.note;
  if (note) say("output", shorten(note, 200));
  say("ran", cost(step, isReached(state, step.index)));
  return [...findings, facts];
}

/** @param {State} state @param {import("./types.js").TensorUse} use @param {(index: number) => void} select */
function origin(state, use, select) {
  const text = shorten(use.origin, 80);
  const to = use.step ?? (/^(the )?(batch|input)/.test(use.origin) ? INPUT : null);
  if (to === null) return h("span", {}, text);
  const step = state.steps.find((one) => one.index === to);
  const name = step ? `${step.name}${step.path ? ` · ${shorten(step.path, 50)}` : ""}` : text;
  return button(name, () => select(to), { class: "nb-plain", title: tooltip(`look at ${use.origin}`) });
}

/** @param {import("./types.js").Step} step @param {boolean} reached */
function cost(step, reached) {
  const parts = [
    duration(step.seconds),
    step.grad_enabled ? "autograd on" : "autograd off",
    step.autocast ? `autocast ${step.autocast}` : "",
    step.memory !== null ? `${step.memory < 0 ? "−" : "+"}${bytes(Math.abs(step.memory))} left allocated` : "",
    reached ? "" : "in the untouched run",
  ];
  return parts.filter(Boolean).join(", ");
}

/** @param {number} seconds */
export function duration(seconds) {
  if (!(seconds > 0)) return "0 s";
  if (seconds < 1e-3) return `${brief(seconds * 1e6)} µs`;
  return seconds < 1 ? `${brief(seconds * 1e3)} ms` : `${brief(seconds)} s`;
}

/** @param {number} size */
export function bytes(size) {
  if (size < 1024) return plural(size, "byte");
  const power = Math.min(Math.floor(Math.log2(size) / 10), 4);
  return `${brief(size / 1024 ** power)} ${["", "KiB", "MiB", "GiB", "TiB"][power]}`;
}
