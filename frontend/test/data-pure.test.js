import assert from "node:assert/strict";
import { test } from "node:test";

import { isOutdated } from "../src/data/actions.js";
import { enlarged } from "../src/data/bars.js";
import { binAt, dragged, nearestEdge, nudged, placeOf, valueAt } from "../src/data/brush.js";
import { found } from "../src/data/classbars.js";
import { cellQuery, matrixOf } from "../src/data/confusion.js";
import { placed } from "../src/data/curve.js";
import { oddText } from "../src/data/features.js";
import { shortText, workText } from "../src/data/header.js";
import { keysOf, meant } from "../src/data/labelkeys.js";
import { balanceText } from "../src/data/labels.js";
import { unlabelled } from "../src/data/large.js";
import { isInside, nearestPoint, reach, stepTo, within } from "../src/data/lasso.js";
import { numbersOf, timeText, total } from "../src/data/numbers.js";
import { createPreviews, spread } from "../src/data/previews.js";
import { between } from "../src/data/result.js";
import { LONGEST, PAGE, createRows } from "../src/data/rowcache.js";
import { equals, isNameable, nameText, wordText } from "../src/data/spelling.js";
import { apart } from "../src/data/splits.js";
import { INITIAL, derive, isWrong, mainTarget, tabsOf, targetText, waitingText } from "../src/data/state.js";
import { inOrder } from "../src/data/table.js";
import { TALLEST, heightOf, offsetAt, reveal, rowsInSight, scrollFor, widen } from "../src/data/windows.js";
import { random } from "../harness/records.js";
import { settled } from "./page.js";

const near = (a, b, off = 1e-9) => assert.ok(Math.abs(a - b) <= off, `${a} is not ${b}`);
const column = (name, kind, more = {}) => ({ name, kind, about: "sample", words: null, unit: "", help: "", low: null, high: null, missing: 0, ...more });
const dataset = (more = {}) => ({ serial: 1, name: "D", split: "train", splits: ["train"], total: 10, scanned: 10, complete: true, failed: 0, form: "image", labelKind: "class", hasModel: true, predicted: true, columns: [column("index", "index"), column("label", "class", { words: ["a", "b"] }), column("prediction", "class", { about: "model" })], findings: [], features: [], failures: [], notes: [], marks: { suspicious: 0, excluded: 0 }, ...more });

/** A kernel of rows whose number is their place, answered when a test says so. */
function kernel() {
  const asked = [];
  const ask = (method, params) => new Promise((resolve, reject) => asked.push({ method, params, resolve, reject }));
  const rows = ({ start, count }, offset = 0) => ({ start, rows: Array.from({ length: count }, (_, i) => start + i + offset), columns: ["index"], cells: Array.from({ length: count }, (_, i) => [String(start + i + offset)]) });
  return { asked, ask, rows };
}

test("a short list is as tall as its rows, a long one as tall as browsers allow, and every row of it can be reached", () => {
  for (const count of [10, 1_000_000, 40_000_000]) {
    const list = { count, rowHeight: 42, sight: 480 };
    assert.equal(heightOf(list), Math.min(count * 42, TALLEST));
    const end = heightOf(list) - list.sight;
    for (const row of [0, 5, Math.floor(count / 3), count - 1]) {
      const scrolled = scrollFor(list, reveal(list, row, 0));
      assert.ok(scrolled >= 0 && scrolled <= Math.max(end, 0) + 1e-6, `${row} of ${count}`);
      const { first, last } = rowsInSight(list, offsetAt(list, scrolled));
      assert.ok(first <= row && row < last, `${row} of ${count} lies in ${first} … ${last}`);
    }
    if (count > 100) near(offsetAt(list, end), count * 42 - 480, 1e-3);
  }
});

test("a row in sight is left where it is; one above comes to the top, one below to the bottom", () => {
  const list = { count: 100, rowHeight: 10, sight: 50 };
  assert.deepEqual([reveal(list, 12, 100), reveal(list, 4, 100), reveal(list, 20, 100)], [100, 40, 160]);
  assert.deepEqual(rowsInSight({ count: 0, rowHeight: 10, sight: 50 }, 0), { first: 0, last: 0 });
});

