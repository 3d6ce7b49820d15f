// A person labels samples: one at a time, large, without its label, by keys.

import { attribute, changed, fill, h, say } from "../dom.js";
import { button, enable } from "../forward/controls.js";
import { brief, count, shorten, tooltip } from "../numbers.js";
import { wordsOf as errorWords } from "./actions.js";
import { problemLine, searchField, tell } from "./fields.js";
import { wordsOf } from "./humansetup.js";
import { keysOf, meant } from "./labelkeys.js";
import { createLarge } from "./large.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {{ row: number, place: number, total: number }} Question */

const MOST = 60;

/**
 * @param {import("./types.js").Kit} kit
 * @returns {import("./types.js").View}
 */
export function createHuman({ store, actions, previews }) {
  const where = h("span", { class: "ne-count", role: "status" });
  const undo = button("Undo ⌫", () => void step("human_undo"));
  const stop = button("Stop and see the result", () => void end());
  const large = createLarge(previews, { hidden: true, size: 340 });
  const problem = problemLine();
  const search = searchField("Type a label, then Enter", () => writeLabels());
  const labels = h("div", { class: "ne-labels", role: "group", "aria-label": "Labels" });
  const unknown = button("I don't know", () => void answer(null), {}, h("kbd", { "aria-hidden": true }, "?"));
  const element = h("section", { class: "ne-human", "aria-label": "Human baseline", tabindex: -1, hidden: true }, h("div", { class: "ne-detailhead" }, h("h3", { class: "ne-title" }, "Which label does this sample have?"), h("span", { class: "ne-pair" }, where, undo, stop)), problem, h("div", { class: "ne-humanbody" }, large.element, h("div", {}, search, labels, unknown, h("p", { class: "ne-soft" }, "Press the key of a label. Each answer is kept at once."))));
  /** @type {Question | null} */
  let question = null;
  let seenAt = 0;
  let busy = false;
  /** @type {State | null} */
  let before = null;

  element.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target === search;
    if (typing && event.key === "Enter") chooseTyped();
    else if (typing && event.key !== "Escape") return;
    else if (event.key === "Backspace") void step("human_undo");
    else if (event.key === "?") void answer(null);
    else {
      const at = keysOf(wordsOf(store.get())).indexOf(event.key.toLowerCase());
      if (at < 0) return;
      void answer(at);
    }
    event.preventDefault();
    event.stopPropagation();
  });

  function chooseTyped() {
    const words = wordsOf(store.get());
    const at = meant(words, search.value);
    if (at >= 0) void answer(at);
    else tell(problem, `“${shorten(search.value, 40)}” is no label, or the beginning of several`);
  }

  /** @param {number | null} label a place among the labels, null for not known */
  async function answer(label) {
    // A sample that was not seen yet cannot be answered.
    if (!question || !seenAt) return;
    const seconds = (performance.now() - seenAt) / 1000;
    await step("human_answer", { row: question.row, label, seconds });
  }

  /** @param {string} method @param {object} [params] */
  async function step(method, params = {}) {
    if (busy) return;
    busy = true;
    try {
      await actions.request(method, params);
      search.value = "";
      await next();
      tell(problem, "");
    } catch (error) {
      tell(problem, errorWords(error));
    } finally {
      busy = false;
      writeLabels();
      // The button that was pressed is gone, and the keys must still be heard.
      if (store.get().labelling) (search.hidden ? element : search).focus();
    }
  }

  async function next() {
    const payload = await actions.request("human_next");
    const found = payload.question === undefined ? payload : payload.question;
    question = found && typeof found.row === "number" ? found : null;
    seenAt = 0;
    previews.want("human", question ? [question.row] : []);
    if (question) write(store.get());
    else await end();
  }

  async function begin() {
    element.focus();
    busy = true;
    try {
      await next();
      tell(problem, "");
    } catch (error) {
      tell(problem, errorWords(error));
    } finally {
      busy = false;
    }
    if (!search.hidden) search.focus();
  }

  async function end() {
    question = null;
    previews.want("human", []);
    store.set({ labelling: false, tab: "human" });
    await actions.work("human-result", "human_result");
  }

  function writeLabels() {
    const words = wordsOf(store.get());
    const keys = keysOf(words);
    search.hidden = keys.length > 0 || words.length === 0;
    const wanted = search.value.trim().toLowerCase();
    const some = words.map((word, i) => ({ word, i })).filter(({ word }) => search.hidden || word.toLowerCase().includes(wanted));
    fill(labels, ...some.slice(0, MOST).map(({ word, i }) => button(shorten(word, 40) || "(empty)", () => void answer(i), { class: "ne-label-button", title: tooltip(word) }, keys[i] && h("kbd", { "aria-hidden": true }, keys[i]))), some.length > MOST && h("span", { class: "ne-soft" }, `and ${count(some.length - MOST)} more: type`));
  }

  /** @param {State} state */
  function write(state) {
    if (!question) return;
    say(where, `${count(question.place + 1)} of ${count(question.total)}`);
    enable(undo, { reason: question.place > 0 ? "" : "nothing has been answered yet", title: "take the last answer back" });
    const there = large.show(question.row, Math.min(460, (element.clientWidth || 800) * 0.5));
    if (there && !seenAt && previews.get(question.row)?.batch) seenAt = performance.now();
    attribute(element, "aria-busy", seenAt ? null : "true");
    if (!seenAt && state.late.includes("samples")) say(where, `${brief(question.place + 1)} of ${count(question.total)} · the sample waits for the running cell`);
  }

  return {
    element,
    update(state) {
      element.hidden = !state.labelling;
      if (state.labelling && !before?.labelling) {
        writeLabels();
        void begin();
      }
      if (state.labelling && changed(before, state, ["arrivals", "late"])) write(state);
      before = state;
    },
    destroy: large.destroy,
  };
}
