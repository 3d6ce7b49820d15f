// The plain run beside the run as it is: what was switched off, and which results differ.

import { VERDICTS } from "./words.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Verdict} Verdict */

const PREFIX = "plain: ";
/** How what was not switched off begins. */
const LEFT = /^(no |augmentation stays on)/;
const BAD = new Set(["fail", "warn", "error"]);
/** @type {Partial<Record<Verdict, string>>} */
const VERBS = { fail: "Fails", warn: "Warns", error: "Ends in an error" };

/** The other kind of run, beside the one that is shown.
 * @param {State} state
 */
export const otherRun = ({ plain }) => (plain ? "run as it is" : "plain run");

/**
 * How a check came out in the other kind of run, where that differs; null where it does not, or was not run there.
 * @param {State} state
 * @param {string} name
 * @returns {{ chip: string, text: string } | null}
 */
export function differing(state, name) {
  const own = state.results.get(name)?.status;
  const other = state.other[name];
  if (!own || !other || own === other || own === "skip" || other === "skip") return null;
  const [mark, word] = VERDICTS[other];
  const there = `in the ${otherRun(state)}`;
  const text = BAD.has(own) === BAD.has(other) ? `Comes out another way ${there}: ${word}.` : onlyOn(own, other, state.plain, `${there}: ${word}`);
  return { chip: `${state.plain ? "as it is" : "plain"} ${mark}`, text };
}

/** @param {Verdict} own @param {Verdict} other @param {boolean} plain whether the run that is shown is plain @param {string} there */
function onlyOn(own, other, plain, there) {
  const isHere = BAD.has(own);
  const side = isHere === plain ? "without augmentation and regularisation" : "with augmentation or regularisation";
  return `${VERBS[isHere ? own : other]} only ${side}; ${there}.`;
}

/** The names of all checks that differ.
 * @param {State} state
 */
export const allDiffering = (state) => [...state.results.keys()].filter((name) => differing(state, name));

/** What a plain run switched off, and what it could not, in a line; empty for any other run, and before its end.
 * @param {import("./types.js").SanityRecord | null} record
 */
export function switchedOff(record) {
  if (!record?.plain) return "";
  const told = record.notes.filter((note) => note.startsWith(PREFIX)).map((note) => note.slice(PREFIX.length)).filter(Boolean);
  const [left, off] = [told.filter((one) => LEFT.test(one)), told.filter((one) => !LEFT.test(one))];
  return [off.length ? `switched off: ${off.join("; ")}` : "", ...left].filter(Boolean).join(" · ");
}

/** The notes that tell of anything else.
 * @param {import("./types.js").SanityRecord | null} record
 */
export const otherNotes = (record) => (record?.notes ?? []).filter((note) => !record?.plain || !note.startsWith(PREFIX));
