import assert from "node:assert/strict";
import { test } from "node:test";

import { document } from "./page.js";
import { open, rest, views } from "./data-page.js";
import { HOSTILE, dataSet } from "../harness/data-records.js";
import { kernelOf } from "../harness/data-kernel.js";
import { SCENES, WORKS } from "../harness/data-scenes.js";

const hidden = (element) => element === null || element === undefined || element.closest("[hidden]") !== null;
const disabled = (element) => element.getAttribute("aria-disabled") === "true";
const small = (more = {}) => kernelOf(dataSet({ N: 60, ...more }), { works: WORKS });

/** A kernel that keeps what it is asked until a test answers. */
function silent(scene, methods) {
  const held = [];
  return { ...scene, held, answer: (message, model) => (methods.includes(message.method) ? void held.push(message) : scene.answer(message, model)) };
}

test("every scene draws every panel without an exception, and leaves no listener behind", async () => {
  for (const [name, scene] of Object.entries(SCENES)) {
    const page = open(scene());
    await rest(2);
    assert.equal(page.text(".nb-title"), "Data", name);
    for (const tab of page.all("[role=tab]")) {
      tab.click();
      await rest(1);
      for (const go of page.all(".ne-panelbody > section > .ne-pair > button, .ne-two .ne-pair > button")) if (!/Start|Go on/.test(go.textContent)) go.click();
      await rest(1);
    }
    for (const mode of ["Table", "Gallery", "Both"]) page.button(mode).click();
    page.item(0)?.click();
    await rest(2);
    page.end();
    assert.equal(page.model.listening(), 0, name);
  }
});

test("text from data is text, wherever it stands: nothing of it becomes an element", async () => {
  const page = open(SCENES.hostile());
  await rest();
  page.item(0).click();
  for (const tab of page.all("[role=tab]")) {
    tab.click();
    await rest(1);
    assert.equal(page.all("img, script").length, 0, tab.textContent);
  }
  page.button("Gallery").click();
  await rest(2);
  assert.equal(page.all("img, script").length, 0);
  for (const place of [".nb-notices", ".ne-queryerror", ".ne-title", ".ne-line"]) assert.ok(page.all(place).some((one) => one.textContent.includes("<img src=x")), place);
  page.end();
});

test("the header tells what the data set is and what was found; a click on a finding shows its samples", async () => {
  const page = open(SCENES.digits());
  await rest();
  assert.match(page.text(".ne-header"), /1,797 samples.*10 labels.*▲ 11 duplicates.*▲ 3 conflicting labels.*scanned 100 %/);
  page.button("▲ 11 duplicates").click();
  await rest();
  assert.deepEqual(page.sent("filter"), [{ query: "duplicate.notna()" }]);
  assert.equal(page.input("Query").value, "duplicate.notna()");
  assert.equal(page.text(".ne-count"), "11 of 1,797");
  assert.match(page.cells(0).join(" "), /= 138/);
  page.end();
});

test("before a scan the view says how to begin, and asks for no rows", async () => {
  const page = open(SCENES.none());
  await rest();
  assert.match(page.text(".ne-nothing"), /Press Scan/);
  assert.ok(hidden(page.one(".ne-panel")));
  assert.deepEqual(page.model.sent, []);
  assert.equal(page.button("Human baseline").getAttribute("aria-description"), "nothing has been scanned yet");
  page.button("Scan").click();
  assert.equal(page.sent("scan").length, 1);
  page.end();
});

test("an empty data set is told as one", async () => {
  const page = open(SCENES.empty());
  await rest();
  assert.match(page.text(".ne-nothing"), /its length is 0/);
  assert.match(page.text(".ne-count"), /0 samples/);
  page.end();
});

test("a scan shows its share, its time and a way out; rows stand while new ones come", async () => {
  const page = open(SCENES.scanning());
  await rest();
  assert.match(page.text(".ne-where"), /scanned 43 % · 12 s left/);
  assert.equal(page.one("[role=progressbar]").getAttribute("aria-valuenow"), "43");
  assert.ok(disabled(page.button("Predict")));
  const first = page.cells(0).join(" ");
  page.model.set("dataset", { ...page.model.get("dataset"), serial: 2, scanned: 900 });
  assert.equal(page.cells(0).join(" "), first, "not emptied while rows are asked for anew");
  await rest();
  page.button("Cancel").click();
  assert.equal(page.sent("cancel").length, 1);
  page.model.set("status", { state: "idle", text: "", work: null, done: null, left: null, stale: null });
  await rest();
  assert.ok(hidden(page.one("[role=progressbar]")));
  assert.equal(page.text(".ne-where"), "scanned 50 %");
  assert.ok(!hidden(page.button("Scan on")));
  page.end();
});

