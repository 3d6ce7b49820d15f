// How the batch is looked at: all of it happens in the page.

import { attribute, changed, fill, h, say } from "./dom.js";
import { earlierOf, itemOf, items } from "./describe.js";
import { classColour, css } from "./colour.js";
import { isColour, lookOf } from "./look.js";
import { brief, count, shorten, tooltip } from "./numbers.js";
import { classCounts, sortValues } from "./order.js";
import { isPictures } from "./panes.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Store} Store */

/**
 * @param {Store} store
 * @returns {import("./types.js").View}
 */
export function createToolbar(store) {
  const set = store.set;
  const modes = {
    fed: toggle("As fed", () => set({ mode: "fed" })),
    denormalised: toggle("De-normalised", () => set({ mode: "denormalised" })),
    both: toggle("Both", () => set({ mode: "both" })),
  };
  const modeGroup = h("span", { class: "nb-segment", role: "group", "aria-label": "Values shown" }, ...Object.values(modes));
  const item = select("Show", (value) => set({ item: Number(value), channel: null }));
  const channel = select("Channel", (value) => set({ channel: value === "" ? null : Number(value) }));
  const sort = select("Sort", (value) => set({ sort: /** @type {import("./types.js").SortKey} */ (value) }));
  const turn = h("button", { type: "button", class: "nb-turn", onclick: () => set({ descending: !store.get().descending }) });
  sort.element.append(turn);
  const label = select("Label", (value) => set({ label: value }));
  const size = slider("Size", 32, 256, 4, (value) => set({ size: value }));
  const masks = toggle("Masks", () => set({ masks: !store.get().masks }));
  const opacity = slider("Opacity", 0, 1, 0.05, (value) => set({ opacity: value }));
  const boxes = toggle("Boxes", () => set({ boxes: !store.get().boxes }));
  const drop = h("button", { type: "button", onclick: () => set({ compare: false }) }, "✕ Drop comparison");
  const only = h("button", { type: "button", onclick: () => set({ only: null }) });
  const legend = h("div", { class: "nb-legend" });
  const tools = h("div", { class: "nb-tools" }, item.element, modeGroup, channel.element, masks, opacity.element, boxes, drop, only, h("span", { class: "nb-order" }, sort.element, label.element, size.element));
  const element = h("div", { class: "nb-toolbar" }, tools, legend);

  /** @type {State | null} */
  let before = null;
  return {
    element,
    update(state) {
      if (!changed(before, state, ["batch", "previous", "compare", "item", "mode", "channel", "size", "sort", "descending", "label", "only", "masks", "opacity", "boxes"])) return;
      const fresh = changed(before, state, ["batch", "item", "masks", "mode", "channel"]);
      before = state;
      const shown = itemOf(state);
      if (fresh) options(state, shown);
      writeModes(state, shown);
      size.set(state.size);
      opacity.set(state.opacity);
      size.element.hidden = !shown || shown.decoder === "table";
      const masked = Boolean(state.batch?.masks) && state.item === 0 && isPictures(shown);
      masks.hidden = !masked;
      opacity.element.hidden = !masked || !state.masks;
      attribute(masks, "aria-pressed", String(state.masks));
      boxes.hidden = !state.batch?.boxes || state.item !== 0 || !isPictures(shown);
      attribute(boxes, "aria-pressed", String(state.boxes));
      hide(drop, !earlierOf(state), element);
      hide(only, !state.only, element);
      say(only, state.only ? `✕ ${shorten(state.only.text, 40)}` : "");
      attribute(only, "title", state.only ? tooltip(`Only samples of: ${state.only.text}. Click to show all.`) : null);
      say(turn, state.descending ? "↓" : "↑");
      attribute(turn, "aria-label", state.descending ? "Descending; make it ascending" : "Ascending; make it descending");
      if (fresh) fill(legend, ...legendOf(state, shown));
      legend.hidden = legend.childElementCount === 0;
    },
  };

  /** @param {State} state @param {import("./types.js").Decoded | null} shown */
  function options(state, shown) {
    const { batch } = state;
    const all = batch ? items(batch) : [];
    const inputs = batch?.inputs.length ?? 0;
    item.set(all.map((entry, i) => [String(i), `${shorten(entry.name, 40)}${i < inputs ? "" : " (target)"}`]), String(state.item), all.length < 2);
    channel.set(channelOptions(shown), state.channel === null ? "" : String(state.channel));
    const keys = /** @type {import("./types.js").SortKey[]} */ (["index", "label", "mean", "loss"]);
    const usable = keys.filter((key) => key === "index" || (batch && sortValues(batch, key, shown?.name ?? "")));
    sort.set(usable.map((key) => [key, key]), state.sort, usable.length < 2 && (batch?.batch.size ?? 0) < 2);
    const classes = classCounts(batch?.labels ?? null);
    label.set([["", "all"], ...classes.map((entry) => /** @type {[string, string]} */ ([entry.name, `${shorten(entry.name, 40)} (${count(entry.count)})`]))], state.label, classes.length === 0);
  }

  /** @param {State} state @param {import("./types.js").Decoded | null} shown */
  function writeModes(state, shown) {
    modeGroup.hidden = !isPictures(shown) || shown.kind !== "image";
    const known = isPictures(shown) && shown.normalisation !== null;
    for (const [name, button] of Object.entries(modes)) {
      const off = !known && name !== "fed";
      attribute(button, "aria-pressed", String(known ? state.mode === name : name === "fed"));
      attribute(button, "aria-disabled", off ? "true" : null);
      attribute(button, "title", off && isPictures(shown) ? tooltip(`Not needed: ${shown.normalisation_note || "no normalisation is known"}`) : null);
    }
  }
}

