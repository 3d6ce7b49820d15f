"""The swap of model and data in the form of a check's result, as the page of a sanity view shows it."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from nbinspect.figures.words import brief
from nbinspect.records import CheckResult, Measurement, Status, SwapRecord, SwapRun
from nbinspect.reference.page import swap_chart

NAME = "model-or-data"
TRAININGS = 8
"""The most that a swap runs."""
_STATUS: dict[str, Status] = {"neither": "pass", "unknown": "inconclusive"}
_BOTH: tuple[Literal["yours"], Literal["reference"]] = ("yours", "reference")


def swap_result(record: SwapRecord) -> CheckResult:
    """Return a swap as a result: who is at fault, a row a training, and a chart for each of the two data sets.

    The headline is what its sentence says before the colon, the detail what follows.
    """
    title, _, because = record.sentence.partition(": ")
    charts = (swap_chart(record, data) for data in _BOTH)
    facts = (f"reference model: {record.reference_model}", f"reference data: {record.reference_data}", *record.notes)
    return CheckResult(
        NAME,
        "swap",
        _STATUS.get(record.at_fault, "fail"),
        title,
        title=title,
        detail=" ".join(f"{text[:1].upper()}{text[1:].rstrip('.')}." for text in (because, *facts) if text),
        measurements=tuple(_measurement(record, run) for run in record.runs),
        charts=tuple(chart for chart in charts if chart is not None),
        steps=sum(int(run.steps[-1]) for run in record.runs if len(run.steps)),
        seconds=record.seconds,
    )


def _measurement(record: SwapRecord, run: SwapRun) -> Measurement:
    place = _BOTH.index(run.data)
    model = "your model" if run.model == "yours" else "reference model"
    data = "your data" if run.data == "yours" else "reference data"
    way = f"{brief(record.chance[place])} → {brief(float(np.min(run.losses)))}, " if len(run.losses) else ""
    came = f": {round(100 * run.gain)}\u00a0%" if math.isfinite(run.gain) else ""
    return Measurement(
        f"{model}, {data}; {run.optimizer}",
        run.error or f"{way}{run.answer}{came}",
        f"{brief(record.floor[place])} if perfect",
    )
