import assert from "node:assert/strict";
import { test } from "node:test";

import "./page.js";
import { SCENES } from "../harness/forward-scenes.js";
import { onCondition, onLine, onStep } from "../src/forward/breakpoints.js";
import { mostExciting, summedField } from "../src/forward/channel.js";
import { bytes, duration } from "../src/forward/figures.js";
import { original, reduced } from "../src/forward/maps.js";
import { rowFor, rowsOf } from "../src/forward/outline.js";
import { around, describeStep, focusOf, health, linesUsed, outputShape, placeOf, shortName, stepsOf } from "../src/forward/pass.js";
import { colourAt, scaleOf } from "../src/forward/scale.js";
import { moveOf } from "../src/forward/toolbar.js";

const { passed } = SCENES.cnn();
const NONE = { first: 0, steps: [] };
const colour = (scale, value) => [...scale.table.slice(colourAt(scale, value), colourAt(scale, value) + 3)];

test("steps of the pass being stepped stand in the place of those of the untouched run", () => {
  const live = { first: 8, steps: [{ ...passed.steps[8], name: "F.gelu" }] };
  const going = stepsOf(passed, live, "suspended");
  assert.deepEqual([going.length, going[8].name, going[9].name], [17, "F.gelu", "MaxPool2d"]);
  assert.equal(stepsOf(passed, live, "finished").length, 9, "what the other run did beyond the end is left out");
  assert.equal(stepsOf(passed, NONE, "finished").length, 17);
  assert.deepEqual(stepsOf(null, NONE, "ready"), []);
});

test("the panes look at what was chosen, then at the cursor, then at the input or the output", () => {
  const at = (more, selected = null) => focusOf({ selected, passed, exhibit: null, cursor: { state: "suspended", index: 5, reached: 5, view: null, failure: null, ...more } });
  assert.deepEqual([at({}, 2), at({}), at({ view: 3 }), at({ state: "ready", index: null, reached: -1 }), at({ state: "finished", index: null, reached: 16 })], [2, 5, 3, -1, 0]);
  assert.equal(at({ state: "failed", index: null, reached: 9, failure: { step: 7 } }), 7);
});

test("a leaf with one operation is folded, the modules around the cursor are open", () => {
  const rows = rowsOf(passed.steps, new Map(), new Set());
  assert.deepEqual(rows.map((row) => row.index), [-1, 0, 1, 3, 4, 6, 8, 9, 11, 12, 14, 15]);
  assert.deepEqual(rows.filter((row) => row.open === false).map((row) => row.index), [1, 4, 6, 9, 12, 15]);
  assert.deepEqual(rowsOf(passed.steps, new Map(), new Set([4])).map((row) => row.index).slice(4, 7), [4, 5, 6]);
  assert.deepEqual(rowsOf(passed.steps, new Map([[0, false]]), new Set()).map((row) => row.index), [-1, 0]);
  assert.equal(rows[rowFor(rows, passed.steps, 5)].index, 4, "a folded step is found at its module");
  assert.deepEqual(around(passed.steps, 5), [0, 4]);
});

test("rows of one level count their siblings, the input among those of the model", () => {
  const rows = rowsOf(passed.steps, new Map(), new Set());
  assert.deepEqual(rows.slice(0, 3).map(({ level, place, siblings }) => [level, place, siblings]), [[1, 1, 2], [1, 2, 2], [2, 1, 10]]);
});

test("a pass nested deeper than the stack is laid out", () => {
  const steps = Array.from({ length: 20000 }, (_, index) => ({ index, parent: index ? index - 1 : null, depth: index, kind: "module" }));
  assert.equal(rowsOf(steps, new Map(), new Set(steps.map((step) => step.index))).length, 20001);
});

test("health is said in words: dead, NaN, saturated, failed", () => {
  const words = (step, failed = false) => Object.values(health(step, failed)).join(" ");
  assert.equal(words(passed.steps[8]), "▲ warn 38 % dead");
  assert.equal(words(passed.steps[3]), "● ok ");
  assert.equal(words(passed.steps[3], true), "✕ bad failed");
  assert.equal(words(SCENES.hostile().passed.steps[1]), "▲ bad NaN");
  const saturated = SCENES.gpt().passed.steps.find((step) => step.findings[0]?.kind === "saturated");
  assert.equal(words(saturated), "▲ warn 62 % saturated");
});

test("steps are named by their last word, calls are counted, further outputs too", () => {
  const cell = SCENES.many().passed.steps[8];
  assert.deepEqual([shortName(cell), outputShape(cell), shortName(passed.steps[0])], ["cell (call 2)", "(32, 64) and 1 more", "Net"]);
  assert.match(describeStep(passed.steps[8]), /^8: F\.relu, \(64, 8, 8, 8\), mean 0\.21, std 0\.49, min 0, max 2\.6, zeros 81 %, 3 of 8 channels/);
});

