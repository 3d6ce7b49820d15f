// The anywidget view of an inspector: its recipe, its five views, and one sample carried through them.

import { h, keepKeys } from "./dom.js";
import { activeIn } from "./forward/controls.js";
import { save } from "./picked.js";
import { createRequests } from "./requests.js";
import { createStore } from "./store.js";
import { followTheme } from "./theme.js";
import { createReads } from "./traits.js";
import { createFacts } from "./dashboard/facts.js";
import { mountingOf } from "./dashboard/mounting.js";
import { createNotices } from "./dashboard/notices.js";
import { createRecipe } from "./dashboard/recipe.js";
import { createSlot } from "./dashboard/slot.js";
import { createSpoken } from "./dashboard/spoken.js";
import { createStrip } from "./dashboard/strip.js";
import { createTabs } from "./dashboard/tabs.js";
import { roomOf } from "./dashboard/words.js";

/** @typedef {import("./dashboard/types.js").State} State */
/** @typedef {import("./dashboard/types.js").RoomName} RoomName */

/** @type {State} */
const INITIAL = {
  rooms: [],
  active: "recipe",
  facts: {},
  sample: null,
  recipe: { chapters: [], next: null, nextText: "", done: 0, total: 0 },
  status: { state: "idle", text: "", stale: null, renew: false },
  pending: [],
  failure: null,
};
/** Milliseconds between two looks at whether the view is still in the page. */
const SELDOM = 5000;
let dashboards = 0;

/**
 * @param {{ model: import("./dashboard/types.js").Model, el: HTMLElement }} place
 * @returns {() => void}
 */
function render({ model, el }) {
  const mounting = mountingOf(model);
  const prefix = `nr${++dashboards}`;
  const requests = createRequests(model);
  const store = createStore(INITIAL, (state) => state);

  /** @param {string} method @param {Record<string, string>} [params] */
  async function ask(method, params = {}) {
    const key = [method, ...Object.values(params)].join(" ");
    if (store.get().pending.includes(key) || store.get().status.state === "closed") return;
    store.set({ pending: [...store.get().pending, key], failure: null });
    const settle = () => store.get().pending.filter((one) => one !== key);
    try {
      await requests.ask(method, params);
      store.set({ pending: settle() });
    } catch (error) {
      store.set({ pending: settle(), failure: error instanceof Error ? error.message : String(error) });
    }
  }

  /** @param {RoomName} name */
  function go(name) {
    store.set({ active: name });
    // Where the view cannot be shown it is not made either: the tab says how to see it.
    if (!mounting && name !== "recipe") return;
    model.set("active", name);
    save(model);
    const state = roomOf(store.get(), name)?.state;
    if (name !== "recipe" && state !== "off") void ask("open", { room: name });
  }

  /** @type {import("./dashboard/types.js").Actions} */
  const actions = {
    go,
    carry: (room) => void ask("show", { room }),
    act: (step) => void ask("act", { step }),
    clear: () => void ask("clear"),
    renew: () => void ask("renew"),
    dismiss: () => store.set({ failure: null }),
  };
  const recipe = createRecipe(actions);
  const tabs = createTabs(actions, prefix);
  const [facts, strip, notices, slot, spoken] = [createFacts(), createStrip(actions), createNotices(actions), createSlot(actions, mounting, prefix, recipe.element), createSpoken()];
  const views = [facts, tabs, strip, notices, recipe, slot, spoken];
  const sheet = h("div", { class: "nb-sheet" }, facts.element, h("div", { class: "nr-row" }, tabs.element, strip.element), notices.element, slot.element, spoken.element);
  const root = h("div", { class: "nbinspect nr-dashboard", role: "region", "aria-label": "Inspector", onfocusin: keepKeys }, sheet);

  /** @param {State} state */
  function draw(state) {
    const held = activeIn(root);
    const inside = held !== null && root.contains(held);
    for (const view of views) view.update(state);
    // A control that has just gone leaves the focus to the tab.
    if (inside && (held.closest("[hidden], [inert]") || !root.contains(activeIn(root)))) tabs.focus();
  }

  /** @type {ReturnType<typeof createReads<State>>} */
  const reads = createReads(model, store);

  const traits = [
    reads("rooms", (rooms) => ({ rooms: rooms ?? [] })),
    reads("active", (active) => ({ active: active || INITIAL.active })),
    reads("facts", (facts) => ({ facts: facts ?? {} })),
    reads("sample", (sample) => ({ sample: sample ?? null })),
    reads("recipe", (found) => ({ recipe: { ...INITIAL.recipe, ...found } })),
    reads("status", (status) => ({ status: { ...INITIAL.status, ...status } })),
  ];

  el.append(root);
  const unfollow = followTheme(root, sheet);
  for (const { read } of traits) read();
  const stop = store.subscribe(draw);
  draw(store.get());

  let over = false;
  let placed = false;
  const pulse = setInterval(() => {
    // An output that is shown anew throws the view before it out, and tells it nothing.
    if (placed && !el.parentNode) end();
    placed ||= Boolean(el.parentNode);
  }, SELDOM);
  function end() {
    if (over) return;
    over = true;
    for (const { name, read } of traits) model.off(`change:${name}`, read);
    clearInterval(pulse);
    stop();
    unfollow();
    requests.close();
    for (const view of views) view.destroy?.();
    root.remove();
  }
  return end;
}

export default { render };
