"""The paper that figures are drawn on: inches as units, cut to what is drawn, shown by notebooks as a picture."""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def cut(figure: Figure, axes: Axes, width: float, height: float, margin: float) -> Figure:
    """Cut the paper to what is drawn, `width` × `height` inches downwards from the origin, and a margin around it."""
    axes.set_xlim(-margin, width + margin)
    axes.set_ylim(height + margin, -margin)
    figure.set_size_inches(width + 2 * margin, height + 2 * margin)
    return shown_as_png(figure)


def shown_as_png(figure: Figure) -> Figure:
    """Have a notebook that never imported pyplot show the figure, and not its name only."""
    figure._repr_png_ = partial(_png, figure)  # type: ignore[attr-defined]
    return figure


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
