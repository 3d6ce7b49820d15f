// Made-up runs in the shape of the real records, packed as Python packs them.

import { batchOf, labels, pack, pictures, random, tensor } from "./records.js";

const f32 = (values, shape = [values.length]) => pack("float32", shape, values);
const i32 = (values, shape = [values.length]) => pack("int32", shape, values);

export const LAST = 1400;
const EVERY = 20;
export const STEPS = Array.from({ length: LAST / EVERY + 1 }, (_, i) => i * EVERY);

/** A sum of uniform numbers, near enough to a normal one. */
const gauss = (next) => next() + next() + next() + next() - 2;

export function trace(name, part, steps, values, spread = 0, broken = []) {
  const mean = values.map((value) => value);
  return { name, part, step: i32(steps), low: f32(mean.map((v) => v * (1 - spread))), mean: f32(mean), high: f32(mean.map((v) => v * (1 + spread))), broken: i32(steps.map((_, i) => (broken.includes(i) ? 1 : 0))) };
}

export const moment = (step, kind, text, since = null) => ({ step, kind, text, since });

const DIGITS = ["00111100 01100110 01000010 01000010 01000010 01000010 01100110 00111100", "00011000 00111000 01111000 00011000 00011000 00011000 00011000 01111110", "00111100 01100110 00000110 00001100 00011000 00110000 01100000 01111110", "00111100 01100110 00000110 00011100 00000110 00000110 01100110 00111100", "00001100 00011100 00111100 01101100 01111110 00001100 00001100 00001100", "01111110 01100000 01111100 00000110 00000110 00000110 01100110 00111100", "00111100 01100000 01100000 01111100 01100110 01100110 01100110 00111100", "01111110 00000110 00001100 00011000 00011000 00110000 00110000 00110000", "00111100 01100110 01100110 00111100 01100110 01100110 01100110 00111100", "00111100 01100110 01100110 00111110 00000110 00000110 01100110 00111100"];

export function digits(classes, next) {
  const values = classes.map((c) => [...DIGITS[c % 10].replaceAll(" ", "")].map((bit) => Math.max(0, Math.min(16, Number(bit) * 13 + 3 * gauss(next)))));
  return pictures("images", values, [1, 8, 8]);
}

/** Readings of N samples from their scores at each time; what follows from them is computed as Python would. */
export function readingsOf(steps, scores, { C, targets, multi = false }) {
  const N = targets.length;
  const shares = (row) => {
    if (multi || C === 1) return row.map((v) => 1 / (1 + Math.exp(-v)));
    const powers = row.map((v) => Math.exp(v - Math.max(...row)));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((v) => v / sum);
  };
  const flips = new Array(N).fill(0);
  const forgotten = new Array(N).fill(0);
  let before = null;
  const past = [];
  return steps.map((step, t) => {
    const rows = scores[t];
    const all = rows.map(shares);
    const guesses = all.map((row) => (C === 1 ? Number(row[0] > 0.5) : row.indexOf(Math.max(...row))));
    const right = guesses.map((guess, n) => (multi ? Number(all[n].every((p, c) => p > 0.5 === Boolean(targets[n][c]))) : Number(guess === targets[n])));
    if (before) for (let n = 0; n < N; n++) {
      flips[n] += Number(guesses[n] !== before.guesses[n]);
      forgotten[n] += Number(before.right[n] && !right[n]);
    }
    before = { guesses, right };
    past.push(all);
    const jitter = all.map((row, n) => (t < 2 ? NaN : 0.5 * row.reduce((sum, p, c) => sum + Math.abs(past[t - 1][n][c] - (past[t - 2][n][c] + p) / 2), 0)));
    const chance = (n) => (multi ? all[n].reduce((a, p, c) => a * (targets[n][c] ? p : 1 - p), 1) : C === 1 ? (targets[n] ? all[n][0] : 1 - all[n][0]) : all[n][targets[n]]);
    return {
      step,
      values: f32(rows.flat(), [N, C]),
      guesses: i32(guesses),
      losses: f32(all.map((_, n) => -Math.log(Math.max(chance(n), 1e-7)))),
      correct: pack("int8", [N], right),
      confidence: f32(all.map((row) => Math.max(...row))),
      margin: f32(all.map((row, n) => (multi || C === 1 ? NaN : row[targets[n]] - Math.max(...row.filter((_, c) => c !== targets[n]))))),
      jitter: f32(jitter),
      flips: i32(flips),
      forgotten: i32(forgotten),
    };
  });
}

