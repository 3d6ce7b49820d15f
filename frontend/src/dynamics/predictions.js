// The grid of the probe batch at the scrubber; a click or Enter selects a sample.

import { attribute, changed, fill, h, say } from "../dom.js";
import { createGrid } from "../grid.js";
import { sampleCells } from "./cells.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {(state: State, probe: import("./types.js").ProbeRecord, reading: import("./types.js").Reading, built: WeakMap<HTMLElement, any>) => import("../grid.js").Kind} Cells */

/**
 * @param {import("./types.js").Store} store
 * @param {Cells} [cells] how samples are drawn
 * @param {(probe: import("./types.js").ProbeRecord) => HTMLElement[]} [legend]
 * @returns {import("./types.js").View & { focus: () => void }}
 */
export function createPredictions(store, cells = sampleCells, legend = () => []) {
  const keys = h("div", { class: "nd-legend" });
  const foot = h("div", { class: "nd-foot", "aria-hidden": true });
  const grid = createGrid({ select: (sample) => store.set({ sample }), hover: (text) => say(foot, text) });
  attribute(grid.element, "aria-label", "Samples of the probe batch");
  const element = h("div", { class: "nd-grid" }, keys, grid.element, foot);
  /** @type {WeakMap<HTMLElement, any>} */
  const built = new WeakMap();
  /** @type {State | null} */
  let before = null;
  /** @param {State} state */
  function draw(state) {
    const probe = state.record?.probes[state.probe];
    if (probe && before?.record?.probes !== state.record?.probes) fill(keys, ...legend(probe));
    if (probe && state.reading) grid.show(cells(state, probe, state.reading, built), state.order);
  }

  return {
    element,
    focus: () => /** @type {HTMLElement | null} */ (grid.element.querySelector(".nb-cell[tabindex='0']"))?.focus(),
    update(state) {
      if (changed(before, state, ["reading", "order", "sort", "probe"]) || before?.record?.probes !== state.record?.probes) draw(state);
      grid.mark(state.sample ?? -1);
      if (state.sample !== null && before?.sample !== state.sample) grid.reveal(state.sample);
      before = state;
    },
    restyle: () => before && draw(before),
    destroy: () => grid.destroy(),
  };
}
