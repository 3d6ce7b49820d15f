// The scenes that the harness shows, one function each: {shown, previous?, status?}.

import { batchOf, finding, labels, pack, pictures, random, targets, tensor } from "./records.js";

const GLYPHS = [
  "01110 10001 10001 10001 10001 10001 01110", "00100 01100 00100 00100 00100 00100 01110", "01110 10001 00001 00110 01000 10000 11111",
  "11110 00001 00001 01110 00001 00001 11110", "00010 00110 01010 10010 11111 00010 00010", "11111 10000 11110 00001 00001 10001 01110",
  "00110 01000 10000 11110 10001 10001 01110", "11111 00001 00010 00100 01000 01000 01000", "01110 10001 10001 01110 10001 10001 01110",
  "01110 10001 10001 01111 00001 00010 01100",
];
const WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

function digit(n, next, shift = 0) {
  const rows = GLYPHS[n].split(" ");
  return Array.from({ length: 64 }, (_, at) => {
    const [r, c] = [Math.floor(at / 8), (at % 8) - 1 - shift];
    const ink = rows[r]?.[c] === "1" ? 11 + 5 * next() : rows[r]?.[c - 1] === "1" ? 7 * next() : 0;
    return Math.round(ink);
  });
}

function digitBatch(N, { shift = false, seed = 3, answers = false, names = WORDS.map((_, i) => String(i)) } = {}) {
  const next = random(seed);
  const y = Array.from({ length: N }, (_, i) => i % 10);
  const x = y.map((n) => digit(n, next, shift ? Math.round(next() * 2) - 1 : 0));
  const found = [finding("warn", "unscaled", "not normalised: std 6.0", 0)];
  const predicted = y.map((n) => (next() < 0.8 ? n : Math.floor(next() * 10)));
  const more = answers
    ? { predictions: labels("prediction", predicted, names), correct: pack("int8", [N], y.map((n, i) => Number(n === predicted[i]))), losses: pack("float64", [N], y.map((n, i) => (n === predicted[i] ? next() * 0.2 : 1 + 3 * next()))) }
    : {};
  return batchOf(N, [tensor("x", "input", "float32", [N, 1, 8, 8], [x.flat()], x, { axis: "channel", findings: found }), targets(y, 10)], [pictures("x", x, [1, 8, 8])], {
    labels: labels("y", y, names), record: { findings: N >= 64 ? [finding("warn", "duplicates", "2 pairs of identical samples", null, [3, 13, 7, 27])] : [] }, ...more,
  });
}

function scenery(next, h, w, warm = next()) {
  const [cx, cy, r] = [next() * w, next() * h * 0.6, (0.1 + next() * 0.25) * w];
  const horizon = h * (0.4 + next() * 0.4);
  const out = new Array(3 * h * w);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const inside = (x - cx) ** 2 + (y - cy) ** 2 < r * r;
      const noise = 0.06 * (next() - 0.5);
      const sky = [0.35 + 0.4 * warm, 0.55 + 0.2 * (1 - y / h), 0.9 - 0.5 * warm];
      const land = [0.25 + 0.2 * Math.sin(x / 5), 0.4 + 0.2 * Math.sin((x + y) / 7), 0.15];
      const colour = inside ? [0.98, 0.8 - 0.5 * warm, 0.25] : y < horizon ? sky : land;
      for (let c = 0; c < 3; c++) out[c * h * w + y * w + x] = Math.min(1, Math.max(0, colour[c] + noise));
    }
  }
  return out;
}

const NORMAL = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], source: "Normalize found on the data set's transform" };

function photos(N = 32, { h = 48, w = 48, seed = 5, exact = false, ...more } = {}) {
  const next = random(seed);
  const area = h * w;
  const x = Array.from({ length: N }, () => scenery(next, h, w).map((v, at) => (v - NORMAL.mean[Math.floor(at / area)]) / NORMAL.std[Math.floor(at / area)]));
  const y = x.map(() => Math.floor(next() * 3));
  const rows = [0, 1, 2].map((c) => x.flatMap((v) => v.slice(c * area, (c + 1) * area)));
  const found = [finding("ok", "normalised", "mean near 0, std near 1")];
  return batchOf(N, [tensor("x", "input", "float32", [N, 3, h, w], rows, x, { axis: "channel", findings: found }), targets(y, 3)], [pictures("x", x, [3, h, w], { normalisation: NORMAL, exact })], {
    labels: labels("y", y, ["china", "flower", "a class with quite a long name"]), record: { autocast: "bfloat16" }, origin: { how: "probe", step: null }, ...more,
  });
}

