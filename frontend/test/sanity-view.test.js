import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { document, MouseEvent, settled } from "./page.js";
import { open, views } from "./sanity-page.js";
import { CATALOGUE, chart, f64, result, runOf, withFindings } from "../harness/sanity-records.js";
import { SCENES } from "../harness/sanity-scenes.js";

const hidden = (element) => element === null || element.closest("[hidden]") !== null;
const disabled = (element) => element.getAttribute("aria-disabled") === "true";

test("every scene draws without an exception, and leaves no listener behind", () => {
  for (const [name, scene] of Object.entries(SCENES)) {
    const page = open(scene());
    assert.ok(page.one(".ns-header"), name);
    assert.equal(page.all("[role=option]").length, 62, name);
    page.end();
    assert.equal(page.model.listening(), 0, name);
  }
});

test("names, errors and pictures from Python are text: nothing of them becomes an element", () => {
  const page = open(SCENES.hostile());
  page.button("why this check").click();
  assert.equal(page.all("img, script").length, 0);
  for (const place of [".ns-cardtitle", ".ns-table", ".ns-chart", ".ns-code", ".ns-why", ".ns-where", "[role=alert]"]) assert.match(page.text(place), /<img src=x onerror=alert\(1\)>/, place);
  page.end();
});

test("before the first run the list shows what will be asked, and what a check looks at", () => {
  const page = open(SCENES.empty());
  assert.match(page.row("batch-leak").textContent, /Does the output of a sample depend on other samples/);
  assert.equal(page.row("batch-leak").getAttribute("aria-label"), "batch-leak, not run yet");
  assert.ok(disabled(page.button("Export")));
  assert.ok(disabled(page.button("Cancel")));
  page.row("batch-leak").click();
  assert.match(page.text(".ns-evidence"), /Does the output of a sample depend on other samples/);
  assert.ok(!hidden(page.one(".ns-why")), "why it is asked lies open");
  page.end();
});

test("the card names the cause, its line, whether it is confirmed, and links what follows from it", () => {
  const page = open(SCENES.sick());
  const card = page.one(".ns-card");
  assert.match(card.textContent, /Softmax before cross-entropy.*net\.py:36.*confirmed.*falls to 0\.01.*This explains 1 other finding: loss-at-init\./);
  assert.equal(card.dataset.tone, "bad");
  assert.equal(page.selected(), "loss-input");
  [...card.querySelectorAll("button")].find((one) => one.textContent === "loss-at-init").click();
  assert.equal(page.selected(), "loss-at-init");
  assert.match(page.text(".ns-evidence"), /This follows from loss-input\./);
  page.end();
});

test("a healthy program has a calm card", () => {
  const page = open(SCENES.healthy());
  assert.equal(page.one(".ns-card").dataset.tone, "ok");
  assert.match(page.text(".ns-card"), /No defect was found by 50 checks/);
  assert.match(page.text(".ns-about"), /49 passed.*task: classification of 10 classes, inferred: the loss is F\.cross_entropy/);
  page.end();
});

test("marks come with words, and every verdict has a mark of its own", () => {
  const words = ["pass", "warn", "fail", "inconclusive", "skip", "waived", "error"];
  const page = open({ ...SCENES.empty(), record: runOf(words.map((status, i) => result(CATALOGUE[i].name, "data", status, "x"))) });
  const marks = words.map((_, i) => page.row(CATALOGUE[i].name).querySelector(".ns-mark").textContent);
  assert.deepEqual(marks, ["●", "▲", "✕", "?", "–", "○", "!"]);
  const labels = words.map((_, i) => page.row(CATALOGUE[i].name).getAttribute("aria-label").split(", ")[1]);
  assert.deepEqual(labels, ["passed: x", "warning: x", "failed: x", "inconclusive: x", "skipped: x", "waived: x", "error: x"]);
  page.end();
});