test("only rows in sight are asked for, and previews of those alone", async () => {
  const page = open(SCENES.million());
  await rest();
  const rows = page.sent("rows");
  assert.ok(rows.every(({ count }) => count <= 192), JSON.stringify(rows));
  assert.ok(page.all(".ne-item").length < 40);
  assert.equal(page.one("[role=grid]").getAttribute("aria-rowcount"), "1000001");
  page.item(0).focus();
  page.key("End");
  await rest();
  const last = page.sent("rows").at(-1);
  assert.ok(last.start + last.count > 999_999 && last.start > 999_000, JSON.stringify(last));
  assert.ok(page.item(999_999), "the last row is there");
  assert.equal(document.activeElement, page.item(999_999));
  page.end();
});

test("pictures are not asked for where only figures are shown", async () => {
  const page = open(small());
  page.button("Table").click();
  await rest();
  const before = page.sent("samples").length;
  page.model.set("view", { ...page.model.get("view"), count: 59 });
  await rest();
  assert.equal(page.sent("samples").length, before);
  page.button("Gallery").click();
  await rest();
  assert.ok(page.sent("samples").every(({ rows }) => rows.length <= 64));
  assert.ok(page.all(".ne-picture canvas").length > 5);
  page.end();
});

test("a query is applied on Enter, explained in place where it is wrong, and cleared by Escape", async () => {
  const page = open(small());
  await rest();
  const field = page.input("Query");
  page.type(field, "loss > 1");
  await rest();
  assert.match(page.text(".ne-count"), /^\d+ of 60$/);
  page.type(field, "nonsense > 1");
  await rest();
  assert.match(page.text(".ne-queryerror"), /✕ there is no column "nonsense"/);
  assert.equal(field.getAttribute("aria-invalid"), "true");
  assert.equal(field.value, "nonsense > 1", "what was typed stays");
  assert.equal(page.one("[role=alert].ne-queryerror").id, field.getAttribute("aria-describedby"));
  page.type(field, "nonsense > 12", "a");
  assert.ok(hidden(page.one(".ne-queryerror")), "while it is being mended nothing is said");
  page.type(field, "nonsense > 12", "Escape");
  await rest();
  assert.deepEqual([field.value, page.text(".ne-count"), page.sent("filter").at(-1).query], ["", "60 samples", ""]);
  assert.ok(hidden(page.one(".ne-queryerror")));
  page.end();
});

test("what is being typed is not written over, and what Python filters by is shown", async () => {
  const page = open(small());
  await rest();
  const field = page.input("Query");
  field.focus();
  field.value = "los";
  page.model.set("view", { ...page.model.get("view"), query: "label == '3'" });
  await rest();
  assert.equal(field.value, "los");
  field.value = "label == '3'";
  field.blur();
  page.model.set("view", { ...page.model.get("view"), query: "mean > 4" });
  await rest();
  assert.equal(field.value, "mean > 4");
  page.end();
});

test("a wrong prediction has a sign of its own, not a colour alone", async () => {
  const page = open(small());
  await rest();
  const wrong = [...page.item(4).children].find((cell) => cell.dataset.tone === "bad");
  assert.equal(wrong.textContent, "✕ 7");
  assert.match(page.item(4).getAttribute("aria-label"), /label 4, prediction 7 \(wrong\)/);
  page.button("Gallery").click();
  await rest();
  assert.match(page.item(4).textContent, /✕ 7/);
  assert.match(page.item(5).textContent, /✓ 5/);
  page.end();
});

