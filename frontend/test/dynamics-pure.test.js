import assert from "node:assert/strict";
import { test } from "node:test";

import { confusionOf } from "../src/dynamics/confusion.js";
import { createFold } from "../src/dynamics/fold.js";
import { brokenStretches, held, isThinned, logTicks, place, reach, smooth, steps } from "../src/dynamics/lines.js";
import { changes, className, columnName, guessText, orderOf, probabilities, targetColumns } from "../src/dynamics/measures.js";
import { rightShare } from "../src/dynamics/masks.js";
import { frameOf } from "../src/dynamics/plane.js";
import { principal, project, ternary } from "../src/dynamics/project.js";
import { liveWords, reasonAgainst } from "../src/dynamics/reasons.js";
import { residuals } from "../src/dynamics/scatter.js";
import { INITIAL, derive, nearest, tabsOf } from "../src/dynamics/state.js";
import { linesOf } from "../src/dynamics/trajectory.js";
import { rateText } from "../src/dynamics/header.js";
import { unpack } from "../src/unpack.js";
import { classification, record, regression, segmentation, trace } from "../harness/dynamics-records.js";
import { SCENES, status } from "../harness/dynamics-scenes.js";
import { random } from "../harness/records.js";

const near = (a, b, off = 1e-9) => assert.ok(Math.abs(a - b) <= off, `${a} is not ${b}`);
const array = (values, shape = [values.length]) => ({ shape, data: Float32Array.from(values) });
const whole = (parts, more) => unpack(record(parts, more));
const state = (more = {}) => ({ ...INITIAL, status: status(), record: whole([classification()]), ...more });
const NOTHING = whole([], { traces: [], moments: [], pins: [] });
const empty = (more) => ({ ...NOTHING, ...more });

test("news are appended to what is there; those that are in the history already are left out", () => {
  const fold = createFold();
  const first = fold.replace({ serial: 4, record: whole([classification()]) });
  assert.equal(fold.append({ serial: 4, record: empty({ steps: 9999 }) }), first);
  const reading = { ...first.readings[0].at(-1), step: 1420 };
  const loss = unpack(trace("loss", "", [1405, 1410], [0.5, 0.4]));
  const after = fold.append({ serial: 5, record: empty({ steps: 1420, overhead: 0.011, readings: [[reading]], traces: [loss, unpack(trace("new", "a", [1410], [7]))], moments: [{ step: 1410, kind: "note", text: "x", since: null }], pins: [900] }) });
  const own = after.traces.find((one) => one.name === "loss");
  assert.deepEqual([...own.step.data.slice(-3)], [1400, 1405, 1410]);
  assert.equal(own.mean.data.length, own.step.data.length);
  near(own.mean.data.at(-1), 0.4, 1e-6);
  assert.equal(after.readings[0].length, first.readings[0].length + 1);
  assert.deepEqual([after.steps, after.overhead, after.pins, after.probes.length, after.moments.length], [1420, 0.011, [900], 1, first.moments.length + 1]);
  assert.equal(after.traces.find((one) => one.name === "jitter"), first.traces.find((one) => one.name === "jitter"), "what did not change stays the same object");
  assert.equal(first.traces.find((one) => one.name === "loss").step.data.at(-1), 1400, "what was handed out before stays as it was");
});

test("a thousand news keep every point, in arrays that grow by doubling", () => {
  const fold = createFold();
  let last = null;
  const arrays = new Set();
  for (let i = 0; i < 1000; i++) {
    last = fold.append({ serial: i, record: empty({ steps: i, traces: [unpack(trace("loss", "", [i], [i / 2]))] }) });
    arrays.add(last.traces[0].mean.data.buffer);
  }
  assert.equal(last.traces[0].step.data.length, 1000);
  assert.ok(last.traces[0].mean.data.every((value, i) => value === i / 2));
  assert.ok(arrays.size < 15, `${arrays.size} arrays`);
});

