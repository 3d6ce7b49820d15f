"""Planes of an activation on paper: maps and attention side by side, a matrix or a vector with its names."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

import numpy as np

from nbinspect.figures.insets import AMBER
from nbinspect.figures.panels import CHARACTER, INK, LINE, SOFT, write
from nbinspect.figures.pictures import map_colours
from nbinspect.figures.words import brief, clean, plural, shape
from nbinspect.records import ActivationView, Bytes, Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDEST, _HIGHEST = 1.6, 5.0
_BAR = (1.8, 0.12)
_NAME = 18


def draw_activation(axes: Axes, view: ActivationView, width: float) -> float:
    """Draw a view from the top of axes in inches, downwards, and return where it ends."""
    y = _head(axes, view, width)
    if not view.planes.size:
        write(axes, 0, y + LINE / 2, clean(view.note or "nothing to show", int(width / CHARACTER)), color=SOFT)
        return y + LINE
    if view.kind == "number":
        write(axes, 0, y + 0.2, brief(float(view.planes.flat[0])), size=16)
        return y + 0.4
    y = _scale(axes, view, y)
    if view.kind in ("maps", "attention"):
        return _draw_planes(axes, view, y, width)
    return _draw_matrix(axes, view, y, width)


def _head(axes: Axes, view: ActivationView, width: float) -> float:
    facts = [f"{clean(view.dtype, 40)} {shape(view.shape)} {clean(view.device, 40)}"]
    if view.sample is not None:
        facts.append(f"sample {view.sample} of {view.samples}")
    if view.kind in ("maps", "attention"):
        last = view.first + len(view.planes) - 1
        facts.append(f"{clean(view.axes[0], 40)} {view.first} to {last} of {view.total}")
    if view.compared:
        facts.append(f"difference to {clean(view.compared, 60)}")
    most = int(width / CHARACTER)
    write(axes, 0, 0.1, clean(view.name, most), weight="bold", size=9)
    lines = textwrap.wrap(" · ".join(facts), most)
    lines += textwrap.wrap(clean(view.note, 300), most) if view.note and view.planes.size else []
    for row, line in enumerate(lines):
        write(axes, 0, 0.1 + LINE * (row + 1.3), line, color=SOFT)
    return 0.1 + LINE * (len(lines) + 1.1)


def _reach(view: ActivationView) -> tuple[float, float]:
    """Return both ends of the colours: 0 is white, and both signs reach as far; without a sign, only the other is."""
    low, high = (value if math.isfinite(value) else 0.0 for value in view.shared)
    reach = min(max(abs(low), abs(high)) or 1.0, 1e307)  # twice as much is a number, too
    return (-reach if low < 0 else 0.0), (reach if high > 0 or low >= 0 else 0.0)


def _colours(values: Floats, ends: tuple[float, float]) -> Bytes:
    reach = max(abs(ends[0]), abs(ends[1]))
    wide = values.astype(np.float64)
    return map_colours(np.where(np.isfinite(wide), wide.clip(-reach, reach), np.nan), -reach, reach)


def _scale(axes: Axes, view: ActivationView, top: float) -> float:
    """Draw the colour bar with its ends, and what else has a colour."""
    ends = _reach(view)
    wide, tall = _BAR
    start = 8 * CHARACTER
    write(axes, start - 0.05, top + LINE / 2, brief(ends[0]), ha="right", color=SOFT)
    ramp = _colours(np.linspace(*ends, 200, dtype=np.float64)[None], ends)
    axes.imshow(ramp, extent=(start, start + wide, top + 0.02 + tall, top + 0.02), aspect="auto")
    words = f"{brief(ends[1])}{'' if np.isfinite(view.planes).all() else '   magenta: not finite'}"
    write(axes, start + wide + 0.05, top + LINE / 2, words, color=SOFT)
    return top + 1.6 * LINE


def _draw_planes(axes: Axes, view: ActivationView, top: float, width: float) -> float:
    """Draw planes in rows, the number below each, and whether it is dead or among the strongest."""
    count, tall, wide = (int(length) for length in view.planes.shape)
    across = min(count, max(1, round(width / _WIDEST)), math.ceil(math.sqrt(count * 2 * tall / max(1, wide))))
    across = max(across, math.ceil(count / 8) if count <= 32 else round(width / 0.75))
    across = min(across, count)
    across = math.ceil(count / math.ceil(count / across))  # no row is much shorter than the others
    side = min(width / across - 0.08, _WIDEST)
    height = max(0.1, min(side * tall / wide, 2 * side))
    across_side = height * wide / tall if height * wide / tall < side else side
    strongest = {int(unit): place + 1 for place, unit in enumerate(view.top)}
    colours = _colours(view.planes, _reach(view))
    for plane in range(count):
        left = plane % across * (side + 0.08)
        y = top + plane // across * (height + LINE + 0.1)
        axes.imshow(colours[plane], extent=(left, left + across_side, y + height, y), aspect="auto")
        _frame(axes, left, y, across_side, height)
        number = view.first + plane
        write(axes, left, y + height + LINE / 2, str(number), color=SOFT)
        said = "dead" if plane < len(view.dead) and view.dead[plane] else ""
        said = said or (f"top {strongest[number]}" if number in strongest else "")
        if said and side > (len(said) + len(str(number)) + 1) * CHARACTER:
            tone = AMBER if said == "dead" else INK
            write(axes, left + side, y + height + LINE / 2, said, ha="right", color=tone)
    y = top + math.ceil(count / across) * (height + LINE + 0.1)
    write(
        axes,
        0,
        y + LINE / 2,
        f"down: {clean(view.axes[1], 40)}, across: {clean(view.axes[2], 40)}; {_reduced(view)}",
        color=SOFT,
    )
    return y + LINE


def _draw_matrix(axes: Axes, view: ActivationView, top: float, width: float) -> float:
    """Draw one plane with the names of rows and columns where there is room for them."""
    plane = view.planes[0]
    rows, columns = (int(length) for length in plane.shape)
    names = [clean(name, _NAME) for name in view.row_names] or [str(row) for row in range(rows)]
    start = (max(map(len, names)) + 1) * CHARACTER if rows > 1 else 0.0
    wide = min((width - start) / columns, 0.6)
    tall = min(max(LINE, _HIGHEST / rows), 0.3) if rows <= 40 else _HIGHEST / rows
    heads = [clean(name, _NAME) for name in view.column_names]
    every = max(1, math.ceil(LINE / wide))
    y = top
    if heads:
        y += max(map(len, heads)) * CHARACTER + 0.05
        for column in range(0, columns, every):
            place = start + (column + 0.5) * wide, y - 0.04
            write(axes, *place, heads[column], rotation=90, ha="center", va="bottom")
    bottom = y + tall * rows
    colours = _colours(plane, _reach(view))
    axes.imshow(colours, extent=(start, start + wide * columns, bottom, y), aspect="auto", interpolation="nearest")
    _frame(axes, start, y, wide * columns, tall * rows)
    if rows > 1:
        for row in range(0, rows, max(1, math.ceil(LINE / tall))):
            write(axes, 0, y + (row + 0.5) * tall, names[row], color=SOFT)
    dead = (
        f"; {plural(int(view.dead.sum()), 'dead column')}" if len(view.dead) == columns > 1 and view.dead.any() else ""
    )
    across = f"across: {clean(view.axes[2], 40) or 'values'}"
    down = f"down: {clean(view.axes[1], 40)}, " if view.axes[1] else ""
    write(axes, 0, bottom + LINE, f"{down}{across}; {_reduced(view)}{dead}", color=SOFT)
    return bottom + 1.5 * LINE


def _reduced(view: ActivationView) -> str:
    height, width = view.size
    if (height, width) == view.planes.shape[1:]:
        return f"{height} × {width}"
    return f"{height} × {width}, shown as means on {view.planes.shape[1]} × {view.planes.shape[2]}"


def _frame(axes: Axes, left: float, top: float, width: float, height: float) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor="#c9ced6", linewidth=0.6))
