// What stands large in the detail pane, by what the sample is.

import { fill, h } from "./dom.js";
import { earlierOf, itemOf, nameSample } from "./describe.js";
import { sequence } from "./fetched.js";
import { isColour, lookOf } from "./look.js";
import { createMagnifier } from "./magnifier.js";
import { brief, figure, shorten, tooltip } from "./numbers.js";
import { isPictures, isSeries, panesOf } from "./panes.js";
import { boxUnder, boxesOf, maskUnder, overlayOf } from "./pictures.js";
import { createPlayer } from "./player.js";
import { describeStep, drawSeries } from "./series.js";
import { span } from "./envelope.js";
import { featureRanges, standing } from "./table.js";
import { describeToken, tokenSpans } from "./tokens.js";
import { describePixel, sharpen } from "./values.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").NdArray} NdArray */

const FACETS = 16;

/**
 * @param {import("./types.js").Store} store
 * @param {(method: string, params: object) => Promise<any>} ask
 * @param {(text: string) => void} hover
 */
export function createExhibit(store, ask, hover) {
  /** @type {import("./magnifier.js").Plate[]} */
  let plates = [];
  /** @type {State | null} */
  let last = null;
  const magnifier = createMagnifier(point, () => hover(""));
  const facets = h("div", { class: "nb-facets" });
  const pictures = h("div", {}, magnifier.element);
  const other = h("div", { class: "nb-other" });
  const player = createPlayer(ask);
  const element = h("div", { class: "nb-exhibit" }, pictures, other, player.element);

  /** @param {number} i @param {number} row @param {number} column */
  function point(i, row, column) {
    const state = /** @type {State} */ (last);
    const { pictures: shown, sample, caption } = plates[i];
    const pane = panesOf(state)[i];
    const words = describePixel(shown, sample, row, column, state.channel);
    const mask = pane?.now ? maskUnder(state, { ...pane, pictures: shown }, state.selected, row, column) : "";
    const [, , tall, wide] = shown.planes.shape;
    const box = pane?.now ? boxUnder(state, state.selected, (column + 0.5) / wide, (row + 0.5) / tall) : "";
    hover(`${plates.length > 1 ? `${caption}  ` : ""}${words}${mask}${box}`);
  }

  /** @param {State} state @param {NdArray | undefined} fetched @param {number} width */
  function showPictures(state, fetched, width) {
    const item = itemOf(state);
    const panes = panesOf(state);
    const size = panes.length === 1 ? Math.min(208, Math.max(140, width - 176)) : Math.max(Math.min(208, (width - 8 * panes.length) / Math.min(panes.length, 2)), 96);
    plates = panes.map((pane) => {
      const sharp = fetched && pane.pictures === item ? sharpen(pane.pictures, state.selected, fetched) : null;
      return {
        pictures: sharp ?? pane.pictures,
        sample: sharp ? 0 : state.selected,
        look: lookOf(pane.pictures, pane.mode, state.channel),
        overlay: overlayOf(pane, state.selected, state),
        boxes: pane.now && state.boxes ? boxesOf(state, state.selected) : [],
        caption: pane.caption,
        name: nameSample(/** @type {import("./types.js").DecodedBatch} */ (state.batch), pane.pictures, state.selected),
      };
    });
    const same = last?.selected === state.selected && last.item === state.item && last.version === state.version;
    last = state;
    magnifier.show(plates, size, same);
    fill(facets, ...facetsOf(state, plates[0]));
  }

  /** Every channel small, to choose from.
   * @param {State} state
   * @param {import("./magnifier.js").Plate} plate
   */
  function facetsOf(state, plate) {
    const { pictures: shown, sample } = plate;
    if (shown.channels.length < 2 || isColour(shown)) return [];
    const some = shown.channels.slice(0, FACETS);
    const chosen = state.channel ?? 0;
    return some.map((name, c) => {
      const one = createMagnifier(() => undefined, () => undefined);
      one.show([{ ...plate, look: lookOf(shown, "fed", c), sample, boxes: [], overlay: null }], 44, false);
      const canvas = one.element.querySelector("canvas");
      canvas?.removeAttribute("tabindex");
      canvas?.setAttribute("aria-hidden", "true");
      return h("button", { type: "button", class: "nb-facet", title: tooltip(name), "aria-label": `channel ${shorten(name, 40)}`, "aria-pressed": String(c === chosen), onclick: () => store.set({ channel: c }) }, canvas, h("span", {}, shorten(name, 8)));
    });
  }

  return {
    element,
    facets,
    /**
     * @param {State} state
     * @param {NdArray | undefined} fetched
     * @param {number} width
     */
    show(state, fetched, width) {
      const item = itemOf(state);
      const earlier = earlierOf(state);
      const before = item && earlier?.decoder === item.decoder ? earlier : null;
      pictures.hidden = facets.hidden = !isPictures(item);
      other.hidden = isPictures(item);
      element.classList.toggle("nb-wide", !isPictures(item) || panesOf(state).length > 1);
      player.choose(item?.decoder === "audio" ? { name: item.name, sample: state.selected, version: state.version } : null);
      if (isPictures(item)) showPictures(state, fetched, width);
      else if (item?.decoder === "text") fill(other, ...tokenDetail(item, before, state.selected, hover));
      else if (item?.decoder === "table") fill(other, featureList(item, before, state.selected));
      else if (item) showSeries(item, before, state, fetched, width);
      last = state;
    },
    destroy: () => player.destroy(),
  };

  /**
   * @param {import("./types.js").Series} item @param {import("./types.js").Decoded | null} before
   * @param {State} state @param {NdArray | undefined} fetched @param {number} width
   */
  function showSeries(item, before, state, fetched, width) {
    const fine = fetched ? sequence(item, fetched) : null;
    const shown = [{ series: fine ?? item, sample: fine ? 0 : state.selected, caption: before ? "this time" : "" }];
    if (isSeries(before)) shown.push({ series: before, sample: state.selected, caption: "before" });
    const range = span(item, state.channel, state.selected);
    const canvases = shown.map(({ series, sample }) => {
      const canvas = h("canvas", { class: "nb-plot", role: "img", "aria-label": `series of sample ${state.selected}, ${figure(range.low)} to ${figure(range.high)}` });
      canvas.addEventListener("pointermove", (event) => hover(describeStep(series, sample, event.offsetX / (canvas.clientWidth || 1), state.channel)));
      canvas.addEventListener("pointerleave", () => hover(""));
      return canvas;
    });
    const parts = canvases.flatMap((canvas, i) => [shown[i].caption && h("span", { class: "nb-caption" }, shown[i].caption), canvas]);
    fill(other, ...parts, h("span", { class: "nb-scale" }, h("span", {}, `${brief(range.low)} … ${brief(range.high)}`)));
    canvases.forEach((canvas, i) => drawSeries(canvas, { width, height: shown.length > 1 ? 110 : 150, range, channel: state.channel }, shown[i].series, shown[i].sample));
  }
}

