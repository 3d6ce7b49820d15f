import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Event, KeyboardEvent, document, settled } from "./page.js";
import { drawn, open, views } from "./dynamics-page.js";
import { ALERT, STEPS, classification, moment, record, trace } from "../harness/dynamics-records.js";
import { SCENES, status } from "../harness/dynamics-scenes.js";

const hidden = (element) => element === null || element === undefined || element.closest("[hidden]") !== null;
const disabled = (element) => element.getAttribute("aria-disabled") === "true";
const NOTHING = record([], { traces: [], moments: [], pins: [] });
const empty = (more) => ({ ...NOTHING, ...more });

test("every scene draws without an exception, and leaves no listener behind", () => {
  for (const [name, scene] of Object.entries(SCENES)) {
    const page = open(scene());
    assert.equal(page.text(".nb-title"), "Dynamics", name);
    for (const tab of page.all(".nd-paneltools button")) tab.click();
    page.end();
    assert.equal(page.model.listening(), 0, name);
  }
});

test("names, notes and moments from Python are text: nothing of them becomes an element", () => {
  const page = open(SCENES.hostile());
  page.all(".nb-cell").find((cell) => cell.dataset.at === "5").click();
  assert.equal(page.all("img, script").length, 0);
  for (const place of [".nd-words", ".nb-lines", ".nb-line", ".nd-sample", ".nf-control select"]) assert.ok(page.all(place).some((one) => one.textContent.includes("<img src=x onerror=alert(1)>".slice(0, 12))), place);
  for (const tab of ["Confusion", "◆ Spikes"]) page.button(tab).click();
  assert.equal(page.all("img, script").length, 0);
  assert.match(page.text(".nd-spikes"), /<img src=x/);
  page.end();
});

test("before anything was seen the view says how to begin", () => {
  const page = open(SCENES.empty());
  assert.match(page.text(".nb-lines"), /with inspector\.dynamics\(\):/);
  assert.equal(page.one(".nb-lines code").textContent, "with inspector.dynamics():");
  assert.match(page.text(".nd-measured"), /Nothing has been measured yet/);
  assert.match(page.text(".nd-panel"), /No prediction has been read yet/);
  assert.ok(disabled(page.button("❚❚ Pause")));
  assert.equal(page.button("❚❚ Pause").getAttribute("aria-description"), "no run has begun");
  page.end();
});

