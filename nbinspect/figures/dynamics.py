"""A run as one figure, clean enough for print: its numbers over the steps, and beside them the probe at one step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nbinspect.errors import InputError
from nbinspect.figures.dynamics_plots import Sheet
from nbinspect.figures.dynamics_probe import draw_probe
from nbinspect.figures.dynamics_traces import charts_of, draw_traces
from nbinspect.figures.dynamics_words import SIGNS, headline, missing, reading_at, readings_of
from nbinspect.figures.insets import AMBER, paper, say
from nbinspect.figures.panels import CHARACTER, LINE, SOFT, WRONG, write
from nbinspect.figures.paper import cut
from nbinspect.figures.words import clean
from nbinspect.records import DynamicsRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TRACES, _PROBE, _GAP, _MARGIN = 4.4, 7.0, 0.4, 0.2
_TOLD = 6


def dynamics_figure(record: DynamicsRecord, *, probe: int = 0, step: int | None = None) -> Figure:
    """Return a run as a matplotlib figure, 12 inches wide, that belongs to no window.

    On the left loss, jitter, update ratios and rates over the steps; on the right what the network made of the probe
    batch at the newest reading that is not after `step`, the newest of all by default. Leaves the record, pyplot and
    its settings unchanged.

    Raises:
        InputError: for a probe that the run does not have, and a step that is no whole number.
    """
    if step is not None and (isinstance(step, bool) or not isinstance(step, int)):
        raise InputError(f"step: expected a whole number, got {step!r}")
    readings = readings_of(record, probe)
    reading = reading_at(readings, step)
    width = _TRACES + _GAP + _PROBE
    figure, axes = paper(width + 2 * _MARGIN)
    write(axes, 0, 0.1, "Dynamics", weight="bold", size=10, family="DejaVu Sans")
    write(axes, 0.85, 0.1, clean(" · ".join(headline(record, probe, reading)), int((width - 0.85) / CHARACTER)))
    left = draw_traces(axes, record, charts_of(record, probe), 0.35, _TRACES)
    start, right = _TRACES + _GAP, 0.35
    if reading is None:
        say(axes, start, right + LINE / 2, "there is no reading of a probe batch", _PROBE)
    else:
        # colours of tokens tell how far the run has come; other scales fit the one reading that is drawn
        scaled = readings if record.probes[probe].task == "language-model" else (reading,)
        right = draw_probe(Sheet(axes, start, right, _PROBE, record.probes[probe], scaled, reading))
    return cut(figure, axes, width, _foot(axes, record, max(left, right), width), _MARGIN)


def _foot(axes: Axes, record: DynamicsRecord, top: float, width: float) -> float:
    """Write what is missing and the newest alerts in words."""
    lines = list(_told(record))
    for place, (text, colour) in enumerate(lines):
        write(axes, 0, top + LINE * (place + 0.5), clean(text, int(width / CHARACTER)), color=colour)
    return top + LINE * len(lines)


def _told(record: DynamicsRecord) -> Iterator[tuple[str, str]]:
    yield from ((text, SOFT) for text in missing(record))
    alarms = [each for each in record.moments if each.kind in ("alert", "broken", "problem", "spike")]
    for each in alarms[-_TOLD:]:
        colour = WRONG if each.kind in ("broken", "problem") else AMBER
        yield f"{SIGNS[each.kind]} step {each.step:,}: {each.text}", colour
    if len(alarms) > _TOLD:
        yield f"{len(alarms) - _TOLD} earlier ones are not listed", SOFT
