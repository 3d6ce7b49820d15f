// Light or dark, as the page around is.

/**
 * Whether a colour as the browser computes it, `rgb(r, g, b)`, is dark.
 * @param {string} colour
 */
export function isDark(colour) {
  const [r, g, b] = (colour.match(/[\d.]+/g) ?? ["255", "255", "255"]).map(Number);
  return 0.299 * r + 0.587 * g + 0.114 * b < 128;
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
    const dark = named ? isDark(getComputedStyle(sheet).backgroundColor) : Boolean(preference?.matches);
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
