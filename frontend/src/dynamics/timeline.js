// The line of time: play, a scrubber over the readings, marks of what happened, alerts in words.

import { attribute, changed, h, say } from "../dom.js";
import { button, enable } from "../forward/controls.js";
import { count, plural, shorten, tooltip } from "../numbers.js";
import { signOf, told } from "./marks.js";
import { refill } from "./refill.js";
import { nearest } from "./state.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Moment} Moment */

/** So long playing through all readings takes, in milliseconds. */
const LENGTH = 10_000;
const SHORTEST = 100;
const MOST_MARKS = 60;
const MOST_WORDS = 30;

/**
 * @param {import("./types.js").Store} store
 * @returns {import("./types.js").View}
 */
export function createTimeline(store) {
  const play = button("▶", () => toggle(), { class: "nd-play", "aria-label": "Play" });
  const range = h("input", { type: "range", min: 0, max: 0, step: 1, value: 0, "aria-label": "Reading of the probe batch", class: "nd-scrubber" });
  const marks = h("div", { class: "nd-marks" });
  const at = h("span", { class: "nd-at" });
  const newest = button("newest", () => store.set({ at: null, playing: false }), { class: "nd-small", title: "follow the newest reading" });
  const pin = button("Compare this", compare, { class: "nd-small" });
  const words = h("div", { class: "nd-words", role: "log", "aria-label": "What happened" });
  const element = h("div", { class: "nd-timeline" }, h("div", { class: "nd-timeline-row" }, play, h("div", { class: "nd-track" }, marks, range), at, newest, pin), words);
  let timer = 0;

  range.addEventListener("input", () => goTo(Number(range.value)));
  range.addEventListener("keydown", (event) => {
    const { readings, at: now } = store.get();
    const last = readings.length - 1;
    const here = now ?? last;
    const page = Math.max(1, Math.round(last / 10));
    const to = { ArrowLeft: here - 1, ArrowDown: here - 1, ArrowRight: here + 1, ArrowUp: here + 1, Home: 0, End: last, PageUp: here + page, PageDown: here - page }[event.key];
    if (event.key === " ") toggle();
    else if (to === undefined || last < 0) return;
    else look(to);
    event.preventDefault();
    event.stopPropagation();
  });

  /** @param {number} place among the readings */
  function look(place) {
    const last = store.get().readings.length - 1;
    store.set({ at: place >= last ? null : Math.max(place, 0), playing: false });
  }
  /** @param {number} step */
  function goTo(step) {
    const { readings } = store.get();
    if (readings.length) look(nearest(readings, step));
  }

  function toggle() {
    const { playing, at: now, readings } = store.get();
    if (readings.length < 2) return;
    store.set({ playing: !playing, at: playing ? now : now ?? 0 });
  }

  function advance() {
    const { at: now, readings } = store.get();
    const pace = Math.max(1, Math.round(readings.length / (LENGTH / SHORTEST)));
    const next = (now ?? readings.length) + pace;
    store.set(next >= readings.length - 1 ? { at: null, playing: false } : { at: next });
  }

  function compare() {
    const { reading, pinned } = store.get();
    if (!reading) return;
    const rest = pinned.filter((step) => step !== reading.step);
    const now = rest.length < pinned.length ? rest : [...pinned.slice(-1), reading.step];
    store.set({ pinned: now, tab: now.length === 2 ? "compare" : store.get().tab });
  }

  /** @param {Moment} moment */
  function follow(moment) {
    goTo(moment.step);
    const spike = store.get().record?.spikes.findIndex((one) => one.step === moment.step) ?? -1;
    if (moment.kind === "spike" && spike >= 0) store.set({ tab: "spikes", spike });
  }

  /** @param {State} state */
  function writeMarks({ record, readings, pinned }) {
    const [from, to] = [readings[0]?.step ?? 0, readings.at(-1)?.step ?? 1];
    const where = (/** @type {number} */ step) => `calc(8px + ${Math.min(Math.max((step - from) / (to - from || 1), 0), 1)} * (100% - 16px))`;
    const shown = (record?.moments ?? []).slice(-MOST_MARKS).map((moment) => {
      const { icon, tone, word } = signOf(moment);
      const text = `step ${count(moment.step)}, ${word}: ${moment.text}`;
      const mark = h("button", { type: "button", class: "nd-mark", tabindex: -1, "data-key": `${moment.kind} ${moment.step}`, "data-tone": tone, title: tooltip(text), "aria-label": shorten(text, 200), onclick: () => follow(moment) }, icon);
      mark.style.left = where(moment.step);
      return mark;
    });
    const held = pinned.map((step, i) => {
      const mark = h("span", { class: "nd-mark nd-held", title: `compared: step ${count(step)}` }, i ? "B" : "A");
      mark.style.left = where(step);
      return mark;
    });
    refill(marks, ...shown, ...held);
  }

  /** @param {State} state */
  function writeWords({ record }) {
    const moments = told(record?.moments ?? []);
    const shown = moments.slice(-MOST_WORDS).reverse();
    refill(words, ...shown.map((moment) => {
      const { icon, tone } = signOf(moment);
      return h("button", { type: "button", class: "nd-word", "data-key": `${moment.kind} ${moment.step}`, "data-tone": tone, title: tooltip(`step ${count(moment.step)}: ${moment.text}`), onclick: () => follow(moment) }, h("span", { "aria-hidden": true }, icon), h("span", {}, shorten(moment.text, 400)), h("span", { class: "nd-soft" }, `step ${count(moment.step)}`));
    }), moments.length > shown.length && h("span", { class: "nd-soft" }, `and ${plural(moments.length - shown.length, "earlier one")}`));
    words.hidden = shown.length === 0;
  }

  /** @type {State | null} */
  let before = null;
  return {
    element,
    update(state) {
      const { readings, reading, playing } = state;
      if (playing && !timer) timer = setInterval(advance, SHORTEST);
      if (!playing && timer) {
        clearInterval(timer);
        timer = 0;
      }
      const happened = before?.record?.moments !== state.record?.moments;
      if (happened || changed(before, state, ["pinned", "readings"])) writeMarks(state);
      if (happened) writeWords(state);
      const moved = changed(before, state, ["readings", "reading", "at", "playing", "pinned"]);
      before = state;
      if (!moved) return;
      attribute(range, "min", readings[0]?.step ?? 0);
      attribute(range, "max", readings.at(-1)?.step ?? 0);
      const step = reading?.step ?? 0;
      if (Number(range.value) !== step) range.value = String(step);
      const many = readings.length;
      const place = state.at ?? many - 1;
      const share = many > 1 ? (step - readings[0].step) / (readings[many - 1].step - readings[0].step || 1) : 0;
      range.style.setProperty("--nd-share", `${100 * share}%`);
      attribute(range, "aria-valuetext", many ? `step ${count(step)}, reading ${count(place + 1)} of ${count(many)}` : "no reading yet");
      attribute(range, "aria-disabled", many < 2 ? "true" : null);
      attribute(range, "title", many ? `reading ${count(place + 1)} of ${count(many)}; arrow keys step from reading to reading` : null);
      say(at, many ? count(step) : "–");
      say(play, playing ? "❚❚" : "▶");
      attribute(play, "aria-label", playing ? "Stop playing" : "Play");
      enable(play, { reason: many < 2 ? "there is only one reading yet" : "", title: playing ? "stop playing" : "play the readings" });
      enable(newest, { reason: state.at === null ? "the newest reading is shown" : "", title: "follow the newest reading" });
      const taken = state.pinned.includes(step) && many > 0;
      say(pin, taken ? "✓ Compared" : "Compare this");
      attribute(pin, "aria-pressed", String(taken));
      enable(pin, { reason: many ? "" : "there is no reading yet", title: state.pinned.length === 1 && !taken ? "compare this moment with the one chosen before" : taken ? "do not compare this moment any more" : "choose this moment; choose a second one to see what changed between them" });
    },
    destroy: () => clearInterval(timer),
  };
}
