// How results are said: marks, words and tones, headlines, where the run stands, the thing to mend first.

import { duration } from "../forward/figures.js";
import { fileTitle } from "../forward/pass.js";
import { brief, plural, shorten } from "../numbers.js";
import { SWAP, SWAPPED, isSwapping } from "./swap.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").CheckResult} CheckResult */
/** @typedef {import("./types.js").Verdict} Verdict */

/** Mark, word and tone of each verdict, those that matter most first. @type {Record<Verdict, [string, string, string | null]>} */
export const VERDICTS = {
  fail: ["✕", "failed", "bad"],
  error: ["!", "error", "bad"],
  warn: ["▲", "warning", "warn"],
  pass: ["●", "passed", "ok"],
  inconclusive: ["?", "inconclusive", null],
  waived: ["○", "waived", null],
  skip: ["–", "skipped", null],
};
const ANSWERS = new Set(["pass", "warn", "fail", "inconclusive", "waived"]);

/**
 * The mark of a check, its word for those who do not see it, and its tone.
 * @param {CheckResult | undefined} result
 * @param {boolean} running
 */
export function markOf(result, running) {
  if (running) return { mark: "◐", word: "running", tone: "busy" };
  if (!result) return { mark: "·", word: "not run yet", tone: null };
  const [mark, word, tone] = VERDICTS[result.status];
  return { mark, word: (result.check === SWAP.name && SWAPPED[result.status]) || word, tone };
}

/**
 * What a check that is running does, as far as that can be told.
 * @param {import("./types.js").CheckFacts} facts
 * @param {import("./types.js").Progress} progress
 */
export function doing({ name, stage, cost }, { done, total, steps }) {
  if (name === SWAP.name) return `training ${done + 1} of at most ${total}`;
  // all checks have been run, and the remedy of this one is tried on a copy
  if (done >= total) return `tries the remedy, ${plural(steps, "step")}`;
  if (!steps) return "running …";
  return stage === "training" && cost >= steps ? `${steps} of at most ${cost} steps` : plural(steps, "training step");
}

/**
 * Results by their verdict: `2 failed · 1 warning · 38 passed`.
 * @param {Iterable<CheckResult>} results
 */
export function counts(results) {
  const all = [...results];
  const parts = Object.entries(VERDICTS).map(([status, [, word]]) => {
    const found = all.filter((result) => result.status === status).length;
    if (!found) return "";
    return status === "error" || status === "warn" ? plural(found, word) : `${found} ${word}`;
  });
  return parts.filter(Boolean).join(" · ");
}

/** @param {CheckResult} result */
export const headline = (result) => shorten(result.title || result.summary || result.check, 160);

/** `net.py:36`, or where else it is; empty where it is nowhere.
 * @param {CheckResult} result
 */
export const at = (result) => (result.place ? `${fileTitle(result.place.file)}:${result.place.line}` : shorten(result.where, 80));

/** @param {State} state */
export const isRunning = ({ progress, pending, status }) => progress !== null || pending.includes("run") || pending.includes("swap") || status.state === "busy" || status.state === "waiting";

/** @param {number} seconds */
const time = (seconds) => (seconds < 1 ? duration(seconds) : `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`);

/** Where the run stands: how many, how long, on what.
 * @param {State} state
 */
export function standing(state) {
  const { catalogue, record, progress, status, results, stuck } = state;
  if (stuck) return "Cancel waits: use Interrupt kernel";
  const where = record ? [record.device, memory(record)] : [];
  if (progress && isSwapping(state)) return ["model or data?", doing(SWAP, progress), time(progress.seconds), ...where].filter(Boolean).join(" · ");
  if (progress) {
    const facts = catalogue.find((one) => one.name === progress.check);
    const trains = facts && progress.steps ? `${facts.name}: ${doing(facts, progress)}` : "";
    const left = progress.left === null ? "" : `${Math.max(1, Math.round(progress.left))} s left`;
    return [`${progress.done} of ${progress.total}`, trains, left, ...where].filter(Boolean).join(" · ");
  }
  if (status.state === "waiting") return status.text || "waits for the running cell to end";
  if (status.state === "busy") return `${status.text || "works"} …`;
  if (status.state === "closed") return "closed";
  if (!record) return `${plural(catalogue.length, "check")}, not run yet`;
  return [`${results.size} of ${plural(catalogue.length, "check")}`, time(record.seconds), plural(Number(brief(record.passes)), "pass", "passes"), record.steps ? plural(record.steps, "training step") : "", ...where].filter(Boolean).join(" · ");
}

