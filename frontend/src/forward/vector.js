// A row of values as bars, and a value alone.

import { context, h, say } from "../dom.js";
import { brief, figure, shorten } from "../numbers.js";

/** @typedef {import("./types.js").ActivationView} ActivationView */

const TALL = 150;

/**
 * @param {(text: string) => void} read
 * @param {(unit: { row: number, column: number }) => void} choose
 */
export function createVector(read, choose) {
  const canvas = h("canvas", { class: "nf-canvas", "aria-hidden": true });
  const element = h("button", { type: "button", class: "nf-plane nf-vector" }, canvas);
  const low = h("span");
  const high = h("span");
  const box = h("div", {}, element, h("div", { class: "nf-pager" }, low, high));
  /** @type {ActivationView | null} */
  let view = null;
  let at = -1;
  const length = () => view?.planes.data.length ?? 0;
  const place = (/** @type {MouseEvent} */ event) => {
    const edges = canvas.getBoundingClientRect();
    return Math.min(Math.max(Math.floor(((event.clientX - edges.left) / (edges.width || 1)) * length()), 0), Math.max(length() - 1, 0));
  };
  const say_ = (/** @type {number} */ i) => view && read(`${view.axes[2] || "value"} ${i}${view.column_names[i] ? ` “${view.column_names[i]}”` : ""}: ${figure(view.planes.data[i])}`);
  element.addEventListener("pointermove", (event) => say_(place(event)));
  element.addEventListener("pointerleave", () => read(""));
  element.addEventListener("click", (event) => {
    at = event.detail === 0 ? Math.max(at, 0) : place(event);
    choose({ row: 0, column: at });
  });
  element.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !length()) return;
    at = Math.min(Math.max(at + step, 0), length() - 1);
    say_(at);
    event.preventDefault();
    event.stopPropagation();
  });
  return {
    element: box,
    /** @param {ActivationView} next @param {number} available */
    show(next, available) {
      view = next;
      const values = next.planes.data;
      const finite = Array.from(values).filter(Number.isFinite);
      const least = Math.min(0, ...finite);
      const most = Math.max(0, ...finite);
      const width = Math.min(available, Math.max(values.length * 26, 120));
      element.setAttribute("aria-label", `${next.name}: ${values.length} values from ${brief(Math.min(...finite))} to ${brief(Math.max(...finite))}. Arrow keys read them.`);
      say(low, `${next.axes[2] || "value"} 0 … ${next.size[1] - 1}`);
      say(high, finite.length ? `${brief(Math.min(...finite))} to ${brief(Math.max(...finite))}` : "no finite value");
      draw(values, least, most, width, next.column_names);
    },
  };

  /** @param {import("../types.js").Numbers} values @param {number} least @param {number} most @param {number} width @param {string[]} names */
  function draw(values, least, most, width, names) {
    const drawing = context(canvas, width, TALL);
    if (!drawing) return;
    const style = getComputedStyle(element);
    const step = width / values.length;
    const foot = names.length || step >= 14 ? 16 : 2;
    const reach = most - least || 1;
    const y = (/** @type {number} */ value) => 4 + ((most - value) / reach) * (TALL - foot - 6);
    drawing.font = `11px ${style.getPropertyValue("--nb-mono") || "monospace"}`;
    drawing.textAlign = "center";
    for (let i = 0; i < values.length; i++) {
      const value = Number.isFinite(values[i]) ? values[i] : 0;
      drawing.fillStyle = Number.isFinite(values[i]) ? style.getPropertyValue("--nb-bars") || "#5596de" : "#ff00c8";
      const [from, to] = [y(Math.max(value, 0)), y(Math.min(value, 0))];
      drawing.fillRect(i * step + (step > 4 ? 1 : 0), Number.isFinite(values[i]) ? from : 4, Math.max(step - (step > 4 ? 2 : 0), 0.5), Math.max(Number.isFinite(values[i]) ? to - from : TALL - foot - 6, 1));
      drawing.fillStyle = style.getPropertyValue("--nb-soft") || "#666";
      if (step >= 14) drawing.fillText(shorten(names[i] ?? String(i), Math.max(1, Math.floor(step / 7))), (i + 0.5) * step, TALL - 3);
    }
    drawing.fillRect(0, y(0), width, 1);
  }
}

/** A value alone, as large as it is important.
 * @param {ActivationView} view
 */
export const alone = (view) => h("p", { class: "nf-alone" }, figure(view.planes.data[0] ?? NaN));
