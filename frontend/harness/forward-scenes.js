// The scenes of the forward view, one function each: the traits that Python would send.

import { activation, count, cursor, finding, moments, next, normal, pack, passOf, planes, tracer, use, view } from "./forward-records.js";

const FILE = "/home/ada/work/net.py";
const CODE = ["    def forward(self, x):", "        x = F.relu(self.conv1(x))", "        x = self.pool(F.relu(self.bn(self.conv2(x))))", "        x = x.view(-1, 8 * 4 * 4)", "        x = F.relu(self.fc1(x))", "        return self.fc2(x)"];
const SOURCES = [{ file: FILE, function: "Net.forward", first: 31, lines: CODE }];
const MAPS = [64, 8, 8, 8];

function cnnSteps({ gradients = false, failing = false } = {}) {
  const t = tracer(FILE, 31, "Net.forward");
  const out = (shape, more = {}) => [{ ...activation(shape, more), gradient: gradients ? moments(shape, { scale: 0.004 * (1 + next()) }) : null }];
  const layer = (kind, path, shape, operation, line, more = {}) => t.module(kind, path, out(shape, more), { line, parameters: [`${path}.weight`, `${path}.bias`], inputs: [use("input", path === "conv1" ? "batch" : `step ${t.steps.length - 1}`, path === "conv1" ? null : t.steps.length - 1, shape)] }, () => t.operation(operation, path, out(shape, more), { inputs: [use("input", "batch", null, [64, 1, 8, 8]), use("weight", `${path}.weight`, null, [8, 1, 3, 3])] }));
  t.module("Net", "", out([64, 10]), {}, () => {
    layer("Conv2d", "conv1", MAPS, "F.conv2d", 32, { zero: 0.02 });
    t.operation("F.relu", "", out(MAPS, { zero: 0.47 }), { line: 32, inputs: [use("input", "step 1", 1, MAPS)] });
    layer("Conv2d", "conv2", MAPS, "F.conv2d", 33);
    layer("BatchNorm2d", "bn", MAPS, "F.batch_norm", 33);
    t.operation("F.relu", "", [{ ...out(MAPS, { zero: 0.81 })[0], dead: 3, units: 8 }], { line: 33, inputs: [use("input", "step 6", 6, MAPS)], findings: [finding("warn", "dead", "3 of 8 channels zero on every sample")] });
    layer("MaxPool2d", "pool", [64, 8, 4, 4], "F.max_pool2d", 33, { zero: 0.4 });
    t.operation("Tensor.view", "", out([64, 128], { zero: 0.4 }), { line: 34, note: "a view of step 9", inputs: [use("self", "step 9", 9, [64, 8, 4, 4])] });
    if (failing) {
      t.module("Linear", "fc1", [], { line: 35, inputs: [use("input", "step 11", 11, [64, 128])], parameters: ["fc1.weight", "fc1.bias"] }, () => t.operation("F.linear", "fc1", [], { inputs: [use("input", "step 11", 11, [64, 128]), use("weight", "fc1.weight", null, [32, 64])] }));
      return;
    }
    layer("Linear", "fc1", [64, 32], "F.linear", 35);
    t.operation("F.relu", "", out([64, 32], { zero: 0.5 }), { line: 35 });
    layer("Linear", "fc2", [64, 10], "F.linear", 36);
  });
  return t.steps;
}

const relu = (more = {}) => view("maps", MAPS, planes(8, 8, 8, { dead: [0, 3, 6], positive: true }), { step: 8, name: "F.relu → output", excited: pack("float32", [8, 64], Array.from({ length: 8 * 64 }, (_, i) => ([0, 3, 6].includes(Math.floor(i / 64)) ? 0 : 2 * next()))), ...more });

function cnn(more = {}, options = {}) {
  return { passed: passOf("Net", cnnSteps(options), SOURCES), exhibit: relu(), cursor: cursor({ index: 8, reached: 8, ...more }) };
}

const INPUTS = () => {
  const values = Array.from({ length: 64 }, (_, i) => Math.max(0, 1.1 - Math.abs(Math.hypot(Math.floor(i / 8) - 3.5, (i % 8) - 3.5) - 2.3)));
  return view("maps", [64, 1, 8, 8], { shape: [1, 8, 8], values }, { step: -1, name: "input" });
};

