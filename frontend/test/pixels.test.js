import assert from "node:assert/strict";
import { test } from "node:test";

import { decode, denormalise, extent, lookOf, paint } from "../src/look.js";
import { describePixel, quantise, sampleRows, sharpen, valueAt } from "../src/values.js";
import { unpack } from "../src/unpack.js";
import { pack, pictures, random } from "../harness/records.js";

const NORMAL = { mean: [0.5, 0.4, 0.3], std: [0.2, 0.25, 0.1], source: "argument" };

function photo(more = {}) {
  const next = random(2);
  const values = [Array.from({ length: 3 * 6 }, () => 4 * next() - 2), Array.from({ length: 3 * 6 }, () => 4 * next() - 2)];
  return { values, item: unpack(pictures("x", values, [3, 2, 3], { normalisation: NORMAL, ...more })) };
}

const painted = (item, sample, look, overlay) => {
  const { h, w } = extent(item, sample);
  const out = new Uint8ClampedArray(h * w * 4);
  paint(out, item, sample, look, overlay);
  return out;
};

test("as fed shows all channels over one common range", () => {
  const { item, values } = photo();
  const look = lookOf(item, "fed", null);
  const all = values.flat();
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const out = painted(item, 1, look);
  for (let p = 0; p < 6; p++) {
    for (let c = 0; c < 3; c++) {
      const expected = (255 * (values[1][c * 6 + p] - low)) / (high - low);
      assert.ok(Math.abs(out[4 * p + c] - expected) <= 1.5, `pixel ${p} channel ${c}`);
    }
    assert.equal(out[4 * p + 3], 255);
  }
});

test("de-normalised shows fed · std + mean, clamped to 0…1", () => {
  const { item, values } = photo();
  const out = painted(item, 0, lookOf(item, "denormalised", null));
  for (let p = 0; p < 6; p++) {
    for (let c = 0; c < 3; c++) {
      const expected = 255 * Math.min(Math.max(values[0][c * 6 + p] * NORMAL.std[c] + NORMAL.mean[c], 0), 1);
      assert.ok(Math.abs(out[4 * p + c] - expected) <= 1.5);
    }
  }
});

test("one channel alone is grey", () => {
  const { item } = photo();
  const out = painted(item, 0, lookOf(item, "fed", 1));
  for (let p = 0; p < 6; p++) assert.ok(out[4 * p] === out[4 * p + 1] && out[4 * p] === out[4 * p + 2]);
});

test("the fourth channel of RGBA is transparency", () => {
  const item = unpack(pictures("x", [[0, 1, 0, 1, 0, 1, 0, 0.5]], [4, 1, 2], { channels: ["R", "G", "B", "A"], low: 0, high: 1 }));
  const out = painted(item, 0, lookOf(item, "fed", null));
  assert.equal(out[3], 0);
  assert.ok(Math.abs(out[7] - 128) <= 1);
});

test("NaN and infinities are drawn magenta and named", () => {
  const item = unpack(pictures("x", [[NaN, 1, -Infinity, 0]], [1, 2, 2]));
  const out = painted(item, 0, lookOf(item, "fed", null));
  assert.deepEqual([...out.slice(0, 3)], [255, 0, 200]);
  assert.match(describePixel(item, 0, 0, 0, null), /pixel \(0, 0\) = NaN {2}✕ NaN/);
  assert.match(describePixel(item, 0, 1, 0, null), /−Inf/);
});

test("a mask is blended by its opacity, 255 not at all", () => {
  const item = unpack(pictures("x", [[0, 0]], [1, 1, 2], { low: 0, high: 1 }));
  const masks = unpack({ classes: pack("uint8", [1, 1, 2], [0, 255]), names: ["sky"] });
  const out = painted(item, 0, lookOf(item, "fed", null), { masks, sample: 0, opacity: 0.5 });
  assert.deepEqual([...out.slice(0, 3)], [0, 57, 89]);
  assert.deepEqual([...out.slice(4, 7)], [0, 0, 0]);
});

