"""An error taken apart, as a figure of steps and as rows of a table."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from nbinspect.figures.panels import ACCENT, INK, PLAIN, RIGHT, SOFT
from nbinspect.figures.paper import shown_as_png
from nbinspect.figures.words import brief, clean
from nbinspect.records import DecompositionRecord, ErrorPart

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_UNSURE, _FLOOR = "#c2c8d0", "#8a94a2"


def decomposition_rows(record: DecompositionRecord) -> list[tuple[str, ...]]:
    """Return the parts as texts, headings first: part, what it is the difference of, value, 95 % interval, state."""
    rows: list[tuple[str, ...]] = [("part", "difference", record.metric, "95 % interval", "", "what to do")]
    for part in record.parts:
        value, low, high = (_shown(record, each) for each in (part.value, part.low, part.high))
        rows.append((part.name, part.of, value, f"{low} … {high}", part.state, part.advice))
    return rows


def level_rows(record: DecompositionRecord) -> list[tuple[str, ...]]:
    """Return the errors on the sets as texts, headings first: set, samples, error, 95 % interval."""
    rows: list[tuple[str, ...]] = [("set", "samples", record.metric, "95 % interval")]
    for level in record.levels:
        value, low, high = (_shown(record, each) for each in (level.value, level.low, level.high))
        samples = f"{level.samples:,}" if level.samples else "given"
        rows.append((level.name, samples, value, f"{low} … {high}"))
    return rows


def decomposition_figure(record: DecompositionRecord, *, width: float = 7.0) -> Figure:
    """Return the parts as steps that lead from 0 to the error on the last set; leaves pyplot unchanged.

    Parts that are within noise are pale, negative ones lead back. The figure belongs to no window and is `width`
    inches wide.
    """
    from matplotlib.figure import Figure

    lines = fill(clean(record.sentence, 600), round(13.5 * width))
    height = 1.0 + 0.34 * len(record.parts) + 0.16 * (lines.count("\n") + 1)
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(lines, loc="left", fontsize=8.5, color=INK, **PLAIN)
    scale = 100 if record.metric == "error rate" else 1
    values = scale * np.array([part.value for part in record.parts])
    ends = np.cumsum(values)
    places = np.arange(len(values))
    axes.barh(places, values, left=ends - values, color=[_colour(part) for part in record.parts], height=0.6)
    reach = scale * np.array([(part.value - part.low, part.high - part.value) for part in record.parts]).T
    reach = np.nan_to_num(np.maximum(reach, 0), posinf=0)
    axes.errorbar(ends, places, xerr=reach, fmt="none", ecolor=INK, elinewidth=1, capsize=2)
    for place, part in zip(places, record.parts, strict=True):
        far = float(max(ends[place] + reach[1, place], ends[place] - values[place]))
        how: dict[str, Any] = {"xytext": (5, 0), "textcoords": "offset points", "va": "center", "fontsize": 7.5}
        axes.annotate(_shown(record, part.value), (far, float(place)), color=INK, **PLAIN, **how)
    axes.set_yticks(places, [clean(part.name, 60) for part in record.parts], **PLAIN)
    axes.invert_yaxis()
    axes.margins(x=0.14)
    axes.tick_params(labelsize=7.5, colors=SOFT)
    axes.spines[["top", "right"]].set_visible(False)
    unit = "%" if record.metric == "error rate" else clean(record.unit, 20)
    axes.set_xlabel(f"{record.metric}{f' in {unit}' if unit else ''}", fontsize=8, color=SOFT, **PLAIN)
    return shown_as_png(figure)


def _colour(part: ErrorPart) -> str:
    if part.name.startswith("irreducible"):
        return _FLOOR
    return {"clear": ACCENT, "within noise": _UNSURE, "negative": RIGHT}[part.state]


def _shown(record: DecompositionRecord, value: float) -> str:
    if record.metric == "error rate":
        return f"{100 * value:.1f} %".replace("-0.0 %", "0.0 %").replace("-", "−")
    return f"{brief(value)} {clean(record.unit, 20)}".rstrip()
