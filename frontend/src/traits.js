// What Python sets, read into the state of a view; what cannot be read is said in it.

import { unpack } from "./unpack.js";

/**
 * @template {object} State
 * @param {import("./types.js").Model} model
 * @param {{ set: (patch: any) => void }} store
 * @param {(read: () => void) => void} [during] runs each reading, for a view that draws what streams in later
 * @returns {(name: string, patch: (value: any) => Partial<State>) => { name: string, read: () => void }} listens until `model.off`
 */
export function createReads(model, store, during = (read) => read()) {
  return (name, patch) => {
    const read = () =>
      during(() => {
        try {
          store.set(patch(unpack(model.get(name))));
        } catch (error) {
          store.set({ failure: `what the kernel sent could not be shown: ${error instanceof Error ? error.message : error}` });
        }
      });
    model.on(`change:${name}`, read);
    return { name, read };
  };
}
