// Where the cells of a virtual grid lie; numbers only.

/**
 * @typedef {{ columns: number, rows: number, gap: number, cellWidth: number, cellHeight: number, rowHeight: number }} Layout
 */

/**
 * Columns that fit a width, the rest of it shared out between them.
 * @param {{ width: number, count: number, cellWidth: number, cellHeight: number, gap: number, single?: boolean }} wanted
 * @returns {Layout}
 */
export function layOut({ width, count, cellWidth, cellHeight, gap, single = false }) {
  const rowHeight = cellHeight + gap;
  if (single) return { columns: 1, rows: count, gap: 0, cellWidth: Math.max(cellWidth, width), cellHeight, rowHeight };
  const columns = Math.max(1, Math.floor((width + gap) / (cellWidth + gap)));
  const spare = columns > 1 && count >= columns ? (width - columns * cellWidth) / (columns - 1) : gap;
  return { columns, rows: Math.ceil(count / columns), gap: Math.min(spare, gap + 28), cellWidth, cellHeight, rowHeight };
}

/**
 * First and last row (exclusive) to build, with some beyond the edges.
 * @param {Layout} layout
 * @param {number} top
 * @param {number} height
 * @param {number} [beyond]
 */
export function visibleRows(layout, top, height, beyond = 1) {
  const first = Math.max(0, Math.floor(top / layout.rowHeight) - beyond);
  const last = Math.min(layout.rows, Math.ceil((top + height) / layout.rowHeight) + beyond);
  return { first: Math.min(first, last), last };
}

/**
 * Position after a key, or null where the key means nothing to a grid.
 * @param {string} key
 * @param {boolean} whole whether Ctrl is held: Home and End then mean the whole grid
 * @param {number} position
 * @param {{ columns: number, count: number, page: number }} grid
 */
export function move(key, whole, position, { columns, count, page }) {
  const start = position - (position % columns);
  /** @type {Record<string, number>} */
  const targets = {
    ArrowLeft: position - 1,
    ArrowRight: position + 1,
    ArrowUp: position - columns < 0 ? position : position - columns,
    ArrowDown: below(position, columns, count),
    Home: whole || columns === 1 ? 0 : start,
    End: whole || columns === 1 ? count - 1 : start + columns - 1,
    PageUp: Math.max(position % columns, position - page * columns),
    PageDown: Math.min(position + page * columns, lastOfColumn(position % columns, columns, count)),
  };
  return key in targets ? Math.min(Math.max(targets[key], 0), count - 1) : null;
}

/** @param {number} position @param {number} columns @param {number} count */
function below(position, columns, count) {
  if (position + columns < count) return position + columns;
  const lastRow = Math.floor((count - 1) / columns);
  return Math.floor(position / columns) < lastRow ? count - 1 : position;
}

/** @param {number} column @param {number} columns @param {number} count */
function lastOfColumn(column, columns, count) {
  const position = Math.floor((count - 1) / columns) * columns + column;
  return position < count ? position : position - columns;
}

/**
 * Where to scroll so that a row lies in sight; the old place where it does already.
 * @param {Layout} layout
 * @param {number} row
 * @param {number} top
 * @param {number} height
 */
export function scrollTo(layout, row, top, height) {
  const start = row * layout.rowHeight;
  if (start < top) return start;
  const end = start + layout.cellHeight;
  return end > top + height ? end - height : top;
}

/**
 * Width and height of a picture whose longer side is `size`; thin ones are kept thick enough to see.
 * @param {number} size
 * @param {number} height
 * @param {number} width
 */
export function fit(size, height, width) {
  const scale = size / Math.max(height, width, 1);
  return { width: Math.max(Math.round(width * scale), 24), height: Math.max(Math.round(height * scale), 16) };
}
