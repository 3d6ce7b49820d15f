// The left side: the table or the gallery of what the query shows, and the groups to jump to.

import { attribute, changed, h, say } from "../dom.js";
import { count } from "../numbers.js";
import { wordsOf } from "./actions.js";
import { createGallery, sizeOf } from "./gallery.js";
import { createGroups } from "./groups.js";
import { createList } from "./list.js";
import { LONGEST } from "./rowcache.js";
import { ROW, createTable } from "./table.js";
import { createThumbs } from "./thumbs.js";

/** @typedef {import("./types.js").State} State */

/** Width of a picture in a row, by the form of the data. @type {Record<string, number>} */
const WIDTHS = { text: 200, series: 84, audio: 84, table: 84 };
const SMALL = { picture: 34, other: 52 };

/**
 * @param {import("./types.js").Kit} kit
 * @returns {import("./types.js").View & { bring: (position: number) => void }}
 */
export function createMain(kit) {
  const { store, actions, rows, previews } = kit;
  const small = { picture: createThumbs(previews, SMALL.picture), other: createThumbs(previews, SMALL.other) };
  const isPicture = () => ["image", "values"].includes(store.get().dataset?.form ?? "");
  const table = createTable(kit, (place, row) => small[isPicture() ? "picture" : "other"](place, row));
  const large = new Map(["image", "text", "series", "table"].map((form) => [form, createThumbs(previews, sizeOf(form).size)]));
  const gallery = createGallery(kit, (place, row) => (large.get(store.get().dataset?.form ?? "") ?? large.get("image"))?.(place, row));
  const list = createList("Samples", { open, toggle, extend, every, moved, seen });
  const groups = createGroups(kit, (first) => list.scrollTo(first));
  const nothing = h("p", { class: "ne-nothing" });
  const element = h("section", { class: "ne-main", "aria-label": "Samples" }, groups.element, nothing, list.element);
  let sight = { first: 0, last: 0 };
  let drawn = "";
  /** @type {State | null} */
  let before = null;

  /** @param {number} position */
  function open(position) {
    const own = rows.at(position);
    if (own) actions.open({ ...own, position });
  }

  /** @param {number} position */
  function moved(position) {
    if (store.get().sample) open(position);
  }

  /** @param {number} position */
  function toggle(position) {
    const own = rows.at(position);
    if (own) void actions.ask("select", { rows: [own.row], mode: "toggle" });
  }

  /** @param {number} from @param {number} to */
  async function extend(from, to) {
    try {
      await actions.ask("select", { rows: await rows.between(from, to), mode: "set" });
      if (Math.abs(from - to) >= LONGEST) store.set({ failure: `Only the first ${count(LONGEST)} of these rows were selected: to select more, write a query and press Ctrl A.` });
    } catch (error) {
      store.set({ failure: wordsOf(error) });
    }
  }

  /** @param {boolean} all */
  function every(all) {
    void actions.ask("select", all ? { all: true } : { none: true });
  }

  /** @param {number} first @param {number} last */
  function seen(first, last) {
    sight = { first, last };
    rows.want(first, last);
    wantPreviews();
  }

  function wantPreviews() {
    const { mode, labelling } = store.get();
    const wanted = Array.from({ length: mode === "table" || labelling ? 0 : sight.last - sight.first }, (_, i) => rows.at(sight.first + i)?.row);
    previews.want("list", wanted.filter((row) => row !== undefined));
  }

  /** @param {State} state */
  function show(state) {
    const many = state.view?.count ?? 0;
    list.element.hidden = many === 0;
    nothing.hidden = many > 0;
    say(nothing, nothingText(state));
    if (many === 0) return;
    const form = state.dataset?.form ?? "";
    const key = `${state.mode} ${form} ${state.mode === "gallery" ? list.width() : ""}`;
    const other = key !== drawn;
    drawn = key;
    list.head.hidden = state.mode === "gallery";
    if (state.mode === "gallery") {
      const { across, rowHeight, width } = gallery.layOut(form, list.width());
      if (other) table.forget();
      list.show({ count: many, across, rowHeight, width: 0, build: (row, items) => gallery.build(row, items, width), draw: gallery.draw, chosen }, other);
    } else {
      const { anew, width } = table.layOut(state, state.mode === "both", WIDTHS[form] ?? 44, list.width() - 2, list.head);
      list.show({ count: many, across: 1, rowHeight: ROW[state.mode], width: width > list.width() ? width : 0, build: table.build, draw: table.draw, chosen }, anew || other);
    }
  }

  const chosen = (/** @type {number} */ position) => store.get().selected.has(rows.at(position)?.row ?? -1);
  let wide = 0;
  const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => {
    if (Math.abs(element.clientWidth - wide) < 2 || !before) return;
    wide = element.clientWidth;
    show(before);
  });
  watch?.observe(element);

  return {
    element,
    update(state) {
      groups.update(state);
      const asked = changed(before, state, ["view"]) && (before?.view?.query !== state.view?.query || before?.view?.sort !== state.view?.sort || before?.view?.group !== state.view?.group) && isOther(before, state);
      if (asked) list.rewind();
      if (changed(before, state, ["view", "dataset", "mode", "arrivals", "sample", "selected", "status", "labelling"])) {
        before = state;
        show(state);
        wantPreviews();
      }
      before = state;
      attribute(list.element, "aria-busy", state.pending.includes("rows") ? "true" : null);
    },
    restyle: () => list.redraw(),
    bring: list.scrollTo,
    destroy() {
      watch?.disconnect();
      list.destroy();
    },
  };
}

/** Whether other rows are asked for than before, or in another order. @param {State | null} before @param {State} now */
function isOther(before, now) {
  const key = (/** @type {State | null} */ state) => JSON.stringify([state?.view?.query, state?.view?.sort, state?.view?.group, state?.dataset?.split]);
  return key(before) !== key(now);
}

/** @param {State} state */
function nothingText({ dataset, view, status }) {
  if (!dataset) return status.text || "Nothing has been scanned yet. Press Scan to read every sample once.";
  if (view && view.total > 0) return "No sample matches: clear the query (Esc) or the range of the histogram.";
  if (status.work === "scan") return "The first samples are being read …";
  return dataset.total === 0 ? "The data set is empty: its length is 0." : "There are no samples to show.";
}
