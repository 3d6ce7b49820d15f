// Elements of a drawing; text in them can only become text.

import { append, attribute } from "../dom.js";
import { shorten } from "../numbers.js";

/**
 * @param {string} tag
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes]
 * @param {...import("../dom.js").Child} children
 * @returns {SVGElement}
 */
export function s(tag, attributes = {}, ...children) {
  const element = /** @type {SVGElement} */ (document.createElementNS("http://www.w3.org/2000/svg", tag));
  for (const [name, value] of Object.entries(attributes)) attribute(element, name, typeof value === "number" ? Math.round(value * 100) / 100 : value);
  append(element, children);
  return element;
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} text
 * @param {"start" | "middle" | "end"} [anchor]
 * @param {string} [kind] further class
 */
export const label = (x, y, text, anchor = "start", kind = "") => s("text", { x, y, "text-anchor": anchor, class: `ns-label ${kind}` }, text);

/** Width of a character of a label, in pixels. */
const CHARACTER = 7;

/**
 * What an axis is, no wider than there is room; the whole of it under the pointer.
 * @param {number} x
 * @param {number} y
 * @param {string} text
 * @param {number} room in pixels
 * @param {"start" | "end"} [anchor]
 */
export function axisLabel(x, y, text, room, anchor = "start") {
  const shown = shorten(text, Math.max(8, Math.min(90, Math.floor(room / CHARACTER))));
  const element = label(x, y, shown, anchor);
  if (shown !== text) element.append(s("title", {}, shorten(text, 500)));
  return element;
}
