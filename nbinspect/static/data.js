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
function context(canvas, width, height) {
	const ratio = globalThis.devicePixelRatio || 1;
	canvas.width = Math.max(1, Math.round(width * ratio));
	canvas.height = Math.max(1, Math.round(height * ratio));
	canvas.style.width = `${width}px`;
	canvas.style.height = `${height}px`;
	const drawing = canvas.getContext("2d");
	drawing?.setTransform(ratio, 0, 0, ratio, 0, 0);
	return drawing;
}
function keepKeys(event) {
	const focused = (
		/** @type {Element} */
		event.target
	);
	focused.setAttribute("data-lm-suppress-shortcuts", "true");
}

// src/picked.js
function createPicked(model, names, follow) {
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
		}
	};
}
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
function createStore(initial, derive2) {
	let state = initial;
	const listeners = new Set();
	return {
		get: () => state,
		set(patch) {
			state = derive2({ ...state, ...patch }, state);
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

// src/data/numbers.js
function numbersOf(value) {
	if (!value) return [];
	return "data" in value ? value.data : value;
}
function greatest(values) {
	let most = 0;
	for (let i = 0; i < values.length; i++) if (values[i] > most) most = values[i];
	return most;
}
function total(values) {
	let sum = 0;
	for (let i = 0; i < values.length; i++) sum += values[i];
	return sum;
}
function timeText(seconds) {
	if (seconds < 1) return "under 1 s";
	if (seconds < 90) return `${Math.round(seconds)} s`;
	return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

// src/data/state.js
var INITIAL = {
	dataset: null,
	view: null,
	status: { state: "idle", text: "", work: null, done: null, left: null, stale: null },
	mode: "both",
	tab: "charts",
	sample: null,
	labelling: false,
	pending: [],
	late: [],
	failure: null,
	queryError: null,
	answers: new Map(),
	arrivals: 0,
	selected: new Set()
};
function derive(state, before) {
	const next = { ...state };
	if (state.view !== before.view) next.selected = selectedOf(state, before);
	if (state.dataset && !tabsOf(state.dataset).includes(state.tab)) next.tab = "charts";
	return next;
}
function selectedOf({ view }, { selected }) {
	const rows = numbersOf(view?.selected);
	const same = rows.length === selected.size && Array.prototype.every.call(rows, (row) => selected.has(row));
	return same ? selected : new Set(Array.from(rows));
}
function tabsOf(dataset) {
	const tabs = ["charts", "findings"];
	if (!dataset) return tabs;
	if (dataset.labelKind) tabs.push("labels");
	if (dataset.features.length) tabs.push("features");
	if (dataset.splits.length > 1) tabs.push("splits");
	const classes = columnOf(dataset, "label")?.kind === "class";
	if (dataset.hasModel && classes) tabs.push("confusion");
	if (dataset.hasModel) tabs.push("slices");
	if (dataset.hasModel && dataset.labelKind) tabs.push("outputs");
	if (classes) tabs.push("issues");
	if (dataset.labelKind) tabs.push("baselines");
	if (classes) tabs.push("human");
	if (dataset.labelKind && dataset.hasModel) tabs.push("decomposition");
	return tabs;
}
var columnOf = (dataset, name) => dataset?.columns.find((column) => column.name === name) ?? null;
var targetsOf = (dataset) => (dataset?.columns ?? []).filter(({ about }) => about === "target");
var mainTarget = (dataset) => columnOf(dataset, "label") ?? targetsOf(dataset).find(({ kind }) => kind !== "text") ?? null;
var withTarget = (dataset, names) => names.map((name) => name === "label" ? mainTarget(dataset)?.name ?? name : name);
function targetText(dataset, { columns, cells }, alone = "") {
	const told = targetsOf(dataset).map(({ name }) => ({ name, text: cells[columns.indexOf(name)] ?? "" }));
	if (told.length < 2) return told[0]?.text ? `${alone}${told[0].text}` : "";
	return told.filter(({ text }) => text).map(({ name, text }) => `${name} ${text}`).join(" · ");
}
var isScanning = ({ status }) => status.work === "scan";
function reasonAgainst({ status, dataset }) {
	if (status.state === "closed") return status.text || "this view is closed";
	return dataset ? "" : "nothing has been scanned yet";
}
function reasonAgainstWork(state) {
	const reason = reasonAgainst(state);
	if (reason) return reason;
	return state.status.work ? `${state.status.work} is under way` : "";
}
function isWrong(dataset, columns, cells) {
	const [label, guess] = [columns.indexOf("label"), columns.indexOf("prediction")];
	if (label < 0 && guess >= 0) return judgedBy(columns, cells);
	if (label < 0 || guess < 0 || !cells[guess] || !cells[label]) return null;
	const kinds = [columnOf(dataset, "label")?.kind, columnOf(dataset, "prediction")?.kind];
	if (kinds.some((kind) => kind === "number" || kind === void 0)) return null;
	if (kinds[0] !== kinds[1]) return judgedBy(columns, cells);
	return cells[label] !== cells[guess];
}
function judgedBy(columns, cells) {
	const judged = cells[columns.indexOf("correct")];
	return judged ? judged === "✕" : null;
}
function waitingText({ late, status }) {
	if (!late.length || status.work) return "";
	const names = [...new Set(late)].map((method) => WORDS[method] ?? method);
	return `${names.slice(0, 3).join(", ")}: waits for the running cell`;
}
var WORDS = {
	rows: "rows",
	samples: "previews",
	scan: "scan",
	predict: "predictions",
	confusion: "confusion",
	slices: "slices",
	outputs: "outputs",
	issues: "label issues",
	nearest: "nearest samples",
	baselines: "baselines",
	curve: "learning curve",
	human: "samples to label",
	decompose: "decomposition",
	split: "the other split",
	scatter: "map"
};

// src/data/actions.js
var LATE = 700;
function createActions(store, send, tell2) {
	const timers = new Set();
	function without(names, method) {
		const at = names.indexOf(method);
		return at < 0 ? names : names.filter((_, i) => i !== at);
	}
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
			return await send(method, params) ?? {};
		} finally {
			clearTimeout(timer);
			timers.delete(timer);
			const now = store.get();
			store.set({ pending: without(now.pending, method), late: said.late ? without(now.late, method) : now.late });
		}
	}
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
			const answer = { payload: null, error: null, serial: 0 };
			try {
				answer.payload = await request(method, params);
			} catch (error) {
				answer.error = wordsOf(error);
			}
			answer.serial = store.get().dataset?.serial ?? 0;
			store.set({ answers: new Map([...store.get().answers, [key, answer]]) });
		},
		open(sample) {
			store.set({ sample });
			tell2(sample?.row ?? null);
		},
		openHuman: () => store.set({ tab: "human" }),
		close() {
			for (const timer of timers) clearTimeout(timer);
		}
	};
}
var wordsOf = (error) => error instanceof Error ? error.message : String(error);
var isOutdated = (state, answer) => !isScanning(state) && state.dataset !== null && answer.serial !== state.dataset.serial;

// src/numbers.js
var minus = (text) => text.replaceAll("-", "−");
function figure(value, integer = false) {
	if (Number.isNaN(value)) return "NaN";
	if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "−Inf";
	if (value === 0) return integer ? "0" : "0.000";
	if (integer && Number.isInteger(value)) return minus(value.toLocaleString("en-US"));
	const size = Math.abs(value);
	if (size >= 1e6 || size < 1e-4) return minus(value.toExponential(2));
	if (size >= 1e4) return minus(value.toLocaleString("en-US", { maximumFractionDigits: 0 }));
	return minus(value.toPrecision(4));
}
function brief(value) {
	if (!Number.isFinite(value)) return figure(value);
	const size = Math.abs(value);
	if (size !== 0 && (size >= 1e5 || size < 1e-3)) return minus(value.toExponential(1));
	return minus(String(Number(value.toPrecision(size >= 1e3 ? 5 : 3))));
}
function share(part, whole) {
	if (!whole) return "–";
	const percent = 100 * part / whole;
	if (part > 0 && percent < 0.1) return "<0.1 %";
	return `${part === 0 || part === whole ? percent : Math.min(percent, part < whole ? 99.9 : percent).toFixed(1)} %`;
}
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
function choice(name, act) {
	const select = h("select", { "aria-label": name, onchange: () => act(select.value) });
	const element = h("span", { class: "nf-control" }, h("span", { "aria-hidden": true }, name), select);
	let written = "";
	return {
		element,
		select,
		/** @param {[string, string][]} options value and text @param {string} value */
		show(options, value) {
			const key = JSON.stringify(options);
			if (key !== written) select.replaceChildren(...options.map(([own, text]) => h("option", { value: own }, text)));
			written = key;
			select.value = value;
		}
	};
}
var activeIn = (element) => (
	/** @type {Document | ShadowRoot} */
	element.getRootNode().activeElement
);

// src/data/header.js
var CHIPS = 4;
var shortText = ({ kind, count: many }) => many > 0 ? `${count(many)} ${many === 1 ? kind.replace(/s$/, "") : kind}` : kind;
function createHeader({ store, actions }) {
	const chips = h("span", { class: "ne-facts" });
	const findings = h("span", { class: "ne-found" });
	const splits = h("span", { class: "ne-switch", role: "group", "aria-label": "Split" });
	const where = h("span", { class: "ne-where", role: "status" });
	const bar = h("span", { class: "ne-bar", role: "progressbar", "aria-label": "Progress", "aria-valuemin": 0, "aria-valuemax": 100 }, h("span"));
	const filled = (
		/** @type {HTMLElement} */
		bar.firstElementChild
	);
	const stop = button("Cancel", () => void actions.ask("cancel"));
	const scan = button("Scan", () => void actions.ask("scan"));
	const human = button("Human baseline", actions.openHuman);
	const learn = button("Anything to learn?", () => {
		store.set({ tab: "baselines" });
		if (!store.get().answers.has("baselines")) void actions.work("baselines", "baselines");
	});
	const element = h("div", { class: "ne-header" }, h("strong", { class: "nb-title" }, "Data"), splits, chips, findings, h("span", { class: "ne-actions" }, where, bar, stop, scan, human, learn));
	let before = null;
	let found2 = "";
	return {
		element,
		update(state) {
			if (changed(before, state, ["dataset"])) {
				writeFacts(state);
				writeFindings(state);
			}
			if (changed(before, state, ["dataset", "status", "pending", "labelling"])) writeSplits(state);
			if (changed(before, state, ["dataset", "status", "pending", "late", "labelling"])) writeWork(state);
			before = state;
		}
	};
	function writeFacts({ dataset }) {
		if (!dataset) return fill(chips, h("span", { class: "ne-soft" }, "not scanned yet"));
		const targets = targetsOf(dataset);
		const words = targets.length === 1 ? targets[0].words?.length ?? 0 : 0;
		const excluded = dataset.marks?.excluded ?? 0;
		fill(
			chips,
			chip(plural(dataset.total ?? dataset.scanned, "sample"), `${dataset.name}, ${dataset.split}: ${plural(dataset.scanned, "sample")} scanned${dataset.failed ? `, ${count(dataset.failed)} could not be read` : ""}`),
			words > 0 && chip(words >= 200 ? "200 labels or more" : plural(words, "label"), "distinct labels"),
			targets.length > 1 && chip(plural(targets.length, "target"), `what the data set says of each sample: ${targets.map(({ name }) => shorten(name, 40)).join(", ")}`),
			excluded > 0 && chip(`${count(excluded)} excluded`, "marked as excluded: explorer.subset() leaves them out")
		);
	}
	function writeFindings({ dataset }) {
		const all = (dataset?.findings ?? []).filter(({ level }) => level !== "ok");
		const key = JSON.stringify(all);
		if (key === found2) return;
		found2 = key;
		const shown = all.filter(({ level }) => level === "warn").slice(0, CHIPS).map((finding) => {
			const act = () => finding.query ? void actions.filter(finding.query) : store.set({ tab: "findings" });
			return button(`▲ ${shortText(finding)}`, act, { class: "ne-alarm", "data-tone": "warn", title: tooltip(`${finding.text}
${finding.query ? "Click to show only these." : "Click for more."}`) });
		});
		const rest = all.length - shown.length;
		const none = dataset?.complete && !all.length && h("span", { "data-tone": "ok" }, "● nothing suspicious found");
		fill(findings, ...shown, rest > 0 && button(shown.length ? `+${rest}` : plural(rest, "note"), () => store.set({ tab: "findings" }), { class: "ne-alarm", "data-tone": "muted", title: "all findings" }), none);
	}
	function writeSplits(state) {
		const names = state.dataset?.splits ?? [];
		splits.hidden = names.length < 2;
		const reason = state.labelling ? "samples are being labelled" : reasonAgainstWork(state);
		if (splits.children.length !== names.length) fill(splits, ...names.map((name) => button(name, () => name !== store.get().dataset?.split && void actions.ask("split", { name }))));
		names.forEach((name, i) => {
			const own = (
				/** @type {HTMLElement} */
				splits.children[i]
			);
			say(own, name.charAt(0).toUpperCase() + name.slice(1));
			attribute(own, "aria-pressed", String(name === state.dataset?.split));
			enable(own, { reason: name === state.dataset?.split ? "" : reason, busy: state.pending.includes("split") && name !== state.dataset?.split, title: `the ${name} split` });
		});
	}
	function writeWork(state) {
		const { status, dataset } = state;
		const text = workText(state);
		say(where, shorten(text, 90));
		attribute(where, "title", tooltip(text) || null);
		attribute(where, "data-busy", status.work !== null || waitingText(state) !== "");
		attribute(where, "data-rest", status.work === null && dataset?.complete === true && waitingText(state) === "");
		bar.hidden = status.work === null;
		attribute(bar, "aria-valuenow", status.done === null ? null : Math.round(100 * status.done));
		bar.classList.toggle("ne-endless", status.done === null);
		filled.style.width = status.done === null ? "" : `${100 * Math.min(Math.max(status.done, 0), 1)}%`;
		stop.hidden = status.work === null;
		enable(stop, { busy: state.pending.includes("cancel"), title: status.work === "scan" ? "end the scan; what was scanned stands" : "end this work; what was there before stands" });
		const closed = status.state === "closed" ? status.text || "this view is closed" : state.labelling ? "samples are being labelled" : "";
		scan.hidden = status.work !== null || dataset?.complete === true && !status.stale;
		say(scan, dataset && !dataset.complete ? "Scan on" : dataset ? "Scan again" : "Scan");
		enable(scan, { reason: closed, busy: state.pending.includes("scan"), title: "read every sample once" });
		const tabs = tabsOf(dataset);
		enable(human, { reason: closed || (tabs.includes("human") ? "" : dataset ? targetsOf(dataset).length > 1 ? "with several targets it is not known which a person is to tell" : "there are no classes to label by" : "nothing has been scanned yet"), title: "label samples by hand, to know what error a person makes" });
		enable(learn, { reason: closed || (tabs.includes("baselines") ? status.work && !state.answers.has("baselines") ? `${status.work} is under way` : "" : dataset ? "there are no labels to predict" : "nothing has been scanned yet"), title: "simple models beside the network" });
	}
}
function workText(state) {
	const { status, dataset } = state;
	const waits = waitingText(state);
	if (status.state === "closed") return "";
	if (status.work) {
		const share2 = status.done === null ? isScanning(state) && dataset ? `${count(dataset.scanned)} samples` : "" : `${Math.floor(100 * status.done)} %`;
		const left = status.left === null ? "" : `${timeText(status.left)} left`;
		const name = isScanning(state) ? "scanned" : status.text || status.work;
		return [[name, share2].filter(Boolean).join(" "), left].filter(Boolean).join(" · ");
	}
	if (waits) return waits;
	if (status.state === "busy" || status.state === "waiting") return status.text || "waits for the running cell";
	if (!dataset) return "";
	if (dataset.complete) return "scanned 100 %";
	return dataset.total ? `scanned ${Math.floor(100 * dataset.scanned / dataset.total)} %` : `scanned ${plural(dataset.scanned, "sample")}`;
}
var chip = (text, title) => h("span", { class: "nb-chip", title: tooltip(title) }, text);

// src/data/fields.js
var searchField = (what, act) => h("input", { type: "text", class: "ne-search", placeholder: what.toLowerCase(), "aria-label": what, oninput: act });
function problemLine(text = "") {
	const element = h("p", { class: "ne-problem", role: "alert" });
	tell(element, text);
	return element;
}
function tell(line2, text) {
	say(line2, text ? `✕ ${shorten(text, 1e3)}` : "");
	line2.hidden = text === "";
}

// src/data/result.js
function createResult({ actions }, { key, method = key, text, verb, params = () => ({}), draw, reason = () => "", after, atOnce }) {
	const go = button(verb, () => void actions.work(key, method, params()));
	const stop = button("Cancel", () => void actions.ask("cancel"), { hidden: true });
	const about = h("p", { class: "ne-about" }, text);
	const old = h("p", { class: "ne-soft", hidden: true }, "▲ made before the data on the page last changed");
	const problem = problemLine();
	const body = h("div", { class: "ne-result" });
	const element = h("section", {}, about, h("div", { class: "ne-pair" }, go, stop), old, problem, body);
	let before = null;
	return {
		element,
		body,
		update(state) {
			if (changed(before, state, ["answers", "dataset", "status", "pending"])) {
				const answer = state.answers.get(key);
				const busy = state.pending.includes(method);
				const against = reason(state) || reasonAgainstWork(state);
				if (atOnce && !answer && !busy && !against) void actions.work(key, method, params());
				enable(go, { reason: busy ? "" : against, busy });
				say(go, answer ? `${verb} again` : verb);
				stop.hidden = !busy || state.status.work === null;
				old.hidden = !answer?.payload || !isOutdated(state, answer);
				tell(problem, answer?.error ?? "");
				const fresh = answer !== before?.answers.get(key);
				before = state;
				if (fresh) fill(body, ...answer?.payload ? draw(answer.payload, state) : []);
			}
			after?.(state);
		}
	};
}
var notesOf = (notes) => notes?.length ? h("ul", { class: "ne-notes" }, ...notes.map((note) => h("li", {}, shorten(note, 400)))) : null;
var verdict = (sentence, tone) => sentence ? h("p", { class: "ne-verdict", "data-tone": tone ?? null }, shorten(sentence, 1e3)) : null;
function tableOf(name, heads, rows) {
	const head = h("tr", {}, ...heads.map((one) => h("th", { scope: "col" }, one)));
	const body = rows.map((cells) => h("tr", {}, ...cells.map((cell, i) => i ? h("td", {}, cell) : h("th", { scope: "row" }, cell))));
	return h("div", { class: "ne-tableplace", tabindex: 0, role: "region", "aria-label": name }, h("table", { class: "ne-table" }, h("thead", {}, head), h("tbody", {}, ...body)));
}
var between = (low, high) => `${/ %$/.test(low) && / %$/.test(high) ? low.slice(0, -2) : low} … ${high}`;
var filterButton = ({ actions }, query, text, title = "") => button(text, () => void actions.filter(query), { class: "nb-plain ne-left", title: shorten(title || `show only these: ${query}`, 500) });
var linesOf = (kit, dataset, kinds) => (dataset?.findings ?? []).filter(({ kind }) => kinds.includes(kind)).map(({ level, text, query }) => h("p", { class: "ne-line-of", "data-tone": level === "warn" ? "warn" : "muted" }, `${level === "warn" ? "▲" : "●"} ${shorten(text, 400)} `, query && filterButton(kit, query, "Show")));

// src/data/humansetup.js
var FIRST = 50;
function createHumanSetup(kit) {
	const { store } = kit;
	const many = h("input", { type: "number", class: "ne-many", min: 1, step: 1, value: FIRST, "aria-label": "Samples to label" });
	const twice = h("input", { type: "checkbox", "aria-label": "Ask for some twice" });
	const on = button("Go on labelling", () => store.set({ labelling: true }), { hidden: true, title: "answers so far stand" });
	const settings = h("div", { class: "ne-pair ne-settings" }, h("label", {}, "samples ", many), h("label", {}, twice, " ask for some twice, to see whether answers agree"));
	const view = createResult(kit, {
		key: "human-start",
		method: "human",
		text: "What error does a person make on these samples? You see each without its label and press the key of the one you think it has. Answers are kept as you go, and you can stop at any time.",
		verb: "Start labelling",
		params: () => ({ n: Math.max(1, Math.round(Number(many.value) || FIRST)), twice: twice.checked ? 0.2 : 0 }),
		draw: () => [],
		after(state) {
			const answer = state.answers.get("human-start");
			if (answer?.payload && answer.payload !== begun) {
				begun = answer.payload;
				split = state.dataset?.split ?? "";
				queueMicrotask(() => store.set({ labelling: true }));
			}
			on.hidden = begun === null || state.dataset?.split !== split || state.status.state === "closed";
			const result = state.answers.get("human-result")?.payload ?? null;
			if (result !== shown) results.replaceChildren(...(result ? resultOf(result) : []).filter((part) => part instanceof Node));
			shown = result;
		}
	});
	const results = h("div", { class: "ne-result" });
	view.element.insertBefore(settings, view.element.children[1]);
	view.element.children[2].append(on);
	view.element.append(results);
	let begun = null;
	let split = "";
	let shown = null;
	return view;
}
function resultOf(record) {
	const { samples = 0, right = 0, accuracy, low, high, repeats, agreed, kappa, seconds, network, sentence, words = [], confusion, notes } = record;
	if (!samples) return [verdict("No sample has been answered yet.")];
	const rows = [
		["person", accuracy === null ? "–" : share(accuracy, 1), h("span", { class: "ne-soft" }, between(share(low ?? 0, 1), share(high ?? 1, 1))), plural(samples, "sample")],
		network && ["network", share(network.network ?? 0, 1), h("span", { class: "ne-soft" }, between(share(network.low ?? 0, 1), share(network.high ?? 1, 1))), `on the same ${count(network.samples)}`]
	];
	const facts = [`${count(right)} right`, record.unknown ? `${count(record.unknown)} “don't know”` : "", seconds === null || seconds === void 0 ? "" : `${brief(seconds)} s each`, repeats ? `${count(agreed)} of ${count(repeats)} answered the same twice${kappa === null ? "" : ` (kappa ${brief(kappa)})`}` : ""];
	return [verdict(sentence), tableOf(
		"Human baseline",
		["who", "accuracy", "95 %", "samples"],
		/** @type {any} */
		rows.filter(Boolean)
	), h("p", { class: "ne-soft" }, facts.filter(Boolean).join(" · ")), mistakes(words, numbersOf(confusion)), notesOf(notes)];
}
function mistakes(words, counts) {
	const width = words.length + 1;
	const found2 = words.flatMap((word, r) => words.flatMap((guess, c) => r !== c && counts[r * width + c] ? [{ text: `${shorten(word, 30)} → ✕ ${shorten(guess, 30)}`, many: counts[r * width + c] }] : []));
	const most = found2.sort((a, b) => b.many - a.many).slice(0, 12);
	return most.length ? tableOf("Mistakes", ["label → answer", "times"], most.map(({ text, many }) => [text, count(many)])) : null;
}
var wordsOf2 = (state) => (
	/** @type {string[]} */
	state.answers.get("human-start")?.payload?.words ?? columnOf(state.dataset, "label")?.words ?? []
);

// src/data/labelkeys.js
var KEYS = "123456789abcdefghijklmnopqrstuvwxyz";
function keysOf(words) {
	if (words.length > KEYS.length) return [];
	const names = words.map((word) => word.trim().toLowerCase());
	const own = names.map((name, i) => /^[0-9a-z]$/.test(name) && names.indexOf(name) === i ? name : "");
	const free = [...KEYS].filter((key) => !own.includes(key));
	return own.map((key) => key || String(free.shift()));
}
function meant(words, text) {
	const typed2 = text.trim().toLowerCase();
	if (!typed2) return -1;
	const exact = words.findIndex((word) => word === text.trim());
	if (exact >= 0) return exact;
	const names = words.map((word) => word.trim().toLowerCase());
	const same = names.flatMap((name, i) => name === typed2 ? [i] : []);
	const begun = same.length ? same : names.flatMap((name, i) => name.startsWith(typed2) ? [i] : []);
	return begun.length === 1 ? begun[0] : -1;
}

// src/order.js
function tensorOf(batch, name) {
	return batch.batch.tensors.find((tensor) => tensor.facts.name === name) ?? null;
}

