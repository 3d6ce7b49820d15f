import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { document, open, settled, Event, MouseEvent } from "./page.js";
import { ramp } from "../harness/model.js";
import { SCENES, status } from "../harness/scenes.js";

const hidden = (element) => element === null || element.closest("[hidden]") !== null;

test("every scene draws without an exception and says the size of the batch", () => {
  for (const [name, scene] of Object.entries(SCENES)) {
    const drawn = scene();
    const page = open(drawn);
    const size = drawn.shown?.batch.size;
    if (size) assert.match(page.one(".nb-tally").textContent, new RegExp(`${size} sample`), name);
    page.end();
  }
});

test("the header states tensors, mode, autocast, where the batch was caught and how many warnings there are", () => {
  const page = open(SCENES.digits());
  const text = page.one(".nb-header").textContent;
  for (const part of ["x float32 (64, 1, 8, 8) cpu", "y int64 (64,) cpu", "train mode", "captured at Net.forward, step 1,240", "▲ 2 warnings"]) assert.ok(text.includes(part), part);
  page.end();
  const photos = open(SCENES.photos());
  assert.match(photos.one(".nb-header").textContent, /autocast bfloat16.*● no warnings.*probe: a training batch at Net\.forward/);
  photos.end();
});

test("a chip lays open all facts and the first values of its tensor", () => {
  const page = open(SCENES.digits());
  page.all(".nb-chip")[0].click();
  assert.match(page.one(".nb-card").textContent, /contiguous, strides \(64, 64, 8, 1\)/);
  assert.equal(page.all(".nb-chip")[0].getAttribute("aria-expanded"), "true");
  page.all(".nb-chip")[0].click();
  assert.equal(page.one(".nb-card"), null);
  page.end();
});

test("the grid has roles, counts, one stop for Tab, and a text alternative for each picture", () => {
  const page = open(SCENES.answers());
  const grid = page.one("[role=grid]");
  const columns = Number(grid.getAttribute("aria-colcount"));
  assert.equal(Number(grid.getAttribute("aria-rowcount")), Math.ceil(64 / columns));
  const cells = page.all("[role=grid] [role=row] > [role=gridcell]");
  assert.equal(cells.filter((cell) => cell.tabIndex === 0).length, 1);
  assert.match(cells[9].getAttribute("aria-label"), /^sample 9, label nine, mean [\d.]+, std [\d.]+, predicted \w+ \((right|wrong)\), loss [\d.]+$/);
  assert.match(cells[9].textContent, /[✓✕]/);
  page.end();
});

test("only rows in sight are built of 512 samples", () => {
  const page = open(SCENES.many());
  assert.ok(page.all(".nb-cell").length < 120);
  assert.equal(page.one(".nb-tally").textContent, "512 samples");
  page.end();
});

test("arrow keys, Home, End and page keys rove over all samples, Enter chooses", () => {
  const page = open(SCENES.many());
  const columns = Number(page.one("[role=grid]").getAttribute("aria-colcount"));
  page.all(".nb-cell")[0].focus();
  const at = () => Number(document.activeElement.dataset.at);
  page.key("ArrowRight");
  page.key("ArrowDown");
  assert.equal(at(), 1 + columns);
  page.key("End", { ctrlKey: true });
  assert.equal(at(), 511);
  page.key("Enter");
  assert.match(page.title(), /^Sample 511 /);
  assert.equal(document.activeElement.getAttribute("aria-selected"), "true");
  page.key("Home", { ctrlKey: true });
  page.key("PageDown");
  assert.ok(at() >= columns);
  assert.equal(page.all(".nb-cell").filter((cell) => cell.tabIndex === 0).length, 1);
  page.end();
});

test("the cell in focus is kept however far the grid is scrolled", async () => {
  const page = open(SCENES.many());
  page.all(".nb-cell")[2].focus();
  const grid = page.one("[role=grid]");
  grid.scrollTop = 4000;
  grid.dispatchEvent(new Event("scroll"));
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  assert.ok(page.samples().includes(340), "the rows in sight are built");
  assert.equal(document.activeElement.dataset.at, "2");
  page.key("ArrowRight");
  assert.equal(document.activeElement.dataset.at, "3");
  page.end();
});

test("a click chooses a sample", () => {
  const page = open(SCENES.digits());
  page.all(".nb-cell")[12].dispatchEvent(new MouseEvent("click", { bubbles: true }));
  assert.equal(page.title(), "Sample 12 · label 2");
  page.end();
});