test("arrow keys walk the list across stages, Enter goes to the evidence, r runs the selected check", () => {
  const page = open(SCENES.sick());
  page.row("loss-input").focus();
  page.key("ArrowDown");
  assert.equal(page.selected(), "loss-target");
  assert.equal(document.activeElement, page.row("loss-target"));
  page.key("Home");
  page.key("ArrowUp");
  assert.equal(page.selected(), "nonfinite-data");
  page.key("End");
  assert.equal(page.selected(), "model-or-data");
  page.key("ArrowUp");
  assert.equal(page.selected(), "evaluation-changes-model");
  assert.equal(page.all("[role=option][tabindex='0']").length, 1);
  assert.ok(document.activeElement.hasAttribute("data-lm-suppress-shortcuts"));
  page.key("r");
  assert.deepEqual(page.sent("run"), [{ only: ["evaluation-changes-model"] }]);
  page.key("Enter");
  assert.equal(document.activeElement, page.one(".ns-evidence"));
  page.end();
});

test("evidence: numbers beside expectations, a picture, the remedy as a diff, sources and cost", () => {
  const page = open(SCENES.sick());
  const cells = page.all(".ns-table tbody tr").map((row) => [...row.children].map((cell) => cell.textContent));
  assert.deepEqual(cells[2], ["lowest loss these outputs allow", "1.461", "0.000 nats"]);
  assert.equal(page.all(".ns-chart svg[role=img] polyline").length, 2);
  assert.match(page.one(".ns-chart svg[role=img]").getAttribute("aria-label"), /Overfitting one batch: curves of loss in nats by step; as it is, without the softmax/);
  assert.match(page.text(".ns-chart figcaption"), /as it is.*without the softmax/);
  assert.deepEqual(page.all(".ns-codeline").map((line) => line.dataset.kind), ["gone", "come"]);
  assert.match(page.text(".ns-foot"), /S-loss-scale · T-loss-input.*12 passes/);
  page.end();
});

test("why a check is asked opens in place, and stays open from check to check", () => {
  const page = open(SCENES.sick());
  assert.ok(hidden(page.one(".ns-why")));
  page.button("why this check").click();
  assert.ok(!hidden(page.one(".ns-why")));
  assert.equal(page.button("why this check").getAttribute("aria-expanded"), "true");
  assert.match(page.text(".ns-why"), /Cross-entropy applies its own softmax.*tolerance=0\.001/);
  page.row("runs").click();
  assert.ok(!hidden(page.one(".ns-why")));
  page.end();
});

test("code is copied through the clipboard, or by the old command where there is none", async () => {
  const copied = [];
  Object.defineProperty(globalThis, "navigator", { value: { clipboard: { writeText: async (text) => void copied.push(text) } }, configurable: true });
  const page = open(SCENES.sick());
  page.button("Copy").click();
  await settled();
  assert.deepEqual(copied, ["   return self.fc2(x)"]);
  assert.equal(page.text(".ns-copy"), "Copied");
  Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  document.execCommand = (command) => command === "copy" && copied.push(document.activeElement.value) > 0;
  page.button("Copied").click();
  await settled();
  assert.equal(page.text(".ns-copy"), "Copied");
  assert.equal(page.all("textarea").length, 0);
  delete document.execCommand;
  page.button("Copied").click();
  await settled();
  assert.equal(page.text(".ns-copy"), "Select it by hand");
  page.end();
});

test("pictures: bars outside the band are marked, cells carry their numbers, histograms an outline", () => {
  const page = open(SCENES.leak());
  const labels = page.all(".ns-chart:first-of-type text").map((label) => label.textContent);
  assert.ok(labels.includes("1.24"), labels.join(" "));
  page.row("vanishing-gradients").click();
  assert.equal(page.all(".ns-band").length, 1);
  page.end();
  const bars = open(SCENES.warned());
  assert.equal(bars.all(".ns-outside").length, 2);
  assert.deepEqual(bars.all(".ns-chart text").map((label) => label.textContent).filter((text) => text.includes("✕")), ["0.93 ✕", "0.88 ✕"]);
  bars.row("class-imbalance").click();
  assert.equal(bars.all(".ns-chart path").length, 1);
  bars.end();
});