// src/describe.js
var items = (batch) => [...batch.inputs, ...batch.targets];
var itemOf = (state) => state.batch ? items(state.batch)[state.item] ?? null : null;
function earlierOf(state) {
	const item = itemOf(state);
	if (!state.compare || !state.previous || !item) return null;
	const found2 = items(state.previous).find((other) => other.name === item.name && other.decoder === item.decoder);
	return found2 && state.previous.batch.size === state.batch?.batch.size ? found2 : null;
}
function verdict2(batch, sample) {
	const correct = batch.correct?.data[sample];
	if (correct === 1) return { icon: "✓ ", word: "right", tone: "ok" };
	if (correct === 0) return { icon: "✕ ", word: "wrong", tone: "bad" };
	return { icon: "", word: "", tone: "" };
}
var labelOf = (batch, sample, limit) => shorten(batch.labels?.text[sample] ?? "", limit);
function nameSample(batch, item, sample) {
	const parts = [`sample ${sample}`];
	const label = labelOf(batch, sample, 80);
	if (label) parts.push(`label ${label}`);
	const statistics = item ? tensorOf(batch, item.name)?.samples : null;
	if (statistics) {
		parts.push(`mean ${brief(statistics.mean.data[sample])}`, `std ${brief(statistics.std.data[sample])}`);
		if (statistics.nonfinite.data[sample]) parts.push(`${count(statistics.nonfinite.data[sample])} NaN or infinite`);
	}
	const predicted = batch.predictions?.text[sample];
	if (predicted !== void 0) {
		const { word } = verdict2(batch, sample);
		parts.push(`predicted ${shorten(predicted, 80)}${word ? ` (${word})` : ""}`);
	}
	const loss = batch.losses?.data[sample];
	if (loss !== void 0) parts.push(`loss ${brief(loss)}`);
	return parts.join(", ");
}

// src/fetched.js
function sequence(series, values) {
	const channels = series.total_channels;
	if (channels !== series.channels.length || values.data.length !== channels * series.length) return null;
	const last = values.shape.length === 2 && values.shape[0] === series.length && values.shape[1] === channels && channels !== series.length;
	const data = last ? Float32Array.from({ length: values.data.length }, (_, at) => values.data[at % series.length * channels + Math.floor(at / series.length)]) : Float32Array.from(values.data);
	const finite = data.map((value) => Number.isFinite(value) ? value : NaN);
	const array = { shape: [1, channels, series.length], data: finite };
	return { ...series, low: array, high: array };
}

// src/colour.js
var DIVERGING = [[14, 52, 132], [72, 130, 200], [176, 206, 232], [248, 248, 246], [246, 196, 148], [216, 116, 44], [126, 44, 6]];
var SEQUENTIAL = [[6, 18, 54], [22, 62, 108], [44, 108, 128], [98, 150, 122], [178, 190, 104], [252, 230, 98]];
var CLASSES = [[0, 114, 178], [230, 159, 0], [0, 158, 115], [204, 121, 167], [86, 180, 233], [213, 94, 0], [240, 228, 66], [120, 94, 240]];
var MARKS = [[255, 0, 200], [255, 120, 230], [150, 0, 120]];
var MARK_NAMES = ["", "NaN", "+Inf", "−Inf"];
function between2(stops, at) {
	const place = Math.min(Math.max(at, 0), 1) * (stops.length - 1);
	const first = Math.min(Math.floor(place), stops.length - 2);
	const rest = place - first;
	return (
		/** @type {Rgb} */
		stops[first].map((from, i) => Math.round(from + (stops[first + 1][i] - from) * rest))
	);
}
function colourScale(low, high) {
	const diverging = low < 0 && high > 0;
	const reach2 = Math.max(Math.abs(low), Math.abs(high));
	const [from, to] = diverging ? [-reach2, reach2] : [low, high];
	const stops = diverging ? DIVERGING : SEQUENTIAL;
	const width = to - from || 1;
	return { diverging, from, to, colour: (value) => between2(stops, (value - from) / width) };
}
function classColour(index) {
	if (index < CLASSES.length) return CLASSES[index];
	const hue = index * 137.508 % 360;
	const light = 0.42 + 0.2 * (index % 3) / 2;
	const part = (n) => {
		const k = (n + hue / 30) % 12;
		return Math.round(255 * (light - 0.6 * Math.min(light, 1 - light) * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
	};
	return [part(0), part(8), part(4)];
}
var css = ([r, g, b], alpha = 1) => `rgb(${r} ${g} ${b} / ${alpha})`;

// src/look.js
var decode = (pictures, channel, byte) => {
	const low = pictures.low.data[channel];
	return low + byte * (pictures.high.data[channel] - low) / 255;
};
function denormalise(pictures, channel, value) {
	const known = pictures.normalisation;
	if (!known) return value;
	const row = Math.min(channel, known.mean.length - 1);
	return value * known.std[Math.min(channel, known.std.length - 1)] + known.mean[row];
}
var table = (shade, pictures, channel) => Uint8Array.from({ length: 256 }, (_, byte) => Math.round(255 * Math.min(Math.max(shade(decode(pictures, channel, byte)), 0), 1)));
function shownChannels(pictures, channel) {
	if (channel !== null && channel < pictures.channels.length) return [channel];
	return isColour(pictures) ? [0, 1, 2] : [0];
}
var isColour = (pictures) => pictures.kind === "image" && pictures.total_channels === pictures.channels.length && [3, 4].includes(pictures.channels.length);
function lookOf(pictures, mode, channel) {
	const planes = shownChannels(pictures, channel);
	const low = Math.min(...planes.map((c) => pictures.low.data[c]));
	const high = Math.max(...planes.map((c) => pictures.high.data[c]));
	const natural = mode === "denormalised" && pictures.normalisation !== null;
	const alpha = isColour(pictures) && channel === null && pictures.channels.length === 4 ? 3 : null;
	const [first, last] = [pictures.low.data[planes[0]], pictures.high.data[planes[0]]];
	const byteOf = (value) => (value - first) * 255 / (last - first || 1);
	const rest = { planes, byteOf, alpha, alphaTable: alpha === null ? null : alphaShades(pictures, alpha, natural) };
	if (pictures.kind === "values") {
		const scale = colourScale(low, high);
		const colours = Array.from({ length: 256 }, (_, byte) => scale.colour(decode(pictures, planes[0], byte)));
		const tables2 = [0, 1, 2].map((part) => Uint8Array.from(colours, (colour) => colour[part]));
		return { ...rest, tables: tables2, from: scale.from, to: scale.to, map: true };
	}
	const tables = planes.map((c) => table((v) => natural ? denormalise(pictures, c, v) : (v - low) / (high - low || 1), pictures, c));
	return { ...rest, tables, from: natural ? 0 : low, to: natural ? 1 : high, map: false };
}
function alphaShades(pictures, channel, natural) {
	const most = pictures.high.data[channel] > 1 ? 255 : 1;
	const fourth = natural && (pictures.normalisation?.mean.length ?? 0) === 4;
	return table((value) => fourth ? denormalise(pictures, channel, value) : value / most, pictures, channel);
}
function extent(pictures, sample) {
	const [, , h2, w] = pictures.planes.shape;
	if (!pictures.sizes) return { h: h2, w };
	const [H, W] = pictures.size;
	const [own, wide] = [pictures.sizes.data[2 * sample], pictures.sizes.data[2 * sample + 1]];
	return { h: Math.max(1, Math.min(h2, Math.round(h2 * own / H))), w: Math.max(1, Math.min(w, Math.round(w * wide / W))) };
}
function paint(out, pictures, sample, look, overlay = null) {
	const [, channels, height, width] = pictures.planes.shape;
	const { h: h2, w } = extent(pictures, sample);
	const bytes = pictures.planes.data;
	const area = height * width;
	const start = sample * channels * area;
	const [red, green, blue] = look.planes.length === 3 ? look.planes : [look.planes[0], look.planes[0], look.planes[0]];
	const [r, g, b] = look.tables.length === 3 ? look.tables : [look.tables[0], look.tables[0], look.tables[0]];
	let to = 0;
	for (let row = 0; row < h2; row++) {
		for (let column = 0; column < w; column++, to += 4) {
			const at = start + row * width + column;
			out[to] = r[bytes[at + red * area]];
			out[to + 1] = g[bytes[at + green * area]];
			out[to + 2] = b[bytes[at + blue * area]];
			out[to + 3] = look.alpha === null || !look.alphaTable ? 255 : look.alphaTable[bytes[at + look.alpha * area]];
		}
	}
	if (overlay) blend(out, h2, w, height, width, overlay);
	if (pictures.marks) stamp(out, pictures.marks.data, sample * area, h2, w, width);
}
function blend(out, h2, w, height, width, { masks, sample, opacity }) {
	const [, rows, columns] = masks.classes.shape;
	for (let row = 0, to = 0; row < h2; row++) {
		const line2 = (sample * rows + Math.floor(row * rows / height)) * columns;
		for (let column = 0; column < w; column++, to += 4) {
			const index = masks.classes.data[line2 + Math.floor(column * columns / width)];
			if (index === 255) continue;
			const colour = classColour(index);
			for (let part = 0; part < 3; part++) out[to + part] += (colour[part] - out[to + part]) * opacity;
			out[to + 3] = Math.max(out[to + 3], 255 * opacity);
		}
	}
}
function stamp(out, marks, start, h2, w, width) {
	for (let row = 0, to = 0; row < h2; row++) {
		for (let column = 0; column < w; column++, to += 4) {
			const mark = marks[start + row * width + column];
			if (!mark) continue;
			const dark = (row + column) % 2 === 1;
			const colour = MARKS[mark - 1] ?? MARKS[0];
			for (let part = 0; part < 3; part++) out[to + part] = dark ? colour[part] * 0.55 : colour[part];
			out[to + 3] = 255;
		}
	}
}

// src/layout.js
function move(key, whole, position, { columns, count: count2, page }) {
	const start = position - position % columns;
	const targets = {
		ArrowLeft: position - 1,
		ArrowRight: position + 1,
		ArrowUp: position - columns < 0 ? position : position - columns,
		ArrowDown: below(position, columns, count2),
		Home: whole || columns === 1 ? 0 : start,
		End: whole || columns === 1 ? count2 - 1 : start + columns - 1,
		PageUp: Math.max(position % columns, position - page * columns),
		PageDown: Math.min(position + page * columns, lastOfColumn(position % columns, columns, count2))
	};
	return key in targets ? Math.min(Math.max(targets[key], 0), count2 - 1) : null;
}
function below(position, columns, count2) {
	if (position + columns < count2) return position + columns;
	const lastRow = Math.floor((count2 - 1) / columns);
	return Math.floor(position / columns) < lastRow ? count2 - 1 : position;
}
function lastOfColumn(column, columns, count2) {
	const position = Math.floor((count2 - 1) / columns) * columns + column;
	return position < count2 ? position : position - columns;
}
function fit(size, height, width) {
	const scale = size / Math.max(height, width, 1);
	return { width: Math.max(Math.round(width * scale), 24), height: Math.max(Math.round(height * scale), 16) };
}

// src/zoom.js
var WHOLE = { scale: 1, x: 0, y: 0 };
var MOST = 64;
function within({ scale, x, y }) {
	const rest = 1 - 1 / scale;
	return { scale, x: Math.min(Math.max(x, 0), rest), y: Math.min(Math.max(y, 0), rest) };
}
function zoomAt(view, factor, u, v) {
	const scale = Math.min(Math.max(view.scale * factor, 1), MOST);
	return within({ scale, x: view.x + u / view.scale - u / scale, y: view.y + v / view.scale - v / scale });
}
var pan = (view, u, v) => within({ ...view, x: view.x + u / view.scale, y: view.y + v / view.scale });
function pixelAt(view, u, v, h2, w) {
	const row = Math.floor((view.y + v / view.scale) * h2);
	const column = Math.floor((view.x + u / view.scale) * w);
	return { row: Math.min(Math.max(row, 0), h2 - 1), column: Math.min(Math.max(column, 0), w - 1) };
}

// src/magnifier.js
function createMagnifier(point, leave) {
	const element = h("div", { class: "nb-plates" });
	let places = [];
	let plates = [];
	let sources = [];
	let size = 208;
	let view = WHOLE;
	let grip = null;
	function look(next) {
		view = next;
		plates.forEach((_, i) => draw(i));
	}
	function shares2(canvas, event) {
		const box = canvas.getBoundingClientRect();
		return { u: (event.clientX - box.left) / (box.width || 1), v: (event.clientY - box.top) / (box.height || 1) };
	}
	function build(i) {
		const canvas = h("canvas", { class: "nb-plate", tabindex: 0, role: "img" });
		const caption2 = h("span", { class: "nb-caption" });
		canvas.addEventListener("pointerdown", (event) => {
			grip = { x: event.clientX, y: event.clientY };
			canvas.setPointerCapture?.(event.pointerId);
		});
		canvas.addEventListener("pointerup", () => grip = null);
		canvas.addEventListener("pointercancel", () => grip = null);
		canvas.addEventListener("pointerleave", leave);
		canvas.addEventListener("pointermove", (event) => {
			const box = canvas.getBoundingClientRect();
			if (grip && view.scale > 1) {
				look(pan(view, (grip.x - event.clientX) / box.width, (grip.y - event.clientY) / box.height));
				grip = { x: event.clientX, y: event.clientY };
			}
			const { u, v } = shares2(canvas, event);
			const { h: rows, w: columns } = extent(plates[i].pictures, plates[i].sample);
			const { row, column } = pixelAt(view, u, v, rows, columns);
			point(i, row, column);
		});
		canvas.addEventListener("wheel", (event) => {
			const root = (
				/** @type {Document | ShadowRoot} */
				canvas.getRootNode()
			);
			if (root.activeElement !== canvas && !event.ctrlKey && !event.metaKey) return;
			event.preventDefault();
			const { u, v } = shares2(canvas, event);
			look(zoomAt(view, 2 ** (-event.deltaY / 240), u, v));
		}, { passive: false });
		canvas.addEventListener("keydown", (event) => {
			const next = byKey(event.key, view);
			if (!next || event.ctrlKey || event.metaKey || event.altKey) return;
			look(next);
			event.preventDefault();
			event.stopPropagation();
		});
		canvas.addEventListener("dblclick", (event) => {
			const { u, v } = shares2(canvas, event);
			look(view.scale > 1 ? WHOLE : zoomAt(view, 4, u, v));
		});
		return { canvas, caption: caption2 };
	}
	function draw(i) {
		const { pictures, sample, boxes } = plates[i];
		const source = sources[i];
		const canvas = places[i].canvas;
		const { h: rows, w: columns } = extent(pictures, sample);
		const { width, height } = fit(size, rows, columns);
		const drawing = context(canvas, width, height);
		attribute(canvas, "data-scale", view.scale.toFixed(2));
		if (!drawing || !source) return;
		const scale = { x: width * view.scale / columns, y: height * view.scale / rows };
		const origin = { x: -view.x * width * view.scale, y: -view.y * height * view.scale };
		drawing.imageSmoothingEnabled = scale.x < 1;
		drawing.drawImage(source, origin.x, origin.y, columns * scale.x, rows * scale.y);
		if (pictures.marks && scale.x >= 5) hatch(drawing, plates[i], rows, columns, scale, origin);
		for (const box of boxes) outline(drawing, box, { width: columns * scale.x, height: rows * scale.y }, origin);
	}
	return {
		element,
		/**
		 * @param {Plate[]} next
		 * @param {number} longest side in CSS pixels
		 * @param {boolean} same whether it is the same sample as before, so that the zoom stays
		 */
		show(next, longest, same) {
			plates = next;
			size = longest;
			if (!same) view = WHOLE;
			if (places.length !== next.length) {
				places = next.map((_, i) => build(i));
				fill(element, ...places.map(({ canvas, caption: caption2 }) => h("span", { class: "nb-pane" }, caption2, canvas)));
			}
			sources = next.map(render);
			next.forEach((plate, i) => {
				const { canvas, caption: caption2 } = places[i];
				caption2.textContent = plate.caption;
				caption2.hidden = next.length === 1;
				attribute(canvas, "aria-label", `${plate.name}${next.length > 1 ? `, ${plate.caption}` : ""}. Plus and minus zoom, arrows move, 0 resets.`);
				draw(i);
			});
		},
		zoom: () => view
	};
}
function byKey(key, view) {
	if (key === "+" || key === "=") return zoomAt(view, 1.5, 0.5, 0.5);
	if (key === "-" || key === "_") return zoomAt(view, 1 / 1.5, 0.5, 0.5);
	if (key === "0") return WHOLE;
	const steps = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] };
	return steps[key] ? pan(view, ...steps[key]) : null;
}
function render({ pictures, sample, look, overlay }) {
	const { h: rows, w: columns } = extent(pictures, sample);
	const canvas = h("canvas", { width: columns, height: rows });
	const drawing = canvas.getContext("2d");
	if (!drawing) return null;
	const image = drawing.createImageData(columns, rows);
	paint(image.data, pictures, sample, look, overlay);
	drawing.putImageData(image, 0, 0);
	return canvas;
}
function hatch(drawing, { pictures, sample }, rows, columns, scale, origin) {
	const [, height, width] = pictures.marks?.shape ?? [0, 0, 0];
	drawing.lineWidth = 1;
	for (let row = 0; row < rows; row++) {
		for (let column = 0; column < columns; column++) {
			const mark = pictures.marks?.data[(sample * height + row) * width + column];
			const [x, y] = [origin.x + column * scale.x, origin.y + row * scale.y];
			if (!mark || x + scale.x < 0 || y + scale.y < 0 || x > drawing.canvas.width || y > drawing.canvas.height) continue;
			drawing.fillStyle = css(MARKS[mark - 1] ?? MARKS[0]);
			drawing.fillRect(x, y, scale.x, scale.y);
			drawing.strokeStyle = "#000";
			drawing.beginPath();
			drawing.moveTo(x, y + scale.y);
			drawing.lineTo(x + scale.x, y);
			drawing.stroke();
		}
	}
}
function outline(drawing, { corners, text }, picture, origin) {
	const [x, y] = [origin.x + corners[0] * picture.width, origin.y + corners[1] * picture.height];
	const [w, tall] = [(corners[2] - corners[0]) * picture.width, (corners[3] - corners[1]) * picture.height];
	drawing.lineWidth = 3;
	drawing.strokeStyle = "#000";
	drawing.strokeRect(x, y, w, tall);
	drawing.lineWidth = 1.5;
	drawing.strokeStyle = "#ffd400";
	drawing.strokeRect(x, y, w, tall);
	if (!text) return;
	drawing.font = "11px monospace";
	const words = shorten(text, 24);
	const wide = drawing.measureText(words).width + 6;
	const top = y >= 14 ? y - 14 : y;
	drawing.fillStyle = "#000c";
	drawing.fillRect(x, top, wide, 14);
	drawing.fillStyle = "#ffd400";
	drawing.fillText(words, x + 3, top + 11);
}

// src/panes.js
var isPictures = (item) => item?.decoder === "image" || item?.decoder === "values";
var isSeries = (item) => item?.decoder === "series" || item?.decoder === "audio";
function panesOf(state) {
	const item = itemOf(state);
	if (!isPictures(item) || !state.batch) return [];
	const earlier = earlierOf(state);
	const target = state.item < state.batch.inputs.length ? state.batch.targets.find(isPictures) : void 0;
	const panes = modesOf(item, state.mode).map((mode) => ({ pictures: item, mode, caption: caption(mode, ""), now: true }));
	if (isPictures(earlier)) {
		for (const pane of panes) pane.caption = caption(pane.mode, "this time", panes.length > 1);
		const before = modesOf(earlier, state.mode);
		panes.push(...before.map((mode) => ({ pictures: earlier, mode, caption: caption(mode, "before", before.length > 1), now: false })));
	}
	if (target && target.planes.shape[0] === item.planes.shape[0]) {
		if (panes.length === 1) panes[0].caption = item.name;
		const mode = modesOf(target, state.mode)[0];
		panes.push({ pictures: target, mode, caption: target.name === item.name ? "target" : target.name, now: false });
	}
	return panes;
}
function modesOf(item, mode) {
	if (!item.normalisation || mode === "fed") return ["fed"];
	return mode === "both" ? ["fed", "denormalised"] : ["denormalised"];
}
function caption(mode, when, full = true) {
	if (!when) return mode === "fed" ? "as fed" : "de-norm.";
	return full ? `${when}, ${mode === "fed" ? "fed" : "de-norm."}` : when;
}

// src/values.js
function sharpen(pictures, sample, values) {
	const channels = pictures.total_channels;
	const [h2, w] = pictures.sizes ? [pictures.sizes.data[2 * sample], pictures.sizes.data[2 * sample + 1]] : pictures.size;
	if (values.data.length !== channels * h2 * w || pictures.channels.length !== channels) return null;
	const planar = channelsLast(values.shape) ? toPlanar(values.data, channels, h2 * w) : Float32Array.from(values.data);
	const marks = Uint8Array.from({ length: h2 * w }, (_, at) => markOf(planar, at, h2 * w));
	return {
		...pictures,
		planes: { shape: [1, channels, h2, w], data: quantise(planar, pictures, h2 * w) },
		exact: { shape: [1, channels, h2, w], data: planar },
		marks: marks.some(Boolean) ? { shape: [1, h2, w], data: marks } : null,
		size: [h2, w],
		sizes: null
	};
}
var channelsLast = (shape3) => shape3.length === 3 && [1, 3, 4].includes(shape3[2]) && ![1, 3, 4].includes(shape3[0]);
function toPlanar(values, channels, area) {
	return Float32Array.from({ length: channels * area }, (_, at) => values[at % area * channels + Math.floor(at / area)]);
}
function markOf(values, at, area) {
	for (let i = at; i < values.length; i += area) {
		if (Number.isNaN(values[i])) return 1;
		if (!Number.isFinite(values[i])) return values[i] > 0 ? 2 : 3;
	}
	return 0;
}
function quantise(values, pictures, area) {
	return Uint8Array.from(values, (value, at) => {
		const channel = Math.floor(at / area);
		const low = pictures.low.data[channel];
		const scaled = (value - low) * 255 / (pictures.high.data[channel] - low || 1);
		return Number.isNaN(scaled) ? 0 : Math.min(Math.max(Math.round(scaled), 0), 255);
	});
}
function valueAt(pictures, sample, channel, row, column) {
	const [, channels, h2, w] = pictures.planes.shape;
	const at = ((sample * channels + channel) * h2 + row) * w + column;
	if (pictures.exact) return { value: pictures.exact.data[at], exact: true };
	const mark = pictures.marks?.data[(sample * h2 + row) * w + column] ?? 0;
	if (mark && channels === 1) return { value: [NaN, Infinity, -Infinity][mark - 1], exact: true };
	return { value: decode(pictures, channel, pictures.planes.data[at]), exact: false };
}
function describePixel(pictures, sample, row, column, only) {
	const { h: h2, w } = extent(pictures, sample);
	if (row < 0 || column < 0 || row >= h2 || column >= w) return "padding of a ragged batch";
	const [, channels, height, width] = pictures.planes.shape;
	const reduced = height !== pictures.size[0] || width !== pictures.size[1];
	const place = reduced ? `around pixel (${Math.floor(row * pictures.size[0] / height)}, ${Math.floor(column * pictures.size[1] / width)})` : `pixel (${row}, ${column})`;
	const wanted = only !== null ? [only] : Array.from({ length: Math.min(channels, 4) }, (_, c) => c);
	const read = wanted.map((c) => ({ c, ...valueAt(pictures, sample, c, row, column) }));
	const loose = read.some((entry) => !entry.exact);
	const list = (of) => read.map((entry) => `${read.length > 1 ? `${pictures.channels[entry.c]} ` : ""}${figure(of(entry))}`).join("  ");
	const step = Math.max(...wanted.map((c) => (pictures.high.data[c] - pictures.low.data[c]) / 255));
	const fed = `${loose ? "≈ " : "= "}${list((entry) => entry.value)}${loose ? ` (steps of ${brief(step)})` : ""}`;
	const before = pictures.normalisation ? `  de-normalised ${list((entry) => denormalise(pictures, entry.c, entry.value))}` : "";
	const mark = MARK_NAMES[pictures.marks?.data[(sample * height + row) * width + column] ?? 0];
	return `${place} ${fed}${before}${mark ? `  ✕ ${mark}` : ""}`;
}

// src/pictures.js
function overlayOf(pane, sample, state) {
	const masks = state.batch?.masks;
	return masks && state.masks && pane.now && state.item === 0 ? { masks, sample, opacity: state.opacity } : null;
}
function boxesOf(state, sample) {
	const boxes = state.batch?.boxes;
	if (!boxes || state.item !== 0) return [];
	const rows = [...boxes.sample.data].flatMap((owner, k) => owner === sample ? [k] : []);
	return rows.map((k) => ({ corners: boxes.corners.data.subarray(4 * k, 4 * k + 4), text: boxes.text[k] ?? "" }));
}
function boxUnder(state, sample, x, y) {
	if (!state.boxes) return "";
	const around = boxesOf(state, sample).filter(({ corners: [left, top, right, bottom] }) => x >= left && x <= right && y >= top && y <= bottom);
	return around.length ? `  box: ${around.slice(0, 4).map((box) => shorten(box.text, 40)).join(", ")}` : "";
}
function maskUnder(state, pane, sample, row, column) {
	const masks = state.batch?.masks;
	if (!masks || state.item !== 0) return "";
	const [, , height, width] = pane.pictures.planes.shape;
	const [, rows, columns] = masks.classes.shape;
	const at = (sample * rows + Math.floor(row * rows / height)) * columns + Math.floor(column * columns / width);
	const index = masks.classes.data[at];
	return index === 255 ? "  mask: ignored" : `  mask: ${shorten(masks.names[index] ?? String(index), 40)}`;
}

