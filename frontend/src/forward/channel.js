// A chosen plane: the samples that excite it most, one of its units, and the part of the input that this unit sees.

import { fill, h } from "../dom.js";
import { fit } from "../layout.js";
import { brief, figure } from "../numbers.js";
import { button } from "./controls.js";
import { reduced } from "./maps.js";
import { paintPlane } from "./plane.js";
import { scaleOf } from "./scale.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").ActivationView} ActivationView */

const MOST = 8;

/**
 * Samples with the greatest values of a channel, in order.
 * @param {import("./types.js").NdArray} excited (total, N)
 * @param {number} channel
 */
export function mostExciting(excited, channel) {
  const samples = excited.shape[1];
  const values = Array.from({ length: samples }, (_, sample) => ({ sample, value: excited.data[channel * samples + sample] }));
  return values.filter(({ value }) => !Number.isNaN(value)).sort((a, b) => b.value - a.value || a.sample - b.sample).slice(0, MOST);
}

/**
 * @param {import("./types.js").Store} store
 * @param {import("./types.js").Actions} actions
 */
export function createChannel(store, { ask, look }) {
  const element = h("div", { class: "nf-channel", role: "group" });
  const canvas = h("canvas", { class: "nf-canvas" });
  return {
    element,
    /** @param {State} state @param {ActivationView | null} view */
    show(state, view) {
      const { unit } = state;
      const planes = view !== null && ["maps", "attention"].includes(view.kind);
      const channel = planes ? state.channel : view?.step !== -1 && unit ? 0 : null;
      element.hidden = !view || channel === null || channel >= view.total || (!planes && view.kind !== "matrix");
      if (element.hidden || !view || channel === null) return;
      const name = planes ? `${view.axes[0] || "plane"} ${channel}` : `${view.axes[1] || "row"} ${unit?.row}, ${view.axes[2] || "column"} ${unit?.column}`;
      element.setAttribute("aria-label", name);
      fill(element, h("strong", {}, name), planes && excitation(view, channel), unitPart(state, view, channel, unit), field(state));
    },
  };

  /** @param {ActivationView} view @param {number} channel */
  function excitation(view, channel) {
    if (!view.excited || channel >= view.excited.shape[0]) return h("p", { class: "nf-hint" }, "Which samples excite it is not known for so many channels or samples.");
    const found = mostExciting(view.excited, channel);
    if (!found.length || found[0].value === 0) return h("p", { class: "nf-hint" }, "No sample of the batch excites it: its greatest value is 0 on each.");
    const links = found.map(({ sample, value }) => button(`${sample}`, () => look({ sample }), { class: "nf-sample", "aria-pressed": String(sample === view.sample), "aria-label": `Sample ${sample}, ${brief(value)}`, title: `sample ${sample}: greatest value ${brief(value)}` }, h("span", { class: "nf-soft" }, brief(value))));
    return h("p", { class: "nf-excited" }, view.compared ? "differs most on sample " : "excited most by sample ", ...links);
  }

  /** @param {State} state @param {ActivationView} view @param {number} channel @param {{ row: number, column: number } | null} unit */
  function unitPart(state, view, channel, unit) {
    if (!unit || view.step < 0 || view.kind === "attention") return null;
    const plane = channel - view.first;
    const [count, rows, columns] = view.planes.shape;
    const { row, column } = reduced(view, unit);
    const at = (plane * rows + row) * columns + column;
    const value = plane >= 0 && plane < count ? ` = ${figure(view.planes.data[at])}` : "";
    const busy = state.pending.includes("receptive");
    const wanted = button(busy ? "asked …" : "Receptive field", () => void receptive(view, channel, unit), { "aria-busy": busy ? "true" : null, title: "which values of the input this unit depends on: the gradient of the unit with respect to the input" });
    return h("p", { class: "nf-unit" }, `unit (${unit.row}, ${unit.column})${value} `, wanted);
  }

  /** @param {ActivationView} view @param {number} channel @param {{ row: number, column: number }} unit */
  async function receptive(view, channel, unit) {
    const { channel: chosen } = store.get();
    // In a matrix of the whole batch the row is the sample.
    const answer = await ask("receptive", { step: view.step, channel, ...unit, sample: view.sample ?? unit.row });
    const now = store.get();
    if (answer?.planes && now.channel === chosen && now.unit?.row === unit.row && now.unit.column === unit.column) store.set({ receptive: answer });
  }

  /** @param {State} state */
  function field({ receptive: found, input }) {
    if (!found) return null;
    const summed = summedField(found.planes);
    const { rows, columns, values, box } = summed;
    const { width, height } = fit(180, rows, columns);
    const most = Math.max(...values, 0);
    paintPlane(canvas, { data: values, at: 0, rows, columns, width, height, scale: scaleOf(0, most) });
    under(canvas, found, input, values, most, rows, columns);
    canvas.setAttribute("role", "img");
    const text = box ? `depends on rows ${box.top}–${box.bottom} and columns ${box.left}–${box.right} of the input (${box.bottom - box.top + 1} × ${box.right - box.left + 1} of ${rows} × ${columns})` : "depends on no value of the input: every gradient is 0";
    canvas.setAttribute("aria-label", text);
    return h("div", { class: "nf-field" }, canvas, h("p", { class: "nf-hint" }, `${found.name || `sample ${found.sample}`}: ${text.replace(/^depends on /, "")}`));
  }
}

