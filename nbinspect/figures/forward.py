"""A forward pass as one figure through the depth of the network, and an activation as one, clean enough for print."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbinspect.errors import InputError
from nbinspect.figures.activation import draw_activation
from nbinspect.figures.insets import AMBER, paper
from nbinspect.figures.panels import ACCENT, CHARACTER, INK, LINE, RIGHT, SOFT, WRONG, write
from nbinspect.figures.paper import cut
from nbinspect.figures.steps import (
    RAISED,
    WARNED,
    chosen,
    facts_of_pass,
    full_name,
    leaves,
    main_output,
    mark,
    shapes,
    suspicious,
    told,
    verdict_of_pass,
    worth_drawing,
)
from nbinspect.figures.words import brief, clean, plural
from nbinspect.records import ActivationView, ForwardRecord, Moments, Step

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARGIN = 0.2
_ROWS = 60
_NARROWEST = 8.0
_TONES = {RAISED: WRONG, WARNED: AMBER, "●": RIGHT, "": SOFT}
_GRID = "#e3e6ea"
_BAND = {RAISED: "#fdeceb", WARNED: "#fff3df"}

Place = Callable[[float], float]


@dataclass(frozen=True)
class _Column:
    """A stretch of the width, in inches, with a scale of its own."""

    title: str
    left: float
    width: float
    place: Place
    """From a value to 0…1 of the width."""
    ticks: tuple[tuple[float, str], ...]

    def x(self, value: float) -> float:
        """Return where a value stands, in inches."""
        return self.left + self.width * min(1.0, max(0.0, self.place(value)))


def forward_figure(record: ForwardRecord, *, width: float = 11.0) -> Figure:
    """Return the statistics of a pass through the depth of the network as a figure that belongs to no window.

    A row for each of at most 60 operations and innermost modules, suspicious ones before others: standard deviation,
    range, zeros, where known the gradient's standard deviation, and health. `width` is in inches. Leaves pyplot and
    its settings unchanged. Source: S-layers

    Raises:
        InputError: for a width below 8 inches.
    """
    if not isinstance(width, int | float) or not math.isfinite(width) or width < _NARROWEST:
        raise InputError(f"width: expected at least {_NARROWEST:.0f} inches, got {width!r}")
    figure, axes = paper(width)
    shown = chosen(worth_drawing(record, _ROWS), _ROWS)
    inner = width - 2 * _MARGIN
    y = _head(axes, record, inner)
    if shown:
        y = _draw_rows(axes, shown, _columns(shown, inner), y, inner)
    y = _foot(axes, y + 0.5 * LINE, _left_out(leaves(record), shown), inner)
    return cut(figure, axes, width - 2 * _MARGIN, y, _MARGIN)


def _head(axes: Axes, record: ForwardRecord, width: float) -> float:
    """Write the facts and the verdict; return where they end."""
    most = int(width / CHARACTER)
    write(axes, 0, 0.1, "Forward", weight="bold", size=10, family="DejaVu Sans")
    write(axes, 0.75, 0.1, clean(" · ".join(facts_of_pass(record)), most - 12))
    sign, sentence = verdict_of_pass(record)
    y = 0.1 + 1.4 * LINE
    for line in textwrap.wrap(f"{sign} {sentence}".strip(), most, max_lines=3, placeholder=" …"):
        write(axes, 0, y, line, color=_TONES[sign])
        y += LINE
    return y + 0.2 * LINE


def _columns(steps: Sequence[Step], width: float) -> tuple[float, list[_Column]]:
    """Return where shapes begin, and the columns of drawings."""
    outputs = [output for output in map(main_output, steps) if output is not None]
    values = [each.moments for each in outputs if each.moments is not None]
    gradients = [each.gradient for each in outputs if each.gradient is not None]
    names = max(len(_label(step)) for step in steps) * CHARACTER + 0.15
    left = names + max(len(shapes(step)) for step in steps) * CHARACTER + 0.25
    room = width - left - 0.5
    wide = min(1.6, room / (3.1 + bool(gradients)) * 0.72)
    columns = [_logarithmic("std, log scale", left, wide, [each.std for each in values])]
    columns.append(_signed("min to max, | mean", left + wide + 0.3, wide, values))
    place = left + 2 * wide + 0.6
    columns.append(_Column("zeros", place, 0.5 * wide, float, ((0, "0"), (1, "100 %"))))
    if gradients:
        place += 0.5 * wide + 0.35
        columns.append(_logarithmic("gradient std, log", place, wide, [each.std for each in gradients]))
    return names, columns


def _label(step: Step) -> str:
    return full_name(step, 38)


def _logarithmic(title: str, left: float, width: float, values: Sequence[float]) -> _Column:
    """Return a scale of whole decades around the values above 0; 0 itself stands at its left end."""
    known = [math.log10(value) for value in values if 0 < value < math.inf]
    low, high = math.floor(min(known, default=-1)), math.ceil(max(known, default=0))
    high = max(high, low + 1)

    def place(value: float) -> float:
        return (math.log10(value) - low) / (high - low) if value > 0 else 0.0

    step = math.ceil((high - low) / 4)
    ticks = tuple((10.0**power, _power(power)) for power in range(low, high + 1, step))
    return _Column(title, left, width, place, ticks)


def _signed(title: str, left: float, width: float, values: Sequence[Moments]) -> _Column:
    """Return a scale with 0 in the middle, straight about it and logarithmic beyond a typical deviation."""
    ends = [abs(end) for each in values for end in (each.min, each.max) if math.isfinite(end)]
    deviations = [each.std for each in values if 0 < each.std < math.inf]
    most = max(ends, default=1.0) or 1.0
    unit = min(float(np.median(deviations)) if deviations else most, most)

    def place(value: float) -> float:
        return 0.5 + 0.5 * math.asinh(value / unit) / math.asinh(most / unit)

    return _Column(title, left, width, place, ((-most, f"−{brief(most)}"), (0, "0"), (most, brief(most))))


def _power(power: int) -> str:
    return f"{10.0**power:g}" if -3 <= power <= 3 else f"1e{power}".replace("-", "−")


def _draw_rows(
    axes: Axes, steps: Sequence[Step], columns: tuple[float, list[_Column]], top: float, width: float
) -> float:
    from matplotlib.collections import LineCollection
    from matplotlib.patches import Rectangle

    start, drawings = columns
    first = top + 2 * LINE
    bottom = first + LINE * len(steps)
    for column in drawings:
        write(axes, column.left, top + LINE / 2, column.title, color=SOFT)
        lines = [[(column.x(value), first), (column.x(value), bottom)] for value, _ in column.ticks]
        axes.add_collection(LineCollection(lines, colors=_GRID, linewidths=0.7))
        for value, text in column.ticks:
            write(axes, column.x(value), top + 1.5 * LINE, text, color=SOFT, ha="center", size=6.5)
    said = drawings[-1].left + drawings[-1].width + 0.3
    most = max(2, int((width - said) / CHARACTER))
    for row, step in enumerate(steps):
        y = first + LINE * (row + 0.5)
        sign = mark(step)
        if sign in _BAND:
            axes.add_patch(Rectangle((0, y - LINE / 2), width, LINE, facecolor=_BAND[sign], edgecolor="none", zorder=0))
        write(axes, 0, y, _label(step))
        write(axes, start, y, shapes(step), color=SOFT)
        _draw_values(axes, step, drawings, y)
        write(
            axes, said, y, clean(f"{sign} {told(step) if suspicious(step) else ''}".strip(), most), color=_TONES[sign]
        )
    return bottom


def _draw_values(axes: Axes, step: Step, columns: Sequence[_Column], y: float) -> None:
    """Draw one row: a dot for each deviation (hollow at 0), a bar of the range with the mean, a bar of zeros."""
    output = main_output(step)
    if output is None or output.moments is None:
        return
    deviation, extent, zeros, *gradient = columns
    values = output.moments
    _dot(axes, deviation, values.std, y, INK)
    if math.isfinite(values.min):
        ends = [extent.x(values.min), extent.x(values.max)]
        axes.plot(ends, [y, y], color="#8fb3dc", linewidth=4, solid_capstyle="butt")
    if math.isfinite(values.mean):
        axes.plot([extent.x(values.mean)] * 2, [y - 0.05, y + 0.05], color=INK, linewidth=1.2)
    axes.plot([zeros.left, zeros.x(values.zero)], [y, y], color="#8a93a0", linewidth=4, solid_capstyle="butt")
    for column in gradient:
        if output.gradient is not None:
            _dot(axes, column, output.gradient.std, y, ACCENT)


def _dot(axes: Axes, column: _Column, value: float, y: float, colour: str) -> None:
    if math.isfinite(value):
        inside = colour if value > 0 else "white"
        axes.plot([column.left, column.x(value)], [y, y], color=colour, linewidth=0.6, alpha=0.5)
        axes.plot([column.x(value)], [y], marker="o", markersize=4, markeredgecolor=colour, markerfacecolor=inside)
    else:
        write(axes, column.left, y, "not finite", color=WRONG, size=6.5)


def _left_out(steps: Sequence[Step], shown: Sequence[Step]) -> list[str]:
    """Return what is not drawn, and how to read what is."""
    lines = []
    if len(shown) < len(steps):
        hidden = sum(map(suspicious, steps)) - sum(map(suspicious, shown))
        rest = f"{plural(hidden, 'suspicious one')} among them" if hidden else "none of them suspicious"
        lines.append(f"{len(steps) - len(shown)} of {plural(len(steps), 'step')} are not drawn, {rest}")
    if shown:
        lines.append("● healthy  ▲ suspicious  ✕ raised or not finite; a hollow dot is a deviation of 0")
    return lines


def _foot(axes: Axes, top: float, lines: Sequence[str], width: float) -> float:
    for position, text in enumerate(lines):
        write(axes, 0, top + LINE * (position + 0.5), clean(text, int(width / CHARACTER)), color=SOFT)
    return top + LINE * len(lines)


def activation_figure(view: ActivationView, *, width: float = 10.0) -> Figure:
    """Return what a person can look at of an activation as a figure that belongs to no window.

    Maps and attention stand side by side, a matrix or a vector alone; all planes share one scale, blue below 0 and
    orange above it, with a colour bar; magenta is not finite. `width` is in inches. Leaves pyplot unchanged.

    Raises:
        InputError: for a width below 4 inches.
    """
    if not isinstance(width, int | float) or not math.isfinite(width) or width < 4:
        raise InputError(f"width: expected at least 4 inches, got {width!r}")
    figure, axes = paper(width)
    inner = width - 2 * _MARGIN
    return cut(figure, axes, inner, draw_activation(axes, view, inner), _MARGIN)
