// A virtual grid: only the rows in sight exist. One cell is a sample; focus roves, arrow keys move it.

import { attribute, fill, h } from "./dom.js";
import { layOut, move, scrollTo, visibleRows } from "./layout.js";

/**
 * @typedef {{ left: number, width: number }} Across the part of a wide row that is in sight
 * @typedef {object} Kind how samples are drawn
 * @property {number} cellWidth
 * @property {number} cellHeight
 * @property {number} gap
 * @property {boolean} single one sample a row
 * @property {(across: Across) => HTMLElement} [head]
 * @property {(across: Across) => string} [part] names the columns in sight; rows are drawn again when it differs
 * @property {(cell: HTMLElement, sample: number, across: Across) => void} draw
 * @property {(sample: number, event: PointerEvent) => string} probe what lies under the pointer, in words
 * @property {(sample: number) => string} name
 */

/**
 * @param {{ select: (sample: number) => void, hover: (text: string) => void }} actions
 */
export function createGrid({ select, hover }) {
  const head = h("div", { class: "nb-head", role: "presentation" });
  const space = h("div", { class: "nb-space", role: "presentation" });
  const empty = h("p", { class: "nb-empty", hidden: true }, "No sample matches: clear the filter.");
  const scroller = h("div", { class: "nb-scroller", role: "grid", "aria-label": "Samples of the batch" }, head, space, empty);

  /** @type {Map<number, HTMLElement>} */
  const built = new Map();
  /** @type {HTMLElement[]} */
  const pool = [];
  /** What each cell shows, so that scrolling touches only what is new. @type {WeakMap<HTMLElement, { sample: number, drawing: number }>} */
  const drawn = new WeakMap();
  /** @type {Kind | null} */
  let kind = null;
  /** @type {number[]} */
  let order = [];
  let selected = -1;
  let position = 0;
  let drawing = 0;
  let layout = layOut({ width: 800, count: 0, cellWidth: 80, cellHeight: 80, gap: 0 });
  let frame = 0;
  let part = "";

  const sight = () => ({ width: scroller.clientWidth || 800, height: (scroller.clientHeight || 430) - head.offsetHeight });
  const across = () => ({ left: scroller.scrollLeft, width: sight().width });
  const focusedHere = () => {
    const root = /** @type {Document | ShadowRoot} */ (scroller.getRootNode());
    return root.activeElement !== null && scroller.contains(root.activeElement) && root.activeElement !== scroller;
  };

  function arrangeCells() {
    if (!kind) return;
    const held = focusedHere();
    layout = layOut({ width: sight().width - (kind.single ? 0 : 2), count: order.length, cellWidth: kind.cellWidth, cellHeight: kind.cellHeight, gap: kind.gap, single: kind.single });
    space.style.height = `${Math.max(layout.rows * layout.rowHeight - kind.gap, 0) + 2}px`;
    space.style.width = kind.single && kind.cellWidth > sight().width ? `${kind.cellWidth}px` : "";
    attribute(scroller, "aria-rowcount", layout.rows);
    attribute(scroller, "aria-colcount", layout.columns);
    empty.hidden = order.length > 0;
    render();
    if (held) cellAt(position)?.focus({ preventScroll: true });
  }

  function render(all = true) {
    if (!kind) return;
    const { first, last } = visibleRows(layout, scroller.scrollTop, sight().height);
    const wanted = new Set(Array.from({ length: last - first }, (_, i) => first + i));
    // The row in focus stays, however far it is scrolled away: else the focus would be lost with it.
    if (order.length) wanted.add(Math.floor(position / layout.columns));
    for (const [row, element] of built) {
      if (wanted.has(row)) continue;
      element.remove();
      built.delete(row);
      pool.push(element);
    }
    for (const row of wanted) placeRow(row, all);
    pool.length = Math.min(pool.length, 8);
  }

  /** @param {number} row @param {boolean} all whether rows that are there already may have changed */
  function placeRow(row, all) {
    let element = built.get(row);
    if (element && !all) return;
    if (!element) {
      element = pool.pop() ?? h("div", { class: "nb-row", role: "row" });
      built.set(row, element);
      space.append(element);
    }
    attribute(element, "aria-rowindex", row + 1);
    element.style.top = `${row * layout.rowHeight}px`;
    element.style.height = `${layout.cellHeight}px`;
    const start = row * layout.columns;
    const cells = Math.min(layout.columns, order.length - start);
    while (element.children.length > cells) element.lastElementChild?.remove();
    while (element.children.length < cells) element.append(h("div", { class: "nb-cell", role: "gridcell" }));
    for (let column = 0; column < cells; column++) placeCell(/** @type {HTMLElement} */ (element.children[column]), start + column, column);
  }

  /** @param {HTMLElement} cell @param {number} at @param {number} column */
  function placeCell(cell, at, column) {
    if (!kind) return;
    const sample = order[at];
    cell.style.left = `${column * (layout.cellWidth + layout.gap)}px`;
    cell.style.width = `${layout.cellWidth}px`;
    cell.dataset.at = String(at);
    attribute(cell, "aria-colindex", column + 1);
    attribute(cell, "aria-selected", sample === selected ? "true" : "false");
    attribute(cell, "tabindex", at === position ? 0 : -1);
    const before = drawn.get(cell);
    if (before?.sample === sample && before.drawing === drawing) return;
    drawn.set(cell, { sample, drawing });
    attribute(cell, "aria-label", kind.name(sample));
    kind.draw(cell, sample, across());
  }

  /** @param {number} at @returns {HTMLElement | null} */
  const cellAt = (at) => scroller.querySelector(`.nb-cell[data-at="${at}"]`);

  /** @param {number} at */
  function focus(at) {
    position = at;
    scroller.scrollTop = scrollTo(layout, Math.floor(at / layout.columns), scroller.scrollTop, sight().height);
    render();
    cellAt(at)?.focus({ preventScroll: true });
  }

  /** @param {Event} event */
  function positionOf(event) {
    const cell = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest?.(".nb-cell"));
    return cell ? Number(cell.dataset.at) : -1;
  }

  scroller.addEventListener("scroll", () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(follow);
  });
  scroller.addEventListener("click", (event) => {
    const at = positionOf(event);
    if (at < 0) return;
    focus(at);
    select(order[at]);
  });
  scroller.addEventListener("keydown", (event) => {
    const at = positionOf(event);
    if (at < 0 || event.altKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") select(order[at]);
    else {
      const page = Math.max(1, Math.floor(sight().height / layout.rowHeight));
      const to = move(event.key, event.ctrlKey, at, { columns: layout.columns, count: order.length, page });
      if (to === null) return;
      if (kind?.single && /Left|Right/.test(event.key)) scroller.scrollLeft += event.key === "ArrowLeft" ? -72 : 72;
      else focus(to);
    }
    event.preventDefault();
    event.stopPropagation();
  });
  scroller.addEventListener("pointermove", (event) => {
    const at = positionOf(event);
    hover(at >= 0 && kind ? kind.probe(order[at], event) : "");
  });
  scroller.addEventListener("pointerleave", () => hover(""));

  /** Makes every cell be drawn anew when it is placed next. */
  function renew() {
    drawing++;
    part = kind?.part?.(across()) ?? "";
    fill(head, kind?.head?.(across()));
  }

  function follow() {
    const moved = kind?.part !== undefined && kind.part(across()) !== part;
    if (moved) renew();
    render(moved);
  }

  const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => {
    if (kind?.part && kind.part(across()) !== part) renew();
    arrangeCells();
  });
  watch?.observe(scroller);

  return {
    element: scroller,
    /**
     * Shows other samples, or the same in another way; the sample in focus keeps it where it is still there.
     * @param {Kind} next
     * @param {number[]} samples
     */
    show(next, samples) {
      const held = order[position];
      kind = next;
      order = samples;
      position = Math.max(order.indexOf(held), 0);
      if (!held && selected >= 0) position = Math.max(order.indexOf(selected), 0);
      renew();
      arrangeCells();
    },
    /** @param {number} sample */
    mark(sample) {
      if (sample === selected) return;
      selected = sample;
      if (!focusedHere()) position = Math.max(order.indexOf(sample), 0);
      render();
    },
    /** Brings a sample into sight. @param {number} sample */
    reveal(sample) {
      const at = order.indexOf(sample);
      if (at < 0) return;
      position = at;
      scroller.scrollTop = scrollTo(layout, Math.floor(at / layout.columns), scroller.scrollTop, sight().height);
      render();
    },
    destroy() {
      watch?.disconnect();
      cancelAnimationFrame(frame);
    },
  };
}
