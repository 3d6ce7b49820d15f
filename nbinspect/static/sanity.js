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
	let number2 = 0;
	function receive(message, buffers) {
		const asked2 = open.get(message?.id);
		if (!asked2) return;
		open.delete(message.id);
		if (message.ok) asked2.resolve(unpack(message.payload, buffers));
		else asked2.reject(new Error(String(message.error)));
	}
	model.on("msg:custom", receive);
	function ended() {
		for (const asked2 of open.values()) asked2.reject(new Error(ENDED));
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

// src/forward/pass.js
var fileName = (file) => file.split(/[\\/]/).at(-1) || file;
var fileTitle = (file) => /[\\/]ipykernel_\d+[\\/]|^<ipython-input/.test(file) ? "notebook cell" : fileName(file);

// src/forward/figures.js
function duration(seconds) {
	if (!(seconds > 0)) return "0 s";
	if (seconds < 1e-3) return `${brief(seconds * 1e6)} µs`;
	return seconds < 1 ? `${brief(seconds * 1e3)} ms` : `${brief(seconds)} s`;
}

// src/sanity/swap.js
var SWAP = {
	name: "model-or-data",
	stage: "swap",
	question: "Which is at fault, the model or the data?",
	why: "A model that is known to work is trained on your data, and yours on data of the same shapes that are known to be learnable. What fails beside a partner that works is at fault.",
	remedy: "Mend what is at fault; the checks above say how.",
	silent: "data on which short runs show nothing: then it cannot be told",
	cost: 0,
	needs: ["loader", "loss"],
	thresholds: [],
	explains: [],
	sources: ["S-reference-data", "T-synthetic"]
};
var SWAPPED = { fail: "found", pass: "neither is at fault", inconclusive: "it cannot be told" };
var asked = (catalogue) => catalogue.length ? [...catalogue, SWAP] : [];
var resultOf = ({ results, swap }, name) => name === SWAP.name ? swap ?? void 0 : results.get(name ?? "");
var isSwapping = ({ progress, pending }) => progress?.check === SWAP.name || pending.includes("swap");

// src/sanity/words.js
var VERDICTS = {
	fail: ["✕", "failed", "bad"],
	error: ["!", "error", "bad"],
	warn: ["▲", "warning", "warn"],
	pass: ["●", "passed", "ok"],
	inconclusive: ["?", "inconclusive", null],
	waived: ["○", "waived", null],
	skip: ["–", "skipped", null]
};
var ANSWERS = new Set(["pass", "warn", "fail", "inconclusive", "waived"]);
function markOf(result, running) {
	if (running) return { mark: "◐", word: "running", tone: "busy" };
	if (!result) return { mark: "·", word: "not run yet", tone: null };
	const [mark2, word, tone] = VERDICTS[result.status];
	return { mark: mark2, word: result.check === SWAP.name && SWAPPED[result.status] || word, tone };
}
function doing({ name, stage, cost }, { done, total, steps }) {
	if (name === SWAP.name) return `training ${done + 1} of at most ${total}`;
	if (done >= total) return `tries the remedy, ${plural(steps, "step")}`;
	if (!steps) return "running …";
	return stage === "training" && cost >= steps ? `${steps} of at most ${cost} steps` : plural(steps, "training step");
}
function counts(results) {
	const all = [...results];
	const parts = Object.entries(VERDICTS).map(([status, [, word]]) => {
		const found2 = all.filter((result) => result.status === status).length;
		if (!found2) return "";
		return status === "error" || status === "warn" ? plural(found2, word) : `${found2} ${word}`;
	});
	return parts.filter(Boolean).join(" · ");
}
var headline = (result) => shorten(result.title || result.summary || result.check, 160);
var at = (result) => result.place ? `${fileTitle(result.place.file)}:${result.place.line}` : shorten(result.where, 80);
var isRunning = ({ progress, pending, status }) => progress !== null || pending.includes("run") || pending.includes("swap") || status.state === "busy" || status.state === "waiting";
var time = (seconds) => seconds < 1 ? duration(seconds) : `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
function standing(state) {
	const { catalogue, record, progress, status, results, stuck } = state;
	if (stuck) return "Cancel waits: use Interrupt kernel";
	const where = record ? [record.device, memory(record)] : [];
	if (progress && isSwapping(state)) return ["model or data?", doing(SWAP, progress), time(progress.seconds), ...where].filter(Boolean).join(" · ");
	if (progress) {
		const facts = catalogue.find((one) => one.name === progress.check);
		const trains = facts && progress.steps ? `${facts.name}: ${doing(facts, progress)}` : "";
		const left = progress.left === null ? "" : `${Math.max(1, Math.round(progress.left))} s left`;
		return [`${progress.done} of ${progress.total}`, trains, left, ...where].filter(Boolean).join(" · ");
	}
	if (status.state === "waiting") return status.text || "waits for the running cell to end";
	if (status.state === "busy") return `${status.text || "works"} …`;
	if (status.state === "closed") return "closed";
	if (!record) return `${plural(catalogue.length, "check")}, not run yet`;
	return [`${results.size} of ${plural(catalogue.length, "check")}`, time(record.seconds), plural(Number(brief(record.passes)), "pass", "passes"), record.steps ? plural(record.steps, "training step") : "", ...where].filter(Boolean).join(" · ");
}
function memory({ memory: used }) {
	return used ? `${(used[0] / 2 ** 30).toFixed(1)} of ${(used[1] / 2 ** 30).toFixed(0)} GiB` : "";
}
function taskLine(task) {
	if (!task) return "";
	const classes = task.classes ? ` of ${plural(task.classes, task.kind === "multilabel" ? "label" : "class", task.kind === "multilabel" ? "labels" : "classes")}` : "";
	return `task: ${task.kind}${classes}, ${task.given ? "as you said" : `inferred: ${shorten(task.why, 300)}`}`;
}
function diagnosisOf(state) {
	const { record, results, catalogue, plain } = state;
	const errors = [...results.values()].filter((result) => result.status === "error").map((result) => result.check);
	const first = record?.diagnosis.length ? results.get(record.diagnosis[0]) : void 0;
	if (record && first) {
		const causes = record.diagnosis.slice(1).filter((name) => !results.get(name)?.explained_by);
		const [mark2, , tone] = VERDICTS[first.status];
		return { tone, mark: mark2, title: headline(first), text: first.detail, first, more: [...causes, ...errors] };
	}
	const none = { first: null, more: errors };
	const cut = record?.cut ? `, but the run was cut short (${shorten(record.cut, 120)})` : "";
	const answered = [...results.values()].filter((result) => ANSWERS.has(result.status)).length;
	if (errors.length) return { ...none, tone: "bad", mark: "!", title: `${plural(errors.length, "check")} could not finish`, text: `No defect was found by ${plural(answered, "other check")}${cut}.` };
	const working = isRunning(state) && !(answered && isSwapping(state));
	if (answered && working) return { ...none, tone: null, mark: "◐", title: `No defect so far, by ${plural(answered, "check")}`, text: "" };
	if (answered) return { ...none, tone: cut ? null : "ok", mark: "●", title: `No defect was found by ${plural(answered, "check")}${cut}`, text: "" };
	if (working) return { ...none, tone: null, mark: "◐", title: workingTitle(state), text: "" };
	if (record) return { ...none, tone: null, mark: "–", title: `No check came to an answer${cut}`, text: "" };
	const asks = `${plural(catalogue.length, "check")} will ask what is listed below`;
	if (plain) return { ...none, tone: null, mark: "·", title: "Nothing has been run plain yet", text: `${asks}, of a copy without augmentation and regularisation, as far as these can be found. What was found as it is comes back when Plain is switched off.` };
	return { ...none, tone: null, mark: "·", title: "Nothing has been run yet", text: `${asks}. Model, optimizer and loader are left unchanged.` };
}
function workingTitle(state) {
	if (state.status.state === "waiting") return `The ${isSwapping(state) ? "swap waits" : "checks wait"} for the running cell to end`;
	return isSwapping(state) ? "Model and data are swapped for known ones" : "The first checks are running";
}

// src/sanity/plain.js
var PREFIX = "plain: ";
var LEFT = /^(no |augmentation stays on)/;
var BAD = new Set(["fail", "warn", "error"]);
var VERBS = { fail: "Fails", warn: "Warns", error: "Ends in an error" };
var otherRun = ({ plain }) => plain ? "run as it is" : "plain run";
function differing(state, name) {
	const own = state.results.get(name)?.status;
	const other = state.other[name];
	if (!own || !other || own === other || own === "skip" || other === "skip") return null;
	const [mark2, word] = VERDICTS[other];
	const there = `in the ${otherRun(state)}`;
	const text = BAD.has(own) === BAD.has(other) ? `Comes out another way ${there}: ${word}.` : onlyOn(own, other, state.plain, `${there}: ${word}`);
	return { chip: `${state.plain ? "as it is" : "plain"} ${mark2}`, text };
}
function onlyOn(own, other, plain, there) {
	const isHere = BAD.has(own);
	const side = isHere === plain ? "without augmentation and regularisation" : "with augmentation or regularisation";
	return `${VERBS[isHere ? own : other]} only ${side}; ${there}.`;
}
var allDiffering = (state) => [...state.results.keys()].filter((name) => differing(state, name));
function switchedOff(record) {
	if (!record?.plain) return "";
	const told = record.notes.filter((note) => note.startsWith(PREFIX)).map((note) => note.slice(PREFIX.length)).filter(Boolean);
	const [left, off] = [told.filter((one) => LEFT.test(one)), told.filter((one) => !LEFT.test(one))];
	return [off.length ? `switched off: ${off.join("; ")}` : "", ...left].filter(Boolean).join(" · ");
}
var otherNotes = (record) => (record?.notes ?? []).filter((note) => !record?.plain || !note.startsWith(PREFIX));

// src/sanity/prose.js
var PIECES = /(`[^`\n]{1,200}`)|(?<![\w.([,^−-])([−-]?\d+\.\d+(?:e[+−-]?\d+)?)(?!\w|\.\d)/g;
function prose(text, limit = 1200) {
	const shown = shorten(text, limit);
	const parts = [];
	let from = 0;
	for (const found2 of shown.matchAll(PIECES)) {
		parts.push(shown.slice(from, found2.index), found2[1] ? h("code", {}, found2[1].slice(1, -1)) : h("b", {}, found2[2]));
		from = found2.index + found2[0].length;
	}
	return [...parts, shown.slice(from)];
}
function links(names, select, stop = "") {
	const all = names.map((name) => button(name, () => select(name), { class: "nb-plain ns-link" }));
	return all.flatMap((link, i) => [h("span", { class: "ns-nowrap" }, link, i < all.length - 1 ? "," : stop), i < all.length - 1 ? " " : null]);
}

// src/sanity/diagnosis.js
function createDiagnosis(store, { select }) {
	const card = h("section", { class: "ns-card", "aria-label": "Diagnosis" });
	const text = h("span");
	const dismiss = button("✕", () => store.set({ failure: null }), { class: "nb-plain", "aria-label": "Dismiss this message" });
	const failure = h("div", { class: "nb-notice", "data-tone": "bad", role: "alert" }, icon("✕"), text, dismiss);
	const stale = h("div", { class: "nb-notice", "data-tone": "stale" }, icon("▲"), h("span"));
	const about = h("div", { class: "ns-about" });
	const element = h("div", { class: "ns-top" }, failure, stale, card, about);
	let written = "";
	let before = null;
	return {
		element,
		update(state) {
			if (!changed(before, state, ["catalogue", "record", "results", "other", "plain", "progress", "status", "pending", "failure"])) return;
			before = state;
			const { status } = state;
			const wrong = state.failure ?? (status.state === "error" ? status.text || "something went wrong in the kernel" : null);
			failure.hidden = wrong === null;
			dismiss.hidden = state.failure === null;
			say(text, shorten(wrong ?? "", 4e3));
			stale.hidden = !status.stale;
			say(
				/** @type {Element} */
				stale.lastChild,
				shorten(status.stale ?? "", 400)
			);
			const told = diagnosisOf(state);
			const key = JSON.stringify([told, state.record?.task, state.record?.notes, state.plain, state.other, isRunning(state)]);
			if (key === written) return;
			written = key;
			attribute(card, "data-tone", told.tone);
			fill(card, ...cardOf(told, select));
			fill(about, ...aboutOf(state, select));
		}
	};
}
var icon = (mark2) => h("span", { class: "nb-icon", "aria-hidden": true }, mark2);
function cardOf({ mark: mark2, title, text, first, more, tone }, select) {
	const place = first ? at(first) : "";
	const explains = first?.explains ?? [];
	const line = h(
		"p",
		{ class: "ns-cardline" },
		h("span", { class: "ns-mark", "aria-hidden": true, "data-tone": tone }, mark2),
		first ? button(title, () => select(first.check), { class: "nb-plain ns-cardtitle", "data-tone": tone, title: "show the evidence" }) : h("span", { class: "ns-cardtitle", "data-tone": tone }, title),
		place && h("span", { class: "ns-chip", title: first?.place ? tooltip(`${first.place.file}:${first.place.line}`) : null }, place),
		first?.confirmed && h("span", { class: "ns-soft", title: "the remedy was tried on a copy, and helped" }, "confirmed")
	);
	return [
		line,
		(text || explains.length > 0) && h("p", {}, ...prose(text), ...explains.length ? [` This explains ${plural(explains.length, "other finding")}: `, ...links(explains, select, ".")] : []),
		first?.remedy && h("p", {}, h("b", {}, "Remedy: "), ...prose(first.remedy, 600)),
		more.length > 0 && h("p", { class: "ns-soft" }, first ? `${plural(more.length, "more finding")}: ` : "", ...links(more, select))
	];
}
function aboutOf(state, select) {
	const { record, results } = state;
	const notes = [...otherNotes(record), ...record?.cut && record.diagnosis.length ? [`The run was cut short: ${record.cut}.`] : []];
	const task = taskLine(record?.task);
	const list = notes.map((note) => h("li", {}, ...prose(note, 1e3)));
	const off = switchedOff(record);
	const differ = allDiffering(state);
	return [
		record?.plain && h("p", { class: "ns-plainline" }, h("b", {}, "Plain run"), off && " · ", ...prose(off, 600)),
		differ.length > 0 && h("p", { class: "ns-plainline" }, `${plural(differ.length, "result differs", "results differ")} from the ${otherRun(state)}: `, ...links(differ, select)),
		results.size > 0 && h("p", { class: "ns-tally" }, counts(results.values())),
		task && h("p", { class: "ns-soft", title: tooltip(task) }, task),
		notes.length === 1 && h("p", { class: "ns-soft" }, ...prose(notes[0], 1e3)),
		notes.length > 1 && h("details", { class: "ns-soft" }, h("summary", {}, plural(notes.length, "note")), h("ul", {}, ...list))
	];
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

// src/sanity/axis.js
var REACH = 20;
function domainOf(values, expected, log, zero = false) {
	const own = [...values].filter((value) => Number.isFinite(value) && (!log || value > 0));
	const only = log && own.length === 0;
	let low = own.length ? Math.min(...own) : 0;
	let high = own.length ? Math.max(...own) : 1;
	if (only) return { low: 0.1, high: 1, log };
	const span = log ? Math.log10(high / low) || 1 : high - Math.min(low, zero ? 0 : low) || Math.abs(high) || 1;
	for (const bound of expected) {
		if (bound === null || log && bound <= 0) continue;
		const far = log ? Math.max(Math.log10(low / bound), Math.log10(bound / high)) > 8 : Math.max(low - bound, bound - high) > REACH * span;
		if (!far) [low, high] = [Math.min(low, bound), Math.max(high, bound)];
	}
	if (log) return low === high ? { low: low / 3, high: high * 3, log } : { low: low / 1.5, high: high * 1.05, log };
	if (zero || low >= 0 && low < 0.4 * high) low = Math.min(low, 0);
	if (zero) high = Math.max(high, 0);
	if (low === high) [low, high] = [low - (Math.abs(low) || 1) * 0.1, high + (Math.abs(high) || 1) * 0.1];
	const room = (high - low) * 0.04;
	return { low: low === 0 ? 0 : low - room, high: high === 0 ? 0 : high + room, log };
}
function placeIn({ low, high, log }, from, to) {
	const bend = log ? Math.log10 : (value) => value;
	const [a, b] = [bend(low), bend(high)];
	return (value) => {
		const share2 = log && value <= 0 ? 0 : (bend(value) - a) / (b - a || 1);
		return from + Math.min(Math.max(share2, 0), 1) * (to - from);
	};
}
function ticksOf({ low, high, log }, wanted) {
	if (log && high / low >= 10) {
		const [from, to] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
		const every = Math.max(1, Math.ceil((to - from + 1) / wanted));
		return Array.from({ length: Math.max(0, Math.floor((to - from) / every) + 1) }, (_, i) => 10 ** (from + i * every));
	}
	const rough = (high - low) / Math.max(wanted, 1);
	const power = 10 ** Math.floor(Math.log10(rough || 1));
	const step = ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10) * power;
	const first = Math.ceil(low / step - 1e-9);
	const last = Math.floor(high / step + 1e-9);
	return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * step);
}
var tickText = (value) => brief(value).replace(".0e", "e");
function bandText([low, high]) {
	if (low !== null && high !== null) return `${brief(low)} to ${brief(high)}`;
	if (high !== null) return `up to ${brief(high)}`;
	return low === null ? "" : `from ${brief(low)}`;
}
function bandIn([low, high], domain) {
	if (low === null && high === null) return null;
	const from = Math.max(low ?? domain.low, domain.low);
	const to = Math.min(high ?? domain.high, domain.high);
	return from <= to ? [from, to] : null;
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
var label = (x, y, text, anchor = "start", kind = "") => s("text", { x, y, "text-anchor": anchor, class: `ns-label ${kind}` }, text);
var CHARACTER = 7;
function axisLabel(x, y, text, room, anchor = "start") {
	const shown = shorten(text, Math.max(8, Math.min(90, Math.floor(room / CHARACTER))));
	const element = label(x, y, shown, anchor);
	if (shown !== text) element.append(s("title", {}, shorten(text, 500)));
	return element;
}

// src/sanity/bars.js
var ROW = 19;
var MOST = 60;
function drawBars(chart, width, read) {
	const values = Array.from(chart.values[0]?.data ?? []).slice(0, MOST);
	const names = chart.names.slice(0, MOST).map((name) => shorten(name, 34));
	const rest = chart.names.length - names.length;
	const axis = domainOf(values, chart.expected, chart.log, !chart.log);
	const left = Math.min(14 + 7.3 * Math.max(4, ...names.map((name) => name.length)), width * 0.45);
	const right = width - 64;
	const bottom = 8 + ROW * values.length;
	const height = bottom + (rest ? 52 : 36);
	const across = placeIn(axis, left, right);
	const band = bandIn(chart.expected, axis);
	const base = across(axis.log ? axis.low : 0);
	return s(
		"svg",
		{ width, height, viewBox: `0 0 ${width} ${height}` },
		band && s("rect", { x: across(band[0]), width: Math.max(across(band[1]) - across(band[0]), 1), y: 4, height: bottom - 4, class: "ns-band" }),
		...ticksOf(axis, Math.max(2, Math.floor((right - left) / 90))).flatMap((tick) => [s("line", { x1: across(tick), x2: across(tick), y1: 4, y2: bottom, class: "ns-rule" }), label(across(tick), bottom + 15, tickText(tick), "middle")]),
		...values.map((value, i) => bar(value, names[i] ?? "", 8 + ROW * i, { left, base, end: Number.isFinite(value) ? across(value) : base, outside: isOutside(value, chart.expected) })),
		axisLabel(right, bottom + 31, chart.y || chart.x, right, "end"),
		rest > 0 && label(left, bottom + 47, `and ${rest} more`),
		over(chart, values, width, height, read)
	);
}
var isOutside = (value, [low, high]) => !Number.isFinite(value) || low !== null && value < low || high !== null && value > high;
function bar(value, name, y, { left, base, end, outside }) {
	return s(
		"g",
		{},
		label(left - 8, y + 13, name, "end", "ns-namelabel"),
		s("rect", { x: Math.min(base, end), y: y + 3, width: Math.max(Math.abs(end - base), 1), height: ROW - 6, class: outside ? "ns-bar ns-outside" : "ns-bar" }),
		// A value outside is marked too, for those who do not see the colour.
		label(Math.max(base, end) + 6, y + 13, `${brief(value)}${outside ? " ✕" : ""}`, "start", outside ? "ns-bad" : "")
	);
}
function over(chart, values, width, height, read) {
	const area = s("rect", { width, height, class: "ns-clear" });
	area.addEventListener("pointermove", (event) => {
		const i = Math.floor(
			/** @type {PointerEvent} */
			(event.offsetY - 8) / ROW
		);
		read(i in values ? `${shorten(chart.names[i] ?? "", 120)}: ${brief(values[i])}` : "");
	});
	area.addEventListener("pointerleave", () => read(""));
	return area;
}

// src/sanity/counted.js
var HEIGHT = 150;
var DASHES = ["", "7 4", "2 3", "9 3 2 3"];
function drawHistogram(chart, width, read) {
	const edges = Array.from(chart.at.data);
	const rows = chart.values.map((row) => Array.from(row.data));
	const x = domainOf(edges, chart.expected, false);
	const y = domainOf(rows.flat(), [null, null], chart.log, !chart.log);
	const ticks = ticksOf(y, 3);
	const left = 14 + 7 * Math.max(1, ...ticks.map((tick) => tickText(tick).length));
	const [top, bottom] = [20, HEIGHT - 36];
	const across = placeIn(x, left, width - 12);
	const down = placeIn(y, bottom, top);
	const band = bandIn(chart.expected, x);
	const svg = s(
		"svg",
		{ width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` },
		band && s("rect", { x: across(band[0]), width: Math.max(across(band[1]) - across(band[0]), 1), y: top, height: bottom - top, class: "ns-band" }),
		...ticks.flatMap((tick) => [s("line", { x1: left, x2: width - 12, y1: down(tick), y2: down(tick), class: "ns-rule" }), label(left - 6, down(tick) + 4, tickText(tick), "end")]),
		...ticksOf(x, Math.max(2, Math.floor(width / 110))).map((tick) => label(across(tick), bottom + 15, tickText(tick), "middle")),
		axisLabel(left, 12, chart.y, width - 12 - left),
		axisLabel(width - 12, HEIGHT - 4, chart.x, width - 12 - left, "end"),
		...rows.map((row, i) => i === 0 ? filled(row, edges, across, down, bottom) : outline(row, edges, across, down, bottom, i))
	);
	svg.addEventListener("pointermove", (event) => {
		const place = (
			/** @type {PointerEvent} */
			event.offsetX
		);
		const bin = edges.findIndex((edge, i) => i + 1 < edges.length && across(edge) <= place && place < across(edges[i + 1]));
		read(bin < 0 ? "" : `${brief(edges[bin])} to ${brief(edges[bin + 1])}: ${rows.map((row, i) => `${shorten(chart.names[i] ?? "", 40)} ${brief(row[bin])}`.trim()).join(", ")}`);
	});
	svg.addEventListener("pointerleave", () => read(""));
	return svg;
}
function filled(row, edges, across, down, bottom) {
	const bars = row.map((count2, i) => count2 > 0 ? s("rect", { x: across(edges[i]), width: Math.max(across(edges[i + 1]) - across(edges[i]) - 0.5, 0.5), y: down(count2), height: Math.max(bottom - down(count2), 1) }) : null);
	return s("g", { class: "ns-bar" }, ...bars);
}
function outline(row, edges, across, down, bottom, number2) {
	const steps = row.map((count2, i) => `H${across(edges[i]).toFixed(1)}V${(count2 > 0 ? down(count2) : bottom).toFixed(1)}H${across(edges[i + 1]).toFixed(1)}`);
	return s("path", { d: `M${across(edges[0]).toFixed(1)} ${bottom}${steps.join("")}V${bottom}`, class: `ns-curve ns-series${number2 % 4}`, "stroke-dasharray": DASHES[number2 % 4] || null });
}

// src/sanity/lines.js
var DASHES2 = ["", "7 4", "2 3", "9 3 2 3"];
var HEIGHT2 = 190;
var POWERS = /^log10 of (?:the )?/;
var MARKS = new Set(["rate in use", "suggested"]);
var EXPLODED = 8;
var SHOWN = 2;
function drawLines(chart, width, read) {
	const at2 = Array.from(chart.at.data);
	const rows = chart.values.map((row) => Array.from(row.data));
	const isMark = chart.names.map((name) => MARKS.has(name));
	const x = domainOf(at2, [null, null], false);
	[x.low, x.high] = at2.length > 1 ? [Math.min(...at2), Math.max(...at2)] : [x.low, x.high];
	const edge = edgeOf(chart, rows.filter((_, i) => !isMark[i]));
	const y = domainOf(rows.filter((_, i) => !isMark[i]).flat().map((value) => Math.min(value, edge)), chart.expected, chart.log);
	const ticks = ticksOf(y, 4);
	const left = 14 + 7 * Math.max(1, ...ticks.map((tick) => tickText(tick).length));
	const right = width - 16;
	const [top, bottom] = [20, HEIGHT2 - 36];
	const across = placeIn(x, left, right);
	const down = placeIn(y, bottom, top);
	const band = bandIn(chart.expected, y);
	const cursor = s("line", { y1: top, y2: bottom, class: "ns-cursor", visibility: "hidden" });
	const svg = s(
		"svg",
		{ width, height: HEIGHT2, viewBox: `0 0 ${width} ${HEIGHT2}` },
		band && s("rect", { x: left, width: right - left, y: down(band[1]), height: Math.max(down(band[0]) - down(band[1]), 1), class: "ns-band" }),
		...ticks.flatMap((tick) => [s("line", { x1: left, x2: right, y1: down(tick), y2: down(tick), class: "ns-rule" }), label(left - 6, down(tick) + 4, tickText(tick), "end")]),
		...ticksOf(x, Math.max(2, Math.floor(width / 110))).map((tick) => label(across(tick), bottom + 15, placeText(chart, tick), "middle")),
		axisLabel(left, 12, edge < Infinity ? `${chart.y}; above ${brief(edge)} it lies on the edge` : chart.y, right - left),
		axisLabel(right, HEIGHT2 - 4, chart.x.replace(POWERS, ""), right - left, "end"),
		...rows.flatMap((row, i) => isMark[i] ? mark(row, at2, across, [top, bottom], i) : curve(row, at2, across, down, chart.log, i)),
		cursor
	);
	svg.addEventListener("pointermove", (event) => {
		const place = (
			/** @type {PointerEvent} */
			event.offsetX
		);
		const nearest = at2.reduce((best, value, i) => Math.abs(across(value) - place) < Math.abs(across(at2[best]) - place) ? i : best, 0);
		if (!at2.length) return;
		cursor.setAttribute("visibility", "visible");
		for (const end of ["x1", "x2"]) cursor.setAttribute(end, String(across(at2[nearest])));
		const values = rows.map((row, i) => isMark[i] || Number.isNaN(row[nearest]) ? "" : `${shorten(chart.names[i] ?? "", 40)} ${brief(row[nearest])}`.trim());
		read(`${shorten(chart.x.replace(POWERS, ""), 40)} ${placeText(chart, at2[nearest])}: ${values.filter(Boolean).join(", ")}`);
	});
	svg.addEventListener("pointerleave", () => {
		cursor.setAttribute("visibility", "hidden");
		read("");
	});
	return svg;
}
function edgeOf({ y, log }, rows) {
	const first = Math.max(...rows.map((row) => row.find(Number.isFinite) ?? -Infinity));
	const most = Math.max(...rows.flat().filter(Number.isFinite));
	return y.startsWith("loss") && !log && first > 0 && most > EXPLODED * first ? SHOWN * first : Infinity;
}
var placeText = ({ x }, value) => tickText(POWERS.test(x) ? 10 ** value : value);
function curve(row, at2, across, down, log, number2) {
	const runs = [[]];
	row.forEach((value, i) => {
		if (Number.isFinite(value) && (!log || value > 0)) runs[runs.length - 1].push(`${across(at2[i]).toFixed(1)},${down(value).toFixed(1)}`);
		else runs.push([]);
	});
	return runs.filter((run) => run.length).map((run) => run.length === 1 ? s("circle", { cx: run[0].split(",")[0], cy: run[0].split(",")[1], r: 2.5, class: `ns-dot ns-series${number2 % 4}` }) : s("polyline", { points: run.join(" "), class: `ns-curve ns-series${number2 % 4}`, "stroke-dasharray": dashOf(number2) }));
}
function mark(row, at2, across, [top, bottom], number2) {
	const place = row.findLastIndex(Number.isFinite);
	if (place < 0) return [];
	const x = across(at2[place]);
	return [s("line", { x1: x, x2: x, y1: top, y2: bottom, class: `ns-curve ns-series${number2 % 4}`, "stroke-dasharray": dashOf(number2) })];
}
var dashOf = (number2) => DASHES2[(number2 + Math.floor(number2 / 4)) % 4] || null;
var sample = (number2) => s("svg", { width: 26, height: 8, "aria-hidden": true }, s("line", { x1: 0, x2: 26, y1: 4, y2: 4, class: `ns-curve ns-series${number2 % 4}`, "stroke-dasharray": dashOf(number2) }));

// src/colour.js
var DIVERGING = [[14, 52, 132], [72, 130, 200], [176, 206, 232], [248, 248, 246], [246, 196, 148], [216, 116, 44], [126, 44, 6]];
var SEQUENTIAL = [[6, 18, 54], [22, 62, 108], [44, 108, 128], [98, 150, 122], [178, 190, 104], [252, 230, 98]];
var MARKS2 = [[255, 0, 200], [255, 120, 230], [150, 0, 120]];
function between(stops, at2) {
	const place = Math.min(Math.max(at2, 0), 1) * (stops.length - 1);
	const first = Math.min(Math.floor(place), stops.length - 2);
	const rest = place - first;
	return (
		/** @type {Rgb} */
		stops[first].map((from, i) => Math.round(from + (stops[first + 1][i] - from) * rest))
	);
}
function colourScale(low, high) {
	const diverging = low < 0 && high > 0;
	const reach = Math.max(Math.abs(low), Math.abs(high));
	const [from, to] = diverging ? [-reach, reach] : [low, high];
	const stops = diverging ? DIVERGING : SEQUENTIAL;
	const width = to - from || 1;
	return { diverging, from, to, colour: (value) => between(stops, (value - from) / width) };
}
var css = ([r, g, b], alpha = 1) => `rgb(${r} ${g} ${b} / ${alpha})`;

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
		const named2 = ["--jp-layout-color1", "--vscode-editor-background"].some((name) => style.getPropertyValue(name).trim());
		const painted = named2 ? getComputedStyle(sheet).backgroundColor : paintedAround(root);
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

// src/sanity/matrix.js
var MOST2 = 64;
var ROOM = 38;
function drawMatrix(chart, width, read) {
	const rows = chart.values.slice(0, MOST2).map((row) => Array.from(row.data).slice(0, MOST2));
	const columns = Math.max(1, ...rows.map((row) => row.length));
	const names = rows.map((_, i) => shorten(chart.names[i] ?? String(i), 22));
	const left = Math.min(12 + 7.3 * Math.max(1, ...names.map((name) => name.length)), width * 0.4);
	const cell = Math.min(Math.max((width - left - 12) / columns, 3), 44, Math.max(340 / Math.max(rows.length, 1), 8));
	const tall = Math.min(cell, 30);
	const finite = rows.flat().filter(Number.isFinite);
	const scale = colourScale(Math.min(0, ...finite), Math.max(0, ...finite));
	const every = Math.max(1, Math.ceil(22 / cell));
	const down = Math.max(1, Math.ceil(13 / tall));
	const top = 52;
	const height = top + tall * rows.length + 30;
	const cut = chart.values.length > MOST2 || (chart.values[0]?.data.length ?? 0) > MOST2;
	const svg = s(
		"svg",
		{ width, height, viewBox: `0 0 ${width} ${height}` },
		axisLabel(left, 12, `→ ${chart.x}`, width - left),
		axisLabel(left, 28, `↓ ${chart.y}`, width - left),
		...Array.from({ length: columns }, (_, c) => c % every ? null : label(left + cell * (c + 0.5), top - 6, String(c), "middle")),
		...names.map((name, r) => r % down ? null : label(left - 6, top + tall * (r + 0.5) + 4, name, "end")),
		...rows.flatMap((row, r) => row.flatMap((value, c) => drawCell(value, left + cell * c, top + tall * r, cell, tall, scale))),
		label(left, height - 8, `${brief(scale.from)} dark … ${brief(scale.to)} light${cut ? `; the first ${MOST2} are shown` : ""}`.replace(scale.diverging ? / dark … (.*) light/ : /$^/, " blue … $1 orange"))
	);
	svg.addEventListener("pointermove", (event) => {
		const { offsetX, offsetY } = (
			/** @type {PointerEvent} */
			event
		);
		const [c, r] = [Math.floor((offsetX - left) / cell), Math.floor((offsetY - top) / tall)];
		const value = rows[r]?.[c];
		read(value === void 0 ? "" : `row ${names[r]}, column ${c}: ${brief(value)}`);
	});
	svg.addEventListener("pointerleave", () => read(""));
	return svg;
}
function drawCell(value, x, y, wide, tall, scale) {
	const colour = css(Number.isFinite(value) ? scale.colour(value) : MARKS2[0]);
	const gap = wide > 10 ? 1 : 0;
	const number2 = wide >= ROOM && tall >= 16 && label(x + wide / 2, y + tall / 2 + 4, brief(value), "middle", isDark(colour) ? "ns-ondark" : "ns-onlight");
	return [s("rect", { x, y, width: wide - gap, height: tall - gap, style: `fill: ${colour}` }), number2];
}

// src/sanity/chart.js
var AS_IT_IS = "as it is";
var DRAW = { lines: drawLines, bars: drawBars, histogram: drawHistogram, matrix: drawMatrix };
function chartElement(chart, width) {
	const readout = h("p", { class: "ns-readout", "aria-hidden": true });
	const svg = DRAW[chart.kind](chart, Math.max(width, 240), (text) => say(readout, text));
	svg.setAttribute("role", "img");
	svg.setAttribute("aria-label", described(chart));
	return h("figure", { class: `ns-chart ${chart.names[0] === AS_IT_IS ? "ns-proof" : ""}` }, h("figcaption", {}, h("b", {}, shorten(chart.title, 120)), ...legend(chart)), svg, readout);
}
function legend({ kind, names, expected }) {
	const several = kind === "lines" ? names.length > 0 : kind === "histogram" && names.length > 1;
	const series = several ? names.map((name, i) => keyOf(kind === "histogram" && i === 0, i, name)) : [];
	const band = bandText(expected);
	return [...series, band && h("span", { class: "ns-key" }, h("span", { class: "ns-swatch ns-bandswatch" }), `expected ${band}`)];
}
var keyOf = (filled2, i, name) => h("span", { class: `ns-key ${filled2 ? "" : `ns-series${i % 4}`}` }, filled2 ? h("span", { class: "ns-swatch ns-filledswatch" }) : sample(i), shorten(name, 60));
function described(chart) {
	const band = bandText(chart.expected);
	const what = { lines: "curves", bars: "bars", histogram: "histogram", matrix: "matrix" }[chart.kind];
	return shorten(`${chart.title}: ${what} of ${chart.y || "values"} by ${chart.x || "name"}; ${chart.names.slice(0, 12).join(", ")}${band ? `; expected ${band}` : ""}`, 600);
}

// src/sanity/remedy.js
var SAID = 2e3;
function remedyElement(remedy, code) {
	if (!remedy && !code) return null;
	return h("div", { class: "ns-remedy" }, h("p", { class: "ns-heading" }, "Remedy"), remedy && h("p", {}, ...prose(remedy, 800)), code && codeElement(shorten(code, 6e3)));
}
function codeElement(code) {
	const copy = button("Copy", () => void copied(codeToCopy(code)), { class: "ns-copy", title: "copy the code as it is to be" });
	async function copied(text) {
		const done = await toClipboard(text, copy);
		say(copy, done ? "Copied" : "Select it by hand");
		setTimeout(() => say(copy, "Copy"), SAID);
	}
	const lines = code.replace(/\s+$/, "").split("\n").map((line) => {
		const kind = /^[-−](\s|$)/.test(line) ? "gone" : /^\+(\s|$)/.test(line) ? "come" : null;
		return h("span", { class: "ns-codeline", "data-kind": kind }, kind === "gone" && h("span", { class: "nb-unseen" }, "remove: "), kind === "come" && h("span", { class: "nb-unseen" }, "add: "), `${line}
`);
	});
	return h("div", { class: "ns-code" }, copy, h("pre", { tabindex: 0, "aria-label": "Code" }, ...lines));
}
function codeToCopy(code) {
	const lines = code.replace(/\s+$/, "").split("\n").filter((line) => !/^[-−](\s|$)/.test(line));
	return lines.map((line) => line.replace(/^\+ ?/, "")).join("\n");
}
async function toClipboard(text, beside) {
	try {
		await navigator.clipboard.writeText(text);
		return true;
	} catch {
		const area = h("textarea", { class: "nb-unseen", "aria-hidden": true });
		area.value = text;
		beside.after(area);
		area.select();
		const done = document.execCommand?.("copy") ?? false;
		area.remove();
		return done;
	}
}

// src/sanity/evidence.js
function createEvidence(store, { select, run }) {
	const again = button("Run", () => run([String(store.get().selected)]), { class: "ns-small" });
	const head = h("div", { class: "ns-evidencehead" });
	const body = h("div", { class: "ns-evidencebody" });
	const toggle = button("why this check", () => store.set({ why: !store.get().why }), { class: "nb-plain" });
	const why = h("div", { class: "ns-why" });
	const foot = h("div", { class: "ns-foot" });
	const element = h("section", { class: "ns-evidence", "aria-label": "Evidence", tabindex: -1 }, head, body, foot, why);
	const pictures = h("div", { class: "ns-charts" });
	let before = null;
	let drawn = 0;
	const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => {
		if (before && Math.abs(width() - drawn) > 8) draw(before);
	});
	watch?.observe(element);
	const width = () => Math.min((body.clientWidth || 640) - 2, 760);
	function draw(state) {
		drawn = width();
		const charts = resultOf(state, state.selected)?.charts ?? [];
		fill(pictures, ...charts.map((chart) => chartElement(chart, drawn)));
	}
	function write(state, facts) {
		const result = resultOf(state, facts.name);
		const other = differing(state, facts.name);
		fill(body, h("p", { class: "ns-question" }, facts.question), other && h("p", { class: "ns-otherwise" }, h("span", { "aria-hidden": true }, "≠ "), other.text), ...result ? found(result, pictures, select) : []);
		draw(state);
		fill(foot, h("span", {}, facts.sources.join(" · ")), result && facts.sources.length > 0 && " · ", toggle, h("span", { class: "ns-cost" }, result ? costOf(result) : mostOf(facts)));
		fill(why, ...reasons(facts));
	}
	function writeHead(state, facts) {
		const result = resultOf(state, facts.name);
		const { mark: mark2, word, tone } = markOf(result, state.progress?.check === facts.name);
		const place = result ? at(result) : "";
		fill(
			head,
			h("span", { class: "ns-mark", "aria-hidden": true, "data-tone": tone }, mark2),
			h("h3", { class: "ns-check" }, facts.name),
			h("span", { class: "ns-soft" }, result?.confirmed ? `${word}, confirmed` : word),
			place && h("span", { class: "ns-chip", title: result?.place ? tooltip(`${result.place.file}:${result.place.line}`) : null }, place),
			again
		);
	}
	return {
		element,
		update(state) {
			const facts = asked(state.catalogue).find((one) => one.name === state.selected);
			const result = resultOf(state, state.selected);
			element.classList.toggle("ns-empty", !facts);
			if (!facts) return;
			const other = before === null || before.selected !== state.selected || before.catalogue !== state.catalogue || before.other !== state.other || before.plain !== state.plain || resultOf(before, before.selected) !== result;
			if (other || changed(before, state, ["progress"])) {
				const focused = head.contains(
					/** @type {Document | ShadowRoot} */
					element.getRootNode().activeElement
				);
				if (other || before?.progress?.check !== state.progress?.check) writeHead(state, facts);
				if (focused) again.focus();
			}
			if (other) write(state, facts);
			if (before?.selected !== state.selected) element.scrollTop = 0;
			again.textContent = result ? "Run again" : "Run";
			enable(again, { reason: state.status.state === "closed" ? "this view is closed" : isRunning(state) ? "checks are running" : "", title: `run ${facts.name} alone` });
			why.hidden = !state.why && result !== void 0;
			toggle.hidden = result === void 0;
			attribute(toggle, "aria-expanded", String(state.why));
			before = state;
		},
		focus: () => element.focus(),
		destroy: () => watch?.disconnect()
	};
}
function costOf({ passes, steps, seconds }) {
	const ran = [passes ? plural(Number(brief(passes)), "pass", "passes") : "", steps ? plural(steps, "training step") : ""].filter(Boolean);
	return [...ran.length ? ran : ["no pass of its own"], seconds ? duration(seconds) : ""].filter(Boolean).join(", ");
}
function mostOf({ stage, cost }) {
	if (stage === "swap") return "at most eight short trainings of copies";
	if (stage === "training") return cost ? `at most ${plural(cost, "training step")} on a copy` : "no training step beyond the shared ones";
	return `${cost ? `at most ${plural(cost, "pass", "passes")}` : "no pass"} beyond the shared ones`;
}
function found(result, pictures, select) {
	const finding = result.status === "fail" || result.status === "warn" || result.status === "waived";
	const said = result.status === "error" ? [h("pre", { class: "ns-error" }, shorten(result.detail || result.summary, 8e3))] : [h("p", { class: "ns-finding", "data-tone": finding ? markOf(result, false).tone : null }, ...finding ? [headline(result)] : prose(result.summary, 400)), result.detail && h("p", {}, ...prose(result.detail))];
	return [
		...said,
		result.explained_by && h("p", { class: "ns-soft" }, "This follows from ", ...links([result.explained_by], select, ".")),
		result.explains.length > 0 && h("p", { class: "ns-soft" }, `This explains ${plural(result.explains.length, "other finding")}: `, ...links(result.explains, select, ".")),
		measurementsTable(result.measurements),
		pictures,
		remedyElement(result.remedy, result.code)
	];
}
function measurementsTable(measurements) {
	if (!measurements.length) return null;
	const head = h("tr", {}, ...["quantity", "measured", "expected"].map((name) => h("th", { scope: "col" }, name)));
	const rows = measurements.map((one) => h("tr", {}, h("th", { scope: "row" }, shorten(one.quantity, 200)), h("td", {}, shorten(one.measured, 200)), h("td", {}, shorten(one.expected, 200))));
	return h("table", { class: "ns-table" }, h("caption", { class: "nb-unseen" }, "What was measured"), h("thead", {}, head), h("tbody", {}, ...rows));
}
function reasons(facts) {
	const thresholds = facts.thresholds.map(([name, value]) => h("code", {}, `${name}=${value}`)).flatMap((code, i) => i ? [", ", code] : [code]);
	const pairs = [
		["why", prose(facts.why)],
		["remedy", prose(facts.remedy)],
		["silent on", prose(facts.silent)],
		["needs", [facts.needs.join(", ")]],
		["thresholds", thresholds],
		["explains", [facts.explains.join(", ")]]
	];
	const list = h("dl", {});
	for (const [name, value] of pairs) if (value.some((part) => part instanceof Node || part)) list.append(h("dt", {}, name), h("dd", {}, ...value.map((part) => part instanceof Node ? part : h("span", {}, part))));
	return [list];
}

// src/sanity/landing.js
var ORDER = Object.keys(VERDICTS);
var isGoing = ({ progress, status }) => progress !== null || status.state === "busy";
function landing(now, before) {
	const [going, went] = [isGoing(now), isGoing(before)];
	const ran = ranOf(now, before, going && !went);
	const earlier = going && !went ? now.chosen : before.earlier;
	const known = asked(now.catalogue).some(({ name }) => name === now.chosen);
	const over2 = went && !going && ran.length > 0 && now.chosen === earlier && now.chosen !== SWAP.name && !ran.includes(now.chosen ?? "");
	const chosen = over2 ? null : now.chosen;
	const first = now.record?.diagnosis[0] ?? "";
	const stays = going && now.results.has(before.selected ?? "");
	const found2 = ran.includes(first) ? first : stays ? before.selected : worstOf(now, ran);
	return { ran, earlier, chosen, selected: (known ? chosen : null) ?? found2 ?? before.selected ?? now.catalogue[0]?.name ?? null };
}
function ranOf(now, before, began) {
	if (!began && now.results === before.results) return before.ran;
	const fresh = [...now.results.values()].filter((result) => before.results.get(result.check) !== result);
	const names = [...began ? [] : before.ran, ...fresh.map((result) => result.check)];
	return [...new Set(names)].filter((name) => now.results.has(name));
}
function worstOf({ results }, ran) {
	const rank = (name) => ORDER.indexOf(results.get(name)?.status ?? "skip");
	return ran.length ? ran.reduce((worst, name) => rank(name) < rank(worst) ? name : worst) : null;
}

// src/sanity/menu.js
function createMenu(text, name, attributes = {}) {
	const opener = button(`${text} ▾`, () => open(menu.hidden !== false), { "aria-haspopup": "menu", "aria-expanded": "false" });
	const menu = h("div", { role: "menu", "aria-label": name, ...attributes, class: `ns-menu ${attributes.class ?? ""}`, hidden: true });
	const element = h("span", { class: "ns-popover" }, opener, menu);
	const outside = (event) => {
		if (!menu.hidden && !event.composedPath().includes(element)) open(false);
	};
	document.addEventListener("pointerdown", outside);
	menu.addEventListener("keydown", moved);
	opener.addEventListener("keydown", (event) => {
		if (event.key !== "ArrowDown" || opener.getAttribute("aria-disabled") === "true") return;
		event.preventDefault();
		open(true);
	});
	let written = "";
	function open(shown) {
		menu.hidden = !shown;
		attribute(opener, "aria-expanded", String(shown));
		if (shown) items()[0]?.focus();
	}
	const items = () => (
		/** @type {HTMLElement[]} */
		[...menu.children]
	);
	function moved(event) {
		const all = items();
		const now = all.indexOf(
			/** @type {HTMLElement} */
			activeIn(menu)
		);
		const next = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: -1 }[event.key];
		if (next !== void 0) all.at(next % all.length)?.focus();
		else if (event.key === "Escape") {
			open(false);
			opener.focus();
		} else if (event.key === "Tab") {
			open(false);
			return;
		} else return;
		event.preventDefault();
		event.stopPropagation();
	}
	return {
		element,
		/** @param {Item[]} wanted @param {{ reason?: string, title?: string }} now */
		show(wanted, now) {
			enable(opener, now);
			if (now.reason && !menu.hidden) open(false);
			const key = JSON.stringify(wanted);
			if (key === written) return;
			written = key;
			fill(menu, ...wanted.map(({ text: own, hint = "", act }) => h("button", { type: "button", role: "menuitem", tabindex: -1, onclick: () => (open(false), opener.focus(), act()) }, h("span", {}, own), hint && h("span", { class: "ns-soft" }, hint))));
		},
		/** @param {string} now */
		name: (now) => say(opener, now),
		destroy: () => document.removeEventListener("pointerdown", outside)
	};
}

// src/sanity/toolbar.js
var FORMS = [
	["html", "HTML page", "to read and to send; needs no script"],
	["json", "JSON", "every number, for programs"],
	["junit", "JUnit XML", "for CI servers"],
	["text", "Plain text", "for a terminal or a message"]
];
function createToolbar({ run, plain: turn, cancel, save }) {
	const all = button("Run all", () => run(null), { class: "ns-go" });
	const stage = createMenu("Run stage", "Stages");
	const stop = button("Cancel", cancel);
	const where = h("span", { class: "ns-where" });
	const swap = button("Model or data?", () => run([SWAP.name]));
	const plain = button("Plain", () => turn(plain.getAttribute("aria-pressed") !== "true"), {}, h("span", { class: "ns-soft ns-wide" }, " (no augmentation, no regularisation)"));
	const keep = createMenu("Export", "Forms", { class: "ns-right" });
	const bar2 = h("div", { class: "ns-progress", role: "progressbar", "aria-label": "Checks", "aria-valuemin": 0 }, h("span"));
	const element = h("div", { class: "ns-header" }, h("strong", { class: "nb-title" }, "Sanity"), h("span", { class: "ns-buttons", role: "toolbar", "aria-label": "Run the checks" }, all, stage.element, stop), where, h("span", { class: "ns-buttons" }, swap, plain, keep.element), bar2);
	const filled2 = (
		/** @type {HTMLElement} */
		bar2.firstElementChild
	);
	let before = null;
	return {
		element,
		update(state) {
			if (!changed(before, state, ["catalogue", "record", "plain", "swap", "progress", "status", "pending", "stuck"])) return;
			before = state;
			const { catalogue, record, progress, pending, status } = state;
			const running = isRunning(state);
			const closed = status.state === "closed" ? status.text || "this view is closed" : "";
			const reason = closed || (running ? "checks are running" : "");
			enable(all, { reason, title: `run all ${plural(catalogue.length, "check")}` });
			const stages = [...new Set(catalogue.map((facts) => facts.stage))];
			stage.show(stages.map((name) => ({ text: named(name), hint: plural(catalogue.filter((facts) => facts.stage === name).length, "check"), act: () => run([name]) })), { reason, title: "run the checks of one stage" });
			enable(stop, { reason: closed || (running ? "" : "no checks are running"), busy: pending.includes("cancel"), title: "end the run; what has been found stands" });
			enable(swap, { reason, title: "which is at fault? Trains your model and a known one on your data and on known ones, on copies" });
			attribute(plain, "aria-pressed", String(state.plain));
			enable(plain, { reason, busy: pending.includes("plain"), title: "run on a copy without augmentation and regularisation (dropout, weight decay); each kind of run keeps its own results" });
			const missing = record || state.swap ? "" : "there is nothing to export yet";
			keep.show(FORMS.map(([form, text2, hint]) => ({ text: text2, hint, act: () => save(form) })), { reason: closed || (running ? "checks are running" : missing), title: "save the report as a file" });
			const text = standing(state);
			say(where, text);
			attribute(where, "title", text);
			attribute(where, "data-tone", state.stuck ? "warn" : null);
			attribute(where, "data-busy", running && !state.stuck);
			const away = progress === null || isSwapping(state);
			bar2.classList.toggle("ns-away", away);
			attribute(bar2, "aria-hidden", away);
			attribute(bar2, "aria-valuemax", progress?.total);
			attribute(bar2, "aria-valuenow", progress?.done);
			attribute(bar2, "aria-valuetext", progress ? text : null);
			filled2.style.width = progress ? `${100 * progress.done / Math.max(progress.total, 1)}%` : "0";
		},
		destroy() {
			stage.destroy();
			keep.destroy();
		}
	};
}
var named = (stage) => stage.charAt(0).toUpperCase() + stage.slice(1);

// src/sanity/list.js
var STAGES = {
	data: "batches as they come",
	wiring: "one forward pass and its graph",
	init: "the untrained network",
	backward: "gradients",
	training: "short runs on copies",
	swap: "yours beside ones that are known to work"
};
function createList(store, { select, run, open }) {
	const element = h("div", { class: "ns-list", role: "listbox", "aria-label": "Checks" });
	let rows = [];
	let before = null;
	element.addEventListener("keydown", pressed);
	function rowOf2(facts) {
		const mark2 = h("span", { class: "ns-mark" });
		const what = h("span", { class: "ns-what" });
		const other = h("span", { class: "ns-other" });
		const again = h("span", { class: "ns-again", onclick: (event) => (event.stopPropagation(), run([facts.name])) }, "run");
		const choose = () => select(facts.name);
		const row = h("div", { class: "ns-row", role: "option", "data-check": facts.name, onclick: choose, onfocus: choose }, mark2, h("span", { class: "ns-name" }, facts.name), what, other, again);
		return { facts, element: row, mark: mark2, what, other, run: again };
	}
	function build(catalogue) {
		rows = asked(catalogue).map(rowOf2);
		const stages = [...new Set(rows.map((row) => row.facts.stage))];
		fill(element, ...stages.map((stage) => h("div", { class: "ns-stage", role: "group", "aria-label": named(stage) }, h("p", { class: "ns-heading", role: "presentation" }, named(stage), h("span", { class: "ns-soft" }, STAGES[stage] ?? "")), ...rows.filter((row) => row.facts.stage === stage).map((row) => row.element))));
	}
	function pressed(event) {
		const now = rows.findIndex((row) => row.facts.name === store.get().selected);
		const next = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: rows.length - 1 }[event.key];
		if (event.ctrlKey || event.metaKey || event.altKey) return;
		if (next !== void 0) rows[Math.min(Math.max(next, 0), rows.length - 1)]?.element.focus();
		else if (event.key === "Enter") open();
		else if (event.key === "r" && !isRunning(store.get())) run([rows[now].facts.name]);
		else return;
		event.preventDefault();
		event.stopPropagation();
	}
	function write({ facts, element: row, mark: mark2, what, other, run: again }, state) {
		const result = resultOf(state, facts.name);
		const progress = state.progress?.check === facts.name ? state.progress : null;
		const now = markOf(result, progress !== null);
		const differs = progress ? null : differing(state, facts.name);
		const selected = state.selected === facts.name;
		say(mark2, now.mark);
		attribute(mark2, "data-tone", now.tone);
		const words = progress ? doing(facts, progress) : result ? result.summary : facts.question;
		say(what, shorten(words, 120));
		say(other, differs?.chip ?? "");
		other.hidden = differs === null;
		attribute(row, "title", tooltip([facts.question, result?.summary, differs?.text].filter(Boolean).join(" ")));
		attribute(row, "aria-label", shorten([`${facts.name}, ${now.word}${result ? `: ${result.summary}` : ""}`, differs?.text].filter(Boolean).join(". "), 400));
		attribute(row, "aria-selected", String(selected));
		attribute(row, "aria-keyshortcuts", selected ? "Enter r" : null);
		attribute(row, "tabindex", selected ? 0 : -1);
		row.classList.toggle("ns-todo", !result);
		row.classList.toggle("ns-quiet", result?.status === "skip" || result?.status === "inconclusive");
		again.hidden = !selected || isRunning(state) || state.status.state === "closed";
		if (selected && before?.selected !== facts.name) reveal(row);
	}
	function reveal(row) {
		const [top, bottom] = [row.offsetTop, row.offsetTop + row.offsetHeight];
		const below = bottom - element.scrollTop - element.clientHeight;
		if (below > 3 * row.offsetHeight) element.scrollTop = top - element.clientHeight / 4;
		else if (top < element.scrollTop) element.scrollTop = top - 30;
		else if (below > 0) element.scrollTop += below + 8;
	}
	let tall = false;
	const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => {
		const row = rows.find(({ facts }) => facts.name === before?.selected);
		if (!tall && row && element.clientHeight) reveal(row.element);
		tall = element.clientHeight > 0;
	});
	watch?.observe(element);
	return {
		element,
		destroy: () => watch?.disconnect(),
		update(state) {
			if (!changed(before, state, ["catalogue", "results", "other", "plain", "swap", "progress", "status", "pending", "selected"])) return;
			if (before?.catalogue !== state.catalogue) build(state.catalogue);
			for (const row of rows) write(row, state);
			before = state;
		}
	};
}

// src/sanity/spoken.js
var SELDOM = 8e3;
function createSpoken() {
	const element = h("div", { class: "nb-unseen", role: "status" });
	let running = false;
	let swapping = false;
	let last = -Infinity;
	return {
		element,
		update(state) {
			const now = isRunning(state);
			const { progress } = state;
			if (running && !now && swapping) say(element, state.swap?.title || state.swap?.summary || "");
			else if (running && !now) say(element, [diagnosisOf(state).title, counts(state.results.values())].filter(Boolean).join(". "));
			else if (now && (!running || progress && Date.now() - last >= SELDOM)) {
				last = Date.now();
				say(element, isSwapping(state) ? standing(state) : progress ? `${progress.done} of ${progress.total} checks` : "The checks begin");
			}
			running = now;
			swapping = isSwapping(state);
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

// src/sanity.js
var HEARD = 1e3;
var INITIAL = {
	catalogue: [],
	record: null,
	plain: false,
	other: {},
	swap: null,
	progress: null,
	status: { state: "idle", text: "", stale: null },
	results: new Map(),
	chosen: null,
	ran: [],
	earlier: null,
	selected: null,
	why: false,
	pending: [],
	stuck: false,
	failure: null
};
function derive(state, before) {
	const next = { ...state };
	if (state.record !== before.record) next.results = resultsOf(state.record, before.results);
	return { ...next, ...landing(next, before) };
}
function resultsOf(record, before) {
	const alike = (old, now) => old !== void 0 && JSON.stringify(old) === JSON.stringify(now);
	return new Map((record?.results ?? []).map((now) => [now.check, alike(before.get(now.check), now) ? (
		/** @type {CheckResult} */
		before.get(now.check)
	) : now]));
}
function render({ model, el }, memory2) {
	const requests = createRequests(model);
	const store = createStore({ ...INITIAL, ...memory2 }, derive);
	let timer = 0;
	async function ask(method, params = {}) {
		if (store.get().pending.includes(method)) return null;
		store.set({ pending: [...store.get().pending, method], failure: null });
		const settle = () => store.get().pending.filter((one) => one !== method);
		try {
			const payload = await requests.ask(method, params);
			store.set({ pending: settle() });
			return payload ?? {};
		} catch (error) {
			store.set({ pending: settle(), failure: error instanceof Error ? error.message : String(error) });
			return null;
		}
	}
	async function cancel() {
		timer = setTimeout(() => store.set({ stuck: true }), HEARD);
		await ask("cancel");
		clearTimeout(timer);
		store.set({ stuck: false });
	}
	function run(only) {
		if (only?.[0] !== SWAP.name) return void ask("run", { only });
		store.set({ chosen: SWAP.name });
		void ask("swap");
	}
	async function save(form) {
		const file = await ask("export", { form });
		if (file?.name) download(file.name, file.text, root);
	}
	const actions = {
		run,
		plain: (on) => void ask("plain", { on }),
		cancel: () => void cancel(),
		save: (form) => void save(form),
		select: (name) => store.set({ chosen: name }),
		open: () => evidence.focus()
	};
	const evidence = createEvidence(store, actions);
	const [toolbar, diagnosis, list, spoken] = [createToolbar(actions), createDiagnosis(store, actions), createList(store, actions), createSpoken()];
	const views2 = [toolbar, diagnosis, list, evidence, spoken];
	const sheet = h("div", { class: "nb-sheet" }, toolbar.element, diagnosis.element, h("div", { class: "ns-body" }, list.element, evidence.element), spoken.element);
	const root = h("div", { class: "nbinspect nb-sanity", onfocusin: keepKeys }, sheet);
	const reads = createReads(model, store);
	const traits = [
		reads("catalogue", (catalogue) => ({ catalogue: catalogue ?? [] })),
		reads("record", (record) => ({ record: record ?? null })),
		reads("plain", (plain) => ({ plain: plain === true })),
		reads("other", (other) => ({ other: other ?? {} })),
		reads("swapped", (swap) => ({ swap: swap ?? null })),
		reads("progress", (progress) => ({ progress: progress ?? null })),
		reads("status", (status) => ({ status: { ...INITIAL.status, ...status } }))
	];
	el.append(root);
	const unfollow = followTheme(root, sheet);
	const stop = store.subscribe((state) => {
		memory2.chosen = state.chosen;
		views2.forEach((view) => view.update(state));
	});
	for (const { read } of traits) read();
	return () => {
		for (const { name, read } of traits) model.off(`change:${name}`, read);
		clearTimeout(timer);
		stop();
		unfollow();
		requests.close();
		for (const view of views2) view.destroy?.();
		root.remove();
	};
}
function views() {
	const memory2 = { chosen: null };
	return { render: (place) => render(place, memory2) };
}
export {
	views as default,
	derive
};
