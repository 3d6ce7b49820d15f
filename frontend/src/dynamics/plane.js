// A plane of points that can be pointed at, clicked, and walked through with arrow keys.

import { attribute, context, h } from "../dom.js";

/** @typedef {{ left: number, right: number, top: number, bottom: number, x: (value: number) => number, y: (value: number) => number }} Frame */
/**
 * @typedef {object} Scene
 * @property {[number, number]} x from where to where
 * @property {[number, number]} y
 * @property {boolean} [square] whether both axes have one scale
 * @property {[number, number][]} points one for each sample
 * @property {string} label
 * @property {(drawing: CanvasRenderingContext2D, frame: Frame, colour: (name: string) => string) => void} paint
 * @property {(sample: number) => string} name
 */

const HEIGHT = 380;
const NEAR = 14;
const MARGIN = 30;

/**
 * @param {import("./types.js").Store} store
 * @param {(text: string) => void} hover
 */
export function createPlane(store, hover) {
  const canvas = h("canvas", { class: "nd-plane", role: "application", tabindex: 0 });
  const element = h("div", { class: "nd-planeplace" }, canvas);
  /** @type {Scene | null} */
  let shown = null;
  /** @type {Frame | null} */
  let frame = null;
  const colour = (/** @type {string} */ name) => getComputedStyle(canvas).getPropertyValue(name).trim() || "#808080";

  canvas.addEventListener("pointermove", (event) => {
    const sample = at(event);
    hover(sample < 0 || !shown ? "" : shown.name(sample));
    canvas.style.cursor = sample < 0 ? "" : "pointer";
  });
  canvas.addEventListener("pointerleave", () => hover(""));
  canvas.addEventListener("click", (event) => {
    const sample = at(event);
    if (sample >= 0) store.set({ sample });
  });
  canvas.addEventListener("keydown", (event) => {
    const many = shown?.points.length ?? 0;
    const now = store.get().sample ?? -1;
    const next = { ArrowRight: now + 1, ArrowDown: now + 1, ArrowLeft: now - 1, ArrowUp: now - 1, Home: 0, End: many - 1 }[event.key];
    if (next === undefined || !many) return;
    store.set({ sample: Math.min(Math.max(next, 0), many - 1) });
    hover(shown?.name(store.get().sample ?? 0) ?? "");
    event.preventDefault();
    event.stopPropagation();
  });

  /** @param {MouseEvent} event the sample under the pointer, −1 where there is none */
  function at(event) {
    if (!shown || !frame) return -1;
    let [best, near] = [-1, NEAR];
    for (const [sample, [x, y]] of shown.points.entries()) {
      const away = Math.hypot(frame.x(x) - event.offsetX, frame.y(y) - event.offsetY);
      if (away < near) [best, near] = [sample, away];
    }
    return best;
  }

  function draw() {
    const width = element.clientWidth || 560;
    const drawing = context(canvas, width, HEIGHT);
    if (!shown) return;
    frame = frameOf(shown, width, HEIGHT);
    if (!drawing) return;
    drawing.clearRect(0, 0, width, HEIGHT);
    drawing.font = `11px ${colour("--nb-mono")}`;
    shown.paint(drawing, frame, colour);
  }
  const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(draw);
  watch?.observe(element);

  return {
    element,
    draw,
    /** @param {Scene} scene */
    show(scene) {
      shown = scene;
      attribute(canvas, "aria-label", `${scene.label}; arrow keys go from sample to sample`);
      draw();
    },
    destroy: () => watch?.disconnect(),
  };
}

/** @param {Scene} scene @param {number} width @param {number} height @returns {Frame} */
export function frameOf({ x, y, square = false }, width, height) {
  let [left, right, top, bottom] = [MARGIN + 18, width - MARGIN, MARGIN - 8, height - MARGIN];
  if (square) {
    const scale = Math.min((right - left) / (x[1] - x[0] || 1), (bottom - top) / (y[1] - y[0] || 1));
    const [wide, tall] = [scale * (x[1] - x[0]), scale * (y[1] - y[0])];
    const [spareX, spareY] = [(right - left - wide) / 2, (bottom - top - tall) / 2];
    [left, right, top, bottom] = [left + spareX, right - spareX, top + spareY, bottom - spareY];
  }
  return {
    left, right, top, bottom,
    x: (value) => left + ((value - x[0]) / (x[1] - x[0] || 1)) * (right - left),
    y: (value) => bottom - ((value - y[0]) / (y[1] - y[0] || 1)) * (bottom - top),
  };
}

const SHAPES = 7;

/** The sign of a class: circle, square, triangle, diamond, triangle down, cross, star; again after seven, in other colours.
 * @param {CanvasRenderingContext2D} drawing @param {number} kind @param {number} x @param {number} y @param {number} size
 */
export function shape(drawing, kind, x, y, size) {
  /** @type {number[][]} */
  const corners = [[], [[-1, -1], [1, -1], [1, 1], [-1, 1]], [[0, -1.2], [1.1, 0.9], [-1.1, 0.9]], [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]], [[0, 1.2], [1.1, -0.9], [-1.1, -0.9]], [[-0.4, -1.2], [0.4, -1.2], [0.4, -0.4], [1.2, -0.4], [1.2, 0.4], [0.4, 0.4], [0.4, 1.2], [-0.4, 1.2], [-0.4, 0.4], [-1.2, 0.4], [-1.2, -0.4], [-0.4, -0.4]], [[0, -1.4], [0.35, -0.4], [1.3, -0.4], [0.55, 0.25], [0.85, 1.2], [0, 0.6], [-0.85, 1.2], [-0.55, 0.25], [-1.3, -0.4], [-0.35, -0.4]]][kind % SHAPES];
  drawing.beginPath();
  if (!corners.length) drawing.arc(x, y, size, 0, 7);
  for (const [dx, dy] of corners) drawing.lineTo(x + dx * size, y + dy * size);
  drawing.closePath();
}
