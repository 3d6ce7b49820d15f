import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { document, Event, MouseEvent, settled } from "./page.js";
import { open } from "./forward-page.js";
import { cursor } from "../harness/forward-records.js";
import { SCENES, relu } from "../harness/forward-scenes.js";

const click = (element, more = {}) => element.dispatchEvent(new MouseEvent("click", { bubbles: true, detail: 1, ...more }));
const exactly = (page, text) => page.all("button").find((one) => one.textContent === text);
const hidden = (element) => element === null || element.closest("[hidden]") !== null;

test("every scene draws without an exception, and leaves no listener behind", () => {
  for (const [name, scene] of Object.entries(SCENES)) {
    const page = open(scene());
    assert.ok(page.one(".nf-header"), name);
    page.end();
    assert.equal(page.model.listening(), 0, name);
  }
});

test("names from the model are text: nothing of them becomes an element", () => {
  const page = open(SCENES.hostile());
  page.button("Break on").click();
  assert.equal(page.all("img, script").length, 0);
  assert.match(page.text(".nf-said"), /<img src=x onerror=alert\(1\)>/);
  page.end();
});

test("buttons ask for steps, once at a time, and say why they can do nothing", async () => {
  const page = open({ ...SCENES.cnn(), cursor: cursor({ index: 8, reached: 8, can: { back: false } }) });
  page.button("Over").click();
  page.button("Over").click();
  page.button("Back").click();
  assert.deepEqual(page.model.sent.map(({ method }) => method), ["over"]);
  assert.match(page.button("Back").title, /Not now: there is no earlier step/);
  page.reply(-1);
  await settled();
  assert.equal(page.sent("over").length, 2, "the click that came meanwhile follows");
  page.reply(-1);
  await settled();
  assert.equal(page.sent("over").length, 2);
  page.end();
});

test("keys step while the focus is inside, but not while a name is typed", () => {
  const page = open(SCENES.cnn());
  page.button("Into").focus();
  for (const [key, more] of [["F10"], ["F11"], ["F11", { shiftKey: true }], ["F5"], ["b"]]) page.key(key, more);
  assert.deepEqual(page.model.sent.map(({ method }) => method), ["over", "into", "out", "run", "back"]);
  page.button("Replace from notebook").click();
  page.key("o");
  assert.equal(page.sent("over").length, 1);
  assert.ok(document.activeElement.hasAttribute("data-lm-suppress-shortcuts"));
  page.end();
});

test("a key that can do nothing says why", () => {
  const page = open(SCENES.running());
  page.button("Stop").focus();
  page.key("o");
  assert.match(page.text("[role=alert]"), /over: the pass is running/);
  page.end();
});

test("the header says where the pass stands; Stop shows while it runs", () => {
  const page = open(SCENES.cnn());
  assert.equal(page.text(".nf-where"), "step 9 of 17");
  assert.ok(page.button("Stop").classList.contains("nf-away"));
  page.model.set("cursor", SCENES.running().cursor);
  assert.equal(page.text(".nf-where"), "running …");
  page.button("Stop").click();
  assert.equal(page.sent("stop").length, 1);
  page.model.set("cursor", { ...cursor({ index: null, reached: 8 }), view: 6 });
  assert.match(page.text(".nf-where"), /step 7/);
  page.end();
});

test("an answer that takes long is said to be under way after 300 ms", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const page = open(SCENES.cnn());
  page.button("Over").click();
  assert.equal(page.text(".nf-where"), "step 9 of 17");
  mock.timers.tick(299);
  assert.ok(hidden(page.one(".nb-progress")));
  mock.timers.tick(2);
  assert.equal(page.text(".nf-where"), "running …");
  assert.ok(!hidden(page.one(".nb-progress")));
  page.end();
  mock.timers.reset();
});

test("the source marks the line, counts its steps, and a click on a number sets and removes a breakpoint", async () => {
  const page = open(SCENES.cnn());
  const rows = page.all(".nf-coderow");
  assert.equal(rows.length, 6);
  assert.equal(page.text(".nf-coderow[aria-current=step] code").trim(), "x = self.pool(F.relu(self.bn(self.conv2(x))))");
  assert.equal(page.text(".nf-coderow[aria-current=step] .nf-count"), "×4");
  const gutter = () => page.one("button[data-line='35']");
  gutter().focus();
  gutter().click();
  assert.deepEqual(page.sent("breakpoint"), [{ add: { on: "line", file: "/home/ada/work/net.py", line: 35 } }]);
  page.reply(-1);
  await settled();
  page.model.set("cursor", cursor({ index: 8, reached: 8, breakpoints: [{ id: 7, text: "/home/ada/work/net.py:35", on: true, hits: 0 }] }));
  assert.equal(gutter().getAttribute("aria-pressed"), "true");
  assert.equal(document.activeElement, gutter(), "the focus stays on the line");
  gutter().click();
  assert.deepEqual(page.sent("breakpoint")[1], { remove: 7 });
  page.end();
});

