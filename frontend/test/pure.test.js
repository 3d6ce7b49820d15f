import assert from "node:assert/strict";
import { test } from "node:test";

import { classColour, colourScale } from "../src/colour.js";
import { runs, span, stretch } from "../src/envelope.js";
import { sequence } from "../src/fetched.js";
import { countInto, ends, extent } from "../src/histogram.js";
import { fit, layOut, move, scrollTo, visibleRows } from "../src/layout.js";
import { brief, figure, integral, shape, share, shorten, shortenName } from "../src/numbers.js";
import { arrange, carries, classCounts } from "../src/order.js";
import { rowName, rowsOf } from "../src/statistics.js";
import { standing } from "../src/table.js";
import { visible } from "../src/tokens.js";
import { half, unpack } from "../src/unpack.js";
import { WHOLE, pan, pixelAt, zoomAt } from "../src/zoom.js";
import { batchOf, finding, labels, pack, random, targets, tensor } from "../harness/records.js";

test("figures keep four digits, say what is no number, and write a true minus", () => {
  const table = [
    [0, false, "0.000"], [0, true, "0"], [16, false, "16.00"], [-2.5, false, "−2.500"], [1039, true, "1,039"], [4.5, true, "4.500"],
    [NaN, false, "NaN"], [Infinity, false, "+Inf"], [-Infinity, true, "−Inf"], [1234567, false, "1.23e+6"], [0.00001, false, "1.00e−5"], [12345.6, false, "12,346"],
  ];
  for (const [value, integer, text] of table) assert.equal(figure(value, integer), text);
  assert.equal(brief(5.0912), "5.09");
  assert.equal(brief(-0.00012), "−1.2e−4");
});

test("shares are percentages that never hide a few behind 0 %", () => {
  assert.deepEqual([share(0, 10), share(45, 100), share(1, 1e6), share(9999, 1e4), share(10, 10), share(1, 0)], ["0 %", "45.0 %", "<0.1 %", "99.9 %", "100 %", "–"]);
});

test("shapes are written as Python writes them, with ? for an axis of many lengths", () => {
  assert.deepEqual([shape([64]), shape([64, 1, null, 8]), shape([])], ["(64,)", "(64, 1, ?, 8)", "()"]);
  assert.deepEqual([integral("uint8"), integral("bool"), integral("float16")], [true, true, false]);
  assert.equal(shorten("x".repeat(10000), 500).length, 500);
  assert.equal(shortenName("distilbert.transformer.layer.1.attention.q_lin", 28), "…mer.layer.1.attention.q_lin");
  assert.equal(shortenName("a sentence that ends with a stop. And more", 12), "a sentence …");
  assert.equal(shortenName("layer.1", 28), "layer.1");
});

test("packed arrays are read whatever their alignment, in traits and in messages", () => {
  const bytes = new Uint8Array(17);
  new Float32Array(bytes.buffer.slice(0, 0));
  const view = new DataView(bytes.buffer, 1, 16);
  [1.5, -2, NaN, Infinity].forEach((value, i) => view.setFloat32(4 * i, value, true));
  const trait = unpack({ a: [{ dtype: "float32", shape: [4], data: view }], b: null, c: "text" });
  assert.deepEqual([...trait.a[0].data], [1.5, -2, NaN, Infinity]);
  assert.deepEqual([trait.b, trait.c], [null, "text"]);
  const message = unpack({ values: { dtype: "float32", shape: [2, 2], buffer: 1 } }, [new ArrayBuffer(0), view]);
  assert.deepEqual(message.values.shape, [2, 2]);
  assert.equal(message.values.data[0], 1.5);
  assert.deepEqual([...unpack(pack("bool", [2], [1, 0])).data], [1, 0]);
  assert.throws(() => unpack({ dtype: "quaternion", shape: [1], data: view }), /quaternion/);
});

test("half precision is decoded as IEEE 754 says", () => {
  assert.deepEqual([0x3c00, 0xc000, 0x0001, 0x7c00, 0x7bff, 0x3555].map(half), [1, -2, 2 ** -24, Infinity, 65504, 0.333251953125]);
  assert.ok(Number.isNaN(half(0x7e00)));
});

test("the virtual grid fills the width and builds only the rows in sight", () => {
  const layout = layOut({ width: 100, count: 25, cellWidth: 20, cellHeight: 30, gap: 5 });
  assert.deepEqual([layout.columns, layout.rows, layout.rowHeight], [4, 7, 35]);
  assert.ok(Math.abs(layout.columns * 20 + (layout.columns - 1) * layout.gap - 100) < 1e-9);
  assert.deepEqual(visibleRows(layout, 70, 35, 0), { first: 2, last: 3 });
  assert.deepEqual(visibleRows(layout, 0, 1e6), { first: 0, last: 7 });
  assert.deepEqual(visibleRows({ ...layout, rows: 0 }, 900, 100), { first: 0, last: 0 });
});

