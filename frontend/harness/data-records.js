// Made-up data sets in the shape of the real records.

import { digits } from "./dynamics-records.js";
import { batchOf, labels, pack, random } from "./records.js";

const gauss = (next) => next() + next() + next() + next() - 2;
const f32 = (values, shape) => pack("float32", shape, values);
export const HOSTILE = "<img src=x onerror=alert(1)>";
const WORDS = "the of and a to in is was it for on are as with his they at be this from or had by but what some we can out other were all there when up use your how said an each she which do their time if will way about many then them write would like so these her long make thing see him two has look more day could go come did number sound no most people my over know water than call first who may down side been now find".split(" ");
const WINE = ["alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids", "proline", "constant", "alcohol copy"];

export const column = (name, kind, values, more = {}) => ({ name, kind, values, about: "sample", words: null, unit: "", help: `what ${name} is`, ...more });

/** Columns of a data set with classes, and, where asked for, of what a network makes of it. */
function columnsOf(N, names, next, { predicted, text }) {
  const C = names.length;
  const own = Array.from({ length: N }, (_, n) => (C > 50 ? Math.floor(next() * C) : n % C));
  const wrong = own.map((_, n) => n % 23 === 4);
  const guess = own.map((c, n) => (wrong[n] ? (c + 3) % C : c));
  const loss = wrong.map((bad) => (bad ? 1 + 3 * next() : 0.002 + 0.25 * next() ** 3));
  const duplicate = own.map((_, n) => (n % 150 === 5 && n > 20 ? n - 17 : -1));
  return [
    column("index", "index", own.map((_, n) => n), { help: "the place in the data set" }),
    column("shape", "class", own.map(() => 0), { words: ["(1, 8, 8)"] }),
    ...(text ? [column("text", "text", own.map((_, n) => n), { words: text, help: "the first 200 characters" })] : []),
    column("min", "number", own.map(() => 0), { about: "input" }),
    column("mean", "number", own.map((c) => 4 + 0.2 * c + 0.3 * gauss(next)), { about: "input" }),
    column("std", "number", own.map(() => 5.5 + 0.5 * gauss(next)), { about: "input" }),
    column("max", "number", own.map(() => 14 + Math.floor(3 * next())), { about: "input" }),
    column("zeros", "number", own.map(() => 0.4 + 0.1 * gauss(next)), { about: "input" }),
    column("label", "class", own, { about: "target", words: names }),
    column("duplicate", "index", duplicate, { about: "finding", help: "the earliest sample with equal input and label" }),
    column("outlier", "number", own.map(() => Math.abs(2 * gauss(next))), { about: "finding", help: "largest robust z-score over the numeric columns" }),
    ...(predicted
      ? [
          column("prediction", "class", guess, { about: "model", words: names }),
          column("confidence", "number", wrong.map((bad) => (bad ? 0.5 + 0.4 * next() : 0.9 + 0.1 * next())), { about: "model" }),
          column("loss", "number", loss, { about: "model", help: "cross-entropy of each sample" }),
          column("correct", "flag", wrong.map((bad) => !bad), { about: "model" }),
        ]
      : []),
  ];
}

const finding = (kind, level, text, count, query = "", groups = []) => ({ kind, level, text, count, query, groups });

