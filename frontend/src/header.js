// The line of facts and the buttons that ask Python for something.

import { attribute, changed, fill, h, say } from "./dom.js";
import { provenance, waitingFor, warnings } from "./describe.js";
import { plural, shape, shorten, tooltip } from "./numbers.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Ability} Ability */

const CHIPS = 4;

/** @type {Record<Ability, string>} */
const WHY_NOT = {
  again: "the same samples cannot be loaded again: the loader does not tell which they are",
  next: "no further batch can be taken: there is no loader, or it is used up",
  validation: "there is no validation loader",
  predict: "there is no model call to predict with",
};

/**
 * @param {import("./types.js").Store} store
 * @param {{ ask: (method: string, params?: object) => void, findings: () => void }} actions
 * @returns {import("./types.js").View}
 */
export function createHeader(store, { ask, findings }) {
  const chips = h("span", { class: "nb-chips" });
  const origin = h("span", { class: "nb-origin", role: "status" });
  const alarm = h("button", { type: "button", class: "nb-alarm", onclick: findings });
  const split = () => ({ split: store.get().batch?.batch.origin.split === "validation" ? "train" : "validation" });
  const buttons = {
    again: button("Same batch again", () => ask("again")),
    next: button("Next batch", () => ask("next"), "n"),
    validation: button("Validation", () => ask("split", split())),
    predict: button("Predict", () => ask("predict")),
  };
  buttons.next.classList.add("nb-primary");
  const element = h(
    "div",
    { class: "nb-header" },
    h("span", { class: "nb-what" }, h("strong", { class: "nb-title" }, "Batch"), chips, alarm, origin),
    h("span", { class: "nb-actions" }, ...Object.values(buttons)),
  );
  /** @type {State | null} */
  let before = null;
  return {
    element,
    update(state) {
      if (changed(before, state, ["batch", "tensor"])) {
        writeFacts(state);
        const found = state.batch ? warnings(state.batch) : 0;
        alarm.hidden = !state.batch;
        say(alarm, found ? `▲ ${plural(found, "warning")}` : "● no warnings");
        attribute(alarm, "data-tone", found ? "warn" : "ok");
      }
      if (changed(before, state, ["status", "pending", "batch"])) {
        writeButtons(state);
        writeLine(state);
      }
      before = state;
    },
  };

  /** @param {State} state */
  function writeFacts(state) {
    const record = state.batch?.batch;
    const active = chips.contains(/** @type {Document | ShadowRoot} */ (chips.getRootNode()).activeElement);
    fill(chips, ...(record ? chipsOf(state, record) : []));
    if (active) /** @type {HTMLElement | null} */ (chips.querySelector("button"))?.focus();
  }

  /** Where the batch comes from or, in the same place so that nothing moves, what is being waited for.
   * @param {State} state
   */
  function writeLine(state) {
    const record = state.batch?.batch;
    const text = record ? provenance(record) : "no batch yet";
    // Without a batch the body says what the kernel does; here only what was asked for.
    const busy = waitingFor(record ? state : { ...state, status: { ...state.status, state: "idle" } });
    say(origin, shorten(busy || text, 160));
    attribute(origin, "data-busy", busy !== "");
    attribute(origin, "title", tooltip([busy, text, ...(record?.origin.notes ?? [])].filter(Boolean).join("\n")));
  }

  /** @param {State} state @param {import("./types.js").BatchRecord} record */
  function chipsOf(state, record) {
    const tensors = record.tensors.slice(0, CHIPS).map((tensor, i) => {
      const { name, dtype, shape: lengths, device } = tensor.facts;
      const text = `${shorten(name, 40)} ${dtype} ${shape(lengths)} ${device}`;
      const toggle = () => store.set({ tensor: store.get().tensor === i ? null : i });
      return h("button", { type: "button", class: "nb-chip", "aria-expanded": state.tensor === i ? "true" : "false", title: tooltip(`${name}: all facts and first values`), onclick: toggle }, text);
    });
    const more = record.tensors.length - CHIPS;
    const rest = record.tensors.slice(CHIPS).map((tensor) => `${tensor.facts.name} ${tensor.facts.dtype} ${shape(tensor.facts.shape)}`);
    return [
      ...tensors,
      more > 0 && h("span", { class: "nb-chip", title: tooltip(rest.join("\n")) }, `+${more}`),
      h("span", { class: "nb-chip" }, record.training ? "train mode" : "eval mode"),
      record.autocast && h("span", { class: "nb-chip" }, `autocast ${record.autocast}`),
      !record.grad_enabled && h("span", { class: "nb-chip" }, "no grad"),
    ];
  }

  /** @param {State} state */
  function writeButtons(state) {
    const validation = state.batch?.batch.origin.split === "validation";
    say(buttons.validation, validation ? "Train" : "Validation");
    for (const [name, element] of /** @type {[Ability, HTMLButtonElement][]} */ (Object.entries(buttons))) {
      const pending = state.pending.includes(name === "validation" ? "split" : name);
      const reason = reasonAgainst(state, name, validation);
      attribute(element, "aria-disabled", reason || pending ? "true" : null);
      attribute(element, "aria-busy", pending ? "true" : null);
      attribute(element, "title", reason ? tooltip(`Not now: ${reason}`) : pending ? "asked; the answer is on its way" : null);
      attribute(element, "aria-description", reason || null);
    }
  }
}

/** @param {State} state @param {Ability} name @param {boolean} validation */
function reasonAgainst(state, name, validation) {
  if (state.status.state === "closed") return state.status.text || "this view is closed";
  if (state.status.can[name]) return "";
  return state.status.why?.[name] || (name === "validation" && validation ? "there is no training loader" : WHY_NOT[name]);
}

/** A button that stays in the focus order when it can do nothing, so that the reason can be read and focus is never lost.
 * @param {string} text
 * @param {() => void} act
 * @param {string} [key]
 */
function button(text, act, key) {
  return h(
    "button",
    {
      type: "button",
      "aria-keyshortcuts": key,
      onclick: (/** @type {Event} */ event) => {
        if (/** @type {Element} */ (event.currentTarget).getAttribute("aria-disabled") !== "true") act();
      },
    },
    text,
    key && h("kbd", { "aria-hidden": true }, key),
  );
}
