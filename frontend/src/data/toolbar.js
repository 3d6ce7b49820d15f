// Order, groups, how samples are drawn, and what to do with those that are selected.

import { attribute, changed, h, say } from "../dom.js";
import { button, choice, enable } from "../forward/controls.js";
import { count, plural, shorten } from "../numbers.js";
import { download } from "../sanity/download.js";
import { reasonAgainst, reasonAgainstWork } from "./state.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Mode} Mode */

/** @type {[Mode, string, string][]} */
const MODES = [["table", "Table", "figures only"], ["gallery", "Gallery", "pictures only"], ["both", "Both", "figures with pictures"]];

/**
 * @param {import("./types.js").Kit} kit
 * @returns {import("./types.js").View}
 */
export function createToolbar({ store, actions }) {
  const sort = choice("Sort", (name) => void actions.ask("sort", { column: name || null, descending: isDownFirst(name) }));
  const turn = button("↑", () => {
    const now = store.get().view?.sort;
    if (now) void actions.ask("sort", { column: now.column, descending: !now.descending });
  }, { class: "ne-turn" });
  const group = choice("Group", (name) => void actions.ask("group", { column: name || null }));
  const modes = MODES.map(([mode, text, title]) => button(text, () => store.set({ mode }), { title, "data-mode": mode }));
  const exclude = button("Exclude selected", () => void actions.ask("mark", { mark: "excluded" }));
  const suspect = button("Suspicious", () => void actions.ask("mark", { mark: "suspicious" }));
  const unmark = button("Unmark", () => void actions.ask("mark", { mark: null }));
  const keep = button("CSV", () => void save());
  const predict = button("Predict", () => void actions.ask("predict"));
  const element = h(
    "div",
    { class: "ne-toolbar", role: "toolbar", "aria-label": "Samples" },
    h("span", { class: "ne-pair" }, sort.element, turn),
    group.element,
    h("span", { class: "ne-switch", role: "group", "aria-label": "How samples are drawn" }, ...modes),
    h("span", { class: "ne-pair" }, exclude, suspect, unmark),
    keep,
    predict,
  );

  /** @param {string} name */
  function isDownFirst(name) {
    const about = store.get().dataset?.columns.find((column) => column.name === name)?.about;
    return about === "model" || about === "finding";
  }

  async function save() {
    const file = await actions.ask("csv");
    if (file?.text !== undefined) download(String(file.name ?? "samples.csv"), String(file.text), element);
  }

  /** @type {State | null} */
  let before = null;
  return {
    element,
    update(state) {
      if (!changed(before, state, ["dataset", "view", "status", "mode", "pending"])) return;
      before = state;
      const { dataset, view, pending } = state;
      const columns = dataset?.columns ?? [];
      const own = view?.sort ?? null;
      sort.show([["", "data set order"], ...columns.map(({ name }) => /** @type {[string, string]} */ ([name, shorten(name, 30)]))], own?.column ?? "");
      say(turn, own?.descending ? "↓" : "↑");
      enable(turn, { reason: own ? "" : "choose a column to sort by", title: own?.descending ? "greatest first: turn round" : "least first: turn round" });
      attribute(turn, "aria-label", own?.descending ? "greatest first" : "least first");
      group.show([["", "none"], ...columns.filter(({ kind }) => kind === "class" || kind === "flag").map(({ name }) => /** @type {[string, string]} */ ([name, shorten(name, 30)]))], view?.group ?? "");
      for (const one of modes) attribute(one, "aria-pressed", String(one.dataset.mode === state.mode));
      const many = view?.selectedCount ?? 0;
      const reason = reasonAgainst(state);
      say(exclude, `Exclude selected (${count(many)})`);
      const none = reason || (many ? "" : "no sample is selected: click ☐ before a row, or press Space");
      enable(exclude, { reason: none, busy: pending.includes("mark"), title: `mark ${plural(many, "sample")} as excluded; explorer.subset() leaves them out` });
      enable(suspect, { reason: none, busy: pending.includes("mark"), title: `mark ${plural(many, "sample")} as suspicious` });
      enable(unmark, { reason: none, busy: pending.includes("mark"), title: `take the marks of ${plural(many, "sample")} away` });
      enable(keep, { reason, busy: pending.includes("csv"), title: "save these rows as a file: index, marks and all columns" });
      const network = dataset && !dataset.hasModel ? "there is no network" : "";
      enable(predict, { reason: network || reasonAgainstWork(state), busy: pending.includes("predict"), title: dataset?.predicted ? "predict all samples again, with the network as it is now" : "predict all samples: loss, margin and correctness of each" });
      predict.hidden = Boolean(network);
      say(predict, dataset?.predicted ? "Predict again" : "Predict");
    },
  };
}
