// Made-up batches in the shape of the real records, packed as Python packs them.

/** A small generator, so that every run draws the same.
 * @param {number} seed
 */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const KINDS = { uint8: Uint8Array, int8: Int8Array, int32: Int32Array, float32: Float32Array, float64: Float64Array, bool: Uint8Array };

export function pack(dtype, shape, values) {
  const array = KINDS[dtype].from(values);
  return { dtype, shape, data: new DataView(array.buffer) };
}

const f64 = (values) => pack("float64", [values.length], values);
const i32 = (values) => pack("int32", [values.length], values);

function moments(values) {
  const finite = values.filter(Number.isFinite);
  const mean = finite.reduce((a, b) => a + b, 0) / finite.length;
  const std = Math.sqrt(finite.reduce((a, b) => a + (b - mean) ** 2, 0) / finite.length);
  let [min, max] = [Infinity, -Infinity];
  for (const value of finite) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return finite.length ? { mean, std, min, max } : { mean: NaN, std: NaN, min: NaN, max: NaN };
}

function histogram(rows, bins = 24) {
  const counts = [];
  const edges = [];
  for (const row of rows.slice(0, 16)) {
    const finite = row.filter(Number.isFinite);
    const { min, max } = moments(finite);
    const width = max - min || 1;
    const own = new Array(bins).fill(0);
    for (const value of finite) own[Math.min(bins - 1, Math.floor(((value - min) / width) * bins))]++;
    counts.push(...own);
    edges.push(...Array.from({ length: bins + 1 }, (_, i) => min + (width * i) / bins));
  }
  const C = Math.min(rows.length, 16);
  return { counts: pack("float64", [C, bins], counts), edges: pack("float64", [C, bins + 1], edges), sampled: 1 };
}

/** A tensor's record from values by row (channel) and by sample. */
export function tensor(name, role, dtype, shape, rows, samples, extra = {}) {
  const all = rows.map(moments);
  const each = samples?.map((values) => ({ ...moments(values), zeros: values.filter((v) => v === 0).length, bad: values.filter((v) => !Number.isFinite(v)).length }));
  const tally = (test) => f64(rows.map((row) => row.filter(test).length));
  return {
    facts: { name, role, shape, dtype, device: "cpu", layout: "contiguous", strides: shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1)), requires_grad: false },
    statistics: {
      axis: extra.axis ?? "all", names: extra.names ?? rows.map((_, i) => String(i)), count: f64(rows.map((row) => row.length)),
      min: f64(all.map((m) => m.min)), mean: f64(all.map((m) => m.mean)), std: f64(all.map((m) => m.std)), max: f64(all.map((m) => m.max)),
      zeros: tally((v) => v === 0), nan: tally(Number.isNaN), posinf: tally((v) => v === Infinity), neginf: tally((v) => v === -Infinity),
    },
    samples: each ? { min: f64(each.map((m) => m.min)), mean: f64(each.map((m) => m.mean)), std: f64(each.map((m) => m.std)), max: f64(each.map((m) => m.max)), zeros: f64(each.map((m) => m.zeros)), nonfinite: f64(each.map((m) => m.bad)) } : null,
    histogram: extra.histogram === null ? null : histogram(rows),
    findings: extra.findings ?? [],
    preview: pack("float32", [Math.min(64, rows[0].length)], rows[0].slice(0, 64)),
    note: "",
  };
}

export const finding = (level, kind, text, row = null, samples = []) => ({ level, kind, text, row, samples });

export function batchOf(size, tensors, inputs, more = {}) {
  const { record = {}, origin = {}, ...rest } = more;
  return {
    batch: {
      size, tensors, training: true, autocast: null, grad_enabled: true,
      origin: { module: "Net", split: "train", how: "training", step: 1240, notes: [], ...origin },
      indices: Array.from({ length: size }, (_, i) => (i * 37) % 50000), error: null, findings: [], ...record,
    },
    inputs, targets: [], labels: null, masks: null, boxes: null, predictions: null, correct: null, losses: null, notes: [], ...rest,
  };
}

export function labels(name, indices, names, kind = "class") {
  return { name, kind, text: indices.map((i) => names[i] ?? `${i} (outside the ${names.length} class names)`), values: f64(indices), classes: [...new Set(indices)].sort((a, b) => a - b).map((i) => names[i]).filter(Boolean) };
}

/** Pictures from planar values (N arrays of C·h·w numbers). */
export function pictures(name, values, [C, h, w], more = {}) {
  const N = values.length;
  const area = h * w;
  const low = [];
  const high = [];
  for (let c = 0; c < C; c++) {
    const { min, max } = moments(values.flatMap((v) => v.slice(c * area, (c + 1) * area)));
    low.push(more.low ?? (Number.isNaN(min) ? 0 : min));
    high.push(more.high ?? (Number.isNaN(max) ? 1 : max));
  }
  const bytes = values.flatMap((v) => v.map((x, at) => {
    const c = Math.floor(at / area);
    return Number.isFinite(x) ? Math.max(0, Math.min(255, Math.round(((x - low[c]) / (high[c] - low[c] || 1)) * 255))) : 0;
  }));
  const marks = values.flatMap((v) => Array.from({ length: area }, (_, p) => {
    for (let c = 0; c < C; c++) {
      const x = v[c * area + p];
      if (Number.isNaN(x)) return 1;
      if (!Number.isFinite(x)) return x > 0 ? 2 : 3;
    }
    return 0;
  }));
  return {
    decoder: more.kind === "values" ? "values" : "image", name, kind: more.kind ?? "image", planes: pack("uint8", [N, C, h, w], bytes), low: pack("float32", [C], low), high: pack("float32", [C], high),
    exact: more.exact === false ? null : pack("float32", [N, C, h, w], values.flat()), marks: marks.some(Boolean) ? pack("uint8", [N, h, w], marks) : null,
    size: more.size ?? [h, w], sizes: null, channels: more.channels ?? (C === 3 ? ["R", "G", "B"] : Array.from({ length: C }, (_, c) => String(c))), total_channels: C,
    normalisation: more.normalisation ?? null, normalisation_note: more.normalisation ? "" : more.note ?? "values are not normalised: 0 … 16", clipped: 0,
  };
}

export const targets = (indices, classes, findings = [finding("ok", "balanced", `${classes} classes, balanced`)]) => tensor("y", "target", "int64", [indices.length], [indices], null, { findings });
