// One plane of values: painted without smoothing, read by pointer and by keys.

import { MARKS, css } from "../colour.js";
import { attribute, h } from "../dom.js";
import { colourAt } from "./scale.js";

/**
 * @typedef {object} Plane
 * @property {ArrayLike<number>} data
 * @property {number} at where the plane begins in it
 * @property {number} rows
 * @property {number} columns
 * @property {number} width in CSS pixels
 * @property {number} height
 * @property {import("./scale.js").Scale} scale
 *
 * @typedef {{ row: number, column: number }} Unit
 */

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Plane} plane
 */
export function paintPlane(canvas, plane) {
  const { data, at, rows, columns, width, height, scale } = plane;
  const ratio = globalThis.devicePixelRatio || 1;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  const drawing = canvas.getContext("2d");
  const small = h("canvas", { width: Math.max(1, columns), height: Math.max(1, rows) });
  const own = small.getContext("2d");
  if (!drawing || !own || !rows || !columns) return;
  const image = own.createImageData(columns, rows);
  const odd = [];
  for (let i = 0; i < rows * columns; i++) {
    const value = data[at + i];
    if (Number.isFinite(value)) {
      const colour = colourAt(scale, value);
      for (let part = 0; part < 3; part++) image.data[4 * i + part] = scale.table[colour + part];
    } else odd.push(i);
    image.data[4 * i + 3] = 255;
  }
  stamp(image.data, data, at, columns, odd);
  own.putImageData(image, 0, 0);
  // Only where several values fall into one pixel is anything averaged.
  drawing.imageSmoothingEnabled = canvas.width < columns || canvas.height < rows;
  drawing.drawImage(small, 0, 0, canvas.width, canvas.height);
  if (canvas.width >= 4 * columns && canvas.height >= 4 * rows) hatch(drawing, canvas, odd, rows, columns);
}

/** @param {number} value */
const markOf = (value) => MARKS[Number.isNaN(value) ? 0 : value > 0 ? 1 : 2];

/**
 * A chequer of magenta and black stands for what is no number.
 * @param {Uint8ClampedArray} out
 * @param {ArrayLike<number>} data @param {number} at @param {number} columns
 * @param {number[]} odd
 */
function stamp(out, data, at, columns, odd) {
  for (const i of odd) {
    const dark = (Math.floor(i / columns) + i) % 2 ? 0.55 : 1;
    markOf(data[at + i]).forEach((part, c) => (out[4 * i + c] = part * dark));
  }
}

/** @param {CanvasRenderingContext2D} drawing @param {HTMLCanvasElement} canvas @param {number[]} odd @param {number} rows @param {number} columns */
function hatch(drawing, canvas, odd, rows, columns) {
  const [wide, tall] = [canvas.width / columns, canvas.height / rows];
  drawing.strokeStyle = css([0, 0, 0]);
  drawing.lineWidth = Math.max(1, Math.min(wide, tall) / 8);
  drawing.beginPath();
  for (const i of odd) {
    const [x, y] = [(i % columns) * wide, Math.floor(i / columns) * tall];
    drawing.moveTo(x, y + tall);
    drawing.lineTo(x + wide, y);
  }
  drawing.stroke();
}

/**
 * A picture of values that can be pointed at, walked through with the arrow keys, and chosen with a click or Enter.
 * @param {object} on
 * @param {(unit: Unit | null) => void} on.read
 * @param {(unit: Unit) => void} on.choose
 * @param {((from: Unit, to: Unit) => void) | null} [on.drag]
 */
