// A window over a picture: `scale` 1 shows all of it, `x` and `y` are the window's left and top as shares of the picture.

/** @typedef {{ scale: number, x: number, y: number }} Window */

/** @type {Window} */
export const WHOLE = { scale: 1, x: 0, y: 0 };
export const MOST = 64;

/** @param {Window} view @returns {Window} */
function within({ scale, x, y }) {
  const rest = 1 - 1 / scale;
  return { scale, x: Math.min(Math.max(x, 0), rest), y: Math.min(Math.max(y, 0), rest) };
}

/**
 * Zooms so that what lies under (u, v), shares of the window, stays there.
 * @param {Window} view
 * @param {number} factor
 * @param {number} u
 * @param {number} v
 */
export function zoomAt(view, factor, u, v) {
  const scale = Math.min(Math.max(view.scale * factor, 1), MOST);
  return within({ scale, x: view.x + u / view.scale - u / scale, y: view.y + v / view.scale - v / scale });
}

/** Moves the window by shares of itself.
 * @param {Window} view
 * @param {number} u
 * @param {number} v
 */
export const pan = (view, u, v) => within({ ...view, x: view.x + u / view.scale, y: view.y + v / view.scale });

/**
 * Row and column under (u, v).
 * @param {Window} view
 * @param {number} u
 * @param {number} v
 * @param {number} h
 * @param {number} w
 */
export function pixelAt(view, u, v, h, w) {
  const row = Math.floor((view.y + v / view.scale) * h);
  const column = Math.floor((view.x + u / view.scale) * w);
  return { row: Math.min(Math.max(row, 0), h - 1), column: Math.min(Math.max(column, 0), w - 1) };
}