test("history after news replaces them", () => {
  const fold = createFold();
  fold.append({ serial: 3, record: empty({ traces: [unpack(trace("loss", "", [1], [1]))] }) });
  assert.equal(fold.replace({ serial: 8, record: empty() }).traces.length, 0);
  assert.equal(fold.append({ serial: 8, record: empty({ traces: [unpack(trace("loss", "", [2], [2]))] }) }).traces.length, 0);
  assert.equal(fold.replace(null), null);
});

test("the running mean equals the weighted mean of all values before, and skips what is no number", () => {
  const values = [3, 1, NaN, 4, 1, 5];
  const own = smooth(values, 0.7);
  const [seen, weights] = [[], []];
  values.forEach((value, i) => {
    if (Number.isNaN(value)) return assert.ok(Number.isNaN(own[i]));
    weights.forEach((_, j) => (weights[j] *= 0.7));
    seen.push(value);
    weights.push(1);
    near(own[i], seen.reduce((sum, v, j) => sum + v * weights[j], 0) / weights.reduce((a, b) => a + b, 0), 1e-12);
  });
  assert.deepEqual([...smooth([2, 5], 0)], [2, 5]);
});

test("traces are laid on one axis: a gap where there is no number, nothing where there is no point", () => {
  const x = steps([{ step: { data: [1, 2, 4] } }, { step: { data: [2, 3] } }]);
  assert.deepEqual([...x], [1, 2, 3, 4]);
  assert.deepEqual(place(x, [1, 2, 4], [5, NaN, 6], false), [5, null, undefined, 6]);
  assert.deepEqual(place(x, [2, 3], [-1, 7], true), [undefined, null, 7, undefined]);
  assert.deepEqual([...steps([{ step: { data: [1, 2] } }, { step: { data: [1, 2] } }])], [1, 2]);
});

test("broken stretches and thinned points are found", () => {
  const own = unpack(trace("loss", "", [1, 2, 3, 4, 5], [1, NaN, NaN, 1, NaN], 0, [1, 2, 4]));
  assert.deepEqual(brokenStretches(own), [[2, 3], [5, 5]]);
  assert.equal(isThinned(own), false);
  assert.equal(isThinned(unpack(trace("loss", "", [1], [2], 0.1))), true);
});

test("axes hold all values with room; on a log scale they end at one digit", () => {
  assert.deepEqual(reach(null, null, { log: false }), [0, 1]);
  const [low, high] = reach(0.2, 1.2, { log: false, zero: true });
  assert.equal(low, 0);
  assert.ok(high > 1.2);
  const [from, to] = reach(0.0123, 2.41, { log: true });
  near(from, 0.01, 1e-12);
  near(to, 3, 1e-9);
});

test("the plane of greatest variance is that of a brute-force search over rotations", () => {
  const next = random(7);
  const rows = Array.from({ length: 60 }, () => {
    const [a, b, c] = [next() - 0.5, next() - 0.5, next() - 0.5];
    return [4 * a + 0.2 * c, 3 * a + 2 * b, -b + 0.3 * c];
  });
  const found = principal(rows);
  const mean = [0, 1, 2].map((c) => rows.reduce((sum, row) => sum + row[c], 0) / rows.length);
  const variance = (axis) => rows.reduce((sum, row) => sum + row.reduce((dot, v, c) => dot + (v - mean[c]) * axis[c], 0) ** 2, 0);
  let best = 0;
  for (let i = 0; i < 180; i++) for (let j = 0; j < 180; j++) {
    const [t, p] = [(Math.PI * i) / 180, (Math.PI * j) / 180];
    best = Math.max(best, variance([Math.sin(t) * Math.cos(p), Math.sin(t) * Math.sin(p), Math.cos(t)]));
  }
  const total = [[1, 0, 0], [0, 1, 0], [0, 0, 1]].reduce((sum, axis) => sum + variance(axis), 0);
  assert.ok(variance(found.axes[0]) >= best * (1 - 1e-9), "no direction has more");
  near(found.share[0], best / total, 1e-3);
  near(found.axes[0].reduce((sum, v, c) => sum + v * found.axes[1][c], 0), 0, 1e-9);
  near(variance(found.axes[0]) + variance(found.axes[1]) + variance(cross(found.axes[0], found.axes[1])), total, 1e-9 * total);
  assert.ok(variance(found.axes[1]) >= variance(cross(found.axes[0], found.axes[1])));
  near(project(found, mean)[0], 0, 1e-9);
});
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];

