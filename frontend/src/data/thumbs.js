// A sample in small by its row: the decoders' drawing once it has come, till then the room for it.

import { attribute, fill, h, say } from "../dom.js";
import { thumbOf } from "../dynamics/thumb.js";
import { shorten, tooltip } from "../numbers.js";

/** @typedef {import("../dynamics/thumb.js").Thumb} Thumb */

/**
 * Draws previews into places of one size.
 * @param {import("./previews.js").Previews} previews
 * @param {number} size in pixels
 */
export function createThumbs(previews, size) {
  /** @type {WeakMap<object, Thumb>} */
  const thumbs = new WeakMap();
  /** What each place shows: redrawing it would cost for nothing. @type {WeakMap<HTMLElement, { batch: object | null, at: number, error: string, drawn: HTMLElement | null }>} */
  const shown = new WeakMap();

  /** @param {import("../types.js").DecodedBatch} batch */
  function thumbFor(batch) {
    const found = thumbs.get(batch) ?? thumbOf(batch, size);
    thumbs.set(batch, found);
    return found;
  }

  /** @param {HTMLElement} place @param {number | null} row */
  return function draw(place, row) {
    const preview = row === null ? null : previews.get(row);
    const before = shown.get(place);
    const [batch, at, error] = [preview?.batch ?? null, preview?.at ?? -1, preview?.error ?? ""];
    if (before && before.batch === batch && before.at === at && before.error === error) return;
    if (!preview || !batch) {
      fill(place, h("span", { class: "ne-wait", title: error ? tooltip(error) : null }, error ? "✕" : "…"));
      attribute(place, "data-tone", error ? "bad" : null);
      shown.set(place, { batch, at, error, drawn: null });
      return;
    }
    const thumb = thumbFor(batch);
    const drawn = before?.batch === batch && before.drawn ? before.drawn : thumb.build();
    if (drawn.parentElement !== place) fill(place, drawn);
    attribute(place, "data-tone", null);
    thumb.draw(drawn, at);
    shown.set(place, { batch, at, error, drawn });
  };
}

/** Rows of previews with their labels below, each of which can be opened.
 * @param {import("./types.js").Kit} kit @param {number} size
 */
export function createStrip({ previews, actions }, size) {
  const draw = createThumbs(previews, size);
  /** @type {{ row: number, place: HTMLElement, label: HTMLElement }[]} */
  let places = [];
  return {
    /** @param {number[]} rows @param {(row: number) => string} [more] @returns {HTMLElement} */
    build(rows, more = () => "") {
      const own = rows.map((row) => {
        const place = h("span", { class: "ne-thumb" });
        const label = h("span", { class: "ne-caption" });
        const under = more(row);
        const button = h("button", { type: "button", class: "ne-sample", "data-row": row, onclick: () => actions.open({ row, position: null, columns: [], cells: [] }) }, place, label, under && h("span", { class: "ne-caption ne-soft" }, shorten(under, 30)));
        return { row, place, label, button };
      });
      places.push(...own);
      return h("div", { class: "ne-strip" }, ...own.map(({ button }) => button));
    },
    /** Rows of all that were built. */
    rows: () => [...new Set(places.map(({ row }) => row))],
    /** Draws what has come since. */
    draw() {
      for (const { row, place, label } of places) {
        draw(place, row);
        say(label, shorten(captionOf(previews.get(row), row), 24));
      }
    },
    clear() {
      places = [];
    },
  };
}

/** What a sample is, in few words. @param {import("./previews.js").Preview | null} preview @param {number} row */
export function captionOf(preview, row) {
  const index = preview?.batch?.batch.indices?.[preview.at];
  const label = preview?.batch?.labels?.text[preview.at];
  const number = index === undefined || index === null ? `row ${row}` : String(index);
  return label ? `${number} · ${label}` : number;
}
