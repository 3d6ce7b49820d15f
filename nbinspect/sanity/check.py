"""The uniform shape of a check: what it asks, what it needs, and how it says what it found."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from nbinspect.records import Chart, CheckFacts, CheckResult, Hindrance, Measurement, Place, Stage, TaskRecord

Arguments: TypeAlias = dict[str, Any]
"""The keyword arguments of `nbinspect.check`, ``model`` and ``loader`` among them."""

_GIVEN = {
    "val_loader": "val_loader",
    "val_batches": "val_loader",
    "val_scan": "val_loader",
    "targets": "targets",
    "recorded": "a forward pass and a loss that run",
    "recordings": "a forward pass and a loss that run",
    "training": "a forward pass and a loss that run",
    "training_pass": "a forward pass and a loss that run",
    "evaluated": "a forward pass and a loss that run",
    "dependence": "a forward pass and a loss that run",
    "observed": "optimizer or train_step",
    "backward": "a loss that has a gradient",
    "untrained": "a network that has not been trained",
    "optimizer": "optimizer",
    "train_step": "train_step",
    "eval_step": "eval_step",
    "scheduler": "scheduler",
    "padding_value": "padding_value",
}
"""What a user has to give, beside a model and a loader, for what checks need."""


class MissingNeed(Exception):  # noqa: N818 - no error: the check is skipped
    """What a check needs is not there.

    Args:
        need: what goes on after ``needs``: ``val_loader``.
        hindrance: why it is not there, where that is known.
    """

    def __init__(self, need: str, hindrance: Hindrance = "") -> None:
        super().__init__(need)
        self.hindrance: Hindrance = hindrance


class ProgramRaised(MissingNeed):
    """A need is not there because the user's own loader or `split` raised, or gave nothing; `runs` tells of it."""

    def __init__(self, need: str) -> None:
        super().__init__(need, "raised")

    place = ""
    """``file:line`` in the user's code; empty where there is none."""


class StepRaised(MissingNeed):
    """A need is not there because a step of the user's own raised on a copy; what it raised is the cause of this."""

    def __init__(self, need: str) -> None:
        super().__init__(need, "raised")


@dataclass(frozen=True)
class Check:
    """One check of the catalogue.

    `run` returns what it found through `passed`, `warned`, `failed`, `inconclusive` or `skipped`. Its positional
    parameters are its needs, supplied by the runner by name; its keyword-only parameters are thresholds that a user
    can set. It changes nothing of the subject.
    """

    name: str
    stage: Stage
    question: str
    """What it asks, as a question."""
    why: str
    """Why that matters: what goes wrong silently otherwise."""
    remedy: str
    """What to do about a finding, in general."""
    cost: float
    """Forward and backward passes that it runs beyond the shared ones, in batches, at most."""
    run: Callable[..., CheckResult]
    good: Callable[[], Arguments]
    """A healthy program; executed as its test."""
    bad: Callable[[], Arguments] | None
    """A program on which it fails, or warns where it never fails."""
    explains: tuple[str, ...] = ()
    """The checks whose findings follow from a finding of this one."""
    sources: tuple[str, ...] = ()
    """Ids of the advice that it serves."""
    silent: str = ""
    """On what it stays silent, and why."""

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """Names of what the runner supplies."""
        return tuple(p.name for p in _parameters(self.run) if p.kind is not p.KEYWORD_ONLY)

    @cached_property
    def thresholds(self) -> dict[str, Any]:
        """The thresholds that a user can set, with their defaults."""
        return {p.name: p.default for p in _parameters(self.run) if p.kind is p.KEYWORD_ONLY}

    @property
    def facts(self) -> CheckFacts:
        """What it is, as a record."""
        own = {name: getattr(self, name) for name in ("name", "stage", "question", "why", "remedy", "silent", "cost")}
        thresholds = tuple((name, repr(value)) for name, value in self.thresholds.items())
        needs = tuple(dict.fromkeys(_GIVEN[name] for name in self.needs if name in _GIVEN)) or ("a model and a loader",)
        return CheckFacts(**own, needs=needs, thresholds=thresholds, explains=self.explains, sources=self.sources)


def _parameters(run: Callable[..., CheckResult]) -> list[inspect.Parameter]:
    return list(inspect.signature(run).parameters.values())


def passed(summary: str, *measurements: Measurement, charts: tuple[Chart, ...] = ()) -> CheckResult:
    """Say that nothing is wrong; `summary` in a few words, with the number: ``mean 0.02, std 0.99``."""
    return CheckResult("", "", "pass", summary, measurements=measurements, charts=charts)


def failed(summary: str, *measurements: Measurement, title: str, detail: str, remedy: str, **rest: Any) -> CheckResult:
    """Say that there is a defect, which a healthy program never shows; `rest` are further fields of `CheckResult`.

    Args:
        summary: a few words beside the check's name.
        measurements: the measured numbers, each beside the expected one with its unit.
        title: the finding as a headline.
        detail: what is wrong and what it does, in one or two sentences.
        remedy: one sentence with the value to use.
        **rest: `where`, `place`, `code`, `charts`, `confirmed`.
    """
    return CheckResult("", "", "fail", summary, title, detail, measurements, remedy=remedy, **rest)


def warned(summary: str, *measurements: Measurement, title: str, detail: str, remedy: str, **rest: Any) -> CheckResult:
    """Say that something is worth a look, though healthy programs may have it; arguments as in `failed`."""
    return CheckResult("", "", "warn", summary, title, detail, measurements, remedy=remedy, **rest)


def inconclusive(summary: str, *measurements: Measurement, settle: str, charts: tuple[Chart, ...] = ()) -> CheckResult:
    """Say that the evidence supports neither; `settle` says what would settle it."""
    return CheckResult("", "", "inconclusive", summary, detail=settle, measurements=measurements, charts=charts)


def skipped(need: str) -> CheckResult:
    """Say that the question does not arise; `need` goes on after ``needs``: ``class labels``."""
    return CheckResult("", "", "skip", f"needs {need}")


def of_unknown_task(task: TaskRecord) -> CheckResult:
    """Say that the question does not arise where the task is ``other``: nobody knows which, or the user has said so."""
    if task.given:
        return CheckResult("", "", "skip", "task is other: nothing is known of what its outputs should be")
    return skipped("a task that is known: give task=…")


def measured(quantity: str, measured: Any, expected: str) -> Measurement:
    """Return a measurement; floats are written with four significant digits."""
    text = f"{measured:.4g}" if isinstance(measured, float) else str(measured)
    return Measurement(quantity, text, expected)


__all__ = [
    "Arguments",
    "Chart",
    "Check",
    "CheckResult",
    "Measurement",
    "MissingNeed",
    "Place",
    "ProgramRaised",
    "StepRaised",
    "failed",
    "inconclusive",
    "measured",
    "of_unknown_task",
    "passed",
    "skipped",
    "warned",
]
