// How a widget is shown inside another: as the front end does it, or as anywidget does where the front end does not.

/** @typedef {import("./types.js").Child} Child */

/**
 * @param {import("./types.js").Model} model
 * @param {import("./types.js").Host | undefined} host
 * @returns {import("./types.js").Mount | null} null where one widget cannot hold another
 */
export function mountingOf({ widget_manager: manager }, host) {
  if (typeof manager?.get_model === "function" && typeof manager.create_view === "function") return async (id) => manager.create_view(await manager.get_model(id));
  return typeof host?.getWidget === "function" ? (id) => rendered(host, id) : null;
}

/** @param {import("./types.js").Host} host @param {string} id @returns {Promise<Child>} */
async function rendered(host, id) {
  const el = document.createElement("div");
  const ended = new AbortController();
  const widget = await host.getWidget(`anywidget:${id}`);
  await widget.render({ el, signal: ended.signal });
  return { el, remove: () => ended.abort() };
}
