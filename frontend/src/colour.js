// Colour maps and palettes that also hold for colour-blind eyes.

/** @typedef {[number, number, number]} Rgb */

/** @type {Rgb[]} blue – white – orange, darker towards both ends */
const DIVERGING = [[14, 52, 132], [72, 130, 200], [176, 206, 232], [248, 248, 246], [246, 196, 148], [216, 116, 44], [126, 44, 6]];
/** @type {Rgb[]} dark blue to yellow, each step lighter than the one before */
export const SEQUENTIAL = [[6, 18, 54], [22, 62, 108], [44, 108, 128], [98, 150, 122], [178, 190, 104], [252, 230, 98]];
/** @type {Rgb[]} */
const CLASSES = [[0, 114, 178], [230, 159, 0], [0, 158, 115], [204, 121, 167], [86, 180, 233], [213, 94, 0], [240, 228, 66], [120, 94, 240]];

/** Marks for values that are no number: NaN, +Inf, −Inf. @type {Rgb[]} */
export const MARKS = [[255, 0, 200], [255, 120, 230], [150, 0, 120]];
export const MARK_NAMES = ["", "NaN", "+Inf", "−Inf"];

/**
 * @param {Rgb[]} stops
 * @param {number} at 0…1
 * @returns {Rgb}
 */
export function between(stops, at) {
  const place = Math.min(Math.max(at, 0), 1) * (stops.length - 1);
  const first = Math.min(Math.floor(place), stops.length - 2);
  const rest = place - first;
  return /** @type {Rgb} */ (stops[first].map((from, i) => Math.round(from + (stops[first + 1][i] - from) * rest)));
}

/**
 * How numbers of a range are coloured: about 0 where they have both signs, from end to end where they have one.
 * @param {number} low
 * @param {number} high
 * @returns {{ diverging: boolean, from: number, to: number, colour: (value: number) => Rgb }}
 */
export function colourScale(low, high) {
  const diverging = low < 0 && high > 0;
  const reach = Math.max(Math.abs(low), Math.abs(high));
  const [from, to] = diverging ? [-reach, reach] : [low, high];
  const stops = diverging ? DIVERGING : SEQUENTIAL;
  const width = to - from || 1;
  return { diverging, from, to, colour: (value) => between(stops, (value - from) / width) };
}

/**
 * Colour of a class; after the eight of the palette the hue walks on by the golden angle.
 * @param {number} index
 * @returns {Rgb}
 */
export function classColour(index) {
  if (index < CLASSES.length) return CLASSES[index];
  const hue = (index * 137.508) % 360;
  const light = 0.42 + 0.2 * (index % 3) / 2;
  /** @param {number} n */
  const part = (n) => {
    const k = (n + hue / 30) % 12;
    return Math.round(255 * (light - 0.6 * Math.min(light, 1 - light) * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [part(0), part(8), part(4)];
}

/** @param {Rgb} colour @param {number} [alpha] */
export const css = ([r, g, b], alpha = 1) => `rgb(${r} ${g} ${b} / ${alpha})`;
