// One sample large: panes that zoom and pan together.

import { MARKS, css } from "./colour.js";
import { attribute, context, fill, h } from "./dom.js";
import { fit } from "./layout.js";
import { extent, paint } from "./look.js";
import { shorten } from "./numbers.js";
import { WHOLE, pan, pixelAt, zoomAt } from "./zoom.js";

/**
 * @typedef {object} Plate one picture to show large
 * @property {import("./types.js").Pictures} pictures
 * @property {number} sample
 * @property {import("./look.js").Look} look
 * @property {Parameters<typeof paint>[4]} overlay
 * @property {{ corners: ArrayLike<number>, text: string }[]} boxes
 * @property {string} caption
 * @property {string} name text alternative
 */

/**
 * @param {(plate: number, row: number, column: number) => void} point
 * @param {() => void} leave
 */
export function createMagnifier(point, leave) {
  const element = h("div", { class: "nb-plates" });
  /** @type {{ canvas: HTMLCanvasElement, caption: HTMLElement }[]} */
  let places = [];
  /** @type {Plate[]} */
  let plates = [];
  /** @type {(HTMLCanvasElement | null)[]} */
  let sources = [];
  let size = 208;
  let view = WHOLE;
  /** @type {{ x: number, y: number } | null} */
  let grip = null;

  /** @param {typeof view} next */
  function look(next) {
    view = next;
    plates.forEach((_, i) => draw(i));
  }

  /** @param {HTMLCanvasElement} canvas @param {MouseEvent} event */
  function shares(canvas, event) {
    const box = canvas.getBoundingClientRect();
    return { u: (event.clientX - box.left) / (box.width || 1), v: (event.clientY - box.top) / (box.height || 1) };
  }

  /** @param {number} i */
  function build(i) {
    const canvas = h("canvas", { class: "nb-plate", tabindex: 0, role: "img" });
    const caption = h("span", { class: "nb-caption" });
    canvas.addEventListener("pointerdown", (event) => {
      grip = { x: event.clientX, y: event.clientY };
      canvas.setPointerCapture?.(event.pointerId);
    });
    canvas.addEventListener("pointerup", () => (grip = null));
    canvas.addEventListener("pointercancel", () => (grip = null));
    canvas.addEventListener("pointerleave", leave);
    canvas.addEventListener("pointermove", (event) => {
      const box = canvas.getBoundingClientRect();
      if (grip && view.scale > 1) {
        look(pan(view, (grip.x - event.clientX) / box.width, (grip.y - event.clientY) / box.height));
        grip = { x: event.clientX, y: event.clientY };
      }
      const { u, v } = shares(canvas, event);
      const { h: rows, w: columns } = extent(plates[i].pictures, plates[i].sample);
      const { row, column } = pixelAt(view, u, v, rows, columns);
      point(i, row, column);
    });
    canvas.addEventListener("wheel", (event) => {
      // Only where it is meant: the page must scroll on when the pointer merely passes.
      const root = /** @type {Document | ShadowRoot} */ (canvas.getRootNode());
      if (root.activeElement !== canvas && !event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const { u, v } = shares(canvas, event);
      look(zoomAt(view, 2 ** (-event.deltaY / 240), u, v));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const next = byKey(event.key, view);
      if (!next || event.ctrlKey || event.metaKey || event.altKey) return;
      look(next);
      event.preventDefault();
      event.stopPropagation();
    });
    canvas.addEventListener("dblclick", (event) => {
      const { u, v } = shares(canvas, event);
      look(view.scale > 1 ? WHOLE : zoomAt(view, 4, u, v));
    });
    return { canvas, caption };
  }

  /** @param {number} i */
  function draw(i) {
    const { pictures, sample, boxes } = plates[i];
    const source = sources[i];
    const canvas = places[i].canvas;
    const { h: rows, w: columns } = extent(pictures, sample);
    const { width, height } = fit(size, rows, columns);
    const drawing = context(canvas, width, height);
    attribute(canvas, "data-scale", view.scale.toFixed(2));
    if (!drawing || !source) return;
    const scale = { x: (width * view.scale) / columns, y: (height * view.scale) / rows };
    const origin = { x: -view.x * width * view.scale, y: -view.y * height * view.scale };
    drawing.imageSmoothingEnabled = scale.x < 1;
    drawing.drawImage(source, origin.x, origin.y, columns * scale.x, rows * scale.y);
    if (pictures.marks && scale.x >= 5) hatch(drawing, plates[i], rows, columns, scale, origin);
    for (const box of boxes) outline(drawing, box, { width: columns * scale.x, height: rows * scale.y }, origin);
  }

  return {
    element,
    /**
     * @param {Plate[]} next
     * @param {number} longest side in CSS pixels
     * @param {boolean} same whether it is the same sample as before, so that the zoom stays
     */
    show(next, longest, same) {
      plates = next;
      size = longest;
      if (!same) view = WHOLE;
      if (places.length !== next.length) {
        places = next.map((_, i) => build(i));
        fill(element, ...places.map(({ canvas, caption }) => h("span", { class: "nb-pane" }, caption, canvas)));
      }
      sources = next.map(render);
      next.forEach((plate, i) => {
        const { canvas, caption } = places[i];
        caption.textContent = plate.caption;
        caption.hidden = next.length === 1;
        attribute(canvas, "aria-label", `${plate.name}${next.length > 1 ? `, ${plate.caption}` : ""}. Plus and minus zoom, arrows move, 0 resets.`);
        draw(i);
      });
    },
    zoom: () => view,
  };
}

/** @param {string} key @param {import("./zoom.js").Window} view */
function byKey(key, view) {
  if (key === "+" || key === "=") return zoomAt(view, 1.5, 0.5, 0.5);
  if (key === "-" || key === "_") return zoomAt(view, 1 / 1.5, 0.5, 0.5);
  if (key === "0") return WHOLE;
  /** @type {Record<string, [number, number]>} */
  const steps = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] };
  return steps[key] ? pan(view, ...steps[key]) : null;
}

