import assert from "node:assert/strict";
import { test } from "node:test";

import "./page.js";
import { SCENES } from "../harness/sanity-scenes.js";
import { DEAD, DEPTH, healthy, result } from "../harness/sanity-records.js";
import { bandIn, bandText, domainOf, placeIn, tickText, ticksOf } from "../src/sanity/axis.js";
import { isOutside } from "../src/sanity/bars.js";
import { prose } from "../src/sanity/prose.js";
import { codeToCopy } from "../src/sanity/remedy.js";
import { at, counts, diagnosisOf, standing, taskLine } from "../src/sanity/words.js";
import { derive } from "../src/sanity.js";

const NONE = { catalogue: [], record: null, progress: null, status: { state: "idle", text: "", stale: null }, results: new Map(), chosen: null, selected: null, why: false, pending: [], stuck: false, failure: null };
const stateOf = (scene) => derive({ ...NONE, progress: null, ...scene }, NONE);

test("an axis holds all values and the band in which they are expected", () => {
  const lines = domainOf([2.3, 1.46, NaN, Infinity], [null, 0.5], false);
  assert.ok(lines.low <= 0.5 && lines.high >= 2.3);
  const far = domainOf([1, 2], [null, 1e9], false);
  assert.ok(far.high < 10, "a bound that is far off does not squeeze the values");
  const log = domainOf([1e-8, 1e-2, 0, -1], [1e-3, 10], true);
  assert.ok(log.low <= 1e-8 && log.low > 0 && log.high >= 10);
  assert.deepEqual(domainOf([], [null, null], true), { low: 0.1, high: 1, log: true });
  const same = domainOf([3, 3], [null, null], false);
  assert.ok(same.low < 3 && same.high > 3);
  assert.equal(domainOf([0.2, 0.9], [null, null], false, true).low, 0);
});

test("places are even on a linear axis, even in powers on a logarithmic one, and never off it", () => {
  const linear = placeIn({ low: 0, high: 10, log: false }, 100, 200);
  assert.deepEqual([0, 5, 10, -3, 40].map(linear), [100, 150, 200, 100, 200]);
  const log = placeIn({ low: 0.01, high: 100, log: true }, 0, 400);
  assert.deepEqual([0.01, 1, 100, 0].map((value) => Math.round(log(value))), [0, 200, 400, 0]);
});

test("ticks are round numbers within the axis; powers of ten where it is logarithmic", () => {
  assert.deepEqual(ticksOf({ low: 0, high: 2.4, log: false }, 4), [0, 1, 2]);
  assert.deepEqual(ticksOf({ low: -1, high: 1, log: false }, 4), [-1, -0.5, 0, 0.5, 1]);
  assert.deepEqual(ticksOf({ low: 0.001, high: 12, log: true }, 10).map(tickText), ["0.001", "0.01", "0.1", "1", "10"]);
  assert.equal(tickText(1e-8), "1e−8");
});

test("the expected band is cut to the axis, and said in words", () => {
  const axis = { low: 0, high: 1, log: false };
  assert.deepEqual(bandIn([null, 0.7], axis), [0, 0.7]);
  assert.equal(bandIn([null, null], axis), null);
  assert.equal(bandIn([2, 3], axis), null);
  assert.deepEqual([bandText([1, 2]), bandText([null, 0.7]), bandText([0.1, null]), bandText([null, null])], ["1 to 2", "up to 0.7", "from 0.1", ""]);
  assert.deepEqual([0.5, 0.9, NaN].map((value) => isOutside(value, DEAD.expected)), [false, true, true]);
  assert.equal(isOutside(1e-5, DEPTH.expected), true);
});

test("prose sets off code and measured numbers, and leaves shapes, versions and names alone", () => {
  const parts = (text) => prose(text).filter((part) => typeof part === "object").map((part) => `${part.tagName} ${part.textContent}`);
  assert.deepEqual(parts("Without `softmax` it falls to 0.01; as it is it stops at 1.48."), ["CODE softmax", "B 0.01", "B 1.48"]);
  assert.deepEqual(parts("outputs (0.5, 10) of torch2.13 in v1.2.3 and conv1.0, 10^-8.7"), []);
  assert.deepEqual(parts("it is −2.5e-3 there"), ["B −2.5e-3"]);
});

