// The scenes of the sanity view, one function each: the traits that Python would send.

import { CATALOGUE, CURVES, DEAD, DEPTH, MATRIX, OVERFIT, RANGE, SPREAD, SWAPPED, WIDE, healthy, result, runOf, withFindings } from "./sanity-records.js";

const place = (line, file = "/home/ada/work/net.py") => ({ file, line, function: "Net.forward", first: 31 });
const idle = { state: "idle", text: "", stale: null };

const SOFTMAX = result("loss-input", "wiring", "fail", "probabilities into cross-entropy", {
  title: "Softmax before cross-entropy", detail: "Cross-entropy applies its own softmax. Without the one in `forward` the loss on one batch falls to 0.01; as it is it stops at 1.48.",
  measurements: [{ quantity: "rows of outputs sum to", measured: "1.000 … 1.000", expected: "anything" }, { quantity: "smallest output", measured: "0.081", expected: "may be negative" }, { quantity: "lowest loss these outputs allow", measured: "1.461", expected: "0.000 nats" }],
  where: "F.softmax", place: place(36), remedy: "Return the logits of `self.fc2`, and apply softmax where probabilities are read.", code: "-    return torch.softmax(self.fc2(x), dim=1)\n+    return self.fc2(x)", charts: [CURVES], confirmed: true, explains: ["loss-at-init"], passes: 12,
});
const INIT = result("loss-at-init", "init", "fail", "2.30, floor 1.46", { title: "The loss starts above its floor", detail: "The first loss is 2.30, and these outputs allow no less than 1.46.", explained_by: "loss-input", remedy: "Mend `loss-input` first.", measurements: [{ quantity: "loss", measured: "2.303 nats", expected: "2.303 nats" }] });
const DEADS = result("dead-units", "init", "warn", "relu1: 93 %", { title: "Most units of relu1 are zero on every sample", detail: "30 of 32 units never fire on 256 samples; no gradient reaches them.", where: "relu1", place: place(33, "/tmp/ipykernel_812/99.py"), charts: [DEAD], remedy: "Raise the bias, or lower the rate." });
const IMBALANCE = result("class-imbalance", "data", "warn", "largest 3.1 × smallest", { title: "Classes are uneven", charts: [SPREAD], detail: "Class 1 has 3.1 times the samples of class 8.", remedy: "Read balanced accuracy." });
const LEAK = result("batch-leak", "wiring", "fail", "output 1 moves with input 4", { title: "Samples of a batch are mixed", detail: "In eval mode the output of sample 1 depends on the input of sample 4.", place: place(34), charts: [MATRIX, WIDE], code: "- x = x.view(-1, 64)\n+ x = x.transpose(0, 1)" });
const VANISH = result("vanishing-gradients", "backward", "fail", "1.6e7 from fc2 to conv1", { title: "Gradients vanish with depth", charts: [DEPTH], detail: "", remedy: "Use ReLU." });
const ERROR = result("gradient-check", "backward", "error", "RuntimeError: expected scalar type Double but found Float", { detail: "RuntimeError: expected scalar type Double but found Float (at /home/ada/work/net.py:41)" });

const sick = (more = {}) => ({ catalogue: CATALOGUE, record: runOf(withFindings([SOFTMAX, INIT, IMBALANCE, DEADS]), ["loss-input", "loss-at-init", "class-imbalance", "dead-units"], more), status: idle });
const EVIL = "<img src=x onerror=alert(1)>";

function hostile() {
  const one = result("runs", "wiring", "fail", EVIL, { title: EVIL, detail: `${EVIL} \`${EVIL}\``, measurements: [{ quantity: EVIL, measured: EVIL, expected: EVIL }], where: EVIL, place: place(3, `/tmp/${EVIL}.py`), remedy: EVIL, code: `- ${EVIL}\n+ ${EVIL}`, charts: [{ ...DEAD, title: EVIL, names: DEAD.names.map(() => EVIL), x: EVIL, y: EVIL }], sources: [EVIL] });
  const facts = CATALOGUE.map((each) => ({ ...each, why: EVIL, silent: EVIL, thresholds: [[EVIL, EVIL]] }));
  return { catalogue: facts, record: runOf(withFindings([one]), ["runs"], { plain: true, notes: [EVIL, EVIL, `plain: ${EVIL}`], device: EVIL, task: { kind: "other", given: false, why: EVIL, loss: "", classes: null } }), plain: true, other: { [EVIL]: "fail", runs: "pass" }, swapped: { ...SWAPPED, summary: EVIL, title: EVIL, detail: EVIL, measurements: one.measurements, charts: one.charts }, status: { state: "error", text: EVIL, stale: EVIL } };
}

