// One tab a room; arrows move among them, Enter or Space opens, for opening a room may take a while.

import { attribute, changed, h, say } from "../dom.js";
import { shorten } from "../numbers.js";
import { activeIn } from "../forward/controls.js";
import { TONES } from "./words.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").RoomName} RoomName */

/**
 * @param {import("./types.js").Actions} actions
 * @param {string} prefix of ids, of this view alone
 * @returns {import("./types.js").View & { focus: () => void }}
 */
export function createTabs({ go }, prefix) {
  const element = h("div", { class: "nr-tabs", role: "tablist", "aria-label": "Rooms", onkeydown: walk });
  /** @type {Map<RoomName, ReturnType<typeof createTab>>} */
  const tabs = new Map();
  /** @type {State | null} */
  let before = null;

  /** @param {KeyboardEvent} event */
  function walk(event) {
    const all = [...tabs.values()].map((tab) => tab.element);
    const now = all.findIndex((tab) => tab === activeIn(element));
    const to = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined || now < 0) return;
    const aim = /** @type {HTMLElement} */ (all.at(to % all.length));
    for (const tab of all) attribute(tab, "tabindex", tab === aim ? 0 : -1);
    aim.focus();
    event.preventDefault();
    event.stopPropagation();
  }

  return {
    element,
    focus: () => before && tabs.get(before.active)?.element.focus(),
    update(state) {
      if (!changed(before, state, ["rooms", "active", "pending"])) return;
      const moved = before?.active !== state.active;
      before = state;
      for (const room of state.rooms) {
        const known = tabs.get(room.name);
        const tab = known ?? createTab(room.name, prefix, go);
        if (!known) element.append(tab.element);
        tabs.set(room.name, tab);
        tab.update(room, state);
        if (moved || !known) attribute(tab.element, "tabindex", room.name === state.active ? 0 : -1);
      }
    },
  };
}

/** @param {RoomName} name @param {string} prefix @param {(room: RoomName) => void} go */
function createTab(name, prefix, go) {
  const [title, icon, word, text] = [h("span", { class: "nr-title" }), h("span", { class: "nr-icon", "aria-hidden": true }), h("span", { class: "nb-unseen" }), h("span", { class: "nr-badge" })];
  const element = h("button", { type: "button", class: "nr-tab", role: "tab", id: `${prefix}-tab-${name}`, "aria-controls": `${prefix}-${name}`, onclick: () => go(name) }, title, icon, word, text);
  return {
    element,
    /** @param {import("./types.js").Room} room @param {State} state */
    update(room, state) {
      const opening = room.state === "opening" || state.pending.includes(`open ${name}`);
      const tone = room.state === "error" ? "bad" : room.tone;
      const [mark, said] = TONES[tone] ?? TONES[""];
      say(title, room.title);
      attribute(title, "data-title", room.title);
      say(icon, opening ? "…" : mark);
      say(word, opening ? ", opening" : room.state === "off" ? ", not possible yet" : said && `, ${said}: `);
      say(text, opening || room.state === "off" ? "" : shorten(room.text, 40));
      attribute(icon, "data-tone", tone || null);
      attribute(element, "data-state", room.state);
      attribute(element, "aria-selected", String(name === state.active));
      attribute(element, "aria-busy", opening);
      attribute(element, "title", shorten(room.why, 300) || null);
    },
  };
}
