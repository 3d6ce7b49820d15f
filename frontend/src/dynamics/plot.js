// One chart of lines over steps, drawn by uPlot where there is a canvas; its legend is text of our own.

import uPlot from "uplot";

import { attribute, fill, h, say } from "../dom.js";
import { brief, count, shorten, shortenName, tooltip } from "../numbers.js";
import { logTicks, reach } from "./lines.js";
import { TONES, signOf } from "./marks.js";

/** @typedef {import("./lines.js").Row} Row */
/** @typedef {{ name: string, row: Row, said?: Row, colour: number, dash?: number[], faint?: Row | null, low?: Row | null, high?: Row | null }} Line */
/**
 * @typedef {object} Picture what a chart shows; a line's `said` is what is told of it, where not all of that can be drawn
 * @property {Float64Array} x steps
 * @property {Line[]} lines
 * @property {boolean} log
 * @property {boolean} [zero] whether the axis begins at 0
 * @property {boolean} [stepped] whether a value holds until the next one
 * @property {number} [guide] a value that is marked by a line
 * @property {[number, number][]} broken stretches of steps without a number
 * @property {number[]} [flips] steps that are marked at the foot
 */

/**
 * @param {string} title
 * @param {number} height
 * @param {import("./around.js").Around} around
 */
export function createPlot(title, height, around) {
  const keys = h("span", { class: "nd-keys" });
  const place = h("div", { class: "nd-plot", role: "img", title: "click: move the scrubber here; drag: zoom; double click: all" });
  const caption = h("figcaption", {}, h("span", { class: "nd-charttitle" }, title), keys);
  const element = h("figure", { class: "nd-chart" }, caption, place);
  const here = h("span", { class: "nd-here", hidden: true, "aria-hidden": true });
  const drawable = h("canvas").getContext("2d") !== null;
  /** @type {uPlot | null} */
  let plot = null;
  /** @type {Picture | null} */
  let shown = null;
  let form = "";
  /** @type {HTMLElement[]} */
  let values = [];

  const colour = (/** @type {string} */ name) => getComputedStyle(element).getPropertyValue(name).trim() || "#808080";
  const font = () => `11px ${colour("--nb-mono")}`;

  /** @param {Picture} picture @returns {import("uplot").Options} */
  function options({ lines, log, zero, stepped, guide }) {
    /** @type {import("uplot").Series[]} */
    const series = [{}];
    const paths = stepped ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
    /** @type {import("uplot").Band[]} */
    const bands = [];
    for (const line of lines) {
      const own = `--nd-${line.colour % 8}`;
      if (line.low && line.high) {
        const edge = { stroke: "transparent", paths, points: { show: false } };
        series.push(edge, { ...edge });
        bands.push({ series: [series.length - 2, series.length - 1], fill: () => faded(colour(own), 22) });
      }
      if (line.faint) series.push({ stroke: () => faded(colour(own), 35), width: 1, paths, points: { show: false } });
      series.push({ stroke: () => colour(own), width: 1.6, dash: line.dash, paths, points: { show: lone(line.row), size: 5 } });
    }
    /** @param {uPlot} _ @param {number[]} splits */
    const kept = (_, splits) => (log ? logTicks(splits, (height - 30) / 20) : splits);
    const axis = { stroke: () => colour("--nb-soft"), font: font(), ticks: { show: false } };
    return {
      width: Math.max(place.clientWidth, 120), height, series, bands, padding: [8, 18, 0, 0],
      legend: { show: false },
      scales: { x: { time: false, range: () => around.span() }, y: { distr: log ? 3 : 1, range: (_, low, high) => reach(low, high, { log, zero }) } },
      axes: [
        { ...axis, size: 22, gap: 2, space: 70, grid: { show: false }, values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? count(tick) : "")) },
        { ...axis, size: 48, gap: 4, space: 26, filter: kept, grid: { stroke: () => colour("--nb-rule"), width: 1, filter: kept }, values: (_, ticks) => ticks.map((tick) => tickText(tick, log)) },
      ],
      cursor: { y: false, points: { show: false }, sync: { key: around.key, scales: ["x", null] }, drag: { x: true, y: false, setScale: false } },
      hooks: { drawClear: [(u) => paintBelow(u, guide)], draw: [paintAbove], setCursor: [readOut], setSelect: [chosen] },
    };
  }

  /** @param {uPlot} u @param {number | undefined} guide */
  function paintBelow(u, guide) {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.font = scaled(10);
    for (const [from, to] of shown?.broken ?? []) {
      const [left, right] = [u.valToPos(from, "x", true), u.valToPos(to, "x", true)];
      const wide = Math.max(right - left, 3);
      ctx.fillStyle = faded(colour("--nb-bad"), 22);
      ctx.fillRect(left, bbox.top, wide, bbox.height);
      ctx.fillStyle = colour("--nb-bad");
      ctx.fillText("NaN", Math.min(left + 2, bbox.left + bbox.width - 26 * uPlot.pxRatio), bbox.top + bbox.height - 4);
    }
    if (guide !== undefined) {
      ctx.strokeStyle = colour("--nb-soft");
      ctx.setLineDash([2, 4]);
      stroke(u, bbox.left, u.valToPos(guide, "y", true), bbox.left + bbox.width, u.valToPos(guide, "y", true));
    }
    ctx.restore();
  }

  /** @param {uPlot} u */
  function paintAbove(u) {
    const { ctx, bbox } = u;
    const [from, to] = around.span();
    ctx.save();
    ctx.font = scaled(11);
    ctx.textAlign = "center";
    for (const moment of around.moments()) {
      if (moment.step < from || moment.step > to) continue;
      const { icon, tone } = signOf(moment);
      const x = u.valToPos(moment.step, "x", true);
      ctx.strokeStyle = ctx.fillStyle = colour(TONES[tone]);
      ctx.setLineDash([4, 4]);
      stroke(u, x, bbox.top + 4 * uPlot.pxRatio, x, bbox.top + bbox.height);
      ctx.fillText(icon, x, bbox.top + 5 * uPlot.pxRatio);
    }
    ctx.fillStyle = colour("--nb-soft");
    ctx.setLineDash([]);
    for (const step of shown?.flips ?? []) ctx.fillText("▴", u.valToPos(step, "x", true), bbox.top + bbox.height - 1);
    const at = around.at();
    if (at !== null && at >= from && at <= to) {
      ctx.strokeStyle = colour("--nb-accent");
      stroke(u, u.valToPos(at, "x", true), bbox.top, u.valToPos(at, "x", true), bbox.top + bbox.height);
    }
    ctx.restore();
  }

  /** @param {number} size */
  const scaled = (size) => `${size * uPlot.pxRatio}px ${colour("--nb-mono")}`;

  /** @param {uPlot} u */
  function chosen(u) {
    const { left, width } = u.select;
    if (width < 4) return;
    around.zoom([u.posToVal(left, "x"), u.posToVal(left + width, "x")]);
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  }

  /** @param {uPlot} u */
  function readOut(u) {
    const at = u.cursor.idx;
    here.hidden = at === null || at === undefined;
    if (at !== null && at !== undefined) {
      const left = u.valToPos(u.data[0][at], "x");
      say(here, count(u.data[0][at]));
      here.style.left = `${left}px`;
    }
    writeValues(at ?? null);
  }

  /** Values under the cursor; where there is none, at the scrubber. @param {number | null} cursor */
  function writeValues(cursor) {
    if (!shown) return;
    const { x, lines } = shown;
    const step = around.at();
    const at = cursor ?? (step === null ? x.length - 1 : x.findLastIndex((one) => one <= step));
    lines.forEach(({ row, said = row }, i) => {
      let place = at;
      while (place > 0 && said[place] === undefined) place--;
      const value = said[place];
      say(values[i], value === undefined || value === null ? "–" : brief(value));
    });
  }

  function build() {
    plot?.destroy();
    plot = null;
    if (!drawable || !shown || !place.isConnected || place.clientWidth === 0) return;
    plot = new uPlot(options(shown), dataOf(shown), place);
    const made = plot;
    plot.over.append(here);
    plot.over.addEventListener("click", () => {
      const left = made.cursor.left ?? -1;
      if (left >= 0) around.choose(made.posToVal(left, "x"));
    });
    plot.over.addEventListener("dblclick", () => around.zoom(null));
  }

  const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => {
    if (place.clientWidth === 0) return;
    if (plot) plot.setSize({ width: place.clientWidth, height });
    else build();
  });
  watch?.observe(place);

  const own = {
    element,
    caption,
    /** @param {Picture} picture */
    show(picture) {
      shown = picture;
      const now = JSON.stringify([picture.log, picture.zero, picture.stepped, picture.lines.map((line) => [line.name, line.colour, line.dash, Boolean(line.faint), Boolean(line.low), lone(line.row)])]);
      if (now !== form) {
        form = now;
        writeKeys(picture);
        build();
      } else if (plot) plot.setData(dataOf(picture));
      else build();
      attribute(place, "aria-label", shorten(`${title} over steps; last: ${picture.lines.map(({ name, row }) => `${name} ${lastOf(row)}`).join(", ")}${picture.broken.length ? "; with NaN" : ""}`, 600));
      writeValues(plot?.cursor.idx ?? null);
    },
    /** Draws again what is not in the lines: marks, colours, the steps in sight. @param {boolean} [spanned] whether those changed */
    redraw(spanned = false) {
      if (spanned && plot) plot.setScale("x", { min: around.span()[0], max: around.span()[1] });
      else plot?.redraw(false);
      writeValues(plot?.cursor.idx ?? null);
    },
    destroy() {
      around.plots.delete(own);
      watch?.disconnect();
      plot?.destroy();
    },
  };
  around.plots.add(own);
  return own;

  /** @param {Picture} picture */
  function writeKeys({ lines }) {
    values = lines.map(() => h("span", { class: "nd-value" }));
    const alone = lines.length === 1 && (lines[0].name === "" || lines[0].name === title.toLowerCase());
    const own = lines.map((line, i) => {
      const sample = h("span", { class: "nd-stroke", "data-colour": line.colour % 8, "data-dash": line.dash ? (line.dash[0] < 3 ? "dots" : "dashes") : null, "aria-hidden": true });
      return h("span", { class: "nd-key", title: tooltip(line.name) }, alone ? null : sample, alone ? "" : shortenName(line.name || "all", 28), values[i]);
    });
    fill(keys, ...own);
  }
}

