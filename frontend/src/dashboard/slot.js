// Where the rooms are: each view is mounted once, and out of sight while another is looked at.

import { attribute, h, say } from "../dom.js";
import { button, enable } from "../forward/controls.js";
import { shorten } from "../numbers.js";
import { reasonAgainst } from "./words.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Room} Room */
/** @typedef {import("./types.js").RoomName} RoomName */

/** Python's own way to a room, for front ends in which one widget cannot hold another. @param {RoomName} name */
const alone = (name) => `This front end cannot show one widget inside another. Run inspector.${name}() in a cell of its own.`;

/**
 * @param {import("./types.js").Actions} actions
 * @param {import("./types.js").Mount | null} mounting
 * @param {string} prefix of ids, of this view alone
 * @param {HTMLElement} recipe the page of the recipe
 * @returns {import("./types.js").View}
 */
export function createSlot(actions, mounting, prefix, recipe) {
  const element = h("div", { class: "nr-slot" });
  /** @type {Map<RoomName, ReturnType<typeof createPane>>} */
  const panes = new Map();
  return {
    element,
    update(state) {
      for (const room of state.rooms) {
        const known = panes.get(room.name);
        const pane = known ?? createPane(room.name, prefix, actions, mounting, room.name === "recipe" ? recipe : null);
        if (!known) element.append(pane.element);
        panes.set(room.name, pane);
        pane.update(room, state);
      }
    },
    destroy() {
      for (const pane of panes.values()) pane.destroy();
    },
  };
}

/**
 * @param {RoomName} name
 * @param {string} prefix
 * @param {import("./types.js").Actions} actions
 * @param {import("./types.js").Mount | null} mounting
 * @param {HTMLElement | null} page what stands in it for good
 */
function createPane(name, prefix, actions, mounting, page) {
  const words = h("p", { class: "nr-words" });
  const open = button("Open", () => actions.go(name));
  const place = h("div", { class: "nr-place" }, words, open);
  const element = h("div", { class: "nr-pane", role: "tabpanel", id: `${prefix}-${name}`, "aria-labelledby": `${prefix}-tab-${name}`, tabindex: -1 }, page ?? place);
  let wanted = /** @type {string | null} */ (null);
  let child = /** @type {import("./types.js").Child | null} */ (null);
  let failure = "";

  function unmount() {
    child?.remove();
    child?.el.remove();
    child = null;
  }

  /** @param {import("./types.js").Mount} by @param {string} id */
  async function mount(by, id) {
    try {
      const made = await by(id);
      // Meanwhile another view may have been asked for, or none.
      if (wanted !== id) return void made.remove();
      child = made;
      element.append(made.el);
      place.hidden = true;
    } catch (error) {
      if (wanted !== id) return;
      failure = `The view could not be shown: ${error instanceof Error ? error.message : error}`;
      say(words, shorten(failure, 1000));
    }
  }

  /** @param {Room} room @param {State} state */
  const isOpening = (room, state) => room.state === "opening" || state.pending.includes(`open ${name}`);

  /** @param {Room} room @param {State} state */
  function wordsOf(room, state) {
    if (room.state === "off") return room.why || "This room cannot be opened.";
    if (!mounting) return alone(name);
    if (room.state === "error") return room.why || "This room cannot be opened.";
    if (room.state === "open") return failure;
    return isOpening(room, state) ? `Opening ${room.title} …` : `${room.title} is not open.`;
  }

  return {
    element,
    /** @param {Room} room @param {State} state */
    update(room, state) {
      const away = room.name !== state.active;
      element.classList.toggle("nr-away", away);
      attribute(element, "inert", away);
      if (page) return;
      if (room.model !== wanted) {
        wanted = room.model;
        failure = "";
        unmount();
        if (wanted && mounting) void mount(mounting, wanted);
      }
      place.hidden = child !== null;
      attribute(words, "data-tone", room.state === "error" ? "bad" : null);
      say(words, shorten(wordsOf(room, state), 2000));
      open.hidden = !mounting || !(room.state === "error" || (room.state === "closed" && !isOpening(room, state)));
      say(open, room.state === "error" ? "Try again" : `Open ${room.title}`);
      enable(open, { reason: reasonAgainst(state), busy: state.pending.includes(`open ${name}`) });
    },
    destroy() {
      wanted = null;
      unmount();
    },
  };
}
