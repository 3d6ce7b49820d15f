// A button that opens a menu, with the keys that menus have.

import { attribute, fill, h, say } from "../dom.js";
import { activeIn, button, enable } from "../forward/controls.js";

/** @typedef {{ text: string, hint?: string, act: () => void }} Item */

/**
 * @param {string} text of the button
 * @param {string} name of the menu
 * @param {import("../dom.js").Attributes} [attributes] of the menu
 */
export function createMenu(text, name, attributes = {}) {
  const opener = button(`${text} ▾`, () => open(menu.hidden !== false), { "aria-haspopup": "menu", "aria-expanded": "false" });
  const menu = h("div", { role: "menu", "aria-label": name, ...attributes, class: `ns-menu ${attributes.class ?? ""}`, hidden: true });
  const element = h("span", { class: "ns-popover" }, opener, menu);
  const outside = (/** @type {Event} */ event) => {
    if (!menu.hidden && !event.composedPath().includes(element)) open(false);
  };
  document.addEventListener("pointerdown", outside);
  menu.addEventListener("keydown", moved);
  opener.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" || opener.getAttribute("aria-disabled") === "true") return;
    event.preventDefault();
    open(true);
  });
  let written = "";

  /** @param {boolean} shown */
  function open(shown) {
    menu.hidden = !shown;
    attribute(opener, "aria-expanded", String(shown));
    if (shown) items()[0]?.focus();
  }

  const items = () => /** @type {HTMLElement[]} */ ([...menu.children]);

  /** @param {KeyboardEvent} event */
  function moved(event) {
    const all = items();
    const now = all.indexOf(/** @type {HTMLElement} */ (activeIn(menu)));
    const next = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: -1 }[event.key];
    if (next !== undefined) all.at(next % all.length)?.focus();
    else if (event.key === "Escape") {
      open(false);
      opener.focus();
    } else if (event.key === "Tab") {
      open(false);
      return;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return {
    element,
    /** @param {Item[]} wanted @param {{ reason?: string, title?: string }} now */
    show(wanted, now) {
      enable(opener, now);
      if (now.reason && !menu.hidden) open(false);
      const key = JSON.stringify(wanted);
      if (key === written) return;
      written = key;
      fill(menu, ...wanted.map(({ text: own, hint = "", act }) => h("button", { type: "button", role: "menuitem", tabindex: -1, onclick: () => (open(false), opener.focus(), act()) }, h("span", {}, own), hint && h("span", { class: "ns-soft" }, hint))));
    },
    /** @param {string} now */
    name: (now) => say(opener, now),
    destroy: () => document.removeEventListener("pointerdown", outside),
  };
}