test("pictures of nothing, of one value and of no finite value are drawn", () => {
  const charts = ["lines", "bars", "histogram", "matrix"].flatMap((kind) => [[], [3], [NaN, Infinity]].flatMap((values) => [false, true].map((log) => chart(kind, "t", "x", "y", values.length ? values.map(String) : [], [values], { at: f64([...values, ...(kind === "histogram" ? [0] : [])].map((_, i) => i)), expected: [null, 0], log }))));
  const page = open({ ...SCENES.empty(), record: runOf([result("runs", "wiring", "fail", "x", { charts })], ["runs"]) });
  assert.equal(page.all(".ns-chart > svg").length, charts.length);
  assert.ok(!/NaN|Infinity/.test(page.all(".ns-chart rect, .ns-chart line, .ns-chart text, .ns-chart path").flatMap((one) => ["x", "y", "x1", "x2", "y1", "y2", "width", "height", "d"].map((name) => one.getAttribute(name))).join(" ")));
  page.end();
});

test("a picture reads its value under the pointer", () => {
  const page = open(SCENES.sick());
  const svg = page.one(".ns-chart > svg");
  const move = new MouseEvent("pointermove", { bubbles: true });
  Object.defineProperty(move, "offsetX", { value: 1e4 });
  svg.dispatchEvent(move);
  assert.match(page.text(".ns-readout"), /^step 100: as it is 1\.4\d, without the softmax 0\.01/);
  svg.dispatchEvent(new MouseEvent("pointerleave"));
  assert.equal(page.text(".ns-readout"), "");
  page.end();
});

test("run all, a stage, or one check; once at a time, and why not", async () => {
  const page = open(SCENES.sick());
  page.button("Run all").click();
  page.button("Run all").click();
  assert.deepEqual(page.sent("run"), [{ only: null }]);
  assert.match(page.button("Run all").title, /Not now: checks are running/);
  page.reply(-1);
  await settled();
  page.button("Run stage").click();
  assert.deepEqual(page.all("[role=menu]:not([hidden]) [role=menuitem]").map((item) => item.textContent), ["Data12 checks", "Wiring21 checks", "Init6 checks", "Backward6 checks", "Training16 checks"]);
  page.key("ArrowDown");
  document.activeElement.click();
  assert.deepEqual(page.sent("run").at(-1), { only: ["wiring"] });
  page.reply(-1);
  await settled();
  page.one(".ns-row[aria-selected=true] .ns-again").click();
  assert.deepEqual(page.sent("run").at(-1), { only: ["loss-input"] });
  page.reply(-1);
  await settled();
  page.button("Run again").click();
  assert.equal(page.sent("run").length, 4);
  page.end();
});

test("a menu closes with Escape, with a press elsewhere, and when checks begin", () => {
  const page = open(SCENES.sick());
  const shown = () => page.all("[role=menu]").filter((menu) => !menu.hidden).length;
  page.button("Run stage").click();
  page.key("Escape");
  assert.equal(shown(), 0);
  assert.equal(document.activeElement, page.button("Run stage"));
  page.key("ArrowDown");
  assert.equal(shown(), 1);
  document.body.dispatchEvent(new MouseEvent("pointerdown", { bubbles: true }));
  assert.equal(shown(), 0);
  page.button("Run stage").click();
  page.model.set("progress", SCENES.running().progress);
  assert.equal(shown(), 0);
  page.end();
});