/** Hides a button; where it had the focus, the toolbar's first control gets it.
 * @param {HTMLElement} button
 * @param {boolean} hidden
 * @param {HTMLElement} toolbar
 */
function hide(button, hidden, toolbar) {
  const held = /** @type {Document | ShadowRoot} */ (button.getRootNode()).activeElement === button;
  button.hidden = hidden;
  if (!hidden || !held) return;
  const controls = [...toolbar.querySelectorAll("button, select, input")];
  /** @type {HTMLElement | undefined} */ (controls.find((control) => !control.closest("[hidden]")))?.focus();
}

/** @param {import("./types.js").Decoded | null} shown @returns {[string, string][]} */
function channelOptions(shown) {
  if (!shown || !("channels" in shown) || shown.channels.length < 2) return [];
  const names = shown.channels.map((name, c) => /** @type {[string, string]} */ ([String(c), shorten(name, 30)]));
  if (!isPictures(shown)) return [["", "all"], ...names];
  return isColour(shown) ? [["", "colour"], ...names] : names;
}

/** @param {State} state @param {import("./types.js").Decoded | null} shown @returns {(HTMLElement | false)[]} */
function legendOf(state, shown) {
  if (!shown) return [];
  const parts = [h("span", { class: "nb-fact" }, sourceOf(shown))];
  if (isPictures(shown)) {
    const look = lookOf(shown, state.mode === "denormalised" ? "denormalised" : "fed", state.channel);
    parts.push(h("span", { class: "nb-fact" }, brief(look.from), colourBar(look), brief(look.to)));
    if (shown.clipped > 0) parts.push(h("span", { class: "nb-fact" }, `${brief(100 * shown.clipped)} % clipped`));
    if (shown.marks) parts.push(h("span", { class: "nb-fact" }, h("span", { class: "nb-swatch nb-mark", "aria-hidden": true }), "NaN, ±Inf"));
    if (state.batch?.masks && state.masks && state.item === 0) parts.push(...classLegend(state.batch.masks));
  } else if ("channels" in shown && shown.channels.length > 1) {
    parts.push(...shown.channels.slice(0, 8).map((name, c) => swatch(c, name)));
  }
  return parts;
}