/** Scores that drift towards the target, and shake once the rate is too high. */
function scoresOf(next, { N, C, targets, multi = false }) {
  const slow = Array.from({ length: N }, () => 0.4 + next());
  const shaky = Array.from({ length: N }, (_, n) => (n % 5 === 0 ? 3.2 : 0.5));
  const other = targets.map((_, n) => (n * 7 + 3) % Math.max(C, 2));
  return STEPS.map((step) => {
    const done = 1 - Math.exp(-step / 250);
    const shake = step > 700 ? 1 : 0.12;
    return Array.from({ length: N }, (_, n) => Array.from({ length: C }, (_, c) => {
      const aim = multi ? (targets[n][c] ? 1 : -1) * 2.4 : C === 1 ? (targets[n] ? 3 : -3) : c === targets[n] ? 4 : c === other[n] ? 1.6 : -0.4 * (c % 3);
      return done * slow[n] * aim + shaky[n] * shake * gauss(next);
    }));
  });
}

export function probe(task, batch, more) {
  return { split: "train", chosen: "stratified by class", task, batch, targets: null, classes: [], columns: i32([]), train_mode: false, ...more };
}

export function classification({ N = 24, C = 10, names = Array.from({ length: C }, (_, c) => String(c)), seed = 3 } = {}) {
  const next = random(seed);
  const targets = Array.from({ length: N }, (_, n) => n % C);
  const input = digits(targets, next);
  const batch = batchOf(N, [tensor("images", "input", "float32", [N, 1, 8, 8], [[0, 16]], null, {})], [input], { labels: labels("y", targets, names) });
  return { probe: probe("classification", batch, { targets: i32(targets), classes: names, columns: i32(Array.from({ length: C }, (_, c) => c)) }), readings: readingsOf(STEPS, scoresOf(next, { N, C, targets }), { C, targets }) };
}

export function binary(N = 12) {
  const next = random(5);
  const targets = Array.from({ length: N }, (_, n) => n % 2);
  const values = Array.from({ length: N * 6 }, () => gauss(next));
  const item = { decoder: "table", name: "x", values: f32(values, [N, 6]), features: ["age", "bmi", "bp", "s1", "s2", "s3"], total_features: 6 };
  const batch = batchOf(N, [], [item], { labels: labels("y", targets, ["benign", "malignant"]) });
  return { probe: probe("binary", batch, { targets: i32(targets), classes: ["malignant"], columns: i32([1]) }), readings: readingsOf(STEPS, scoresOf(next, { N, C: 1, targets }), { C: 1, targets }) };
}

export function multilabel(N = 12, C = 5) {
  const next = random(6);
  const targets = Array.from({ length: N }, (_, n) => Array.from({ length: C }, (_, c) => Number((n + c) % 3 === 0)));
  const names = ["sky", "sea", "sand", "tree", "person"];
  const low = Array.from({ length: N * 40 }, (_, i) => Math.sin(i / 3) + 0.3 * gauss(next));
  const item = { decoder: "series", name: "x", low: f32(low, [N, 1, 40]), high: f32(low, [N, 1, 40]), channels: ["0"], total_channels: 1, length: 40, sample_rate: null };
  const text = targets.map((row) => row.flatMap((on, c) => (on ? [names[c]] : [])).join(", ") || "none");
  const batch = batchOf(N, [], [item], { labels: { name: "y", kind: "multilabel", text, values: f32(targets.map(() => 0)), classes: names } });
  return { probe: probe("multilabel", batch, { targets: f32(targets.flat(), [N, C]), classes: names, columns: i32([0, 1, 2, 3, 4]) }), readings: readingsOf(STEPS, scoresOf(next, { N, C, targets, multi: true }), { C, targets, multi: true }) };
}

const quiet = (N) => ({ flips: i32(new Array(N).fill(0)), forgotten: i32(new Array(N).fill(0)), confidence: f32(new Array(N).fill(NaN)), margin: f32(new Array(N).fill(NaN)) });