/** @param {Plate} plate */
function render({ pictures, sample, look, overlay }) {
  const { h: rows, w: columns } = extent(pictures, sample);
  const canvas = h("canvas", { width: columns, height: rows });
  const drawing = canvas.getContext("2d");
  if (!drawing) return null;
  const image = drawing.createImageData(columns, rows);
  paint(image.data, pictures, sample, look, overlay);
  drawing.putImageData(image, 0, 0);
  return canvas;
}

/**
 * @param {CanvasRenderingContext2D} drawing @param {Plate} plate @param {number} rows @param {number} columns
 * @param {{ x: number, y: number }} scale @param {{ x: number, y: number }} origin
 */
function hatch(drawing, { pictures, sample }, rows, columns, scale, origin) {
  const [, height, width] = pictures.marks?.shape ?? [0, 0, 0];
  drawing.lineWidth = 1;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const mark = pictures.marks?.data[(sample * height + row) * width + column];
      const [x, y] = [origin.x + column * scale.x, origin.y + row * scale.y];
      if (!mark || x + scale.x < 0 || y + scale.y < 0 || x > drawing.canvas.width || y > drawing.canvas.height) continue;
      drawing.fillStyle = css(MARKS[mark - 1] ?? MARKS[0]);
      drawing.fillRect(x, y, scale.x, scale.y);
      drawing.strokeStyle = "#000";
      drawing.beginPath();
      drawing.moveTo(x, y + scale.y);
      drawing.lineTo(x + scale.x, y);
      drawing.stroke();
    }
  }
}

/**
 * @param {CanvasRenderingContext2D} drawing
 * @param {{ corners: ArrayLike<number>, text: string }} box
 * @param {{ width: number, height: number }} picture
 * @param {{ x: number, y: number }} origin
 */
function outline(drawing, { corners, text }, picture, origin) {
  const [x, y] = [origin.x + corners[0] * picture.width, origin.y + corners[1] * picture.height];
  const [w, tall] = [(corners[2] - corners[0]) * picture.width, (corners[3] - corners[1]) * picture.height];
  drawing.lineWidth = 3;
  drawing.strokeStyle = "#000";
  drawing.strokeRect(x, y, w, tall);
  drawing.lineWidth = 1.5;
  drawing.strokeStyle = "#ffd400";
  drawing.strokeRect(x, y, w, tall);
  if (!text) return;
  drawing.font = "11px monospace";
  const words = shorten(text, 24);
  const wide = drawing.measureText(words).width + 6;
  const top = y >= 14 ? y - 14 : y;
  drawing.fillStyle = "#000c";
  drawing.fillRect(x, top, wide, 14);
  drawing.fillStyle = "#ffd400";
  drawing.fillText(words, x + 3, top + 11);
}
