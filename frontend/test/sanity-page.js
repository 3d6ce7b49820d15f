// The sanity view in a page without a browser.

import { KeyboardEvent, document } from "./page.js";
import { fakeModel } from "../harness/model.js";

const { default: views } = await import("../src/sanity.js");

/** What renders the views of one model. */
export { views };

/** Opens the sanity view on a scene and gives what a test needs of it. */
export function open(scene, answer = () => null, { render } = views()) {
  const el = document.createElement("div");
  document.body.append(el);
  const model = fakeModel({ progress: null, ...scene }, answer);
  const close = render({ model, el });
  const all = (selector) => [...el.querySelectorAll(selector)];
  const text = (selector) => el.querySelector(selector)?.textContent ?? "";
  return {
    el, model, all, text,
    one: (selector) => el.querySelector(selector),
    button: (name) => all("button").find((one) => one.textContent.startsWith(name)),
    row: (name) => el.querySelector(`[role=option][data-check="${name}"]`),
    selected: () => el.querySelector("[role=option][aria-selected=true]").dataset.check,
    key: (key, more = {}) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more })),
    sent: (method) => model.sent.filter((message) => message.method === method).map((message) => message.params),
    reply: (number, rest) => model.emit("msg:custom", { id: model.sent.at(number).id, ok: true, payload: {}, ...rest }, []),
    end() {
      close();
      el.remove();
    },
  };
}
