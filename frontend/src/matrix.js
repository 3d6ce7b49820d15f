// The head of a matrix of classes: long names stand upright, so that every column is as narrow as its counts.

import { h } from "./dom.js";
import { shorten, tooltip } from "./numbers.js";

const LEVEL = 5;
const MOST = 18;

/** @param {string} name of a class, for the head of its row and column */
export const matrixName = (name) => shorten(name, MOST);

/**
 * @param {string[]} words names of the columns, whole
 * @param {string} corner what rows and columns are
 */
export function matrixHead(words, corner) {
  const upright = words.some((word) => word.length > LEVEL);
  const heads = words.map((word) => h("th", { scope: "col", title: tooltip(word) }, h("span", {}, matrixName(word))));
  return h("thead", { class: upright ? "nb-upright" : null }, h("tr", {}, h("td", { class: "nb-between" }, corner), ...heads));
}
