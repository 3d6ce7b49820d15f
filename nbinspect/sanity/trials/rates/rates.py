"""Learning rates tried on copies: a range test over seven decades, and short runs at one rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite

import numpy as np
import numpy.typing as npt

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.schedule import schedules_in
from nbinspect.sanity.trials.running.trainee import Trainee, trained
from nbinspect.subject import rate_of

Floats = npt.NDArray[np.float64]
LOWEST, HIGHEST = 1e-6, 10.0
BATCHES = 8
"""How many are taken in turn, at most."""
_JUMP, _HOPELESS = 4.0, 1e6
"""By how many times its size at the start a loss rises where a range test ends; and where no run can make up for it."""
_ABSURD = 1e6
"""Weights above, or none at all, are those of a training that has diverged."""
_WEIGHTS = np.array([1.0, 2.0, 3.0, 2.0, 1.0])


@dataclass(frozen=True, eq=False)
class RangeTest:
    """The loss while the rate rises from step to step, each batch beside its own loss before training."""

    rates: Floats
    """(K,) of the group with the highest one, at each step."""
    losses: Floats
    """(K,) mean loss of the batches before training, plus how much the step's batch has changed; after the update."""
    start: float
    """Mean loss of the batches before training."""

    @cached_property
    def smooth(self) -> Floats:
        """(K,) the losses averaged over five neighbours, nearer ones counting more; cut off where they explode."""
        # a mean of earlier losses alone would lag, and suggest rates that are too high
        cap = self.start + 2 * max(abs(self.start), 1e-12)
        capped = np.pad(np.nan_to_num(self.losses, nan=cap, posinf=cap).clip(max=cap), 2, mode="edge")
        return np.convolve(capped, _WEIGHTS / _WEIGHTS.sum(), mode="valid")

    @cached_property
    def diverged(self) -> float | None:
        """The first rate beyond the best one at which the loss is clearly above its start; None if it never is.

        Clearly above is by half of what it had fallen, and a twentieth at least.
        """
        if not isfinite(self.start):
            return None
        worse = self.start + 0.5 * max(self.start - self.best, 0.1 * abs(self.start))
        lowest = int(self.smooth.argmin())
        bad = ~(self.smooth[lowest:] <= worse)
        return float(self.rates[lowest:][bad][0]) if bad.any() else None

    @cached_property
    def best(self) -> float:
        """The lowest smoothed loss."""
        return float(self.smooth.min())

    @cached_property
    def suggested(self) -> float | None:
        """A tenth of the largest rate at which nearly all of what the loss fell is kept; None where it did not fall."""
        fall = self.start - self.best
        if not isfinite(fall) or fall < 0.02 * abs(self.start):
            return None
        return float(self.rates[self.smooth <= self.best + 0.1 * fall][-1]) / 10


def range_test(program: Program, batches: Sequence[Batch], steps: int, *, has_loss: bool = True) -> RangeTest:
    """Train a copy while all rates rise together from 1e-6 to 10, without clipping, until the loss explodes.

    Standard steps with the user's optimizer, where there is a loss that can be computed; else the user's own steps.
    Random draws are held, and each batch is compared with its own loss before, so that few steps tell. The program is
    left unchanged.

    Args:
        program: left unchanged.
        batches: taken in turn.
        steps: at most.
        has_loss: whether the loss of a batch can be computed outside of the user's own step.

    Raises:
        MissingNeed: as `trained`; or for optimizers without rates.

    Source: D-lr.
    """
    own = program.subject.train_step is not None and not has_loss
    with trained(program, own=own, changed=without_schedule) as trainee:
        losses = _Losses(trainee, batches[:BATCHES], has_loss=has_loss)
        top = highest_rate(trainee)
        rates: list[float] = []
        for number in range(steps):
            rates.append(LOWEST * (HIGHEST / LOWEST) ** (number / max(steps - 1, 1)))
            force_rates(trainee, rates[-1] / top)
            if losses.explode_after_a_step(_JUMP):
                break
        return RangeTest(np.asarray(rates), np.asarray(losses.seen), losses.start)


def without_schedule(copy: Program) -> None:
    """Take the scheduler off a copy that has not been trained yet, so that its standard steps hold the rate."""
    copy.change(scheduler=None)  # which may also refuse to go on


class _Losses:
    """Losses of batches in turn while a copy is trained on them, each beside its own before training.

    A batch is judged before the step that is taken on it. Where there is no loss to compute, that of the step is taken.
    """

    def __init__(self, trainee: Trainee, batches: Sequence[Batch], *, has_loss: bool) -> None:
        self._trainee = trainee
        self._batches = batches
        self._before = [trainee.loss(batch) for batch in batches] if has_loss else []
        self.start = float(np.mean(self._before)) if has_loss else float("nan")
        self.seen: list[float] = []

    def explode_after_a_step(self, times: float) -> bool:
        """Take a step, note the loss after it, and return whether it has risen by so many times its own size."""
        batches, number = self._batches, self._trainee.steps
        try:
            step = self._trainee.step(batches[number % len(batches)], held=True)
            after = self._trainee.loss(batches[(number + 1) % len(batches)]) if self._before else None
        except MissingNeed:
            if not (self.seen and self._are_ruined()):
                raise
            self.seen.append(float("inf"))  # a distribution, or the user's own assertion, refused what is NaN
            return True
        if after is not None:
            loss = after - self._before[(number + 1) % len(batches)] + self.start
        else:
            if step.loss is None:
                raise MissingNeed("a loss: give loss_fn, or return it from train_step")
            loss = step.loss
            self.start = loss if not self.seen else self.start
        self.seen.append(loss)
        return not isfinite(loss) or loss > self.start + times * max(abs(self.start), self.start - min(self.seen))

    def _are_ruined(self) -> bool:
        return not all(bool((tensor.abs() < _ABSURD).all()) for tensor in self._trainee.parameters.values())


