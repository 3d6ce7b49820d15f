// The header: what to run, how far it has come, what to keep of it.

import { attribute, changed, h, say } from "../dom.js";
import { button, enable } from "../forward/controls.js";
import { plural } from "../numbers.js";
import { createMenu } from "./menu.js";
import { SWAP, isSwapping } from "./swap.js";
import { isRunning, standing } from "./words.js";

/** @typedef {import("./types.js").State} State */

/** Form, its name, what it is for. */
const FORMS = [
  ["html", "HTML page", "to read and to send; needs no script"],
  ["json", "JSON", "every number, for programs"],
  ["junit", "JUnit XML", "for CI servers"],
  ["text", "Plain text", "for a terminal or a message"],
];

/**
 * @param {import("./types.js").Actions} actions
 * @returns {import("./types.js").View}
 */
export function createToolbar({ run, plain: turn, cancel, save }) {
  const all = button("Run all", () => run(null), { class: "ns-go" });
  const stage = createMenu("Run stage", "Stages");
  const stop = button("Cancel", cancel);
  const where = h("span", { class: "ns-where" });
  const swap = button("Model or data?", () => run([SWAP.name]));
  const plain = button("Plain", () => turn(plain.getAttribute("aria-pressed") !== "true"), {}, h("span", { class: "ns-soft ns-wide" }, " (no augmentation, no regularisation)"));
  const keep = createMenu("Export", "Forms", { class: "ns-right" });
  const bar = h("div", { class: "ns-progress", role: "progressbar", "aria-label": "Checks", "aria-valuemin": 0 }, h("span"));
  const element = h("div", { class: "ns-header" }, h("strong", { class: "nb-title" }, "Sanity"), h("span", { class: "ns-buttons", role: "toolbar", "aria-label": "Run the checks" }, all, stage.element, stop), where, h("span", { class: "ns-buttons" }, swap, plain, keep.element), bar);
  const filled = /** @type {HTMLElement} */ (bar.firstElementChild);
  /** @type {State | null} */
  let before = null;
  return {
    element,
    update(state) {
      if (!changed(before, state, ["catalogue", "record", "plain", "swap", "progress", "status", "pending", "stuck"])) return;
      before = state;
      const { catalogue, record, progress, pending, status } = state;
      const running = isRunning(state);
      const closed = status.state === "closed" ? status.text || "this view is closed" : "";
      const reason = closed || (running ? "checks are running" : "");
      enable(all, { reason, title: `run all ${plural(catalogue.length, "check")}` });
      const stages = [...new Set(catalogue.map((facts) => facts.stage))];
      stage.show(stages.map((name) => ({ text: named(name), hint: plural(catalogue.filter((facts) => facts.stage === name).length, "check"), act: () => run([name]) })), { reason, title: "run the checks of one stage" });
      enable(stop, { reason: closed || (running ? "" : "no checks are running"), busy: pending.includes("cancel"), title: "end the run; what has been found stands" });
      enable(swap, { reason, title: "which is at fault? Trains your model and a known one on your data and on known ones, on copies" });
      attribute(plain, "aria-pressed", String(state.plain));
      enable(plain, { reason, busy: pending.includes("plain"), title: "run on a copy without augmentation and regularisation (dropout, weight decay); each kind of run keeps its own results" });
      const missing = record || state.swap ? "" : "there is nothing to export yet";
      keep.show(FORMS.map(([form, text, hint]) => ({ text, hint, act: () => save(form) })), { reason: closed || (running ? "checks are running" : missing), title: "save the report as a file" });
      const text = standing(state);
      say(where, text);
      attribute(where, "title", text);
      attribute(where, "data-tone", state.stuck ? "warn" : null);
      attribute(where, "data-busy", running && !state.stuck);
      const away = progress === null || isSwapping(state);
      bar.classList.toggle("ns-away", away);
      attribute(bar, "aria-hidden", away);
      attribute(bar, "aria-valuemax", progress?.total);
      attribute(bar, "aria-valuenow", progress?.done);
      attribute(bar, "aria-valuetext", progress ? text : null);
      filled.style.width = progress ? `${(100 * progress.done) / Math.max(progress.total, 1)}%` : "0";
    },
    destroy() {
      stage.destroy();
      keep.destroy();
    },
  };
}

/** A stage as a heading.
 * @param {string} stage
 */
export const named = (stage) => stage.charAt(0).toUpperCase() + stage.slice(1);
