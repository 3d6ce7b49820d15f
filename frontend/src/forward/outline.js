// The tree of steps as rows: which are to be seen, and how they stand to each other.

/** @typedef {import("./types.js").Step} Step */
/**
 * @typedef {object} Row
 * @property {number} index of the step; -1 is the input
 * @property {number} level from 1
 * @property {number} place among its siblings, from 1
 * @property {number} siblings with itself
 * @property {boolean | null} open null where there is nothing inside
 */

const MANY = 120;

/** The steps inside each step; what belongs to none is under null.
 * @param {Step[]} steps
 */
export function insides(steps) {
  /** @type {Map<number | null, Step[]>} */
  const found = new Map([[null, []]]);
  for (const step of steps) {
    const inside = found.get(step.parent);
    if (inside) inside.push(step);
    else found.set(step.parent, [step]);
  }
  return found;
}

/**
 * Whether a module is open unless somebody says otherwise: not where one operation is all there is inside, nor deep
 * down in a large pass.
 * @param {Step} step
 * @param {Map<number | null, Step[]>} inside
 * @param {number} total steps
 */
export function opensByItself(step, inside, total) {
  const within = inside.get(step.index) ?? [];
  if (within.length === 1 && within[0].kind === "operation") return false;
  return total <= MANY || step.depth < 1;
}

/**
 * The rows in sight, from the top.
 * @param {Step[]} steps
 * @param {Map<number, boolean>} chosen open or closed by hand
 * @param {Set<number>} enclosing steps that are open because the cursor stands inside
 * @returns {Row[]}
 */
export function rowsOf(steps, chosen, enclosing) {
  const inside = insides(steps);
  /** @type {Row[]} */
  const rows = [];
  // By hand, not by recursion: a model may nest deeper than a stack.
  const roots = inside.get(null) ?? [];
  /** @type {{ list: Step[], at: number, level: number }[]} */
  const open = [{ list: roots, at: 0, level: 1 }];
  if (steps.length) rows.push({ index: -1, level: 1, place: 1, siblings: roots.length + 1, open: null });
  while (open.length) {
    const top = open[open.length - 1];
    if (top.at >= top.list.length) {
      open.pop();
      continue;
    }
    const step = top.list[top.at++];
    const within = inside.get(step.index);
    const shown = within ? chosen.get(step.index) ?? (enclosing.has(step.index) || opensByItself(step, inside, steps.length)) : null;
    const shift = top.level === 1 ? 1 : 0; // the input stands before the model
    rows.push({ index: step.index, level: top.level, place: top.at + shift, siblings: top.list.length + shift, open: shown });
    if (within && shown) open.push({ list: within, at: 0, level: top.level + 1 });
  }
  return rows;
}

/** The row of a step or, where it is folded away, of the nearest step around it that is to be seen.
 * @param {Row[]} rows
 * @param {Step[]} steps
 * @param {number | null} index
 */
export function rowFor(rows, steps, index) {
  const places = new Map(rows.map((row, at) => [row.index, at]));
  const byIndex = new Map(steps.map((step) => [step.index, step]));
  for (let at = index; at !== null && at !== undefined; at = byIndex.get(at)?.parent ?? null) {
    const found = places.get(at);
    if (found !== undefined) return found;
  }
  return null;
}
