"""A swap as text for a terminal, as a static page, and as a figure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

from nbinspect.figures.markup import Markup, tag
from nbinspect.figures.page import page
from nbinspect.figures.paper import source_of
from nbinspect.figures.sanity import chart_figure
from nbinspect.figures.words import brief, clean
from nbinspect.records import Chart, SwapRecord, SwapRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = {"neither": "ok", "unknown": "soft"}
_RESOLUTION = 144


def swap_text(record: SwapRecord) -> str:
    """Return a swap as text: the sentence, a line a training, and what it was compared with."""
    model, task = clean(record.model, 60), clean(record.task, 60)
    lines = [f"Swap · {model} · {task} · {record.seconds:.1f} s · seed {record.seed}"]
    lines += [clean(record.sentence, 600), ""]
    for cells in _rows(record):
        lines.append(f"  {cells[0]:<32}{cells[1]:<34}{cells[2]:>22}  {cells[3]}".rstrip())
    return "\n".join([*lines, "", *(f"  {line}" for line in _facts(record))])


def swap_html(record: SwapRecord) -> str:
    """Return a swap as a static page without scripts: the sentence, the trainings, and the curves."""
    head = tag("header", tag("span", "Swap ", class_="title"), tag("span", clean(record.model, 60), class_="fact"))
    colour = _COLOURS.get(record.at_fault, "bad")
    told = tag("section", tag("p", tag("b", clean(record.sentence, 600))), class_=f"diagnosis {colour}-edge")
    names = ("training", "optimizer", "constant → reached → perfect", "answer")
    table = tag(
        "table",
        tag("thead", tag("tr", *(tag("th", name, scope="col") for name in names))),
        tag("tbody", *(tag("tr", *(tag("td", cell) for cell in row)) for row in _rows(record))),
    )
    charts = [chart for data in ("yours", "reference") if (chart := swap_chart(record, data)) is not None]
    notes = tag("div", *(tag("p", line) for line in _facts(record)), class_="notes soft")
    return page("sanity", head, told, tag("div", table, *map(_picture, charts), class_="findings"), notes)


def swap_figure(record: SwapRecord, data: Literal["yours", "reference"]) -> Figure:
    """Return the held-out loss of each training on one of the two data sets, beside the constant prediction."""
    chart = swap_chart(record, data)
    empty = Chart("lines", "No training was run on these data", "", "", (), (), np.zeros(0))
    return chart_figure(chart or empty)


def _rows(record: SwapRecord) -> Iterator[tuple[str, str, str, str]]:
    for run in record.runs:
        place = 0 if run.data == "yours" else 1
        chance, floor = record.chance[place], record.floor[place]
        reached = brief(float(np.min(run.losses))) if len(run.losses) else "–"
        known = np.isfinite(run.gain + run.margin)
        answer = f"{run.answer}: {round(100 * run.gain)} ± {round(100 * run.margin)} %" if known else run.answer
        pair = f"{_model(run)}, {'your' if run.data == 'yours' else 'reference'} data"
        yield (
            pair,
            clean(run.optimizer, 60),
            f"{brief(chance)} → {reached} → {brief(floor)}",
            clean(run.error) or answer,
        )


def _model(run: SwapRun) -> str:
    return "your model" if run.model == "yours" else "reference model"


def _facts(record: SwapRecord) -> Iterator[str]:
    yield f"reference model: {clean(record.reference_model)}"
    yield f"reference data: {clean(record.reference_data)}"
    yield from (clean(note) for note in record.notes)


def swap_chart(record: SwapRecord, data: Literal["yours", "reference"]) -> Chart | None:
    """Return the held-out losses of the trainings on one of the two data sets; None where there was none."""
    runs = [run for run in record.runs if run.data == data and len(run.steps)]
    if not runs:
        return None
    place = 0 if data == "yours" else 1
    at = max((run.steps for run in runs), key=len)
    lines = [np.concatenate([run.losses, np.full(len(at) - len(run.losses), np.nan)]) for run in runs]
    names = [f"{_model(run)}, {run.optimizer}" for run in runs]
    whose = "Your data" if data == "yours" else "Reference data of the same shapes"
    return Chart(
        "lines",
        f"{whose}: loss on held-out samples; a constant prediction has {brief(record.chance[place])}",
        "optimizer step",
        "loss",
        (*names, "constant prediction"),
        (*lines, np.full(len(at), record.chance[place])),
        at.astype(float),
    )


def _picture(chart: Chart) -> Markup:
    source = source_of(chart_figure(chart, width=6.2), _RESOLUTION)
    return tag("div", tag("img", src=source, alt=clean(chart.title), width=595), class_="picture lines")
