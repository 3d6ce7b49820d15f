// For exported pages alone, which can be read without it: enlarges a thumbnail, and reads a plot, under the pointer.

/**
 * @typedef {[name: string, colour: string, x: number[], y: number[]]} Line
 * @typedef {object} Plot one plot of a picture, as `readable` writes it in Python
 * @property {[left: number, top: number, width: number, height: number]} box shares of the picture
 * @property {[from: number, to: number]} x what its axis goes over
 * @property {[from: number, to: number]} y
 * @property {[x: boolean, y: boolean]} log
 * @property {string} along what the axis along the bottom has
 * @property {Line[]} lines
 */

const SMALL = 160;
const LARGE = 320;
const APART = 14;

/** @param {HTMLElement} within */
export function hovering(within) {
  const tip = within.ownerDocument.createElement("div");
  const rule = within.ownerDocument.createElement("div");
  tip.setAttribute("aria-hidden", "true");
  rule.setAttribute("aria-hidden", "true");
  tip.className = "nbinspect-page nbinspect-hover";
  tip.style.cssText = "position:fixed;z-index:9;pointer-events:none;padding:4px 8px;max-width:340px;overflow-wrap:anywhere;box-shadow:0 2px 8px #0006";
  rule.style.cssText = "position:fixed;z-index:8;pointer-events:none;width:1px;background:#8a94a1";
  const hide = () => {
    tip.hidden = rule.hidden = true;
    tip.style.display = rule.style.display = "none";
  };
  hide();
  within.append(rule, tip);

  /** @param {PointerEvent} event */
  const moved = (event) => {
    hide();
    const image = event.target;
    if (!(image instanceof HTMLImageElement)) return;
    const read = image.dataset.plots ? reading(plotsOf(image), share(image, event)) : null;
    if (read) {
      tip.replaceChildren(...lines(within.ownerDocument, read.words));
      const box = image.getBoundingClientRect();
      const [, top, , height] = read.plot.box;
      show(rule, event.clientX, box.top + top * box.height);
      rule.style.height = `${height * box.height}px`;
    } else if (image.clientWidth && Math.max(image.clientWidth, image.clientHeight) <= SMALL) {
      tip.replaceChildren(enlarged(image), ...lines(within.ownerDocument, [["", image.alt]]));
    } else return;
    show(tip, 0, 0);
    const { x, y } = beside(event, tip.getBoundingClientRect(), window.innerWidth, window.innerHeight);
    show(tip, x, y);
  };
  within.addEventListener("pointermove", moved);
  within.addEventListener("pointerleave", hide);
  within.addEventListener("scroll", hide, true);
  within.ownerDocument.addEventListener("keydown", (event) => event.key === "Escape" && hide());
}

/**
 * What stands under the pointer: a value of the axis along the bottom, and of each line its nearest point.
 * @param {Plot[]} plots
 * @param {{ x: number, y: number }} at shares of the picture
 * @returns {{ plot: Plot, words: [colour: string, text: string][] } | null}
 */
export function reading(plots, at) {
  const plot = plots.find(({ box: [left, top, width, height] }) => at.x >= left && at.x <= left + width && at.y >= top && at.y <= top + height);
  if (!plot) return null;
  const [left, top, width, height] = plot.box;
  const x = along(plot.x, plot.log[0], (at.x - left) / width);
  const named = plot.lines.flatMap(([name, colour, xs, ys]) => {
    const place = nearest(xs, x);
    return place === null ? [] : [{ name, colour, x: xs[place], y: ys[place] }];
  });
  const label = plot.along ? `${plot.along} ` : "";
  if (!named.length) return { plot, words: [["", `${label}${short(x)}, ${short(along(plot.y, plot.log[1], 1 - (at.y - top) / height))}`]] };
  const first = named.reduce((best, one) => (Math.abs(one.x - x) < Math.abs(best.x - x) ? one : best));
  return { plot, words: [["", `${label}${short(first.x)}`], .../** @type {[string, string][]} */ (named.map((one) => [one.colour, `${one.name ? `${one.name}: ` : ""}${short(one.y)}`]))] };
}

/**
 * @param {[number, number]} ends
 * @param {boolean} log
 * @param {number} part 0 … 1
 */
function along([from, to], log, part) {
  return log ? from * (to / from) ** part : from + (to - from) * part;
}

/**
 * The place of the point nearest to x; null where there is none.
 * @param {number[]} xs
 * @param {number} x
 */
function nearest(xs, x) {
  let best = null;
  let least = Infinity;
  for (const [place, each] of xs.entries()) {
    if (Math.abs(each - x) >= least) continue;
    least = Math.abs(each - x);
    best = place;
  }
  return best;
}

/** Four digits. @param {number} value */
function short(value) {
  return Number.isInteger(value) && Math.abs(value) < 1e9 ? value.toLocaleString("en") : String(Number(value.toPrecision(4)));
}

/** @param {HTMLImageElement} image @returns {Plot[]} */
function plotsOf(image) {
  return JSON.parse(image.dataset.plots ?? "[]");
}

/** @param {HTMLImageElement} image @param {PointerEvent} event */
function share(image, event) {
  const box = image.getBoundingClientRect();
  return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
}

/** @param {HTMLImageElement} image */
function enlarged(image) {
  const large = /** @type {HTMLImageElement} */ (image.cloneNode());
  const scale = LARGE / Math.max(image.clientWidth, image.clientHeight);
  large.width = Math.round(image.clientWidth * scale);
  large.height = Math.round(image.clientHeight * scale);
  large.style.cssText = "display:block;max-width:none;margin:0 0 4px;image-rendering:pixelated";
  return large;
}

/** @param {Document} document @param {[string, string][]} words */
function lines(document, words) {
  return words.map(([colour, text]) => {
    const line = document.createElement("div");
    const swatch = document.createElement("span");
    swatch.style.color = colour;
    swatch.textContent = colour ? "■ " : "";
    line.append(swatch, text);
    return line;
  });
}

/** @param {HTMLElement} element @param {number} x @param {number} y */
function show(element, x, y) {
  element.hidden = false;
  element.style.display = "block";
  element.style.left = `${x}px`;
  element.style.top = `${y}px`;
}

/**
 * Right of and below the pointer, or on the other side where there is no room.
 * @param {{ clientX: number, clientY: number }} pointer
 * @param {{ width: number, height: number }} tip
 * @param {number} width of the window
 * @param {number} height
 */
export function beside(pointer, tip, width, height) {
  const right = pointer.clientX + APART;
  const below = pointer.clientY + APART;
  const x = right + tip.width <= width ? right : pointer.clientX - APART - tip.width;
  const y = below + tip.height <= height ? below : pointer.clientY - APART - tip.height;
  return { x: Math.max(0, x), y: Math.max(0, y) };
}
