// A plane of points: a loop around some selects them, the one under the pointer is shown.

import { attribute, changed, context, h, say } from "../dom.js";
import { SEQUENTIAL, between, classColour, css } from "../colour.js";
import { shape } from "../dynamics/plane.js";
import { brief, count, shorten } from "../numbers.js";
import { nearestPoint, reach, stepTo, within } from "./lasso.js";
import { numbersOf } from "./numbers.js";
import { captionOf, createThumbs } from "./thumbs.js";

/** @typedef {import("./types.js").State} State */

const HEIGHT = 262;
const EDGE = 10;
const NEAR = 10;
const SHAPES = 7;
/** Above so many points each is a dot without a shape of its own. */
const SHAPED = 4000;
const PAUSE = 90;
const CROWD = 120;

/** @param {number} code */
export const shapeOf = (code) => (code < 0 ? 0 : code % SHAPES);

/** @param {import("./types.js").Kit} kit */
export function createPoints(kit) {
  const { store, actions, previews } = kit;
  const canvas = h("canvas", { class: "ne-points" });
  const over = h("canvas", { class: "ne-over", role: "application", tabindex: 0 });
  const [thumb, words] = [h("span", { class: "ne-thumb" }), h("span", {})];
  const tip = h("div", { class: "ne-tip", hidden: true, role: "status" }, thumb, words);
  const nothing = h("p", { class: "ne-soft ne-nopoints" });
  const element = h("div", { class: "ne-plane" }, canvas, over, tip, nothing);
  element.style.height = `${HEIGHT}px`;
  const drawThumb = createThumbs(previews, 72);
  /** @type {import("./types.js").ScatterView | null} */
  let view = null;
  /** @type {{ rows: ArrayLike<number>, xs: Float32Array, ys: Float32Array, codes: ArrayLike<number>, shown: ArrayLike<number> }} */
  let drawn = { rows: [], xs: new Float32Array(), ys: new Float32Array(), codes: [], shown: [] };
  /** @type {[number, number][] | null} */
  let loop = null;
  let here = -1;
  let timer = 0;
  /** @type {State | null} */
  let before = null;
  const colour = (/** @type {string} */ name) => getComputedStyle(canvas).getPropertyValue(name).trim() || "#808080";

  function lay() {
    const width = element.clientWidth || 560;
    const [px, py] = [numbersOf(view?.xs), numbersOf(view?.ys)];
    const [x, y] = [reach(px), reach(py)];
    const xs = Float32Array.from(px, (value) => EDGE + ((value - x[0]) / (x[1] - x[0])) * (width - 2 * EDGE));
    const ys = Float32Array.from(py, (value) => HEIGHT - EDGE - ((value - y[0]) / (y[1] - y[0])) * (HEIGHT - 2 * EDGE));
    drawn = { rows: numbersOf(view?.rows), xs, ys, codes: numbersOf(view?.codes), shown: numbersOf(view?.shown) };
    return width;
  }

  function draw() {
    const width = lay();
    const drawing = context(canvas, width, HEIGHT);
    overlay();
    nothing.hidden = drawn.rows.length > 0;
    say(nothing, view ? "no point to draw" : "no map yet");
    if (!drawing) return;
    drawing.clearRect(0, 0, width, HEIGHT);
    const chosen = store.get().selected;
    const { rows, shown } = drawn;
    const isShown = (/** @type {number} */ i) => !shown.length || shown[i] !== 0;
    drawing.fillStyle = colour("--ne-faint");
    for (let i = 0; i < rows.length; i++) if (!isShown(i)) drawing.fillRect(drawn.xs[i] - 1.5, drawn.ys[i] - 1.5, 3, 3);
    const colours = coloursOf();
    drawing.globalAlpha = rows.length > 8000 ? 0.6 : 0.8;
    for (let i = 0; i < rows.length; i++) if (isShown(i)) dot(drawing, i, colours);
    drawing.globalAlpha = 1;
    drawing.strokeStyle = colour("--nb-ink");
    // Of many that are selected the signs must not hide what they stand around.
    const size = chosen.size > CROWD ? 3 : 5;
    drawing.lineWidth = chosen.size > CROWD ? 0.75 : 1.5;
    for (let i = 0; i < rows.length; i++) if (chosen.has(rows[i])) drawing.strokeRect(drawn.xs[i] - size, drawn.ys[i] - size, 2 * size, 2 * size);
  }

  /** Colours by code, made once for all points. */
  function coloursOf() {
    const plain = colour("--nb-bars");
    /** @type {Map<number, string>} */
    const known = new Map();
    return (/** @type {number} */ code) => {
      if (code === undefined || code < 0) return view?.colour ? colour("--nb-soft") : plain;
      const found = known.get(code) ?? css(view?.words ? classColour(code) : between(SEQUENTIAL, code / 255));
      known.set(code, found);
      return found;
    };
  }

  /** @param {CanvasRenderingContext2D} drawing @param {number} i @param {(code: number) => string} colours */
  function dot(drawing, i, colours) {
    const code = drawn.codes.length ? drawn.codes[i] : -1;
    drawing.fillStyle = colours(code);
    if (drawn.rows.length > SHAPED) return drawing.fillRect(drawn.xs[i] - 2, drawn.ys[i] - 2, 4, 4);
    shape(drawing, view?.words ? shapeOf(code) : 0, drawn.xs[i], drawn.ys[i], 3.5);
    drawing.fill();
    // An outline, for pale colours on a pale ground.
    drawing.strokeStyle = "#0005";
    drawing.lineWidth = 0.5;
    drawing.stroke();
  }

  function overlay() {
    const width = element.clientWidth || 560;
    const drawing = context(over, width, HEIGHT);
    if (!drawing) return;
    drawing.clearRect(0, 0, width, HEIGHT);
    drawing.strokeStyle = colour("--nb-accent");
    drawing.lineWidth = 1.5;
    if (loop && loop.length > 1) {
      drawing.beginPath();
      for (const [x, y] of loop) drawing.lineTo(x, y);
      drawing.closePath();
      drawing.globalAlpha = 0.14;
      drawing.fillStyle = colour("--nb-warn");
      drawing.fill();
      drawing.globalAlpha = 1;
      drawing.setLineDash([4, 3]);
      drawing.stroke();
      drawing.setLineDash([]);
    }
    if (here < 0 || here >= drawn.xs.length) return;
    drawing.beginPath();
    drawing.arc(drawn.xs[here], drawn.ys[here], 7, 0, 7);
    drawing.stroke();
  }

  /** @param {number} i the point that is shown beside itself, −1 for none */
  function point(i) {
    if (i === here) return;
    here = i;
    overlay();
    clearTimeout(timer);
    if (i < 0) {
      tip.hidden = true;
      previews.want("tip", []);
      return;
    }
    timer = setTimeout(() => previews.want("tip", here >= 0 ? [drawn.rows[here]] : []), PAUSE);
    writeTip();
  }

  function writeTip() {
    if (here < 0) return;
    const row = drawn.rows[here];
    const code = drawn.codes.length ? drawn.codes[here] : -1;
    const word = view?.colour && code >= 0 ? (view.words ? view.words[code] : brief((view.low ?? 0) + (code / 255) * ((view.high ?? 1) - (view.low ?? 0)))) : "";
    drawThumb(thumb, row);
    say(words, [captionOf(previews.get(row), row), word && `${view?.colour}: ${shorten(word, 40)}`].filter(Boolean).join("\n"));
    tip.hidden = false;
    const [x, y] = [drawn.xs[here], drawn.ys[here]];
    const width = element.clientWidth || 560;
    tip.style.left = x > width / 2 ? "" : `${x + 12}px`;
    tip.style.right = x > width / 2 ? `${width - x + 12}px` : "";
    tip.style.top = y > HEIGHT / 2 ? "" : `${y + 8}px`;
    tip.style.bottom = y > HEIGHT / 2 ? `${HEIGHT - y + 8}px` : "";
  }

  /** @param {number} i */
  function open(i) {
    if (i >= 0) actions.open({ row: drawn.rows[i], position: null, columns: [], cells: [] });
  }

  over.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    loop = [[event.offsetX, event.offsetY]];
    over.setPointerCapture?.(event.pointerId);
    tip.hidden = true;
  });
  over.addEventListener("pointermove", (event) => {
    if (!loop) return point(nearestPoint(drawn, event.offsetX, event.offsetY, NEAR));
    const [x, y] = loop[loop.length - 1];
    if (Math.hypot(event.offsetX - x, event.offsetY - y) < 3) return;
    loop.push([event.offsetX, event.offsetY]);
    overlay();
  });
  over.addEventListener("pointerup", (event) => {
    const own = loop ?? [];
    loop = null;
    overlay();
    if (own.length < 4) return open(nearestPoint(drawn, event.offsetX, event.offsetY, NEAR));
    const rows = within(drawn, own).filter((i) => !drawn.shown.length || drawn.shown[i] !== 0).map((i) => drawn.rows[i]);
    void actions.ask("select", { rows, mode: event.shiftKey ? "add" : event.altKey ? "remove" : "set" });
  });
  over.addEventListener("pointercancel", () => {
    loop = null;
    overlay();
  });
  over.addEventListener("pointerleave", () => point(-1));
  over.addEventListener("blur", () => point(-1));
  over.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const to = stepTo(drawn, here, event.key);
    if (to !== null) point(to);
    else if (event.key === "Enter") open(here);
    else if (event.key === " " && here >= 0) void actions.ask("select", { rows: [drawn.rows[here]], mode: "toggle" });
    else if (event.key === "Escape") void actions.ask("select", { none: true });
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(draw);
  watch?.observe(element);
  return {
    element,
    draw,
    /** @param {State} state */
    update(state) {
      const fresh = state.view?.scatter ?? null;
      if (fresh !== view || before?.selected !== state.selected) {
        // A step of the selection sends the same points anew: the one that is pointed at stays.
        const held = here >= 0 ? drawn.rows[here] : -1;
        if (numbersOf(fresh?.rows)[here] !== held) point(-1);
        view = fresh;
        draw();
        attribute(over, "aria-label", `${view?.title || "Map"}: ${count(drawn.rows.length)} points, ${count(state.selected.size)} selected. Arrow keys go from point to point, Enter opens one, Space selects it, Escape clears the selection.`);
      }
      if (changed(before, state, ["arrivals"]) && !tip.hidden) writeTip();
      before = state;
    },
    destroy() {
      watch?.disconnect();
      clearTimeout(timer);
    },
  };
}
