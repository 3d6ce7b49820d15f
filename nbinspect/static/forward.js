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
function changed(before, now, names2) {
	return before === null || names2.some((name) => before[name] !== now[name]);
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
function createPicked(model, names2, follow) {
	const values = () => names2.map((name) => model.get(name) ?? null);
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
	for (const name of names2) model.on(`change:${name}`, heard);
	return {
		values,
		/** Tells Python what a person has picked. @param {any[]} picked a value for each trait */
		tell(picked) {
			if (JSON.stringify(picked) === last) return;
			last = JSON.stringify(picked);
			names2.forEach((name, i) => model.set(name, picked[i]));
			save(model);
		},
		close() {
			open = false;
			for (const name of names2) model.off(`change:${name}`, heard);
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
		const bytes2 = "buffer" in value ? buffers[value.buffer] : value.data;
		if (bytes2 !== void 0) return { shape: value.shape, data: typed(value.dtype, bytes2) };
	}
	return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, unpack(entry, buffers)]));
}
function typed(dtype, bytes2) {
	const own = bytes2 instanceof ArrayBuffer ? bytes2.slice(0) : (
		/** @type {ArrayBuffer} */
		bytes2.buffer.slice(bytes2.byteOffset, bytes2.byteOffset + bytes2.byteLength)
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
	let number2 = 0;
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
			const id = `${prefix}-${++number2}`;
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
	const percent2 = 100 * part / whole;
	if (part > 0 && percent2 < 0.1) return "<0.1 %";
	return `${part === 0 || part === whole ? percent2 : Math.min(percent2, part < whole ? 99.9 : percent2).toFixed(1)} %`;
}
var count = (value) => minus(value.toLocaleString("en-US"));
var plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;
function shape(lengths) {
	const inside = lengths.map((length) => length === null ? "?" : length).join(", ");
	return lengths.length === 1 ? `(${inside},)` : `(${inside})`;
}
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
function spin(name, act, attributes = {}) {
	const input = h("input", { type: "number", "aria-label": name, class: "nf-number", min: 0, step: 1, ...attributes });
	input.addEventListener("change", () => {
		const value = Number(input.value);
		const most = input.max === "" ? Infinity : Number(input.max);
		if (input.value !== "" && Number.isFinite(value)) act(Math.min(Math.max(value, Number(input.min || -Infinity)), most));
	});
	return input;
}
function reasonAgainst(cursor, ability) {
	if (cursor.can[ability]) return "";
	if (cursor.why?.[ability]) return String(cursor.why[ability]);
	const { state } = cursor;
	if (state === "closed") return cursor.text || "this view is closed";
	if (state === "running" && ability !== "stop") return "the pass is running";
	if (ability === "stop") return "the pass is not running";
	if (ability === "edit") return "the input can be changed before the pass begins: Restart first";
	if (ability === "gradients") return cursor.text || "gradients need a loss function, and an input or parameters that require them";
	if (ability === "replace") return "only the live tensor of a suspended pass can be changed";
	if (ability === "back") return "there is no earlier step";
	if (state === "finished") return "the pass has ended: Restart begins anew";
	if (state === "failed") return "the pass has failed: Restart begins anew";
	return cursor.text || "there is nothing to do here";
}
var activeIn = (element) => (
	/** @type {Document | ShadowRoot} */
	element.getRootNode().activeElement
);

// src/forward/pass.js
var INPUT = -1;
var FILTERS = -2;
function stepsOf(passed, live, state) {
	const steps = [...passed?.steps ?? []];
	for (const step of live.steps) steps[step.index] = step;
	if (live.steps.length && ["finished", "failed"].includes(state)) {
		steps.length = Math.max(...live.steps.map((step) => step.index)) + 1;
	}
	return steps.filter(Boolean);
}
function focusOf({ selected, cursor, passed, exhibit }) {
	return selected ?? cursor.view ?? cursor.index ?? restOf(cursor, passed) ?? exhibit?.step ?? null;
}
function restOf({ state, failure, reached }, passed) {
	if (state === "finished" && reached >= 0) return 0;
	if (["failed", "stopped", "running"].includes(state) && reached >= 0) return failure?.step ?? reached;
	return passed ? INPUT : null;
}
function stepAt(steps, index) {
	if (index === null || index < 0) return null;
	if (steps[index]?.index === index) return steps[index];
	return steps.find((step) => step.index === index) ?? null;
}
function viewOf(state) {
	const focus = focusOf(state);
	return [state.looked, state.exhibit].find((view) => view && view.step === focus) ?? null;
}
var isReached = ({ cursor }, index) => index < 0 || index <= cursor.reached || ["finished", "closed"].includes(cursor.state);
function shortName(step) {
	if (step.kind === "operation") return step.name.split(".").at(-1) || step.name;
	const own = step.path.split(".").at(-1) || step.name;
	return step.call > 0 ? `${own} (call ${step.call + 1})` : own;
}
var fullName = (step) => step.kind === "operation" ? step.name : `${step.path || "the model"} · ${step.name}`;
function outputShape(step) {
	if (!step.outputs.length) return "no tensor";
	const more = step.outputs.length - 1;
	return `${shape(step.outputs[0].shape)}${more ? ` and ${more} more` : ""}`;
}
var percent = (value) => value > 0 && value < 0.01 ? "<1 %" : `${Math.round(100 * value)} %`;
var WORDS = {
	dead: (output) => output?.units ? `${percent(output.dead / output.units)} dead` : "dead",
	"non-finite": (output) => output?.moments?.nan ? "NaN" : "infinite",
	"all-zero": () => "all zero",
	saturated: (output) => `${percent(output?.moments?.saturated ?? 1)} saturated`,
	exploding: () => "exploding",
	vanishing: () => "vanishing"
};
function health(step, failed) {
	if (failed) return { icon: "✕", tone: "bad", words: "failed" };
	const found = step.findings.find((finding) => finding.level === "warn");
	if (!found) return { icon: "●", tone: "ok", words: "" };
	const output = step.outputs.find((one) => found.kind !== "dead" || one.dead > 0);
	const words = (WORDS[found.kind] ?? ((_, text) => text))(output, found.text);
	return { icon: "▲", tone: found.kind === "non-finite" ? "bad" : "warn", words: shorten(words, 60) };
}
function alive(step) {
	const moments = step.outputs[0]?.moments;
	return moments ? 1 - moments.zero : null;
}
function describeStep(step) {
	const moments = step.outputs[0]?.moments;
	const parts = [`${step.index}: ${fullName(step)}`, outputShape(step)];
	if (moments) {
		for (
			const key of
			/** @type {const} */
			["mean", "std", "min", "max"]
		) parts.push(`${key} ${number(moments[key])}`);
		parts.push(`zeros ${percent(moments.zero)}`);
		if (moments.nan + moments.inf) parts.push(`${count(moments.nan + moments.inf)} not finite`);
	} else if (step.outputs[0]?.note) parts.push(step.outputs[0].note);
	return [...parts, ...step.findings.map((finding) => finding.text)].join(", ");
}
var number = (value) => value === null || value === void 0 ? "–" : brief(value);
function placeOf(steps, step) {
	let at = step;
	while (at && !at.place) at = stepAt(steps, at.parent);
	return { place: at?.place ?? null, from: at };
}
function around(steps, index) {
	const found = [];
	for (let at = stepAt(steps, index)?.parent ?? null; at !== null; at = stepAt(steps, at)?.parent ?? null) found.unshift(at);
	return found;
}
function linesUsed(steps, file) {
	const lines = new Map();
	for (const { place } of steps) if (place?.file === file) lines.set(place.line, (lines.get(place.line) ?? 0) + 1);
	return lines;
}
var fileName = (file) => file.split(/[\\/]/).at(-1) || file;
var fileTitle = (file) => /[\\/]ipykernel_\d+[\\/]|^<ipython-input/.test(file) ? "notebook cell" : fileName(file);

// src/forward/breakpoints.js
var CONDITIONS = [
	["non-finite", "non-finite: NaN or infinite values", /^non-finite\b/],
	["all-zero", "all-zero: every value is 0", /^all-zero\b/],
	["dead", "dead: units zero on every sample", /^dead\b/],
	["saturated", "saturated: values at an end of their range", /^saturated\b/],
	["batch-axis", "batch-axis: it changes its length", /^batch-axis\b/]
];
var worded = ({ text }) => text.replace(/^.*[\\/](?=[^\\/]+:\d+$)/, "");
var isOn = (point) => point.enabled ?? point.on !== false;
var kindOf = (point) => point.kind ?? (typeof point.on === "string" ? point.on : null);
function onCondition(points, condition) {
	const words = CONDITIONS.find(([name]) => name === condition)?.[2];
	return points.find((point) => kindOf(point) === null ? words?.test(point.text) : kindOf(point) === condition) ?? null;
}
function onLine(points, file, line) {
	return points.find((point) => {
		if (point.line !== void 0 && point.line !== null) return point.line === line && (!point.file || fileName(point.file) === fileName(file));
		if (![null, "line"].includes(kindOf(point))) return false;
		const named = point.text.match(/([^\s/\\]+):(\d+)/);
		return named !== null && named[1] === fileName(file) && Number(named[2]) === line;
	}) ?? null;
}
function onStep(points, step) {
	return points.find((point) => {
		if (point.index !== void 0 && point.index !== null) return point.index === step.index;
		if (point.module !== void 0 && point.module !== null) return step.kind === "module" && point.module === step.path;
		if (point.operation !== void 0 && point.operation !== null) return step.kind === "operation" && point.operation === step.name;
		return [`step ${step.index}`, step.name, ...step.kind === "module" && step.path ? [step.path] : []].includes(point.text);
	}) ?? null;
}

// src/forward/source.js
function createSource({ ask }) {
	const title = h("h3", { class: "nf-heading" });
	const note = h("p", { class: "nf-hint" });
	const lines = h("ol", { class: "nf-lines" });
	const scroller = h("div", { class: "nf-code", tabindex: 0, role: "region", "aria-label": "Source of the forward pass" }, lines);
	const element = h("section", { class: "nf-source", "aria-label": "Source" }, title, note, scroller);
	let before = null;
	let at = "";
	return {
		element,
		update(state) {
			if (!changed(before, state, ["steps", "cursor", "selected", "passed"])) return;
			before = state;
			write(state);
		}
	};
	function write(state) {
		const { code, line, why } = shown(state);
		attribute(scroller, "hidden", code ? null : "hidden");
		fill(title, code ? fileTitle(code.file) : "Source", code && ` · ${shorten(code.function, 80)}`);
		attribute(title, "title", code ? tooltip(`${code.file}:${line ?? code.first}`) : null);
		say(note, why);
		note.hidden = why === "";
		if (!code) {
			fill(lines);
			return;
		}
		const held = focusedLine();
		const used = linesUsed(state.steps, code.file);
		const indent = Math.min(...code.lines.filter((text) => text.trim()).map((text) => text.length - text.trimStart().length), 40);
		fill(lines, ...code.lines.map((text, i) => row(state, code, code.first + i, text.slice(indent), line, used.get(code.first + i) ?? 0)));
		element.style.minHeight = `min(42%, ${52 + 20 * Math.max(...(state.passed?.sources ?? [code]).map((one) => Math.min(one.lines.length, 9)))}px)`;
		if (held !== null) lines.querySelector(`button[data-line="${held}"]`)?.focus({ preventScroll: true });
		const place = `${code.file}:${line}`;
		if (place !== at) reveal();
		at = place;
	}
	function focusedLine() {
		const active = activeIn(lines);
		return active && lines.contains(active) ? active.getAttribute("data-line") : null;
	}
	function reveal() {
		const mark2 = (
			/** @type {HTMLElement | null} */
			lines.querySelector("[aria-current]")
		);
		if (!mark2) return;
		const [top, end] = [mark2.offsetTop, mark2.offsetTop + mark2.offsetHeight];
		if (top < scroller.scrollTop + 20 || end > scroller.scrollTop + scroller.clientHeight - 20) scroller.scrollTop = Math.max(0, top - scroller.clientHeight / 2);
	}
	function row(state, code, number2, text, line, count2) {
		const point = onLine(state.cursor.breakpoints, code.file, number2);
		const failure = failureOf(state);
		const failed = failure?.place?.file === code.file && failure.place.line === number2;
		const toggle = () => void ask("breakpoint", point ? { remove: point.id } : { add: { on: "line", file: code.file, line: number2 } });
		const mark2 = point ? isOn(point) ? "●" : "○" : "";
		const gutter = h("button", { type: "button", class: "nf-gutter", "data-line": number2, "aria-pressed": String(point !== null), "aria-label": `Breakpoint on line ${number2}`, title: point ? `remove the breakpoint on line ${number2}` : `stop when line ${number2} is reached`, onclick: toggle }, h("span", { class: "nf-dot", "aria-hidden": true }, mark2), String(number2));
		const current = line === number2;
		return h(
			"li",
			{ class: "nf-coderow", "aria-current": current ? "step" : null, "data-tone": failed ? "bad" : null },
			gutter,
			h("code", {}, shorten(text, 400) || " "),
			failed && h("span", { class: "nf-failed", title: tooltip(failure?.error ?? "") }, "✕ failed here"),
			count2 > 0 && h("span", { class: "nf-count", title: plural(count2, "step"), "aria-label": plural(count2, "step") }, `×${count2}`),
			failed && h("p", { class: "nf-why" }, h("span", { "aria-hidden": true }, "✕ "), shorten([failure?.explanation, failure?.error].filter(Boolean).join(" — "), 1500))
		);
	}
}
var failureOf = ({ cursor, passed }) => cursor.failure ?? (cursor.state === "failed" ? passed?.failure ?? null : null);
function shown(state) {
	const { steps, passed, cursor } = state;
	const sources = passed?.sources ?? [];
	const focus = focusOf(state);
	const step = stepAt(steps, focus);
	const failure = failureOf(state);
	const byHand = state.selected !== null || cursor.view !== null;
	if (failure?.place && cursor.state === "failed" && !byHand) return { code: codeOf(sources, failure.place), line: failure.place.line, why: "" };
	if (!step || step.parent === null && !step.place) {
		const first = steps.find((one) => one.place)?.place;
		return { code: (first && codeOf(sources, first)) ?? sources[0] ?? null, line: null, why: sources.length ? "" : "The source appears here with the first pass; code that was typed into a console has none." };
	}
	const { place, from } = placeOf(steps, step);
	const parent = stepAt(steps, step.parent);
	const own = `${fullName(step)} was called by PyTorch's own code${parent ? ` in nn.${parent.name}` : ""}`;
	if (!place) return { code: null, line: null, why: `${own}; no step around it was called from a line of yours.` };
	const code = codeOf(sources, place);
	const why = from === step ? "" : `${own}; marked is where ${from ? fullName(from) : "it"} was called.`;
	return { code, line: place.line, why: code ? why : `${fileTitle(place.file)}:${place.line} in ${place.function}: its text is not to be had.` };
}
function codeOf(sources, place) {
	const holding = sources.filter((one) => one.file === place.file && place.line >= one.first && place.line < one.first + one.lines.length);
	return holding.find((one) => one.first === place.first) ?? holding[0] ?? null;
}

// src/forward/strip.js
function createStrip(store) {
	const bar = h("div", { class: "nb-progress" }, h("span"));
	const icon = h("span", { class: "nb-icon", "aria-hidden": true });
	const words = h("span", { class: "nf-said", role: "status" });
	const text = h("span");
	const dismiss = button("✕", () => store.set({ failure: null }), { class: "nb-plain", "aria-label": "Dismiss this message" });
	const failure = h("div", { class: "nb-notice", "data-tone": "bad", role: "alert" }, h("span", { class: "nb-icon", "aria-hidden": true }, "✕"), text, dismiss);
	const line = h("div", { class: "nf-line" }, icon, words);
	const lines = h("div", { class: "nb-lines" });
	const element = h("div", { class: "nb-notices" }, bar, line, failure, lines);
	let before = null;
	return {
		element,
		update(state) {
			if (!changed(before, state, ["cursor", "status", "slow", "failure", "passed", "steps"])) return;
			before = state;
			bar.hidden = !state.slow;
			const said = sentence(state);
			say(icon, said.icon);
			say(words, shorten(said.text, 400));
			attribute(line, "data-tone", said.tone);
			attribute(line, "title", said.text.length > 80 ? tooltip(said.text) : null);
			failure.hidden = state.failure === null || state.status.state === "error" && state.status.text === state.failure;
			say(text, shorten(state.failure ?? "", 4e3));
			fill(lines, ...notices(state));
		}
	};
}
function sentence({ cursor, status, slow, passed, steps }) {
	if (status.state === "error") return { icon: "✕", text: status.text || "something went wrong in the kernel", tone: "bad" };
	if (status.state === "waiting") return { icon: "…", text: status.text || "waits for the running cell to end", tone: "busy" };
	if (cursor.state === "running" || slow && status.state === "busy") return { icon: "…", text: cursor.text || status.text || "running … Stop ends the pass where it is", tone: "busy" };
	if (cursor.failure && cursor.state === "failed") {
		const step2 = stepAt(steps, cursor.failure.step);
		return { icon: "✕", text: `the pass failed${step2 ? ` in ${fullName(step2)}` : ""}: ${cursor.failure.error}`, tone: "bad" };
	}
	if (cursor.hit) return { icon: "◆", text: `stopped: ${cursor.hit}`, tone: "warn" };
	if (cursor.text) return { icon: cursor.state === "closed" ? "■" : "i", text: cursor.text, tone: null };
	if (status.text) return { icon: "i", text: status.text, tone: null };
	if (!passed) return { icon: "i", text: "no pass has been run yet", tone: null };
	if (cursor.state === "ready") return { icon: "i", text: "not begun: Over runs the first step, Continue all up to a breakpoint", tone: null };
	const step = stepAt(steps, cursor.view ?? cursor.index);
	if (step && cursor.view !== null) return { icon: "◂", text: `looking back at ${fullName(step)}, as it was recorded${cursor.can.over ? "; Over goes forwards again" : ""}`, tone: null };
	if (step) return { icon: "‖", text: `after ${fullName(step)}${step.place ? `, line ${step.place.line}` : ""}: what it gave is live`, tone: null };
	return { icon: "", text: cursor.state === "finished" ? "the pass has ended; shown is what the model gave" : "", tone: null };
}
function notices({ cursor, status, passed }) {
	const notes = [...new Set([...cursor.notes, ...passed?.notes ?? []])];
	return [
		status.stale ? notice("stale", "▲", status.stale) : null,
		notes.length ? listed("muted", "i", plural(notes.length, "note"), notes) : null
	];
}
var notice = (tone, icon, text) => h("div", { class: "nb-notice", "data-tone": tone }, h("span", { class: "nb-icon", "aria-hidden": true }, icon), h("span", {}, shorten(text, 4e3)));
function listed(tone, icon, title, sentences) {
	if (sentences.length === 1) return notice(tone, icon, sentences[0]);
	const items = sentences.map((sentence2) => h("li", {}, shorten(sentence2, 1e3)));
	return h("details", { class: "nb-notice", "data-tone": tone }, h("summary", {}, `${title}: ${shorten(sentences[sentences.length - 1], 120)}`), h("ul", {}, ...items));
}

// src/forward/change.js
function createChange(store, actions) {
	const { ask } = actions;
	const zero = button("Zero this", () => void ask("replace", { how: "zero" }));
	const noise = button("Add noise", () => void ask("replace", { how: "noise" }));
	const named = button("Replace from notebook", () => open(Boolean(form.hidden)), { "aria-expanded": "false" });
	const name = h("input", { type: "text", class: "nf-text", "aria-label": "Name of the variable", placeholder: "name of a variable", spellcheck: "false" });
	const form = h("form", { class: "nf-form", hidden: true, onsubmit: replace }, name, h("button", { type: "submit" }, "Replace"), button("Cancel", () => open(false)));
	const effect = h("p", { class: "nf-effect", role: "status" });
	const tensor = h("div", { class: "nf-buttons" }, zero, noise, named, form);
	const editor = createEditor(store, actions);
	const element = h("div", { class: "nf-change", role: "group", "aria-label": "Change" }, tensor, editor.element, effect);
	form.addEventListener("keydown", (event) => {
		if (event.key !== "Escape") return;
		open(false);
		event.stopPropagation();
	});
	let before = null;
	function open(shown2) {
		form.hidden = !shown2;
		attribute(named, "aria-expanded", String(shown2));
		if (shown2) name.focus();
		else if (activeIn(form) !== null && form.contains(activeIn(form))) named.focus();
	}
	function replace(event) {
		event.preventDefault();
		const wanted = name.value.trim();
		if (!wanted) name.focus();
		else void ask("replace", { how: "name", name: wanted }).then((answer) => answer !== null && open(false));
	}
	return {
		element,
		update(state) {
			editor.update(state);
			if (!changed(before, state, ["cursor", "selected", "pending", "passed"])) return;
			before = state;
			const { cursor } = state;
			const focus = focusOf(state);
			tensor.hidden = focus === INPUT || focus === -2 || focus === null;
			const away = focus !== cursor.index ? "only the tensor at the cursor is live: run to this step first" : "";
			const reason = reasonAgainst(cursor, "replace") || away;
			const busy = state.pending.includes("replace");
			enable(zero, { reason, busy, title: "the pass goes on with zeros" });
			enable(noise, { reason, busy, title: "the pass goes on with noise of its own scale added" });
			enable(named, { reason, busy, title: "the pass goes on with a tensor of the notebook" });
			if (reason && !form.hidden) open(false);
			const done = cursor.effect?.text;
			const what = cursor.edits.length ? `✎ ${cursor.edits.join(", ")}: ` : "";
			say(effect, shorten(`${what}${done || (what ? "the effect on outputs and loss is said when the pass has ended" : "nothing has been changed")}`, 600));
			attribute(effect, "data-tone", done ? "live" : null);
			effect.hidden = !state.passed || !what && cursor.state === "failed";
			element.hidden = focus === null;
		}
	};
}
function createEditor(store, { ask }) {
	const keys = (
		/** @type {const} */
		["sample", "row", "column", "height", "width"]
	);
	const fields = Object.fromEntries(keys.map((key) => [key, spin(key, (value2) => set({ [key]: value2 }), { min: key === "height" || key === "width" ? 1 : 0 })]));
	const value = h("input", { type: "number", step: "any", class: "nf-number nf-value", "aria-label": "New value" });
	value.value = "0";
	const zero = button("Zero", () => edit("zero"), { title: "set this part of the input to 0" });
	const apply = button("Set", () => edit(kind()), { title: "set this part of the input to the value" });
	const hint = h("p", { class: "nf-hint" });
	const boxes = keys.map((key) => h("label", { class: "nf-control" }, key, fields[key]));
	const element = h("div", { class: "nf-editor", role: "group", "aria-label": "Change the input" }, hint, h("div", { class: "nf-buttons" }, ...boxes, zero, h("label", { class: "nf-control" }, "value", value), apply));
	value.addEventListener("keydown", (event) => event.key === "Enter" && edit(kind()));
	function set(part) {
		const { region } = store.get();
		store.set({ region: { ...region ?? { sample: viewOf(store.get())?.sample ?? 0, row: 0, column: 0, height: 1, width: 1 }, ...part } });
	}
	function kind() {
		const view = viewOf(store.get());
		if (view?.kind === "maps") return "value";
		return view && /^(u?int|long)/.test(view.dtype) ? "token" : "cell";
	}
	function edit(how) {
		const { region } = store.get();
		const number2 = Number(value.value);
		if (!region) return;
		if (value.value === "" || !Number.isFinite(number2)) {
			value.focus();
			return;
		}
		void ask("edit", { how, ...region, output: store.get().output, value: how === "zero" ? 0 : number2 });
	}
	return {
		element,
		/** @param {State} state */
		update(state) {
			const view = viewOf(state);
			element.hidden = focusOf(state) !== INPUT || !view || ["none", "attention", "number"].includes(view.kind);
			if (element.hidden || !view) return;
			const reason = reasonAgainst(state.cursor, "edit");
			const busy = state.pending.includes("edit");
			const { region } = state;
			const unset = region ? "" : view.kind === "maps" ? "draw a rectangle on the image first" : "choose a value first";
			enable(zero, { reason: reason || unset, busy, title: "set this part of the input to 0" });
			enable(apply, { reason: reason || unset, busy, title: "set this part of the input to the value" });
			say(hint, reason ? `The input cannot be changed now: ${reason}.` : view.kind === "maps" ? "Draw a rectangle on the image, or give it in numbers, to change that part of the input." : `Choose a ${kind() === "token" ? "token" : "cell"} to change it.`);
			for (const key of keys) {
				const field = fields[key];
				if (activeIn(field) !== field || region) field.value = region ? String(region[key]) : "";
				const one = view.kind !== "maps" && (key === "height" || key === "width" || key === "row" && view.sample === null);
				field.parentElement?.toggleAttribute("hidden", one);
			}
		}
	};
}

// src/layout.js
function visibleRows(layout, top, height, beyond = 1) {
	const first = Math.max(0, Math.floor(top / layout.rowHeight) - beyond);
	const last = Math.min(layout.rows, Math.ceil((top + height) / layout.rowHeight) + beyond);
	return { first: Math.min(first, last), last };
}
function scrollTo(layout, row, top, height) {
	const start = row * layout.rowHeight;
	if (start < top) return start;
	const end = start + layout.cellHeight;
	return end > top + height ? end - height : top;
}
function fit(size, height, width) {
	const scale = size / Math.max(height, width, 1);
	return { width: Math.max(Math.round(width * scale), 24), height: Math.max(Math.round(height * scale), 16) };
}

// src/colour.js
var SEQUENTIAL = [[6, 18, 54], [22, 62, 108], [44, 108, 128], [98, 150, 122], [178, 190, 104], [252, 230, 98]];
var MARKS = [[255, 0, 200], [255, 120, 230], [150, 0, 120]];
function between(stops, at) {
	const place = Math.min(Math.max(at, 0), 1) * (stops.length - 1);
	const first = Math.min(Math.floor(place), stops.length - 2);
	const rest = place - first;
	return (
		/** @type {Rgb} */
		stops[first].map((from, i) => Math.round(from + (stops[first + 1][i] - from) * rest))
	);
}
var css = ([r, g, b], alpha = 1) => `rgb(${r} ${g} ${b} / ${alpha})`;

// src/forward/scale.js
var BLUE_RED = [[18, 38, 140], [62, 96, 230], [168, 186, 250], [251, 251, 251], [250, 178, 164], [232, 62, 48], [134, 6, 14]];
function scaleOf(low, high) {
	const [least, most] = Number.isFinite(low) && Number.isFinite(high) ? [Number(low), Number(high)] : [0, 0];
	if (least < 0 && most > 0) {
		const reach = Math.max(-least, most);
		return made(-reach, reach, BLUE_RED);
	}
	if (least >= 0 && least <= most / 2) return made(0, most, BLUE_RED.slice(3));
	if (most <= 0 && most >= least / 2) return made(least, 0, BLUE_RED.slice(0, 4));
	return made(least, most, SEQUENTIAL);
}
function made(from, to, stops) {
	const table = new Uint8Array(256 * 3);
	for (let i = 0; i < 256; i++) table.set(between(stops, i / 255), i * 3);
	return { from, to, stops, table };
}
function colourAt({ from, to }, value) {
	if (to === from) return value === 0 && from === 0 ? 0 : 127 * 3;
	return 3 * Math.min(Math.max(Math.round((value - from) / (to - from) * 255), 0), 255);
}
var gradient = ({ stops }) => `linear-gradient(90deg, ${stops.map(([r, g, b]) => `rgb(${r} ${g} ${b})`).join(", ")})`;

// src/forward/plane.js
function paintPlane(canvas, plane) {
	const { data, at, rows, columns, width, height, scale } = plane;
	const ratio = globalThis.devicePixelRatio || 1;
	canvas.style.width = `${width}px`;
	canvas.style.height = `${height}px`;
	canvas.width = Math.max(1, Math.round(width * ratio));
	canvas.height = Math.max(1, Math.round(height * ratio));
	const drawing = canvas.getContext("2d");
	const small = h("canvas", { width: Math.max(1, columns), height: Math.max(1, rows) });
	const own = small.getContext("2d");
	if (!drawing || !own || !rows || !columns) return;
	const image = own.createImageData(columns, rows);
	const odd = [];
	for (let i = 0; i < rows * columns; i++) {
		const value = data[at + i];
		if (Number.isFinite(value)) {
			const colour = colourAt(scale, value);
			for (let part = 0; part < 3; part++) image.data[4 * i + part] = scale.table[colour + part];
		} else odd.push(i);
		image.data[4 * i + 3] = 255;
	}
	stamp(image.data, data, at, columns, odd);
	own.putImageData(image, 0, 0);
	drawing.imageSmoothingEnabled = canvas.width < columns || canvas.height < rows;
	drawing.drawImage(small, 0, 0, canvas.width, canvas.height);
	if (canvas.width >= 4 * columns && canvas.height >= 4 * rows) hatch(drawing, canvas, odd, rows, columns);
}
var markOf = (value) => MARKS[Number.isNaN(value) ? 0 : value > 0 ? 1 : 2];
function stamp(out, data, at, columns, odd) {
	for (const i of odd) {
		const dark = (Math.floor(i / columns) + i) % 2 ? 0.55 : 1;
		markOf(data[at + i]).forEach((part, c) => out[4 * i + c] = part * dark);
	}
}
function hatch(drawing, canvas, odd, rows, columns) {
	const [wide, tall] = [canvas.width / columns, canvas.height / rows];
	drawing.strokeStyle = css([0, 0, 0]);
	drawing.lineWidth = Math.max(1, Math.min(wide, tall) / 8);
	drawing.beginPath();
	for (const i of odd) {
		const [x, y] = [i % columns * wide, Math.floor(i / columns) * tall];
		drawing.moveTo(x, y + tall);
		drawing.lineTo(x + wide, y);
	}
	drawing.stroke();
}
function createPlane({ read, choose, drag = null }) {
	const canvas = h("canvas", { class: "nf-canvas", "aria-hidden": true });
	const frame = h("span", { class: "nf-frame" });
	const ring = h("span", { class: "nf-ring", hidden: true });
	const area = h("span", { class: "nf-region", hidden: true });
	const element = h("button", { type: "button", class: "nf-plane" }, frame);
	frame.append(canvas, ring, area);
	let plane = null;
	let at = null;
	let grip = null;
	let dragged = false;
	function under2(event) {
		const box = canvas.getBoundingClientRect();
		const { rows, columns } = plane ?? { rows: 1, columns: 1 };
		const place = (share2, length) => Math.min(Math.max(Math.floor(share2 * length), 0), length - 1) || 0;
		return { row: place((event.clientY - box.top) / (box.height || 1), rows), column: place((event.clientX - box.left) / (box.width || 1), columns) };
	}
	function put(mark2, from, to = from) {
		mark2.hidden = !from || !to || !plane;
		if (!from || !to || !plane) return;
		const [wide, tall] = [plane.width / plane.columns, plane.height / plane.rows];
		mark2.style.left = `${Math.min(from.column, to.column) * wide}px`;
		mark2.style.top = `${Math.min(from.row, to.row) * tall}px`;
		mark2.style.width = `${(Math.abs(to.column - from.column) + 1) * wide}px`;
		mark2.style.height = `${(Math.abs(to.row - from.row) + 1) * tall}px`;
	}
	element.addEventListener("pointerdown", (event) => {
		if (!drag || event.button !== 0) return;
		grip = under2(event);
		element.setPointerCapture?.(event.pointerId);
	});
	element.addEventListener("pointermove", (event) => {
		const unit = under2(event);
		read(unit);
		if (grip) put(area, grip, unit);
	});
	element.addEventListener("pointerup", (event) => {
		const end = under2(event);
		dragged = grip !== null && (grip.row !== end.row || grip.column !== end.column);
		if (grip && drag && dragged) drag(grip, end);
		grip = null;
	});
	element.addEventListener("pointercancel", () => grip = null);
	element.addEventListener("pointerleave", () => read(null));
	element.addEventListener("focus", () => read(at));
	element.addEventListener("blur", () => {
		ring.hidden = true;
		read(null);
	});
	element.addEventListener("click", (event) => {
		if (dragged && event.detail !== 0) {
			dragged = false;
			return;
		}
		at = event.detail === 0 ? at ?? { row: 0, column: 0 } : under2(event);
		choose(at);
	});
	element.addEventListener("keydown", (event) => {
		const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
		const step = steps[
			/** @type {keyof typeof steps} */
			event.key
		];
		if (!step || !plane || event.ctrlKey || event.metaKey || event.altKey) return;
		const from = at ?? { row: 0, column: 0 };
		const clamp = (value, length) => Math.min(Math.max(value, 0), length - 1);
		const next = at ? { row: clamp(from.row + step[0], plane.rows), column: clamp(from.column + step[1], plane.columns) } : from;
		if (event.shiftKey && drag) drag(grip ??= from, next);
		else grip = null;
		at = next;
		put(ring, at);
		read(at);
		event.preventDefault();
		event.stopPropagation();
	});
	return {
		element,
		/**
		 * @param {Plane} next
		 * @param {string} label
		 * @param {boolean | null} pressed null where choosing a plane means nothing
		 */
		show(next, label, pressed) {
			plane = next;
			if (at && (at.row >= next.rows || at.column >= next.columns)) at = null;
			attribute(element, "aria-label", label);
			attribute(element, "aria-pressed", pressed === null ? null : String(pressed));
			paintPlane(canvas, next);
		},
		/** @param {Unit | null} from @param {Unit | null} [to] */
		mark: (from, to) => put(area, from, to)
	};
}

// src/forward/maps.js
function original(view, { row, column }) {
	const { tall, wide } = blockOf(view);
	return { row: Math.min(row * tall, view.size[0]), column: Math.min(column * wide, view.size[1]) };
}
var blockOf = ({ planes, size }) => ({ tall: Math.ceil(size[0] / (planes.shape[1] || 1)) || 1, wide: Math.ceil(size[1] / (planes.shape[2] || 1)) || 1 });
function reduced(view, { row, column }) {
	const { tall, wide } = blockOf(view);
	return { row: Math.floor(row / tall), column: Math.floor(column / wide) };
}
function sideOf({ planes, kind }, available) {
	const [count2] = planes.shape;
	if (count2 === 1) return Math.min(available, 260);
	const most = kind === "attention" ? 116 : count2 <= 4 ? 180 : 150;
	const across = Math.max(1, Math.min(count2, Math.floor(available / 88)));
	return Math.min(most, Math.floor((available + 8) / across) - 11);
}
function planeScale(view, plane, shared) {
	return shared ? scaleOf(view.shared[0], view.shared[1]) : scaleOf(view.low.data[plane], view.high.data[plane]);
}
function reading(view, plane, unit) {
	const [, rows, columns] = view.planes.shape;
	const value = view.planes.data[(plane * rows + unit.row) * columns + unit.column];
	const { row, column } = original(view, unit);
	const { tall, wide } = blockOf(view);
	const mean = tall > 1 || wide > 1;
	const axis = (name, at, own) => `${name ? `${name} ` : ""}${at}${own ? ` “${own}”` : ""}`;
	const places = [
		view.axes[0] && view.total > 1 ? axis(view.axes[0], view.first + plane, void 0) : "",
		axis(view.axes[1], row, view.row_names[unit.row]),
		axis(view.axes[2], column, view.column_names[unit.column])
	].filter(Boolean);
	const what = view.compared ? "difference " : "";
	return `${places.join(", ")}: ${what}${figure(value)}${mean ? `, the mean of ${tall} × ${wide} values` : ""}`;
}
function createMaps(store, { look }, read, drag) {
	const grid = h("div", { class: "nf-maps", role: "group" });
	const earlier = button("‹", () => turn(-1), { "aria-label": "Planes before these", class: "nf-small" });
	const later = button("›", () => turn(1), { "aria-label": "Planes after these", class: "nf-small" });
	const range = h("span", { class: "nf-range", role: "status" });
	const bar = h("span", { class: "nf-bar nf-scalebar", "aria-hidden": true });
	const ends2 = [h("span"), h("span")];
	const legend = h("span", { class: "nf-legend" }, ends2[0], bar, ends2[1]);
	const top = h("span", { class: "nf-tops" });
	const element = h("div", { class: "nf-planes" }, grid, h("div", { class: "nf-pager" }, earlier, range, later, top, legend));
	let places = [];
	let view = null;
	function turn(direction) {
		if (!view) return;
		const page = Math.max(view.planes.shape[0], 1);
		const first = Math.min(Math.max(view.first + direction * page, 0), Math.max(view.total - 1, 0));
		if (first !== view.first) look({ first });
	}
	function build(i) {
		const caption = h("span", { class: "nf-caption" });
		const plane = createPlane({
			read: (unit) => read(unit && view ? reading(view, i, unit) : ""),
			choose(unit) {
				if (view?.step === -1) drag(i, unit, unit);
				if (!view || view.step === -1) return;
				const channel = view.first + i;
				const { channel: old, unit: at } = store.get();
				const place = original(view, unit);
				const again = old === channel && at?.row === place.row && at.column === place.column;
				store.set({ channel: again ? null : channel, unit: again ? null : place, receptive: null });
			},
			drag: (from, to) => {
				if (view?.step === -1) drag(i, from, to);
			}
		});
		return { plane, caption, element: h("span", { class: "nf-map" }, plane.element, caption) };
	}
	return {
		element,
		/**
		 * @param {ActivationView} next
		 * @param {State} state
		 * @param {number} available width
		 */
		show(next, state, available) {
			view = next;
			const [count2, rows, columns] = next.planes.shape;
			const side = sideOf(next, available);
			const whole = Math.floor(side / Math.max(rows, columns, 1));
			const { width, height } = fit(whole >= 1 ? whole * Math.max(rows, columns) : side, rows, columns);
			if (places.length !== count2) {
				places = Array.from({ length: count2 }, (_, i) => build(i));
				fill(grid, ...places.map((place) => place.element));
			}
			attribute(grid, "aria-label", `${next.axes[0] || "plane"}s of ${next.name}`);
			places.forEach(({ plane, caption, element: box }, i) => {
				const channel = next.first + i;
				const dead = Boolean(next.dead.data[i]) && next.dead.data.length === count2;
				const { low, high } = { low: next.low.data[i], high: next.high.data[i] };
				const text = `${next.axes[0] || "plane"} ${channel}: ${dead ? next.compared ? "the same on every sample" : "dead, zero on every sample" : Number.isFinite(low) ? `${brief(low)} to ${brief(high)}` : "no finite value"}`;
				const scale = planeScale(next, i, state.shared);
				plane.show({ data: next.planes.data, at: i * rows * columns, rows, columns, width, height, scale }, `${text}. Arrow keys read its values.`, next.kind === "none" ? null : state.channel === channel);
				attribute(plane.element, "title", text);
				const chosen = state.channel === channel && state.unit;
				const place = chosen ? reduced(next, chosen) : null;
				const { region } = state;
				if (next.step === -1 && region && region.sample === (next.sample ?? region.sample)) plane.mark(reduced(next, region), reduced(next, { row: region.row + region.height - 1, column: region.column + region.width - 1 }));
				else plane.mark(place);
				box.style.width = `${Math.max(width, 40) + 2}px`;
				fill(caption, h("span", {}, String(channel)), dead && (next.compared ? h("span", {}, "same") : h("span", { "data-tone": "warn" }, "dead")), !dead && !Number.isFinite(low) && h("span", { "data-tone": "bad" }, "NaN"));
			});
			writePager(next, state);
		}
	};
	function writePager(next, state) {
		const count2 = next.planes.shape[0];
		const paged = next.total > count2;
		earlier.hidden = later.hidden = !paged;
		attribute(earlier, "aria-disabled", next.first > 0 ? null : "true");
		attribute(later, "aria-disabled", next.first + count2 < next.total ? null : "true");
		const name = next.axes[0] || "plane";
		say(range, paged ? `${next.first}–${next.first + count2 - 1} of ${next.total} ${name}s` : next.total > 1 ? `${next.total} ${name}s` : "");
		const numbers = Array.from(next.top.data);
		const jump = (channel) => {
			const page = Math.max(count2, 1);
			const first = Math.floor(channel / page) * page;
			store.set({ channel, unit: null, receptive: null });
			if (first !== next.first && (channel < next.first || channel >= next.first + count2)) look({ first });
		};
		fill(top, numbers.length > 1 && next.total > 1 && h("span", {}, "strongest "), ...next.total > 1 ? numbers.map((channel) => button(String(channel), () => jump(channel), { class: "nb-plain", "aria-label": `${name} ${channel}` })) : []);
		const scale = planeScale(next, Math.max(0, Math.min((state.channel ?? next.first) - next.first, count2 - 1)), state.shared);
		legend.hidden = count2 === 0 || !state.shared && count2 > 1 && state.channel === null;
		say(ends2[0], brief(scale.from));
		say(ends2[1], brief(scale.to));
		bar.style.background = gradient(scale);
	}
}

// src/forward/channel.js
var MOST = 8;
function mostExciting(excited, channel) {
	const samples = excited.shape[1];
	const values = Array.from({ length: samples }, (_, sample) => ({ sample, value: excited.data[channel * samples + sample] }));
	return values.filter(({ value }) => !Number.isNaN(value)).sort((a, b) => b.value - a.value || a.sample - b.sample).slice(0, MOST);
}
function createChannel(store, { ask, look }) {
	const element = h("div", { class: "nf-channel", role: "group" });
	const canvas = h("canvas", { class: "nf-canvas" });
	return {
		element,
		/** @param {State} state @param {ActivationView | null} view */
		show(state, view) {
			const { unit } = state;
			const planes = view !== null && ["maps", "attention"].includes(view.kind);
			const channel = planes ? state.channel : view?.step !== -1 && unit ? 0 : null;
			element.hidden = !view || channel === null || channel >= view.total || !planes && view.kind !== "matrix";
			if (element.hidden || !view || channel === null) return;
			const name = planes ? `${view.axes[0] || "plane"} ${channel}` : `${view.axes[1] || "row"} ${unit?.row}, ${view.axes[2] || "column"} ${unit?.column}`;
			element.setAttribute("aria-label", name);
			fill(element, h("strong", {}, name), planes && excitation(view, channel), unitPart(state, view, channel, unit), field(state));
		}
	};
	function excitation(view, channel) {
		if (!view.excited || channel >= view.excited.shape[0]) return h("p", { class: "nf-hint" }, "Which samples excite it is not known for so many channels or samples.");
		const found = mostExciting(view.excited, channel);
		if (!found.length || found[0].value === 0) return h("p", { class: "nf-hint" }, "No sample of the batch excites it: its greatest value is 0 on each.");
		const links = found.map(({ sample, value }) => button(`${sample}`, () => look({ sample }), { class: "nf-sample", "aria-pressed": String(sample === view.sample), "aria-label": `Sample ${sample}, ${brief(value)}`, title: `sample ${sample}: greatest value ${brief(value)}` }, h("span", { class: "nf-soft" }, brief(value))));
		return h("p", { class: "nf-excited" }, view.compared ? "differs most on sample " : "excited most by sample ", ...links);
	}
	function unitPart(state, view, channel, unit) {
		if (!unit || view.step < 0 || view.kind === "attention") return null;
		const plane = channel - view.first;
		const [count2, rows, columns] = view.planes.shape;
		const { row, column } = reduced(view, unit);
		const at = (plane * rows + row) * columns + column;
		const value = plane >= 0 && plane < count2 ? ` = ${figure(view.planes.data[at])}` : "";
		const busy = state.pending.includes("receptive");
		const wanted = button(busy ? "asked …" : "Receptive field", () => void receptive(view, channel, unit), { "aria-busy": busy ? "true" : null, title: "which values of the input this unit depends on: the gradient of the unit with respect to the input" });
		return h("p", { class: "nf-unit" }, `unit (${unit.row}, ${unit.column})${value} `, wanted);
	}
	async function receptive(view, channel, unit) {
		const { channel: chosen } = store.get();
		const answer = await ask("receptive", { step: view.step, channel, ...unit, sample: view.sample ?? unit.row });
		const now = store.get();
		if (answer?.planes && now.channel === chosen && now.unit?.row === unit.row && now.unit.column === unit.column) store.set({ receptive: answer });
	}
	function field({ receptive: found, input }) {
		if (!found) return null;
		const summed = summedField(found.planes);
		const { rows, columns, values, box } = summed;
		const { width, height } = fit(180, rows, columns);
		const most = Math.max(...values, 0);
		paintPlane(canvas, { data: values, at: 0, rows, columns, width, height, scale: scaleOf(0, most) });
		under(canvas, found, input, values, most, rows, columns);
		canvas.setAttribute("role", "img");
		const text = box ? `depends on rows ${box.top}–${box.bottom} and columns ${box.left}–${box.right} of the input (${box.bottom - box.top + 1} × ${box.right - box.left + 1} of ${rows} × ${columns})` : "depends on no value of the input: every gradient is 0";
		canvas.setAttribute("aria-label", text);
		return h("div", { class: "nf-field" }, canvas, h("p", { class: "nf-hint" }, `${found.name || `sample ${found.sample}`}: ${text.replace(/^depends on /, "")}`));
	}
}
function summedField(planes) {
	const [columns, rows = 1] = [...planes.shape].reverse();
	const channels = planes.data.length / (rows * columns || 1);
	const values = new Float32Array(rows * columns);
	for (let c = 0; c < channels; c++) for (let i = 0; i < values.length; i++) values[i] += Math.abs(planes.data[c * values.length + i]);
	let [top, left, bottom, right] = [Infinity, Infinity, -1, -1];
	values.forEach((value, i) => {
		if (!(value > 0)) return;
		const [row, column] = [Math.floor(i / columns), i % columns];
		[top, bottom, left, right] = [Math.min(top, row), Math.max(bottom, row), Math.min(left, column), Math.max(right, column)];
	});
	return { rows, columns, values, box: bottom < 0 ? null : { top, bottom, left, right } };
}
function under(canvas, found, input, values, most, rows, columns) {
	const known = found.input ?? (input?.sample === found.sample && input.first === 0 ? input.planes : null);
	const drawing = canvas.getContext("2d");
	if (!drawing || !known || known.shape.length !== 3 || known.shape[1] !== rows || known.shape[2] !== columns) return;
	const small = h("canvas", { width: columns, height: rows });
	const own = small.getContext("2d");
	if (!own) return;
	const image = own.createImageData(columns, rows);
	const [channels] = known.shape;
	const grey = Float32Array.from(values, (_, i) => {
		let sum2 = 0;
		for (let c = 0; c < channels; c++) sum2 += known.data[c * values.length + i] / channels;
		return sum2;
	});
	const low = Math.min(...grey);
	const reach = Math.max(...grey) - low || 1;
	for (let i = 0; i < values.length; i++) {
		const shade = 255 * (grey[i] - low) / reach;
		const weight = most > 0 ? Math.sqrt(values[i] / most) * 0.75 : 0;
		image.data.set([shade + (232 - shade) * weight, shade + (62 - shade) * weight, shade + (48 - shade) * weight, 255], 4 * i);
	}
	own.putImageData(image, 0, 0);
	drawing.imageSmoothingEnabled = false;
	drawing.drawImage(small, 0, 0, canvas.width, canvas.height);
}

// src/histogram.js
function extent(low, high) {
	const whole = Math.abs(low % 1) === 0.5 && Math.abs(high % 1) === 0.5;
	return whole ? [low + 0.5, high - 0.5] : [low, high];
}
function ends(edges, most) {
	const last = edges.length - 1;
	const [low, high] = extent(edges[0], edges[last]);
	return [low, most >= edges[last - 1] && most < high ? most : high];
}

// src/bars.js
function barsElement(bars, width, height, named, hover) {
	const canvas = h("canvas", { class: "nb-bars", "aria-hidden": true });
	const [low, high] = ends(bars.edges, bars.most);
	const total = sum(bars.counts);
	canvas.addEventListener("pointermove", (event) => {
		const bin = Math.min(Math.max(Math.floor(event.offsetX / canvas.clientWidth * bars.counts.length), 0), bars.counts.length - 1);
		const own = bars.own ? `, this sample ${share(bars.own[bin], sum(bars.own))}` : "";
		hover(`${shorten(bars.name, 40)}: ${[...new Set(extent(bars.edges[bin], bars.edges[bin + 1]).map((end) => brief(end > high ? high : end)))].join(" … ")}  ${share(bars.counts[bin], total)}${own}`);
	});
	canvas.addEventListener("pointerleave", () => hover(""));
	const element = h("figure", { class: "nb-histogram" }, canvas, h("figcaption", {}, h("span", {}, brief(low)), h("span", { title: tooltip(bars.name) }, named ? shorten(bars.name, 24) : ""), h("span", {}, brief(high))));
	element.style.width = `${width}px`;
	return { element, draw: () => drawBars(canvas, bars, width, height) };
}
var sum = (counts) => Array.from(counts).reduce((all, value) => all + value, 0);
function drawBars(canvas, bars, width, height) {
	const drawing = context(canvas, width, height);
	if (!drawing) return;
	const style = getComputedStyle(canvas);
	const bins = bars.counts.length;
	const step = width / bins;
	const gap = step > 6 ? 1 : 0;
	drawing.fillStyle = style.getPropertyValue("--nb-bars") || "#5596de";
	const most = Math.max(...Array.from(bars.counts), 1);
	for (let i = 0; i < bins; i++) {
		const tall = bars.counts[i] / most * (height - 2);
		if (bars.counts[i]) drawing.fillRect(i * step, height - Math.max(tall, 1), step - gap, Math.max(tall, 1));
	}
	drawing.strokeStyle = drawing.fillStyle = style.color;
	drawing.lineWidth = 1.5;
	if (bars.own) drawSteps(drawing, bars.own, step, height);
	if (bars.at !== null && Number.isFinite(bars.at)) {
		const low = bars.edges[0];
		const x = (bars.at - low) / (bars.edges[bins] - low || 1) * (width - 2);
		drawing.fillRect(x, 0, 2, height);
	}
}
function drawSteps(drawing, counts, step, height) {
	const most = Math.max(...Array.from(counts), 1);
	drawing.beginPath();
	for (let i = 0; i < counts.length; i++) {
		const y = height - 1 - counts[i] / most * (height - 3);
		drawing.lineTo(i * step, y);
		drawing.lineTo((i + 1) * step, y);
	}
	drawing.stroke();
}

// src/forward/figures.js
function writeHistogram(place, view, moments, width, read) {
	const bars = view?.bars.data.length ? view.bars.data : moments?.bars.data;
	const [low, high] = (view?.bars.data.length ? view.edges : moments?.edges) ?? [null, null];
	if (!bars?.length || low === null || high === null || !Array.from(bars).some(Boolean)) {
		fill(place, h("p", { class: "nf-hint" }, "There is no finite value to count."));
		return;
	}
	const edges = Array.from({ length: bars.length + 1 }, (_, i) => low + (high - low) * i / bars.length);
	const what = view?.compared ? "differences" : view?.sample !== null && view ? `sample ${view.sample}` : "values";
	const drawn = barsElement({ name: what, counts: bars, edges, own: null, at: null, most: high }, width, 76, false, read);
	fill(place, drawn.element);
	drawn.draw();
}
function figuresTable(values, gradient2) {
	if (!values) return h("p", { class: "nf-hint" }, "No statistics are known.");
	const percent2 = (part) => share(part, 1);
	const rows = [
		["mean", (of) => number(of.mean)],
		["std", (of) => number(of.std)],
		["min", (of) => number(of.min)],
		["max", (of) => number(of.max)],
		["zeros", (of) => percent2(of.zero)],
		["negative", (of) => percent2(of.negative)],
		["saturated", (of) => of.saturated ? percent2(of.saturated) : "–"],
		["not finite", (of) => of.nan + of.inf ? `${count(of.nan)} NaN, ${count(of.inf)} ∞` : "none"]
	];
	const bad = values.nan + values.inf > 0;
	const line = ([name, of]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", { "data-tone": bad && name === "not finite" ? "bad" : null }, of(values)), gradient2 && h("td", {}, name === "saturated" ? "" : of(gradient2)));
	const head = h("thead", {}, h("tr", {}, h("td"), h("th", { scope: "col" }, gradient2 ? "all samples" : "of all samples"), gradient2 && h("th", { scope: "col" }, "gradient")));
	const table = h("table", { class: "nf-figures" }, head, h("tbody", {}, ...rows.map(line)));
	if (values.sampled < 1) table.append(h("caption", {}, `shares from ${brief(100 * values.sampled)} % of the values`));
	return table;
}
function factsOf(state, step, select) {
	if (!step) return [];
	const findings = step.findings.map((found) => h("p", { class: "nf-finding", "data-tone": found.level }, h("span", { "aria-hidden": true }, found.level === "warn" ? "▲ " : "● "), shorten(found.text, 400)));
	const facts = h("dl", { class: "nf-facts" });
	const say2 = (name, ...value) => facts.append(h("dt", {}, name), h("dd", {}, ...value.map((part) => part instanceof Node ? part : h("span", {}, part))));
	for (const use of step.inputs.slice(0, 24)) say2(`${shorten(use.name, 40)} ←`, origin(state, use, select), ` ${use.dtype} ${shape(use.shape)}`);
	if (step.inputs.length > 24) say2("and", `${step.inputs.length - 24} more inputs`);
	if (step.parameters.length) say2("parameters", h("span", { title: tooltip(step.parameters.join(", ")) }, shorten(step.parameters.join(", "), 200)));
	if (step.note || step.in_place) say2("memory", [step.in_place ? "changes its input in place" : "", step.note].filter(Boolean).join("; "));
	const note = step.outputs[state.output]?.note;
	if (note) say2("output", shorten(note, 200));
	say2("ran", cost(step, isReached(state, step.index)));
	return [...findings, facts];
}
function origin(state, use, select) {
	const text = shorten(use.origin, 80);
	const to = use.step ?? (/^(the )?(batch|input)/.test(use.origin) ? INPUT : null);
	if (to === null) return h("span", {}, text);
	const step = state.steps.find((one) => one.index === to);
	const name = step ? `${step.name}${step.path ? ` · ${shorten(step.path, 50)}` : ""}` : text;
	return button(name, () => select(to), { class: "nb-plain", title: tooltip(`look at ${use.origin}`) });
}
function cost(step, reached) {
	const parts = [
		duration(step.seconds),
		step.grad_enabled ? "autograd on" : "autograd off",
		step.autocast ? `autocast ${step.autocast}` : "",
		step.memory !== null ? `${step.memory < 0 ? "−" : "+"}${bytes(Math.abs(step.memory))} left allocated` : "",
		reached ? "" : "in the untouched run"
	];
	return parts.filter(Boolean).join(", ");
}
function duration(seconds) {
	if (!(seconds > 0)) return "0 s";
	if (seconds < 1e-3) return `${brief(seconds * 1e6)} µs`;
	return seconds < 1 ? `${brief(seconds * 1e3)} ms` : `${brief(seconds)} s`;
}
function bytes(size) {
	if (size < 1024) return plural(size, "byte");
	const power = Math.min(Math.floor(Math.log2(size) / 10), 4);
	return `${brief(size / 1024 ** power)} ${["", "KiB", "MiB", "GiB", "TiB"][power]}`;
}

// src/forward/heat.js
var NAME = 13;
function createHeat(read, choose, drag) {
	const across = h("div", { class: "nf-across", "aria-hidden": true });
	const down = h("div", { class: "nf-down", "aria-hidden": true });
	const dead = h("div", { class: "nf-deads", "aria-hidden": true });
	const below = h("span", { class: "nf-axis" });
	const beside = h("span", { class: "nf-axis" });
	const bar = h("span", { class: "nf-bar nf-scalebar", "aria-hidden": true });
	const ends2 = [h("span"), h("span")];
	let view = null;
	let number2 = 0;
	const plane = createPlane({
		read: (unit) => read(unit && view ? reading(view, number2, unit) : ""),
		choose: (unit) => view && choose(original(view, unit)),
		drag: (from, to) => {
			if (view?.step === -1) drag(number2, from, to);
		}
	});
	const title = h("div", { class: "nf-heattitle" });
	const element = h("div", { class: "nf-heat" }, title, h("div", { class: "nf-heatgrid" }, h("span"), across, down, h("div", { class: "nf-heatbody" }, plane.element, dead)), h("div", { class: "nf-pager" }, beside, below, h("span", { class: "nf-legend" }, ends2[0], bar, ends2[1])));
	return {
		element,
		/**
		 * @param {ActivationView} next
		 * @param {number} at which plane of the page
		 * @param {boolean} shared
		 * @param {{ row: number, column: number } | null} unit chosen, in places of the original
		 * @param {number} available width
		 */
		show(next, at, shared, unit, available) {
			view = next;
			number2 = at;
			const [, rows, columns] = next.planes.shape;
			const named = next.row_names.length ? Math.min(120, 10 + 7 * Math.max(...next.row_names.map((name) => Math.min(name.length, 15)))) : 30;
			const room = Math.max(available - named - 12, 120);
			const wide = Math.min(Math.max(room / Math.max(columns, 1), 1), next.kind === "attention" ? 20 : 30);
			const tall = next.kind === "attention" ? Math.min(wide, 300 / Math.max(rows, 1)) : Math.min(Math.max(Math.min(300 / Math.max(rows, 1), wide * 2), Math.min(wide, 300 / rows)), next.row_names.length ? 20 : 26);
			const width = Math.max(Math.min(Math.round(wide * columns), room), 24);
			const height = Math.max(Math.round(tall * rows), 14);
			const scale = planeScale(next, at, shared);
			const many = next.total > 1 ? `${next.axes[0]} ${next.first + at}` : "";
			say(title, many);
			title.hidden = !many;
			plane.show({ data: next.planes.data, at: at * rows * columns, rows, columns, width, height, scale }, `${many || next.name}: ${next.size[0]} ${next.axes[1] || "rows"} by ${next.size[1]} ${next.axes[2] || "columns"}. Arrow keys read its values.`, null);
			plane.mark(unit && reduced(next, unit));
			names(down, next.row_names, next.size[0], rows, height / rows, "top", named);
			names(across, next.column_names, next.size[1], columns, width / columns, "left", next.column_names.length ? 64 : 16);
			across.style.width = `${width}px`;
			down.style.height = `${height}px`;
			const flags = next.kind === "matrix" && next.dead.data.length === columns ? Array.from(next.dead.data) : [];
			fill(dead, ...flags.flatMap((flag, c) => flag ? [mark(c, width / columns)] : []));
			const gone = flags.filter(Boolean).length;
			attribute(dead, "title", gone ? `${gone} of ${columns} columns are zero on every sample` : null);
			dead.hidden = gone === 0;
			say(beside, next.axes[1] ? `↓ ${next.axes[1]}` : "");
			say(below, next.axes[2] ? `→ ${next.axes[2]}${gone ? ` · ✕ ${next.compared ? "the same" : "dead"}: ${gone}` : ""}` : "");
			say(ends2[0], brief(scale.from));
			say(ends2[1], brief(scale.to));
			bar.style.background = gradient(scale);
			if (bar.parentElement) bar.parentElement.hidden = next.kind === "attention";
		}
	};
}
function mark(column, wide) {
	const element = h("span", {}, wide >= 8 ? "✕" : "");
	element.style.left = `${column * wide}px`;
	element.style.width = `${Math.max(wide, 1)}px`;
	return element;
}
function names(place, names2, total, shown2, step, side, room) {
	const upright = side === "left" && names2.length > 0;
	const need = side === "top" || upright ? NAME : 8 + 7 * String(total).length;
	const every = Math.max(1, Math.ceil(need / step));
	place.style[side === "top" ? "width" : "height"] = `${room}px`;
	place.classList.toggle("nf-upright", upright);
	const marks = [];
	for (let i = 0; i < shown2; i += every) {
		const text = names2[i] ?? String(Math.floor(i * total / shown2));
		const element = h("span", { title: names2[i] ? tooltip(text) : null }, shorten(text.replace(/\s/g, "␣"), 16));
		element.style[side] = `${(i + 0.5) * step}px`;
		marks.push(element);
	}
	fill(place, ...marks);
}

// src/forward/tensorhead.js
var KEEP = "keep the parameters as they are now: after a training step, compare with “before training”";
function another(state) {
	const view = viewOf(state);
	return view && view.sample === state.other ? (state.other + 1) % Math.max(view.samples, 1) : state.other;
}
function createTensorHead(store, { ask, look, select }) {
	const title = h("h3", { class: "nf-title" });
	const chip = h("span", { class: "nf-chip" });
	const tag = h("span", { class: "nf-tag" });
	const run = button("Run to here", () => void ask("run_to", { index: focusOf(store.get()) }));
	const back = button("◂ cursor", () => select(store.get().stood ?? INPUT), { title: "look at the step at the cursor again" });
	const output = choice("Output", (value) => look({ output: Number(value), first: 0, channel: null, unit: null }));
	const sample = spin("Sample", (value) => look({ sample: value }));
	const samples = h("span", { class: "nf-control" }, h("span", { "aria-hidden": true }, "Sample"), sample);
	const compare = choice("Compare with", (value) => look({ compare: (
		/** @type {Comparison} */
		value
	), other: another(store.get()) }));
	const other = spin("Other sample", (value) => look({ other: value }));
	const keep = button("Keep", () => void ask("keep"), { class: "nf-small" });
	const own = button("own", () => store.set({ shared: false }), { title: "each plane has its own scale" });
	const shared = button("shared", () => store.set({ shared: true }), { title: "all planes have one scale" });
	const scale = h("span", { class: "nf-control" }, h("span", { "aria-hidden": true }, "Scale"), h("span", { class: "nf-segment", role: "group", "aria-label": "Scale of colours" }, shared, own));
	const filters = button("First-layer filters", () => look({ selected: FILTERS, output: 0, first: 0, channel: null, unit: null }), { title: "the weights of the first layer, as images" });
	const element = h(
		"div",
		{ class: "nf-tensorhead" },
		h("div", { class: "nf-what" }, title, chip, tag, run, back),
		h("div", { class: "nf-tools" }, output.element, samples, h("span", { class: "nf-control" }, compare.element, other, keep), scale, filters)
	);
	let before = null;
	return {
		element,
		update(state) {
			if (!changed(before, state, ["steps", "cursor", "selected", "exhibit", "looked", "output", "sample", "compare", "other", "shared", "passed", "pending"])) return;
			before = state;
			writeTitle(state);
			writeTools(state);
		}
	};
	function writeTitle(state) {
		const { steps, cursor, passed } = state;
		const focus = focusOf(state);
		const step = stepAt(steps, focus);
		const view = viewOf(state);
		const activation = step?.outputs[state.output] ?? (focus === INPUT ? passed?.inputs[state.output] : null);
		const name = step ? fullName(step) : focus === INPUT ? "input" : focus === FILTERS ? "first-layer filters" : "";
		const facts = view ?? activation;
		fill(title, shorten(name, 70), step?.kind === "operation" && step.path && h("span", { class: "nf-soft" }, `  in ${shorten(step.path, 60)}`));
		title.hidden = name === "";
		attribute(title, "title", name.length > 70 ? tooltip(name) : null);
		chip.hidden = !facts;
		if (facts) say(chip, `${facts.dtype} ${shape(facts.shape)}${facts.device === "cpu" ? "" : ` ${facts.device}`}`);
		const ahead = step !== null && !isReached(state, step.index);
		const live = focus === cursor.index && cursor.state === "suspended";
		say(tag, live ? "live" : ahead ? "not reached yet" : cursor.state === "running" || cursor.failure?.step === focus ? "" : focus === INPUT || focus === FILTERS || !step ? "" : "recorded");
		attribute(tag, "title", live ? "the tensor that the pass goes on with" : ahead ? "what the untouched run made there" : null);
		tag.hidden = tag.textContent === "";
		run.hidden = !ahead || focus === null;
		enable(run, { reason: reasonAgainst(cursor, "run"), busy: state.pending.includes("run_to"), title: "run the pass to this step" });
		back.hidden = focus === state.stood || state.stood === null;
	}
	function writeTools(state) {
		const focus = focusOf(state);
		const view = viewOf(state);
		const step = stepAt(state.steps, focus);
		const outputs = step?.outputs ?? (focus === INPUT ? state.passed?.inputs ?? [] : []);
		output.element.hidden = outputs.length < 2;
		output.show(outputs.map((one, i) => [String(i), `${i + 1} of ${outputs.length}: ${shorten(one.name, 40)}`]), String(state.output));
		const count2 = view?.samples ?? 0;
		samples.hidden = count2 < 1 || view?.sample === null;
		attribute(sample, "max", Math.max(count2 - 1, 0));
		const shown2 = view?.sample ?? null;
		if (activeIn(sample) !== sample || shown2 !== null) sample.value = shown2 === null ? "" : String(shown2);
		attribute(sample, "title", count2 ? `0 to ${count2 - 1}` : null);
		compare.element.parentElement?.toggleAttribute("hidden", focus === FILTERS || focus === null || !outputs.length);
		compare.show(comparisons(state), state.compare);
		other.hidden = state.compare !== "sample";
		other.value = String(state.other);
		attribute(other, "max", Math.max(count2 - 1, 0));
		keep.hidden = focus === FILTERS || focus === INPUT || focus === null;
		enable(keep, { busy: state.pending.includes("keep"), reason: state.cursor.state === "closed" ? "this view is closed" : "", title: KEEP });
		const many = (view?.planes.shape[0] ?? 0) > 1;
		scale.hidden = !many;
		attribute(own, "aria-pressed", String(!state.shared));
		attribute(shared, "aria-pressed", String(state.shared));
		filters.hidden = focus !== FILTERS && (focus !== INPUT || /^u?int(16|32|64)$/.test((view ?? outputs[state.output])?.dtype ?? ""));
		attribute(filters, "aria-pressed", focus === FILTERS ? "true" : null);
	}
}
function comparisons({ cursor }) {
	return [
		["", "nothing"],
		["previous", "previous step"],
		["sample", "another sample"],
		cursor.training ? ["eval", "eval mode"] : ["train", "train mode"],
		["next batch", "next batch"],
		["before", "before training"]
	];
}

// src/forward/vector.js
var TALL = 150;
function createVector(read, choose) {
	const canvas = h("canvas", { class: "nf-canvas", "aria-hidden": true });
	const element = h("button", { type: "button", class: "nf-plane nf-vector" }, canvas);
	const low = h("span");
	const high = h("span");
	const box = h("div", {}, element, h("div", { class: "nf-pager" }, low, high));
	let view = null;
	let at = -1;
	const length = () => view?.planes.data.length ?? 0;
	const place = (event) => {
		const edges = canvas.getBoundingClientRect();
		return Math.min(Math.max(Math.floor((event.clientX - edges.left) / (edges.width || 1) * length()), 0), Math.max(length() - 1, 0));
	};
	const say_ = (i) => view && read(`${view.axes[2] || "value"} ${i}${view.column_names[i] ? ` “${view.column_names[i]}”` : ""}: ${figure(view.planes.data[i])}`);
	element.addEventListener("pointermove", (event) => say_(place(event)));
	element.addEventListener("pointerleave", () => read(""));
	element.addEventListener("click", (event) => {
		at = event.detail === 0 ? Math.max(at, 0) : place(event);
		choose({ row: 0, column: at });
	});
	element.addEventListener("keydown", (event) => {
		const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
		if (!step || !length()) return;
		at = Math.min(Math.max(at + step, 0), length() - 1);
		say_(at);
		event.preventDefault();
		event.stopPropagation();
	});
	return {
		element: box,
		/** @param {ActivationView} next @param {number} available */
		show(next, available) {
			view = next;
			const values = next.planes.data;
			const finite = Array.from(values).filter(Number.isFinite);
			const least = Math.min(0, ...finite);
			const most = Math.max(0, ...finite);
			const width = Math.min(available, Math.max(values.length * 26, 120));
			element.setAttribute("aria-label", `${next.name}: ${values.length} values from ${brief(Math.min(...finite))} to ${brief(Math.max(...finite))}. Arrow keys read them.`);
			say(low, `${next.axes[2] || "value"} 0 … ${next.size[1] - 1}`);
			say(high, finite.length ? `${brief(Math.min(...finite))} to ${brief(Math.max(...finite))}` : "no finite value");
			draw(values, least, most, width, next.column_names);
		}
	};
	function draw(values, least, most, width, names2) {
		const drawing = context(canvas, width, TALL);
		if (!drawing) return;
		const style = getComputedStyle(element);
		const step = width / values.length;
		const foot = names2.length || step >= 14 ? 16 : 2;
		const reach = most - least || 1;
		const y = (value) => 4 + (most - value) / reach * (TALL - foot - 6);
		drawing.font = `11px ${style.getPropertyValue("--nb-mono") || "monospace"}`;
		drawing.textAlign = "center";
		for (let i = 0; i < values.length; i++) {
			const value = Number.isFinite(values[i]) ? values[i] : 0;
			drawing.fillStyle = Number.isFinite(values[i]) ? style.getPropertyValue("--nb-bars") || "#5596de" : "#ff00c8";
			const [from, to] = [y(Math.max(value, 0)), y(Math.min(value, 0))];
			drawing.fillRect(i * step + (step > 4 ? 1 : 0), Number.isFinite(values[i]) ? from : 4, Math.max(step - (step > 4 ? 2 : 0), 0.5), Math.max(Number.isFinite(values[i]) ? to - from : TALL - foot - 6, 1));
			drawing.fillStyle = style.getPropertyValue("--nb-soft") || "#666";
			if (step >= 14) drawing.fillText(shorten(names2[i] ?? String(i), Math.max(1, Math.floor(step / 7))), (i + 0.5) * step, TALL - 3);
		}
		drawing.fillRect(0, y(0), width, 1);
	}
}
var alone = (view) => h("p", { class: "nf-alone" }, figure(view.planes.data[0] ?? NaN));

// src/forward/tensor.js
function createTensor(store, actions) {
	const readout = h("p", { class: "nf-readout" });
	const read = (text) => say(readout, text ? shorten(text, 300) : hint);
	const head = createTensorHead(store, actions);
	const note = h("p", { class: "nf-note" });
	const maps = createMaps(store, actions, read, drag);
	const heat = createHeat(read, choose, drag);
	const vector = createVector(read, choose);
	const number2 = h("div");
	const channel = createChannel(store, actions);
	const heading = h("h4", { class: "nf-heading" });
	const bars = h("div");
	const spread = h("div", { class: "nf-spread" }, heading, bars);
	const figures = h("div", { class: "nf-numbers" });
	const facts = h("div", { class: "nf-about" });
	const change = createChange(store, actions);
	const body = h("div", { class: "nf-exhibit" }, maps.element, heat.element, vector.element, number2);
	const element = h("section", { class: "nf-tensor", "aria-label": "Tensor" }, head.element, note, body, readout, channel.element, change.element, h("div", { class: "nf-below" }, spread, figures), facts);
	let hint = "";
	let width = 0;
	let before = null;
	const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => {
		if (before && Math.abs(element.clientWidth - width) > 4) draw(before);
	});
	watch?.observe(element);
	function choose(unit) {
		const view = viewOf(store.get());
		if (!view) return;
		store.set({ unit });
		if (view.step !== INPUT) return;
		const rowsAreSamples = view.sample === null;
		store.set({ region: { sample: view.sample ?? unit.row, row: rowsAreSamples ? 0 : unit.row, column: unit.column, height: 1, width: 1 } });
	}
	function drag(_, from, to) {
		const view = viewOf(store.get());
		if (!view || view.kind !== "maps") return;
		const [top, left] = [Math.min(from.row, to.row), Math.min(from.column, to.column)];
		const start = original(view, { row: top, column: left });
		const end = original(view, { row: Math.max(from.row, to.row) + 1, column: Math.max(from.column, to.column) + 1 });
		store.set({ region: { sample: view.sample ?? 0, ...start, height: Math.max(end.row - start.row, 1), width: Math.max(end.column - start.column, 1) } });
	}
	function draw(state) {
		width = element.clientWidth;
		const room = Math.max((width || 620) - 28, 200);
		const focus = focusOf(state);
		const step = stepAt(state.steps, focus);
		const view = viewOf(state);
		const activation = step?.outputs[state.output] ?? (focus === INPUT ? state.passed?.inputs[state.output] : null) ?? null;
		drawView(state, view, room);
		const said = noteOf(state, view, activation?.note ?? "");
		say(note, said);
		note.hidden = said === "";
		hint = hintFor(view);
		read("");
		channel.show(state, view);
		const none = focus === null;
		for (const part of [spread, figures, facts]) part.hidden = none;
		if (view?.kind === "number" || !view?.bars.data.length && !activation?.moments) spread.hidden = true;
		if (none) return;
		fill(heading, view?.compared ? `Difference to ${view.compared}` : "Values", h("span", { class: "nf-soft" }, view && view.sample !== null && !view.compared ? ` · sample ${view.sample}` : ""));
		writeHistogram(bars, view, activation?.moments ?? null, Math.min(room, room > 620 ? Math.floor(room * 0.5) : room), read);
		fill(figures, activation && figuresTable(activation.moments, activation.gradient), focus === -2 && h("p", { class: "nf-hint" }, "Weights of the model, not a part of the pass."));
		fill(facts, ...factsOf(state, step, actions.select));
	}
	function drawView(state, view, room) {
		const { pending, cursor, status } = state;
		const waits = !view && (pending.includes("look") || pending.includes("filters") || cursor.state === "running" || status.state === "busy");
		body.classList.toggle("nf-waits", waits);
		if (waits) return;
		const kind = view?.planes.data.length ? view.kind : "none";
		const many = kind === "maps" || kind === "attention";
		maps.element.hidden = !many;
		heat.element.hidden = kind !== "matrix" && kind !== "attention";
		vector.element.hidden = kind !== "vector";
		number2.hidden = kind !== "number";
		if (!view) return;
		if (many) maps.show(view, state, room);
		const plane = Math.max(0, Math.min((state.channel ?? view.first) - view.first, view.planes.shape[0] - 1));
		if (!heat.element.hidden) heat.show(view, plane, state.shared, view.kind === "matrix" || state.channel !== null ? state.unit : null, room);
		if (kind === "vector") vector.show(view, room);
		if (kind === "number") fill(number2, alone(view));
	}
	return {
		element,
		update(state) {
			head.update(state);
			change.update(state);
			if (changed(before, state, ["steps", "cursor", "selected", "exhibit", "looked", "output", "shared", "channel", "unit", "receptive", "region", "passed", "pending", "slow"])) draw(state);
			before = state;
		},
		destroy: () => watch?.disconnect()
	};
}
function hintFor(view) {
	if (!view) return "";
	if (view.kind === "maps" && view.step >= 0) return "point at a value to read it; click a unit for the samples that excite its channel, and its receptive field";
	if (view.kind === "attention") return "rows attend to columns; click a head to see it large";
	return view.kind === "none" || view.kind === "number" ? "" : "point at a value to read it";
}
function noteOf(state, view, why) {
	const { cursor, passed } = state;
	const focus = focusOf(state);
	if (view?.note) return view.note;
	if (view) return view.compared ? `Shown is the difference: this minus ${view.compared}.` : "";
	if (focus === null || !passed) return cursor.text || "No pass has been run yet. Restart begins one; its tensors appear here.";
	if (cursor.failure?.step === focus) return `This step raised: ${cursor.failure.error}`;
	if (why) return why;
	if (state.pending.includes("look") || state.pending.includes("filters")) return state.slow ? "The values are asked for; the kernel has not answered yet …" : " ";
	if (cursor.state === "running") return "The values appear when the pass stops.";
	const step = stepAt(state.steps, focus);
	if (step && !step.outputs.length) return "This step gave no tensor.";
	return state.failure ? `The values cannot be shown: ${state.failure}` : "Only the figures below were kept of this step.";
}

// src/forward/breakmenu.js
function createBreakMenu(store, { ask }) {
	const opener = button("Break on ▾", () => open(Boolean(menu.hidden)), { "aria-expanded": "false", "aria-haspopup": "true", title: "where and when the pass stops" });
	const ticks = CONDITIONS.map(([condition, text]) => {
		const box = h("input", { type: "checkbox", onchange: () => tick(condition, box.checked) });
		return { condition, box, element: h("label", { class: "nf-tick" }, box, text) };
	});
	const list = h("ul", { class: "nf-breaks", "aria-label": "Breakpoints" });
	const none = h("p", { class: "nf-hint" }, "No breakpoints. A click on a line's number, or on the edge of a step, sets one there.");
	const kind = h("select", { "aria-label": "Break on a" }, h("option", { value: "module" }, "module"), h("option", { value: "operation" }, "operation"));
	const name = h("input", { type: "text", "aria-label": "Its path or name", class: "nf-text", placeholder: "layer1.0.conv", spellcheck: "false" });
	kind.addEventListener("change", () => name.placeholder = kind.value === "module" ? "layer1.0.conv" : "F.softmax");
	const form = h("form", { class: "nf-form", onsubmit: add }, kind, name, h("button", { type: "submit" }, "Add"));
	const menu = h("div", { class: "nf-menu", role: "group", "aria-label": "Breakpoints", hidden: true }, ...ticks.map((one) => one.element), form, none, list);
	const element = h("span", { class: "nf-popover" }, opener, menu);
	menu.addEventListener("keydown", (event) => {
		if (event.key !== "Escape") return;
		open(false);
		opener.focus();
		event.stopPropagation();
	});
	const outside = (event) => {
		if (!menu.hidden && !event.composedPath().includes(element)) open(false);
	};
	document.addEventListener("pointerdown", outside);
	let before = null;
	function open(shown2) {
		menu.hidden = !shown2;
		attribute(opener, "aria-expanded", String(shown2));
		if (shown2) ticks[0].box.focus();
	}
	function tick(condition, wanted) {
		const point = onCondition(store.get().cursor.breakpoints, condition);
		if (!point && wanted) void ask("breakpoint", { add: { on: condition } });
		else if (point && isOn(point) !== wanted) void ask("breakpoint", { toggle: point.id });
	}
	function add(event) {
		event.preventDefault();
		const wanted = name.value.trim();
		if (!wanted) {
			name.focus();
			return;
		}
		void ask("breakpoint", { add: { on: kind.value, name: wanted } }).then((answer) => {
			if (answer !== null) name.value = "";
		});
	}
	function line(point) {
		const box = h("input", { type: "checkbox", onchange: () => void ask("breakpoint", { toggle: point.id }) });
		box.checked = isOn(point);
		const text = shorten(worded(point), 120);
		return h(
			"li",
			{},
			h("label", { class: "nf-tick", title: tooltip(point.text) }, box, h("span", {}, text)),
			h("span", { class: "nf-hits" }, point.hits ? plural(point.hits, "hit") : ""),
			button("✕", () => void ask("breakpoint", { remove: point.id }), { class: "nb-plain", "aria-label": `Remove: ${text}`, title: "remove" })
		);
	}
	return {
		element,
		/** @param {State} state */
		update(state) {
			if (!changed(before, state, ["cursor", "pending"])) return;
			const points = state.cursor.breakpoints;
			if (before?.cursor.breakpoints !== points) {
				const held = list.contains(activeIn(list));
				fill(list, ...points.map(line));
				if (held) (list.querySelector("input") ?? ticks[0].box).focus();
			}
			for (const { condition, box } of state.pending.includes("breakpoint") ? [] : ticks) {
				const point = onCondition(points, condition);
				box.checked = point !== null && isOn(point);
			}
			none.hidden = points.length > 0;
			const active = points.filter(isOn);
			say(opener, active.length === 0 ? "Break on ▾" : active.length === 1 ? `Break on: ${shorten(worded(active[0]), 22)} ▾` : `Break on: ${active.length} ▾`);
			attribute(opener, "aria-busy", state.pending.includes("breakpoint") ? "true" : null);
			before = state;
		},
		destroy: () => document.removeEventListener("pointerdown", outside)
	};
}

// src/forward/toolbar.js
var MOVES = [
	["restart", "⟲ Restart", "", "r", "begin the pass anew, at its first step"],
	["over", "Over", "F10", "F10 or o", "run the next step as a whole"],
	["into", "Into", "F11", "F11 or i", "go to the first step inside the next one"],
	["out", "Out", "⇧F11", "Shift+F11 or u", "run to the end of the module around the cursor"],
	["run", "Continue", "F5", "F5 or c", "run to the next breakpoint, or to the end"],
	["back", "Back", "", "b", "look at the step before; what was recorded is kept"]
];
var LOOKING = new Set(["look", "filters", "receptive", "breakpoint", "keep"]);
function moveOf(event) {
	if (event.ctrlKey || event.metaKey || event.altKey) return null;
	if (event.key === "F11") return event.shiftKey ? "out" : "into";
	if (event.shiftKey) return null;
	const keys = { F10: "over", F5: "run", o: "over", i: "into", u: "out", c: "run", b: "back", r: "restart" };
	return keys[event.key] ?? null;
}
function createToolbar(store, actions) {
	const { ask } = actions;
	const moves = MOVES.map(([method, text, key, keys, what]) => ({
		method,
		what: `${what} (${keys})`,
		element: button(text, () => void ask(method), { "aria-keyshortcuts": keys.replace(" or ", " ") }, key && h("kbd", { "aria-hidden": true }, key))
	}));
	const [, over] = moves;
	over.element.classList.add("nb-primary");
	const stop = button("Stop", () => void ask("stop"), { class: "nf-stop" });
	const where = h("span", { class: "nf-where", role: "status" });
	const menu = createBreakMenu(store, actions);
	const gradients = button("Backward too", () => void ask("gradients"));
	const modes = [true, false].map((training) => ({ training, element: button(training ? "train" : "eval", () => void ask("mode", { training }), { title: `run the pass in ${training ? "train" : "eval"} mode` }) }));
	const batch = button("Next batch", () => void ask("batch"));
	const element = h(
		"div",
		{ class: "nf-header" },
		h("strong", { class: "nb-title" }, "Forward"),
		h("span", { class: "nf-moves", role: "toolbar", "aria-label": "Steps of the pass" }, ...moves.map((move) => move.element), stop),
		where,
		h("span", { class: "nf-modes" }, menu.element, gradients, h("span", { class: "nf-segment", role: "group", "aria-label": "Mode of the model" }, ...modes.map((mode) => mode.element)), batch)
	);
	let before = null;
	return {
		element,
		update(state) {
			menu.update(state);
			if (changed(before, state, ["cursor", "steps", "pending", "slow", "passed"])) write(state);
			before = state;
		},
		destroy: menu.destroy
	};
	function write(state) {
		const { cursor, pending, passed, slow } = state;
		for (const { method, what, element: one } of moves) enable(one, { reason: reasonAgainst(cursor, method), busy: slow && pending.includes(method), title: what });
		const running = standing(state).startsWith("running");
		stop.classList.toggle("nf-away", !running && !cursor.can.stop);
		enable(stop, { reason: reasonAgainst(cursor, "stop"), busy: pending.includes("stop"), title: "end the pass where it is" });
		say(where, standing(state));
		attribute(where, "title", standing(state));
		attribute(where, "data-busy", running);
		const has = Boolean(passed?.steps.some((step) => step.outputs.some((output) => output.gradient)));
		enable(gradients, { reason: reasonAgainst(cursor, "gradients"), busy: pending.includes("gradients"), title: has ? "gradients are shown beside the values; ask for them again" : "run the loss and its backward pass, and show each step's gradient" });
		attribute(gradients, "aria-pressed", has ? "true" : null);
		const closed = cursor.state === "closed" ? reasonAgainst(cursor, "restart") || "this view is closed" : cursor.state === "running" ? "the pass is running" : "";
		for (const { training, element: one } of modes) {
			enable(one, { reason: closed, busy: pending.includes("mode"), title: `run the pass in ${training ? "train" : "eval"} mode` });
			attribute(one, "aria-pressed", String(cursor.training === training));
		}
		enable(batch, { reason: closed || (cursor.can.next === false ? "there is no loader to take a batch from" : ""), busy: pending.includes("batch"), title: "step through the next batch of the loader" });
	}
}
function standing({ cursor, steps, slow, pending, passed, stood }) {
	const all = steps.length;
	if (cursor.state === "running" || slow && pending.some((method) => !LOOKING.has(method))) return "running …";
	if (cursor.state === "closed") return "closed";
	if (!passed && !all) return "no pass yet";
	if (cursor.view !== null && stood !== null) return `back at step ${count(cursor.view + 1)} of ${count(all)}`;
	const index = cursor.index ?? cursor.view ?? (cursor.state === "finished" ? null : cursor.reached);
	const at = cursor.state === "finished" && index === null ? `all ${count(all)} steps` : index === null || index < 0 ? "at the start" : `step ${count(index + 1)} of ${count(all)}`;
	return cursor.state === "suspended" ? at : `${at} · ${cursor.state}`;
}

// src/forward/outline.js
var MANY = 120;
function insides(steps) {
	const found = new Map([[null, []]]);
	for (const step of steps) {
		const inside = found.get(step.parent);
		if (inside) inside.push(step);
		else found.set(step.parent, [step]);
	}
	return found;
}
function opensByItself(step, inside, total) {
	const within = inside.get(step.index) ?? [];
	if (within.length === 1 && within[0].kind === "operation") return false;
	return total <= MANY || step.depth < 1;
}
function rowsOf(steps, chosen, enclosing) {
	const inside = insides(steps);
	const rows = [];
	const roots = inside.get(null) ?? [];
	const open = [{ list: roots, at: 0, level: 1 }];
	if (steps.length) rows.push({ index: -1, level: 1, place: 1, siblings: roots.length + 1, open: null });
	while (open.length) {
		const top = open[open.length - 1];
		if (top.at >= top.list.length) {
			open.pop();
			continue;
		}
		const step = top.list[top.at++];
		const within = inside.get(step.index);
		const shown2 = within ? chosen.get(step.index) ?? (enclosing.has(step.index) || opensByItself(step, inside, steps.length)) : null;
		const shift = top.level === 1 ? 1 : 0;
		rows.push({ index: step.index, level: top.level, place: top.at + shift, siblings: top.list.length + shift, open: shown2 });
		if (within && shown2) open.push({ list: within, at: 0, level: top.level + 1 });
	}
	return rows;
}
function rowFor(rows, steps, index) {
	const places = new Map(rows.map((row, at) => [row.index, at]));
	const byIndex = new Map(steps.map((step) => [step.index, step]));
	for (let at = index; at !== null && at !== void 0; at = byIndex.get(at)?.parent ?? null) {
		const found = places.get(at);
		if (found !== void 0) return found;
	}
	return null;
}

// src/forward/treerow.js
function createRow(index, { select, toggle, actions, store }) {
	const dot = h("span", { class: "nf-edge" });
	const twisty = h("span", { class: "nf-twisty", "aria-hidden": true });
	const name = h("span", { class: "nf-name" });
	const what = h("span", { class: "nf-cell nf-soft" });
	const lengths = h("span", { class: "nf-cell" });
	const filled = h("span");
	const bar = h("span", { class: "nf-bar" }, filled);
	const state = h("span", { class: "nf-cell nf-health" });
	const grad = h("span", { class: "nf-cell nf-grad" });
	const run = h("span", { class: "nf-runto", "aria-hidden": true }, "▷ run to here");
	const element = h("div", { class: "nf-row nf-step", role: "treeitem", tabindex: -1, "data-index": index }, dot, h("span", { class: "nf-label" }, twisty, name), what, lengths, bar, state, grad, run);
	let last = null;
	element.addEventListener("click", (event) => {
		const target = (
			/** @type {Node} */
			event.target
		);
		element.focus({ preventScroll: true });
		if (twisty.contains(target) && last?.row.open !== null) toggle(index, !last?.row.open);
		else if (run.contains(target)) void actions.ask("run_to", { index });
		else if (dot.contains(target) && index >= 0) breakHere();
		else if (event.detail < 2) select(index);
	});
	element.addEventListener("dblclick", (event) => {
		const target = (
			/** @type {Node} */
			event.target
		);
		if (index >= 0 && !twisty.contains(target) && !dot.contains(target) && !run.contains(target)) void actions.ask("run_to", { index });
	});
	function breakHere() {
		const point = last?.step ? onStep(store.get().cursor.breakpoints, last.step) : null;
		void actions.ask("breakpoint", point ? { remove: point.id } : { add: { on: "step", index } });
	}
	return {
		element,
		/** @param {Shown} shown */
		show(shown2) {
			const { row, step, current, looked, tabbed } = shown2;
			attribute(element, "aria-level", row.level);
			attribute(element, "aria-posinset", row.place);
			attribute(element, "aria-setsize", row.siblings);
			attribute(element, "aria-expanded", row.open === null ? null : String(row.open));
			attribute(element, "aria-selected", String(looked));
			attribute(element, "aria-current", current ? "step" : null);
			attribute(element, "tabindex", tabbed ? 0 : -1);
			element.style.setProperty("--nf-level", String(Math.min(row.level - 1, 12)));
			say(twisty, row.open === null ? "" : row.open ? "▾" : "▸");
			const same = last && last.step === step && last.state.cursor === shown2.state.cursor && last.state.passed === shown2.state.passed;
			last = shown2;
			if (!same) step ? writeStep(shown2, step) : writeInput(shown2);
		}
	};
	function writeInput({ state: { passed, cursor } }) {
		const inputs = passed?.inputs ?? [];
		say(name, "input");
		say(what, inputs[0]?.dtype ?? "");
		say(lengths, inputs.length ? `${shape(inputs[0].shape)}${inputs.length > 1 ? ` and ${inputs.length - 1} more` : ""}` : "");
		bar.style.visibility = run.style.visibility = dot.style.visibility = "hidden";
		fill(state, cursor.edits.some((edit) => edit.startsWith("input")) && h("span", { class: "nf-moved" }, "✎ changed"));
		attribute(element, "aria-label", `input ${lengths.textContent}`);
	}
	function writeStep({ state: now, points, failed, entered, moved }, step) {
		const begun = isReached(now, index);
		const reached = begun && !entered;
		const { icon, tone, words } = health(step, failed);
		const point = onStep(points, step);
		say(dot, point ? isOn(point) ? "●" : "○" : "·");
		attribute(dot, "title", point ? "remove this breakpoint" : "stop at this step");
		attribute(dot, "data-set", point !== null);
		say(name, shorten(shortName(step), 60));
		say(what, shorten(step.name, 60));
		say(lengths, reached ? failed ? "✕" : outputShape(step) : "…");
		element.classList.toggle("nf-ahead", !begun);
		const share2 = reached && !failed ? alive(step) : null;
		bar.style.visibility = share2 === null ? "hidden" : "visible";
		attribute(bar, "data-tone", tone);
		filled.style.width = `${100 * Math.min(Math.max(share2 ?? 0, 0), 1)}%`;
		const far = reached && moved !== void 0 && moved !== 0;
		const much = moved === null || moved === void 0 ? "∞" : brief(moved);
		fill(
			state,
			begun && entered && h("span", { class: "nf-soft" }, "▷ in it"),
			reached && h("span", { "data-tone": tone }, icon),
			far && h("span", { class: "nf-moved", title: `its values moved by ${much} of their norm` }, ` Δ ${much}`),
			reached && words && h("span", { "data-tone": tone }, ` ${words}`)
		);
		say(grad, reached ? gradientOf(step) : "");
		const text = describeStep(step);
		const movedText = far ? `, moved by ${much} of its norm` : "";
		const standing2 = entered && begun ? "has begun and not ended" : "not reached yet";
		attribute(element, "title", tooltip(reached ? text + movedText : begun ? `${text.split(",")[0]}: ${standing2}` : `${text.split(",")[0]}: ${standing2}; double-click or Shift+Enter runs to here`));
		attribute(element, "aria-label", shorten(`${shortName(step)}, ${step.name}, ${reached ? `${outputShape(step)}, ${icon === "●" ? "healthy" : words || icon}${movedText}` : standing2}${point ? ", breakpoint" : ""}`, 300));
	}
}
function gradientOf(step) {
	const gradient2 = step.outputs[0]?.gradient;
	return gradient2 ? number(gradient2.std) : "–";
}

// src/forward/tree.js
var TALL2 = 22;
var AHEAD = 4;
function createTree(store, actions) {
	const tally = h("span", { class: "nf-tally" });
	const filled = h("span");
	const progress = h("div", { class: "nf-progress", role: "progressbar", "aria-label": "Steps that have begun", "aria-valuemin": 0 }, filled);
	const space = h("div", { class: "nf-space" });
	const scroller = h("div", { class: "nf-tree", role: "tree", "aria-label": "Steps" }, space);
	const nothing = h("p", { class: "nf-hint" }, "The steps appear here with the first pass.");
	const gradient2 = h("span", { class: "nf-cell nf-grad" }, "grad. std");
	const heads = h("div", { class: "nf-row nf-heads", "aria-hidden": true }, h("span"), h("span", {}, "step"), h("span", {}, "what"), h("span", {}, "output"), h("span", { title: "share of values that are not 0" }, "≠ 0"), h("span", {}, "health"), gradient2);
	const element = h("section", { class: "nf-steps", "aria-label": "Steps" }, h("h3", { class: "nf-heading" }, "Steps", tally), progress, heads, nothing, scroller);
	const drawn = new Map();
	const chosen = new Map();
	let rows = [];
	let enclosing = new Set();
	let active = -1;
	let before = null;
	scroller.addEventListener("scroll", () => draw());
	scroller.addEventListener("keydown", keys);
	scroller.addEventListener("focusin", (event) => {
		const index = (
			/** @type {HTMLElement} */
			event.target.dataset.index
		);
		if (index !== void 0 && Number(index) !== active) {
			active = Number(index);
			draw();
		}
	});
	const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => draw());
	watch?.observe(scroller);
	function arrange(state) {
		rows = rowsOf(state.steps, chosen, enclosing);
		space.style.height = `${rows.length * TALL2}px`;
		nothing.hidden = rows.length > 0;
		heads.hidden = scroller.hidden = rows.length === 0;
	}
	const layout = () => ({ columns: 1, rows: rows.length, gap: 0, cellWidth: 0, cellHeight: TALL2, rowHeight: TALL2 });
	function draw() {
		const state = before;
		if (!state) return;
		const height = scroller.clientHeight || 440;
		const { first, last } = visibleRows(layout(), scroller.scrollTop, height, 4);
		const wanted = new Map();
		const keep = rows.findIndex((row) => row.index === active);
		for (let i = first; i < last; i++) wanted.set(rows[i].index, i);
		if (keep >= 0) wanted.set(active, keep);
		for (const [index, row] of drawn) {
			if (wanted.has(index)) continue;
			row.element.remove();
			drawn.delete(index);
		}
		const points = state.cursor.breakpoints;
		const moved = new Map(state.cursor.effect?.moved ?? []);
		const byIndex = new Map(state.steps.map((step) => [step.index, step]));
		const { failure } = state.cursor;
		const failing = new Set(failure && failure.step !== null ? [failure.step, ...around(state.steps, failure.step)] : []);
		const entered = new Set(["suspended", "running", "stopped"].includes(state.cursor.state) ? around(state.steps, state.stood ?? (state.cursor.reached >= 0 ? state.cursor.reached : null)) : []);
		const cursorRow = rowFor(rows, state.steps, state.stood ?? state.cursor.view);
		const focusRow = rowFor(rows, state.steps, focusOf(state));
		for (const [index, i] of [...wanted].sort((a, b) => a[1] - b[1])) {
			let row = drawn.get(index);
			if (!row) {
				row = createRow(index, { select, toggle, actions, store });
				drawn.set(index, row);
				const next = [...drawn].filter(([other]) => (wanted.get(other) ?? 0) > i).sort((a, b) => (wanted.get(a[0]) ?? 0) - (wanted.get(b[0]) ?? 0))[0];
				space.insertBefore(row.element, next?.[1].element ?? null);
			}
			row.element.style.top = `${i * TALL2}px`;
			row.show({ state, row: rows[i], step: byIndex.get(index) ?? null, points, failed: failing.has(index), entered: entered.has(index), moved: moved.get(index), current: i === cursorRow, looked: i === focusRow, tabbed: index === active || keep < 0 && i === first });
		}
	}
	function select(index) {
		active = index;
		actions.select(index);
	}
	function toggle(index, open) {
		chosen.set(index, open);
		if (before) arrange(before);
		draw();
	}
	function go(i) {
		if (!rows[i]) return;
		active = rows[i].index;
		reveal(i);
		draw();
		drawn.get(active)?.element.focus({ preventScroll: true });
	}
	function reveal(i) {
		for (const row of [Math.min(i + AHEAD, rows.length - 1), Math.max(i - 1, 0)]) scroller.scrollTop = scrollTo(layout(), row, scroller.scrollTop, scroller.clientHeight || 440);
	}
	function keys(event) {
		if (event.ctrlKey || event.metaKey || event.altKey) return;
		const i = rows.findIndex((row2) => row2.index === active);
		const row = rows[i];
		if (!row) return;
		const page = Math.max(1, Math.floor((scroller.clientHeight || 440) / TALL2) - 1);
		const meaning = {
			ArrowDown: () => go(Math.min(i + 1, rows.length - 1)),
			ArrowUp: () => go(Math.max(i - 1, 0)),
			Home: () => go(0),
			End: () => go(rows.length - 1),
			PageDown: () => go(Math.min(i + page, rows.length - 1)),
			PageUp: () => go(Math.max(i - page, 0)),
			ArrowRight: () => row.open === false ? toggle(row.index, true) : row.open ? go(i + 1) : void 0,
			ArrowLeft: () => row.open ? toggle(row.index, false) : go(rows.findLastIndex((one, at) => at < i && one.level < row.level)),
			Enter: () => event.shiftKey ? void actions.ask("run_to", { index: row.index }) : select(row.index),
			" ": () => select(row.index)
		};
		if (!meaning[event.key]) return;
		meaning[event.key]();
		event.preventDefault();
		event.stopPropagation();
	}
	return {
		element,
		update(state) {
			if (!changed(before, state, ["steps", "cursor", "selected", "passed"])) return;
			const moved = !before || before.stood !== state.stood || before.cursor.view !== state.cursor.view || before.steps !== state.steps || before.cursor.failure !== state.cursor.failure;
			const looked = !before || focusOf(before) !== focusOf(state);
			const fresh = !before || before.steps !== state.steps;
			before = state;
			if (moved) {
				enclosing = new Set(around(state.steps, state.stood ?? state.cursor.view ?? state.cursor.failure?.step ?? null));
				if (!fresh) for (const index of enclosing) chosen.delete(index);
				arrange(state);
			}
			const total = state.steps.length;
			const begun = state.cursor.state === "finished" ? total : Math.min(Math.max(state.cursor.reached + 1, 0), total);
			filled.style.width = total ? `${100 * begun / total}%` : "0";
			attribute(progress, "aria-valuemax", total);
			attribute(progress, "aria-valuenow", begun);
			say(tally, total ? `${count(begun)} of ${count(total)} begun` : "");
			const gradients = state.steps.some((step) => step.outputs.some((output) => output.gradient));
			element.classList.toggle("nf-withgrad", gradients);
			gradient2.hidden = !gradients;
			if (looked || moved) {
				const i = rowFor(rows, state.steps, focusOf(state));
				const inside = scroller.contains(activeIn(scroller));
				if (i !== null && !inside) active = rows[i].index;
				if (i !== null) reveal(i);
			}
			draw();
		},
		destroy: () => watch?.disconnect()
	};
}