test("while checks run: a bar with numbers, the running check, Cancel", async () => {
  const page = open(SCENES.running());
  const bar = page.one("[role=progressbar]");
  assert.deepEqual([bar.getAttribute("aria-valuenow"), bar.getAttribute("aria-valuemax")], ["26", "61"]);
  assert.match(page.row("unregistered-parameters").getAttribute("aria-label"), /running/);
  assert.ok(disabled(page.button("Run all")) && disabled(page.button("Export")) && !disabled(page.button("Cancel")));
  page.button("Cancel").click();
  assert.equal(page.sent("cancel").length, 1);
  page.reply(-1);
  await settled();
  page.model.set("progress", null);
  page.model.set("status", SCENES.sick().status);
  assert.ok(disabled(page.button("Cancel")));
  assert.equal(page.one("[role=progressbar]").getAttribute("aria-hidden"), "true");
  page.end();
});

test("a Cancel that is not heard says what to do instead", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const page = open(SCENES.running());
  page.button("Cancel").click();
  mock.timers.tick(999);
  assert.match(page.text(".ns-where"), /26 of 61/);
  mock.timers.tick(2);
  assert.equal(page.text(".ns-where"), "Cancel waits: use Interrupt kernel");
  page.reply(-1);
  await settled();
  assert.match(page.text(".ns-where"), /26 of 61/);
  page.end();
  mock.timers.reset();
});

test("what is being looked at stays while results come in", () => {
  const page = open(SCENES.running());
  page.button("Copy").focus();
  const table = page.one(".ns-table");
  page.model.set("record", runOf(withFindings([result("runs", "wiring", "pass", "new"), SCENES.running().record.results.find((one) => one.check === "loss-input")]), ["loss-input"]));
  assert.equal(page.one(".ns-table"), table);
  assert.equal(document.activeElement, page.button("Copy"));
  assert.match(page.row("runs").textContent, /new/);
  page.end();
});

test("a screen reader hears of progress now and then, and of the end", () => {
  mock.timers.enable({ apis: ["Date"], now: 1e6 });
  const page = open(SCENES.empty());
  const spoken = () => page.text(".nb-unseen[role=status]");
  const progress = (done) => page.model.set("progress", { ...SCENES.running().progress, done });
  progress(1);
  assert.equal(spoken(), "1 of 61 checks");
  progress(5);
  assert.equal(spoken(), "1 of 61 checks");
  mock.timers.tick(8001);
  progress(9);
  assert.equal(spoken(), "9 of 61 checks");
  page.model.set("record", SCENES.sick().record);
  page.model.set("progress", null);
  assert.equal(spoken(), "Softmax before cross-entropy. 2 failed · 2 warnings · 45 passed · 1 inconclusive · 11 skipped");
  page.end();
  mock.timers.reset();
});

test("a report is saved as a file made in the page", async () => {
  const page = open(SCENES.sick());
  const saved = [];
  const made = URL.createObjectURL;
  URL.createObjectURL = (blob) => (saved.push(blob), "blob:made");
  const clicked = [];
  page.el.addEventListener("click", (event) => event.target.tagName === "A" && (event.preventDefault(), clicked.push([event.target.download, event.target.href])));
  page.button("Export").click();
  [...page.all("[role=menuitem]")].find((item) => item.textContent.startsWith("JSON")).click();
  assert.deepEqual(page.sent("export"), [{ form: "json" }]);
  page.reply(-1, { payload: { name: "sanity.json", text: "{\"é\": 1}" } });
  await settled();
  assert.deepEqual(clicked, [["sanity.json", "blob:made"]]);
  assert.equal(await saved[0].text(), "{\"é\": 1}");
  assert.equal(saved[0].type, "application/json;charset=utf-8");
  assert.equal(page.all("a").length, 0);
  URL.createObjectURL = made;
  page.end();
});

test("an error is shown, a refusal too, and each can be dismissed or ends with the next click", async () => {
  const page = open(SCENES.refused());
  assert.match(page.text("[role=alert]"), /the model is in use in thread 'train'/);
  page.end();
  const asked = open(SCENES.sick());
  asked.button("Run again").click();
  asked.reply(-1, { ok: false, error: "only: no check 'x'" });
  await settled();
  assert.match(asked.text("[role=alert]"), /no check 'x'/);
  asked.all("[role=alert] button").at(-1).click();
  assert.ok(hidden(asked.one("[role=alert]")));
  asked.end();
});

