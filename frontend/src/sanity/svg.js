// Elements of a drawing; text in them can only become text.

import { append, attribute } from "../dom.js";

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
