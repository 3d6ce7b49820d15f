// Built from frontend/src; do not edit.

// src/dom.js
function h(tag, attributes = {}, ...children) {
	const element = document.createElement(tag);
	for (const [name2, value] of Object.entries(attributes)) {
		if (typeof value === "function") element.addEventListener(name2.slice(2), value);
		else attribute(element, name2, value);
	}
	append(element, children);
	return element;
}
function attribute(element, name2, value) {
	const text = value === true ? "true" : String(value);
	if (value === null || value === void 0 || value === false) element.removeAttribute(name2);
	else if (element.getAttribute(name2) !== text) element.setAttribute(name2, text);
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
	return before === null || names.some((name2) => before[name2] !== now[name2]);
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

// src/histogram.js
function countInto(values, edges) {
	const bins = edges.length - 1;
	const counts = new Uint32Array(Math.max(bins, 0));
	const low = edges[0];
	const width = edges[bins] - low;
	for (let i = 0; i < values.length; i++) {
		const value = values[i];
		if (!(value >= low && value <= edges[bins])) continue;
		let bin = width > 0 ? Math.min(Math.floor((value - low) / width * bins), bins - 1) : 0;
		if (value < edges[bin]) bin--;
		else if (bin < bins - 1 && value >= edges[bin + 1]) bin++;
		counts[bin]++;
	}
	return counts;
}
function extent(low, high) {
	const whole = Math.abs(low % 1) === 0.5 && Math.abs(high % 1) === 0.5;
	return whole ? [low + 0.5, high - 0.5] : [low, high];
}
function ends(edges, most) {
	const last = edges.length - 1;
	const [low, high] = extent(edges[0], edges[last]);
	return [low, most >= edges[last - 1] && most < high ? most : high];
}
function rowOf(array, row) {
	const width = array.shape[1];
	return array.data.subarray(row * width, (row + 1) * width);
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
	const percent = 100 * part / whole;
	if (part > 0 && percent < 0.1) return "<0.1 %";
	return `${part === 0 || part === whole ? percent : Math.min(percent, part < whole ? 99.9 : percent).toFixed(1)} %`;
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
var integral = (dtype) => /^(u?int|bool|long|short)/.test(dtype);

// src/bars.js
function barsOf(tensor, rows) {
	const { histogram, statistics } = tensor;
	if (!histogram) return [];
	return Array.from({ length: histogram.counts.shape[0] }, (_, row) => {
		const edges = rowOf(histogram.edges, row);
		const values = rows && (rows.length === 1 || row < rows.length) ? rows[rows.length === 1 ? 0 : row] : null;
		const all = rows && histogram.counts.shape[0] === 1 && rows.length > 1 ? flatten(rows) : values;
		const single = all?.length === 1;
		return {
			name: nameOf(statistics, row),
			counts: rowOf(histogram.counts, row),
			edges,
			own: all && !single ? countInto(all, edges) : null,
			at: all && single ? all[0] : null,
			most: statistics?.max?.data[row] ?? NaN
		};
	});
}
function nameOf(statistics, row) {
	const name2 = statistics?.names[row] ?? String(row);
	return /^\d+$/.test(name2) ? `${statistics?.axis === "feature" ? "feature" : "channel"} ${name2}` : name2;
}
var flatten = (rows) => Float64Array.from(rows.flatMap((row) => Array.from(row)));
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
function fillHistograms(place2, all, available, hover) {
	const columns = all.length === 1 ? 1 : Math.max(1, Math.min(all.length, Math.floor(available / 130)));
	const width = Math.floor((available - (columns - 1) * 12) / columns);
	const figures = all.map((bars) => barsElement(bars, width, all.length === 1 ? 72 : 52, all.length > 1, hover));
	fill(place2, ...figures.map((figure2) => figure2.element));
	for (const figure2 of figures) figure2.draw();
}

// src/order.js
function carries(labels, sample, name2) {
	const text = labels.text[sample] ?? "";
	if (text === name2) return true;
	if (labels.kind === "multilabel") return text.split(", ").includes(name2);
	return labels.kind === "soft" && text.startsWith(`${name2} `);
}
function classCounts(labels) {
	if (!labels) return [];
	const samples = labels.text.map((_, sample) => sample);
	return labels.classes.map((name2) => ({ name: name2, count: samples.filter((sample) => carries(labels, sample, name2)).length })).filter((entry) => entry.count > 0);
}
function tensorOf(batch, name2) {
	return batch.batch.tensors.find((tensor) => tensor.facts.name === name2) ?? null;
}
function sortValues(batch, key, name2) {
	if (key === "label") return batch.labels?.values.data ?? null;
	if (key === "loss") return batch.losses?.data ?? null;
	if (key === "mean") return tensorOf(batch, name2)?.samples?.mean.data ?? null;
	return null;
}
function arrange(batch, wanted, name2) {
	const { labels } = batch;
	let samples = Array.from({ length: batch.batch.size }, (_, sample) => sample);
	if (wanted.only) {
		const chosen = new Set(wanted.only.samples);
		samples = samples.filter((sample) => chosen.has(sample));
	}
	if (wanted.label && labels) samples = samples.filter((sample) => carries(labels, sample, wanted.label));
	const sign = wanted.descending ? -1 : 1;
	const values = sortValues(batch, wanted.sort, name2);
	if (!values) return wanted.descending ? samples.reverse() : samples;
	return samples.sort((a, b) => {
		const [x, y] = [values[a] ?? NaN, values[b] ?? NaN];
		if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || a - b;
		return sign * (x - y) || a - b;
	});
}

// src/describe.js
var items = (batch) => [...batch.inputs, ...batch.targets];
var itemOf = (state) => state.batch ? items(state.batch)[state.item] ?? null : null;
function earlierOf(state) {
	const item = itemOf(state);
	if (!state.compare || !state.previous || !item) return null;
	const found = items(state.previous).find((other) => other.name === item.name && other.decoder === item.decoder);
	return found && state.previous.batch.size === state.batch?.batch.size ? found : null;
}
function verdict(batch, sample) {
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
		const { word } = verdict(batch, sample);
		parts.push(`predicted ${shorten(predicted, 80)}${word ? ` (${word})` : ""}`);
	}
	const loss = batch.losses?.data[sample];
	if (loss !== void 0) parts.push(`loss ${brief(loss)}`);
	return parts.join(", ");
}
function sampleShape(batch, item, sample) {
	const fed = tensorOf(batch, item.name)?.facts.shape ?? [];
	const along = Math.max(0, fed.indexOf(batch.batch.size));
	const lengths = fed.filter((_, axis) => axis !== along);
	if (!("sizes" in item) || !item.sizes) return lengths;
	const own = [item.sizes.data[2 * sample], item.sizes.data[2 * sample + 1]];
	return lengths.map((length) => length === null ? own.shift() ?? null : length);
}
function sampleFacts(batch, item, sample) {
	const facts = [];
	const lengths = sampleShape(batch, item, sample);
	const statistics = tensorOf(batch, item.name)?.samples;
	if (lengths.length || statistics) facts.push(["shape", lengths.length ? shape(lengths) : "()"]);
	if (statistics) {
		const of = (key) => statistics[key].data[sample];
		const size = lengths.reduce((product, length) => product * (length ?? NaN), 1);
		facts.push(["mean", brief(of("mean"))], ["std", brief(of("std"))], ["range", `${brief(of("min"))} … ${brief(of("max"))}`]);
		facts.push(["zeros", Number.isNaN(size) ? count(of("zeros")) : share(of("zeros"), size)]);
		if (of("nonfinite")) facts.push(["NaN, ±Inf", count(of("nonfinite"))]);
	}
	const index = batch.batch.indices?.[sample];
	if (index !== void 0) facts.push(["index", count(index)]);
	return facts;
}
function provenance(batch) {
	const { module, how, step, split: split2 } = batch.origin;
	const door = `${module}.forward`;
	if (how === "probe") return `probe: a ${split2 === "train" ? "training" : "validation"} batch at ${door}`;
	if (how === "given") return `given batch at ${door}`;
	return `captured at ${door}${step === null ? "" : `, step ${count(step)}`}${split2 === "train" ? "" : ", validation"}`;
}
function waitingFor({ status, pending }) {
	if (["busy", "waiting"].includes(status.state)) return status.text || "working …";
	const names = { next: "the next batch", again: "the same batch again", split: "the other split", predict: "predictions" };
	const asked = pending.map((method) => names[method] ?? method).join(", ");
	return asked && `asked for ${asked}; waiting for the kernel …`;
}
function warnings(batch) {
	const all = [...batch.batch.findings, ...batch.batch.tensors.flatMap((tensor) => tensor.findings)];
	return all.filter((finding) => finding.level === "warn").length;
}
var tally = (shown, all) => shown === all ? plural(all, "sample") : `${count(shown)} of ${plural(all, "sample")}`;

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
function between(stops, at) {
	const place2 = Math.min(Math.max(at, 0), 1) * (stops.length - 1);
	const first = Math.min(Math.floor(place2), stops.length - 2);
	const rest = place2 - first;
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
function extent2(pictures, sample) {
	const [, , h2, w] = pictures.planes.shape;
	if (!pictures.sizes) return { h: h2, w };
	const [H, W] = pictures.size;
	const [own, wide] = [pictures.sizes.data[2 * sample], pictures.sizes.data[2 * sample + 1]];
	return { h: Math.max(1, Math.min(h2, Math.round(h2 * own / H))), w: Math.max(1, Math.min(w, Math.round(w * wide / W))) };
}
function paint(out, pictures, sample, look, overlay = null) {
	const [, channels, height, width] = pictures.planes.shape;
	const { h: h2, w } = extent2(pictures, sample);
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
function layOut({ width, count: count2, cellWidth, cellHeight, gap, single = false }) {
	const rowHeight = cellHeight + gap;
	if (single) return { columns: 1, rows: count2, gap: 0, cellWidth: Math.max(cellWidth, width), cellHeight, rowHeight };
	const columns = Math.max(1, Math.floor((width + gap) / (cellWidth + gap)));
	const spare = columns > 1 && count2 >= columns ? (width - columns * cellWidth) / (columns - 1) : gap;
	return { columns, rows: Math.ceil(count2 / columns), gap: Math.min(spare, gap + 28), cellWidth, cellHeight, rowHeight };
}
function visibleRows(layout, top, height, beyond = 1) {
	const first = Math.max(0, Math.floor(top / layout.rowHeight) - beyond);
	const last = Math.min(layout.rows, Math.ceil((top + height) / layout.rowHeight) + beyond);
	return { first: Math.min(first, last), last };
}
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
	function shares(canvas, event) {
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
			const { u, v } = shares(canvas, event);
			const { h: rows, w: columns } = extent2(plates[i].pictures, plates[i].sample);
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
			const { u, v } = shares(canvas, event);
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
			const { u, v } = shares(canvas, event);
			look(view.scale > 1 ? WHOLE : zoomAt(view, 4, u, v));
		});
		return { canvas, caption: caption2 };
	}
	function draw(i) {
		const { pictures, sample, boxes } = plates[i];
		const source = sources[i];
		const canvas = places[i].canvas;
		const { h: rows, w: columns } = extent2(pictures, sample);
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
	const { h: rows, w: columns } = extent2(pictures, sample);
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
var channelsLast = (shape2) => shape2.length === 3 && [1, 3, 4].includes(shape2[2]) && ![1, 3, 4].includes(shape2[0]);
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
	const { h: h2, w } = extent2(pictures, sample);
	if (row < 0 || column < 0 || row >= h2 || column >= w) return "padding of a ragged batch";
	const [, channels, height, width] = pictures.planes.shape;
	const reduced = height !== pictures.size[0] || width !== pictures.size[1];
	const place2 = reduced ? `around pixel (${Math.floor(row * pictures.size[0] / height)}, ${Math.floor(column * pictures.size[1] / width)})` : `pixel (${row}, ${column})`;
	const wanted = only !== null ? [only] : Array.from({ length: Math.min(channels, 4) }, (_, c) => c);
	const read = wanted.map((c) => ({ c, ...valueAt(pictures, sample, c, row, column) }));
	const loose = read.some((entry) => !entry.exact);
	const list = (of) => read.map((entry) => `${read.length > 1 ? `${pictures.channels[entry.c]} ` : ""}${figure(of(entry))}`).join("  ");
	const step = Math.max(...wanted.map((c) => (pictures.high.data[c] - pictures.low.data[c]) / 255));
	const fed = `${loose ? "≈ " : "= "}${list((entry) => entry.value)}${loose ? ` (steps of ${brief(step)})` : ""}`;
	const before = pictures.normalisation ? `  de-normalised ${list((entry) => denormalise(pictures, entry.c, entry.value))}` : "";
	const mark = MARK_NAMES[pictures.marks?.data[(sample * height + row) * width + column] ?? 0];
	return `${place2} ${fed}${before}${mark ? `  ✕ ${mark}` : ""}`;
}
function sampleRows(item, sample, fetched) {
	if (item.decoder === "table") {
		const features = item.values.shape[1];
		return { rows: item.features.map((_, f) => [item.values.data[sample * features + f]]), exact: true };
	}
	if (item.decoder === "text") return { rows: [slice(item.ids, sample)], exact: item.length === item.ids.shape[1] };
	if (isSeries(item)) {
		const [, channels2, points] = item.low.shape;
		const own = slice(item.low, sample);
		return { rows: split(own, channels2, points), exact: points === item.length };
	}
	const sharp = fetched ? sharpen(item, sample, fetched) : null;
	const pictures = sharp ?? item;
	const [, channels, h2, w] = pictures.planes.shape;
	const area = h2 * w;
	if (pictures.exact) return { rows: split(slice(pictures.exact, sharp ? 0 : sample), channels, area), exact: true };
	const bytes = slice(pictures.planes, sample);
	return { rows: split(Float32Array.from(bytes, (byte, at) => decode(pictures, Math.floor(at / area), byte)), channels, area), exact: false };
}
function slice(array, sample) {
	const length = array.data.length / (array.shape[0] || 1);
	return array.data.subarray(sample * length, (sample + 1) * length);
}
var split = (values, rows, length) => Array.from({ length: rows }, (_, row) => values.subarray(row * length, (row + 1) * length));

// src/pictures.js
var LINE = 16;
var EDGE = 4;
function pictureCells(state) {
	const batch = (
		/** @type {import("./types.js").DecodedBatch} */
		state.batch
	);
	const panes = panesOf(state);
	const looks = panes.map((pane) => lookOf(pane.pictures, pane.mode, state.channel));
	const boxes = panes.map((pane) => fit(state.size, ...pane.pictures.size));
	const captions = panes.length > 1;
	const second = batch.predictions !== null || batch.losses !== null;
	const height = Math.max(...boxes.map((box) => box.height));
	const cellWidth = boxes.reduce((sum2, box) => sum2 + box.width + EDGE, EDGE);
	const canvases = new WeakMap();
	function build(cell) {
		const own = boxes.map(() => h("canvas", { "aria-hidden": true }));
		const figures = own.map((canvas, i) => {
			const { width, height: tall } = boxes[i];
			const [, , rows, columns] = panes[i].pictures.planes.shape;
			const frame = h("span", { class: `nb-frame${Math.max(rows, columns) < state.size * 2 ? " nb-pixels" : ""}` }, canvas);
			frame.style.width = `${width}px`;
			frame.style.height = `${tall}px`;
			const caption2 = captions ? h("span", { class: "nb-caption", title: panes[i].caption }, panes[i].caption) : null;
			if (caption2) caption2.style.width = `${width}px`;
			return h("span", { class: "nb-pane" }, caption2, frame);
		});
		fill(cell, h("span", { class: "nb-panes" }, ...figures), h("span", { class: "nb-line" }, h("span"), h("span")), second && h("span", { class: "nb-line" }, h("span"), h("span")));
		canvases.set(cell, own);
		return own;
	}
	return {
		cellWidth,
		cellHeight: height + (captions ? LINE : 0) + (second ? 2 : 1) * LINE + 2 * EDGE,
		gap: 4,
		single: false,
		name: (sample) => nameSample(batch, panes[0].pictures, sample),
		draw(cell, sample) {
			const own = canvases.get(cell) ?? build(cell);
			own.forEach((canvas, i) => drawPane(canvas, panes[i], looks[i], sample, state));
			writeLines(cell, batch, sample);
		},
		probe(sample, event) {
			const canvas = (
				/** @type {Element} */
				event.target.closest?.("canvas")
			);
			const cell = canvas?.closest(".nb-cell");
			const i = cell && canvas ? [...cell.querySelectorAll("canvas")].indexOf(canvas) : -1;
			if (!canvas || i < 0) return nameSample(batch, panes[0].pictures, sample);
			return `sample ${sample}${panes.length > 1 ? `, ${panes[i].caption}` : ""}  ${under(canvas, panes[i], sample, state, event)}`;
		}
	};
}
function writeLines(cell, batch, sample) {
	const [first, second] = cell.querySelectorAll(".nb-line");
	say(first.children[0], String(sample));
	say(first.children[1], labelOf(batch, sample, 60));
	attribute(first, "title", batch.labels ? tooltip(batch.labels.text[sample] ?? "") : null);
	if (!second) return;
	const { icon, tone } = verdict(batch, sample);
	const predicted = batch.predictions?.text[sample];
	say(second.children[0], predicted === void 0 ? "" : `${icon || "→ "}${shorten(predicted, 60)}`);
	attribute(second.children[0], "data-tone", tone || null);
	say(second.children[1], batch.losses ? brief(batch.losses.data[sample]) : "");
	attribute(second, "title", predicted === void 0 ? null : tooltip(`predicted ${predicted}`));
}
function drawPane(canvas, pane, look, sample, state) {
	const { h: rows, w: columns } = extent2(pane.pictures, sample);
	const [, , height, width] = pane.pictures.planes.shape;
	canvas.width = columns;
	canvas.height = rows;
	canvas.style.width = `${100 * columns / width}%`;
	canvas.style.height = `${100 * rows / height}%`;
	const drawing = canvas.getContext("2d");
	if (drawing) {
		const image = drawing.createImageData(columns, rows);
		paint(image.data, pane.pictures, sample, look, overlayOf(pane, sample, state));
		drawing.putImageData(image, 0, 0);
	}
	const frame = (
		/** @type {HTMLElement} */
		canvas.parentElement
	);
	while (frame.lastChild !== canvas) frame.lastChild?.remove();
	if (pane.now && state.boxes) frame.append(...boxElements(state, sample, columns / width, rows / height));
}
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
function boxElements(state, sample, wide, tall) {
	return boxesOf(state, sample).map(({ corners, text }) => {
		const [left, top, right, bottom] = corners;
		const box = h("span", { class: "nb-box", title: tooltip(text) });
		box.style.left = `${100 * left * wide}%`;
		box.style.top = `${100 * top * tall}%`;
		box.style.width = `${100 * (right - left) * wide}%`;
		box.style.height = `${100 * (bottom - top) * tall}%`;
		return box;
	});
}
function under(canvas, pane, sample, state, event) {
	const place2 = canvas.getBoundingClientRect();
	const { h: rows, w: columns } = extent2(pane.pictures, sample);
	const { row, column } = pixelAt(WHOLE, (event.clientX - place2.left) / place2.width, (event.clientY - place2.top) / place2.height, rows, columns);
	const words = describePixel(pane.pictures, sample, row, column, state.channel);
	return pane.now ? words + maskUnder(state, pane, sample, row, column) + boxUnder(state, sample, (column + 0.5) / columns, (row + 0.5) / rows) : words;
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
	let choice = null;
	let url = "";
	function release() {
		audio.pause?.();
		audio.removeAttribute("src");
		if (url) URL.revokeObjectURL(url);
		url = "";
		audio.hidden = true;
	}
	async function start() {
		const wanted = choice;
		if (!wanted || load.getAttribute("aria-disabled")) return;
		attribute(load, "aria-disabled", "true");
		say(message, "asked for the sound …");
		try {
			const { wav } = await ask("sound", { name: wanted.name, sample: wanted.sample });
			if (wanted !== choice) return;
			url = URL.createObjectURL(new Blob([wav.data], { type: "audio/wav" }));
			audio.src = url;
			audio.hidden = false;
			load.hidden = true;
			say(message, "");
			audio.focus();
		} catch (error) {
			if (wanted === choice) say(message, `✕ ${shorten(error instanceof Error ? error.message : String(error), 300)}`);
		} finally {
			if (wanted === choice) attribute(load, "aria-disabled", null);
		}
	}
	return {
		element,
		/** @param {Choice | null} next */
		choose(next) {
			const same = choice && next && choice.name === next.name && choice.sample === next.sample && choice.version === next.version;
			if (same) return;
			choice = next;
			release();
			element.hidden = !next;
			load.hidden = false;
			attribute(load, "aria-disabled", null);
			say(message, "");
		},
		destroy() {
			choice = null;
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
	const found = [];
	let start = -1;
	for (let i = 0; i <= values.length; i++) {
		const there = i < values.length && !Number.isNaN(values[i]);
		if (there && start < 0) start = i;
		if (!there && start >= 0) {
			found.push([start, i]);
			start = -1;
		}
	}
	return found;
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
		const place2 = (sample * channels + c) * points + point;
		const [low, high] = [series.low.data[place2], series.high.data[place2]];
		const name2 = channels > 1 ? `${shorten(series.channels[c], 24)} ` : "";
		return `${name2}${Number.isNaN(low) ? "no finite value" : low === high ? figure(low) : `${figure(low)} … ${figure(high)}`}`;
	});
	return `${first === last ? `step ${count(first)}` : `steps ${count(first)}–${count(last)}`}${time}  ${values.join("  ")}`;
}
function seriesCells(state, series) {
	const batch = (
		/** @type {import("./types.js").DecodedBatch} */
		state.batch
	);
	const earlier = earlierOf(state);
	const before = earlier?.decoder === series.decoder ? (
		/** @type {Series} */
		earlier
	) : null;
	const range = span(series, state.channel);
	const width = Math.round(state.size * 2.4);
	const height = Math.round(state.size * 0.8);
	const panes = [series, before].flatMap((from) => from ? [from] : []);
	return {
		cellWidth: width + 10,
		cellHeight: panes.length * (height + 4) + 22,
		gap: 8,
		single: false,
		name: (sample) => nameSample(batch, series, sample),
		draw(cell, sample) {
			const canvases = panes.map(() => h("canvas", { class: "nb-plot", "aria-hidden": true }));
			const { icon, tone } = verdict(batch, sample);
			const predicted = batch.predictions?.text[sample];
			const loss = batch.losses ? ` ${brief(batch.losses.data[sample])}` : "";
			const figures = canvases.map((canvas, i) => h("span", { class: "nb-pane" }, canvas, panes.length > 1 && h("span", { class: "nb-when nb-over" }, i ? "before" : "this time")));
			const line2 = h(
				"span",
				{ class: "nb-line", title: tooltip(nameSample(batch, series, sample)) },
				h("span", {}, sample),
				predicted !== void 0 && h("span", { "data-tone": tone || null }, `${icon || "→ "}${shorten(predicted, 40)}${loss}`),
				h("span", {}, labelOf(batch, sample, 60))
			);
			fill(cell, ...figures, line2);
			canvases.forEach((canvas, i) => drawSeries(canvas, { width, height, range, channel: state.channel }, panes[i], sample));
		},
		probe(sample, event) {
			const canvas = (
				/** @type {Element} */
				event.target.closest?.("canvas")
			);
			if (!canvas) return nameSample(batch, series, sample);
			const place2 = canvas.getBoundingClientRect();
			const which = canvas.parentElement?.nextElementSibling?.querySelector("canvas") || !before ? series : before;
			return `sample ${sample}  ${describeStep(which, sample, (event.clientX - place2.left) / place2.width, state.channel)}`;
		}
	};
}

// src/tokens.js
var LINE2 = 22;
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
function tokenCells(state, tokens) {
	const batch = (
		/** @type {import("./types.js").DecodedBatch} */
		state.batch
	);
	const earlier = earlierOf(state);
	const before = earlier?.decoder === "text" ? earlier : null;
	const lines = Math.min(Math.max(Math.round(state.size / 28), 1), 8, Math.max(1, Math.ceil(tokens.ids.shape[1] / 8)));
	return {
		cellWidth: 0,
		cellHeight: (before ? 2 : 1) * lines * LINE2 + 8,
		gap: 0,
		single: true,
		name: (sample) => `${nameSample(batch, tokens, sample)}: ${shorten(sentence(tokens, sample), 200)}`,
		draw(cell, sample, across) {
			const most = Math.ceil(lines * across.width / 24);
			const row = (from, when) => {
				const line2 = h("div", { class: "nb-tokens" }, when && h("span", { class: "nb-when" }, when), ...tokenSpans(from, sample, most));
				line2.style.height = `${lines * LINE2}px`;
				return line2;
			};
			const texts = h("div", { class: "nb-texts" }, row(tokens, before ? "this time" : ""), before && row(before, "before"));
			fill(cell, h("div", { class: "nb-sentence" }, sideOf(state, sample), texts));
		},
		probe: (sample, event) => `sample ${sample}  ${describeToken(tokens, sample, event)}`
	};
}
function sentence(tokens, sample) {
	const length = tokens.ids.shape[1];
	return Array.from({ length: Math.min(length, 40) }, (_, t) => tokens.pieces[tokens.index.data[sample * length + t]] ?? "?").join(" ");
}
function sideOf(state, sample) {
	const batch = (
		/** @type {import("./types.js").DecodedBatch} */
		state.batch
	);
	const { icon, tone } = verdict(batch, sample);
	const predicted = batch.predictions?.text[sample];
	const label = labelOf(batch, sample, 60);
	const loss = batch.losses ? brief(batch.losses.data[sample]) : "";
	const title = [label && `label ${batch.labels?.text[sample]}`, predicted !== void 0 && `predicted ${predicted}`].filter(Boolean).join(" · ");
	return h(
		"div",
		{ class: "nb-side", title: title ? tooltip(title) : null },
		h("span", { class: "nb-index" }, sample),
		h("span", { class: "nb-label" }, label),
		predicted !== void 0 && h("span", { class: "nb-label", "data-tone": tone || null }, `${icon || "→ "}${shorten(predicted, 60)}`),
		loss && h("span", { class: "nb-index" }, loss)
	);
}

// src/table.js
var COLUMN = 84;
var LINE3 = 24;
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
function tableCells(state, table2) {
	const batch = (
		/** @type {import("./types.js").DecodedBatch} */
		state.batch
	);
	const earlier = earlierOf(state);
	const before = earlier?.decoder === "table" ? earlier : null;
	const features = table2.values.shape[1];
	const ranges = featureRanges(table2);
	const side = 96 + (batch.predictions ? 60 : 0) + (batch.losses ? 52 : 0);
	const width = side + features * COLUMN;
	const window = (across) => {
		const first = Math.max(0, Math.floor(across.left / COLUMN) - 1);
		return { first, last: Math.min(features, first + Math.ceil(across.width / COLUMN) + 3) };
	};
	return {
		cellWidth: width,
		cellHeight: (before ? 2 : 1) * LINE3,
		gap: 1,
		single: true,
		part: (across) => `${window(across).first} ${window(across).last}`,
		head(across) {
			const { first, last } = window(across);
			const names = Array.from({ length: last - first }, (_, i) => {
				const name2 = table2.features[first + i] ?? String(first + i);
				return place(h("span", { class: "nb-feature", title: tooltip(name2) }, shorten(name2, 40)), first + i, side);
			});
			const row = h("div", { class: "nb-features", "aria-hidden": true }, h("span", { class: "nb-side nb-corner" }, "sample"), ...names);
			row.style.width = `${width}px`;
			return row;
		},
		name: (sample) => `${nameSample(batch, table2, sample)}: ${rowText(table2, sample)}`,
		draw(cell, sample, across) {
			const { first, last } = window(across);
			const lines = [table2, before].flatMap((from) => from ? [line(from, ranges, sample, first, last, side)] : []);
			const margin = sideOf(state, sample);
			margin.style.width = `${side}px`;
			fill(cell, h("div", { class: "nb-record" }, margin, ...lines));
			lines[1]?.classList.add("nb-before");
		},
		probe(sample, event) {
			const span2 = (
				/** @type {HTMLElement | null} */
				/** @type {Element} */
				event.target.closest?.("[data-feature]")
			);
			if (!span2) return `sample ${sample}`;
			const f = Number(span2.dataset.feature);
			const when = before ? span2.parentElement?.classList.contains("nb-before") ? " before" : " this time" : "";
			const from = when === " before" && before ? before : table2;
			return `sample ${sample}${when}  ${shorten(table2.features[f] ?? String(f), 80)} = ${figure(from.values.data[sample * features + f])}`;
		}
	};
}
function place(element, feature, side) {
	element.style.left = `${side + feature * COLUMN}px`;
	element.style.width = `${COLUMN - 1}px`;
	return element;
}
function line(table2, ranges, sample, first, last, side) {
	const features = table2.values.shape[1];
	const cells = Array.from({ length: Math.max(0, last - first) }, (_, i) => {
		const feature = first + i;
		const value = table2.values.data[sample * features + feature];
		const at = standing(value, ranges[feature] ?? { low: 0, high: 0 });
		const cell = h("span", { class: Number.isFinite(value) ? "nb-value" : "nb-value nb-mark", "data-feature": feature }, brief(value));
		if (Number.isFinite(value)) cell.style.background = `rgb(${at < 0 ? "48 112 210" : "226 128 34"} / ${(Math.abs(at) * 0.34).toFixed(3)})`;
		return place(cell, feature, side);
	});
	return h("div", { class: "nb-values" }, ...cells);
}
function rowText(table2, sample) {
	const features = table2.values.shape[1];
	const first = table2.features.slice(0, 8).map((name2, f) => `${shorten(name2, 30)} ${brief(table2.values.data[sample * features + f])}`);
	return first.join(", ") + (features > 8 ? ` and ${features - 8} more` : "");
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
		return some.map((name2, c) => {
			const one = createMagnifier(() => void 0, () => void 0);
			one.show([{ ...plate, look: lookOf(shown, "fed", c), sample, boxes: [], overlay: null }], 44, false);
			const canvas = one.element.querySelector("canvas");
			canvas?.removeAttribute("tabindex");
			canvas?.setAttribute("aria-hidden", "true");
			return h("button", { type: "button", class: "nb-facet", title: tooltip(name2), "aria-label": `channel ${shorten(name2, 40)}`, "aria-pressed": String(c === chosen), onclick: () => store.set({ channel: c }) }, canvas, h("span", {}, shorten(name2, 8)));
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
		const name2 = item.features[f] ?? String(f);
		list.append(h("span", { title: tooltip(name2) }, shorten(name2, 60)), h("span", { class: "nb-number" }, `${figure(value)}${earlier}`), mark);
	}
	return list;
}

// src/detail.js
function createDetail(store, samples, ask) {
	const title = h("h3", { class: "nb-subject" });
	const facts = h("dl", { class: "nb-facts" });
	const readout = h("p", { class: "nb-readout" });
	const exhibit = createExhibit(store, ask, (text) => hover(text));
	const heading = h("h3", { class: "nb-subject" });
	const histograms = h("div", { class: "nb-histograms" });
	const bin = h("p", { class: "nb-readout" });
	const spread = h("div", { class: "nb-spread" }, heading, histograms, bin);
	const element = h("section", { class: "nb-detail", "aria-label": "Chosen sample" }, title, h("div", { class: "nb-subjectbody" }, exhibit.element, h("div", { class: "nb-figures" }, facts)), exhibit.facets, readout, spread);
	let hint = "";
	let width = 0;
	let before = null;
	const hover = (text) => {
		say(readout, text || hint);
		readout.classList.toggle("nb-live", text !== "");
	};
	const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => {
		if (Math.abs(element.clientWidth - width) < 4 || !before) return;
		draw(before);
	});
	watch?.observe(element);
	function draw(state) {
		const { batch, selected } = state;
		const item = itemOf(state);
		width = element.clientWidth;
		element.hidden = !batch || !item;
		if (!batch || !item) return;
		const inexact = isPictures(item) ? !item.exact : isSeries(item) && item.low.shape[2] !== item.length;
		const answer = inexact ? samples.want(item.name, selected) : void 0;
		const fetched = answer?.values ?? void 0;
		const label = labelOf(batch, selected, 60);
		fill(title, `Sample ${selected}`, label && h("span", { title: tooltip(batch.labels?.text[selected] ?? "") }, ` · label ${label}`));
		exhibit.show(state, fetched, Math.max((width || 500) - 26, 200));
		writeFacts(state, item);
		const rows = sampleRows(item, selected, fetched);
		hint = hintFor(item, rows?.exact ?? true, answer?.note ?? "", inexact && !answer);
		hover("");
		writeSpread(state, item, rows?.rows ?? null);
	}
	function writeFacts(state, item) {
		const batch = (
			/** @type {import("./types.js").DecodedBatch} */
			state.batch
		);
		const predicted = batch.predictions?.text[state.selected];
		const { icon, word, tone } = verdict(batch, state.selected);
		const pairs = sampleFacts(batch, item, state.selected).map(([name2, value]) => h("div", {}, h("dt", {}, name2), h("dd", {}, value)));
		if (predicted !== void 0) pairs.push(h("div", {}, h("dt", {}, "predicted"), h("dd", { "data-tone": tone || null, title: tooltip(`${predicted} ${word}`) }, `${icon}${shorten(predicted, 40)}`)));
		const loss = batch.losses?.data[state.selected];
		if (loss !== void 0) pairs.push(h("div", {}, h("dt", {}, "loss"), h("dd", {}, brief(loss))));
		fill(facts, ...pairs);
	}
	function writeSpread(state, item, rows) {
		const tensor = state.batch ? tensorOf(state.batch, item.name) : null;
		const all = tensor ? barsOf(tensor, rows) : [];
		spread.hidden = all.length === 0;
		if (!tensor?.histogram || !tensor.statistics) return;
		const { axis, names } = tensor.statistics;
		const what = axis === "all" ? "All values" : all.length === 1 ? `${axis === "channel" ? "Channel" : "Feature"} ${shorten(names[0], 40)}` : `${axis === "channel" ? "Channels" : "Features"}`;
		const part = tensor.histogram.sampled < 1 ? ` · ${brief(100 * tensor.histogram.sampled)} % of the values` : "";
		const rest = names.length > all.length ? ` · first ${all.length} of ${names.length}` : "";
		fill(heading, `${what}, whole batch${part}${rest} `, rows && h("span", { class: "nb-key" }, "this sample"));
		fillHistograms(histograms, all, Math.max((width || 500) - 28, 160), (text) => say(bin, text));
	}
	return {
		element,
		update(state) {
			if (!changed(before, state, ["batch", "previous", "compare", "item", "selected", "mode", "channel", "masks", "opacity", "boxes", "arrivals"])) return;
			before = state;
			draw(state);
		},
		destroy() {
			watch?.disconnect();
			exhibit.destroy();
		}
	};
}
function hintFor(item, exact, note, coming) {
	if (note) return shorten(note, 300);
	const picture = isPictures(item);
	if (!exact && coming) return picture ? "≈ from 8-bit values; exact ones are asked for" : "≈ reduced for drawing; exact values are asked for";
	if (picture) return "click, then wheel or + − to zoom, drag to move, 0 resets";
	return item.decoder === "text" ? "point at a token for its id" : "";
}

// src/header.js
var CHIPS = 4;
var WHY_NOT = {
	again: "the same samples cannot be loaded again: the loader does not tell which they are",
	next: "no further batch can be taken: there is no loader, or it is used up",
	validation: "there is no validation loader",
	predict: "there is no model call to predict with"
};
function createHeader(store, { ask, findings }) {
	const chips = h("span", { class: "nb-chips" });
	const origin = h("span", { class: "nb-origin", role: "status" });
	const alarm = h("button", { type: "button", class: "nb-alarm", onclick: findings });
	const split2 = () => ({ split: store.get().batch?.batch.origin.split === "validation" ? "train" : "validation" });
	const buttons = {
		again: button("Same batch again", () => ask("again")),
		next: button("Next batch", () => ask("next"), "n"),
		validation: button("Validation", () => ask("split", split2())),
		predict: button("Predict", () => ask("predict"))
	};
	buttons.next.classList.add("nb-primary");
	const element = h(
		"div",
		{ class: "nb-header" },
		h("span", { class: "nb-what" }, h("strong", { class: "nb-title" }, "Batch"), chips, alarm, origin),
		h("span", { class: "nb-actions" }, ...Object.values(buttons))
	);
	let before = null;
	return {
		element,
		update(state) {
			if (changed(before, state, ["batch", "tensor"])) {
				writeFacts(state);
				const found = state.batch ? warnings(state.batch) : 0;
				alarm.hidden = !state.batch;
				say(alarm, found ? `▲ ${plural(found, "warning")}` : "● no warnings");
				attribute(alarm, "data-tone", found ? "warn" : "ok");
			}
			if (changed(before, state, ["status", "pending", "batch"])) {
				writeButtons(state);
				writeLine(state);
			}
			before = state;
		}
	};
	function writeFacts(state) {
		const record = state.batch?.batch;
		const active = chips.contains(
			/** @type {Document | ShadowRoot} */
			chips.getRootNode().activeElement
		);
		fill(chips, ...record ? chipsOf(state, record) : []);
		if (active) chips.querySelector("button")?.focus();
	}
	function writeLine(state) {
		const record = state.batch?.batch;
		const text = record ? provenance(record) : "no batch yet";
		const busy = waitingFor(record ? state : { ...state, status: { ...state.status, state: "idle" } });
		say(origin, shorten(busy || text, 160));
		attribute(origin, "data-busy", busy !== "");
		attribute(origin, "title", tooltip([busy, text, ...record?.origin.notes ?? []].filter(Boolean).join("\n")));
	}
	function chipsOf(state, record) {
		const tensors = record.tensors.slice(0, CHIPS).map((tensor, i) => {
			const { name: name2, dtype, shape: lengths, device } = tensor.facts;
			const text = `${shorten(name2, 40)} ${dtype} ${shape(lengths)} ${device}`;
			const toggle2 = () => store.set({ tensor: store.get().tensor === i ? null : i });
			return h("button", { type: "button", class: "nb-chip", "aria-expanded": state.tensor === i ? "true" : "false", title: tooltip(`${name2}: all facts and first values`), onclick: toggle2 }, text);
		});
		const more = record.tensors.length - CHIPS;
		const rest = record.tensors.slice(CHIPS).map((tensor) => `${tensor.facts.name} ${tensor.facts.dtype} ${shape(tensor.facts.shape)}`);
		return [
			...tensors,
			more > 0 && h("span", { class: "nb-chip", title: tooltip(rest.join("\n")) }, `+${more}`),
			h("span", { class: "nb-chip" }, record.training ? "train mode" : "eval mode"),
			record.autocast && h("span", { class: "nb-chip" }, `autocast ${record.autocast}`),
			!record.grad_enabled && h("span", { class: "nb-chip" }, "no grad")
		];
	}
	function writeButtons(state) {
		const validation = state.batch?.batch.origin.split === "validation";
		say(buttons.validation, validation ? "Train" : "Validation");
		for (
			const [name2, element2] of
			/** @type {[Ability, HTMLButtonElement][]} */
			Object.entries(buttons)
		) {
			const pending = state.pending.includes(name2 === "validation" ? "split" : name2);
			const reason = reasonAgainst(state, name2, validation);
			attribute(element2, "aria-disabled", reason || pending ? "true" : null);
			attribute(element2, "aria-busy", pending ? "true" : null);
			attribute(element2, "title", reason ? tooltip(`Not now: ${reason}`) : pending ? "asked; the answer is on its way" : null);
			attribute(element2, "aria-description", reason || null);
		}
	}
}
function reasonAgainst(state, name2, validation) {
	if (state.status.state === "closed") return state.status.text || "this view is closed";
	if (state.status.can[name2]) return "";
	return state.status.why?.[name2] || (name2 === "validation" && validation ? "there is no training loader" : WHY_NOT[name2]);
}
function button(text, act, key) {
	return h(
		"button",
		{
			type: "button",
			"aria-keyshortcuts": key,
			onclick: (event) => {
				if (
					/** @type {Element} */
					event.currentTarget.getAttribute("aria-disabled") !== "true"
				) act();
			}
		},
		text,
		key && h("kbd", { "aria-hidden": true }, key)
	);
}

// src/grid.js
function createGrid({ select: select2, hover }) {
	const head = h("div", { class: "nb-head", role: "presentation" });
	const space = h("div", { class: "nb-space", role: "presentation" });
	const empty = h("p", { class: "nb-empty", hidden: true }, "No sample matches: clear the filter.");
	const scroller = h("div", { class: "nb-scroller", role: "grid", "aria-label": "Samples of the batch" }, head, space, empty);
	const built = new Map();
	const pool = [];
	const drawn = new WeakMap();
	let kind = null;
	let order = [];
	let selected = -1;
	let position = 0;
	let drawing = 0;
	let layout = layOut({ width: 800, count: 0, cellWidth: 80, cellHeight: 80, gap: 0 });
	let frame = 0;
	let part = "";
	const sight = () => ({ width: scroller.clientWidth || 800, height: (scroller.clientHeight || 430) - head.offsetHeight });
	const across = () => ({ left: scroller.scrollLeft, width: sight().width });
	const focusedHere = () => {
		const root = (
			/** @type {Document | ShadowRoot} */
			scroller.getRootNode()
		);
		return root.activeElement !== null && scroller.contains(root.activeElement) && root.activeElement !== scroller;
	};
	function arrangeCells() {
		if (!kind) return;
		const held = focusedHere();
		layout = layOut({ width: sight().width - (kind.single ? 0 : 2), count: order.length, cellWidth: kind.cellWidth, cellHeight: kind.cellHeight, gap: kind.gap, single: kind.single });
		space.style.height = `${Math.max(layout.rows * layout.rowHeight - kind.gap, 0) + 2}px`;
		space.style.width = kind.single && kind.cellWidth > sight().width ? `${kind.cellWidth}px` : "";
		attribute(scroller, "aria-rowcount", layout.rows);
		attribute(scroller, "aria-colcount", layout.columns);
		empty.hidden = order.length > 0;
		render3();
		if (held) cellAt(position)?.focus({ preventScroll: true });
	}
	function render3(all = true) {
		if (!kind) return;
		const { first, last } = visibleRows(layout, scroller.scrollTop, sight().height);
		const wanted = new Set(Array.from({ length: last - first }, (_, i) => first + i));
		if (order.length) wanted.add(Math.floor(position / layout.columns));
		for (const [row, element] of built) {
			if (wanted.has(row)) continue;
			element.remove();
			built.delete(row);
			pool.push(element);
		}
		for (const row of wanted) placeRow(row, all);
		pool.length = Math.min(pool.length, 8);
	}
	function placeRow(row, all) {
		let element = built.get(row);
		if (element && !all) return;
		if (!element) {
			element = pool.pop() ?? h("div", { class: "nb-row", role: "row" });
			built.set(row, element);
			space.append(element);
		}
		attribute(element, "aria-rowindex", row + 1);
		element.style.top = `${row * layout.rowHeight}px`;
		element.style.height = `${layout.cellHeight}px`;
		const start = row * layout.columns;
		const cells = Math.min(layout.columns, order.length - start);
		while (element.children.length > cells) element.lastElementChild?.remove();
		while (element.children.length < cells) element.append(h("div", { class: "nb-cell", role: "gridcell" }));
		for (let column = 0; column < cells; column++) placeCell(
			/** @type {HTMLElement} */
			element.children[column],
			start + column,
			column
		);
	}
	function placeCell(cell, at, column) {
		if (!kind) return;
		const sample = order[at];
		cell.style.left = `${column * (layout.cellWidth + layout.gap)}px`;
		cell.style.width = `${layout.cellWidth}px`;
		cell.dataset.at = String(at);
		attribute(cell, "aria-colindex", column + 1);
		attribute(cell, "aria-selected", sample === selected ? "true" : "false");
		attribute(cell, "tabindex", at === position ? 0 : -1);
		const before = drawn.get(cell);
		if (before?.sample === sample && before.drawing === drawing) return;
		drawn.set(cell, { sample, drawing });
		attribute(cell, "aria-label", kind.name(sample));
		kind.draw(cell, sample, across());
	}
	const cellAt = (at) => scroller.querySelector(`.nb-cell[data-at="${at}"]`);
	function focus(at) {
		position = at;
		scroller.scrollTop = scrollTo(layout, Math.floor(at / layout.columns), scroller.scrollTop, sight().height);
		render3();
		cellAt(at)?.focus({ preventScroll: true });
	}
	function positionOf(event) {
		const cell = (
			/** @type {HTMLElement | null} */
			/** @type {Element} */
			event.target.closest?.(".nb-cell")
		);
		return cell ? Number(cell.dataset.at) : -1;
	}
	scroller.addEventListener("scroll", () => {
		cancelAnimationFrame(frame);
		frame = requestAnimationFrame(follow);
	});
	scroller.addEventListener("click", (event) => {
		const at = positionOf(event);
		if (at < 0) return;
		focus(at);
		select2(order[at]);
	});
	scroller.addEventListener("keydown", (event) => {
		const at = positionOf(event);
		if (at < 0 || event.altKey || event.metaKey) return;
		if (event.key === "Enter" || event.key === " ") select2(order[at]);
		else {
			const page = Math.max(1, Math.floor(sight().height / layout.rowHeight));
			const to = move(event.key, event.ctrlKey, at, { columns: layout.columns, count: order.length, page });
			if (to === null) return;
			if (kind?.single && /Left|Right/.test(event.key)) scroller.scrollLeft += event.key === "ArrowLeft" ? -72 : 72;
			else focus(to);
		}
		event.preventDefault();
		event.stopPropagation();
	});
	scroller.addEventListener("pointermove", (event) => {
		const at = positionOf(event);
		hover(at >= 0 && kind ? kind.probe(order[at], event) : "");
	});
	scroller.addEventListener("pointerleave", () => hover(""));
	function renew() {
		drawing++;
		part = kind?.part?.(across()) ?? "";
		fill(head, kind?.head?.(across()));
	}
	function follow() {
		const moved = kind?.part !== void 0 && kind.part(across()) !== part;
		if (moved) renew();
		render3(moved);
	}
	const watch = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => {
		if (kind?.part && kind.part(across()) !== part) renew();
		arrangeCells();
	});
	watch?.observe(scroller);
	return {
		element: scroller,
		/**
		 * Shows other samples, or the same in another way; the sample in focus keeps it where it is still there.
		 * @param {Kind} next
		 * @param {number[]} samples
		 */
		show(next, samples) {
			const held = order[position];
			kind = next;
			order = samples;
			position = Math.max(order.indexOf(held), 0);
			if (!held && selected >= 0) position = Math.max(order.indexOf(selected), 0);
			renew();
			arrangeCells();
		},
		/** @param {number} sample */
		mark(sample) {
			if (sample === selected) return;
			selected = sample;
			if (!focusedHere()) position = Math.max(order.indexOf(sample), 0);
			render3();
		},
		/** Brings a sample into sight. @param {number} sample */
		reveal(sample) {
			const at = order.indexOf(sample);
			if (at < 0) return;
			position = at;
			scroller.scrollTop = scrollTo(layout, Math.floor(at / layout.columns), scroller.scrollTop, sight().height);
			render3();
		},
		destroy() {
			watch?.disconnect();
			cancelAnimationFrame(frame);
		}
	};
}

