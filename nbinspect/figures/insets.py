"""Small plots on a paper that is measured in inches, downwards, and the key of their lines."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from nbinspect.figures.panels import CHARACTER, SOFT, write, write_on
from nbinspect.figures.words import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

AMBER = "#995200"
_RULE = "#d7dbe0"


def paper(width: float) -> tuple[Figure, Axes]:
    """Return a white figure of no window and the axes that cover it, to be measured in inches and cut in the end."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 1), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    return figure, axes


def inset(axes: Axes, left: float, top: float, width: float, height: float) -> Axes:
    """Return a plot at this place of a paper in inches, with ticks small and soft; its frame is open."""
    from matplotlib.transforms import Bbox

    # added to the figure, for an inset of axes takes no height that is measured downwards
    plot = axes.figure.add_axes((0, 0, 1, 1))
    plot.set_axes_locator(partial(_place, axes, Bbox.from_extents(left, top + height, left + width, top)))
    plot.tick_params(which="both", labelsize=6.5, colors=SOFT, width=0.5, length=2.5, pad=2)
    for side, spine in plot.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(_RULE)
    return plot


def _place(axes: Axes, inches: Bbox, _plot: object, _renderer: object) -> Bbox:
    """Return where a plot is, as a share of the figure."""
    return inches.transformed(axes.transData + axes.figure.transFigure.inverted())


def entitle(
    axes: Axes,
    left: float,
    y: float,
    width: float,
    title: str,
    *,
    keys: Sequence[tuple[str, str, str]] = (),
    weight: str = "bold",
) -> None:
    """Write a title, and after it the key of what is drawn, as (sign, name, colour), as far as there is room."""
    room = int(width / CHARACTER) - len(title) - 4
    parts: list[tuple[str, dict[str, Any]]] = [(title, {"weight": weight} if weight == "bold" else {"color": SOFT})]
    for place, (sign, name, colour) in enumerate(keys):
        entry = f"{sign} {clean(name, 18)}"
        room -= len(entry) + 1
        if room < 0:
            parts.append((f"+{len(keys) - place}", {"color": SOFT}))
            break
        parts.append((entry, {"color": colour}))
    write_on(axes, left, y, parts)


def say(axes: Axes, left: float, y: float, text: str, width: float) -> None:
    """Write a soft line that is cut to the width."""
    write(axes, left, y, clean(text, max(1, int(width / CHARACTER))), color=SOFT)
