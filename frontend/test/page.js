// A page without a browser: jsdom, with what it lacks and the view can do without left out.

import { JSDOM } from "jsdom";

import { fakeModel } from "../harness/model.js";
import { status } from "../harness/scenes.js";

const dom = new JSDOM("<!doctype html><body></body>", { pretendToBeVisual: true });
dom.window.HTMLCanvasElement.prototype.getContext = () => null;
dom.window.HTMLMediaElement.prototype.pause = () => undefined;
for (const name of ["document", "Node", "MutationObserver", "getComputedStyle", "requestAnimationFrame", "cancelAnimationFrame"]) globalThis[name] = dom.window[name];
export const { document, KeyboardEvent, MouseEvent, Event } = dom.window;

const { default: view } = await import("../src/batch.js");

/** Opens the view on a scene and gives what a test needs of it. */
export function open(scene, answer = () => null) {
  const el = document.createElement("div");
  document.body.append(el);
  const model = fakeModel({ previous: null, status: status(), ...scene }, answer);
  const close = view.render({ model, el });
  const all = (selector) => [...el.querySelectorAll(selector)];
  const button = (text) => all("button").find((one) => one.textContent.includes(text));
  return {
    el, model, close, all, button,
    one: (selector) => el.querySelector(selector),
    key: (key, more = {}) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more })),
    choose(label, value) {
      const control = all("select").find((one) => one.getAttribute("aria-label") === label);
      control.value = value;
      control.dispatchEvent(new Event("change"));
    },
    samples: () => all(".nb-panes + .nb-line > span:first-child").map((span) => Number(span.textContent)),
    title: () => el.querySelector(".nb-subject").textContent,
    fetched: () => model.sent.filter((message) => message.method === "sample").map((message) => message.params.sample),
    end() {
      close();
      el.remove();
    },
  };
}

export const settled = () => new Promise((resolve) => setImmediate(resolve));
