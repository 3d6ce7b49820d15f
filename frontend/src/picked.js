// The sample that is picked, in step with Python's traits, so that it can be carried from one view into another.

/**
 * @param {import("./types.js").Model} model
 * @param {string[]} names of the traits that say it
 * @param {(values: any[]) => void} follow hears what Python has set, once all that came together has been read
 */
export function createPicked(model, names, follow) {
  const values = () => names.map((name) => model.get(name) ?? null);
  let last = JSON.stringify(values());
  let open = true;
  function heard() {
    queueMicrotask(() => {
      const now = JSON.stringify(values());
      if (!open || now === last) return;
      last = now;
      follow(values());
    });
  }
  for (const name of names) model.on(`change:${name}`, heard);
  return {
    values,
    /** Tells Python what a person has picked. @param {any[]} picked a value for each trait */
    tell(picked) {
      if (JSON.stringify(picked) === last) return;
      last = JSON.stringify(picked);
      names.forEach((name, i) => model.set(name, picked[i]));
      save(model);
    },
    close() {
      open = false;
      for (const name of names) model.off(`change:${name}`, heard);
    },
  };
}

/** Sends what was set, where there is a kernel to hear it. @param {import("./types.js").Model} model */
export function save(model) {
  try {
    model.save_changes();
  } catch {
    // A saved notebook is looked at without one.
  }
}
