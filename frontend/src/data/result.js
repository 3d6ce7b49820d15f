// A panel of work that Python does when asked: what it is for, the button, what came of it.

import { changed, fill, h, say } from "../dom.js";
import { button, enable } from "../forward/controls.js";
import { shorten } from "../numbers.js";
import { isOutdated } from "./actions.js";
import { problemLine, tell } from "./fields.js";
import { reasonAgainstWork } from "./state.js";

/** @typedef {import("./types.js").State} State */

/**
 * @param {import("./types.js").Kit} kit
 * @param {object} about
 * @param {string} about.key of the answer; so is the method's name where there is none
 * @param {string} [about.method]
 * @param {string} about.text what it is for, in a sentence
 * @param {string} about.verb on the button
 * @param {() => object} [about.params]
 * @param {(payload: any, state: State) => import("../dom.js").Child[]} about.draw
 * @param {(state: State) => string} [about.reason] why not now
 * @param {(state: State) => void} [about.after] of every update
 * @param {boolean} [about.atOnce] whether it is quick enough to be done without being asked for
 * @returns {import("./types.js").View & { body: HTMLElement }}
 */
export function createResult({ actions }, { key, method = key, text, verb, params = () => ({}), draw, reason = () => "", after, atOnce }) {
  const go = button(verb, () => void actions.work(key, method, params()));
  const stop = button("Cancel", () => void actions.ask("cancel"), { hidden: true });
  const about = h("p", { class: "ne-about" }, text);
  const old = h("p", { class: "ne-soft", hidden: true }, "▲ made before the data on the page last changed");
  const problem = problemLine();
  const body = h("div", { class: "ne-result" });
  const element = h("section", {}, about, h("div", { class: "ne-pair" }, go, stop), old, problem, body);
  /** @type {State | null} */
  let before = null;
  return {
    element,
    body,
    update(state) {
      if (changed(before, state, ["answers", "dataset", "status", "pending"])) {
        const answer = state.answers.get(key);
        const busy = state.pending.includes(method);
        const against = reason(state) || reasonAgainstWork(state);
        if (atOnce && !answer && !busy && !against) void actions.work(key, method, params());
        enable(go, { reason: busy ? "" : against, busy });
        say(go, answer ? `${verb} again` : verb);
        stop.hidden = !busy || state.status.work === null;
        old.hidden = !answer?.payload || !isOutdated(state, answer);
        tell(problem, answer?.error ?? "");
        const fresh = answer !== before?.answers.get(key);
        before = state;
        if (fresh) fill(body, ...(answer?.payload ? draw(answer.payload, state) : []));
      }
      after?.(state);
    },
  };
}

/** Notes of an answer as a list. @param {string[] | undefined} notes */
export const notesOf = (notes) => (notes?.length ? h("ul", { class: "ne-notes" }, ...notes.map((note) => h("li", {}, shorten(note, 400)))) : null);

/** A sentence that says what came out. @param {string | undefined} sentence @param {string} [tone] */
export const verdict = (sentence, tone) => (sentence ? h("p", { class: "ne-verdict", "data-tone": tone ?? null }, shorten(sentence, 1000)) : null);

/**
 * A table of facts.
 * @param {string} name
 * @param {string[]} heads
 * @param {import("../dom.js").Child[][]} rows the first of each names it
 */
export function tableOf(name, heads, rows) {
  const head = h("tr", {}, ...heads.map((one) => h("th", { scope: "col" }, one)));
  const body = rows.map((cells) => h("tr", {}, ...cells.map((cell, i) => (i ? h("td", {}, cell) : h("th", { scope: "row" }, cell)))));
  return h("div", { class: "ne-tableplace", tabindex: 0, role: "region", "aria-label": name }, h("table", { class: "ne-table" }, h("thead", {}, head), h("tbody", {}, ...body)));
}

/** From one figure to another, their unit once. @param {string} low @param {string} high */
export const between = (low, high) => `${/ %$/.test(low) && / %$/.test(high) ? low.slice(0, -2) : low} … ${high}`;

/** A query that a click applies. @param {import("./types.js").Kit} kit @param {string} query @param {string} text @param {string} [title] */
export const filterButton = ({ actions }, query, text, title = "") => button(text, () => void actions.filter(query), { class: "nb-plain ne-left", title: shorten(title || `show only these: ${query}`, 500) });

/** Findings of some kinds, a line each. @param {import("./types.js").Kit} kit @param {import("./types.js").Dataset | null} dataset @param {string[]} kinds */
export const linesOf = (kit, dataset, kinds) =>
  (dataset?.findings ?? []).filter(({ kind }) => kinds.includes(kind)).map(({ level, text, query }) => h("p", { class: "ne-line-of", "data-tone": level === "warn" ? "warn" : "muted" }, `${level === "warn" ? "▲" : "●"} ${shorten(text, 400)} `, query && filterButton(kit, query, "Show")));
