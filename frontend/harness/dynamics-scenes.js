// The scenes of the dynamics view, one function each: the traits that Python would send.

import { LAST, binary, classification, digits, farTraces, language, moment, multilabel, other, record, regression, segmentation, traces } from "./dynamics-records.js";
import { batchOf, labels, pack, random } from "./records.js";

export const status = (more = {}) => ({
  state: "running", text: "", stale: null, live: "on", liveText: "clicks reach Python while the cell runs", step: LAST, rates: [{ optimizer: "SGD", group: "", rate: 3e-2 }],
  canPause: true, whyNot: "", following: null, background: false, journal: true, ...more,
});
const scene = (whole, now = {}) => ({ history: whole && { serial: 1, record: whole }, news: null, status: status(now) });

function spike() {
  const classes = [5, 3, 8, 8, 9];
  return { step: 820, loss: 3.42, usual: 0.41, batch: batchOf(5, [], [digits(classes, random(2))], { labels: labels("y", classes, "0123456789".split("")) }), losses: pack("float32", [5], [9.1, 6.3, 4.4, 2.2, 1.9]), note: "" };
}
const WORD = "<img src=x onerror=alert(1)>";

export const SCENES = {
  digits: () => scene(record([classification()])),
  paused: () => scene(record([classification()]), { state: "paused", text: "paused by hand at step 1,400", rates: [{ optimizer: "SGD", group: "head", rate: 3e-2 }, { optimizer: "SGD", group: "body", rate: 1e-3 }] }),
  three: () => scene(record([classification({ C: 3, N: 30, names: ["setosa", "versicolor", "virginica"] })])),
  spikes: () => scene(record([classification()], { spikes: [spike(), { ...spike(), step: 1100, batch: null, losses: pack("float32", [0], []), note: "The batch was no longer held." }], moments: [moment(820, "spike", "The loss rose to 3.42, 8 times the usual 0.41."), moment(1100, "broken", "The loss is NaN from step 1,100 on.")], traces: traces(23, true) })),
  two: () => scene(record([classification(), { ...classification({ seed: 12 }), probe: { ...classification({ seed: 12 }).probe, split: "validation", chosen: "first 24 of the first batch" } }])),
  far: () => scene(record([classification()], { traces: farTraces(), overhead: 0.071, moments: [moment(300, "rate", "The rate went from 1e-6 to 1e-3.")] }), { state: "ended", text: "the run has ended after 1,400 steps", live: "off", rates: [{ optimizer: "SGD", group: "", rate: 1e-4 }] }),
  binary: () => scene(record([binary()])),
  multilabel: () => scene(record([multilabel()])),
  regression: () => scene(record([regression()])),
  segmentation: () => scene(record([segmentation()])),
  language: () => scene(record([language()])),
  other: () => scene(record([other()])),
  off: () => scene(record([classification()], { notes: ["The training loss is not seen: add `dynamics.step(loss=loss)` after `optimizer.step()`.", "Validation is not measured: there is no `val_loader`."] }), { live: "off", canPause: false, whyNot: "no click can arrive in a plain loop on ipykernel 6: use `dynamics.run_in_background(train)`", liveText: "Clicks wait for the end of the cell: use `dynamics.run_in_background(train)`." }),
  empty: () => scene(null, { state: "idle", text: "", live: "unknown", step: 0, rates: [] }),
  fresh: () => scene(record([], { steps: 0, traces: [], moments: [], pins: [], overhead: null, notes: ["The training loss is not seen: add `dynamics.step(loss=loss)`."] }), { live: "unknown", step: 0, rates: [] }),
  ended: () => scene(record([classification()]), { state: "ended", text: "the run has ended after 1,400 steps", live: "off" }),
  hostile: () => scene(record([classification({ names: Array.from({ length: 10 }, (_, c) => (c === 5 ? WORD : `${c}`)) })], { moments: [moment(820, "alert", WORD)], notes: [WORD, `Second ${WORD}`], spikes: [{ ...spike(), note: WORD }] }), { liveText: WORD, rates: [{ optimizer: WORD, group: WORD, rate: 0.1 }, { optimizer: "b", group: "c", rate: 0.1 }] }),
};