test("a click on a column sorts by it, once more the other way, then not at all", async () => {
  const page = open(small());
  await rest();
  const head = () => page.all("[role=columnheader] button").find((one) => one.dataset.key === "mean");
  const state = () => head().parentElement.getAttribute("aria-sort");
  for (const wanted of ["ascending", "descending", null]) {
    head().focus();
    head().click();
    await rest();
    assert.equal(state(), wanted);
    assert.equal(document.activeElement, head(), "the focus stays");
  }
  page.all("[role=columnheader] button").find((one) => one.dataset.key === "loss").click();
  await rest();
  assert.deepEqual(page.sent("sort").at(-1), { column: "loss", descending: true }, "of losses the greatest first");
  page.end();
});

test("rows are selected by keys: Space one, Shift a range, Ctrl A all, Escape none", async () => {
  const page = open(small());
  await rest();
  const chosen = () => page.all('.ne-item[aria-selected="true"]').map((item) => Number(item.dataset.at)).sort((a, b) => a - b);
  page.item(2).focus();
  page.key(" ");
  await rest();
  assert.deepEqual([chosen(), page.text(".ne-toolbar").match(/Exclude selected \((\d+)\)/)[1]], [[2], "1"]);
  page.key("ArrowDown", { shiftKey: true });
  page.key("ArrowDown", { shiftKey: true });
  await rest();
  assert.deepEqual(chosen(), [2, 3, 4]);
  assert.equal(document.activeElement, page.item(4));
  page.key("a", { ctrlKey: true });
  await rest();
  assert.match(page.text(".ne-toolbar"), /Exclude selected \(60\)/);
  page.key("Escape");
  await rest();
  assert.deepEqual(chosen(), []);
  assert.equal(page.sent("filter").length, 0, "Escape in the table leaves the query alone");
  assert.equal(page.item(4).getAttribute("data-lm-suppress-shortcuts"), "true");
  page.end();
});

test("the mouse selects by the box before a row, with Shift a range, and opens a sample elsewhere", async () => {
  const page = open(small());
  await rest();
  page.click(page.item(1).querySelector(".ne-tick"));
  await rest();
  page.click(page.item(4), { shiftKey: true });
  await rest();
  assert.deepEqual(page.sent("select").at(-1), { rows: [1, 2, 3, 4], mode: "set" });
  assert.ok(hidden(page.one(".ne-detail")));
  page.click(page.item(3));
  await rest();
  assert.ok(!hidden(page.one(".ne-detail")));
  assert.match(page.text(".ne-title"), /Sample 3 · label 3/);
  page.end();
});

test("selected samples are marked; what cannot be done says why", async () => {
  const page = open(small());
  await rest();
  const exclude = page.button("Exclude selected");
  assert.match(exclude.getAttribute("aria-description"), /no sample is selected/);
  exclude.click();
  assert.equal(page.sent("mark").length, 0);
  page.item(0).focus();
  page.key(" ");
  await rest();
  page.button("Exclude selected (1)").click();
  await rest();
  assert.deepEqual(page.sent("mark"), [{ mark: "excluded" }]);
  assert.match(page.text(".ne-header"), /1 excluded/);
  assert.ok(page.cells(0).includes("excluded"));
  page.button("Unmark").click();
  await rest();
  assert.deepEqual(page.sent("mark").at(-1), { mark: null });
  page.end();
});

test("a sample shows all that is known of it and what is like it, and the nearest when asked for", async () => {
  const page = open(SCENES.digits());
  await rest();
  page.type(page.input("Query"), "duplicate.notna()");
  await rest();
  page.item(0).click();
  await rest();
  assert.match(page.text(".ne-samplefacts"), /label5prediction5.*duplicate= 138.*mean/s);
  assert.match(page.text(".ne-alike"), /duplicates138 · 8/);
  page.button("Nearest training samples").click();
  await rest();
  assert.match(page.text(".ne-alike"), /nearest training samples.*at 0\.11/s);
  page.item(1).focus();
  page.key("ArrowDown");
  await rest();
  assert.match(page.text(".ne-title"), /Sample 455/, "an open sample follows the keys");
  page.button("✕").click();
  page.end();
});

test("a sample that is open is told anew when the data change, also far from the rows in sight", async () => {
  const scene = silent(SCENES.million(), ["row"]);
  const page = open(scene);
  await rest();
  page.item(0).click();
  page.item(0).focus();
  await rest();
  const [opened, known] = [page.text(".ne-title"), page.sent("row").length];
  page.key("End");
  await rest();
  page.model.set("dataset", { ...page.model.get("dataset"), serial: 2 });
  await rest();
  const asked = scene.held.slice(known);
  assert.deepEqual([asked.length, asked[0].params], [1, { row: scene.held[known].params.row }]);
  page.reply(asked[0], { payload: { position: 0, columns: ["index", "label", "prediction"], cells: ["7", "b", "c"] } });
  await rest();
  assert.notEqual(page.text(".ne-title"), opened);
  assert.match(page.text(".ne-title"), /^Sample 7 · label b · predicted ✕ c$/);
  page.end();
});

