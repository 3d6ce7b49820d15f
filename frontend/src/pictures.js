// Cells of pictures: one canvas a pane, as many pixels as the data has, enlarged by the browser.

import { h, attribute, fill, say } from "./dom.js";
import { labelOf, nameSample, verdict } from "./describe.js";
import { fit } from "./layout.js";
import { extent, lookOf, paint } from "./look.js";
import { brief, shorten, tooltip } from "./numbers.js";
import { panesOf } from "./panes.js";
import { describePixel } from "./values.js";
import { WHOLE, pixelAt } from "./zoom.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./panes.js").Pane} Pane */

const LINE = 16;
const EDGE = 4;

/**
 * @param {State} state
 * @returns {import("./grid.js").Kind}
 */
export function pictureCells(state) {
  const batch = /** @type {import("./types.js").DecodedBatch} */ (state.batch);
  const panes = panesOf(state);
  const looks = panes.map((pane) => lookOf(pane.pictures, pane.mode, state.channel));
  const boxes = panes.map((pane) => fit(state.size, ...pane.pictures.size));
  const captions = panes.length > 1;
  const second = batch.predictions !== null || batch.losses !== null;
  const height = Math.max(...boxes.map((box) => box.height));
  const cellWidth = boxes.reduce((sum, box) => sum + box.width + EDGE, EDGE);
  /** @type {WeakMap<HTMLElement, HTMLCanvasElement[]>} */
  const canvases = new WeakMap();

  /** @param {HTMLElement} cell */
  function build(cell) {
    const own = boxes.map(() => h("canvas", { "aria-hidden": true }));
    const figures = own.map((canvas, i) => {
      const { width, height: tall } = boxes[i];
      const [, , rows, columns] = panes[i].pictures.planes.shape;
      const frame = h("span", { class: `nb-frame${Math.max(rows, columns) < state.size * 2 ? " nb-pixels" : ""}` }, canvas);
      frame.style.width = `${width}px`;
      frame.style.height = `${tall}px`;
      const caption = captions ? h("span", { class: "nb-caption", title: panes[i].caption }, panes[i].caption) : null;
      if (caption) caption.style.width = `${width}px`;
      return h("span", { class: "nb-pane" }, caption, frame);
    });
    fill(cell, h("span", { class: "nb-panes" }, ...figures), h("span", { class: "nb-line" }, h("span"), h("span")), second && h("span", { class: "nb-line" }, h("span"), h("span")));
    canvases.set(cell, own);
    return own;
  }

  return {
    cellWidth,
    cellHeight: height + (captions ? LINE : 0) + (second ? 2 : 1) * LINE + 2 * EDGE,
    gap: 4,
    single: false,
    name: (sample) => nameSample(batch, panes[0].pictures, sample),
    draw(cell, sample) {
      const own = canvases.get(cell) ?? build(cell);
      own.forEach((canvas, i) => drawPane(canvas, panes[i], looks[i], sample, state));
      writeLines(cell, batch, sample);
    },
    probe(sample, event) {
      const canvas = /** @type {Element} */ (event.target).closest?.("canvas");
      const cell = canvas?.closest(".nb-cell");
      const i = cell && canvas ? [...cell.querySelectorAll("canvas")].indexOf(canvas) : -1;
      if (!canvas || i < 0) return nameSample(batch, panes[0].pictures, sample);
      return `sample ${sample}${panes.length > 1 ? `, ${panes[i].caption}` : ""}  ${under(canvas, panes[i], sample, state, event)}`;
    },
  };
}

/** @param {HTMLElement} cell @param {import("./types.js").DecodedBatch} batch @param {number} sample */
function writeLines(cell, batch, sample) {
  const [first, second] = cell.querySelectorAll(".nb-line");
  say(first.children[0], String(sample));
  say(first.children[1], labelOf(batch, sample, 60));
  attribute(first, "title", batch.labels ? tooltip(batch.labels.text[sample] ?? "") : null);
  if (!second) return;
  const { icon, tone } = verdict(batch, sample);
  const predicted = batch.predictions?.text[sample];
  say(second.children[0], predicted === undefined ? "" : `${icon || "→ "}${shorten(predicted, 60)}`);
  attribute(second.children[0], "data-tone", tone || null);
  say(second.children[1], batch.losses ? brief(batch.losses.data[sample]) : "");
  attribute(second, "title", predicted === undefined ? null : tooltip(`predicted ${predicted}`));
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Pane} pane
 * @param {import("./look.js").Look} look
 * @param {number} sample
 * @param {State} state
 */
