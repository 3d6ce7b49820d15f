// The dynamics view in a page without a browser.

import { KeyboardEvent, document } from "./page.js";
import { fakeModel } from "../harness/model.js";

const { default: views } = await import("../src/dynamics.js");

/** What renders the views of one model. */
export { views };

/** Opens the dynamics view on a scene and gives what a test needs of it. */
export function open(scene, answer = () => null, { render } = views()) {
  const el = document.createElement("div");
  document.body.append(el);
  const model = fakeModel(scene, answer);
  const close = render({ model, el });
  const all = (selector) => [...el.querySelectorAll(selector)];
  return {
    el, model, all,
    one: (selector) => el.querySelector(selector),
    text: (selector) => el.querySelector(selector)?.textContent ?? "",
    button: (name) => all("button").find((one) => one.textContent.startsWith(name)),
    input: (name) => el.querySelector(`[aria-label="${name}"]`),
    key: (key, more = {}) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more })),
    cells: () => all(".nb-cell").sort((a, b) => Number(a.dataset.at) - Number(b.dataset.at)).map((cell) => cell.getAttribute("aria-label")),
    sent: (method) => model.sent.filter((message) => message.method === method).map((message) => message.params),
    reply: (number, rest) => model.emit("msg:custom", { id: model.sent.at(number).id, ok: true, payload: {}, ...rest }, []),
    end() {
      close();
      el.remove();
    },
  };
}

/** The next frame, in which what streamed in is drawn. */
export const drawn = () => new Promise((resolve) => requestAnimationFrame(() => setImmediate(resolve)));
