// Buttons that keep their place in the focus order when they can do nothing, and say why.

import { attribute, h } from "../dom.js";
import { tooltip } from "../numbers.js";

/**
 * @param {string} text
 * @param {() => void} act
 * @param {import("../dom.js").Attributes} [attributes]
 * @param {...import("../dom.js").Child} after
 */
export function button(text, act, attributes = {}, ...after) {
  const click = (/** @type {Event} */ event) => {
    if (/** @type {Element} */ (event.currentTarget).getAttribute("aria-disabled") !== "true") act();
  };
  return h("button", { type: "button", ...attributes, onclick: click }, text, ...after);
}

/**
 * @param {HTMLElement} element
 * @param {{ reason?: string, busy?: boolean, title?: string }} now a reason makes it do nothing
 */
export function enable(element, { reason = "", busy = false, title = "" }) {
  attribute(element, "aria-disabled", reason || busy ? "true" : null);
  attribute(element, "aria-busy", busy ? "true" : null);
  attribute(element, "title", tooltip(reason ? `Not now: ${reason}` : busy ? "asked; the answer is on its way" : title) || null);
  attribute(element, "aria-description", reason || null);
}

/**
 * A choice with its name before it.
 * @param {string} name
 * @param {(value: string) => void} act
 */
export function choice(name, act) {
  const select = h("select", { "aria-label": name, onchange: () => act(select.value) });
  const element = h("span", { class: "nf-control" }, h("span", { "aria-hidden": true }, name), select);
  let written = "";
  return {
    element,
    select,
    /** @param {[string, string][]} options value and text @param {string} value */
    show(options, value) {
      const key = JSON.stringify(options);
      if (key !== written) select.replaceChildren(...options.map(([own, text]) => h("option", { value: own }, text)));
      written = key;
      select.value = value;
    },
  };
}

/**
 * A whole number to choose, with steps; acts on Enter and on every click of its arrows.
 * @param {string} name
 * @param {(value: number) => void} act
 * @param {import("../dom.js").Attributes} [attributes]
 */
export function spin(name, act, attributes = {}) {
  const input = h("input", { type: "number", "aria-label": name, class: "nf-number", min: 0, step: 1, ...attributes });
  input.addEventListener("change", () => {
    const value = Number(input.value);
    const most = input.max === "" ? Infinity : Number(input.max);
    if (input.value !== "" && Number.isFinite(value)) act(Math.min(Math.max(value, Number(input.min || -Infinity)), most));
  });
  return input;
}

/** Why a thing cannot be done now, in words; empty where it can.
 * @param {import("./types.js").Cursor} cursor
 * @param {import("./types.js").Ability} ability
 */
export function reasonAgainst(cursor, ability) {
  if (cursor.can[ability]) return "";
  if (cursor.why?.[ability]) return String(cursor.why[ability]);
  const { state } = cursor;
  if (state === "closed") return cursor.text || "this view is closed";
  if (state === "running" && ability !== "stop") return "the pass is running";
  if (ability === "stop") return "the pass is not running";
  if (ability === "edit") return "the input can be changed before the pass begins: Restart first";
  if (ability === "gradients") return cursor.text || "gradients need a loss function, and an input or parameters that require them";
  if (ability === "replace") return "only the live tensor of a suspended pass can be changed";
  if (ability === "back") return "there is no earlier step";
  if (state === "finished") return "the pass has ended: Restart begins anew";
  if (state === "failed") return "the pass has failed: Restart begins anew";
  return cursor.text || "there is nothing to do here";
}

/** What has the focus in the page, or in the shadow that an element lies in.
 * @param {Element} element
 */
export const activeIn = (element) => /** @type {Document | ShadowRoot} */ (element.getRootNode()).activeElement;