function drawPane(canvas, pane, look, sample, state) {
  const { h: rows, w: columns } = extent(pane.pictures, sample);
  const [, , height, width] = pane.pictures.planes.shape;
  canvas.width = columns;
  canvas.height = rows;
  canvas.style.width = `${(100 * columns) / width}%`;
  canvas.style.height = `${(100 * rows) / height}%`;
  const drawing = canvas.getContext("2d");
  if (drawing) {
    const image = drawing.createImageData(columns, rows);
    paint(image.data, pane.pictures, sample, look, overlayOf(pane, sample, state));
    drawing.putImageData(image, 0, 0);
  }
  const frame = /** @type {HTMLElement} */ (canvas.parentElement);
  while (frame.lastChild !== canvas) frame.lastChild?.remove();
  if (pane.now && state.boxes) frame.append(...boxElements(state, sample, columns / width, rows / height));
}

/** The mask to lay over a pane, if any.
 * @param {Pane} pane
 * @param {number} sample
 * @param {State} state
 */
export function overlayOf(pane, sample, state) {
  const masks = state.batch?.masks;
  return masks && state.masks && pane.now && state.item === 0 ? { masks, sample, opacity: state.opacity } : null;
}

/** Boxes of one sample as corners and text.
 * @param {State} state
 * @param {number} sample
 */
export function boxesOf(state, sample) {
  const boxes = state.batch?.boxes;
  if (!boxes || state.item !== 0) return [];
  const rows = [...boxes.sample.data].flatMap((owner, k) => (owner === sample ? [k] : []));
  return rows.map((k) => ({ corners: boxes.corners.data.subarray(4 * k, 4 * k + 4), text: boxes.text[k] ?? "" }));
}

/** @param {State} state @param {number} sample @param {number} wide share of the frame that the picture fills @param {number} tall */
function boxElements(state, sample, wide, tall) {
  return boxesOf(state, sample).map(({ corners, text }) => {
    const [left, top, right, bottom] = corners;
    const box = h("span", { class: "nb-box", title: tooltip(text) });
    box.style.left = `${100 * left * wide}%`;
    box.style.top = `${100 * top * tall}%`;
    box.style.width = `${100 * (right - left) * wide}%`;
    box.style.height = `${100 * (bottom - top) * tall}%`;
    return box;
  });
}

/** @param {HTMLCanvasElement} canvas @param {Pane} pane @param {number} sample @param {State} state @param {PointerEvent} event */
function under(canvas, pane, sample, state, event) {
  const place = canvas.getBoundingClientRect();
  const { h: rows, w: columns } = extent(pane.pictures, sample);
  const { row, column } = pixelAt(WHOLE, (event.clientX - place.left) / place.width, (event.clientY - place.top) / place.height, rows, columns);
  const words = describePixel(pane.pictures, sample, row, column, state.channel);
  return pane.now ? words + maskUnder(state, pane, sample, row, column) + boxUnder(state, sample, (column + 0.5) / columns, (row + 0.5) / rows) : words;
}

/** The texts of the boxes around a place, given as shares of the picture.
 * @param {State} state
 * @param {number} sample
 * @param {number} x
 * @param {number} y
 */
export function boxUnder(state, sample, x, y) {
  if (!state.boxes) return "";
  const around = boxesOf(state, sample).filter(({ corners: [left, top, right, bottom] }) => x >= left && x <= right && y >= top && y <= bottom);
  return around.length ? `  box: ${around.slice(0, 4).map((box) => shorten(box.text, 40)).join(", ")}` : "";
}

/** The class of the mask at a pixel of the plane, in words.
 * @param {State} state
 * @param {Pane} pane
 * @param {number} sample
 * @param {number} row
 * @param {number} column
 */
export function maskUnder(state, pane, sample, row, column) {
  const masks = state.batch?.masks;
  if (!masks || state.item !== 0) return "";
  const [, , height, width] = pane.pictures.planes.shape;
  const [, rows, columns] = masks.classes.shape;
  const at = (sample * rows + Math.floor((row * rows) / height)) * columns + Math.floor((column * columns) / width);
  const index = masks.classes.data[at];
  return index === 255 ? "  mask: ignored" : `  mask: ${shorten(masks.names[index] ?? String(index), 40)}`;
}
