// One view's state and who listens to it.

/**
 * @template State
 * @param {State} initial
 * @param {(state: State, before: State) => State} derive fills in what follows from the rest
 * @returns {import("./types.js").StoreOf<State>}
 */
export function createStore(initial, derive) {
  let state = initial;
  /** @type {Set<(state: State) => void>} */
  const listeners = new Set();
  return {
    get: () => state,
    set(patch) {
      state = derive({ ...state, ...patch }, state);
      for (const listener of [...listeners]) listener(state);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
