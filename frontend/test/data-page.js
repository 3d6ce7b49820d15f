// The data view in a page without a browser.

import { Event, KeyboardEvent, MouseEvent, document, settled } from "./page.js";
import { fakeModel } from "../harness/model.js";

const { default: views } = await import("../src/data.js");

export { views };

/** Opens the data view on a scene and gives what a test needs of it. */
export function open({ traits, answer }, { render } = views()) {
  const el = document.createElement("div");
  document.body.append(el);
  const model = fakeModel(traits, answer);
  const close = render({ model, el });
  const all = (selector) => [...el.querySelectorAll(selector)];
  const one = (selector) => el.querySelector(selector);
  return {
    el, model, all, one,
    text: (selector) => one(selector)?.textContent ?? "",
    button: (name) => all("button").find((own) => own.textContent.startsWith(name) && own.closest("[hidden]") === null),
    input: (name) => all("input, select").find((own) => own.getAttribute("aria-label") === name),
    choose(name, value) {
      const select = all("select").find((own) => own.getAttribute("aria-label") === name);
      select.value = value;
      select.dispatchEvent(new Event("change"));
    },
    type(input, value, key = "Enter") {
      input.value = value;
      input.dispatchEvent(new Event("input"));
      input.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    },
    key: (key, more = {}) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more })),
    click: (element, more = {}) => element.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, ...more })),
    item: (at) => one(`.ne-item[data-at="${at}"]`),
    cells: (at) => [...one(`.ne-item[data-at="${at}"]`).children].map((cell) => cell.textContent),
    sent: (method) => model.sent.filter((message) => message.method === method).map((message) => message.params),
    reply: (message, rest) => model.emit("msg:custom", { id: message.id, ok: true, payload: {}, ...rest }, []),
    end() {
      close();
      el.remove();
    },
  };
}

/** Lets answers, and what is asked for after them, come, and what streams in be drawn. */
export async function rest(turns = 6) {
  for (let turn = 0; turn < turns; turn++) {
    await settled();
    await new Promise((resolve) => requestAnimationFrame(() => setImmediate(resolve)));
  }
}
