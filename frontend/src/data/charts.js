// Charts of what is shown: how one column is spread, and samples as points.

import { h } from "../dom.js";
import { createHistogram } from "./histogram.js";
import { createScatter } from "./scatter.js";

/**
 * @param {import("./types.js").Kit} kit
 * @returns {import("./types.js").View}
 */
export function createCharts(kit) {
  const views = [createHistogram(kit), createScatter(kit)];
  return {
    element: h("div", { class: "ne-charts" }, ...views.map(({ element }) => element)),
    update: (state) => views.forEach((view) => view.update(state)),
    restyle: () => views.forEach((view) => view.restyle?.()),
    destroy: () => views.forEach((view) => view.destroy?.()),
  };
}