test("a plane found anew does not flip over, and there is none where nothing varies", () => {
  const rows = [[1, 2, 0], [2, 4.1, 0.1], [-1, -2, 0.2], [-2, -4, -0.3]];
  const first = principal(rows);
  const turned = { ...first, axes: first.axes.map((axis) => axis.map((v) => -v)) };
  near(principal(rows, turned).axes[0][0], -first.axes[0][0], 1e-12);
  assert.equal(principal([[1, 1], [1, 1], [1, 1]]), null);
  assert.equal(principal([[NaN, 1], [1, 2], [2, 3]]), null);
});

test("the corners of the triangle are the three classes", () => {
  assert.deepEqual(ternary([1, 0, 0]), [0, 0]);
  assert.deepEqual(ternary([0, 1, 0]), [1, 0]);
  near(ternary([0, 0, 1])[1], Math.sqrt(0.75));
});

test("samples are sorted with the most noteworthy first; equal ones keep their order, NaN comes last", () => {
  const reading = { losses: array([0.1, NaN, 3, 3]), flips: array([2, 5, 0, 2]), margin: array([0.5, -0.2, NaN, 0.1]), jitter: array([0, 0, 0, 0]), forgotten: array([0, 0, 0, 0]) };
  assert.deepEqual(orderOf(reading, "index"), [0, 1, 2, 3]);
  assert.deepEqual(orderOf(reading, "loss"), [2, 3, 0, 1]);
  assert.deepEqual(orderOf(reading, "flips"), [1, 0, 3, 2]);
  assert.deepEqual(orderOf(reading, "margin"), [1, 3, 0, 2], "the least margin first");
  assert.deepEqual(orderOf(null, "loss"), []);
});

const tiny = (task, more = {}) => ({ task, targets: null, classes: [], columns: array([0, 1]), batch: { labels: null, batch: { size: 1 }, inputs: [] }, ...more });

test("probabilities are those of all classes, also where only some of them are columns", () => {
  const logits = [2, 1, 0.5, -1];
  const sum = logits.reduce((a, v) => a + Math.exp(v), 0);
  const all = logits.map((v) => Math.exp(v) / sum);
  const reading = (kept, guess, margin = NaN) => ({ values: array(kept.map((c) => logits[c]), [1, kept.length]), guesses: { shape: [1], data: Int32Array.of(guess) }, confidence: array([all[0]]), margin: array([margin]) });
  const with0 = probabilities(tiny("classification", { columns: array([0, 2]) }), reading([0, 2], 0), 0);
  near(with0[1], all[2], 1e-6);
  const without = tiny("classification", { columns: array([1, 3]), targets: { shape: [1], data: Int32Array.of(1) } });
  near(probabilities(without, reading([1, 3], 0, all[1] - all[0]), 0)[1], all[3], 1e-6);
  near(probabilities(tiny("multilabel"), { values: array([0, 3], [1, 2]) }, 0)[1], 1 / (1 + Math.exp(-3)), 1e-6);
});

test("one output for two classes has the names of both", () => {
  const probe = tiny("binary", { columns: array([0]), classes: ["benign", "malignant"], targets: { shape: [1], data: Int32Array.of(1) } });
  assert.deepEqual([className(probe, 0), className(probe, 1), columnName(probe, 0)], ["benign", "malignant", "malignant"]);
  assert.deepEqual(targetColumns(probe, 0), [0]);
  assert.equal(guessText(probe, { guesses: { shape: [1], data: Int32Array.of(-1) } }, 0), "no number");
});

