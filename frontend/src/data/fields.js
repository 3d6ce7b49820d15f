// A field to search in, and words on what went wrong.

import { h, say } from "../dom.js";
import { shorten } from "../numbers.js";

/** @param {string} what is searched for @param {() => void} act */
export const searchField = (what, act) => h("input", { type: "text", class: "ne-search", placeholder: what.toLowerCase(), "aria-label": what, oninput: act });

/** What went wrong, said at once. @param {string} [text] */
export function problemLine(text = "") {
  const element = h("p", { class: "ne-problem", role: "alert" });
  tell(element, text);
  return element;
}

/** Says what went wrong, or nothing. @param {HTMLElement} line @param {string} text */
export function tell(line, text) {
  say(line, text ? `✕ ${shorten(text, 1000)}` : "");
  line.hidden = text === "";
}