test("a closed view can be read, and runs nothing", () => {
  const page = open({ ...SCENES.sick(), status: { state: "closed", text: "this view is closed", stale: null } });
  assert.ok(disabled(page.button("Run all")) && disabled(page.button("Run again")) && disabled(page.button("Export")));
  page.row("runs").click();
  assert.match(page.text(".ns-evidence"), /17 steps/);
  page.end();
});

test("the switch to plain runs asks the kernel, and shows what is pressed, what was off, and what differs", async () => {
  const page = open(SCENES.unplain());
  const plain = page.button("Plain");
  assert.equal(plain.getAttribute("aria-pressed"), "false");
  assert.match(page.text(".ns-about"), /2 results differ from the plain run: dead-units, overfit-one-batch/);
  assert.equal(page.row("dead-units").querySelector(".ns-other").textContent, "plain ●");
  plain.click();
  plain.click();
  assert.deepEqual(page.sent("plain"), [{ on: true }]);
  const scene = SCENES.plain();
  for (const name of ["plain", "other", "record"]) page.model.set(name, scene[name]);
  page.reply(-1);
  await settled();
  assert.equal(plain.getAttribute("aria-pressed"), "true");
  assert.match(page.text(".ns-about"), /Plain run · switched off: RandomHorizontalFlip, ColorJitter; dropout of 3 modules; weight decay/);
  assert.ok(!/plain: dropout/.test(page.text(".ns-about")), "once");
  page.row("overfit-one-batch").click();
  assert.match(page.text(".ns-evidence"), /Warns only with augmentation or regularisation; in the run as it is: warning\./);
  assert.match(page.row("overfit-one-batch").getAttribute("aria-label"), /passed: .*Warns only with augmentation/);
  assert.equal(page.all(".ns-other:not([hidden])").length, 2);
  plain.click();
  assert.deepEqual(page.sent("plain").at(-1), { on: false });
  page.end();
});

test("before the first plain run the page says so, and no switch turns while checks run", () => {
  const page = open(SCENES.plainEmpty());
  assert.match(page.text(".ns-card"), /Nothing has been run plain yet.*comes back when Plain is switched off/);
  page.end();
  const running = open(SCENES.training());
  running.button("Plain").click();
  running.button("Model or data?").click();
  assert.deepEqual([running.sent("plain"), running.sent("swap")], [[], []]);
  assert.match(running.button("Plain").title, /Not now: checks are running/);
  running.end();
});

test("the swap is asked for once, selected while it runs, can be cancelled, and is read like a result", async () => {
  const page = open(SCENES.sick());
  page.button("Model or data?").click();
  page.button("Model or data?").click();
  assert.equal(page.sent("swap").length, 1);
  assert.equal(page.selected(), "model-or-data");
  page.model.set("progress", SCENES.swapping().progress);
  assert.match(page.row("model-or-data").textContent, /◐.*training 3 of at most 8/);
  assert.equal(page.one("[role=progressbar]").getAttribute("aria-hidden"), "true", "how long it takes is not known");
  page.button("Cancel").click();
  assert.equal(page.sent("cancel").length, 1);
  page.reply(-1);
  page.model.emit("msg:custom", { id: page.model.sent.find((message) => message.method === "swap").id, ok: true, payload: {} }, []);
  page.model.set("swapped", SCENES.swapped().swapped);
  page.model.set("progress", null);
  await settled();
  assert.equal(page.text(".nb-unseen[role=status]"), "Your model is at fault");
  assert.match(page.text(".ns-evidence"), /Your model is at fault.*The reference model comes 81 % of the way/);
  assert.equal(page.all(".ns-chart").length, 2);
  assert.match(page.text(".ns-foot"), /480 training steps/);
  assert.match(page.text(".ns-tally"), /^2 failed/, "it is no check, and not counted");
  page.row("model-or-data").focus();
  page.key("r");
  assert.equal(page.sent("swap").length, 2);
  page.reply(-1, { ok: false, error: "swap needs 16 samples or more" });
  await settled();
  assert.match(page.text("[role=alert]"), /swap needs 16 samples or more/);
  page.end();
});