/** @param {import("./types.js").Decoded} shown */
function sourceOf(shown) {
  if (shown.decoder === "text") return `text from ${shown.source}; outlined: special${shown.attended ? "; struck through: masked out" : ""}`;
  if (shown.decoder === "table") return `shaded per feature, least (blue) to greatest (orange)${shown.total_features > shown.features.length ? `; first ${shown.features.length} of ${count(shown.total_features)} features` : ""}`;
  if (!isPictures(shown)) return `${count(shown.length)} steps${shown.sample_rate ? ` at ${count(shown.sample_rate)} Hz` : ""}`;
  const more = shown.total_channels > shown.channels.length ? `; first ${shown.channels.length} of ${count(shown.total_channels)} channels` : "";
  if (!shown.normalisation) return `${shown.normalisation_note || (shown.kind === "values" ? "value map" : "no normalisation known")}${more}`;
  const { mean, std, source } = shown.normalisation;
  return `mean ${mean.map(brief).join(" ")}  std ${std.map(brief).join(" ")}  (${shorten(source, 80)})${more}`;
}

/** @param {import("./look.js").Look} look */
function colourBar(look) {
  const stops = Array.from({ length: 9 }, (_, i) => {
    const byte = Math.round((255 * i) / 8);
    return look.map ? css(/** @type {import("./colour.js").Rgb} */ (look.tables.map((table) => table[mapByte(look, i / 8)]))) : css([byte, byte, byte]);
  });
  const bar = h("span", { class: "nb-bar", role: "img", "aria-label": `colours from ${brief(look.from)} to ${brief(look.to)}` });
  bar.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
  return bar;
}

/** @param {import("./look.js").Look} look @param {number} at */
const mapByte = (look, at) => Math.min(Math.max(Math.round(look.byteOf(look.from + at * (look.to - look.from))), 0), 255);

/** @param {import("./types.js").Masks} masks */
function classLegend(masks) {
  const present = new Set(masks.classes.data);
  const shown = masks.names.map((_, i) => i).filter((i) => present.has(i));
  const rest = shown.length - 12;
  return [...shown.slice(0, 12).map((i) => swatch(i, masks.names[i])), ...(rest > 0 ? [h("span", { class: "nb-fact" }, `+${rest} classes`)] : [])];
}

/** @param {number} index @param {string} name */
function swatch(index, name) {
  const square = h("span", { class: "nb-swatch", "aria-hidden": true });
  square.style.background = css(classColour(index));
  return h("span", { class: "nb-fact", title: tooltip(name) }, square, shorten(name, 24));
}

/** @param {string} text @param {() => void} act */
function toggle(text, act) {
  return h(
    "button",
    {
      type: "button",
      onclick: (/** @type {Event} */ event) => {
        if (/** @type {Element} */ (event.currentTarget).getAttribute("aria-disabled") !== "true") act();
      },
    },
    text,
  );
}

/** @param {string} text @param {(value: string) => void} act */
function select(text, act) {
  const control = h("select", { "aria-label": text, onchange: () => act(control.value) });
  const element = h("span", { class: "nb-control" }, h("span", { "aria-hidden": true }, text), control);
  return {
    element,
    /** @param {[string, string][]} choices @param {string} value @param {boolean} [hidden] */
    set(choices, value, hidden = choices.length === 0) {
      const same = choices.length === control.options.length && choices.every(([key, name], i) => control.options[i].value === key && control.options[i].text === name);
      if (!same) fill(control, ...choices.map(([key, name]) => h("option", { value: key }, name)));
      control.value = value;
      if (control.selectedIndex < 0 && choices.length) control.selectedIndex = 0;
      element.hidden = hidden;
    },
  };
}

/** @param {string} text @param {number} min @param {number} max @param {number} step @param {(value: number) => void} act */
function slider(text, min, max, step, act) {
  const control = h("input", { type: "range", min, max, step, "aria-label": text, oninput: () => act(Number(control.value)) });
  const element = h("label", { class: "nb-control" }, h("span", { "aria-hidden": true }, text), control);
  return {
    element,
    /** @param {number} value */
    set(value) {
      if (Number(control.value) !== value) control.value = String(value);
    },
  };
}
