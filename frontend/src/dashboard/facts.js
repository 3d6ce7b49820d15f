// The first line: what is inspected, and what goes with it.

import { attribute, changed, fill, h, say } from "../dom.js";
import { shorten, tooltip } from "../numbers.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {keyof import("./types.js").Facts} Name */

/** What can be given to an inspector and makes more rooms and steps possible. */
const GIVEN = /** @type {const} */ ({ loader: "loader", validation: "validation loader", loss: "loss", optimizer: "optimizer" });

/** @returns {import("./types.js").View} */
export function createFacts() {
  const name = h("strong", { class: "nb-title" });
  const list = h("dl", { class: "nr-facts" });
  const missing = h("span", { class: "nr-missing" });
  const now = h("span", { class: "nr-now" });
  const element = h("div", { class: "nr-header" }, name, list, missing, now);
  /** @type {State | null} */
  let before = null;
  return {
    element,
    update(state) {
      const { facts, status } = state;
      const busy = status.state === "busy" || status.state === "waiting";
      say(now, busy ? shorten(status.text, 120) : "");
      attribute(now, "title", busy ? tooltip(status.text) || null : null);
      if (!changed(before, state, ["facts"])) return;
      before = state;
      fill(name, shorten(facts.model || "Inspector", 60));
      fill(list, ...factsOf(facts).map(([key, value]) => h("div", { class: "nr-fact", title: tooltip(value) }, h("dt", {}, key), h("dd", {}, shorten(value, 60)))));
      const without = Object.entries(GIVEN).filter(([key]) => facts.model && !facts[/** @type {Name} */ (key)]).map(([, words]) => words);
      fill(missing, without.length ? `without ${without.join(", ")}` : "");
      attribute(missing, "title", without.length ? "give them to the Inspector, and more can be shown" : null);
    },
  };
}

/** Each fact with its name before it; what is not known is left out.
 * @param {State["facts"]} facts
 * @returns {[string, string][]}
 */
function factsOf(facts) {
  const trainable = facts.trainable && facts.trainable !== facts.parameters ? `, ${facts.trainable} trainable` : "";
  const batches = [facts.batches && `${facts.batches} batches`, facts.batch_size && `of ${facts.batch_size}`].filter(Boolean).join(" ");
  /** @type {[string, string | null | undefined | false][]} */
  const pairs = [
    ["parameters", facts.parameters && `${facts.parameters}${trainable}`],
    ["dtype", [facts.dtype, facts.device && `on ${facts.device}`].filter(Boolean).join(" ")],
    ["mode", facts.mode],
    ["train", [facts.samples && `${facts.samples} samples`, batches || (!facts.samples && facts.loader)].filter(Boolean).join(" · ")],
    ["validation", facts.validation],
    ["loss", facts.loss],
    ["optimizer", [facts.optimizer, facts.rate && `rate ${facts.rate}`].filter(Boolean).join(" · ")],
  ];
  return pairs.flatMap(([key, value]) => (value ? [/** @type {[string, string]} */ ([key, value])] : []));
}