// src/player.js
function createPlayer(ask) {
	const audio = h("audio", { controls: true, hidden: true });
	const message = h("span", { class: "nb-fact", role: "status" });
	const load = h("button", { type: "button", onclick: () => void start() }, "▶ Load sound");
	const element = h("div", { class: "nb-player", hidden: true }, load, audio, message);
	let choice2 = null;
	let url = "";
	function release() {
		audio.pause?.();
		audio.removeAttribute("src");
		if (url) URL.revokeObjectURL(url);
		url = "";
		audio.hidden = true;
	}
	async function start() {
		const wanted = choice2;
		if (!wanted || load.getAttribute("aria-disabled")) return;
		attribute(load, "aria-disabled", "true");
		say(message, "asked for the sound …");
		try {
			const { wav } = await ask("sound", { name: wanted.name, sample: wanted.sample });
			if (wanted !== choice2) return;
			url = URL.createObjectURL(new Blob([wav.data], { type: "audio/wav" }));
			audio.src = url;
			audio.hidden = false;
			load.hidden = true;
			say(message, "");
			audio.focus();
		} catch (error) {
			if (wanted === choice2) say(message, `✕ ${shorten(error instanceof Error ? error.message : String(error), 300)}`);
		} finally {
			if (wanted === choice2) attribute(load, "aria-disabled", null);
		}
	}
	return {
		element,
		/** @param {Choice | null} next */
		choose(next) {
			const same = choice2 && next && choice2.name === next.name && choice2.sample === next.sample && choice2.version === next.version;
			if (same) return;
			choice2 = next;
			release();
			element.hidden = !next;
			load.hidden = false;
			attribute(load, "aria-disabled", null);
			say(message, "");
		},
		destroy() {
			choice2 = null;
			release();
		}
	};
}

// src/envelope.js
function span(series, channel, sample = null) {
	const [samples, channels, points] = series.low.shape;
	let [low, high] = [Infinity, -Infinity];
	for (let n = sample ?? 0; n < (sample === null ? samples : sample + 1); n++) {
		for (let c = channel ?? 0; c < (channel === null ? channels : channel + 1); c++) {
			const start = (n * channels + c) * points;
			for (let p = start; p < start + points; p++) {
				if (series.low.data[p] < low) low = series.low.data[p];
				if (series.high.data[p] > high) high = series.high.data[p];
			}
		}
	}
	if (low > high) return { low: 0, high: 1 };
	return low === high ? { low: low - 0.5, high: high + 0.5 } : { low, high };
}
function runs(values) {
	const found2 = [];
	let start = -1;
	for (let i = 0; i <= values.length; i++) {
		const there = i < values.length && !Number.isNaN(values[i]);
		if (there && start < 0) start = i;
		if (!there && start >= 0) {
			found2.push([start, i]);
			start = -1;
		}
	}
	return found2;
}
function stretch(point, points, length) {
	const first = Math.floor(point * length / points);
	return { first, last: Math.max(first, Math.ceil((point + 1) * length / points) - 1) };
}

// src/series.js
var MOST2 = 8;
function drawnChannels(series, channel) {
	if (channel !== null && channel < series.channels.length) return [channel];
	return Array.from({ length: Math.min(series.low.shape[1], MOST2) }, (_, c) => c);
}
function drawSeries(canvas, { width, height, range, channel }, series, sample) {
	const drawing = context(canvas, width, height);
	if (!drawing) return;
	const ink = getComputedStyle(canvas).color || "#888";
	const y = (value) => height - 2 - (value - range.low) / (range.high - range.low) * (height - 4);
	if (range.low < 0 && range.high > 0) {
		drawing.strokeStyle = ink;
		drawing.globalAlpha = 0.3;
		drawing.strokeRect(0, Math.round(y(0)) + 0.5, width, 0);
		drawing.globalAlpha = 1;
	}
	for (const c of drawnChannels(series, channel)) drawChannel(drawing, width, y, series, sample, c);
}
function drawChannel(drawing, width, y, series, sample, c) {
	const [, channels, points] = series.low.shape;
	const start = (sample * channels + c) * points;
	const low = series.low.data.subarray(start, start + points);
	const high = series.high.data.subarray(start, start + points);
	const x = (p) => points > 1 ? p / (points - 1) * (width - 2) + 1 : width / 2;
	drawing.strokeStyle = drawing.fillStyle = css(classColour(c));
	drawing.lineWidth = 1.25;
	for (const [first, last] of runs(low)) {
		drawing.beginPath();
		for (let p = first; p < last; p++) drawing.lineTo(x(p), y(high[p]));
		for (let p = last - 1; p >= first; p--) drawing.lineTo(x(p), y(low[p]));
		drawing.closePath();
		drawing.globalAlpha = 0.55;
		drawing.fill();
		drawing.globalAlpha = 1;
		drawing.stroke();
	}
}
function describeStep(series, sample, at, channel) {
	const [, channels, points] = series.low.shape;
	const point = Math.min(Math.max(Math.round(at * (points - 1)), 0), points - 1);
	const { first, last } = stretch(point, points, series.length);
	const time = series.sample_rate ? ` (${brief(first / series.sample_rate)} s)` : "";
	const values = drawnChannels(series, channel).map((c) => {
		const place = (sample * channels + c) * points + point;
		const [low, high] = [series.low.data[place], series.high.data[place]];
		const name = channels > 1 ? `${shorten(series.channels[c], 24)} ` : "";
		return `${name}${Number.isNaN(low) ? "no finite value" : low === high ? figure(low) : `${figure(low)} … ${figure(high)}`}`;
	});
	return `${first === last ? `step ${count(first)}` : `steps ${count(first)}–${count(last)}`}${time}  ${values.join("  ")}`;
}

// src/tokens.js
function visible(piece) {
	if (piece === "") return "∅";
	return shorten(piece, 80).replaceAll("\n", "↵").replaceAll("	", "⇥").replace(/^ +| +$/g, (spaces) => "␣".repeat(spaces.length));
}
function tokenSpans(tokens, sample, most) {
	const length = tokens.ids.shape[1];
	const last = Math.min(length, most);
	const spans = Array.from({ length: last }, (_, t) => {
		const at = sample * length + t;
		const special = tokens.special.data[at] ? " nb-special" : "";
		const masked = tokens.attended && !tokens.attended.data[at] ? " nb-masked" : "";
		return h("span", { class: `nb-token${special}${masked}`, "data-token": t }, visible(tokens.pieces[tokens.index.data[at]] ?? "?"));
	});
	if (last < tokens.length) spans.push(h("span", { class: "nb-more" }, `… ${plural(tokens.length - last, "more token")}`));
	return spans;
}
function describeToken(tokens, sample, event) {
	const span2 = (
		/** @type {HTMLElement | null} */
		/** @type {Element} */
		event.target.closest?.("[data-token]")
	);
	if (!span2) return "";
	const t = Number(span2.dataset.token);
	const at = sample * tokens.ids.shape[1] + t;
	const words = [`token ${t}`, `id ${tokens.ids.data[at]}`, `“${shorten(tokens.pieces[tokens.index.data[at]] ?? "?", 80)}”`];
	if (tokens.special.data[at]) words.push("special");
	if (tokens.attended) words.push(tokens.attended.data[at] ? "attended" : "masked out");
	return words.join("  ");
}

// src/table.js
function featureRanges(table2) {
	const [rows, features] = table2.values.shape;
	const ranges = Array.from({ length: features }, () => ({ low: Infinity, high: -Infinity }));
	for (let at = 0; at < rows * features; at++) {
		const value = table2.values.data[at];
		const range = ranges[at % features];
		if (!Number.isFinite(value)) continue;
		if (value < range.low) range.low = value;
		if (value > range.high) range.high = value;
	}
	return ranges;
}
function standing(value, { low, high }) {
	return high > low ? 2 * (value - low) / (high - low) - 1 : 0;
}

// src/exhibit.js
var FACETS = 16;
function createExhibit(store, ask, hover) {
	let plates = [];
	let last = null;
	const magnifier = createMagnifier(point, () => hover(""));
	const facets = h("div", { class: "nb-facets" });
	const pictures = h("div", {}, magnifier.element);
	const other = h("div", { class: "nb-other" });
	const player = createPlayer(ask);
	const element = h("div", { class: "nb-exhibit" }, pictures, other, player.element);
	function point(i, row, column) {
		const state = (
			/** @type {State} */
			last
		);
		const { pictures: shown, sample, caption: caption2 } = plates[i];
		const pane = panesOf(state)[i];
		const words = describePixel(shown, sample, row, column, state.channel);
		const mask = pane?.now ? maskUnder(state, { ...pane, pictures: shown }, state.selected, row, column) : "";
		const [, , tall, wide] = shown.planes.shape;
		const box = pane?.now ? boxUnder(state, state.selected, (column + 0.5) / wide, (row + 0.5) / tall) : "";
		hover(`${plates.length > 1 ? `${caption2}  ` : ""}${words}${mask}${box}`);
	}
	function showPictures(state, fetched, width) {
		const item = itemOf(state);
		const panes = panesOf(state);
		const size = panes.length === 1 ? Math.min(208, Math.max(140, width - 176)) : Math.max(Math.min(208, (width - 8 * panes.length) / Math.min(panes.length, 2)), 96);
		plates = panes.map((pane) => {
			const sharp = fetched && pane.pictures === item ? sharpen(pane.pictures, state.selected, fetched) : null;
			return {
				pictures: sharp ?? pane.pictures,
				sample: sharp ? 0 : state.selected,
				look: lookOf(pane.pictures, pane.mode, state.channel),
				overlay: overlayOf(pane, state.selected, state),
				boxes: pane.now && state.boxes ? boxesOf(state, state.selected) : [],
				caption: pane.caption,
				name: nameSample(
					/** @type {import("./types.js").DecodedBatch} */
					state.batch,
					pane.pictures,
					state.selected
				)
			};
		});
		const same = last?.selected === state.selected && last.item === state.item && last.version === state.version;
		last = state;
		magnifier.show(plates, size, same);
		fill(facets, ...facetsOf(state, plates[0]));
	}
	function facetsOf(state, plate) {
		const { pictures: shown, sample } = plate;
		if (shown.channels.length < 2 || isColour(shown)) return [];
		const some = shown.channels.slice(0, FACETS);
		const chosen = state.channel ?? 0;
		return some.map((name, c) => {
			const one = createMagnifier(() => void 0, () => void 0);
			one.show([{ ...plate, look: lookOf(shown, "fed", c), sample, boxes: [], overlay: null }], 44, false);
			const canvas = one.element.querySelector("canvas");
			canvas?.removeAttribute("tabindex");
			canvas?.setAttribute("aria-hidden", "true");
			return h("button", { type: "button", class: "nb-facet", title: tooltip(name), "aria-label": `channel ${shorten(name, 40)}`, "aria-pressed": String(c === chosen), onclick: () => store.set({ channel: c }) }, canvas, h("span", {}, shorten(name, 8)));
		});
	}
	return {
		element,
		facets,
		/**
		 * @param {State} state
		 * @param {NdArray | undefined} fetched
		 * @param {number} width
		 */
		show(state, fetched, width) {
			const item = itemOf(state);
			const earlier = earlierOf(state);
			const before = item && earlier?.decoder === item.decoder ? earlier : null;
			pictures.hidden = facets.hidden = !isPictures(item);
			other.hidden = isPictures(item);
			element.classList.toggle("nb-wide", !isPictures(item) || panesOf(state).length > 1);
			player.choose(item?.decoder === "audio" ? { name: item.name, sample: state.selected, version: state.version } : null);
			if (isPictures(item)) showPictures(state, fetched, width);
			else if (item?.decoder === "text") fill(other, ...tokenDetail(item, before, state.selected, hover));
			else if (item?.decoder === "table") fill(other, featureList(item, before, state.selected));
			else if (item) showSeries(item, before, state, fetched, width);
			last = state;
		},
		destroy: () => player.destroy()
	};
	function showSeries(item, before, state, fetched, width) {
		const fine = fetched ? sequence(item, fetched) : null;
		const shown = [{ series: fine ?? item, sample: fine ? 0 : state.selected, caption: before ? "this time" : "" }];
		if (isSeries(before)) shown.push({ series: before, sample: state.selected, caption: "before" });
		const range = span(item, state.channel, state.selected);
		const canvases = shown.map(({ series, sample }) => {
			const canvas = h("canvas", { class: "nb-plot", role: "img", "aria-label": `series of sample ${state.selected}, ${figure(range.low)} to ${figure(range.high)}` });
			canvas.addEventListener("pointermove", (event) => hover(describeStep(series, sample, event.offsetX / (canvas.clientWidth || 1), state.channel)));
			canvas.addEventListener("pointerleave", () => hover(""));
			return canvas;
		});
		const parts = canvases.flatMap((canvas, i) => [shown[i].caption && h("span", { class: "nb-caption" }, shown[i].caption), canvas]);
		fill(other, ...parts, h("span", { class: "nb-scale" }, h("span", {}, `${brief(range.low)} … ${brief(range.high)}`)));
		canvases.forEach((canvas, i) => drawSeries(canvas, { width, height: shown.length > 1 ? 110 : 150, range, channel: state.channel }, shown[i].series, shown[i].sample));
	}
}
function tokenDetail(item, before, sample, hover) {
	return [item, before].flatMap((tokens, i) => {
		if (tokens?.decoder !== "text") return [];
		const text = h("div", { class: "nb-tokens nb-all", tabindex: 0, role: "group", "aria-label": "all tokens" }, ...tokenSpans(tokens, sample, Infinity));
		text.addEventListener("pointermove", (event) => hover(describeToken(tokens, sample, event)));
		text.addEventListener("pointerleave", () => hover(""));
		return [before && h("span", { class: "nb-caption" }, i ? "before" : "this time"), text];
	});
}
function featureList(item, before, sample) {
	const ranges = featureRanges(item);
	const features = item.values.shape[1];
	const list = h("div", { class: "nb-featurelist", tabindex: 0, role: "group", "aria-label": "all features" });
	for (let f = 0; f < features; f++) {
		const value = item.values.data[sample * features + f];
		const mark = h("span", { class: "nb-where" }, h("span"));
		const dot = (
			/** @type {HTMLElement} */
			mark.firstElementChild
		);
		dot.style.left = `${50 + 50 * standing(value, ranges[f])}%`;
		dot.hidden = !Number.isFinite(value);
		const earlier = before?.decoder === "table" ? ` (before ${brief(before.values.data[sample * features + f])})` : "";
		const name = item.features[f] ?? String(f);
		list.append(h("span", { title: tooltip(name) }, shorten(name, 60)), h("span", { class: "nb-number" }, `${figure(value)}${earlier}`), mark);
	}
	return list;
}

// src/dynamics/bars.js
var FOOT = 5;
function bars(canvas, width, height, all, most = 1) {
	const drawing = context(canvas, width, height);
	if (!drawing) return;
	drawing.clearRect(0, 0, width, height);
	const style = getComputedStyle(canvas);
	const foot = all.some((bar) => bar.sign) ? FOOT : 0;
	const step = width / Math.max(all.length, 1);
	const wide = Math.max(Math.min(step - (step > 4 ? 1.5 : 0), 18), 0.6);
	const room = height - foot - 1;
	all.forEach(({ value, colour, sign }, i) => {
		const x = i * step + (step - wide) / 2;
		const tall = Number.isFinite(value) ? Math.max(Math.min(value, most) / most * room, 0.8) : 0;
		drawing.fillStyle = drawing.strokeStyle = style.getPropertyValue(colour).trim() || "#888888";
		drawing.fillRect(x, room - tall + 1, wide, tall);
		const middle = x + wide / 2;
		if (sign === "target") triangle(drawing, middle, room + 2, Math.min(FOOT - 1, 4));
		if (sign === "wrong") cross(drawing, middle, Math.max(room - tall - 3, 3), 2.5);
	});
}
function triangle(drawing, x, y, size) {
	drawing.beginPath();
	drawing.moveTo(x, y);
	drawing.lineTo(x - size, y + size);
	drawing.lineTo(x + size, y + size);
	drawing.fill();
}
function cross(drawing, x, y, size) {
	drawing.lineWidth = 1.4;
	drawing.beginPath();
	drawing.moveTo(x - size, y - size);
	drawing.lineTo(x + size, y + size);
	drawing.moveTo(x + size, y - size);
	drawing.lineTo(x - size, y + size);
	drawing.stroke();
}

// src/dynamics/thumb.js
var WORDS2 = 12;
function thumbOf(batch, size) {
	const item = batch?.inputs[0];
	if (isPictures(item)) return pictureThumb(item, size);
	if (isSeries(item)) return seriesThumb(item, size);
	if (item?.decoder === "table") return tableThumb(item, size);
	if (item?.decoder === "text") return textThumb(item, size);
	return { width: size, height: 18, build: () => h("span", { class: "nd-text" }), draw: (element, sample) => say(element, `sample ${sample}`) };
}
function pictureThumb(item, size) {
	const look = lookOf(item, item.normalisation ? "denormalised" : "fed", null);
	const { width, height } = fit(size, ...item.size);
	const small = Math.max(...item.planes.shape.slice(2)) < size * 2;
	return {
		width,
		height,
		build() {
			const canvas = h("canvas", { class: `nd-thumb${small ? " nd-pixels" : ""}`, "aria-hidden": true });
			canvas.style.width = `${width}px`;
			canvas.style.height = `${height}px`;
			return canvas;
		},
		draw(element, sample, overlay = null) {
			const canvas = (
				/** @type {HTMLCanvasElement} */
				element
			);
			const { h: rows, w: columns } = extent(item, sample);
			canvas.width = columns;
			canvas.height = rows;
			const drawing = canvas.getContext("2d");
			if (!drawing || sample >= item.planes.shape[0]) return;
			const image = drawing.createImageData(columns, rows);
			paint(image.data, item, sample, look, overlay);
			drawing.putImageData(image, 0, 0);
		}
	};
}
function seriesThumb(item, size) {
	const [width, height] = [Math.round(size * 1.6), Math.round(size * 0.7)];
	const range = span(item, null);
	return { width, height, build: () => h("canvas", { class: "nd-thumb", "aria-hidden": true }), draw: (element, sample) => drawSeries(
		/** @type {HTMLCanvasElement} */
		element,
		{ width, height, range, channel: null },
		item,
		sample
	) };
}
function tableThumb(item, size) {
	const ranges = featureRanges(item);
	const [width, height] = [Math.round(size * 1.5), Math.round(size * 0.6)];
	const features = item.values.shape[1];
	return {
		width,
		height,
		build: () => h("canvas", { class: "nd-thumb", "aria-hidden": true }),
		draw(element, sample) {
			const own = Array.from(item.values.data.subarray(sample * features, (sample + 1) * features));
			bars(
				/** @type {HTMLCanvasElement} */
				element,
				width,
				height,
				own.map((value, f) => ({ value: (standing(value, ranges[f]) + 1) / 2 + 0.02, colour: "--nb-bars" })),
				1.05
			);
			element.title = shorten(own.map((value, f) => `${item.features[f] ?? f} ${brief(value)}`).join(", "), 400);
		}
	};
}
function textThumb(item, size) {
	const length = item.ids.shape[1];
	return {
		width: size * 2,
		height: 54,
		build: () => h("span", { class: "nd-text" }),
		draw(element, sample) {
			const pieces = Array.from({ length: Math.min(length, WORDS2) }, (_, t) => visible(item.pieces[item.index.data[sample * length + t]] ?? "?"));
			say(element, pieces.join(" ") + (length > WORDS2 ? " …" : ""));
		}
	};
}

// src/data/thumbs.js
function createThumbs(previews, size) {
	const thumbs = new WeakMap();
	const shown = new WeakMap();
	function thumbFor(batch) {
		const found2 = thumbs.get(batch) ?? thumbOf(batch, size);
		thumbs.set(batch, found2);
		return found2;
	}
	return function draw(place, row) {
		const preview = row === null ? null : previews.get(row);
		const before = shown.get(place);
		const [batch, at, error] = [preview?.batch ?? null, preview?.at ?? -1, preview?.error ?? ""];
		if (before && before.batch === batch && before.at === at && before.error === error) return;
		if (!preview || !batch) {
			fill(place, h("span", { class: "ne-wait", title: error ? tooltip(error) : null }, error ? "✕" : "…"));
			attribute(place, "data-tone", error ? "bad" : null);
			shown.set(place, { batch, at, error, drawn: null });
			return;
		}
		const thumb = thumbFor(batch);
		const drawn = before?.batch === batch && before.drawn ? before.drawn : thumb.build();
		if (drawn.parentElement !== place) fill(place, drawn);
		attribute(place, "data-tone", null);
		thumb.draw(drawn, at);
		shown.set(place, { batch, at, error, drawn });
	};
}
function createStrip({ previews, actions }, size) {
	const draw = createThumbs(previews, size);
	let places = [];
	return {
		/** @param {number[]} rows @param {(row: number) => string} [more] @returns {HTMLElement} */
		build(rows, more = () => "") {
			const own = rows.map((row) => {
				const place = h("span", { class: "ne-thumb" });
				const label = h("span", { class: "ne-caption" });
				const under = more(row);
				const button2 = h("button", { type: "button", class: "ne-sample", "data-row": row, onclick: () => actions.open({ row, position: null, columns: [], cells: [] }) }, place, label, under && h("span", { class: "ne-caption ne-soft" }, shorten(under, 30)));
				return { row, place, label, button: button2 };
			});
			places.push(...own);
			return h("div", { class: "ne-strip" }, ...own.map(({ button: button2 }) => button2));
		},
		/** Rows of all that were built. */
		rows: () => [...new Set(places.map(({ row }) => row))],
		/** Draws what has come since. */
		draw() {
			for (const { row, place, label } of places) {
				draw(place, row);
				say(label, shorten(captionOf(previews.get(row), row), 24));
			}
		},
		clear() {
			places = [];
		}
	};
}
function captionOf(preview, row) {
	const index = preview?.batch?.batch.indices?.[preview.at];
	const label = preview?.batch?.labels?.text[preview.at];
	const number = index === void 0 || index === null ? `row ${row}` : String(index);
	return label ? `${number} · ${label}` : number;
}

// src/data/large.js
function stateOf(batch, at, version) {
	const first = batch.inputs[0];
	const natural = isPictures(first) && first.normalisation !== null;
	const state = { batch, previous: null, compare: false, item: 0, mode: natural ? "denormalised" : "fed", channel: null, selected: at, masks: true, opacity: 0.45, boxes: true, version, arrivals: 0 };
	return (
		/** @type {import("../types.js").State} */
		/** @type {unknown} */
		state
	);
}
var unlabelled = (batch) => ({ ...batch, labels: null, predictions: null, correct: null, losses: null, masks: null, boxes: null, targets: [] });
function createLarge(previews, { hidden = false, size = 320 } = {}) {
	let state = null;
	let width = 0;
	let version = 0;
	let shown = null;
	const readout = h("p", { class: "nb-readout" });
	const store = {
		get: () => (
			/** @type {import("../types.js").State} */
			state
		),
		set(patch) {
			if (state) state = { ...state, ...patch };
			if (state) exhibit.show(state, void 0, width);
		},
		subscribe: () => () => void 0
	};
	const exhibit = createExhibit(store, () => Promise.reject(new Error("sound is played in inspector.batch()")), (text) => say(readout, text));
	const thumb = createThumbs(previews, size);
	const place = h("div", { class: "ne-thumb ne-largethumb" });
	const element = h("div", { class: "ne-large" });
	return {
		element,
		/** Whether there is something to see. @param {number} row @param {number} wide */
		show(row, wide) {
			const preview = previews.get(row);
			const batch = preview?.batch ?? null;
			if (!batch || hidden && isPictures(batch.inputs[0])) {
				thumb(place, row);
				if (preview?.error) fill(place, problemLine(preview.error));
				fill(element, place);
				state = null;
				shown = null;
				return batch !== null;
			}
			if (shown === preview && Math.abs(width - wide) < 4) return true;
			width = wide;
			shown = preview;
			state = stateOf(hidden ? unlabelled(batch) : batch, preview?.at ?? 0, ++version);
			if (exhibit.element.parentElement !== element) fill(element, exhibit.element, exhibit.facets, readout);
			exhibit.show(state, void 0, wide);
			return true;
		},
		destroy: () => exhibit.destroy()
	};
}

