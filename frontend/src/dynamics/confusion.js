// Which class was taken for which, on the probe batch at the scrubber.

import { attribute, changed, h, say } from "../dom.js";
import { matrixHead, matrixName } from "../matrix.js";
import { plural, tooltip } from "../numbers.js";
import { className } from "./measures.js";
import { refill } from "./refill.js";

/** @typedef {import("./types.js").State} State */

const MOST = 24;

/**
 * Counts of samples by target and guess, of the classes that are there.
 * @param {import("./types.js").ProbeRecord} probe
 * @param {import("./types.js").Reading} reading
 * @returns {{ classes: number[], samples: number[][][], right: number }} samples[target][guess]
 */
export function confusionOf(probe, reading) {
  const targets = Array.from(probe.targets?.data ?? [], Number).map((value) => Math.round(value));
  const guesses = Array.from(reading.guesses.data, Number);
  const few = probe.columns.data.length <= 12 && probe.columns.data.length > 1;
  const all = new Set([...(few ? Array.from(probe.columns.data, Number) : []), ...targets, ...guesses]);
  const classes = [...all].filter((one) => one >= 0).sort((a, b) => a - b);
  const samples = classes.map((target) => classes.map((guess) => targets.flatMap((own, n) => (own === target && guesses[n] === guess ? [n] : []))));
  return { classes, samples, right: samples.reduce((sum, row, i) => sum + row[i].length, 0) };
}

/**
 * @param {import("./types.js").Store} store
 * @returns {import("./types.js").View}
 */
export function createConfusion(store) {
  const about = h("p", { class: "nd-foot" });
  const place = h("div", { class: "nd-scroll" });
  const element = h("div", { class: "nd-grid" }, place, about);
  /** @type {State | null} */
  let before = null;
  return {
    element,
    update(state) {
      const probe = state.record?.probes[state.probe];
      if (!probe || !state.reading || !changed(before, state, ["reading", "probe"])) return;
      before = state;
      const { classes, samples, right } = confusionOf(probe, state.reading);
      const shown = classes.slice(0, MOST);
      const names = shown.map((one) => matrixName(className(probe, one)));
      const head = matrixHead(shown.map((one) => className(probe, one)), "target ↓ guess →");
      const rows = shown.map((_, r) => {
        const total = samples[r].reduce((sum, own) => sum + own.length, 0);
        return h("tr", {}, h("th", { scope: "row", title: tooltip(className(probe, shown[r])) }, names[r]), ...shown.map((__, c) => cell(samples[r][c], total, r, c, `${names[r]} taken for ${names[c]}`)));
      });
      refill(place, h("table", { class: "nd-confusion", "aria-label": "Samples by target and likeliest class" }, head, h("tbody", {}, ...rows)));
      const total = probe.targets?.data.length ?? 0;
      say(about, `step ${state.reading.step}: ${right} of ${plural(total, "sample")} right${classes.length > MOST ? `; the first ${MOST} of ${classes.length} classes` : ""}; click a count to see its sample`);
    },
  };

  /** @param {number[]} own @param {number} total @param {number} r @param {number} c @param {string} words */
  function cell(own, total, r, c, words) {
    if (!own.length) return h("td", {}, h("span", { class: "nd-nothing" }, "·"));
    const button = h("button", { type: "button", "data-key": `${r} ${c}`, "aria-label": `${plural(own.length, "sample")}: ${r === c ? words.replace(" taken for ", " seen as ") : words}`, title: `samples ${own.slice(0, 20).join(", ")}`, onclick: () => next(own) }, r === c ? String(own.length) : `✕ ${own.length}`);
    const made = h("td", {}, button);
    attribute(made, "class", r === c ? "nd-right" : "nd-wrong");
    made.style.setProperty("--nd-part", `${Math.round(12 + (58 * own.length) / total)}%`);
    return made;
  }

  /** Selects the first of these samples, and with every further click the next. @param {number[]} own */
  function next(own) {
    const now = own.indexOf(store.get().sample ?? -1);
    store.set({ sample: own[(now + 1) % own.length] });
  }
}
