// Made-up forward passes in the shape of the real records, packed as Python packs them.

import { finding, pack, random } from "./records.js";

export const next = random(21);
export const normal = () => next() + next() + next() + next() - 2;
export const count = (shape) => shape.reduce((a, b) => a * b, 1);

/** Statistics of values that might be there. */
export function moments(shape, { zero = 0, scale = 1, low = -2.4, high = 2.6, mean = 0.02, nan = 0, inf = 0, saturated = 0 } = {}) {
  const bars = Array.from({ length: 24 }, (_, i) => Math.round(4000 * Math.exp(-(((i - (zero > 0.3 ? 0 : 11)) / 5) ** 2)) + 20 * next()));
  if (zero > 0.3) [low, mean] = [0, 0.21 * scale];
  return { count: count(shape), mean: mean * scale, std: 0.49 * scale, min: low * scale, max: high * scale, nan, inf, zero, negative: low < 0 ? 0.48 : 0, saturated, sampled: 1, bars: pack("int32", [24], bars), edges: [low * scale, high * scale] };
}

export const activation = (shape, more = {}) => ({ name: "output", shape, dtype: "float32", device: "cpu", requires_grad: true, moments: moments(shape, more), units: shape[1] ?? 0, dead: 0, gradient: null, note: "", ...more.facts });

/** Builds a list of steps, each within those that are still open. */
export function tracer(file, first, name) {
  const steps = [];
  const open = [];
  const step = (kind, label, path, outputs, more) => {
    const parent = open.at(-1) ?? null;
    const index = steps.length;
    const { line = null, ...rest } = more;
    steps.push({
      index, kind, name: label, path, call: 0, parent, depth: open.length, place: line === null ? null : { file, line, function: name, first }, inputs: [], outputs,
      parameters: [], grad_enabled: true, autocast: null, in_place: false, seconds: 2e-5 + 8e-4 * next(), memory: null, findings: [], note: "", ...rest,
    });
    return index;
  };
  return {
    steps,
    operation: (label, path, outputs, more = {}) => step("operation", label, path, outputs, more),
    module(label, path, outputs, more, inside = () => undefined) {
      open.push(step("module", label, path, outputs, more));
      inside();
      return open.pop();
    },
  };
}

export const passOf = (model, steps, sources, more = {}) => ({
  model, level: "operation", steps, sources, inputs: [activation([64, 1, 8, 8], { zero: 0.4 })], outputs: [], size: 64, training: true, autocast: null, grad_enabled: true,
  loss: 2.31, seconds: 0.012, parameters: [], failure: null, notes: [], ...more,
});

export const use = (name, origin, step, shape, dtype = "float32") => ({ name, origin, step, shape, dtype });

/** Planes of values as a person looks at them. */
export function view(kind, shape, planes, more = {}) {
  const [P, h, w] = planes.shape;
  const rows = Array.from({ length: P }, (_, p) => planes.values.slice(p * h * w, (p + 1) * h * w).filter(Number.isFinite));
  const ends = rows.map((row) => [row.length ? Math.min(...row) : NaN, row.length ? Math.max(...row) : NaN]);
  const all = rows.flat();
  const [low, high] = all.length ? [Math.min(...all), Math.max(...all)] : [0, 0];
  const bars = new Array(24).fill(0);
  for (const value of all) bars[Math.min(23, Math.floor(((value - low) / (high - low || 1)) * 24))]++;
  const total = more.total ?? P;
  const dead = kind === "matrix" ? new Array(w).fill(0) : rows.map((row) => Number(row.every((value) => value === 0)));
  return {
    step: 0, output: 0, name: "output", shape, dtype: "float32", device: "cpu", kind, sample: kind === "matrix" ? null : 9, samples: shape[0], planes: pack("float32", planes.shape, planes.values), size: [h, w], first: 0, total,
    axes: ["channel", "height", "width"], row_names: [], column_names: [], low: pack("float32", [P], ends.map((end) => end[0])), high: pack("float32", [P], ends.map((end) => end[1])), shared: [low, high],
    dead: pack("bool", [dead.length], dead), top: pack("int32", [Math.min(total, 8)], Array.from({ length: Math.min(total, 8) }, (_, i) => (i * 3 + 1) % total)), excited: null, bars: pack("int32", [24], bars), edges: [low, high], compared: "", note: "", ...more,
  };
}

/** Smooth random planes; those whose number is in `dead` are zero. */
export function planes(P, h, w, { dead = [], positive = false, scale = 1 } = {}) {
  const values = [];
  for (let p = 0; p < P; p++) {
    const [a, b, c] = [0.6 + next(), 0.6 + next(), 6 * next()];
    for (let i = 0; i < h * w; i++) {
      const value = scale * (Math.sin(a * Math.floor(i / w) + c) * Math.cos(b * (i % w) - c) * 1.6 + normal() * 0.4);
      values.push(dead.includes(p) ? 0 : positive ? Math.max(value, 0) : value);
    }
  }
  return { shape: [P, h, w], values };
}

export const cursor = (more = {}) => ({
  state: "suspended", index: 0, reached: 0, view: null, text: "", failure: null, breakpoints: [], hit: null, effect: null, edits: [], training: true, notes: [], ...more,
  can: { restart: true, over: true, into: true, out: true, run: true, back: true, stop: false, replace: true, gradients: true, edit: true, next: true, ...more.can },
});

export { finding, pack };