test("of several targets one is chosen to be counted", async () => {
  const set = dataSet({ N: 60 });
  const label = set.columns.find(({ name }) => name === "label");
  set.columns.push({ ...label, name: "style" });
  const page = open(kernelOf(set, { works: WORKS }));
  await rest();
  assert.match(page.text(".ne-facts"), /2 targets/);
  page.button("Labels").click();
  await rest();
  assert.deepEqual(page.sent("compare").at(-1), { column: "label" });
  page.choose("Target", "style");
  await rest();
  assert.deepEqual(page.sent("compare").at(-1), { column: "style" });
  page.item(0).click();
  await rest();
  assert.match(page.text(".ne-title"), /^Sample 0 · label 0 · style 0/);
  page.end();
});

test("long names of classes stand upright over the confusion's columns", async () => {
  const works = { ...WORKS, confusion: () => ({ ...WORKS.confusion(), words: WORKS.confusion().words.map((_, i) => `a class of long name ${i}`) }) };
  const page = open(kernelOf(dataSet({ N: 60 }), { works }));
  await rest();
  page.button("Confusion").click();
  page.button("Count")?.click();
  await rest();
  assert.equal(page.all(".nb-upright th > span")[1].textContent, "a class of long n…");
  assert.equal(page.all(".nb-upright th")[1].title, "a class of long name 1");
  page.end();
});

test("what could not be answered is said where it was asked for", async () => {
  const set = dataSet({ N: 60 });
  const page = open(kernelOf(set, { works: WORKS, refuse: { confusion: "press Predict first, for there are no predictions", nearest: "no features", samples: "OSError: no such file", compare: HOSTILE, sort: "no such column", scatter: "umap is not installed: pip install umap-learn" } }));
  await rest();
  page.button("Confusion").click();
  page.button("Count").click();
  await rest();
  assert.match(page.text(".ne-panelbody [role=alert]"), /✕ press Predict first/);
  page.button("Labels").click();
  await rest();
  assert.match(page.text(".ne-panelbody"), /✕ <img/);
  page.choose("Sort", "mean");
  await rest();
  assert.match(page.text(".nb-notices [role=alert]"), /no such column/);
  page.button("✕").click();
  assert.ok(hidden(page.one(".nb-notices [role=alert]")));
  page.button("Charts").click();
  page.choose("Draw", "umap");
  await rest();
  assert.match(page.text(".ne-scatter [role=alert]"), /umap is not installed/);
  page.item(0).click();
  await rest();
  assert.match(page.text(".ne-large"), /✕ OSError: no such file/);
  assert.equal(page.item(0).querySelector(".ne-wait").textContent, "✕");
  page.button("Nearest").click();
  await rest();
  assert.match(page.text(".ne-alike"), /✕ no features/);
  page.end();
});

test("while a cell runs what is on the page works on, and what waits says so", async () => {
  const scene = silent(small(), ["samples", "predict"]);
  const page = open(scene);
  await rest();
  assert.match(page.text(".ne-where"), /scanned 100 %/);
  await new Promise((resolve) => setTimeout(resolve, 750));
  await rest(1);
  assert.equal(page.text(".ne-where"), "previews: waits for the running cell");
  assert.ok(page.cells(0).includes("0.005354"), "figures are there");
  assert.equal(page.item(0).querySelector(".ne-wait").textContent, "…");
  page.button("Predict again").click();
  page.button("Predict again").click();
  assert.equal(page.sent("predict").length, 1, "asked once");
  page.type(page.input("Query"), "loss > 1");
  await rest();
  assert.match(page.text(".ne-count"), / of 60/);
  page.reply(scene.held[0], { ok: false, error: "interrupted" });
  await rest();
  assert.ok(!/previews/.test(page.text(".ne-where")) || scene.held.length > 2);
  page.end();
});

