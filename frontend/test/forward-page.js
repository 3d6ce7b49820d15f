// The forward view on a page without a browser.

import { document, KeyboardEvent } from "./page.js";
import { fakeModel } from "../harness/model.js";

const { default: view } = await import("../src/forward.js");

/** Opens the forward view on a scene and gives what a test needs of it. */
export function open(scene, answer = () => null) {
  const el = document.createElement("div");
  document.body.append(el);
  const model = fakeModel({ live: { first: 0, steps: [] }, status: { state: "idle", text: "", stale: null }, ...scene }, answer);
  const close = view.render({ model, el });
  const all = (selector) => [...el.querySelectorAll(selector)];
  const page = {
    el, model, close, all,
    one: (selector) => el.querySelector(selector),
    button: (text) => all("button").find((one) => one.textContent.includes(text)),
    text: (selector) => el.querySelector(selector).textContent,
    key: (key, more = {}) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more })),
    sent: (method) => model.sent.filter((message) => message.method === method).map((message) => message.params),
    row: (index) => el.querySelector(`[role=treeitem][data-index="${index}"]`),
    labels: () => all("[role=treeitem]").sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top)).map((row) => row.querySelector(".nf-name").textContent),
    reply: (number, rest) => model.emit("msg:custom", { id: model.sent.at(number).id, ok: true, payload: {}, ...rest }, []),
    end() {
      close();
      el.remove();
    },
  };
  return page;
}
