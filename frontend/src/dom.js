// Elements without HTML strings: whatever comes from data can only become text.

/**
 * @typedef {string | number | Node | null | undefined | false} Child
 * @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Attributes
 */

/**
 * An element; keys that start with "on" are listeners, everything else is an attribute; null and false leave one out.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else attribute(element, name, value);
  }
  append(element, children);
  return element;
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {string | number | boolean | null | undefined} value
 */
export function attribute(element, name, value) {
  const text = value === true ? "true" : String(value);
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/**
 * @param {Element} element
 * @param {Child[]} children
 */
export function append(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/**
 * @param {Element} element
 * @param {...Child} children
 */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/**
 * Sets the text only where it differs, so that screen readers and selections are left alone.
 * @param {Element} element
 * @param {string} text
 */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Whether any of the named fields differs.
 * @template {object} T
 * @param {T | null} before
 * @param {T} now
 * @param {(keyof T)[]} names
 */
export function changed(before, now, names) {
  return before === null || names.some((name) => before[name] !== now[name]);
}

/**
 * A canvas's context, sized in device pixels and scaled to CSS pixels; null where there is no canvas (tests, text browsers).
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 */
export function context(canvas, width, height) {
  const ratio = globalThis.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const drawing = canvas.getContext("2d");
  drawing?.setTransform(ratio, 0, 0, ratio, 0, 0);
  return drawing;
}

/** Keeps JupyterLab's shortcuts away: it asks the very element that has the focus, before those around it.
 * @param {FocusEvent} event
 */
export function keepKeys(event) {
  const focused = /** @type {Element} */ (event.target);
  focused.setAttribute("data-lm-suppress-shortcuts", "true");
}
