"""Conditions on which a run pauses of itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from nbinspect.errors import InputError
from nbinspect.records import MomentKind
from nbinspect.subject import kind_of


class RunStopped(KeyboardInterrupt):
    """Raised at the end of a step to end training; no `except Exception` catches it, trainers end in order on it."""


@dataclass(frozen=True)
class RunView:
    """What a condition sees of the run."""

    step: int
    loss: float
    """The training loss of the step; NaN where none was seen."""


@dataclass(frozen=True, eq=False)
class Condition:
    """Holds from `step` on, where one is given, at each step at which `when` is true, where that is given."""

    step: int | None
    when: Callable[[RunView], object] | None

    def holds(self, run: RunView) -> bool:
        """Whether it holds now; raises what the user's function raises."""
        return (self.step is None or run.step >= self.step) and (self.when is None or bool(self.when(run)))


class Conditions:
    """Conditions that wait to hold once; any thread may add one."""

    def __init__(self) -> None:
        self._waiting: tuple[Condition, ...] = ()
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, step: int | None, when: Callable[[RunView], object] | None) -> None:
        """Add a condition.

        Raises:
            InputError: if neither is given, `step` is no whole number above 0, or `when` cannot be called.
        """
        if step is None and when is None:
            raise InputError("pause_at: expected step=, when= or both, got neither; write pause_at(step=100)")
        if when is not None and not callable(when):
            raise InputError(f"when: expected a function such as lambda run: run.loss > 3, got {kind_of(when)}")
        if step is not None:
            require_whole("step", step)
        with self._lock:
            self._waiting += (Condition(step, when),)

    def clear(self) -> None:
        """Drop all."""
        self._waiting = ()

    def due(self, run: RunView, report: Callable[[MomentKind, str], object]) -> bool:
        """Whether one holds now; that one is dropped, and one that raises is reported and dropped."""
        due = False
        for condition in self._waiting:
            try:
                holds = condition.holds(run)
            except Exception as error:  # noqa: BLE001 - the user's function; what it raises is reported
                report("problem", f"a condition of pause_at was dropped: {type(error).__name__}: {error}")
                self._drop(condition)
                continue
            if holds:
                self._drop(condition)
                due = True
        return due

    def _drop(self, condition: Condition) -> None:
        with self._lock:
            self._waiting = tuple(one for one in self._waiting if one is not condition)


def require_whole(name: str, number: object) -> None:
    """Refuse anything but a whole number above 0.

    Raises:
        InputError: with the name of the argument.
    """
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise InputError(f"{name}: expected a whole number above 0, got {number!r}")
