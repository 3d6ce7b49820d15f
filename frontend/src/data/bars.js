// Bars of numbers that can be brushed, by pointer and by keys.

import { attribute, context, h, say } from "../dom.js";
import { extent } from "../histogram.js";
import { brief, count, share } from "../numbers.js";
import { binAt, dragged, nudged, placeOf } from "./brush.js";
import { greatest, total } from "./numbers.js";

/**
 * @typedef {object} Bars
 * @property {string} name
 * @property {ArrayLike<number>} edges
 * @property {ArrayLike<number>} all
 * @property {ArrayLike<number>} shown
 * @property {ArrayLike<number> | null} other of the other split, scaled to the same number of samples
 * @property {[number, number] | null} range
 * @property {string} [legend] in the place of the words on this and the other split
 */

const HEIGHT = 84;
/** What is shown is drawn taller where it would be too small to see. */
const SMALL = 0.12;
const NONE = -1000;

/** How many times taller what is shown is drawn. @param {ArrayLike<number>} all @param {ArrayLike<number>} shown */
export function enlarged(all, shown) {
  const [most, own] = [greatest(all), greatest(shown)];
  if (!own || own >= SMALL * most) return 1;
  return 10 ** Math.floor(Math.log10(most / own));
}

/** @param {((low: number, high: number) => void) | null} brush null where no range can be chosen */
export function createNumberBars(brush) {
  const canvas = h("canvas", { class: "ne-bars", "aria-hidden": true });
  const band = h("span", { class: "ne-band", hidden: true });
  const ends = /** @type {(0 | 1)[]} */ ([0, 1]).map((end) => h("span", { class: "ne-end", role: "slider", tabindex: 0, "aria-label": end ? "greatest value shown" : "least value shown", "data-end": end }));
  const stage = h("div", { class: "ne-stage" }, canvas, band, ...(brush ? ends : []));
  const [low, mid, high] = [h("span"), h("span", { class: "ne-readout" }), h("span")];
  const element = h("div", { role: "group" }, stage, h("div", { class: "ne-scale" }, low, mid, high));
  /** @type {Bars | null} */
  let bars = null;
  /** @type {[number, number] | null} */
  let range = null;
  let start = NONE;
  const width = () => stage.clientWidth || 400;
  const reach = () => /** @type {[number, number]} */ (bars?.edges.length ? [bars.edges[0], bars.edges[bars.edges.length - 1]] : [0, 1]);

  function place() {
    const [from, to] = range ?? reach();
    const [left, right] = [placeOf(from, reach(), width()), placeOf(to, reach(), width())];
    band.hidden = range === null;
    band.style.left = `${left}px`;
    band.style.width = `${right - left}px`;
    ends.forEach((end, i) => {
      end.style.left = `${i ? right : left}px`;
      end.hidden = !reach().every(Number.isFinite);
      attribute(end, "aria-valuemin", reach()[0]);
      attribute(end, "aria-valuemax", reach()[1]);
      attribute(end, "aria-valuenow", i ? to : from);
      attribute(end, "aria-valuetext", brief(i ? to : from));
    });
  }

  function draw() {
    const wide = width();
    const drawing = context(canvas, wide, HEIGHT);
    place();
    if (!drawing || !bars) return;
    const style = getComputedStyle(canvas);
    const { all, shown, other } = bars;
    const bins = all.length;
    const step = wide / (bins || 1);
    const most = Math.max(greatest(all), other ? greatest(other) : 0, 1);
    const times = enlarged(all, shown);
    const bar = (/** @type {number} */ i, /** @type {number} */ value) => {
      const tall = Math.max((value / most) * (HEIGHT - 4), value ? 1.5 : 0);
      drawing.fillRect(i * step, HEIGHT - tall, Math.max(step - (step > 4 ? 1 : 0), 1), tall);
    };
    drawing.fillStyle = style.getPropertyValue("--ne-faint").trim() || "#bbb";
    for (let i = 0; i < bins; i++) bar(i, all[i]);
    drawing.fillStyle = style.getPropertyValue("--nb-bars").trim() || "#5596de";
    for (let i = 0; i < bins; i++) bar(i, shown[i] * times);
    if (!other) return;
    drawing.strokeStyle = style.getPropertyValue("--ne-other").trim() || "#b34700";
    drawing.lineWidth = 1.5;
    drawing.setLineDash([4, 2]);
    drawing.beginPath();
    for (let i = 0; i < bins; i++) for (const x of [i * step, (i + 1) * step]) drawing.lineTo(x, HEIGHT - 1 - (other[i] / most) * (HEIGHT - 4));
    drawing.stroke();
    drawing.setLineDash([]);
  }

  function rest() {
    if (!bars) return;
    const times = enlarged(bars.all, bars.shown);
    const part = total(bars.shown) !== total(bars.all);
    if (bars.legend) return say(mid, bars.legend);
    const words = [part && (times > 1 ? `blue: what is shown, ${times} times taller` : "blue: what is shown"), bars.other && "dashed: the other split, to scale"];
    say(mid, words.filter(Boolean).join(" · "));
  }

  /** @param {number} i */
  function tell(i) {
    if (!bars || i < 0) return rest();
    const [from, to] = extent(bars.edges[i], bars.edges[i + 1]);
    const where = from === to ? brief(from) : `${brief(from)} … ${brief(to)}`;
    say(mid, `${where}: ${brush ? `${count(bars.shown[i] ?? 0)} shown of ` : ""}${count(bars.all[i] ?? 0)} (${share(bars.all[i] ?? 0, total(bars.all))})`);
  }

  stage.addEventListener("pointerdown", (event) => {
    if (!bars?.edges.length || event.button !== 0 || !brush) return;
    const end = ends.indexOf(/** @type {HTMLElement} */ (event.target));
    // A drag that begins on one end leaves the other where it is.
    start = end < 0 ? event.offsetX : placeOf((range ?? reach())[1 - end], reach(), width()) + (end ? 0.5 : -0.5);
    if (end < 0) range = dragged(start, start, bars.edges, width());
    stage.setPointerCapture?.(event.pointerId);
    place();
  });
  stage.addEventListener("pointermove", (event) => {
    if (!bars?.all.length) return;
    const x = event.clientX - stage.getBoundingClientRect().left;
    tell(binAt(x, bars.all.length, width()));
    if (start === NONE) return;
    range = dragged(start, x, bars.edges, width());
    place();
  });
  stage.addEventListener("pointerup", () => {
    if (start !== NONE && range) brush?.(...range);
    start = NONE;
  });
  stage.addEventListener("pointercancel", () => {
    start = NONE;
    range = bars?.range ?? null;
    place();
  });
  stage.addEventListener("pointerleave", () => rest());
  // The band would else be what a new drag begins on.
  band.style.pointerEvents = "none";
  ends.forEach((end, i) => {
    end.addEventListener("keydown", (event) => {
      const next = bars && nudged(range ?? reach(), i ? 1 : 0, event.key, bars.edges);
      if (!next) return;
      range = next;
      place();
      brush?.(...next);
      event.preventDefault();
      event.stopPropagation();
    });
  });
  const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(draw);
  watch?.observe(stage);

  return {
    element,
    draw,
    /** @param {Bars} next */
    show(next) {
      bars = next;
      if (start === NONE) range = next.range;
      attribute(element, "aria-label", `${next.name}: histogram; ${count(total(next.shown))} of ${count(total(next.all))} shown`);
      const [from, to] = next.edges.length ? extent(...reach()) : [NaN, NaN];
      say(low, next.edges.length ? brief(from) : "");
      say(high, next.edges.length ? brief(to) : "");
      rest();
      draw();
    },
    destroy: () => watch?.disconnect(),
  };
}