test("a step inside PyTorch's own code says so, and the line around it is marked", () => {
  const page = open({ ...SCENES.cnn(), cursor: cursor({ index: 5, reached: 5 }) });
  assert.match(page.text(".nf-source .nf-hint"), /F\.conv2d was called by PyTorch's own code in nn\.Conv2d; marked is where conv2 · Conv2d was called/);
  assert.match(page.text(".nf-coderow[aria-current=step] code"), /conv2/);
  page.end();
});

test("a failed pass marks the line, the step and all around it, and explains", () => {
  const page = open(SCENES.failed());
  assert.match(page.text(".nf-coderow[data-tone=bad]"), /self\.fc1\(x\).*✕ failed here.*the input's last axis, 128/);
  assert.match(page.text(".nf-said"), /failed in F\.linear: RuntimeError/);
  for (const index of [0, 12, 13]) assert.match(page.row(index).textContent, /✕ failed/);
  page.end();
});

test("the tree shows figures of what has begun, and dots for what has not", () => {
  const page = open(SCENES.cnn());
  assert.deepEqual(page.labels(), ["input", "Net", "conv1", "relu", "conv2", "bn", "relu", "pool", "view", "fc1", "relu", "fc2"]);
  assert.match(page.row(8).textContent, /F\.relu\(64, 8, 8, 8\)▲ 38 % dead/);
  assert.equal(page.row(8).getAttribute("aria-current"), "step");
  assert.match(page.row(9).textContent, /MaxPool2d…/);
  assert.match(page.row(9).getAttribute("aria-label"), /not reached yet/);
  assert.match(page.row(3).title, /mean 0\.21, std 0\.49/);
  page.end();
});

test("of 5,000 steps only the rows in sight exist, and keys reach all of them", () => {
  const page = open(SCENES.many());
  assert.ok(page.all("[role=treeitem]").length < 60);
  page.row(3001).focus();
  page.key("End");
  assert.match(document.activeElement.getAttribute("aria-label"), /^cell \(call 715\)/);
  page.key("Home");
  assert.equal(document.activeElement.dataset.index, "-1");
  page.key("ArrowDown");
  page.key("ArrowLeft");
  assert.deepEqual(page.labels(), ["input", "Rnn"]);
  page.key("ArrowRight");
  assert.ok(page.labels().length > 20);
  assert.equal(page.all("[role=treeitem]").filter((row) => row.tabIndex === 0).length, 1);
  page.end();
});

test("a click looks at a step, Shift+Enter and a double click run to it, its edge sets a breakpoint", () => {
  const page = open(SCENES.cnn());
  click(page.row(3));
  assert.deepEqual(page.sent("look"), [{ index: 3, output: 0, sample: 9, first: 0, compare: null }]);
  assert.equal(page.row(3).getAttribute("aria-selected"), "true");
  assert.match(page.text(".nf-title"), /F\.relu/);
  page.row(9).focus();
  page.key("Enter", { shiftKey: true });
  page.row(9).dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
  assert.deepEqual(page.sent("run_to"), [{ index: 9 }]);
  click(page.row(11).querySelector(".nf-edge"));
  assert.deepEqual(page.sent("breakpoint"), [{ add: { on: "step", index: 11 } }]);
  page.end();
});

test("what is looked at stays while Python shows the cursor anew, and goes when the pass goes on", async () => {
  const page = open(SCENES.cnn());
  click(page.row(3));
  page.model.set("exhibit", relu());
  page.reply(-1, { payload: relu({ step: 3, name: "first relu", shape: [64, 8, 8, 9] }) });
  await settled();
  assert.match(page.text(".nf-chip"), /\(64, 8, 8, 9\)/);
  page.model.set("exhibit", relu());
  assert.match(page.text(".nf-chip"), /\(64, 8, 8, 9\)/);
  page.model.set("cursor", cursor({ index: 9, reached: 9 }));
  assert.match(page.text(".nf-title"), /pool · MaxPool2d/);
  page.end();
});

test("only the answer to the last look is shown; a refusal is said", async () => {
  const page = open(SCENES.cnn());
  click(page.row(3));
  click(page.row(6));
  page.reply(-1, { payload: relu({ step: 6, shape: [6] }) });
  page.reply(-2, { payload: relu({ step: 3, shape: [3] }) });
  await settled();
  assert.match(page.text(".nf-chip"), /\(6,\)/);
  click(page.row(3));
  page.reply(-1, { ok: false, error: "its values are gone" });
  await settled();
  assert.match(page.text("[role=alert]"), /its values are gone/);
  page.end();
});

test("maps name their channels and their death, and are paged", () => {
  const page = open(SCENES.pages());
  assert.deepEqual(page.all(".nf-map .nf-caption").map((one) => one.textContent), ["0dead", "1", "2", "3dead", "4", "5", "6dead", "7"]);
  assert.equal(page.text(".nf-range"), "0–7 of 64 channels");
  page.button("›").click();
  assert.equal(page.sent("look")[0].first, 8);
  page.end();
});

test("arrow keys read values with their place", () => {
  const page = open(SCENES.matrix());
  page.one(".nf-heat .nf-plane").focus();
  page.key("ArrowRight");
  page.key("ArrowDown");
  assert.match(page.text(".nf-readout"), /^sample 1, feature 0: [\d.]+$/);
  assert.match(page.text(".nf-heat"), /✕ dead: 3/);
  page.end();
});

test("a chosen unit names the samples that excite its channel, and its receptive field", async () => {
  const page = open(SCENES.cnn());
  const maps = page.all(".nf-map .nf-plane");
  click(maps[1], { detail: 0 });
  assert.equal(maps[1].getAttribute("aria-pressed"), "true");
  assert.match(page.text(".nf-channel"), /^channel 1excited most by sample/);
  page.button("Receptive field").click();
  assert.deepEqual(page.sent("receptive"), [{ step: 8, channel: 1, row: 0, column: 0, sample: 9 }]);
  const field = { dtype: "float32", shape: [1, 8, 8], data: new DataView(Float32Array.from({ length: 64 }, (_, i) => Number(i < 3)).buffer) };
  page.reply(-1, { payload: { planes: field, sample: 9, name: "unit" } });
  await settled();
  assert.match(page.text(".nf-field"), /rows 0–0 and columns 0–2 of the input \(1 × 3 of 8 × 8\)/);
  page.one(".nf-sample").click();
  assert.equal(page.sent("look").length, 1);
  click(maps[0], { detail: 0 });
  assert.match(page.text(".nf-channel"), /No sample of the batch excites it/);
  page.end();
});

test("attention shows each head, and the chosen one large with its tokens", () => {
  const page = open(SCENES.gpt());
  assert.equal(page.all(".nf-map").length, 4);
  assert.equal(page.text(".nf-heattitle"), "head 0");
  click(page.all(".nf-map .nf-plane")[2], { detail: 0 });
  assert.equal(page.text(".nf-heattitle"), "head 2");
  assert.match(page.text(".nf-across"), /exact.*batch/);
  page.one(".nf-heat .nf-plane").focus();
  page.key("ArrowDown");
  assert.match(page.text(".nf-readout"), /^head 2, query \d+ “\w+”, key 0 “The”: [\d.]+$/);
  page.end();
});

test("zero, noise and a variable of the notebook replace the live tensor alone", async () => {
  const page = open(SCENES.cnn(), () => ({ ok: true, payload: {} }));
  page.button("Zero this").click();
  await settled();
  page.button("Replace from notebook").click();
  const form = page.one("form.nf-form:not([hidden])[class]:has([aria-label='Name of the variable'])");
  form.querySelector("input").value = "other";
  form.dispatchEvent(new Event("submit", { cancelable: true }));
  await settled();
  assert.deepEqual(page.sent("replace"), [{ how: "zero" }, { how: "name", name: "other" }]);
  assert.ok(hidden(form), "the field closes when it is done");
  click(page.row(3));
  assert.match(page.button("Add noise").title, /only the tensor at the cursor is live/);
  page.end();
});

test("a rectangle of the input, drawn with keys, is set to zero or to a value", () => {
  const page = open(SCENES.input());
  assert.match(exactly(page, "Zero").title, /draw a rectangle/);
  page.one(".nf-map .nf-plane").focus();
  page.key("ArrowRight");
  page.key("ArrowRight", { shiftKey: true });
  page.key("ArrowDown", { shiftKey: true });
  exactly(page, "Zero").click();
  assert.deepEqual(page.sent("edit"), [{ how: "zero", sample: 9, row: 0, column: 0, height: 2, width: 2, output: 0, value: 0 }]);
  page.end();
});

test("an edit's effect is said, and each step that moved says how far", () => {
  const page = open(SCENES.changed());
  assert.match(page.text(".nf-effect"), /step 8 replaced: loss 2\.31 → 2\.87, 12 of 64 predictions change/);
  assert.match(page.row(8).textContent, /Δ ∞/);
  assert.match(page.row(9).getAttribute("aria-label"), /moved by 0\.45/);
  assert.match(page.text(".nf-heads"), /grad\. std/);
  assert.match(page.text(".nf-figures"), /gradient/);
  page.end();
});

test("the menu ticks conditions, names places, and lists breakpoints with their hits", async () => {
  const page = open(SCENES.gradients());
  assert.equal(page.button("Break on").textContent, "Break on: 3 ▾");
  page.button("Break on").click();
  const [nonfinite, , dead] = page.all(".nf-menu > .nf-tick input");
  assert.ok(dead.checked);
  assert.equal(document.activeElement, nonfinite);
  dead.click();
  assert.deepEqual(page.sent("breakpoint"), [{ toggle: 1 }]);
  page.reply(-1);
  await settled();
  assert.match(page.text(".nf-breaks"), /dead, from 30% on1 hit✕/);
  page.key("Escape");
  assert.equal(document.activeElement, page.button("Break on"));
  page.end();
});

test("the chosen sample is kept when the pass goes on", async () => {
  const page = open(SCENES.cnn());
  const sample = page.one("input[aria-label=Sample]");
  sample.value = "5";
  sample.dispatchEvent(new Event("change"));
  assert.equal(page.sent("look")[0].sample, 5);
  page.reply(-1, { payload: relu({ sample: 5 }) });
  await settled();
  page.model.set("cursor", cursor({ index: 10, reached: 10 }));
  page.model.set("exhibit", relu({ step: 10, sample: 0 }));
  await settled();
  assert.deepEqual(page.sent("look").slice(1), [{ index: 10, output: 0, sample: 5, first: 0, compare: null }]);
  page.end();
});

test("before there is a pass the view says what will appear", () => {
  const page = open(SCENES.fresh());
  assert.match(page.text(".nf-tensor"), /No pass has been run yet/);
  assert.equal(page.text(".nf-where"), "no pass yet");
  page.end();
});

test("what cannot be read is said in the view", () => {
  const page = open({ ...SCENES.cnn() });
  page.model.set("exhibit", { ...relu(), planes: { dtype: "nonsense", shape: [1], data: new DataView(new ArrayBuffer(4)) } });
  assert.match(page.text("[role=alert]"), /could not be shown: expected an array of numbers/);
  page.end();
});

test("a comparison that is refused leaves what was shown, and the choice says so", async () => {
  const page = open(SCENES.cnn());
  const compare = page.one("select[aria-label='Compare with']");
  const choose = async (value, rest) => {
    compare.value = value;
    compare.dispatchEvent(new Event("change"));
    page.reply(-1, rest);
    await settled();
  };
  await choose("previous", { payload: SCENES.compared().exhibit });
  assert.match(page.text(".nf-note"), /this minus step 6/);
  await choose("eval", { ok: false, error: "another shape" });
  assert.equal(compare.value, "previous");
  assert.match(page.text("[role=alert]"), /another shape/);
  await choose("", { payload: relu() });
  assert.ok(hidden(page.one(".nf-note")));
  page.end();
});

test("a module around the cursor has made nothing yet", () => {
  const page = open(SCENES.cnn());
  assert.match(page.row(0).textContent, /Net….*▷ in it/);
  page.end();
});

test("a step that was gone back to is asked for where Python sends nothing of it", async () => {
  const page = open({ ...SCENES.changed() });
  page.model.set("cursor", { ...SCENES.changed().cursor, view: 14 });
  page.model.set("exhibit", SCENES.changed().exhibit);
  await settled();
  assert.deepEqual(page.sent("look").map(({ index }) => index), [14]);
  page.end();
});

test("a refused breakpoint unticks its box", async () => {
  const page = open(SCENES.cnn());
  page.button("Break on").click();
  const [box] = page.all(".nf-menu > .nf-tick input");
  box.click();
  assert.ok(box.checked, "believed until there is an answer");
  page.reply(-1, { ok: false, error: "no" });
  await settled();
  assert.ok(!box.checked);
  page.end();
});

test("of two looks at one step the later one is shown, whichever answer comes last", async () => {
  const page = open(SCENES.cnn());
  const sample = page.one("input[aria-label=Sample]");
  for (const value of ["5", "6"]) {
    sample.value = value;
    sample.dispatchEvent(new Event("change"));
  }
  page.reply(-1, { payload: relu({ sample: 6 }) });
  page.reply(-2, { payload: relu({ sample: 5 }) });
  await settled();
  assert.equal(sample.value, "6");
  page.end();
});

test("the row in focus is kept however far the tree is scrolled", () => {
  const page = open(SCENES.many());
  page.row(3001).focus();
  const tree = page.one("[role=tree]");
  tree.scrollTop = 0;
  tree.dispatchEvent(new Event("scroll"));
  assert.ok(page.row(0), "the rows in sight are built");
  assert.equal(document.activeElement, page.row(3001));
  page.end();
});

test("of several functions in a file the one that holds the line is shown", () => {
  const page = open(SCENES.gpt());
  assert.match(page.text(".nf-source .nf-heading"), /eager_attention_forward/);
  assert.equal(page.text(".nf-coderow[aria-current=step] .nf-gutter"), "75");
  page.end();
});