test("a closed view says so, keeps what it shows and asks for nothing more", async () => {
  const page = open(SCENES.closed());
  await rest();
  assert.match(page.text(".nb-notices"), /this view is closed/);
  for (const name of ["Exclude selected", "CSV", "Predict again", "Anything to learn?", "Human baseline"]) assert.ok(disabled(page.button(name)), name);
  assert.equal(page.input("Query").readOnly, true);
  page.end();
});

test("the histogram's range is moved by keys, and cleared", async () => {
  const page = open(SCENES.brushed());
  await rest();
  const [low, high] = page.all("[role=slider]");
  assert.deepEqual([low.getAttribute("aria-valuenow"), high.getAttribute("aria-valuenow")], ["0.9", "3"]);
  low.focus();
  page.key("ArrowRight");
  await rest();
  const sent = page.sent("brush").at(-1);
  assert.equal(sent.column, "loss");
  assert.ok(sent.low > 0.9 && sent.high === 3, JSON.stringify(sent));
  page.button("Clear the range").click();
  await rest();
  assert.deepEqual(page.sent("brush").at(-1), { column: null });
  assert.ok(hidden(page.button("Clear the range") ?? null));
  page.end();
});

test("words of a histogram are chosen by clicks, several of them, and let go again", async () => {
  const page = open(SCENES.fresh());
  await rest();
  const word = (name) => page.all(".ne-word").find((one) => one.dataset.word === name);
  word("3").focus();
  word("3").click();
  await rest();
  assert.equal(document.activeElement, word("3"), "the focus stays");
  word("5").click();
  await rest();
  assert.deepEqual(page.sent("brush").at(-1), { column: "label", words: ["3", "5"] });
  assert.equal(word("5").getAttribute("aria-pressed"), "true");
  for (const name of ["3", "5"]) {
    word(name).click();
    await rest();
  }
  assert.deepEqual(page.sent("brush").at(-1), { column: null });
  page.end();
});

test("points are walked through by keys; Enter opens one, Space selects it", async () => {
  const page = open(small());
  await rest();
  const plane = page.one(".ne-over");
  plane.focus();
  page.key("ArrowRight");
  page.key("ArrowRight");
  page.key(" ");
  await rest();
  const [{ rows, mode }] = page.sent("select");
  assert.deepEqual([rows.length, mode], [1, "toggle"]);
  page.key("Enter");
  await rest();
  assert.ok(!hidden(page.one(".ne-detail")));
  assert.match(plane.getAttribute("aria-label"), /60 points, 1 selected/);
  page.button("Select all that match").click();
  await rest();
  assert.deepEqual(page.sent("select").at(-1), { all: true });
  page.end();
});

test("counts of the confusion show their samples", async () => {
  const page = open(SCENES.digits());
  await rest();
  page.button("Confusion").click();
  page.button("Count").click();
  await rest();
  const cell = page.all(".ne-confusion button").find((one) => one.textContent === "✕ 8");
  assert.match(cell.getAttribute("aria-label"), /8 samples of 0 taken for 3/);
  assert.equal(page.one(".nb-upright"), null, "short names stand as they are read");
  cell.click();
  await rest();
  assert.deepEqual(page.sent("filter").at(-1), { query: "label == '0' and prediction == '3'" });
  page.end();
});

test("slices, label issues, baselines, decomposition and outputs are told in tables and a sentence", async () => {
  const page = open(SCENES.digits());
  await rest();
  const read = async (tab, go) => {
    page.all("[role=tab]").find((one) => one.textContent === tab).click();
    page.button(go).click();
    await rest();
    return page.text(".ne-panelbody");
  };
  assert.match(await read("Slices", "Find the worst"), /label 3, mean below 4\.15024\.0 %14\.3 … 37\.4 %3\.8 %15\.0 %/);
  page.button("label 3, mean").click();
  assert.deepEqual(page.sent("filter").at(-1), { query: "label == '3' and mean < 4.1" });
  assert.match(await read("Label issues", "Find label"), /6 labels look wrong.*4 · 4.*4 → 7 1\.0 %/s);
  assert.match(await read("Baselines", "Fit simple"), /random forest97\.2 %96\.4 … 97\.9 %/);
  page.button("Draw the learning").click();
  await rest();
  assert.match(page.one(".ne-curve").getAttribute("aria-label"), /accuracy from 83\.0 % with 90 samples to 96\.1 % with 1,437/);
  assert.match(await read("Decomposition", "Take the error"), /▲ variancevalidation − train5\.6 %/);
  assert.match(await read("Outputs", "Compare"), /outputs of 8 are rarer.*0180/s);
  page.end();
});

