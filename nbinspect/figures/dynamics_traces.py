"""The numbers of a run over its steps: loss, jitter, updates and rates, one plot below the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from nbinspect.figures.dynamics_plots import plain_ticks
from nbinspect.figures.dynamics_words import SIGNS, part_of, trace_of
from nbinspect.figures.insets import AMBER, entitle, inset, say
from nbinspect.figures.panels import ACCENT, INK, LINE, RIGHT, SOFT, WRONG
from nbinspect.figures.pictures import class_colour
from nbinspect.records import DynamicsRecord, Moment, MomentKind, Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TALL = 1.15
_ROOM = 0.5
"""Left of a plot, for the numbers of its axis."""
_LAYERS = 8
_STYLES = (("-", "━"), ("--", "╌"), (":", "┈"))
_LINED: tuple[MomentKind, ...] = ("alert", "broken", "rate", "back")
"""Kinds that a line is drawn for; the others have their sign alone."""
_FAINT, _PINK, _STRIPE = "#d7dbe0", "#f7e3e1", "#dc9089"
_SIGNS = 40
_SQUASHED = 30
"""A loss that rises to so many times its median is drawn on a logarithmic axis."""


@dataclass(frozen=True)
class _Line:
    trace: Trace
    name: str
    colour: str
    style: int = 0


@dataclass(frozen=True)
class Chart:
    """What one plot shows."""

    title: str
    lines: list[_Line]
    log: bool = False
    zero: bool = False
    """Whether a linear axis begins at 0."""
    stepped: bool = False
    """Whether a value holds until the next one."""


def draw_traces(axes: Axes, record: DynamicsRecord, charts: list[Chart], top: float, width: float) -> float:
    """Draw charts of a run below each other at the left of a paper in inches, and return where they end.

    Moments are marked, and stretches with NaN or Inf are red. The record is left unchanged.
    """
    if not charts:
        say(axes, 0, top + LINE / 2, "no number was recorded yet", width)
        return top + LINE
    first, last = span(record)
    for place, chart in enumerate(charts):
        entitle(axes, 0, top + LINE / 2, width, chart.title, keys=_keys(chart))
        # the first plot has the signs of what happened above it
        above = LINE * (2.2 if place == 0 and record.moments else 1.2)
        plot = inset(axes, _ROOM, top + above, width - _ROOM - 0.15, _TALL)
        plot.set_xlim(first, last)
        _draw(plot, chart)
        plot.locator_params(axis="x", integer=True)
        _mark(plot, record.moments, signed=place == 0)
        top += above + _TALL + 0.28
    return top


def draw_loss(plot: Axes, record: DynamicsRecord, until: int, *, probe: int = 0) -> None:
    """Draw the losses up to a step, and faintly what comes after it; the axes stay the same whatever the step."""
    chart = next(_each_chart(record, probe))
    plot.set_xlim(*span(record))
    _draw(plot, replace(chart, lines=[replace(line, colour=_FAINT, name="") for line in chart.lines]))
    limits = plot.get_ylim()
    _draw(plot, replace(chart, lines=[replace(line, trace=_until(line.trace, until)) for line in chart.lines]))
    plot.set_ylim(limits)
    plot.axvline(until, color=AMBER, linewidth=0.8)


def span(record: DynamicsRecord) -> tuple[float, float]:
    """Return the first and the last step that there is a number of, never the same."""
    steps = [trace.step for trace in record.traces if len(trace.step)]
    first = min((int(each[0]) for each in steps), default=0)
    last = max((int(each[-1]) for each in steps), default=record.steps)
    return first, max(last, record.steps, first + 1)


def charts_of(record: DynamicsRecord, probe: int = 0) -> list[Chart]:
    """Return what is known of loss, jitter, updates and rates, a chart each."""
    return [chart for chart in _each_chart(record, probe) if chart.lines]


def _each_chart(record: DynamicsRecord, probe: int) -> Iterator[Chart]:
    part = part_of(record, probe)
    found = (
        (trace_of(record, "loss"), "train", ACCENT, 0),
        (trace_of(record, "validation loss"), "validation", INK, 1),
        (trace_of(record, "probe loss", part), "probe", RIGHT, 2),
    )
    losses = [_Line(trace, name, colour, style) for trace, name, colour, style in found if trace is not None]
    yield Chart("Loss", losses, log=any(_is_squashed(line.trace) for line in losses))
    jitter = trace_of(record, "jitter", part)
    jitters = [_Line(jitter, "", _hex(5))] if jitter else []
    yield Chart("Jitter of predictions on the probe batch", jitters, zero=True)
    yield Chart("Update ÷ weight, per layer", _by_part(record, "update ratio"), log=True)
    rates = _by_part(record, "rate")
    squashed = any(_is_squashed(line.trace) for line in rates)
    yield Chart("Learning rate", rates, log=squashed, zero=True, stepped=True)


def _by_part(record: DynamicsRecord, name: str) -> list[_Line]:
    """A line a part, in colours as far as they can be told apart: of many the first, the last and some between."""
    traces = [trace for trace in record.traces if trace.name == name and len(trace.step)]
    bright = np.unique(np.linspace(0, len(traces) - 1, min(len(traces), _LAYERS)).round().astype(int)).tolist()
    faint = [_Line(trace, "", _FAINT) for place, trace in enumerate(traces) if place not in bright]
    return faint + [
        _Line(traces[place], traces[place].part or "all", _hex(nth), nth % 3) for nth, place in enumerate(bright)
    ]


def _hex(place: int) -> str:
    return f"#{bytes(class_colour(place)).hex()}"


def _keys(chart: Chart) -> list[tuple[str, str, str]]:
    faint = sum(line.colour == _FAINT for line in chart.lines)
    named = [(_STYLES[line.style][1], line.name, line.colour) for line in chart.lines if line.name]
    return [*named, ("━", f"{faint} more", SOFT)] if faint else named


def _until(trace: Trace, step: int) -> Trace:
    count = int(np.searchsorted(trace.step, step, side="right"))
    return replace(trace, **{each.name: getattr(trace, each.name)[:count] for each in fields(trace)[2:]})


def _is_squashed(trace: Trace) -> bool:
    """Whether all is above zero, and so far apart that a linear axis would show the largest alone."""
    known = trace.mean[np.isfinite(trace.mean)]
    return bool(len(known) and known.min() > 0 and np.nanmax(trace.high) > _SQUASHED * np.median(known))


def _draw(plot: Axes, chart: Chart) -> None:
    above_zero = [bool((line.trace.high > 0).any()) for line in chart.lines]
    if chart.log and any(above_zero):
        plot.set_yscale("log", nonpositive="mask")
    for line in chart.lines:
        trace = line.trace
        dotted = "." if np.isfinite(trace.mean).sum() < 3 else None
        how = {"color": line.colour, "linestyle": _STYLES[line.style][0], "marker": dotted}
        how["drawstyle"] = "steps-post" if chart.stepped else "default"
        step, mean = trace.step, trace.mean
        if chart.stepped and step[-1] < plot.get_xlim()[1]:
            step, mean = np.append(step, round(plot.get_xlim()[1])), np.append(mean, mean[-1])
        plot.plot(step, mean, linewidth=1.1, markersize=4, label=line.name, clip_on=dotted is None, **how)  # type: ignore[arg-type] # any style
        if (trace.high > trace.low).any():
            band = {"color": line.colour, "alpha": 0.18, "linewidth": 0}
            plot.fill_between(trace.step, trace.low, trace.high, step="post" if chart.stepped else None, **band)  # type: ignore[arg-type] # any style
    if chart.zero and not chart.log:
        plot.set_ylim(bottom=0)
    plain_ticks(plot)
    _redden(plot, [line.trace for line in chart.lines])
    if not any(np.isfinite(line.trace.mean).any() for line in chart.lines):
        plot.set_yticks([])
        plot.text(0.5, 0.5, "no finite value", fontsize=7.5, color=SOFT, ha="center", transform=plot.transAxes)


def _redden(plot: Axes, traces: list[Trace]) -> None:
    """Shade each stretch in which values are NaN or Inf, with stripes for those who see no red."""
    least = 0.004 * float(np.diff(plot.get_xlim())[0])
    spans: list[list[float]] = []
    for begin, end in sorted(each for trace in traces for each in _broken(trace)):
        if spans and begin <= spans[-1][1]:
            spans[-1][1] = max(spans[-1][1], end)
        else:
            spans.append([begin, max(end, begin + least)])
    for begin, end in spans:
        plot.axvspan(begin, end, facecolor=_PINK, edgecolor=_STRIPE, hatch="////", linewidth=0, zorder=0)


def _broken(trace: Trace) -> Iterator[tuple[float, float]]:
    """First and last step of each run of points that have something broken."""
    places = np.flatnonzero(trace.broken > 0)
    for run in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if len(places) else ():
        yield float(trace.step[run[0]]), float(trace.step[run[-1]])


def _mark(plot: Axes, moments: tuple[Moment, ...], *, signed: bool) -> None:
    """Draw a line at what matters, and above the first plot the sign of everything, where there is room."""
    first, last = plot.get_xlim()
    free = -np.inf
    for moment in sorted(moments, key=lambda each: each.step)[-_SIGNS:]:
        if not first <= moment.step <= last:
            continue
        colour = WRONG if moment.kind in ("broken", "problem") else AMBER
        if moment.kind in _LINED:
            plot.axvline(moment.step, color=colour, linewidth=0.8, linestyle="--", zorder=1)
        if signed and moment.step >= free:
            how = {"ha": "center", "color": colour, "family": "DejaVu Sans Mono", "annotation_clip": False}
            place = (moment.step, 1.02)
            plot.annotate(SIGNS[moment.kind], place, xycoords=("data", "axes fraction"), size=7, **how)  # type: ignore[arg-type] # any style
            free = moment.step + 0.03 * (last - first)
