// The dashboard in a page without a browser.

import { KeyboardEvent, document } from "./page.js";
import { fakeManager } from "../harness/mounting.js";
import { fakeModel } from "../harness/model.js";

const { default: view } = await import("../src/dashboard.js");

/** Opens the dashboard on a scene and gives what a test needs of it. */
export function open(scene, { answer = () => null, missing = new Set(), manager = undefined } = {}) {
  const el = document.createElement("div");
  document.body.append(el);
  const log = { made: [], removed: [] };
  const model = fakeModel(scene, answer);
  model.saved = 0;
  model.save_changes = () => void model.saved++;
  if (manager !== null) model.widget_manager = fakeManager(log, missing);
  const close = view.render({ model, el });
  const all = (selector) => [...el.querySelectorAll(selector)];
  return {
    el, model, log, all, close,
    one: (selector) => el.querySelector(selector),
    text: (selector) => el.querySelector(selector)?.textContent ?? "",
    tab: (name) => all("[role=tab]").find((tab) => tab.id.endsWith(`-${name}`)),
    pane: (name) => all("[role=tabpanel]").find((pane) => pane.id.endsWith(`-${name}`)),
    step: (title) => all(".nr-steps li").find((item) => item.querySelector(".nr-step > span").textContent === title),
    button: (words) => all("button").find((one) => one.textContent === words && !one.closest("[hidden]")),
    key: (key) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true })),
    sent: (method) => model.sent.filter((message) => message.method === method).map((message) => message.params),
    reply: (number, rest) => model.emit("msg:custom", { id: model.sent.at(number).id, ok: true, payload: {}, ...rest }, []),
    end() {
      close();
      el.remove();
    },
  };
}
