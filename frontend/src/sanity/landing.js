// Which check is looked at: the one chosen by hand, and after a run the worst of those that just ran.

import { SWAP, asked } from "./swap.js";
import { VERDICTS } from "./words.js";

/** @typedef {import("./types.js").State} State */

const ORDER = Object.keys(VERDICTS);

/** @param {State} state */
const isGoing = ({ progress, status }) => progress !== null || status.state === "busy";

/**
 * What ran last, and what is therefore looked at.
 * @param {State} now with its results
 * @param {State} before
 * @returns {Pick<State, "ran" | "earlier" | "chosen" | "selected">}
 */
export function landing(now, before) {
  const [going, went] = [isGoing(now), isGoing(before)];
  const ran = ranOf(now, before, going && !went);
  const earlier = going && !went ? now.chosen : before.earlier;
  const known = asked(now.catalogue).some(({ name }) => name === now.chosen);
  // What was chosen before the run, and is no part of it, was chosen for something else.
  const over = went && !going && ran.length > 0 && now.chosen === earlier && now.chosen !== SWAP.name && !ran.includes(now.chosen ?? "");
  const chosen = over ? null : now.chosen;
  const first = now.record?.diagnosis[0] ?? "";
  const stays = going && now.results.has(before.selected ?? "");
  const found = ran.includes(first) ? first : stays ? before.selected : worstOf(now, ran);
  return { ran, earlier, chosen, selected: (known ? chosen : null) ?? found ?? before.selected ?? now.catalogue[0]?.name ?? null };
}

/** @param {State} now @param {State} before @param {boolean} began whether a run has just begun */
function ranOf(now, before, began) {
  if (!began && now.results === before.results) return before.ran;
  const fresh = [...now.results.values()].filter((result) => before.results.get(result.check) !== result);
  const names = [...(began ? [] : before.ran), ...fresh.map((result) => result.check)];
  return [...new Set(names)].filter((name) => now.results.has(name));
}

/** @param {State} state @param {string[]} ran */
function worstOf({ results }, ran) {
  const rank = (/** @type {string} */ name) => ORDER.indexOf(results.get(name)?.status ?? "skip");
  return ran.length ? ran.reduce((worst, name) => (rank(name) < rank(worst) ? name : worst)) : null;
}
