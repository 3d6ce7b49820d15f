"""What the checks say of one program of the zoo, and how that compares with what is known of it."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass

from nbinspect import check
from tests.zoo.program import Program

ONLY_WARN = ("class-imbalance", "nothing-to-learn", "no-nonlinearity", "capacity", "batch-size")
"""Checks that never fail, for a healthy program may have what they tell of."""


@dataclass(frozen=True)
class Outcome:
    """The checks' answers on a program."""

    program: str
    group: str
    cause: tuple[str, ...]
    aside: bool
    statuses: dict[str, str]
    """By the name of the check."""
    told: dict[str, str]
    """What failures and errors say, by the name of the check."""
    first: str
    """The first of the diagnosis; empty where it is empty."""
    seconds: float
    passes: float

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the checks that failed."""
        return tuple(name for name, status in self.statuses.items() if status == "fail")

    @property
    def errors(self) -> tuple[str, ...]:
        """Names of the checks that could not finish."""
        return tuple(name for name, status in self.statuses.items() if status == "error")

    @property
    def is_named(self) -> bool:
        """Whether a check that names the cause failed, or warned where it never does more."""
        return any(self.statuses.get(name) == ("warn" if name in ONLY_WARN else "fail") for name in self.cause)

    @property
    def is_first(self) -> bool:
        """Whether the first of the diagnosis names the cause."""
        return self.first in self.cause


def outcome_of(program: Program) -> Outcome:
    """Run every check on a program."""
    arguments = program.build()
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a user's own program warns of
        report = check(**arguments)
    return Outcome(
        program.name,
        program.group,
        program.cause,
        program.is_aside,
        {result.check: result.status for result in report.results},
        {r.check: f"{r.summary} | {r.detail}" for r in report.results if r.status in ("fail", "error")},
        next(iter(report.record.diagnosis), ""),
        time.perf_counter() - began,
        report.record.passes,
    )
