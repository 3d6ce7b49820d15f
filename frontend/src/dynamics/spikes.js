// Losses far above those before them, with the samples of the batch that had each.

import { changed, h } from "../dom.js";
import { brief, count, plural, shorten } from "../numbers.js";
import { prose } from "../sanity/prose.js";
import { refill } from "./refill.js";
import { nearest } from "./state.js";
import { thumbOf } from "./thumb.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Spike} Spike */

const MOST = 100;

/**
 * @param {import("./types.js").Store} store
 * @returns {import("./types.js").View}
 */
export function createSpikes(store) {
  const list = h("div", { class: "nd-spikelist", role: "group", "aria-label": "Loss spikes" });
  const place = h("div", { class: "nd-scroll" });
  const element = h("div", { class: "nd-spikes" }, list, place);
  /** @type {State | null} */
  let before = null;
  return {
    element,
    update(state) {
      const spikes = state.record?.spikes ?? [];
      const chosen = state.spike ?? spikes.length - 1;
      const other = before?.record?.spikes !== state.record?.spikes;
      if (!other && !changed(before, state, ["spike"])) return;
      before = state;
      const from = Math.max(0, spikes.length - MOST);
      const buttons = spikes.slice(from).map((spike, i) => h("button", { type: "button", class: "nd-spike", "data-key": from + i, "aria-pressed": String(from + i === chosen), onclick: () => choose(from + i, spike) }, h("span", {}, `◆ step ${count(spike.step)}`), h("span", {}, `${brief(spike.loss)}, usual ${brief(spike.usual)}`)));
      refill(list, ...buttons.reverse());
      refill(place, ...(spikes[chosen] ? bodyOf(spikes[chosen]) : []));
    },
  };

  /** @param {number} spike @param {Spike} own */
  function choose(spike, { step }) {
    const { readings } = store.get();
    store.set({ spike, ...(readings.length ? { at: nearest(readings, step), playing: false } : {}) });
  }
}

/** @param {Spike} spike */
function bodyOf({ batch, losses, loss, usual, note }) {
  const words = h("p", { class: "nd-soft" }, `The loss was ${brief(loss)}, ${brief(loss / usual)} times the ${brief(usual)} usual before it. ${batch ? `${plural(losses.data.length, "sample")} of that batch, the largest loss first, measured after the step:` : ""}`);
  const notes = note ? [h("p", {}, ...prose(note))] : [];
  if (!batch) return [words, ...notes];
  const thumb = thumbOf(batch, 64);
  const samples = Array.from({ length: batch.batch.size }, (_, n) => {
    const own = thumb.build();
    thumb.draw(own, n);
    const label = batch.labels?.text[n];
    return h("li", {}, h("span", { class: "nd-thumbplace" }, own), h("span", {}, label === undefined ? `sample ${n}` : shorten(label, 30)), h("span", { class: "nd-soft" }, `loss ${brief(losses.data[n] ?? NaN)}`));
  });
  return [words, ...notes, h("ul", { class: "nd-spikesamples" }, ...samples)];
}
