// The left side: toolbar, grid, and a line that says what lies under the pointer.

import { changed, h, say } from "./dom.js";
import { itemOf, tally } from "./describe.js";
import { createGrid } from "./grid.js";
import { shorten } from "./numbers.js";
import { isPictures } from "./panes.js";
import { pictureCells } from "./pictures.js";
import { seriesCells } from "./series.js";
import { tableCells } from "./table.js";
import { tokenCells } from "./tokens.js";
import { createToolbar } from "./toolbar.js";

/** @typedef {import("./types.js").State} State */

/** @param {State} state */
function kindOf(state) {
  const item = itemOf(state);
  if (!item) return null;
  if (isPictures(item)) return pictureCells(state);
  if (item.decoder === "text") return tokenCells(state, item);
  return item.decoder === "table" ? tableCells(state, item) : seriesCells(state, item);
}

/**
 * @param {import("./types.js").Store} store
 * @returns {import("./types.js").View & { reveal: (sample: number) => void }}
 */
export function createMain(store) {
  const toolbar = createToolbar(store);
  const readout = h("span", { class: "nb-under" });
  const shown = h("span", { class: "nb-tally", role: "status" });
  const grid = createGrid({
    select: (sample) => store.set({ selected: sample }),
    hover: (text) => say(readout, shorten(text, 400)),
  });
  const nothing = h("p", { class: "nb-empty" });
  const element = h("section", { class: "nb-main", "aria-label": "Batch" }, toolbar.element, nothing, grid.element, h("div", { class: "nb-foot" }, shown, readout));
  /** @type {State | null} */
  let before = null;
  return {
    element,
    update(state) {
      toolbar.update(state);
      const fresh = changed(before, state, ["batch", "previous", "compare", "item", "mode", "channel", "size", "order", "masks", "opacity", "boxes"]);
      const chosen = changed(before, state, ["selected"]);
      if (!state.batch && changed(before, state, ["status"])) show(state);
      before = state;
      if (fresh) show(state);
      grid.mark(state.selected);
      if (chosen && fresh) grid.reveal(state.selected);
    },
    reveal: grid.reveal,
    destroy: grid.destroy,
  };

  /** @param {State} state */
  function show(state) {
    const kind = kindOf(state);
    nothing.hidden = kind !== null;
    grid.element.hidden = kind === null;
    toolbar.element.hidden = kind === null;
    // An error stands in the line above already.
    const told = state.status.state === "error" ? "" : state.status.text;
    say(nothing, state.batch ? emptyText(state.batch.batch.size) : told || "The batch appears here as soon as one has entered the network.");
    say(shown, state.batch ? tally(state.order.length, state.batch.batch.size) : "");
    say(readout, "");
    if (kind) grid.show(kind, state.order);
  }
}

/** @param {number} size */
const emptyText = (size) => (size === 0 ? "The batch is empty: its size is 0." : "Nothing here can be drawn; the statistics below and the notes above say what it is.");