test("what changed between two moments comes first: other guesses, then the greatest change of the loss", () => {
  const at = (guesses, losses) => ({ guesses: { shape: [3], data: Int32Array.from(guesses) }, losses: array(losses) });
  const found = changes(at([0, 1, 2], [1, 1, 1]), at([0, 2, 2], [5, 1.5, NaN]));
  assert.deepEqual(found.map((one) => [one.sample, one.changed, one.moved]), [[1, true, 0.5], [0, false, 4], [2, false, 0]]);
});

test("the confusion counts every sample once, and as right as the readings say", () => {
  const { probe, readings } = unpack(classification());
  const { samples, right } = confusionOf(probe, readings.at(-1));
  assert.equal(samples.flat(2).length, 24);
  assert.equal(right, readings.at(-1).correct.data.reduce((a, b) => a + b, 0));
});

test("residuals are counted about 0, and their root mean square is that of the losses", () => {
  const { probe, readings } = unpack(regression());
  const { counts, off, far } = residuals(probe, readings, readings.at(-1));
  assert.equal(counts.reduce((a, b) => a + b, 0), 24);
  near(off ** 2, readings.at(-1).losses.data.reduce((a, b) => a + b, 0) * 1000 / 24, 1e-2);
  assert.ok(far > off);
});

test("the share of right pixels leaves out what has no class", () => {
  const { probe, readings } = unpack(segmentation());
  near(rightShare(probe, readings.at(-1), 2), readings.at(-1).confidence.data[2], 1e-6);
  const own = { ...probe, targets: { shape: [1, 1, 3], data: Uint8Array.of(0, 255, 1) } };
  assert.equal(rightShare(own, { values: { shape: [1, 1, 3], data: Uint8Array.of(0, 7, 2) } }, 0), 0.5);
});

test("a trajectory shows the target and every class that was ever guessed", () => {
  const { probe, readings } = unpack(classification());
  const { lines } = linesOf(probe, readings, 5);
  assert.equal(lines[0].name, "5 (target)");
  assert.equal(lines[0].row.length, readings.length);
  near(lines[0].row[30], probabilities(probe, readings[30], 5)[5], 1e-9);
  const guessed = new Set(readings.map((one) => String(one.guesses.data[5])));
  assert.ok(lines.slice(0, Math.min(guessed.size, 6)).every((line) => guessed.has(line.name.split(" ")[0])));
});

test("the scrubber goes to the nearest reading, and keeps its step when readings are thinned", () => {
  const at = [0, 10, 30].map((step) => ({ step }));
  assert.deepEqual([-5, 4, 5, 19, 21, 99].map((step) => nearest(at, step)), [0, 0, 1, 1, 2, 2]);
  const before = derive(state({ at: 40 }), INITIAL);
  assert.equal(before.reading.step, 800);
  const thin = before.record.readings[0].filter((_, i) => i % 4 === 0);
  const after = derive({ ...before, record: { ...before.record, readings: [thin] } }, before);
  assert.equal(after.reading.step, 800);
  assert.equal(after.at, 10);
});

test("choices that no longer mean anything are let go", () => {
  const before = derive(state({ tab: "confusion", sample: 23, at: 500, spike: 4, probe: 3 }), INITIAL);
  assert.deepEqual([before.probe, before.at, before.spike, before.sample, before.tab], [0, 70, null, 23, "confusion"]);
  const after = derive({ ...before, record: whole([regression(8)]) }, before);
  assert.deepEqual([after.tab, after.sample, after.order.length], ["predictions", null, 8]);
  assert.deepEqual(tabsOf({ ...after, pinned: [1, 2] }), ["predictions", "paths", "residuals", "compare"]);
});

