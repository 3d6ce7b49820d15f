// The anywidget view of `inspector.dynamics()`.

import { h, keepKeys } from "./dom.js";
import { count } from "./numbers.js";
import { createPicked } from "./picked.js";
import { createRequests } from "./requests.js";
import { createStore } from "./store.js";
import { followTheme } from "./theme.js";
import { unpack } from "./unpack.js";
import { createAround } from "./dynamics/around.js";
import { createCharts } from "./dynamics/charts.js";
import { createFold } from "./dynamics/fold.js";
import { createHeader } from "./dynamics/header.js";
import { createNotices } from "./dynamics/notices.js";
import { createPanel } from "./dynamics/panel.js";
import { isUnderWay } from "./dynamics/reasons.js";
import { INITIAL, choicesOf, choose, derive } from "./dynamics/state.js";
import { createTimeline } from "./dynamics/timeline.js";

/** @typedef {import("./dynamics/types.js").State} State */

const SECOND = 1000;
/** So many beats may wait for an answer: a busy cell must not find a queue of them when it ends. */
const MOST_BEATS = 5;

/** What an answer says, where it says anything. @param {any} payload */
function answerWords(payload) {
  if (typeof payload?.text === "string") return payload.text;
  if (typeof payload?.path === "string") return `saved to ${payload.path}`;
  return typeof payload?.step === "number" ? `pinned step ${count(payload.step)}` : "";
}

/**
 * @param {{ model: import("./types.js").Model, el: HTMLElement }} place
 * @param {{ last: ReturnType<typeof choicesOf> | null }} memory of the model, whose views come and go
 * @returns {() => void}
 */
function render({ model, el }, memory) {
  const requests = createRequests(model);
  const store = createStore(INITIAL, derive);
  const fold = createFold();
  let beats = 0;

  /** @type {import("./dynamics/types.js").Ask} */
  async function ask(method, params = {}) {
    if (store.get().pending.includes(method)) return null;
    store.set({ pending: [...store.get().pending, method], failure: null, said: "" });
    const settle = () => store.get().pending.filter((one) => one !== method);
    try {
      const payload = await requests.ask(method, params);
      store.set({ pending: settle(), said: answerWords(payload) });
      return payload ?? {};
    } catch (error) {
      store.set({ pending: settle(), failure: error instanceof Error ? error.message : String(error) });
      return null;
    }
  }

  /** Proves to Python that clicks arrive while the cell is busy. */
  function beat() {
    const state = store.get();
    if (!isUnderWay(state) || state.status.live === "on" || state.status.following || beats >= MOST_BEATS) return;
    beats++;
    const heard = () => void beats--;
    requests.ask("beat").then(heard, heard);
  }

  const around = createAround(store);
  const [header, notices, charts, panel, timeline] = [createHeader(store, ask), createNotices(store, ask), createCharts(store, around), createPanel(store, around), createTimeline(store)];
  const views = [header, notices, charts, panel, timeline];
  const body = h("div", { class: "nd-body" }, charts.element, panel.element);
  const sheet = h("div", { class: "nb-sheet" }, header.element, notices.element, body, timeline.element);
  const root = h("div", { class: "nbinspect nb-dynamics", onfocusin: keepKeys }, sheet);

  let frame = 0;
  let streaming = false;
  function draw() {
    cancelAnimationFrame(frame);
    frame = 0;
    const state = store.get();
    body.classList.toggle("nd-fresh", !state.record?.traces.length && !state.readings.length);
    for (const view of views) view.update(state);
  }
  /** What streams in is drawn once a frame, what a person does at once. */
  let shown = "";
  const stop = store.subscribe((state) => {
    const now = `${state.probe} ${state.sample}`;
    if (now !== shown && !streaming) picked.tell([state.probe, state.sample]);
    shown = now;
    if (!streaming) {
      memory.last = choicesOf(state);
      draw();
    } else if (!frame) frame = requestAnimationFrame(draw);
  });

  /** @param {string} name @param {(value: any) => Partial<State>} patch */
  function reads(name, patch) {
    const read = () => {
      streaming = true;
      try {
        store.set(patch(unpack(model.get(name))));
        follow();
      } catch (error) {
        store.set({ failure: `what the kernel sent could not be shown: ${error instanceof Error ? error.message : error}` });
      } finally {
        streaming = false;
      }
    };
    model.on(`change:${name}`, read);
    return { name, read };
  }

  const picked = createPicked(model, ["probe", "sample"], follow);

  /** A sample that Python picked is there with the first reading of its probe. */
  function follow() {
    const [probe, sample] = picked.values();
    const state = store.get();
    const same = state.probe === (probe ?? 0);
    if (same && state.sample === sample) return;
    streaming = true;
    store.set({ probe: probe ?? 0, sample, ...(same ? {} : { at: null }) });
    streaming = false;
  }

  const traits = [
    reads("history", (history) => ({ record: fold.replace(history ?? null) })),
    reads("news", (news) => ({ record: fold.append(news ?? null) })),
    reads("status", (status) => ({ status: { ...INITIAL.status, ...status } })),
  ];

  el.append(root);
  const unfollow = followTheme(root, sheet);
  const kept = memory.last;
  for (const { read } of traits) read();
  streaming = true;
  if (kept) choose(store, kept);
  streaming = false;
  follow();
  draw();
  let placed = false;
  const pulse = setInterval(() => {
    // An output that is shown anew throws the view before it out, and tells it nothing.
    if (placed && !el.parentNode) end();
    else beat();
    placed ||= Boolean(el.parentNode);
  }, SECOND);
  // Canvases do not follow the theme by themselves.
  const themed = new MutationObserver(() => views.forEach((view) => view.restyle?.()));
  themed.observe(root, { attributes: true, attributeFilter: ["data-theme"] });

  let over = false;
  function end() {
    if (over) return;
    over = true;
    for (const { name, read } of traits) model.off(`change:${name}`, read);
    picked.close();
    clearInterval(pulse);
    cancelAnimationFrame(frame);
    themed.disconnect();
    stop();
    unfollow();
    requests.close();
    for (const view of views) view.destroy?.();
    root.remove();
  }
  return end;
}

/** Called once for each model. */
export default function views() {
  /** @type {Parameters<typeof render>[1]} */
  const memory = { last: null };
  return { render: (/** @type {Parameters<typeof render>[0]} */ place) => render(place, memory) };
}
