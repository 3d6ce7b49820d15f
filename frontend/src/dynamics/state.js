// What one view shows, and what follows from the rest of it.

import { orderOf } from "./measures.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Reading} Reading */
/** @typedef {import("./types.js").Tab} Tab */
/** @typedef {import("./types.js").Task} Task */

/** @type {State} */
export const INITIAL = {
  record: null,
  status: { state: "idle", text: "", stale: null, live: "unknown", liveText: "", step: 0, rates: [], canPause: false, whyNot: "", following: null, background: false, journal: false },
  probe: 0,
  at: null,
  playing: false,
  pinned: [],
  sample: null,
  tab: "predictions",
  sort: "index",
  spike: null,
  log: false,
  smoothing: 0,
  pending: [],
  failure: null,
  said: "",
  reading: null,
  readings: [],
  order: [],
};

/** @type {Record<Task, Tab[]>} */
const TABS = {
  classification: ["predictions", "paths", "confusion"],
  binary: ["predictions", "confusion"],
  multilabel: ["predictions", "paths"],
  regression: ["predictions", "paths", "residuals"],
  segmentation: ["predictions"],
  "language-model": ["predictions"],
  other: ["predictions"],
};

/** The panels that there is something to show in.
 * @param {State} state
 * @returns {Tab[]}
 */
export function tabsOf({ record, probe, pinned }) {
  const task = record?.probes[probe]?.task ?? "other";
  return [...(TABS[task] ?? TABS.other), ...(pinned.length === 2 ? /** @type {Tab[]} */ (["compare"]) : []), ...(record?.spikes.length ? /** @type {Tab[]} */ (["spikes"]) : [])];
}

/** The reading nearest to a step, by its place; the later of two as near.
 * @param {Reading[]} readings
 * @param {number} step
 */
export function nearest(readings, step) {
  let [low, high] = [0, readings.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (readings[middle].step < step) low = middle + 1;
    else high = middle;
  }
  if (low > 0 && step - readings[low - 1].step < readings[low].step - step) return low - 1;
  return Math.max(low, 0);
}

/** What a person has chosen to see, to be chosen again where the view is drawn anew; the scrubber's place by its step.
 * @param {State} state
 */
export function choicesOf({ probe, pinned, sample, tab, sort, spike, log, smoothing, at, reading }) {
  return { choices: { probe, pinned, sample, tab, sort, spike, log, smoothing }, step: at === null ? null : (reading?.step ?? null) };
}

/** Puts back what was chosen, once the record is there.
 * @param {import("./types.js").Store} store
 * @param {ReturnType<typeof choicesOf>} kept
 */
export function choose(store, { choices, step }) {
  store.set(choices);
  if (step !== null) store.set({ at: nearest(store.get().readings, step) });
}

/**
 * @param {State} state
 * @param {State} before
 * @returns {State}
 */
export function derive(state, before) {
  const next = { ...state };
  const { record } = next;
  next.probe = Math.min(next.probe, Math.max((record?.probes.length ?? 1) - 1, 0));
  next.readings = record?.readings[next.probe] ?? [];
  const last = next.readings.length - 1;
  // Readings were thinned, or another probe is looked at: the scrubber stays at its step.
  if (next.readings !== before.readings && next.at !== null && before.reading) next.at = nearest(next.readings, before.reading.step);
  if (next.at !== null) next.at = last < 0 ? null : Math.min(Math.max(next.at, 0), last);
  next.reading = next.readings[next.at ?? last] ?? null;
  const samples = next.reading?.losses.shape[0] ?? 0;
  if (next.sample !== null && next.sample >= samples) next.sample = null;
  const tabs = tabsOf(next);
  if (!tabs.includes(next.tab)) next.tab = tabs[0];
  if (next.spike !== null && next.spike >= (record?.spikes.length ?? 0)) next.spike = null;
  if (next.reading !== before.reading || next.sort !== before.sort) {
    const order = orderOf(next.reading, next.sort);
    const same = order.length === before.order.length && order.every((sample, i) => sample === before.order[i]);
    next.order = same ? before.order : order;
  }
  return next;
}
