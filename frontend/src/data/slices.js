// Samples with something in common on which the error is larger than on the rest.

import { h } from "../dom.js";
import { brief, count, share, shorten } from "../numbers.js";
import { between, createResult, filterButton, notesOf, tableOf, verdict } from "./result.js";

/** An error: a share where it is a rate. @param {string} measure @param {number | null} value */
export const errorText = (measure, value) => (value === null ? "–" : /rate/.test(measure) ? share(value, 1) : brief(value));

/**
 * @param {import("./types.js").Kit} kit
 * @returns {import("./types.js").View}
 */
export const createSlices = (kit) => createResult(kit, {
  key: "slices",
  text: "Groups of samples, by label and by ranges of every column, on which the network errs more than luck explains.",
  verb: "Find the worst slices",
  reason: ({ dataset }) => (dataset?.predicted ? "" : "press Predict first"),
  draw({ measure = "error", slices = [], sentence, notes, error, tried }) {
    const rows = slices.map((/** @type {any} */ slice) => [
      filterButton(kit, slice.query, shorten(slice.text, 80)),
      count(slice.count),
      h("span", { "data-tone": "bad" }, errorText(measure, slice.error)),
      h("span", { class: "ne-soft" }, between(errorText(measure, slice.low), errorText(measure, slice.high))),
      errorText(measure, slice.rest),
      share(slice.share, 1),
    ]);
    return [
      verdict(sentence),
      rows.length > 0 && tableOf("Slices", ["slice", "samples", measure, "95 %", "the rest", "of all error"], rows),
      h("p", { class: "ne-soft" }, `over all samples ${errorText(measure, error ?? null)}${tried ? `; ${count(tried)} slices were tried, and chance is corrected for that` : ""}`),
      notesOf(notes),
    ];
  },
});
