"""What is known of a learning rate: the range test, and short runs at it and at the suggested one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from torch.utils.data import DataLoader

from nbinspect.records import Chart, Measurement
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import measured
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.rates.rates import RangeTest, Run, peak_rate, range_test, run_at

_EPOCHS, _CLEAR = 20, 0.05
_BELOW, _REGAINED = 0.03, 0.25


def evidence_of(program: Program, stream: Sequence[Batch], *, steps: int, tried: int, has_loss: bool) -> RateEvidence:
    """Run the range test of so many steps on a copy, and return what it tells with the rate of the schedule.

    Raises:
        MissingNeed: as `range_test` and `peak_rate`.
    """
    test = range_test(program, stream, steps, has_loss=has_loss)
    rate, warms_up = peak_rate(program, len(stream))
    return RateEvidence(program, stream, has_loss, test, rate, warms_up, tried)


@dataclass(frozen=True, eq=False)
class Spoilt:
    """Runs at a lower rate, which lead nowhere once steps were taken at the one in use."""

    other: float
    """The lower rate."""
    from_start: Run
    afterwards: Run
    """After a short run with the user's own steps at the rate in use."""


@dataclass(frozen=True, eq=False)
class RateEvidence:
    """The rate of a program beside other ones, tried on copies; each run is made when it is first asked for."""

    program: Program
    stream: Sequence[Batch]
    has_loss: bool
    test: RangeTest
    rate: float
    """The highest of the schedule."""
    warms_up: bool
    """Whether the schedule does."""
    tried: int
    """Steps of a short run."""

    @property
    def suggested(self) -> float | None:
        """What the range test suggests; where the loss fell at no rate, a tenth of the one at which it diverged."""
        test = self.test
        return test.suggested or (None if test.diverged is None else test.diverged / 10)

    @property
    def is_above_divergence(self) -> bool:
        """Whether the rate is about where the loss explodes, or above."""
        return self.test.diverged is not None and self.rate >= 0.5 * self.test.diverged

    @property
    def instead(self) -> float:
        """What is tried beside the rate: what is suggested, a tenth of a higher one at most; itself without any."""
        suggested = self.suggested
        if suggested is None:
            return self.rate
        return suggested if self.rate < suggested else min(suggested, self.rate / 10)

    @cached_property
    def own(self) -> Run:
        """A short run with the user's own steps, after the schedule's warm-up if it has one."""
        return run_at(self.program, self.stream, self.rate, self.tried, ramp=self.warms_up, has_loss=self.has_loss)

    @cached_property
    def other(self) -> Run:
        """The same at `instead`."""
        own = self.own.is_own
        return run_at(self.program, self.stream, self.instead, self.tried, own=own, has_loss=self.has_loss)

    @cached_property
    def longer(self) -> RateEvidence:
        """The same with runs of twice as many steps."""
        return replace(self, tried=2 * self.tried)

    @property
    def stays_up(self) -> bool:
        """Whether the loss does not fall at the rate, nor is about to at the end, and falls at the other one."""
        return fell(self.own) <= 0 and not self.own.falls_late and fell(self.other) > _CLEAR

    @property
    def may_come_down(self) -> bool:
        """Whether the loss ends above its start, but not far or on its way down, as after a jump that passes."""
        return fell(self.own) <= 0 and (self.own.falls_late or not self.own.explodes)

    def spoilt(self, constant: float) -> Spoilt | None:
        """Return the runs which show that steps at the rate leave weights that cannot be trained any more; else None.

        The loss comes no lower than that of the best constant, also in a longer run, nor does it afterwards at a lower
        rate, which gets clearly below it in as many steps from the start: `instead`, or else the highest at which the
        loss fell in the range test.

        Args:
            constant: loss of the best constant on the batches of these runs.
        """
        below = constant - _BELOW / 2 * abs(constant)
        if self.suggested is None or self.own.end < below or self.longer.own.end < below:
            return None
        given, steps, own = (self.program, self.stream), 2 * self.tried, self.own.is_own
        for other in (self.instead, min(10 * self.suggested, self.rate / 10)):
            from_start = self.longer.other
            if other != self.instead:
                from_start = run_at(*given, other, steps, own=own, has_loss=self.has_loss)
            gained = constant - from_start.end
            if gained <= _BELOW * abs(constant):
                continue
            then, ramp = (other, steps), self.warms_up
            after = run_at(*given, self.rate, self.tried, ramp=ramp, own=own, has_loss=self.has_loss, then=then)
            return Spoilt(other, from_start, after) if after.end > constant - _REGAINED * gained else None
        return None

    @property
    def has_been_down(self) -> bool:
        """Whether the loss had fallen at the rate before it rose, as it does where a network reorganises itself."""
        losses = np.asarray(self.own.losses, dtype=float)
        smooth = np.convolve(losses, np.full(5, 0.2), mode="valid") if len(losses) >= 5 else losses
        return bool(np.nanmin(smooth, initial=np.inf) < self.own.start - _CLEAR * abs(self.own.start))

    @property
    def horizon(self) -> float:
        """How many such short runs the training has; of 20 epochs, where its length is not known."""
        return steps_of_run(self.program) / self.tried

    @property
    def shown(self) -> tuple[Measurement, ...]:
        """What the range test gave."""
        test = self.test
        diverged = "none up to 10" if test.diverged is None else test.diverged
        found = [measured("learning rate (the highest of the schedule)", self.rate, "below divergence")]
        if self.suggested is not None:
            found.append(measured("suggested rate", self.suggested, "a tenth of the largest at which the loss falls"))
        return (*found, measured("rate at which the loss diverges", diverged, "above the rate in use"))

    @property
    def both(self) -> tuple[Measurement, ...]:
        """That, and what the short runs at both rates gave."""
        other = "at the suggested rate" if self.instead == self.suggested else "at a lower rate"
        runs = {"with your step": self.own, other: self.other}
        took = {name: f"{(number := len(run.losses))} step{'s' if number > 1 else ''}" for name, run in runs.items()}
        tried = (
            measured(f"loss after {took[name]} at {run.rate:.3g}, {name}", run.end, f"below {run.start:.4g}")
            for name, run in runs.items()
        )
        return (*self.shown, *tried)

    @property
    def chart(self) -> Chart:
        """The loss over the rate; the rate in use and the suggested one are marked by lines from top to bottom."""
        test, tried = self.test, np.log10(self.test.rates)
        top = test.start + 2 * abs(test.start)
        low, high = float(test.best), float(np.clip(test.start + 0.5 * (test.start - test.best), None, top))
        marks = {"rate in use": self.rate, "suggested": self.suggested}
        marked = {name: float(np.log10(one)) for name, one in marks.items() if one is not None}
        # each marked rate is there twice, so that its line stands upright
        at = np.sort(np.concatenate([tried, *([one, one] for one in marked.values())]))
        lines = {
            "loss": np.interp(at, tried, np.clip(test.losses, None, top)),
            "smoothed": np.interp(at, tried, np.clip(test.smooth, None, top)),
        }
        for name, one in marked.items():
            lines[name] = np.full(len(at), np.nan)
            lines[name][np.flatnonzero(at == one)[:2]] = (low, high)
        title = "Loss while the rate rises"
        return Chart("lines", title, "log10 of the learning rate", "loss", tuple(lines), tuple(lines.values()), at)


def is_run_told(program: Program) -> bool:
    """Return whether the length of the training is known, at least that of an epoch: a few batches may be a sample."""
    return program.subject.total_steps is not None or isinstance(program.subject.loader, DataLoader)


def steps_of_run(program: Program) -> int:
    """Return how many steps the training has; those of 20 epochs, where its length is not known."""
    loader: Any = program.subject.loader
    try:
        return program.subject.total_steps or _EPOCHS * len(loader)
    except TypeError:
        return 1000


def fell(run: Run) -> float:
    """Return by which share of itself a loss fell in a run."""
    return (run.start - run.end) / max(abs(run.start), 1e-12)
