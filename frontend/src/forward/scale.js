// Colours of values: white is zero, blue below, red above; where zero is far off, dark to light from end to end.

import { SEQUENTIAL, between } from "../colour.js";

/** @typedef {import("../colour.js").Rgb} Rgb */
/** @typedef {{ from: number, to: number, stops: Rgb[], table: Uint8Array }} Scale table: 256 colours from end to end */

/** @type {Rgb[]} */
const BLUE_RED = [[18, 38, 140], [62, 96, 230], [168, 186, 250], [251, 251, 251], [250, 178, 164], [232, 62, 48], [134, 6, 14]];

/**
 * @param {number | null} low least finite value
 * @param {number | null} high
 * @returns {Scale}
 */
export function scaleOf(low, high) {
  const [least, most] = Number.isFinite(low) && Number.isFinite(high) ? [Number(low), Number(high)] : [0, 0];
  if (least < 0 && most > 0) {
    const reach = Math.max(-least, most);
    return made(-reach, reach, BLUE_RED);
  }
  if (least >= 0 && least <= most / 2) return made(0, most, BLUE_RED.slice(3));
  if (most <= 0 && most >= least / 2) return made(least, 0, BLUE_RED.slice(0, 4));
  return made(least, most, SEQUENTIAL);
}

/** @param {number} from @param {number} to @param {Rgb[]} stops @returns {Scale} */
function made(from, to, stops) {
  const table = new Uint8Array(256 * 3);
  // Nothing but one value: the middle of a scale about zero, else its beginning.
  for (let i = 0; i < 256; i++) table.set(between(stops, i / 255), i * 3);
  return { from, to, stops, table };
}

/** Place of a value's colour in the table, times three.
 * @param {Scale} scale
 * @param {number} value
 */
export function colourAt({ from, to }, value) {
  if (to === from) return value === 0 && from === 0 ? 0 : 127 * 3;
  return 3 * Math.min(Math.max(Math.round(((value - from) / (to - from)) * 255), 0), 255);
}

/** As a background of CSS, for the legend.
 * @param {Scale} scale
 */
export const gradient = ({ stops }) => `linear-gradient(90deg, ${stops.map(([r, g, b]) => `rgb(${r} ${g} ${b})`).join(", ")})`;
