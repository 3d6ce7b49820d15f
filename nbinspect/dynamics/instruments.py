"""What is measured of a run when the budget allows, each in one function; none of them disturbs the run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbinspect.dynamics.history import History
from nbinspect.dynamics.probe import Probe
from nbinspect.dynamics.quantities import Norms
from nbinspect.dynamics.validation import Validation
from nbinspect.records import Floats, Reading


@dataclass(frozen=True)
class Instrument:
    """Something to measure after a step."""

    name: str
    part: float
    """Of the budget."""
    least: float
    """Seconds between two times, however cheap it is."""
    measure: Callable[[int], Any]
    """Called with the step; what it raises is shown, and it is not called again."""
    at_start: bool = True
    """Whether it is measured before the first step, and after the last one, in any case."""
    estimate: Callable[[], float] | None = None
    """Gives the seconds that it will take, where it is not measured before the first step."""


def probe_instrument(number: int, probe: Probe, history: History, part: float, pins: Callable[[], Any]) -> Instrument:
    """Return what reads a probe; its numbers go to the history, those of a second one as a part of their own."""
    group = "" if number == 0 else probe.record.split

    def measure(step: int) -> None:
        kept = history.readings(number)
        if kept and kept[-1].step == step:
            return
        reading = probe.read(step)
        history.reading(number, reading, pins())
        for name, value in _numbers(reading):
            if np.isfinite(value) or (name == "probe loss" and probe.has_losses):  # one that is lost is told
                history.value(name, step, value, group)

    return Instrument(f"probe {number}", part, 0.05, measure)


def _numbers(reading: Reading) -> list[tuple[str, float]]:
    known = reading.correct[reading.correct >= 0]
    return [
        ("probe loss", _mean(reading.losses)),
        ("probe accuracy", float(known.mean()) if len(known) else float("nan")),
        ("jitter", _mean(reading.jitter)),
    ]


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def validation_instrument(validation: Validation, history: History, part: float) -> Instrument:
    """Return what evaluates the whole validation set."""

    def measure(step: int) -> None:
        result = validation.evaluate()
        if not np.isnan(result.loss):
            history.value("validation loss", step, result.loss)
        if result.accuracy is not None:
            history.value("validation accuracy", step, result.accuracy)

    return Instrument("validation", part, 1.0, measure, at_start=False, estimate=validation.expected_seconds)


def keep_norms(norms: Norms | None, step: int, history: History) -> None:
    """Add the norms of one step to the history, those of the run and those of each layer; None adds nothing."""
    if norms is None:
        return
    history.value("gradient norm", step, norms.total_gradient)
    for layer in norms.weight:
        history.value("gradient norm", step, norms.gradient[layer], layer)
        history.value("weight norm", step, norms.weight[layer], layer)
        history.value("update ratio", step, norms.ratio[layer], layer)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Do something, and return what it gave and the seconds it took."""
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began
