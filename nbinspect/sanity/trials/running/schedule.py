"""What a scheduler does to the learning rate: read by stepping a copy of it, without any training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau

from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.trainee import Trainee, trained
from nbinspect.subject import rate_of

_LONGEST, _FEW = 20_000, 2


@dataclass(frozen=True, eq=False)
class Schedule:
    """The learning rate over a run, from where the scheduler stands now."""

    name: str
    kind: str
    """The scheduler's class."""
    rates: npt.NDArray[np.float64]
    """(n,) of the group that goes highest, before step 0, 1, …; beyond the run's end, to see what it was made for."""
    total: int | None
    """Steps that are left of the run; None where that is not known."""
    half_period: int | None
    """Of a cosine without restarts, after how many steps it is at its lowest."""
    base: float
    """The highest rate that it was given to begin with."""
    span: int | None
    """Steps that it was made for, as far as it says."""
    ended: bool
    """Whether it raises when it is stepped, before the run is over."""
    is_fresh: bool = True
    """Whether nothing has stepped it yet."""

    @property
    def run(self) -> npt.NDArray[np.float64]:
        """The rates of the run itself."""
        return self.rates[: self.total] if self.total else self.rates

    @cached_property
    def peak(self) -> float:
        """The highest rate of the run."""
        return float(self.run.max())

    @property
    def has_warm_up(self) -> bool:
        """Whether it begins far below its peak."""
        return float(self.rates[0]) < 0.5 * self.peak

    def is_low(self, share: float) -> npt.NDArray[np.bool_]:
        """Return at which steps of the run no more than this share of its peak is left, up to rounding."""
        return self.run <= share * (1 + 1e-6) * self.peak

    @property
    def sunk_at(self) -> int:
        """Step from which on next to nothing is left of the peak; the first such step where it comes back."""
        low = self.is_low(1e-3) if self.peak else np.ones(len(self.run), dtype=bool)
        last = int(np.flatnonzero(~low)[-1]) + 1 if not low.all() else 0
        return last if last < len(low) else int(low.argmax())

    @property
    def idle(self) -> float:
        """Share of the run at the very end of which the rate is exactly 0."""
        moving = np.flatnonzero(self.run)
        return 1 - (int(moving[-1]) + 1 if len(moving) else 0) / len(self.run)

    def rises_beyond(self, little: float, much: float) -> bool:
        """Whether the rate goes far higher after the run than in it: much, or little where it only rises in it."""
        times = float(self.rates.max()) / self.peak if self.peak else 0.0
        only_rises = len(self.run) > _FEW and bool((np.diff(self.run) > 0).all())
        return times > (little if only_rises else much)


def taken_by(scheduler: Any) -> int:
    """Return how many steps a scheduler has taken; one that chains others does not count itself."""
    chained = getattr(scheduler, "_schedulers", ())
    return max((int(getattr(one, "last_epoch", 0)) for one in (scheduler, *chained)), default=0)


def schedule_of(program: Program, steps: int | None) -> Schedule | None:
    """Return `schedule_in` a copy of the program, which is left unchanged.

    Raises:
        MissingNeed: as `trained`.
    """
    with trained(program) as trainee:
        return schedule_in(trainee, steps)


def schedule_in(trainee: Trainee, steps: int | None) -> Schedule | None:
    """Return what the first scheduler of a copy does to the rate over `steps` steps and ten times more.

    None without a scheduler, and for one that waits for a metric. The copy's scheduler is stepped.
    """
    for name, scheduler in trainee.schedulers.items():
        if not isinstance(scheduler, ReduceLROnPlateau):
            left = max(steps - taken_by(scheduler), 1) if steps else None
            is_fresh = taken_by(scheduler) == 0
            period = scheduler.T_max if type(scheduler) is CosineAnnealingLR else None
            base = max((rate_of(group, base=True) or 0.0 for group in scheduler.optimizer.param_groups), default=0.0)
            spans = (getattr(scheduler, key, None) for key in ("T_max", "total_steps", "total_iters"))
            span = next((int(one) for one in spans if isinstance(one, int)), None)
            rates = _stepped(trainee, scheduler, min(10 * left if left else 1000, _LONGEST))
            ended = left is not None and len(rates) < left
            return Schedule(name, type(scheduler).__name__, rates, left, period, base, span, ended, is_fresh)
    return None


def rates_along(scheduler: Any) -> Iterator[list[float]]:
    """Step a scheduler as long as it lets itself be stepped, and give the rates of its groups before each step."""
    while True:
        yield [rate_of(group) or 0.0 for group in scheduler.optimizer.param_groups]
        try:
            scheduler.step()
        except (ValueError, LookupError):  # OneCycleLR refuses steps beyond its last; a table of rates has no more
            return


def _stepped(trainee: Trainee, scheduler: Any, steps: int) -> npt.NDArray[np.float64]:
    with trainee.quiet():
        table = np.asarray(list(islice(rates_along(scheduler), max(steps, 1))), dtype=np.float64)
    return np.asarray(table[:, int(table.max(0).argmax())])


def fault_of(
    schedule: Schedule, unit: str, *, sinks: bool, rises: bool, epochs: int | None, steps: int | None
) -> tuple[str, str, str] | None:
    """Return what is wrong, in a few words and in a sentence, and what to do; None where nothing is.

    Args:
        schedule: what the scheduler does.
        unit: ``steps`` or ``epochs``, in which it is stepped.
        sinks: whether the rate is next to nothing for too long.
        rises: whether it goes on rising after the end.
        epochs: of the run, where it is stepped every batch.
        steps: of the run, where they are known.
    """
    total = schedule.total or len(schedule.rates)
    one = unit.removesuffix("s")
    way = "once an epoch" if unit == "steps" else "with every update"
    remedy = (
        f"Step it {way}, or give its lengths in {'optimizer steps' if unit == 'steps' else unit}: {total} are left."
    )
    if schedule.ended:
        end = len(schedule.rates)
        text = f"{schedule.kind} raises when it is stepped after {one} {end}."
        return f"ends after {end} of {total} {unit}", text, remedy
    if schedule.half_period is not None and schedule.half_period == epochs and total > 2 * schedule.half_period:
        turns = f"It is at its lowest after {epochs} steps, as many as there are epochs, and then rises again."
        return f"goes down and up every {2 * schedule.half_period} steps", turns, remedy
    if unit == "epochs" and schedule.span is not None and schedule.span == steps and steps > 2 * total:
        text = f"It is made for {steps} steps, as many as the run has, and is stepped once an epoch, {total} times."
        return f"made for {steps} steps, and stepped by epoch", text, f"Step it with every update, or give it {total}."
    if sinks:
        first = schedule.sunk_at
        highest = float(schedule.rates.max()) if not schedule.peak else schedule.peak
        text = f"From {one} {first} of {total} on next to nothing is left of the highest rate, {highest:.3g}."
        return f"next to nothing from {one} {first} of {total}", text, remedy
    if rises:
        top, peak = int(schedule.rates.argmax()), schedule.peak
        text = f"The rate rises until {one} {top}; in the {total} {unit} of the run it never gets above {peak:.3g}."
        shorter = f"Give its lengths in {unit}: a warm-up of about {max(1, total // 20)} of {total}."
        return f"still warming up at the end, {one} {total}", text, shorter if unit == "steps" else remedy
    return None
