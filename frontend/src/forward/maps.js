// Planes side by side: feature maps, heads of attention, filters; a page at a time.

import { attribute, fill, h, say } from "../dom.js";
import { fit } from "../layout.js";
import { brief, figure } from "../numbers.js";
import { button } from "./controls.js";
import { createPlane } from "./plane.js";
import { gradient, scaleOf } from "./scale.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").ActivationView} ActivationView */

/** Place in the original of a place in a plane that may have been reduced.
 * @param {ActivationView} view
 * @param {{ row: number, column: number }} unit
 */
export function original(view, { row, column }) {
  const { tall, wide } = blockOf(view);
  return { row: Math.min(row * tall, view.size[0]), column: Math.min(column * wide, view.size[1]) };
}

/** Rows and columns of the original in each value of a plane. @param {ActivationView} view */
const blockOf = ({ planes, size }) => ({ tall: Math.ceil(size[0] / (planes.shape[1] || 1)) || 1, wide: Math.ceil(size[1] / (planes.shape[2] || 1)) || 1 });

/** Place in a plane of a place in the original; the reverse of `original`.
 * @param {ActivationView} view
 * @param {{ row: number, column: number }} unit
 */
export function reduced(view, { row, column }) {
  const { tall, wide } = blockOf(view);
  return { row: Math.floor(row / tall), column: Math.floor(column / wide) };
}

/** Width in CSS pixels that a plane gets, so that a row is full and the first rows are in sight.
 * @param {ActivationView} view
 * @param {number} available
 */
function sideOf({ planes, kind }, available) {
  const [count] = planes.shape;
  if (count === 1) return Math.min(available, 260);
  const most = kind === "attention" ? 116 : count <= 4 ? 180 : 150;
  const across = Math.max(1, Math.min(count, Math.floor(available / 88)));
  return Math.min(most, Math.floor((available + 8) / across) - 11);
}

/** Colours of one plane, on its own scale or on that of all.
 * @param {ActivationView} view @param {number} plane @param {boolean} shared
 */
export function planeScale(view, plane, shared) {
  return shared ? scaleOf(view.shared[0], view.shared[1]) : scaleOf(view.low.data[plane], view.high.data[plane]);
}

/** One line about a value: where it is, and what.
 * @param {ActivationView} view @param {number} plane @param {{ row: number, column: number }} unit
 */
export function reading(view, plane, unit) {
  const [, rows, columns] = view.planes.shape;
  const value = view.planes.data[(plane * rows + unit.row) * columns + unit.column];
  const { row, column } = original(view, unit);
  const { tall, wide } = blockOf(view);
  const mean = tall > 1 || wide > 1;
  const axis = (/** @type {string} */ name, /** @type {number} */ at, /** @type {string | undefined} */ own) => `${name ? `${name} ` : ""}${at}${own ? ` “${own}”` : ""}`;
  const places = [
    view.axes[0] && view.total > 1 ? axis(view.axes[0], view.first + plane, undefined) : "",
    axis(view.axes[1], row, view.row_names[unit.row]),
    axis(view.axes[2], column, view.column_names[unit.column]),
  ].filter(Boolean);
  const what = view.compared ? "difference " : "";
  return `${places.join(", ")}: ${what}${figure(value)}${mean ? `, the mean of ${tall} × ${wide} values` : ""}`;
}

/**
 * @param {import("./types.js").Store} store
 * @param {import("./types.js").Actions} actions
 * @param {(text: string) => void} read
 * @param {(plane: number, from: { row: number, column: number }, to: { row: number, column: number }) => void} drag
 */
