import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { document, settled } from "./page.js";
import { open } from "./dashboard-page.js";
import { SCENES } from "../harness/dashboard-scenes.js";

const hidden = (element) => element === null || element === undefined || element.closest("[hidden]") !== null;
const disabled = (element) => element.getAttribute("aria-disabled") === "true";
const shown = (page) => page.all("[role=tabpanel]").filter((pane) => !pane.classList.contains("nr-away")).map((pane) => pane.id.split("-")[1]);

test("every scene draws without an exception, and leaves no listener behind", async () => {
  for (const [name, scene] of Object.entries(SCENES)) {
    const page = open(scene());
    await settled();
    assert.equal(page.all("[role=tab]").length, 6, name);
    assert.deepEqual(shown(page), [scene().active], name);
    page.end();
    assert.equal(page.model.listening(), 0, name);
    assert.deepEqual(page.log.made, page.log.removed, name);
  }
});

test("names, reasons and advice from Python are text: nothing of them becomes an element", () => {
  const page = open(SCENES.hostile());
  assert.equal(page.all("img, script").length, 0);
  for (const place of [".nr-header", ".nr-tabs", ".nr-strip", "[role=alert]", ".nr-next", ".nr-chapter", ".nr-more", ".nr-found"]) assert.match(page.one(place).textContent + page.all(place).map((one) => one.textContent).join(""), /<img src=x onerror=alert\(1\)>/, place);
  page.end();
});

test("the first line states what is inspected, and what was not given", () => {
  const page = open(SCENES.first());
  const facts = page.all(".nr-fact").map((fact) => [...fact.children].map((part) => part.textContent));
  assert.deepEqual(facts, [
    ["parameters", "3,818"], ["dtype", "float32 on cpu"], ["mode", "train"], ["train", "1,417 samples · 23 batches of 64"], ["validation", "380 samples"], ["loss", "CrossEntropyLoss"], ["optimizer", "Adam · rate 0.003"],
  ]);
  assert.equal(page.text(".nr-missing"), "");
  page.model.set("facts", { ...SCENES.first().facts, trainable: "650", loss: null, optimizer: null, rate: null });
  assert.equal(page.text(".nr-facts dd"), "3,818, 650 trainable");
  assert.equal(page.text(".nr-missing"), "without loss, optimizer");
  page.end();
});

test("a tab says its room, its badge, and its mark in words", () => {
  const page = open(SCENES.midway());
  assert.equal(page.tab("sanity").textContent, "Sanity✕, failed: 2 failed");
  assert.equal(page.tab("data").textContent, "Data▲, warning: 1,417 samples");
  assert.equal(page.tab("batch").textContent, "Batch●, fine: 64 samples");
  assert.equal(page.tab("forward").textContent, "Forward");
  assert.equal(page.one("[aria-selected=true]"), page.tab("recipe"));
  for (const tab of page.all("[role=tab]")) assert.equal(page.el.querySelector(`#${tab.getAttribute("aria-controls")}`).getAttribute("aria-labelledby"), tab.id);
  page.end();
});

test("a click on a tab opens its room once, and tells Python which one is looked at", async () => {
  const page = open(SCENES.first());
  page.tab("batch").click();
  page.tab("batch").click();
  assert.deepEqual(page.sent("open"), [{ room: "batch" }]);
  assert.equal(page.model.get("active"), "batch");
  assert.ok(page.model.saved > 0);
  assert.deepEqual(shown(page), ["batch"]);
  assert.match(page.pane("batch").textContent, /Opening Batch/);
  assert.ok(hidden(page.pane("batch").querySelector("button")), "nothing to click while it opens");
  assert.ok(!hidden(page.one(".nb-progress")));
  page.reply(-1);
  await settled();
  assert.ok(hidden(page.one(".nb-progress")));
  page.tab("recipe").click();
  assert.equal(page.model.sent.length, 1, "the recipe needs nothing of Python");
  page.end();
});

test("arrows move among the tabs without opening a room; Home and End go to their ends", () => {
  const page = open(SCENES.first());
  page.tab("recipe").focus();
  for (const [key, name] of [["ArrowRight", "data"], ["ArrowLeft", "recipe"], ["ArrowLeft", "dynamics"], ["ArrowRight", "recipe"], ["End", "dynamics"], ["Home", "recipe"]]) {
    page.key(key);
    assert.equal(document.activeElement, page.tab(name), key);
    assert.deepEqual(page.all("[role=tab][tabindex='0']"), [page.tab(name)]);
  }
  assert.equal(page.model.sent.length, 0);
  page.end();
});

test("Python's word changes the tab, and the focus goes on from a room that is out of sight", async () => {
  const page = open(SCENES.picked());
  await settled();
  page.pane("batch").querySelector("div:not(.nr-place) > button").focus();
  page.model.set("active", "data");
  assert.deepEqual(shown(page), ["data"]);
  assert.equal(document.activeElement, page.tab("data"));
  assert.ok(page.pane("batch").hasAttribute("inert"));
  page.end();
});

