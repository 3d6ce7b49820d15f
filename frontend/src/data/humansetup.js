// Before a person labels samples: how many, and whether twice; after it: what came out.

import { h } from "../dom.js";
import { button } from "../forward/controls.js";
import { brief, count, plural, share, shorten } from "../numbers.js";
import { numbersOf } from "./numbers.js";
import { between, createResult, notesOf, tableOf, verdict } from "./result.js";
import { columnOf } from "./state.js";

const FIRST = 50;

/**
 * @param {import("./types.js").Kit} kit
 * @returns {import("./types.js").View}
 */
export function createHumanSetup(kit) {
  const { store } = kit;
  const many = h("input", { type: "number", class: "ne-many", min: 1, step: 1, value: FIRST, "aria-label": "Samples to label" });
  const twice = h("input", { type: "checkbox", "aria-label": "Ask for some twice" });
  const on = button("Go on labelling", () => store.set({ labelling: true }), { hidden: true, title: "answers so far stand" });
  const settings = h("div", { class: "ne-pair ne-settings" }, h("label", {}, "samples ", many), h("label", {}, twice, " ask for some twice, to see whether answers agree"));
  const view = createResult(kit, {
    key: "human-start",
    method: "human",
    text: "What error does a person make on these samples? You see each without its label and press the key of the one you think it has. Answers are kept as you go, and you can stop at any time.",
    verb: "Start labelling",
    params: () => ({ n: Math.max(1, Math.round(Number(many.value) || FIRST)), twice: twice.checked ? 0.2 : 0 }),
    draw: () => [],
    after(state) {
      const answer = state.answers.get("human-start");
      if (answer?.payload && answer.payload !== begun) {
        begun = answer.payload;
        split = state.dataset?.split ?? "";
        queueMicrotask(() => store.set({ labelling: true }));
      }
      // The samples are of one split: their rows mean others in the other.
      on.hidden = begun === null || state.dataset?.split !== split || state.status.state === "closed";
      const result = state.answers.get("human-result")?.payload ?? null;
      if (result !== shown) results.replaceChildren(...(result ? resultOf(result) : []).filter((part) => part instanceof Node));
      shown = result;
    },
  });
  const results = h("div", { class: "ne-result" });
  view.element.insertBefore(settings, view.element.children[1]);
  view.element.children[2].append(on);
  view.element.append(results);
  /** @type {any} */
  let begun = null;
  let split = "";
  /** @type {any} */
  let shown = null;
  return view;
}

/** What answers came to. @param {any} record @returns {import("../dom.js").Child[]} */
export function resultOf(record) {
  const { samples = 0, right = 0, accuracy, low, high, repeats, agreed, kappa, seconds, network, sentence, words = [], confusion, notes } = record;
  if (!samples) return [verdict("No sample has been answered yet.")];
  const rows = [
    ["person", accuracy === null ? "–" : share(accuracy, 1), h("span", { class: "ne-soft" }, between(share(low ?? 0, 1), share(high ?? 1, 1))), plural(samples, "sample")],
    network && ["network", share(network.network ?? 0, 1), h("span", { class: "ne-soft" }, between(share(network.low ?? 0, 1), share(network.high ?? 1, 1))), `on the same ${count(network.samples)}`],
  ];
  const facts = [`${count(right)} right`, record.unknown ? `${count(record.unknown)} “don't know”` : "", seconds === null || seconds === undefined ? "" : `${brief(seconds)} s each`, repeats ? `${count(agreed)} of ${count(repeats)} answered the same twice${kappa === null ? "" : ` (kappa ${brief(kappa)})`}` : ""];
  return [verdict(sentence), tableOf("Human baseline", ["who", "accuracy", "95 %", "samples"], /** @type {any} */ (rows.filter(Boolean))), h("p", { class: "ne-soft" }, facts.filter(Boolean).join(" · ")), mistakes(words, numbersOf(confusion)), notesOf(notes)];
}

/** The most frequent mistakes of a person. @param {string[]} words @param {ArrayLike<number>} counts (C, C + 1) */
function mistakes(words, counts) {
  const width = words.length + 1;
  const found = words.flatMap((word, r) => words.flatMap((guess, c) => (r !== c && counts[r * width + c] ? [{ text: `${shorten(word, 30)} → ✕ ${shorten(guess, 30)}`, many: counts[r * width + c] }] : [])));
  const most = found.sort((a, b) => b.many - a.many).slice(0, 12);
  return most.length ? tableOf("Mistakes", ["label → answer", "times"], most.map(({ text, many }) => [text, count(many)])) : null;
}

/** Names of all classes as far as they are known. @param {import("./types.js").State} state */
export const wordsOf = (state) => /** @type {string[]} */ (state.answers.get("human-start")?.payload?.words ?? columnOf(state.dataset, "label")?.words ?? []);