test("code is copied as it is to be", () => {
  assert.equal(codeToCopy("  x = f(x)\n-    return torch.softmax(x, 1)\n+    return x\n"), "  x = f(x)\n   return x");
  assert.equal(codeToCopy("bias.fill_(-2.3)"), "bias.fill_(-2.3)");
  assert.equal(codeToCopy("- a\n+ b\n-b = 1"), "b\n-b = 1");
});

test("results are counted by verdict, those that matter most first", () => {
  assert.equal(counts(healthy()), "37 passed · 1 inconclusive · 7 skipped");
  assert.equal(counts([result("a", "data", "warn", ""), result("b", "data", "fail", ""), result("c", "data", "warn", "")]), "1 failed · 2 warnings");
  assert.equal(counts([]), "");
});

test("the place of a finding is its file and line, a notebook cell without its meaningless name", () => {
  const place = (file) => at(result("a", "data", "fail", "", { where: "fc2", place: file ? { file, line: 3, function: "f", first: 1 } : null }));
  assert.deepEqual([place("/home/ada/net.py"), place("C:\\work\\net.py"), place("/tmp/ipykernel_81/99.py"), place(null)], ["net.py:3", "net.py:3", "notebook cell:3", "fc2"]);
});

test("the task is told with how it was inferred", () => {
  const task = { kind: "classification", given: false, why: "the loss is F.cross_entropy", loss: "F.cross_entropy", classes: 10 };
  assert.equal(taskLine(task), "task: classification of 10 classes, inferred: the loss is F.cross_entropy");
  assert.equal(taskLine({ ...task, kind: "regression", classes: null, given: true }), "task: regression, as you said");
  assert.equal(taskLine(null), "");
});

test("the diagnosis names the cause, then errors, then says that nothing was found, and by how many", () => {
  const titles = Object.fromEntries(Object.entries(SCENES).map(([name, scene]) => [name, diagnosisOf(stateOf(scene())).title]));
  assert.equal(titles.sick, "Softmax before cross-entropy");
  assert.equal(titles.healthy, "No defect was found by 38 checks");
  assert.equal(titles.error, "1 check could not finish");
  assert.equal(titles.cut, "No defect was found by 10 checks, but the run was cut short (cancelled)");
  assert.equal(titles.empty, "Nothing has been run yet");
  assert.equal(titles.waiting, "The checks wait for the running cell to end");
  assert.equal(titles.first, "The first checks are running");
  assert.deepEqual(diagnosisOf(stateOf(SCENES.sick())).more, ["class-imbalance", "dead-units"]);
  const skipped = { catalogue: [], record: { ...SCENES.cut().record, results: [result("a", "data", "skip", "needs x")] } };
  assert.equal(diagnosisOf(stateOf(skipped)).title, "No check came to an answer, but the run was cut short (cancelled)");
});

test("the header says how far the run is, how long it takes, and on what", () => {
  assert.equal(standing(stateOf(SCENES.running())), "26 of 45 · 4 s left · cuda:0 · 0.4 of 139 GiB");
  assert.equal(standing(stateOf(SCENES.sick())), "45 of 45 checks · 4.2 s · 21.4 passes · cpu");
  assert.equal(standing(stateOf(SCENES.empty())), "45 checks, not run yet");
  assert.equal(standing(stateOf(SCENES.first())), "0 of 45");
  assert.equal(standing({ ...stateOf(SCENES.running()), stuck: true }), "Cancel waits: use Interrupt kernel");
});

test("a result that has not changed stays the same object; the choice made by hand outlives new findings", () => {
  const before = stateOf(SCENES.running());
  assert.equal(before.selected, "loss-input");
  const after = derive({ ...before, chosen: "runs", record: SCENES.sick().record }, before);
  assert.equal(after.selected, "runs");
  const [old, now] = [before, after].map((state) => state.results.get("input-scale"));
  const again = derive({ ...after, record: { ...after.record, results: after.record.results.map((one) => ({ ...one })) } }, after);
  assert.equal(again.results.get("input-scale"), now);
  assert.notEqual(old, undefined);
});
