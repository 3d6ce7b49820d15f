"""What a check measured, as a picture: lines, bars, a histogram or a matrix, clean enough for print."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nbinspect.figures.panels import ACCENT, INK, RIGHT, SOFT, WRONG
from nbinspect.figures.paper import shown_as_png
from nbinspect.figures.words import clean
from nbinspect.records import Chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = (WRONG, RIGHT, ACCENT, "#995200")
_RULE = "#d7dbe0"
_BAND = "#e5f3ec"
_MOST_BARS = 60


def chart_figure(chart: Chart, *, width: float = 7.0) -> Figure:
    """Return a chart as a figure that belongs to no window, `width` inches wide; leaves pyplot unchanged."""
    from matplotlib.figure import Figure

    bars = min(len(chart.names), _MOST_BARS) if chart.kind == "bars" else 0
    height = max(1.4, 0.22 * bars + 0.9) if bars else width if chart.kind == "matrix" else 2.6
    side = 0.55 if chart.kind == "matrix" else 1.0
    figure = Figure(figsize=(width * side, height * side), layout="constrained")
    axes = figure.add_subplot()
    draw: dict[str, Callable[[Axes, Chart], None]] = {
        "lines": _lines,
        "bars": _bars,
        "histogram": _histogram,
        "matrix": partial(_matrix, figure),
    }
    draw[chart.kind](axes, chart)
    axes.set_title(_plain(chart.title), loc="left", fontsize=9, color=INK)
    axes.tick_params(labelsize=7, colors=SOFT)
    for side_name, spine in axes.spines.items():
        spine.set_visible(side_name in ("left", "bottom"))
        spine.set_color(_RULE)
    return shown_as_png(figure)


def _lines(axes: Axes, chart: Chart) -> None:
    for number, (name, values) in enumerate(zip(chart.names, chart.values, strict=True)):
        style = ("-", "--", ":", "-.")[number % 4]
        axes.plot(chart.at, values, style, color=_COLOURS[number % 4], label=_plain(name), linewidth=1.4)
    if chart.log:
        axes.set_yscale("log")
    _label(axes, chart.x, chart.y)
    _band(axes, chart, across=False)
    if len(chart.names) > 1:
        axes.legend(fontsize=7, frameon=False)


def _bars(axes: Axes, chart: Chart) -> None:
    names, values = chart.names[:_MOST_BARS], np.asarray(chart.values[0][:_MOST_BARS], float)
    low, high = chart.expected
    outside = [(low is not None and v < low) or (high is not None and v > high) for v in values]
    places = np.arange(len(names))
    finite = np.where(np.isfinite(values), values, 0)
    axes.barh(places, finite, color=[WRONG if out else ACCENT for out in outside], height=0.65)
    axes.set_yticks(places, [_plain(name, 40) for name in names])
    axes.invert_yaxis()
    if chart.log and (finite > 0).any():
        axes.set_xscale("log")
    _label(axes, chart.y, chart.x)
    _band(axes, chart, across=True)


def _histogram(axes: Axes, chart: Chart) -> None:
    for number, (name, counted) in enumerate(zip(chart.names, chart.values, strict=True)):
        axes.stairs(
            counted, chart.at, color=_COLOURS[(number + 2) % 4], fill=number == 0, alpha=0.7, label=_plain(name)
        )
    if chart.log:
        axes.set_yscale("log")
    _label(axes, chart.x, chart.y)
    _band(axes, chart, across=True)
    if len(chart.names) > 1:
        axes.legend(fontsize=7, frameon=False)


def _matrix(figure: Figure, axes: Axes, chart: Chart) -> None:
    shown = axes.imshow(np.stack(chart.values), cmap="cividis", aspect="equal")
    axes.set_yticks(range(len(chart.names)), [_plain(name, 20) for name in chart.names])
    axes.set_xticks(range(len(chart.values[0])))
    _label(axes, chart.x, chart.y)
    figure.colorbar(shown, ax=axes, shrink=0.8).ax.tick_params(labelsize=7)


def _band(axes: Axes, chart: Chart, *, across: bool) -> None:
    """Mark where values are expected."""
    low, high = chart.expected
    if low is None and high is None:
        return
    limits = axes.get_xlim() if across else axes.get_ylim()
    low, high = max(limits[0], limits[0] if low is None else low), min(limits[1], limits[1] if high is None else high)
    if high > low:
        (axes.axvspan if across else axes.axhspan)(low, high, color=_BAND, zorder=0)
    (axes.set_xlim if across else axes.set_ylim)(limits)


def _label(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(_plain(x), fontsize=8, color=SOFT)
    axes.set_ylabel(_plain(y), fontsize=8, color=SOFT)


def _plain(text: str, limit: int = 80) -> str:
    """Return text that matplotlib does not read as mathematics."""
    return clean(text, limit).replace("$", r"\$")
