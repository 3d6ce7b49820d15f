"""The probe batch after one step on paper: what the network predicts for each sample, by the kind of task."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nbinspect.figures.dynamics_pictures import bars, map_names, mapped, thumbnails
from nbinspect.figures.dynamics_plots import Sheet, draw_losses, draw_numbers, draw_sentences, short
from nbinspect.figures.dynamics_words import (
    CLASSES,
    guesses_in_words,
    probe_words,
    score,
    size_of,
    targets_in_words,
    wrong_pixels,
)
from nbinspect.figures.insets import entitle, say
from nbinspect.figures.panels import CHARACTER, INK, LINE, RIGHT, SOFT, WRONG, write
from nbinspect.figures.words import brief, clean
from nbinspect.records import Bytes, Flags, Floats, ProbeRecord, Reading

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SAMPLES = 48
"""The most samples that are drawn."""
_ACROSS = 8
_BARS = 0.3
_GREY, _RULE = "#8a94a1", "#d7dbe0"
_BARRED = "bars: probabilities, ▴ of the target; below: target, prediction, its probability, flips so far"
_LEGENDS = {
    **dict.fromkeys(CLASSES, _BARRED),
    "language-model": "the stronger the colour, the larger the loss of a token; in front the mean of each sample",
    "segmentation": "classes",
}


def draw_probe(sheet: Sheet) -> float:
    """Draw a reading of the probe by its task, and return where it ends in inches; records are left unchanged."""
    probe, reading, width = sheet.probe, sheet.reading, sheet.width
    told = f"after step {reading.step:,}" + (f": {score(reading)}" if score(reading) else "")
    entitle(sheet.axes, sheet.left, sheet.top + LINE / 2, width, f"Probe batch {told}")
    say(sheet.axes, sheet.left, sheet.top + 1.5 * LINE, probe_words(probe), width)
    legend = _LEGENDS.get(probe.task)
    if legend is not None:
        entitle(sheet.axes, sheet.left, sheet.top + 2.5 * LINE, width, legend, keys=_key(probe), weight="normal")
    below = replace(sheet, top=sheet.top + (2.4 if legend is None else 3.4) * LINE)
    if not size_of(probe):
        say(sheet.axes, sheet.left, below.top + LINE / 2, "the probe batch is empty", width)
        return below.top + LINE
    if probe.task in CLASSES:
        return _classes(below)
    draw = {"regression": draw_numbers, "segmentation": _maps, "language-model": draw_sentences}.get(
        probe.task, draw_losses
    )
    return draw(below) if reading.values.size else draw_losses(below)


def _classes(sheet: Sheet) -> float:
    """A cell a sample: its picture, a bar for each class, target and prediction in words, flips."""
    probe, reading = sheet.probe, sheet.reading
    count = min(size_of(probe), SAMPLES)
    targets, guesses = targets_in_words(probe), guesses_in_words(probe, reading)
    words = [
        [
            (targets[n], INK),
            _judged(reading, n, guesses[n]),
            (f"{short(reading.confidence[n]).lstrip('0')} flips {reading.flips[n]:,}", SOFT),
        ]
        for n in range(count)
    ]
    found = bars(probe, reading)
    drawn = _grid(sheet, [thumbnails(probe, count)], words, under=0.0 if found is None else _BARS)
    if found is not None:
        chances, wanted, wrong = found
        _draw_bars(sheet.axes, drawn, chances[:count], wanted[:count], wrong[:count])
    return drawn.bottom


def _draw_bars(axes: Axes, drawn: _Grid, chances: Floats, wanted: Flags, wrong: Flags) -> None:
    """A bar a class; the target's is green with a mark below it, and what is predicted in its place is red."""
    from matplotlib.collections import LineCollection, PolyCollection

    wide = drawn.wide / chances.shape[1]
    start, foot = np.array(drawn.corners).T[:, :, None] + np.array([0.1 * wide, _BARS])[:, None, None]
    left = start + wide * np.arange(chances.shape[1])
    feet = np.broadcast_to(foot, left.shape)
    heads, right = foot - (_BARS - 0.08) * chances, left + 0.8 * wide
    # axes are samples, classes, corners, and the two coordinates
    corners = np.stack([np.stack([left, left, right, right], -1), np.stack([feet, heads, heads, feet], -1)], -1)
    colours = np.where(wanted, RIGHT, np.where(wrong, WRONG, _GREY)).ravel().tolist()
    axes.add_collection(PolyCollection(corners.reshape(-1, 4, 2), facecolors=colours, linewidths=0))  # type: ignore[arg-type] # an array of polygons
    lines = [[(x, y + _BARS), (x + drawn.wide, y + _BARS)] for x, y in drawn.corners]
    axes.add_collection(LineCollection(lines, colors=_RULE, linewidths=0.5))
    axes.plot(left[wanted] + 0.4 * wide, feet[wanted] + 0.03, "^", color=RIGHT, markersize=2.2, linewidth=0)