test("8 bits give values within half a step, said with ≈ and the step; exact ones are said with =", () => {
  const { item, values } = photo({ exact: false });
  for (let c = 0; c < 3; c++) {
    const step = (item.high.data[c] - item.low.data[c]) / 255;
    for (let p = 0; p < 6; p++) {
      const { value, exact } = valueAt(item, 1, c, Math.floor(p / 3), p % 3);
      assert.equal(exact, false);
      assert.ok(Math.abs(value - values[1][c * 6 + p]) <= step / 2 + 1e-5);
    }
  }
  assert.match(describePixel(item, 0, 1, 2, null), /^pixel \(1, 2\) ≈ R .*G .*B .*\(steps of .*\) {2}de-normalised R/);
  assert.match(describePixel(photo().item, 0, 1, 2, 0), /^pixel \(1, 2\) = [−\d.]+ {2}de-normalised [−\d.]+$/);
});

test("pixels of a reduced picture are named in the original", () => {
  const { item } = photo({ exact: false, size: [20, 30] });
  assert.match(describePixel(item, 0, 1, 2, null), /^around pixel \(10, 20\) ≈/);
});

test("de-normalising broadcasts one mean and std over all channels", () => {
  const item = { normalisation: { mean: [0.5], std: [2], source: "" } };
  assert.equal(denormalise(item, 2, 3), 6.5);
  assert.equal(denormalise({ normalisation: null }, 0, 3), 3);
});

test("a ragged picture is drawn as large as it is, its padding not at all", () => {
  const item = { ...unpack(pictures("x", [[1, 2, 3, 4], [1, 2, 3, 4]], [1, 2, 2])), sizes: unpack(pack("int32", [2, 2], [2, 2, 1, 2])) };
  assert.deepEqual(extent(item, 1), { h: 1, w: 2 });
  assert.equal(describePixel(item, 1, 1, 0, null), "padding of a ragged batch");
});

test("a fetched sample is read channels last or first, and quantised as the page's own bytes are", () => {
  const { item, values } = photo({ exact: false });
  const planar = { shape: [3, 2, 3], data: Float32Array.from(values[1]) };
  const sharp = sharpen(item, 1, planar);
  assert.deepEqual([...sharp.planes.data], [...item.planes.data.subarray(18, 36)]);
  assert.deepEqual([...quantise(planar.data, item, 6)], [...sharp.planes.data]);
  const many = { ...item, channels: ["R", "G", "B"], size: [6, 5], total_channels: 3, sizes: null };
  const woven = { shape: [6, 5, 3], data: Float32Array.from({ length: 90 }, (_, at) => (at % 3) * 100 + Math.floor(at / 3)) };
  assert.deepEqual([...sharpen(many, 0, woven).exact.data], Array.from({ length: 90 }, (_, at) => Math.floor(at / 30) * 100 + (at % 30)));
  assert.equal(sharpen(item, 0, { shape: [7], data: new Float32Array(7) }), null);
});

test("a sample's rows are exact from exact values and approximate from bytes", () => {
  const { item, values } = photo();
  const exact = sampleRows(item, 1, undefined);
  assert.equal(exact.exact, true);
  assert.deepEqual([...exact.rows[2]], [...Float32Array.from(values[1].slice(12))]);
  const rough = sampleRows({ ...item, exact: null }, 1, undefined);
  assert.equal(rough.exact, false);
  assert.equal(rough.rows[0][0], Math.fround(decode(item, 0, item.planes.data[18])));
});

test("a value map is coloured about 0", () => {
  const item = unpack(pictures("x", [[-1, 0, 3, 3]], [1, 2, 2], { kind: "values" }));
  const look = lookOf(item, "fed", null);
  assert.deepEqual([look.from, look.to, look.map], [-3, 3, true]);
  const out = painted(item, 0, look);
  assert.ok(out[0] < out[2], "negative is blue");
  assert.ok(out[8] > out[10], "positive is orange");
});
