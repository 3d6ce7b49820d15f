// A kernel that answers the data view from made-up data, as Python would: what is shown is held here.

import { batchOfRows } from "./data-records.js";
import { pack } from "./records.js";

const CLASS = new Set(["class", "text"]);

/** The text of one cell. */
function cellOf(column, row) {
  const value = column.values[row];
  if (CLASS.has(column.kind)) return value < 0 ? "" : column.words[value] ?? "";
  if (column.kind === "flag") return value ? "yes" : "no";
  if (column.kind === "index") return value < 0 ? "" : `${column.name === "index" ? "" : "= "}${value.toLocaleString("en-US")}`;
  return Number.isNaN(value) ? "" : String(Number(value.toPrecision(4)));
}

/** Rows that a query asks for, of a much smaller language than Python's. */
export function matching(columns, N, query) {
  const all = Array.from({ length: N }, (_, row) => row);
  const find = (name) => columns.find((column) => column.name === name);
  const value = (column, row) => (CLASS.has(column.kind) ? column.words[column.values[row]] : column.values[row]);
  const tests = query.trim() ? query.trim().split(/ and /).map((clause) => {
    const missing = /^(\w+)\.notna\(\)$/.exec(clause);
    if (missing && find(missing[1])) return (row) => find(missing[1]).values[row] >= 0;
    if (/^(not )?correct$/.test(clause) && find("correct")) return (row) => find("correct").values[row] === !clause.startsWith("not");
    const parts = /^`?(.+?)`? (==|!=|>=|<=|>|<) (.+)$/.exec(clause);
    const word = clause.toLowerCase();
    if (!parts && /^[\w ]+$/.test(clause)) return (row) => columns.some((column) => CLASS.has(column.kind) && String(value(column, row)).toLowerCase().includes(word));
    if (!parts) throw new Error(`expected a comparison at position 1, got ${JSON.stringify(clause)}`);
    const [, name, sign, right] = parts;
    const [left, other] = [find(name), find(right)];
    if (!left) throw new Error(`there is no column ${JSON.stringify(name)}; did you mean "label"?`);
    const quoted = /^'(.*)'$/.exec(right) ?? /^"(.*)"$/.exec(right);
    const given = quoted ? quoted[1] : Number(right);
    return (row) => {
      const [a, b] = [value(left, row), other ? value(other, row) : given];
      return { "==": a === b, "!=": a !== b, ">=": a >= b, "<=": a <= b, ">": a > b, "<": a < b }[sign];
    };
  }) : [];
  return all.filter((row) => tests.every((test) => test(row)));
}

/** What is counted of a column. */
function binsOf(column) {
  if (CLASS.has(column.kind) || column.kind === "flag") {
    const words = column.kind === "flag" ? ["no", "yes"] : column.words.slice(0, 200);
    return { head: { kind: "class", words, more: Math.max(0, (column.words?.length ?? 0) - 200) }, many: words.length, at: (row) => Number(column.values[row]) };
  }
  const finite = column.values.filter(Number.isFinite);
  const [low, high] = finite.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
  const wide = high - low || 1;
  const edges = pack("float64", [41], Array.from({ length: 41 }, (_, i) => low + (wide * i) / 40));
  return { head: { kind: "number", edges }, many: 40, at: (row) => Math.min(39, Math.floor(((column.values[row] - low) / wide) * 40)) };
}

function countsOf(bins, rows) {
  const counts = new Array(bins.many).fill(0);
  for (const row of rows) if (bins.at(row) >= 0 && bins.at(row) < bins.many) counts[bins.at(row)]++;
  return counts;
}