const TOKENS = "The exact batch that enters the net work is shown".split(" ");

function gpt(layers = 4, { at = 0 } = {}) {
  const file = "/usr/lib/python3/site-packages/transformers/models/gpt2/modeling_gpt2.py";
  const t = tracer(file, 388, "GPT2Block.forward");
  const H = [4, 10, 64];
  const out = (shape, more) => [activation(shape, more)];
  const linear = (kind, path, shape, line) => t.module(kind, path, out(shape), { line, parameters: [`${path}.weight`, `${path}.bias`] }, () => {
    t.operation("torch.addmm", path, out([40, shape[2]]), { line: line + 1 });
    t.operation("Tensor.view", path, out(shape), { line: line + 2, note: "a view of the step before" });
  });
  let soft = 0;
  t.module("GPT2LMHeadModel", "", out([4, 10, 5000]), {}, () => {
    t.module("GPT2Model", "transformer", out(H), { line: 1200 }, () => {
      t.module("Embedding", "transformer.wte", out(H), { line: 800 }, () => t.operation("F.embedding", "transformer.wte", out(H), {}));
      for (let l = 0; l < layers; l++) {
        const p = `transformer.h.${l}`;
        t.module("GPT2Block", p, out(H, l === layers - 1 ? { scale: 3e4 } : {}), { line: 890, findings: l === layers - 1 ? [finding("warn", "exploding", "values up to 7.8e+04")] : [] }, () => {
          t.module("LayerNorm", `${p}.ln_1`, out(H), { line: 391 }, () => t.operation("F.layer_norm", `${p}.ln_1`, out(H), {}));
          t.module("GPT2Attention", `${p}.attn`, [activation(H), activation([4, 4, 10, 10], { low: 0, high: 1 })], { line: 393 }, () => {
            linear("Conv1D", `${p}.attn.c_attn`, [4, 10, 192], 310);
            t.operation("Tensor.split", `${p}.attn`, [activation(H), activation(H), activation(H)], { line: 311 });
            t.operation("torch.matmul", `${p}.attn`, out([4, 4, 10, 10]), { line: 62 });
            soft = t.operation("F.softmax", `${p}.attn`, out([4, 4, 10, 10], { low: 0, high: 1, saturated: l === 1 ? 0.62 : 0.1 }), { line: 75, findings: l === 1 ? [finding("warn", "saturated", "62 % of the values at an end of their range")] : [] });
            t.operation("torch.matmul", `${p}.attn`, out([4, 4, 10, 16]), { line: 84 });
            linear("Conv1D", `${p}.attn.c_proj`, H, 330);
          });
          t.operation("Tensor.add", p, out(H), { line: 401 });
          t.module("GPT2MLP", `${p}.mlp`, out(H), { line: 430 }, () => {
            linear("Conv1D", `${p}.mlp.c_fc`, [4, 10, 256], 360);
            t.operation("NewGELUActivation", `${p}.mlp.act`, out([4, 10, 256]), { line: 361 });
            linear("Conv1D", `${p}.mlp.c_proj`, H, 362);
          });
        });
      }
      t.module("LayerNorm", "transformer.ln_f", out(H), { line: 930 }, () => t.operation("F.layer_norm", "transformer.ln_f", out(H), {}));
    });
    t.module("Linear", "lm_head", out([4, 10, 5000]), { line: 1210 }, () => t.operation("F.linear", "lm_head", out([4, 10, 5000]), {}));
  });
  const lines = Array.from({ length: 44 }, (_, i) => (i === 0 ? "def forward(self, hidden_states, past_key_values=None, attention_mask=None, use_cache=False, output_attentions=False):" : `    hidden_states = self.part_${i}(hidden_states)  # ${"residual connection ".repeat(i % 3)}`));
  const passed = passOf("GPT2LMHeadModel", t.steps, [{ file, function: "GPT2Block.forward", first: 388, lines }, { file, function: "eager_attention_forward", first: 58, lines: lines.slice(0, 30) }], { inputs: [{ ...activation([4, 10]), dtype: "int64", moments: null }], size: 4, training: false });
  const heads = { shape: [4, 10, 10], values: [] };
  for (let head = 0; head < 4; head++) {
    for (let row = 0; row < 10; row++) {
      const scores = Array.from({ length: 10 }, (_, column) => (column <= row ? Math.exp((head === 1 && column === row ? 5 : 0) + (head === 2 && column === 0 ? 3 : 0) + normal()) : 0));
      const sum = scores.reduce((a, b) => a + b, 0);
      heads.values.push(...scores.map((score) => score / sum));
    }
  }
  const chosen = at || soft;
  return {
    passed, cursor: cursor({ index: chosen, reached: chosen, training: false }),
    exhibit: view("attention", [4, 4, 10, 10], heads, { step: chosen, name: "F.softmax → output", sample: 0, samples: 4, axes: ["head", "query", "key"], row_names: TOKENS, column_names: TOKENS, note: "" }),
  };
}

