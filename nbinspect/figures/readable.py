"""A figure as a picture in a page, with what its plots go over and its lines as numbers, for who points at them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from nbinspect.figures.markup import Markup, tag
from nbinspect.figures.paper import SHARP, source_of
from nbinspect.figures.words import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_POINTS, _LINES, _PLOTS = 200, 12, 12
_INCH = 96
"""CSS pixels."""


def picture(figure: Figure, alt: str, *, dpi: float = SHARP) -> Markup:
    """Return a figure as an element that holds its own PNG, and, as data, the numbers of its plots.

    A page is read without these; the script of an exported file shows those under the pointer. The figure is left
    unchanged.
    """
    source = source_of(figure, dpi)  # first: a layout is made when it is drawn
    plots = [_plot(axes) for axes in figure.axes if axes.axison and axes.get_visible() and not axes.images]
    numbers = {"data-plots": json.dumps(plots[:_PLOTS], separators=(",", ":")) if plots else None}
    return tag("img", src=source, alt=alt, width=round(figure.get_size_inches()[0] * _INCH), **numbers)


def _plot(axes: Axes) -> dict[str, Any]:
    locate = axes.get_axes_locator()
    box = axes.get_position() if locate is None else locate(axes, None)  # type: ignore[arg-type] # a renderer is not asked for
    lines = [_line(line) for line in axes.lines if _is_data(line)]
    return {
        "box": [round(float(side), 4) for side in (box.x0, 1 - box.y1, box.width, box.height)],
        "x": _numbers(axes.get_xlim()),
        "y": _numbers(axes.get_ylim()),
        "log": [axes.get_xscale() == "log", axes.get_yscale() == "log"],
        "along": clean(axes.get_xlabel(), 60),
        "lines": [line for line in lines if line[2]][:_LINES],
    }


def _is_data(line: Line2D) -> bool:
    """Whether a line goes over the data, and is no rule across the plot."""
    return line.get_transform() == line.axes.transData if line.axes is not None else False


def _line(line: Line2D) -> list[Any]:
    """Return a line's name, colour, and its finite points, at most 200 of them."""
    from matplotlib.colors import to_hex

    points = np.column_stack([np.asarray(part, dtype=np.float64) for part in line.get_data(orig=False)])
    points = points[np.isfinite(points).all(axis=1)]
    points = points[np.unique(np.linspace(0, len(points) - 1, min(len(points), _POINTS)).astype(int))]
    name = str(line.get_label())
    shown = "" if name.startswith("_") else clean(name, 60)
    return [shown, to_hex(line.get_color()), _numbers(points[:, 0]), _numbers(points[:, 1])]


def _numbers(values: Any) -> list[float]:
    return [float(f"{value:.5g}") for value in values]