/** Makes the model's traits and answers of a data set. */
export function kernelOf(set, { asked = {}, status = {}, works = {}, refuse = {} } = {}) {
  const held = { query: "", queryError: null, sort: null, group: null, brush: null, histogram: set.columns.some(({ name }) => name === "loss") ? "loss" : "label", scatter: { map: "pca", colour: "label" }, selected: [], marked: new Map(), human: null, ...asked };
  const all = Array.from({ length: set.N }, (_, row) => row);
  let serial = 1;
  const find = (name) => set.columns.find((column) => column.name === name);
  let shown = [];
  function arrange() {
    shown = matching(set.columns, set.N, held.query);
    if (held.brush) {
      const column = find(held.brush.column);
      const { low, high, words } = held.brush;
      shown = shown.filter((row) => (words ? words.includes(cellOf(column, row)) : column.values[row] >= low && column.values[row] <= high));
    }
    const by = (name, down) => shown.sort((a, b) => (down ? -1 : 1) * (find(name).values[a] - find(name).values[b]) || a - b);
    if (held.sort) by(held.sort.column, held.sort.descending);
    if (held.group) by(held.group, false);
  }
  function groups() {
    if (!held.group) return null;
    const found = new Map();
    shown.forEach((row, first) => {
      const word = cellOf(find(held.group), row);
      const own = found.get(word) ?? { word, count: 0, first };
      found.set(word, { ...own, count: own.count + 1 });
    });
    return [...found.values()];
  }
  function view() {
    const histogram = find(held.histogram);
    const bins = histogram && binsOf(histogram);
    const isShown = new Set(shown);
    const some = all.length > 20000 ? all.slice(0, 20000) : all;
    const axes = held.scatter?.map ? set.points : held.scatter && some.map((row) => [find(held.scatter.x).values[row], find(held.scatter.y).values[row]]);
    const colour = held.scatter?.colour ? find(held.scatter.colour) : null;
    const range = colour && !CLASS.has(colour.kind) ? [Math.min(...colour.values), Math.max(...colour.values)] : null;
    return {
      serial: ++serial, query: held.tried ?? held.query, queryError: held.queryError, sort: held.sort, group: held.group, groups: groups(), brush: held.brush, count: shown.length, total: set.N,
      selected: pack("float64", [held.selected.length], held.selected), selectedCount: held.selected.length,
      histogram: histogram ? { column: histogram.name, ...bins.head, all: pack("float64", [bins.many], countsOf(bins, all)), shown: pack("float64", [bins.many], countsOf(bins, shown)), other: null, brush: held.brush ? held.brush.words ?? [held.brush.low, held.brush.high] : null } : null,
      scatter: held.scatter && set.N ? {
        x: held.scatter.x ?? "", y: held.scatter.y ?? "", colour: held.scatter.colour ?? null, rows: pack("int32", [some.length], some), xs: pack("float32", [some.length], some.map((row) => axes[row][0])), ys: pack("float32", [some.length], some.map((row) => axes[row][1])),
        codes: colour ? pack("int32", [some.length], some.map((row) => (range ? Math.round((255 * (colour.values[row] - range[0])) / (range[1] - range[0] || 1)) : colour.values[row]))) : null, words: colour && !range ? colour.words.slice(0, 200) : null, low: range?.[0] ?? null, high: range?.[1] ?? null,
        shown: pack("uint8", [some.length], some.map((row) => Number(isShown.has(row)))), title: held.scatter.map ? `Map (${held.scatter.map.toUpperCase()} of pixels)` : `${held.scatter.y} against ${held.scatter.x}`, note: some.length < set.N ? "20,000 of them, drawn at random" : "",
      } : null,
    };
  }
  const marks = { name: "mark", kind: "class", about: "mark", unit: "", help: "marks of your own", words: ["suspicious", "excluded"], low: null, high: null };
  const columns = () => [...set.columns.map(({ values, ...facts }) => ({ ...facts, words: facts.kind === "class" ? facts.words.slice(0, 200) : null, low: null, high: null, missing: facts.kind === "index" ? values.filter((value) => value < 0).length : 0 })), { ...marks, missing: set.N - held.marked.size }];
  const dataset = () => ({ ...set.dataset, columns: columns(), findings: set.dataset.findings.map(({ groups: _, ...rest }) => rest), marks: { suspicious: [...held.marked.values()].filter((mark) => mark === "suspicious").length, excluded: [...held.marked.values()].filter((mark) => mark === "excluded").length } });
  arrange();
  const traits = { dataset: set.dataset ? dataset() : null, view: set.dataset ? view() : null, status: { state: "idle", text: "", work: null, done: null, left: null, stale: null, ...status } };

  const arranging = {
    filter({ query }) {
      try {
        matching(set.columns, set.N, query);
      } catch (error) {
        Object.assign(held, { queryError: error.message, tried: query });
        throw error;
      }
      Object.assign(held, { query, queryError: null, tried: null });
    },
    sort: ({ column, descending }) => void (held.sort = column ? { column, descending } : null),
    group: ({ column }) => void (held.group = column),
    brush: ({ column, low, high, words }) => void (held.brush = column ? { column, low, high, words } : null),
    histogram({ column }) {
      if (held.brush?.column !== column) held.brush = null;
      held.histogram = column;
    },
    scatter: (params) => void (held.scatter = params),
    select({ rows = [], mode = "set", all: every, none }) {
      const now = new Set(mode === "set" ? [] : held.selected);
      for (const row of every ? shown : none ? [] : rows) {
        if (mode === "remove" || (mode === "toggle" && now.has(row))) now.delete(row);
        else now.add(row);
      }
      held.selected = none ? [] : [...now].sort((a, b) => a - b);
    },
    mark({ mark, rows = held.selected }) {
      for (const row of rows) if (mark) held.marked.set(row, mark);
      else held.marked.delete(row);
    },
  };
  const reading = {
    rows({ start, count }) {
      const rows = shown.slice(start, start + Math.min(count, 2000));
      const marks = rows.map((row) => held.marked.get(row) ?? "");
      return { start, rows: pack("int32", [rows.length], rows), columns: [...set.columns.map(({ name }) => name), "mark"], cells: rows.map((row, i) => [...set.columns.map((column) => cellOf(column, row)), marks[i]]) };
    },
    samples: ({ rows }) => ({ batch: batchOfRows(set, rows), rows: pack("int32", [rows.length], rows), errors: {} }),
    groups: ({ kind }) => ({ groups: set.dataset.findings.find((one) => one.kind === kind)?.groups ?? [] }),
    compare({ column }) {
      const bins = binsOf(find(column));
      const own = countsOf(bins, all);
      return { column, ...bins.head, [set.dataset.split]: pack("float64", [own.length], own), [set.dataset.split === "train" ? "validation" : "train"]: pack("float64", [own.length], own.map((value, i) => Math.round(value * (0.2 + 0.05 * (i % 5))))) };
    },
    csv: () => ({ name: "data.csv", text: "index,label\n" }),
    cancel: () => ({}), scan: () => ({}), split: () => ({}), predict: () => ({}),
    human({ n }) {
      held.human = { at: 0, total: n };
      return { words: set.names, total: n, answered: 0 };
    },
    human_next: () => (held.human.at < held.human.total ? { row: held.human.at * 7, index: held.human.at * 7, place: held.human.at, total: held.human.total } : {}),
    human_answer: () => void held.human.at++,
    human_undo: () => void held.human.at--,
    ...works,
  };
  const publish = (model) => {
    arrange();
    model.set("dataset", dataset());
    model.set("view", view());
  };
  function answer({ method, params }, model) {
    try {
      if (refuse[method]) throw new Error(refuse[method]);
      if (arranging[method]) {
        arranging[method](params);
        publish(model);
        return { ok: true, payload: {} };
      }
      if (!reading[method]) return { ok: false, error: `unknown request '${method}'` };
      return { ok: true, payload: reading[method](params) ?? {} };
    } catch (error) {
      if (method === "filter") publish(model);
      return { ok: false, error: error.message };
    }
  }
  return { traits, answer, held, publish };
}
