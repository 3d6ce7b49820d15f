// The scenes of the data view, one function each: the traits that Python would send, and a kernel that answers.

import { HOSTILE, column, dataSet, wineFeatures } from "./data-records.js";
import { kernelOf } from "./data-kernel.js";
import { pack, random } from "./records.js";

const f64 = (values) => pack("float64", [values.length], values);
const note = "10,000 of 60,000 samples, drawn at random";

/** What Python answers to longer work. */
export const WORKS = {
  confusion: () => {
    const counts = Array.from({ length: 10 }, (_, r) => Array.from({ length: 10 }, (_, c) => (r === c ? 172 - r : c === (r + 3) % 10 ? 8 - (r % 3) : 0)));
    return { words: "0123456789".split(""), counts: pack("int32", [10, 10], counts.flat()), right: 1675, known: 1740, missing: 0, others: 0, pairs: [{ label: "1", prediction: "4", count: 8, share: 0.045, query: "label == '1' and prediction == '4'" }], sentence: "1,675 of 1,740 predictions are right (96.3 %); 1 is most often taken for 4 (8 samples)." };
  },
  slices: () => ({
    measure: "error rate", error: 0.044, samples: 1797, tried: 212, least: 20, sentence: "Errors are most frequent where the label is 3 and mean is below 4.1: 24.0 % of 50 samples, against 3.8 % of the rest.",
    slices: [{ text: "label 3, mean below 4.1", query: "label == '3' and mean < 4.1", count: 50, error: 0.24, low: 0.143, high: 0.374, rest: 0.038, p: 1e-6, share: 0.15 }, { text: "outlier above 3", query: "outlier > 3", count: 88, error: 0.16, low: 0.098, high: 0.251, rest: 0.039, p: 0.002, share: 0.18 }],
  }),
  issues: () => ({ rows: f64([4, 27, 50, 73, 96, 119]), given: ["4", "7", "0", "3", "6", "9"], suggested: ["7", "0", "3", "6", "9", "2"], quality: f64([0.01, 0.02, 0.02, 0.05, 0.07, 0.09]), judged: 1797, accuracy: 0.97, of: "pixels, pooled", method: "confident learning", sentence: "6 labels look wrong to models that had not seen them.", notes: [note] }),
  nearest: ({ row }) => ({ rows: [1, 2, 3, 4, 5].map((k) => row + 10 * k), distances: f64([0.11, 0.14, 0.2, 0.22, 0.31]) }),
  baselines: () => ({
    task: "classes", metric: "accuracy", unit: "", samples: 1797, features: 64, classes: 10, folds: 5, verdict: "network above", sentence: "There is a lot to learn: a random forest tells 97.2 % right where the most common class tells 10.2 %; the network is 0.6 points above it, within noise.", notes: ["Pixels are pooled to 8 × 8."], seconds: 3,
    scores: [["most common class", 0.102, 0.09, 0.12], ["naive Bayes", 0.84, 0.82, 0.86], ["logistic regression", 0.961, 0.95, 0.97], ["random forest", 0.972, 0.964, 0.979], ["network", 0.978, 0.97, 0.984]].map(([name, value, low, high]) => ({ name, value, low, high, error: null, note: "" })),
  }),
  curve: () => ({ model: "logistic regression", metric: "accuracy", sizes: f64([90, 180, 360, 720, 1437]), scores: f64([0.83, 0.89, 0.93, 0.95, 0.961]), low: f64([0.8, 0.87, 0.915, 0.94, 0.95]), high: f64([0.86, 0.91, 0.945, 0.96, 0.97]), samples: 1797, gain: 0.009, gain_low: 0.002, gain_high: 0.016, answer: "helps", sentence: "Twice the data would bring 0.9 points (0.2 … 1.6).", notes: [], seconds: 4 }),
  decompose: () => ({
    metric: "error rate", unit: "", largest: "variance", sentence: "Variance is the largest part: 5.2 points of the 8.1 % on the validation data.", notes: ["No test loader was given: validation overfitting is not told apart."],
    levels: [["human", 0.004, 0.001, 0.012, 250], ["train", 0.025, 0.02, 0.03, 1437], ["validation", 0.081, 0.06, 0.11, 360]].map(([name, value, low, high, samples]) => ({ name, value, low, high, samples })),
    parts: [["irreducible", "human", 0.004, 0.001, 0.012, "clear", "Better labels or inputs."], ["bias", "train − human", 0.021, 0.012, 0.03, "clear", "A larger network, longer training."], ["variance", "validation − train", 0.056, 0.03, 0.085, "clear", "More data, augmentation, regularisation."]].map(([name, of, value, low, high, state, advice]) => ({ name, of, value, low, high, state, advice })),
  }),
  outputs: () => ({ histograms: [{ kind: "class", name: "label", words: "0123456789".split(""), edges: f64([]), targets: f64(Array.from({ length: 10 }, () => 180)), outputs: f64([181, 180, 179, 185, 180, 181, 180, 182, 166, 186]), joint: f64([]), samples: 1797, unit: "", sentence: "outputs of 8 are rarer than its targets.", advice: ["Look at 8 first."] }], errors: [] }),
  human_result: () => ({ samples: 50, right: 49, unknown: 0, accuracy: 0.98, low: 0.895, high: 0.996, repeats: 10, agreed: 10, kappa: 1, seconds: 1.4, words: ["3", "8"], confusion: pack("int32", [2, 3], [24, 1, 0, 0, 25, 0]), network: { samples: 50, network: 0.96, low: 0.865, high: 0.989, difference: 0.02, difference_low: -0.06, difference_high: 0.1, only_human: 2, only_network: 1, p: 1 }, sentence: "You told 49 of 50 right (98.0 %, 89.5 … 99.6 %); the network 48 of the same.", notes: [] }),
};

