// Made-up runs of checks in the shape of the real records, packed as Python packs them.

import { pack, random } from "./records.js";

const next = random(5);
const f64 = (values) => pack("float64", [values.length], values);

/** Name and stage of every check, with what a healthy run says of it. */
const HEALTHY = {
  data: [["nonfinite-data", "all 4,096 values finite"], ["input-scale", "mean 0.02, std 0.99"], ["target-scale", "skip:regression targets"], ["label-range", "0 … 9 of 10"], ["class-imbalance", "largest 1.1 × smallest"], ["duplicate-samples", "none in 1,797"], ["split-leak", "skip:val_loader"], ["label-noise", "none in 1,797"], ["not-shuffled", "order tells nothing of labels"], ["worker-randomness", "skip:a loader with workers"], ["train-val-shift", "skip:val_loader"], ["nothing-to-learn", "forest 97 %, most common 10 %"]],
  wiring: [["runs", "17 steps, loss 2.31"], ["dtype", "float32 throughout"], ["silent-broadcast", "no (N, N)"], ["loss-input", "logits into F.cross_entropy"], ["loss-target", "class indices"], ["loss-direction", "a step lowers it by 0.03"], ["loss-reduction", "mean"], ["output-range", "unbounded"], ["constant-output", "std 0.21 over samples"], ["batch-leak", "largest |∂yᵢ/∂xⱼ| = 0"], ["causality", "skip:causal"], ["padding-leak", "skip:padding_value"], ["unused-parameters", "all 12 reached"], ["unused-input", "64 of 64 features used"], ["unused-result", "no result is dropped"], ["unregistered-parameters", "none in the graph"], ["detached-graph", "the loss reaches the input"], ["zero-gradient-path", "none"], ["no-nonlinearity", "ReLU between all"], ["train-eval-mode", "inconclusive:no train_step"], ["batchnorm-statistics", "skip:BatchNorm"]],
  init: [["loss-at-init", "2.31, theory 2.30"], ["final-bias", "prior −2.30, bias −0.02"], ["init-scale", "std 0.49 … 1.12"], ["symmetric-init", "no equal rows"], ["dead-units", "worst layer 8 %"], ["saturated-units", "no tanh or sigmoid"]],
  backward: [["nonfinite-forward", "all finite"], ["nonfinite-gradient", "all finite"], ["vanishing-gradients", "0.012 … 0.055"], ["exploding-gradients", "0.012 … 0.055"], ["gradient-check", "differs by 3e-9"], ["nondeterminism", "twice 2.3099"]],
};

const QUESTIONS = { "loss-input": "Is the loss fed with what it expects: logits, probabilities or log-probabilities?", "batch-leak": "Does the output of a sample depend on other samples of the batch?", "dead-units": "Are units zero on every sample?", "loss-at-init": "Does the loss start where theory puts it?" };

export const CATALOGUE = Object.entries(HEALTHY).flatMap(([stage, checks]) => checks.map(([name]) => ({
  name, stage, question: QUESTIONS[name] ?? `Is everything well with ${name.replaceAll("-", " ")}?`,
  why: "Cross-entropy applies its own softmax. Probabilities squeeze the gradient, and the loss stops far above its floor: no error is raised, it only learns badly.",
  remedy: "Feed `F.cross_entropy` with logits; apply softmax only where probabilities are read.",
  silent: "log-probabilities into NLL or cross-entropy", cost: name === "runs" ? 0 : 2, needs: ["recorded", "outputs", "loss_fn"], thresholds: [["tolerance", "0.001"], ["share", "0.7"]], explains: name === "loss-input" ? ["loss-at-init"] : [], sources: ["S-loss-scale", "T-loss-input"],
})));

export const result = (check, stage, status, summary, more = {}) => ({
  check, stage, status, summary, title: "", detail: "", measurements: [], where: "", place: null, remedy: "", code: "", charts: [], confirmed: false, explained_by: "", explains: [], sources: ["S-loss-scale", "T-loss-input"], passes: 2, seconds: 0.02 + 0.2 * next(), ...more,
});

export function healthy() {
  return Object.entries(HEALTHY).flatMap(([stage, checks]) => checks.map(([name, summary]) => {
    const [, status, words] = /^(skip|inconclusive):(.*)$/.exec(summary) ?? [];
    return result(name, stage, status ?? "pass", status === "skip" ? `needs ${words}` : (words ?? summary));
  }));
}

/** Results in which some are replaced. */
export const withFindings = (findings) => healthy().map((one) => findings.find((found) => found.check === one.check) ?? one);

export const runOf = (results, diagnosis = [], more = {}) => ({
  model: "Net", results, diagnosis, task: { kind: "classification", given: false, why: "the loss is F.cross_entropy on outputs (64, 10)", loss: "F.cross_entropy", classes: 10 },
  device: "cpu", memory: null, seed: 0, seconds: 4.21, passes: 21.4, cut: "", notes: [], versions: [["nbinspect", "0.1.0"]], ...more,
});

export const chart = (kind, title, x, y, names, values, more = {}) => ({ kind, title, x, y, names, values: values.map(f64), at: f64([]), expected: [null, null], log: false, ...more });
const steps = Array.from({ length: 101 }, (_, i) => i);
const layers = ["conv1", "bn1", "relu1", "conv2", "bn2", "relu2", "layer3.0.downsample.1", "fc1", "fc2"];

export const CURVES = chart("lines", "Overfitting one batch", "step", "loss in nats", ["as it is", "without the softmax"], [steps.map((i) => 1.46 + 0.84 * Math.exp(-i / 25)), steps.map((i) => 0.01 + 2.3 * Math.exp(-i / 16))], { at: f64(steps) });
export const DEPTH = chart("lines", "Gradient by depth", "layer", "norm of the gradient", ["as it is", "a healthy depth"], [[3e-9, 2e-8, 6e-7, 9e-6, 2e-4, 4e-3, 0.05], [0.03, 0.02, 0.05, 0.04, 0.06, 0.05, 0.07]], { at: f64([0, 1, 2, 3, 4, 5, 6]), log: true, expected: [1e-3, 10] });
export const DEAD = chart("bars", "Dead units by layer", "layer", "share of units", layers, [[0.02, 0.01, 0.93, 0, 0.04, 0.88, 0.11, 0, 0]], { expected: [null, 0.7] });
export const SPREAD = chart("histogram", "Inputs and targets", "value", "samples", ["inputs", "targets"], [[1, 4, 9, 22, 41, 60, 52, 33, 17, 6, 2], [0, 0, 0, 0, 1, 2, 9, 40, 66, 20, 8]], { at: f64(Array.from({ length: 12 }, (_, i) => -20 + 25 * i)), expected: [-3, 3] });
const leak = Array.from({ length: 6 }, (_, i) => Array.from({ length: 6 }, (__, j) => (i === j ? 1 + next() : i % 3 === j % 3 ? 0.4 * next() : 0)));
export const MATRIX = chart("matrix", "Which input each output depends on", "input sample", "output sample", ["0", "1", "2", "3", "4", "5"], leak);
export const WIDE = chart("matrix", "Which time each output depends on", "input time", "output time", Array.from({ length: 24 }, (_, i) => `t${i}`), Array.from({ length: 24 }, (_, i) => Array.from({ length: 24 }, (__, j) => (j <= i ? next() : j === i + 1 ? -0.5 : 0))));

export { f64 };