@dataclass(frozen=True, eq=False)
class Run:
    """The loss of a few batches during a short run, each beside its own loss before."""

    rate: float
    losses: Floats
    """(K,) mean loss of the batches before training, plus how much the step's batch had changed by then."""
    start: float
    is_own: bool
    """Whether the steps were the user's own."""
    set_by_step: float = 0.0
    """The highest rate that these left behind, where no scheduler is known: they set it themselves."""

    @property
    def end(self) -> float:
        """Mean of the last third; infinite where it exploded."""
        last = self.losses[-max(1, len(self.losses) // 3) :]
        return float(last.mean()) if np.isfinite(last).all() else float("inf")

    @property
    def falls_late(self) -> bool:
        """Whether the last third is lower than the one before by a twentieth, as after a rise that passes."""
        third = max(1, len(self.losses) // 3)
        before = float(self.losses[-2 * third : -third].mean()) if len(self.losses) > third else self.start
        return self.end < before - 0.05 * abs(before)

    @property
    def is_rising(self) -> bool:
        """Whether the user's steps raised the rate themselves, as in a warm-up by hand."""
        return self.set_by_step > (1 + 1e-6) * self.rate

    @property
    def explodes(self) -> bool:
        """Whether the loss is at least thrice what it was."""
        return self.end > self.start + 2 * abs(self.start)


def run_at(
    program: Program,
    batches: Sequence[Batch],
    rate: float,
    steps: int,
    *,
    ramp: bool = False,
    own: bool = True,
    has_loss: bool = True,
    then: tuple[float, int] | None = None,
) -> Run:
    """Train a copy at a constant rate for a few steps; the program is left unchanged.

    A loss that jumps may come down again, as after RMSprop's first steps: a run ends early only beyond all measure.

    Args:
        program: left unchanged.
        batches: taken in turn.
        rate: of the group with the highest one; the others keep their proportion.
        steps: at most.
        ramp: whether to come to the rate over the first half of the steps, where the user's schedule warms up.
        own: whether to take the user's own steps, clipping included, at this rate.
        has_loss: whether the loss of a batch can be computed outside of the user's own step.
        then: another rate, and how many further steps are taken at it.

    Raises:
        MissingNeed: as `trained`.
    """
    rates = [rate * (min(1.0, (number + 1) / (steps / 2)) if ramp else 1.0) for number in range(steps)]
    rates += [] if then is None else [then[0]] * then[1]
    with trained(program, own=own) as trainee:
        losses, top = _Losses(trainee, batches[:BATCHES], has_loss=has_loss), highest_rate(trainee)
        left = 0.0
        for one in rates:
            force_rates(trainee, one / top)
            if losses.explode_after_a_step(_HOPELESS):
                break
            left = max(left, 0.0 if trainee.schedulers else _rate_now(trainee))
        return Run(rate, np.asarray(losses.seen), losses.start, trainee.is_own, left)


def highest_rate(trainee: Trainee) -> float:
    """Return the highest rate of all groups as they were given, a schedule's start included.

    Raises:
        MissingNeed: if there is none above 0.
    """
    highest = max((rate for _, rate in _given(trainee)), default=0.0)
    if highest <= 0:
        raise MissingNeed("a learning rate above 0")
    return highest


def _rate_now(trainee: Trainee) -> float:
    groups = (group for optimizer in trainee.optimizers.values() for group in optimizer.param_groups)
    return max((rate_of(group) or 0.0 for group in groups), default=0.0)


def force_rates(trainee: Trainee, factor: float) -> None:
    """Set each group's rate to its given one times a factor, whatever a schedule has made of it."""
    for group, rate in _given(trainee):
        group["lr"] = rate * factor


def _given(trainee: Trainee) -> Iterator[tuple[dict[str, object], float]]:
    for optimizer in trainee.optimizers.values():
        for group in optimizer.param_groups:
            given = group.setdefault("given_lr", rate_of(group, base=True))
            if given is not None:
                yield group, given


def peak_rate(program: Program, steps: int) -> tuple[float, bool]:
    """Return the highest rate of the program's schedule, or of its groups, and whether the schedule warms up to it.

    Of several schedulers of one optimizer, that of which by itself takes it highest: one may be at a warm-up's start.

    Args:
        program: left unchanged.
        steps: of a run whose length is not known.

    Raises:
        MissingNeed: as `trained`, or if there is no rate above 0.
    """
    with trained(program) as trainee:
        highest = highest_rate(trainee)
        found = schedules_in(trainee, program.subject.total_steps or max(steps, 200))
        schedule = max(found, key=lambda one: one.peak, default=None)
    if schedule is None or schedule.peak <= 0:
        return highest, False
    return schedule.peak, schedule.has_warm_up
