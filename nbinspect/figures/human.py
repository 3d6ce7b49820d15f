"""What a person labelled, beside the network: a figure, and rows of a table."""

from __future__ import annotations

import math
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from nbinspect.figures.panels import ACCENT, INK, PLAIN, SOFT
from nbinspect.figures.paper import shown_as_png
from nbinspect.figures.words import clean, plural
from nbinspect.records import HumanRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PERSON = "#995200"
_NAMED, _WRITTEN = 24, 16
"""Classes that are named at most, and up to which counts are written into the matrix."""


def human_rows(record: HumanRecord) -> list[tuple[str, str]]:
    """Return the result as pairs of texts: what it is, and its figure."""
    rows = [("samples", f"{record.samples:,}")]
    if not record.samples:
        return rows
    rows.append(("right", _share(record.accuracy, record.low, record.high)))
    rows.append(("don't know", f"{record.unknown:,}"))
    if not math.isnan(record.seconds):
        rows.append(("time per sample (median)", f"{record.seconds:.1f} s"))
    if record.repeats:
        kappa = "" if math.isnan(record.kappa) else f", kappa {record.kappa:.2f}".replace("-", "−")
        rows.append(("same answer the second time", f"{record.agreed:,} of {record.repeats:,}{kappa}"))
    beside = record.network
    if beside is not None and beside.samples:
        rows.append(("network on the same samples", _share(beside.network, beside.low, beside.high)))
        ends = f"({100 * beside.difference_low:.1f} … {100 * beside.difference_high:.1f})"
        rows.append(("person − network", f"{100 * beside.difference:.1f} points {ends}".replace("-", "−")))
        only = f"person {beside.only_human:,}, network {beside.only_network:,}, p = {beside.p:.2g}"
        rows.append(("right alone", only))
    return rows


def human_figure(record: HumanRecord, *, width: float = 7.0) -> Figure:
    """Return the person's accuracy beside the network's, and the confusion matrix; leaves pyplot unchanged.

    The figure belongs to no window and is `width` inches wide.
    """
    from matplotlib.figure import Figure

    lines = fill(clean(record.sentence, 500), round(13.5 * width))
    figure = Figure(figsize=(width, 0.55 * width + 0.16 * (lines.count("\n") + 1)), layout="constrained")
    figure.suptitle(lines, x=0.01, ha="left", fontsize=8.5, color=INK, **PLAIN)
    left, right = figure.subplots(1, 2, width_ratios=(1, 2.2))
    for axes in (left, right):
        axes.tick_params(labelsize=7, colors=SOFT)
    _bars(left, record)
    _matrix(right, record)
    return shown_as_png(figure)


def _bars(axes: Axes, record: HumanRecord) -> None:
    scores = [("person", record.accuracy, record.low, record.high, _PERSON)] if record.samples else []
    beside = record.network
    if beside is not None and beside.samples:
        scores.append(("network", beside.network, beside.low, beside.high, ACCENT))
    for place, (_, value, low, high, colour) in enumerate(scores):
        axes.bar(place, 100 * value, color=colour, width=0.6)
        reach = [[100 * max(value - low, 0)], [100 * max(high - value, 0)]]
        axes.errorbar([place], [100 * value], yerr=reach, fmt="none", ecolor=INK, elinewidth=1, capsize=3)
    axes.set_xticks(range(len(scores)), [score[0] for score in scores])
    axes.set_ylim(0, 105)
    axes.set_ylabel("right answers in %", fontsize=8, color=SOFT)
    axes.spines[["top", "right"]].set_visible(False)


def _matrix(axes: Axes, record: HumanRecord) -> None:
    counts = record.confusion
    if not counts.size:
        axes.text(0.5, 0.5, "no answers yet", ha="center", va="center", color=SOFT, transform=axes.transAxes)
        axes.set(xticks=[], yticks=[])
        return
    shown = counts if counts[:, -1].any() else counts[:, :-1]
    totals = counts.sum(1, keepdims=True)
    axes.imshow(np.divide(shown, totals, out=np.zeros(shown.shape), where=totals > 0), cmap="Blues", vmin=0, vmax=1)
    every = -(-len(record.words) // _NAMED)
    names = [clean(word, 16) for word in record.words]
    columns = [*names, *(["don't know"] if shown is counts else [])]
    axes.set_yticks(range(0, len(names), every), names[::every], **PLAIN)
    axes.set_xticks(range(0, len(columns), every), columns[::every], rotation=90, **PLAIN)
    for row, column in zip(*np.nonzero(shown), strict=True) if len(names) <= _WRITTEN else ():
        colour = "white" if shown[row, column] > totals[row, 0] / 2 else INK
        axes.text(column, row, f"{shown[row, column]:,}", ha="center", va="center", fontsize=7, color=colour)
    axes.set_xlabel(f"answer, {plural(record.samples, 'sample')}", fontsize=8, color=SOFT)
    axes.set_ylabel("label", fontsize=8, color=SOFT)


def _share(value: float, low: float, high: float) -> str:
    return f"{100 * value:.1f} % ({100 * low:.1f} … {100 * high:.1f})"
