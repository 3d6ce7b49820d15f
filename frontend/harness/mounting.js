// A widget manager as JupyterLab gives it, whose views are paragraphs with their model's id.

/** @param {{ made: string[], removed: string[] }} log @param {Set<string>} missing ids that are not to be found */
export const fakeManager = (log, missing = new Set()) => ({
  async get_model(id) {
    if (missing.has(id)) throw new Error(`widget model ${id} was not found`);
    return { id };
  },
  async create_view({ id }) {
    log.made.push(id);
    const el = document.createElement("div");
    const inner = document.createElement("button");
    inner.textContent = `view of ${id}`;
    el.append(inner);
    return { el, remove: () => void log.removed.push(id) };
  },
});
