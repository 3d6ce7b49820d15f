"""A data set as one figure, clean enough for print: how its columns are spread, and the first samples."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from nbinspect.errors import InputError
from nbinspect.figures.data_sheet import ColumnCounts, DataSheet, facts_of, findings_of
from nbinspect.figures.insets import AMBER, entitle, inset, paper
from nbinspect.figures.panels import ACCENT, CHARACTER, LINE, SOFT, WIDTH, Panel, draw, write
from nbinspect.figures.paper import cut
from nbinspect.figures.words import brief, clean
from nbinspect.records import Pictures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARGIN = 0.2
_HEIGHT = 1.1
_GAP = 0.45
_ACROSS, _PICTURES = 4, 12
_WORDS = 24
_FINDINGS = 8
_PALE, _OTHER = "#c9d7e6", "#995200"


def data_figure(sheet: DataSheet, *, samples: int = 24) -> Figure:
    """Return a data set as a matplotlib figure, 10 inches wide, that belongs to no window.

    It has the facts, the findings, a histogram of a few columns and the first samples that are shown, at most 24.
    Leaves pyplot and its settings unchanged.

    Raises:
        InputError: for a number of samples below 1.
    """
    if not isinstance(samples, int) or samples < 1:
        raise InputError(f"samples: expected a whole number from 1, got {samples!r}")
    figure, axes = paper(WIDTH + 2 * _MARGIN)
    y = _head(axes, sheet)
    for start in range(0, len(sheet.histograms), _ACROSS):
        y = _row(axes, y, sheet.histograms[start : start + _ACROSS])
    if sheet.samples is not None and sheet.samples.inputs:
        batch = sheet.samples
        across = _PICTURES if isinstance(batch.inputs[0], Pictures) else None
        y = draw(Panel(axes, y, batch, min(samples, batch.batch.size), across, True, indexed=True), batch.inputs[0])
    return cut(figure, axes, WIDTH, y, _MARGIN)


def histogram_figure(drawn: ColumnCounts, width: float) -> Figure:
    """Return one histogram as a figure, `width` inches wide, that belongs to no window."""
    figure, axes = paper(width)
    _histogram(axes, drawn, (0.0, 0.0), width)
    return cut(figure, axes, width, _HEIGHT + 2.6 * LINE, 0.05)


def _head(axes: Axes, sheet: DataSheet) -> float:
    """Write the facts and the findings; return how far down they go."""
    most = int(WIDTH / CHARACTER)
    write(axes, 0, 0.1, "Data", weight="bold", size=10, family="DejaVu Sans")
    lines = textwrap.wrap(" · ".join(facts_of(sheet)), most - 8, max_lines=3, placeholder=" …")
    y = 0.1
    for line in lines:
        write(axes, 0.45, y, line)
        y += LINE
    told = [line for finding, line in findings_of(sheet.record) if finding.level == "warn"]
    for line in told[:_FINDINGS]:
        write(axes, 0, y, clean(line, most), color=AMBER)
        y += LINE
    if len(told) > _FINDINGS:
        write(axes, 0, y, f"▲ {len(told) - _FINDINGS} more", color=AMBER)
        y += LINE
    return y + LINE


def _row(axes: Axes, top: float, drawn: tuple[ColumnCounts, ...]) -> float:
    width = (WIDTH - _GAP * (_ACROSS - 1)) / _ACROSS
    for place, each in enumerate(drawn):
        _histogram(axes, each, (place * (width + _GAP), top), width)
    return top + _HEIGHT + 3.2 * LINE


def _histogram(axes: Axes, drawn: ColumnCounts, corner: tuple[float, float], width: float) -> None:
    """Draw bars of all samples pale, of those that are shown full, and the other split as a line."""
    left, top = corner
    keys = [("–", "other split", _OTHER)] if drawn.other is not None else []
    entitle(axes, left, top + LINE / 2, width, clean(drawn.column, 24), keys=keys)
    plot = inset(axes, left, top + LINE, width, _HEIGHT)
    plot.set_yticks([])
    plot.set_xticks([])
    if not len(drawn.all):
        return
    count = min(len(drawn.all), _WORDS) if drawn.words else len(drawn.all)
    edges = drawn.edges if not drawn.words else np.arange(count + 1) - 0.5
    full = drawn.shown[:count]
    plot.stairs(drawn.all[:count], edges, fill=True, color=_PALE)
    plot.stairs(full, edges, fill=True, color=ACCENT)
    if drawn.other is not None:
        plot.stairs(drawn.other[:count], edges, color=_OTHER, linewidth=0.8)
    plot.set_xlim(float(edges[0]), float(edges[-1]))
    plot.set_ylim(0, max(1.0, 1.05 * float(max(drawn.all[:count].max(initial=0), _highest(drawn, count)))))
    more = len(drawn.words) - count + drawn.more
    ends = (brief(float(edges[0])), brief(float(edges[-1]))) if not drawn.words else _ends(drawn, count, more)
    y = top + LINE + _HEIGHT + 0.7 * LINE
    write(axes, left, y, ends[0], color=SOFT)
    write(axes, left + width, y, ends[1], color=SOFT, ha="right")


def _highest(drawn: ColumnCounts, count: int) -> float:
    return 0.0 if drawn.other is None else float(drawn.other[:count].max(initial=0))


def _ends(drawn: ColumnCounts, count: int, more: int) -> tuple[str, str]:
    """Return what stands below the first and the last of the words."""
    first = clean(drawn.words[0], 14) if count else ""
    last = clean(drawn.words[count - 1], 14) if count > 1 else ""
    return first, f"{last} +{more:,} more" if more else last