export function regression(N = 24) {
  const next = random(8);
  const targets = Array.from({ length: N }, () => 80 + 120 * next());
  const values = Array.from({ length: N * 6 }, () => gauss(next));
  const item = { decoder: "table", name: "x", values: f32(values, [N, 6]), features: ["age", "bmi", "bp", "s1", "s2", "s3"], total_features: 6 };
  const batch = batchOf(N, [], [item], { labels: { name: "y", kind: "regression", text: targets.map((v) => v.toFixed(1)), values: f32(targets), classes: [] } });
  const readings = STEPS.map((step, t) => {
    const done = 1 - Math.exp(-step / 300);
    const own = targets.map((v, n) => 140 + done * (v - 140) + (5 + (n % 6) * 3) * gauss(next));
    return { step, values: f32(own, [N, 1]), guesses: i32([], [N, 0]), losses: f32(own.map((v, n) => (v - targets[n]) ** 2 / 1000)), correct: pack("int8", [N], new Array(N).fill(-1)), jitter: f32(own.map(() => (t < 2 ? NaN : 0.1 + 0.1 * next()))), ...quiet(N) };
  });
  return { probe: probe("regression", batch, { targets: f32(targets, [N, 1]), classes: ["disease"], columns: i32([0]) }), readings };
}

export function segmentation(N = 8, side = 24) {
  const next = random(9);
  const disc = (n, r, c, grow = 1) => (r - 8 - (n % 4) * 2) ** 2 + (c - 11) ** 2 < (30 + 6 * n) * grow;
  const bar = (n, c) => c < 3 + (n % 3);
  const truth = Array.from({ length: N }, (_, n) => Array.from({ length: side * side }, (_, i) => (disc(n, Math.floor(i / side), i % side) ? 1 : bar(n, i % side) ? 2 : 0)));
  const images = truth.map((mask) => [0, 1, 2].flatMap((ch) => mask.map((m) => [[0.2, 0.9, 0.3], [0.3, 0.5, 0.8], [0.6, 0.2, 0.4]][ch][m] + 0.12 * gauss(next))));
  const batch = batchOf(N, [], [pictures("images", images, [3, side, side])], { masks: { classes: pack("uint8", [N, side, side], truth.flat()), names: ["ground", "disc", "bar"] } });
  const readings = STEPS.map((step, t) => {
    const error = 0.35 * Math.exp(-step / 300) + 0.02;
    const own = truth.map((mask, n) => mask.map((m, i) => (next() < error ? Math.floor(next() * 3) : disc(n, Math.floor(i / side), i % side, 1 - error) ? 1 : m === 1 ? 0 : m)));
    const share = own.map((mask, n) => mask.filter((m, i) => m === truth[n][i]).length / mask.length);
    return { step, values: pack("uint8", [N, side, side], own.flat()), guesses: i32([], [N, 0]), losses: f32(share.map((s) => 2 * (1 - s))), correct: pack("int8", [N], new Array(N).fill(-1)), jitter: f32(own.map(() => (t < 2 ? NaN : 0.02))), ...quiet(N), confidence: f32(share) };
  });
  return { probe: probe("segmentation", batch, { targets: pack("uint8", [N, side, side], truth.flat()), classes: ["ground", "disc", "bar"], columns: i32([0, 1, 2]) }), readings };
}

const WORDS = "the cat sat on a mat and saw <img> of dog that ran to its old house by sea while rain fell".split(" ");

export function language(N = 6, T = 16) {
  const next = random(10);
  const ids = Array.from({ length: N * T }, () => Math.floor(next() * WORDS.length));
  const item = { decoder: "text", name: "ids", ids: i32(ids, [N, T]), pieces: WORDS, index: i32(ids, [N, T]), special: pack("uint8", [N, T], ids.map(() => 0)), attended: null, length: T, source: "tokenizer" };
  const readings = STEPS.map((step, t) => {
    const own = ids.map((id, i) => (i % T === T - 1 ? NaN : (id % 5 === 0 ? 3 : 0.4) + 2.6 * Math.exp(-step / 400) + 0.4 * next()));
    const losses = Array.from({ length: N }, (_, n) => own.slice(n * T, (n + 1) * T - 1).reduce((a, b) => a + b, 0) / (T - 1));
    return { step, values: f32(own, [N, T]), guesses: i32(ids.map((id, i) => (own[i] < 1.2 ? ids[i + 1] ?? 0 : (id + t) % WORDS.length)), [N, T]), losses: f32(losses), correct: pack("int8", [N], new Array(N).fill(-1)), jitter: f32(losses.map(() => (t < 2 ? NaN : 0.05))), ...quiet(N) };
  });
  return { probe: probe("language-model", batchOf(N, [], [item]), { targets: i32(ids.map((_, i) => (i % T === T - 1 ? -100 : ids[i + 1])), [N, T]) }), readings };
}

