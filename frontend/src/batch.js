// The anywidget view of `inspector.batch()`.

import { createDetail } from "./detail.js";
import { h, keepKeys } from "./dom.js";
import { createHeader } from "./header.js";
import { createMain } from "./main.js";
import { createNotices } from "./notices.js";
import { arrange } from "./order.js";
import { itemOf, items } from "./describe.js";
import { createPicked } from "./picked.js";
import { createRequests } from "./requests.js";
import { createSamples } from "./samples.js";
import { createStatistics } from "./statistics.js";
import { createStore } from "./store.js";
import { followTheme } from "./theme.js";
import { unpack } from "./unpack.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Model} Model */
/** @typedef {import("./types.js").Status} Status */

/** @type {Status} */
const SILENT = { state: "idle", text: "", stale: null, follow: false, can: { next: false, again: false, validation: false, predict: false } };

/** @type {State} */
const INITIAL = {
  batch: null,
  previous: null,
  compare: true,
  status: SILENT,
  item: 0,
  mode: "fed",
  channel: null,
  size: 70,
  sort: "index",
  descending: false,
  label: "",
  only: null,
  selected: 0,
  masks: true,
  opacity: 0.45,
  boxes: true,
  pending: [],
  failure: null,
  tensor: null,
  order: [],
  version: 0,
  arrivals: 0,
};

/**
 * Order and bounds that follow from the rest; the old order is kept where nothing of it changed, so that nothing is redrawn.
 * @param {State} state
 * @param {State} before
 * @returns {State}
 */
export function derive(state, before) {
  const { batch } = state;
  if (!batch) return { ...state, order: [] };
  const last = Math.max(batch.batch.size - 1, 0);
  const item = Math.min(state.item, Math.max(items(batch).length - 1, 0));
  const named = state.label && batch.labels?.classes.includes(state.label) ? state.label : "";
  const next = { ...state, item, label: named, selected: Math.min(state.selected, last) };
  const order = arrange(batch, next, itemOf(next)?.name ?? "");
  const same = order.length === before.order.length && order.every((sample, i) => sample === before.order[i]);
  return { ...next, order: same ? before.order : order };
}

/**
 * State for a batch that has just come; choices stay where they still mean something.
 * @param {State} state
 * @param {import("./types.js").DecodedBatch | null} batch
 * @returns {Partial<State>}
 */
function arrive(state, batch) {
  const shape = batch ? items(batch)[state.item] : null;
  const old = itemOf(state);
  const alike = shape?.decoder === old?.decoder && shape?.name === old?.name;
  const losses = state.sort === "loss" && !batch?.losses;
  return {
    batch,
    only: null,
    version: state.version + 1,
    item: alike ? state.item : 0,
    channel: alike ? state.channel : null,
    sort: losses ? "index" : state.sort,
    size: state.batch || !batch ? state.size : sizeFor(batch),
  };
}

/** A first size of cells: the fewer or the larger the pictures, or the longer their labels, the larger.
 * @param {import("./types.js").DecodedBatch} batch
 */
function sizeFor(batch) {
  const first = batch.inputs[0];
  if (!first || !("planes" in first)) return 70;
  const side = Math.max(...first.size);
  const longest = Math.max(0, ...(batch.labels?.text ?? []).map((text) => text.length));
  const roomy = side > 48 || batch.batch.size <= 16 ? 104 : longest > 4 ? 92 : 70;
  return batch.batch.size === 1 ? 256 : batch.batch.size <= 4 ? 180 : roomy;
}

/**
 * @param {{ model: Model, el: HTMLElement }} place
 * @returns {() => void}
 */
function render({ model, el }) {
  const requests = createRequests(model);
  const store = createStore(INITIAL, derive);
  const samples = createSamples(requests.ask, () => store.set({ arrivals: store.get().arrivals + 1 }));

  /** @param {string} method @param {object} [params] */
  function ask(method, params) {
    if (store.get().pending.includes(method)) return;
    store.set({ pending: [...store.get().pending, method], failure: null });
    const done = () => store.get().pending.filter((entry) => entry !== method);
    requests.ask(method, params).then(
      () => store.set({ pending: done() }),
      (error) => store.set({ pending: done(), failure: error.message }),
    );
  }

  const statistics = createStatistics(store);
  const main = createMain(store);
  const [header, notices, detail] = [createHeader(store, { ask, findings: statistics.focus }), createNotices(store), createDetail(store, samples, requests.ask)];
  const views = [header, notices, main, detail, statistics];
  const body = h("div", { class: "nb-body" }, main.element, detail.element);
  const sheet = h("div", { class: "nb-sheet" }, header.element, notices.element, body, statistics.element);
  const root = h("div", { class: "nbinspect", onkeydown: shortcut, onfocusin: keepKeys }, sheet);

  /** @param {KeyboardEvent} event */
  function shortcut(event) {
    const target = /** @type {Element} */ (event.target);
    if (event.key !== "n" || event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) return;
    const { status } = store.get();
    if (status.can.next && status.state !== "closed") ask("next");
    event.preventDefault();
    event.stopPropagation();
  }

  /** Whether it is Python that changes what is shown. */
  let led = false;
  function read() {
    led = true;
    try {
      samples.clear();
      store.set(arrive(store.get(), unpack(model.get("shown"))));
    } catch (error) {
      store.set({ failure: `the batch could not be read: ${error instanceof Error ? error.message : error}` });
    } finally {
      led = false;
    }
  }
  const picked = createPicked(model, ["sample"], follow);

  /** @param {(number | null)[]} sample shown, also where a filter hid it */
  function follow([sample]) {
    if (sample === null) return;
    led = true;
    store.set({ selected: sample, ...(store.get().order.includes(sample) ? {} : { only: null, label: "" }) });
    led = false;
    main.reveal(sample);
  }
  const compare = () => store.set({ previous: unpack(model.get("previous")), compare: true });
  const status = () => store.set({ status: model.get("status") ?? SILENT });

  el.append(root);
  const unfollow = followTheme(root, sheet);
  let { selected } = store.get();
  const stop = store.subscribe((state) => {
    if (state.selected !== selected && !led) picked.tell([state.selected]);
    selected = state.selected;
    body.classList.toggle("nb-single", state.batch?.batch.size === 1);
    for (const view of views) view.update(state);
  });
  status();
  compare();
  read();
  follow(picked.values());
  model.on("change:shown", read);
  model.on("change:previous", compare);
  model.on("change:status", status);

  return () => {
    model.off("change:shown", read);
    model.off("change:previous", compare);
    model.off("change:status", status);
    picked.close();
    stop();
    unfollow();
    requests.close();
    for (const view of views) view.destroy?.();
    root.remove();
  };
}

export default { render };
