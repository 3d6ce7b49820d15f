// The histogram of a chosen column, over all samples and over those that are shown; a range of it filters.

import { attribute, changed, fill, h, say } from "../dom.js";
import { button, choice } from "../forward/controls.js";
import { count, plural, shorten } from "../numbers.js";
import { createNumberBars } from "./bars.js";
import { createClassBars } from "./classbars.js";
import { numbersOf } from "./numbers.js";
import { reasonAgainst, withTarget } from "./state.js";

/** @typedef {import("./types.js").State} State */

/** What is looked at first, where there is such a column. */
const FIRST = ["loss", "error", "label", "mean", "length"];

/**
 * @param {import("./types.js").Kit} kit
 * @returns {import("./types.js").View}
 */
export function createHistogram({ store, actions }) {
  const column = choice("Column", (name) => void actions.ask("histogram", { column: name }));
  const about = h("span", { class: "ne-soft" });
  const clear = button("Clear the range", () => void actions.ask("brush", { column: null }), { class: "nb-plain" });
  const bars = createNumberBars((low, high) => {
    const name = store.get().view?.histogram?.column;
    if (name) void actions.ask("brush", { column: name, low, high });
  });
  const classes = createClassBars((word) => {
    const own = store.get().view?.histogram;
    if (!own) return;
    const held = wordsOf(own);
    const words = held.includes(word) ? held.filter((one) => one !== word) : [...held, word];
    void actions.ask("brush", words.length ? { column: own.column, words } : { column: null });
  });
  const place = h("div", { class: "ne-histogram" });
  const element = h("section", { class: "ne-chart", "aria-label": "Histogram" }, h("div", { class: "ne-charthead" }, column.element, about, clear), place);
  /** @type {State | null} */
  let before = null;
  let asked = "";

  /** Asks for a first one, once for each split, and once more when it was predicted. @param {State} state */
  function begin({ dataset, view, status }) {
    const key = `${dataset?.name} ${dataset?.split} ${dataset?.predicted}`;
    if (!dataset?.scanned || asked === key || status.state === "closed") return;
    // Losses that have just come are what one wants to see; else what is there stays.
    const fresh = asked === `${dataset.name} ${dataset.split} false` && view?.histogram?.column !== "loss";
    asked = key;
    if (view?.histogram && !fresh) return;
    const name = withTarget(dataset, FIRST).find((one) => dataset.columns.some((own) => own.name === one && own.kind !== "text")) ?? dataset.columns.find((own) => own.kind === "number")?.name;
    if (name) void actions.ask("histogram", { column: name });
  }

  return {
    element,
    update(state) {
      if (!changed(before, state, ["dataset", "view", "status"])) return;
      begin(state);
      const { dataset } = state;
      const view = state.view?.histogram ?? null;
      const columns = (dataset?.columns ?? []).filter(({ kind }) => kind !== "text");
      column.show(columns.map(({ name }) => [name, shorten(name, 30)]), view?.column ?? "");
      const facts = columns.find(({ name }) => name === view?.column);
      attribute(column.element, "title", facts?.help || null);
      clear.hidden = !view?.brush;
      element.hidden = columns.length === 0;
      if (view !== before?.view?.histogram || before === null) show(state, view);
      before = state;
    },
    restyle: () => bars.draw(),
    destroy: bars.destroy,
  };

  /** @param {State} state @param {import("./types.js").HistogramView | null} view */
  function show(state, view) {
    say(about, view ? (view.kind === "number" ? "drag to filter" : "click to filter") : "");
    if (!view) return fill(place, h("p", { class: "ne-soft" }, reasonAgainst(state) || "Choose a column."));
    const own = view.kind === "number" ? bars.element : classes.element;
    if (own.parentElement !== place) fill(place, own);
    if (view.kind === "number") {
      bars.show({ name: view.column, edges: numbersOf(view.edges), all: numbersOf(view.all), shown: numbersOf(view.shown), other: view.other ? numbersOf(view.other) : null, range: isRange(view.brush) ? view.brush : null });
      return;
    }
    const [all, shown] = [numbersOf(view.all), numbersOf(view.shown)];
    classes.show((view.words ?? []).map((word, i) => ({ word, whole: all[i], part: shown[i] })), { chosen: wordsOf(view), note: view.more ? `and ${plural(view.more, "rarer word")}` : "", name: (bar) => `${bar.word}: ${count(bar.part)} shown of ${count(bar.whole)}` });
  }
}

/** @param {import("./types.js").HistogramView["brush"]} brush @returns {brush is [number, number]} */
const isRange = (brush) => Array.isArray(brush) && typeof brush[0] === "number";

/** Words that the brush holds. @param {import("./types.js").HistogramView} view @returns {string[]} */
const wordsOf = ({ brush }) => (Array.isArray(brush) && typeof brush[0] === "string" ? /** @type {string[]} */ (brush) : []);
