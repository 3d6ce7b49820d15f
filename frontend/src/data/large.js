// One sample large, drawn as the batch view draws it.

import { createExhibit } from "../exhibit.js";
import { fill, h, say } from "../dom.js";
import { isPictures } from "../panes.js";
import { problemLine } from "./fields.js";
import { createThumbs } from "./thumbs.js";

/** @typedef {import("../types.js").DecodedBatch} DecodedBatch */

/** What the batch view would hold of one sample, as far as its drawing asks. @param {DecodedBatch} batch @param {number} at @param {number} version @returns {import("../types.js").State} */
function stateOf(batch, at, version) {
  const first = batch.inputs[0];
  const natural = isPictures(first) && first.normalisation !== null;
  const state = { batch, previous: null, compare: false, item: 0, mode: natural ? "denormalised" : "fed", channel: null, selected: at, masks: true, opacity: 0.45, boxes: true, version, arrivals: 0 };
  return /** @type {import("../types.js").State} */ (/** @type {unknown} */ (state));
}

/** The batch without what its samples are called. @param {DecodedBatch} batch @returns {DecodedBatch} */
export const unlabelled = (batch) => ({ ...batch, labels: null, predictions: null, correct: null, losses: null, masks: null, boxes: null, targets: [] });

/**
 * @param {import("./previews.js").Previews} previews
 * @param {{ hidden?: boolean, size?: number }} [how] hidden: nothing of it tells the label
 */
export function createLarge(previews, { hidden = false, size = 320 } = {}) {
  /** @type {import("../types.js").State | null} */
  let state = null;
  let width = 0;
  let version = 0;
  /** @type {object | null} */
  let shown = null;
  const readout = h("p", { class: "nb-readout" });
  /** @type {import("../types.js").Store} */
  const store = {
    get: () => /** @type {import("../types.js").State} */ (state),
    set(patch) {
      if (state) state = { ...state, ...patch };
      if (state) exhibit.show(state, undefined, width);
    },
    subscribe: () => () => undefined,
  };
  const exhibit = createExhibit(store, () => Promise.reject(new Error("sound is played in inspector.batch()")), (text) => say(readout, text));
  const thumb = createThumbs(previews, size);
  const place = h("div", { class: "ne-thumb ne-largethumb" });
  const element = h("div", { class: "ne-large" });
  return {
    element,
    /** Whether there is something to see. @param {number} row @param {number} wide */
    show(row, wide) {
      const preview = previews.get(row);
      const batch = preview?.batch ?? null;
      if (!batch || (hidden && isPictures(batch.inputs[0]))) {
        thumb(place, row);
        if (preview?.error) fill(place, problemLine(preview.error));
        fill(element, place);
        state = null;
        shown = null;
        return batch !== null;
      }
      if (shown === preview && Math.abs(width - wide) < 4) return true;
      width = wide;
      shown = preview;
      state = stateOf(hidden ? unlabelled(batch) : batch, preview?.at ?? 0, ++version);
      if (exhibit.element.parentElement !== element) fill(element, exhibit.element, exhibit.facets, readout);
      exhibit.show(state, undefined, wide);
      return true;
    },
    destroy: () => exhibit.destroy(),
  };
}