test("keys move over the grid as in a spreadsheet and stop at its edges", () => {
  const grid = { columns: 4, count: 10, page: 2 };
  const table = [
    ["ArrowLeft", false, 0, 0], ["ArrowRight", false, 3, 4], ["ArrowRight", false, 9, 9], ["ArrowUp", false, 2, 2], ["ArrowUp", false, 6, 2], ["ArrowDown", false, 1, 5],
    ["ArrowDown", false, 6, 9], ["ArrowDown", false, 9, 9], ["Home", false, 6, 4], ["End", false, 4, 7], ["End", false, 8, 9], ["Home", true, 6, 0], ["End", true, 0, 9],
    ["PageDown", false, 1, 9], ["PageDown", false, 3, 7], ["PageUp", false, 9, 1], ["x", false, 3, null],
  ];
  assert.equal(move("ArrowDown", false, 4, { columns: 4, count: 8, page: 1 }), 4);
  for (const [key, whole, from, to] of table) assert.equal(move(key, whole, from, grid), to, `${key} from ${from}`);
});

test("scrolling goes no further than needed to show a row", () => {
  const layout = layOut({ width: 100, count: 25, cellWidth: 20, cellHeight: 30, gap: 5 });
  assert.deepEqual([scrollTo(layout, 1, 0, 100), scrollTo(layout, 0, 50, 100), scrollTo(layout, 5, 0, 100)], [0, 0, 105]);
});

test("pictures keep their proportions, thin ones stay visible", () => {
  assert.deepEqual(fit(80, 8, 8), { width: 80, height: 80 });
  assert.deepEqual(fit(80, 20, 40), { width: 80, height: 40 });
  assert.deepEqual(fit(80, 1, 400), { width: 80, height: 16 });
});

test("zooming keeps the point under the pointer, panning stays inside, pixels are found through both", () => {
  const near = zoomAt(WHOLE, 4, 0.25, 0.75);
  assert.deepEqual(pixelAt(near, 0.25, 0.75, 100, 100), pixelAt(WHOLE, 0.25, 0.75, 100, 100));
  assert.deepEqual(pan(near, -100, 100), { scale: 4, x: 0, y: 0.75 });
  assert.deepEqual(zoomAt(near, 0.01, 0.5, 0.5), { scale: 1, x: 0, y: 0 });
  assert.deepEqual(pixelAt(WHOLE, 1, 1, 8, 8), { row: 7, column: 7 });
});

test("values are counted into bins as a plain search over the edges counts them", () => {
  const next = random(1);
  const edges = Float64Array.from({ length: 11 }, (_, i) => -1 + 0.2 * i);
  const values = [...Array.from({ length: 500 }, () => 3 * next() - 1.5), ...edges, NaN, Infinity];
  const expected = new Array(10).fill(0);
  for (const value of values) {
    for (let bin = 0; bin < 10; bin++) if (value >= edges[bin] && (value < edges[bin + 1] || (bin === 9 && value === edges[10]))) expected[bin]++;
  }
  assert.deepEqual([...countInto(values, edges)], expected);
  assert.deepEqual([...countInto([2, 2], [2, 2])], [2]);
});

test("colours stand about 0 for numbers of both signs and run from end to end for one sign", () => {
  const both = colourScale(-1, 3);
  assert.deepEqual([both.diverging, both.from, both.to], [true, -3, 3]);
  assert.deepEqual(both.colour(0), [248, 248, 246]);
  const light = ([r, g, b]) => 0.299 * r + 0.587 * g + 0.114 * b;
  const one = colourScale(2, 6);
  const steps = Array.from({ length: 20 }, (_, i) => light(one.colour(2 + (4 * i) / 19)));
  assert.ok(steps.every((step, i) => i === 0 || step > steps[i - 1]));
  assert.equal(new Set(Array.from({ length: 40 }, (_, i) => classColour(i).join())).size, 40);
});

test("series: the span ignores NaN, gaps split runs, a point tells its steps", () => {
  const series = { low: { shape: [1, 2, 3], data: new Float32Array([NaN, 1, 2, -5, 0, 0]) }, high: { shape: [1, 2, 3], data: new Float32Array([NaN, 4, 2, 7, 0, 0]) } };
  assert.deepEqual(span(series, null), { low: -5, high: 7 });
  assert.deepEqual(span(series, 0), { low: 1, high: 4 });
  assert.deepEqual(runs([NaN, 1, 2, NaN, 3]), [[1, 3], [4, 5]]);
  assert.deepEqual([stretch(0, 10, 100), stretch(9, 10, 100), stretch(3, 10, 10)], [{ first: 0, last: 9 }, { first: 90, last: 99 }, { first: 3, last: 3 }]);
});

