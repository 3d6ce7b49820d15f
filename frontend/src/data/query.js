// The line of the query, its error in place, and what it can name.

import { attribute, changed, fill, h, say } from "../dom.js";
import { createPopover } from "../dynamics/popover.js";
import { count, plural, shorten, tooltip } from "../numbers.js";
import { searchField } from "./fields.js";
import { isNameable, nameText } from "./spelling.js";
import { columnOf, reasonAgainst, targetsOf } from "./state.js";

/** @typedef {import("./types.js").State} State */

const PLACEHOLDER = "loss > 1 and label != prediction";
const WITHOUT_LABEL = "loss > 1 and not correct";
const EXAMPLES = ["loss > 1 and label != prediction", "label in ['cat', 'dog']", "text.str.contains('free')", "duplicate.notna()", "mean.between(0.2, 0.4)", "not correct"];
let views = 0;

/**
 * @param {import("./types.js").Kit} kit
 * @returns {import("./types.js").View}
 */
export function createQuery({ store, actions }) {
  const id = `ne-query-error-${++views}`;
  const input = h("input", { type: "text", class: "ne-query", placeholder: PLACEHOLDER, "aria-label": "Query", "aria-describedby": id, spellcheck: "false", autocomplete: "off", autocapitalize: "off" });
  const error = h("p", { class: "ne-queryerror", id, role: "alert", hidden: true });
  const clear = h("button", { type: "button", class: "nb-plain", hidden: true, title: "clear the query (Esc)", onclick: () => apply("") }, "✕");
  const shown = h("span", { class: "ne-count", role: "status" });
  const search = searchField("Find a column", () => writeNames());
  const names = h("div", { class: "ne-names" });
  const help = createPopover("?", "Columns and examples", search, names);
  const element = h("div", { class: "ne-queryline" }, h("div", { class: "ne-queryrow" }, h("span", { class: "ne-queryfield" }, input, clear), help.element, shown), error);
  /** @type {State | null} */
  let before = null;
  // What is wrong with the query that was applied is not said of what is being typed.
  let edited = false;

  /** @param {string} query */
  function apply(query) {
    input.value = query;
    edited = false;
    void actions.filter(query.trim());
  }

  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter") apply(input.value);
    else if (event.key === "Escape") {
      // First what is typed goes, then the keyboard's way out of the field.
      if (!input.value && !store.get().view?.query) return;
      apply("");
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  input.addEventListener("input", () => {
    clear.hidden = input.value === "";
    edited = true;
    error.hidden = true;
    attribute(input, "aria-invalid", null);
  });

  /** @param {string} words put in where the cursor is */
  function insert(words) {
    const [from, to] = [input.selectionStart ?? input.value.length, input.selectionEnd ?? input.value.length];
    input.value = `${input.value.slice(0, from)}${words}${input.value.slice(to)}`;
    input.focus();
    input.setSelectionRange(from + words.length, from + words.length);
    clear.hidden = false;
  }

  function writeNames() {
    const wanted = search.value.trim().toLowerCase();
    const columns = (store.get().dataset?.columns ?? []).filter(({ name }) => isNameable(name) && name.toLowerCase().includes(wanted));
    const entries = columns.slice(0, 80).map(({ name, kind, help: about }) => h("button", { type: "button", class: "ne-name", title: tooltip(about || name), onclick: () => insert(nameText(name)) }, h("code", {}, shorten(name, 40)), h("span", { class: "ne-soft" }, kind), h("span", { class: "ne-soft ne-clip" }, shorten(about, 80))));
    const examples = wanted ? [] : EXAMPLES.map((one) => h("button", { type: "button", class: "ne-name", onclick: () => insert(one) }, h("code", {}, one)));
    fill(names, ...entries, columns.length > 80 && h("span", { class: "ne-soft" }, `and ${count(columns.length - 80)} more`), examples.length > 0 && h("b", {}, "Examples"), ...examples);
  }

  return {
    element,
    update(state) {
      if (changed(before, state, ["dataset"])) {
        writeNames();
        input.placeholder = targetsOf(state.dataset).length > 1 && !columnOf(state.dataset, "label") ? WITHOUT_LABEL : PLACEHOLDER;
      }
      const asked = state.view?.query ?? "";
      const old = before?.view?.query ?? "";
      // What is being typed is not written over.
      if (asked !== old && (input.value === old || input.value.trim() === asked || input.value === "" || !isTyping())) input.value = asked;
      clear.hidden = input.value === "";
      if (asked !== old) edited = false;
      const wrong = edited ? "" : state.queryError ?? state.view?.queryError ?? "";
      say(error, wrong ? `✕ ${shorten(wrong, 600)}` : "");
      error.hidden = wrong === "";
      attribute(input, "aria-invalid", wrong !== "" ? "true" : null);
      const reason = reasonAgainst(state);
      input.readOnly = reason !== "";
      attribute(input, "title", reason ? `Not now: ${reason}` : null);
      if (state.view) say(shown, state.view.count === state.view.total ? plural(state.view.total, "sample") : `${count(state.view.count)} of ${count(state.view.total)}`);
      else say(shown, "");
      before = state;
    },
    destroy: help.destroy,
  };

  function isTyping() {
    return /** @type {Document | ShadowRoot} */ (input.getRootNode()).activeElement === input;
  }
}
