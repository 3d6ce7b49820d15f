"""What a check measured, as a picture: lines, bars, a histogram or a matrix, clean enough for print."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from nbinspect.figures.panels import ACCENT, INK, RIGHT, SOFT, WRONG
from nbinspect.figures.paper import shown_as_png
from nbinspect.figures.words import brief, clean
from nbinspect.records import Chart, Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = (WRONG, RIGHT, ACCENT, "#995200")
_STYLES = ("-", "--", ":", "-.")
_RULE = "#d7dbe0"
_BAND = "#e5f3ec"
_NOTHING = "#e4e7eb"
_MOST_BARS = 60
_MOST_NAMES = 12
_MOST_TICKS = 24
_LARGEST = 1e300


def chart_figure(chart: Chart, *, width: float = 7.0) -> Figure:
    """Return a chart as a figure that belongs to no window, `width` inches wide; leaves pyplot unchanged."""
    from matplotlib.figure import Figure

    is_drawn = any(np.isfinite(values).any() for values in chart.values) and bool(np.isfinite(chart.at).all())
    bars = 0.9 + 0.22 * min(len(chart.names), _MOST_BARS)
    height = {"bars": max(1.4, bars), "matrix": 0.7 * width}.get(chart.kind, 0.37 * width) if is_drawn else 1.4
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    draw: dict[str, Callable[[Axes, Chart], None]] = {
        "lines": _lines,
        "bars": _bars,
        "histogram": _histogram,
        "matrix": partial(_matrix, figure),
    }
    axes.set_title(fill(_plain(chart.title, 160), round(12 * width)), loc="left", fontsize=9, color=INK)
    axes.tick_params(which="both", labelsize=7, colors=SOFT)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(_RULE)
    if is_drawn:
        draw[chart.kind](axes, chart)
    else:
        axes.text(0.5, 0.5, "no finite value", ha="center", va="center", color=SOFT, transform=axes.transAxes)
        axes.set(xticks=[], yticks=[])
    return shown_as_png(figure)


def _lines(axes: Axes, chart: Chart) -> None:
    colours = _COLOURS if len(chart.names) > 1 else (ACCENT,)
    for place, (name, values) in enumerate(zip(chart.names, chart.values, strict=True)):
        style: dict[str, Any] = {"color": colours[place % len(colours)], "linestyle": _STYLES[(place + place // 4) % 4]}
        axes.plot(_drawable(chart.at), _drawable(values), **style, linewidth=1.4, label=_entry(name))
    if chart.log and _any_above_zero(chart):
        axes.set_yscale("log", nonpositive="mask")
    _mark_expected(axes, chart, across=False)
    _label(axes, chart.x, chart.y + _expected(chart))
    _legend(axes, chart)


def _bars(axes: Axes, chart: Chart) -> None:
    values = np.asarray(chart.values[0], float)
    low, high = chart.expected
    outside = (values < (-np.inf if low is None else low)) | (values > (np.inf if high is None else high))
    shown = np.sort(np.argsort(~(outside | ~np.isfinite(values)), kind="stable")[:_MOST_BARS])
    rows, drawn = np.arange(len(shown)), np.nan_to_num(_drawable(values)[shown])
    if chart.log and _any_above_zero(chart):
        axes.set_xscale("log")
    axes.barh(rows, drawn, color=[WRONG if outside[bar] else ACCENT for bar in shown], height=0.65)
    axes.set_yticks(rows, [_plain(chart.names[bar], 40) for bar in shown])
    axes.invert_yaxis()
    axes.margins(x=0.1)
    _mark_expected(axes, chart, across=True)
    _write_values(axes, drawn, values[shown])
    left_out = f" · {len(shown)} of {len(values)} are drawn" if len(shown) < len(values) else ""
    _label(axes, f"{chart.y}{_expected(chart)}{left_out}", chart.x)


def _write_values(axes: Axes, ends: Floats, values: Floats) -> None:
    """Write each bar's number at its end; where a logarithmic axis has no place for it, at the edge."""
    edge = axes.get_xlim()[0] if axes.get_xscale() == "log" else None
    for row, (end, value) in enumerate(zip(ends, values, strict=True)):
        side, beyond = ("right", -3) if end < 0 and edge is None else ("left", 3)
        place = (end if edge is None else max(end, edge), row)
        how: dict[str, Any] = {"xytext": (beyond, 0), "textcoords": "offset points", "va": "center", "ha": side}
        axes.annotate(brief(float(value)), place, **how, fontsize=6.5, color=INK)