export function other(N = 10) {
  const next = random(11);
  const targets = Array.from({ length: N }, (_, n) => n);
  const readings = STEPS.map((step) => ({ step, values: f32([], [N, 0]), guesses: i32([], [N, 0]), losses: f32(targets.map((n) => 0.1 + (1 + n / 5) * Math.exp(-step / 400) + 0.05 * next())), correct: pack("int8", [N], new Array(N).fill(-1)), jitter: f32(targets.map(() => NaN)), ...quiet(N) }));
  return { probe: probe("other", batchOf(N, [], [digits(targets, next)]), {}), readings };
}

export function traces(layers = 5, nan = false) {
  const next = random(4);
  const steps = Array.from({ length: LAST / 5 }, (_, i) => (i + 1) * 5);
  const high = (step) => (step > 700 ? 1 : 0);
  const loss = steps.map((step) => 0.25 + 2.05 * Math.exp(-step / 330) + 0.02 * gauss(next) + high(step) * 0.1 * Math.abs(gauss(next)));
  const broken = nan ? steps.flatMap((step, i) => (step > 1100 && step < 1180 ? [i] : [])) : [];
  const every = steps.filter((step) => step % 100 === 0);
  return [
    trace("loss", "", steps, loss.map((v, i) => (broken.includes(i) ? NaN : v)), 0.06, broken),
    trace("validation loss", "", every, every.map((step) => 0.3 + 2.1 * Math.exp(-step / 380))),
    trace("probe loss", "", STEPS, STEPS.map((step) => 0.2 + 2.1 * Math.exp(-step / 300) + high(step) * 0.2 * next())),
    trace("jitter", "", STEPS.slice(2), STEPS.slice(2).map((step) => 0.05 + 0.012 * gauss(next) + high(step) * 0.35 * (1 - Math.exp(-(step - 700) / 120)))),
    ...Array.from({ length: layers }, (_, l) => trace("update ratio", ["conv1", "conv2", "fc1", "fc2", "head"][l] ?? `blocks.${l}.attn`, steps, steps.map((step) => (l === 4 && high(step) ? 0.03 : 0.0009 * (1 + 0.4 * l)) * (1 + 0.2 * gauss(next))))),
    trace("probe accuracy", "", STEPS, STEPS.map((step) => 0.1 + 0.85 * (1 - Math.exp(-step / 250)) - 0.1 * high(step) * next())),
    trace("validation accuracy", "", every, every.map((step) => 0.1 + 0.84 * (1 - Math.exp(-step / 280)))),
    trace("rate", "", steps, steps.map((step) => (high(step) ? 3e-2 : 3e-3))),
    trace("gradient norm", "", steps, steps.map((step) => 0.4 + Math.exp(-step / 300) + 0.1 * gauss(next) + high(step))),
    trace("samples per second", "", steps, steps.map(() => 5200 + 200 * gauss(next))),
    trace("my <b>metric</b>", "", steps, steps.map((step) => Math.sin(step / 90))),
  ];
}

/** A run whose layers change by very different shares, with a schedule of few steps and norms measured seldom. */
export function farTraces() {
  const seldom = STEPS.filter((step) => step % 100 === 0 && step > 0);
  const schedule = [1, 299, 300, 699, 700, LAST];
  return [
    ...["embed", "conv", "head"].map((layer, l) => trace("update ratio", layer, seldom, seldom.map((step) => 10 ** (-8 + 3.4 * l + step / 4000)))),
    trace("rate", "SGD/0", schedule, [1e-6, 1e-6, 1e-3, 1e-3, 1e-4, 1e-4]),
    trace("gradient norm", "", seldom, seldom.map((step) => 2 + Math.sin(step))),
    ...["embed", "conv", "head"].map((layer, l) => trace("gradient norm", layer, seldom, seldom.map((step) => 0.3 * (l + 1) + 0.1 * Math.sin(step)))),
    ...traces().filter((one) => one.name === "loss" || one.name === "jitter"),
  ];
}

export const ALERT = "Jitter of predictions rose 4× since step 700, when the rate went from 3e-3 to 3e-2: it is likely too high.";

export function record(parts, more = {}) {
  return {
    model: "Net", optimizers: ["SGD"], steps: LAST, seconds: 41.2, overhead: 0.013, budget: 0.02,
    probes: parts.map((part) => part.probe), readings: parts.map((part) => part.readings), traces: traces(),
    moments: [moment(600, "pin", "pinned by hand"), moment(700, "rate", "The rate went from 3e-3 to 3e-2."), moment(820, "alert", ALERT, 700)],
    spikes: [], pins: [300, 600, 900], notes: [], ...more,
  };
}
