"""Simple models beside the network, and a learning curve, as figures and as rows of a table."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from nbinspect.figures.panels import ACCENT, INK, PLAIN, SOFT
from nbinspect.figures.paper import shown_as_png
from nbinspect.figures.words import brief, clean
from nbinspect.records import BaselineRecord, BaselineScore, LearningCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OTHERS = "#8a94a2"
_NETWORK = "your network"


def baseline_rows(record: BaselineRecord) -> list[tuple[str, ...]]:
    """Return the table of models as texts, its headings first: model, score, 95 % interval, mean error of numbers."""
    headings = ["model", record.metric, "95 % interval"]
    with_error = record.metric == "R²"
    if with_error:
        headings.append(f"mean error ({clean(record.unit, 20)})" if record.unit else "mean error")
    rows = [tuple(headings)]
    for score in record.scores:
        ends = f"{_shown(record.metric, score.low)} … {_shown(record.metric, score.high)}"
        error = (brief(score.error),) if with_error else ()
        rows.append((clean(score.name, 60), _shown(record.metric, score.value), ends, *error))
    return rows


def baselines_figure(record: BaselineRecord, *, width: float = 6.5) -> Figure:
    """Return a bar for each model with its interval of 95 %, the network's in colour; leaves pyplot unchanged.

    The figure belongs to no window and is `width` inches wide.
    """
    figure, axes = _paper(width, 1.1 + 0.28 * max(len(record.scores), 1), record.sentence)
    if not record.scores:
        return _without(figure, axes)
    places = np.arange(len(record.scores))
    scale = 100 if record.metric == "accuracy" else 1
    values = scale * np.nan_to_num(np.array([score.value for score in record.scores]))
    colours = [ACCENT if score.name == _NETWORK else _OTHERS for score in record.scores]
    axes.barh(places, values, color=colours, height=0.62)
    ends = scale * np.array([_reach(score) for score in record.scores]).T
    axes.errorbar(values, places, xerr=ends, fmt="none", ecolor=INK, elinewidth=1, capsize=2)
    axes.set_yticks(places, [clean(score.name, 40) for score in record.scores], **PLAIN)
    axes.invert_yaxis()
    for place, score in zip(places, record.scores, strict=True):
        edge = max(0.0, scale * score.high if np.isfinite(score.high) else 0.0)
        how: dict[str, Any] = {"xytext": (4, 0), "textcoords": "offset points", "va": "center", "fontsize": 7.5}
        axes.annotate(_shown(record.metric, score.value), (edge, float(place)), color=INK, **PLAIN, **how)
    axes.margins(x=0.14)
    unit = {"accuracy": "right answers in %", "R²": "R²"}.get(record.metric, record.metric)
    if record.metric == "mean absolute error" and record.unit:
        unit = f"{unit} in {clean(record.unit, 20)}"
    axes.set_xlabel(unit, fontsize=8, color=SOFT, **PLAIN)
    return shown_as_png(figure)


def learning_curve_figure(curve: LearningCurve, *, width: float = 6.5) -> Figure:
    """Return the scores over the number of samples, with intervals of 95 %; leaves pyplot unchanged.

    The figure belongs to no window and is `width` inches wide; the sizes are drawn on a logarithmic axis.
    """
    figure, axes = _paper(width, 0.45 * width, curve.sentence)
    if not len(curve.sizes):
        return _without(figure, axes)
    scale = 100 if curve.metric == "accuracy" else 1
    axes.fill_between(curve.sizes, scale * curve.low, scale * curve.high, color=ACCENT, alpha=0.18, linewidth=0)
    axes.plot(curve.sizes, scale * curve.scores, color=ACCENT, marker="o", markersize=3.5, linewidth=1.4)
    axes.set_xscale("log", base=2)
    axes.set_xticks(curve.sizes, [f"{size:,}" for size in curve.sizes.tolist()])
    axes.minorticks_off()
    axes.set_xlabel("samples to fit on", fontsize=8, color=SOFT)
    unit = "right answers in %" if curve.metric == "accuracy" else "R²"
    axes.set_ylabel(f"{unit}, {clean(curve.model, 40)}", fontsize=8, color=SOFT, **PLAIN)
    return shown_as_png(figure)


def curve_rows(curve: LearningCurve) -> list[tuple[str, ...]]:
    """Return the learning curve as texts, its headings first: samples, score, 95 % interval."""
    rows: list[tuple[str, ...]] = [("samples", curve.metric, "95 % interval")]
    for size, *score in zip(curve.sizes.tolist(), curve.scores, curve.low, curve.high, strict=True):
        value, low, high = (_shown(curve.metric, float(each)) for each in score)
        rows.append((f"{size:,}", value, f"{low} … {high}"))
    return rows


def _reach(score: BaselineScore) -> tuple[float, float]:
    ends = np.array([score.value - score.low, score.high - score.value])
    low, high = np.maximum(np.nan_to_num(ends, posinf=0), 0)
    return float(low), float(high)


def _shown(metric: str, value: float) -> str:
    if metric == "mean absolute error" or not np.isfinite(value):
        return brief(value)
    # + 0 makes zero of a negative zero
    return f"{100 * value:.1f} %" if metric == "accuracy" else f"{round(value, 2) + 0:.2f}".replace("-", "−")


def _paper(width: float, height: float, title: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    lines = fill(clean(title, 400), round(13.5 * width))
    figure = Figure(figsize=(width, height + 0.16 * (lines.count("\n") + 1)), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(lines, loc="left", fontsize=8.5, color=INK, **PLAIN)
    axes.tick_params(labelsize=7.5, colors=SOFT)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _without(figure: Figure, axes: Axes) -> Figure:
    axes.text(0.5, 0.5, "nothing was measured", ha="center", va="center", color=SOFT, transform=axes.transAxes)
    axes.set(xticks=[], yticks=[])
    return shown_as_png(figure)
