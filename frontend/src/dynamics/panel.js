// What the network makes of the probe batch: its head, the panel that is chosen, the sample that is selected.

import { attribute, changed, fill, h, say } from "../dom.js";
import { button, choice } from "../forward/controls.js";
import { plural, shorten, tooltip } from "../numbers.js";
import { createCompare } from "./compare.js";
import { createConfusion } from "./confusion.js";
import { maskCells, maskLegend } from "./masks.js";
import { MEANINGS } from "./measures.js";
import { createPaths } from "./paths.js";
import { createPredictions } from "./predictions.js";
import { createResiduals, createScatter } from "./scatter.js";
import { createSpikes } from "./spikes.js";
import { tabsOf } from "./state.js";
import { createTrajectory } from "./trajectory.js";
import { wordCells } from "./words.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Tab} Tab */
/** @typedef {import("./types.js").Task} Task */
/** @typedef {import("./types.js").SortKey} SortKey */
/** @typedef {import("./types.js").View} View */

/** @type {SortKey[]} */
const SORTS = ["index", "loss", "flips", "jitter", "forgotten", "margin"];

/** How samples are drawn, where not as most are. @type {Partial<Record<Task, import("./predictions.js").Cells>>} */
const CELLS = { segmentation: maskCells, "language-model": wordCells };

/** The name of a panel, by what there is in it.
 * @param {Tab} tab @param {Task} task
 */
function nameOf(tab, task) {
  if (tab === "predictions") return { regression: "Samples", segmentation: "Masks", "language-model": "Tokens", other: "Losses" }[/** @type {string} */ (task)] ?? "Probabilities";
  if (tab === "paths") return task === "regression" ? "Against target" : "Paths";
  return { confusion: "Confusion", residuals: "Residuals", compare: "Compared", spikes: "◆ Spikes" }[tab];
}

/**
 * @param {import("./types.js").Store} store
 * @param {import("./around.js").Around} around
 * @returns {View}
 */
export function createPanel(store, around) {
  const title = h("span", { class: "nd-charttitle nd-paneltitle" });
  const probe = choice("Probe", (value) => store.set({ probe: Number(value), sample: null, at: null }));
  const sort = choice("Sort", (value) => store.set({ sort: /** @type {SortKey} */ (value) }));
  const tabs = h("span", { class: "nd-buttons", role: "group", "aria-label": "Panels" });
  const head = h("div", { class: "nd-panelhead" }, title, h("span", { class: "nd-paneltools" }, probe.element, sort.element, tabs));
  const body = h("div", { class: "nd-panelbody" });
  const empty = h("p", { class: "nd-soft nd-none" }, "No prediction has been read yet.");
  const trajectory = createTrajectory(store, around, () => {
    const view = /** @type {View & { focus?: () => void } | undefined} */ (views.get(current));
    view?.focus?.();
  });
  const element = h("section", { class: "nd-panel", "aria-label": "Predictions on the probe batch" }, head, empty, body, trajectory.element);
  /** @type {Map<string, View>} */
  const views = new Map();
  /** @type {Map<Tab, HTMLButtonElement>} */
  const buttons = new Map();
  let current = "";
  let written = "";

  /** @param {Tab} tab @param {Task} task @returns {View} */
  function make(tab, task) {
    if (tab === "compare") return createCompare(store);
    if (tab === "spikes") return createSpikes(store);
    if (tab === "confusion") return createConfusion(store);
    if (tab === "residuals") return createResiduals();
    if (tab === "paths") return task === "regression" ? createScatter(store) : createPaths(store);
    return createPredictions(store, CELLS[task], task === "segmentation" ? maskLegend : undefined);
  }

  /** @param {Tab[]} all @param {Task} task */
  function writeTabs(all, task) {
    const key = `${task} ${all.join(" ")}`;
    if (key === written) return;
    written = key;
    for (const tab of all) if (!buttons.has(tab)) buttons.set(tab, button("", () => store.set({ tab })));
    for (const [tab, own] of buttons) {
      say(own, nameOf(tab, task));
      if (!all.includes(tab)) own.remove();
      else if (!own.isConnected) tabs.append(own);
    }
    tabs.hidden = all.length < 2;
  }

  /** @type {State | null} */
  let before = null;
  return {
    element,
    update(state) {
      const { record, reading, tab } = state;
      const own = record?.probes[state.probe];
      const task = own?.task ?? "other";
      if (changed(before, state, ["record", "probe", "tab", "pinned", "sort"])) writeHead(state, own, task);
      before = state;
      const shown = tab === "spikes" || Boolean(own && reading);
      empty.hidden = shown;
      body.hidden = !shown;
      if (shown) {
        const key = `${tab} ${task}`;
        const view = views.get(key) ?? make(tab, task);
        views.set(key, view);
        if (key !== current) fill(body, view.element);
        current = key;
        view.update(state);
      }
      trajectory.update(state);
    },
    restyle: () => views.get(current)?.restyle?.(),
    destroy() {
      for (const view of views.values()) view.destroy?.();
      trajectory.destroy?.();
    },
  };

  /** @param {State} state @param {import("./types.js").ProbeRecord | undefined} own @param {Task} task */
  function writeHead(state, own, task) {
    const samples = own?.batch.batch.size ?? 0;
    say(title, own ? `Probe batch, ${plural(samples, "sample")}` : "Predictions");
    attribute(title, "title", own ? tooltip(`${own.chosen}; from ${own.split}; read in ${own.train_mode ? "train" : "eval"} mode`) : null);
    const all = state.record?.probes ?? [];
    probe.element.hidden = all.length < 2;
    probe.show(all.map((one, i) => [String(i), shorten(`${one.split}${one.train_mode ? ", train mode" : ""}: ${one.chosen}`, 40)]), String(state.probe));
    const numbers = task === "regression" || task === "other" || task === "language-model";
    sort.element.hidden = !own || state.tab !== "predictions";
    sort.show(SORTS.filter((key) => !numbers || ["index", "loss", "jitter"].includes(key)).map((key) => [key, key]), state.sort);
    attribute(sort.element, "title", MEANINGS[state.sort]);
    writeTabs(tabsOf(state), task);
    for (const [tab, one] of buttons) attribute(one, "aria-pressed", String(tab === state.tab));
  }
}
