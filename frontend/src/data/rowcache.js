// Rows in sight, asked for in pages and kept; what is kept stays on the page until fresh rows have come.

import { numbersOf } from "./numbers.js";

export const PAGE = 64;
const KEPT = 48;
const TOGETHER = 3;
/** A range that is selected is asked for in such pieces, and ends at so many rows. */
const PIECE = 2000;
export const LONGEST = 20_000;

/**
 * @typedef {{ rows: ArrayLike<number>, columns: string[], cells: string[][], fresh: boolean, error: string }} Page
 * @typedef {{ row: number, columns: string[], cells: string[] }} Row
 * @typedef {ReturnType<typeof createRows>} Rows
 */

/**
 * @param {(method: string, params: object) => Promise<any>} ask
 * @param {() => void} arrived
 */
export function createRows(ask, arrived) {
  /** @type {Map<number, Page>} */
  const pages = new Map();
  /** @type {{ first: number, last: number } | null} */
  let wish = null;
  let flying = false;
  let generation = 0;
  let epoch = 0;

  const isWanted = (/** @type {number} */ page) => {
    const held = pages.get(page);
    return !held || (!held.fresh && !held.error);
  };

  function next() {
    if (flying || !wish) return;
    const [from, to] = [Math.floor(wish.first / PAGE), Math.floor(Math.max(wish.last - 1, wish.first) / PAGE)];
    const wanted = Array.from({ length: to - from + 1 }, (_, i) => from + i).filter(isWanted);
    if (!wanted.length) {
      wish = null;
      return;
    }
    const start = wanted[0];
    let many = 1;
    while (many < TOGETHER && wanted.includes(start + many)) many++;
    load(start, many);
  }

  /** @param {number} start @param {number} many */
  function load(start, many) {
    const [asked, own] = [generation, epoch];
    flying = true;
    ask("rows", { start: start * PAGE, count: many * PAGE })
      .then((payload) => ({ payload, error: "" }), (error) => ({ payload: null, error: String(error.message) }))
      .then(({ payload, error }) => {
        if (own !== epoch) return;
        flying = false;
        for (let i = 0; i < many; i++) keep(start + i, pageOf(payload, i, asked === generation, error));
        arrived();
        next();
      });
  }

  /** @param {number} number @param {Page} page */
  function keep(number, page) {
    const old = pages.get(number);
    pages.delete(number);
    pages.set(number, page.error && old?.rows.length ? { ...old, error: page.error } : page);
    for (const key of pages.keys()) if (pages.size > KEPT) pages.delete(key);
  }

  return {
    /** What is known of the row at a position. @param {number} position @returns {Row | null} */
    at(position) {
      const page = pages.get(Math.floor(position / PAGE));
      const i = position % PAGE;
      return page && i < page.rows.length ? { row: page.rows[i], columns: page.columns, cells: page.cells[i] ?? [] } : null;
    },
    /** What is known of a row as it is now, wherever it stands. @param {number} row @returns {Row | null} */
    find(row) {
      for (const page of pages.values()) {
        if (!page.fresh) continue;
        const i = Array.prototype.indexOf.call(page.rows, row);
        if (i >= 0) return { row, columns: page.columns, cells: page.cells[i] ?? [] };
      }
      return null;
    },
    /** Why the row at a position is not there, in words. @param {number} position */
    errorAt: (position) => pages.get(Math.floor(position / PAGE))?.error ?? "",
    /** Columns of what came last. */
    columns: () => [...pages.values()].reverse().find((page) => page.columns.length)?.columns ?? [],
    /** Asks for what is not there of these positions, after the answer under way, and only for the latest wish.
     * @param {number} first @param {number} last exclusive
     */
    want(first, last) {
      if (last <= first) return;
      wish = { first, last };
      next();
    },
    /** What is kept is no longer how it is; it stays until the new has come. */
    renew() {
      generation++;
      for (const page of pages.values()) Object.assign(page, { fresh: false, error: "" });
    },
    /** Forgets all, and ignores answers that still come. */
    clear() {
      generation++;
      epoch++;
      flying = false;
      wish = null;
      pages.clear();
    },
    /** Rows from one position to another, either end included. @param {number} from @param {number} to @returns {Promise<number[]>} */
    async between(from, to) {
      const [first, last] = [Math.min(from, to), Math.min(Math.max(from, to), Math.min(from, to) + LONGEST - 1)];
      const known = Array.from({ length: last - first + 1 }, (_, i) => this.at(first + i)?.row);
      if (known.every((row) => row !== undefined)) return /** @type {number[]} */ (known);
      /** @type {number[]} */
      const rows = [];
      for (let start = first; start <= last; start += PIECE) {
        const payload = await ask("rows", { start, count: Math.min(PIECE, last - start + 1) });
        rows.push(...Array.from(numbersOf(payload.rows)));
      }
      return rows;
    },
  };
}

/** One page of an answer. @param {any} payload @param {number} i @param {boolean} fresh @param {string} error @returns {Page} */
function pageOf(payload, i, fresh, error) {
  const all = numbersOf(payload?.rows);
  const rows = Array.prototype.slice.call(all, i * PAGE, (i + 1) * PAGE);
  const cells = (payload?.cells ?? []).slice(i * PAGE, (i + 1) * PAGE);
  return { rows, cells, columns: payload?.columns ?? [], fresh, error };
}
