// The swap of model and data, listed after the checks and read like one of them; it is no check, and not counted.

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").CheckFacts} CheckFacts */

/** @type {CheckFacts} */
export const SWAP = {
  name: "model-or-data",
  stage: "swap",
  question: "Which is at fault, the model or the data?",
  why: "A model that is known to work is trained on your data, and yours on data of the same shapes that are known to be learnable. What fails beside a partner that works is at fault.",
  remedy: "Mend what is at fault; the checks above say how.",
  silent: "data on which short runs show nothing: then it cannot be told",
  cost: 0,
  needs: ["loader", "loss"],
  thresholds: [],
  explains: [],
  sources: ["S-reference-data", "T-synthetic"],
};

/** Words for how a swap ended, in place of those for checks. @type {Partial<Record<import("./types.js").Verdict, string>>} */
export const SWAPPED = { fail: "found", pass: "neither is at fault", inconclusive: "it cannot be told" };

/** All that can be asked: the checks, and the swap.
 * @param {CheckFacts[]} catalogue
 */
export const asked = (catalogue) => (catalogue.length ? [...catalogue, SWAP] : []);

/** What was found of a check, or by the swap.
 * @param {State} state
 * @param {string | null} name
 */
export const resultOf = ({ results, swap }, name) => (name === SWAP.name ? (swap ?? undefined) : results.get(name ?? ""));

/** Whether the swap is under way.
 * @param {State} state
 */
export const isSwapping = ({ progress, pending }) => progress?.check === SWAP.name || pending.includes("swap");