test("a view is mounted once, stays while another is looked at, and is removed when Python gives another", async () => {
  const page = open(SCENES.picked());
  await settled();
  assert.deepEqual(page.log.made, ["d1", "b1", "s1"]);
  const viewIn = (name) => [...page.pane(name).querySelectorAll("button")].find((one) => one.textContent.startsWith("view of"));
  const view = viewIn("batch");
  assert.equal(view.textContent, "view of b1");
  page.tab("data").click();
  page.model.set("active", "batch");
  assert.equal(viewIn("batch"), view);
  page.model.set("rooms", SCENES.picked().rooms.map((room) => (room.name === "batch" ? { ...room, model: "b2" } : room)));
  await settled();
  assert.deepEqual(page.log.removed, ["b1"]);
  assert.match(page.pane("batch").textContent, /view of b2/);
  page.model.set("rooms", SCENES.first().rooms);
  assert.deepEqual(page.log.removed, ["b1", "d1", "b2", "s1"]);
  assert.match(page.pane("batch").textContent, /Batch is not open/);
  page.end();
});

test("a view that comes too late is thrown away", async () => {
  const page = open(SCENES.picked());
  page.model.set("rooms", SCENES.first().rooms);
  await settled();
  assert.deepEqual(page.log.removed, ["d1", "b1", "s1"]);
  assert.ok(!/view of/.test(page.el.textContent));
  page.end();
});

test("a room that is off, that failed, or whose widget is gone says why in its place", async () => {
  const bare = open(SCENES.bare());
  assert.match(bare.pane("data").textContent, /needs a loader: Inspector\(model, loader\)/);
  assert.ok(hidden(bare.pane("data").querySelector("button")));
  bare.tab("batch").click();
  assert.deepEqual(shown(bare), ["batch"]);
  assert.equal(bare.model.sent.length, 0);
  bare.end();
  const failed = open(SCENES.failed());
  assert.match(failed.pane("batch").textContent, /the loader gave no batch/);
  failed.button("Try again").click();
  assert.deepEqual(failed.sent("open"), [{ room: "batch" }]);
  failed.end();
  const gone = open(SCENES.picked(), { missing: new Set(["b1"]) });
  await settled();
  assert.match(gone.pane("batch").textContent, /could not be shown: widget model b1 was not found/);
  gone.end();
});

test("a front end without a widget manager says how to see the views", () => {
  const page = open(SCENES.picked(), { manager: null });
  assert.match(page.pane("batch").textContent, /Run inspector\.batch\(\) in a cell of its own/);
  page.tab("forward").click();
  assert.match(page.pane("forward").textContent, /Run inspector\.forward\(\) in a cell of its own/);
  assert.deepEqual(page.sent("open"), [], "a view that cannot be shown is not made");
  assert.equal(page.model.get("active"), "batch");
  assert.ok(hidden(page.pane("forward").querySelector("button")));
  page.end();
});

test("the selected sample is named, and carried where it can be", () => {
  const page = open(SCENES.picked());
  assert.match(page.text(".nr-what"), /Sample3 of the batch · index 85label 9train/);
  assert.ok(hidden(page.one(".nr-hint")));
  const [data, batch, forward, dynamics] = page.all(".nr-carry");
  assert.equal(batch.getAttribute("aria-current"), "true");
  forward.click();
  assert.deepEqual(page.sent("show"), [{ room: "forward" }]);
  assert.ok(disabled(dynamics));
  assert.match(dynamics.title, /a run is under way/);
  dynamics.click();
  assert.equal(page.sent("show").length, 1);
  assert.ok(!disabled(data));
  page.end();
});

test("letting go of the sample leaves the focus on the tab", () => {
  const page = open(SCENES.picked());
  const drop = page.one(".nr-drop");
  drop.focus();
  drop.click();
  assert.deepEqual(page.sent("clear"), [{}]);
  page.model.set("sample", null);
  assert.equal(document.activeElement, page.tab("batch"));
  assert.ok(hidden(page.one(".nr-picked")));
  page.end();
});

test("the recipe shows each step with its mark, and the next one large with its one button", () => {
  const page = open(SCENES.midway());
  const marks = page.all(".nr-steps li").map((item) => item.querySelector(".nr-icon").textContent);
  assert.deepEqual(marks.slice(0, 3), ["✓", "▲", "✓"]);
  assert.equal(page.step("Evaluate on the whole validation set").querySelector(".nr-icon").textContent, "–");
  assert.ok(hidden(page.step("Evaluate on the whole validation set").querySelector(".nr-act")));
  assert.ok(hidden(page.step("Keep a journal of runs").querySelector(".nr-act")));
  assert.match(page.text(".nr-next"), /Mend first: 12 duplicates, 5 of them in both splits.*Find duplicates and leaks between splits.*Open Data/);
  page.one(".nr-go").click();
  assert.deepEqual(page.sent("open"), [{ room: "data" }], "what is wrong is looked at, not done again");
  page.step("Check the wiring").querySelector("button.nr-found").click();
  assert.equal(page.model.get("active"), "sanity");
  page.step("Check the wiring").querySelector(".nr-act").click();
  assert.deepEqual(page.sent("act").at(-1), { step: "wiring" });
  assert.equal(page.one("[role=progressbar]").getAttribute("aria-valuenow"), "5");
  assert.equal(page.one("[aria-current=step] .nr-step > span").textContent, "Find duplicates and leaks between splits");
  page.end();
});