test("selection and focus survive a new batch of the same shape", () => {
  const page = open(SCENES.digits());
  page.all(".nb-cell")[5].focus();
  page.all(".nb-cell")[5].click();
  page.model.set("shown", SCENES.again().shown);
  assert.match(page.title(), /^Sample 5 /);
  assert.equal(document.activeElement.dataset.at, "5");
  page.model.set("status", status({ state: "busy", text: "loading" }));
  assert.equal(document.activeElement.dataset.at, "5");
  page.end();
});

test("sorting and filtering happen in the page, without a word to Python", () => {
  const page = open(SCENES.answers());
  page.choose("Label", "three");
  assert.deepEqual(page.samples(), [3, 13, 23, 33, 43, 53, 63]);
  assert.match(page.one(".nb-tally").textContent, /7 of 64 samples/);
  page.choose("Label", "");
  page.choose("Sort", "loss");
  page.button("↑").click();
  const losses = page.all(".nb-line + .nb-line > span:last-child").map((span) => Number(span.textContent));
  assert.deepEqual(losses, [...losses].sort((a, b) => b - a));
  assert.deepEqual(page.model.sent, []);
  page.end();
});

test("a finding with samples shows only these, and a button shows all again", () => {
  const page = open(SCENES.digits());
  page.all("button.nb-finding")[0].click();
  assert.deepEqual(page.samples(), [3, 7, 13, 27]);
  assert.match(page.title(), /^Sample 3 /);
  page.button("✕ 2 pairs").click();
  assert.equal(page.one(".nb-tally").textContent, "64 samples");
  page.end();
});

test("text from data is text: a class named like markup makes no element, a long one no long tooltip", () => {
  const page = open(SCENES.broken());
  assert.equal(page.all("img, script").length, 0);
  assert.ok(page.title().includes("<img src=x onerror=alert(1)>"));
  for (const element of page.all("[title]")) assert.ok(element.getAttribute("title").length <= 500);
  for (const element of page.all("[aria-label]")) assert.ok(element.getAttribute("aria-label").length <= 500);
  page.end();
});

