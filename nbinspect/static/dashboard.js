// Built from frontend/src; do not edit.

// src/dom.js
function h(tag, attributes = {}, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) {
		if (typeof value === "function") element.addEventListener(name.slice(2), value);
		else attribute(element, name, value);
	}
	append(element, children);
	return element;
}
function attribute(element, name, value) {
	const text = value === true ? "true" : String(value);
	if (value === null || value === void 0 || value === false) element.removeAttribute(name);
	else if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}
function append(element, children) {
	for (const child of children) {
		if (child === null || child === void 0 || child === false) continue;
		element.append(child instanceof Node ? child : String(child));
	}
}
function fill(element, ...children) {
	element.replaceChildren();
	append(element, children);
}
function say(element, text) {
	if (element.textContent !== text) element.textContent = text;
}
function changed(before, now, names) {
	return before === null || names.some((name) => before[name] !== now[name]);
}
function keepKeys(event) {
	const focused = (
		/** @type {Element} */
		event.target
	);
	focused.setAttribute("data-lm-suppress-shortcuts", "true");
}

// src/numbers.js
var minus = (text) => text.replaceAll("-", "−");
var count = (value) => minus(value.toLocaleString("en-US"));
var plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;
function shorten(text, limit) {
	return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`;
}
var tooltip = (text) => shorten(text, 500);

// src/forward/controls.js
function button(text, act, attributes = {}, ...after) {
	const click = (event) => {
		if (
			/** @type {Element} */
			event.currentTarget.getAttribute("aria-disabled") !== "true"
		) act();
	};
	return h("button", { type: "button", ...attributes, onclick: click }, text, ...after);
}
function enable(element, { reason = "", busy = false, title = "" }) {
	attribute(element, "aria-disabled", reason || busy ? "true" : null);
	attribute(element, "aria-busy", busy ? "true" : null);
	attribute(element, "title", tooltip(reason ? `Not now: ${reason}` : busy ? "asked; the answer is on its way" : title) || null);
	attribute(element, "aria-description", reason || null);
}
var activeIn = (element) => (
	/** @type {Document | ShadowRoot} */
	element.getRootNode().activeElement
);

// src/picked.js
function save(model) {
	try {
		model.save_changes();
	} catch {
	}
}

// src/unpack.js
var ARRAYS = {
	bool: Uint8Array,
	uint8: Uint8Array,
	int8: Int8Array,
	uint16: Uint16Array,
	int16: Int16Array,
	uint32: Uint32Array,
	int32: Int32Array,
	float32: Float32Array,
	float64: Float64Array
};
function unpack(value, buffers = []) {
	if (Array.isArray(value)) return value.map((entry) => unpack(entry, buffers));
	if (value === null || typeof value !== "object") return value;
	if (typeof value.dtype === "string" && Array.isArray(value.shape)) {
		const bytes = "buffer" in value ? buffers[value.buffer] : value.data;
		if (bytes !== void 0) return { shape: value.shape, data: typed(value.dtype, bytes) };
	}
	return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, unpack(entry, buffers)]));
}
function typed(dtype, bytes) {
	const own = bytes instanceof ArrayBuffer ? bytes.slice(0) : (
		/** @type {ArrayBuffer} */
		bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
	);
	if (dtype === "float16") return Float32Array.from(new Uint16Array(own), half);
	if (dtype === "int64") return Float64Array.from(new BigInt64Array(own), Number);
	if (dtype === "uint64") return Float64Array.from(new BigUint64Array(own), Number);
	const array = ARRAYS[dtype];
	if (!array) throw new TypeError(`expected an array of numbers, got dtype ${dtype}`);
	return new array(own);
}
function half(bits) {
	const sign = bits & 32768 ? -1 : 1;
	const exponent = bits >> 10 & 31;
	const fraction = bits & 1023;
	if (exponent === 31) return fraction ? NaN : sign * Infinity;
	return exponent ? sign * 2 ** (exponent - 25) * (1024 + fraction) : sign * 2 ** -24 * fraction;
}

// src/requests.js
var ENDED = "The kernel of this view was restarted, or has ended: run its cell again.";
function createRequests(model) {
	const open = new Map();
	const prefix = Math.random().toString(36).slice(2);
	let number = 0;
	function receive(message, buffers) {
		const asked = open.get(message?.id);
		if (!asked) return;
		open.delete(message.id);
		if (message.ok) asked.resolve(unpack(message.payload, buffers));
		else asked.reject(new Error(String(message.error)));
	}
	model.on("msg:custom", receive);
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
		}
	};
}

// src/store.js
function createStore(initial, derive) {
	let state = initial;
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
		}
	};
}

// src/theme.js
function isDark(colour) {
	const whole = colour.startsWith("color(") ? 1 : 255;
	const [r, g, b] = (colour.match(/(?<![\w.])[\d.]+/g) ?? [whole, whole, whole]).map(Number);
	return (0.299 * r + 0.587 * g + 0.114 * b) / whole < 0.5;
}
function paintedAround(element) {
	for (let node = (
		/** @type {any} */
		element.parentNode
	); node; node = node.parentNode ?? node.host) {
		const colour = node.nodeType === Node.ELEMENT_NODE ? getComputedStyle(node).backgroundColor : "";
		if (colour && !/^transparent$|[,/] 0\)$/.test(colour)) return colour;
	}
	return "";
}
function followTheme(root, sheet) {
	const preference = globalThis.matchMedia?.("(prefers-color-scheme: dark)");
	function apply() {
		const style = getComputedStyle(root);
		const named = ["--jp-layout-color1", "--vscode-editor-background"].some((name) => style.getPropertyValue(name).trim());
		const painted = named ? getComputedStyle(sheet).backgroundColor : paintedAround(root);
		const marked = document.documentElement.getAttribute("theme") === "dark";
		const dark = painted ? isDark(painted) : marked || Boolean(preference?.matches);
		root.dataset.theme = dark ? "dark" : "light";
	}
	const watch = new MutationObserver(apply);
	for (const element of [document.documentElement, document.body]) watch.observe(element, { attributes: true });
	preference?.addEventListener?.("change", apply);
	root.addEventListener("pointerenter", apply);
	const first = requestAnimationFrame(apply);
	apply();
	return () => {
		cancelAnimationFrame(first);
		watch.disconnect();
		preference?.removeEventListener?.("change", apply);
	};
}

// src/traits.js
function createReads(model, store, during = (read) => read()) {
	return (name, patch) => {
		const read = () => during(() => {
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

// src/dashboard/facts.js
var GIVEN = (
	/** @type {const} */
	{ loader: "loader", validation: "validation loader", loss: "loss", optimizer: "optimizer" }
);
function createFacts() {
	const name = h("strong", { class: "nb-title" });
	const list = h("dl", { class: "nr-facts" });
	const missing = h("span", { class: "nr-missing" });
	const now = h("span", { class: "nr-now" });
	const element = h("div", { class: "nr-header" }, name, list, missing, now);
	let before = null;
	return {
		element,
		update(state) {
			const { facts, status } = state;
			const busy = status.state === "busy" || status.state === "waiting";
			say(now, busy ? shorten(status.text, 120) : "");
			attribute(now, "title", busy ? tooltip(status.text) || null : null);
			if (!changed(before, state, ["facts"])) return;
			before = state;
			fill(name, shorten(facts.model || "Inspector", 60));
			fill(list, ...factsOf(facts).map(([key, value]) => h("div", { class: "nr-fact", title: tooltip(value) }, h("dt", {}, key), h("dd", {}, shorten(value, 60)))));
			const without = Object.entries(GIVEN).filter(([key]) => facts.model && !facts[
				/** @type {Name} */
				key
			]).map(([, words]) => words);
			fill(missing, without.length ? `without ${without.join(", ")}` : "");
			attribute(missing, "title", without.length ? "give them to the Inspector, and more can be shown" : null);
		}
	};
}
function factsOf(facts) {
	const trainable = facts.trainable && facts.trainable !== facts.parameters ? `, ${facts.trainable} trainable` : "";
	const batches = [facts.batches && `${facts.batches} batches`, facts.batch_size && `of ${facts.batch_size}`].filter(Boolean).join(" ");
	const pairs = [
		["parameters", facts.parameters && `${facts.parameters}${trainable}`],
		["dtype", [facts.dtype, facts.device && `on ${facts.device}`].filter(Boolean).join(" ")],
		["mode", facts.mode],
		["train", [facts.samples && `${facts.samples} samples`, batches || !facts.samples && facts.loader].filter(Boolean).join(" · ")],
		["validation", facts.validation],
		["loss", facts.loss],
		["optimizer", [facts.optimizer, facts.rate && `rate ${facts.rate}`].filter(Boolean).join(" · ")]
	];
	return pairs.flatMap(([key, value]) => value ? [
		/** @type {[string, string]} */
		[key, value]
	] : []);
}

// src/dashboard/mounting.js
function mountingOf({ widget_manager: manager }) {
	const able = typeof manager?.get_model === "function" && typeof manager.create_view === "function";
	return able ? async (id) => manager.create_view(await manager.get_model(id)) : null;
}

// src/dashboard/words.js
var TONES = (
	/** @type {const} */
	{ ok: ["●", "fine"], warn: ["▲", "warning"], bad: ["✕", "failed"], "": ["", ""] }
);
var STEPS = (
	/** @type {const} */
	{ done: ["✓", "ok", "done"], attention: ["▲", "warn", "needs attention"], todo: ["○", "", "to do"], off: ["–", "", "not possible yet"] }
);
var roomOf = ({ rooms }, name) => rooms.find((room) => room.name === name) ?? null;
var titleOf = (state, name) => roomOf(state, name)?.title ?? name;
function actionOf(state, step) {
	if (!step.room || step.state === "off") return "";
	return step.action || `Open ${titleOf(state, step.room)}`;
}
var reasonAgainst = ({ status }) => status.state === "closed" ? status.text || "this dashboard is closed" : "";
var stepsOf = ({ recipe }) => recipe.chapters.flatMap((chapter) => chapter.steps);
function nameOf({ split, index, position, label }) {
	const place = [position === null ? "" : `${position} of the batch`, index === null ? "" : `index ${index}`].filter(Boolean).join(" · ");
	return { place, label: label === "" ? "" : `label ${label}`, split };
}

// src/dashboard/notices.js
function createNotices({ renew, dismiss }) {
	const bar = h("div", { class: "nb-progress", "aria-hidden": true }, h("span"));
	const again = button("Inspect the new one", renew, { class: "nb-primary" });
	const failure = line("bad", "✕", "alert", h("button", { type: "button", class: "nb-plain", "aria-label": "Dismiss this message", onclick: dismiss }, "✕"));
	const error = line("bad", "✕", "alert");
	const stale = line("warn", "▲", "status", again);
	const idle = line("muted", "i", null);
	const closed = line("muted", "■", null);
	const element = h("div", { class: "nb-notices" }, bar, failure.element, error.element, stale.element, idle.element, closed.element);
	return {
		element,
		update(state) {
			const { status, pending } = state;
			const opening = state.rooms.some((room2) => room2.state === "opening");
			const busy = opening || pending.length > 0 || status.state === "busy" || status.state === "waiting";
			bar.hidden = !busy || status.state === "closed";
			const room = roomOf(state, state.active);
			const told = room?.state === "error" ? room.why : "";
			const wrong = status.state === "error" ? status.text || "something went wrong in the kernel" : null;
			failure.show(state.failure === told ? null : state.failure);
			error.show(wrong === told || wrong === state.failure ? null : wrong);
			stale.show(status.stale);
			idle.show(status.state === "idle" ? status.text : null);
			closed.show(status.state === "closed" ? status.text || "closed: what was sent can still be looked at" : null);
			again.hidden = !status.renew;
			enable(again, { reason: reasonAgainst(state), busy: pending.includes("renew"), title: "closes the views of the old one; what was found about the data is kept" });
		}
	};
}
function line(tone, icon, role, ...more) {
	const text = h("span");
	const element = h("div", { class: "nb-notice", "data-tone": tone, role }, h("span", { class: "nb-icon", "aria-hidden": true }, icon), text, ...more);
	return {
		element,
		/** @param {string | null} words */
		show(words) {
			element.hidden = !words;
			say(text, shorten(words ?? "", 4e3));
		}
	};
}

// src/dashboard/step.js
function createStep({ act, go: enter }) {
	let id = "";
	let room = (
		/** @type {import("./types.js").RoomName | null} */
		null
	);
	const [icon, word, text] = [h("span", { class: "nr-icon", "aria-hidden": true }), h("span", { class: "nb-unseen" }), h("p", { class: "nr-found" })];
	const problem = button("", () => room && enter(room), { class: "nr-found", title: "look at it" });
	const [advice, sources] = [h("p"), h("p", { class: "nr-soft" })];
	const more = h("div", { class: "nr-more", hidden: true }, advice, sources);
	const name = h("span");
	const title = button("", unfold, { class: "nr-step", "aria-expanded": "false" }, name, word);
	const go = button("", () => act(id), { class: "nr-act" });
	const element = h("li", {}, icon, title, go, text, problem, more);
	function unfold() {
		more.hidden = !more.hidden;
		attribute(title, "aria-expanded", String(!more.hidden));
	}
	return {
		element,
		/** @param {import("./types.js").Step} step @param {import("./types.js").State} state */
		update(step, state) {
			({ id, room } = step);
			const [mark, tone, said] = STEPS[step.state] ?? STEPS.todo;
			attribute(element, "data-state", step.state);
			attribute(element, "data-next", step.id === state.recipe.next);
			attribute(element, "aria-current", step.id === state.recipe.next ? "step" : null);
			say(icon, mark);
			attribute(icon, "data-tone", tone || null);
			say(name, shorten(step.title, 120));
			say(word, `, ${said}`);
			attribute(title, "title", tooltip(step.advice) || null);
			const wrong = step.state === "attention" && room !== null;
			for (const one of [text, problem]) say(one, shorten(step.text, 300));
			text.hidden = !step.text || wrong;
			problem.hidden = !step.text || !wrong;
			say(advice, shorten(step.advice, 1e3));
			say(sources, shorten(step.sources.join(" · "), 300));
			const words = actionOf(state, step);
			go.hidden = !words;
			say(go, shorten(words, 60));
			attribute(go, "aria-label", words ? `${shorten(words, 60)}: ${shorten(step.title, 120)}` : null);
			enable(go, { reason: reasonAgainst(state), busy: state.pending.includes(`act ${step.id}`) });
		}
	};
}

// src/dashboard/recipe.js
function createRecipe(actions) {
	const next = createNext(actions);
	const done = h("span", { class: "nr-done" });
	const bar = h("div", { class: "nr-bar", role: "progressbar", "aria-label": "Recipe", "aria-valuemin": 0 }, h("span"));
	const filled = (
		/** @type {HTMLElement} */
		bar.firstElementChild
	);
	const chapters = h("div", { class: "nr-chapters" });
	const element = h("section", { class: "nr-recipe", "aria-label": "Recipe" }, h("div", { class: "nr-top" }, next.element, h("div", { class: "nr-standing" }, done, bar)), chapters);
	const drawn = [];
	let before = null;
	return {
		element,
		update(state) {
			if (!changed(before, state, ["recipe", "status", "pending", "rooms"])) return;
			before = state;
			const { recipe } = state;
			next.update(state);
			say(done, recipe.total ? `${recipe.done} of ${plural(recipe.total, "step")} done` : "");
			bar.hidden = recipe.total === 0;
			attribute(bar, "aria-valuemax", recipe.total);
			attribute(bar, "aria-valuenow", recipe.done);
			filled.style.width = `${100 * recipe.done / Math.max(recipe.total, 1)}%`;
			while (drawn.length > recipe.chapters.length) drawn.pop()?.element.remove();
			recipe.chapters.forEach((chapter, i) => {
				drawn[i] ??= createChapter(actions);
				if (!drawn[i].element.parentNode) chapters.append(drawn[i].element);
				drawn[i].update(chapter, state);
			});
		}
	};
}
function createNext({ act, go: enter }) {
	const [icon, lead, title, why] = [h("span", { class: "nr-icon", "aria-hidden": true }), h("span", { class: "nr-lead" }), h("span", { class: "nr-nexttitle" }), h("p", { class: "nr-why" })];
	let step;
	const go = button("", () => step && (step.state === "attention" && step.room ? enter(step.room) : act(step.id)), { class: "nr-go" });
	const element = h("section", { class: "nr-next", "aria-label": "Next step" }, h("div", { class: "nr-nextline" }, icon, h("h3", {}, lead, title)), why, go);
	return {
		element,
		/** @param {State} state */
		update(state) {
			const { recipe } = state;
			step = stepsOf(state).find((one) => one.id === recipe.next);
			const attention = step?.state === "attention";
			element.hidden = recipe.total === 0;
			attribute(element, "data-tone", attention ? "warn" : step ? null : "ok");
			say(icon, attention ? "▲" : step ? "→" : "✓");
			say(lead, attention ? step?.certain ? "Mend first: " : "Worth a look: " : step ? "Next: " : "");
			say(title, step ? shorten(attention && step.text || step.title, 160) : shorten(recipe.nextText, 160));
			say(why, shorten(attention ? `${step?.title}. ${step?.advice}` : recipe.nextText || step?.advice || "", 600));
			const words = !step ? "" : attention && step.room ? `Open ${titleOf(state, step.room)}` : actionOf(state, step);
			go.hidden = !words;
			say(go, shorten(words, 60));
			enable(go, { reason: reasonAgainst(state), busy: state.pending.includes(`act ${step?.id}`) });
		}
	};
}
function createChapter(actions) {
	const [title, tally] = [h("span"), h("span", { class: "nr-tally" })];
	const list = h("ul", { class: "nr-steps" });
	const element = h("section", { class: "nr-chapter" }, h("h4", {}, title, tally), list);
	const steps = new Map();
	return {
		element,
		/** @param {Chapter} chapter @param {State} state */
		update(chapter, state) {
			say(title, shorten(chapter.title, 80));
			attribute(element, "aria-label", shorten(chapter.title, 80));
			say(tally, `${chapter.steps.filter((step) => step.state === "done").length} of ${chapter.steps.length}`);
			const kept = new Set(chapter.steps.map((step) => step.id));
			for (const [id, step] of steps) {
				if (kept.has(id)) continue;
				step.element.remove();
				steps.delete(id);
			}
			chapter.steps.forEach((step, i) => {
				const own = steps.get(step.id) ?? createStep(actions);
				steps.set(step.id, own);
				if (list.children[i] !== own.element) list.insertBefore(own.element, list.children[i] ?? null);
				own.update(step, state);
			});
		}
	};
}

// src/dashboard/slot.js
var alone = (name) => `This front end cannot show one widget inside another. Run inspector.${name}() in a cell of its own.`;
function createSlot(actions, mounting, prefix, recipe) {
	const element = h("div", { class: "nr-slot" });
	const panes = new Map();
	return {
		element,
		update(state) {
			for (const room of state.rooms) {
				const known = panes.get(room.name);
				const pane = known ?? createPane(room.name, prefix, actions, mounting, room.name === "recipe" ? recipe : null);
				if (!known) element.append(pane.element);
				panes.set(room.name, pane);
				pane.update(room, state);
			}
		},
		destroy() {
			for (const pane of panes.values()) pane.destroy();
		}
	};
}
function createPane(name, prefix, actions, mounting, page) {
	const words = h("p", { class: "nr-words" });
	const open = button("Open", () => actions.go(name));
	const place = h("div", { class: "nr-place" }, words, open);
	const element = h("div", { class: "nr-pane", role: "tabpanel", id: `${prefix}-${name}`, "aria-labelledby": `${prefix}-tab-${name}`, tabindex: -1 }, page ?? place);
	let wanted = (
		/** @type {string | null} */
		null
	);
	let child = (
		/** @type {import("./types.js").Child | null} */
		null
	);
	let failure = "";
	function unmount() {
		child?.remove();
		child?.el.remove();
		child = null;
	}
	async function mount(by, id) {
		try {
			const made = await by(id);
			if (wanted !== id) return void made.remove();
			child = made;
			element.append(made.el);
			place.hidden = true;
		} catch (error) {
			if (wanted !== id) return;
			failure = `The view could not be shown: ${error instanceof Error ? error.message : error}`;
			say(words, shorten(failure, 1e3));
		}
	}
	const isOpening = (room, state) => room.state === "opening" || state.pending.includes(`open ${name}`);
	function wordsOf(room, state) {
		if (room.state === "off") return room.why || "This room cannot be opened.";
		if (!mounting) return alone(name);
		if (room.state === "error") return room.why || "This room cannot be opened.";
		if (room.state === "open") return failure;
		return isOpening(room, state) ? `Opening ${room.title} …` : `${room.title} is not open.`;
	}
	return {
		element,
		/** @param {Room} room @param {State} state */
		update(room, state) {
			const away = room.name !== state.active;
			element.classList.toggle("nr-away", away);
			attribute(element, "inert", away);
			if (page) return;
			if (room.model !== wanted) {
				wanted = room.model;
				failure = "";
				unmount();
				if (wanted && mounting) void mount(mounting, wanted);
			}
			place.hidden = child !== null;
			attribute(words, "data-tone", room.state === "error" ? "bad" : null);
			say(words, shorten(wordsOf(room, state), 2e3));
			open.hidden = !mounting || !(room.state === "error" || room.state === "closed" && !isOpening(room, state));
			say(open, room.state === "error" ? "Try again" : `Open ${room.title}`);
			enable(open, { reason: reasonAgainst(state), busy: state.pending.includes(`open ${name}`) });
		},
		destroy() {
			wanted = null;
			unmount();
		}
	};
}

// src/dashboard/spoken.js
var SELDOM = 2e3;
function createSpoken() {
	const element = h("div", { class: "nb-unseen", role: "status" });
	let before = null;
	let last = -Infinity;
	let timer = 0;
	function tell(words) {
		clearTimeout(timer);
		const left = last + SELDOM - Date.now();
		if (left > 0) {
			timer = setTimeout(() => tell(words), left);
			return;
		}
		last = Date.now();
		say(element, words);
	}
	return {
		element,
		update(state) {
			const words = before ? newsOf(before, state) : "";
			before = state;
			if (words) tell(words);
		},
		destroy: () => clearTimeout(timer)
	};
}
function newsOf(before, now) {
	const [old, room] = [roomOf(before, now.active), roomOf(now, now.active)];
	if (room && old?.state !== room.state && room.state === "open") return `${room.title} is open`;
	if (room && old?.state !== room.state && room.state === "error") return `${room.title} could not be opened: ${room.why}`;
	if (now.sample && now.sample !== before.sample) {
		const { place, label, split } = nameOf(now.sample);
		return `Sample ${[place, label, split].filter(Boolean).join(", ")} is held, from ${titleOf(now, now.sample.from)}`;
	}
	if (now.status.text && now.status.text !== before.status.text && now.status.state !== "error") return now.status.text;
	if (now.recipe.done !== before.recipe.done) return `${now.recipe.done} of ${now.recipe.total} steps of the recipe are done`;
	return "";
}

// src/dashboard/strip.js
var ROOMS = (
	/** @type {const} */
	["data", "batch", "forward", "dynamics"]
);
function createStrip({ carry, clear }) {
	const [place, label, split] = [h("b"), h("span"), h("span", { class: "nr-soft" })];
	const what = h("span", { class: "nr-what" }, h("span", { class: "nr-soft" }, "Sample"), place, label, split);
	const buttons = ROOMS.map((name) => ({ name, element: button("", () => carry(name), { class: "nr-carry" }) }));
	const drop = button("✕", clear, { class: "nr-drop", "aria-label": "Let go of this sample", title: "let go of this sample" });
	const hint = h("span", { class: "nr-soft nr-hint" }, "a sample that you pick in a room can be carried into the others");
	const carries = h("span", { class: "nr-carries", role: "group", "aria-label": "Show this sample in" }, ...buttons.map((one) => one.element));
	const picked = h("span", { class: "nr-picked" }, what, h("span", { class: "nr-carrying" }, carries, drop));
	const element = h("section", { class: "nr-strip", "aria-label": "Selected sample" }, hint, picked);
	let before = null;
	return {
		element,
		update(state) {
			if (!changed(before, state, ["sample", "active", "status", "pending", "rooms"])) return;
			before = state;
			const { sample, pending } = state;
			hint.hidden = sample !== null;
			picked.hidden = sample === null;
			attribute(element, "data-empty", sample === null && state.active === "recipe");
			if (!sample) return;
			const name = nameOf(sample);
			say(place, name.place);
			say(label, shorten(name.label, 40));
			say(split, name.split);
			attribute(what, "title", `${name.split} ${name.place} ${shorten(name.label, 200)}`);
			enable(drop, { reason: reasonAgainst(state), busy: pending.includes("clear"), title: "let go of this sample" });
			for (const one of buttons) {
				const where = sample.where[one.name];
				const here = one.name === state.active;
				say(one.element, titleOf(state, one.name));
				attribute(one.element, "aria-current", here ? "true" : null);
				const reason = reasonAgainst(state) || (typeof where === "string" ? where : where ? "" : "it cannot be shown there");
				enable(one.element, { reason, busy: pending.includes(`show ${one.name}`), title: `show this sample in ${titleOf(state, one.name)}` });
			}
		}
	};
}

// src/dashboard/tabs.js
function createTabs({ go }, prefix) {
	const element = h("div", { class: "nr-tabs", role: "tablist", "aria-label": "Rooms", onkeydown: walk });
	const tabs = new Map();
	let before = null;
	function walk(event) {
		const all = [...tabs.values()].map((tab) => tab.element);
		const now = all.findIndex((tab) => tab === activeIn(element));
		const to = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: -1 }[event.key];
		if (to === void 0 || now < 0) return;
		const aim = (
			/** @type {HTMLElement} */
			all.at(to % all.length)
		);
		for (const tab of all) attribute(tab, "tabindex", tab === aim ? 0 : -1);
		aim.focus();
		event.preventDefault();
		event.stopPropagation();
	}
	return {
		element,
		focus: () => before && tabs.get(before.active)?.element.focus(),
		update(state) {
			if (!changed(before, state, ["rooms", "active", "pending"])) return;
			const moved = before?.active !== state.active;
			before = state;
			for (const room of state.rooms) {
				const known = tabs.get(room.name);
				const tab = known ?? createTab(room.name, prefix, go);
				if (!known) element.append(tab.element);
				tabs.set(room.name, tab);
				tab.update(room, state);
				if (moved || !known) attribute(tab.element, "tabindex", room.name === state.active ? 0 : -1);
			}
		}
	};
}
function createTab(name, prefix, go) {
	const [title, icon, word, text] = [h("span", { class: "nr-title" }), h("span", { class: "nr-icon", "aria-hidden": true }), h("span", { class: "nb-unseen" }), h("span", { class: "nr-badge" })];
	const element = h("button", { type: "button", class: "nr-tab", role: "tab", id: `${prefix}-tab-${name}`, "aria-controls": `${prefix}-${name}`, onclick: () => go(name) }, title, icon, word, text);
	return {
		element,
		/** @param {import("./types.js").Room} room @param {State} state */
		update(room, state) {
			const opening = room.state === "opening" || state.pending.includes(`open ${name}`);
			const tone = room.state === "error" ? "bad" : room.tone;
			const [mark, said] = TONES[tone] ?? TONES[""];
			say(title, room.title);
			attribute(title, "data-title", room.title);
			say(icon, opening ? "…" : mark);
			say(word, opening ? ", opening" : room.state === "off" ? ", not possible yet" : said && `, ${said}: `);
			say(text, opening || room.state === "off" ? "" : shorten(room.text, 40));
			attribute(icon, "data-tone", tone || null);
			attribute(element, "data-state", room.state);
			attribute(element, "aria-selected", String(name === state.active));
			attribute(element, "aria-busy", opening);
			attribute(element, "title", shorten(room.why, 300) || null);
		}
	};
}

// src/dashboard.js
var INITIAL = {
	rooms: [],
	active: "recipe",
	facts: {},
	sample: null,
	recipe: { chapters: [], next: null, nextText: "", done: 0, total: 0 },
	status: { state: "idle", text: "", stale: null, renew: false },
	pending: [],
	failure: null
};
var SELDOM2 = 5e3;
var dashboards = 0;
function render({ model, el }) {
	const mounting = mountingOf(model);
	const prefix = `nr${++dashboards}`;
	const requests = createRequests(model);
	const store = createStore(INITIAL, (state) => state);
	async function ask(method, params = {}) {
		const key = [method, ...Object.values(params)].join(" ");
		if (store.get().pending.includes(key) || store.get().status.state === "closed") return;
		store.set({ pending: [...store.get().pending, key], failure: null });
		const settle = () => store.get().pending.filter((one) => one !== key);
		try {
			await requests.ask(method, params);
			store.set({ pending: settle() });
		} catch (error) {
			store.set({ pending: settle(), failure: error instanceof Error ? error.message : String(error) });
		}
	}
	function go(name) {
		store.set({ active: name });
		if (!mounting && name !== "recipe") return;
		model.set("active", name);
		save(model);
		const state = roomOf(store.get(), name)?.state;
		if (name !== "recipe" && state !== "off") void ask("open", { room: name });
	}
	const actions = {
		go,
		carry: (room) => void ask("show", { room }),
		act: (step) => void ask("act", { step }),
		clear: () => void ask("clear"),
		renew: () => void ask("renew"),
		dismiss: () => store.set({ failure: null })
	};
	const recipe = createRecipe(actions);
	const tabs = createTabs(actions, prefix);
	const [facts, strip, notices, slot, spoken] = [createFacts(), createStrip(actions), createNotices(actions), createSlot(actions, mounting, prefix, recipe.element), createSpoken()];
	const views = [facts, tabs, strip, notices, recipe, slot, spoken];
	const sheet = h("div", { class: "nb-sheet" }, facts.element, h("div", { class: "nr-row" }, tabs.element, strip.element), notices.element, slot.element, spoken.element);
	const root = h("div", { class: "nbinspect nr-dashboard", role: "region", "aria-label": "Inspector", onfocusin: keepKeys }, sheet);
	function draw(state) {
		const held = activeIn(root);
		const inside = held !== null && root.contains(held);
		for (const view of views) view.update(state);
		if (inside && (held.closest("[hidden], [inert]") || !root.contains(activeIn(root)))) tabs.focus();
	}
	const reads = createReads(model, store);
	const traits = [
		reads("rooms", (rooms) => ({ rooms: rooms ?? [] })),
		reads("active", (active) => ({ active: active || INITIAL.active })),
		reads("facts", (facts2) => ({ facts: facts2 ?? {} })),
		reads("sample", (sample) => ({ sample: sample ?? null })),
		reads("recipe", (found) => ({ recipe: { ...INITIAL.recipe, ...found } })),
		reads("status", (status) => ({ status: { ...INITIAL.status, ...status } }))
	];
	el.append(root);
	const unfollow = followTheme(root, sheet);
	for (const { read } of traits) read();
	const stop = store.subscribe(draw);
	draw(store.get());
	let over = false;
	let placed = false;
	const pulse = setInterval(() => {
		if (placed && !el.parentNode) end();
		placed ||= Boolean(el.parentNode);
	}, SELDOM2);
	function end() {
		if (over) return;
		over = true;
		for (const { name, read } of traits) model.off(`change:${name}`, read);
		clearInterval(pulse);
		stop();
		unfollow();
		requests.close();
		for (const view of views) view.destroy?.();
		root.remove();
	}
	return end;
}
var dashboard_default = { render };
export {
	dashboard_default as default
};
