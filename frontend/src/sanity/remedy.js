// The remedy: a sentence, and the code with what goes and what comes.

import { h, say } from "../dom.js";
import { button } from "../forward/controls.js";
import { shorten } from "../numbers.js";
import { prose } from "./prose.js";

/** How long a copy is said to have been made, in milliseconds. */
const SAID = 2000;

/**
 * @param {string} remedy
 * @param {string} code
 */
export function remedyElement(remedy, code) {
  if (!remedy && !code) return null;
  return h("div", { class: "ns-remedy" }, h("p", { class: "ns-heading" }, "Remedy"), remedy && h("p", {}, ...prose(remedy, 800)), code && codeElement(shorten(code, 6000)));
}

/** @param {string} code */
function codeElement(code) {
  const copy = button("Copy", () => void copied(codeToCopy(code)), { class: "ns-copy", title: "copy the code as it is to be" });
  async function copied(/** @type {string} */ text) {
    const done = await toClipboard(text, copy);
    say(copy, done ? "Copied" : "Select it by hand");
    setTimeout(() => say(copy, "Copy"), SAID);
  }
  const lines = code.replace(/\s+$/, "").split("\n").map((line) => {
    const kind = /^[-−](\s|$)/.test(line) ? "gone" : /^\+(\s|$)/.test(line) ? "come" : null;
    return h("span", { class: "ns-codeline", "data-kind": kind }, kind === "gone" && h("span", { class: "nb-unseen" }, "remove: "), kind === "come" && h("span", { class: "nb-unseen" }, "add: "), `${line}\n`);
  });
  return h("div", { class: "ns-code" }, copy, h("pre", { tabindex: 0, "aria-label": "Code" }, ...lines));
}

/** The code as it is to be: without what goes, and without the marks of what comes.
 * @param {string} code
 */
export function codeToCopy(code) {
  const lines = code.replace(/\s+$/, "").split("\n").filter((line) => !/^[-−](\s|$)/.test(line));
  return lines.map((line) => line.replace(/^\+ ?/, "")).join("\n");
}

/**
 * Pages that are not served safely have no clipboard; there an old command of the browser's does it.
 * @param {string} text
 * @param {Element} beside
 */
async function toClipboard(text, beside) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h("textarea", { class: "nb-unseen", "aria-hidden": true });
    area.value = text;
    beside.after(area);
    area.select();
    const done = document.execCommand?.("copy") ?? false;
    area.remove();
    return done;
  }
}