// src/toolbar.js
function createToolbar(store) {
	const set = store.set;
	const modes = {
		fed: toggle("As fed", () => set({ mode: "fed" })),
		denormalised: toggle("De-normalised", () => set({ mode: "denormalised" })),
		both: toggle("Both", () => set({ mode: "both" }))
	};
	const modeGroup = h("span", { class: "nb-segment", role: "group", "aria-label": "Values shown" }, ...Object.values(modes));
	const item = select("Show", (value) => set({ item: Number(value), channel: null }));
	const channel = select("Channel", (value) => set({ channel: value === "" ? null : Number(value) }));
	const sort = select("Sort", (value) => set({ sort: (
		/** @type {import("./types.js").SortKey} */
		value
	) }));
	const turn = h("button", { type: "button", class: "nb-turn", onclick: () => set({ descending: !store.get().descending }) });
	sort.element.append(turn);
	const label = select("Label", (value) => set({ label: value }));
	const size = slider("Size", 32, 256, 4, (value) => set({ size: value }));
	const masks = toggle("Masks", () => set({ masks: !store.get().masks }));
	const opacity = slider("Opacity", 0, 1, 0.05, (value) => set({ opacity: value }));
	const boxes = toggle("Boxes", () => set({ boxes: !store.get().boxes }));
	const drop = h("button", { type: "button", onclick: () => set({ compare: false }) }, "✕ Drop comparison");
	const only = h("button", { type: "button", onclick: () => set({ only: null }) });
	const legend = h("div", { class: "nb-legend" });
	const tools = h("div", { class: "nb-tools" }, item.element, modeGroup, channel.element, masks, opacity.element, boxes, drop, only, h("span", { class: "nb-order" }, sort.element, label.element, size.element));
	const element = h("div", { class: "nb-toolbar" }, tools, legend);
	let before = null;
	return {
		element,
		update(state) {
			if (!changed(before, state, ["batch", "previous", "compare", "item", "mode", "channel", "size", "sort", "descending", "label", "only", "masks", "opacity", "boxes"])) return;
			const fresh = changed(before, state, ["batch", "item", "masks", "mode", "channel"]);
			before = state;
			const shown = itemOf(state);
			if (fresh) options(state, shown);
			writeModes(state, shown);
			size.set(state.size);
			opacity.set(state.opacity);
			size.element.hidden = !shown || shown.decoder === "table";
			const masked = Boolean(state.batch?.masks) && state.item === 0 && isPictures(shown);
			masks.hidden = !masked;
			opacity.element.hidden = !masked || !state.masks;
			attribute(masks, "aria-pressed", String(state.masks));
			boxes.hidden = !state.batch?.boxes || state.item !== 0 || !isPictures(shown);
			attribute(boxes, "aria-pressed", String(state.boxes));
			hide(drop, !earlierOf(state), element);
			hide(only, !state.only, element);
			say(only, state.only ? `✕ ${shorten(state.only.text, 40)}` : "");
			attribute(only, "title", state.only ? tooltip(`Only samples of: ${state.only.text}. Click to show all.`) : null);
			say(turn, state.descending ? "↓" : "↑");
			attribute(turn, "aria-label", state.descending ? "Descending; make it ascending" : "Ascending; make it descending");
			if (fresh) fill(legend, ...legendOf(state, shown));
			legend.hidden = legend.childElementCount === 0;
		}
	};
	function options(state, shown) {
		const { batch } = state;
		const all = batch ? items(batch) : [];
		const inputs = batch?.inputs.length ?? 0;
		item.set(all.map((entry, i) => [String(i), `${shorten(entry.name, 40)}${i < inputs ? "" : " (target)"}`]), String(state.item), all.length < 2);
		channel.set(channelOptions(shown), state.channel === null ? "" : String(state.channel));
		const keys = (
			/** @type {import("./types.js").SortKey[]} */
			["index", "label", "mean", "loss"]
		);
		const usable = keys.filter((key) => key === "index" || batch && sortValues(batch, key, shown?.name ?? ""));
		sort.set(usable.map((key) => [key, key]), state.sort, usable.length < 2 && (batch?.batch.size ?? 0) < 2);
		const classes = classCounts(batch?.labels ?? null);
		label.set([["", "all"], ...classes.map((entry) => (
			/** @type {[string, string]} */
			[entry.name, `${shorten(entry.name, 40)} (${count(entry.count)})`]
		))], state.label, classes.length === 0);
	}
	function writeModes(state, shown) {
		modeGroup.hidden = !isPictures(shown) || shown.kind !== "image";
		const known = isPictures(shown) && shown.normalisation !== null;
		for (const [name2, button2] of Object.entries(modes)) {
			const off = !known && name2 !== "fed";
			attribute(button2, "aria-pressed", String(known ? state.mode === name2 : name2 === "fed"));
			attribute(button2, "aria-disabled", off ? "true" : null);
			attribute(button2, "title", off && isPictures(shown) ? tooltip(`Not needed: ${shown.normalisation_note || "no normalisation is known"}`) : null);
		}
	}
}
function hide(button2, hidden, toolbar) {
	const held = (
		/** @type {Document | ShadowRoot} */
		button2.getRootNode().activeElement === button2
	);
	button2.hidden = hidden;
	if (!hidden || !held) return;
	const controls = [...toolbar.querySelectorAll("button, select, input")];
	controls.find((control) => !control.closest("[hidden]"))?.focus();
}
function channelOptions(shown) {
	if (!shown || !("channels" in shown) || shown.channels.length < 2) return [];
	const names = shown.channels.map((name2, c) => (
		/** @type {[string, string]} */
		[String(c), shorten(name2, 30)]
	));
	if (!isPictures(shown)) return [["", "all"], ...names];
	return isColour(shown) ? [["", "colour"], ...names] : names;
}
function legendOf(state, shown) {
	if (!shown) return [];
	const parts = [h("span", { class: "nb-fact" }, sourceOf(shown))];
	if (isPictures(shown)) {
		const look = lookOf(shown, state.mode === "denormalised" ? "denormalised" : "fed", state.channel);
		parts.push(h("span", { class: "nb-fact" }, brief(look.from), colourBar(look), brief(look.to)));
		if (shown.clipped > 0) parts.push(h("span", { class: "nb-fact" }, `${brief(100 * shown.clipped)} % clipped`));
		if (shown.marks) parts.push(h("span", { class: "nb-fact" }, h("span", { class: "nb-swatch nb-mark", "aria-hidden": true }), "NaN, ±Inf"));
		if (state.batch?.masks && state.masks && state.item === 0) parts.push(...classLegend(state.batch.masks));
	} else if ("channels" in shown && shown.channels.length > 1) {
		parts.push(...shown.channels.slice(0, 8).map((name2, c) => swatch(c, name2)));
	}
	return parts;
}
function sourceOf(shown) {
	if (shown.decoder === "text") return `text from ${shown.source}; outlined: special${shown.attended ? "; struck through: masked out" : ""}`;
	if (shown.decoder === "table") return `shaded per feature, least (blue) to greatest (orange)${shown.total_features > shown.features.length ? `; first ${shown.features.length} of ${count(shown.total_features)} features` : ""}`;
	if (!isPictures(shown)) return `${count(shown.length)} steps${shown.sample_rate ? ` at ${count(shown.sample_rate)} Hz` : ""}`;
	const more = shown.total_channels > shown.channels.length ? `; first ${shown.channels.length} of ${count(shown.total_channels)} channels` : "";
	if (!shown.normalisation) return `${shown.normalisation_note || (shown.kind === "values" ? "value map" : "no normalisation known")}${more}`;
	const { mean, std, source } = shown.normalisation;
	return `mean ${mean.map(brief).join(" ")}  std ${std.map(brief).join(" ")}  (${shorten(source, 80)})${more}`;
}
function colourBar(look) {
	const stops = Array.from({ length: 9 }, (_, i) => {
		const byte = Math.round(255 * i / 8);
		return look.map ? css(
			/** @type {import("./colour.js").Rgb} */
			look.tables.map((table2) => table2[mapByte(look, i / 8)])
		) : css([byte, byte, byte]);
	});
	const bar = h("span", { class: "nb-bar", role: "img", "aria-label": `colours from ${brief(look.from)} to ${brief(look.to)}` });
	bar.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
	return bar;
}
var mapByte = (look, at) => Math.min(Math.max(Math.round(look.byteOf(look.from + at * (look.to - look.from))), 0), 255);
function classLegend(masks) {
	const present = new Set(masks.classes.data);
	const shown = masks.names.map((_, i) => i).filter((i) => present.has(i));
	const rest = shown.length - 12;
	return [...shown.slice(0, 12).map((i) => swatch(i, masks.names[i])), ...rest > 0 ? [h("span", { class: "nb-fact" }, `+${rest} classes`)] : []];
}
function swatch(index, name2) {
	const square = h("span", { class: "nb-swatch", "aria-hidden": true });
	square.style.background = css(classColour(index));
	return h("span", { class: "nb-fact", title: tooltip(name2) }, square, shorten(name2, 24));
}
function toggle(text, act) {
	return h(
		"button",
		{
			type: "button",
			onclick: (event) => {
				if (
					/** @type {Element} */
					event.currentTarget.getAttribute("aria-disabled") !== "true"
				) act();
			}
		},
		text
	);
}
function select(text, act) {
	const control = h("select", { "aria-label": text, onchange: () => act(control.value) });
	const element = h("span", { class: "nb-control" }, h("span", { "aria-hidden": true }, text), control);
	return {
		element,
		/** @param {[string, string][]} choices @param {string} value @param {boolean} [hidden] */
		set(choices, value, hidden = choices.length === 0) {
			const same = choices.length === control.options.length && choices.every(([key, name2], i) => control.options[i].value === key && control.options[i].text === name2);
			if (!same) fill(control, ...choices.map(([key, name2]) => h("option", { value: key }, name2)));
			control.value = value;
			if (control.selectedIndex < 0 && choices.length) control.selectedIndex = 0;
			element.hidden = hidden;
		}
	};
}
function slider(text, min, max, step, act) {
	const control = h("input", { type: "range", min, max, step, "aria-label": text, oninput: () => act(Number(control.value)) });
	const element = h("label", { class: "nb-control" }, h("span", { "aria-hidden": true }, text), control);
	return {
		element,
		/** @param {number} value */
		set(value) {
			if (Number(control.value) !== value) control.value = String(value);
		}
	};
}

