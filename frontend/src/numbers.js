// Numbers and texts as a person reads them.

/** @param {string} text */
const minus = (text) => text.replaceAll("-", "−");

/**
 * Four significant digits, or the very integer.
 * @param {number} value
 * @param {boolean} [integer] whether the tensor holds integers
 */
export function figure(value, integer = false) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "−Inf";
  if (value === 0) return integer ? "0" : "0.000";
  if (integer && Number.isInteger(value)) return minus(value.toLocaleString("en-US"));
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return minus(value.toExponential(2));
  if (size >= 1e4) return minus(value.toLocaleString("en-US", { maximumFractionDigits: 0 }));
  return minus(value.toPrecision(4));
}

/**
 * Short form for captions: at most three significant digits, no trailing zeros.
 * @param {number} value
 */
export function brief(value) {
  if (!Number.isFinite(value)) return figure(value);
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) return minus(value.toExponential(1));
  return minus(String(Number(value.toPrecision(size >= 1000 ? 5 : 3))));
}

/**
 * @param {number} part
 * @param {number} whole
 */
export function share(part, whole) {
  if (!whole) return "–";
  const percent = (100 * part) / whole;
  if (part > 0 && percent < 0.1) return "<0.1 %";
  return `${part === 0 || part === whole ? percent : Math.min(percent, part < whole ? 99.9 : percent).toFixed(1)} %`;
}

/** @param {number} value */
export const count = (value) => minus(value.toLocaleString("en-US"));

/**
 * @param {number} value
 * @param {string} one
 * @param {string} [many]
 */
export const plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

/** @param {(number | null)[]} lengths */
export function shape(lengths) {
  const inside = lengths.map((length) => (length === null ? "?" : length)).join(", ");
  return lengths.length === 1 ? `(${inside},)` : `(${inside})`;
}

/**
 * @param {string} text
 * @param {number} limit
 */
export function shorten(text, limit) {
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`;
}

/** The name of a module is told by its end: ``…layer.1.attention.q_lin``; any other text is cut at its end.
 * @param {string} text
 * @param {number} limit
 */
export function shortenName(text, limit) {
  const dotted = text.length > limit && /^[\w.]+$/.test(text) && text.includes(".");
  return dotted ? `…${text.slice(1 - limit)}` : shorten(text, limit);
}

/** A tooltip never grows with the data.
 * @param {string} text
 */
export const tooltip = (text) => shorten(text, 500);

/** @param {string} dtype */
export const integral = (dtype) => /^(u?int|bool|long|short)/.test(dtype);
