// A model as anywidget gives it, whose kernel answers from made-up data, or not at all.

import { pack } from "./records.js";

export function fakeModel(traits, answer = () => ({ ok: false, error: "no kernel" })) {
  const listeners = new Map();
  const model = {
    sent: [],
    get: (name) => traits[name] ?? null,
    set(name, value) {
      traits[name] = value;
      model.emit(`change:${name}`);
    },
    on: (event, callback) => void listeners.set(event, [...(listeners.get(event) ?? []), callback]),
    off: (event, callback) => void listeners.set(event, (listeners.get(event) ?? []).filter((one) => one !== callback)),
    save_changes: () => undefined,
    emit: (event, ...args) => (listeners.get(event) ?? []).forEach((callback) => callback(...args)),
    listening: () => [...listeners.values()].flat().length,
    send(message) {
      model.sent.push(message);
      const reply = answer(message, model);
      if (!reply) return;
      const { buffers = [], ...rest } = reply;
      queueMicrotask(() => model.emit("msg:custom", { id: message.id, ...rest }, buffers));
    },
  };
  return model;
}

/** Answers a sample request with a ramp of the sample's own shape. */
export function ramp(message, model) {
  if (message.method !== "sample") return { ok: true, payload: {} };
  const record = model.get("shown").batch.tensors.find((tensor) => tensor.facts.name === message.params.name);
  const shape = record.facts.shape.slice(1);
  const size = shape.reduce((a, b) => a * b, 1);
  const array = pack("float32", shape, Array.from({ length: size }, (_, i) => i / size));
  return { ok: true, payload: { values: { dtype: "float32", shape, buffer: 0 }, note: "" }, buffers: [array.data] };
}
