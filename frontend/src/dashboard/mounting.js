// How a widget is shown inside another.

/**
 * anywidget's own way (`host.getWidget`) is not taken: it leaves the child's style sheet behind.
 *
 * @param {import("./types.js").Model} model
 * @returns {import("./types.js").Mount | null} null where one widget cannot hold another
 */
export function mountingOf({ widget_manager: manager }) {
  const able = typeof manager?.get_model === "function" && typeof manager.create_view === "function";
  return able ? async (id) => manager.create_view(await manager.get_model(id)) : null;
}
