// What the selected check asked and found: numbers against expectations, pictures, the remedy, and why it is asked.

import { attribute, changed, fill, h } from "../dom.js";
import { button, enable } from "../forward/controls.js";
import { duration } from "../forward/figures.js";
import { brief, plural, shorten, tooltip } from "../numbers.js";
import { chartElement } from "./chart.js";
import { differing } from "./plain.js";
import { links, prose } from "./prose.js";
import { remedyElement } from "./remedy.js";
import { asked, resultOf } from "./swap.js";
import { at, headline, isRunning, markOf } from "./words.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").CheckFacts} CheckFacts */
/** @typedef {import("./types.js").CheckResult} CheckResult */

/**
 * @param {import("./types.js").Store} store
 * @param {import("./types.js").Actions} actions
 * @returns {import("./types.js").View & { focus: () => void }}
 */
export function createEvidence(store, { select, run }) {
  const again = button("Run", () => run([String(store.get().selected)]), { class: "ns-small" });
  const head = h("div", { class: "ns-evidencehead" });
  const body = h("div", { class: "ns-evidencebody" });
  const toggle = button("why this check", () => store.set({ why: !store.get().why }), { class: "nb-plain" });
  const why = h("div", { class: "ns-why" });
  const foot = h("div", { class: "ns-foot" });
  const element = h("section", { class: "ns-evidence", "aria-label": "Evidence", tabindex: -1 }, head, body, foot, why);
  const pictures = h("div", { class: "ns-charts" });
  /** @type {State | null} */
  let before = null;
  let drawn = 0;
  const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => {
    if (before && Math.abs(width() - drawn) > 8) draw(before);
  });
  watch?.observe(element);

  const width = () => Math.min((body.clientWidth || 640) - 2, 760);

  /** @param {State} state */
  function draw(state) {
    drawn = width();
    const charts = resultOf(state, state.selected)?.charts ?? [];
    fill(pictures, ...charts.map((chart) => chartElement(chart, drawn)));
  }

  /** @param {State} state @param {CheckFacts} facts */
  function write(state, facts) {
    const result = resultOf(state, facts.name);
    const other = differing(state, facts.name);
    fill(body, h("p", { class: "ns-question" }, facts.question), other && h("p", { class: "ns-otherwise" }, h("span", { "aria-hidden": true }, "≠ "), other.text), ...(result ? found(result, pictures, select) : []));
    draw(state);
    fill(foot, h("span", {}, facts.sources.join(" · ")), result && facts.sources.length > 0 && " · ", toggle, h("span", { class: "ns-cost" }, result ? costOf(result) : mostOf(facts)));
    fill(why, ...reasons(facts));
  }

  /** @param {State} state @param {CheckFacts} facts */
  function writeHead(state, facts) {
    const result = resultOf(state, facts.name);
    const { mark, word, tone } = markOf(result, state.progress?.check === facts.name);
    const place = result ? at(result) : "";
    fill(
      head,
      h("span", { class: "ns-mark", "aria-hidden": true, "data-tone": tone }, mark),
      h("h3", { class: "ns-check" }, facts.name),
      h("span", { class: "ns-soft" }, result?.confirmed ? `${word}, confirmed` : word),
      place && h("span", { class: "ns-chip", title: result?.place ? tooltip(`${result.place.file}:${result.place.line}`) : null }, place),
      again,
    );
  }

  return {
    element,
    update(state) {
      const facts = asked(state.catalogue).find((one) => one.name === state.selected);
      const result = resultOf(state, state.selected);
      element.classList.toggle("ns-empty", !facts);
      if (!facts) return;
      const other = before === null || before.selected !== state.selected || before.catalogue !== state.catalogue || before.other !== state.other || before.plain !== state.plain || resultOf(before, before.selected) !== result;
      if (other || changed(before, state, ["progress"])) {
        const focused = head.contains(/** @type {Document | ShadowRoot} */ (element.getRootNode()).activeElement);
        if (other || before?.progress?.check !== state.progress?.check) writeHead(state, facts);
        if (focused) again.focus();
      }
      if (other) write(state, facts);
      if (before?.selected !== state.selected) element.scrollTop = 0;
      again.textContent = result ? "Run again" : "Run";
      enable(again, { reason: state.status.state === "closed" ? "this view is closed" : isRunning(state) ? "checks are running" : "", title: `run ${facts.name} alone` });
      why.hidden = !state.why && result !== undefined;
      toggle.hidden = result === undefined;
      attribute(toggle, "aria-expanded", String(state.why));
      before = state;
    },
    focus: () => element.focus(),
    destroy: () => watch?.disconnect(),
  };
}