test("columns share out what room is left over, and are never narrower than they want", () => {
  assert.deepEqual(widen([100, 50], 300), [200, 100]);
  assert.deepEqual(widen([100, 50], 90), [100, 50]);
  assert.deepEqual(widen([], 90), []);
});

test("rows come in pages, asked for one answer at a time and only for the latest wish", async () => {
  const { asked, ask, rows } = kernel();
  let arrived = 0;
  const cache = createRows(ask, () => arrived++);
  cache.want(0, 20);
  cache.want(5000, 5020);
  cache.want(900_000, 900_020);
  assert.deepEqual(asked.map((one) => one.params), [{ start: 0, count: PAGE }]);
  asked[0].resolve(rows(asked[0].params));
  await settled();
  assert.equal(cache.at(3).row, 3);
  assert.deepEqual(asked[1].params, { start: Math.floor(900_000 / PAGE) * PAGE, count: PAGE }, "what was passed by is not asked for");
  asked[1].resolve(rows(asked[1].params));
  await settled();
  assert.deepEqual([cache.at(900_010).cells[0], cache.at(5000), arrived, asked.length], ["900010", null, 2, 2]);
  cache.want(0, 20);
  assert.equal(asked.length, 2, "what is there is not asked for again");
});

test("what is kept stays on the page until fresh rows have come; an answer from before is no fresh one", async () => {
  const { asked, ask, rows } = kernel();
  const cache = createRows(ask, () => undefined);
  cache.want(0, 10);
  cache.renew();
  asked[0].resolve(rows(asked[0].params));
  await settled();
  assert.equal(cache.at(0).row, 0, "shown, for there is nothing better");
  assert.equal(asked.length, 2, "and asked for again");
  asked[1].resolve(rows(asked[1].params, 500));
  await settled();
  assert.equal(cache.at(0).row, 500);
  assert.deepEqual(cache.find(503).cells, ["503"]);
  assert.equal(cache.find(3), null);
  cache.renew();
  assert.equal(cache.find(503), null, "what is known of a row is no longer so");
  cache.clear();
  assert.equal(cache.at(0), null);
});

test("rows that cannot be had are not asked for over and over", async () => {
  const { asked, ask } = kernel();
  let arrived = 0;
  const cache = createRows(ask, () => {
    arrived++;
    cache.want(0, 10);
  });
  cache.want(0, 10);
  asked[0].reject(new Error("no such rows"));
  await settled();
  assert.deepEqual([cache.errorAt(4), asked.length, arrived], ["no such rows", 1, 1]);
  cache.renew();
  cache.want(0, 10);
  assert.equal(asked.length, 2, "after a change they are");
});

test("a page shorter than asked for ends the list", async () => {
  const { asked, ask } = kernel();
  const cache = createRows(ask, () => undefined);
  cache.want(0, 70);
  assert.deepEqual(asked[0].params, { start: 0, count: 2 * PAGE });
  asked[0].resolve({ start: 0, rows: { shape: [66], data: Uint32Array.from({ length: 66 }, (_, i) => i) }, columns: ["index"], cells: Array.from({ length: 66 }, (_, i) => [String(i)]) });
  await settled();
  assert.deepEqual([cache.at(65).row, cache.at(66)], [65, null]);
});

test("a range is taken from what is there, the rest of it is asked for, and its length is bounded", async () => {
  const { asked, ask, rows } = kernel();
  const cache = createRows((method, params) => {
    const answer = ask(method, params);
    asked.at(-1).resolve(rows(params));
    return answer;
  }, () => undefined);
  cache.want(0, 10);
  await settled();
  assert.deepEqual(await cache.between(7, 4), [4, 5, 6, 7]);
  assert.equal(asked.length, 1);
  const many = await cache.between(0, 1_000_000);
  assert.equal(many.length, LONGEST);
  assert.ok(many.every((row, i) => row === i));
  assert.ok(asked.every(({ params }) => params.count <= 2000));
});

