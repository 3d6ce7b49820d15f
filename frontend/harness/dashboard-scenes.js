// The scenes of the dashboard, one function each: the traits that Python would send.

const room = (name, title, more = {}) => ({ name, title, state: "closed", model: null, text: "", tone: "", why: "", ...more });
const step = (id, title, room, state = "todo", text = "", more = {}) => ({ id, title, advice: `Why one would ${title.toLowerCase()}.`, sources: [`K-${id}`], state, text, room, action: null, ...more });
const idle = { state: "idle", text: "", stale: null, renew: false };
const facts = {
  model: "Net", parameters: "3,818", trainable: "3,818", device: "cpu", dtype: "float32", mode: "train", loader: "DataLoader", samples: "1,417", batches: "23", batch_size: "64",
  validation: "380 samples", loss: "CrossEntropyLoss", optimizer: "Adam", rate: "0.003",
};
const rooms = (more = {}) => ["Recipe", "Data", "Batch", "Forward", "Sanity", "Dynamics"].map((title) => room(title.toLowerCase(), title, { ...(title === "Recipe" ? { state: "open" } : {}), ...more[title.toLowerCase()] }));

const DATA = [
  step("look", "Look at the data itself", "data", "todo", "", { action: "Scan the data" }),
  step("duplicates", "Find duplicates and leaks between splits", "data"),
  step("corrupt", "Find corrupt samples and labels", "data"),
  step("imbalance", "See how the classes are spread", "data"),
  step("learnable", "Ask whether there is anything to learn", "data"),
  step("wrong", "Look at what the network gets wrong", "data", "todo", "", { action: "Predict" }),
  step("human", "Measure how well a person does", "data"),
];
const SKELETON = [
  step("before-net", "See the exact batch that enters the network", "batch"),
  step("forward", "Step through one forward pass", "forward"),
  step("wiring", "Check the wiring", "sanity", "todo", "", { action: "Run wiring checks" }),
  step("loss-at-init", "Check the loss at the start", "sanity", "todo", "", { action: "Run init checks" }),
  step("baseline", "Beat a network that sees no input", "sanity"),
  step("overfit", "Overfit one batch", "sanity", "todo", "", { action: "Run training checks" }),
  step("seed", "Fix the seed", "sanity"),
];
const TRAINING = [
  step("rate", "Choose the learning rate", "sanity"),
  step("dynamics", "Watch predictions on a fixed batch as training goes", "dynamics"),
  step("validation", "Evaluate on the whole validation set", "dynamics", "off", "needs a validation loader: Inspector(…, val_loader=…)"),
  step("curves", "Read the loss curves", "dynamics"),
  step("journal", "Keep a journal of runs", null, "todo", "inspector.journal() begins one"),
];
const chapters = (found = {}) => [["Know the data", DATA], ["A skeleton that can be trusted", SKELETON], ["Train, and watch", TRAINING]].map(([title, steps]) => ({ title, steps: steps.map((one) => ({ ...one, ...found[one.id] })) }));

/** @param {string | null} next @param {Record<string, object>} [found] */
function recipe(next, found = {}, nextText = "Most defects are in the data, and most of them can be seen.") {
  const made = chapters(found);
  const steps = made.flatMap((chapter) => chapter.steps);
  return { chapters: made, next, nextText, done: steps.filter((one) => one.state === "done").length, total: steps.length };
}

const FOUND = {
  look: { state: "done", text: "1,417 of 1,417 samples scanned" }, duplicates: { state: "attention", text: "12 duplicates, 5 of them in both splits", certain: true }, corrupt: { state: "done", text: "1 sample is not finite, excluded" },
  imbalance: { state: "done", text: "largest class 1.1 times the smallest" }, learnable: { state: "done", text: "linear 0.977, against 0.104 for the most common class" },
  "before-net": { state: "done", text: "64 samples of the train loader" }, wiring: { state: "attention", text: "Softmax before cross-entropy", certain: true }, "loss-at-init": { state: "attention", text: "The loss starts above its floor" },
};
const OPEN = { recipe: { text: "5 of 19" }, data: { state: "open", model: "d1", text: "1,417 samples", tone: "warn" }, batch: { state: "open", model: "b1", text: "64 samples", tone: "ok" }, sanity: { state: "open", model: "s1", text: "2 failed", tone: "bad" } };
const SAMPLE = { split: "train", index: 85, position: 3, label: "9", from: "data", where: { data: true, batch: true, forward: true, dynamics: "a run is under way: its probe is fixed" } };
const EVIL = "<img src=x onerror=alert(1)>";

function hostile() {
  const made = recipe("look", Object.fromEntries(["look", "wiring", "validation"].map((id) => [id, { title: EVIL, advice: EVIL, text: EVIL, sources: [EVIL], action: EVIL }])), EVIL);
  made.chapters[0].title = EVIL;
  return {
    rooms: rooms({ data: { text: EVIL, tone: "bad", state: "error", why: EVIL }, batch: { title: EVIL } }), active: "data", facts: Object.fromEntries(Object.keys(facts).map((key) => [key, EVIL])),
    sample: { ...SAMPLE, label: EVIL, where: { data: EVIL } }, recipe: made, status: { state: "error", text: `${EVIL} in the kernel`, stale: EVIL, renew: true },
  };
}

/** @type {Record<string, () => Record<string, any>>} */
export const SCENES = {
  first: () => ({ rooms: rooms(), active: "recipe", facts, sample: null, recipe: recipe("look"), status: idle }),
  midway: () => ({ rooms: rooms(OPEN), active: "recipe", facts, sample: null, recipe: recipe("duplicates", FOUND, "12 duplicates, 5 of them in both splits: the validation loss is too good."), status: idle }),
  picked: () => ({ ...SCENES.midway(), active: "batch", sample: SAMPLE }),
  opening: () => ({ ...SCENES.first(), rooms: rooms({ data: { state: "opening" } }), active: "data", status: { ...idle, state: "busy", text: "opens Data" } }),
  failed: () => ({ ...SCENES.first(), rooms: rooms({ batch: { state: "error", why: "the loader gave no batch: it is empty" } }), active: "batch" }),
  bare: () => ({
    rooms: rooms({ data: { state: "off", why: "needs a loader: Inspector(model, loader)" }, batch: { state: "off", why: "needs a loader: Inspector(model, loader)" } }), active: "data",
    facts: { ...facts, loader: null, samples: null, batches: null, batch_size: null, validation: null, loss: null, optimizer: null, rate: null }, sample: null, recipe: recipe("forward"), status: idle,
  }),
  stale: () => ({ ...SCENES.midway(), status: { ...idle, stale: "model is another object now: this dashboard shows the old one", renew: true } }),
  closed: () => ({ ...SCENES.picked(), status: { ...idle, state: "closed", text: "closed: what was sent can still be looked at" } }),
  finished: () => ({ ...SCENES.midway(), recipe: recipe(null, Object.fromEntries([...DATA, ...SKELETON, ...TRAINING].map(({ id }) => [id, { state: "done", text: "fine" }])), "All that can be done with what was given has been done.") }),
  hostile,
};
