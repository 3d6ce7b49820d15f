// The page's mirror of what the dashboard is sent (see nbinspect/widgets/dashboard.py and nbinspect/records/recipe.py). Types only.

/**
 * @typedef {"recipe" | "data" | "batch" | "forward" | "sanity" | "dynamics"} RoomName
 *
 * @typedef {object} Room
 * @property {RoomName} name
 * @property {string} title
 * @property {"closed" | "opening" | "open" | "error" | "off"} state
 * @property {string | null} model id of the widget that is shown in it
 * @property {string} text of its badge
 * @property {"ok" | "warn" | "bad" | ""} tone
 * @property {string} why it is off, or could not be opened
 *
 * @typedef {Record<"model" | "parameters" | "trainable" | "device" | "dtype" | "mode" | "loader" | "samples" | "batches" | "batch_size" | "validation" | "loss" | "optimizer" | "rate", string | null>} Facts
 *
 * @typedef {object} Sample
 * @property {"train" | "validation"} split
 * @property {number | null} index in the data set
 * @property {number | null} position in the batch
 * @property {string} label
 * @property {RoomName} from the room that it was picked in
 * @property {Partial<Record<RoomName, true | string>>} where it can be carried, or why not
 *
 * @typedef {object} Step
 * @property {string} id
 * @property {string} title
 * @property {string} advice
 * @property {string[]} sources
 * @property {"done" | "attention" | "todo" | "off"} state
 * @property {string} text what was found, or what is needed
 * @property {boolean} certain whether it is certainly wrong
 * @property {RoomName | null} room
 * @property {string | null} action words of its button
 *
 * @typedef {{ title: string, steps: Step[] }} Chapter
 * @typedef {{ chapters: Chapter[], next: string | null, nextText: string, done: number, total: number }} Recipe
 * @typedef {{ state: "idle" | "busy" | "waiting" | "error" | "closed", text: string, stale: string | null, renew: boolean }} Status
 *
 * @typedef {object} State what one view shows now; never sent to Python
 * @property {Room[]} rooms
 * @property {RoomName} active
 * @property {Partial<Facts>} facts
 * @property {Sample | null} sample
 * @property {Recipe} recipe
 * @property {Status} status
 * @property {string[]} pending what Python has not answered yet
 * @property {string | null} failure what the last request was answered with, where it failed
 *
 * @typedef {import("../types.js").StoreOf<State>} Store
 * @typedef {{ element: HTMLElement, update: (state: State) => void, destroy?: () => void }} View
 *
 * @typedef {object} Actions
 * @property {(room: RoomName) => void} go to a room, which is opened where it is not
 * @property {(room: RoomName) => void} carry the selected sample into a room
 * @property {(step: string) => void} act as the step of the recipe says
 * @property {() => void} clear the selected sample
 * @property {() => void} renew inspects the object that the notebook's variable names now
 * @property {() => void} dismiss what failed
 *
 * @typedef {import("../types.js").Model & { widget_manager?: WidgetManager }} Model
 * @typedef {{ el: HTMLElement, remove: () => void }} Child
 * @typedef {(id: string) => Promise<Child>} Mount
 * @typedef {{ get_model: (id: string) => Promise<any>, create_view: (model: any) => Promise<Child> }} WidgetManager
 */

export {};
