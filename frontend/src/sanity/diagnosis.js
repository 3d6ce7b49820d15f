// The card on top: the thing to mend, in one sentence; below it the task, the notes, and what went wrong with the view.

import { attribute, changed, fill, h, say } from "../dom.js";
import { button } from "../forward/controls.js";
import { plural, shorten, tooltip } from "../numbers.js";
import { allDiffering, otherRun, otherNotes, switchedOff } from "./plain.js";
import { links, prose } from "./prose.js";
import { at, counts, diagnosisOf, isRunning, taskLine } from "./words.js";

/** @typedef {import("./types.js").State} State */

/**
 * @param {import("./types.js").Store} store
 * @param {import("./types.js").Actions} actions
 * @returns {import("./types.js").View}
 */
export function createDiagnosis(store, { select }) {
  const card = h("section", { class: "ns-card", "aria-label": "Diagnosis" });
  const text = h("span");
  const dismiss = button("✕", () => store.set({ failure: null }), { class: "nb-plain", "aria-label": "Dismiss this message" });
  const failure = h("div", { class: "nb-notice", "data-tone": "bad", role: "alert" }, icon("✕"), text, dismiss);
  const stale = h("div", { class: "nb-notice", "data-tone": "stale" }, icon("▲"), h("span"));
  const about = h("div", { class: "ns-about" });
  const element = h("div", { class: "ns-top" }, failure, stale, card, about);
  let written = "";
  /** @type {State | null} */
  let before = null;
  return {
    element,
    update(state) {
      if (!changed(before, state, ["catalogue", "record", "results", "other", "plain", "progress", "status", "pending", "failure"])) return;
      before = state;
      const { status } = state;
      const wrong = state.failure ?? (status.state === "error" ? status.text || "something went wrong in the kernel" : null);
      failure.hidden = wrong === null;
      dismiss.hidden = state.failure === null;
      say(text, shorten(wrong ?? "", 4000));
      stale.hidden = !status.stale;
      say(/** @type {Element} */ (stale.lastChild), shorten(status.stale ?? "", 400));
      const told = diagnosisOf(state);
      // Written only where it differs, for a link in it may have the focus while checks run.
      const key = JSON.stringify([told, state.record?.task, state.record?.notes, state.plain, state.other, isRunning(state)]);
      if (key === written) return;
      written = key;
      attribute(card, "data-tone", told.tone);
      fill(card, ...cardOf(told, select));
      fill(about, ...aboutOf(state, select));
    },
  };
}

/** @param {string} mark */
const icon = (mark) => h("span", { class: "nb-icon", "aria-hidden": true }, mark);

/**
 * @param {import("./words.js").Diagnosis} told
 * @param {(name: string) => void} select
 */
function cardOf({ mark, title, text, first, more, tone }, select) {
  const place = first ? at(first) : "";
  const explains = first?.explains ?? [];
  const line = h(
    "p",
    { class: "ns-cardline" },
    h("span", { class: "ns-mark", "aria-hidden": true, "data-tone": tone }, mark),
    first ? button(title, () => select(first.check), { class: "nb-plain ns-cardtitle", "data-tone": tone, title: "show the evidence" }) : h("span", { class: "ns-cardtitle", "data-tone": tone }, title),
    place && h("span", { class: "ns-chip", title: first?.place ? tooltip(`${first.place.file}:${first.place.line}`) : null }, place),
    first?.confirmed && h("span", { class: "ns-soft", title: "the remedy was tried on a copy, and helped" }, "confirmed"),
  );
  return [
    line,
    (text || explains.length > 0) && h("p", {}, ...prose(text), ...(explains.length ? [` This explains ${plural(explains.length, "other finding")}: `, ...links(explains, select, ".")] : [])),
    first?.remedy && h("p", {}, h("b", {}, "Remedy: "), ...prose(first.remedy, 600)),
    more.length > 0 && h("p", { class: "ns-soft" }, first ? `${plural(more.length, "more finding")}: ` : "", ...links(more, select)),
  ];
}

/** @param {State} state @param {(name: string) => void} select */
function aboutOf(state, select) {
  const { record, results } = state;
  const notes = [...otherNotes(record), ...(record?.cut && record.diagnosis.length ? [`The run was cut short: ${record.cut}.`] : [])];
  const task = taskLine(record?.task);
  const list = notes.map((note) => h("li", {}, ...prose(note, 1000)));
  const off = switchedOff(record);
  const differ = allDiffering(state);
  return [
    record?.plain && h("p", { class: "ns-plainline" }, h("b", {}, "Plain run"), off && " · ", ...prose(off, 600)),
    differ.length > 0 && h("p", { class: "ns-plainline" }, `${plural(differ.length, "result differs", "results differ")} from the ${otherRun(state)}: `, ...links(differ, select)),
    results.size > 0 && h("p", { class: "ns-tally" }, counts(results.values())),
    task && h("p", { class: "ns-soft", title: tooltip(task) }, task),
    notes.length === 1 && h("p", { class: "ns-soft" }, ...prose(notes[0], 1000)),
    notes.length > 1 && h("details", { class: "ns-soft" }, h("summary", {}, plural(notes.length, "note")), h("ul", {}, ...list)),
  ];
}
