// Sound of one sample, loaded when asked for.

import { attribute, h, say } from "./dom.js";
import { shorten } from "./numbers.js";

/** @typedef {{ name: string, sample: number, version: number }} Choice */

/**
 * @param {(method: string, params: object) => Promise<any>} ask
 */
export function createPlayer(ask) {
  const audio = h("audio", { controls: true, hidden: true });
  const message = h("span", { class: "nb-fact", role: "status" });
  const load = h("button", { type: "button", onclick: () => void start() }, "▶ Load sound");
  const element = h("div", { class: "nb-player", hidden: true }, load, audio, message);
  /** @type {Choice | null} */
  let choice = null;
  let url = "";

  function release() {
    audio.pause?.();
    audio.removeAttribute("src");
    if (url) URL.revokeObjectURL(url);
    url = "";
    audio.hidden = true;
  }

  async function start() {
    const wanted = choice;
    if (!wanted || load.getAttribute("aria-disabled")) return;
    attribute(load, "aria-disabled", "true");
    say(message, "asked for the sound …");
    try {
      const { wav } = await ask("sound", { name: wanted.name, sample: wanted.sample });
      if (wanted !== choice) return;
      url = URL.createObjectURL(new Blob([wav.data], { type: "audio/wav" }));
      audio.src = url;
      audio.hidden = false;
      load.hidden = true;
      say(message, "");
      audio.focus();
    } catch (error) {
      if (wanted === choice) say(message, `✕ ${shorten(error instanceof Error ? error.message : String(error), 300)}`);
    } finally {
      if (wanted === choice) attribute(load, "aria-disabled", null);
    }
  }

  return {
    element,
    /** @param {Choice | null} next */
    choose(next) {
      const same = choice && next && choice.name === next.name && choice.sample === next.sample && choice.version === next.version;
      if (same) return;
      choice = next;
      release();
      element.hidden = !next;
      load.hidden = false;
      attribute(load, "aria-disabled", null);
      say(message, "");
    },
    destroy() {
      choice = null;
      release();
    },
  };
}
