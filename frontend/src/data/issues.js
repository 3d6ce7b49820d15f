// Labels that models which had not seen them find unlikely.

import { changed, h } from "../dom.js";
import { button } from "../forward/controls.js";
import { count, plural, share, shorten } from "../numbers.js";
import { numbersOf } from "./numbers.js";
import { createResult, filterButton, notesOf, verdict } from "./result.js";
import { createStrip } from "./thumbs.js";

const SHOWN = 24;

/**
 * @param {import("./types.js").Kit} kit
 * @returns {import("./types.js").View}
 */
export function createIssues(kit) {
  const { actions, previews } = kit;
  const strip = createStrip(kit, 56);
  /** @type {import("./types.js").State | null} */
  let before = null;
  const view = createResult(kit, {
    key: "issues",
    text: "Labels that look wrong to models which had not seen them: candidates to look at, no verdicts.",
    verb: "Find label issues",
    draw(payload) {
      const rows = Array.from(numbersOf(payload.rows));
      const quality = numbersOf(payload.quality);
      const most = rows.slice(0, SHOWN);
      const about = new Map(most.map((row, i) => [row, `${shorten(payload.given?.[i] ?? "", 12)} → ${shorten(payload.suggested?.[i] ?? "", 12)} ${share(quality[i] ?? 0, 1)}`]));
      strip.clear();
      const pictures = strip.build(most, (row) => about.get(row) ?? "");
      previews.want("issues", most);
      strip.draw();
      return [
        verdict(payload.sentence),
        rows.length > 0 && filterButton(kit, "suggested.notna()", `Show ${plural(rows.length, "candidate")} in the table`),
        rows.length > 0 && button("Select them", () => void actions.ask("select", { rows, mode: "set" }), { class: "nb-plain" }),
        pictures,
        rows.length > SHOWN && h("p", { class: "ne-soft" }, `the first ${SHOWN} of ${count(rows.length)}`),
        rows.length > 0 && h("p", { class: "ne-soft" }, "label → suggested, and the probability of the label"),
        notesOf([payload.method, payload.of && `fitted on ${payload.of}`, ...(payload.notes ?? [])].filter(Boolean)),
      ];
    },
    after(state) {
      if (changed(before, state, ["arrivals"])) strip.draw();
      before = state;
    },
  });
  return view;
}