test("while a check trains its row counts the steps, and its foot tells them afterwards", () => {
  const page = open(SCENES.training());
  assert.match(page.row("learning-rate").textContent, /41 of at most 100 steps/);
  page.end();
  const done = open(SCENES.stuck());
  done.row("learning-rate").click();
  assert.match(done.text(".ns-foot"), /51 training steps, /);
  done.end();
});

test("a range test marks rates from top to bottom, reads powers of ten, and leaves gaps where there is no number", () => {
  const page = open(SCENES.stuck());
  const [overfit, range] = page.all(".ns-chart > svg");
  assert.equal(overfit.querySelectorAll("polyline").length, 3);
  assert.equal(overfit.querySelector("polyline").getAttribute("points").split(" ").length, 3);
  assert.deepEqual([range.querySelectorAll("polyline").length, range.querySelectorAll("line.ns-curve").length], [2, 2]);
  assert.ok([...range.querySelectorAll("text")].some((one) => one.textContent === "0.01"));
  assert.ok([...range.querySelectorAll("text")].some((one) => one.textContent === "learning rate"));
  const move = new MouseEvent("pointermove", { bubbles: true });
  Object.defineProperty(move, "offsetX", { value: 0 });
  range.dispatchEvent(move);
  assert.match(page.all(".ns-readout")[1].textContent, /^learning rate 1e−5: loss 2\.\d+, smoothed 2\.\d+$/);
  page.end();
});

test("colour and dash tell eight curves apart, and only a tried remedy is red against green", () => {
  const at = f64([0, 1, 2]);
  const many = chart("lines", "t", "x", "y", [..."abcdefgh"], [..."abcdefgh"].map((_, i) => [i, i, i]), { at });
  const page = open({ ...SCENES.empty(), record: runOf([result("runs", "wiring", "fail", "x", { charts: [many] })], ["runs"]) });
  const drawn = page.all("polyline").map((line) => `${line.getAttribute("class")} ${line.getAttribute("stroke-dasharray")}`);
  assert.equal(new Set(drawn).size, 8);
  assert.equal(page.all(".ns-proof").length, 0);
  page.end();
  const proof = open(SCENES.sick());
  assert.equal(proof.all(".ns-proof").length, 1);
  proof.end();
});

test("a loss that explodes lies on the edge, so that the others can be seen", () => {
  const at = f64([0, 1, 2]);
  const drawn = (more) => {
    const page = open({ ...SCENES.empty(), record: runOf([result("runs", "wiring", "fail", "x", { charts: [chart("lines", "t", "step", "loss", ["a", "b"], [[2, 3000, 900], [2, 1, 0]], { at, ...more })] })], ["runs"]) });
    const heights = page.all("polyline").map((line) => line.getAttribute("points").split(" ").map((point) => Number(point.split(",")[1])));
    const label = page.all(".ns-chart text").map((one) => one.textContent).find((text) => text.startsWith(more.y ?? "loss"));
    page.end();
    return { heights, label };
  };
  const { heights: [high, low], label } = drawn({});
  assert.equal(high[1], high[2]);
  assert.ok(low[2] - low[0] > 40, "the other curve falls by a good part of the picture");
  assert.equal(label, "loss; above 4 it lies on the edge");
  assert.equal(drawn({ y: "gradient norm" }).label, "gradient norm");
});

test("a view that is drawn anew shows the check that was chosen", () => {
  const one = views();
  const first = open(SCENES.sick(), () => null, one);
  const name = first.all("[role=option]").map((row) => row.dataset.check).find((check) => check !== first.selected());
  first.row(name).click();
  first.end();
  const again = open(SCENES.sick(), () => null, one);
  assert.equal(again.selected(), name);
  again.end();
});
