// The user's own lines around the step that is looked at.

import { attribute, changed, fill, h, say } from "../dom.js";
import { plural, shorten, tooltip } from "../numbers.js";
import { isOn, onLine } from "./breakpoints.js";
import { activeIn } from "./controls.js";
import { fileTitle, focusOf, fullName, linesUsed, placeOf, stepAt } from "./pass.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").SourceCode} SourceCode */

/**
 * @param {import("./types.js").Actions} actions
 * @returns {import("./types.js").View}
 */
export function createSource({ ask }) {
  const title = h("h3", { class: "nf-heading" });
  const note = h("p", { class: "nf-hint" });
  const lines = h("ol", { class: "nf-lines" });
  const scroller = h("div", { class: "nf-code", tabindex: 0, role: "region", "aria-label": "Source of the forward pass" }, lines);
  const element = h("section", { class: "nf-source", "aria-label": "Source" }, title, note, scroller);
  /** @type {State | null} */
  let before = null;
  let at = "";
  return {
    element,
    update(state) {
      if (!changed(before, state, ["steps", "cursor", "selected", "passed"])) return;
      before = state;
      write(state);
    },
  };

  /** @param {State} state */
  function write(state) {
    const { code, line, why } = shown(state);
    attribute(scroller, "hidden", code ? null : "hidden");
    fill(title, code ? fileTitle(code.file) : "Source", code && ` · ${shorten(code.function, 80)}`);
    attribute(title, "title", code ? tooltip(`${code.file}:${line ?? code.first}`) : null);
    say(note, why);
    note.hidden = why === "";
    if (!code) {
      fill(lines);
      return;
    }
    const held = focusedLine();
    const used = linesUsed(state.steps, code.file);
    const indent = Math.min(...code.lines.filter((text) => text.trim()).map((text) => text.length - text.trimStart().length), 40);
    fill(lines, ...code.lines.map((text, i) => row(state, code, code.first + i, text.slice(indent), line, used.get(code.first + i) ?? 0)));
    // As the longest source of the pass, within reason, so that the tree below keeps its place when the function changes.
    element.style.minHeight = `min(42%, ${52 + 20 * Math.max(...(state.passed?.sources ?? [code]).map((one) => Math.min(one.lines.length, 9)))}px)`;
    if (held !== null) /** @type {HTMLElement | null} */ (lines.querySelector(`button[data-line="${held}"]`))?.focus({ preventScroll: true });
    const place = `${code.file}:${line}`;
    if (place !== at) reveal();
    at = place;
  }

  function focusedLine() {
    const active = activeIn(lines);
    return active && lines.contains(active) ? active.getAttribute("data-line") : null;
  }

  function reveal() {
    const mark = /** @type {HTMLElement | null} */ (lines.querySelector("[aria-current]"));
    if (!mark) return;
    const [top, end] = [mark.offsetTop, mark.offsetTop + mark.offsetHeight];
    if (top < scroller.scrollTop + 20 || end > scroller.scrollTop + scroller.clientHeight - 20) scroller.scrollTop = Math.max(0, top - scroller.clientHeight / 2);
  }

  /** @param {State} state @param {SourceCode} code @param {number} number @param {string} text @param {number | null} line @param {number} count */
  function row(state, code, number, text, line, count) {
    const point = onLine(state.cursor.breakpoints, code.file, number);
    const failure = failureOf(state);
    const failed = failure?.place?.file === code.file && failure.place.line === number;
    const toggle = () => void ask("breakpoint", point ? { remove: point.id } : { add: { on: "line", file: code.file, line: number } });
    const mark = point ? (isOn(point) ? "●" : "○") : "";
    const gutter = h("button", { type: "button", class: "nf-gutter", "data-line": number, "aria-pressed": String(point !== null), "aria-label": `Breakpoint on line ${number}`, title: point ? `remove the breakpoint on line ${number}` : `stop when line ${number} is reached`, onclick: toggle }, h("span", { class: "nf-dot", "aria-hidden": true }, mark), String(number));
    const current = line === number;
    return h(
      "li",
      { class: "nf-coderow", "aria-current": current ? "step" : null, "data-tone": failed ? "bad" : null },
      gutter,
      h("code", {}, shorten(text, 400) || " "),
      failed && h("span", { class: "nf-failed", title: tooltip(failure?.error ?? "") }, "✕ failed here"),
      count > 0 && h("span", { class: "nf-count", title: plural(count, "step"), "aria-label": plural(count, "step") }, `×${count}`),
      failed && h("p", { class: "nf-why" }, h("span", { "aria-hidden": true }, "✕ "), shorten([failure?.explanation, failure?.error].filter(Boolean).join(" — "), 1500)),
    );
  }
}

/** @param {State} state */
const failureOf = ({ cursor, passed }) => cursor.failure ?? (cursor.state === "failed" ? passed?.failure ?? null : null);

/**
 * Which function is shown, which line of it is marked, and why it is not the step's own.
 * @param {State} state
 * @returns {{ code: SourceCode | null, line: number | null, why: string }}
 */
export function shown(state) {
  const { steps, passed, cursor } = state;
  const sources = passed?.sources ?? [];
  const focus = focusOf(state);
  const step = stepAt(steps, focus);
  const failure = failureOf(state);
  const byHand = state.selected !== null || cursor.view !== null;
  if (failure?.place && cursor.state === "failed" && !byHand) return { code: codeOf(sources, failure.place), line: failure.place.line, why: "" };
  // The model itself was called from outside; its own first line is where its steps begin.
  if (!step || (step.parent === null && !step.place)) {
    const first = steps.find((one) => one.place)?.place;
    return { code: (first && codeOf(sources, first)) ?? sources[0] ?? null, line: null, why: sources.length ? "" : "The source appears here with the first pass; code that was typed into a console has none." };
  }
  const { place, from } = placeOf(steps, step);
  const parent = stepAt(steps, step.parent);
  const own = `${fullName(step)} was called by PyTorch's own code${parent ? ` in nn.${parent.name}` : ""}`;
  if (!place) return { code: null, line: null, why: `${own}; no step around it was called from a line of yours.` };
  const code = codeOf(sources, place);
  const why = from === step ? "" : `${own}; marked is where ${from ? fullName(from) : "it"} was called.`;
  return { code, line: place.line, why: code ? why : `${fileTitle(place.file)}:${place.line} in ${place.function}: its text is not to be had.` };
}

/** @param {SourceCode[]} sources @param {import("./types.js").Place} place */
function codeOf(sources, place) {
  const holding = sources.filter((one) => one.file === place.file && place.line >= one.first && place.line < one.first + one.lines.length);
  return holding.find((one) => one.first === place.first) ?? holding[0] ?? null;
}
