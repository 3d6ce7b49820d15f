import assert from "node:assert/strict";
import { test } from "node:test";

import "./page.js";
import { SCENES } from "../harness/sanity-scenes.js";
import { DEAD, DEPTH, healthy, result } from "../harness/sanity-records.js";
import { bandIn, bandText, domainOf, placeIn, tickText, ticksOf } from "../src/sanity/axis.js";
import { isOutside } from "../src/sanity/bars.js";
import { prose } from "../src/sanity/prose.js";
import { codeToCopy } from "../src/sanity/remedy.js";
import { allDiffering, differing, switchedOff } from "../src/sanity/plain.js";
import { SWAP } from "../src/sanity/swap.js";
import { at, counts, diagnosisOf, doing, standing, taskLine } from "../src/sanity/words.js";
import { derive } from "../src/sanity.js";

const NONE = { catalogue: [], record: null, progress: null, status: { state: "idle", text: "", stale: null }, plain: false, other: {}, swap: null, results: new Map(), chosen: null, ran: [], earlier: null, selected: null, why: false, pending: [], stuck: false, failure: null };
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
  assert.equal(counts(healthy()), "49 passed · 1 inconclusive · 11 skipped");
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
  assert.equal(titles.healthy, "No defect was found by 50 checks");
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
  assert.equal(standing(stateOf(SCENES.running())), "26 of 61 · 4 s left · cuda:0 · 0.4 of 139 GiB");
  assert.equal(standing(stateOf(SCENES.sick())), "61 of 61 checks · 4.2 s · 21.4 passes · 190 training steps · cpu");
  assert.equal(standing(stateOf(SCENES.empty())), "61 checks, not run yet");
  assert.equal(standing(stateOf(SCENES.first())), "0 of 61");
  assert.equal(standing({ ...stateOf(SCENES.running()), stuck: true }), "Cancel waits: use Interrupt kernel");
});

test("a run that trains says how many steps it has taken, of how many at most", () => {
  const facts = (more) => ({ ...SCENES.empty().catalogue[0], ...more });
  const progress = (more) => ({ done: 50, total: 61, check: "learning-rate", seconds: 9, left: 3, steps: 41, ...more });
  const training = facts({ stage: "training", cost: 100 });
  assert.equal(doing(training, progress()), "41 of at most 100 steps");
  assert.equal(doing(training, progress({ steps: 0 })), "running …");
  assert.equal(doing(facts({ stage: "training", cost: 0 }), progress({ steps: 1 })), "1 training step");
  assert.equal(doing(facts({ stage: "wiring", cost: 2 }), progress({ done: 61, steps: 14 })), "tries the remedy, 14 steps");
  assert.equal(standing(stateOf(SCENES.training())), "53 of 61 · learning-rate: 41 of at most 100 steps · 4 s left · cuda:0 · 0.4 of 139 GiB");
  assert.equal(standing(stateOf({ ...SCENES.swapping(), swap: null })), "model or data? · training 3 of at most 8 · 3.2 s · cpu");
  assert.equal(diagnosisOf(stateOf(SCENES.swapping())).title, "Softmax before cross-entropy");
  assert.equal(stateOf({ ...SCENES.swapping(), chosen: SWAP.name }).selected, SWAP.name);
});

test("what differs from the other kind of run is told by the side that it fails on", () => {
  const of = (own, other, plain) => differing({ ...NONE, plain, results: new Map([["runs", result("runs", "wiring", own, "x")]]), other: { runs: other } }, "runs");
  assert.deepEqual(of("pass", "fail", true), { chip: "as it is ✕", text: "Fails only with augmentation or regularisation; in the run as it is: failed." });
  assert.deepEqual(of("fail", "pass", true), { chip: "as it is ●", text: "Fails only without augmentation and regularisation; in the run as it is: passed." });
  assert.deepEqual(of("warn", "pass", false), { chip: "plain ●", text: "Warns only with augmentation or regularisation; in the plain run: passed." });
  assert.equal(of("pass", "fail", false).text, "Fails only without augmentation and regularisation; in the plain run: failed.");
  assert.equal(of("fail", "warn", false).text, "Comes out another way in the plain run: warning.");
  for (const [own, other] of [["pass", "pass"], ["skip", "fail"], ["fail", "skip"], ["fail", undefined]]) assert.equal(of(own, other, true), null);
  assert.deepEqual(allDiffering(stateOf(SCENES.plain())), ["dead-units", "overfit-one-batch"]);
});

test("a plain run says what was switched off, any other nothing", () => {
  assert.equal(switchedOff(SCENES.plain().record), "switched off: RandomHorizontalFlip, ColorJitter; dropout of 3 modules; weight decay");
  assert.equal(switchedOff({ ...SCENES.plain().record, notes: ["plain: no augmentation was found", "plain: weight decay"] }), "switched off: weight decay · no augmentation was found");
  assert.equal(switchedOff({ ...SCENES.plain().record, plain: false }), "");
  assert.equal(switchedOff({ ...SCENES.plain().record, notes: [] }), "");
  assert.equal(switchedOff(null), "");
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

test("after a run the worst of what ran is looked at, the first of equals; a choice that is part of it, or was made meanwhile, stays", () => {
  const busy = { state: "busy", text: "", stale: null };
  const record = (...results) => ({ ...SCENES.sick().record, diagnosis: [], results: results.map(([name, status]) => result(name, "wiring", status, "x", { seconds: 1 })) });
  const run = (start, now, meanwhile = {}) => [{ status: busy }, { record: now, ...meanwhile }, { status: NONE.status }].reduce((state, patch) => derive({ ...state, ...patch }, state), start);
  const empty = stateOf({ catalogue: SCENES.empty().catalogue });
  const [top] = empty.catalogue;
  assert.equal(empty.selected, top.name);
  const once = run(empty, record(["dtype", "pass"], ["loss-range", "skip"], ["runs", "pass"]));
  assert.equal(once.selected, "dtype");
  const twice = run(once, record(["dtype", "pass"], ["loss-range", "skip"], ["runs", "pass"], ["loss-input", "pass"], ["loss-target", "fail"]));
  assert.equal(twice.selected, "loss-target");
  const after = record(["dtype", "pass"], ["runs", "warn"], ["loss-input", "pass"], ["loss-target", "fail"]);
  assert.equal(run({ ...twice, chosen: top.name }, after).selected, "runs", "chosen before, and no part of it");
  assert.equal(run({ ...twice, chosen: "runs" }, after).selected, "runs");
  assert.equal(run(twice, after, { chosen: top.name }).selected, top.name, "chosen meanwhile");
  assert.equal(run({ ...twice, chosen: SWAP.name }, twice.record).selected, SWAP.name);
  const caused = { ...after, diagnosis: ["loss-input"], results: [...after.results.slice(0, 2), result("loss-input", "wiring", "warn", "x"), after.results[3]] };
  assert.equal(run(twice, caused).selected, "loss-input", "the cause before what follows from it");
});
