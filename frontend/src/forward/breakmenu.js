// "Break on": conditions to tick, a module or an operation to name, and the list of all breakpoints.

import { attribute, changed, fill, h, say } from "../dom.js";
import { plural, shorten, tooltip } from "../numbers.js";
import { CONDITIONS, isOn, onCondition, worded } from "./breakpoints.js";
import { activeIn, button } from "./controls.js";

/** @typedef {import("./types.js").State} State */

/**
 * @param {import("./types.js").Store} store
 * @param {import("./types.js").Actions} actions
 */
export function createBreakMenu(store, { ask }) {
  const opener = button("Break on ▾", () => open(Boolean(menu.hidden)), { "aria-expanded": "false", "aria-haspopup": "true", title: "where and when the pass stops" });
  const ticks = CONDITIONS.map(([condition, text]) => {
    const box = h("input", { type: "checkbox", onchange: () => tick(condition, box.checked) });
    return { condition, box, element: h("label", { class: "nf-tick" }, box, text) };
  });
  const list = h("ul", { class: "nf-breaks", "aria-label": "Breakpoints" });
  const none = h("p", { class: "nf-hint" }, "No breakpoints. A click on a line's number, or on the edge of a step, sets one there.");
  const kind = h("select", { "aria-label": "Break on a" }, h("option", { value: "module" }, "module"), h("option", { value: "operation" }, "operation"));
  const name = h("input", { type: "text", "aria-label": "Its path or name", class: "nf-text", placeholder: "layer1.0.conv", spellcheck: "false" });
  kind.addEventListener("change", () => (name.placeholder = kind.value === "module" ? "layer1.0.conv" : "F.softmax"));
  const form = h("form", { class: "nf-form", onsubmit: add }, kind, name, h("button", { type: "submit" }, "Add"));
  const menu = h("div", { class: "nf-menu", role: "group", "aria-label": "Breakpoints", hidden: true }, ...ticks.map((one) => one.element), form, none, list);
  const element = h("span", { class: "nf-popover" }, opener, menu);
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    open(false);
    opener.focus();
    event.stopPropagation();
  });
  const outside = (/** @type {Event} */ event) => {
    if (!menu.hidden && !event.composedPath().includes(element)) open(false);
  };
  document.addEventListener("pointerdown", outside);
  /** @type {State | null} */
  let before = null;

  /** @param {boolean} shown */
  function open(shown) {
    menu.hidden = !shown;
    attribute(opener, "aria-expanded", String(shown));
    if (shown) ticks[0].box.focus();
  }

  /** @param {string} condition @param {boolean} wanted */
  function tick(condition, wanted) {
    const point = onCondition(store.get().cursor.breakpoints, condition);
    if (!point && wanted) void ask("breakpoint", { add: { on: condition } });
    else if (point && isOn(point) !== wanted) void ask("breakpoint", { toggle: point.id });
  }

  /** @param {Event} event */
  function add(event) {
    event.preventDefault();
    const wanted = name.value.trim();
    if (!wanted) {
      name.focus();
      return;
    }
    void ask("breakpoint", { add: { on: kind.value, name: wanted } }).then((answer) => {
      if (answer !== null) name.value = "";
    });
  }

  /** @param {import("./types.js").Breakpoint} point */
  function line(point) {
    const box = h("input", { type: "checkbox", onchange: () => void ask("breakpoint", { toggle: point.id }) });
    box.checked = isOn(point);
    const text = shorten(worded(point), 120);
    return h(
      "li",
      {},
      h("label", { class: "nf-tick", title: tooltip(point.text) }, box, h("span", {}, text)),
      h("span", { class: "nf-hits" }, point.hits ? plural(point.hits, "hit") : ""),
      button("✕", () => void ask("breakpoint", { remove: point.id }), { class: "nb-plain", "aria-label": `Remove: ${text}`, title: "remove" }),
    );
  }

  return {
    element,
    /** @param {State} state */
    update(state) {
      if (!changed(before, state, ["cursor", "pending"])) return;
      const points = state.cursor.breakpoints;
      if (before?.cursor.breakpoints !== points) {
        const held = list.contains(activeIn(list));
        fill(list, ...points.map(line));
        if (held) (list.querySelector("input") ?? ticks[0].box).focus();
      }
      // A tick is believed until Python has answered.
      for (const { condition, box } of state.pending.includes("breakpoint") ? [] : ticks) {
        const point = onCondition(points, condition);
        box.checked = point !== null && isOn(point);
      }
      none.hidden = points.length > 0;
      const active = points.filter(isOn);
      say(opener, active.length === 0 ? "Break on ▾" : active.length === 1 ? `Break on: ${shorten(worded(active[0]), 22)} ▾` : `Break on: ${active.length} ▾`);
      attribute(opener, "aria-busy", state.pending.includes("breakpoint") ? "true" : null);
      before = state;
    },
    destroy: () => document.removeEventListener("pointerdown", outside),
  };
}