// src/main.js
function kindOf(state) {
	const item = itemOf(state);
	if (!item) return null;
	if (isPictures(item)) return pictureCells(state);
	if (item.decoder === "text") return tokenCells(state, item);
	return item.decoder === "table" ? tableCells(state, item) : seriesCells(state, item);
}
function createMain(store) {
	const toolbar = createToolbar(store);
	const readout = h("span", { class: "nb-under" });
	const shown = h("span", { class: "nb-tally", role: "status" });
	const grid = createGrid({
		select: (sample) => store.set({ selected: sample }),
		hover: (text) => say(readout, shorten(text, 400))
	});
	const nothing = h("p", { class: "nb-empty" });
	const element = h("section", { class: "nb-main", "aria-label": "Batch" }, toolbar.element, nothing, grid.element, h("div", { class: "nb-foot" }, shown, readout));
	let before = null;
	return {
		element,
		update(state) {
			toolbar.update(state);
			const fresh = changed(before, state, ["batch", "previous", "compare", "item", "mode", "channel", "size", "order", "masks", "opacity", "boxes"]);
			const chosen = changed(before, state, ["selected"]);
			if (!state.batch && changed(before, state, ["status"])) show(state);
			before = state;
			if (fresh) show(state);
			grid.mark(state.selected);
			if (chosen && fresh) grid.reveal(state.selected);
		},
		reveal: grid.reveal,
		destroy: grid.destroy
	};
	function show(state) {
		const kind = kindOf(state);
		nothing.hidden = kind !== null;
		grid.element.hidden = kind === null;
		toolbar.element.hidden = kind === null;
		const told = state.status.state === "error" ? "" : state.status.text;
		say(nothing, state.batch ? emptyText(state.batch.batch.size) : told || "The batch appears here as soon as one has entered the network.");
		say(shown, state.batch ? tally(state.order.length, state.batch.batch.size) : "");
		say(readout, "");
		if (kind) grid.show(kind, state.order);
	}
}
var emptyText = (size) => size === 0 ? "The batch is empty: its size is 0." : "Nothing here can be drawn; the statistics below and the notes above say what it is.";