test("a step without a line of its own is placed at the nearest step around it", () => {
  const { place, from } = placeOf(passed.steps, passed.steps[5]);
  assert.deepEqual([place.line, from.index], [33, 4]);
  assert.deepEqual([...linesUsed(passed.steps, place.file)], [[32, 2], [33, 4], [34, 1], [35, 2], [36, 1]]);
});

test("white is zero; values all far from zero use the whole scale", () => {
  const [both, up, down, far] = [scaleOf(-1, 3), scaleOf(0, 2), scaleOf(-2, 0), scaleOf(9, 10)];
  for (const scale of [both, up, down]) assert.ok(Math.min(...colour(scale, 0)) > 240);
  assert.deepEqual([both.from, both.to], [-3, 3]);
  assert.ok(colour(both, 3)[0] > colour(both, 3)[2] && colour(both, -3)[2] > colour(both, -3)[0], "red above, blue below");
  assert.deepEqual([far.from, far.to], [9, 10]);
  assert.notDeepEqual(colour(far, 9), colour(far, 10));
  for (const odd of [scaleOf(null, null), scaleOf(NaN, 1), scaleOf(0, 0)]) assert.ok(Math.min(...colour(odd, 0)) > 240);
});

test("places of a plane that was reduced are places of the original, to and fro", () => {
  const view = { planes: { shape: [1, 51, 34] }, size: [101, 67] };
  assert.deepEqual(original(view, { row: 50, column: 33 }), { row: 100, column: 66 });
  assert.deepEqual(reduced(view, { row: 100, column: 66 }), { row: 50, column: 33 });
  assert.deepEqual(original(view, { row: 51, column: 34 }), { row: 101, column: 67 }, "the end of the last block is the end");
});

test("samples that excite a channel most come in order, NaN left out", () => {
  const excited = { shape: [2, 4], data: Float32Array.of(0, 0, 0, 0, 1, NaN, 3, 3) };
  assert.deepEqual(mostExciting(excited, 1).map(({ sample }) => sample), [2, 3, 0]);
});

test("a receptive field is summed over channels and framed", () => {
  const planes = { shape: [2, 3, 4], data: Float32Array.from({ length: 24 }, (_, i) => (i === 5 ? 1 : i === 18 ? -2 : 0)) };
  const { values, box } = summedField(planes);
  assert.deepEqual([values[5], values[6], box], [1, 2, { top: 1, bottom: 1, left: 1, right: 2 }]);
  assert.equal(summedField({ shape: [4], data: new Float32Array(4) }).box, null);
  assert.equal(summedField({ shape: [2, 5], data: new Float32Array(10) }).rows, 2);
});

test("breakpoints are found by what their text says", () => {
  const points = [{ id: 1, text: "dead, from 50% on", on: true }, { id: 2, text: "/a b/net.py:33", on: true }, { id: 3, text: "step 4", on: true }, { id: 4, text: "F.relu", on: true }, { id: 5, text: "conv1", on: true }];
  assert.equal(onCondition(points, "dead").id, 1);
  assert.equal(onCondition(points, "non-finite"), null);
  assert.equal(onLine(points, "/a b/net.py", 33).id, 2);
  assert.equal(onLine(points, "/a b/net.py", 3), null);
  assert.equal(onLine(points, "/a b/other.py", 33), null);
  assert.deepEqual([4, 8, 1, 3, 11].map((index) => onStep(points, passed.steps[index])?.id), [3, 4, 5, 4, undefined]);
});

test("keys of a debugger and their letters mean the same", () => {
  const of = (key, more = {}) => moveOf({ key, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...more });
  assert.deepEqual(["F10", "F11", "F5", "o", "i", "u", "c", "b", "r", "x"].map((key) => of(key)), ["over", "into", "run", "over", "into", "out", "run", "back", "restart", null]);
  assert.deepEqual([of("F11", { shiftKey: true }), of("F5", { shiftKey: true }), of("c", { ctrlKey: true })], ["out", null, null]);
});

test("times and sizes are said in fitting units", () => {
  assert.deepEqual([duration(4.16e-5), duration(0.0123), duration(2), duration(0)], ["41.6 µs", "12.3 ms", "2 s", "0 s"]);
  assert.deepEqual([bytes(1), bytes(2048), bytes(3 * 2 ** 20)], ["1 byte", "2 KiB", "3 MiB"]);
});
