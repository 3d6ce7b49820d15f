// A learning curve: scores over sizes of the data, each with its interval.

import { h } from "../dom.js";
import { brief, count, share } from "../numbers.js";
import { s } from "../sanity/svg.js";
import { numbersOf } from "./numbers.js";

const [WIDTH, HEIGHT] = [560, 190];
const [LEFT, RIGHT, TOP, BOTTOM] = [52, 550, 10, 160];

/** Scores as points of the drawing, sizes on a log scale. @param {any} curve */
export function placed({ sizes, scores, low, high }) {
  const [at, value, from, to] = [sizes, scores, low, high].map((one) => Array.from(numbersOf(one)));
  const known = [...from, ...to, ...value].filter(Number.isFinite);
  const [least, most] = known.length ? [Math.min(...known), Math.max(...known)] : [0, 1];
  const room = 0.08 * (most - least || 1);
  const [bottom, top] = [least - room, most + room];
  const logs = at.map((size) => Math.log(Math.max(size, 1)));
  const wide = (logs[logs.length - 1] ?? 1) - (logs[0] ?? 0) || 1;
  const y = (/** @type {number} */ own) => BOTTOM - ((own - bottom) / (top - bottom)) * (BOTTOM - TOP);
  const points = at.map((size, i) => ({ size, score: value[i], x: LEFT + 12 + ((logs[i] - logs[0]) / wide) * (RIGHT - LEFT - 24), y: y(value[i]), low: y(from[i]), high: y(to[i]) }));
  return { points: points.filter((point) => Number.isFinite(point.y)), ends: [bottom, top], y };
}

/** @param {any} curve */
export function curveElement(curve) {
  const { points, ends, y } = placed(curve);
  const text = (/** @type {number} */ value) => (curve.metric === "accuracy" ? share(value, 1) : brief(value));
  if (!points.length) return h("p", { class: "ne-soft" }, "There are no scores to draw.");
  const ticks = [0.1, 0.5, 0.9].map((at) => ends[0] + at * (ends[1] - ends[0]));
  const rules = ticks.flatMap((tick) => [s("line", { x1: LEFT, x2: RIGHT, y1: y(tick), y2: y(tick), class: "ne-rule" }), s("text", { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end", class: "ne-label" }, text(Math.min(Math.max(tick, curve.metric === "accuracy" ? 0 : -Infinity), curve.metric === "accuracy" ? 1 : Infinity)))]);
  const marks = points.flatMap((point) => [
    Number.isFinite(point.low) ? s("line", { x1: point.x, x2: point.x, y1: point.low, y2: point.high, class: "ne-intervalline" }) : null,
    s("circle", { cx: point.x, cy: point.y, r: 4, class: "ne-dot" }, s("title", {}, `${count(point.size)} samples: ${text(point.score)}`)),
  ]);
  const sparse = Math.ceil(points.length / 6);
  const sizes = points.map((point, i) => (i % sparse === 0 || i === points.length - 1 ? s("text", { x: point.x, y: BOTTOM + 16, "text-anchor": "middle", class: "ne-label" }, count(point.size)) : null));
  return s(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "ne-curve", role: "img", "aria-label": `${curve.metric} from ${text(points[0].score)} with ${count(points[0].size)} samples to ${text(points[points.length - 1].score)} with ${count(points[points.length - 1].size)}` },
    ...rules,
    s("polyline", { points: points.map((point) => `${point.x.toFixed(1)},${point.y.toFixed(1)}`).join(" "), class: "ne-curveline" }),
    ...marks,
    ...sizes,
    s("text", { x: RIGHT, y: HEIGHT - 3, "text-anchor": "end", class: "ne-label" }, "training samples (log)"),
  );
}
