// Questions to Python, each answered once: {id, method, params} → {id, ok, payload | error}.

import { unpack } from "./unpack.js";

const ENDED = "The kernel of this view was restarted, or has ended: run its cell again.";

/**
 * @param {import("./types.js").Model} model
 */
export function createRequests(model) {
  /** @type {Map<string, { resolve: (payload: any) => void, reject: (error: Error) => void }>} */
  const open = new Map();
  // Every view of one model hears every answer, so ids must differ between views.
  const prefix = Math.random().toString(36).slice(2);
  let number = 0;

  /** @param {any} message @param {(DataView | ArrayBuffer)[]} [buffers] */
  function receive(message, buffers) {
    const asked = open.get(message?.id);
    if (!asked) return;
    open.delete(message.id);
    if (message.ok) asked.resolve(unpack(message.payload, buffers));
    else asked.reject(new Error(String(message.error)));
  }
  model.on("msg:custom", receive);

  /** A kernel that has ended answers nothing more, and never says that its work is over. */
  function ended() {
    for (const asked of open.values()) asked.reject(new Error(ENDED));
    open.clear();
    const status = model.get("status");
    if (["busy", "waiting"].includes(status?.state)) model.set("status", { ...status, state: "error", text: ENDED, work: null });
  }
  model.on("comm_live_update", ended);

  return {
    /**
     * No time-out: an answer may wait for the end of a running cell.
     * @param {string} method
     * @param {object} [params]
     * @returns {Promise<any>}
     */
    ask(method, params = {}) {
      const id = `${prefix}-${++number}`;
      return new Promise((resolve, reject) => {
        open.set(id, { resolve, reject });
        try {
          model.send({ id, method, params });
        } catch (error) {
          open.delete(id);
          const words = error instanceof Error ? error.message : String(error);
          reject(new Error(/cannot send/i.test(words) ? ENDED : words));
        }
      });
    },
    close() {
      model.off("msg:custom", receive);
      model.off("comm_live_update", ended);
      open.clear();
    },
  };
}