test("a person labels by keys without seeing the label; the result comes at the end", async () => {
  const page = open(SCENES.digits());
  await rest();
  page.button("Human baseline").click();
  page.input("Samples to label").value = "2";
  page.button("Start labelling").click();
  await rest();
  assert.deepEqual(page.sent("human"), [{ n: 2, twice: 0 }]);
  assert.ok(hidden(page.one(".ne-body")), "the table would tell the labels");
  assert.match(page.text(".ne-human"), /1 of 2/);
  assert.equal(document.activeElement, page.one(".ne-human"));
  assert.ok(!page.all(".ne-human [aria-label]").some((one) => /label 0/.test(one.getAttribute("aria-label"))));
  page.key("4");
  await rest();
  assert.match(page.text(".ne-human"), /2 of 2/);
  assert.deepEqual([page.sent("human_answer")[0].row, page.sent("human_answer")[0].label], [0, 4], "a class that is a digit has its own key");
  assert.ok(page.sent("human_answer")[0].seconds >= 0);
  page.key("Backspace");
  await rest();
  assert.equal(page.sent("human_undo").length, 1);
  assert.match(page.text(".ne-human"), /1 of 2/);
  page.button("1").click();
  await rest();
  assert.equal(document.activeElement, page.one(".ne-human"), "keys are heard on");
  page.key("?");
  await rest();
  assert.equal(page.sent("human_answer").at(-1).label, null);
  assert.ok(hidden(page.one(".ne-human")));
  assert.match(page.text(".ne-panelbody"), /You told 49 of 50 right.*person98\.0 %89\.5 … 99\.6 %.*3 → ✕ 81/s);
  page.end();
});

test("labelling that was stopped goes on where it was, on its own split alone", async () => {
  const page = open(SCENES.digits());
  await rest();
  page.button("Human baseline").click();
  assert.ok(hidden(page.button("Go on labelling")));
  page.button("Start labelling").click();
  await rest();
  page.key("1");
  await rest();
  assert.ok(disabled(page.button("Validation")), "rows of the other split are other samples");
  page.button("Stop and see").click();
  await rest();
  page.button("Go on labelling").click();
  await rest();
  assert.match(page.text(".ne-human"), /2 of 50/);
  assert.equal(page.sent("human").length, 1);
  page.button("Stop and see").click();
  await rest();
  page.model.set("dataset", { ...page.model.get("dataset"), split: "validation" });
  await rest();
  assert.ok(hidden(page.button("Go on labelling")));
  page.end();
});

test("losses that have just come are shown, and another column that was chosen later is left alone", async () => {
  const page = open(silent(SCENES.fresh(), ["histogram"]));
  await rest();
  page.model.set("dataset", { ...page.model.get("dataset"), serial: 2, predicted: true, columns: [...page.model.get("dataset").columns, { name: "loss", kind: "number", about: "model", words: null, unit: "", help: "", low: 0, high: 1, missing: 0 }] });
  await rest();
  assert.deepEqual(page.sent("histogram"), [{ column: "loss" }]);
  page.choose("Column", "mean");
  page.model.set("dataset", { ...page.model.get("dataset"), serial: 3 });
  await rest();
  assert.deepEqual(page.sent("histogram").at(-1), { column: "mean" });
  page.end();
});

test("work that adds to the data is of the data as they are then", async () => {
  const scene = silent(small(), ["issues"]);
  const page = open(scene);
  await rest();
  page.button("Label issues").click();
  page.button("Find label issues").click();
  page.model.set("dataset", { ...page.model.get("dataset"), serial: 9 });
  page.reply(scene.held[0], { payload: WORKS.issues() });
  await rest();
  const old = page.all(".ne-panelbody p").find((one) => /made before/.test(one.textContent));
  assert.ok(hidden(old));
  page.model.set("dataset", { ...page.model.get("dataset"), serial: 10 });
  await rest();
  assert.ok(!hidden(old), "a later change makes it old");
  page.end();
});

