// Samples as rows of figures, with or without their pictures.

import { attribute, fill, h, say } from "../dom.js";
import { button } from "../forward/controls.js";
import { shorten, tooltip } from "../numbers.js";
import { columnOf, isWrong, targetsOf } from "./state.js";
import { widen } from "./windows.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").ColumnFacts} ColumnFacts */
/** @typedef {{ name: string, facts: ColumnFacts | null, width: number }} Place */

const CHARACTER = 8;
const PADDING = 14;
/** Columns that are read most stand first, those that say the same of every sample last. */
const FIRST = ["index", "text", "label", "prediction", "loss", "error", "confidence", "mark"];
const ABOUT = ["target", "model", "finding", "input", "sample", "mark"];
const TICK = 30;
const PICTURE = "\0picture";
/** Height of rows, with pictures and without. */
export const ROW = { both: 42, table: 28 };

/** How many characters a column wants. @param {string} name @param {ColumnFacts | null} facts */
function charactersOf(name, facts) {
  const head = name.length + 2;
  if (facts?.kind === "text") return 34;
  const longest = Math.max(0, ...(facts?.words ?? []).map((word) => word.length));
  const body = facts?.kind === "class" ? Math.min(Math.max(longest + 2, 5), 18) : facts?.kind === "flag" ? 5 : 9;
  return Math.min(Math.max(head, body), 24);
}

/**
 * Columns in the order that they are read in; the one that rows are sorted by is among the first.
 * @param {State} state
 * @param {string[]} columns
 */
export function inOrder({ dataset, view }, columns) {
  const rank = (/** @type {string} */ name) => {
    const facts = columnOf(dataset, name);
    const at = FIRST.indexOf(facts?.about === "target" ? "label" : name);
    if (at >= 0) return at;
    if (name === view?.sort?.column) return FIRST.length;
    const same = facts?.kind === "class" && facts.about === "sample" && (facts.words?.length ?? 0) < 2;
    return FIRST.length + 1 + (same ? ABOUT.length : ABOUT.indexOf(facts?.about ?? "sample"));
  };
  return [...columns].sort((a, b) => rank(a) - rank(b));
}

/**
 * Columns with their widths, the picture after the first.
 * @param {State} state
 * @param {string[]} columns
 * @param {number} picture width of the picture, 0 for none
 * @param {number} room
 * @returns {Place[]}
 */
export function placesOf({ dataset }, columns, picture, room) {
  const names = picture ? [...columns.slice(0, 1), PICTURE, ...columns.slice(1)] : columns;
  const facts = names.map((name) => (name === PICTURE ? null : columnOf(dataset, name)));
  const wanted = names.map((name, i) => (name === PICTURE ? picture + PADDING : charactersOf(name, facts[i]) * CHARACTER + PADDING));
  const widths = widen(wanted, room - TICK);
  return names.map((name, i) => ({ name, facts: facts[i], width: widths[i] }));
}

/** Whether a column says anything: those that are empty, and a text beside its own picture, do not. @param {State} state @param {string} name */
function isTold({ dataset, view, mode }, name) {
  if (name === view?.sort?.column) return true;
  const missing = columnOf(dataset, name)?.missing ?? 0;
  return !(missing > 0 && missing >= (dataset?.scanned ?? 0)) && !(name === "text" && mode === "both" && dataset?.form === "text");
}

/** Whether a column is set to the right. @param {ColumnFacts | null} facts */
const isNumber = (facts) => facts?.kind === "number" || facts?.kind === "index";

/**
 * @param {import("./types.js").Kit} kit
 * @param {(place: HTMLElement, row: number | null) => void} thumb
 */
