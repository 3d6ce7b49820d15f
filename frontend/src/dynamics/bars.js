// Small bars: one for each class, or feature.

import { context } from "../dom.js";

/** @typedef {{ value: number, colour: string, sign?: "target" | "wrong" | "" }} Bar the colour is a variable of the page's */

const FOOT = 5;

/**
 * Bars from 0 to `most`; that of the target stands on a triangle, that of a wrong guess wears a cross.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 * @param {Bar[]} all
 * @param {number} [most]
 */
export function bars(canvas, width, height, all, most = 1) {
  const drawing = context(canvas, width, height);
  if (!drawing) return;
  drawing.clearRect(0, 0, width, height);
  const style = getComputedStyle(canvas);
  const foot = all.some((bar) => bar.sign) ? FOOT : 0;
  const step = width / Math.max(all.length, 1);
  const wide = Math.max(Math.min(step - (step > 4 ? 1.5 : 0), 18), 0.6);
  const room = height - foot - 1;
  all.forEach(({ value, colour, sign }, i) => {
    const x = i * step + (step - wide) / 2;
    const tall = Number.isFinite(value) ? Math.max((Math.min(value, most) / most) * room, 0.8) : 0;
    drawing.fillStyle = drawing.strokeStyle = style.getPropertyValue(colour).trim() || "#888888";
    drawing.fillRect(x, room - tall + 1, wide, tall);
    const middle = x + wide / 2;
    if (sign === "target") triangle(drawing, middle, room + 2, Math.min(FOOT - 1, 4));
    if (sign === "wrong") cross(drawing, middle, Math.max(room - tall - 3, 3), 2.5);
  });
}

/** @param {CanvasRenderingContext2D} drawing @param {number} x @param {number} y @param {number} size */
function triangle(drawing, x, y, size) {
  drawing.beginPath();
  drawing.moveTo(x, y);
  drawing.lineTo(x - size, y + size);
  drawing.lineTo(x + size, y + size);
  drawing.fill();
}

/** @param {CanvasRenderingContext2D} drawing @param {number} x @param {number} y @param {number} size */
function cross(drawing, x, y, size) {
  drawing.lineWidth = 1.4;
  drawing.beginPath();
  drawing.moveTo(x - size, y - size);
  drawing.lineTo(x + size, y + size);
  drawing.moveTo(x + size, y - size);
  drawing.lineTo(x - size, y + size);
  drawing.stroke();
}
