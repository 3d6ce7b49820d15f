// One plane large, with the names of its rows and columns.

import { attribute, fill, h, say } from "../dom.js";
import { brief, shorten, tooltip } from "../numbers.js";
import { original, planeScale, reading, reduced } from "./maps.js";
import { createPlane } from "./plane.js";
import { gradient } from "./scale.js";

/** @typedef {import("./types.js").ActivationView} ActivationView */

const NAME = 13;

/**
 * @param {(text: string) => void} read
 * @param {(unit: { row: number, column: number }) => void} choose in places of the original
 * @param {(plane: number, from: { row: number, column: number }, to: { row: number, column: number }) => void} drag
 */
export function createHeat(read, choose, drag) {
  const across = h("div", { class: "nf-across", "aria-hidden": true });
  const down = h("div", { class: "nf-down", "aria-hidden": true });
  const dead = h("div", { class: "nf-deads", "aria-hidden": true });
  const below = h("span", { class: "nf-axis" });
  const beside = h("span", { class: "nf-axis" });
  const bar = h("span", { class: "nf-bar nf-scalebar", "aria-hidden": true });
  const ends = [h("span"), h("span")];
  /** @type {ActivationView | null} */
  let view = null;
  let number = 0;
  const plane = createPlane({
    read: (unit) => read(unit && view ? reading(view, number, unit) : ""),
    choose: (unit) => view && choose(original(view, unit)),
    drag: (from, to) => {
      if (view?.step === -1) drag(number, from, to);
    },
  });
  const title = h("div", { class: "nf-heattitle" });
  const element = h("div", { class: "nf-heat" }, title, h("div", { class: "nf-heatgrid" }, h("span"), across, down, h("div", { class: "nf-heatbody" }, plane.element, dead)), h("div", { class: "nf-pager" }, beside, below, h("span", { class: "nf-legend" }, ends[0], bar, ends[1])));
  return {
    element,
    /**
     * @param {ActivationView} next
     * @param {number} at which plane of the page
     * @param {boolean} shared
     * @param {{ row: number, column: number } | null} unit chosen, in places of the original
     * @param {number} available width
     */
    show(next, at, shared, unit, available) {
      view = next;
      number = at;
      const [, rows, columns] = next.planes.shape;
      const named = next.row_names.length ? Math.min(120, 10 + 7 * Math.max(...next.row_names.map((name) => Math.min(name.length, 15)))) : 30;
      const room = Math.max(available - named - 12, 120);
      const wide = Math.min(Math.max(room / Math.max(columns, 1), 1), next.kind === "attention" ? 20 : 30);
      const tall = next.kind === "attention" ? Math.min(wide, 300 / Math.max(rows, 1)) : Math.min(Math.max(Math.min(300 / Math.max(rows, 1), wide * 2), Math.min(wide, 300 / rows)), next.row_names.length ? 20 : 26);
      const width = Math.max(Math.min(Math.round(wide * columns), room), 24);
      const height = Math.max(Math.round(tall * rows), 14);
      const scale = planeScale(next, at, shared);
      const many = next.total > 1 ? `${next.axes[0]} ${next.first + at}` : "";
      say(title, many);
      title.hidden = !many;
      plane.show({ data: next.planes.data, at: at * rows * columns, rows, columns, width, height, scale }, `${many || next.name}: ${next.size[0]} ${next.axes[1] || "rows"} by ${next.size[1]} ${next.axes[2] || "columns"}. Arrow keys read its values.`, null);
      plane.mark(unit && reduced(next, unit));
      names(down, next.row_names, next.size[0], rows, height / rows, "top", named);
      names(across, next.column_names, next.size[1], columns, width / columns, "left", next.column_names.length ? 64 : 16);
      across.style.width = `${width}px`;
      down.style.height = `${height}px`;
      const flags = next.kind === "matrix" && next.dead.data.length === columns ? Array.from(next.dead.data) : [];
      fill(dead, ...flags.flatMap((flag, c) => (flag ? [mark(c, width / columns)] : [])));
      const gone = flags.filter(Boolean).length;
      attribute(dead, "title", gone ? `${gone} of ${columns} columns are zero on every sample` : null);
      dead.hidden = gone === 0;
      say(beside, next.axes[1] ? `↓ ${next.axes[1]}` : "");
      say(below, next.axes[2] ? `→ ${next.axes[2]}${gone ? ` · ✕ ${next.compared ? "the same" : "dead"}: ${gone}` : ""}` : "");
      say(ends[0], brief(scale.from));
      say(ends[1], brief(scale.to));
      bar.style.background = gradient(scale);
      // The heads above have one.
      if (bar.parentElement) bar.parentElement.hidden = next.kind === "attention";
    },
  };
}

/** @param {number} column @param {number} wide */
function mark(column, wide) {
  const element = h("span", {}, wide >= 8 ? "✕" : "");
  element.style.left = `${column * wide}px`;
  element.style.width = `${Math.max(wide, 1)}px`;
  return element;
}

/**
 * Names beside rows or above columns, as many as there is room for; numbers where there are none.
 * @param {HTMLElement} place @param {string[]} names @param {number} total @param {number} shown @param {number} step in pixels @param {"top" | "left"} side @param {number} room
 */
function names(place, names, total, shown, step, side, room) {
  const upright = side === "left" && names.length > 0;
  const need = side === "top" || upright ? NAME : 8 + 7 * String(total).length;
  const every = Math.max(1, Math.ceil(need / step));
  place.style[side === "top" ? "width" : "height"] = `${room}px`;
  place.classList.toggle("nf-upright", upright);
  const marks = [];
  for (let i = 0; i < shown; i += every) {
    const text = names[i] ?? String(Math.floor((i * total) / shown));
    const element = h("span", { title: names[i] ? tooltip(text) : null }, shorten(text.replace(/\s/g, "␣"), 16));
    element.style[side] = `${(i + 0.5) * step}px`;
    marks.push(element);
  }
  fill(place, ...marks);
}