def _maps(sheet: Sheet) -> float:
    """The target and the prediction of each sample, as colours over its picture."""
    probe, reading = sheet.probe, sheet.reading
    count = min(size_of(probe), SAMPLES)
    looks = [look for look in (mapped(probe, probe.targets, count), mapped(probe, reading.values, count)) if look]
    shares = wrong_pixels(probe, reading)
    words = [
        [
            ("target | prediction" if len(looks) == 2 else "prediction", SOFT),
            (f"{brief(100 * float(share))} % of pixels wrong" if np.isfinite(share) else "", INK),
            (f"loss {brief(float(loss))}", SOFT),
        ]
        for share, loss in zip(shares[:count], reading.losses[:count], strict=True)
    ]
    return _grid(sheet, looks, words, across=4).bottom


@dataclass(frozen=True)
class _Grid:
    corners: list[tuple[float, float]]
    """Left end and height below the pictures of each cell."""
    wide: float
    bottom: float


def _grid(
    sheet: Sheet,
    looks: list[list[Bytes]],
    words: list[list[tuple[str, str]]],
    *,
    under: float = 0,
    across: int = _ACROSS,
) -> _Grid:
    """Draw a cell a sample: its pictures beside each other, room for `under`, and below lines in their colours."""
    cell = sheet.width / across
    wide, looks = cell - 0.05, [look for look in looks if look]
    tall = 0.0
    for look in looks:
        shares = max(tile.shape[0] / tile.shape[1] for tile in look)
        tall = max(tall, min(wide / len(looks), 0.62 if len(looks) == 1 else 9.0) * min(shares, 2.0))
    lines = 1 + max((at for each in words for at, (text, _) in enumerate(each) if text), default=-1)
    height = tall + under + LINE * lines + 0.16
    corners = []
    for n, told in enumerate(words):
        left, top = sheet.left + n % across * cell, sheet.top + n // across * height
        corners.append((left, top + tall + 0.02))
        for place, look in enumerate(looks):
            room = wide / len(looks)
            _show(sheet.axes, look[n], (left + place * room, top), (room - 0.03, tall))
        for line, (text, colour) in enumerate(told[:lines]):
            y = top + tall + under + 0.06 + LINE * (line + 0.5)
            write(sheet.axes, left, y, clean(text, max(1, int(wide / CHARACTER))), color=colour)
    bottom = sheet.top + math.ceil(len(words) / across) * height
    if len(words) < size_of(sheet.probe):
        say(sheet.axes, sheet.left, bottom + LINE / 2, f"the first {len(words)} samples are drawn", sheet.width)
        bottom += LINE
    return _Grid(corners, wide, bottom)


def _show(axes: Axes, tile: Bytes, corner: tuple[float, float], room: tuple[float, float]) -> None:
    """Draw a picture as large as there is room for (width, height), in the middle."""
    inch = min(room[0] / tile.shape[1], room[1] / tile.shape[0])
    height, width = tile.shape[0] * inch, tile.shape[1] * inch
    left, top = corner[0] + (room[0] - width) / 2, corner[1]
    axes.imshow(tile, extent=(left, left + width, top + height, top), aspect="auto", interpolation="antialiased")


def _judged(reading: Reading, sample: int, guess: str) -> tuple[str, str]:
    """The prediction behind a sign of whether it is right, and its colour."""
    right = int(reading.correct[sample])
    return f"{'✕✓→'[right]} {guess}", (WRONG, RIGHT, SOFT)[right]


def _key(probe: ProbeRecord) -> list[tuple[str, str, str]]:
    """The classes of maps in their colours."""
    named = map_names(probe) if probe.task == "segmentation" else []
    return [("■", name, f"#{bytes(colour).hex()}") for name, colour in named]