// src/notices.js
function createNotices(store) {
	const bar = h("div", { class: "nb-progress" }, h("span"));
	const dismiss = h("button", { type: "button", class: "nb-plain", "aria-label": "Dismiss this message", onclick: () => store.set({ failure: null }) }, "✕");
	const text = h("span");
	const failure = h("div", { class: "nb-notice", "data-tone": "bad", role: "alert" }, h("span", { class: "nb-icon", "aria-hidden": true }, "✕"), text, dismiss);
	const lines = h("div", { class: "nb-lines" });
	const element = h("div", { class: "nb-notices" }, bar, failure, lines);
	let before = null;
	return {
		element,
		update(state) {
			bar.hidden = waitingFor(state) === "";
			failure.hidden = state.failure === null;
			say(text, shorten(state.failure ?? "", 4e3));
			if (changed(before, state, ["batch", "status", "tensor"])) fill(lines, ...noticesOf(state));
			before = state;
		}
	};
}
function noticesOf(state) {
	const { status, batch } = state;
	return [
		status.state === "error" ? notice("bad", "✕", status.text || "something went wrong in the kernel") : null,
		status.state === "closed" ? notice("muted", "■", status.text || "closed: what was sent can still be looked at") : null,
		status.state === "idle" && status.text ? notice("muted", "i", status.text) : null,
		status.stale ? notice("stale", "▲", status.stale) : null,
		batch?.batch.error ? errorBox(batch.batch.error) : null,
		batch ? notes([...batch.batch.origin.notes, ...batch.notes]) : null,
		batch && state.tensor !== null && batch.batch.tensors[state.tensor] ? tensorCard(batch.batch.tensors[state.tensor]) : null
	];
}
function notice(tone, icon, text) {
	return h("div", { class: "nb-notice", "data-tone": tone }, h("span", { class: "nb-icon", "aria-hidden": true }, icon), h("span", {}, shorten(text, 4e3)));
}
function errorBox(error) {
	const box = notice("bad", "✕", "the forward pass raised; the batch below is what it got");
	box.append(h("pre", {}, shorten(error, 8e3)));
	return box;
}
function notes(sentences) {
	if (!sentences.length) return null;
	if (sentences.length === 1) return notice("muted", "i", sentences[0]);
	const list = sentences.map((sentence2) => h("li", {}, shorten(sentence2, 1e3)));
	return h("details", { class: "nb-notice", "data-tone": "muted" }, h("summary", {}, `${plural(sentences.length, "note")}: ${shorten(sentences[0], 120)}`), h("ul", {}, ...list));
}
function tensorCard({ facts, preview, note }) {
	const integer = integral(facts.dtype);
	const strides = facts.strides.length ? `, strides ${shape(facts.strides)}` : "";
	const values = Array.from(preview.data, (value) => figure(value, integer)).join("  ");
	const pairs = [
		[facts.role, facts.name],
		["type", `${facts.dtype} ${shape(facts.shape)} on ${facts.device}`],
		["memory", `${facts.layout}${strides}`],
		["gradient", facts.requires_grad ? "required" : "not required"],
		["first values", values || "none"]
	];
	if (note) pairs.push(["note", note]);
	const card = h("dl", { class: "nb-card" });
	for (const [name2, value] of pairs) card.append(h("dt", {}, name2), h("dd", { title: tooltip(value) }, shorten(value, 1200)));
	attribute(card, "aria-label", `Facts of ${shorten(facts.name, 80)}`);
	return card;
}

