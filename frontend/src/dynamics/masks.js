// Cells of pictures with the classes of their pixels laid over them: the target, and what is predicted at the scrubber.

import { attribute, fill, h, say } from "../dom.js";
import { classColour, css } from "../colour.js";
import { brief, plural, share, shorten, tooltip } from "../numbers.js";
import { thumbOf } from "./thumb.js";
import { MEANINGS, rowOf, valuesOf } from "./measures.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").ProbeRecord} ProbeRecord */
/** @typedef {import("./types.js").Reading} Reading */
/** @typedef {{ now: HTMLElement, aim: HTMLElement | null, lines: HTMLElement[], batch: object }} Parts */

const SIDE = 92;
const OPACITY = 0.5;
const IGNORED = 255;
const MOST_NAMES = 12;

/** The share of pixels whose class is that of the target; NaN where no target is known.
 * @param {ProbeRecord} probe @param {Reading} reading @param {number} sample
 */
export function rightShare(probe, reading, sample) {
  if (!probe.targets || probe.targets.data.length !== reading.values.data.length) return NaN;
  const [own, aim] = [rowOf(reading.values, sample), rowOf(probe.targets, sample)];
  let [right, all] = [0, 0];
  for (let i = 0; i < own.length; i++) {
    if (aim[i] === IGNORED) continue;
    all++;
    if (own[i] === aim[i]) right++;
  }
  return all ? right / all : NaN;
}

/** The colours of the classes. @param {ProbeRecord} probe */
export function maskLegend(probe) {
  return probe.classes.slice(0, MOST_NAMES).map((name, i) => {
    const swatch = h("span", { class: "nd-swatch", "aria-hidden": true });
    swatch.style.background = css(classColour(i));
    return h("span", { class: "nd-key", title: tooltip(name) }, swatch, shorten(name, 18));
  });
}

/** @type {import("./predictions.js").Cells} */
export function maskCells(state, probe, reading, built) {
  const thumb = thumbOf(probe.batch, SIDE);
  const masks = (/** @type {import("./types.js").NdArray} */ classes) => ({ classes, names: probe.classes });
  const twice = probe.targets !== null && probe.targets.shape.length === 3;
  const words = (/** @type {number} */ sample) => {
    const right = rightShare(probe, reading, sample);
    return `sample ${sample}, ${Number.isNaN(right) ? "" : `${share(right, 1)} of pixels right, `}loss ${brief(reading.losses.data[sample])}`;
  };

  /** @param {HTMLElement} cell @returns {Parts} */
  function build(cell) {
    const parts = { now: thumb.build(), aim: twice ? thumb.build() : null, lines: [h("span"), h("span"), h("span")], batch: probe.batch };
    const pane = (/** @type {string} */ name, /** @type {HTMLElement} */ own) => h("span", { class: "nd-pane" }, h("span", { class: "nd-caption" }, name), own);
    fill(cell, h("span", { class: "nd-panes" }, parts.aim && pane("target", parts.aim), pane("predicted", parts.now)), h("span", { class: "nb-line" }, parts.lines[0], parts.lines[1]), h("span", { class: "nb-line" }, parts.lines[2]));
    built.set(cell, parts);
    return parts;
  }

  return {
    cellWidth: (thumb.width + 6) * (twice ? 2 : 1) + 12,
    cellHeight: thumb.height + 66,
    gap: 6,
    single: false,
    name: words,
    draw(cell, sample) {
      const found = built.get(cell);
      /** @type {Parts} */
      const parts = found?.batch === probe.batch ? found : build(cell);
      thumb.draw(parts.now, sample, { masks: masks(reading.values), sample, opacity: OPACITY });
      if (parts.aim && probe.targets) thumb.draw(parts.aim, sample, { masks: masks(probe.targets), sample, opacity: OPACITY });
      const right = rightShare(probe, reading, sample);
      say(parts.lines[0], String(sample));
      say(parts.lines[1], Number.isNaN(right) ? "" : `${share(right, 1)} right`);
      const key = state.sort === "index" ? "loss" : state.sort;
      say(parts.lines[2], `${key} ${brief(valuesOf(reading, key)?.[sample] ?? NaN)}`);
      attribute(parts.lines[2], "title", MEANINGS[key]);
    },
    probe: (sample) => `${words(sample)}; ${plural(probe.classes.length, "class", "classes")}`,
  };
}
