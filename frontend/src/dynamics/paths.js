// The paths of the samples' scores through time, in the plane of their greatest variance; of three classes in a triangle.

import { fill, h, say } from "../dom.js";
import { classColour, css } from "../colour.js";
import { shorten, tooltip } from "../numbers.js";
import { nameOf } from "./cells.js";
import { columnName, probabilities, rowOf, targetColumns } from "./measures.js";
import { createPlane, shape } from "./plane.js";
import { principal, project, ternary } from "./project.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").ProbeRecord} ProbeRecord */
/** @typedef {import("./types.js").Reading} Reading */
/** @typedef {import("./project.js").Basis} Basis */

const TAIL = 12;
/** The plane is found anew when there are so many times the readings it was found for. */
const GROWN = 1.25;
const MOST_NAMES = 10;

/**
 * @param {import("./types.js").Store} store
 * @returns {import("./types.js").View}
 */
export function createPaths(store) {
  const foot = h("div", { class: "nd-foot" });
  const legend = h("div", { class: "nd-legend" });
  const plane = createPlane(store, (text) => say(foot, text || about));
  const element = h("div", { class: "nd-grid" }, legend, plane.element, foot);
  /** @type {{ key: string, count: number, basis: Basis | null, reach: [number, number, number, number] } | null} */
  let found = null;
  let about = "";

  /** The plane, and how far all readings reach in it. @param {ProbeRecord} probe @param {Reading[]} readings */
  function planeOf(probe, readings) {
    const kept = found;
    const key = `${probe.split} ${probe.chosen} ${probe.columns.data.length}`;
    const same = kept?.key === key;
    if (kept && same && readings.length < GROWN * kept.count && readings.length >= kept.count) return kept;
    const many = probe.batch.batch.size;
    const rows = readings.flatMap((one) => Array.from({ length: many }, (_, n) => rowOf(one.values, n)));
    const basis = principal(rows, same ? kept?.basis ?? null : null);
    const places = basis ? rows.map((row) => project(basis, row)).filter(([x, y]) => Number.isFinite(x + y)) : [];
    const reach = places.reduce((r, [x, y]) => [Math.min(r[0], x), Math.max(r[1], x), Math.min(r[2], y), Math.max(r[3], y)], [Infinity, -Infinity, Infinity, -Infinity]);
    found = { key, count: readings.length, basis, reach: /** @type {[number, number, number, number]} */ (reach) };
    return found;
  }

  /** @type {ProbeRecord | null} */
  let named = null;
  return {
    element,
    restyle: () => plane.draw(),
    update(state) {
      const probe = state.record?.probes[state.probe];
      const { reading, readings } = state;
      if (!probe || !reading) return;
      if (probe !== named) fill(legend, ...legendOf(probe));
      named = probe;
      const triangle = probe.columns.data.length === 3 && probe.task === "classification";
      const { basis, reach } = triangle ? { basis: null, reach: /** @type {[number, number, number, number]} */ ([0, 1, 0, Math.sqrt(3) / 2]) } : planeOf(probe, readings);
      if (!triangle && !basis) {
        about = "The scores do not vary in two directions yet.";
        say(foot, about);
        return;
      }
      about = triangle ? "probabilities of three classes: the nearer to a corner, the likelier" : `scores in the plane of their greatest variance (${basis?.share.map((part) => `${Math.round(100 * part)} %`).join(" + ")}); tails: the last ${TAIL} readings; × wrong`;
      if (!foot.textContent || !element.matches(":hover")) say(foot, about);
      const place = (/** @type {Reading} */ one, /** @type {number} */ n) => (triangle ? ternary(probabilities(probe, one, n)) : project(/** @type {Basis} */ (basis), rowOf(one.values, n)));
      const now = state.at ?? readings.length - 1;
      const tails = readings.slice(Math.max(0, now - TAIL), now + 1);
      const samples = Array.from({ length: reading.losses.shape[0] }, (_, n) => n);
      const paths = samples.map((n) => tails.map((one) => place(one, n)));
      plane.show({
        x: [reach[0], reach[1]], y: [reach[2], reach[3]], square: triangle,
        points: paths.map((path) => path[path.length - 1]),
        label: `Paths of ${samples.length} samples at step ${reading.step}`,
        name: (n) => nameOf(state, probe, reading, n),
        paint(drawing, frame, colour) {
          if (triangle) corners(drawing, frame, colour, probe);
          const order = [...samples].sort((a, b) => Number(a === state.sample) - Number(b === state.sample));
          for (const n of order) paintPath(drawing, frame, colour, paths[n], { kind: targetColumns(probe, n)[0] ?? 0, chosen: n === state.sample, dim: state.sample !== null, wrong: reading.correct.data[n] === 0 });
        },
      });
    },
    destroy: () => plane.destroy(),
  };
}

