// Groups of a column's words: how many samples each holds, and the way to its first.

import { changed, fill, h, say } from "../dom.js";
import { count, plural, shorten, tooltip } from "../numbers.js";
import { searchField } from "./fields.js";

const MOST = 60;

/**
 * @param {import("./types.js").Kit} kit
 * @param {(first: number) => void} jump to a position
 */
export function createGroups({ store }, jump) {
  const search = searchField("Find a group", () => write());
  const place = h("span", { class: "ne-groupwords" });
  const rest = h("span", { class: "ne-soft" });
  const element = h("div", { class: "ne-groups", role: "group", "aria-label": "Groups", hidden: true }, search, place, rest);
  /** @type {import("./types.js").State | null} */
  let before = null;

  function write() {
    const groups = store.get().view?.groups ?? [];
    const wanted = search.value.trim().toLowerCase();
    const found = wanted ? groups.filter(({ word }) => word.toLowerCase().includes(wanted)) : groups;
    search.hidden = groups.length <= 12;
    fill(place, ...found.slice(0, MOST).map(({ word, count: many, first }) => h("button", { type: "button", class: "ne-chip", title: tooltip(`${word}: ${plural(many, "sample")}; click to go to the first`), onclick: () => jump(first) }, shorten(word, 24), h("span", { class: "ne-soft" }, ` ${count(many)}`))));
    say(rest, found.length > MOST ? `and ${count(found.length - MOST)} more` : found.length ? "" : "no such group");
  }

  return {
    element,
    /** @param {import("./types.js").State} state */
    update(state) {
      if (!changed(before, state, ["view"])) return;
      const same = before?.view?.groups === state.view?.groups || JSON.stringify(before?.view?.groups) === JSON.stringify(state.view?.groups);
      before = state;
      element.hidden = !state.view?.groups?.length;
      if (!same) write();
    },
  };
}
