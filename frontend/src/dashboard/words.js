// The dashboard's own words and marks.

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").RoomName} RoomName */

/** A mark of its own for every tone, and what a screen reader says of it. */
export const TONES = /** @type {const} */ ({ ok: ["●", "fine"], warn: ["▲", "warning"], bad: ["✕", "failed"], "": ["", ""] });

/** A mark, a tone and a word for every state of a step. */
export const STEPS = /** @type {const} */ ({ done: ["✓", "ok", "done"], attention: ["▲", "warn", "needs attention"], todo: ["○", "", "to do"], off: ["–", "", "not possible yet"] });

/** @param {State} state @param {RoomName} name */
export const roomOf = ({ rooms }, name) => rooms.find((room) => room.name === name) ?? null;

/** @param {State} state @param {RoomName} name */
export const titleOf = (state, name) => roomOf(state, name)?.title ?? name;

/** What a step's button says; empty where it has none.
 * @param {State} state
 * @param {import("./types.js").Step} step
 */
export function actionOf(state, step) {
  if (!step.room || step.state === "off") return "";
  return step.action || `Open ${titleOf(state, step.room)}`;
}

/** Why nothing can be asked of Python, in words; empty where it can. @param {State} state */
export const reasonAgainst = ({ status }) => (status.state === "closed" ? status.text || "this dashboard is closed" : "");

/** The steps of all chapters. @param {State} state */
export const stepsOf = ({ recipe }) => recipe.chapters.flatMap((chapter) => chapter.steps);

/** What a sample is called. @param {import("./types.js").Sample} sample */
export function nameOf({ split, index, position, label }) {
  const place = [position === null ? "" : `${position} of the batch`, index === null ? "" : `index ${index}`].filter(Boolean).join(" · ");
  return { place, label: label === "" ? "" : `label ${label}`, split };
}