test("previews are asked for once, for what is wanted now, 48 at a time", async () => {
  const { asked, ask } = kernel();
  const previews = createPreviews(ask, () => undefined);
  const rows = Array.from({ length: 60 }, (_, i) => i);
  previews.want("list", rows);
  previews.want("tip", [7, 1000]);
  assert.equal(asked.length, 1);
  assert.equal(asked[0].params.rows.length, 48);
  previews.want("list", [100, 101]);
  asked[0].resolve({ batch: { size: 47 }, rows: asked[0].params.rows.slice(1), errors: { 0: "OSError: truncated" } });
  await settled();
  assert.deepEqual([previews.get(0).error, previews.get(1).at, previews.get(5).at], ["OSError: truncated", 0, 4]);
  assert.deepEqual(asked[1].params.rows, [100, 101, 1000]);
  asked[1].reject(new Error("the loader is gone"));
  await settled();
  assert.equal(previews.get(101).error, "the loader is gone");
  assert.equal(asked.length, 2);
  previews.retry();
  assert.deepEqual(asked[2].params.rows, [100, 101, 1000]);
});

test("every row that was asked for is answered, also where the kernel forgot one", () => {
  const found = new Map(spread([3, 4, 5], { batch: { size: 1 }, rows: [4], errors: { 5: "ValueError: bad" } }));
  assert.deepEqual([found.get(3).error, found.get(4).error, found.get(5).error], ["no preview came", "", "ValueError: bad"]);
  assert.equal(new Map(spread([3], { batch: null, rows: [], errors: {} })).get(3).error, "no preview came");
});

test("a drag takes in whole bins, at least one, whichever way it goes", () => {
  const edges = [0, 1, 2, 3, 4];
  assert.deepEqual(dragged(10, 10, edges, 400), [0, 1]);
  assert.deepEqual(dragged(350, 120, edges, 400), [1, 4]);
  assert.deepEqual(dragged(-50, 900, edges, 400), [0, 4]);
  assert.deepEqual([binAt(-1, 4, 400), binAt(400, 4, 400), binAt(0, 4, 0)], [0, 3, 0]);
});

test("places and values are each other's inverse, and a histogram of one value has a place", () => {
  const next = random(1);
  for (let i = 0; i < 50; i++) {
    const value = -3 + 8 * next();
    near(valueAt(placeOf(value, [-3, 5], 640), [-3, 5], 640), value);
  }
  assert.equal(placeOf(2, [2, 2], 640), 0);
});

test("keys move an end of the range from edge to edge, and never past the other end", () => {
  const edges = [0, 10, 20, 30, 40];
  assert.deepEqual(nudged([10, 30], 0, "ArrowRight", edges), [20, 30]);
  assert.deepEqual(nudged([20, 30], 0, "ArrowRight", edges), [20, 30]);
  assert.deepEqual(nudged([10, 30], 1, "End", edges), [10, 40]);
  assert.deepEqual(nudged([10, 30], 1, "Home", edges), [10, 20]);
  assert.deepEqual(nudged([10, 30], 0, "PageDown", edges), [0, 30]);
  assert.equal(nudged([10, 30], 0, "x", edges), null);
  assert.equal(nearestEdge(14, edges), 1);
});

test("what is shown is drawn taller only where it would be too small to see", () => {
  assert.deepEqual([enlarged([1000], [500]), enlarged([1000], [3]), enlarged([1000], [0]), enlarged([], [])], [1, 100, 1, 1]);
});

test("a loop holds the points that a circle's formula says, also when it is not convex", () => {
  const next = random(7);
  const xs = Float32Array.from({ length: 2000 }, () => 200 * next());
  const ys = Float32Array.from({ length: 2000 }, () => 200 * next());
  const circle = Array.from({ length: 720 }, (_, i) => [100 + 60 * Math.cos((i * Math.PI) / 360), 90 + 60 * Math.sin((i * Math.PI) / 360)]);
  const inside = new Set(within({ xs, ys }, circle));
  for (let i = 0; i < xs.length; i++) {
    const away = Math.hypot(xs[i] - 100, ys[i] - 90);
    if (Math.abs(away - 60) > 0.01) assert.equal(inside.has(i), away < 60);
  }
  const horseshoe = [[0, 0], [30, 0], [30, 30], [20, 30], [20, 10], [10, 10], [10, 30], [0, 30]];
  assert.deepEqual([isInside(15, 20, horseshoe), isInside(5, 20, horseshoe), isInside(15, 5, horseshoe)], [false, true, true]);
  assert.deepEqual(within({ xs, ys }, [[0, 0], [200, 200]]), [], "a line holds nothing");
});

