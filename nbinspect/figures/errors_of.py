"""A network's errors on a data set as figures: confusion matrix, outputs against targets, slices of large error."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from nbinspect.figures.panels import ACCENT, INK, PLAIN, RIGHT, SOFT, WRONG
from nbinspect.figures.paper import shown_as_png
from nbinspect.figures.words import brief, clean, plural
from nbinspect.records import Confusion, Floats, OutputHistogram, Slices

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_RULE = "#d7dbe0"
_WRITTEN, _NAMED = 16, 40
"""Classes up to which counts are written into the cells, and up to which each has its name."""


def confusion_figure(confusion: Confusion, *, width: float = 6.0) -> Figure:
    """Return the confusion matrix as a figure that belongs to no window, `width` inches wide; leaves pyplot unchanged.

    Colours are shares of each label, numbers are samples.
    """
    count = len(confusion.words)
    figure, axes = _paper(width, 0.9 * width if count else 1.4, confusion.sentence)
    if not count:
        return _empty(figure, axes)
    totals = confusion.counts.sum(1, keepdims=True)
    shares: Floats = np.divide(confusion.counts, totals, out=np.full((count, count), np.nan), where=totals > 0)
    shown = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    every = -(-count // _NAMED)
    names = [clean(word, 16) for word in confusion.words[::every]]
    axes.set_xticks(range(0, count, every), names, rotation=90 if max(map(len, names)) > 3 else 0, **PLAIN)
    axes.set_yticks(range(0, count, every), names, **PLAIN)
    for row, column in zip(*np.nonzero(confusion.counts), strict=True) if count <= _WRITTEN else ():
        colour = "white" if shares[row, column] > 0.5 else INK
        number = f"{confusion.counts[row, column]:,}"
        axes.text(column, row, number, ha="center", va="center", fontsize=7, color=colour)
    _label(axes, "prediction", "label")
    bar = figure.colorbar(shown, ax=axes, shrink=0.8)
    bar.set_label("share of the label", fontsize=8, color=SOFT)
    bar.ax.tick_params(labelsize=7, colors=SOFT)
    return shown_as_png(figure)


def outputs_figure(histograms: Sequence[OutputHistogram], *, width: float = 7.5) -> Figure:
    """Return outputs against targets as a figure that belongs to no window; leaves pyplot unchanged.

    Numbers have their spread at the left and how they go together at the right, classes a pair of bars each.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 0.42 * width * max(1, len(histograms))), layout="constrained")
    parts = np.ravel(np.array(figure.subfigures(max(1, len(histograms)), 1), dtype=object))
    for place, (part, each) in enumerate(zip(parts, histograms, strict=False)):
        title = " ".join((each.sentence, *each.advice))
        part.suptitle(fill(clean(title, 400), round(13 * width)), fontsize=8, color=INK, x=0.01, ha="left", **PLAIN)
        (_draw_numbers if each.kind == "number" else _draw_classes)(part, each, legend=place == 0)
    return shown_as_png(figure)


def slices_figure(slices: Slices, *, width: float = 7.5) -> Figure:
    """Return the slices with their error and its interval as a figure that belongs to no window, the largest above."""
    count = len(slices.slices)
    figure, axes = _paper(width, 1.2 + 0.3 * count, slices.sentence)
    if not count:
        return _empty(figure, axes)
    scale, unit = (100, " in %") if slices.measure == "error rate" else (1, "")
    errors, low, high = (
        scale * np.array([getattr(each, name) for each in slices.slices]) for name in ("error", "low", "high")
    )
    rows = np.arange(count)
    axes.barh(rows, errors, color=WRONG, height=0.55, alpha=0.75)
    axes.hlines(rows, low, high, color=INK, linewidth=1.2)
    axes.axvline(scale * slices.error, color=ACCENT, linestyle="--", linewidth=1)
    names = [fill(clean(each.text, 90), 44) for each in slices.slices]
    axes.set_yticks(rows, names, **PLAIN)
    axes.invert_yaxis()
    for row, each in enumerate(slices.slices):
        said = f"{brief(scale * each.error)} · {plural(each.count, 'sample')}"
        how: dict[str, Any] = {"xytext": (4, 0), "textcoords": "offset points", "va": "center"}
        axes.annotate(said, (high[row], row), **how, fontsize=7, color=INK)
    axes.margins(x=0.25)
    axes.set_xlim(left=0)
    _label(
        axes, f"{clean(slices.measure, 60)}{unit} · line: 95 % interval · dashes: all {slices.samples:,} samples", ""
    )
    return shown_as_png(figure)


def _paper(width: float, height: float, title: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    figure.suptitle(fill(clean(title, 300), round(12 * width)), fontsize=8.5, color=INK, x=0.01, ha="left", **PLAIN)
    _plain_sides(axes)
    return figure, axes


def _plain_sides(axes: Axes) -> None:
    axes.tick_params(labelsize=7, colors=SOFT)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(_RULE)


def _empty(figure: Figure, axes: Axes) -> Figure:
    axes.set(xticks=[], yticks=[])
    axes.text(0.5, 0.5, "nothing to draw", ha="center", va="center", color=SOFT, transform=axes.transAxes)
    return shown_as_png(figure)


def _draw_numbers(part: Any, histogram: OutputHistogram, *, legend: bool) -> None:
    spread, against = part.subplots(1, 2, width_ratios=(1.4, 1))
    for axes in (spread, against):
        _plain_sides(axes)
    if not histogram.samples:
        return
    edges, unit = histogram.edges, f" ({clean(histogram.unit, 20)})" if histogram.unit else ""
    spread.stairs(histogram.targets, edges, fill=True, color=RIGHT, alpha=0.45, label="targets")
    spread.stairs(histogram.outputs, edges, color=ACCENT, linewidth=1.4, label="outputs")
    if legend:
        spread.legend(fontsize=7, frameon=False)
    _label(spread, f"{clean(histogram.name, 30)}{unit}", "samples")
    seen = np.where(histogram.joint > 0, histogram.joint, np.nan)
    against.pcolormesh(edges, edges, np.log10(seen).T, cmap="cividis")
    ends = (edges[0], edges[-1])
    against.plot(ends, ends, color=WRONG, linestyle="--", linewidth=0.9)
    _label(against, f"target{unit}", f"output{unit}")


def _draw_classes(part: Any, histogram: OutputHistogram, *, legend: bool) -> None:
    axes = part.subplots()
    _plain_sides(axes)
    places = np.arange(len(histogram.words))
    axes.bar(places - 0.2, histogram.targets, 0.4, color=RIGHT, alpha=0.6, label="labels")
    axes.bar(places + 0.2, histogram.outputs, 0.4, color=ACCENT, alpha=0.8, label="predictions")
    names = [clean(word, 14) for word in histogram.words]
    axes.set_xticks(places, names, rotation=90 if max(map(len, names), default=0) > 3 else 0, **PLAIN)
    if legend:
        axes.legend(fontsize=7, frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1))
    _label(axes, "", "samples")


def _label(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x, fontsize=8, color=SOFT, **PLAIN)
    axes.set_ylabel(y, fontsize=8, color=SOFT, **PLAIN)