test("a fetched series is read with steps first or channels first, by its shape", () => {
  const series = { total_channels: 2, channels: ["a", "b"], length: 3 };
  const planar = sequence(series, { shape: [2, 3], data: new Float32Array([1, 2, 3, 4, 5, 6]) });
  const woven = sequence(series, { shape: [3, 2], data: new Float32Array([1, 4, 2, 5, 3, 6]) });
  assert.deepEqual([...planar.low.data], [...woven.low.data]);
  assert.equal(sequence(series, { shape: [4], data: new Float32Array(4) }), null);
});

function shuffled() {
  const y = [2, 0, 1, 0];
  const x = [[3], [1], [2], [NaN]];
  return batchOf(4, [tensor("x", "input", "float32", [4, 1], [x.flat()], x), targets(y, 3)], [], { labels: labels("y", y, ["a", "b", "c"]), losses: pack("float64", [4], [0.5, NaN, 2, 1]) });
}

test("samples are sorted by index, label, mean and loss, both ways, NaN last", () => {
  const batch = unpack(shuffled());
  const by = (sort, descending = false) => arrange(batch, { sort, descending, label: "", only: null }, "x");
  assert.deepEqual(by("index"), [0, 1, 2, 3]);
  assert.deepEqual(by("index", true), [3, 2, 1, 0]);
  assert.deepEqual(by("label"), [1, 3, 2, 0]);
  assert.deepEqual(by("mean", true), [0, 2, 1, 3]);
  assert.deepEqual(by("loss"), [0, 3, 2, 1]);
  assert.deepEqual(by("loss", true), [2, 3, 0, 1]);
});

test("filters by label count what they let through, for several and soft labels too", () => {
  const batch = unpack(shuffled());
  assert.deepEqual(classCounts(batch.labels), [{ name: "a", count: 2 }, { name: "b", count: 1 }, { name: "c", count: 1 }]);
  assert.deepEqual(arrange(batch, { sort: "index", descending: false, label: "a", only: null }, "x"), [1, 3]);
  assert.deepEqual(arrange(batch, { sort: "index", descending: false, label: "a", only: { samples: [0, 3] } }, "x"), [3]);
  assert.ok(carries({ kind: "multilabel", text: ["cat, dog"], classes: [] }, 0, "dog"));
  assert.ok(carries({ kind: "soft", text: ["cat 0.83"], classes: [] }, 0, "cat"));
  assert.ok(!carries({ kind: "class", text: ["cat 0.83"], classes: [] }, 0, "cat"));
});

test("rows of statistics are named as one would index them, and folded beyond 16 without hiding what warns", () => {
  const rows = Array.from({ length: 30 }, () => [1]);
  const record = unpack(tensor("x", "input", "float32", [4, 30], rows, null, { axis: "channel", findings: [finding("warn", "constant", "constant", 25)] }));
  assert.equal(rowName(record, 3), "x[:, 3]");
  assert.equal(rowsOf(record, false).length, 17);
  assert.ok(rowsOf(record, false).includes(25));
  assert.equal(rowsOf(record, true).length, 30);
  assert.equal(rowName({ ...record, statistics: { ...record.statistics, axis: "all" } }, 0), "x");
});

test("a feature's standing runs from −1 to 1 and is 0 where the feature is constant", () => {
  assert.deepEqual([standing(1, { low: 1, high: 5 }), standing(5, { low: 1, high: 5 }), standing(3, { low: 3, high: 3 })], [-1, 1, 0]);
});

test("white space in tokens can be seen", () => {
  assert.deepEqual([visible(" a"), visible("\n"), visible(""), visible("a b")], ["␣a", "↵", "∅", "a b"]);
});

test("bins of whole numbers are named by the numbers that they hold", () => {
  assert.deepEqual(extent(-0.5, 16.5), [0, 16]);
  assert.deepEqual(extent(2.5, 3.5), [3, 3]);
  assert.deepEqual(extent(-1.25, 0.75), [-1.25, 0.75]);
});

test("an axis ends at the greatest value, where the last bin reaches beyond it", () => {
  assert.deepEqual(ends([0.5, 2.5, 4.5, 6.5], 5), [1, 5], "bins of two whole numbers each");
  assert.deepEqual(ends([0.5, 2.5, 4.5, 6.5], 6), [1, 6]);
  assert.deepEqual(ends([-0.5, 0.5, 1.5, 2.5], 0), [0, 2], "bars of another row go on");
  assert.deepEqual(ends([0, 1, 2], NaN), [0, 2]);
});