/** @param {Row} row */
const lastOf = (row) => {
  const value = row.findLast((one) => one !== undefined);
  return value === null || value === undefined ? "none" : brief(value);
};

/** Whether a line has so few points that it needs dots. @param {Row} row */
const lone = (row) => {
  let points = 0;
  for (const value of row) if (typeof value === "number" && ++points > 2) return false;
  return true;
};

/** @param {Picture} picture @returns {import("uplot").AlignedData} */
const dataOf = ({ x, lines }) => [/** @type {any} */ (x), ...lines.flatMap(({ row, faint, low, high }) => [...(low && high ? [high, low] : []), ...(faint ? [faint] : []), row])];

/** @param {uPlot} u @param {number} x0 @param {number} y0 @param {number} x1 @param {number} y1 */
function stroke({ ctx }, x0, y0, x1, y1) {
  ctx.lineWidth = uPlot.pxRatio;
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
}

/** @param {string} colour @param {number} percent of it that is left */
const faded = (colour, percent) => `color-mix(in srgb, ${colour} ${percent}%, transparent)`;

/** @param {number | null} tick @param {boolean} log */
function tickText(tick, log) {
  if (tick === null) return "";
  const size = Math.abs(tick);
  if (size !== 0 && (size < 1e-2 || size >= 1e5)) return tick.toExponential(log ? 0 : 1).replace("e+", "e").replaceAll("-", "−").replace(".0e", "e");
  return String(Number(tick.toPrecision(4))).replace("-", "−");
}
