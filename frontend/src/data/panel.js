// The right side: charts, and what is known of the whole data set, one panel at a time.

import { attribute, fill, h, say } from "../dom.js";
import { activeIn, button } from "../forward/controls.js";
import { createBaselines } from "./baselines.js";
import { createCharts } from "./charts.js";
import { createConfusion } from "./confusion.js";
import { createDecomposition } from "./decomposition.js";
import { createFeatures } from "./features.js";
import { createFindings } from "./findings.js";
import { createHumanSetup } from "./humansetup.js";
import { createIssues } from "./issues.js";
import { createLabels } from "./labels.js";
import { createOutputs } from "./outputs.js";
import { createSlices } from "./slices.js";
import { createSplits } from "./splits.js";
import { tabsOf } from "./state.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Tab} Tab */
/** @typedef {import("./types.js").View} View */
/** @typedef {import("./types.js").Kit} Kit */

/** @type {Record<Tab, [string, (kit: Kit) => View]>} */
const PANELS = {
  charts: ["Charts", createCharts],
  findings: ["Findings", createFindings],
  labels: ["Labels", createLabels],
  features: ["Features", createFeatures],
  splits: ["Train vs validation", createSplits],
  confusion: ["Confusion", createConfusion],
  slices: ["Slices", createSlices],
  outputs: ["Outputs", createOutputs],
  issues: ["Label issues", createIssues],
  baselines: ["Baselines", createBaselines],
  human: ["Human", createHumanSetup],
  decomposition: ["Decomposition", createDecomposition],
};
let panels = 0;

/** @param {Kit} kit @returns {View} */
export function createPanel(kit) {
  const { store } = kit;
  const id = `ne-panel-${++panels}`;
  const tabs = h("div", { class: "ne-tabs", role: "tablist", "aria-label": "Panels" });
  const body = h("div", { class: "ne-panelbody", role: "tabpanel", id, tabindex: -1 });
  const element = h("section", { class: "ne-panel", "aria-label": "Charts and findings" }, tabs, body);
  /** @type {Map<Tab, View>} */
  const views = new Map();
  /** @type {Map<Tab, HTMLElement>} */
  const buttons = new Map();
  /** @type {Tab | null} */
  let current = null;

  tabs.addEventListener("keydown", (event) => {
    const all = tabsOf(store.get().dataset);
    const now = all.findIndex((tab) => buttons.get(tab) === activeIn(tabs));
    const to = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined || now < 0) return;
    const tab = /** @type {Tab} */ (all.at(to % all.length));
    store.set({ tab });
    buttons.get(tab)?.focus();
    event.preventDefault();
    event.stopPropagation();
  });

  /** @param {State} state */
  function writeTabs(state) {
    const all = tabsOf(state.dataset);
    for (const tab of all) {
      if (!buttons.has(tab)) buttons.set(tab, button("", () => store.set({ tab }), { role: "tab", class: "ne-tab", "aria-controls": id }));
    }
    for (const [tab, own] of buttons) {
      say(own, nameOf(state, tab));
      attribute(own, "aria-selected", String(tab === state.tab));
      attribute(own, "tabindex", tab === state.tab ? 0 : -1);
    }
    const wanted = all.map((tab) => /** @type {HTMLElement} */ (buttons.get(tab)));
    if (wanted.length !== tabs.children.length || wanted.some((own, i) => tabs.children[i] !== own)) fill(tabs, ...wanted);
  }

  return {
    element,
    update(state) {
      writeTabs(state);
      const tab = state.dataset ? state.tab : "charts";
      const view = views.get(tab) ?? PANELS[tab][1](kit);
      views.set(tab, view);
      if (tab !== current) {
        fill(body, view.element);
        body.scrollTop = 0;
        attribute(body, "aria-label", PANELS[tab][0]);
      }
      current = tab;
      view.update(state);
    },
    restyle: () => (current ? views.get(current)?.restyle?.() : undefined),
    destroy() {
      for (const view of views.values()) view.destroy?.();
    },
  };
}

/** @param {State} state @param {Tab} tab */
function nameOf({ dataset }, tab) {
  const many = tab === "findings" ? (dataset?.findings ?? []).filter(({ level }) => level === "warn").length : 0;
  return many ? `▲ ${PANELS[tab][0]} ${many}` : PANELS[tab][0];
}
