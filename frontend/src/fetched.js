// A fetched sample of a series as a series of its own.

/** @typedef {import("./types.js").Series} Series */

/**
 * @param {Series} series
 * @param {import("./types.js").NdArray} values of the sample's own shape
 * @returns {Series | null} null where the shape does not tell channels from steps, or not all channels are named
 */
export function sequence(series, values) {
  const channels = series.total_channels;
  if (channels !== series.channels.length || values.data.length !== channels * series.length) return null;
  const last = values.shape.length === 2 && values.shape[0] === series.length && values.shape[1] === channels && channels !== series.length;
  const data = last
    ? Float32Array.from({ length: values.data.length }, (_, at) => values.data[(at % series.length) * channels + Math.floor(at / series.length)])
    : Float32Array.from(values.data);
  const finite = data.map((value) => (Number.isFinite(value) ? value : NaN));
  const array = { shape: [1, channels, series.length], data: finite };
  return { ...series, low: array, high: array };
}