function segmentation() {
  const N = 12;
  const batch = photos(N, { h: 64, w: 64 });
  const classes = Array.from({ length: N * 64 * 64 }, (_, at) => {
    const [r, c] = [Math.floor(at / 64) % 64, at % 64];
    return r > 40 ? 1 : (r - 20) ** 2 + (c - 30) ** 2 < 160 ? 2 : r < 3 ? 255 : 0;
  });
  batch.labels = null;
  batch.masks = { classes: pack("uint8", [N, 64, 64], classes), names: ["sky", "land", "sun"] };
  batch.boxes = { sample: pack("int32", [3], [0, 0, 1]), corners: pack("float32", [3, 4], [0.2, 0.1, 0.7, 0.6, 0.5, 0.5, 0.95, 0.95, 0.1, 0.2, 0.4, 0.6]), text: ["sun", "rock", "cloud"] };
  return batch;
}

function tokens(N = 24) {
  const next = random(8);
  const words = "the exact batch that enters net ##work is shown here with every token , and padding after its end . a silent bug would be seen at once because nothing else claims to be the truth".split(" ");
  const pieces = ["[PAD]", "[CLS]", "[SEP]", ...words];
  const T = 48;
  const index = [];
  for (let n = 0; n < N; n++) {
    const length = 12 + Math.floor(next() * (T - 14));
    for (let t = 0; t < T; t++) index.push(t === 0 ? 1 : t < length ? 3 + Math.floor(next() * words.length) : t === length ? 2 : 0);
  }
  const rows = Array.from({ length: N }, (_, n) => index.slice(n * T, (n + 1) * T));
  const y = rows.map(() => Math.floor(next() * 2));
  const item = { decoder: "text", name: "input_ids", ids: pack("int32", [N, T], index.map((i) => i + 1000)), pieces, index: pack("int32", [N, T], index), special: pack("bool", [N, T], index.map((i) => Number(i < 3))), attended: pack("bool", [N, T], index.map((i) => Number(i !== 0))), length: T, source: "tokenizer BertTokenizer" };
  return batchOf(N, [tensor("input_ids", "input", "int64", [N, T], [index.map((i) => i + 1000)], rows), tensor("attention_mask", "input", "int64", [N, T], [index.map((i) => Number(i !== 0))], null, { histogram: null }), targets(y, 2)], [item], { labels: labels("labels", y, ["negative", "positive"]) });
}

function table(N = 60, F = 30) {
  const next = random(9);
  const rows = Array.from({ length: N }, () => Array.from({ length: F }, (_, f) => (f === 4 && next() < 0.1 ? NaN : (next() - 0.5) * 10 ** (f % 5))));
  const names = Array.from({ length: F }, (_, f) => ["mean radius", "mean texture", "worst area", "smoothness error", "symmetry"][f % 5] + (f < 5 ? "" : ` ${f}`));
  const columns = names.map((_, f) => rows.map((row) => row[f]));
  const y = rows.map(() => Math.floor(next() * 2));
  const found = [finding("warn", "nan", "5 NaN", 4, [3, 9, 11]), finding("warn", "unscaled", "features differ by 10,000 times in scale")];
  return batchOf(N, [tensor("x", "input", "float32", [N, F], columns, rows, { axis: "feature", names, findings: found }), targets(y, 2)], [{ decoder: "table", name: "x", values: pack("float32", [N, F], rows.flat()), features: names, total_features: F }], { labels: labels("y", y, ["benign", "malignant"]) });
}

function series(N = 40, audio = false) {
  const next = random(10);
  const [C, P] = [audio ? 1 : 3, 160];
  const low = [];
  const high = [];
  for (let n = 0; n < N; n++) {
    for (let c = 0; c < C; c++) {
      const [speed, phase] = [4 + 20 * next(), next() * 6];
      for (let p = 0; p < P; p++) {
        const middle = audio ? 0 : Math.sin((p / P) * speed + phase) + 0.1 * next();
        const reach = audio ? Math.abs(Math.sin((p / P) * speed)) * Math.exp(-p / 90) : 0;
        low.push(n === 2 && p > 60 && p < 80 ? NaN : middle - reach);
        high.push(n === 2 && p > 60 && p < 80 ? NaN : middle + reach);
      }
    }
  }
  const rows = Array.from({ length: N }, (_, n) => low.slice(n * C * P, (n + 1) * C * P));
  const y = rows.map((_, n) => n % 4);
  const item = { decoder: audio ? "audio" : "series", name: "x", low: pack("float32", [N, C, P], low), high: pack("float32", [N, C, P], high), channels: ["acc x", "acc y", "acc z"].slice(0, C), total_channels: C, length: audio ? 16000 : P, sample_rate: audio ? 16000 : null };
  const channels = Array.from({ length: C }, (_, c) => low.filter((_, at) => Math.floor(at / P) % C === c));
  return batchOf(N, [tensor("x", "input", "float32", [N, C, audio ? 16000 : P], channels, rows, { axis: "channel", names: item.channels }), targets(y, 4)], [item], { labels: labels("y", y, ["walk", "run", "sit", "stand"]) });
}

