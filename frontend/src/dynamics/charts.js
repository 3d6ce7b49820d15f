// The column of charts: what was measured at each step of the run.

import { attribute, changed, h, say } from "../dom.js";
import { button } from "../forward/controls.js";
import { brokenStretches, held, isThinned, place, smooth, steps } from "./lines.js";
import { createPlot } from "./plot.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Trace} Trace */
/** @typedef {{ title: string, names: string[], height: number, log?: boolean, zero?: boolean, stepped?: boolean, guide?: number, hint: string, words?: Record<string, string> }} Chart */

/** @type {Chart[]} */
const FIRST = [
  { title: "Loss", names: ["loss", "validation loss", "probe loss"], height: 160, hint: "training loss of each step; validation over the whole validation set", words: { loss: "train", "validation loss": "validation", "probe loss": "probe" } },
  { title: "Jitter of predictions on the probe batch", names: ["jitter"], height: 112, zero: true, hint: "how far the reading before strays from the straight line between its neighbours in time; steady drift is no jitter", words: { jitter: "first probe" } },
  { title: "Update ÷ weight, per layer", names: ["update ratio"], height: 130, log: true, guide: 1e-3, hint: "norm of the change of a layer's parameters in one step over the norm of the parameters before; about 1e-3 is usual (dotted)" },
  { title: "Accuracy", names: ["validation accuracy", "probe accuracy"], height: 118, hint: "share of samples whose likeliest class is right", words: { "validation accuracy": "validation", "probe accuracy": "probe" } },
  { title: "Learning rate", names: ["rate"], height: 110, log: true, stepped: true, hint: "of each parameter group" },
  { title: "Gradient norm", names: ["gradient norm"], height: 118, log: true, hint: "of all parameters together, or of each layer" },
];
const LATER = ["weight norm", "samples per second"];
const KNOWN = new Set([...FIRST.flatMap((chart) => chart.names), ...LATER]);
const PAGE = 8;
const DASHES = [undefined, [7, 4], [2, 3]];

/**
 * @param {import("./types.js").Store} store
 * @param {import("./around.js").Around} around
 * @returns {import("./types.js").View}
 */
export function createCharts(store, around) {
  /** @type {Map<string, ReturnType<typeof createEntry>>} */
  const entries = new Map();
  /** @type {State | null} */
  let before = null;
  const log = button("log", () => store.set({ log: !store.get().log }), { class: "nd-small", "aria-pressed": "false", title: "draw the loss on a logarithmic scale" });
  const slider = h("input", { type: "range", min: 0, max: 0.99, step: 0.01, "aria-label": "Smoothing", title: "weight of the past in the running mean; what was measured stays faint behind", oninput: () => store.set({ smoothing: Number(slider.value) }) });
  const whole = button("all steps", () => around.zoom(null), { class: "nd-small", hidden: true });
  const tools = h("div", { class: "nd-charttools", role: "group", "aria-label": "How lines are drawn" }, h("label", { class: "nd-soft" }, "smooth ", slider), log, whole);
  const first = h("div", { class: "nd-charts" });
  const later = h("div", { class: "nd-charts" });
  const more = h("details", { class: "nd-more", hidden: true, ontoggle: () => before && draw(before, true) }, h("summary", {}, "More"), later);
  const empty = h("p", { class: "nd-soft nd-none" }, "Nothing has been measured yet.");
  const element = h("section", { class: "nd-measured", "aria-label": "Measurements over steps", tabindex: -1 }, tools, empty, first, more);

  /** @param {Chart} chart */
  function createEntry(chart) {
    const plot = createPlot(chart.title, chart.height, around);
    attribute(plot.caption, "title", chart.hint);
    const page = button("", () => {
      entry.from += PAGE;
      if (before) draw(before, true);
    }, { class: "nd-small" });
    plot.caption.append(page);
    const entry = { plot, page, from: 0 };
    return entry;
  }

  /** @param {Chart} chart @param {Trace[]} all @param {State} state @param {HTMLElement} into */
  function drawChart(chart, all, state, into) {
    const traces = all.filter((trace) => chart.names.includes(trace.name) && trace.step.data.length > 0);
    traces.sort((a, b) => chart.names.indexOf(a.name) - chart.names.indexOf(b.name));
    const found = entries.get(chart.names[0]) ?? (traces.length ? createEntry(chart) : null);
    if (!found) return;
    entries.set(chart.names[0], found);
    found.plot.element.hidden = traces.length === 0;
    if (!found.plot.element.isConnected) into.append(found.plot.element);
    if (found.from >= traces.length) found.from = 0;
    const shown = traces.slice(found.from, found.from + PAGE).map((trace) => (chart.stepped ? held(trace, state.record?.steps ?? 0) : trace));
    found.page.hidden = traces.length <= PAGE;
    say(found.page, `${found.from + 1}–${found.from + shown.length} of ${traces.length} ▸`);
    found.plot.show(pictureOf(chart, shown, state));
  }

  /** @param {State} state @param {boolean} all */
  function draw(state, all) {
    const traces = state.record?.traces ?? [];
    for (const chart of FIRST) drawChart(chart, traces, state, first);
    const names = [...LATER, ...new Set(traces.map((trace) => trace.name))].filter((name, i, list) => list.indexOf(name) === i && (LATER.includes(name) || !KNOWN.has(name)) && traces.some((trace) => trace.name === name));
    more.hidden = names.length === 0;
    if (more.open && all) for (const name of names) drawChart({ title: titleOf(name), names: [name], height: 110, hint: name }, traces, state, later);
  }

  return {
    element,
    update(state) {
      const measured = changed(before, state, ["log", "smoothing"]) || before?.record?.traces !== state.record?.traces;
      const marked = changed(before, state, ["at", "reading"]) || before?.record?.moments !== state.record?.moments;
      before = state;
      whole.hidden = !around.isZoomed();
      empty.hidden = Boolean(state.record?.traces.length);
      tools.hidden = !empty.hidden;
      attribute(log, "aria-pressed", String(state.log));
      if (Number(slider.value) !== state.smoothing) slider.value = String(state.smoothing);
      if (measured) draw(state, true);
      if (marked) for (const plot of around.plots) plot.redraw();
    },
    restyle() {
      for (const plot of around.plots) plot.redraw();
    },
    destroy() {
      for (const entry of entries.values()) entry.plot.destroy();
    },
  };
}