/** What a check has cost.
 * @param {CheckResult} result
 */
function costOf({ passes, steps, seconds }) {
  const ran = [passes ? plural(Number(brief(passes)), "pass", "passes") : "", steps ? plural(steps, "training step") : ""].filter(Boolean);
  return [...(ran.length ? ran : ["no pass of its own"]), seconds ? duration(seconds) : ""].filter(Boolean).join(", ");
}

/** What a check may cost.
 * @param {CheckFacts} facts
 */
function mostOf({ stage, cost }) {
  if (stage === "swap") return "at most eight short trainings of copies";
  if (stage === "training") return cost ? `at most ${plural(cost, "training step")} on a copy` : "no training step beyond the shared ones";
  return `${cost ? `at most ${plural(cost, "pass", "passes")}` : "no pass"} beyond the shared ones`;
}

/**
 * What a check found.
 * @param {CheckResult} result
 * @param {HTMLElement} pictures
 * @param {(name: string) => void} select
 */
function found(result, pictures, select) {
  const finding = result.status === "fail" || result.status === "warn" || result.status === "waived";
  const said = result.status === "error"
    ? [h("pre", { class: "ns-error" }, shorten(result.detail || result.summary, 8000))]
    : [h("p", { class: "ns-finding", "data-tone": finding ? markOf(result, false).tone : null }, ...(finding ? [headline(result)] : prose(result.summary, 400))), result.detail && h("p", {}, ...prose(result.detail))];
  return [
    ...said,
    result.explained_by && h("p", { class: "ns-soft" }, "This follows from ", ...links([result.explained_by], select, ".")),
    result.explains.length > 0 && h("p", { class: "ns-soft" }, `This explains ${plural(result.explains.length, "other finding")}: `, ...links(result.explains, select, ".")),
    measurementsTable(result.measurements),
    pictures,
    remedyElement(result.remedy, result.code),
  ];
}

/** @param {import("./types.js").Measurement[]} measurements */
function measurementsTable(measurements) {
  if (!measurements.length) return null;
  const head = h("tr", {}, ...["quantity", "measured", "expected"].map((name) => h("th", { scope: "col" }, name)));
  const rows = measurements.map((one) => h("tr", {}, h("th", { scope: "row" }, shorten(one.quantity, 200)), h("td", {}, shorten(one.measured, 200)), h("td", {}, shorten(one.expected, 200))));
  return h("table", { class: "ns-table" }, h("caption", { class: "nb-unseen" }, "What was measured"), h("thead", {}, head), h("tbody", {}, ...rows));
}

/** Why a check is asked, on what it stays silent, and what decides.
 * @param {CheckFacts} facts
 */
function reasons(facts) {
  const thresholds = facts.thresholds.map(([name, value]) => h("code", {}, `${name}=${value}`)).flatMap((code, i) => (i ? [", ", code] : [code]));
  /** @type {[string, import("../dom.js").Child[]][]} */
  const pairs = [
    ["why", prose(facts.why)],
    ["remedy", prose(facts.remedy)],
    ["silent on", prose(facts.silent)],
    ["needs", [facts.needs.join(", ")]],
    ["thresholds", thresholds],
    ["explains", [facts.explains.join(", ")]],
  ];
  const list = h("dl", {});
  for (const [name, value] of pairs) if (value.some((part) => part instanceof Node || part)) list.append(h("dt", {}, name), h("dd", {}, ...value.map((part) => (part instanceof Node ? part : h("span", {}, part)))));
  return [list];
}