test("the nearest point is the one that all others are farther than, and nothing is near in an empty place", () => {
  const next = random(3);
  const xs = Float32Array.from({ length: 300 }, () => 100 * next());
  const ys = Float32Array.from({ length: 300 }, () => 100 * next());
  const at = nearestPoint({ xs, ys }, 50, 50, 100);
  const distances = [...xs].map((x, i) => Math.hypot(x - 50, ys[i] - 50));
  assert.equal(distances[at], Math.min(...distances));
  assert.equal(nearestPoint({ xs, ys }, 500, 500, 10), -1);
});

test("arrow keys lead to the next point that way, and stay where there is none", () => {
  const points = { xs: [0, 10, 20, 10], ys: [0, 0, 0, -10] };
  assert.deepEqual([stepTo(points, -1, "ArrowRight"), stepTo(points, 0, "ArrowRight"), stepTo(points, 1, "ArrowUp"), stepTo(points, 2, "ArrowRight"), stepTo(points, 0, "x")], [0, 1, 3, 2, null]);
  assert.equal(stepTo({ xs: [], ys: [] }, -1, "ArrowUp"), null);
});

test("the frame of points holds all that are finite; of none, or of one value, there is a frame, too", () => {
  const [low, high] = reach([3, NaN, 7, Infinity]);
  assert.ok(low < 3 && high > 7 && high < 8);
  assert.deepEqual(reach([]), [0, 1]);
  const one = reach([5, 5]);
  assert.ok(one[0] < 5 && one[1] > 5);
});

test("words and names are spelled so that a query reads them as they are", () => {
  assert.equal(equals("label", "cat"), "label == 'cat'");
  assert.equal(wordText("it's"), '"it\'s"');
  assert.equal(wordText('a"b\\c\n'), '"a\\"b\\\\c\\n"');
  assert.equal(wordText("größe"), "'größe'");
  assert.deepEqual(["mean", "class", "my column", "2nd", "größe"].map(nameText), ["mean", "`class`", "`my column`", "`2nd`", "`größe`"]);
  assert.deepEqual([isNameable("a b"), isNameable("a`b"), isNameable("a\nb")], [true, false, false]);
  assert.equal(cellQuery("a' or True or '", "b"), "label == \"a' or True or '\" and prediction == 'b'");
});

test("panels that mean nothing for the data are not there, and the one that is looked at stays if it may", () => {
  assert.deepEqual(tabsOf(null), ["charts", "findings"]);
  assert.deepEqual(tabsOf(dataset({ hasModel: false, labelKind: "", columns: [column("index", "index")] })), ["charts", "findings"]);
  const all = tabsOf(dataset({ splits: ["train", "validation"], features: [{}] }));
  assert.deepEqual(all, ["charts", "findings", "labels", "features", "splits", "confusion", "slices", "outputs", "issues", "baselines", "human", "decomposition"]);
  const numbers = tabsOf(dataset({ columns: [column("label", "number")], labelKind: "regression" }));
  assert.deepEqual(["confusion", "issues", "human"].filter((tab) => numbers.includes(tab)), []);
  const state = derive({ ...INITIAL, tab: "confusion", dataset: dataset() }, INITIAL);
  assert.equal(state.tab, "confusion");
  assert.equal(derive({ ...state, dataset: dataset({ hasModel: false }) }, state).tab, "charts");
});

test("a selection that came again is the same object", () => {
  const view = (rows) => ({ selected: { shape: [rows.length], data: Uint32Array.from(rows) } });
  const first = derive({ ...INITIAL, view: view([1, 2]) }, INITIAL);
  assert.deepEqual([...first.selected], [1, 2]);
  assert.equal(derive({ ...first, view: view([2, 1]) }, first).selected, first.selected);
  assert.notEqual(derive({ ...first, view: view([2, 3]) }, first).selected, first.selected);
});

