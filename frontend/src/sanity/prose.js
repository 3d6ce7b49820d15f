// Sentences from Python as elements: code between backticks, measured numbers set off, names of checks as links.

import { h } from "../dom.js";
import { button } from "../forward/controls.js";
import { shorten } from "../numbers.js";

const PIECES = /(`[^`\n]{1,200}`)|(?<![\w.([,^−-])([−-]?\d+\.\d+(?:e[+−-]?\d+)?)(?!\w|\.\d)/g;

/**
 * @param {string} text
 * @param {number} [limit]
 * @returns {import("../dom.js").Child[]}
 */
export function prose(text, limit = 1200) {
  const shown = shorten(text, limit);
  /** @type {import("../dom.js").Child[]} */
  const parts = [];
  let from = 0;
  for (const found of shown.matchAll(PIECES)) {
    parts.push(shown.slice(from, found.index), found[1] ? h("code", {}, found[1].slice(1, -1)) : h("b", {}, found[2]));
    from = found.index + found[0].length;
  }
  return [...parts, shown.slice(from)];
}

/**
 * Names of checks, each of which selects its own.
 * @param {string[]} names
 * @param {(name: string) => void} select
 * @param {string} [stop] what ends the sentence, on the line of the last name
 * @returns {import("../dom.js").Child[]}
 */
export function links(names, select, stop = "") {
  const all = names.map((name) => button(name, () => select(name), { class: "nb-plain ns-link" }));
  return all.flatMap((link, i) => [h("span", { class: "ns-nowrap" }, link, i < all.length - 1 ? "," : stop), i < all.length - 1 ? " " : null]);
}
