"""The paper that figures are drawn on: inches as units, cut to what is drawn, shown by notebooks as a picture."""

from __future__ import annotations

import base64
import io
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


SHARP = 144
"""Dots an inch of pictures in pages, which are drawn smaller than they are."""


def cut(figure: Figure, axes: Axes, width: float, height: float, margin: float) -> Figure:
    """Cut the paper to what is drawn, `width` × `height` inches downwards from the origin, and a margin around it."""
    axes.set_xlim(-margin, width + margin)
    axes.set_ylim(height + margin, -margin)
    figure.set_size_inches(width + 2 * margin, height + 2 * margin)
    return shown_as_png(figure)


def shown_as_png(figure: Figure) -> Figure:
    """Have a notebook that never imported pyplot show the figure, and not its name only."""
    figure._repr_png_ = partial(png, figure)  # type: ignore[attr-defined]
    return figure


def png(figure: Figure, dpi: float | str = "figure") -> bytes:
    """Return a figure as a PNG file; its own resolution by default."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi)
    return file.getvalue()


def source_of(figure: Figure, dpi: float = SHARP) -> str:
    """Return a figure as the source of a picture in a page, with the picture in it."""
    return "data:image/png;base64," + base64.b64encode(png(figure, dpi)).decode("ascii")