/**
 * @param {Chart} chart
 * @param {Trace[]} traces
 * @param {State} state
 * @returns {import("./plot.js").Picture}
 */
function pictureOf(chart, traces, state) {
  const x = steps(traces);
  const log = chart.names[0] === "loss" ? state.log : chart.log === true;
  const weight = chart.stepped ? 0 : state.smoothing;
  const lines = traces.map((trace, i) => {
    const at = trace.step.data;
    const row = (/** @type {ArrayLike<number>} */ values) => place(x, at, values, log);
    const mean = smooth(trace.mean.data, weight);
    const thin = isThinned(trace);
    return {
      name: nameOf(chart, trace, traces),
      row: row(mean),
      said: log ? place(x, at, mean, false) : undefined,
      colour: i,
      dash: dashOf(chart, trace, i),
      faint: weight && !thin ? row(trace.mean.data) : null,
      low: thin ? row(trace.low.data) : null,
      high: thin ? row(trace.high.data) : null,
    };
  });
  return { x, lines, log, zero: chart.zero, stepped: chart.stepped, guide: chart.guide, broken: traces.flatMap(brokenStretches) };
}

/** Validation is dashed; layers are told apart by dashes too, once colours are hard to.
 * @param {Chart} chart @param {Trace} trace @param {number} i
 */
function dashOf(chart, trace, i) {
  if (trace.name.startsWith("validation")) return [6, 4];
  if (chart.names.length > 1) return trace.part ? [8, 3, 2, 3] : trace.name.startsWith("probe") ? [2, 3] : undefined;
  return DASHES[Math.floor(i / 3) % DASHES.length];
}

/** @param {Chart} chart @param {Trace} trace @param {Trace[]} all */
function nameOf(chart, trace, all) {
  const word = chart.words?.[trace.name] ?? (chart.names.length > 1 ? trace.name : "");
  const several = all.filter((other) => other.name === trace.name).length > 1;
  if (chart.names.length > 1) return trace.part && several ? `${word} ${trace.part}` : word;
  return trace.part || (several ? word : "");
}

/** @param {string} name */
const titleOf = (name) => name.charAt(0).toUpperCase() + name.slice(1);
