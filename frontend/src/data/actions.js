// What the page asks of Python, and what becomes of the answers.

import { isScanning } from "./state.js";

/** @typedef {import("./types.js").State} State */

/** So many milliseconds without an answer, and the page says what it waits for. */
const LATE = 700;

/**
 * @param {import("./types.js").Store} store
 * @param {(method: string, params?: object) => Promise<any>} send
 * @param {(row: number | null) => void} tell Python which sample is open
 * @returns {import("./types.js").Actions & { close: () => void }}
 */
export function createActions(store, send, tell) {
  /** @type {Set<ReturnType<typeof setTimeout>>} */
  const timers = new Set();

  /** @param {string[]} names @param {string} method */
  function without(names, method) {
    const at = names.indexOf(method);
    return at < 0 ? names : names.filter((_, i) => i !== at);
  }

  /** @param {string} method @param {object} [params] @returns {Promise<any>} */
  async function request(method, params = {}) {
    const said = { late: false };
    const timer = setTimeout(() => {
      timers.delete(timer);
      said.late = true;
      store.set({ late: [...store.get().late, method] });
    }, LATE);
    timers.add(timer);
    store.set({ pending: [...store.get().pending, method] });
    try {
      return (await send(method, params)) ?? {};
    } finally {
      clearTimeout(timer);
      timers.delete(timer);
      const now = store.get();
      store.set({ pending: without(now.pending, method), late: said.late ? without(now.late, method) : now.late });
    }
  }

  /** @param {string} method @param {object} [params] */
  async function ask(method, params = {}) {
    if (store.get().failure !== null) store.set({ failure: null });
    try {
      return await request(method, params);
    } catch (error) {
      store.set({ failure: wordsOf(error) });
      return null;
    }
  }

  let latest = 0;
  return {
    request,
    ask,
    async filter(query) {
      const own = ++latest;
      try {
        await request("filter", { query });
        if (own === latest) store.set({ queryError: null });
        return true;
      } catch (error) {
        if (own === latest) store.set({ queryError: wordsOf(error) });
        return false;
      }
    },
    async work(key, method, params = {}) {
      if (store.get().pending.includes(method)) return;
      /** @type {import("./types.js").Answer} */
      const answer = { payload: null, error: null, serial: 0 };
      try {
        answer.payload = await request(method, params);
      } catch (error) {
        answer.error = wordsOf(error);
      }
      // Work may have added columns: the answer is of the data as they are now.
      answer.serial = store.get().dataset?.serial ?? 0;
      store.set({ answers: new Map([...store.get().answers, [key, answer]]) });
    },
    open(sample) {
      store.set({ sample });
      tell(sample?.row ?? null);
    },
    openHuman: () => store.set({ tab: "human" }),
    close() {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** @param {unknown} error */
export const wordsOf = (error) => (error instanceof Error ? error.message : String(error));

/** Whether an answer speaks of the data as they were before. @param {State} state @param {import("./types.js").Answer} answer */
export const isOutdated = (state, answer) => !isScanning(state) && state.dataset !== null && answer.serial !== state.dataset.serial;