def _histogram(axes: Axes, chart: Chart) -> None:
    for place, (name, counted) in enumerate(zip(chart.names, chart.values, strict=True)):
        style: dict[str, Any] = {
            "color": _COLOURS[(place + 2) % 4],
            "fill": place == 0,
            "alpha": 0.7,
            "label": _entry(name),
        }
        axes.stairs(_drawable(counted), _drawable(chart.at), **style)
    if chart.log and _any_above_zero(chart):
        axes.set_yscale("log", nonpositive="clip")
    _mark_expected(axes, chart, across=True)
    _label(axes, chart.x + _expected(chart), chart.y)
    _legend(axes, chart)


def _matrix(figure: Figure, axes: Axes, chart: Chart) -> None:
    values = np.stack([_drawable(row) for row in chart.values])
    rows, columns = values.shape
    shown = axes.imshow(values, cmap="cividis", aspect="equal" if 0.25 <= rows / columns <= 4 else "auto")
    axes.set_facecolor(_NOTHING)
    every, over = -(-rows // _MOST_TICKS), -(-columns // _MOST_TICKS)
    axes.set_yticks(range(0, rows, every), [_plain(name, 20) for name in chart.names[::every]])
    axes.set_xticks(range(0, columns, over))
    _label(axes, chart.x, chart.y)
    figure.colorbar(shown, ax=axes, shrink=0.8).ax.tick_params(labelsize=7, colors=SOFT)


def _mark_expected(axes: Axes, chart: Chart, *, across: bool) -> None:
    """Shade where values are expected, and have its ends on the axis."""
    limits = axes.get_xlim() if across else axes.get_ylim()
    is_log = (axes.get_xscale() if across else axes.get_yscale()) == "log"
    ends = [end for end in chart.expected if end is not None and np.isfinite(end) and (end > 0 or not is_log)]
    if not ends:
        return
    limits = min(limits[0], *ends), max(limits[1], *ends)
    low, high = (edge if end not in ends else end for end, edge in zip(chart.expected, limits, strict=True))
    (axes.axvspan if across else axes.axhspan)(low, high, color=_BAND, zorder=0)
    (axes.set_xlim if across else axes.set_ylim)(limits)


def _expected(chart: Chart) -> str:
    low, high = (None if end is None else brief(end) for end in chart.expected)
    if low is not None and high is not None:
        return f" · expected {low} to {high}"
    return f" · expected below {high}" if high is not None else f" · expected above {low}" if low is not None else ""


def _legend(axes: Axes, chart: Chart) -> None:
    if len(chart.names) > 1:
        handles, names = axes.get_legend_handles_labels()
        place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1, 1)} if len(names) > 4 else {}
        axes.legend(handles[:_MOST_NAMES], names[:_MOST_NAMES], **place, fontsize=7, frameon=False)


def _label(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(_plain(x), fontsize=8, color=SOFT)
    axes.set_ylabel(_plain(y, 60), fontsize=8, color=SOFT)


def _any_above_zero(chart: Chart) -> bool:
    return any(bool((np.nan_to_num(values, posinf=0) > 0).any()) for values in chart.values)


def _drawable(values: Floats) -> Floats:
    """Return values with gaps where they are not finite, within what an axis can be laid over."""
    finite = np.where(np.isfinite(values), np.asarray(values, np.float64), np.nan)
    return np.clip(finite, -_LARGEST, _LARGEST)


def _entry(name: str) -> str:
    """Return a name for a legend, which leaves out those that begin with an underscore."""
    return " " + _plain(name, 40)


def _plain(text: str, limit: int = 80) -> str:
    """Return text that matplotlib does not read as mathematics."""
    return clean(text, limit).replace("$", r"\$")
