"""Training a copy on one fixed batch, with the random draws held, until the answer is certain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from math import isclose
from typing import Any

import torch

from nbinspect.nested import map_tensors
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.fitting.curve import Curve
from nbinspect.sanity.trials.fitting.floor import Goal
from nbinspect.sanity.trials.rates.rates import force_rates, without_schedule
from nbinspect.sanity.trials.rates.shares import Shares, shares_in_use, use_shares
from nbinspect.sanity.trials.running.trainee import MakesOptimizer, Trainee, trained

_FEWEST = 5
"""Steps from which on a run counts that could not be taken further."""


@dataclass(frozen=True)
class Way:
    """How a copy is trained."""

    name: str
    """``your step``, ``your step at 0.1 times the rate``, ``Adam at 0.001``."""
    own: bool = True
    """Whether by the user's own step, where there is one."""
    factor: float = 1.0
    """Of the user's learning rates as they were given, or of the highest that a schedule comes to."""
    shares: Shares = field(default_factory=dict)
    """The latter, as shares of the former, where these are mere factors."""
    optimizer: MakesOptimizer | None = None
    changed: Callable[[Program], Any] | None = None
    """Changes the copy before the first step."""
    begun: Callable[[Trainee], Any] | None = None
    """Changes the copy and its optimizers before the first step."""
    held: bool = True
    """Whether every step repeats the random draws of the first, so that dropout keeps its mask."""


@dataclass(frozen=True, eq=False)
class Fit:
    """What came of training on one batch."""

    curve: Curve
    outputs: Any
    """What the model returns for the batch at the end, detached; None where it cannot be asked."""
    is_returned: bool = False
    """Whether the steps return the program's own loss, so that it is this loss that they are to lower."""
    moves_on: bool = False
    """Whether they also change what this loss reads beside the model, such as a queue."""


def yours(program: Program) -> Way:
    """Return the user's own way of training; a standard Adam where there is neither step nor optimizer."""
    subject = program.subject
    if subject.train_step is not None:
        return Way("your step", shares=shares_in_use(program))
    if subject.optimizer is None:
        return adam(1e-3)
    return Way("your optimizer", shares=shares_in_use(program), changed=without_schedule)


def adam(rate: float) -> Way:
    """Return standard steps of Adam at a rate, as a control."""
    return Way(f"Adam at {rate:g}", own=False, optimizer=partial(torch.optim.Adam, lr=rate), changed=_bare)


def _bare(copy: Program) -> None:
    copy.change(scheduler=None, scaler=None)  # they belong to the user's optimizer


def fit(
    program: Program, batch: Batch, goal: Goal, way: Way, most: int, *, done: Callable[[Curve], bool] | None = None
) -> Fit:
    """Train a copy on a batch for some steps, until the answer is certain; the program is left unchanged.

    Args:
        program: left unchanged; the steps are counted.
        batch: the same at every step.
        goal: how low its loss can go.
        way: how it is trained.
        most: steps.
        done: asked after each step whether the answer is certain; by default `Curve.is_decided`.

    Raises:
        MissingNeed: as `trained` and `Trainee.step`, or where nothing tells the loss.

    Source: K-overfit-batch.
    """
    done = done or (lambda curve: curve.is_decided)
    with trained(program, own=way.own, optimizer=way.optimizer, changed=way.changed) as trainee:
        use_shares(trainee, way.shares)
        if way.begun is not None:
            way.begun(trainee)
        measure = _Measure(trainee, batch, held=way.held)
        while trainee.steps < most:
            force_rates(trainee, way.factor)
            try:
                measure.step()
            except MissingNeed:  # a schedule of the user's own step may be at its end
                if trainee.steps < _FEWEST:
                    raise
                break
            if measure.losses and done(Curve(way.name, tuple(measure.losses), goal)):
                break
        curve = Curve(way.name, tuple(measure.finished()), goal)
        return Fit(curve, _outputs(trainee, batch), measure.is_returned, measure.moves_on)


class _Measure:
    """The loss of a batch before each step: as the steps return it where that is the program's loss, else measured."""

    def __init__(self, trainee: Trainee, batch: Batch, *, held: bool) -> None:
        self._trainee = trainee
        self._batch = batch
        self._held = held
        self.is_returned = True
        self.moves_on = False
        """Whether the user's steps change what their loss reads beside the model, which a pass through one does not."""
        self._loss = self._measured()
        self._expected = self._loss
        self.losses: list[float] = [] if self._loss is None else [self._loss]

    def step(self) -> None:
        """Take a step and note the loss: after it, or what it says that it was before."""
        returned = self._trainee.step(self._batch, held=self._held).loss
        if self._loss is None:
            if returned is None:
                raise MissingNeed("a loss: give loss_fn, or return it from train_step")
            self.losses.append(returned)
            return
        is_first, (expected, self._expected) = self._trainee.steps == 1, (self._expected, None)
        if expected is not None and (returned is None or not isclose(returned, expected, rel_tol=1e-4, abs_tol=1e-7)):
            self.is_returned, self.moves_on = False, not is_first
            self.losses += [] if is_first else [expected]
        elif self.is_returned and returned is not None and not is_first:
            self.losses.append(returned)
        if not self.is_returned:
            self.losses.append(self._now())
        elif is_first and self._trainee.program.goes_through_step:
            self._expected = self._now()

    def finished(self) -> list[float]:
        """Return the losses with that after the last step."""
        if self._loss is not None and self.is_returned:
            self.losses.append(self._now())
        return self.losses

    def _now(self) -> float:
        found = self._measured()
        return float("nan") if found is None else found

    def _measured(self) -> float | None:
        try:
            with self._trainee.quiet():
                return self._trainee.loss(self._batch)
        except MissingNeed:
            return None


def _outputs(trainee: Trainee, batch: Batch) -> Any:
    try:
        with trainee.quiet():
            return map_tensors(torch.Tensor.detach, trainee.outputs(batch))
    except Exception:  # noqa: BLE001 - a picture that cannot be drawn is no finding
        return None
