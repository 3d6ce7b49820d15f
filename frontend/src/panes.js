// Which drawings stand side by side for one sample of pictures.

import { earlierOf, itemOf } from "./describe.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Pictures} Pictures */
/**
 * @typedef {object} Pane
 * @property {Pictures} pictures
 * @property {"fed" | "denormalised"} mode
 * @property {string} caption
 * @property {boolean} now whether masks and boxes belong to it
 */

/** @param {import("./types.js").Decoded | null | undefined} item @returns {item is Pictures} */
export const isPictures = (item) => item?.decoder === "image" || item?.decoder === "values";

/** @param {import("./types.js").Decoded | null | undefined} item @returns {item is import("./types.js").Series} */
export const isSeries = (item) => item?.decoder === "series" || item?.decoder === "audio";

/**
 * Now and before, as fed and de-normalised, input and decoded target: one pane each.
 * @param {State} state
 * @returns {Pane[]}
 */
export function panesOf(state) {
  const item = itemOf(state);
  if (!isPictures(item) || !state.batch) return [];
  const earlier = earlierOf(state);
  const target = state.item < state.batch.inputs.length ? state.batch.targets.find(isPictures) : undefined;
  const panes = modesOf(item, state.mode).map((mode) => ({ pictures: item, mode, caption: caption(mode, ""), now: true }));
  if (isPictures(earlier)) {
    for (const pane of panes) pane.caption = caption(pane.mode, "this time", panes.length > 1);
    const before = modesOf(earlier, state.mode);
    panes.push(...before.map((mode) => ({ pictures: earlier, mode, caption: caption(mode, "before", before.length > 1), now: false })));
  }
  if (target && target.planes.shape[0] === item.planes.shape[0]) {
    if (panes.length === 1) panes[0].caption = item.name;
    const mode = modesOf(target, state.mode)[0];
    panes.push({ pictures: target, mode, caption: target.name === item.name ? "target" : target.name, now: false });
  }
  return panes;
}

/** @param {Pictures} item @param {import("./types.js").Mode} mode @returns {("fed" | "denormalised")[]} */
function modesOf(item, mode) {
  if (!item.normalisation || mode === "fed") return ["fed"];
  return mode === "both" ? ["fed", "denormalised"] : ["denormalised"];
}

/** @param {"fed" | "denormalised"} mode @param {string} when @param {boolean} [full] */
function caption(mode, when, full = true) {
  if (!when) return mode === "fed" ? "as fed" : "de-norm.";
  return full ? `${when}, ${mode === "fed" ? "fed" : "de-norm."}` : when;
}