test("no source can turn text into markup or code", () => {
  const folder = new URL("../src/", import.meta.url);
  for (const file of readdirSync(folder, { recursive: true }).filter((name) => name.includes("."))) {
    assert.doesNotMatch(readFileSync(new URL(file, folder), "utf8"), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\s*\(|new Function|document\.head/, file);
  }
});

test("what the forward pass raised stands beside the batch, as do staleness and notes", () => {
  const page = open(SCENES.broken());
  assert.match(page.one(".nb-notices").textContent, /mat1 and mat2.*net\.py:33/s);
  assert.match(page.one(".nb-notices").textContent, /is now another object/);
  assert.match(page.one("details").textContent, /2 notes.*could not be decoded/s);
  assert.equal(page.all(".nb-cell").length, 6);
  page.end();
});

test("buttons ask once, wait in sight without a time limit, and a refusal can be read and dismissed", async () => {
  const page = open(SCENES.digits());
  page.button("Next batch").click();
  page.button("Next batch").click();
  const [asked] = page.model.sent;
  assert.deepEqual([page.model.sent.length, asked.method, asked.params], [1, "next", {}]);
  assert.ok(!hidden(page.one(".nb-progress")));
  assert.match(page.one(".nb-origin").textContent, /waiting for the kernel/);
  page.model.emit("msg:custom", { id: "another view's", ok: false, error: "not for us" }, []);
  page.model.emit("msg:custom", { id: asked.id, ok: false, error: "<b>StopIteration</b>" }, []);
  await settled();
  assert.ok(hidden(page.one(".nb-progress")));
  assert.equal(page.one("[role=alert] span:nth-of-type(2)").textContent, "<b>StopIteration</b>");
  page.one("[role=alert] button").click();
  assert.ok(hidden(page.one("[role=alert]")));
  page.end();
});

test("each button asks for its method; the split button names the other split", async () => {
  const page = open(SCENES.digits(), () => ({ ok: true, payload: {} }));
  for (const text of ["Same batch again", "Validation", "Predict"]) page.button(text).click();
  await settled();
  assert.deepEqual(page.model.sent.map(({ method, params }) => [method, params]), [["again", {}], ["split", { split: "validation" }], ["predict", {}]]);
  const shown = SCENES.digits().shown;
  shown.batch.origin.split = "validation";
  page.model.set("shown", shown);
  page.button("Train").click();
  assert.deepEqual(page.model.sent.at(-1).params, { split: "train" });
  page.end();
});

test("the key n takes the next batch, but not while a choice is being typed", () => {
  const page = open(SCENES.digits());
  page.all("select")[2].focus();
  page.key("n");
  assert.equal(page.model.sent.length, 0);
  page.all(".nb-cell")[0].focus();
  page.key("n");
  assert.equal(page.model.sent[0].method, "next");
  page.end();
});

test("a button that cannot do anything says why and stays in the focus order", () => {
  const page = open({ ...SCENES.digits(), status: status({ can: { next: true, again: false, validation: false, predict: true }, why: { again: "the sampler draws with replacement" } }) });
  page.button("Validation").click();
  assert.equal(page.model.sent.length, 0);
  assert.match(page.button("Validation").title, /no validation loader/);
  assert.match(page.button("Same batch").title, /draws with replacement/);
  assert.equal(page.button("Validation").disabled, false);
  page.model.set("status", status({ state: "closed", text: "closed by close()" }));
  assert.match(page.button("Next").title, /closed by close/);
  page.end();
});

test("a message that cannot be sent is an error in the view, not in the console", async () => {
  const page = open(SCENES.digits());
  page.model.send = () => {
    throw new Error("comm is dead");
  };
  page.button("Predict").click();
  await settled();
  assert.match(page.one("[role=alert]").textContent, /comm is dead/);
  page.end();
});

test("exact values are asked for one sample at a time, the latest wish next, and kept", async () => {
  const page = open(SCENES.photos());
  assert.deepEqual(page.fetched(), [0]);
  assert.match(page.one(".nb-detail").textContent, /≈ from 8-bit values/);
  for (const sample of [1, 2, 3]) page.all(".nb-cell")[sample].click();
  assert.deepEqual(page.fetched(), [0]);
  const answer = (message) => {
    const { buffers, ...rest } = ramp(message, page.model);
    page.model.emit("msg:custom", { id: message.id, ...rest }, buffers);
    return settled();
  };
  await answer(page.model.sent[0]);
  assert.deepEqual(page.fetched(), [0, 3]);
  await answer(page.model.sent[1]);
  assert.doesNotMatch(page.one(".nb-detail").textContent, /≈/);
  page.all(".nb-cell")[0].click();
  assert.deepEqual(page.fetched(), [0, 3]);
  assert.doesNotMatch(page.one(".nb-detail").textContent, /≈/);
  page.end();
});

test("values fetched for an earlier batch are never shown for a later one", async () => {
  const page = open(SCENES.photos());
  const [first] = page.model.sent;
  page.model.set("shown", SCENES.photosAgain().shown);
  const { buffers, ...rest } = ramp(first, page.model);
  page.model.emit("msg:custom", { id: first.id, ...rest }, buffers);
  await settled();
  assert.match(page.one(".nb-detail").textContent, /≈ from 8-bit values/);
  assert.deepEqual(page.fetched(), [0, 0]);
  page.end();
});

test("De-normalised is off with its reason where there is no normalisation, and stated where there is", () => {
  const digits = open(SCENES.digits());
  assert.match(digits.button("De-normalised").title, /values are not normalised/);
  digits.end();
  const photos = open(SCENES.photos());
  assert.match(photos.one(".nb-legend").textContent, /mean 0.485 0.456 0.406 {2}std 0.229 0.224 0.225 {2}\(Normalize found on the data set's transform\)/);
  photos.button("Both").click();
  assert.deepEqual(photos.all(".nb-cell")[0].querySelectorAll("canvas").length, 2);
  photos.end();
});

test("the same samples augmented anew stand side by side until the comparison is dropped", () => {
  const page = open(SCENES.again());
  assert.match(page.all(".nb-cell")[0].textContent, /this timebefore/);
  page.button("Drop comparison").focus();
  page.button("Drop comparison").click();
  assert.equal(page.all(".nb-cell")[0].querySelectorAll("canvas").length, 1);
  assert.ok(document.activeElement !== document.body && !hidden(document.activeElement));
  page.model.set("previous", SCENES.again().previous);
  assert.equal(page.all(".nb-cell")[0].querySelectorAll("canvas").length, 2);
  page.end();
});

test("a decoded target stands beside the input and can be looked at alone", () => {
  const page = open(SCENES.autoencoder());
  assert.match(page.all(".nb-cell")[0].textContent, /xtarget/);
  page.choose("Show", "1");
  assert.equal(page.all(".nb-cell")[0].querySelectorAll("canvas").length, 1);
  page.end();
});

test("tokens: special and masked ones are marked by shape, and told on hover", () => {
  const page = open(SCENES.tokens());
  const first = page.one(".nb-detail [data-token]");
  assert.ok(first.classList.contains("nb-special"));
  assert.ok(page.all(".nb-masked").length > 0);
  first.dispatchEvent(new MouseEvent("pointermove", { bubbles: true }));
  assert.match(page.one(".nb-readout").textContent, /^token 0 {2}id 1001 {2}“\[CLS\]” {2}special {2}attended$/);
  page.end();
});

test("a wide table builds only the columns in sight", () => {
  const page = open(SCENES.wide());
  assert.ok(page.all(".nb-row")[0].querySelectorAll(".nb-value").length < 20);
  page.end();
});

test("1,000 channels are folded to the first 16 and what warns, and unfold in place", () => {
  const page = open(SCENES.channels());
  assert.equal(page.all("tbody tr").length, 18);
  assert.match(page.one("tbody").textContent, /features\[:, 700\].*constant channel/);
  page.button("show all 1,000").click();
  assert.equal(page.all("tbody tr").length, 1001);
  assert.match(document.activeElement.textContent, /show the first 16 only/);
  page.end();
});

test("sound is loaded when asked for, and its address is given back at the end", async () => {
  const urls = new Set();
  URL.createObjectURL = () => (urls.add("blob:1"), "blob:1");
  URL.revokeObjectURL = (url) => urls.delete(url);
  const wav = new DataView(new ArrayBuffer(44));
  const page = open(SCENES.audio(), ({ method }) => (method === "sound" ? { ok: true, payload: { wav: { dtype: "uint8", shape: [44], buffer: 0 } }, buffers: [wav] } : null));
  assert.ok(hidden(page.one("audio")));
  page.button("Load sound").click();
  await settled();
  assert.equal(page.one("audio").getAttribute("src"), "blob:1");
  page.end();
  assert.equal(urls.size, 0);
});

test("the sample large zooms and pans by keys, and a new sample starts whole", () => {
  const page = open(SCENES.digits());
  const plate = page.one(".nb-plate");
  plate.focus();
  page.key("+");
  page.key("+");
  assert.equal(plate.dataset.scale, "2.25");
  page.key("0");
  assert.equal(plate.dataset.scale, "1.00");
  page.key("+");
  page.all(".nb-cell")[4].click();
  assert.equal(page.one(".nb-plate").dataset.scale, "1.00");
  page.end();
});

test("without a batch the view says what it waits for, and takes the batch when it comes", () => {
  const page = open(SCENES.empty());
  assert.match(page.one(".nb-main").textContent, /waits for the next forward pass/);
  page.model.set("status", status({ state: "busy", text: "reads a batch" }));
  assert.match(page.one(".nb-main").textContent, /reads a batch/);
  page.model.set("shown", SCENES.digits().shown);
  assert.ok(page.all(".nb-cell").length > 0);
  page.end();
});

test("a view that is closed leaves no listener, no element and no page-wide trace", () => {
  const before = document.head.childElementCount;
  const page = open(SCENES.photos());
  page.close();
  assert.equal(page.model.listening(), 0);
  assert.equal(page.el.childElementCount, 0);
  assert.equal(document.head.childElementCount, before);
  page.model.set("shown", SCENES.digits().shown);
  assert.equal(page.el.childElementCount, 0);
});

test("JupyterLab's shortcuts stay away from whatever has the focus", () => {
  const page = open(SCENES.digits());
  for (const element of [page.one(".nb-cell"), page.button("Next batch"), page.one("select")]) {
    element.focus();
    assert.ok(document.activeElement === element && element.hasAttribute("data-lm-suppress-shortcuts"));
  }
  page.end();
});

test("a kernel that ends while a click is under way ends the wait, and the view says so", async () => {
  const page = open(SCENES.digits(), () => null);
  page.button("Next batch").click();
  page.model.set("status", status({ state: "busy", text: "reads the next batch" }));
  page.model.emit("comm_live_update");
  await settled();
  assert.match(page.one(".nb-notices").textContent, /was restarted, or has ended: run its cell again/);
  assert.ok(hidden(page.one(".nb-progress")));
  page.end();
});
