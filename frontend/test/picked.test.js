import assert from "node:assert/strict";
import { test } from "node:test";

import { settled } from "./page.js";
import { open as openBatch } from "./page.js";
import { open as openDynamics } from "./dynamics-page.js";
import { open as openForward } from "./forward-page.js";
import { open as openData, rest } from "./data-page.js";
import { createPicked } from "../src/picked.js";
import { fakeModel } from "../harness/model.js";
import { SCENES as BATCH } from "../harness/scenes.js";
import { SCENES as DYNAMICS } from "../harness/dynamics-scenes.js";
import { SCENES as FORWARD } from "../harness/forward-scenes.js";
import { dataSet } from "../harness/data-records.js";
import { kernelOf } from "../harness/data-kernel.js";

const small = () => kernelOf(dataSet({ N: 60 }));

test("what a person picks is not heard back, and what Python sets together is heard once", async () => {
  const model = fakeModel({ probe: 0, sample: null });
  const heard = [];
  const picked = createPicked(model, ["probe", "sample"], (values) => heard.push(values));
  picked.tell([0, 4]);
  await settled();
  assert.deepEqual([model.get("sample"), heard], [4, []]);
  model.set("probe", 1);
  model.set("sample", 2);
  await settled();
  assert.deepEqual(heard, [[1, 2]]);
  picked.close();
  assert.equal(model.listening(), 0);
});

test("without a kernel a pick stays on the page", () => {
  const model = fakeModel({ sample: null });
  model.save_changes = () => { throw new Error("no comm channel defined"); };
  createPicked(model, ["sample"], () => undefined).tell([3]);
  assert.equal(model.get("sample"), 3);
});

test("batch: a click is told to Python; a batch that comes is not a pick", () => {
  const page = openBatch(BATCH.digits());
  page.model.set("shown", BATCH.digits().shown);
  assert.equal(page.model.get("sample"), null);
  page.all(".nb-cell")[5].click();
  assert.equal(page.model.get("sample"), 5);
  page.end();
});

test("batch: Python's sample is shown, also where a filter hides it, and with the batch that it comes with", async () => {
  const page = openBatch(BATCH.digits());
  page.choose("Label", "3");
  page.model.set("sample", 9);
  await settled();
  assert.match(page.title(), /^Sample 9/);
  assert.ok(page.samples().includes(9));
  page.end();
  const later = openBatch({ ...BATCH.digits(), sample: 7 });
  assert.match(later.title(), /^Sample 7/);
  later.end();
});

test("dynamics: a pick goes to Python with its probe, and comes back from it", async () => {
  const page = openDynamics(DYNAMICS.digits());
  page.all(".nb-cell")[4].click();
  const told = page.model.get("sample");
  assert.equal(typeof told, "number");
  assert.equal(page.model.get("probe"), 0);
  page.model.set("sample", told + 3);
  await settled();
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.match(page.el.querySelector(".nd-sample .nd-charttitle").textContent, new RegExp(`Sample ${told + 3}`));
  page.end();
});

test("forward: Python's sample is asked for once, and what is shown already is not", async () => {
  const page = openForward(FORWARD.cnn());
  await settled();
  page.model.set("sample", 3);
  await settled();
  assert.deepEqual(page.sent("look").map(({ sample }) => sample), [3]);
  page.model.set("sample", 3);
  await settled();
  assert.equal(page.sent("look").length, 1);
  page.end();
});

test("data: a row that is opened or closed by hand is told to Python", async () => {
  const page = openData(small());
  await rest();
  page.item(2).click();
  await rest();
  assert.equal(page.model.get("sample"), 2);
  page.one("[aria-label='Close the sample']").click();
  assert.equal(page.model.get("sample"), null);
  page.end();
});

test("data: the row that Python opens is shown with what Python says of it, and brought into sight", async () => {
  const page = openData(small());
  await rest();
  page.model.set("sample", 40);
  await rest();
  assert.deepEqual(page.sent("row"), [{ row: 40 }]);
  assert.ok(!page.one(".ne-detail").hidden);
  assert.match(page.text(".ne-detail h3"), /Sample 40/);
  page.model.set("sample", null);
  await rest();
  assert.ok(page.one(".ne-detail").hidden);
  page.end();
});
