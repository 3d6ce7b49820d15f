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
  training: [["updates-not-applied", "6 of 6 changed in 6 steps"], ["frozen-parameters-change", "nothing is frozen"], ["optimizer-mismatch", "all 6 trainable parameters are held"], ["missing-zero-grad", "cleared between updates"], ["clipping-always-on", "skip:train_step"], ["overfit-one-batch", "64 samples: loss 2.308 to 0.1192 in 30 steps"], ["input-independent-baseline", "zeroed inputs stop at 2.29"], ["shuffled-labels", "learnt within 3 steps"], ["learning-rate", "0.003; the range test suggests 0.022"], ["update-ratio", "1.2e-3 in the median layer"], ["lr-schedule", "skip:a scheduler"], ["regularised-debug-run", "0.12 with dropout, 0.03 without"], ["capacity", "wider by 2: 0.11"], ["batch-size", "noise scale 41"], ["memory-growth", "skip:train_step"], ["evaluation-changes-model", "skip:eval_step"]],
};

const QUESTIONS = { "loss-input": "Is the loss fed with what it expects: logits, probabilities or log-probabilities?", "batch-leak": "Does the output of a sample depend on other samples of the batch?", "dead-units": "Are units zero on every sample?", "loss-at-init": "Does the loss start where theory puts it?" };

export const CATALOGUE = Object.entries(HEALTHY).flatMap(([stage, checks]) => checks.map(([name]) => ({
  name, stage, question: QUESTIONS[name] ?? `Is everything well with ${name.replaceAll("-", " ")}?`,
  why: "Cross-entropy applies its own softmax. Probabilities squeeze the gradient, and the loss stops far above its floor: no error is raised, it only learns badly.",
  remedy: "Feed `F.cross_entropy` with logits; apply softmax only where probabilities are read.",
  silent: "log-probabilities into NLL or cross-entropy", cost: stage === "training" ? 100 : name === "runs" ? 0 : 2, needs: ["a forward pass and a loss that run"], thresholds: [["tolerance", "0.001"], ["share", "0.7"]], explains: name === "loss-input" ? ["loss-at-init"] : [], sources: ["S-loss-scale", "T-loss-input"],
})));

export const result = (check, stage, status, summary, more = {}) => ({
  check, stage, status, summary, title: "", detail: "", measurements: [], where: "", place: null, remedy: "", code: "", charts: [], confirmed: false, explained_by: "", explains: [], sources: ["S-loss-scale", "T-loss-input"], passes: stage === "training" ? 0 : 2, steps: stage === "training" && status !== "skip" ? 12 : 0, seconds: 0.02 + 0.2 * next(), ...more,
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
  device: "cpu", memory: null, seed: 0, seconds: 4.21, passes: 21.4, steps: 190, plain: false, cut: "", notes: [], versions: [["nbinspect", "0.1.0"]], ...more,
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

const rates = Array.from({ length: 49 }, (_, i) => -5 + i * 0.11);
const rangeLoss = (noise) => rates.map((rate) => (rate > -0.2 ? 4.6 : 2.31 - 1.6 / (1 + Math.exp(-3 * (rate + 2.2))) + 3 / (1 + Math.exp(-9 * (rate + 0.5))) + noise * (next() - 0.5)));
const marked = (place) => rates.map((_, i) => (i === place - 1 ? 2.9 : i === place ? 0.7 : NaN));
export const RANGE = chart("lines", "Loss while the rate rises", "log10 of the learning rate", "loss", ["loss", "smoothed", "rate in use", "suggested"], [rangeLoss(0.5), rangeLoss(0), marked(22), marked(30)], { at: f64(rates) });
export const OVERFIT = chart("lines", "Loss of one batch", "steps", "loss", ["your optimizer", "your optimizer at 0.1 times the rate", "Adam"], [steps.slice(0, 41).map((i) => (i < 3 ? 2.3 + 2 * i : NaN)), steps.slice(0, 41).map((i) => 2.3 * Math.exp(-i / 14)), steps.slice(0, 41).map((i) => (i < 25 ? 2.3 * Math.exp(-i / 7) : NaN))], { at: f64(steps.slice(0, 41)), expected: [0, 0.23] });
const looks = [0, 10, 20, 30, 40, 50, 60];
const fall = (to, every) => looks.map((i) => to + (2.31 - to) * Math.exp(-i / every));
const swapChart = (whose, ends) => chart("lines", `${whose}: loss on held-out samples; a constant prediction has 2.3`, "optimizer step", "loss", ["reference model, Adam, rate 0.001", "your model, SGD, rate 0.1 (yours)", "your model, Adam, rate 0.001", "your model, Adam, rate 0.01", "constant prediction"], [...ends.map(([to, every]) => fall(to, every)), looks.map(() => 2.3)], { at: f64(looks) });
export const SWAPPED = {
  check: "model-or-data", stage: "swap", status: "fail", summary: "Your model is at fault", title: "Your model is at fault",
  detail: "The reference model comes 81 % of the way on your data, yours 9 %, and 8 % on data that the reference model learns. Reference model: convolutional network of 9,834 parameters, inputs standardised where they are numbers. Reference data: made by a planted teacher, in the form of your batches (input x).",
  measurements: [["reference model, your data; Adam, rate 0.001", "2.3 → 0.44, learns: 81 %"], ["reference model, reference data; Adam, rate 0.001", "2.3 → 0.31, learns: 86 %"], ["your model, your data; SGD, rate 0.1 (yours)", "2.3 → 2.1, fails: 9 %"], ["your model, reference data; SGD, rate 0.1 (yours)", "ValueError: a shape that is long and does not end"]].map(([quantity, measured]) => ({ quantity, measured, expected: "0 if perfect" })),
  where: "", place: null, remedy: "", code: "", charts: [swapChart("Your data", [[0.44, 18], [2.1, 9], [2.15, 9], [2.2, 9]]), swapChart("Reference data of the same shapes", [[0.31, 14], [2.1, 8], [2.2, 9], [2.25, 12]])], confirmed: false, explained_by: "", explains: [], sources: [], passes: 0, steps: 480, seconds: 6.2,
};

export { f64 };