test("every control says why it can do nothing", () => {
  const reason = (more, control, record = null) => reasonAgainst({ ...INITIAL, record, status: status(more) }, control);
  assert.equal(reason({}, "pause"), "");
  assert.match(reason({ state: "closed", text: "this view is closed" }, "note"), /closed/);
  assert.match(reason({ following: "runs/a" }, "stop"), /follows runs\/a/);
  assert.match(reason({ state: "idle", step: 0 }, "pause"), /no run has begun/);
  assert.equal(reason({ canPause: false, whyNot: "no resume can arrive" }, "pause"), "no resume can arrive");
  assert.equal(reason({ canPause: false, whyNot: "no resume can arrive" }, "stop"), "");
  assert.match(reason({ live: "off", liveText: "clicks wait" }, "stop"), /clicks wait/);
  assert.match(reason({}, "back"), /no state is kept/);
  assert.match(reason({ journal: false }, "note"), /no journal/);
  assert.match(reason({ rates: [] }, "rate"), /no optimizer/);
  assert.equal(reason({ state: "ended", live: "off" }, "checks"), "", "what needs no run works after it");
  assert.match(reason({ state: "ended" }, "stop"), /ended/);
});

test("live control is told by a sign and by words", () => {
  const words = (more) => liveWords({ ...INITIAL, status: status(more) });
  assert.deepEqual([words({}).text, words({ live: "off" }).text, words({ state: "paused" }).text, words({ following: "runs/a" }).text], ["live control on", "live control off", "paused", "following runs/a"]);
  assert.equal(new Set([words({}).icon, words({ live: "off" }).icon, words({ live: "unknown" }).icon, words({ state: "paused" }).icon]).size, 4);
});

test("rates are written as they can be typed again", () => {
  for (const rate of [3e-2, 3e-3, 1e-4, 0.1, 1, 2.5e-5, 0]) assert.equal(Number(rateText(rate)), rate);
  assert.equal(rateText(3e-3), "3e-3");
});

test("a square frame has one scale on both axes", () => {
  const frame = frameOf({ x: [0, 2], y: [0, 1], square: true }, 600, 380);
  near(frame.x(1) - frame.x(0), frame.y(0) - frame.y(1), 1e-9);
});

test("a rate holds until the end of the run", () => {
  const rate = unpack(trace("rate", "", [1, 10], [0.1, 0.2]));
  const after = held(rate, 50);
  assert.deepEqual([[...after.step.data], after.mean.data.map((value) => Number(value.toFixed(3)))], [[1, 10, 50], [0.1, 0.2, 0.2]]);
  assert.equal(held(rate, 10), rate);
});

test("a logarithmic axis has numbers, however many powers of ten it spans", () => {
  const splits = (from, to) => Array.from({ length: to - from }, (_, i) => Array.from({ length: 9 }, (__, j) => Number(`${j + 1}e${from + i}`))).flat();
  const kept = (values, room) => logTicks(values, room).filter((value) => value !== null);
  assert.deepEqual(kept(splits(-3, 0), 5), [1e-3, 1e-2, 1e-1]);
  assert.deepEqual(kept(splits(-8, 0), 5), [1e-8, 1e-6, 1e-4, 1e-2]);
  assert.deepEqual(kept(splits(-12, 0), 4), [1e-12, 1e-9, 1e-6, 1e-3]);
  assert.deepEqual(kept([0.02, 0.03, 0.04], 4), [0.02, 0.03, 0.04], "few are all told");
  assert.deepEqual(kept([3e-4, 4e-4, 5e-4, 6e-4, 7e-4, 8e-4, 9e-4, 1e-3, 2e-3, 3e-3], 4), [5e-4, 1e-3, 2e-3]);
});

test("every scene's record is read whole", () => {
  for (const [name, scene] of Object.entries(SCENES)) assert.ok(unpack(scene().history)?.record || name === "empty", name);
});
