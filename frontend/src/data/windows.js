// Windows of a long list: what lies in sight of millions of rows, in a scroller no taller than browsers allow.

/** Firefox ends at 17.8 million pixels. */
export const TALLEST = 15_000_000;

/** @typedef {{ count: number, rowHeight: number, sight: number }} Long a list of so many rows, of which `sight` pixels are seen */

/** Height of the scroller's content. @param {Long} list */
export const heightOf = ({ count, rowHeight }) => Math.min(count * rowHeight, TALLEST);

/** How many pixels of the list one pixel of the scroller stands for. @param {Long} list */
function stretchOf(list) {
  const [whole, shown] = [list.count * list.rowHeight - list.sight, heightOf(list) - list.sight];
  return whole > shown && shown > 0 ? whole / shown : 1;
}

/** Where in the list the top of what is seen lies. @param {Long} list @param {number} scrolled */
export const offsetAt = (list, scrolled) => scrolled * stretchOf(list);

/** Where to scroll for that. @param {Long} list @param {number} offset */
export const scrollFor = (list, offset) => offset / stretchOf(list);

/**
 * First and last row (exclusive) in sight, with one beyond either edge.
 * @param {Long} list
 * @param {number} offset
 */
export function rowsInSight({ count, rowHeight, sight }, offset) {
  const first = Math.max(0, Math.floor(offset / rowHeight) - 1);
  const last = Math.min(count, Math.ceil((offset + sight) / rowHeight) + 1);
  return { first: Math.min(first, last), last };
}

/**
 * The offset at which a row is in sight; the old one where it is already.
 * @param {Long} list
 * @param {number} row
 * @param {number} offset
 */
export function reveal({ rowHeight, sight }, row, offset) {
  const start = row * rowHeight;
  if (start < offset) return start;
  return start + rowHeight > offset + sight ? start + rowHeight - sight : offset;
}

/**
 * Widths of columns that share out what room is left over.
 * @param {number[]} wanted
 * @param {number} room
 */
export function widen(wanted, room) {
  const sum = wanted.reduce((a, b) => a + b, 0);
  const spare = Math.max(0, room - sum);
  return sum ? wanted.map((width) => Math.floor(width + (spare * width) / sum)) : [];
}
