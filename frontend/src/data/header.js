// The header: what the data set is, what was found in it, how far the scan is, and what can be asked of the whole.

import { attribute, changed, fill, h, say } from "../dom.js";
import { button, enable } from "../forward/controls.js";
import { count, plural, shorten, tooltip } from "../numbers.js";
import { timeText } from "./numbers.js";
import { isScanning, reasonAgainstWork, tabsOf, targetsOf, waitingText } from "./state.js";

/** @typedef {import("./types.js").State} State */

const CHIPS = 4;

/** A finding in as few words as a chip has room for. @param {import("./types.js").Finding} finding */
export const shortText = ({ kind, count: many }) => (many > 0 ? `${count(many)} ${many === 1 ? kind.replace(/s$/, "") : kind}` : kind);

/**
 * @param {import("./types.js").Kit} kit
 * @returns {import("./types.js").View}
 */
export function createHeader({ store, actions }) {
  const chips = h("span", { class: "ne-facts" });
  const findings = h("span", { class: "ne-found" });
  const splits = h("span", { class: "ne-switch", role: "group", "aria-label": "Split" });
  const where = h("span", { class: "ne-where", role: "status" });
  const bar = h("span", { class: "ne-bar", role: "progressbar", "aria-label": "Progress", "aria-valuemin": 0, "aria-valuemax": 100 }, h("span"));
  const filled = /** @type {HTMLElement} */ (bar.firstElementChild);
  const stop = button("Cancel", () => void actions.ask("cancel"));
  const scan = button("Scan", () => void actions.ask("scan"));
  const human = button("Human baseline", actions.openHuman);
  const learn = button("Anything to learn?", () => {
    store.set({ tab: "baselines" });
    if (!store.get().answers.has("baselines")) void actions.work("baselines", "baselines");
  });
  const element = h("div", { class: "ne-header" }, h("strong", { class: "nb-title" }, "Data"), splits, chips, findings, h("span", { class: "ne-actions" }, where, bar, stop, scan, human, learn));
  /** @type {State | null} */
  let before = null;
  let found = "";
  return {
    element,
    update(state) {
      if (changed(before, state, ["dataset"])) {
        writeFacts(state);
        writeFindings(state);
      }
      if (changed(before, state, ["dataset", "status", "pending", "labelling"])) writeSplits(state);
      if (changed(before, state, ["dataset", "status", "pending", "late", "labelling"])) writeWork(state);
      before = state;
    },
  };

  /** @param {State} state */
  function writeFacts({ dataset }) {
    if (!dataset) return fill(chips, h("span", { class: "ne-soft" }, "not scanned yet"));
    const targets = targetsOf(dataset);
    const words = targets.length === 1 ? targets[0].words?.length ?? 0 : 0;
    const excluded = dataset.marks?.excluded ?? 0;
    fill(
      chips,
      chip(plural(dataset.total ?? dataset.scanned, "sample"), `${dataset.name}, ${dataset.split}: ${plural(dataset.scanned, "sample")} scanned${dataset.failed ? `, ${count(dataset.failed)} could not be read` : ""}`),
      words > 0 && chip(words >= 200 ? "200 labels or more" : plural(words, "label"), "distinct labels"),
      targets.length > 1 && chip(plural(targets.length, "target"), `what the data set says of each sample: ${targets.map(({ name }) => shorten(name, 40)).join(", ")}`),
      excluded > 0 && chip(`${count(excluded)} excluded`, "marked as excluded: explorer.subset() leaves them out"),
    );
  }

  /** @param {State} state */
  function writeFindings({ dataset }) {
    const all = (dataset?.findings ?? []).filter(({ level }) => level !== "ok");
    const key = JSON.stringify(all);
    if (key === found) return;
    found = key;
    const shown = all.filter(({ level }) => level === "warn").slice(0, CHIPS).map((finding) => {
      const act = () => (finding.query ? void actions.filter(finding.query) : store.set({ tab: "findings" }));
      return button(`▲ ${shortText(finding)}`, act, { class: "ne-alarm", "data-tone": "warn", title: tooltip(`${finding.text}\n${finding.query ? "Click to show only these." : "Click for more."}`) });
    });
    const rest = all.length - shown.length;
    const none = dataset?.complete && !all.length && h("span", { "data-tone": "ok" }, "● nothing suspicious found");
    fill(findings, ...shown, rest > 0 && button(shown.length ? `+${rest}` : plural(rest, "note"), () => store.set({ tab: "findings" }), { class: "ne-alarm", "data-tone": "muted", title: "all findings" }), none);
  }

  /** @param {State} state */
  function writeSplits(state) {
    const names = state.dataset?.splits ?? [];
    splits.hidden = names.length < 2;
    const reason = state.labelling ? "samples are being labelled" : reasonAgainstWork(state);
    if (splits.children.length !== names.length) fill(splits, ...names.map((name) => button(name, () => name !== store.get().dataset?.split && void actions.ask("split", { name }))));
    names.forEach((name, i) => {
      const own = /** @type {HTMLElement} */ (splits.children[i]);
      say(own, name.charAt(0).toUpperCase() + name.slice(1));
      attribute(own, "aria-pressed", String(name === state.dataset?.split));
      enable(own, { reason: name === state.dataset?.split ? "" : reason, busy: state.pending.includes("split") && name !== state.dataset?.split, title: `the ${name} split` });
    });
  }

  /** @param {State} state */
  function writeWork(state) {
    const { status, dataset } = state;
    const text = workText(state);
    say(where, shorten(text, 90));
    attribute(where, "title", tooltip(text) || null);
    attribute(where, "data-busy", status.work !== null || waitingText(state) !== "");
    attribute(where, "data-rest", status.work === null && dataset?.complete === true && waitingText(state) === "");
    bar.hidden = status.work === null;
    attribute(bar, "aria-valuenow", status.done === null ? null : Math.round(100 * status.done));
    bar.classList.toggle("ne-endless", status.done === null);
    filled.style.width = status.done === null ? "" : `${100 * Math.min(Math.max(status.done, 0), 1)}%`;
    stop.hidden = status.work === null;
    enable(stop, { busy: state.pending.includes("cancel"), title: status.work === "scan" ? "end the scan; what was scanned stands" : "end this work; what was there before stands" });
    const closed = status.state === "closed" ? status.text || "this view is closed" : state.labelling ? "samples are being labelled" : "";
    scan.hidden = status.work !== null || (dataset?.complete === true && !status.stale);
    say(scan, dataset && !dataset.complete ? "Scan on" : dataset ? "Scan again" : "Scan");
    enable(scan, { reason: closed, busy: state.pending.includes("scan"), title: "read every sample once" });
    const tabs = tabsOf(dataset);
    enable(human, { reason: closed || (tabs.includes("human") ? "" : dataset ? (targetsOf(dataset).length > 1 ? "with several targets it is not known which a person is to tell" : "there are no classes to label by") : "nothing has been scanned yet"), title: "label samples by hand, to know what error a person makes" });
    enable(learn, { reason: closed || (tabs.includes("baselines") ? (status.work && !state.answers.has("baselines") ? `${status.work} is under way` : "") : dataset ? "there are no labels to predict" : "nothing has been scanned yet"), title: "simple models beside the network" });
  }
}

/** What is done now, and for how long still. @param {State} state */
export function workText(state) {
  const { status, dataset } = state;
  const waits = waitingText(state);
  if (status.state === "closed") return "";
  if (status.work) {
    const share = status.done === null ? (isScanning(state) && dataset ? `${count(dataset.scanned)} samples` : "") : `${Math.floor(100 * status.done)} %`;
    const left = status.left === null ? "" : `${timeText(status.left)} left`;
    const name = isScanning(state) ? "scanned" : status.text || status.work;
    return [[name, share].filter(Boolean).join(" "), left].filter(Boolean).join(" · ");
  }
  if (waits) return waits;
  if (status.state === "busy" || status.state === "waiting") return status.text || "waits for the running cell";
  if (!dataset) return "";
  if (dataset.complete) return "scanned 100 %";
  return dataset.total ? `scanned ${Math.floor((100 * dataset.scanned) / dataset.total)} %` : `scanned ${plural(dataset.scanned, "sample")}`;
}

/** @param {string} text @param {string} title */
const chip = (text, title) => h("span", { class: "nb-chip", title: tooltip(title) }, text);
