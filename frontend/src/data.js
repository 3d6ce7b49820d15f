// The anywidget view of `inspector.data()`.

import { h, keepKeys } from "./dom.js";
import { createPicked } from "./picked.js";
import { createRequests } from "./requests.js";
import { createStore } from "./store.js";
import { followTheme } from "./theme.js";
import { createReads } from "./traits.js";
import { createActions } from "./data/actions.js";
import { createHeader } from "./data/header.js";
import { createHuman } from "./data/human.js";
import { createMain } from "./data/main.js";
import { createNotices } from "./data/notices.js";
import { createPanel } from "./data/panel.js";
import { createPreviews } from "./data/previews.js";
import { createQuery } from "./data/query.js";
import { createRows } from "./data/rowcache.js";
import { createSample } from "./data/sample.js";
import { INITIAL, derive } from "./data/state.js";
import { createToolbar } from "./data/toolbar.js";

/** @typedef {import("./data/types.js").State} State */
/** @typedef {import("./data/types.js").Dataset} Dataset */

const TURNS = 8;
/** What a person chose to look at, kept while the views of one model come and go. */
const KEPT = /** @type {const} */ (["mode", "tab"]);

/**
 * @param {{ model: import("./types.js").Model, el: HTMLElement }} place
 * @param {{ last: Partial<State> }} memory of the model
 * @returns {() => void}
 */
function render({ model, el }, memory) {
  const requests = createRequests(model);
  const store = createStore({ ...INITIAL, ...memory.last }, derive);
  const actions = createActions(store, requests.ask, (row) => picked.tell([row]));
  const arrived = () => store.set({ arrivals: store.get().arrivals + 1 });
  const rows = createRows((method, params) => actions.request(method, params), arrived);
  const previews = createPreviews((method, params) => actions.request(method, params), arrived);
  const kit = { store, actions, rows, previews };

  const main = createMain(kit);
  const [header, notices, query, toolbar, panel, sample, human] = [createHeader, createNotices, createQuery, createToolbar, createPanel, createSample, createHuman].map((create) => create(kit));
  const views = [header, notices, query, toolbar, main, panel, sample, human];
  const body = h("div", { class: "ne-body" }, main.element, panel.element);
  const explore = h("div", { class: "ne-explore" }, query.element, toolbar.element, body, sample.element);
  const sheet = h("div", { class: "nb-sheet" }, header.element, notices.element, explore, human.element);
  const root = h("div", { class: "nbinspect nb-data", onfocusin: keepKeys }, sheet);

  let frame = 0;
  let drawing = false;
  let again = false;
  function draw() {
    // What is drawn may ask for more, which is news: every view must then hear of it, and the last word must be the newest.
    again = true;
    if (drawing) return;
    drawing = true;
    cancelAnimationFrame(frame);
    frame = 0;
    try {
      for (let turn = 0; again && turn < TURNS; turn++) {
        again = false;
        const state = store.get();
        explore.hidden = state.labelling;
        panel.element.hidden = state.dataset === null;
        body.classList.toggle("ne-fresh", state.dataset === null);
        for (const view of views) view.update(state);
      }
    } finally {
      drawing = false;
    }
    if (again) frame = requestAnimationFrame(draw);
  }
  /** What streams in is drawn once a frame, what a person does at once. */
  let streaming = false;
  const stop = store.subscribe((state) => {
    for (const name of KEPT) Object.assign(memory.last, { [name]: state[name] });
    if (!streaming) draw();
    else if (!frame) frame = requestAnimationFrame(draw);
  });

  let arranged = "";
  /** @type {ReturnType<typeof createReads<State>>} */
  const reads = createReads(model, store, (read) => {
    streaming = true;
    read();
    streaming = false;
  });

  const traits = [
    reads("status", (status) => ({ status: { ...INITIAL.status, ...status } })),
    reads("dataset", (dataset) => taken(dataset ?? null)),
    reads("view", (view) => {
      // A selection or another chart leaves the rows as they are.
      const key = JSON.stringify([view?.query, view?.queryError, view?.sort, view?.group, view?.brush, view?.histogram?.brush, view?.count, view?.total]);
      if (key !== arranged) rows.renew();
      arranged = key;
      return { view: view ?? null };
    }),
  ];

  /** @param {Dataset | null} dataset @returns {Partial<State>} */
  function taken(dataset) {
    const before = store.get().dataset;
    const other = before?.split !== dataset?.split || before?.name !== dataset?.name;
    if (other) {
      rows.clear();
      previews.clear();
      queueMicrotask(() => void follow(picked.values()[0]));
      return { dataset, sample: null };
    }
    rows.renew();
    if (before?.serial !== dataset?.serial) previews.retry();
    queueMicrotask(() => void renew());
    return { dataset };
  }

  const picked = createPicked(model, ["sample"], ([row]) => void follow(row));

  /** Opens the row that Python picked; where it is not on the page, Python says what and where it is.
   * @param {number | null} row
   */
  async function follow(row) {
    if (row === (store.get().sample?.row ?? null)) return;
    store.set({ sample: row === null ? null : { row, position: null, columns: [], cells: [], ...rows.find(row) } });
    const found = await renew();
    if (found && found.position !== null) main.bring(found.position);
  }

  let asked = 0;
  /** Asks what is known of the sample that is open, which may stand far from the rows in sight. */
  async function renew() {
    const row = store.get().sample?.row;
    if (row === undefined) return null;
    const own = ++asked;
    const found = await actions.request("row", { row }).catch(() => null);
    if (!found || store.get().sample?.row !== row) return null;
    if (own === asked) store.set({ sample: { row, ...found } });
    return found;
  }

  el.append(root);
  const unfollow = followTheme(root, sheet);
  for (const { read } of traits) read();
  void follow(picked.values()[0]);
  draw();
  // Canvases do not follow the theme by themselves.
  const themed = new MutationObserver(() => views.forEach((view) => view.restyle?.()));
  themed.observe(root, { attributes: true, attributeFilter: ["data-theme"] });

  return () => {
    for (const { name, read } of traits) model.off(`change:${name}`, read);
    cancelAnimationFrame(frame);
    themed.disconnect();
    picked.close();
    stop();
    unfollow();
    actions.close();
    requests.close();
    for (const view of views) view.destroy?.();
    root.remove();
  };
}

/** Called once for each model. */
export default function views() {
  /** @type {Parameters<typeof render>[1]} */
  const memory = { last: {} };
  return { render: (/** @type {Parameters<typeof render>[0]} */ place) => render(place, memory) };
}
