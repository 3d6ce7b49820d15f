// The anywidget view of `inspector.forward()`.

import { h, keepKeys } from "./dom.js";
import { createPicked } from "./picked.js";
import { createRequests } from "./requests.js";
import { createStore } from "./store.js";
import { followTheme } from "./theme.js";
import { createReads } from "./traits.js";
import { reasonAgainst } from "./forward/controls.js";
import { FILTERS, INPUT, focusOf, stepsOf, viewOf } from "./forward/pass.js";
import { createSource } from "./forward/source.js";
import { createStrip } from "./forward/strip.js";
import { createTensor } from "./forward/tensor.js";
import { createToolbar, moveOf } from "./forward/toolbar.js";
import { createTree } from "./forward/tree.js";

/** @typedef {import("./forward/types.js").State} State */

/** What is under way is said after this many milliseconds, so that quick steps do not flicker. */
const SLOW = 300;

/** @type {import("./forward/types.js").Cursor} */
const NOWHERE = {
  state: "ready",
  index: null,
  reached: -1,
  view: null,
  text: "",
  failure: null,
  breakpoints: [],
  hit: null,
  effect: null,
  edits: [],
  training: true,
  can: { restart: false, over: false, into: false, out: false, run: false, back: false, stop: false, replace: false, gradients: false, edit: false },
  notes: [],
};

/** @type {State} */
const INITIAL = {
  passed: null,
  live: { first: 0, steps: [] },
  cursor: NOWHERE,
  status: { state: "idle", text: "", stale: null },
  exhibit: null,
  looked: null,
  stood: null,
  steps: [],
  selected: null,
  output: 0,
  sample: null,
  first: 0,
  compare: "",
  other: 0,
  shared: true,
  channel: null,
  unit: null,
  receptive: null,
  input: null,
  region: null,
  pending: [],
  slow: false,
  failure: null,
};

/**
 * What follows from the rest: the steps as they stand, and choices that no longer mean anything let go.
 * @param {State} state
 * @param {State} before
 * @returns {State}
 */
export function derive(state, before) {
  const next = { ...state };
  const ended = (/** @type {State} */ one) => ["finished", "failed"].includes(one.cursor.state);
  if (state.passed !== before.passed || state.live !== before.live || ended(state) !== ended(before)) next.steps = stepsOf(state.passed, state.live, state.cursor.state);
  const { cursor } = state;
  // The pass has gone on: look where it stands.
  if (cursor.index !== before.cursor.index || cursor.reached !== before.cursor.reached || cursor.view !== before.cursor.view) {
    next.selected = null;
    next.stood = cursor.index ?? (cursor.view === null ? null : before.stood);
  }
  if (focusOf(next) !== focusOf(before)) Object.assign(next, { output: 0, first: 0, unit: null, receptive: null, channel: null, looked: null });
  const sought = state.pending.includes("look");
  if (state.exhibit !== before.exhibit && state.exhibit?.step === state.looked?.step && !sought) next.looked = null;
  const view = viewOf(next);
  if (view?.step === INPUT) next.input = view;
  if (view?.sample !== viewOf(before)?.sample) next.receptive = null;
  return next;
}

const REPEATED = new Set(["over", "into", "out", "back"]);
const MOST_QUEUED = 8;

/**
 * @param {{ model: import("./types.js").Model, el: HTMLElement }} place
 * @returns {() => void}
 */
