// Why a control can do nothing now, in words; empty where it can.

/** @typedef {import("./types.js").State} State */
/** @typedef {"pause" | "resume" | "advance" | "stop" | "rate" | "pin" | "back" | "checks" | "checkpoint" | "note"} Control */

/** Whether a run is under way. @param {State} state */
export const isUnderWay = ({ status }) => status.state === "running" || status.state === "paused";

/** Whether anything was seen of a run. @param {State} state */
const hasBegun = (state) => isUnderWay(state) || state.status.step > 0 || Boolean(state.record?.steps);

/** @type {Record<string, string>} */
const STILL = { idle: "no run is under way", stopped: "the run was stopped", ended: "the run has ended", error: "the run ended with an error" };

/** Controls that also mean something when no run is under way. */
const LATER = new Set(["rate", "pin", "back", "checks", "checkpoint", "note"]);

/**
 * @param {State} state
 * @param {Control} control
 */
export function reasonAgainst(state, control) {
  const { status, record } = state;
  if (status.state === "closed") return status.text || "this view is closed";
  if (status.following) return `this view follows ${status.following}: the run is controlled where it trains`;
  if (control === "note" && !status.journal) return "no journal is kept";
  if (control === "back" && !record?.pins.length) return "no state is kept to go back to";
  if (control === "rate" && !status.rates.length) return "no optimizer has been seen yet";
  if (!hasBegun(state)) return "no run has begun";
  if (!isUnderWay(state)) return LATER.has(control) ? "" : STILL[status.state] ?? STILL.idle;
  if (status.live === "off") return status.liveText || "clicks wait for the end of the cell";
  if ((control === "pause" || control === "advance") && !status.canPause) return status.whyNot || "this run cannot be paused";
  return "";
}

/** The dot of live control and its words.
 * @param {State} state
 * @returns {{ icon: string, text: string, tone: "ok" | "warn" | "muted", hint: string }}
 */
export function liveWords(state) {
  const { status } = state;
  const hint = status.liveText;
  if (status.following) return { icon: status.state === "running" ? "●" : "■", text: status.text || `following ${status.following}`, tone: status.state === "running" ? "ok" : "muted", hint: `${status.following}: ${hint}` };
  if (status.state === "paused") return { icon: "‖", text: "paused", tone: "warn", hint: status.text };
  if (status.state !== "running") return { icon: "■", text: { idle: hasBegun(state) ? "at rest" : "no run yet", stopped: "stopped", ended: "run ended", error: "failed", closed: "closed" }[status.state] ?? status.state, tone: status.state === "error" ? "warn" : "muted", hint: status.text };
  if (status.live === "on") return { icon: "●", text: "live control on", tone: "ok", hint };
  if (status.live === "off") return { icon: "○", text: "live control off", tone: "warn", hint };
  return { icon: "◌", text: "trying live control …", tone: "muted", hint };
}
