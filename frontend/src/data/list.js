// A long list of which only what lies in sight exists. One item is a sample; focus roves, keys move, choose and extend.

import { attribute, h } from "../dom.js";
import { activeIn } from "../forward/controls.js";
import { move } from "../layout.js";
import { heightOf, offsetAt, reveal, rowsInSight, scrollFor } from "./windows.js";

/**
 * @typedef {object} Kind how samples are drawn
 * @property {number} count
 * @property {number} across how many items stand side by side
 * @property {number} rowHeight
 * @property {number} width of a row, 0 where it is as wide as there is room
 * @property {(row: HTMLElement, items: number) => HTMLElement[]} build what is focused and drawn in a row, one for each item
 * @property {(item: HTMLElement, position: number) => void} draw
 * @property {(position: number) => boolean} chosen whether it is selected
 *
 * @typedef {object} Acts what a person does
 * @property {(position: number, event: MouseEvent | KeyboardEvent) => void} open
 * @property {(position: number) => void} toggle
 * @property {(from: number, to: number) => void} extend
 * @property {(all: boolean) => void} every
 * @property {(position: number) => void} moved
 * @property {(first: number, last: number) => void} seen positions in sight
 */

/** @param {string} name @param {Acts} acts */
export function createList(name, acts) {
  const head = h("div", { class: "ne-head", role: "rowgroup" });
  const space = h("div", { class: "ne-space", role: "rowgroup" });
  const element = h("div", { class: "ne-scroller", role: "grid", "aria-label": name, "aria-multiselectable": true }, head, space);
  /** @type {Map<number, { row: HTMLElement, items: HTMLElement[] }>} */
  const built = new Map();
  /** @type {Kind | null} */
  let kind = null;
  let position = 0;
  let anchor = 0;
  let frame = 0;

  const sight = () => Math.max((element.clientHeight || 480) - head.offsetHeight, 40);
  const rows = () => (kind ? Math.ceil(kind.count / kind.across) : 0);
  const list = () => ({ count: rows(), rowHeight: kind?.rowHeight ?? 1, sight: sight() });
  const holdsFocus = () => {
    const active = activeIn(element);
    return active !== null && element.contains(active) && active.closest(".ne-item") !== null;
  };

  function render() {
    if (!kind) return;
    const whole = list();
    space.style.height = `${heightOf(whole)}px`;
    space.style.width = kind.width ? `${kind.width}px` : "";
    head.style.width = space.style.width;
    const offset = offsetAt(whole, element.scrollTop);
    const { first, last } = rowsInSight(whole, offset);
    const wanted = new Set(Array.from({ length: last - first }, (_, i) => first + i));
    // The row in focus stays, however far it is scrolled away: else the focus would be lost with it.
    if (rows()) wanted.add(Math.floor(position / kind.across));
    for (const [row, own] of built) {
      if (wanted.has(row)) continue;
      own.row.remove();
      built.delete(row);
    }
    for (const row of wanted) place(row, row * kind.rowHeight - offset + element.scrollTop);
    acts.seen(first * kind.across, Math.min(last * kind.across, kind.count));
  }

  /** @param {number} row @param {number} top */
  function place(row, top) {
    const now = /** @type {Kind} */ (kind);
    const items = Math.min(now.across, now.count - row * now.across);
    let own = built.get(row);
    if (!own || own.items.length !== items) {
      const made = own?.row ?? h("div", { class: "ne-row", role: "row" });
      own = { row: made, items: now.build(made, items) };
      built.set(row, own);
      if (!made.isConnected) space.append(made);
    }
    attribute(own.row, "aria-rowindex", row + 2);
    own.row.style.transform = `translateY(${Math.round(top)}px)`;
    own.row.style.height = `${now.rowHeight}px`;
    own.items.forEach((item, i) => {
      const at = row * now.across + i;
      item.dataset.at = String(at);
      attribute(item, "tabindex", at === position ? 0 : -1);
      attribute(item, "aria-selected", now.chosen(at) ? "true" : "false");
      now.draw(item, at);
    });
  }

  /** @param {number} at */
  const itemAt = (at) => {
    const own = kind && built.get(Math.floor(at / kind.across));
    return own && kind ? own.items[at % kind.across] : null;
  };

  /** @param {number} at */
  function goTo(at) {
    position = at;
    const whole = list();
    element.scrollTop = scrollFor(whole, reveal(whole, Math.floor(at / (kind?.across ?? 1)), offsetAt(whole, element.scrollTop)));
    render();
    itemAt(at)?.focus({ preventScroll: true });
  }

  /** @param {Event} event */
  function positionOf(event) {
    const item = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest?.(".ne-item"));
    return item ? Number(item.dataset.at) : -1;
  }

  element.addEventListener("scroll", () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(render);
  });
  element.addEventListener("click", (event) => {
    const at = positionOf(event);
    if (at < 0) return;
    const box = /** @type {Element} */ (event.target).closest(".ne-tick");
    if (event.shiftKey) acts.extend(anchor, at);
    else anchor = at;
    goTo(at);
    if (event.shiftKey) return;
    if (box || event.ctrlKey || event.metaKey) acts.toggle(at);
    else acts.open(at, event);
  });
  element.addEventListener("mousedown", (event) => {
    // Else a range that is selected would select the text of its rows, too.
    if (event.shiftKey) event.preventDefault();
  });
  element.addEventListener("keydown", (event) => {
    const at = positionOf(event);
    if (at < 0 || !kind || event.altKey) return;
    if (!keyed(event, at)) return;
    event.preventDefault();
    event.stopPropagation();
  });

  /** @param {KeyboardEvent} event @param {number} at @returns {boolean} whether the key meant something */
  function keyed(event, at) {
    const { count, across, rowHeight } = /** @type {Kind} */ (kind);
    if (event.key === " ") {
      if (event.shiftKey) acts.extend(anchor, at);
      else {
        anchor = at;
        acts.toggle(at);
      }
    } else if (event.key === "Enter") acts.open(at, event);
    else if (event.key === "Escape") acts.every(false);
    else if (event.key.toLowerCase() === "a" && (event.ctrlKey || event.metaKey)) acts.every(true);
    else if (across === 1 && /^Arrow(Left|Right)$/.test(event.key)) element.scrollLeft += event.key === "ArrowLeft" ? -72 : 72;
    else {
      const to = move(event.key, event.ctrlKey, at, { columns: across, count, page: Math.max(1, Math.floor(sight() / rowHeight)) });
      if (to === null || event.metaKey) return false;
      goTo(to);
      if (event.shiftKey) acts.extend(anchor, to);
      else anchor = to;
      acts.moved(to);
    }
    return true;
  }

  const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => render());
  watch?.observe(element);

  return {
    element,
    head,
    width: () => element.clientWidth || 760,
    /** Shows other rows, or the same in another way. @param {Kind} next @param {boolean} anew whether rows are built anew */
    show(next, anew) {
      const held = holdsFocus();
      kind = next;
      position = Math.min(position, Math.max(next.count - 1, 0));
      anchor = Math.min(anchor, Math.max(next.count - 1, 0));
      attribute(element, "aria-rowcount", rows() + 1);
      if (anew) {
        for (const { row } of built.values()) row.remove();
        built.clear();
      }
      render();
      if (held && !holdsFocus()) itemAt(position)?.focus({ preventScroll: true });
    },
    /** Draws again what is in sight. */
    redraw: render,
    /** To the first row, with nothing in focus. */
    rewind() {
      position = anchor = 0;
      element.scrollTop = 0;
    },
    /** Brings a position to the top of what is seen. @param {number} at */
    scrollTo(at) {
      const whole = list();
      position = anchor = at;
      element.scrollTop = scrollFor(whole, Math.floor(at / (kind?.across ?? 1)) * whole.rowHeight);
      render();
    },
    destroy() {
      watch?.disconnect();
      cancelAnimationFrame(frame);
    },
  };
}