// src/picked.js
function createPicked(model, names, follow) {
	const values = () => names.map((name2) => model.get(name2) ?? null);
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
	for (const name2 of names) model.on(`change:${name2}`, heard);
	return {
		values,
		/** Tells Python what a person has picked. @param {any[]} picked a value for each trait */
		tell(picked) {
			if (JSON.stringify(picked) === last) return;
			last = JSON.stringify(picked);
			names.forEach((name2, i) => model.set(name2, picked[i]));
			save(model);
		},
		close() {
			open = false;
			for (const name2 of names) model.off(`change:${name2}`, heard);
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

// src/samples.js
var KEPT = 24;
function createSamples(ask, arrived) {
	const kept = new Map();
	let wanted = null;
	let flying = false;
	let generation = 0;
	const keyOf = (name2, sample) => `${sample} ${name2}`;
	function next() {
		if (flying || !wanted) return;
		const { name: name2, sample } = wanted;
		const asked = generation;
		wanted = null;
		if (kept.has(keyOf(name2, sample))) return;
		flying = true;
		ask("sample", { name: name2, sample }).then(
			(payload) => ({ values: payload.values, note: String(payload.note ?? "") }),
			(error) => ({ values: null, note: String(error.message) })
		).then((answer) => {
			flying = false;
			if (asked === generation) {
				kept.set(keyOf(name2, sample), answer);
				for (const key of kept.keys()) if (kept.size > KEPT) kept.delete(key);
				arrived();
			}
			next();
		});
	}
	return {
		/**
		 * What is known of a sample; asks for it where nothing is, after the answer under way, and only for the latest wish.
		 * @param {string} name @param {number} sample
		 */
		want(name2, sample) {
			const answer = kept.get(keyOf(name2, sample));
			if (!answer) {
				wanted = { name: name2, sample };
				next();
			}
			return answer;
		},
		/** Forgets what belongs to an earlier batch, and ignores answers that still come for it. */
		clear() {
			generation++;
			kept.clear();
			wanted = null;
			flying = false;
		}
	};
}

// src/statistics.js
var FIRST = 16;
var HEADS = ["min", "mean", "std", "max", "zeros", "NaN", "Inf"];
function rowName({ facts, statistics }, row) {
	if (!statistics || statistics.axis === "all") return facts.name;
	const name2 = statistics.names[row] ?? String(row);
	if (!/^\d+$/.test(name2)) return `${facts.name} · ${name2}`;
	return facts.shape[1] === statistics.names.length ? `${facts.name}[:, ${name2}]` : `${facts.name}[…, ${name2}]`;
}
function rowsOf(tensor, open) {
	const all = tensor.statistics?.names.length ?? 0;
	const suspicious = new Set(tensor.findings.filter((finding) => finding.level === "warn").map((finding) => finding.row));
	const warned = [...suspicious].filter((row) => row !== null && row >= FIRST && row < all).slice(0, FIRST);
	const rows = Array.from({ length: open ? all : Math.min(all, FIRST) }, (_, row) => row);
	return open ? rows : [...rows, ...warned.map(Number).sort((a, b) => a - b)];
}
function createStatistics(store) {
	const body = h("tbody");
	const head = h("tr", {}, h("th", { scope: "col" }, "tensor"), ...HEADS.map((name2) => h("th", { scope: "col", class: "nb-number" }, name2)), h("th", { scope: "col", class: "nb-findings" }, h("span", { class: "nb-unseen" }, "findings")));
	const table2 = h("table", {}, h("caption", { class: "nb-unseen" }, "Statistics of every tensor"), h("thead", {}, head), body);
	const element = h("div", { class: "nb-statistics", tabindex: 0, role: "region", "aria-label": "Statistics" }, table2);
	const open = new Set();
	let before = null;
	function draw(state) {
		element.hidden = !state.batch;
		const record = state.batch?.batch;
		if (!record) return;
		fill(body, ...record.tensors.flatMap(tensorRows), ...batchRow(record.findings));
	}
	function tensorRows(tensor) {
		const whole = tensor.findings.filter((finding2) => finding2.row === null);
		const { statistics, facts } = tensor;
		if (!statistics) {
			return [h("tr", {}, name(facts.name), h("td", { colspan: HEADS.length, class: "nb-note" }, tensor.note || "values cannot be read"), findings(whole))];
		}
		const opened = open.has(facts.name);
		const rows = rowsOf(tensor, opened);
		const elements = rows.map((row, i) => statisticsRow(tensor, row, [...i === 0 ? whole : [], ...tensor.findings.filter((finding2) => finding2.row === row)]));
		if (statistics.names.length > FIRST) elements.push(foldRow(facts.name, statistics.names.length, opened));
		return elements;
	}
	function statisticsRow(tensor, row, found) {
		const s = (
			/** @type {import("./types.js").Statistics} */
			tensor.statistics
		);
		const integer = integral(tensor.facts.dtype);
		const infinite = s.posinf.data[row] + s.neginf.data[row];
		return h(
			"tr",
			{},
			name(rowName(tensor, row)),
			number(figure(s.min.data[row], integer)),
			number(figure(s.mean.data[row])),
			number(figure(s.std.data[row])),
			number(figure(s.max.data[row], integer)),
			number(share(s.zeros.data[row], s.count.data[row])),
			number(s.nan.data[row] ? `▲ ${count(s.nan.data[row])}` : "0", s.nan.data[row] > 0),
			number(infinite ? `▲ ${count(infinite)}` : "0", infinite > 0, `+Inf ${count(s.posinf.data[row])}, −Inf ${count(s.neginf.data[row])}`),
			findings(found)
		);
	}
	function foldRow(tensor, all, opened) {
		const act = () => {
			if (opened) open.delete(tensor);
			else open.add(tensor);
			if (before) draw(before);
			[...body.querySelectorAll("button[data-fold]")].find((button2) => (
				/** @type {HTMLElement} */
				button2.dataset.fold === tensor
			))?.focus();
		};
		const text = opened ? `show the first ${FIRST} only` : `show all ${count(all)}`;
		return h("tr", {}, h("td", { colspan: HEADS.length + 2 }, h("button", { type: "button", class: "nb-plain", "data-fold": tensor, onclick: act }, text)));
	}
	function batchRow(found) {
		return found.length ? [h("tr", {}, name("batch"), h("td", { colspan: HEADS.length }), findings(found))] : [];
	}
	function findings(found) {
		return h("td", { class: "nb-findings" }, ...found.map(finding));
	}
	function finding({ level, text, samples }) {
		const words = `${level === "warn" ? "▲" : "●"} ${shorten(text, 200)}`;
		const tone = level === "warn" ? "warn" : "ok";
		if (!samples.length) return h("span", { class: "nb-finding", "data-tone": tone, title: tooltip(text) }, words);
		const act = () => store.set({ only: { text, samples }, label: "", selected: samples[0] });
		return h("button", { type: "button", class: "nb-finding nb-plain", "data-tone": tone, title: tooltip(`${text}
Click to show only ${plural(samples.length, "such sample")}.`), onclick: act }, words);
	}
	return {
		element,
		update(state) {
			if (changed(before, state, ["batch"])) draw(state);
			before = state;
		},
		focus() {
			const first = (
				/** @type {HTMLElement | null} */
				body.querySelector('[data-tone="warn"]')
			);
			first?.scrollIntoView?.({ block: "nearest" });
			(first?.tagName === "BUTTON" ? first : element).focus();
		}
	};
}
var name = (text) => h("th", { scope: "row", title: tooltip(text) }, shorten(text, 48));
var number = (text, bad = false, title) => h("td", { class: `nb-number${text === "0" ? " nb-faint" : ""}`, "data-tone": bad ? "warn" : null, title }, text);

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
		const named = ["--jp-layout-color1", "--vscode-editor-background"].some((name2) => style.getPropertyValue(name2).trim());
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

// src/batch.js
var SILENT = { state: "idle", text: "", stale: null, follow: false, can: { next: false, again: false, validation: false, predict: false } };
var INITIAL = {
	batch: null,
	previous: null,
	compare: true,
	status: SILENT,
	item: 0,
	mode: "fed",
	channel: null,
	size: 70,
	sort: "index",
	descending: false,
	label: "",
	only: null,
	selected: 0,
	masks: true,
	opacity: 0.45,
	boxes: true,
	pending: [],
	failure: null,
	tensor: null,
	order: [],
	version: 0,
	arrivals: 0
};
function derive(state, before) {
	const { batch } = state;
	if (!batch) return { ...state, order: [] };
	const last = Math.max(batch.batch.size - 1, 0);
	const item = Math.min(state.item, Math.max(items(batch).length - 1, 0));
	const named = state.label && batch.labels?.classes.includes(state.label) ? state.label : "";
	const next = { ...state, item, label: named, selected: Math.min(state.selected, last) };
	const order = arrange(batch, next, itemOf(next)?.name ?? "");
	const same = order.length === before.order.length && order.every((sample, i) => sample === before.order[i]);
	return { ...next, order: same ? before.order : order };
}
function arrive(state, batch) {
	const shape2 = batch ? items(batch)[state.item] : null;
	const old = itemOf(state);
	const alike = shape2?.decoder === old?.decoder && shape2?.name === old?.name;
	const losses = state.sort === "loss" && !batch?.losses;
	return {
		batch,
		only: null,
		version: state.version + 1,
		item: alike ? state.item : 0,
		channel: alike ? state.channel : null,
		sort: losses ? "index" : state.sort,
		size: state.batch || !batch ? state.size : sizeFor(batch)
	};
}
function sizeFor(batch) {
	const first = batch.inputs[0];
	if (!first || !("planes" in first)) return 70;
	const side = Math.max(...first.size);
	const longest = Math.max(0, ...(batch.labels?.text ?? []).map((text) => text.length));
	const roomy = side > 48 || batch.batch.size <= 16 ? 104 : longest > 4 ? 92 : 70;
	return batch.batch.size === 1 ? 256 : batch.batch.size <= 4 ? 180 : roomy;
}
function render2({ model, el }) {
	const requests = createRequests(model);
	const store = createStore(INITIAL, derive);
	const samples = createSamples(requests.ask, () => store.set({ arrivals: store.get().arrivals + 1 }));
	function ask(method, params) {
		if (store.get().pending.includes(method)) return;
		store.set({ pending: [...store.get().pending, method], failure: null });
		const done = () => store.get().pending.filter((entry) => entry !== method);
		requests.ask(method, params).then(
			() => store.set({ pending: done() }),
			(error) => store.set({ pending: done(), failure: error.message })
		);
	}
	const statistics = createStatistics(store);
	const main = createMain(store);
	const [header, notices, detail] = [createHeader(store, { ask, findings: statistics.focus }), createNotices(store), createDetail(store, samples, requests.ask)];
	const views = [header, notices, main, detail, statistics];
	const body = h("div", { class: "nb-body" }, main.element, detail.element);
	const sheet = h("div", { class: "nb-sheet" }, header.element, notices.element, body, statistics.element);
	const root = h("div", { class: "nbinspect", onkeydown: shortcut, onfocusin: keepKeys }, sheet);
	function shortcut(event) {
		const target = (
			/** @type {Element} */
			event.target
		);
		if (event.key !== "n" || event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) return;
		const { status: status2 } = store.get();
		if (status2.can.next && status2.state !== "closed") ask("next");
		event.preventDefault();
		event.stopPropagation();
	}
	let led = false;
	function read() {
		led = true;
		try {
			samples.clear();
			store.set(arrive(store.get(), unpack(model.get("shown"))));
		} catch (error) {
			store.set({ failure: `the batch could not be read: ${error instanceof Error ? error.message : error}` });
		} finally {
			led = false;
		}
	}
	const picked = createPicked(model, ["sample"], follow);
	function follow([sample]) {
		if (sample === null) return;
		led = true;
		store.set({ selected: sample, ...store.get().order.includes(sample) ? {} : { only: null, label: "" } });
		led = false;
		main.reveal(sample);
	}
	const compare = () => store.set({ previous: unpack(model.get("previous")), compare: true });
	const status = () => store.set({ status: model.get("status") ?? SILENT });
	el.append(root);
	const unfollow = followTheme(root, sheet);
	let { selected } = store.get();
	const stop = store.subscribe((state) => {
		if (state.selected !== selected && !led) picked.tell([state.selected]);
		selected = state.selected;
		body.classList.toggle("nb-single", state.batch?.batch.size === 1);
		for (const view of views) view.update(state);
	});
	status();
	compare();
	read();
	follow(picked.values());
	model.on("change:shown", read);
	model.on("change:previous", compare);
	model.on("change:status", status);
	return () => {
		model.off("change:shown", read);
		model.off("change:previous", compare);
		model.off("change:status", status);
		picked.close();
		stop();
		unfollow();
		requests.close();
		for (const view of views) view.destroy?.();
		root.remove();
	};
}
var batch_default = { render: render2 };
export {
	batch_default as default,
	derive
};