function matrix() {
  const scene = cnn({ index: 13, reached: 14, text: "" });
  const table = planes(1, 64, 32, { positive: true });
  for (const column of [4, 5, 19]) for (let row = 0; row < 64; row++) table.values[row * 32 + column] = 0;
  table.values[3 * 32 + 8] = NaN;
  const dead = Array.from({ length: 32 }, (_, column) => Number([4, 5, 19].includes(column)));
  return { ...scene, cursor: cursor({ index: 15, reached: 15 }), exhibit: view("matrix", [64, 32], table, { step: 15, name: "F.relu → output", axes: ["", "sample", "feature"], dead: pack("bool", [32], dead) }) };
}

function failed() {
  const steps = cnnSteps({ failing: true });
  const failure = { error: "RuntimeError: mat1 and mat2 shapes cannot be multiplied (64x128 and 64x32)", step: steps.length - 1, place: { file: FILE, line: 35, function: "Net.forward", first: 31 }, explanation: "F.linear was given input (64, 128) and weight (32, 64): the input's last axis, 128, is not the weight's, 64" };
  return { passed: passOf("Net", steps, SOURCES, { failure, loss: null }), cursor: cursor({ state: "failed", index: null, reached: steps.length - 1, failure, can: { over: false, into: false, out: false, run: false, replace: false, gradients: false } }), exhibit: null };
}

function many(total = 5000) {
  const file = "/home/ada/rnn.py";
  const t = tracer(file, 10, "Rnn.forward");
  t.module("Rnn", "", [activation([32, 64])], {}, () => {
    for (let i = 0; t.steps.length < total; i++) {
      t.module("LSTMCell", "cell", [activation([32, 64]), activation([32, 64])], { line: 13, call: i }, () => {
        for (const name of ["F.linear", "Tensor.chunk", "torch.sigmoid", "torch.tanh", "Tensor.mul", "Tensor.add"]) t.operation(name, "cell", [activation([32, 64])], { line: 20 });
      });
    }
  });
  const lines = ["    def forward(self, x):", "        h = c = self.start", "        for t in range(x.size(1)):", "            h, c = self.cell(x[:, t], (h, c))", "        return h"];
  const at = 3001;
  const vector = view("matrix", [32, 64], planes(1, 32, 64), { step: at, axes: ["", "sample", "feature"], name: "LSTMCell → output[0]" });
  return { passed: passOf("Rnn", t.steps, [{ file, function: "Rnn.forward", first: 10, lines }], { size: 32 }), cursor: cursor({ index: at, reached: at + 6 }), exhibit: vector };
}

