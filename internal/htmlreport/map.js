"use strict";
(() => {
	const data = JSON.parse(document.getElementById("data").textContent);
	const bytes = (s) => Uint8Array.from(atob(s || ""), (c) => c.charCodeAt(0));
	const k = bytes(data.k), v = bytes(data.v), importance = bytes(data.importance), moves = bytes(data.moves);
	const raw = 255, evicted = 254, steps = 16;
	const canvas = document.getElementById("map"), tip = document.getElementById("tip"), ctx = canvas.getContext("2d");
	const tokens = data.texts.length, strip = 56; // CSS pixels above the layers
	let kind = "both", first = 0, shown = tokens, hover = null, drag = null;

	const octaves = 12 * 8, most = importance.reduce((a, b) => Math.max(a, b), 0); // twelve doublings are told apart
	const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
	const scale = data.scale.map(rgb), rawColor = rgb(data.raw), evictedColor = rgb(data.evicted);

	// cell is the mean code of a token of a layer, or what it is instead.
	function cell(layer, token) {
		const a = k[layer * data.stored + token], b = v[layer * data.stored + token];
		if (kind === "k") return a;
		if (kind === "v") return b;
		if (a >= evicted) return a === b ? a : b;
		return b >= evicted ? a : (a + b) / 2;
	}
	function colorOf(c) {
		if (c === raw) return rawColor;
		if (c === evicted) return evictedColor;
		return scale[Math.min(scale.length - 1, Math.round((c / steps / data.most) * (scale.length - 1)))];
	}

	// cells is the picture with a pixel a cell.
	const cells = document.createElement("canvas");
	function paintCells() {
		cells.width = Math.max(1, tokens);
		cells.height = data.layers;
		const c = cells.getContext("2d"), image = c.createImageData(cells.width, cells.height);
		for (let l = 0; l < data.layers; l++) {
			for (let t = 0; t < data.stored; t++) {
				const at = 4 * (l * cells.width + t);
				image.data.set(colorOf(cell(l, t)), at);
				image.data[at + 3] = 255;
			}
		}
		c.putImageData(image, 0, 0);
	}

	function draw() {
		const ratio = window.devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight;
		canvas.width = Math.round(w * ratio);
		canvas.height = Math.round(h * ratio);
		ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
		const style = getComputedStyle(document.body), ink = style.getPropertyValue("--ink"), soft = style.getPropertyValue("--soft");
		const wide = w / shown, x = (t) => (t - first) * wide, rows = h - strip - 16, high = rows / data.layers;
		ctx.imageSmoothingEnabled = wide < 1;
		ctx.drawImage(cells, first, 0, shown, data.layers, 0, strip, w, rows);
		ctx.fillStyle = ink;
		for (let t = Math.floor(first); t < Math.min(first + shown, importance.length); t++) {
			const bar = Math.max(0, (importance[t] - most) / octaves + 1) * (strip - 14);
			ctx.fillRect(x(t), strip - 2 - bar, Math.max(0.6, wide - (wide > 4 ? 1 : 0)), bar);
		}
		ctx.fillStyle = "#d55e00";
		for (const t of data.sinks) ctx.fillRect(x(t), 2, Math.max(2, wide - 1), 6);
		ctx.font = "11px system-ui, sans-serif";
		ctx.fillStyle = soft;
		if ((tokens - data.stored) * wide > 44) ctx.fillText("recent", x(data.stored) + 4, strip + 14);
		const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000].find((n) => n * wide > 60) || 1e5;
		for (let t = Math.ceil(first / step) * step; t < first + shown; t += step) {
			ctx.fillRect(x(t), h - 16, 1, 4);
			ctx.fillText(String(t), Math.min(x(t) + 3, w - 34), h - 4);
		}
		if (data.prompt > first && data.prompt < first + shown) {
			ctx.fillStyle = "#d55e00";
			ctx.fillRect(x(data.prompt), strip, 1.5, rows);
		}
		if (hover) {
			ctx.strokeStyle = ink;
			ctx.lineWidth = 1;
			ctx.strokeRect(x(hover.token) - 0.5, strip - 0.5, Math.max(2, wide) + 1, rows + 1);
			if (hover.layer >= 0) ctx.strokeRect(-1, strip + hover.layer * high, w + 2, high);
		}
	}

	function clamp() {
		shown = Math.min(tokens, Math.max(8, shown));
		first = Math.min(tokens - shown, Math.max(0, first));
	}
	function zoom(factor, at) { // at: a token that stays where it is
		if (factor === 0) [first, shown] = [0, tokens];
		else {
			const part = (at - first) / shown;
			shown /= factor;
			clamp();
			first = at - part * shown;
		}
		clamp();
		draw();
	}
	const tokenAt = (e) => first + ((e.clientX - canvas.getBoundingClientRect().left) / canvas.clientWidth) * shown;

	function value(list, layer, token) {
		const c = list[layer * data.stored + token];
		return c === raw ? "as it came" : c === evicted ? "evicted" : (c / steps).toFixed(1);
	}
	function line(parent, text, name) {
		const e = document.createElement(name || "span");
		e.textContent = text;
		parent.append(e);
		return e;
	}
	function show(e, token, layer) {
		hover = { token, layer };
		tip.replaceChildren();
		line(tip, "token " + token + (token < data.prompt ? ", prompt" : ", generated") + "\n").className = "dim";
		line(tip, data.texts.slice(Math.max(0, token - 10), token).join(""));
		line(tip, data.texts[token] || "·", "b");
		line(tip, data.texts.slice(token + 1, token + 11).join("") + "\n");
		if (token < data.stored) {
			if (layer >= 0) line(tip, "layer " + layer + ": " + data.name + " of K " + value(k, layer, token) + ", V " + value(v, layer, token) + "\n");
			const i = importance[token];
			line(tip, data.bytes[token] + " bytes in all layers, moved " + moves[token] + " times" + (i ? ", importance " + Math.pow(2, (i - 128) / 8).toPrecision(2) : "")).className = "dim";
		} else line(tip, "in the recent window: as it came").className = "dim";
		tip.style.visibility = "visible";
		const room = document.documentElement.clientWidth - tip.offsetWidth - 12;
		tip.style.left = Math.max(4, Math.min(e.pageX + 14, room)) + "px";
		tip.style.top = e.pageY + 16 + "px";
		draw();
	}

	canvas.addEventListener("wheel", (e) => {
		e.preventDefault();
		zoom(e.deltaY < 0 ? 1.25 : 0.8, tokenAt(e));
	}, { passive: false });
	canvas.addEventListener("pointerdown", (e) => {
		drag = { x: e.clientX, first };
		canvas.setPointerCapture(e.pointerId);
	});
	canvas.addEventListener("pointerup", () => (drag = null));
	canvas.addEventListener("pointermove", (e) => {
		if (drag) {
			first = drag.first - ((e.clientX - drag.x) / canvas.clientWidth) * shown;
			clamp();
		}
		const y = e.clientY - canvas.getBoundingClientRect().top - strip, rows = canvas.clientHeight - strip - 16;
		const layer = Math.floor((y / rows) * data.layers), token = Math.min(tokens - 1, Math.floor(tokenAt(e)));
		show(e, token, layer < data.layers ? layer : -1);
	});
	canvas.addEventListener("pointerleave", () => {
		hover = null;
		tip.style.visibility = "hidden";
		draw();
	});
	canvas.addEventListener("keydown", (e) => {
		const middle = first + shown / 2;
		if (e.key === "+" || e.key === "=") zoom(1.5, middle);
		else if (e.key === "-") zoom(1 / 1.5, middle);
		else if (e.key === "0") zoom(0);
		else if (e.key === "ArrowLeft" || e.key === "ArrowRight") {
			first += (e.key === "ArrowLeft" ? -0.2 : 0.2) * shown;
			clamp();
			draw();
		} else return;
		e.preventDefault();
	});
	for (const b of document.querySelectorAll("button[data-zoom]")) b.addEventListener("click", () => zoom(Number(b.dataset.zoom), first + shown / 2));
	const kinds = document.querySelectorAll("button[data-kind]");
	for (const b of kinds) {
		b.addEventListener("click", () => {
			kind = b.dataset.kind;
			for (const o of kinds) o.setAttribute("aria-pressed", String(o === b));
			paintCells();
			draw();
		});
	}
	document.getElementById("text").addEventListener("click", (e) => {
		const t = e.target.dataset && e.target.dataset.t;
		if (t === undefined) return;
		shown = Math.min(tokens, 60);
		first = Number(t) - shown / 2;
		hover = { token: Number(t), layer: -1 };
		clamp();
		draw();
		canvas.scrollIntoView({ block: "center" });
	});
	const redraw = () => draw();
	window.addEventListener("resize", redraw);
	window.addEventListener("beforeprint", redraw);
	window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
	paintCells();
	draw();
})();
