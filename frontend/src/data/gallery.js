// Samples as pictures side by side, each with its label and what the network makes of it.

import { attribute, fill, h, say } from "../dom.js";
import { shorten, tooltip } from "../numbers.js";
import { isWrong, targetText } from "./state.js";
import { nameOf } from "./table.js";

const GAP = 6;
const LINE = 16;

/** Width and height of a picture's cell, by the form of the data. @param {string} form */
export function sizeOf(form) {
  if (form === "text") return { size: 110, width: 236, height: 60 };
  if (form === "series" || form === "audio") return { size: 80, width: 142, height: 60 };
  return form === "table" ? { size: 80, width: 134, height: 52 } : { size: 76, width: 92, height: 80 };
}

/**
 * @param {import("./types.js").Kit} kit
 * @param {(place: HTMLElement, row: number | null) => void} thumb
 */
export function createGallery({ store, rows }, thumb) {
  return {
    /** @param {string} form @param {number} room */
    layOut(form, room) {
      const { width, height } = sizeOf(form);
      const across = Math.max(1, Math.floor((room - 8 + GAP) / (width + GAP)));
      return { across, rowHeight: height + 2 * LINE + GAP + 10, width: Math.floor((room - 8 + GAP) / across) - GAP };
    },
    /** @param {HTMLElement} row @param {number} items @param {number} width */
    build(row, items, width) {
      const cells = Array.from({ length: items }, (_, i) => {
        const cell = h("span", { role: "gridcell", class: "ne-item ne-picture", "aria-colindex": i + 1 }, h("span", { class: "ne-thumb" }), h("span", { class: "ne-line" }, h("span"), h("span")), h("span", { class: "ne-line" }, h("span"), h("span")), h("span", { class: "ne-tick", "aria-hidden": true }));
        cell.style.width = `${width}px`;
        return cell;
      });
      fill(row, ...cells);
      row.className = "ne-row ne-pictures";
      return cells;
    },
    /** @param {HTMLElement} item @param {number} position */
    draw(item, position) {
      const state = store.get();
      const own = rows.at(position);
      const [place, first, second, tick] = /** @type {HTMLElement[]} */ ([...item.children]);
      thumb(place, own?.row ?? null);
      const text = (/** @type {string | undefined} */ name) => (own && name ? own.cells[own.columns.indexOf(name)] ?? "" : "");
      const wrong = own ? isWrong(state.dataset, own.columns, own.cells) : null;
      const guess = text("prediction");
      const sort = state.view?.sort?.column;
      say(first.children[0], text("index"));
      say(first.children[1], own ? shorten(targetText(state.dataset, own), 30) : "");
      say(second.children[0], guess ? `${wrong ? "✕ " : wrong === false ? "✓ " : "→ "}${shorten(guess, 30)}` : "");
      attribute(second.children[0], "data-tone", wrong ? "bad" : wrong === false ? "ok" : null);
      say(second.children[1], sort && !["index", "label", "prediction"].includes(sort) ? shorten(text(sort), 12) : "");
      const chosen = own !== null && state.selected.has(own.row);
      say(tick, chosen ? "✓" : "");
      item.classList.toggle("ne-open", own !== null && own.row === state.sample?.row);
      const name = own ? nameOf(state.dataset, own, wrong) : rows.errorAt(position) || "this sample is on its way";
      attribute(item, "aria-label", name);
      attribute(item, "title", own ? tooltip(name) : null);
    },
  };
}
