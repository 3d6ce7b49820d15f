// One sample: large, all that is known of it, those that are like it.

import { attribute, changed, fill, h, say } from "../dom.js";
import { button, enable } from "../forward/controls.js";
import { brief, shorten, tooltip } from "../numbers.js";
import { wordsOf } from "./actions.js";
import { problemLine } from "./fields.js";
import { createLarge } from "./large.js";
import { numbersOf } from "./numbers.js";
import { createPreviews } from "./previews.js";
import { columnOf, isWrong, reasonAgainstWork, targetText } from "./state.js";
import { inOrder } from "./table.js";
import { captionOf, createStrip } from "./thumbs.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {{ kind: string, rows: number[] }} Alike */

const GROUPED = ["duplicates", "near duplicates", "conflicting labels"];
const MOST = 6;

/**
 * @param {import("./types.js").Kit} kit
 * @returns {import("./types.js").View}
 */
export function createSample(kit) {
  const { store, actions, rows, previews } = kit;
  const title = h("h3", { class: "ne-title" });
  const select = button("Select", () => {
    const row = store.get().sample?.row;
    if (row !== undefined) void actions.ask("select", { rows: [row], mode: "toggle" });
  });
  const near = button("Nearest training samples", () => void nearest());
  const close = button("✕", () => actions.open(null), { "aria-label": "Close the sample", title: "close (Esc)" });
  const large = createLarge(previews);
  const facts = h("dl", { class: "ne-samplefacts" });
  const alike = h("div", { class: "ne-alike" });
  const strip = createStrip(kit, 58);
  // Rows of the training data, while the validation data are looked at: they cannot be opened from there.
  const training = createPreviews((method, params) => actions.request(method, { ...params, split: "train" }), () => store.set({ arrivals: store.get().arrivals + 1 }));
  const away = createStrip({ ...kit, previews: training, actions: { ...actions, open: () => undefined } }, 58);
  const element = h("section", { class: "ne-detail", "aria-label": "One sample", hidden: true }, h("div", { class: "ne-detailhead" }, title, h("span", { class: "ne-pair" }, select, near, close)), h("div", { class: "ne-detailbody" }, large.element, facts, alike));
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    actions.open(null);
    event.stopPropagation();
  });
  /** Groups of like samples by kind, of one state of the data. @type {{ serial: number, of: Map<string, number[][]> }} */
  let groups = { serial: -1, of: new Map() };
  /** @type {{ row: number, split: string, rows: number[], distances: number[], error: string } | null} */
  let neighbours = null;
  /** @type {State | null} */
  let before = null;

  /** @param {State} state */
  async function fetchGroups({ dataset }) {
    if (!dataset || groups.serial === dataset.serial) return;
    const own = { serial: dataset.serial, of: new Map() };
    groups = own;
    const kinds = GROUPED.filter((kind) => dataset.findings.some((finding) => finding.kind === kind && finding.count > 0));
    for (const kind of kinds) {
      try {
        const payload = await actions.request("groups", { kind });
        own.of.set(kind, (payload.groups ?? []).map((/** @type {any} */ group) => Array.from(numbersOf(group))));
      } catch {
        // The findings panel says what went wrong when its groups are asked for.
      }
    }
    if (own === groups && kinds.length && store.get().sample) writeAlike(store.get());
  }

  async function nearest() {
    const row = store.get().sample?.row;
    if (row === undefined) return;
    try {
      const payload = await actions.request("nearest", { row });
      neighbours = { row, split: payload.split ?? "train", rows: Array.from(numbersOf(payload.rows)), distances: Array.from(numbersOf(payload.distances)), error: "" };
    } catch (error) {
      neighbours = { row, split: "", rows: [], distances: [], error: wordsOf(error) };
    }
    if (store.get().sample?.row === row) writeAlike(store.get());
  }

  /** @param {State} state */
  function writeAlike({ sample, dataset }) {
    if (!sample) return;
    /** @type {Alike[]} */
    const found = [];
    for (const [kind, all] of groups.of) {
      const own = all.find((group) => group.includes(sample.row));
      if (own) found.push({ kind, rows: own.filter((row) => row !== sample.row) });
    }
    strip.clear();
    const distance = new Map((neighbours?.rows ?? []).map((row, i) => [row, neighbours?.distances[i]]));
    const parts = found.flatMap(({ kind, rows: own }) => [h("h4", {}, kind), strip.build(own.slice(0, MOST)), own.length > MOST && h("p", { class: "ne-soft" }, `and ${own.length - MOST} more`)]);
    const isOwn = neighbours?.row === sample.row;
    const place = neighbours?.split === dataset?.split ? strip : away;
    away.clear();
    const beside = isOwn && [h("h4", {}, "nearest training samples, to the network"), neighbours?.error ? problemLine(neighbours.error) : place.build(neighbours?.rows ?? [], (row) => `at ${brief(distance.get(row) ?? NaN)}`)];
    fill(alike, ...parts, ...(beside || []));
    alike.hidden = alike.children.length === 0;
    previews.want("alike", strip.rows());
    training.want("alike", away.rows());
    for (const own of [strip, away]) own.draw();
  }

  /** @param {State} state */
  function write(state) {
    const { sample, dataset } = state;
    if (!sample) return;
    const known = rows.find(sample.row) ?? sample;
    const { columns, cells } = known;
    const cell = (/** @type {string} */ name) => cells[columns.indexOf(name)] ?? "";
    const preview = previews.get(sample.row);
    const wrong = isWrong(dataset, columns, cells);
    const guess = cell("prediction");
    const label = targetText(dataset, known, "label ");
    const name = columns.length ? `Sample ${cell("index")}${label && ` · ${shorten(label, 80)}`}` : `Sample ${shorten(captionOf(preview, sample.row), 80)}`;
    fill(title, name, guess && h("span", { "data-tone": wrong ? "bad" : wrong === false ? "ok" : null }, ` · predicted ${wrong ? "✕ " : wrong === false ? "✓ " : ""}${shorten(guess, 60)}`));
    large.show(sample.row, Math.min(440, Math.max(384, (element.clientWidth || 700) * 0.4)));
    const pairs = inOrder(state, columns).map((own) => ({ own, text: cell(own) })).filter(({ text }) => text !== "");
    fill(facts, ...pairs.map(({ own, text }) => h("div", { title: tooltip(`${columnOf(dataset, own)?.help || own}\n${text}`) }, h("dt", {}, shorten(own, 30)), h("dd", {}, shorten(text, 120)))), !pairs.length && h("div", {}, h("dt", {}, "row"), h("dd", {}, String(sample.row))));
  }

  return {
    element,
    update(state) {
      element.hidden = state.sample === null;
      const other = before?.sample?.row !== state.sample?.row;
      if (other) {
        previews.want("sample", state.sample ? [state.sample.row] : []);
        if (!before?.sample && state.sample) element.scrollIntoView?.({ block: "nearest" });
        if (!state.sample) previews.want("alike", []);
      }
      if (state.sample && (other || changed(before, state, ["dataset", "arrivals", "sample"]))) {
        write(state);
        if (other) writeAlike(state);
        else for (const own of [strip, away]) own.draw();
        void fetchGroups(state);
      }
      if (state.sample) {
        const chosen = state.selected.has(state.sample.row);
        say(select, chosen ? "✓ Selected" : "Select");
        attribute(select, "aria-pressed", String(chosen));
        near.hidden = !state.dataset?.hasModel;
        enable(near, { reason: reasonAgainstWork(state), busy: state.pending.includes("nearest"), title: "training samples whose features the network finds most alike" });
      }
      before = state;
    },
    destroy: large.destroy,
  };
}
