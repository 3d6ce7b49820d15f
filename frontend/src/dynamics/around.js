// What all charts of one view have in common: the steps in sight, the cursor, marks, and what a click does.

import { told } from "./marks.js";
import { nearest } from "./state.js";

/**
 * @typedef {object} Around
 * @property {string} key of the cursor that moves in all of them
 * @property {Set<{ redraw: (spanned?: boolean) => void }>} plots
 * @property {() => [number, number]} span steps in sight
 * @property {() => boolean} isZoomed
 * @property {(span: [number, number] | null) => void} zoom
 * @property {(step: number) => void} choose
 * @property {() => number | null} at the step of the scrubber, where it does not follow the newest
 * @property {() => import("./types.js").Moment[]} moments
 */

const MOST = 100;
let views = 0;

/**
 * @param {import("./types.js").Store} store
 * @returns {Around}
 */
export function createAround(store) {
  /** @type {[number, number] | null} */
  let zoomed = null;
  /** @type {Around["plots"]} */
  const plots = new Set();
  return {
    key: `nbinspect-${views++}`,
    plots,
    span() {
      const { record } = store.get();
      const last = (record?.traces ?? []).reduce((most, trace) => Math.max(most, trace.step.data.at(-1) ?? 0), record?.steps ?? 0);
      return zoomed ?? [0, Math.max(last, 1)];
    },
    isZoomed: () => zoomed !== null,
    zoom(span) {
      zoomed = span && span[1] - span[0] >= 2 ? [Math.max(span[0], 0), span[1]] : null;
      for (const plot of plots) plot.redraw(true);
      store.set({});
    },
    choose(step) {
      const { readings } = store.get();
      if (readings.length) store.set({ at: nearest(readings, step), playing: false });
    },
    at: () => (store.get().at === null ? null : store.get().reading?.step ?? null),
    moments: () => told(store.get().record?.moments ?? []).slice(-MOST),
  };
}