function hostile() {
  const evil = "<img src=x onerror=alert(1)>";
  const t = tracer(`/tmp/${evil}.py`, 1, `${evil}.forward`);
  t.module(evil, "", [activation([2, 3])], {}, () => {
    t.module(evil, `${evil}.${"deep".repeat(60)}`, [activation([2, 3], { nan: 3 })], { line: 2, findings: [finding("warn", "non-finite", `3 NaN of 6 values ${evil}`)], inputs: [use(evil, evil, null, [2, 3])], parameters: [evil], note: evil });
    t.operation("Tensor.add", "", [activation([2, 3], { nan: 3 })], { line: 3 });
  });
  const values = [NaN, 1, NaN, Infinity, -1, NaN];
  return {
    passed: passOf(evil, t.steps, [{ file: `/tmp/${evil}.py`, function: `${evil}.forward`, first: 1, lines: [`def forward(self, x):  # ${evil}`, `    y = self.layer(x)  # ${"long ".repeat(80)}`, "    return y + 1"] }], { size: 2, notes: [evil] }),
    cursor: cursor({ index: 1, reached: 1, hit: `non-finite: ${evil} gives 3 NaN`, breakpoints: [{ id: 1, text: "non-finite", on: true, hits: 2 }, { id: 2, text: `${evil}.py:3`, on: false, hits: 0 }, { id: 3, text: evil, on: true, hits: 0 }], edits: [evil, "input edited"], notes: [evil] }),
    exhibit: view("matrix", [2, 3], { shape: [1, 2, 3], values }, { step: 1, name: evil, axes: ["", evil, "feature"], row_names: [evil, "b"], column_names: ["a", evil, "c"] }),
    status: { state: "idle", text: "", stale: `the notebook's ${evil} is now another object` },
  };
}

function changed() {
  const steps = cnnSteps({ gradients: true });
  const moved = steps.filter((step) => step.index >= 8).map((step) => [step.index, step.index === 8 ? null : 0.9 / (step.index - 7)]);
  const effect = { loss: [2.31, 2.87], greatest: 1.2, predictions: [12, 64], moved, text: "loss 2.31 → 2.87, 12 of 64 predictions change, outputs differ by up to 1.2" };
  return { passed: passOf("Net", steps, SOURCES), live: { first: 8, steps: steps.slice(8) }, cursor: cursor({ state: "finished", index: null, reached: steps.length - 1, effect, edits: ["step 8 replaced"], can: { over: false, into: false, out: false, run: false, replace: false } }), exhibit: view("matrix", [64, 10], planes(1, 64, 10), { step: 0, name: "Net → output", axes: ["", "sample", "feature"], column_names: "zero one two three four five six seven eight nine".split(" ") }) };
}

/** @type {Record<string, () => Record<string, any>>} */
export const SCENES = {
  cnn: () => cnn(),
  input: () => ({ ...cnn({ state: "ready", index: null, reached: -1, can: { replace: false, back: false, out: false } }), exhibit: INPUTS() }),
  gradients: () => cnn({ hit: "dead, from 30% on: 3 of 8 units of F.relu are zero on every sample", breakpoints: [{ id: 1, text: "dead, from 30% on", on: true, hits: 1 }, { id: 2, text: `${FILE}:35`, on: true, hits: 0 }, { id: 3, text: "step 11", on: true, hits: 0 }] }, { gradients: true }),
  gpt: () => gpt(),
  matrix, failed, many, hostile, changed,
  pages: () => ({ ...cnn(), exhibit: relu({ total: 64, shape: [64, 64, 8, 8] }) }),
  compared: () => ({ ...cnn(), exhibit: view("maps", MAPS, planes(8, 8, 8), { step: 8, name: "F.relu → output", compared: "step 6, BatchNorm2d" }) }),
  running: () => ({ ...cnn({ state: "running", index: null, reached: 8, can: { restart: false, over: false, into: false, out: false, run: false, back: false, stop: true, replace: false, gradients: false, edit: false } }), exhibit: null }),
  fresh: () => ({ passed: null, exhibit: null, cursor: cursor({ state: "ready", index: null, reached: -1, can: { back: false, replace: false } }), status: { state: "busy", text: "runs a whole pass", stale: null } }),
  number: () => ({ ...cnn(), exhibit: view("number", [], { shape: [1, 1, 1], values: [2.3099] }, { step: 8, name: "loss", samples: 0, sample: null, axes: ["", "", ""] }) }),
  vector: () => ({ ...cnn(), exhibit: view("vector", [64], planes(1, 1, 64), { step: 8, name: "Tensor.mean", samples: 64, sample: null, axes: ["", "", "sample"] }) }),
  none: () => ({ ...cnn(), exhibit: view("none", [2], { shape: [0, 0, 0], values: [] }, { step: 8, note: "no values: a meta tensor has none" }) }),
};

export { count, relu };