export function createTable({ store, rows, actions }, thumb) {
  /** @type {Place[]} */
  let places = [];
  let written = "";

  /** A click turns the order round, the third leaves it to the data set. @param {Place} place */
  function sort({ name, facts }) {
    const now = store.get().view?.sort;
    const first = facts?.about === "model" || facts?.about === "finding";
    const next = now?.column !== name ? { column: name, descending: first } : now.descending === first ? { column: name, descending: !first } : { column: null, descending: false };
    void actions.ask("sort", next);
  }

  /** @param {Place} place @param {number} i */
  function headCell(place, i) {
    const { name, facts } = place;
    const now = store.get().view?.sort;
    const own = now?.column === name ? (now.descending ? "descending" : "ascending") : null;
    const cell = h("span", { role: "columnheader", class: `ne-cell${isNumber(facts) ? " ne-right" : ""}`, "aria-colindex": i + 2, "aria-sort": own });
    cell.style.width = `${place.width}px`;
    if (name === PICTURE) append(cell, store.get().dataset?.form ?? "sample");
    else cell.append(button(shorten(name, 40), () => sort(place), { class: "ne-sort", "data-key": name, title: tooltip(`${facts?.help || name}${facts?.unit ? ` (${facts.unit})` : ""}\nClick to sort.`) }, own && h("span", { "aria-hidden": true }, own === "descending" ? " ↓" : " ↑")));
    return cell;
  }

  return {
    /** Lays columns out; gives the width that rows need and whether they must be built anew.
     * @param {State} state @param {boolean} pictures @param {number} picture @param {number} room @param {HTMLElement} head
     */
    layOut(state, pictures, picture, room, head) {
      const columns = rows.columns().length ? rows.columns() : (state.dataset?.columns ?? []).map((column) => column.name);
      places = placesOf(state, inOrder(state, columns.filter((name) => isTold(state, name))), pictures ? picture : 0, room);
      const layout = JSON.stringify(places.map(({ name, width }) => [name, width]));
      const key = `${layout} ${JSON.stringify(state.view?.sort)} ${state.selected.size > 0} ${state.dataset?.serial}`;
      const anew = !written.startsWith(`${layout} `);
      if (key !== written) writeHead(state, head);
      written = key;
      return { anew, width: places.reduce((sum, { width }) => sum + width, TICK) };
    },
    forget: () => (written = ""),
    /** @param {HTMLElement} row @returns {HTMLElement[]} */
    build(row) {
      const cells = places.map((place, i) => {
        const cell = h("span", { role: "gridcell", class: `ne-cell${isNumber(place.facts) ? " ne-right" : ""}`, "aria-colindex": i + 2 });
        cell.style.width = `${place.width}px`;
        if (place.name === PICTURE) cell.append(h("span", { class: "ne-thumb" }));
        return cell;
      });
      fill(row, h("span", { role: "gridcell", class: "ne-cell ne-tick", "aria-colindex": 1 }), ...cells);
      row.className = "ne-row ne-item";
      return [row];
    },
    /** @param {HTMLElement} item @param {number} position */
    draw(item, position) {
      const state = store.get();
      const own = rows.at(position);
      const [tick, ...cells] = /** @type {HTMLElement[]} */ ([...item.children]);
      const chosen = own !== null && state.selected.has(own.row);
      say(tick, chosen ? "✓" : "");
      const wrong = own ? isWrong(state.dataset, own.columns, own.cells) : null;
      item.classList.toggle("ne-open", own !== null && own.row === state.sample?.row);
      item.classList.toggle("ne-blank", own === null);
      const group = state.view?.groups?.find(({ first }) => first === position);
      attribute(item, "data-group", group ? `${shorten(group.word, 40)} (${group.count})` : null);
      places.forEach((place, i) => drawCell(cells[i], place, own, wrong, position));
      attribute(item, "aria-label", own ? nameOf(state.dataset, own, wrong) : rows.errorAt(position) || "this row is on its way");
    },
  };

  /** @param {HTMLElement} cell @param {Place} place @param {import("./rowcache.js").Row | null} own @param {boolean | null} wrong @param {number} position */
  function drawCell(cell, place, own, wrong, position) {
    if (place.name === PICTURE) return thumb(/** @type {HTMLElement} */ (cell.firstElementChild), own?.row ?? null);
    const text = own ? own.cells[own.columns.indexOf(place.name)] ?? "" : "";
    const marked = place.name === "prediction" && wrong === true;
    const broken = !own && place === places[0] ? rows.errorAt(position) : "";
    say(cell, broken ? "✕" : `${marked ? "✕ " : ""}${shorten(text, 200)}`);
    attribute(cell, "data-tone", marked || broken ? "bad" : place.name === "mark" && text ? "warn" : null);
    attribute(cell, "title", broken ? tooltip(broken) : text.length > 14 ? tooltip(text) : null);
  }

  /** @param {State} state @param {HTMLElement} head */
  function writeHead(state, head) {
    const active = /** @type {HTMLElement | null} */ (/** @type {Document | ShadowRoot} */ (head.getRootNode()).activeElement);
    const key = active && head.contains(active) ? active.dataset.key : undefined;
    const any = state.selected.size > 0;
    const all = button(any ? "✓" : "☐", () => void actions.ask("select", any ? { none: true } : { all: true }), { class: "ne-sort", "data-key": "\0all", "aria-label": any ? "clear the selection" : "select all that match", title: any ? "clear the selection" : "select all that match" });
    const row = h("div", { role: "row", class: "ne-headrow", "aria-rowindex": 1 }, h("span", { role: "columnheader", class: "ne-cell ne-tick", "aria-colindex": 1 }, all), ...places.map(headCell));
    fill(head, row);
    if (key !== undefined) /** @type {HTMLElement | undefined} */ ([...head.querySelectorAll("[data-key]")].find((one) => /** @type {HTMLElement} */ (one).dataset.key === key))?.focus();
  }
}

/** @param {Element} place @param {string} text */
const append = (place, text) => place.append(text);

/** A text alternative for one row. @param {import("./types.js").Dataset | null} dataset @param {import("./rowcache.js").Row} own @param {boolean | null} wrong */
export function nameOf(dataset, { columns, cells }, wrong) {
  const targets = targetsOf(dataset).map(({ name }) => name);
  const first = FIRST.flatMap((name) => (name === "label" && targets.length ? targets : [name]));
  const told = [...first.filter((name) => columns.includes(name)), ...columns.filter((name) => !first.includes(name))];
  const parts = told.map((name) => ({ name, text: cells[columns.indexOf(name)] })).filter(({ text }) => text).slice(0, 10);
  return parts.map(({ name, text }) => `${shorten(name, 30)} ${shorten(text, 60)}${name === "prediction" && wrong ? " (wrong)" : ""}`).join(", ");
}
