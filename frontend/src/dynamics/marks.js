// Signs of the moments of a run: never by colour alone.

/** @typedef {import("./types.js").Moment} Moment */
/** @typedef {import("./types.js").MomentKind} MomentKind */
/** @typedef {{ icon: string, tone: "warn" | "bad" | "muted" | "accent", word: string }} Sign */

/** @type {Record<MomentKind, Sign>} */
const SIGNS = {
  alert: { icon: "▲", tone: "warn", word: "alert" },
  spike: { icon: "◆", tone: "bad", word: "loss spike" },
  broken: { icon: "✕", tone: "bad", word: "no number" },
  problem: { icon: "!", tone: "bad", word: "problem" },
  pin: { icon: "◎", tone: "accent", word: "pin" },
  rate: { icon: "↕", tone: "muted", word: "rate changed" },
  back: { icon: "↩", tone: "accent", word: "went back" },
  pause: { icon: "‖", tone: "muted", word: "paused" },
  note: { icon: "✎", tone: "muted", word: "note" },
  checkpoint: { icon: "▣", tone: "muted", word: "checkpoint" },
  checks: { icon: "✓", tone: "muted", word: "checks" },
};

/** @type {Record<Sign["tone"], string>} the variable that holds a tone's colour */
export const TONES = { warn: "--nb-warn", bad: "--nb-bad", muted: "--nb-soft", accent: "--nb-accent" };

/** @param {Moment} moment */
export const signOf = (moment) => SIGNS[moment.kind] ?? SIGNS.note;

/** Moments that are told in words below the time line.
 * @param {Moment[]} moments
 */
export const told = (moments) => moments.filter(({ kind }) => kind !== "pause" && kind !== "pin");
