// A text as a file of the user's own, made in the page: no network.

import { h } from "../dom.js";

/** @type {Record<string, string>} */
const TYPES = { html: "text/html", json: "application/json", xml: "application/xml", txt: "text/plain" };

/**
 * @param {string} name
 * @param {string} text
 * @param {Element} beside where a link may stand for a moment
 */
export function download(name, text, beside) {
  const type = TYPES[name.split(".").at(-1) ?? ""] ?? "text/plain";
  const address = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = h("a", { href: address, download: name, class: "nb-unseen" });
  beside.append(link);
  link.click();
  link.remove();
  // The browser reads the text after the click has been handled.
  setTimeout(() => URL.revokeObjectURL(address), 4_000);
}