test("a prediction is wrong where its words differ from the label's, and nothing is said of numbers", () => {
  const columns = ["index", "label", "prediction"];
  assert.equal(isWrong(dataset(), columns, ["1", "a", "b"]), true);
  assert.equal(isWrong(dataset(), columns, ["1", "a", "a"]), false);
  assert.equal(isWrong(dataset(), columns, ["1", "a", ""]), null);
  assert.equal(isWrong(dataset(), ["index"], ["1"]), null);
  const numbers = dataset({ columns: [column("label", "number"), column("prediction", "number")] });
  assert.equal(isWrong(numbers, columns, ["1", "3", "4"]), null);
  const heads = dataset({ columns: [column("label", "text"), column("prediction", "class")] });
  assert.equal(isWrong(heads, columns, ["1", "style 1 · price 3", "brick"]), null);
  assert.equal(isWrong(heads, [...columns, "correct"], ["1", "style 1 · price 3", "brick", "✓"]), false);
  assert.equal(isWrong(heads, [...columns, "correct"], ["1", "style 1 · price 3", "brick", "✕"]), true);
});

test("columns that are read most stand first, and those that say nothing last", () => {
  const own = dataset({ columns: [column("index", "index"), column("shape", "class", { words: ["(8,)"] }), column("mean", "number", { about: "input" }), column("label", "class"), column("loss", "number", { about: "model" }), column("near", "index", { about: "finding" })] });
  const names = own.columns.map(({ name }) => name);
  assert.deepEqual(inOrder({ dataset: own, view: null }, names), ["index", "label", "loss", "near", "mean", "shape"]);
  assert.deepEqual(inOrder({ dataset: own, view: { sort: { column: "mean" } } }, names).slice(0, 4), ["index", "label", "loss", "mean"]);
});

test("what is under way is told with its share and its time, and a waiting request with what it waits for", () => {
  const state = (status, more = {}) => ({ ...INITIAL, dataset: dataset(), status: { ...INITIAL.status, ...status }, ...more });
  assert.equal(workText(state({ work: "scan", state: "busy", text: "scans", done: 0.437, left: 12.2 })), "scanned 43 % · 12 s left");
  assert.equal(workText(state({ work: "predict", state: "busy", text: "predicts", done: 0.5, left: null })), "predicts 50 %");
  assert.equal(workText(state({})), "scanned 100 %");
  assert.equal(workText(state({}, { dataset: dataset({ complete: false, total: 40 }) })), "scanned 25 %");
  assert.equal(workText(state({}, { late: ["samples"] })), "previews: waits for the running cell");
  assert.equal(waitingText(state({ work: "scan" }, { late: ["samples"] })), "", "the work is told instead");
  assert.equal(workText(state({ state: "closed" })), "");
  assert.deepEqual([timeText(0.2), timeText(12.4), timeText(200), timeText(8000)], ["under 1 s", "12 s", "3 min", "2.2 h"]);
});

test("an answer is outdated when the data have changed since, and not while they are being scanned", () => {
  const answer = { payload: {}, error: null, serial: 1 };
  assert.equal(isOutdated({ ...INITIAL, dataset: dataset({ serial: 1 }) }, answer), false);
  assert.equal(isOutdated({ ...INITIAL, dataset: dataset({ serial: 2 }) }, answer), true);
});

test("findings, features and balance are told in few words", () => {
  const finding = (kind, count) => ({ kind, level: "warn", text: "", count, query: "" });
  assert.deepEqual([shortText(finding("duplicates", 12)), shortText(finding("duplicates", 1)), shortText(finding("in both splits", 5)), shortText(finding("order", 0))], ["12 duplicates", "1 duplicate", "5 in both splits", "order"]);
  const facts = { name: "a", mean: 0, std: 0, low: 0, high: 0, missing: 0, constant: false, same_as: "" };
  assert.deepEqual([oddText(facts), oddText({ ...facts, constant: true, missing: 0.5 }), oddText({ ...facts, same_as: "b" })], ["", "constant, 50.0 % missing", "same as b"]);
  assert.deepEqual([balanceText([3, 3, 0]), balanceText([1, 500]), balanceText([4]), balanceText([])], ["3 samples of each label.", "1 to 500 samples of a label.", "All samples have the same label.", "There are no labels."]);
  assert.deepEqual([between("1.0 %", "2.0 %"), between("1", "2 %"), between("3", "4")], ["1.0 … 2.0 %", "1 … 2 %", "3 … 4"]);
});

