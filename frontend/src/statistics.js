// The table of tensors and channels, with what is suspicious about each.

import { changed, fill, h } from "./dom.js";
import { count, figure, integral, plural, share, shorten, tooltip } from "./numbers.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Finding} Finding */
/** @typedef {import("./types.js").TensorRecord} TensorRecord */

const FIRST = 16;
const HEADS = ["min", "mean", "std", "max", "zeros", "NaN", "Inf"];

/**
 * How the user would write a row of a tensor: `x[:, 0]`.
 * @param {TensorRecord} tensor
 * @param {number} row
 */
export function rowName({ facts, statistics }, row) {
  if (!statistics || statistics.axis === "all") return facts.name;
  const name = statistics.names[row] ?? String(row);
  if (!/^\d+$/.test(name)) return `${facts.name} · ${name}`;
  return facts.shape[1] === statistics.names.length ? `${facts.name}[:, ${name}]` : `${facts.name}[…, ${name}]`;
}

/**
 * Rows that are shown while a tensor is folded: the first ones and all that a warning speaks of.
 * @param {TensorRecord} tensor
 * @param {boolean} open
 */
export function rowsOf(tensor, open) {
  const all = tensor.statistics?.names.length ?? 0;
  const suspicious = new Set(tensor.findings.filter((finding) => finding.level === "warn").map((finding) => finding.row));
  const warned = [...suspicious].filter((row) => row !== null && row >= FIRST && row < all).slice(0, FIRST);
  const rows = Array.from({ length: open ? all : Math.min(all, FIRST) }, (_, row) => row);
  return open ? rows : [...rows, ...warned.map(Number).sort((a, b) => a - b)];
}

/**
 * @param {import("./types.js").Store} store
 * @returns {import("./types.js").View & { focus: () => void }}
 */
export function createStatistics(store) {
  const body = h("tbody");
  const head = h("tr", {}, h("th", { scope: "col" }, "tensor"), ...HEADS.map((name) => h("th", { scope: "col", class: "nb-number" }, name)), h("th", { scope: "col", class: "nb-findings" }, h("span", { class: "nb-unseen" }, "findings")));
  const table = h("table", {}, h("caption", { class: "nb-unseen" }, "Statistics of every tensor"), h("thead", {}, head), body);
  const element = h("div", { class: "nb-statistics", tabindex: 0, role: "region", "aria-label": "Statistics" }, table);
  /** @type {Set<string>} */
  const open = new Set();
  /** @type {State | null} */
  let before = null;

  /** @param {State} state */
  function draw(state) {
    element.hidden = !state.batch;
    const record = state.batch?.batch;
    if (!record) return;
    fill(body, ...record.tensors.flatMap(tensorRows), ...batchRow(record.findings));
  }

  /** @param {TensorRecord} tensor @returns {HTMLElement[]} */
  function tensorRows(tensor) {
    const whole = tensor.findings.filter((finding) => finding.row === null);
    const { statistics, facts } = tensor;
    if (!statistics) {
      return [h("tr", {}, name(facts.name), h("td", { colspan: HEADS.length, class: "nb-note" }, tensor.note || "values cannot be read"), findings(whole))];
    }
    const opened = open.has(facts.name);
    const rows = rowsOf(tensor, opened);
    const elements = rows.map((row, i) => statisticsRow(tensor, row, [...(i === 0 ? whole : []), ...tensor.findings.filter((finding) => finding.row === row)]));
    if (statistics.names.length > FIRST) elements.push(foldRow(facts.name, statistics.names.length, opened));
    return elements;
  }

  /** @param {TensorRecord} tensor @param {number} row @param {Finding[]} found */
  function statisticsRow(tensor, row, found) {
    const s = /** @type {import("./types.js").Statistics} */ (tensor.statistics);
    const integer = integral(tensor.facts.dtype);
    const infinite = s.posinf.data[row] + s.neginf.data[row];
    return h(
      "tr",
      {},
      name(rowName(tensor, row)),
      number(figure(s.min.data[row], integer)),
      number(figure(s.mean.data[row])),
      number(figure(s.std.data[row])),
      number(figure(s.max.data[row], integer)),
      number(share(s.zeros.data[row], s.count.data[row])),
      number(s.nan.data[row] ? `▲ ${count(s.nan.data[row])}` : "0", s.nan.data[row] > 0),
      number(infinite ? `▲ ${count(infinite)}` : "0", infinite > 0, `+Inf ${count(s.posinf.data[row])}, −Inf ${count(s.neginf.data[row])}`),
      findings(found),
    );
  }

  /** @param {string} tensor @param {number} all @param {boolean} opened */
  function foldRow(tensor, all, opened) {
    const act = () => {
      if (opened) open.delete(tensor);
      else open.add(tensor);
      if (before) draw(before);
      /** @type {HTMLElement | undefined} */ ([...body.querySelectorAll("button[data-fold]")].find((button) => /** @type {HTMLElement} */ (button).dataset.fold === tensor))?.focus();
    };
    const text = opened ? `show the first ${FIRST} only` : `show all ${count(all)}`;
    return h("tr", {}, h("td", { colspan: HEADS.length + 2 }, h("button", { type: "button", class: "nb-plain", "data-fold": tensor, onclick: act }, text)));
  }

  /** @param {Finding[]} found */
  function batchRow(found) {
    return found.length ? [h("tr", {}, name("batch"), h("td", { colspan: HEADS.length }), findings(found))] : [];
  }

  /** @param {Finding[]} found */
  function findings(found) {
    return h("td", { class: "nb-findings" }, ...found.map(finding));
  }

  /** @param {Finding} found */
  function finding({ level, text, samples }) {
    const words = `${level === "warn" ? "▲" : "●"} ${shorten(text, 200)}`;
    const tone = level === "warn" ? "warn" : "ok";
    if (!samples.length) return h("span", { class: "nb-finding", "data-tone": tone, title: tooltip(text) }, words);
    const act = () => store.set({ only: { text, samples }, label: "", selected: samples[0] });
    return h("button", { type: "button", class: "nb-finding nb-plain", "data-tone": tone, title: tooltip(`${text}\nClick to show only ${plural(samples.length, "such sample")}.`), onclick: act }, words);
  }

  return {
    element,
    update(state) {
      if (changed(before, state, ["batch"])) draw(state);
      before = state;
    },
    focus() {
      const first = /** @type {HTMLElement | null} */ (body.querySelector('[data-tone="warn"]'));
      first?.scrollIntoView?.({ block: "nearest" });
      (first?.tagName === "BUTTON" ? first : element).focus();
    },
  };
}

/** @param {string} text */
const name = (text) => h("th", { scope: "row", title: tooltip(text) }, shorten(text, 48));

/** @param {string} text @param {boolean} [bad] @param {string} [title] */
const number = (text, bad = false, title) => h("td", { class: `nb-number${text === "0" ? " nb-faint" : ""}`, "data-tone": bad ? "warn" : null, title }, text);
