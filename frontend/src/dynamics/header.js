// The line of controls: each asks Python for something, and says why where it cannot.

import { attribute, changed, h, say } from "../dom.js";
import { activeIn, button, choice, enable, spin } from "../forward/controls.js";
import { brief, count, share, shorten, tooltip } from "../numbers.js";
import { createMenu } from "../sanity/menu.js";
import { signOf } from "./marks.js";
import { createPopover } from "./popover.js";
import { liveWords, reasonAgainst } from "./reasons.js";

/** @typedef {import("./types.js").State} State */

const MOST_PINS = 12;
/** What is asked for, while its answer is awaited. @type {Record<string, string>} */
const ASKED = { pause: "pausing …", resume: "resuming …", advance: "stepping …", stop: "stopping …", rate: "changing the rate …", pin: "pinning …", back: "going back …", checks: "running checks …", checkpoint: "saving …", note: "noting …" };

/**
 * @param {import("./types.js").Store} store
 * @param {import("./types.js").Ask} ask
 * @returns {import("./types.js").View}
 */
export function createHeader(store, ask) {
  const paused = () => store.get().status.state === "paused";
  const pause = button("❚❚ Pause", () => void ask(paused() ? "resume" : "pause"), { class: "nd-go" });
  const many = spin("Steps to go", () => undefined, { min: 1, max: 100000, value: 1, class: "nd-count" });
  const step = button("Step", () => void ask("advance", { steps: Math.max(1, Math.round(Number(many.value)) || 1) }));
  const stop = button("Stop", () => void ask("stop"));
  const back = createMenu("Go back", "Moments to go back to");
  const pin = button("◎ Pin", () => void ask("pin"));
  const rate = h("input", { type: "text", inputmode: "decimal", class: "nd-rate", "aria-label": "Learning rate", size: 7, autocomplete: "off", spellcheck: "false" });
  const group = choice("of", () => writeRate(store.get(), true));
  const apply = button("Apply", applied);
  const note = h("input", { type: "text", "aria-label": "Note to the journal", placeholder: "note to the journal" });
  const noted = button("Note to journal", () => void send("note", { text: note.value }, note));
  const path = h("input", { type: "text", "aria-label": "Path of the checkpoint", placeholder: "checkpoint-<step>.pt" });
  const saved = button("Save checkpoint", () => void send("checkpoint", { path: path.value.trim() || null }, path));
  const checks = button("Run checks", () => void ask("checks"), { title: "the sanity checks, at the next step" });
  const more = createPopover("⋯", "More controls", h("div", { class: "nd-formline" }, checks), h("div", { class: "nd-formline" }, path, saved), h("div", { class: "nd-formline" }, note, noted));
  const live = h("span", { class: "nd-live", role: "status" });
  const overhead = h("span", { class: "nd-soft nd-overhead" });
  const at = h("span", { class: "nd-chip" });
  const busy = h("span", { class: "nd-busy", role: "status" });
  const element = h(
    "div",
    { class: "nd-header" },
    h("strong", { class: "nb-title" }, "Dynamics"),
    h("span", { class: "nd-buttons", role: "toolbar", "aria-label": "Control of the run" }, pause, h("span", { class: "nd-pair" }, step, many), stop, back.element, pin),
    h("span", { class: "nd-buttons" }, h("label", { class: "nd-soft nd-pair" }, "rate ", rate), group.element, apply, more.element),
    busy,
    h("span", { class: "nd-where" }, live, overhead, at),
  );
  rate.addEventListener("keydown", (event) => {
    if (event.key === "Enter") apply.click();
    if (event.key === "Escape") writeRate(store.get(), true);
  });
  /** The rate as it was written into the field by the view itself. */
  let written = "";

  /** A rate typed into the field and not applied; null where it is as it was. */
  const typed = () => (rate.value.trim() !== written && isRate(asked()) ? asked() : null);

  /** The number in the field, also where it has a decimal comma. */
  const asked = () => Number(rate.value.replace(",", "."));

  async function applied() {
    const wanted = asked();
    if (!isRate(wanted)) {
      store.set({ failure: `a rate is a number above 0, got “${shorten(rate.value, 40)}”` });
      return;
    }
    const { status } = store.get();
    const chosen = status.rates.length > 1 && group.select.value !== "" ? status.rates[Number(group.select.value)].group : null;
    if (await ask("rate", { rate: wanted, group: chosen })) writeRate(store.get(), true);
  }

  /** @param {string} method @param {object} params @param {HTMLInputElement | null} field emptied where it was done */
  async function send(method, params, field) {
    if ((await ask(method, params)) && field) field.value = "";
  }

  /** Writes the rate in use, unless another is being typed. @param {State} state @param {boolean} [anyway] */
  function writeRate({ status }, anyway = false) {
    const one = status.rates[Number(group.select.value) || 0];
    const now = one ? rateText(one.rate) : "";
    if (!anyway && (activeIn(rate) === rate || rate.value.trim() !== written)) return;
    written = now;
    rate.value = now;
  }

  /** @param {State} state */
  function writePins(state) {
    const pins = [...(state.record?.pins ?? [])].sort((a, b) => b - a).slice(0, MOST_PINS);
    const items = pins.map((step, i) => ({
      text: `step ${count(step)}`,
      hint: shorten(reasonFor(state, step, pins[i - 1] ?? Infinity), 60),
      act: () => void ask("back", { step, rate: typed() }),
    }));
    back.show(items, { reason: reasonAgainst(state, "back"), title: "put weights, optimizer and random states back as they were; with the rate in the field, where it was changed" });
  }

  /** @type {State | null} */
  let before = null;
  return {
    element,
    update(state) {
      if (!changed(before, state, ["status", "pending"]) && before?.record === state.record) return;
      before = state;
      const { status, record, pending } = state;
      const resting = status.state === "paused";
      say(pause, resting ? "▶ Resume" : "❚❚ Pause");
      enable(pause, { reason: reasonAgainst(state, resting ? "resume" : "pause"), busy: pending.includes("pause") || pending.includes("resume"), title: resting ? "let the run go on" : "wait before the next step" });
      enable(step, { reason: reasonAgainst(state, "advance"), busy: pending.includes("advance"), title: "go so many steps, then pause" });
      enable(stop, { reason: reasonAgainst(state, "stop"), busy: pending.includes("stop"), title: "end the run after this step" });
      enable(pin, { reason: reasonAgainst(state, "pin"), busy: pending.includes("pin"), title: "pin this moment: keep the state, to go back to" });
      enable(apply, { reason: reasonAgainst(state, "rate"), busy: pending.includes("rate"), title: "change the learning rate from the next step on" });
      enable(checks, { reason: reasonAgainst(state, "checks"), busy: pending.includes("checks"), title: "the sanity checks, at the next step" });
      enable(saved, { reason: reasonAgainst(state, "checkpoint"), busy: pending.includes("checkpoint") });
      enable(noted, { reason: reasonAgainst(state, "note"), busy: pending.includes("note") });
      group.element.hidden = status.rates.length < 2;
      group.show([["", "all"], ...status.rates.map(({ optimizer, group: name }, i) => /** @type {[string, string]} */ ([String(i), shorten([optimizer, name].filter(Boolean).join(" "), 40)]))], group.select.value);
      writeRate(state);
      writePins(state);
      const { icon, text, tone, hint } = liveWords(state);
      say(live, `${icon} ${shorten(text, 80)}`);
      attribute(live, "data-tone", tone);
      attribute(live, "title", tooltip(hint) || null);
      const part = record?.overhead;
      const over = record && typeof part === "number" && Math.round(1000 * part) > Math.round(1000 * record.budget);
      say(overhead, record ? `${over ? "▲ " : ""}watching takes ${typeof part !== "number" || Number.isNaN(part) ? "–" : part > 1 ? `${brief(part)} × the run's own time` : share(part, 1)} · budget ${brief(100 * record.budget)} %` : "");
      attribute(overhead, "data-tone", over ? "warn" : null);
      attribute(overhead, "title", `share of the run's time that watching takes, and what it may take${over ? "; above it for now: what is measured first is not yet spread over many steps, and a short run ends before it is" : ""}`);
      say(at, `step ${count(Math.max(status.step, record?.steps ?? 0))}`);
      say(busy, pending.map((method) => ASKED[method] ?? "").filter(Boolean).join(" "));
    },
    destroy() {
      back.destroy();
      more.destroy();
    },
  };
}

/** What happened between a pin and the next one, or at it.
 * @param {State} state @param {number} step @param {number} next
 */
function reasonFor({ record }, step, next) {
  const moments = record?.moments ?? [];
  const own = moments.findLast((moment) => moment.kind === "pin" && moment.step === step);
  const after = moments.find((moment) => ["alert", "spike", "broken"].includes(moment.kind) && moment.step > step && moment.step <= next);
  if (after) return `before ${signOf(after).icon} ${after.text}`;
  return own?.text ?? "";
}

/** @param {number} wanted */
const isRate = (wanted) => wanted > 0 && wanted < Infinity;

/** A rate as it is typed. @param {number} rate */
export const rateText = (rate) => (rate !== 0 && (rate < 1e-2 || rate >= 1e3) ? Number(rate.toPrecision(6)).toExponential() : String(Number(rate.toPrecision(6))));