export function createPlane({ read, choose, drag = null }) {
  const canvas = h("canvas", { class: "nf-canvas", "aria-hidden": true });
  const frame = h("span", { class: "nf-frame" });
  const ring = h("span", { class: "nf-ring", hidden: true });
  const area = h("span", { class: "nf-region", hidden: true });
  const element = h("button", { type: "button", class: "nf-plane" }, frame);
  frame.append(canvas, ring, area);
  /** @type {Plane | null} */
  let plane = null;
  /** @type {Unit | null} */
  let at = null;
  /** @type {Unit | null} */
  let grip = null;
  let dragged = false;

  /** @param {PointerEvent | MouseEvent} event @returns {Unit} */
  function under(event) {
    const box = canvas.getBoundingClientRect();
    const { rows, columns } = plane ?? { rows: 1, columns: 1 };
    const place = (/** @type {number} */ share, /** @type {number} */ length) => Math.min(Math.max(Math.floor(share * length), 0), length - 1) || 0;
    return { row: place((event.clientY - box.top) / (box.height || 1), rows), column: place((event.clientX - box.left) / (box.width || 1), columns) };
  }

  /** @param {HTMLElement} mark @param {Unit | null} from @param {Unit | null} [to] */
  function put(mark, from, to = from) {
    mark.hidden = !from || !to || !plane;
    if (!from || !to || !plane) return;
    const [wide, tall] = [plane.width / plane.columns, plane.height / plane.rows];
    mark.style.left = `${Math.min(from.column, to.column) * wide}px`;
    mark.style.top = `${Math.min(from.row, to.row) * tall}px`;
    mark.style.width = `${(Math.abs(to.column - from.column) + 1) * wide}px`;
    mark.style.height = `${(Math.abs(to.row - from.row) + 1) * tall}px`;
  }

  element.addEventListener("pointerdown", (event) => {
    if (!drag || event.button !== 0) return;
    grip = under(event);
    element.setPointerCapture?.(event.pointerId);
  });
  element.addEventListener("pointermove", (event) => {
    const unit = under(event);
    read(unit);
    if (grip) put(area, grip, unit);
  });
  element.addEventListener("pointerup", (event) => {
    const end = under(event);
    dragged = grip !== null && (grip.row !== end.row || grip.column !== end.column);
    if (grip && drag && dragged) drag(grip, end);
    grip = null;
  });
  element.addEventListener("pointercancel", () => (grip = null));
  element.addEventListener("pointerleave", () => read(null));
  element.addEventListener("focus", () => read(at));
  element.addEventListener("blur", () => {
    ring.hidden = true;
    read(null);
  });
  element.addEventListener("click", (event) => {
    // The click that ends a rectangle is no choice of a unit.
    if (dragged && event.detail !== 0) {
      dragged = false;
      return;
    }
    // A click without a pointer is Enter or the space bar.
    at = event.detail === 0 ? at ?? { row: 0, column: 0 } : under(event);
    choose(at);
  });
  element.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const step = steps[/** @type {keyof typeof steps} */ (event.key)];
    if (!step || !plane || event.ctrlKey || event.metaKey || event.altKey) return;
    const from = at ?? { row: 0, column: 0 };
    const clamp = (/** @type {number} */ value, /** @type {number} */ length) => Math.min(Math.max(value, 0), length - 1);
    const next = at ? { row: clamp(from.row + step[0], plane.rows), column: clamp(from.column + step[1], plane.columns) } : from;
    if (event.shiftKey && drag) drag(grip ??= from, next);
    else grip = null;
    at = next;
    put(ring, at);
    read(at);
    event.preventDefault();
    event.stopPropagation();
  });

  return {
    element,
    /**
     * @param {Plane} next
     * @param {string} label
     * @param {boolean | null} pressed null where choosing a plane means nothing
     */
    show(next, label, pressed) {
      plane = next;
      if (at && (at.row >= next.rows || at.column >= next.columns)) at = null;
      attribute(element, "aria-label", label);
      attribute(element, "aria-pressed", pressed === null ? null : String(pressed));
      paintPlane(canvas, next);
    },
    /** @param {Unit | null} from @param {Unit | null} [to] */
    mark: (from, to) => put(area, from, to),
  };
}
