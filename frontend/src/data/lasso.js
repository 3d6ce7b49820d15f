// Points of a plane: which lie within a loop, which is nearest, which comes next; numbers only.

/** @typedef {{ xs: ArrayLike<number>, ys: ArrayLike<number> }} Points in pixels */

/** Whether a place lies within a closed loop, by the even-odd rule. @param {number} x @param {number} y @param {[number, number][]} loop */
export function isInside(x, y, loop) {
  let inside = false;
  for (let i = 0, j = loop.length - 1; i < loop.length; j = i++) {
    const [ax, ay] = loop[i];
    const [bx, by] = loop[j];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

/** Numbers of the points within a loop. @param {Points} points @param {[number, number][]} loop */
export function within({ xs, ys }, loop) {
  if (loop.length < 3) return [];
  const across = loop.map(([x]) => x);
  const [left, right] = [Math.min(...across), Math.max(...across)];
  /** @type {number[]} */
  const found = [];
  for (let i = 0; i < xs.length; i++) if (xs[i] >= left && xs[i] <= right && isInside(xs[i], ys[i], loop)) found.push(i);
  return found;
}

/** The number of the nearest point, −1 where none is near enough. @param {Points} points @param {number} x @param {number} y @param {number} reach */
export function nearestPoint({ xs, ys }, x, y, reach) {
  let [best, near] = [-1, reach * reach];
  for (let i = 0; i < xs.length; i++) {
    const away = (xs[i] - x) ** 2 + (ys[i] - y) ** 2;
    if (away <= near) [best, near] = [i, away];
  }
  return best;
}

/**
 * The point that an arrow key leads to: the nearest within 45° of its direction; the same where there is none.
 * @param {Points} points
 * @param {number} from −1 where none is chosen yet
 * @param {string} key
 */
export function stepTo({ xs, ys }, from, key) {
  const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  if (!direction || !xs.length) return null;
  if (from < 0 || from >= xs.length) return 0;
  let [best, near] = [from, Infinity];
  for (let i = 0; i < xs.length; i++) {
    const [dx, dy] = [xs[i] - xs[from], ys[i] - ys[from]];
    const along = dx * direction[0] + dy * direction[1];
    const away = dx * dx + dy * dy;
    if (i !== from && along > 0 && 2 * along * along >= away && away < near) [best, near] = [i, away];
  }
  return best;
}

/** A frame for numbers: from where to where they go, with some room. @param {ArrayLike<number>} values @returns {[number, number]} */
export function reach(values) {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    if (values[i] < low) low = values[i];
    if (values[i] > high && values[i] < Infinity) high = values[i];
  }
  if (!(high >= low) || low === -Infinity) return [0, 1];
  const room = 0.04 * (high - low || Math.abs(high) || 1);
  return [low - room, high + room];
}
