"""The newest reading of a probe on a static page: what the network predicts for each sample, by the kind of task."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from nbinspect.figures.dynamics_pictures import bars, map_names, mapped, thumbnails, token_shades
from nbinspect.figures.dynamics_plots import Sheet, draw_numbers, short
from nbinspect.figures.dynamics_words import (
    CLASSES,
    guesses_in_words,
    probe_words,
    score,
    size_of,
    targets_in_words,
    token_words,
    wrong_pixels,
)
from nbinspect.figures.insets import paper
from nbinspect.figures.markup import Markup, fragment, image, tag
from nbinspect.figures.paper import cut
from nbinspect.figures.readable import picture
from nbinspect.figures.words import brief, clean
from nbinspect.records import Bytes, Flags, Floats, ProbeRecord, Reading

_SAMPLES, _TOKENS, _ACROSS = 48, 96, 8
_BARS = (24, 96)
"""Height and width of the bars of a sample, in pixels of the page."""
_GREY, _GREEN, _RED = (138, 148, 161), (0, 158, 115), (213, 80, 60)
_HEADS = ("sample", "target", "prediction", "loss", "confidence", "margin", "jitter", "flips", "forgotten")


def probe_exhibit(probe: ProbeRecord, readings: tuple[Reading, ...], reading: Reading | None) -> Markup:
    """Return a reading of a probe as HTML: a drawing by its task, and a table of the numbers of each sample."""
    told = (
        "" if reading is None else f" after step {reading.step:,}" + (f": {score(reading)}" if score(reading) else "")
    )
    head = tag("p", tag("b", f"Probe batch{told}"), tag("span", f" {probe_words(probe)}", class_="soft"))
    if reading is None or not size_of(probe):
        empty = "It was not read yet." if reading is None else "It is empty."
        return tag("section", head, tag("p", empty, class_="soft"), class_="probe")
    drawn = _drawn(probe, readings, reading)
    return tag("section", head, drawn, _table(probe, reading), class_="probe")


def _drawn(probe: ProbeRecord, readings: tuple[Reading, ...], reading: Reading) -> Markup | None:
    if not reading.values.size:
        return None
    if probe.task in CLASSES:
        words = "bars: probabilities, the target's green; below: target, prediction, its confidence and flips so far"
        return fragment(tag("p", words, class_="soft"), _sheet(probe, _class_cells(probe, reading)))
    if probe.task == "segmentation":
        return fragment(tag("p", *_swatches(probe)), _sheet(probe, _map_cells(probe, reading)))
    if probe.task == "language-model":
        return _sentences(probe, readings, reading)
    return _plot(probe, reading) if probe.targets is not None and probe.task == "regression" else None


def _sheet(probe: ProbeRecord, cells: Iterator[Markup]) -> Markup:
    shown = list(cells)
    left_out = size_of(probe) - len(shown)
    more = tag("p", f"the first {len(shown)} samples are shown", class_="soft") if left_out > 0 else None
    lines = [shown[start : start + _ACROSS] for start in range(0, len(shown), _ACROSS)]
    # a table, for it keeps its shape where a viewer drops the style
    rows = [tag("tr", *(tag("td", cell, class_="cell") for cell in line)) for line in lines]
    return fragment(tag("table", *rows, role="presentation", class_="sheet cells"), more)


def _class_cells(probe: ProbeRecord, reading: Reading) -> Iterator[Markup]:
    count = min(size_of(probe), _SAMPLES)
    targets, guesses = targets_in_words(probe), guesses_in_words(probe, reading)
    pictures, found = thumbnails(probe, count), bars(probe, reading)
    for n in range(count):
        right = int(reading.correct[n])
        judged = f"{'✕✓→'[right]} {clean(guesses[n], 60)}"
        shown = image(pictures[n], f"sample {n}", 72 / max(pictures[n].shape[:2])) if pictures else None
        told = f"probabilities of sample {n}: target {clean(targets[n], 60)}, {judged} {short(reading.confidence[n])}"
        barred = image(_barred(*(each[n] for each in found)), told, 0.5) if found is not None else None
        lines = (
            tag("div", clean(targets[n], 60) or f"sample {n}", class_="line", title=clean(targets[n]) or None),
            tag("div", judged, class_=f"line {('bad', 'ok', 'soft')[right]}", title=clean(guesses[n]) or None),
            tag("div", f"{short(reading.confidence[n])} flips {reading.flips[n]:,}", class_="line soft"),
        )
        yield fragment(shown, barred, *lines)


def _barred(chances: Floats, wanted: Flags, wrong: Flags) -> Bytes:
    """(h, w, 4): a bar a class on a clear ground, at twice the size that it is shown in."""
    height, width = (2 * side for side in _BARS)
    canvas = np.zeros((height, width, 4), dtype=np.uint8)
    edges = np.linspace(0, width, len(chances) + 1).round().astype(int)
    for place, (left, right) in enumerate(pairwise(edges)):
        colour = _GREEN if wanted[place] else _RED if wrong[place] else _GREY
        tall = max(2, round(float(chances[place]) * (height - 8)))
        gap = 1 if right - left > 3 else 0
        canvas[height - 6 - tall : height - 6, left + gap : right - gap] = (*colour, 255)
        if wanted[place]:
            canvas[height - 4 :, left + gap : right - gap] = (*colour, 255)
    return canvas


def _map_cells(probe: ProbeRecord, reading: Reading) -> Iterator[Markup]:
    count = min(size_of(probe), _SAMPLES)
    targets, maps = mapped(probe, probe.targets, count), mapped(probe, reading.values, count)
    for n, share in enumerate(wrong_pixels(probe, reading)[:count]):
        looks = [("target", targets[n])] if targets else []
        looks += [("prediction", maps[n])] if maps else []
        shown = [fragment(image(tile, f"{name} of sample {n}", 96 / max(tile.shape[:2])), " ") for name, tile in looks]
        wrong = f"{brief(100 * float(share))} % of pixels wrong" if np.isfinite(share) else ""
        names = " | ".join(name for name, _ in looks)
        pair = tag("div", *shown, class_="pair")
        yield fragment(pair, tag("div", names, class_="line soft"), tag("div", wrong, class_="line"))


def _swatches(probe: ProbeRecord) -> Iterator[Markup]:
    for name, colour in map_names(probe):
        yield fragment(tag("span", "■", style=f"color: #{bytes(colour).hex()}"), f" {clean(name, 40)} ")


def _sentences(probe: ProbeRecord, readings: tuple[Reading, ...], reading: Reading) -> Markup:
    shades = token_shades(readings, reading)
    words, rows = token_words(probe, shades.shape), []
    for n in range(min(len(words), _SAMPLES)):
        spans = [_token(word, float(shade)) for word, shade in zip(words[n][:_TOKENS], shades[n], strict=False)]
        if len(words[n]) > _TOKENS:
            spans.append(tag("span", f"… {len(words[n]) - _TOKENS} more", class_="soft"))
        rows.append(tag("tr", tag("th", short(float(reading.losses[n])), scope="row"), tag("td", *spans)))
    told = "the stronger the colour, the larger the loss of a token; in front the mean of each sample"
    return fragment(tag("p", told, class_="soft"), tag("table", *rows, class_="tokens"))


def _token(word: str, shade: float) -> Markup:
    known = np.isfinite(shade)
    style = f"background: rgba(213, 94, 0, {0.75 * shade:.2f})" if known else None
    return fragment(tag("span", word, class_="token" if known else "token soft", style=style), " ")


def _plot(probe: ProbeRecord, reading: Reading) -> Markup:
    figure, axes = paper(5.6)
    bottom = draw_numbers(Sheet(axes, 0, 0, 5.6, probe, (reading,), reading))
    words = "prediction against target, and what remains between both"
    return tag("div", picture(cut(figure, axes, 5.6, bottom, 0.05), words), class_="picture")


def _table(probe: ProbeRecord, reading: Reading) -> Markup:
    """The numbers of each sample, behind a line that opens."""
    count = min(size_of(probe), 4 * _SAMPLES)
    targets, guesses = targets_in_words(probe), guesses_in_words(probe, reading)
    heads = [tag("th", name, scope="col", class_="number" if place > 2 else None) for place, name in enumerate(_HEADS)]
    rows = []
    for n in range(count):
        numbers = (getattr(reading, name)[n] for name in ("losses", "confidence", "margin", "jitter"))
        cells = [*(brief(float(each)) for each in numbers), f"{reading.flips[n]:,}", f"{reading.forgotten[n]:,}"]
        right = int(reading.correct[n])
        judged = tag("td", f"{'✕✓ '[right]} {clean(guesses[n], 60)}", class_=("bad", "ok", None)[right])
        values = [tag("td", "–" if cell == "NaN" else cell, class_="number") for cell in cells]
        rows.append(tag("tr", tag("th", str(n), scope="row"), tag("td", clean(targets[n], 60)), judged, *values))
    return tag("details", tag("summary", "Numbers of each sample"), tag("table", tag("tr", *heads), *rows))
