// A button that opens a small form beside it: Escape and a click elsewhere close it.

import { attribute, h } from "../dom.js";
import { button } from "../forward/controls.js";

/**
 * @param {string} text of the button
 * @param {string} name of the form
 * @param {...HTMLElement} children
 */
export function createPopover(text, name, ...children) {
  const opener = button(text, () => open(form.hidden !== false), { "aria-haspopup": "dialog", "aria-expanded": "false", "aria-label": name, title: name });
  const form = h("div", { role: "dialog", "aria-label": name, class: "nd-form", hidden: true }, ...children);
  const element = h("span", { class: "ns-popover" }, opener, form);
  const outside = (/** @type {Event} */ event) => {
    if (!form.hidden && !event.composedPath().includes(element)) open(false);
  };
  document.addEventListener("pointerdown", outside);
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || form.hidden) return;
    open(false);
    opener.focus();
    event.stopPropagation();
  });

  /** @param {boolean} shown */
  function open(shown) {
    form.hidden = !shown;
    attribute(opener, "aria-expanded", String(shown));
    if (shown) /** @type {HTMLElement | null} */ (form.querySelector("input, button"))?.focus();
  }
  return { element, destroy: () => document.removeEventListener("pointerdown", outside) };
}