function render({ model, el }) {
  const requests = createRequests(model);
  const store = createStore(INITIAL, derive);
  /** @type {string[]} moves that were asked for again while one was on its way */
  const queue = [];
  let asked = 0;
  /** @type {import("./forward/types.js").Comparison} what is shown is compared with */
  let compared = "";
  let timer = 0;

  /** @param {string} method @param {object} [params] @returns {Promise<any>} */
  async function ask(method, params = {}) {
    // Looking may overtake itself; everything else is done one at a time, and no quick click on a move is lost.
    if (method !== "look" && store.get().pending.includes(method)) {
      if (REPEATED.has(method) && queue.length < MOST_QUEUED) queue.push(method);
      return null;
    }
    store.set({ pending: [...store.get().pending, method], failure: null });
    const settle = () => {
      const rest = [...store.get().pending];
      rest.splice(rest.indexOf(method), 1);
      return rest;
    };
    try {
      const payload = await requests.ask(method, params);
      store.set({ pending: settle() });
      if (REPEATED.has(method)) repeat();
      return payload ?? {};
    } catch (error) {
      queue.length = 0;
      store.set({ pending: settle(), failure: error instanceof Error ? error.message : String(error) });
      return null;
    }
  }

  function repeat() {
    const next = /** @type {import("./forward/types.js").Ability | undefined} */ (queue.shift());
    if (next && store.get().cursor.can[next]) void ask(next);
    else queue.length = 0;
  }

  /** @param {Partial<State>} patch */
  async function look(patch) {
    store.set(patch);
    const { output, first, compare, other } = store.get();
    const sample = store.get().sample ?? viewOf(store.get())?.sample ?? store.get().exhibit?.sample ?? 0;
    const index = focusOf(store.get());
    if (index === null) return;
    const turn = ++asked;
    const answer = await (index === FILTERS
      ? ask("filters")
      : ask("look", { index, output, sample, first, compare: compare || null, ...(compare === "sample" ? { other } : {}) }));
    if (turn !== asked) return;
    if (answer?.planes && focusOf(store.get()) === answer.step) {
      store.set({ looked: answer });
      compared = compare;
    } else if (answer === null) store.set({ compare: viewOf(store.get())?.compared ? compared : "" });
  }

  /** @param {number} index */
  const select = (index) => void look({ selected: index === store.get().cursor.index ? null : index, output: 0, first: 0, ...(index === INPUT ? { compare: "" } : {}) });

  const actions = { ask, look: (/** @type {Partial<State>} */ patch) => void look(patch), select };
  const views = [createToolbar(store, actions), createStrip(store), createSource(actions), createTree(store, actions), createTensor(store, actions)];
  const [toolbar, strip, source, tree, tensor] = views.map((view) => view.element);
  const sheet = h("div", { class: "nb-sheet" }, toolbar, strip, h("div", { class: "nf-body" }, h("div", { class: "nf-left" }, source, tree), tensor));
  const root = h("div", { class: "nbinspect nb-forward", onkeydown: shortcut, onfocusin: keepKeys }, sheet);

  /** @param {KeyboardEvent} event */
  function shortcut(event) {
    const target = /** @type {HTMLInputElement} */ (event.target);
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) && target.type !== "checkbox";
    const move = moveOf(event);
    if (!move || (typing && !/^F\d/.test(event.key))) return;
    event.preventDefault();
    event.stopPropagation();
    const { cursor } = store.get();
    const reason = reasonAgainst(cursor, move);
    if (reason) store.set({ failure: `${move}: ${reason}` });
    else void ask(move);
  }

  /** @type {ReturnType<typeof createReads<State>>} */
  const reads = createReads(model, store);

  let sought = "";

  /** Asks for a step that was gone back to, where Python sends nothing of it; once. */
  function fetchBack() {
    const { cursor, pending } = store.get();
    const key = `${cursor.state} ${cursor.view} ${cursor.reached}`;
    if (cursor.view === null || key === sought || viewOf(store.get()) || pending.includes("look")) return;
    sought = key;
    void look({});
  }

  /** Keeps what was chosen by hand — sample, page, comparison — where Python shows a step anew. */
  function follow() {
    const { exhibit, sample, first, output, compare, pending } = store.get();
    if (!exhibit || pending.includes("look") || exhibit !== viewOf(store.get())) return;
    const other = sample !== null && exhibit.samples > sample && exhibit.sample !== null && exhibit.sample !== sample;
    const page = exhibit.first !== first && first < exhibit.total;
    if (other || page || exhibit.output !== output || (compare !== "" && exhibit.compared === "" && exhibit.step >= 0)) void look({});
  }

  const traits = [
    reads("passed", (passed) => ({ passed: passed ?? null })),
    reads("live", (live) => ({ live: live ?? INITIAL.live })),
    reads("cursor", (cursor) => ({ cursor: cursor && Object.keys(cursor).length ? { ...NOWHERE, ...cursor } : NOWHERE })),
    reads("status", (status) => ({ status: { ...INITIAL.status, ...status } })),
    reads("exhibit", (exhibit) => ({ exhibit: exhibit ?? null })),
  ];

  // Python hears which sample is picked with the questions about it.
  const picked = createPicked(model, ["sample"], ([sample]) => {
    if (sample === null || store.get().exhibit === null) store.set({ sample });
    else if (sample !== store.get().sample) void look({ sample });
  });

  el.append(root);
  const unfollow = followTheme(root, sheet);
  const stop = store.subscribe((state) => {
    const busy = state.pending.length > 0 || state.cursor.state === "running" || state.status.state === "busy";
    if (busy && !timer && !state.slow) timer = setTimeout(() => store.set({ slow: true }), SLOW);
    if (!busy) {
      clearTimeout(timer);
      timer = 0;
      if (state.slow) {
        store.set({ slow: false });
        return;
      }
    }
    for (const view of views) view.update(state);
  });
  store.set({ sample: picked.values()[0] });
  for (const { read } of traits) read();
  // Once all that came together has been read.
  const followExhibit = () => queueMicrotask(() => (follow(), fetchBack()));
  model.on("change:exhibit", followExhibit);

  return () => {
    for (const { name, read } of traits) model.off(`change:${name}`, read);
    model.off("change:exhibit", followExhibit);
    picked.close();
    clearTimeout(timer);
    stop();
    unfollow();
    requests.close();
    for (const view of views) view.destroy?.();
    root.remove();
  };
}

export default { render };