test("the header tells how the run stands", () => {
  const page = open(SCENES.digits());
  assert.match(page.text(".nd-where"), /● live control on.*watching takes 1\.3 % · budget 2 %.*step 1,400/);
  assert.equal(page.input("Learning rate").value, "0.03");
  page.end();
  const over = open(SCENES.far());
  assert.match(over.text(".nd-where"), /▲ watching takes 7\.1 % · budget 2 %/);
  assert.match(over.one(".nd-overhead").title, /a short run ends before/);
  over.end();
  const short = SCENES.far();
  short.history.record = { ...short.history.record, overhead: 10.5 };
  const brief = open(short);
  assert.match(brief.text(".nd-where"), /▲ watching takes 10\.5 × the run's own time · budget 2 %/);
  brief.end();
  const off = open(SCENES.off());
  assert.match(off.text(".nd-where"), /○ live control off/);
  assert.match(off.text(".nb-lines"), /Clicks wait for the end of the cell.*2 notes: The training loss is not seen/);
  assert.match(off.button("Stop").title, /Not now: Clicks wait/);
  off.end();
});

test("controls ask Python, and are busy until it has answered", async () => {
  const page = open(SCENES.digits());
  page.button("❚❚ Pause").click();
  page.button("❚❚ Pause").click();
  assert.deepEqual(page.sent("pause"), [{}], "asked once");
  assert.equal(page.button("❚❚ Pause").getAttribute("aria-busy"), "true");
  assert.equal(page.text(".nd-busy"), "pausing …");
  page.reply(-1, {});
  await settled();
  assert.equal(page.text(".nd-busy"), "");
  page.model.set("status", status({ state: "paused" }));
  await drawn();
  assert.match(page.text(".nd-where"), /‖ paused/);
  page.button("▶ Resume").click();
  page.input("Steps to go").value = "7";
  page.button("Step").click();
  page.button("Stop").click();
  page.button("◎ Pin").click();
  assert.deepEqual([page.sent("resume"), page.sent("advance"), page.sent("stop"), page.sent("pin")], [[{}], [{ steps: 7 }], [{}], [{}]]);
  page.reply(-1, { payload: { step: 1400 } });
  await settled();
  assert.match(page.text(".nb-notices"), /pinned step 1,400/);
  page.end();
});

test("the rate is checked, asked for on Enter, and left alone while it is typed", async () => {
  const page = open(SCENES.paused());
  const rate = page.input("Learning rate");
  rate.focus();
  for (const wrong of ["", "fast", "0", "-1"]) {
    rate.value = wrong;
    page.key("Enter");
  }
  assert.deepEqual(page.sent("rate"), []);
  assert.match(page.text("[role=alert]"), /above 0, got “-1”/);
  rate.value = "1e-3";
  page.model.set("status", status({ state: "paused", rates: [{ group: "SGD/head", rate: 0.5 }, { group: "SGD/body", rate: 0.1 }] }));
  await drawn();
  assert.equal(rate.value, "1e-3", "news do not write over what is typed");
  page.key("Enter");
  assert.deepEqual(page.sent("rate"), [{ rate: 1e-3, group: null }]);
  page.reply(-1, {});
  await settled();
  const group = page.input("of");
  group.value = "1";
  group.dispatchEvent(new Event("change"));
  assert.equal(rate.value, "0.1");
  rate.value = "0.2";
  page.button("Apply").click();
  assert.deepEqual(page.sent("rate").at(-1), { rate: 0.2, group: "SGD/body" });
  page.end();
});

test("what Python refuses is shown as it says", async () => {
  const page = open(SCENES.digits());
  page.button("Stop").click();
  page.reply(-1, { ok: false, error: "the run is over" });
  await settled();
  assert.match(page.text("[role=alert]"), /✕ the run is over/);
  page.input("Dismiss this message").click();
  assert.ok(hidden(page.all(".nb-notice")[0]));
  page.end();
});

test("the way back lists pins with what came after them, and takes the rate that was typed", () => {
  const page = open(SCENES.digits());
  page.button("Go back").click();
  const items = page.all("[role=menuitem]");
  assert.deepEqual(items.map((one) => one.textContent), ["step 900", `step 600before ▲ ${ALERT}`.slice(0, 67) + "…", "step 300"]);
  assert.equal(document.activeElement, items[0]);
  page.key("ArrowDown");
  assert.equal(document.activeElement, items[1]);
  items[1].click();
  page.input("Learning rate").value = "1e-4";
  page.all("[role=menuitem]")[0].click();
  assert.deepEqual(page.sent("back"), [{ step: 600, rate: null }]);
  page.end();
});

test("a rate that was typed with a decimal comma goes along on the way back", () => {
  const page = open(SCENES.digits());
  page.input("Learning rate").value = "0,0001";
  page.button("Go back").click();
  page.all("[role=menuitem]")[1].click();
  assert.deepEqual(page.sent("back"), [{ step: 600, rate: 1e-4 }]);
  page.end();
});

test("checks, checkpoint and note lie in a form that Escape closes", async () => {
  const page = open(SCENES.digits());
  page.button("⋯").click();
  assert.ok(!hidden(page.one(".nd-form")));
  page.button("Run checks").click();
  page.reply(-1, { payload: { text: "No defect was found.\n50 checks passed." } });
  page.button("Save checkpoint").click();
  page.input("Note to the journal").value = "the rate was too high";
  page.button("Note to journal").click();
  assert.deepEqual([page.sent("checks"), page.sent("checkpoint"), page.sent("note")], [[{}], [{ path: null }], [{ text: "the rate was too high" }]]);
  page.reply(-1, {});
  await settled();
  assert.equal(page.input("Note to the journal").value, "");
  page.input("Note to the journal").focus();
  page.key("Escape");
  assert.ok(hidden(page.one(".nd-form")));
  assert.equal(document.activeElement, page.button("⋯"));
  page.end();
});

test("a beat is asked for each second while clicks are not proved to arrive, five at most unanswered", () => {
  mock.timers.enable({ apis: ["setInterval"] });
  const page = open({ ...SCENES.digits(), status: status({ live: "unknown" }) });
  for (let i = 0; i < 9; i++) mock.timers.tick(1000);
  assert.equal(page.sent("beat").length, 5);
  page.end();
  const proved = open(SCENES.digits());
  mock.timers.tick(3000);
  assert.equal(proved.sent("beat").length, 0);
  proved.end();
  mock.timers.reset();
});

test("charts name their lines; more of them wait until they are asked for", () => {
  const page = open(SCENES.digits());
  const titles = page.all(".nd-charts > .nd-chart .nd-charttitle").map((one) => one.textContent);
  assert.deepEqual(titles, ["Loss", "Jitter of predictions on the probe batch", "Update ÷ weight, per layer", "Accuracy", "Learning rate", "Gradient norm"]);
  assert.deepEqual(page.all(".nd-chart:first-child .nd-key").map((one) => one.textContent.replace(/0\.\d+$/, "")), ["train", "validation", "probe"]);
  const shown = page.text(".nd-chart:first-child .nd-value");
  page.input("Reading of the probe batch").focus();
  page.key("Home");
  page.key("PageUp");
  assert.ok(Number(page.text(".nd-chart:first-child .nd-value")) > Number(shown), "values are those at the scrubber");
  assert.match(page.one(".nd-chart [role=img]").getAttribute("aria-label"), /^Loss over steps; last: train 0\.\d+, validation 0\.\d+, probe/);
  page.one("details").open = true;
  page.one("details").dispatchEvent(new Event("toggle"));
  assert.ok(page.all(".nd-more .nd-charttitle").some((one) => one.textContent === "My <b>metric</b>"));
  page.button("log").click();
  assert.equal(page.button("log").getAttribute("aria-pressed"), "true");
  page.end();
});

test("of many layers eight are drawn at a time, and NaN is told", () => {
  const page = open(SCENES.spikes());
  const layers = () => page.all(".nd-chart").find((one) => one.textContent.startsWith("Update")).querySelectorAll(".nd-key").length;
  assert.equal(layers(), 8);
  const more = page.all(".nd-chart button").find((one) => one.textContent === "1–8 of 23 ▸");
  more.click();
  assert.equal(more.textContent, "9–16 of 23 ▸");
  more.click();
  assert.equal(layers(), 7);
  assert.match(page.one(".nd-chart [role=img]").getAttribute("aria-label"), /with NaN/);
  page.end();
});

test("a cell says what the sample is and what is made of it, and wrong ones wear a cross", () => {
  const page = open(SCENES.digits());
  assert.equal(page.all(".nb-cell").length, 24);
  assert.match(page.cells()[5], /^sample 5, target 5, predicts \d \((right|wrong)\), loss \d.*, flips \d+$/);
  for (const cell of page.all(".nb-cell")) assert.equal(/✕ \d/.test(cell.textContent), cell.getAttribute("aria-label").includes("(wrong)"), cell.textContent);
  page.end();
});

test("samples are sorted as is asked", () => {
  const page = open(SCENES.digits());
  const sort = page.input("Sort");
  sort.value = "flips";
  sort.dispatchEvent(new Event("change"));
  const flips = page.cells().map((name) => Number(/flips (\d+)/.exec(name)[1]));
  assert.deepEqual(flips, [...flips].sort((a, b) => b - a));
  assert.match(page.one(".nb-cell[data-at='0']").textContent, new RegExp(`flips ${flips[0]}$`));
  page.end();
});

test("a share in a cell has three decimals, for which there is room", () => {
  const page = open(SCENES.digits());
  const sort = page.one("[title^='place in the probe batch'] select");
  for (const key of ["margin", "jitter"]) {
    sort.value = key;
    sort.dispatchEvent(new Event("change"));
    const told = page.all(".nb-line:last-child").map((one) => one.textContent);
    assert.ok(told.length > 20 && told.every((text) => /^(margin|jitter) −?\d(\.\d{1,3})?(e−\d+)?$/.test(text) && text.startsWith(key)), told.join());
  }
  page.end();
});

test("Enter opens a sample's path through time; Escape closes it and gives the focus back", () => {
  const page = open(SCENES.digits());
  page.one(".nb-cell[data-at='0']").focus();
  page.key("ArrowRight");
  page.key("Enter");
  assert.ok(!hidden(page.one(".nd-sample")));
  assert.match(page.text(".nd-sample"), /Sample 1, target 1.*predicts.*margin.*forgotten.*Probability of its classes.*1 \(target\)/);
  page.one(".nd-sample button").focus();
  page.key("Escape");
  assert.ok(hidden(page.one(".nd-sample")));
  assert.ok(document.activeElement.classList.contains("nb-cell"));
  page.end();
});

test("the scrubber goes from reading to reading by keys, and says where it is", () => {
  const page = open(SCENES.digits());
  const range = page.input("Reading of the probe batch");
  const where = () => [page.text(".nd-at"), range.getAttribute("aria-valuetext")];
  range.focus();
  assert.deepEqual(where(), ["1,400", "step 1,400, reading 71 of 71"]);
  const before = page.cells()[0];
  page.key("Home");
  assert.deepEqual(where(), ["0", "step 0, reading 1 of 71"]);
  assert.notEqual(page.cells()[0], before, "the panel follows");
  page.key("ArrowRight");
  page.key("PageUp");
  assert.equal(where()[0], "160");
  page.key("ArrowLeft");
  assert.equal(where()[0], "140");
  assert.ok(!disabled(page.button("newest")));
  page.key("End");
  assert.ok(disabled(page.button("newest")), "the end follows what comes");
  range.value = "333";
  range.dispatchEvent(new Event("input"));
  assert.equal(where()[0], "340");
  page.end();
});

test("the newest reading is followed unless another is looked at", async () => {
  const page = open(SCENES.digits());
  const last = record([classification()]).readings[0].at(-1);
  const come = async (serial, step) => {
    page.model.set("news", { serial, record: empty({ steps: step, readings: [[{ ...last, step }]] }) });
    await drawn();
  };
  await come(2, 1420);
  assert.equal(page.text(".nd-at"), "1,420");
  page.input("Reading of the probe batch").focus();
  page.key("ArrowLeft");
  await come(3, 1440);
  assert.equal(page.text(".nd-at"), "1,400");
  assert.equal(page.input("Reading of the probe batch").max, "1440");
  page.button("newest").click();
  assert.equal(page.text(".nd-at"), "1,440");
  page.end();
});

test("playing goes through the readings and stops at the newest", () => {
  mock.timers.enable({ apis: ["setInterval"] });
  const page = open(SCENES.digits());
  const range = page.input("Reading of the probe batch");
  range.focus();
  page.key("Home");
  page.key(" ");
  assert.equal(page.input("Stop playing").textContent, "❚❚");
  mock.timers.tick(300);
  assert.equal(page.text(".nd-at"), "60");
  for (let i = 0; i < 80; i++) mock.timers.tick(100);
  assert.equal(page.text(".nd-at"), "1,400");
  assert.equal(page.input("Play").textContent, "▶");
  page.end();
  mock.timers.reset();
});

test("alerts are told in words, latest first, and lead to their step", () => {
  const page = open(SCENES.digits());
  const words = page.all(".nd-word");
  assert.equal(words[0].textContent, `▲${ALERT}step 820`);
  assert.match(words[1].textContent, /^↕The rate went/);
  words[0].click();
  assert.equal(page.text(".nd-at"), "820");
  page.end();
});

test("the focus stays on an alert when another one comes", async () => {
  const page = open(SCENES.digits());
  page.all(".nd-word")[0].focus();
  page.model.set("news", { serial: 2, record: empty({ moments: [moment(1390, "alert", "another")] }) });
  await drawn();
  assert.equal(page.all(".nd-word")[0].textContent, "▲anotherstep 1,390");
  assert.equal(document.activeElement, page.all(".nd-word")[1]);
  page.end();
});

test("two moments are compared: what changed comes first", () => {
  const page = open(SCENES.digits());
  const range = page.input("Reading of the probe batch");
  range.focus();
  page.key("Home");
  page.button("Compare this").click();
  assert.equal(page.text(".nd-held"), "A");
  page.key("End");
  page.button("Compare this").click();
  assert.match(page.text(".nd-comparehead"), /A step 0 → B step 1,400: \d+ predictions of 24 changed/);
  const rows = page.all(".nd-comparerow").map((row) => row.hasAttribute("data-changed"));
  assert.deepEqual(rows, [...rows].sort((a, b) => Number(b) - Number(a)));
  assert.equal(rows.filter(Boolean).length, Number(/(\d+) predictions/.exec(page.text(".nd-comparehead"))[1]));
  page.button("End comparison").click();
  assert.ok(page.one(".nd-panelbody .nb-cell"), "back to the samples");
  page.end();
});

test("the confusion at the scrubber leads to its samples", () => {
  const page = open(SCENES.digits());
  page.button("Confusion").click();
  assert.match(page.text(".nd-panelbody"), /step 1400: \d+ of 24 samples right/);
  const counts = page.all(".nd-confusion button");
  assert.equal(counts.reduce((sum, one) => sum + Number(/\d+/.exec(one.textContent)[0]), 0), 24);
  counts[0].focus();
  page.input("Reading of the probe batch").value = "0";
  page.input("Reading of the probe batch").dispatchEvent(new Event("input"));
  assert.match(page.text(".nd-panelbody"), /step 0:/);
  page.all(".nd-confusion button")[0].click();
  assert.ok(!hidden(page.one(".nd-sample")));
  page.end();
});

test("paths are walked by keys, in words", () => {
  const page = open(SCENES.three());
  page.button("Paths").click();
  const plane = page.one(".nd-plane");
  assert.match(plane.getAttribute("aria-label"), /Paths of 30 samples at step 1400/);
  plane.focus();
  page.key("ArrowRight");
  page.key("ArrowRight");
  assert.match(page.text(".nd-panelbody .nd-foot"), /^sample 1, target versicolor/);
  assert.match(page.text(".nd-sample"), /Sample 1/);
  page.end();
});

test("each task has panels of its own", () => {
  const tabs = (scene) => {
    const page = open(SCENES[scene]());
    const found = page.all(".nd-paneltools button").map((one) => one.textContent);
    page.end();
    return found;
  };
  assert.deepEqual(tabs("regression"), ["Samples", "Against target", "Residuals"]);
  assert.deepEqual(tabs("binary"), ["Probabilities", "Confusion"]);
  assert.deepEqual(tabs("spikes"), ["Probabilities", "Paths", "Confusion", "◆ Spikes"]);
  assert.deepEqual(tabs("language"), ["Tokens"]);
  const masks = open(SCENES.segmentation());
  assert.match(masks.text(".nb-cell"), /target.*predicted.*\d+\.\d % right/);
  assert.deepEqual(masks.all(".nd-legend .nd-key").map((one) => one.textContent), ["ground", "disc", "bar"]);
  masks.end();
  const words = open(SCENES.language());
  assert.equal(words.all(".nb-cell[data-at='0'] .nd-token").length, 16);
  assert.equal(words.all("img").length, 0);
  words.end();
});

test("a spike leads from its mark to the samples of its batch", () => {
  const page = open(SCENES.spikes());
  page.all(".nd-word").find((one) => one.textContent.startsWith("◆")).click();
  assert.equal(page.text(".nd-at"), "820");
  assert.match(page.text(".nd-spikes"), /The loss was 3\.42, 8\.34 times the 0\.41 usual/);
  assert.deepEqual(page.all(".nd-spikesamples li").map((one) => one.textContent), ["5loss 9.1", "3loss 6.3", "8loss 4.4", "8loss 2.2", "9loss 1.9"]);
  page.all(".nd-spike").find((one) => one.textContent.includes("1,100")).click();
  assert.match(page.text(".nd-spikes"), /The batch was no longer held/);
  page.end();
});

test("the whole that is sent again leaves focus, sample and scrubber where they are", async () => {
  const page = open(SCENES.digits());
  page.input("Reading of the probe batch").focus();
  page.key("Home");
  page.key("PageUp");
  const cell = page.one(".nb-cell[data-at='3']");
  cell.click();
  assert.equal(document.activeElement, cell);
  const thinned = record([classification()]);
  page.model.set("history", { serial: 50, record: { ...thinned, readings: [thinned.readings[0].filter((_, i) => i % 7 === 0)] } });
  await drawn();
  assert.equal(document.activeElement, cell);
  assert.equal(page.text(".nd-at"), "140");
  assert.match(page.text(".nd-sample"), /^Sample 3/);
  page.end();
});

test("a ratio of 0 is told, though a logarithmic scale cannot show it", () => {
  const page = open({ ...SCENES.digits(), history: { serial: 1, record: record([], { traces: [trace("update ratio", "conv", [1, 2], [0.1, 0])] }) } });
  assert.equal(page.text(".nd-value"), "0");
  page.end();
});

test("one probe of several is chosen", () => {
  const page = open(SCENES.two());
  const choice = page.input("Probe");
  assert.deepEqual([...choice.options].map((one) => one.text), ["train: stratified by class", "validation: first 24 of the first batch"]);
  choice.value = "1";
  choice.dispatchEvent(new Event("change"));
  assert.match(page.one(".nd-paneltitle").title, /first 24 of the first batch; from validation; read in eval mode/);
  page.end();
});

test("a thousand news are drawn once a frame, not once each", async () => {
  const page = open(SCENES.digits());
  let changes = 0;
  const watch = new MutationObserver((all) => (changes += all.length));
  watch.observe(page.el, { subtree: true, childList: true, characterData: true });
  for (let i = 0; i < 1000; i++) page.model.set("news", { serial: 2 + i, record: empty({ steps: 1401 + i, traces: [trace("loss", "", [1401 + i], [0.3])] }) });
  assert.match(page.text(".nd-where"), /step 1,400/);
  await drawn();
  assert.match(page.text(".nd-where"), /step 2,400/);
  watch.disconnect();
  assert.ok(changes < 400, `${changes} changes`);
  page.end();
});

test("what cannot be read is said, and the rest stays", async () => {
  const page = open(SCENES.digits());
  page.model.set("news", { serial: 9, record: { ...empty(), traces: [{ name: "x", part: "", step: { dtype: "complex64", shape: [1], data: new DataView(new ArrayBuffer(8)) } }] } });
  await drawn();
  assert.match(page.text("[role=alert]"), /could not be shown.*complex64/);
  assert.equal(page.all(".nb-cell").length, 24);
  page.end();
});

test("keys of the view do not reach the notebook", () => {
  const page = open(SCENES.digits());
  let heard = 0;
  const hear = () => heard++;
  document.body.addEventListener("keydown", hear);
  const range = page.input("Reading of the probe batch");
  range.focus();
  for (const key of ["ArrowLeft", "Home", " "]) range.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  assert.equal(heard, 0);
  assert.equal(range.getAttribute("data-lm-suppress-shortcuts"), "true");
  document.body.removeEventListener("keydown", hear);
  page.end();
  assert.equal(STEPS.length, 71);
});

test("a view that is drawn anew shows what the person had chosen", async () => {
  const one = views();
  const before = open(SCENES.digits(), () => null, one);
  before.key("End");
  const range = before.input("Reading of the probe batch");
  range.focus();
  range.dispatchEvent(new KeyboardEvent("keydown", { key: "Home", bubbles: true, cancelable: true }));
  before.all(".nb-cell").find((cell) => cell.dataset.at === "3").click();
  before.button("log").click();
  before.button("Paths").click();
  const shown = (page) => [page.input("Reading of the probe batch").value, page.text(".nd-sample .nd-panelname"), page.button("log").getAttribute("aria-pressed"), page.button("Paths").getAttribute("aria-pressed"), page.all(".nd-sample").length];
  const chosen = shown(before);
  before.end();
  const after = open(SCENES.digits(), () => null, one);
  await drawn();
  assert.deepEqual(shown(after), chosen);
  after.end();
  const other = open(SCENES.digits());
  assert.notDeepEqual(shown(other), chosen, "another model knows nothing of it");
  other.end();
});

test("a view that its output has thrown out ends by itself", () => {
  mock.timers.enable({ apis: ["setInterval"] });
  const page = open(SCENES.digits());
  mock.timers.tick(1000);
  assert.ok(page.model.listening() > 0);
  page.el.remove();
  mock.timers.tick(1000);
  assert.equal(page.model.listening(), 0);
  page.end();
  mock.timers.reset();
});

test("a click on Watch asks for it, and is offered only before the first run", () => {
  const page = open(SCENES.empty());
  page.button("Watch").click();
  assert.equal(page.sent("watch").length, 1);
  page.end();
  const running = open(SCENES.fresh());
  assert.equal(running.button("Watch"), undefined);
  assert.match(running.text(".nb-lines"), /Watched from now on/);
  running.end();
});
