// What the dashboard has to say as a whole: progress, what failed, and a model that is no longer the notebook's.

import { h, say } from "../dom.js";
import { button, enable } from "../forward/controls.js";
import { shorten } from "../numbers.js";
import { reasonAgainst, roomOf } from "./words.js";

/**
 * @param {import("./types.js").Actions} actions
 * @returns {import("./types.js").View}
 */
export function createNotices({ renew, dismiss }) {
  const bar = h("div", { class: "nb-progress", "aria-hidden": true }, h("span"));
  const again = button("Inspect the new one", renew, { class: "nb-primary" });
  const failure = line("bad", "✕", "alert", h("button", { type: "button", class: "nb-plain", "aria-label": "Dismiss this message", onclick: dismiss }, "✕"));
  const error = line("bad", "✕", "alert");
  const stale = line("warn", "▲", "status", again);
  const idle = line("muted", "i", null);
  const closed = line("muted", "■", null);
  const element = h("div", { class: "nb-notices" }, bar, failure.element, error.element, stale.element, idle.element, closed.element);
  return {
    element,
    update(state) {
      const { status, pending } = state;
      const opening = state.rooms.some((room) => room.state === "opening");
      const busy = opening || pending.length > 0 || status.state === "busy" || status.state === "waiting";
      bar.hidden = !busy || status.state === "closed";
      // What stands in the room itself, or was just said, is not said again.
      const room = roomOf(state, state.active);
      const told = room?.state === "error" ? room.why : "";
      const wrong = status.state === "error" ? status.text || "something went wrong in the kernel" : null;
      failure.show(state.failure === told ? null : state.failure);
      error.show(wrong === told || wrong === state.failure ? null : wrong);
      stale.show(status.stale);
      idle.show(status.state === "idle" ? status.text : null);
      closed.show(status.state === "closed" ? status.text || "closed: what was sent can still be looked at" : null);
      again.hidden = !status.renew;
      enable(again, { reason: reasonAgainst(state), busy: pending.includes("renew"), title: "closes the views of the old one; what was found about the data is kept" });
    },
  };
}

/** @param {string} tone @param {string} icon @param {string | null} role @param {...import("../dom.js").Child} more */
function line(tone, icon, role, ...more) {
  const text = h("span");
  const element = h("div", { class: "nb-notice", "data-tone": tone, role }, h("span", { class: "nb-icon", "aria-hidden": true }, icon), text, ...more);
  return {
    element,
    /** @param {string | null} words */
    show(words) {
      element.hidden = !words;
      say(text, shorten(words ?? "", 4000));
    },
  };
}
