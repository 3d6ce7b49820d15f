// Samples as the decoders show them, asked for as they come into sight and kept.

import { numbersOf } from "./numbers.js";

const KEPT = 1024;
const TOGETHER = 48;

/** @typedef {{ batch: import("./types.js").DecodedBatch | null, at: number, error: string }} Preview */
/** @typedef {ReturnType<typeof createPreviews>} Previews */

/**
 * @param {(method: string, params: object) => Promise<any>} ask
 * @param {() => void} arrived
 */
export function createPreviews(ask, arrived) {
  /** @type {Map<number, Preview>} */
  const kept = new Map();
  /** What each place of the page wants to show now. @type {Map<string, number[]>} */
  const wishes = new Map();
  let flying = false;
  let epoch = 0;

  function next() {
    if (flying) return;
    const wanted = [...new Set([...wishes.values()].flat())].filter((row) => !kept.has(row)).slice(0, TOGETHER);
    if (!wanted.length) return;
    const own = epoch;
    flying = true;
    ask("samples", { rows: wanted })
      .then((payload) => spread(wanted, payload), (error) => wanted.map((row) => /** @type {[number, Preview]} */ ([row, { batch: null, at: 0, error: String(error.message) }])))
      .then((found) => {
        if (own !== epoch) return;
        flying = false;
        for (const [row, preview] of found) kept.set(row, preview);
        for (const key of kept.keys()) if (kept.size > KEPT) kept.delete(key);
        arrived();
        next();
      });
  }

  return {
    /** @param {number} row */
    get: (row) => kept.get(row) ?? null,
    /** Asks for what is not there yet; each place's latest wish counts, and the first places' come first.
     * @param {string} place @param {number[]} rows
     */
    want(place, rows) {
      if (rows.length) wishes.set(place, rows);
      else wishes.delete(place);
      next();
    },
    /** Asks once more for samples that could not be had. */
    retry() {
      for (const [row, preview] of kept) if (preview.error) kept.delete(row);
      next();
    },
    /** Forgets all, and ignores answers that still come. */
    clear() {
      epoch++;
      flying = false;
      kept.clear();
      wishes.clear();
    },
  };
}

/** What an answer says of every row that was asked for. @param {number[]} wanted @param {any} payload @returns {[number, Preview][]} */
export function spread(wanted, payload) {
  const rows = Array.from(numbersOf(payload.rows));
  return wanted.map((row) => {
    const at = rows.indexOf(row);
    const error = payload.errors?.[row] ?? (at < 0 || !payload.batch ? "no preview came" : "");
    return [row, { batch: error ? null : payload.batch, at, error: String(error) }];
  });
}
