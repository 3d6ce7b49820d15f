"""What is brought into the history of a run, and handed on to those who listen, ten times a second at most."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from torch import nn
from torch.optim import Optimizer

from nbinspect.dynamics.controls import State
from nbinspect.dynamics.history import Facts, History
from nbinspect.dynamics.losses import Losses
from nbinspect.dynamics.rates import rate_groups
from nbinspect.errors import InputError
from nbinspect.records import DynamicsRecord, Moment
from nbinspect.subject import kind_of

Listener: TypeAlias = Callable[[DynamicsRecord], None]
NO_LOSS = (
    "no training loss is seen, for the calls of a plain function cannot be seen and the model returns no .loss: "
    "add dynamics.step(loss=loss) after optimizer.step()"
)
NOT_CALLED = (
    "no training loss is seen, for your loop does not call the loss_fn that was given: "
    "add dynamics.step(loss=loss) after optimizer.step()"
)
NO_STEP = "no optimizer step was seen: call dynamics.step(loss=loss) at the end of each of your steps"


class Telling:
    """Gathers what the steps have left, and tells each listener what is fresh; what one raises is marked."""

    def __init__(self, history: History, losses: Losses) -> None:
        self.listeners: list[Listener] = []
        self._history = history
        self._losses = losses
        self._rates: dict[str, tuple[float, int]] = {}
        self._broken = False
        self._step, self._at = 0, 0.0

    def tell(self, facts: Facts, optimizers: Sequence[Optimizer], size: int | None) -> None:
        """Tell what is fresh, with the facts as they are now.

        Args:
            facts: of the run.
            optimizers: whose rates are drawn.
            size: samples of a batch; None where that is not known.
        """
        self._gather_losses()
        self.note_rates(facts.steps, optimizers)
        self._gather_pace(facts.steps, size)
        fresh = self._history.fresh(facts)
        for listener in list(self.listeners):
            try:
                listener(fresh)
            except Exception as error:  # noqa: BLE001, PERF203 - training goes on, whoever could not be told
                text = f"what is new could not be shown or kept: {type(error).__name__}: {error}"
                self._history.moment(Moment(facts.steps, "problem", text))

    def idle(self, seconds: float) -> None:
        """Leave a pause out of the pace."""
        self._at += seconds

    def _gather_losses(self) -> None:
        steps, losses = self._losses.read()
        self._history.values("loss", steps, losses)
        bad = [step for step, loss in zip(steps, losses, strict=True) if not math.isfinite(loss)]
        if bad and not self._broken:
            self._broken = True
            word = "NaN" if math.isnan(losses[steps.index(bad[0])]) else "infinite"
            self._history.moment(Moment(bad[0], "broken", f"the loss is {word} at step {bad[0]:,}"))

    def note_rates(self, step: int, optimizers: Sequence[Optimizer]) -> None:
        """Bring the rates after a step into the history, and where they have changed those before it."""
        for group in rate_groups(optimizers):
            before, at = self._rates.get(group.name, (group.rate, step))
            if at < step - 1 and before != group.rate:
                self._history.value("rate", step - 1, before, group.name)
            if at < step or group.name not in self._rates:
                self._history.value("rate", step, group.rate, group.name)
            self._rates[group.name] = (group.rate, step)

    def _gather_pace(self, step: int, size: int | None) -> None:
        now = time.perf_counter()
        if self._at and step > self._step and now > self._at:
            pace = (step - self._step) / (now - self._at)
            self._history.value("samples per second" if size else "steps per second", step, pace * (size or 1))
        self._step, self._at = step, now


def notes_of(steps: int, state: State, loss_fn: Any, *, loss_seen: bool) -> tuple[str, ...]:
    """Return what is not seen of a run, with the line to add."""
    if steps:
        return () if loss_seen else (NOT_CALLED if isinstance(loss_fn, nn.Module) else NO_LOSS,)
    return (NO_STEP,) if state == "ended" else ()


def number_given(name: str, value: Any) -> float:
    """Return a number that the user has given; raise InputError where it is none."""
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"{name}: expected a number, got {kind_of(value)}") from None
