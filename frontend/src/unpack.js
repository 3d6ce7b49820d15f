// From packed traits and messages to typed arrays.

/** @typedef {import("./types.js").NdArray} NdArray */
/** @typedef {import("./types.js").Numbers} Numbers */

/** @type {Record<string, new (buffer: ArrayBuffer) => Numbers>} */
const ARRAYS = {
  bool: Uint8Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
};

/**
 * The value with every packed array in it as `{shape, data}`; everything else as it came.
 * @param {any} value
 * @param {(DataView | ArrayBuffer)[]} [buffers] of a message, where arrays name theirs by number
 * @returns {any}
 */
export function unpack(value, buffers = []) {
  if (Array.isArray(value)) return value.map((entry) => unpack(entry, buffers));
  if (value === null || typeof value !== "object") return value;
  if (typeof value.dtype === "string" && Array.isArray(value.shape)) {
    const bytes = "buffer" in value ? buffers[value.buffer] : value.data;
    if (bytes !== undefined) return { shape: value.shape, data: typed(value.dtype, bytes) };
  }
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, unpack(entry, buffers)]));
}

/**
 * @param {string} dtype
 * @param {DataView | ArrayBuffer | Uint8Array} bytes
 * @returns {Numbers}
 */
function typed(dtype, bytes) {
  // A copy: a view into a message is seldom aligned to the width of its numbers.
  const own = bytes instanceof ArrayBuffer
    ? bytes.slice(0)
    : /** @type {ArrayBuffer} */ (bytes.buffer).slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  if (dtype === "float16") return Float32Array.from(new Uint16Array(own), half);
  if (dtype === "int64") return Float64Array.from(new BigInt64Array(own), Number);
  if (dtype === "uint64") return Float64Array.from(new BigUint64Array(own), Number);
  const array = ARRAYS[dtype];
  if (!array) throw new TypeError(`expected an array of numbers, got dtype ${dtype}`);
  return new array(own);
}

/**
 * The number that 16 bits stand for.
 * @param {number} bits
 */
export function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent ? sign * 2 ** (exponent - 25) * (1024 + fraction) : sign * 2 ** -24 * fraction;
}
