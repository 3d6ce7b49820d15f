// Samples as points: which map or which two columns, in which colours, and the legend of those.

import { changed, fill, h, say } from "../dom.js";
import { classColour, css, SEQUENTIAL } from "../colour.js";
import { button, choice, enable } from "../forward/controls.js";
import { brief, count, shorten, tooltip } from "../numbers.js";
import { wordsOf } from "./actions.js";
import { problemLine, tell } from "./fields.js";
import { createPoints, shapeOf } from "./points.js";
import { numbersOf } from "./numbers.js";
import { reasonAgainst, withTarget } from "./state.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").ScatterView} ScatterView */

const LEGEND = 14;
/** Colours that say most, first. */
const COLOURS = ["label", "correct", "loss", "error", "prediction"];

/**
 * @param {import("./types.js").Kit} kit
 * @returns {import("./types.js").View}
 */
export function createScatter(kit) {
  const { store, actions } = kit;
  const what = choice("Draw", (value) => {
    pair = value === "pair";
    if (pair) drawPair();
    else void ask({ map: value, colour: colour.select.value || null });
    controls(store.get());
  });
  const [x, y] = [choice("x", () => drawPair()), choice("y", () => drawPair())];
  const colour = choice("Colour", () => (pair ? drawPair() : void ask({ map: what.select.value, colour: colour.select.value || null })));
  const every = button("Select all that match", () => void actions.ask("select", { all: true }));
  const title = h("span", { class: "ne-charttitle" });
  const note = h("span", { class: "ne-soft" });
  const problem = problemLine();
  const legend = h("div", { class: "ne-legend" });
  const points = createPoints(kit);
  const element = h("section", { class: "ne-chart ne-scatter", "aria-label": "Samples as points" }, h("div", { class: "ne-charthead" }, title, what.element, x.element, y.element, colour.element), problem, points.element, legend, h("div", { class: "ne-chartfoot" }, every, note));
  let pair = false;
  let asked = "";
  /** @type {State | null} */
  let before = null;

  /** @param {object} params */
  async function ask(params) {
    tell(problem, "");
    try {
      await actions.request("scatter", params);
    } catch (error) {
      tell(problem, wordsOf(error));
      controls(store.get());
    }
  }

  function drawPair() {
    const names = numeric(store.get());
    const [across, up] = [x.select.value || names[0], y.select.value || names[1] || names[0]];
    if (across) void ask({ x: across, y: up, colour: colour.select.value || null });
  }

  /** A first map, once for each split. @param {State} state */
  function begin({ dataset, view, status }) {
    const key = `${dataset?.name} ${dataset?.split}`;
    if (!dataset?.complete || view?.scatter || asked === key || status.state !== "idle" || dataset.scanned < 3) return;
    asked = key;
    const first = withTarget(dataset, COLOURS).find((name) => dataset.columns.some((own) => own.name === name && own.kind !== "text"));
    void ask({ map: "pca", colour: first ?? null });
  }

  /** @param {State} state */
  function controls(state) {
    const view = state.view?.scatter ?? null;
    const names = numeric(state);
    const options = names.map((name) => /** @type {[string, string]} */ ([name, shorten(name, 24)]));
    what.show([["pca", "map (PCA)"], ["umap", "map (UMAP)"], ["pair", "two columns"]], pair ? "pair" : /umap/i.test(view?.title ?? "") ? "umap" : "pca");
    x.show(options, view && names.includes(view.x) ? view.x : x.select.value || names[0]);
    y.show(options, view && names.includes(view.y) ? view.y : y.select.value || (names[1] ?? names[0]));
    x.element.hidden = y.element.hidden = !pair;
    const coloured = (state.dataset?.columns ?? []).filter(({ kind }) => kind !== "text" && kind !== "index");
    colour.show([["", "none"], ...coloured.map(({ name }) => /** @type {[string, string]} */ ([name, shorten(name, 24)]))], view?.colour ?? colour.select.value ?? "");
  }

  return {
    element,
    update(state) {
      points.update(state);
      if (!changed(before, state, ["dataset", "view", "status"])) return;
      begin(state);
      const view = state.view?.scatter ?? null;
      if (view !== before?.view?.scatter) {
        pair = view ? numeric(state).includes(view.x) : pair;
        writeLegend(view);
      }
      before = state;
      controls(state);
      element.hidden = !state.dataset?.scanned;
      say(title, view ? "" : "Map");
      title.hidden = view !== null;
      const many = state.view?.count ?? 0;
      say(every, `Select all that match (${count(many)})`);
      enable(every, { reason: reasonAgainst(state) || (many ? "" : "no sample matches"), title: "what a lasso does, without a pointer: write a query, then select its samples" });
      say(note, [view?.note, view && "drag a loop to select, ⇧ adds, alt takes away"].filter(Boolean).join(" · "));
    },
    restyle: points.draw,
    destroy: points.destroy,
  };

  /** @param {ScatterView | null} view */
  function writeLegend(view) {
    legend.hidden = !view?.colour;
    if (!view?.colour) return;
    if (!view.words) {
      const ramp = h("span", { class: "ne-ramp" });
      ramp.style.background = `linear-gradient(to right, ${SEQUENTIAL.map((one) => css(one)).join(", ")})`;
      return fill(legend, h("b", {}, shorten(view.colour, 30)), h("span", {}, brief(view.low ?? NaN)), ramp, h("span", {}, brief(view.high ?? NaN)));
    }
    const used = new Set(Array.from(numbersOf(view.codes)));
    const words = view.words.flatMap((word, code) => (used.has(code) ? [{ word, code }] : []));
    fill(legend, h("b", {}, shorten(view.colour, 30)), ...words.slice(0, LEGEND).map(({ word, code }) => h("span", { class: "ne-key", title: tooltip(word) }, keyOf(code), shorten(word, 18))), words.length > LEGEND && h("span", { class: "ne-soft" }, `and ${count(words.length - LEGEND)} more: point at a sample`));
  }
}

/** The sign of a class in the legend. @param {number} code */
function keyOf(code) {
  const sign = h("span", { class: "ne-sign", "aria-hidden": true }, ["●", "■", "▲", "◆", "▼", "✚", "★"][shapeOf(code)]);
  sign.style.color = css(classColour(code));
  return sign;
}

/** Columns that can be an axis. @param {State} state */
const numeric = ({ dataset }) => (dataset?.columns ?? []).filter(({ kind }) => kind === "number" || kind === "class" || kind === "flag").map(({ name }) => name);