// src/data/human.js
var MOST3 = 60;
function createHuman({ store, actions, previews }) {
	const where = h("span", { class: "ne-count", role: "status" });
	const undo = button("Undo ⌫", () => void step("human_undo"));
	const stop = button("Stop and see the result", () => void end());
	const large = createLarge(previews, { hidden: true, size: 340 });
	const problem = problemLine();
	const search = searchField("Type a label, then Enter", () => writeLabels());
	const labels = h("div", { class: "ne-labels", role: "group", "aria-label": "Labels" });
	const unknown = button("I don't know", () => void answer(null), {}, h("kbd", { "aria-hidden": true }, "?"));
	const element = h("section", { class: "ne-human", "aria-label": "Human baseline", tabindex: -1, hidden: true }, h("div", { class: "ne-detailhead" }, h("h3", { class: "ne-title" }, "Which label does this sample have?"), h("span", { class: "ne-pair" }, where, undo, stop)), problem, h("div", { class: "ne-humanbody" }, large.element, h("div", {}, search, labels, unknown, h("p", { class: "ne-soft" }, "Press the key of a label. Each answer is kept at once."))));
	let question = null;
	let seenAt = 0;
	let busy = false;
	let before = null;
	element.addEventListener("keydown", (event) => {
		if (event.ctrlKey || event.metaKey || event.altKey) return;
		const typing = event.target === search;
		if (typing && event.key === "Enter") chooseTyped();
		else if (typing && event.key !== "Escape") return;
		else if (event.key === "Backspace") void step("human_undo");
		else if (event.key === "?") void answer(null);
		else {
			const at = keysOf(wordsOf2(store.get())).indexOf(event.key.toLowerCase());
			if (at < 0) return;
			void answer(at);
		}
		event.preventDefault();
		event.stopPropagation();
	});
	function chooseTyped() {
		const words = wordsOf2(store.get());
		const at = meant(words, search.value);
		if (at >= 0) void answer(at);
		else tell(problem, `“${shorten(search.value, 40)}” is no label, or the beginning of several`);
	}
	async function answer(label) {
		if (!question || !seenAt) return;
		const seconds = (performance.now() - seenAt) / 1e3;
		await step("human_answer", { row: question.row, label, seconds });
	}
	async function step(method, params = {}) {
		if (busy) return;
		busy = true;
		try {
			await actions.request(method, params);
			search.value = "";
			await next();
			tell(problem, "");
		} catch (error) {
			tell(problem, wordsOf(error));
		} finally {
			busy = false;
			writeLabels();
			if (store.get().labelling) (search.hidden ? element : search).focus();
		}
	}
	async function next() {
		const payload = await actions.request("human_next");
		const found2 = payload.question === void 0 ? payload : payload.question;
		question = found2 && typeof found2.row === "number" ? found2 : null;
		seenAt = 0;
		previews.want("human", question ? [question.row] : []);
		if (question) write(store.get());
		else await end();
	}
	async function begin() {
		element.focus();
		busy = true;
		try {
			await next();
			tell(problem, "");
		} catch (error) {
			tell(problem, wordsOf(error));
		} finally {
			busy = false;
		}
		if (!search.hidden) search.focus();
	}
	async function end() {
		question = null;
		previews.want("human", []);
		store.set({ labelling: false, tab: "human" });
		await actions.work("human-result", "human_result");
	}
	function writeLabels() {
		const words = wordsOf2(store.get());
		const keys = keysOf(words);
		search.hidden = keys.length > 0 || words.length === 0;
		const wanted = search.value.trim().toLowerCase();
		const some = words.map((word, i) => ({ word, i })).filter(({ word }) => search.hidden || word.toLowerCase().includes(wanted));
		fill(labels, ...some.slice(0, MOST3).map(({ word, i }) => button(shorten(word, 40) || "(empty)", () => void answer(i), { class: "ne-label-button", title: tooltip(word) }, keys[i] && h("kbd", { "aria-hidden": true }, keys[i]))), some.length > MOST3 && h("span", { class: "ne-soft" }, `and ${count(some.length - MOST3)} more: type`));
	}
	function write(state) {
		if (!question) return;
		say(where, `${count(question.place + 1)} of ${count(question.total)}`);
		enable(undo, { reason: question.place > 0 ? "" : "nothing has been answered yet", title: "take the last answer back" });
		const there = large.show(question.row, Math.min(460, (element.clientWidth || 800) * 0.5));
		if (there && !seenAt && previews.get(question.row)?.batch) seenAt = performance.now();
		attribute(element, "aria-busy", seenAt ? null : "true");
		if (!seenAt && state.late.includes("samples")) say(where, `${brief(question.place + 1)} of ${count(question.total)} · the sample waits for the running cell`);
	}
	return {
		element,
		update(state) {
			element.hidden = !state.labelling;
			if (state.labelling && !before?.labelling) {
				writeLabels();
				void begin();
			}
			if (state.labelling && changed(before, state, ["arrivals", "late"])) write(state);
			before = state;
		},
		destroy: large.destroy
	};
}

// src/data/windows.js
var TALLEST = 15e6;
var heightOf = ({ count: count2, rowHeight }) => Math.min(count2 * rowHeight, TALLEST);
function stretchOf(list) {
	const [whole, shown] = [list.count * list.rowHeight - list.sight, heightOf(list) - list.sight];
	return whole > shown && shown > 0 ? whole / shown : 1;
}
var offsetAt = (list, scrolled) => scrolled * stretchOf(list);
var scrollFor = (list, offset) => offset / stretchOf(list);
function rowsInSight({ count: count2, rowHeight, sight }, offset) {
	const first = Math.max(0, Math.floor(offset / rowHeight) - 1);
	const last = Math.min(count2, Math.ceil((offset + sight) / rowHeight) + 1);
	return { first: Math.min(first, last), last };
}
function reveal({ rowHeight, sight }, row, offset) {
	const start = row * rowHeight;
	if (start < offset) return start;
	return start + rowHeight > offset + sight ? start + rowHeight - sight : offset;
}
function widen(wanted, room) {
	const sum = wanted.reduce((a, b) => a + b, 0);
	const spare = Math.max(0, room - sum);
	return sum ? wanted.map((width) => Math.floor(width + spare * width / sum)) : [];
}

// src/data/table.js
var CHARACTER = 8;
var PADDING = 14;
var FIRST2 = ["index", "text", "label", "prediction", "loss", "error", "confidence", "mark"];
var ABOUT = ["target", "model", "finding", "input", "sample", "mark"];
var TICK = 30;
var PICTURE = "\0picture";
var ROW = { both: 42, table: 28 };
function charactersOf(name, facts) {
	const head = name.length + 2;
	if (facts?.kind === "text") return 34;
	const longest = Math.max(0, ...(facts?.words ?? []).map((word) => word.length));
	const body = facts?.kind === "class" ? Math.min(Math.max(longest + 2, 5), 18) : facts?.kind === "flag" ? 5 : 9;
	return Math.min(Math.max(head, body), 24);
}
function inOrder({ dataset, view }, columns) {
	const rank = (name) => {
		const facts = columnOf(dataset, name);
		const at = FIRST2.indexOf(facts?.about === "target" ? "label" : name);
		if (at >= 0) return at;
		if (name === view?.sort?.column) return FIRST2.length;
		const same = facts?.kind === "class" && facts.about === "sample" && (facts.words?.length ?? 0) < 2;
		return FIRST2.length + 1 + (same ? ABOUT.length : ABOUT.indexOf(facts?.about ?? "sample"));
	};
	return [...columns].sort((a, b) => rank(a) - rank(b));
}
function placesOf({ dataset }, columns, picture, room) {
	const names = picture ? [...columns.slice(0, 1), PICTURE, ...columns.slice(1)] : columns;
	const facts = names.map((name) => name === PICTURE ? null : columnOf(dataset, name));
	const wanted = names.map((name, i) => name === PICTURE ? picture + PADDING : charactersOf(name, facts[i]) * CHARACTER + PADDING);
	const widths = widen(wanted, room - TICK);
	return names.map((name, i) => ({ name, facts: facts[i], width: widths[i] }));
}
function isTold({ dataset, view, mode }, name) {
	if (name === view?.sort?.column) return true;
	const missing = columnOf(dataset, name)?.missing ?? 0;
	return !(missing > 0 && missing >= (dataset?.scanned ?? 0)) && !(name === "text" && mode === "both" && dataset?.form === "text");
}
var isNumber = (facts) => facts?.kind === "number" || facts?.kind === "index";
function createTable({ store, rows, actions }, thumb) {
	let places = [];
	let written = "";
	function sort({ name, facts }) {
		const now = store.get().view?.sort;
		const first = facts?.about === "model" || facts?.about === "finding";
		const next = now?.column !== name ? { column: name, descending: first } : now.descending === first ? { column: name, descending: !first } : { column: null, descending: false };
		void actions.ask("sort", next);
	}
	function headCell(place, i) {
		const { name, facts } = place;
		const now = store.get().view?.sort;
		const own = now?.column === name ? now.descending ? "descending" : "ascending" : null;
		const cell = h("span", { role: "columnheader", class: `ne-cell${isNumber(facts) ? " ne-right" : ""}`, "aria-colindex": i + 2, "aria-sort": own });
		cell.style.width = `${place.width}px`;
		if (name === PICTURE) append2(cell, store.get().dataset?.form ?? "sample");
		else cell.append(button(shorten(name, 40), () => sort(place), { class: "ne-sort", "data-key": name, title: tooltip(`${facts?.help || name}${facts?.unit ? ` (${facts.unit})` : ""}
Click to sort.`) }, own && h("span", { "aria-hidden": true }, own === "descending" ? " ↓" : " ↑")));
		return cell;
	}
	return {
		/** Lays columns out; gives the width that rows need and whether they must be built anew.
		 * @param {State} state @param {boolean} pictures @param {number} picture @param {number} room @param {HTMLElement} head
		 */
		layOut(state, pictures, picture, room, head) {
			const columns = rows.columns().length ? rows.columns() : (state.dataset?.columns ?? []).map((column) => column.name);
			places = placesOf(state, inOrder(state, columns.filter((name) => isTold(state, name))), pictures ? picture : 0, room);
			const layout = JSON.stringify(places.map(({ name, width }) => [name, width]));
			const key = `${layout} ${JSON.stringify(state.view?.sort)} ${state.selected.size > 0} ${state.dataset?.serial}`;
			const anew = !written.startsWith(`${layout} `);
			if (key !== written) writeHead(state, head);
			written = key;
			return { anew, width: places.reduce((sum, { width }) => sum + width, TICK) };
		},
		forget: () => written = "",
		/** @param {HTMLElement} row @returns {HTMLElement[]} */
		build(row) {
			const cells = places.map((place, i) => {
				const cell = h("span", { role: "gridcell", class: `ne-cell${isNumber(place.facts) ? " ne-right" : ""}`, "aria-colindex": i + 2 });
				cell.style.width = `${place.width}px`;
				if (place.name === PICTURE) cell.append(h("span", { class: "ne-thumb" }));
				return cell;
			});
			fill(row, h("span", { role: "gridcell", class: "ne-cell ne-tick", "aria-colindex": 1 }), ...cells);
			row.className = "ne-row ne-item";
			return [row];
		},
		/** @param {HTMLElement} item @param {number} position */
		draw(item, position) {
			const state = store.get();
			const own = rows.at(position);
			const [tick, ...cells] = (
				/** @type {HTMLElement[]} */
				[...item.children]
			);
			const chosen = own !== null && state.selected.has(own.row);
			say(tick, chosen ? "✓" : "");
			const wrong = own ? isWrong(state.dataset, own.columns, own.cells) : null;
			item.classList.toggle("ne-open", own !== null && own.row === state.sample?.row);
			item.classList.toggle("ne-blank", own === null);
			const group = state.view?.groups?.find(({ first }) => first === position);
			attribute(item, "data-group", group ? `${shorten(group.word, 40)} (${group.count})` : null);
			places.forEach((place, i) => drawCell(cells[i], place, own, wrong, position));
			attribute(item, "aria-label", own ? nameOf(state.dataset, own, wrong) : rows.errorAt(position) || "this row is on its way");
		}
	};
	function drawCell(cell, place, own, wrong, position) {
		if (place.name === PICTURE) return thumb(
			/** @type {HTMLElement} */
			cell.firstElementChild,
			own?.row ?? null
		);
		const text = own ? own.cells[own.columns.indexOf(place.name)] ?? "" : "";
		const marked = place.name === "prediction" && wrong === true;
		const broken = !own && place === places[0] ? rows.errorAt(position) : "";
		say(cell, broken ? "✕" : `${marked ? "✕ " : ""}${shorten(text, 200)}`);
		attribute(cell, "data-tone", marked || broken ? "bad" : place.name === "mark" && text ? "warn" : null);
		attribute(cell, "title", broken ? tooltip(broken) : text.length > 14 ? tooltip(text) : null);
	}
	function writeHead(state, head) {
		const active = (
			/** @type {HTMLElement | null} */
			/** @type {Document | ShadowRoot} */
			head.getRootNode().activeElement
		);
		const key = active && head.contains(active) ? active.dataset.key : void 0;
		const any = state.selected.size > 0;
		const all = button(any ? "✓" : "☐", () => void actions.ask("select", any ? { none: true } : { all: true }), { class: "ne-sort", "data-key": "\0all", "aria-label": any ? "clear the selection" : "select all that match", title: any ? "clear the selection" : "select all that match" });
		const row = h("div", { role: "row", class: "ne-headrow", "aria-rowindex": 1 }, h("span", { role: "columnheader", class: "ne-cell ne-tick", "aria-colindex": 1 }, all), ...places.map(headCell));
		fill(head, row);
		if (key !== void 0) [...head.querySelectorAll("[data-key]")].find((one) => (
			/** @type {HTMLElement} */
			one.dataset.key === key
		))?.focus();
	}
}
var append2 = (place, text) => place.append(text);
function nameOf(dataset, { columns, cells }, wrong) {
	const targets = targetsOf(dataset).map(({ name }) => name);
	const first = FIRST2.flatMap((name) => name === "label" && targets.length ? targets : [name]);
	const told = [...first.filter((name) => columns.includes(name)), ...columns.filter((name) => !first.includes(name))];
	const parts = told.map((name) => ({ name, text: cells[columns.indexOf(name)] })).filter(({ text }) => text).slice(0, 10);
	return parts.map(({ name, text }) => `${shorten(name, 30)} ${shorten(text, 60)}${name === "prediction" && wrong ? " (wrong)" : ""}`).join(", ");
}

// src/data/gallery.js
var GAP = 6;
var LINE = 16;
function sizeOf(form) {
	if (form === "text") return { size: 110, width: 236, height: 60 };
	if (form === "series" || form === "audio") return { size: 80, width: 142, height: 60 };
	return form === "table" ? { size: 80, width: 134, height: 52 } : { size: 76, width: 92, height: 80 };
}
function createGallery({ store, rows }, thumb) {
	return {
		/** @param {string} form @param {number} room */
		layOut(form, room) {
			const { width, height } = sizeOf(form);
			const across = Math.max(1, Math.floor((room - 8 + GAP) / (width + GAP)));
			return { across, rowHeight: height + 2 * LINE + GAP + 10, width: Math.floor((room - 8 + GAP) / across) - GAP };
		},
		/** @param {HTMLElement} row @param {number} items @param {number} width */
		build(row, items2, width) {
			const cells = Array.from({ length: items2 }, (_, i) => {
				const cell = h("span", { role: "gridcell", class: "ne-item ne-picture", "aria-colindex": i + 1 }, h("span", { class: "ne-thumb" }), h("span", { class: "ne-line" }, h("span"), h("span")), h("span", { class: "ne-line" }, h("span"), h("span")), h("span", { class: "ne-tick", "aria-hidden": true }));
				cell.style.width = `${width}px`;
				return cell;
			});
			fill(row, ...cells);
			row.className = "ne-row ne-pictures";
			return cells;
		},
		/** @param {HTMLElement} item @param {number} position */
		draw(item, position) {
			const state = store.get();
			const own = rows.at(position);
			const [place, first, second, tick] = (
				/** @type {HTMLElement[]} */
				[...item.children]
			);
			thumb(place, own?.row ?? null);
			const text = (name2) => own && name2 ? own.cells[own.columns.indexOf(name2)] ?? "" : "";
			const wrong = own ? isWrong(state.dataset, own.columns, own.cells) : null;
			const guess = text("prediction");
			const sort = state.view?.sort?.column;
			say(first.children[0], text("index"));
			say(first.children[1], own ? shorten(targetText(state.dataset, own), 30) : "");
			say(second.children[0], guess ? `${wrong ? "✕ " : wrong === false ? "✓ " : "→ "}${shorten(guess, 30)}` : "");
			attribute(second.children[0], "data-tone", wrong ? "bad" : wrong === false ? "ok" : null);
			say(second.children[1], sort && !["index", "label", "prediction"].includes(sort) ? shorten(text(sort), 12) : "");
			const chosen = own !== null && state.selected.has(own.row);
			say(tick, chosen ? "✓" : "");
			item.classList.toggle("ne-open", own !== null && own.row === state.sample?.row);
			const name = own ? nameOf(state.dataset, own, wrong) : rows.errorAt(position) || "this sample is on its way";
			attribute(item, "aria-label", name);
			attribute(item, "title", own ? tooltip(name) : null);
		}
	};
}

// src/data/groups.js
var MOST4 = 60;
function createGroups({ store }, jump) {
	const search = searchField("Find a group", () => write());
	const place = h("span", { class: "ne-groupwords" });
	const rest = h("span", { class: "ne-soft" });
	const element = h("div", { class: "ne-groups", role: "group", "aria-label": "Groups", hidden: true }, search, place, rest);
	let before = null;
	function write() {
		const groups = store.get().view?.groups ?? [];
		const wanted = search.value.trim().toLowerCase();
		const found2 = wanted ? groups.filter(({ word }) => word.toLowerCase().includes(wanted)) : groups;
		search.hidden = groups.length <= 12;
		fill(place, ...found2.slice(0, MOST4).map(({ word, count: many, first }) => h("button", { type: "button", class: "ne-chip", title: tooltip(`${word}: ${plural(many, "sample")}; click to go to the first`), onclick: () => jump(first) }, shorten(word, 24), h("span", { class: "ne-soft" }, ` ${count(many)}`))));
		say(rest, found2.length > MOST4 ? `and ${count(found2.length - MOST4)} more` : found2.length ? "" : "no such group");
	}
	return {
		element,
		/** @param {import("./types.js").State} state */
		update(state) {
			if (!changed(before, state, ["view"])) return;
			const same = before?.view?.groups === state.view?.groups || JSON.stringify(before?.view?.groups) === JSON.stringify(state.view?.groups);
			before = state;
			element.hidden = !state.view?.groups?.length;
			if (!same) write();
		}
	};
}

// src/data/list.js
function createList(name, acts) {
	const head = h("div", { class: "ne-head", role: "rowgroup" });
	const space = h("div", { class: "ne-space", role: "rowgroup" });
	const element = h("div", { class: "ne-scroller", role: "grid", "aria-label": name, "aria-multiselectable": true }, head, space);
	const built = new Map();
	let kind = null;
	let position = 0;
	let anchor = 0;
	let frame = 0;
	const sight = () => Math.max((element.clientHeight || 480) - head.offsetHeight, 40);
	const rows = () => kind ? Math.ceil(kind.count / kind.across) : 0;
	const list = () => ({ count: rows(), rowHeight: kind?.rowHeight ?? 1, sight: sight() });
	const holdsFocus = () => {
		const active = activeIn(element);
		return active !== null && element.contains(active) && active.closest(".ne-item") !== null;
	};
	function render3() {
		if (!kind) return;
		const whole = list();
		space.style.height = `${heightOf(whole)}px`;
		space.style.width = kind.width ? `${kind.width}px` : "";
		head.style.width = space.style.width;
		const offset = offsetAt(whole, element.scrollTop);
		const { first, last } = rowsInSight(whole, offset);
		const wanted = new Set(Array.from({ length: last - first }, (_, i) => first + i));
		if (rows()) wanted.add(Math.floor(position / kind.across));
		for (const [row, own] of built) {
			if (wanted.has(row)) continue;
			own.row.remove();
			built.delete(row);
		}
		for (const row of wanted) place(row, row * kind.rowHeight - offset + element.scrollTop);
		acts.seen(first * kind.across, Math.min(last * kind.across, kind.count));
	}
	function place(row, top) {
		const now = (
			/** @type {Kind} */
			kind
		);
		const items2 = Math.min(now.across, now.count - row * now.across);
		let own = built.get(row);
		if (!own || own.items.length !== items2) {
			const made = own?.row ?? h("div", { class: "ne-row", role: "row" });
			own = { row: made, items: now.build(made, items2) };
			built.set(row, own);
			if (!made.isConnected) space.append(made);
		}
		attribute(own.row, "aria-rowindex", row + 2);
		own.row.style.transform = `translateY(${Math.round(top)}px)`;
		own.row.style.height = `${now.rowHeight}px`;
		own.items.forEach((item, i) => {
			const at = row * now.across + i;
			item.dataset.at = String(at);
			attribute(item, "tabindex", at === position ? 0 : -1);
			attribute(item, "aria-selected", now.chosen(at) ? "true" : "false");
			now.draw(item, at);
		});
	}
	const itemAt = (at) => {
		const own = kind && built.get(Math.floor(at / kind.across));
		return own && kind ? own.items[at % kind.across] : null;
	};
	function goTo(at) {
		position = at;
		const whole = list();
		element.scrollTop = scrollFor(whole, reveal(whole, Math.floor(at / (kind?.across ?? 1)), offsetAt(whole, element.scrollTop)));
		render3();
		itemAt(at)?.focus({ preventScroll: true });
	}
	function positionOf(event) {
		const item = (
			/** @type {HTMLElement | null} */
			/** @type {Element} */
			event.target.closest?.(".ne-item")
		);
		return item ? Number(item.dataset.at) : -1;
	}
	element.addEventListener("scroll", () => {
		cancelAnimationFrame(frame);
		frame = requestAnimationFrame(render3);
	});
	element.addEventListener("click", (event) => {
		const at = positionOf(event);
		if (at < 0) return;
		const box = (
			/** @type {Element} */
			event.target.closest(".ne-tick")
		);
		if (event.shiftKey) acts.extend(anchor, at);
		else anchor = at;
		goTo(at);
		if (event.shiftKey) return;
		if (box || event.ctrlKey || event.metaKey) acts.toggle(at);
		else acts.open(at, event);
	});
	element.addEventListener("mousedown", (event) => {
		if (event.shiftKey) event.preventDefault();
	});
	element.addEventListener("keydown", (event) => {
		const at = positionOf(event);
		if (at < 0 || !kind || event.altKey) return;
		if (!keyed(event, at)) return;
		event.preventDefault();
		event.stopPropagation();
	});
	function keyed(event, at) {
		const { count: count2, across, rowHeight } = (
			/** @type {Kind} */
			kind
		);
		if (event.key === " ") {
			if (event.shiftKey) acts.extend(anchor, at);
			else {
				anchor = at;
				acts.toggle(at);
			}
		} else if (event.key === "Enter") acts.open(at, event);
		else if (event.key === "Escape") acts.every(false);
		else if (event.key.toLowerCase() === "a" && (event.ctrlKey || event.metaKey)) acts.every(true);
		else if (across === 1 && /^Arrow(Left|Right)$/.test(event.key)) element.scrollLeft += event.key === "ArrowLeft" ? -72 : 72;
		else {
			const to = move(event.key, event.ctrlKey, at, { columns: across, count: count2, page: Math.max(1, Math.floor(sight() / rowHeight)) });
			if (to === null || event.metaKey) return false;
			goTo(to);
			if (event.shiftKey) acts.extend(anchor, to);
			else anchor = to;
			acts.moved(to);
		}
		return true;
	}
	const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => render3());
	watch?.observe(element);
	return {
		element,
		head,
		width: () => element.clientWidth || 760,
		/** Shows other rows, or the same in another way. @param {Kind} next @param {boolean} anew whether rows are built anew */
		show(next, anew) {
			const held = holdsFocus();
			kind = next;
			position = Math.min(position, Math.max(next.count - 1, 0));
			anchor = Math.min(anchor, Math.max(next.count - 1, 0));
			attribute(element, "aria-rowcount", rows() + 1);
			if (anew) {
				for (const { row } of built.values()) row.remove();
				built.clear();
			}
			render3();
			if (held && !holdsFocus()) itemAt(position)?.focus({ preventScroll: true });
		},
		/** Draws again what is in sight. */
		redraw: render3,
		/** To the first row, with nothing in focus. */
		rewind() {
			position = anchor = 0;
			element.scrollTop = 0;
		},
		/** Brings a position to the top of what is seen. @param {number} at */
		scrollTo(at) {
			const whole = list();
			position = anchor = at;
			element.scrollTop = scrollFor(whole, Math.floor(at / (kind?.across ?? 1)) * whole.rowHeight);
			render3();
		},
		destroy() {
			watch?.disconnect();
			cancelAnimationFrame(frame);
		}
	};
}