const busy = { state: "busy", text: "a cell is running" };
const made = (set, more = {}) => kernelOf(set, { works: WORKS, ...more });

export const SCENES = {
  digits: () => made(dataSet()),
  filtered: () => made(dataSet(), { asked: { query: "loss > 1 and label != prediction", sort: { column: "loss", descending: true }, selected: [4, 27, 50] } }),
  brushed: () => made(dataSet(), { asked: { brush: { column: "loss", low: 0.9, high: 3 }, selected: [27] } }),
  wrong: () => made(dataSet(), { asked: { tried: "lable == '3'", queryError: "there is no column 'lable' at position 1; did you mean 'label'?" } }),
  fresh: () => made(dataSet({ predicted: false }), { asked: { histogram: "label" } }),
  grouped: () => made(dataSet(), { asked: { group: "label" } }),
  scanning: () => made(dataSet({ N: 772, predicted: false, more: { total: 1797, complete: false, findings: [] } }), { asked: { scatter: null, histogram: "label" }, status: { state: "busy", text: "scans the train data, 772 of 1,797", work: "scan", done: 0.43, left: 12 } }),
  none: () => made({ ...dataSet({ N: 0 }), dataset: null }, { status: { text: "" } }),
  empty: () => made(dataSet({ N: 0, more: { total: 0, findings: [], labelKind: "" } }), { asked: { scatter: null } }),
  closed: () => made(dataSet(), { status: { state: "closed", text: "this view is closed: open another with inspector.data()" } }),
  stale: () => made(dataSet(), { status: { stale: "The name `model` holds another network now: predictions are of the one before." } }),
  failed: () => made(dataSet({ more: { failed: 23, failures: [{ index: 17, error: "OSError: image file is truncated (train.py:12)" }, { index: 140, error: `ValueError: ${HOSTILE}` }], notes: ["Augmentation is random: samples look otherwise at each reading.", "Workers died twice; their samples were read again."] } })),
  text: () => made(dataSet({ N: 600, form: "text", names: ["negative", "positive"] })),
  series: () => made(dataSet({ N: 300, form: "series", names: ["walk", "run", "stand"] })),
  table: () => made(dataSet({ N: 178, form: "table", names: ["barolo", "grignolino", "barbera"], more: { features: wineFeatures() } })),
  many: () => made(dataSet({ N: 30000, names: Array.from({ length: 10000 }, (_, c) => `class ${c}`) })),
  million: () => {
    const set = dataSet({ N: 2000 });
    const kernel = made(set);
    const rows = (params) => ({ start: params.start, rows: pack("int32", [params.count], Array.from({ length: params.count }, (_, i) => (params.start + i) % 2000)), columns: ["index"], cells: Array.from({ length: params.count }, (_, i) => [String(params.start + i)]) });
    Object.assign(kernel.traits.view, { count: 1_000_000, total: 1_000_000 });
    return { ...kernel, answer: (message, model) => (message.method === "rows" ? { ok: true, payload: rows(message.params) } : kernel.answer(message, model)) };
  },
  busy: () => {
    const kernel = made(dataSet(), { status: busy });
    return { ...kernel, answer: (message, model) => (message.method === "samples" ? null : kernel.answer(message, model)) };
  },
  hostile: () => {
    const set = dataSet({ names: [HOSTILE, "'; drop", "a\\b\n\u2028c", ...Array.from({ length: 7 }, (_, c) => `${c}`)], more: { notes: [HOSTILE, HOSTILE], failures: [{ index: 1, error: HOSTILE }], failed: 1, name: HOSTILE } });
    set.dataset.findings[0].text = HOSTILE;
    const next = random(3);
    set.columns.push(column(HOSTILE, "number", Array.from({ length: set.N }, next), { help: HOSTILE }));
    return made(set, { asked: { queryError: HOSTILE }, status: { stale: HOSTILE } });
  },
};
