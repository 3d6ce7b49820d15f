// The features of a table, or the channels of another input: their spread, what is missing, what is of no use.

import { changed, fill, h } from "../dom.js";
import { brief, count, plural, share, shorten, tooltip } from "../numbers.js";
import { searchField } from "./fields.js";
import { tableOf } from "./result.js";

const MOST = 256;

/** What is odd about a feature, in words. @param {import("./types.js").FeatureFacts} facts */
export function oddText({ constant, same_as, missing }) {
  const words = [constant && "constant", same_as && `same as ${shorten(same_as, 40)}`, missing > 0 && `${share(missing, 1)} missing`];
  return words.filter(Boolean).join(", ");
}

/**
 * @param {import("./types.js").Kit} kit
 * @returns {import("./types.js").View}
 */
export function createFeatures({ store }) {
  const search = searchField("Find a feature", () => write());
  const about = h("span", { class: "ne-soft" });
  const place = h("div", {});
  const element = h("section", {}, h("div", { class: "ne-pair" }, search, about), place);
  /** @type {import("./types.js").State | null} */
  let before = null;

  function write() {
    const all = store.get().dataset?.features ?? [];
    const wanted = search.value.trim().toLowerCase();
    search.hidden = all.length <= 12;
    const some = all.filter(({ name }) => name.toLowerCase().includes(wanted));
    // What is odd stands first; the rest in the data's own order.
    const sorted = [...some.filter(oddText), ...some.filter((facts) => !oddText(facts))];
    const odd = all.filter(oddText).length;
    fill(about, `${plural(all.length, "feature")}${all.length >= MOST ? " (the first of them)" : ""}, ${odd ? `${count(odd)} with something odd, first` : "none constant, duplicated or incomplete"}`);
    const number = (/** @type {number | null} */ value) => (value === null ? "–" : brief(value));
    fill(place, tableOf("Features", ["feature", "mean", "std", "min", "max", "what is odd"], sorted.map((facts) => [
      h("span", { title: tooltip(facts.name) }, shorten(facts.name, 40)),
      number(facts.mean), number(facts.std), number(facts.low), number(facts.high),
      oddText(facts) && h("span", { "data-tone": "warn" }, `▲ ${oddText(facts)}`),
    ])));
  }

  return {
    element,
    update(state) {
      if (changed(before, state, ["dataset"]) && JSON.stringify(before?.dataset?.features) !== JSON.stringify(state.dataset?.features)) write();
      before = state;
    },
  };
}