// src/data/rowcache.js
var PAGE = 64;
var KEPT = 48;
var TOGETHER = 3;
var PIECE = 2e3;
var LONGEST = 2e4;
function createRows(ask, arrived) {
	const pages = new Map();
	let wish = null;
	let flying = false;
	let generation = 0;
	let epoch = 0;
	const isWanted = (page) => {
		const held = pages.get(page);
		return !held || !held.fresh && !held.error;
	};
	function next() {
		if (flying || !wish) return;
		const [from, to] = [Math.floor(wish.first / PAGE), Math.floor(Math.max(wish.last - 1, wish.first) / PAGE)];
		const wanted = Array.from({ length: to - from + 1 }, (_, i) => from + i).filter(isWanted);
		if (!wanted.length) {
			wish = null;
			return;
		}
		const start = wanted[0];
		let many = 1;
		while (many < TOGETHER && wanted.includes(start + many)) many++;
		load(start, many);
	}
	function load(start, many) {
		const [asked, own] = [generation, epoch];
		flying = true;
		ask("rows", { start: start * PAGE, count: many * PAGE }).then((payload) => ({ payload, error: "" }), (error) => ({ payload: null, error: String(error.message) })).then(({ payload, error }) => {
			if (own !== epoch) return;
			flying = false;
			for (let i = 0; i < many; i++) keep(start + i, pageOf(payload, i, asked === generation, error));
			arrived();
			next();
		});
	}
	function keep(number, page) {
		const old = pages.get(number);
		pages.delete(number);
		pages.set(number, page.error && old?.rows.length ? { ...old, error: page.error } : page);
		for (const key of pages.keys()) if (pages.size > KEPT) pages.delete(key);
	}
	return {
		/** What is known of the row at a position. @param {number} position @returns {Row | null} */
		at(position) {
			const page = pages.get(Math.floor(position / PAGE));
			const i = position % PAGE;
			return page && i < page.rows.length ? { row: page.rows[i], columns: page.columns, cells: page.cells[i] ?? [] } : null;
		},
		/** What is known of a row as it is now, wherever it stands. @param {number} row @returns {Row | null} */
		find(row) {
			for (const page of pages.values()) {
				if (!page.fresh) continue;
				const i = Array.prototype.indexOf.call(page.rows, row);
				if (i >= 0) return { row, columns: page.columns, cells: page.cells[i] ?? [] };
			}
			return null;
		},
		/** Why the row at a position is not there, in words. @param {number} position */
		errorAt: (position) => pages.get(Math.floor(position / PAGE))?.error ?? "",
		/** Columns of what came last. */
		columns: () => [...pages.values()].reverse().find((page) => page.columns.length)?.columns ?? [],
		/** Asks for what is not there of these positions, after the answer under way, and only for the latest wish.
		 * @param {number} first @param {number} last exclusive
		 */
		want(first, last) {
			if (last <= first) return;
			wish = { first, last };
			next();
		},
		/** What is kept is no longer how it is; it stays until the new has come. */
		renew() {
			generation++;
			for (const page of pages.values()) Object.assign(page, { fresh: false, error: "" });
		},
		/** Forgets all, and ignores answers that still come. */
		clear() {
			generation++;
			epoch++;
			flying = false;
			wish = null;
			pages.clear();
		},
		/** Rows from one position to another, either end included. @param {number} from @param {number} to @returns {Promise<number[]>} */
		async between(from, to) {
			const [first, last] = [Math.min(from, to), Math.min(Math.max(from, to), Math.min(from, to) + LONGEST - 1)];
			const known = Array.from({ length: last - first + 1 }, (_, i) => this.at(first + i)?.row);
			if (known.every((row) => row !== void 0)) return (
				/** @type {number[]} */
				known
			);
			const rows = [];
			for (let start = first; start <= last; start += PIECE) {
				const payload = await ask("rows", { start, count: Math.min(PIECE, last - start + 1) });
				rows.push(...Array.from(numbersOf(payload.rows)));
			}
			return rows;
		}
	};
}
function pageOf(payload, i, fresh, error) {
	const all = numbersOf(payload?.rows);
	const rows = Array.prototype.slice.call(all, i * PAGE, (i + 1) * PAGE);
	const cells = (payload?.cells ?? []).slice(i * PAGE, (i + 1) * PAGE);
	return { rows, cells, columns: payload?.columns ?? [], fresh, error };
}

// src/data/main.js
var WIDTHS = { text: 200, series: 84, audio: 84, table: 84 };
var SMALL = { picture: 34, other: 52 };
function createMain(kit) {
	const { store, actions, rows, previews } = kit;
	const small = { picture: createThumbs(previews, SMALL.picture), other: createThumbs(previews, SMALL.other) };
	const isPicture = () => ["image", "values"].includes(store.get().dataset?.form ?? "");
	const table2 = createTable(kit, (place, row) => small[isPicture() ? "picture" : "other"](place, row));
	const large = new Map(["image", "text", "series", "table"].map((form) => [form, createThumbs(previews, sizeOf(form).size)]));
	const gallery = createGallery(kit, (place, row) => (large.get(store.get().dataset?.form ?? "") ?? large.get("image"))?.(place, row));
	const list = createList("Samples", { open, toggle, extend, every, moved, seen });
	const groups = createGroups(kit, (first) => list.scrollTo(first));
	const nothing = h("p", { class: "ne-nothing" });
	const element = h("section", { class: "ne-main", "aria-label": "Samples" }, groups.element, nothing, list.element);
	let sight = { first: 0, last: 0 };
	let drawn = "";
	let before = null;
	function open(position) {
		const own = rows.at(position);
		if (own) actions.open({ ...own, position });
	}
	function moved(position) {
		if (store.get().sample) open(position);
	}
	function toggle(position) {
		const own = rows.at(position);
		if (own) void actions.ask("select", { rows: [own.row], mode: "toggle" });
	}
	async function extend(from, to) {
		try {
			await actions.ask("select", { rows: await rows.between(from, to), mode: "set" });
			if (Math.abs(from - to) >= LONGEST) store.set({ failure: `Only the first ${count(LONGEST)} of these rows were selected: to select more, write a query and press Ctrl A.` });
		} catch (error) {
			store.set({ failure: wordsOf(error) });
		}
	}
	function every(all) {
		void actions.ask("select", all ? { all: true } : { none: true });
	}
	function seen(first, last) {
		sight = { first, last };
		rows.want(first, last);
		wantPreviews();
	}
	function wantPreviews() {
		const { mode, labelling } = store.get();
		const wanted = Array.from({ length: mode === "table" || labelling ? 0 : sight.last - sight.first }, (_, i) => rows.at(sight.first + i)?.row);
		previews.want("list", wanted.filter((row) => row !== void 0));
	}
	function show(state) {
		const many = state.view?.count ?? 0;
		list.element.hidden = many === 0;
		nothing.hidden = many > 0;
		say(nothing, nothingText(state));
		if (many === 0) return;
		const form = state.dataset?.form ?? "";
		const key = `${state.mode} ${form} ${state.mode === "gallery" ? list.width() : ""}`;
		const other = key !== drawn;
		drawn = key;
		list.head.hidden = state.mode === "gallery";
		if (state.mode === "gallery") {
			const { across, rowHeight, width } = gallery.layOut(form, list.width());
			if (other) table2.forget();
			list.show({ count: many, across, rowHeight, width: 0, build: (row, items2) => gallery.build(row, items2, width), draw: gallery.draw, chosen }, other);
		} else {
			const { anew, width } = table2.layOut(state, state.mode === "both", WIDTHS[form] ?? 44, list.width() - 2, list.head);
			list.show({ count: many, across: 1, rowHeight: ROW[state.mode], width: width > list.width() ? width : 0, build: table2.build, draw: table2.draw, chosen }, anew || other);
		}
	}
	const chosen = (position) => store.get().selected.has(rows.at(position)?.row ?? -1);
	let wide = 0;
	const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => {
		if (Math.abs(element.clientWidth - wide) < 2 || !before) return;
		wide = element.clientWidth;
		show(before);
	});
	watch?.observe(element);
	return {
		element,
		update(state) {
			groups.update(state);
			const asked = changed(before, state, ["view"]) && (before?.view?.query !== state.view?.query || before?.view?.sort !== state.view?.sort || before?.view?.group !== state.view?.group) && isOther(before, state);
			if (asked) list.rewind();
			if (changed(before, state, ["view", "dataset", "mode", "arrivals", "sample", "selected", "status", "labelling"])) {
				before = state;
				show(state);
				wantPreviews();
			}
			before = state;
			attribute(list.element, "aria-busy", state.pending.includes("rows") ? "true" : null);
		},
		restyle: () => list.redraw(),
		bring: list.scrollTo,
		destroy() {
			watch?.disconnect();
			list.destroy();
		}
	};
}
function isOther(before, now) {
	const key = (state) => JSON.stringify([state?.view?.query, state?.view?.sort, state?.view?.group, state?.dataset?.split]);
	return key(before) !== key(now);
}
function nothingText({ dataset, view, status }) {
	if (!dataset) return status.text || "Nothing has been scanned yet. Press Scan to read every sample once.";
	if (view && view.total > 0) return "No sample matches: clear the query (Esc) or the range of the histogram.";
	if (status.work === "scan") return "The first samples are being read …";
	return dataset.total === 0 ? "The data set is empty: its length is 0." : "There are no samples to show.";
}

// src/data/notices.js
function createNotices({ store }) {
	const text = h("span", {});
	const dismiss = h("button", { type: "button", class: "nb-plain", "aria-label": "Dismiss this message", onclick: () => store.set({ failure: null }) }, "✕");
	const message = h("div", { class: "nb-notice", role: "alert", "data-tone": "bad", hidden: true }, h("span", { class: "nb-icon", "aria-hidden": true }, "✕"), text, dismiss);
	const lines = h("div", {});
	const element = h("div", { class: "nb-notices" }, message, lines);
	let before = null;
	let written = "";
	return {
		element,
		update(state) {
			message.hidden = state.failure === null;
			say(text, shorten(state.failure ?? "", 2e3));
			if (!changed(before, state, ["status", "dataset"])) return;
			before = state;
			const { status, dataset } = state;
			const sentences = [
				status.state === "error" && status.text ? line("bad", "✕", status.text) : null,
				status.state === "closed" ? line("muted", "■", `${status.text || "This view is closed."} What is on the page stays.`) : null,
				status.stale ? line("stale", "▲", status.stale) : null,
				notesOf2(dataset?.notes ?? [])
			];
			const key = sentences.map((one) => one?.textContent ?? "").join("\n");
			if (key !== written) fill(lines, ...sentences);
			written = key;
		}
	};
}
var line = (tone, icon, sentence) => h("div", { class: "nb-notice", "data-tone": tone }, h("span", { class: "nb-icon", "aria-hidden": true }, icon), h("span", {}, shorten(sentence, 2e3)));
function notesOf2(notes) {
	if (!notes.length) return null;
	if (notes.length === 1) return line("muted", "i", notes[0]);
	return h("details", { class: "nb-notice", "data-tone": "muted" }, h("summary", {}, `${plural(notes.length, "note")}: ${shorten(notes[0], 110)}`), h("ul", {}, ...notes.map((note) => h("li", {}, shorten(note, 1e3)))));
}

// src/sanity/svg.js
function s(tag, attributes = {}, ...children) {
	const element = (
		/** @type {SVGElement} */
		document.createElementNS("http://www.w3.org/2000/svg", tag)
	);
	for (const [name, value] of Object.entries(attributes)) attribute(element, name, typeof value === "number" ? Math.round(value * 100) / 100 : value);
	append(element, children);
	return element;
}