test("shares of two splits lie apart by half of what differs", () => {
  near(apart([10, 10], [1, 1]), 0);
  near(apart([10, 0], [0, 7]), 1);
  near(apart([3, 1], [1, 1]), 0.25);
  near(apart([], []), 0);
});

test("counts come packed, as lists, or not at all", () => {
  assert.deepEqual([...numbersOf({ shape: [2], data: Float32Array.of(1, 2) })], [1, 2]);
  assert.deepEqual(numbersOf([3]), [3]);
  assert.deepEqual(numbersOf(null), []);
  assert.equal(total([1, 2, 3]), 6);
  assert.deepEqual(matrixOf({ words: ["a", "b"], counts: { shape: [2, 2], data: Int32Array.of(1, 2, 3, 4) } }), [[1, 2], [3, 4]]);
});

test("of 10,000 words those are found that hold what is searched, in capitals or not", () => {
  const bars = Array.from({ length: 10000 }, (_, i) => ({ word: `Class ${i}`, whole: 1, part: 1 }));
  assert.equal(found(bars, "class 999").length, 11);
  assert.equal(found(bars, "").length, 10000);
  assert.equal(found(bars, "zebra").length, 0);
});

test("labels have keys where there are enough, and what is typed means one of them or none", () => {
  assert.deepEqual(keysOf(["cat", "dog"]), ["1", "2"]);
  assert.deepEqual(keysOf(["0", "1", "cat", "B", "1"]), ["0", "1", "2", "b", "3"]);
  assert.equal(keysOf(Array.from({ length: 35 }, (_, i) => `class ${i}`)).at(-1), "z");
  assert.deepEqual(keysOf(Array.from({ length: 36 }, String)), []);
  const words = ["cat", "car", "dog", "Dog"];
  assert.deepEqual(["cat", "d", "ca", "dog", "DOG", "", "x", "Dog"].map((text) => meant(words, text)), [0, -1, -1, 2, -1, -1, -1, 3]);
});

test("a batch that is shown to be labelled tells no label", () => {
  const batch = { batch: {}, inputs: [1], targets: [2], labels: {}, masks: {}, boxes: {}, predictions: {}, correct: {}, losses: {}, notes: [] };
  const hidden = unlabelled(batch);
  assert.deepEqual([hidden.labels, hidden.predictions, hidden.correct, hidden.losses, hidden.masks, hidden.boxes, hidden.targets], [null, null, null, null, null, null, []]);
  assert.deepEqual(hidden.inputs, [1]);
});

test("a learning curve's points stand in order, with what has no score left out", () => {
  const { points } = placed({ sizes: [10, 100, 1000], scores: [0.5, NaN, 0.9], low: [0.4, NaN, 0.8], high: [0.6, NaN, 1] });
  assert.equal(points.length, 2);
  assert.ok(points[0].x < points[1].x && points[0].y > points[1].y);
  assert.equal(placed({ sizes: [], scores: [], low: [], high: [] }).points.length, 0);
});

test("of several targets each is told with its name, and the prediction is judged as Python judges it", () => {
  const target = (name, kind) => column(name, kind, { about: "target", words: kind === "class" ? ["a", "b"] : null });
  const several = dataset({ columns: [column("index", "index"), target("note", "text"), target("kind", "class"), target("age", "number"), column("prediction", "class", { about: "model" }), column("correct", "flag", { about: "model" })] });
  const row = (correct) => ({ columns: several.columns.map(({ name }) => name), cells: ["3", "", "a", "0.5", "b", correct] });
  assert.equal(targetText(several, row("")), "kind a · age 0.5");
  assert.equal(mainTarget(several).name, "kind");
  assert.deepEqual(["✕", "✓", ""].map((correct) => isWrong(several, row(correct).columns, row(correct).cells)), [true, false, null]);
  assert.equal(targetText(dataset({ columns: [target("label", "class")] }), { columns: ["label"], cells: ["b"] }, "label "), "label b");
  const order = inOrder({ dataset: several, view: null }, several.columns.map(({ name }) => name));
  assert.deepEqual(order.slice(0, 5), ["index", "note", "kind", "age", "prediction"]);
});