/** |gradient| over the channels of the input, and the least box around all of it that is not zero.
 * @param {import("./types.js").NdArray} planes
 */
export function summedField(planes) {
  const [columns, rows = 1] = [...planes.shape].reverse();
  const channels = planes.data.length / (rows * columns || 1);
  const values = new Float32Array(rows * columns);
  for (let c = 0; c < channels; c++) for (let i = 0; i < values.length; i++) values[i] += Math.abs(planes.data[c * values.length + i]);
  let [top, left, bottom, right] = [Infinity, Infinity, -1, -1];
  values.forEach((value, i) => {
    if (!(value > 0)) return;
    const [row, column] = [Math.floor(i / columns), i % columns];
    [top, bottom, left, right] = [Math.min(top, row), Math.max(bottom, row), Math.min(left, column), Math.max(right, column)];
  });
  return { rows, columns, values, box: bottom < 0 ? null : { top, bottom, left, right } };
}

/**
 * Lays the input beneath, in grey, where it is known; the gradient then colours it.
 * @param {HTMLCanvasElement} canvas
 * @param {import("./types.js").Receptive} found
 * @param {ActivationView | null} input
 * @param {Float32Array} values @param {number} most @param {number} rows @param {number} columns
 */
function under(canvas, found, input, values, most, rows, columns) {
  const known = found.input ?? (input?.sample === found.sample && input.first === 0 ? input.planes : null);
  const drawing = canvas.getContext("2d");
  if (!drawing || !known || known.shape.length !== 3 || known.shape[1] !== rows || known.shape[2] !== columns) return;
  const small = h("canvas", { width: columns, height: rows });
  const own = small.getContext("2d");
  if (!own) return;
  const image = own.createImageData(columns, rows);
  const [channels] = known.shape;
  const grey = Float32Array.from(values, (_, i) => {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += known.data[c * values.length + i] / channels;
    return sum;
  });
  const low = Math.min(...grey);
  const reach = Math.max(...grey) - low || 1;
  for (let i = 0; i < values.length; i++) {
    const shade = (255 * (grey[i] - low)) / reach;
    const weight = most > 0 ? Math.sqrt(values[i] / most) * 0.75 : 0;
    image.data.set([shade + (232 - shade) * weight, shade + (62 - shade) * weight, shade + (48 - shade) * weight, 255], 4 * i);
  }
  own.putImageData(image, 0, 0);
  drawing.imageSmoothingEnabled = false;
  drawing.drawImage(small, 0, 0, canvas.width, canvas.height);
}
