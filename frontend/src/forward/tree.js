// The steps as a tree; only the rows in sight exist, so that thousands cost what dozens do.

import { attribute, changed, h, say } from "../dom.js";
import { count } from "../numbers.js";
import { scrollTo, visibleRows } from "../layout.js";
import { activeIn } from "./controls.js";
import { around, focusOf } from "./pass.js";
import { rowFor, rowsOf } from "./outline.js";
import { createRow } from "./treerow.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./outline.js").Row} Row */

const TALL = 22;
const AHEAD = 4;

/**
 * @param {import("./types.js").Store} store
 * @param {import("./types.js").Actions} actions
 * @returns {import("./types.js").View}
 */
export function createTree(store, actions) {
  const tally = h("span", { class: "nf-tally" });
  const filled = h("span");
  const progress = h("div", { class: "nf-progress", role: "progressbar", "aria-label": "Steps that have begun", "aria-valuemin": 0 }, filled);
  const space = h("div", { class: "nf-space" });
  const scroller = h("div", { class: "nf-tree", role: "tree", "aria-label": "Steps" }, space);
  const nothing = h("p", { class: "nf-hint" }, "The steps appear here with the first pass.");
  const gradient = h("span", { class: "nf-cell nf-grad" }, "grad. std");
  const heads = h("div", { class: "nf-row nf-heads", "aria-hidden": true }, h("span"), h("span", {}, "step"), h("span", {}, "what"), h("span", {}, "output"), h("span", { title: "share of values that are not 0" }, "≠ 0"), h("span", {}, "health"), gradient);
  const element = h("section", { class: "nf-steps", "aria-label": "Steps" }, h("h3", { class: "nf-heading" }, "Steps", tally), progress, heads, nothing, scroller);
  /** @type {Map<number, ReturnType<typeof createRow>>} */
  const drawn = new Map();
  /** @type {Map<number, boolean>} */
  const chosen = new Map();
  /** @type {Row[]} */
  let rows = [];
  /** @type {Set<number>} */
  let enclosing = new Set();
  let active = -1;
  /** @type {State | null} */
  let before = null;

  scroller.addEventListener("scroll", () => draw());
  scroller.addEventListener("keydown", keys);
  scroller.addEventListener("focusin", (event) => {
    const index = /** @type {HTMLElement} */ (event.target).dataset.index;
    if (index !== undefined && Number(index) !== active) {
      active = Number(index);
      draw();
    }
  });
  const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => draw());
  watch?.observe(scroller);

  /** @param {State} state */
  function arrange(state) {
    rows = rowsOf(state.steps, chosen, enclosing);
    space.style.height = `${rows.length * TALL}px`;
    nothing.hidden = rows.length > 0;
    heads.hidden = scroller.hidden = rows.length === 0;
  }

  const layout = () => ({ columns: 1, rows: rows.length, gap: 0, cellWidth: 0, cellHeight: TALL, rowHeight: TALL });

  function draw() {
    const state = before;
    if (!state) return;
    const height = scroller.clientHeight || 440;
    const { first, last } = visibleRows(layout(), scroller.scrollTop, height, 4);
    const wanted = new Map();
    const keep = rows.findIndex((row) => row.index === active);
    for (let i = first; i < last; i++) wanted.set(rows[i].index, i);
    if (keep >= 0) wanted.set(active, keep);
    for (const [index, row] of drawn) {
      if (wanted.has(index)) continue;
      row.element.remove();
      drawn.delete(index);
    }
    const points = state.cursor.breakpoints;
    const moved = new Map(state.cursor.effect?.moved ?? []);
    const byIndex = new Map(state.steps.map((step) => [step.index, step]));
    const { failure } = state.cursor;
    const failing = new Set(failure && failure.step !== null ? [failure.step, ...around(state.steps, failure.step)] : []);
    // Modules that have begun and not ended have made nothing yet.
    const entered = new Set(["suspended", "running", "stopped"].includes(state.cursor.state) ? around(state.steps, state.stood ?? (state.cursor.reached >= 0 ? state.cursor.reached : null)) : []);
    const cursorRow = rowFor(rows, state.steps, state.stood ?? state.cursor.view);
    const focusRow = rowFor(rows, state.steps, focusOf(state));
    for (const [index, i] of [...wanted].sort((a, b) => a[1] - b[1])) {
      let row = drawn.get(index);
      if (!row) {
        row = createRow(index, { select, toggle, actions, store });
        drawn.set(index, row);
        const next = [...drawn].filter(([other]) => (wanted.get(other) ?? 0) > i).sort((a, b) => (wanted.get(a[0]) ?? 0) - (wanted.get(b[0]) ?? 0))[0];
        space.insertBefore(row.element, next?.[1].element ?? null);
      }
      row.element.style.top = `${i * TALL}px`;
      row.show({ state, row: rows[i], step: byIndex.get(index) ?? null, points, failed: failing.has(index), entered: entered.has(index), moved: moved.get(index), current: i === cursorRow, looked: i === focusRow, tabbed: index === active || (keep < 0 && i === first) });
    }
  }

  /** @param {number} index */
  function select(index) {
    active = index;
    actions.select(index);
  }

  /** @param {number} index @param {boolean} open */
  function toggle(index, open) {
    chosen.set(index, open);
    if (before) arrange(before);
    draw();
  }

  /** @param {number} i */
  function go(i) {
    if (!rows[i]) return;
    active = rows[i].index;
    reveal(i);
    draw();
    drawn.get(active)?.element.focus({ preventScroll: true });
  }

  /** @param {number} i */
  function reveal(i) {
    // What comes next is in sight as well.
    for (const row of [Math.min(i + AHEAD, rows.length - 1), Math.max(i - 1, 0)]) scroller.scrollTop = scrollTo(layout(), row, scroller.scrollTop, scroller.clientHeight || 440);
  }

  /** @param {KeyboardEvent} event */
  function keys(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const i = rows.findIndex((row) => row.index === active);
    const row = rows[i];
    if (!row) return;
    const page = Math.max(1, Math.floor((scroller.clientHeight || 440) / TALL) - 1);
    /** @type {Record<string, () => void>} */
    const meaning = {
      ArrowDown: () => go(Math.min(i + 1, rows.length - 1)),
      ArrowUp: () => go(Math.max(i - 1, 0)),
      Home: () => go(0),
      End: () => go(rows.length - 1),
      PageDown: () => go(Math.min(i + page, rows.length - 1)),
      PageUp: () => go(Math.max(i - page, 0)),
      ArrowRight: () => (row.open === false ? toggle(row.index, true) : row.open ? go(i + 1) : undefined),
      ArrowLeft: () => (row.open ? toggle(row.index, false) : go(rows.findLastIndex((one, at) => at < i && one.level < row.level))),
      Enter: () => (event.shiftKey ? void actions.ask("run_to", { index: row.index }) : select(row.index)),
      " ": () => select(row.index),
    };
    if (!meaning[event.key]) return;
    meaning[event.key]();
    event.preventDefault();
    event.stopPropagation();
  }

  return {
    element,
    update(state) {
      if (!changed(before, state, ["steps", "cursor", "selected", "passed"])) return;
      const moved = !before || before.stood !== state.stood || before.cursor.view !== state.cursor.view || before.steps !== state.steps || before.cursor.failure !== state.cursor.failure;
      const looked = !before || focusOf(before) !== focusOf(state);
      const fresh = !before || before.steps !== state.steps;
      before = state;
      if (moved) {
        // A module that the cursor enters opens, even where it was folded by hand.
        enclosing = new Set(around(state.steps, state.stood ?? state.cursor.view ?? state.cursor.failure?.step ?? null));
        if (!fresh) for (const index of enclosing) chosen.delete(index);
        arrange(state);
      }
      const total = state.steps.length;
      const begun = state.cursor.state === "finished" ? total : Math.min(Math.max(state.cursor.reached + 1, 0), total);
      filled.style.width = total ? `${(100 * begun) / total}%` : "0";
      attribute(progress, "aria-valuemax", total);
      attribute(progress, "aria-valuenow", begun);
      say(tally, total ? `${count(begun)} of ${count(total)} begun` : "");
      const gradients = state.steps.some((step) => step.outputs.some((output) => output.gradient));
      element.classList.toggle("nf-withgrad", gradients);
      gradient.hidden = !gradients;
      if (looked || moved) {
        const i = rowFor(rows, state.steps, focusOf(state));
        const inside = scroller.contains(activeIn(scroller));
        if (i !== null && !inside) active = rows[i].index;
        if (i !== null) reveal(i);
      }
      draw();
    },
    destroy: () => watch?.disconnect(),
  };
}