/** @param {import("./types.js").Tokens} item @param {import("./types.js").Decoded | null} before @param {number} sample @param {(text: string) => void} hover */
function tokenDetail(item, before, sample, hover) {
  return [item, before].flatMap((tokens, i) => {
    if (tokens?.decoder !== "text") return [];
    const text = h("div", { class: "nb-tokens nb-all", tabindex: 0, role: "group", "aria-label": "all tokens" }, ...tokenSpans(tokens, sample, Infinity));
    text.addEventListener("pointermove", (event) => hover(describeToken(tokens, sample, event)));
    text.addEventListener("pointerleave", () => hover(""));
    return [before && h("span", { class: "nb-caption" }, i ? "before" : "this time"), text];
  });
}

/** @param {import("./types.js").Table} item @param {import("./types.js").Decoded | null} before @param {number} sample */
function featureList(item, before, sample) {
  const ranges = featureRanges(item);
  const features = item.values.shape[1];
  const list = h("div", { class: "nb-featurelist", tabindex: 0, role: "group", "aria-label": "all features" });
  for (let f = 0; f < features; f++) {
    const value = item.values.data[sample * features + f];
    const mark = h("span", { class: "nb-where" }, h("span"));
    const dot = /** @type {HTMLElement} */ (mark.firstElementChild);
    dot.style.left = `${50 + 50 * standing(value, ranges[f])}%`;
    dot.hidden = !Number.isFinite(value);
    const earlier = before?.decoder === "table" ? ` (before ${brief(before.values.data[sample * features + f])})` : "";
    const name = item.features[f] ?? String(f);
    list.append(h("span", { title: tooltip(name) }, shorten(name, 60)), h("span", { class: "nb-number" }, `${figure(value)}${earlier}`), mark);
  }
  return list;
}