/** A set of so many samples, with all that the fake kernel needs of it. */
export function dataSet({ N = 1797, names = Array.from({ length: 10 }, (_, c) => String(c)), form = "image", predicted = true, split = "train", more = {}, seed = 4 } = {}) {
  const next = random(seed);
  const text = form === "text" ? Array.from({ length: N }, (_, n) => Array.from({ length: 8 + (n % 9) }, () => WORDS[Math.floor(next() * WORDS.length)]).join(" ")) : null;
  const columns = columnsOf(N, names, next, { predicted, text });
  const places = new Map(names.map((_, c) => [c, [gauss(next) * 3, gauss(next) * 3]]));
  const label = columns.find(({ name }) => name === "label").values;
  const points = label.map((c) => places.get(c).map((at) => at + 0.6 * gauss(next)));
  const pairs = columns.find(({ name }) => name === "duplicate").values.flatMap((other, n) => (other >= 0 ? [[other, n]] : []));
  return {
    N, form, columns, text, points, names, seed,
    dataset: {
      serial: 1, name: "TensorDataset", split, splits: ["train", "validation"], total: N, scanned: N, complete: true, failed: 0, form, labelKind: "class", hasModel: true, predicted,
      findings: [
        finding("duplicates", "warn", `${pairs.length} samples have the same input and label as an earlier one: ${pairs.slice(0, 3).map((pair) => pair.join(" = ")).join(", ")}, …`, pairs.length, "duplicate.notna()", pairs),
        finding("conflicting labels", "warn", "3 samples have the input of another with a different label.", 3, "conflict.notna()", [[1, 2], [5, 9]]),
        finding("in both splits", "warn", "5 samples are in the validation data, too.", 5, "other_split.notna()"),
        finding("outliers", "note", "9 samples lie far from all others.", 9, "outlier > 3.2"),
        finding("imbalance", "ok", `${names.length} labels, balanced.`, 0),
        finding("order", "note", "Samples are sorted by label in stretches: shuffle the loader.", 0),
      ],
      features: [], failures: [], notes: [], marks: { suspicious: 0, excluded: 0 }, ...more,
    },
  };
}

/** The features of a table, some of them of no use. */
export const wineFeatures = () => WINE.map((name, i) => ({ name, mean: 13 - i, std: i === 8 ? 0 : 0.8, low: 11 - i, high: 14.8 - i, missing: i === 1 ? 0.02 : 0, constant: i === 8, same_as: i === 9 ? "alcohol" : "" }));

/** What decoders make of some rows of a set. */
export function batchOfRows({ form, columns, text, names, seed }, rows) {
  const label = columns.find(({ name }) => name === "label").values;
  const classes = rows.map((row) => label[row]);
  const N = rows.length;
  const own = rows.map((row) => random(seed * 7919 + row));
  const record = { indices: rows, size: N };
  const rest = { labels: labels("y", classes, names), record };
  if (form === "text") return batchOf(N, [], [tokensOf(rows.map((row) => text[row].split(" ")))], rest);
  if (form === "series") {
    const low = own.flatMap((next, n) => Array.from({ length: 60 }, (_, i) => Math.sin(i / (3 + classes[n])) + 0.3 * gauss(next)));
    return batchOf(N, [], [{ decoder: "series", name: "x", low: f32(low, [N, 1, 60]), high: f32(low, [N, 1, 60]), channels: ["0"], total_channels: 1, length: 60, sample_rate: null }], rest);
  }
  if (form === "table") {
    const values = own.flatMap((next, n) => WINE.map((_, f) => classes[n] + gauss(next) + f));
    return batchOf(N, [], [{ decoder: "table", name: "x", values: f32(values, [N, WINE.length]), features: WINE, total_features: WINE.length }], rest);
  }
  const item = digits(classes, own[0] ?? random(1));
  return batchOf(N, [], [item], rest);
}

function tokensOf(texts) {
  const pieces = [...new Set(texts.flat())];
  const T = Math.max(...texts.map((words) => words.length));
  const flat = texts.flatMap((words) => Array.from({ length: T }, (_, t) => pieces.indexOf(words[t] ?? words[0])));
  const attended = texts.flatMap((words) => Array.from({ length: T }, (_, t) => Number(t < words.length)));
  return { decoder: "text", name: "ids", ids: pack("int32", [texts.length, T], flat), pieces, index: pack("int32", [texts.length, T], flat), special: pack("bool", [texts.length, T], flat.map(() => 0)), attended: pack("bool", [texts.length, T], attended), length: T, source: "tokenizer" };
}
