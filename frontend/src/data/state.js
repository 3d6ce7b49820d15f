// What one view of the data explorer holds.

import { numbersOf } from "./numbers.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Dataset} Dataset */
/** @typedef {import("./types.js").Tab} Tab */

/** @type {State} */
export const INITIAL = {
  dataset: null,
  view: null,
  status: { state: "idle", text: "", work: null, done: null, left: null, stale: null },
  mode: "both",
  tab: "charts",
  sample: null,
  labelling: false,
  pending: [],
  late: [],
  failure: null,
  queryError: null,
  answers: new Map(),
  arrivals: 0,
  selected: new Set(),
};

/**
 * @param {State} state
 * @param {State} before
 * @returns {State}
 */
export function derive(state, before) {
  const next = { ...state };
  if (state.view !== before.view) next.selected = selectedOf(state, before);
  if (state.dataset && !tabsOf(state.dataset).includes(state.tab)) next.tab = "charts";
  return next;
}

/** The very set from before where it holds the same rows. @param {State} state @param {State} before */
function selectedOf({ view }, { selected }) {
  const rows = numbersOf(view?.selected);
  const same = rows.length === selected.size && Array.prototype.every.call(rows, (row) => selected.has(row));
  return same ? selected : new Set(Array.from(rows));
}

/** The panels that mean something for a data set. @param {Dataset | null} dataset @returns {Tab[]} */
export function tabsOf(dataset) {
  /** @type {Tab[]} */
  const tabs = ["charts", "findings"];
  if (!dataset) return tabs;
  if (dataset.labelKind) tabs.push("labels");
  if (dataset.features.length) tabs.push("features");
  if (dataset.splits.length > 1) tabs.push("splits");
  const classes = columnOf(dataset, "label")?.kind === "class";
  if (dataset.hasModel && classes) tabs.push("confusion");
  if (dataset.hasModel) tabs.push("slices");
  if (dataset.hasModel && dataset.labelKind) tabs.push("outputs");
  if (classes) tabs.push("issues");
  if (dataset.labelKind) tabs.push("baselines");
  if (classes) tabs.push("human");
  if (dataset.labelKind && dataset.hasModel) tabs.push("decomposition");
  return tabs;
}

/** @param {Dataset | null} dataset @param {string} name */
export const columnOf = (dataset, name) => dataset?.columns.find((column) => column.name === name) ?? null;

/** What the data set says of a sample: its label, or a column of each target. @param {Dataset | null} dataset */
export const targetsOf = (dataset) => (dataset?.columns ?? []).filter(({ about }) => about === "target");

/** The target that is looked at first: the label, or the first one that can be counted. @param {Dataset | null} dataset */
export const mainTarget = (dataset) => columnOf(dataset, "label") ?? targetsOf(dataset).find(({ kind }) => kind !== "text") ?? null;

/** Names of columns, of which `label` stands for the target that is looked at first. @param {Dataset | null} dataset @param {string[]} names */
export const withTarget = (dataset, names) => names.map((name) => (name === "label" ? mainTarget(dataset)?.name ?? name : name));

/** What the data set says of the sample of a row, each target with its name where there are several.
 * @param {Dataset | null} dataset @param {{ columns: string[], cells: string[] }} row @param {string} alone before the text of the only one
 */
export function targetText(dataset, { columns, cells }, alone = "") {
  const told = targetsOf(dataset).map(({ name }) => ({ name, text: cells[columns.indexOf(name)] ?? "" }));
  if (told.length < 2) return told[0]?.text ? `${alone}${told[0].text}` : "";
  return told.filter(({ text }) => text).map(({ name, text }) => `${name} ${text}`).join(" · ");
}

/** Whether a scan is under way. @param {State} state */
export const isScanning = ({ status }) => status.work === "scan";

/** Why nothing can be asked of Python, in words; empty where it can. @param {State} state */
export function reasonAgainst({ status, dataset }) {
  if (status.state === "closed") return status.text || "this view is closed";
  return dataset ? "" : "nothing has been scanned yet";
}

/** Why no work can begin, in words; empty where it can. @param {State} state */
export function reasonAgainstWork(state) {
  const reason = reasonAgainst(state);
  if (reason) return reason;
  return state.status.work ? `${state.status.work} is under way` : "";
}

/** Whether a prediction is wrong, by the words in one row; null where that cannot be said.
 * @param {Dataset | null} dataset
 * @param {string[]} columns
 * @param {string[]} cells
 */
export function isWrong(dataset, columns, cells) {
  const [label, guess] = [columns.indexOf("label"), columns.indexOf("prediction")];
  if (label < 0 && guess >= 0) return judgedBy(columns, cells);
  if (label < 0 || guess < 0 || !cells[guess] || !cells[label]) return null;
  const kinds = [columnOf(dataset, "label")?.kind, columnOf(dataset, "prediction")?.kind];
  if (kinds.some((kind) => kind === "number" || kind === undefined)) return null;
  if (kinds[0] !== kinds[1]) return judgedBy(columns, cells); // words of several classes at once
  return cells[label] !== cells[guess];
}

/** What Python says of the prediction, whose target may be one of several. @param {string[]} columns @param {string[]} cells */
function judgedBy(columns, cells) {
  const judged = cells[columns.indexOf("correct")];
  return judged ? judged === "✕" : null;
}

/** What waits for the kernel, in words; empty where nothing does. @param {State} state */
export function waitingText({ late, status }) {
  if (!late.length || status.work) return "";
  const names = [...new Set(late)].map((method) => WORDS[method] ?? method);
  return `${names.slice(0, 3).join(", ")}: waits for the running cell`;
}

/** @type {Record<string, string>} */
const WORDS = {
  rows: "rows", samples: "previews", scan: "scan", predict: "predictions", confusion: "confusion", slices: "slices", outputs: "outputs", issues: "label issues",
  nearest: "nearest samples", baselines: "baselines", curve: "learning curve", human: "samples to label", decompose: "decomposition", split: "the other split", scatter: "map",
};
