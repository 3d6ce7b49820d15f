"""What a reading of the probe is drawn on, and its drawings that are plots or text: numbers, losses, sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nbinspect.figures.dynamics_pictures import token_shades
from nbinspect.figures.dynamics_words import token_words
from nbinspect.figures.insets import entitle, inset, say
from nbinspect.figures.panels import ACCENT, CHARACTER, INK, LINE, SOFT, write
from nbinspect.figures.pictures import class_colour
from nbinspect.records import Floats, ProbeRecord, Reading

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

_MARKERS = "osv^DPX*"
_SENTENCES, _ROWS = 12, 4


@dataclass(frozen=True)
class Sheet:
    """Where on a paper in inches the probe is drawn, and what of it."""

    axes: Axes
    left: float
    top: float
    width: float
    probe: ProbeRecord
    readings: tuple[Reading, ...]
    """Those that share one scale with it."""
    reading: Reading


def draw_numbers(sheet: Sheet) -> float:
    """Prediction against target, and what remains between both, a point a sample."""
    targets = sheet.probe.targets
    if targets is None or targets.shape != sheet.reading.values.shape:
        return draw_losses(sheet)
    side = min((sheet.width - 1.3) / 2, 3.0)
    top, left = sheet.top + 1.2 * LINE, sheet.left + 0.5
    against = inset(sheet.axes, left, top, side, side)
    remains = inset(sheet.axes, left + side + 0.75, top, side, side)
    entitle(sheet.axes, left, sheet.top + LINE / 2, side, "prediction against target")
    entitle(sheet.axes, left + side + 0.75, sheet.top + LINE / 2, side, "residual against target")
    low, high = _range(targets)
    every = np.concatenate([each.values for each in sheet.readings if each.values.shape == targets.shape])
    _, farthest = _range(np.abs(every - np.tile(targets, (len(every) // len(targets), 1))))
    for column in range(targets.shape[1]):
        how: dict[str, Any] = {"marker": _MARKERS[column % 8], "s": 12, "linewidths": 0}
        how["color"] = f"#{bytes(class_colour(column)).hex()}"
        against.scatter(targets[:, column], sheet.reading.values[:, column], **how)
        remains.scatter(targets[:, column], (sheet.reading.values - targets)[:, column], **how)
    against.plot([low, high], [low, high], color=SOFT, linewidth=0.7, linestyle="--")
    remains.axhline(0, color=SOFT, linewidth=0.7, linestyle="--")
    least, most = _range(np.concatenate([every.ravel(), targets.ravel()]))
    against.set(xlim=(low, high), ylim=(least, most))
    remains.set(xlim=(low, high), ylim=(-farthest, farthest))
    plain_ticks(against, remains)
    return top + side + 0.3


def plain_ticks(*plots: Axes) -> None:
    """Let each linear axis write its numbers whole: no factor at its end, which would lie over a title."""
    from matplotlib.ticker import FuncFormatter

    for axis in (axis for plot in plots for axis in (plot.xaxis, plot.yaxis) if axis.get_scale() == "linear"):
        axis.set_major_formatter(FuncFormatter(partial(_tick, axis)))


def _tick(axis: Axis, value: float, _place: int | None) -> str:
    return tick_text(value, axis.get_majorticklocs())


def tick_text(value: float, places: Sequence[float] | Floats) -> str:
    """Return a number of an axis with as many digits as tell it from its neighbours, `places` being all of them."""
    size = float(np.abs(places).max()) if len(places) else abs(value)
    if not value or not size:
        return "0"
    power = 0 if 1e-3 <= size < 1e6 else math.floor(math.log10(size))
    gap = float(np.diff(places).min() if len(places) > 1 else size) / 10.0**power
    digits = next((each for each in range(9) if abs(round(gap, each) - gap) < 0.01 * gap), 9)
    return f"{value / 10.0**power:,.{digits}f}" + (f"e{power}" if power else "")


def _range(values: Floats) -> tuple[float, float]:
    known = values[np.isfinite(values)].astype(np.float64)
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    room = 0.05 * (high - low) or 0.5
    return low - room, high + room


def draw_sentences(sheet: Sheet) -> float:
    """The tokens of each sample, on a colour that is stronger where their loss is larger."""
    shades = token_shades(sheet.readings, sheet.reading)
    words, y = token_words(sheet.probe, shades.shape), sheet.top
    count, start = min(len(words), _SENTENCES), 9 * CHARACTER
    for n in range(count):
        write(sheet.axes, sheet.left, y + LINE / 2, short(float(sheet.reading.losses[n])), color=SOFT)
        y = _flow(sheet, sheet.left + start, y, words[n], shades[n])
    if count < len(words):
        say(sheet.axes, sheet.left, y + LINE / 2, f"the first {count} samples are drawn", sheet.width)
        y += LINE
    return y


def _flow(sheet: Sheet, start: float, top: float, words: list[str], shades: Floats) -> float:
    """Write tokens line after line, each on its colour, and return where they end."""
    from matplotlib.patches import Rectangle

    left, last = start, top + _ROWS * LINE
    for word, shade in zip(words, shades, strict=True):
        wide = (len(word) + 1) * CHARACTER
        if left + wide > sheet.left + sheet.width:
            left, top = start, top + LINE
        if top + LINE > last + 1e-6:
            return top
        if np.isfinite(shade):
            colour = (*(part / 255 for part in class_colour(5)), 0.75 * float(shade))
            sheet.axes.add_patch(Rectangle((left, top), wide - 0.02, LINE - 0.02, facecolor=colour, linewidth=0))
        write(sheet.axes, left + CHARACTER / 2, top + LINE / 2, word, color=INK if np.isfinite(shade) else SOFT)
        left += wide
    return top + 1.3 * LINE


def draw_losses(sheet: Sheet) -> float:
    """A bar a sample, of its loss."""
    losses = sheet.reading.losses.astype(np.float64)
    if not np.isfinite(losses).any():
        say(sheet.axes, sheet.left, sheet.top + LINE / 2, "no loss of a single sample is known", sheet.width)
        return sheet.top + LINE
    entitle(sheet.axes, sheet.left, sheet.top + LINE / 2, sheet.width, "loss of each sample")
    plot = inset(sheet.axes, sheet.left + 0.5, sheet.top + 1.2 * LINE, sheet.width - 0.5, 1.8)
    plot.bar(np.arange(len(losses)), np.nan_to_num(losses, posinf=0, neginf=0), color=ACCENT)
    every = np.concatenate([each.losses[np.isfinite(each.losses)] for each in sheet.readings])
    plot.set_ylim(min(0.0, float(every.min())), 1.05 * float(every.max()) or 1.0)
    plain_ticks(plot)
    return sheet.top + 1.2 * LINE + 1.8 + 0.3


def short(value: float) -> str:
    """Return two decimals, a dash where there is no number."""
    return f"{value:.2f}" if np.isfinite(value) else "–"