function broken() {
  const N = 6;
  const next = random(12);
  const x = Array.from({ length: N }, (_, n) => Array.from({ length: 100 }, (_, at) => (n === 0 ? NaN : n === 1 && at < 15 ? [NaN, Infinity, -Infinity][at % 3] : next() - 0.3)));
  const y = [0, 1, 2, 3, 0, 9];
  const names = ["<img src=x onerror=alert(1)>", "L".repeat(10000), "ok", "cat"];
  const found = [finding("warn", "nan", "NaN in 2 samples, one of them nothing else", 0, [0, 1]), finding("warn", "inf", "10 infinite values in 1 sample", 0, [1])];
  return batchOf(N, [tensor("x", "input", "float16", [N, 1, 10, 10], [x.flat()], x, { axis: "channel", findings: found }), targets(y, 4, [finding("warn", "outside-classes", "1 label outside the 4 class names", null, [5])])], [pictures("x", x, [1, 10, 10], { note: "values already lie in 0…1" })], {
    labels: labels("y", y, names), notes: ["mask (6, 10) bool could not be decoded: no known meaning", "a second note"], record: { error: "RuntimeError: mat1 and mat2 shapes cannot be multiplied (6x100 and 64x10)\n  net.py:33 in forward: return self.fc(x.flatten(1))" },
  });
}

function channels(C = 1000) {
  const N = 4;
  const next = random(14);
  const x = Array.from({ length: N }, () => Array.from({ length: 24 * 49 }, (_, at) => Math.sin(at / 7) * (at % 49) * 0.04 + next() - 0.5));
  const rows = Array.from({ length: C }, () => Array.from({ length: 40 }, () => next() - 0.5));
  const item = { ...pictures("features", x, [24, 7, 7], { kind: "values", note: "value map" }), total_channels: C };
  return batchOf(N, [tensor("features", "input", "float32", [N, C, 7, 7], rows, x, { axis: "channel", findings: [finding("warn", "constant", "constant channel", 700)] })], [item], {});
}

const status = (more = {}) => ({ state: "idle", text: "", stale: null, follow: false, can: { next: true, again: true, validation: true, predict: true }, ...more });

/** @type {Record<string, () => { shown: any, previous?: any, status?: any }>} */
export const SCENES = {
  digits: () => ({ shown: digitBatch(64) }),
  many: () => ({ shown: digitBatch(512, { answers: true }) }),
  answers: () => ({ shown: digitBatch(64, { answers: true, names: WORDS }) }),
  again: () => ({ shown: digitBatch(64, { shift: true, seed: 4 }), previous: digitBatch(64, { shift: true, seed: 5 }) }),
  photos: () => ({ shown: photos(), status: status({ can: { next: true, again: true, validation: false, predict: true } }) }),
  photos224: () => ({ shown: photos(12, { h: 224, w: 224 }) }),
  photosAgain: () => ({ shown: photos(32, { seed: 6 }), previous: photos(32, { seed: 7 }) }),
  autoencoder: () => {
    const shown = photos(24, { exact: true });
    shown.targets = [{ ...photos(24, { seed: 5 }).inputs[0], name: "target" }];
    return { shown };
  },
  segmentation: () => ({ shown: segmentation() }),
  tokens: () => ({ shown: tokens() }),
  table: () => ({ shown: table() }),
  wide: () => ({ shown: table(200, 256) }),
  series: () => ({ shown: series() }),
  audio: () => ({ shown: series(12, true) }),
  broken: () => ({ shown: broken(), status: status({ stale: "the notebook's `model` is now another object; this view still shows the one it was opened with" }) }),
  channels: () => ({ shown: channels() }),
  waiting: () => ({ shown: digitBatch(64), status: status({ state: "waiting", text: "waits for the running cell to end" }) }),
  empty: () => ({ shown: null, status: status({ state: "busy", text: "waits for the next forward pass of Net: its loader cannot be asked", can: { next: false, again: false, validation: false, predict: false } }) }),
  one: () => ({ shown: digitBatch(1) }),
};

export { status };