// src/data/curve.js
var [WIDTH, HEIGHT] = [560, 190];
var [LEFT, RIGHT, TOP, BOTTOM] = [52, 550, 10, 160];
function placed({ sizes, scores, low, high }) {
	const [at, value, from, to] = [sizes, scores, low, high].map((one) => Array.from(numbersOf(one)));
	const known = [...from, ...to, ...value].filter(Number.isFinite);
	const [least, most] = known.length ? [Math.min(...known), Math.max(...known)] : [0, 1];
	const room = 0.08 * (most - least || 1);
	const [bottom, top] = [least - room, most + room];
	const logs = at.map((size) => Math.log(Math.max(size, 1)));
	const wide = (logs[logs.length - 1] ?? 1) - (logs[0] ?? 0) || 1;
	const y = (own) => BOTTOM - (own - bottom) / (top - bottom) * (BOTTOM - TOP);
	const points = at.map((size, i) => ({ size, score: value[i], x: LEFT + 12 + (logs[i] - logs[0]) / wide * (RIGHT - LEFT - 24), y: y(value[i]), low: y(from[i]), high: y(to[i]) }));
	return { points: points.filter((point) => Number.isFinite(point.y)), ends: [bottom, top], y };
}
function curveElement(curve) {
	const { points, ends, y } = placed(curve);
	const text = (value) => curve.metric === "accuracy" ? share(value, 1) : brief(value);
	if (!points.length) return h("p", { class: "ne-soft" }, "There are no scores to draw.");
	const ticks = [0.1, 0.5, 0.9].map((at) => ends[0] + at * (ends[1] - ends[0]));
	const rules = ticks.flatMap((tick) => [s("line", { x1: LEFT, x2: RIGHT, y1: y(tick), y2: y(tick), class: "ne-rule" }), s("text", { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end", class: "ne-label" }, text(Math.min(Math.max(tick, curve.metric === "accuracy" ? 0 : -Infinity), curve.metric === "accuracy" ? 1 : Infinity)))]);
	const marks = points.flatMap((point) => [
		Number.isFinite(point.low) ? s("line", { x1: point.x, x2: point.x, y1: point.low, y2: point.high, class: "ne-intervalline" }) : null,
		s("circle", { cx: point.x, cy: point.y, r: 4, class: "ne-dot" }, s("title", {}, `${count(point.size)} samples: ${text(point.score)}`))
	]);
	const sparse = Math.ceil(points.length / 6);
	const sizes = points.map((point, i) => i % sparse === 0 || i === points.length - 1 ? s("text", { x: point.x, y: BOTTOM + 16, "text-anchor": "middle", class: "ne-label" }, count(point.size)) : null);
	return s(
		"svg",
		{ viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "ne-curve", role: "img", "aria-label": `${curve.metric} from ${text(points[0].score)} with ${count(points[0].size)} samples to ${text(points[points.length - 1].score)} with ${count(points[points.length - 1].size)}` },
		...rules,
		s("polyline", { points: points.map((point) => `${point.x.toFixed(1)},${point.y.toFixed(1)}`).join(" "), class: "ne-curveline" }),
		...marks,
		...sizes,
		s("text", { x: RIGHT, y: HEIGHT - 3, "text-anchor": "end", class: "ne-label" }, "training samples (log)")
	);
}

// src/data/baselines.js
var BAD = new Set(["nothing to learn", "network below constant", "network below simple"]);
var scoreText = (metric, value) => value === null || Number.isNaN(value) ? "–" : metric === "accuracy" ? share(value, 1) : brief(value);
function scoreBar(metric, { value, low, high, name }, most) {
	const bar = h("span", { class: "ne-scorebar", title: `${name}: ${scoreText(metric, value)}, 95 % between ${scoreText(metric, low)} and ${scoreText(metric, high)}` }, h("span", { class: "ne-part" }), h("span", { class: "ne-interval" }));
	const [part, interval] = (
		/** @type {HTMLElement[]} */
		[...bar.children]
	);
	const place = (at) => Math.min(Math.max(at ?? 0, 0) / (most || 1), 1) * 100;
	part.style.width = `${place(value)}%`;
	interval.style.left = `${place(low)}%`;
	interval.style.width = `${Math.max(place(high) - place(low), 0.5)}%`;
	return bar;
}
function createBaselines(kit) {
	const table2 = createResult(kit, {
		key: "baselines",
		text: "Is there anything to learn? Models that take seconds, judged on samples that they were not fitted on, beside the network.",
		verb: "Fit simple models",
		draw({ metric = "", unit = "", scores = [], sentence, verdict: kind, notes, samples, folds }) {
			const most = Math.max(...scores.map((one) => one.high ?? one.value ?? 0), metric === "accuracy" ? 1 : 0);
			const errors = scores.some((one) => one.error !== null && one.error !== void 0);
			const rows = scores.map((one, i) => [
				h("span", { class: i === scores.length - 1 && /network/i.test(one.name) ? "ne-strong" : null, title: one.note || null }, shorten(one.name, 40)),
				scoreText(metric, one.value),
				h("span", { class: "ne-soft" }, one.low === null ? "" : between(scoreText(metric, one.low), scoreText(metric, one.high))),
				...errors ? [one.error === null ? "–" : `${brief(one.error)}${unit ? ` ${unit}` : ""}`] : [],
				one.value === null ? shorten(one.note ?? "", 60) : scoreBar(metric, one, most)
			]);
			return [
				verdict(sentence, BAD.has(kind) ? "warn" : void 0),
				tableOf("Baselines", ["model", metric, "95 %", ...errors ? ["mean error"] : [], "size"], rows),
				samples !== void 0 && h("p", { class: "ne-soft" }, `${plural(samples, "sample")}${folds ? `, ${folds} folds` : ""}`),
				notesOf(notes)
			];
		}
	});
	const curve = createResult(kit, {
		key: "curve",
		text: "Would more data help? One model, fitted on more and more of the data.",
		verb: "Draw the learning curve",
		draw: (payload) => [verdict(payload.sentence), curveElement(payload), h("p", { class: "ne-soft" }, `${shorten(payload.model ?? "", 60)}; ${count(payload.samples ?? 0)} samples`), notesOf(payload.notes)]
	});
	const element = h("section", { class: "ne-two" }, table2.element, curve.element);
	return {
		element,
		update(state) {
			table2.update(state);
			curve.update(state);
		}
	};
}

// src/histogram.js
function extent2(low, high) {
	const whole = Math.abs(low % 1) === 0.5 && Math.abs(high % 1) === 0.5;
	return whole ? [low + 0.5, high - 0.5] : [low, high];
}

// src/data/brush.js
var placeOf = (value, [low, high], width) => high > low ? Math.min(Math.max((value - low) / (high - low), 0), 1) * width : 0;
var binAt = (x, bins, width) => Math.min(Math.max(Math.floor(x / (width || 1) * bins), 0), bins - 1);
function dragged(from, to, edges, width) {
	const bins = edges.length - 1;
	const [first, last] = [binAt(Math.min(from, to), bins, width), binAt(Math.max(from, to), bins, width)];
	return [edges[first], edges[last + 1]];
}
function nudged(range, end, key, edges) {
	const last = edges.length - 1;
	const at = nearestEdge(range[end], edges);
	const other = nearestEdge(range[1 - end], edges);
	const [least, most] = end === 0 ? [0, other - 1] : [other + 1, last];
	const to = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, PageDown: at - 8, PageUp: at + 8, Home: least, End: most }[key];
	if (to === void 0) return null;
	const edge = edges[Math.min(Math.max(to, least), most)];
	return end === 0 ? [edge, range[1]] : [range[0], edge];
}
function nearestEdge(value, edges) {
	let best = 0;
	for (let i = 1; i < edges.length; i++) if (Math.abs(edges[i] - value) < Math.abs(edges[best] - value)) best = i;
	return best;
}

// src/data/bars.js
var HEIGHT2 = 84;
var SMALL2 = 0.12;
var NONE = -1e3;
function enlarged(all, shown) {
	const [most, own] = [greatest(all), greatest(shown)];
	if (!own || own >= SMALL2 * most) return 1;
	return 10 ** Math.floor(Math.log10(most / own));
}
function createNumberBars(brush) {
	const canvas = h("canvas", { class: "ne-bars", "aria-hidden": true });
	const band = h("span", { class: "ne-band", hidden: true });
	const ends = (
		/** @type {(0 | 1)[]} */
		[0, 1].map((end) => h("span", { class: "ne-end", role: "slider", tabindex: 0, "aria-label": end ? "greatest value shown" : "least value shown", "data-end": end }))
	);
	const stage = h("div", { class: "ne-stage" }, canvas, band, ...brush ? ends : []);
	const [low, mid, high] = [h("span"), h("span", { class: "ne-readout" }), h("span")];
	const element = h("div", { role: "group" }, stage, h("div", { class: "ne-scale" }, low, mid, high));
	let bars2 = null;
	let range = null;
	let start = NONE;
	const width = () => stage.clientWidth || 400;
	const reach2 = () => (
		/** @type {[number, number]} */
		bars2?.edges.length ? [bars2.edges[0], bars2.edges[bars2.edges.length - 1]] : [0, 1]
	);
	function place() {
		const [from, to] = range ?? reach2();
		const [left, right] = [placeOf(from, reach2(), width()), placeOf(to, reach2(), width())];
		band.hidden = range === null;
		band.style.left = `${left}px`;
		band.style.width = `${right - left}px`;
		ends.forEach((end, i) => {
			end.style.left = `${i ? right : left}px`;
			end.hidden = !reach2().every(Number.isFinite);
			attribute(end, "aria-valuemin", reach2()[0]);
			attribute(end, "aria-valuemax", reach2()[1]);
			attribute(end, "aria-valuenow", i ? to : from);
			attribute(end, "aria-valuetext", brief(i ? to : from));
		});
	}
	function draw() {
		const wide = width();
		const drawing = context(canvas, wide, HEIGHT2);
		place();
		if (!drawing || !bars2) return;
		const style = getComputedStyle(canvas);
		const { all, shown, other } = bars2;
		const bins = all.length;
		const step = wide / (bins || 1);
		const most = Math.max(greatest(all), other ? greatest(other) : 0, 1);
		const times = enlarged(all, shown);
		const bar = (i, value) => {
			const tall = Math.max(value / most * (HEIGHT2 - 4), value ? 1.5 : 0);
			drawing.fillRect(i * step, HEIGHT2 - tall, Math.max(step - (step > 4 ? 1 : 0), 1), tall);
		};
		drawing.fillStyle = style.getPropertyValue("--ne-faint").trim() || "#bbb";
		for (let i = 0; i < bins; i++) bar(i, all[i]);
		drawing.fillStyle = style.getPropertyValue("--nb-bars").trim() || "#5596de";
		for (let i = 0; i < bins; i++) bar(i, shown[i] * times);
		if (!other) return;
		drawing.strokeStyle = style.getPropertyValue("--ne-other").trim() || "#b34700";
		drawing.lineWidth = 1.5;
		drawing.setLineDash([4, 2]);
		drawing.beginPath();
		for (let i = 0; i < bins; i++) for (const x of [i * step, (i + 1) * step]) drawing.lineTo(x, HEIGHT2 - 1 - other[i] / most * (HEIGHT2 - 4));
		drawing.stroke();
		drawing.setLineDash([]);
	}
	function rest() {
		if (!bars2) return;
		const times = enlarged(bars2.all, bars2.shown);
		const part = total(bars2.shown) !== total(bars2.all);
		if (bars2.legend) return say(mid, bars2.legend);
		const words = [part && (times > 1 ? `blue: what is shown, ${times} times taller` : "blue: what is shown"), bars2.other && "dashed: the other split, to scale"];
		say(mid, words.filter(Boolean).join(" · "));
	}
	function tell2(i) {
		if (!bars2 || i < 0) return rest();
		const [from, to] = extent2(bars2.edges[i], bars2.edges[i + 1]);
		const where = from === to ? brief(from) : `${brief(from)} … ${brief(to)}`;
		say(mid, `${where}: ${brush ? `${count(bars2.shown[i] ?? 0)} shown of ` : ""}${count(bars2.all[i] ?? 0)} (${share(bars2.all[i] ?? 0, total(bars2.all))})`);
	}
	stage.addEventListener("pointerdown", (event) => {
		if (!bars2?.edges.length || event.button !== 0 || !brush) return;
		const end = ends.indexOf(
			/** @type {HTMLElement} */
			event.target
		);
		start = end < 0 ? event.offsetX : placeOf((range ?? reach2())[1 - end], reach2(), width()) + (end ? 0.5 : -0.5);
		if (end < 0) range = dragged(start, start, bars2.edges, width());
		stage.setPointerCapture?.(event.pointerId);
		place();
	});
	stage.addEventListener("pointermove", (event) => {
		if (!bars2?.all.length) return;
		const x = event.clientX - stage.getBoundingClientRect().left;
		tell2(binAt(x, bars2.all.length, width()));
		if (start === NONE) return;
		range = dragged(start, x, bars2.edges, width());
		place();
	});
	stage.addEventListener("pointerup", () => {
		if (start !== NONE && range) brush?.(...range);
		start = NONE;
	});
	stage.addEventListener("pointercancel", () => {
		start = NONE;
		range = bars2?.range ?? null;
		place();
	});
	stage.addEventListener("pointerleave", () => rest());
	band.style.pointerEvents = "none";
	ends.forEach((end, i) => {
		end.addEventListener("keydown", (event) => {
			const next = bars2 && nudged(range ?? reach2(), i ? 1 : 0, event.key, bars2.edges);
			if (!next) return;
			range = next;
			place();
			brush?.(...next);
			event.preventDefault();
			event.stopPropagation();
		});
	});
	const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(draw);
	watch?.observe(stage);
	return {
		element,
		draw,
		/** @param {Bars} next */
		show(next) {
			bars2 = next;
			if (start === NONE) range = next.range;
			attribute(element, "aria-label", `${next.name}: histogram; ${count(total(next.shown))} of ${count(total(next.all))} shown`);
			const [from, to] = next.edges.length ? extent2(...reach2()) : [NaN, NaN];
			say(low, next.edges.length ? brief(from) : "");
			say(high, next.edges.length ? brief(to) : "");
			rest();
			draw();
		},
		destroy: () => watch?.disconnect()
	};
}

// src/data/classbars.js
var MOST5 = 100;
var SEARCHED = 12;
function found(bars2, wanted) {
	const sought = wanted.trim().toLowerCase();
	return sought ? bars2.filter(({ word }) => word.toLowerCase().includes(sought)) : bars2;
}
function createClassBars(choose) {
	const search = searchField("Find a word", () => write());
	const list = h("div", { class: "ne-words" });
	const rest = h("p", { class: "ne-soft" });
	const element = h("div", {}, search, list, rest);
	let bars2 = [];
	let how = { chosen: [], name: ({ word }) => word };
	function write() {
		const some = found(bars2, search.value);
		const most = bars2.reduce((sum, bar) => Math.max(sum, bar.whole, bar.other ?? 0), 1);
		const active = (
			/** @type {HTMLElement | null} */
			/** @type {Document | ShadowRoot} */
			list.getRootNode().activeElement
		);
		const held = active && list.contains(active) ? active.dataset.word : void 0;
		list.style.setProperty("--ne-long", `${Math.min(Math.max(3, ...some.slice(0, MOST5).map(({ word }) => word.length)), 18)}ch`);
		fill(list, ...some.slice(0, MOST5).map((bar) => barOf(bar, most)));
		if (held !== void 0) [...list.children].find((one) => (
			/** @type {HTMLElement} */
			one.dataset.word === held
		))?.focus();
		const left = some.length - MOST5;
		say(rest, [left > 0 ? `and ${plural(left, "more word")}: search for them` : some.length ? "" : "no such word", how.note].filter(Boolean).join("; "));
	}
	function barOf(bar, most) {
		const line2 = h("span", { class: "ne-wordbar" }, h("span", { class: "ne-whole" }), h("span", { class: "ne-part" }), bar.other !== void 0 && h("span", { class: "ne-othermark" }));
		const [whole, part, other] = (
			/** @type {HTMLElement[]} */
			[...line2.children]
		);
		whole.style.width = `${100 * bar.whole / most}%`;
		part.style.width = `${100 * bar.part / most}%`;
		if (other) other.style.left = `${100 * (bar.other ?? 0) / most}%`;
		const own = h("button", { type: "button", class: "ne-word", "data-word": bar.word, title: tooltip(how.name(bar)), "aria-label": shorten(how.name(bar), 200), onclick: () => choose(bar.word) }, h("span", { class: "ne-clip" }, shorten(bar.word, 60) || "(empty)"), line2, h("span", { class: "ne-number" }, bar.part === bar.whole ? count(bar.whole) : `${count(bar.part)} / ${count(bar.whole)}`));
		attribute(own, "aria-pressed", how.pressable === false ? null : String(how.chosen.includes(bar.word)));
		return own;
	}
	return {
		element,
		/** @param {Bar[]} next @param {How} now */
		show(next, now) {
			bars2 = next;
			how = now;
			search.hidden = next.length <= SEARCHED;
			if (search.hidden) search.value = "";
			write();
		}
	};
}

// src/data/histogram.js
var FIRST3 = ["loss", "error", "label", "mean", "length"];
function createHistogram({ store, actions }) {
	const column = choice("Column", (name) => void actions.ask("histogram", { column: name }));
	const about = h("span", { class: "ne-soft" });
	const clear = button("Clear the range", () => void actions.ask("brush", { column: null }), { class: "nb-plain" });
	const bars2 = createNumberBars((low, high) => {
		const name = store.get().view?.histogram?.column;
		if (name) void actions.ask("brush", { column: name, low, high });
	});
	const classes = createClassBars((word) => {
		const own = store.get().view?.histogram;
		if (!own) return;
		const held = wordsOf3(own);
		const words = held.includes(word) ? held.filter((one) => one !== word) : [...held, word];
		void actions.ask("brush", words.length ? { column: own.column, words } : { column: null });
	});
	const place = h("div", { class: "ne-histogram" });
	const element = h("section", { class: "ne-chart", "aria-label": "Histogram" }, h("div", { class: "ne-charthead" }, column.element, about, clear), place);
	let before = null;
	let asked = "";
	function begin({ dataset, view, status }) {
		const key = `${dataset?.name} ${dataset?.split} ${dataset?.predicted}`;
		if (!dataset?.scanned || asked === key || status.state === "closed") return;
		const fresh = asked === `${dataset.name} ${dataset.split} false` && view?.histogram?.column !== "loss";
		asked = key;
		if (view?.histogram && !fresh) return;
		const name = withTarget(dataset, FIRST3).find((one) => dataset.columns.some((own) => own.name === one && own.kind !== "text")) ?? dataset.columns.find((own) => own.kind === "number")?.name;
		if (name) void actions.ask("histogram", { column: name });
	}
	return {
		element,
		update(state) {
			if (!changed(before, state, ["dataset", "view", "status"])) return;
			begin(state);
			const { dataset } = state;
			const view = state.view?.histogram ?? null;
			const columns = (dataset?.columns ?? []).filter(({ kind }) => kind !== "text");
			column.show(columns.map(({ name }) => [name, shorten(name, 30)]), view?.column ?? "");
			const facts = columns.find(({ name }) => name === view?.column);
			attribute(column.element, "title", facts?.help || null);
			clear.hidden = !view?.brush;
			element.hidden = columns.length === 0;
			if (view !== before?.view?.histogram || before === null) show(state, view);
			before = state;
		},
		restyle: () => bars2.draw(),
		destroy: bars2.destroy
	};
	function show(state, view) {
		say(about, view ? view.kind === "number" ? "drag to filter" : "click to filter" : "");
		if (!view) return fill(place, h("p", { class: "ne-soft" }, reasonAgainst(state) || "Choose a column."));
		const own = view.kind === "number" ? bars2.element : classes.element;
		if (own.parentElement !== place) fill(place, own);
		if (view.kind === "number") {
			bars2.show({ name: view.column, edges: numbersOf(view.edges), all: numbersOf(view.all), shown: numbersOf(view.shown), other: view.other ? numbersOf(view.other) : null, range: isRange(view.brush) ? view.brush : null });
			return;
		}
		const [all, shown] = [numbersOf(view.all), numbersOf(view.shown)];
		classes.show((view.words ?? []).map((word, i) => ({ word, whole: all[i], part: shown[i] })), { chosen: wordsOf3(view), note: view.more ? `and ${plural(view.more, "rarer word")}` : "", name: (bar) => `${bar.word}: ${count(bar.part)} shown of ${count(bar.whole)}` });
	}
}
var isRange = (brush) => Array.isArray(brush) && typeof brush[0] === "number";
var wordsOf3 = ({ brush }) => Array.isArray(brush) && typeof brush[0] === "string" ? (
	/** @type {string[]} */
	brush
) : [];

// src/dynamics/plane.js
var SHAPES = 7;
function shape2(drawing, kind, x, y, size) {
	const corners = [[], [[-1, -1], [1, -1], [1, 1], [-1, 1]], [[0, -1.2], [1.1, 0.9], [-1.1, 0.9]], [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]], [[0, 1.2], [1.1, -0.9], [-1.1, -0.9]], [[-0.4, -1.2], [0.4, -1.2], [0.4, -0.4], [1.2, -0.4], [1.2, 0.4], [0.4, 0.4], [0.4, 1.2], [-0.4, 1.2], [-0.4, 0.4], [-1.2, 0.4], [-1.2, -0.4], [-0.4, -0.4]], [[0, -1.4], [0.35, -0.4], [1.3, -0.4], [0.55, 0.25], [0.85, 1.2], [0, 0.6], [-0.85, 1.2], [-0.55, 0.25], [-1.3, -0.4], [-0.35, -0.4]]][kind % SHAPES];
	drawing.beginPath();
	if (!corners.length) drawing.arc(x, y, size, 0, 7);
	for (const [dx, dy] of corners) drawing.lineTo(x + dx * size, y + dy * size);
	drawing.closePath();
}

// src/data/lasso.js
function isInside(x, y, loop) {
	let inside = false;
	for (let i = 0, j = loop.length - 1; i < loop.length; j = i++) {
		const [ax, ay] = loop[i];
		const [bx, by] = loop[j];
		if (ay > y !== by > y && x < (bx - ax) * (y - ay) / (by - ay) + ax) inside = !inside;
	}
	return inside;
}
function within2({ xs, ys }, loop) {
	if (loop.length < 3) return [];
	const across = loop.map(([x]) => x);
	const [left, right] = [Math.min(...across), Math.max(...across)];
	const found2 = [];
	for (let i = 0; i < xs.length; i++) if (xs[i] >= left && xs[i] <= right && isInside(xs[i], ys[i], loop)) found2.push(i);
	return found2;
}
function nearestPoint({ xs, ys }, x, y, reach2) {
	let [best, near] = [-1, reach2 * reach2];
	for (let i = 0; i < xs.length; i++) {
		const away = (xs[i] - x) ** 2 + (ys[i] - y) ** 2;
		if (away <= near) [best, near] = [i, away];
	}
	return best;
}
function stepTo({ xs, ys }, from, key) {
	const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
	if (!direction || !xs.length) return null;
	if (from < 0 || from >= xs.length) return 0;
	let [best, near] = [from, Infinity];
	for (let i = 0; i < xs.length; i++) {
		const [dx, dy] = [xs[i] - xs[from], ys[i] - ys[from]];
		const along = dx * direction[0] + dy * direction[1];
		const away = dx * dx + dy * dy;
		if (i !== from && along > 0 && 2 * along * along >= away && away < near) [best, near] = [i, away];
	}
	return best;
}
function reach(values) {
	let [low, high] = [Infinity, -Infinity];
	for (let i = 0; i < values.length; i++) {
		if (values[i] < low) low = values[i];
		if (values[i] > high && values[i] < Infinity) high = values[i];
	}
	if (!(high >= low) || low === -Infinity) return [0, 1];
	const room = 0.04 * (high - low || Math.abs(high) || 1);
	return [low - room, high + room];
}

// src/data/points.js
var HEIGHT3 = 262;
var EDGE = 10;
var NEAR = 10;
var SHAPES2 = 7;
var SHAPED = 4e3;
var PAUSE = 90;
var CROWD = 120;
var shapeOf = (code) => code < 0 ? 0 : code % SHAPES2;
function createPoints(kit) {
	const { store, actions, previews } = kit;
	const canvas = h("canvas", { class: "ne-points" });
	const over = h("canvas", { class: "ne-over", role: "application", tabindex: 0 });
	const [thumb, words] = [h("span", { class: "ne-thumb" }), h("span", {})];
	const tip = h("div", { class: "ne-tip", hidden: true, role: "status" }, thumb, words);
	const nothing = h("p", { class: "ne-soft ne-nopoints" });
	const element = h("div", { class: "ne-plane" }, canvas, over, tip, nothing);
	element.style.height = `${HEIGHT3}px`;
	const drawThumb = createThumbs(previews, 72);
	let view = null;
	let drawn = { rows: [], xs: new Float32Array(), ys: new Float32Array(), codes: [], shown: [] };
	let loop = null;
	let here = -1;
	let timer = 0;
	let before = null;
	const colour = (name) => getComputedStyle(canvas).getPropertyValue(name).trim() || "#808080";
	function lay() {
		const width = element.clientWidth || 560;
		const [px, py] = [numbersOf(view?.xs), numbersOf(view?.ys)];
		const [x, y] = [reach(px), reach(py)];
		const xs = Float32Array.from(px, (value) => EDGE + (value - x[0]) / (x[1] - x[0]) * (width - 2 * EDGE));
		const ys = Float32Array.from(py, (value) => HEIGHT3 - EDGE - (value - y[0]) / (y[1] - y[0]) * (HEIGHT3 - 2 * EDGE));
		drawn = { rows: numbersOf(view?.rows), xs, ys, codes: numbersOf(view?.codes), shown: numbersOf(view?.shown) };
		return width;
	}
	function draw() {
		const width = lay();
		const drawing = context(canvas, width, HEIGHT3);
		overlay();
		nothing.hidden = drawn.rows.length > 0;
		say(nothing, view ? "no point to draw" : "no map yet");
		if (!drawing) return;
		drawing.clearRect(0, 0, width, HEIGHT3);
		const chosen = store.get().selected;
		const { rows, shown } = drawn;
		const isShown = (i) => !shown.length || shown[i] !== 0;
		drawing.fillStyle = colour("--ne-faint");
		for (let i = 0; i < rows.length; i++) if (!isShown(i)) drawing.fillRect(drawn.xs[i] - 1.5, drawn.ys[i] - 1.5, 3, 3);
		const colours = coloursOf();
		drawing.globalAlpha = rows.length > 8e3 ? 0.6 : 0.8;
		for (let i = 0; i < rows.length; i++) if (isShown(i)) dot(drawing, i, colours);
		drawing.globalAlpha = 1;
		drawing.strokeStyle = colour("--nb-ink");
		const size = chosen.size > CROWD ? 3 : 5;
		drawing.lineWidth = chosen.size > CROWD ? 0.75 : 1.5;
		for (let i = 0; i < rows.length; i++) if (chosen.has(rows[i])) drawing.strokeRect(drawn.xs[i] - size, drawn.ys[i] - size, 2 * size, 2 * size);
	}
	function coloursOf() {
		const plain = colour("--nb-bars");
		const known = new Map();
		return (code) => {
			if (code === void 0 || code < 0) return view?.colour ? colour("--nb-soft") : plain;
			const found2 = known.get(code) ?? css(view?.words ? classColour(code) : between2(SEQUENTIAL, code / 255));
			known.set(code, found2);
			return found2;
		};
	}
	function dot(drawing, i, colours) {
		const code = drawn.codes.length ? drawn.codes[i] : -1;
		drawing.fillStyle = colours(code);
		if (drawn.rows.length > SHAPED) return drawing.fillRect(drawn.xs[i] - 2, drawn.ys[i] - 2, 4, 4);
		shape2(drawing, view?.words ? shapeOf(code) : 0, drawn.xs[i], drawn.ys[i], 3.5);
		drawing.fill();
		drawing.strokeStyle = "#0005";
		drawing.lineWidth = 0.5;
		drawing.stroke();
	}
	function overlay() {
		const width = element.clientWidth || 560;
		const drawing = context(over, width, HEIGHT3);
		if (!drawing) return;
		drawing.clearRect(0, 0, width, HEIGHT3);
		drawing.strokeStyle = colour("--nb-accent");
		drawing.lineWidth = 1.5;
		if (loop && loop.length > 1) {
			drawing.beginPath();
			for (const [x, y] of loop) drawing.lineTo(x, y);
			drawing.closePath();
			drawing.globalAlpha = 0.14;
			drawing.fillStyle = colour("--nb-warn");
			drawing.fill();
			drawing.globalAlpha = 1;
			drawing.setLineDash([4, 3]);
			drawing.stroke();
			drawing.setLineDash([]);
		}
		if (here < 0 || here >= drawn.xs.length) return;
		drawing.beginPath();
		drawing.arc(drawn.xs[here], drawn.ys[here], 7, 0, 7);
		drawing.stroke();
	}
	function point(i) {
		if (i === here) return;
		here = i;
		overlay();
		clearTimeout(timer);
		if (i < 0) {
			tip.hidden = true;
			previews.want("tip", []);
			return;
		}
		timer = setTimeout(() => previews.want("tip", here >= 0 ? [drawn.rows[here]] : []), PAUSE);
		writeTip();
	}
	function writeTip() {
		if (here < 0) return;
		const row = drawn.rows[here];
		const code = drawn.codes.length ? drawn.codes[here] : -1;
		const word = view?.colour && code >= 0 ? view.words ? view.words[code] : brief((view.low ?? 0) + code / 255 * ((view.high ?? 1) - (view.low ?? 0))) : "";
		drawThumb(thumb, row);
		say(words, [captionOf(previews.get(row), row), word && `${view?.colour}: ${shorten(word, 40)}`].filter(Boolean).join("\n"));
		tip.hidden = false;
		const [x, y] = [drawn.xs[here], drawn.ys[here]];
		const width = element.clientWidth || 560;
		tip.style.left = x > width / 2 ? "" : `${x + 12}px`;
		tip.style.right = x > width / 2 ? `${width - x + 12}px` : "";
		tip.style.top = y > HEIGHT3 / 2 ? "" : `${y + 8}px`;
		tip.style.bottom = y > HEIGHT3 / 2 ? `${HEIGHT3 - y + 8}px` : "";
	}
	function open(i) {
		if (i >= 0) actions.open({ row: drawn.rows[i], position: null, columns: [], cells: [] });
	}
	over.addEventListener("pointerdown", (event) => {
		if (event.button !== 0) return;
		loop = [[event.offsetX, event.offsetY]];
		over.setPointerCapture?.(event.pointerId);
		tip.hidden = true;
	});
	over.addEventListener("pointermove", (event) => {
		if (!loop) return point(nearestPoint(drawn, event.offsetX, event.offsetY, NEAR));
		const [x, y] = loop[loop.length - 1];
		if (Math.hypot(event.offsetX - x, event.offsetY - y) < 3) return;
		loop.push([event.offsetX, event.offsetY]);
		overlay();
	});
	over.addEventListener("pointerup", (event) => {
		const own = loop ?? [];
		loop = null;
		overlay();
		if (own.length < 4) return open(nearestPoint(drawn, event.offsetX, event.offsetY, NEAR));
		const rows = within2(drawn, own).filter((i) => !drawn.shown.length || drawn.shown[i] !== 0).map((i) => drawn.rows[i]);
		void actions.ask("select", { rows, mode: event.shiftKey ? "add" : event.altKey ? "remove" : "set" });
	});
	over.addEventListener("pointercancel", () => {
		loop = null;
		overlay();
	});
	over.addEventListener("pointerleave", () => point(-1));
	over.addEventListener("blur", () => point(-1));
	over.addEventListener("keydown", (event) => {
		if (event.ctrlKey || event.metaKey || event.altKey) return;
		const to = stepTo(drawn, here, event.key);
		if (to !== null) point(to);
		else if (event.key === "Enter") open(here);
		else if (event.key === " " && here >= 0) void actions.ask("select", { rows: [drawn.rows[here]], mode: "toggle" });
		else if (event.key === "Escape") void actions.ask("select", { none: true });
		else return;
		event.preventDefault();
		event.stopPropagation();
	});
	const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(draw);
	watch?.observe(element);
	return {
		element,
		draw,
		/** @param {State} state */
		update(state) {
			const fresh = state.view?.scatter ?? null;
			if (fresh !== view || before?.selected !== state.selected) {
				const held = here >= 0 ? drawn.rows[here] : -1;
				if (numbersOf(fresh?.rows)[here] !== held) point(-1);
				view = fresh;
				draw();
				attribute(over, "aria-label", `${view?.title || "Map"}: ${count(drawn.rows.length)} points, ${count(state.selected.size)} selected. Arrow keys go from point to point, Enter opens one, Space selects it, Escape clears the selection.`);
			}
			if (changed(before, state, ["arrivals"]) && !tip.hidden) writeTip();
			before = state;
		},
		destroy() {
			watch?.disconnect();
			clearTimeout(timer);
		}
	};
}

// src/data/scatter.js
var LEGEND = 14;
var COLOURS = ["label", "correct", "loss", "error", "prediction"];
function createScatter(kit) {
	const { store, actions } = kit;
	const what = choice("Draw", (value) => {
		pair = value === "pair";
		if (pair) drawPair();
		else void ask({ map: value, colour: colour.select.value || null });
		controls(store.get());
	});
	const [x, y] = [choice("x", () => drawPair()), choice("y", () => drawPair())];
	const colour = choice("Colour", () => pair ? drawPair() : void ask({ map: what.select.value, colour: colour.select.value || null }));
	const every = button("Select all that match", () => void actions.ask("select", { all: true }));
	const title = h("span", { class: "ne-charttitle" });
	const note = h("span", { class: "ne-soft" });
	const problem = problemLine();
	const legend = h("div", { class: "ne-legend" });
	const points = createPoints(kit);
	const element = h("section", { class: "ne-chart ne-scatter", "aria-label": "Samples as points" }, h("div", { class: "ne-charthead" }, title, what.element, x.element, y.element, colour.element), problem, points.element, legend, h("div", { class: "ne-chartfoot" }, every, note));
	let pair = false;
	let asked = "";
	let before = null;
	async function ask(params) {
		tell(problem, "");
		try {
			await actions.request("scatter", params);
		} catch (error) {
			tell(problem, wordsOf(error));
			controls(store.get());
		}
	}
	function drawPair() {
		const names = numeric(store.get());
		const [across, up] = [x.select.value || names[0], y.select.value || names[1] || names[0]];
		if (across) void ask({ x: across, y: up, colour: colour.select.value || null });
	}
	function begin({ dataset, view, status }) {
		const key = `${dataset?.name} ${dataset?.split}`;
		if (!dataset?.complete || view?.scatter || asked === key || status.state !== "idle" || dataset.scanned < 3) return;
		asked = key;
		const first = withTarget(dataset, COLOURS).find((name) => dataset.columns.some((own) => own.name === name && own.kind !== "text"));
		void ask({ map: "pca", colour: first ?? null });
	}
	function controls(state) {
		const view = state.view?.scatter ?? null;
		const names = numeric(state);
		const options = names.map((name) => (
			/** @type {[string, string]} */
			[name, shorten(name, 24)]
		));
		what.show([["pca", "map (PCA)"], ["umap", "map (UMAP)"], ["pair", "two columns"]], pair ? "pair" : /umap/i.test(view?.title ?? "") ? "umap" : "pca");
		x.show(options, view && names.includes(view.x) ? view.x : x.select.value || names[0]);
		y.show(options, view && names.includes(view.y) ? view.y : y.select.value || (names[1] ?? names[0]));
		x.element.hidden = y.element.hidden = !pair;
		const coloured = (state.dataset?.columns ?? []).filter(({ kind }) => kind !== "text" && kind !== "index");
		colour.show([["", "none"], ...coloured.map(({ name }) => (
			/** @type {[string, string]} */
			[name, shorten(name, 24)]
		))], view?.colour ?? colour.select.value ?? "");
	}
	return {
		element,
		update(state) {
			points.update(state);
			if (!changed(before, state, ["dataset", "view", "status"])) return;
			begin(state);
			const view = state.view?.scatter ?? null;
			if (view !== before?.view?.scatter) {
				pair = view ? numeric(state).includes(view.x) : pair;
				writeLegend(view);
			}
			before = state;
			controls(state);
			element.hidden = !state.dataset?.scanned;
			say(title, view ? "" : "Map");
			title.hidden = view !== null;
			const many = state.view?.count ?? 0;
			say(every, `Select all that match (${count(many)})`);
			enable(every, { reason: reasonAgainst(state) || (many ? "" : "no sample matches"), title: "what a lasso does, without a pointer: write a query, then select its samples" });
			say(note, [view?.note, view && "drag a loop to select, ⇧ adds, alt takes away"].filter(Boolean).join(" · "));
		},
		restyle: points.draw,
		destroy: points.destroy
	};
	function writeLegend(view) {
		legend.hidden = !view?.colour;
		if (!view?.colour) return;
		if (!view.words) {
			const ramp = h("span", { class: "ne-ramp" });
			ramp.style.background = `linear-gradient(to right, ${SEQUENTIAL.map((one) => css(one)).join(", ")})`;
			return fill(legend, h("b", {}, shorten(view.colour, 30)), h("span", {}, brief(view.low ?? NaN)), ramp, h("span", {}, brief(view.high ?? NaN)));
		}
		const used = new Set(Array.from(numbersOf(view.codes)));
		const words = view.words.flatMap((word, code) => used.has(code) ? [{ word, code }] : []);
		fill(legend, h("b", {}, shorten(view.colour, 30)), ...words.slice(0, LEGEND).map(({ word, code }) => h("span", { class: "ne-key", title: tooltip(word) }, keyOf(code), shorten(word, 18))), words.length > LEGEND && h("span", { class: "ne-soft" }, `and ${count(words.length - LEGEND)} more: point at a sample`));
	}
}
function keyOf(code) {
	const sign = h("span", { class: "ne-sign", "aria-hidden": true }, ["●", "■", "▲", "◆", "▼", "✚", "★"][shapeOf(code)]);
	sign.style.color = css(classColour(code));
	return sign;
}
var numeric = ({ dataset }) => (dataset?.columns ?? []).filter(({ kind }) => kind === "number" || kind === "class" || kind === "flag").map(({ name }) => name);

// src/data/charts.js
function createCharts(kit) {
	const views3 = [createHistogram(kit), createScatter(kit)];
	return {
		element: h("div", { class: "ne-charts" }, ...views3.map(({ element }) => element)),
		update: (state) => views3.forEach((view) => view.update(state)),
		restyle: () => views3.forEach((view) => view.restyle?.()),
		destroy: () => views3.forEach((view) => view.destroy?.())
	};
}

// src/matrix.js
var LEVEL = 5;
var MOST6 = 18;
var matrixName = (name) => shorten(name, MOST6);
function matrixHead(words, corner) {
	const upright = words.some((word) => word.length > LEVEL);
	const heads = words.map((word) => h("th", { scope: "col", title: tooltip(word) }, h("span", {}, matrixName(word))));
	return h("thead", { class: upright ? "nb-upright" : null }, h("tr", {}, h("td", { class: "nb-between" }, corner), ...heads));
}

// src/data/spelling.js
var NAME = /^[A-Za-z_]\w*$/;
var KEYWORDS = new Set("False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield".split(" "));
var nameText = (name) => NAME.test(name) && !KEYWORDS.has(name) ? name : `\`${name}\``;
var isNameable = (name) => !/[`\n\r]/.test(name);
var wordText = (word) => /^[^'\\\p{C}]*$/u.test(word) ? `'${word}'` : JSON.stringify(word);
var equals = (column, word) => `${nameText(column)} == ${wordText(word)}`;

// src/data/confusion.js
var MOST7 = 20;
function matrixOf({ words, counts }) {
	const flat = numbersOf(counts);
	const many = words.length;
	return Array.from({ length: many }, (_, r) => Array.prototype.slice.call(flat, r * many, (r + 1) * many));
}
var cellQuery = (label, guess) => `${equals("label", label)} and ${equals("prediction", guess)}`;
function createConfusion(kit) {
	const { actions } = kit;
	return createResult(kit, {
		key: "confusion",
		text: "Which class is taken for which. A click on a count shows those samples.",
		verb: "Count",
		atOnce: true,
		reason: ({ dataset }) => dataset?.predicted ? "" : "press Predict first",
		draw(payload) {
			const rows = matrixOf(payload);
			const others = payload.others ?? 0;
			const known = others ? payload.words.length - 1 : payload.words.length;
			return [verdict(payload.sentence), known <= MOST7 && matrix(payload.words, rows, known), pairs(payload.pairs ?? []), notesOf(payload.notes)];
		}
	});
	function matrix(words, rows, known) {
		const names = words.map(matrixName);
		const body = rows.map((row, r) => {
			const sum = row.reduce((a, b) => a + b, 0) || 1;
			return h("tr", {}, h("th", { scope: "row", title: tooltip(words[r]) }, names[r]), ...row.map((many, c) => cell(words, many, sum, r, c, r < known && c < known)));
		});
		return h("div", { class: "ne-tableplace", tabindex: 0, role: "region", "aria-label": "Confusion" }, h("table", { class: "ne-confusion" }, matrixHead(words, "label ↓ prediction →"), h("tbody", {}, ...body)));
	}
	function cell(words, many, sum, r, c, named) {
		if (!many) return h("td", {}, h("span", { class: "ne-faint", "aria-label": "none" }, "·"));
		const right = r === c;
		const told = `${plural(many, "sample")} of ${words[r]} ${right ? "told right" : `taken for ${words[c]}`} (${share(many, sum)})`;
		const text = right ? count(many) : `✕ ${count(many)}`;
		const made = h("td", { class: right ? "ne-right-cell" : "ne-wrong-cell" }, named ? h("button", { type: "button", "aria-label": shorten(told, 200), title: tooltip(told), onclick: () => void actions.filter(cellQuery(words[r], words[c])) }, text) : h("span", { title: tooltip(told) }, text));
		made.style.setProperty("--ne-part", `${Math.round(10 + 60 * many / sum)}%`);
		attribute(made, "data-many", many);
		return made;
	}
	function pairs(own) {
		return own.length > 0 && tableOf("Most frequent confusions", ["label → prediction", "samples", "of the label"], own.map((pair) => [
			filterButton(kit, pair.query, `${shorten(pair.label, 30)} → ✕ ${shorten(pair.prediction, 30)}`),
			count(pair.count),
			share(pair.share, 1)
		]));
	}
}

// src/data/decomposition.js
var partText = (metric, unit, value) => value === null ? "–" : metric === "error rate" ? share(value, 1).replace("<", "under ") : `${brief(value)}${unit ? ` ${unit}` : ""}`;
var signed = (metric, unit, value) => value !== null && value < 0 ? `−${partText(metric, unit, -value)}` : partText(metric, unit, value);
var createDecomposition = (kit) => createResult(kit, {
	key: "decomposition",
	method: "decompose",
	text: "What the error is due to: what a person errs on, what training has not learnt, what does not carry over, what differs between the sets.",
	verb: "Take the error apart",
	draw({ metric = "", unit = "", levels = [], parts = [], largest, sentence, notes }) {
		const most = Math.max(...parts.map((part) => Math.abs(part.value ?? 0)), 1e-12);
		const own = parts.map((part) => {
			const bar = h("span", { class: "ne-scorebar" }, h("span", { class: "ne-part" }));
			bar.firstElementChild.style.width = `${100 * Math.max(part.value ?? 0, 0) / most}%`;
			return [
				h("span", { class: part.name === largest ? "ne-strong" : null }, `${part.name === largest ? "▲ " : ""}${shorten(part.name, 60)}`),
				h("span", { class: "ne-soft" }, shorten(part.of, 40)),
				signed(metric, unit, part.value),
				h("span", { class: "ne-soft" }, between(signed(metric, unit, part.low), signed(metric, unit, part.high))),
				part.state === "clear" ? bar : h("span", { class: "ne-soft" }, part.state)
			];
		});
		const advice = parts.filter((part) => part.state === "clear" && part.advice).map((part) => h("li", {}, h("b", {}, shorten(part.name, 60)), `: ${shorten(part.advice, 400)}`));
		const sets = levels.map((level) => [shorten(level.name, 40), partText(metric, unit, level.value), h("span", { class: "ne-soft" }, between(partText(metric, unit, level.low), partText(metric, unit, level.high))), level.samples ? count(level.samples) : "given"]);
		return [verdict(sentence), own.length > 0 && tableOf("Parts of the error", ["part", "of", metric, "95 %", "size"], own), advice.length > 0 && h("ul", { class: "ne-notes" }, ...advice), sets.length > 0 && tableOf("Errors", ["on", metric, "95 %", "samples"], sets), notesOf(notes)];
	}
});

// src/data/features.js
var MOST8 = 256;
function oddText({ constant, same_as, missing }) {
	const words = [constant && "constant", same_as && `same as ${shorten(same_as, 40)}`, missing > 0 && `${share(missing, 1)} missing`];
	return words.filter(Boolean).join(", ");
}
function createFeatures({ store }) {
	const search = searchField("Find a feature", () => write());
	const about = h("span", { class: "ne-soft" });
	const place = h("div", {});
	const element = h("section", {}, h("div", { class: "ne-pair" }, search, about), place);
	let before = null;
	function write() {
		const all = store.get().dataset?.features ?? [];
		const wanted = search.value.trim().toLowerCase();
		search.hidden = all.length <= 12;
		const some = all.filter(({ name }) => name.toLowerCase().includes(wanted));
		const sorted = [...some.filter(oddText), ...some.filter((facts) => !oddText(facts))];
		const odd = all.filter(oddText).length;
		fill(about, `${plural(all.length, "feature")}${all.length >= MOST8 ? " (the first of them)" : ""}, ${odd ? `${count(odd)} with something odd, first` : "none constant, duplicated or incomplete"}`);
		const number = (value) => value === null ? "–" : brief(value);
		fill(place, tableOf("Features", ["feature", "mean", "std", "min", "max", "what is odd"], sorted.map((facts) => [
			h("span", { title: tooltip(facts.name) }, shorten(facts.name, 40)),
			number(facts.mean),
			number(facts.std),
			number(facts.low),
			number(facts.high),
			oddText(facts) && h("span", { "data-tone": "warn" }, `▲ ${oddText(facts)}`)
		])));
	}
	return {
		element,
		update(state) {
			if (changed(before, state, ["dataset"]) && JSON.stringify(before?.dataset?.features) !== JSON.stringify(state.dataset?.features)) write();
			before = state;
		}
	};
}

// src/data/findings.js
var GROUPED = new Set(["duplicates", "near duplicates", "conflicting labels"]);
var GROUPS = 12;
var TOGETHER2 = 8;
var ICONS = { warn: "▲", note: "●", ok: "✓" };
var ORDER = { warn: 0, note: 1, ok: 2 };
function createFindings(kit) {
	const { store, previews } = kit;
	const strip = createStrip(kit, 64);
	const list = h("ul", { class: "ne-findings" });
	const failures = h("div", {});
	const element = h("section", {}, list, failures);
	let open = "";
	let groups = null;
	let problem = "";
	let limit = GROUPS;
	let before = null;
	async function toggle(kind) {
		open = open === kind ? "" : kind;
		[groups, problem, limit] = [null, "", GROUPS];
		write();
		if (!open) return;
		try {
			const payload = await kit.actions.request("groups", { kind });
			if (open !== kind) return;
			groups = (payload.groups ?? []).map((rows) => Array.from(numbersOf(rows)));
		} catch (error) {
			problem = wordsOf(error);
		}
		if (open === kind) write();
	}
	function write() {
		const all = [...store.get().dataset?.findings ?? []].sort((a, b) => ORDER[a.level] - ORDER[b.level]);
		strip.clear();
		fill(list, ...all.map(entry), all.length === 0 && h("li", { class: "ne-soft" }, store.get().dataset?.complete ? "Nothing suspicious was found." : "Findings come when the scan is done."));
		previews.want("groups", strip.rows().slice(0, 128));
		strip.draw();
	}
	function entry(finding) {
		const { kind, level, text, query } = finding;
		const grouped = GROUPED.has(kind) && finding.count > 0;
		return h(
			"li",
			{},
			h("p", { "data-tone": level === "note" ? "muted" : level }, h("span", { class: "ne-icon", "aria-hidden": true }, ICONS[level] ?? "●"), h("b", {}, kind), h("span", { class: "ne-words-of" }, shorten(text, 600))),
			h("span", { class: "ne-pair" }, query && filterButton(kit, query, finding.count ? `Show ${plural(finding.count, "sample")}` : "Show"), grouped && button(open === kind ? "Hide" : "Side by side", () => void toggle(kind), { class: "nb-plain", "aria-expanded": String(open === kind) })),
			open === kind && groupsOf()
		);
	}
	function groupsOf() {
		if (problem) return problemLine(problem);
		if (!groups) return h("p", { class: "ne-soft" }, "…");
		const shown = groups.slice(0, limit).map((rows) => h("div", { class: "ne-group" }, strip.build(rows.slice(0, TOGETHER2)), rows.length > TOGETHER2 && h("span", { class: "ne-soft" }, `and ${count(rows.length - TOGETHER2)} more`)));
		const more = groups.length - shown.length;
		return h("div", {}, h("div", { class: "ne-groupslist" }, ...shown), groups.length === 0 && h("p", { class: "ne-soft" }, "no groups are known"), more > 0 && button(`Show ${plural(Math.min(more, GROUPS), "more group")} of ${count(more)}`, () => {
			limit += GROUPS;
			write();
		}, { class: "nb-plain" }));
	}
	return {
		element,
		update(state) {
			if (changed(before, state, ["dataset"]) && JSON.stringify(before?.dataset?.findings) !== JSON.stringify(state.dataset?.findings)) write();
			else if (before === null) write();
			if (changed(before, state, ["arrivals"])) strip.draw();
			if (changed(before, state, ["dataset"])) writeFailures(state);
			before = state;
		}
	};
	function writeFailures({ dataset }) {
		const all = dataset?.failures ?? [];
		const key = JSON.stringify(all);
		if (failures.dataset.key === key) return;
		failures.dataset.key = key;
		if (!all.length) return fill(failures);
		const title = h("h4", {}, "");
		say(title, `${plural(dataset?.failed ?? all.length, "sample")} could not be read${(dataset?.failed ?? 0) > all.length ? `; the first ${all.length}` : ""}`);
		fill(failures, title, h("ul", { class: "ne-failures" }, ...all.map(({ index, error }) => h("li", {}, h("b", {}, `index ${count(index)}`), " ", shorten(error, 400)))));
	}
}

// src/data/issues.js
var SHOWN = 24;
function createIssues(kit) {
	const { actions, previews } = kit;
	const strip = createStrip(kit, 56);
	let before = null;
	const view = createResult(kit, {
		key: "issues",
		text: "Labels that look wrong to models which had not seen them: candidates to look at, no verdicts.",
		verb: "Find label issues",
		draw(payload) {
			const rows = Array.from(numbersOf(payload.rows));
			const quality = numbersOf(payload.quality);
			const most = rows.slice(0, SHOWN);
			const about = new Map(most.map((row, i) => [row, `${shorten(payload.given?.[i] ?? "", 12)} → ${shorten(payload.suggested?.[i] ?? "", 12)} ${share(quality[i] ?? 0, 1)}`]));
			strip.clear();
			const pictures = strip.build(most, (row) => about.get(row) ?? "");
			previews.want("issues", most);
			strip.draw();
			return [
				verdict(payload.sentence),
				rows.length > 0 && filterButton(kit, "suggested.notna()", `Show ${plural(rows.length, "candidate")} in the table`),
				rows.length > 0 && button("Select them", () => void actions.ask("select", { rows, mode: "set" }), { class: "nb-plain" }),
				pictures,
				rows.length > SHOWN && h("p", { class: "ne-soft" }, `the first ${SHOWN} of ${count(rows.length)}`),
				rows.length > 0 && h("p", { class: "ne-soft" }, "label → suggested, and the probability of the label"),
				notesOf([payload.method, payload.of && `fitted on ${payload.of}`, ...payload.notes ?? []].filter(Boolean))
			];
		},
		after(state) {
			if (changed(before, state, ["arrivals"])) strip.draw();
			before = state;
		}
	});
	return view;
}

// src/data/spread.js
function createSpread({ actions }, about) {
	const words = h("p", { class: "ne-about" });
	const place = h("div", {});
	const element = h("div", { class: "ne-spread" }, words, place);
	let column = "";
	let asked = "";
	let shown = "";
	const classes = createClassBars((word) => void actions.filter(equals(column, word)));
	const bars2 = createNumberBars((low, high) => void actions.filter(`${nameText(column)} >= ${low} and ${nameText(column)} <= ${high}`));
	function draw({ split }, payload) {
		const [train, validation] = [payload.train, payload.validation];
		const own = numbersOf(split === "validation" ? validation : train);
		const beside = split === "validation" ? train : validation;
		const other = beside ? numbersOf(beside) : null;
		const scale = other ? total(own) / (total(other) || 1) : 0;
		const scaled = other && Array.from(other, (value) => value * scale);
		say(words, about({ own, other }));
		if (payload.words) {
			const all = total(own);
			const bound = Array.from(
				/** @type {string[]} */
				payload.words,
				(word, i) => ({ word, whole: own[i] ?? 0, part: own[i] ?? 0, ...scaled ? { other: scaled[i] ?? 0 } : {} })
			);
			if (classes.element.parentElement !== place) fill(place, classes.element);
			const rare = payload.more ? `${count(payload.more)} rarer ones are left out` : "";
			classes.show(bound.sort((a, b) => b.whole - a.whole), { chosen: [], pressable: false, note: [scaled && "mark: the other split's share", rare].filter(Boolean).join("; "), name: ({ word, whole, other: beside_ }) => `${word}: ${count(whole)} (${share(whole, all)}${beside_ === void 0 ? "" : `; other split ${share(beside_, all)}`})` });
		} else {
			if (bars2.element.parentElement !== place) fill(place, bars2.element);
			bars2.show({ name: column, edges: numbersOf(payload.edges), all: own, shown: own, other: scaled, range: null });
		}
	}
	return {
		element,
		/** What came before stays till the new has come. @param {Dataset} dataset @param {string} name */
		show(dataset, name) {
			const key = `${dataset.serial} ${dataset.split} ${name}`;
			if (asked === key) return;
			asked = key;
			column = name;
			if (shown && shown !== `${dataset.split} ${name}`) fill(place, h("span", { class: "ne-soft" }, "…"));
			actions.request("compare", { column: name }).then(
				(payload) => {
					if (asked !== key) return;
					shown = `${dataset.split} ${name}`;
					draw(dataset, payload);
				},
				(error) => {
					if (asked !== key) return;
					say(words, "");
					fill(place, problemLine(String(error.message)));
				}
			);
		},
		draw: bars2.draw,
		destroy: bars2.destroy
	};
}

// src/data/labels.js
function createLabels(kit) {
	const spread2 = createSpread(kit, ({ own }) => columnOf(kit.store.get().dataset, chosen)?.kind === "class" ? `${balanceText(own)} Click a label to show its samples.` : "How the targets are spread; drag to show the samples of a range.");
	const target = choice("Target", (name) => {
		chosen = name;
		show(kit.store.get());
	});
	const nothing = h("p", { class: "ne-about" });
	const findings = h("div", {});
	const element = h("section", {}, target.element, nothing, spread2.element, findings);
	let chosen = "";
	let before = null;
	return {
		element,
		update(state) {
			if (!changed(before, state, ["dataset"])) return;
			before = state;
			show(state);
			fill(findings, ...linesOf(kit, state.dataset, ["imbalance", "order", "missing labels", "nameless labels", "conflicting labels"]));
		},
		restyle: spread2.draw,
		destroy: spread2.destroy
	};
	function show({ dataset }) {
		const targets = targetsOf(dataset);
		const facts = targets.find(({ name }) => name === chosen) ?? mainTarget(dataset) ?? targets[0] ?? null;
		chosen = facts?.name ?? "";
		target.element.hidden = targets.length < 2;
		target.show(targets.map(({ name }) => [name, shorten(name, 40)]), chosen);
		const countable = facts !== null && facts.kind !== "text";
		spread2.element.hidden = !countable;
		say(nothing, countable ? "" : "These labels are no classes and no numbers: there is nothing to count.");
		if (dataset && countable) spread2.show(dataset, facts.name);
	}
}
function balanceText(counts) {
	const own = Array.from(counts).filter((value) => value > 0).sort((a, b) => b - a);
	if (own.length < 2) return own.length ? "All samples have the same label." : "There are no labels.";
	const [most, least] = [own[0], own[own.length - 1]];
	return most === least ? `${count(most)} samples of each label.` : `${count(least)} to ${count(most)} samples of a label.`;
}

// src/data/outputs.js
function histogramOf({ kind, name, words, edges, targets, outputs, sentence, advice }) {
	const [aims, own] = [numbersOf(targets), numbersOf(outputs)];
	const bars2 = kind === "number" ? createNumberBars(null) : createClassBars(() => void 0);
	if ("draw" in bars2) bars2.show({ name, edges: numbersOf(edges), all: aims, shown: aims, other: own, range: null, legend: "blue: targets · dashed: outputs" });
	else bars2.show(Array.from(
		/** @type {string[]} */
		words,
		(word, i) => ({ word, whole: aims[i], part: aims[i], other: own[i] })
	), { chosen: [], pressable: false, note: "bars: targets; mark: outputs", name: (bar) => `${bar.word}: ${count(bar.whole)} targets, ${count(bar.other ?? 0)} outputs` });
	return [h("h4", {}, shorten(name, 60)), verdict(sentence), h("div", { class: "ne-full" }, bars2.element), notesOf(advice)];
}
var createOutputs = (kit) => createResult(kit, {
	key: "outputs",
	text: "How often the network puts out what, beside how often that is right.",
	verb: "Compare",
	reason: ({ dataset }) => dataset?.predicted ? "" : "press Predict first",
	draw({ histograms = [], errors = [] }) {
		const rows = errors.map((one) => [shorten(one.name, 40), ...[one.rmse, one.mae, one.bias, one.spread].map((value) => value === null ? "–" : `${brief(value)}${one.unit ? ` ${one.unit}` : ""}`)]);
		return [...errors.map((one) => verdict(one.sentence)), rows.length > 0 && tableOf("Errors", ["of", "root mean square", "mean", "bias", "spread of the targets"], rows), ...histograms.flatMap(histogramOf)];
	}
});

// src/data/slices.js
var errorText = (measure, value) => value === null ? "–" : /rate/.test(measure) ? share(value, 1) : brief(value);
var createSlices = (kit) => createResult(kit, {
	key: "slices",
	text: "Groups of samples, by label and by ranges of every column, on which the network errs more than luck explains.",
	verb: "Find the worst slices",
	reason: ({ dataset }) => dataset?.predicted ? "" : "press Predict first",
	draw({ measure = "error", slices = [], sentence, notes, error, tried }) {
		const rows = slices.map((slice) => [
			filterButton(kit, slice.query, shorten(slice.text, 80)),
			count(slice.count),
			h("span", { "data-tone": "bad" }, errorText(measure, slice.error)),
			h("span", { class: "ne-soft" }, between(errorText(measure, slice.low), errorText(measure, slice.high))),
			errorText(measure, slice.rest),
			share(slice.share, 1)
		]);
		return [
			verdict(sentence),
			rows.length > 0 && tableOf("Slices", ["slice", "samples", measure, "95 %", "the rest", "of all error"], rows),
			h("p", { class: "ne-soft" }, `over all samples ${errorText(measure, error ?? null)}${tried ? `; ${count(tried)} slices were tried, and chance is corrected for that` : ""}`),
			notesOf(notes)
		];
	}
});

// src/data/splits.js
function shares(counts) {
	const sum = total(counts) || 1;
	return Array.from(counts, (value) => value / sum);
}
function apart(a, b) {
	const [p, q] = [shares(a), shares(b)];
	return total(p.map((value, i) => Math.abs(value - (q[i] ?? 0)))) / 2;
}
function createSplits(kit) {
	const column = choice("Column", (name) => {
		chosen = name;
		write(kit.store.get());
	});
	const spread2 = createSpread(kit, ({ own, other }) => other ? `${plural(total(own), "sample")} here, ${total(other).toLocaleString("en-US")} in the other split; ${share(apart(own, other), 1)} of them lie apart` : "The other split has no such column, or was not scanned.");
	const findings = h("div", {});
	const element = h("section", {}, findings, h("div", { class: "ne-charthead" }, column.element), spread2.element);
	let chosen = "";
	let before = null;
	function write({ dataset }) {
		const columns = (dataset?.columns ?? []).filter(({ kind, about }) => kind !== "text" && kind !== "index" && about !== "mark");
		if (!columns.some(({ name }) => name === chosen)) chosen = (columns.find(({ name }) => name === mainTarget(dataset)?.name) ?? columns[0])?.name ?? "";
		column.show(columns.map(({ name }) => [name, shorten(name, 30)]), chosen);
		if (dataset && chosen) spread2.show(dataset, chosen);
	}
	return {
		element,
		update(state) {
			if (!changed(before, state, ["dataset"])) return;
			before = state;
			write(state);
			fill(findings, ...linesOf(kit, state.dataset, ["shift", "in both splits"]));
		},
		restyle: spread2.draw,
		destroy: spread2.destroy
	};
}

// src/data/panel.js
var PANELS = {
	charts: ["Charts", createCharts],
	findings: ["Findings", createFindings],
	labels: ["Labels", createLabels],
	features: ["Features", createFeatures],
	splits: ["Train vs validation", createSplits],
	confusion: ["Confusion", createConfusion],
	slices: ["Slices", createSlices],
	outputs: ["Outputs", createOutputs],
	issues: ["Label issues", createIssues],
	baselines: ["Baselines", createBaselines],
	human: ["Human", createHumanSetup],
	decomposition: ["Decomposition", createDecomposition]
};
var panels = 0;
function createPanel(kit) {
	const { store } = kit;
	const id = `ne-panel-${++panels}`;
	const tabs = h("div", { class: "ne-tabs", role: "tablist", "aria-label": "Panels" });
	const body = h("div", { class: "ne-panelbody", role: "tabpanel", id, tabindex: -1 });
	const element = h("section", { class: "ne-panel", "aria-label": "Charts and findings" }, tabs, body);
	const views3 = new Map();
	const buttons = new Map();
	let current = null;
	tabs.addEventListener("keydown", (event) => {
		const all = tabsOf(store.get().dataset);
		const now = all.findIndex((tab2) => buttons.get(tab2) === activeIn(tabs));
		const to = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: -1 }[event.key];
		if (to === void 0 || now < 0) return;
		const tab = (
			/** @type {Tab} */
			all.at(to % all.length)
		);
		store.set({ tab });
		buttons.get(tab)?.focus();
		event.preventDefault();
		event.stopPropagation();
	});
	function writeTabs(state) {
		const all = tabsOf(state.dataset);
		for (const tab of all) {
			if (!buttons.has(tab)) buttons.set(tab, button("", () => store.set({ tab }), { role: "tab", class: "ne-tab", "aria-controls": id }));
		}
		for (const [tab, own] of buttons) {
			say(own, nameOf2(state, tab));
			attribute(own, "aria-selected", String(tab === state.tab));
			attribute(own, "tabindex", tab === state.tab ? 0 : -1);
		}
		const wanted = all.map((tab) => (
			/** @type {HTMLElement} */
			buttons.get(tab)
		));
		if (wanted.length !== tabs.children.length || wanted.some((own, i) => tabs.children[i] !== own)) fill(tabs, ...wanted);
	}
	return {
		element,
		update(state) {
			writeTabs(state);
			const tab = state.dataset ? state.tab : "charts";
			const view = views3.get(tab) ?? PANELS[tab][1](kit);
			views3.set(tab, view);
			if (tab !== current) {
				fill(body, view.element);
				body.scrollTop = 0;
				attribute(body, "aria-label", PANELS[tab][0]);
			}
			current = tab;
			view.update(state);
		},
		restyle: () => current ? views3.get(current)?.restyle?.() : void 0,
		destroy() {
			for (const view of views3.values()) view.destroy?.();
		}
	};
}
function nameOf2({ dataset }, tab) {
	const many = tab === "findings" ? (dataset?.findings ?? []).filter(({ level }) => level === "warn").length : 0;
	return many ? `▲ ${PANELS[tab][0]} ${many}` : PANELS[tab][0];
}

// src/data/previews.js
var KEPT2 = 1024;
var TOGETHER3 = 48;
function createPreviews(ask, arrived) {
	const kept = new Map();
	const wishes = new Map();
	let flying = false;
	let epoch = 0;
	function next() {
		if (flying) return;
		const wanted = [...new Set([...wishes.values()].flat())].filter((row) => !kept.has(row)).slice(0, TOGETHER3);
		if (!wanted.length) return;
		const own = epoch;
		flying = true;
		ask("samples", { rows: wanted }).then((payload) => spread(wanted, payload), (error) => wanted.map((row) => (
			/** @type {[number, Preview]} */
			[row, { batch: null, at: 0, error: String(error.message) }]
		))).then((found2) => {
			if (own !== epoch) return;
			flying = false;
			for (const [row, preview] of found2) kept.set(row, preview);
			for (const key of kept.keys()) if (kept.size > KEPT2) kept.delete(key);
			arrived();
			next();
		});
	}
	return {
		/** @param {number} row */
		get: (row) => kept.get(row) ?? null,
		/** Asks for what is not there yet; each place's latest wish counts, and the first places' come first.
		 * @param {string} place @param {number[]} rows
		 */
		want(place, rows) {
			if (rows.length) wishes.set(place, rows);
			else wishes.delete(place);
			next();
		},
		/** Asks once more for samples that could not be had. */
		retry() {
			for (const [row, preview] of kept) if (preview.error) kept.delete(row);
			next();
		},
		/** Forgets all, and ignores answers that still come. */
		clear() {
			epoch++;
			flying = false;
			kept.clear();
			wishes.clear();
		}
	};
}
function spread(wanted, payload) {
	const rows = Array.from(numbersOf(payload.rows));
	return wanted.map((row) => {
		const at = rows.indexOf(row);
		const error = payload.errors?.[row] ?? (at < 0 || !payload.batch ? "no preview came" : "");
		return [row, { batch: error ? null : payload.batch, at, error: String(error) }];
	});
}

// src/dynamics/popover.js
function createPopover(text, name, ...children) {
	const opener = button(text, () => open(form.hidden !== false), { "aria-haspopup": "dialog", "aria-expanded": "false", "aria-label": name, title: name });
	const form = h("div", { role: "dialog", "aria-label": name, class: "nd-form", hidden: true }, ...children);
	const element = h("span", { class: "ns-popover" }, opener, form);
	const outside = (event) => {
		if (!form.hidden && !event.composedPath().includes(element)) open(false);
	};
	document.addEventListener("pointerdown", outside);
	element.addEventListener("keydown", (event) => {
		if (event.key !== "Escape" || form.hidden) return;
		open(false);
		opener.focus();
		event.stopPropagation();
	});
	function open(shown) {
		form.hidden = !shown;
		attribute(opener, "aria-expanded", String(shown));
		if (shown) form.querySelector("input, button")?.focus();
	}
	return { element, destroy: () => document.removeEventListener("pointerdown", outside) };
}

// src/data/query.js
var PLACEHOLDER = "loss > 1 and label != prediction";
var WITHOUT_LABEL = "loss > 1 and not correct";
var EXAMPLES = ["loss > 1 and label != prediction", "label in ['cat', 'dog']", "text.str.contains('free')", "duplicate.notna()", "mean.between(0.2, 0.4)", "not correct"];
var views = 0;
function createQuery({ store, actions }) {
	const id = `ne-query-error-${++views}`;
	const input = h("input", { type: "text", class: "ne-query", placeholder: PLACEHOLDER, "aria-label": "Query", "aria-describedby": id, spellcheck: "false", autocomplete: "off", autocapitalize: "off" });
	const error = h("p", { class: "ne-queryerror", id, role: "alert", hidden: true });
	const clear = h("button", { type: "button", class: "nb-plain", hidden: true, title: "clear the query (Esc)", onclick: () => apply("") }, "✕");
	const shown = h("span", { class: "ne-count", role: "status" });
	const search = searchField("Find a column", () => writeNames());
	const names = h("div", { class: "ne-names" });
	const help = createPopover("?", "Columns and examples", search, names);
	const element = h("div", { class: "ne-queryline" }, h("div", { class: "ne-queryrow" }, h("span", { class: "ne-queryfield" }, input, clear), help.element, shown), error);
	let before = null;
	let edited = false;
	function apply(query) {
		input.value = query;
		edited = false;
		void actions.filter(query.trim());
	}
	input.addEventListener("keydown", (event) => {
		if (event.isComposing) return;
		if (event.key === "Enter") apply(input.value);
		else if (event.key === "Escape") {
			if (!input.value && !store.get().view?.query) return;
			apply("");
		} else return;
		event.preventDefault();
		event.stopPropagation();
	});
	input.addEventListener("input", () => {
		clear.hidden = input.value === "";
		edited = true;
		error.hidden = true;
		attribute(input, "aria-invalid", null);
	});
	function insert(words) {
		const [from, to] = [input.selectionStart ?? input.value.length, input.selectionEnd ?? input.value.length];
		input.value = `${input.value.slice(0, from)}${words}${input.value.slice(to)}`;
		input.focus();
		input.setSelectionRange(from + words.length, from + words.length);
		clear.hidden = false;
	}
	function writeNames() {
		const wanted = search.value.trim().toLowerCase();
		const columns = (store.get().dataset?.columns ?? []).filter(({ name }) => isNameable(name) && name.toLowerCase().includes(wanted));
		const entries = columns.slice(0, 80).map(({ name, kind, help: about }) => h("button", { type: "button", class: "ne-name", title: tooltip(about || name), onclick: () => insert(nameText(name)) }, h("code", {}, shorten(name, 40)), h("span", { class: "ne-soft" }, kind), h("span", { class: "ne-soft ne-clip" }, shorten(about, 80))));
		const examples = wanted ? [] : EXAMPLES.map((one) => h("button", { type: "button", class: "ne-name", onclick: () => insert(one) }, h("code", {}, one)));
		fill(names, ...entries, columns.length > 80 && h("span", { class: "ne-soft" }, `and ${count(columns.length - 80)} more`), examples.length > 0 && h("b", {}, "Examples"), ...examples);
	}
	return {
		element,
		update(state) {
			if (changed(before, state, ["dataset"])) {
				writeNames();
				input.placeholder = targetsOf(state.dataset).length > 1 && !columnOf(state.dataset, "label") ? WITHOUT_LABEL : PLACEHOLDER;
			}
			const asked = state.view?.query ?? "";
			const old = before?.view?.query ?? "";
			if (asked !== old && (input.value === old || input.value.trim() === asked || input.value === "" || !isTyping())) input.value = asked;
			clear.hidden = input.value === "";
			if (asked !== old) edited = false;
			const wrong = edited ? "" : state.queryError ?? state.view?.queryError ?? "";
			say(error, wrong ? `✕ ${shorten(wrong, 600)}` : "");
			error.hidden = wrong === "";
			attribute(input, "aria-invalid", wrong !== "" ? "true" : null);
			const reason = reasonAgainst(state);
			input.readOnly = reason !== "";
			attribute(input, "title", reason ? `Not now: ${reason}` : null);
			if (state.view) say(shown, state.view.count === state.view.total ? plural(state.view.total, "sample") : `${count(state.view.count)} of ${count(state.view.total)}`);
			else say(shown, "");
			before = state;
		},
		destroy: help.destroy
	};
	function isTyping() {
		return (
			/** @type {Document | ShadowRoot} */
			input.getRootNode().activeElement === input
		);
	}
}

// src/data/sample.js
var GROUPED2 = ["duplicates", "near duplicates", "conflicting labels"];
var MOST9 = 6;
function createSample(kit) {
	const { store, actions, rows, previews } = kit;
	const title = h("h3", { class: "ne-title" });
	const select = button("Select", () => {
		const row = store.get().sample?.row;
		if (row !== void 0) void actions.ask("select", { rows: [row], mode: "toggle" });
	});
	const near = button("Nearest training samples", () => void nearest());
	const close = button("✕", () => actions.open(null), { "aria-label": "Close the sample", title: "close (Esc)" });
	const large = createLarge(previews);
	const facts = h("dl", { class: "ne-samplefacts" });
	const alike = h("div", { class: "ne-alike" });
	const strip = createStrip(kit, 58);
	const training = createPreviews((method, params) => actions.request(method, { ...params, split: "train" }), () => store.set({ arrivals: store.get().arrivals + 1 }));
	const away = createStrip({ ...kit, previews: training, actions: { ...actions, open: () => void 0 } }, 58);
	const element = h("section", { class: "ne-detail", "aria-label": "One sample", hidden: true }, h("div", { class: "ne-detailhead" }, title, h("span", { class: "ne-pair" }, select, near, close)), h("div", { class: "ne-detailbody" }, large.element, facts, alike));
	element.addEventListener("keydown", (event) => {
		if (event.key !== "Escape") return;
		actions.open(null);
		event.stopPropagation();
	});
	let groups = { serial: -1, of: new Map() };
	let neighbours = null;
	let before = null;
	async function fetchGroups({ dataset }) {
		if (!dataset || groups.serial === dataset.serial) return;
		const own = { serial: dataset.serial, of: new Map() };
		groups = own;
		const kinds = GROUPED2.filter((kind) => dataset.findings.some((finding) => finding.kind === kind && finding.count > 0));
		for (const kind of kinds) {
			try {
				const payload = await actions.request("groups", { kind });
				own.of.set(kind, (payload.groups ?? []).map((group) => Array.from(numbersOf(group))));
			} catch {
			}
		}
		if (own === groups && kinds.length && store.get().sample) writeAlike(store.get());
	}
	async function nearest() {
		const row = store.get().sample?.row;
		if (row === void 0) return;
		try {
			const payload = await actions.request("nearest", { row });
			neighbours = { row, split: payload.split ?? "train", rows: Array.from(numbersOf(payload.rows)), distances: Array.from(numbersOf(payload.distances)), error: "" };
		} catch (error) {
			neighbours = { row, split: "", rows: [], distances: [], error: wordsOf(error) };
		}
		if (store.get().sample?.row === row) writeAlike(store.get());
	}
	function writeAlike({ sample, dataset }) {
		if (!sample) return;
		const found2 = [];
		for (const [kind, all] of groups.of) {
			const own = all.find((group) => group.includes(sample.row));
			if (own) found2.push({ kind, rows: own.filter((row) => row !== sample.row) });
		}
		strip.clear();
		const distance = new Map((neighbours?.rows ?? []).map((row, i) => [row, neighbours?.distances[i]]));
		const parts = found2.flatMap(({ kind, rows: own }) => [h("h4", {}, kind), strip.build(own.slice(0, MOST9)), own.length > MOST9 && h("p", { class: "ne-soft" }, `and ${own.length - MOST9} more`)]);
		const isOwn = neighbours?.row === sample.row;
		const place = neighbours?.split === dataset?.split ? strip : away;
		away.clear();
		const beside = isOwn && [h("h4", {}, "nearest training samples, to the network"), neighbours?.error ? problemLine(neighbours.error) : place.build(neighbours?.rows ?? [], (row) => `at ${brief(distance.get(row) ?? NaN)}`)];
		fill(alike, ...parts, ...beside || []);
		alike.hidden = alike.children.length === 0;
		previews.want("alike", strip.rows());
		training.want("alike", away.rows());
		for (const own of [strip, away]) own.draw();
	}
	function write(state) {
		const { sample, dataset } = state;
		if (!sample) return;
		const known = rows.find(sample.row) ?? sample;
		const { columns, cells } = known;
		const cell = (name2) => cells[columns.indexOf(name2)] ?? "";
		const preview = previews.get(sample.row);
		const wrong = isWrong(dataset, columns, cells);
		const guess = cell("prediction");
		const label = targetText(dataset, known, "label ");
		const name = columns.length ? `Sample ${cell("index")}${label && ` · ${shorten(label, 80)}`}` : `Sample ${shorten(captionOf(preview, sample.row), 80)}`;
		fill(title, name, guess && h("span", { "data-tone": wrong ? "bad" : wrong === false ? "ok" : null }, ` · predicted ${wrong ? "✕ " : wrong === false ? "✓ " : ""}${shorten(guess, 60)}`));
		large.show(sample.row, Math.min(440, Math.max(384, (element.clientWidth || 700) * 0.4)));
		const pairs = inOrder(state, columns).map((own) => ({ own, text: cell(own) })).filter(({ text }) => text !== "");
		fill(facts, ...pairs.map(({ own, text }) => h("div", { title: tooltip(`${columnOf(dataset, own)?.help || own}
${text}`) }, h("dt", {}, shorten(own, 30)), h("dd", {}, shorten(text, 120)))), !pairs.length && h("div", {}, h("dt", {}, "row"), h("dd", {}, String(sample.row))));
	}
	return {
		element,
		update(state) {
			element.hidden = state.sample === null;
			const other = before?.sample?.row !== state.sample?.row;
			if (other) {
				previews.want("sample", state.sample ? [state.sample.row] : []);
				if (!before?.sample && state.sample) element.scrollIntoView?.({ block: "nearest" });
				if (!state.sample) previews.want("alike", []);
			}
			if (state.sample && (other || changed(before, state, ["dataset", "arrivals", "sample"]))) {
				write(state);
				if (other) writeAlike(state);
				else for (const own of [strip, away]) own.draw();
				void fetchGroups(state);
			}
			if (state.sample) {
				const chosen = state.selected.has(state.sample.row);
				say(select, chosen ? "✓ Selected" : "Select");
				attribute(select, "aria-pressed", String(chosen));
				near.hidden = !state.dataset?.hasModel;
				enable(near, { reason: reasonAgainstWork(state), busy: state.pending.includes("nearest"), title: "training samples whose features the network finds most alike" });
			}
			before = state;
		},
		destroy: large.destroy
	};
}

// src/sanity/download.js
var TYPES = { html: "text/html", json: "application/json", xml: "application/xml", txt: "text/plain" };
function download(name, text, beside) {
	const type = TYPES[name.split(".").at(-1) ?? ""] ?? "text/plain";
	const address = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
	const link = h("a", { href: address, download: name, class: "nb-unseen" });
	beside.append(link);
	link.click();
	link.remove();
	setTimeout(() => URL.revokeObjectURL(address), 4e3);
}

// src/data/toolbar.js
var MODES = [["table", "Table", "figures only"], ["gallery", "Gallery", "pictures only"], ["both", "Both", "figures with pictures"]];
function createToolbar({ store, actions }) {
	const sort = choice("Sort", (name) => void actions.ask("sort", { column: name || null, descending: isDownFirst(name) }));
	const turn = button("↑", () => {
		const now = store.get().view?.sort;
		if (now) void actions.ask("sort", { column: now.column, descending: !now.descending });
	}, { class: "ne-turn" });
	const group = choice("Group", (name) => void actions.ask("group", { column: name || null }));
	const modes = MODES.map(([mode, text, title]) => button(text, () => store.set({ mode }), { title, "data-mode": mode }));
	const exclude = button("Exclude selected", () => void actions.ask("mark", { mark: "excluded" }));
	const suspect = button("Suspicious", () => void actions.ask("mark", { mark: "suspicious" }));
	const unmark = button("Unmark", () => void actions.ask("mark", { mark: null }));
	const keep = button("CSV", () => void save2());
	const predict = button("Predict", () => void actions.ask("predict"));
	const element = h(
		"div",
		{ class: "ne-toolbar", role: "toolbar", "aria-label": "Samples" },
		h("span", { class: "ne-pair" }, sort.element, turn),
		group.element,
		h("span", { class: "ne-switch", role: "group", "aria-label": "How samples are drawn" }, ...modes),
		h("span", { class: "ne-pair" }, exclude, suspect, unmark),
		keep,
		predict
	);
	function isDownFirst(name) {
		const about = store.get().dataset?.columns.find((column) => column.name === name)?.about;
		return about === "model" || about === "finding";
	}
	async function save2() {
		const file = await actions.ask("csv");
		if (file?.text !== void 0) download(String(file.name ?? "samples.csv"), String(file.text), element);
	}
	let before = null;
	return {
		element,
		update(state) {
			if (!changed(before, state, ["dataset", "view", "status", "mode", "pending"])) return;
			before = state;
			const { dataset, view, pending } = state;
			const columns = dataset?.columns ?? [];
			const own = view?.sort ?? null;
			sort.show([["", "data set order"], ...columns.map(({ name }) => (
				/** @type {[string, string]} */
				[name, shorten(name, 30)]
			))], own?.column ?? "");
			say(turn, own?.descending ? "↓" : "↑");
			enable(turn, { reason: own ? "" : "choose a column to sort by", title: own?.descending ? "greatest first: turn round" : "least first: turn round" });
			attribute(turn, "aria-label", own?.descending ? "greatest first" : "least first");
			group.show([["", "none"], ...columns.filter(({ kind }) => kind === "class" || kind === "flag").map(({ name }) => (
				/** @type {[string, string]} */
				[name, shorten(name, 30)]
			))], view?.group ?? "");
			for (const one of modes) attribute(one, "aria-pressed", String(one.dataset.mode === state.mode));
			const many = view?.selectedCount ?? 0;
			const reason = reasonAgainst(state);
			say(exclude, `Exclude selected (${count(many)})`);
			const none = reason || (many ? "" : "no sample is selected: click ☐ before a row, or press Space");
			enable(exclude, { reason: none, busy: pending.includes("mark"), title: `mark ${plural(many, "sample")} as excluded; explorer.subset() leaves them out` });
			enable(suspect, { reason: none, busy: pending.includes("mark"), title: `mark ${plural(many, "sample")} as suspicious` });
			enable(unmark, { reason: none, busy: pending.includes("mark"), title: `take the marks of ${plural(many, "sample")} away` });
			enable(keep, { reason, busy: pending.includes("csv"), title: "save these rows as a file: index, marks and all columns" });
			const network = dataset && !dataset.hasModel ? "there is no network" : "";
			enable(predict, { reason: network || reasonAgainstWork(state), busy: pending.includes("predict"), title: dataset?.predicted ? "predict all samples again, with the network as it is now" : "predict all samples: loss, margin and correctness of each" });
			predict.hidden = Boolean(network);
			say(predict, dataset?.predicted ? "Predict again" : "Predict");
		}
	};
}

// src/data.js
var TURNS = 8;
var KEPT3 = (
	/** @type {const} */
	["mode", "tab"]
);
function render2({ model, el }, memory) {
	const requests = createRequests(model);
	const store = createStore({ ...INITIAL, ...memory.last }, derive);
	const actions = createActions(store, requests.ask, (row) => picked.tell([row]));
	const arrived = () => store.set({ arrivals: store.get().arrivals + 1 });
	const rows = createRows((method, params) => actions.request(method, params), arrived);
	const previews = createPreviews((method, params) => actions.request(method, params), arrived);
	const kit = { store, actions, rows, previews };
	const main = createMain(kit);
	const [header, notices, query, toolbar, panel, sample, human] = [createHeader, createNotices, createQuery, createToolbar, createPanel, createSample, createHuman].map((create) => create(kit));
	const views3 = [header, notices, query, toolbar, main, panel, sample, human];
	const body = h("div", { class: "ne-body" }, main.element, panel.element);
	const explore = h("div", { class: "ne-explore" }, query.element, toolbar.element, body, sample.element);
	const sheet = h("div", { class: "nb-sheet" }, header.element, notices.element, explore, human.element);
	const root = h("div", { class: "nbinspect nb-data", onfocusin: keepKeys }, sheet);
	let frame = 0;
	let drawing = false;
	let again = false;
	function draw() {
		again = true;
		if (drawing) return;
		drawing = true;
		cancelAnimationFrame(frame);
		frame = 0;
		try {
			for (let turn = 0; again && turn < TURNS; turn++) {
				again = false;
				const state = store.get();
				explore.hidden = state.labelling;
				panel.element.hidden = state.dataset === null;
				body.classList.toggle("ne-fresh", state.dataset === null);
				for (const view of views3) view.update(state);
			}
		} finally {
			drawing = false;
		}
		if (again) frame = requestAnimationFrame(draw);
	}
	let streaming = false;
	const stop = store.subscribe((state) => {
		for (const name of KEPT3) Object.assign(memory.last, { [name]: state[name] });
		if (!streaming) draw();
		else if (!frame) frame = requestAnimationFrame(draw);
	});
	let arranged = "";
	const reads = createReads(model, store, (read) => {
		streaming = true;
		read();
		streaming = false;
	});
	const traits = [
		reads("status", (status) => ({ status: { ...INITIAL.status, ...status } })),
		reads("dataset", (dataset) => taken(dataset ?? null)),
		reads("view", (view) => {
			const key = JSON.stringify([view?.query, view?.queryError, view?.sort, view?.group, view?.brush, view?.histogram?.brush, view?.count, view?.total]);
			if (key !== arranged) rows.renew();
			arranged = key;
			return { view: view ?? null };
		})
	];
	function taken(dataset) {
		const before = store.get().dataset;
		const other = before?.split !== dataset?.split || before?.name !== dataset?.name;
		if (other) {
			rows.clear();
			previews.clear();
			queueMicrotask(() => void follow(picked.values()[0]));
			return { dataset, sample: null };
		}
		rows.renew();
		if (before?.serial !== dataset?.serial) previews.retry();
		queueMicrotask(() => void renew());
		return { dataset };
	}
	const picked = createPicked(model, ["sample"], ([row]) => void follow(row));
	async function follow(row) {
		if (row === (store.get().sample?.row ?? null)) return;
		store.set({ sample: row === null ? null : { row, position: null, columns: [], cells: [], ...rows.find(row) } });
		const found2 = await renew();
		if (found2 && found2.position !== null) main.bring(found2.position);
	}
	let asked = 0;
	async function renew() {
		const row = store.get().sample?.row;
		if (row === void 0) return null;
		const own = ++asked;
		const found2 = await actions.request("row", { row }).catch(() => null);
		if (!found2 || store.get().sample?.row !== row) return null;
		if (own === asked) store.set({ sample: { row, ...found2 } });
		return found2;
	}
	el.append(root);
	const unfollow = followTheme(root, sheet);
	for (const { read } of traits) read();
	void follow(picked.values()[0]);
	draw();
	const themed = new MutationObserver(() => views3.forEach((view) => view.restyle?.()));
	themed.observe(root, { attributes: true, attributeFilter: ["data-theme"] });
	return () => {
		for (const { name, read } of traits) model.off(`change:${name}`, read);
		cancelAnimationFrame(frame);
		themed.disconnect();
		picked.close();
		stop();
		unfollow();
		actions.close();
		requests.close();
		for (const view of views3) view.destroy?.();
		root.remove();
	};
}
function views2() {
	const memory = { last: {} };
	return { render: (place) => render2(place, memory) };
}
export {
	views2 as default
};