/**
 * @param {CanvasRenderingContext2D} drawing @param {import("./plane.js").Frame} frame @param {(name: string) => string} colour
 * @param {[number, number][]} path @param {{ kind: number, chosen: boolean, dim: boolean, wrong: boolean }} how
 */
function paintPath(drawing, frame, colour, path, { kind, chosen, dim, wrong }) {
  const own = css(classColour(kind));
  drawing.strokeStyle = drawing.fillStyle = own;
  for (let t = 1; t < path.length; t++) {
    drawing.globalAlpha = (dim && !chosen ? 0.25 : 0.75) * (t / path.length);
    drawing.lineWidth = chosen ? 2.4 : 1.2;
    drawing.beginPath();
    drawing.moveTo(frame.x(path[t - 1][0]), frame.y(path[t - 1][1]));
    drawing.lineTo(frame.x(path[t][0]), frame.y(path[t][1]));
    drawing.stroke();
  }
  const [x, y] = [frame.x(path[path.length - 1][0]), frame.y(path[path.length - 1][1])];
  drawing.globalAlpha = dim && !chosen ? 0.5 : 1;
  shape(drawing, kind, x, y, chosen ? 7 : 5);
  drawing.fill();
  drawing.lineWidth = chosen ? 2 : 0.8;
  drawing.strokeStyle = colour(chosen ? "--nb-ink" : "--nb-paper");
  drawing.stroke();
  if (wrong) {
    drawing.strokeStyle = colour("--nb-bad");
    drawing.lineWidth = 1.8;
    drawing.beginPath();
    for (const sign of [1, -1]) {
      drawing.moveTo(x + 5, y - 9 - 3 * sign);
      drawing.lineTo(x + 11, y - 9 + 3 * sign);
    }
    drawing.stroke();
  }
  drawing.globalAlpha = 1;
}

/** @param {CanvasRenderingContext2D} drawing @param {import("./plane.js").Frame} frame @param {(name: string) => string} colour @param {ProbeRecord} probe */
function corners(drawing, frame, colour, probe) {
  const places = [[0, 0], [1, 0], [0.5, Math.sqrt(3) / 2]];
  drawing.strokeStyle = colour("--nb-rule");
  drawing.lineWidth = 1.2;
  drawing.beginPath();
  for (const [x, y] of places) drawing.lineTo(frame.x(x), frame.y(y));
  drawing.closePath();
  drawing.stroke();
  drawing.fillStyle = colour("--nb-soft");
  places.forEach(([x, y], c) => {
    drawing.textAlign = /** @type {CanvasTextAlign} */ (["left", "right", "center"][c]);
    drawing.fillText(shorten(columnName(probe, c), 24), frame.x(x), frame.y(y) + (c === 2 ? -8 : 16));
  });
}

/** @param {ProbeRecord} probe */
function legendOf(probe) {
  const all = Array.from(probe.columns.data, (_, c) => ({ c, name: columnName(probe, c) }));
  const signs = all.slice(0, MOST_NAMES).map(({ c, name }) => {
    const canvas = h("canvas", { width: 14, height: 14, "aria-hidden": true });
    const drawing = canvas.getContext("2d");
    if (drawing) {
      drawing.fillStyle = css(classColour(c));
      shape(drawing, c, 7, 7, 4.6);
      drawing.fill();
    }
    return h("span", { class: "nd-key", title: tooltip(name) }, canvas, shorten(name, 18));
  });
  return [h("span", { class: "nd-soft" }, "target"), ...signs, all.length > MOST_NAMES && h("span", { class: "nd-soft" }, `+${all.length - MOST_NAMES}`)];
}
