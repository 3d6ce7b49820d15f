import assert from "node:assert/strict";
import { test } from "node:test";

import { JSDOM } from "jsdom";

import { beside, hovering, reading } from "../src/hover.js";

const PLOT = {
  box: [0.1, 0.2, 0.8, 0.5],
  x: [0, 100],
  y: [0, 10],
  log: [false, false],
  along: "step",
  lines: [["train", "#1669c1", [0, 50, 100], [9, 5, 1]], ["", "#0b7a54", [48], [2.5]]],
};

/** A page with one picture of a plot and one thumbnail, whose boxes jsdom does not know by itself. */
function page(plots = [PLOT], alt = "sample 3") {
  const { window } = new JSDOM("<!doctype html><body><img id=plot><img id=small><p>text</p></body>", { pretendToBeVisual: true });
  for (const name of ["window", "HTMLImageElement"]) globalThis[name] = name === "window" ? window : window[name];
  const { document } = window;
  const one = (selector) => document.querySelector(selector);
  const sized = (image, width, height) => {
    Object.defineProperties(image, { clientWidth: { value: width }, clientHeight: { value: height } });
    image.getBoundingClientRect = () => ({ left: 0, top: 0, width, height });
  };
  one("#plot").dataset.plots = JSON.stringify(plots);
  one("#small").alt = alt;
  sized(one("#plot"), 500, 200);
  sized(one("#small"), 72, 36);
  hovering(document.body);
  const tip = one(".nbinspect-hover");
  const move = (target, clientX, clientY) => target.dispatchEvent(new window.MouseEvent("pointermove", { bubbles: true, clientX, clientY }));
  return { document, window, one, tip, move, shown: () => tip.style.display !== "none" };
}

test("a plot is read where the pointer is: the nearest point of each line", () => {
  assert.deepEqual(reading([PLOT], { x: 0.1 + 0.8 * 0.52, y: 0.4 })?.words, [["", "step 50"], ["#1669c1", "train: 5"], ["#0b7a54", "2.5"]]);
  assert.equal(reading([PLOT], { x: 0.05, y: 0.4 }), null, "left of the plot");
});

test("a plot without lines is read by its axes, also where they are logarithmic", () => {
  const bare = { ...PLOT, lines: [], along: "", x: [1, 100], y: [0, 10], log: [true, false] };
  assert.deepEqual(reading([bare], { x: 0.5, y: 0.45 })?.words, [["", "10, 5"]]);
});

test("of several plots in a picture the one under the pointer is read", () => {
  const below = { ...PLOT, box: [0.1, 0.75, 0.8, 0.2], lines: [["rate", "#000000", [0], [0.1]]] };
  assert.deepEqual(reading([PLOT, below], { x: 0.2, y: 0.8 })?.words, [["", "step 0"], ["#000000", "rate: 0.1"]]);
});

test("the box stays within the window", () => {
  assert.deepEqual(beside({ clientX: 10, clientY: 10 }, { width: 100, height: 50 }, 400, 300), { x: 24, y: 24 });
  assert.deepEqual(beside({ clientX: 390, clientY: 290 }, { width: 100, height: 50 }, 400, 300), { x: 276, y: 226 });
  assert.deepEqual(beside({ clientX: 50, clientY: 50 }, { width: 500, height: 500 }, 100, 100), { x: 0, y: 0 });
});

test("pointing at a plot shows its numbers, elsewhere and by Escape nothing is shown", () => {
  const { document, window, one, tip, move, shown } = page();
  assert.ok(!shown());
  move(one("#plot"), 50 + 400, 100);
  assert.ok(shown());
  assert.match(tip.textContent, /step 100.*train: 1/);
  assert.equal(tip.getAttribute("aria-hidden"), "true");
  document.dispatchEvent(new window.KeyboardEvent("keydown", { key: "Escape" }));
  assert.ok(!shown());
  move(one("#plot"), 450, 100);
  move(one("p"), 450, 100);
  assert.ok(!shown());
});

test("a thumbnail is enlarged with its words, which stay text", () => {
  const hostile = "<img src=x onerror=alert(1)>";
  const { one, tip, move } = page([PLOT], hostile);
  move(one("#small"), 10, 10);
  const [large, ...others] = tip.querySelectorAll("img");
  assert.equal(others.length, 0);
  assert.deepEqual([large.width, large.height], [320, 160]);
  assert.equal(tip.textContent, hostile);
});

test("names of lines are text", () => {
  const { one, tip, move } = page([{ ...PLOT, lines: [["<b>x</b>", "#1669c1", [1], [2]]] }]);
  move(one("#plot"), 100, 100);
  assert.equal(tip.querySelectorAll("b").length, 0);
  assert.match(tip.textContent, /<b>x<\/b>: 2/);
});
