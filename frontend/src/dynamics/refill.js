// Children anew, with the focus where it was.

import { fill } from "../dom.js";
import { activeIn } from "../forward/controls.js";

/**
 * @param {HTMLElement} place whose children name themselves by `data-key`
 * @param {...import("../dom.js").Child} children
 */
export function refill(place, ...children) {
  const active = /** @type {HTMLElement | null} */ (activeIn(place));
  const key = active && place.contains(active) ? active.dataset.key : undefined;
  fill(place, ...children);
  if (key === undefined) return;
  const all = /** @type {HTMLElement[]} */ ([...place.querySelectorAll("[data-key]")]);
  (all.find((one) => one.dataset.key === key) ?? all[0])?.focus();
}