function running() {
  const results = withFindings([SOFTMAX, IMBALANCE]).slice(0, 26);
  return { catalogue: CATALOGUE, record: runOf(results, ["loss-input", "class-imbalance"], { task: null, device: "cuda:0", memory: [0.4 * 2 ** 30, 139 * 2 ** 30] }), progress: { done: 26, total: 61, check: "unregistered-parameters", seconds: 6.1, left: 4.2, steps: 0 }, status: { state: "busy", text: "runs the checks", stale: null } };
}

const STUCK = result("overfit-one-batch", "training", "warn", "explodes with your optimizer, not at a tenth of its rate", { title: "One batch cannot be learnt at this rate", detail: "With your optimizer the loss rises to 6.3 in 3 steps; at a tenth of its rate it falls to 0.12.", charts: [OVERFIT, RANGE], remedy: "Set the rate to 0.003.", explained_by: "" });
const RATE = result("learning-rate", "training", "pass", "0.003; the range test suggests 0.022", { charts: [RANGE], steps: 51, passes: 0 });
const PLAIN_NOTES = ["plain: RandomHorizontalFlip, ColorJitter", "plain: dropout of 3 modules", "plain: weight decay", "One batch of 64 was read."];
const verdicts = (results) => Object.fromEntries(results.map((one) => [one.check, one.status]));

function training() {
  const results = withFindings([SOFTMAX, IMBALANCE, RATE]).slice(0, 53);
  return { catalogue: CATALOGUE, record: runOf(results, ["loss-input", "class-imbalance"], { task: null, steps: 88, device: "cuda:0", memory: [0.4 * 2 ** 30, 139 * 2 ** 30] }), progress: { done: 53, total: 61, check: "learning-rate", seconds: 9.3, left: 4.2, steps: 41 }, status: { state: "busy", text: "runs the checks", stale: null } };
}

/** @type {Record<string, () => Record<string, any>>} */
export const SCENES = {
  empty: () => ({ catalogue: CATALOGUE, record: null, status: idle }),
  sick: () => sick(), running, hostile,
  healthy: () => ({ catalogue: CATALOGUE, record: runOf(healthy(), [], { notes: ["One batch of 64 was read; the loader's own generator is untouched."] }), status: idle }),
  warned: () => ({ catalogue: CATALOGUE, record: runOf(withFindings([DEADS, IMBALANCE]), ["dead-units", "class-imbalance"]), status: { ...idle, stale: "model is another object now: this view shows the old one" } }),
  leak: () => ({ catalogue: CATALOGUE, record: runOf(withFindings([LEAK, VANISH, ERROR]), ["batch-leak", "vanishing-gradients"], { notes: ["A first note.", "A second note."] }), status: idle }),
  vanish: () => ({ catalogue: CATALOGUE, record: runOf(withFindings([VANISH]), ["vanishing-gradients"]), status: idle }),
  imbalance: () => ({ catalogue: CATALOGUE, record: runOf(withFindings([IMBALANCE]), ["class-imbalance"]), status: idle }),
  error: () => ({ catalogue: CATALOGUE, record: runOf(withFindings([ERROR])), status: idle }),
  refused: () => ({ catalogue: CATALOGUE, record: null, status: { state: "error", text: "the model is in use in thread 'train' (fit): a probe beside it would disturb its steps", stale: null } }),
  waiting: () => ({ catalogue: CATALOGUE, record: null, status: { state: "waiting", text: "waits for the running cell to end", stale: null } }),
  cut: () => ({ catalogue: CATALOGUE, record: runOf(healthy().map((one, i) => (i < 14 ? one : { ...one, status: "skip", summary: "not run: cancelled" })), [], { cut: "cancelled" }), status: idle }),
  training,
  stuck: () => ({ catalogue: CATALOGUE, record: runOf(withFindings([STUCK, RATE]), ["overfit-one-batch"]), status: idle }),
  plain: () => ({ catalogue: CATALOGUE, record: runOf(withFindings([RATE]), [], { plain: true, notes: PLAIN_NOTES }), plain: true, other: verdicts(withFindings([STUCK, DEADS])), status: idle }),
  unplain: () => ({ catalogue: CATALOGUE, record: runOf(withFindings([STUCK, DEADS]), ["overfit-one-batch", "dead-units"]), plain: false, other: verdicts(healthy()), status: idle }),
  plainEmpty: () => ({ catalogue: CATALOGUE, record: null, plain: true, other: verdicts(healthy()), status: idle }),
  swapped: () => ({ ...sick(), swapped: SWAPPED }),
  swapping: () => ({ ...sick(), progress: { done: 2, total: 8, check: "model-or-data", seconds: 3.2, left: null, steps: 0 }, status: { state: "busy", text: "trains copies of your model and of a known one", stale: null } }),
  first: () => ({ catalogue: CATALOGUE, record: null, progress: { done: 0, total: 61, check: "nonfinite-data", seconds: 0, left: null, steps: 0 }, status: { state: "busy", text: "runs the checks", stale: null } }),
};
