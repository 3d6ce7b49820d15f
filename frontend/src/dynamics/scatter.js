// Numbers that are predicted: against their targets, and what is left over.

import { changed, h, say } from "../dom.js";
import { brief, count, plural } from "../numbers.js";
import { nameOf } from "./cells.js";
import { rowOf } from "./measures.js";
import { createPlane, shape } from "./plane.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").ProbeRecord} ProbeRecord */
/** @typedef {import("./types.js").Reading} Reading */

const TAIL = 8;
const BINS = 24;

/** The least and the greatest finite number. @param {number[]} values @returns {[number, number]} */
function reachOf(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high && value < Infinity) high = value;
  }
  if (!(high >= low)) return [0, 1];
  const room = 0.05 * (high - low || Math.abs(high) || 1);
  return [low - room, high + room];
}

/** First outputs of all samples and their targets.
 * @param {ProbeRecord} probe @param {Reading} reading
 */
function pairs(probe, reading) {
  const { targets } = probe;
  if (!targets) return [];
  return Array.from({ length: targets.shape[0] }, (_, n) => ({ target: rowOf(targets, n)[0], own: rowOf(reading.values, n)[0] }));
}

/**
 * How far predictions are from their targets, counted into bins that all readings share.
 * @param {ProbeRecord} probe
 * @param {Reading[]} readings whose residuals set the range
 * @param {Reading} reading
 */
export function residuals(probe, readings, reading) {
  const left = (/** @type {Reading} */ one) => pairs(probe, one).map(({ target, own }) => own - target).filter(Number.isFinite);
  const all = readings.flatMap(left);
  const far = all.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  const own = left(reading);
  const counts = new Array(BINS).fill(0);
  for (const value of own) counts[Math.min(Math.floor(((value + far) / (2 * far)) * BINS), BINS - 1)]++;
  const mean = own.reduce((a, b) => a + b, 0) / (own.length || 1);
  return { far, counts, mean, off: Math.sqrt(own.reduce((sum, value) => sum + value ** 2, 0) / (own.length || 1)), many: own.length };
}

/**
 * @param {import("./types.js").Store} store
 * @returns {import("./types.js").View}
 */
export function createScatter(store) {
  const foot = h("div", { class: "nd-foot" });
  const plane = createPlane(store, (text) => say(foot, text || about));
  const element = h("div", { class: "nd-grid" }, plane.element, foot);
  let about = "";
  /** @type {{ readings: Reading[], reach: [number, number] } | null} */
  let range = null;
  return {
    element,
    restyle: () => plane.draw(),
    update(state) {
      const probe = state.record?.probes[state.probe];
      const { reading, readings } = state;
      if (!probe?.targets || !reading) {
        say(foot, "There are no targets to compare with.");
        return;
      }
      if (range?.readings !== readings) range = { readings, reach: reachOf([...readings.flatMap((one) => pairs(probe, one).map(({ own }) => own)), ...pairs(probe, reading).map(({ target }) => target)]) };
      const now = state.at ?? readings.length - 1;
      const tails = readings.slice(Math.max(0, now - TAIL), now + 1).map((one) => pairs(probe, one));
      const points = pairs(probe, reading);
      about = `across: target, up: prediction${probe.classes.length > 1 ? ` of ${probe.classes[0]}` : ""}; on the line they agree; step ${count(reading.step)}, off by ${brief(residuals(probe, [reading], reading).off)} (root of the mean square)`;
      if (!element.matches(":hover")) say(foot, about);
      plane.show({
        x: range.reach, y: range.reach, square: true,
        points: points.map(({ target, own }) => [target, own]),
        label: `Prediction against target of ${plural(points.length, "sample")} at step ${reading.step}`,
        name: (n) => nameOf(state, probe, reading, n),
        paint(drawing, frame, colour) {
          axes(drawing, frame, colour, /** @type {[number, number]} */ (range?.reach));
          points.forEach(({ target, own }, n) => {
            const chosen = n === state.sample;
            drawing.strokeStyle = drawing.fillStyle = colour(chosen ? "--nd-1" : "--nd-0");
            drawing.globalAlpha = 0.4;
            drawing.lineWidth = chosen ? 2 : 1;
            drawing.beginPath();
            for (const tail of tails) drawing.lineTo(frame.x(target), frame.y(tail[n].own));
            drawing.stroke();
            drawing.globalAlpha = 0.9;
            shape(drawing, chosen ? 3 : 0, frame.x(target), frame.y(own), chosen ? 6 : 4);
            drawing.fill();
            drawing.globalAlpha = 1;
          });
        },
      });
    },
    destroy: () => plane.destroy(),
  };
}

/** @param {CanvasRenderingContext2D} drawing @param {import("./plane.js").Frame} frame @param {(name: string) => string} colour @param {[number, number]} reach */
function axes(drawing, frame, colour, reach) {
  drawing.strokeStyle = colour("--nb-rule");
  drawing.lineWidth = 1;
  drawing.strokeRect(frame.left, frame.top, frame.right - frame.left, frame.bottom - frame.top);
  drawing.strokeStyle = colour("--nb-soft");
  drawing.setLineDash([4, 4]);
  drawing.beginPath();
  drawing.moveTo(frame.left, frame.bottom);
  drawing.lineTo(frame.right, frame.top);
  drawing.stroke();
  drawing.setLineDash([]);
  drawing.fillStyle = colour("--nb-soft");
  drawing.textAlign = "left";
  drawing.fillText(brief(reach[0]), frame.left, frame.bottom + 15);
  drawing.textAlign = "right";
  drawing.fillText(brief(reach[1]), frame.right, frame.bottom + 15);
  drawing.fillText(brief(reach[1]), frame.left - 5, frame.top + 9);
}

/** @returns {import("./types.js").View} */
export function createResiduals() {
  const about = h("p", { class: "nd-foot" });
  const figure = h("div", { class: "nd-bins", role: "img" });
  const scale = h("div", { class: "nd-scale" }, h("span"), h("span", {}, "0"), h("span"));
  const element = h("div", { class: "nd-grid" }, h("p", { class: "nd-soft" }, "prediction − target, of the first output"), figure, scale, about);
  const columns = Array.from({ length: BINS }, () => h("span", {}, h("span", {})));
  figure.append(...columns);
  /** @type {State | null} */
  let before = null;
  return {
    element,
    update(state) {
      const probe = state.record?.probes[state.probe];
      if (!probe || !state.reading || !changed(before, state, ["reading", "probe", "readings"])) return;
      before = state;
      const { far, counts, mean, off, many } = residuals(probe, state.readings, state.reading);
      const most = Math.max(...counts, 1);
      columns.forEach((column, i) => {
        /** @type {HTMLElement} */ (column.firstElementChild).style.height = `${(100 * counts[i]) / most}%`;
        column.title = `${brief(-far + (2 * far * i) / BINS)} … ${brief(-far + (2 * far * (i + 1)) / BINS)}: ${plural(counts[i], "sample")}`;
      });
      say(/** @type {Element} */ (scale.firstElementChild), brief(-far));
      say(/** @type {Element} */ (scale.lastElementChild), brief(far));
      const words = many ? `step ${count(state.reading.step)}: mean ${brief(mean)}, root of the mean square ${brief(off)}, ${plural(many, "sample")}` : "There are no targets to compare with.";
      say(about, words);
      figure.setAttribute("aria-label", `Residuals, ${words}`);
    },
  };
}
