// The chosen sample: large, with its own figures, over the histograms of the batch.

import { barsOf, fillHistograms } from "./bars.js";
import { changed, fill, h, say } from "./dom.js";
import { createExhibit } from "./exhibit.js";
import { itemOf, labelOf, sampleFacts, verdict } from "./describe.js";
import { brief, shorten, tooltip } from "./numbers.js";
import { tensorOf } from "./order.js";
import { isPictures, isSeries } from "./panes.js";
import { sampleRows } from "./values.js";

/** @typedef {import("./types.js").State} State */

/**
 * @param {import("./types.js").Store} store
 * @param {import("./samples.js").Samples} samples
 * @param {(method: string, params: object) => Promise<any>} ask
 * @returns {import("./types.js").View}
 */
export function createDetail(store, samples, ask) {
  const title = h("h3", { class: "nb-subject" });
  const facts = h("dl", { class: "nb-facts" });
  const readout = h("p", { class: "nb-readout" });
  const exhibit = createExhibit(store, ask, (text) => hover(text));
  const heading = h("h3", { class: "nb-subject" });
  const histograms = h("div", { class: "nb-histograms" });
  const bin = h("p", { class: "nb-readout" });
  const spread = h("div", { class: "nb-spread" }, heading, histograms, bin);
  const element = h("section", { class: "nb-detail", "aria-label": "Chosen sample" }, title, h("div", { class: "nb-subjectbody" }, exhibit.element, h("div", { class: "nb-figures" }, facts)), exhibit.facets, readout, spread);
  let hint = "";
  let width = 0;
  /** @type {State | null} */
  let before = null;

  const hover = (/** @type {string} */ text) => {
    say(readout, text || hint);
    readout.classList.toggle("nb-live", text !== "");
  };

  const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => {
    if (Math.abs(element.clientWidth - width) < 4 || !before) return;
    draw(before);
  });
  watch?.observe(element);

  /** @param {State} state */
  function draw(state) {
    const { batch, selected } = state;
    const item = itemOf(state);
    width = element.clientWidth;
    element.hidden = !batch || !item;
    if (!batch || !item) return;
    const inexact = isPictures(item) ? !item.exact : isSeries(item) && item.low.shape[2] !== item.length;
    const answer = inexact ? samples.want(item.name, selected) : undefined;
    const fetched = answer?.values ?? undefined;
    const label = labelOf(batch, selected, 60);
    fill(title, `Sample ${selected}`, label && h("span", { title: tooltip(batch.labels?.text[selected] ?? "") }, ` · label ${label}`));
    exhibit.show(state, fetched, Math.max((width || 500) - 26, 200));
    writeFacts(state, item);
    const rows = sampleRows(item, selected, fetched);
    hint = hintFor(item, rows?.exact ?? true, answer?.note ?? "", inexact && !answer);
    hover("");
    writeSpread(state, item, rows?.rows ?? null);
  }

  /** @param {State} state @param {import("./types.js").Decoded} item */
  function writeFacts(state, item) {
    const batch = /** @type {import("./types.js").DecodedBatch} */ (state.batch);
    const predicted = batch.predictions?.text[state.selected];
    const { icon, word, tone } = verdict(batch, state.selected);
    const pairs = sampleFacts(batch, item, state.selected).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)));
    if (predicted !== undefined) pairs.push(h("div", {}, h("dt", {}, "predicted"), h("dd", { "data-tone": tone || null, title: tooltip(`${predicted} ${word}`) }, `${icon}${shorten(predicted, 40)}`)));
    const loss = batch.losses?.data[state.selected];
    if (loss !== undefined) pairs.push(h("div", {}, h("dt", {}, "loss"), h("dd", {}, brief(loss))));
    fill(facts, ...pairs);
  }

  /** @param {State} state @param {import("./types.js").Decoded} item @param {ArrayLike<number>[] | null} rows */
  function writeSpread(state, item, rows) {
    const tensor = state.batch ? tensorOf(state.batch, item.name) : null;
    const all = tensor ? barsOf(tensor, rows) : [];
    spread.hidden = all.length === 0;
    if (!tensor?.histogram || !tensor.statistics) return;
    const { axis, names } = tensor.statistics;
    const what = axis === "all" ? "All values" : all.length === 1 ? `${axis === "channel" ? "Channel" : "Feature"} ${shorten(names[0], 40)}` : `${axis === "channel" ? "Channels" : "Features"}`;
    const part = tensor.histogram.sampled < 1 ? ` · ${brief(100 * tensor.histogram.sampled)} % of the values` : "";
    const rest = names.length > all.length ? ` · first ${all.length} of ${names.length}` : "";
    fill(heading, `${what}, whole batch${part}${rest} `, rows && h("span", { class: "nb-key" }, "this sample"));
    fillHistograms(histograms, all, Math.max((width || 500) - 28, 160), (text) => say(bin, text));
  }

  return {
    element,
    update(state) {
      if (!changed(before, state, ["batch", "previous", "compare", "item", "selected", "mode", "channel", "masks", "opacity", "boxes", "arrivals"])) return;
      before = state;
      draw(state);
    },
    destroy() {
      watch?.disconnect();
      exhibit.destroy();
    },
  };
}

/** @param {import("./types.js").Decoded} item @param {boolean} exact @param {string} note @param {boolean} coming */
function hintFor(item, exact, note, coming) {
  if (note) return shorten(note, 300);
  const picture = isPictures(item);
  if (!exact && coming) return picture ? "≈ from 8-bit values; exact ones are asked for" : "≈ reduced for drawing; exact values are asked for";
  if (picture) return "click, then wheel or + − to zoom, drag to move, 0 resets";
  return item.decoder === "text" ? "point at a token for its id" : "";
}
