"""A run as a static page, and as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbinspect.figures.dynamics_exhibit import probe_exhibit
from nbinspect.figures.dynamics_traces import Chart, charts_of, draw_traces
from nbinspect.figures.dynamics_words import SIGNS, headline, missing, reading_at, readings_of
from nbinspect.figures.exhibits import exhibit
from nbinspect.figures.insets import paper
from nbinspect.figures.markup import Markup, fragment, tag
from nbinspect.figures.page import page
from nbinspect.figures.paper import cut
from nbinspect.figures.readable import picture
from nbinspect.figures.words import brief, clean, plural
from nbinspect.records import DynamicsRecord, Moment, MomentKind, Spike

_TONES: dict[MomentKind, str] = {"alert": "warn", "spike": "warn", "broken": "bad", "problem": "bad"}
"""Of the kinds that ask for attention."""
_ALARMS, _MOMENTS = 12, 60
_SPIKES, _LISTED = 2, 12
"""So many spikes are told with their batch, so many of the others with their step."""
_WIDTH = 5.2
"""Of the plots, in inches of 96 pixels."""
_LONG = 400


def dynamics_html(record: DynamicsRecord) -> str:
    """Return a run as HTML that needs nothing else: no script, no file, no network; readable on any background.

    It has the facts, alerts and notes in words, the plots, the newest reading of each probe, what happened at which
    step, and the batches behind spikes of the loss. All text from data is escaped; the record is left unchanged.
    """
    facts = [fragment(tag("span", fact, class_="fact"), " ") for fact in headline(record)]
    probes = [_probe(record, place) for place in range(len(record.probes))]
    return page(
        "dynamics",
        tag("header", tag("span", "Dynamics ", class_="title"), *facts),
        _notes(record),
        _both(_plots(record), probes),
        _moments(record),
        *map(_spike, _largest(record)),
        tag("p", _others(record), class_="part") if _others(record) else None,
    )


def _both(plots: list[Markup], probes: list[Markup]) -> Markup | None:
    """The plots left of the one probe; above them, where there are more, which stand side by side then."""
    if len(probes) < 2:
        return tag("div", *plots, tag("div", *probes, class_="probes"), class_="both") if plots or probes else None
    beside = [tag("div", probe, class_="probes") for probe in probes]
    return fragment(tag("div", *plots, class_="both") if plots else None, tag("div", *beside, class_="both"))


def dynamics_text(record: DynamicsRecord) -> str:
    """Return a run as a few lines of text: the facts, alerts, what is missing and notes."""
    lines = [" · ".join(["Dynamics", *headline(record)])]
    lines += [_sentence(moment) for moment in _alarms(record)]
    lines += [f"{SIGNS['spike']} step {spike.step:,}: {_spiked(spike)}" for spike in _largest(record)]
    lines += [_others(record)] if _others(record) else []
    return "\n".join([*lines, *missing(record), *(f"note: {clean(note, _LONG)}" for note in record.notes)])


def _alarms(record: DynamicsRecord) -> list[Moment]:
    """The newest that ask for attention, without the spikes that are told of below."""
    told = {spike.step for spike in record.spikes}
    asking = (moment for moment in record.moments if moment.kind in _TONES)
    return [moment for moment in asking if moment.kind != "spike" or moment.step not in told][-_ALARMS:]


def _sentence(moment: Moment) -> str:
    return f"{SIGNS[moment.kind]} step {moment.step:,}: {clean(moment.text, _LONG)}"


def _notes(record: DynamicsRecord) -> Markup | None:
    lines = [tag("p", _sentence(moment), class_=_TONES[moment.kind]) for moment in _alarms(record)]
    lines += [tag("p", clean(text, _LONG), class_="soft") for text in (*missing(record), *record.notes)]
    return tag("div", *lines, class_="notes") if lines else None


def _largest(record: DynamicsRecord) -> list[Spike]:
    """The spikes that are told with their batch, in the order of their steps: the farthest above what was usual."""
    ordered = sorted(record.spikes, key=lambda spike: spike.loss / max(spike.usual, 1e-12), reverse=True)
    return sorted(ordered[:_SPIKES], key=lambda spike: spike.step)


def _others(record: DynamicsRecord) -> str:
    """Return one line of all other spikes; empty where there are none."""
    told = {spike.step for spike in _largest(record)}
    left = [f"step {spike.step:,} ({brief(spike.loss)})" for spike in record.spikes if spike.step not in told]
    more = [f"and {len(left) - _LISTED} more"] if len(left) > _LISTED else []
    words = "other spike" if len(left) == 1 else "other spikes"
    return f"{SIGNS['spike']} {len(left)} {words}: {', '.join([*left[:_LISTED], *more])}" if left else ""


def _plots(record: DynamicsRecord) -> list[Markup]:
    """All plots in one picture, or in two that stand side by side."""
    charts = charts_of(record)
    half = len(charts) if len(record.probes) < 2 else (len(charts) + 1) // 2
    return [_picture(record, part) for part in (charts[:half], charts[half:]) if part]


def _picture(record: DynamicsRecord, charts: list[Chart]) -> Markup:
    figure, axes = paper(_WIDTH)
    bottom = draw_traces(axes, record, charts, 0, _WIDTH)
    cut(figure, axes, _WIDTH, bottom, 0.05)
    named = ", ".join(chart.title for chart in charts)
    words = f"plots over the steps: {named}; {', '.join(headline(record))}"
    return tag("div", picture(figure, words), class_="picture")


def _probe(record: DynamicsRecord, place: int) -> Markup:
    readings = readings_of(record, place)
    return probe_exhibit(record.probes[place], readings, reading_at(readings, None))


def _moments(record: DynamicsRecord) -> Markup | None:
    """A line for each thing that happened, the newest sixty."""
    if not record.moments:
        return None
    rows = [
        tag(
            "tr",
            tag("td", f"{moment.step:,}", class_="number"),
            tag("td", f"{SIGNS[moment.kind]} {moment.kind}", class_=_TONES.get(moment.kind)),
            tag("td", clean(moment.text, _LONG), class_="words"),
        )
        for moment in record.moments[-_MOMENTS:]
    ]
    left_out = len(record.moments) - len(rows)
    more = tag("p", f"{left_out:,} earlier ones are not listed", class_="soft") if left_out else None
    head = tag("tr", *(tag("th", name, scope="col") for name in ("step", "what", "")))
    summary = tag("summary", f"What happened: {plural(len(record.moments), 'moment')}")
    return tag("details", summary, tag("table", head, *rows), more, class_="part")


def _spike(spike: Spike) -> Markup:
    """The batch behind a spike, the sample with the largest loss first."""
    told = tag("p", tag("b", f"◆ step {spike.step:,}: ", class_="warn"), _spiked(spike))
    items = spike.batch.inputs if spike.batch is not None and spike.batch.batch.size else ()
    shown = exhibit(spike.batch, items[0]) if spike.batch is not None and items else None
    return tag("section", told, shown, class_="part")


def _spiked(spike: Spike) -> str:
    """Return the loss beside the usual one, those of the samples, and the note."""
    return " · ".join(_about(spike))


def _about(spike: Spike) -> Iterator[str]:
    yield f"loss {brief(spike.loss)}, usually {brief(spike.usual)}"
    if len(spike.losses):
        yield f"of its samples, largest first: {', '.join(brief(float(each)) for each in np.asarray(spike.losses)[:8])}"
    if spike.note:
        yield clean(spike.note, _LONG)