/** @param {import("./types.js").SanityRecord} record */
function memory({ memory: used }) {
  return used ? `${(used[0] / 2 ** 30).toFixed(1)} of ${(used[1] / 2 ** 30).toFixed(0)} GiB` : "";
}

/** What kind of task the program was taken for, and why.
 * @param {import("./types.js").Task | null | undefined} task
 */
export function taskLine(task) {
  if (!task) return "";
  const classes = task.classes ? ` of ${plural(task.classes, task.kind === "multilabel" ? "label" : "class", task.kind === "multilabel" ? "labels" : "classes")}` : "";
  return `task: ${task.kind}${classes}, ${task.given ? "as you said" : `inferred: ${shorten(task.why, 300)}`}`;
}

/**
 * @typedef {object} Diagnosis
 * @property {string | null} tone
 * @property {string} mark
 * @property {string} title
 * @property {string} text
 * @property {CheckResult | null} first the thing to mend
 * @property {string[]} more what else is to be looked at: further causes, and errors
 */

/** The thing to mend first, or what the run came to.
 * @param {State} state
 * @returns {Diagnosis}
 */
export function diagnosisOf(state) {
  const { record, results, catalogue, plain } = state;
  const errors = [...results.values()].filter((result) => result.status === "error").map((result) => result.check);
  const first = record?.diagnosis.length ? results.get(record.diagnosis[0]) : undefined;
  if (record && first) {
    const causes = record.diagnosis.slice(1).filter((name) => !results.get(name)?.explained_by);
    const [mark, , tone] = VERDICTS[first.status];
    return { tone, mark, title: headline(first), text: first.detail, first, more: [...causes, ...errors] };
  }
  const none = { first: null, more: errors };
  const cut = record?.cut ? `, but the run was cut short (${shorten(record.cut, 120)})` : "";
  const answered = [...results.values()].filter((result) => ANSWERS.has(result.status)).length;
  if (errors.length) return { ...none, tone: "bad", mark: "!", title: `${plural(errors.length, "check")} could not finish`, text: `No defect was found by ${plural(answered, "other check")}${cut}.` };
  const working = isRunning(state) && !(answered && isSwapping(state));
  if (answered && working) return { ...none, tone: null, mark: "◐", title: `No defect so far, by ${plural(answered, "check")}`, text: "" };
  if (answered) return { ...none, tone: cut ? null : "ok", mark: "●", title: `No defect was found by ${plural(answered, "check")}${cut}`, text: "" };
  if (working) return { ...none, tone: null, mark: "◐", title: workingTitle(state), text: "" };
  if (record) return { ...none, tone: null, mark: "–", title: `No check came to an answer${cut}`, text: "" };
  const asks = `${plural(catalogue.length, "check")} will ask what is listed below`;
  if (plain) return { ...none, tone: null, mark: "·", title: "Nothing has been run plain yet", text: `${asks}, of a copy without augmentation and regularisation, as far as these can be found. What was found as it is comes back when Plain is switched off.` };
  return { ...none, tone: null, mark: "·", title: "Nothing has been run yet", text: `${asks}. Model, optimizer and loader are left unchanged.` };
}

/** @param {State} state */
function workingTitle(state) {
  if (state.status.state === "waiting") return `The ${isSwapping(state) ? "swap waits" : "checks wait"} for the running cell to end`;
  return isSwapping(state) ? "Model and data are swapped for known ones" : "The first checks are running";
}
