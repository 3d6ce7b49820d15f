// How a column is spread in this split, and in the other: asked for once for each state of the data.

import { fill, h, say } from "../dom.js";
import { count, share } from "../numbers.js";
import { createNumberBars } from "./bars.js";
import { createClassBars } from "./classbars.js";
import { problemLine } from "./fields.js";
import { numbersOf, total } from "./numbers.js";
import { equals, nameText } from "./spelling.js";

/** @typedef {import("./types.js").Dataset} Dataset */
/** @typedef {{ own: ArrayLike<number>, other: ArrayLike<number> | null }} Both counts of either split */

/**
 * @param {import("./types.js").Kit} kit
 * @param {(both: Both) => string} about what is said above
 */
export function createSpread({ actions }, about) {
  const words = h("p", { class: "ne-about" });
  const place = h("div", {});
  const element = h("div", { class: "ne-spread" }, words, place);
  let column = "";
  let asked = "";
  let shown = "";
  const classes = createClassBars((word) => void actions.filter(equals(column, word)));
  const bars = createNumberBars((low, high) => void actions.filter(`${nameText(column)} >= ${low} and ${nameText(column)} <= ${high}`));

  /** @param {Dataset} dataset @param {any} payload */
  function draw({ split }, payload) {
    const [train, validation] = [payload.train, payload.validation];
    const own = numbersOf(split === "validation" ? validation : train);
    const beside = split === "validation" ? train : validation;
    const other = beside ? numbersOf(beside) : null;
    const scale = other ? total(own) / (total(other) || 1) : 0;
    const scaled = other && Array.from(other, (value) => value * scale);
    say(words, about({ own, other }));
    if (payload.words) {
      const all = total(own);
      const bound = Array.from(/** @type {string[]} */ (payload.words), (word, i) => ({ word, whole: own[i] ?? 0, part: own[i] ?? 0, ...(scaled ? { other: scaled[i] ?? 0 } : {}) }));
      if (classes.element.parentElement !== place) fill(place, classes.element);
      const rare = payload.more ? `${count(payload.more)} rarer ones are left out` : "";
      classes.show(bound.sort((a, b) => b.whole - a.whole), { chosen: [], pressable: false, note: [scaled && "mark: the other split's share", rare].filter(Boolean).join("; "), name: ({ word, whole, other: beside_ }) => `${word}: ${count(whole)} (${share(whole, all)}${beside_ === undefined ? "" : `; other split ${share(beside_, all)}`})` });
    } else {
      if (bars.element.parentElement !== place) fill(place, bars.element);
      bars.show({ name: column, edges: numbersOf(payload.edges), all: own, shown: own, other: scaled, range: null });
    }
  }

  return {
    element,
    /** What came before stays till the new has come. @param {Dataset} dataset @param {string} name */
    show(dataset, name) {
      const key = `${dataset.serial} ${dataset.split} ${name}`;
      if (asked === key) return;
      asked = key;
      column = name;
      if (shown && shown !== `${dataset.split} ${name}`) fill(place, h("span", { class: "ne-soft" }, "…"));
      actions.request("compare", { column: name }).then(
        (payload) => {
          if (asked !== key) return;
          shown = `${dataset.split} ${name}`;
          draw(dataset, payload);
        },
        (error) => {
          if (asked !== key) return;
          say(words, "");
          fill(place, problemLine(String(error.message)));
        },
      );
    },
    draw: bars.draw,
    destroy: bars.destroy,
  };
}
