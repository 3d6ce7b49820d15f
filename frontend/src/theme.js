// Light or dark, as the page around is.

/**
 * Whether a colour as the browser computes it, `rgb(r, g, b)` or `color(srgb r g b)`, is dark.
 * @param {string} colour
 */
export function isDark(colour) {
  const whole = colour.startsWith("color(") ? 1 : 255;
  const [r, g, b] = (colour.match(/(?<![\w.])[\d.]+/g) ?? [whole, whole, whole]).map(Number);
  return (0.299 * r + 0.587 * g + 0.114 * b) / whole < 0.5;
}

/** What is painted around an element, also around the shadow that it lies in; empty where nothing is. @param {Element} element */
function paintedAround(element) {
  for (let node = /** @type {any} */ (element.parentNode); node; node = node.parentNode ?? node.host) {
    const colour = node.nodeType === Node.ELEMENT_NODE ? getComputedStyle(node).backgroundColor : "";
    if (colour && !/^transparent$|[,/] 0\)$/.test(colour)) return colour;
  }
  return "";
}

/**
 * Marks the root as light or dark and follows changes.
 * @param {HTMLElement} root
 * @param {HTMLElement} sheet whose background is the page's own, where the page names one
 * @returns {() => void} stops following
 */
export function followTheme(root, sheet) {
  const preference = globalThis.matchMedia?.("(prefers-color-scheme: dark)");
  function apply() {
    const style = getComputedStyle(root);
    const named = ["--jp-layout-color1", "--vscode-editor-background"].some((name) => style.getPropertyValue(name).trim());
    const painted = named ? getComputedStyle(sheet).backgroundColor : paintedAround(root);
    const marked = document.documentElement.getAttribute("theme") === "dark";
    const dark = painted ? isDark(painted) : marked || Boolean(preference?.matches);
    root.dataset.theme = dark ? "dark" : "light";
  }
  const watch = new MutationObserver(apply);
  for (const element of [document.documentElement, document.body]) watch.observe(element, { attributes: true });
  preference?.addEventListener?.("change", apply);
  // A theme's sheet may load after its attribute is set.
  root.addEventListener("pointerenter", apply);
  const first = requestAnimationFrame(apply);
  apply();
  return () => {
    cancelAnimationFrame(first);
    watch.disconnect();
    preference?.removeEventListener?.("change", apply);
  };
}
