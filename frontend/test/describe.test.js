import assert from "node:assert/strict";
import test from "node:test";

import { sampleShape } from "../src/describe.js";

const batchOf = (shape, size) => ({ batch: { size, tensors: [{ facts: { name: "x", shape } }] } });

test("the shape of a sample leaves out the axis of samples, also where time comes first", () => {
  assert.deepEqual(sampleShape(batchOf([8, 12, 3], 8), { name: "x" }, 0), [12, 3]);
  assert.deepEqual(sampleShape(batchOf([12, 8, 3], 8), { name: "x" }, 0), [12, 3]);
  assert.deepEqual(sampleShape(batchOf([8, 8, 3], 8), { name: "x" }, 0), [8, 3]);
  const ragged = { name: "x", sizes: { data: [5, 6, 7, 9] } };
  assert.deepEqual(sampleShape(batchOf([2, 3, null, null], 2), ragged, 1), [3, 7, 9]);
});