test("of 10,000 labels one is typed, and none is answered before its sample is seen", async () => {
  const scene = silent(kernelOf(dataSet({ N: 50, names: Array.from({ length: 10000 }, (_, c) => `class ${c}`) }), { works: WORKS }), ["samples"]);
  const page = open(scene);
  await rest();
  page.button("Human baseline").click();
  page.button("Start labelling").click();
  await rest();
  const field = page.input("Type a label, then Enter");
  assert.ok(page.all(".ne-label-button").length <= 60);
  page.type(field, "class 9999");
  await rest();
  assert.equal(page.sent("human_answer").length, 0);
  page.end();
  const seen = open(kernelOf(dataSet({ N: 50, names: Array.from({ length: 10000 }, (_, c) => `class ${c}`) }), { works: WORKS }));
  await rest();
  seen.button("Human baseline").click();
  seen.button("Start labelling").click();
  await rest();
  seen.type(seen.input("Type a label, then Enter"), "class 99");
  await rest();
  assert.equal(seen.sent("human_answer").at(0)?.label, 99, "a whole name, though others begin so");
  seen.type(seen.input("Type a label, then Enter"), "clas");
  await rest();
  assert.match(seen.text(".ne-human [role=alert]"), /is no label, or the beginning of several/);
  seen.end();
});

test("lists of many words are searched, and short", async () => {
  const page = open(SCENES.many());
  await rest();
  page.button("Labels").click();
  await rest();
  assert.ok(page.all(".ne-word").length <= 100);
  const field = page.all('[aria-label="Find a word"]').find((one) => !hidden(one));
  field.value = "class 199";
  field.dispatchEvent(new document.defaultView.Event("input"));
  assert.deepEqual(page.all(".ne-word").filter((one) => !hidden(one)).map((one) => one.dataset.word), ["class 199"]);
  page.end();
});

test("samples that belong together stand side by side", async () => {
  const page = open(SCENES.digits());
  await rest();
  page.button("▲ Findings 3").click();
  page.button("Side by side").click();
  await rest();
  assert.deepEqual(page.sent("groups").at(-1), { kind: "duplicates" });
  assert.match(page.text(".ne-group"), /138 · 8155 · 5/);
  page.one(".ne-group button").click();
  await rest();
  assert.match(page.text(".ne-title"), /Sample 138/);
  page.end();
});

test("groups lead to their first sample", async () => {
  const page = open(SCENES.grouped());
  await rest();
  assert.match(page.text(".ne-groups"), /0 180.*9 179/);
  page.all(".ne-groups button")[3].click();
  await rest();
  assert.equal(page.item(540).dataset.group, "3 (180)");
  page.end();
});

test("what a person chose to look at stays when a view is shown anew, and two views of one model are apart", async () => {
  const made = views();
  const scene = SCENES.digits();
  const page = open(scene, made);
  await rest();
  page.button("Gallery").click();
  page.button("Labels").click();
  page.end();
  const again = open(scene, made);
  await rest();
  assert.equal(again.button("Gallery").getAttribute("aria-pressed"), "true");
  assert.match(again.text("[role=tab][aria-selected=true]"), /Labels/);
  const other = open(scene, made);
  other.button("Table").click();
  assert.equal(again.button("Gallery").getAttribute("aria-pressed"), "true");
  again.end();
  other.end();
});

test("rows in the file that is offered are asked for once", async () => {
  const page = open(small());
  await rest();
  globalThis.URL.createObjectURL ??= () => "blob:made";
  globalThis.URL.revokeObjectURL ??= () => undefined;
  page.button("CSV").click();
  await rest();
  assert.equal(page.sent("csv").length, 1);
  page.end();
});

test("another split forgets the rows of the one before", async () => {
  const page = open(small());
  await rest();
  page.item(2).click();
  await rest();
  page.button("Validation").click();
  assert.deepEqual(page.sent("split"), [{ name: "validation" }]);
  const asked = page.sent("rows").length;
  page.model.set("sample", null);
  page.model.set("dataset", { ...page.model.get("dataset"), split: "validation" });
  page.model.set("view", { ...page.model.get("view"), count: 60 });
  await rest();
  assert.ok(hidden(page.one(".ne-detail")), "the open sample was of the other split");
  assert.ok(page.sent("rows").length > asked);
  page.end();
});