// src/forward.js
var SLOW = 300;
var NOWHERE = {
	state: "ready",
	index: null,
	reached: -1,
	view: null,
	text: "",
	failure: null,
	breakpoints: [],
	hit: null,
	effect: null,
	edits: [],
	training: true,
	can: { restart: false, over: false, into: false, out: false, run: false, back: false, stop: false, replace: false, gradients: false, edit: false },
	notes: []
};
var INITIAL = {
	passed: null,
	live: { first: 0, steps: [] },
	cursor: NOWHERE,
	status: { state: "idle", text: "", stale: null },
	exhibit: null,
	looked: null,
	stood: null,
	steps: [],
	selected: null,
	output: 0,
	sample: null,
	first: 0,
	compare: "",
	other: 0,
	shared: true,
	channel: null,
	unit: null,
	receptive: null,
	input: null,
	region: null,
	pending: [],
	slow: false,
	failure: null
};
function derive(state, before) {
	const next = { ...state };
	const ended = (one) => ["finished", "failed"].includes(one.cursor.state);
	if (state.passed !== before.passed || state.live !== before.live || ended(state) !== ended(before)) next.steps = stepsOf(state.passed, state.live, state.cursor.state);
	const { cursor } = state;
	if (cursor.index !== before.cursor.index || cursor.reached !== before.cursor.reached || cursor.view !== before.cursor.view) {
		next.selected = null;
		next.stood = cursor.index ?? (cursor.view === null ? null : before.stood);
	}
	if (focusOf(next) !== focusOf(before)) Object.assign(next, { output: 0, first: 0, unit: null, receptive: null, channel: null, looked: null });
	const sought = state.pending.includes("look");
	if (state.exhibit !== before.exhibit && state.exhibit?.step === state.looked?.step && !sought) next.looked = null;
	const view = viewOf(next);
	if (view?.step === INPUT) next.input = view;
	if (view?.sample !== viewOf(before)?.sample) next.receptive = null;
	return next;
}
var REPEATED = new Set(["over", "into", "out", "back"]);
var MOST_QUEUED = 8;
function render({ model, el }) {
	const requests = createRequests(model);
	const store = createStore(INITIAL, derive);
	const queue = [];
	let asked = 0;
	let compared = "";
	let timer = 0;
	async function ask(method, params = {}) {
		if (method !== "look" && store.get().pending.includes(method)) {
			if (REPEATED.has(method) && queue.length < MOST_QUEUED) queue.push(method);
			return null;
		}
		store.set({ pending: [...store.get().pending, method], failure: null });
		const settle = () => {
			const rest = [...store.get().pending];
			rest.splice(rest.indexOf(method), 1);
			return rest;
		};
		try {
			const payload = await requests.ask(method, params);
			store.set({ pending: settle() });
			if (REPEATED.has(method)) repeat();
			return payload ?? {};
		} catch (error) {
			queue.length = 0;
			store.set({ pending: settle(), failure: error instanceof Error ? error.message : String(error) });
			return null;
		}
	}
	function repeat() {
		const next = (
			/** @type {import("./forward/types.js").Ability | undefined} */
			queue.shift()
		);
		if (next && store.get().cursor.can[next]) void ask(next);
		else queue.length = 0;
	}
	async function look(patch) {
		store.set(patch);
		const { output, first, compare, other } = store.get();
		const sample = store.get().sample ?? viewOf(store.get())?.sample ?? store.get().exhibit?.sample ?? 0;
		const index = focusOf(store.get());
		if (index === null) return;
		const turn = ++asked;
		const answer = await (index === FILTERS ? ask("filters") : ask("look", { index, output, sample, first, compare: compare || null, ...compare === "sample" ? { other } : {} }));
		if (turn !== asked) return;
		if (answer?.planes && focusOf(store.get()) === answer.step) {
			store.set({ looked: answer });
			compared = compare;
		} else if (answer === null) store.set({ compare: viewOf(store.get())?.compared ? compared : "" });
	}
	const select = (index) => void look({ selected: index === store.get().cursor.index ? null : index, output: 0, first: 0, ...index === INPUT ? { compare: "" } : {} });
	const actions = { ask, look: (patch) => void look(patch), select };
	const views = [createToolbar(store, actions), createStrip(store), createSource(actions), createTree(store, actions), createTensor(store, actions)];
	const [toolbar, strip, source, tree, tensor] = views.map((view) => view.element);
	const sheet = h("div", { class: "nb-sheet" }, toolbar, strip, h("div", { class: "nf-body" }, h("div", { class: "nf-left" }, source, tree), tensor));
	const root = h("div", { class: "nbinspect nb-forward", onkeydown: shortcut, onfocusin: keepKeys }, sheet);
	function shortcut(event) {
		const target = (
			/** @type {HTMLInputElement} */
			event.target
		);
		const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) && target.type !== "checkbox";
		const move = moveOf(event);
		if (!move || typing && !/^F\d/.test(event.key)) return;
		event.preventDefault();
		event.stopPropagation();
		const { cursor } = store.get();
		const reason = reasonAgainst(cursor, move);
		if (reason) store.set({ failure: `${move}: ${reason}` });
		else void ask(move);
	}
	const reads = createReads(model, store);
	let sought = "";
	function fetchBack() {
		const { cursor, pending } = store.get();
		const key = `${cursor.state} ${cursor.view} ${cursor.reached}`;
		if (cursor.view === null || key === sought || viewOf(store.get()) || pending.includes("look")) return;
		sought = key;
		void look({});
	}
	function follow() {
		const { exhibit, sample, first, output, compare, pending } = store.get();
		if (!exhibit || pending.includes("look") || exhibit !== viewOf(store.get())) return;
		const other = sample !== null && exhibit.samples > sample && exhibit.sample !== null && exhibit.sample !== sample;
		const page = exhibit.first !== first && first < exhibit.total;
		if (other || page || exhibit.output !== output || compare !== "" && exhibit.compared === "" && exhibit.step >= 0) void look({});
	}
	const traits = [
		reads("passed", (passed) => ({ passed: passed ?? null })),
		reads("live", (live) => ({ live: live ?? INITIAL.live })),
		reads("cursor", (cursor) => ({ cursor: cursor && Object.keys(cursor).length ? { ...NOWHERE, ...cursor } : NOWHERE })),
		reads("status", (status) => ({ status: { ...INITIAL.status, ...status } })),
		reads("exhibit", (exhibit) => ({ exhibit: exhibit ?? null }))
	];
	const picked = createPicked(model, ["sample"], ([sample]) => {
		if (sample === null || store.get().exhibit === null) store.set({ sample });
		else if (sample !== store.get().sample) void look({ sample });
	});
	el.append(root);
	const unfollow = followTheme(root, sheet);
	const stop = store.subscribe((state) => {
		const busy = state.pending.length > 0 || state.cursor.state === "running" || state.status.state === "busy";
		if (busy && !timer && !state.slow) timer = setTimeout(() => store.set({ slow: true }), SLOW);
		if (!busy) {
			clearTimeout(timer);
			timer = 0;
			if (state.slow) {
				store.set({ slow: false });
				return;
			}
		}
		for (const view of views) view.update(state);
	});
	store.set({ sample: picked.values()[0] });
	for (const { read } of traits) read();
	const followExhibit = () => queueMicrotask(() => (follow(), fetchBack()));
	model.on("change:exhibit", followExhibit);
	return () => {
		for (const { name, read } of traits) model.off(`change:${name}`, read);
		model.off("change:exhibit", followExhibit);
		picked.close();
		clearTimeout(timer);
		stop();
		unfollow();
		requests.close();
		for (const view of views) view.destroy?.();
		root.remove();
	};
}
var forward_default = { render };
export {
	forward_default as default,
	derive
};
