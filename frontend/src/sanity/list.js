// The catalogue by stage: a line a check, with its mark and what it found in a few words.

import { attribute, changed, fill, h, say } from "../dom.js";
import { shorten, tooltip } from "../numbers.js";
import { differing } from "./plain.js";
import { asked, resultOf } from "./swap.js";
import { named } from "./toolbar.js";
import { doing, isRunning, markOf } from "./words.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {{ facts: import("./types.js").CheckFacts, element: HTMLElement, mark: HTMLElement, what: HTMLElement, other: HTMLElement, run: HTMLElement }} Row */

/** What a stage looks at. @type {Record<string, string>} */
const STAGES = {
  data: "batches as they come",
  wiring: "one forward pass and its graph",
  init: "the untrained network",
  backward: "gradients",
  training: "short runs on copies",
  swap: "yours beside ones that are known to work",
};

/**
 * @param {import("./types.js").Store} store
 * @param {import("./types.js").Actions} actions
 * @returns {import("./types.js").View}
 */
export function createList(store, { select, run, open }) {
  const element = h("div", { class: "ns-list", role: "listbox", "aria-label": "Checks" });
  /** @type {Row[]} */
  let rows = [];
  /** @type {State | null} */
  let before = null;
  element.addEventListener("keydown", pressed);

  /** @param {import("./types.js").CheckFacts} facts @returns {Row} */
  function rowOf(facts) {
    const mark = h("span", { class: "ns-mark" });
    const what = h("span", { class: "ns-what" });
    const other = h("span", { class: "ns-other" });
    // For the pointer; the evidence has the button for everyone.
    const again = h("span", { class: "ns-again", onclick: (/** @type {Event} */ event) => (event.stopPropagation(), run([facts.name])) }, "run");
    const choose = () => select(facts.name);
    const row = h("div", { class: "ns-row", role: "option", "data-check": facts.name, onclick: choose, onfocus: choose }, mark, h("span", { class: "ns-name" }, facts.name), what, other, again);
    return { facts, element: row, mark, what, other, run: again };
  }

  /** @param {import("./types.js").CheckFacts[]} catalogue */
  function build(catalogue) {
    rows = asked(catalogue).map(rowOf);
    const stages = [...new Set(rows.map((row) => row.facts.stage))];
    fill(element, ...stages.map((stage) => h("div", { class: "ns-stage", role: "group", "aria-label": named(stage) }, h("p", { class: "ns-heading", role: "presentation" }, named(stage), h("span", { class: "ns-soft" }, STAGES[stage] ?? "")), ...rows.filter((row) => row.facts.stage === stage).map((row) => row.element))));
  }

  /** @param {KeyboardEvent} event */
  function pressed(event) {
    const now = rows.findIndex((row) => row.facts.name === store.get().selected);
    const next = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (next !== undefined) rows[Math.min(Math.max(next, 0), rows.length - 1)]?.element.focus();
    else if (event.key === "Enter") open();
    else if (event.key === "r" && !isRunning(store.get())) run([rows[now].facts.name]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {Row} row @param {State} state */
  function write({ facts, element: row, mark, what, other, run: again }, state) {
    const result = resultOf(state, facts.name);
    const progress = state.progress?.check === facts.name ? state.progress : null;
    const now = markOf(result, progress !== null);
    const differs = progress ? null : differing(state, facts.name);
    const selected = state.selected === facts.name;
    say(mark, now.mark);
    attribute(mark, "data-tone", now.tone);
    const words = progress ? doing(facts, progress) : result ? result.summary : facts.question;
    say(what, shorten(words, 120));
    say(other, differs?.chip ?? "");
    other.hidden = differs === null;
    attribute(row, "title", tooltip([facts.question, result?.summary, differs?.text].filter(Boolean).join(" ")));
    attribute(row, "aria-label", shorten([`${facts.name}, ${now.word}${result ? `: ${result.summary}` : ""}`, differs?.text].filter(Boolean).join(". "), 400));
    attribute(row, "aria-selected", String(selected));
    attribute(row, "aria-keyshortcuts", selected ? "Enter r" : null);
    attribute(row, "tabindex", selected ? 0 : -1);
    row.classList.toggle("ns-todo", !result);
    row.classList.toggle("ns-quiet", result?.status === "skip" || result?.status === "inconclusive");
    again.hidden = !selected || isRunning(state) || state.status.state === "closed";
    if (selected && before?.selected !== facts.name) reveal(row);
  }

  /** Scrolls the list alone, never the page around it; to a far row so that others are in sight below it.
   * @param {HTMLElement} row
   */
  function reveal(row) {
    const [top, bottom] = [row.offsetTop, row.offsetTop + row.offsetHeight];
    const below = bottom - element.scrollTop - element.clientHeight;
    if (below > 3 * row.offsetHeight) element.scrollTop = top - element.clientHeight / 4;
    else if (top < element.scrollTop) element.scrollTop = top - 30;
    else if (below > 0) element.scrollTop += below + 8;
  }

  // A view that is made before it is in the page has nothing to scroll yet.
  let tall = false;
  const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => {
    const row = rows.find(({ facts }) => facts.name === before?.selected);
    if (!tall && row && element.clientHeight) reveal(row.element);
    tall = element.clientHeight > 0;
  });
  watch?.observe(element);

  return {
    element,
    destroy: () => watch?.disconnect(),
    update(state) {
      if (!changed(before, state, ["catalogue", "results", "other", "plain", "swap", "progress", "status", "pending", "selected"])) return;
      if (before?.catalogue !== state.catalogue) build(state.catalogue);
      for (const row of rows) write(row, state);
      before = state;
    },
  };
}
