// Numbers that came packed, or as lists, or not at all.

/** @param {import("./types.js").Counts} value @returns {ArrayLike<number>} */
export function numbersOf(value) {
  if (!value) return [];
  return "data" in value ? value.data : value;
}

/** The greatest number; 0 where there is none. @param {ArrayLike<number>} values */
export function greatest(values) {
  let most = 0;
  for (let i = 0; i < values.length; i++) if (values[i] > most) most = values[i];
  return most;
}

/** @param {ArrayLike<number>} values */
export function total(values) {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum;
}

/** A time to wait, in words. @param {number} seconds */
export function timeText(seconds) {
  if (seconds < 1) return "under 1 s";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
