// The anywidget view of `inspector.sanity()`.

import { h, keepKeys } from "./dom.js";
import { createRequests } from "./requests.js";
import { createDiagnosis } from "./sanity/diagnosis.js";
import { download } from "./sanity/download.js";
import { createEvidence } from "./sanity/evidence.js";
import { landing } from "./sanity/landing.js";
import { createList } from "./sanity/list.js";
import { createSpoken } from "./sanity/spoken.js";
import { SWAP } from "./sanity/swap.js";
import { createToolbar } from "./sanity/toolbar.js";
import { createStore } from "./store.js";
import { followTheme } from "./theme.js";
import { createReads } from "./traits.js";

/** @typedef {import("./sanity/types.js").State} State */
/** @typedef {import("./sanity/types.js").CheckResult} CheckResult */

/** A Cancel that is not heard for so many milliseconds will not be before the run has ended. */
const HEARD = 1000;

/** @type {State} */
const INITIAL = {
  catalogue: [],
  record: null,
  plain: false,
  other: {},
  swap: null,
  progress: null,
  status: { state: "idle", text: "", stale: null },
  results: new Map(),
  chosen: null,
  ran: [],
  earlier: null,
  selected: null,
  why: false,
  pending: [],
  stuck: false,
  failure: null,
};

/**
 * What follows from the rest: results by name, and which of them is looked at.
 * @param {State} state
 * @param {State} before
 * @returns {State}
 */
export function derive(state, before) {
  const next = { ...state };
  if (state.record !== before.record) next.results = resultsOf(state.record, before.results);
  return { ...next, ...landing(next, before) };
}

/** A result that is as it was stays the same object, so that what is being looked at is left alone.
 * @param {State["record"]} record
 * @param {Map<string, CheckResult>} before
 */
function resultsOf(record, before) {
  const alike = (/** @type {CheckResult | undefined} */ old, /** @type {CheckResult} */ now) => old !== undefined && JSON.stringify(old) === JSON.stringify(now);
  return new Map((record?.results ?? []).map((now) => [now.check, alike(before.get(now.check), now) ? /** @type {CheckResult} */ (before.get(now.check)) : now]));
}

/**
 * @param {{ model: import("./types.js").Model, el: HTMLElement }} place
 * @param {{ chosen: string | null }} memory of the model: its output may be drawn anew
 * @returns {() => void}
 */
function render({ model, el }, memory) {
  const requests = createRequests(model);
  const store = createStore({ ...INITIAL, ...memory }, derive);
  let timer = 0;

  /** @param {string} method @param {object} [params] @returns {Promise<any>} null where it failed, which is then shown */
  async function ask(method, params = {}) {
    if (store.get().pending.includes(method)) return null;
    store.set({ pending: [...store.get().pending, method], failure: null });
    const settle = () => store.get().pending.filter((one) => one !== method);
    try {
      const payload = await requests.ask(method, params);
      store.set({ pending: settle() });
      return payload ?? {};
    } catch (error) {
      store.set({ pending: settle(), failure: error instanceof Error ? error.message : String(error) });
      return null;
    }
  }

  async function cancel() {
    timer = setTimeout(() => store.set({ stuck: true }), HEARD);
    await ask("cancel");
    clearTimeout(timer);
    store.set({ stuck: false });
  }

  /** @param {string[] | null} only */
  function run(only) {
    if (only?.[0] !== SWAP.name) return void ask("run", { only });
    store.set({ chosen: SWAP.name });
    void ask("swap");
  }

  /** @param {string} form */
  async function save(form) {
    const file = await ask("export", { form });
    if (file?.name) download(file.name, file.text, root);
  }

  /** @type {import("./sanity/types.js").Actions} */
  const actions = {
    run,
    plain: (on) => void ask("plain", { on }),
    cancel: () => void cancel(),
    save: (form) => void save(form),
    select: (name) => store.set({ chosen: name }),
    open: () => evidence.focus(),
  };
  const evidence = createEvidence(store, actions);
  const [toolbar, diagnosis, list, spoken] = [createToolbar(actions), createDiagnosis(store, actions), createList(store, actions), createSpoken()];
  const views = [toolbar, diagnosis, list, evidence, spoken];
  const sheet = h("div", { class: "nb-sheet" }, toolbar.element, diagnosis.element, h("div", { class: "ns-body" }, list.element, evidence.element), spoken.element);
  const root = h("div", { class: "nbinspect nb-sanity", onfocusin: keepKeys }, sheet);

  /** @type {ReturnType<typeof createReads<State>>} */
  const reads = createReads(model, store);

  const traits = [
    reads("catalogue", (catalogue) => ({ catalogue: catalogue ?? [] })),
    reads("record", (record) => ({ record: record ?? null })),
    reads("plain", (plain) => ({ plain: plain === true })),
    reads("other", (other) => ({ other: other ?? {} })),
    reads("swapped", (swap) => ({ swap: swap ?? null })),
    reads("progress", (progress) => ({ progress: progress ?? null })),
    reads("status", (status) => ({ status: { ...INITIAL.status, ...status } })),
  ];

  el.append(root);
  const unfollow = followTheme(root, sheet);
  const stop = store.subscribe((state) => {
    memory.chosen = state.chosen;
    views.forEach((view) => view.update(state));
  });
  for (const { read } of traits) read();

  return () => {
    for (const { name, read } of traits) model.off(`change:${name}`, read);
    clearTimeout(timer);
    stop();
    unfollow();
    requests.close();
    for (const view of views) view.destroy?.();
    root.remove();
  };
}

/** Called once for each model. */
export default function views() {
  const memory = { chosen: null };
  return { render: (/** @type {Parameters<typeof render>[0]} */ place) => render(place, memory) };
}