test("a step's advice and sources open in place, stay open, and the focus stays when the recipe ticks", () => {
  const page = open(SCENES.first());
  const title = page.step("Look at the data itself").querySelector(".nr-step");
  title.focus();
  title.click();
  assert.equal(title.getAttribute("aria-expanded"), "true");
  page.model.set("recipe", SCENES.midway().recipe);
  assert.equal(document.activeElement, title);
  assert.ok(!hidden(page.step("Look at the data itself").querySelector(".nr-more")));
  assert.match(title.textContent, /Look at the data itself, done/);
  page.end();
});

test("the next step that was not done yet is done by its button", () => {
  const page = open(SCENES.first());
  assert.match(page.text(".nr-next"), /Next: Look at the data itself.*Most defects are in the data.*Scan the data/);
  page.one(".nr-go").click();
  page.one(".nr-go").click();
  assert.deepEqual(page.sent("act"), [{ step: "look" }]);
  page.end();
});

test("when every step is done, the page says so and offers nothing", () => {
  const page = open(SCENES.finished());
  assert.match(page.text(".nr-next"), /All that can be done with what was given has been done/);
  assert.ok(hidden(page.one(".nr-go")));
  page.end();
});

test("staleness is said once, with the way to the new object", () => {
  const page = open(SCENES.stale());
  assert.match(page.text(".nb-notices"), /model is another object now/);
  page.button("Inspect the new one").click();
  assert.deepEqual(page.sent("renew"), [{}]);
  page.end();
});

test("what Python refuses is said, and can be put away without losing the focus", async () => {
  const page = open(SCENES.first(), { answer: () => ({ ok: false, error: "the model is in use in another thread" }) });
  page.tab("forward").click();
  await settled();
  assert.match(page.text("[role=alert]"), /the model is in use in another thread/);
  const dismiss = page.one("[aria-label='Dismiss this message']");
  dismiss.focus();
  dismiss.click();
  assert.ok(hidden(page.one("[role=alert]")));
  assert.equal(document.activeElement, page.tab("forward"));
  page.end();
});

test("one error is said once: in its room, and elsewhere in a line", async () => {
  const why = "the loader raised: OSError: cannot read sample 7";
  const page = open({ ...SCENES.failed(), rooms: SCENES.failed().rooms.map((room) => (room.name === "batch" ? { ...room, why } : room)), status: { ...SCENES.failed().status, state: "error", text: why } }, { answer: () => ({ ok: false, error: why }) });
  const shownErrors = () => page.all(".nb-notice, .nr-words").filter((one) => !hidden(one) && !one.closest(".nr-away") && one.textContent.includes(why)).length;
  assert.equal(shownErrors(), 1);
  page.button("Try again").click();
  await settled();
  assert.equal(shownErrors(), 1);
  page.model.set("active", "recipe");
  assert.equal(shownErrors(), 1);
  assert.match(page.tab("batch").textContent, /✕/);
  page.end();
});

test("a sample is called by its place in the batch and its index, as far as these are known", () => {
  const named = (more) => {
    const page = open({ ...SCENES.picked(), sample: { ...SCENES.picked().sample, ...more } });
    const text = page.text(".nr-what b");
    page.end();
    return text;
  };
  assert.deepEqual([named({}), named({ position: null }), named({ index: null })], ["3 of the batch · index 85", "index 85", "3 of the batch"]);
});

test("a closed dashboard can be looked at, and asks nothing", () => {
  const page = open(SCENES.closed());
  page.tab("forward").click();
  assert.equal(page.model.sent.length, 0);
  assert.deepEqual(shown(page), ["forward"]);
  for (const one of page.all(".nr-carry, .nr-drop, .nr-act")) assert.ok(disabled(one), one.textContent);
  page.end();
});

test("a screen reader is told of rooms and samples, never more than once in two seconds", () => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 10_000 });
  const page = open(SCENES.opening());
  const said = () => page.one(".nb-unseen[role=status]").textContent;
  const change = (more) => page.model.set("rooms", SCENES.first().rooms.map((room) => (room.name === "data" ? { ...room, ...more } : room)));
  change({ state: "open", model: null });
  assert.equal(said(), "Data is open");
  page.model.set("sample", SCENES.picked().sample);
  page.model.set("sample", { ...SCENES.picked().sample, index: 86 });
  assert.equal(said(), "Data is open");
  mock.timers.tick(2000);
  assert.equal(said(), "Sample 3 of the batch · index 86, label 9, train is held, from Data");
  page.end();
  mock.timers.reset();
});

test("a view that was thrown out of the page lets go of everything", () => {
  mock.timers.enable({ apis: ["setInterval"] });
  const page = open(SCENES.first());
  mock.timers.tick(5000);
  page.el.remove();
  mock.timers.tick(5000);
  assert.equal(page.model.listening(), 0);
  mock.timers.reset();
});