export function createMaps(store, { look }, read, drag) {
  const grid = h("div", { class: "nf-maps", role: "group" });
  const earlier = button("‹", () => turn(-1), { "aria-label": "Planes before these", class: "nf-small" });
  const later = button("›", () => turn(1), { "aria-label": "Planes after these", class: "nf-small" });
  const range = h("span", { class: "nf-range", role: "status" });
  const bar = h("span", { class: "nf-bar nf-scalebar", "aria-hidden": true });
  const ends = [h("span"), h("span")];
  const legend = h("span", { class: "nf-legend" }, ends[0], bar, ends[1]);
  const top = h("span", { class: "nf-tops" });
  const element = h("div", { class: "nf-planes" }, grid, h("div", { class: "nf-pager" }, earlier, range, later, top, legend));
  /** @type {{ plane: ReturnType<typeof createPlane>, caption: HTMLElement, element: HTMLElement }[]} */
  let places = [];
  /** @type {ActivationView | null} */
  let view = null;

  /** @param {number} direction */
  function turn(direction) {
    if (!view) return;
    const page = Math.max(view.planes.shape[0], 1);
    const first = Math.min(Math.max(view.first + direction * page, 0), Math.max(view.total - 1, 0));
    if (first !== view.first) look({ first });
  }

  /** @param {number} i */
  function build(i) {
    const caption = h("span", { class: "nf-caption" });
    const plane = createPlane({
      read: (unit) => read(unit && view ? reading(view, i, unit) : ""),
      choose(unit) {
        if (view?.step === -1) drag(i, unit, unit);
        if (!view || view.step === -1) return;
        const channel = view.first + i;
        const { channel: old, unit: at } = store.get();
        const place = original(view, unit);
        const again = old === channel && at?.row === place.row && at.column === place.column;
        store.set({ channel: again ? null : channel, unit: again ? null : place, receptive: null });
      },
      drag: (from, to) => {
        if (view?.step === -1) drag(i, from, to);
      },
    });
    return { plane, caption, element: h("span", { class: "nf-map" }, plane.element, caption) };
  }

  return {
    element,
    /**
     * @param {ActivationView} next
     * @param {State} state
     * @param {number} available width
     */
    show(next, state, available) {
      view = next;
      const [count, rows, columns] = next.planes.shape;
      const side = sideOf(next, available);
      const whole = Math.floor(side / Math.max(rows, columns, 1));
      const { width, height } = fit(whole >= 1 ? whole * Math.max(rows, columns) : side, rows, columns);
      if (places.length !== count) {
        places = Array.from({ length: count }, (_, i) => build(i));
        fill(grid, ...places.map((place) => place.element));
      }
      attribute(grid, "aria-label", `${next.axes[0] || "plane"}s of ${next.name}`);
      places.forEach(({ plane, caption, element: box }, i) => {
        const channel = next.first + i;
        const dead = Boolean(next.dead.data[i]) && next.dead.data.length === count;
        const { low, high } = { low: next.low.data[i], high: next.high.data[i] };
        const text = `${next.axes[0] || "plane"} ${channel}: ${dead ? next.compared ? "the same on every sample" : "dead, zero on every sample" : Number.isFinite(low) ? `${brief(low)} to ${brief(high)}` : "no finite value"}`;
        const scale = planeScale(next, i, state.shared);
        plane.show({ data: next.planes.data, at: i * rows * columns, rows, columns, width, height, scale }, `${text}. Arrow keys read its values.`, next.kind === "none" ? null : state.channel === channel);
        attribute(plane.element, "title", text);
        const chosen = state.channel === channel && state.unit;
        const place = chosen ? reduced(next, chosen) : null;
        const { region } = state;
        if (next.step === -1 && region && region.sample === (next.sample ?? region.sample)) plane.mark(reduced(next, region), reduced(next, { row: region.row + region.height - 1, column: region.column + region.width - 1 }));
        else plane.mark(place);
        box.style.width = `${Math.max(width, 40) + 2}px`;
        fill(caption, h("span", {}, String(channel)), dead && (next.compared ? h("span", {}, "same") : h("span", { "data-tone": "warn" }, "dead")), !dead && !Number.isFinite(low) && h("span", { "data-tone": "bad" }, "NaN"));
      });
      writePager(next, state);
    },
  };

  /** @param {ActivationView} next @param {State} state */
  function writePager(next, state) {
    const count = next.planes.shape[0];
    const paged = next.total > count;
    earlier.hidden = later.hidden = !paged;
    attribute(earlier, "aria-disabled", next.first > 0 ? null : "true");
    attribute(later, "aria-disabled", next.first + count < next.total ? null : "true");
    const name = next.axes[0] || "plane";
    say(range, paged ? `${next.first}–${next.first + count - 1} of ${next.total} ${name}s` : next.total > 1 ? `${next.total} ${name}s` : "");
    const numbers = Array.from(next.top.data);
    const jump = (/** @type {number} */ channel) => {
      const page = Math.max(count, 1);
      const first = Math.floor(channel / page) * page;
      store.set({ channel, unit: null, receptive: null });
      if (first !== next.first && (channel < next.first || channel >= next.first + count)) look({ first });
    };
    fill(top, numbers.length > 1 && next.total > 1 && h("span", {}, "strongest "), ...(next.total > 1 ? numbers.map((channel) => button(String(channel), () => jump(channel), { class: "nb-plain", "aria-label": `${name} ${channel}` })) : []));
    const scale = planeScale(next, Math.max(0, Math.min((state.channel ?? next.first) - next.first, count - 1)), state.shared);
    legend.hidden = count === 0 || (!state.shared && count > 1 && state.channel === null);
    say(ends[0], brief(scale.from));
    say(ends[1], brief(scale.to));
    bar.style.background = gradient(scale);
  }
}
