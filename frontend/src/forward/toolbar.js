// The header: buttons of a debugger, where the pass stands, breakpoints, and modes.

import { attribute, changed, h, say } from "../dom.js";
import { count } from "../numbers.js";
import { createBreakMenu } from "./breakmenu.js";
import { button, enable, reasonAgainst } from "./controls.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Ability} Ability */

/** Method, text, key shown, keys in words, what it does. @type {[Ability, string, string, string, string][]} */
const MOVES = [
  ["restart", "⟲ Restart", "", "r", "begin the pass anew, at its first step"],
  ["over", "Over", "F10", "F10 or o", "run the next step as a whole"],
  ["into", "Into", "F11", "F11 or i", "go to the first step inside the next one"],
  ["out", "Out", "⇧F11", "Shift+F11 or u", "run to the end of the module around the cursor"],
  ["run", "Continue", "F5", "F5 or c", "run to the next breakpoint, or to the end"],
  ["back", "Back", "", "b", "look at the step before; what was recorded is kept"],
];

/** Requests that leave the pass where it is. */
const LOOKING = new Set(["look", "filters", "receptive", "breakpoint", "keep"]);

/**
 * What a key asks for; letters stand in where the browser keeps the function keys to itself.
 * @param {{ key: string, shiftKey: boolean, ctrlKey: boolean, metaKey: boolean, altKey: boolean }} event
 * @returns {Ability | null}
 */
export function moveOf(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  if (event.key === "F11") return event.shiftKey ? "out" : "into";
  if (event.shiftKey) return null;
  /** @type {Record<string, Ability>} */
  const keys = { F10: "over", F5: "run", o: "over", i: "into", u: "out", c: "run", b: "back", r: "restart" };
  return keys[event.key] ?? null;
}

/**
 * @param {import("./types.js").Store} store
 * @param {import("./types.js").Actions} actions
 * @returns {import("./types.js").View}
 */
export function createToolbar(store, actions) {
  const { ask } = actions;
  const moves = MOVES.map(([method, text, key, keys, what]) => ({
    method,
    what: `${what} (${keys})`,
    element: button(text, () => void ask(method), { "aria-keyshortcuts": keys.replace(" or ", " ") }, key && h("kbd", { "aria-hidden": true }, key)),
  }));
  const [, over] = moves;
  over.element.classList.add("nb-primary");
  const stop = button("Stop", () => void ask("stop"), { class: "nf-stop" });
  const where = h("span", { class: "nf-where", role: "status" });
  const menu = createBreakMenu(store, actions);
  const gradients = button("Backward too", () => void ask("gradients"));
  const modes = [true, false].map((training) => ({ training, element: button(training ? "train" : "eval", () => void ask("mode", { training }), { title: `run the pass in ${training ? "train" : "eval"} mode` }) }));
  const batch = button("Next batch", () => void ask("batch"));
  const element = h(
    "div",
    { class: "nf-header" },
    h("strong", { class: "nb-title" }, "Forward"),
    h("span", { class: "nf-moves", role: "toolbar", "aria-label": "Steps of the pass" }, ...moves.map((move) => move.element), stop),
    where,
    h("span", { class: "nf-modes" }, menu.element, gradients, h("span", { class: "nf-segment", role: "group", "aria-label": "Mode of the model" }, ...modes.map((mode) => mode.element)), batch),
  );
  /** @type {State | null} */
  let before = null;
  return {
    element,
    update(state) {
      menu.update(state);
      if (changed(before, state, ["cursor", "steps", "pending", "slow", "passed"])) write(state);
      before = state;
    },
    destroy: menu.destroy,
  };

  /** @param {State} state */
  function write(state) {
    const { cursor, pending, passed, slow } = state;
    for (const { method, what, element: one } of moves) enable(one, { reason: reasonAgainst(cursor, method), busy: slow && pending.includes(method), title: what });
    const running = standing(state).startsWith("running");
    stop.classList.toggle("nf-away", !running && !cursor.can.stop);
    enable(stop, { reason: reasonAgainst(cursor, "stop"), busy: pending.includes("stop"), title: "end the pass where it is" });
    say(where, standing(state));
    attribute(where, "title", standing(state));
    attribute(where, "data-busy", running);
    const has = Boolean(passed?.steps.some((step) => step.outputs.some((output) => output.gradient)));
    enable(gradients, { reason: reasonAgainst(cursor, "gradients"), busy: pending.includes("gradients"), title: has ? "gradients are shown beside the values; ask for them again" : "run the loss and its backward pass, and show each step's gradient" });
    attribute(gradients, "aria-pressed", has ? "true" : null);
    const closed = cursor.state === "closed" ? reasonAgainst(cursor, "restart") || "this view is closed" : cursor.state === "running" ? "the pass is running" : "";
    for (const { training, element: one } of modes) {
      enable(one, { reason: closed, busy: pending.includes("mode"), title: `run the pass in ${training ? "train" : "eval"} mode` });
      attribute(one, "aria-pressed", String(cursor.training === training));
    }
    enable(batch, { reason: closed || (cursor.can.next === false ? "there is no loader to take a batch from" : ""), busy: pending.includes("batch"), title: "step through the next batch of the loader" });
  }
}

/** Where the pass stands, in words.
 * @param {State} state
 */
export function standing({ cursor, steps, slow, pending, passed, stood }) {
  const all = steps.length;
  if (cursor.state === "running" || (slow && pending.some((method) => !LOOKING.has(method)))) return "running …";
  if (cursor.state === "closed") return "closed";
  if (!passed && !all) return "no pass yet";
  if (cursor.view !== null && stood !== null) return `back at step ${count(cursor.view + 1)} of ${count(all)}`;
  const index = cursor.index ?? cursor.view ?? (cursor.state === "finished" ? null : cursor.reached);
  const at = cursor.state === "finished" && index === null ? `all ${count(all)} steps` : index === null || index < 0 ? "at the start" : `step ${count(index + 1)} of ${count(all)}`;
  return cursor.state === "suspended" ? at : `${at} · ${cursor.state}`;
}
