"""What a scheduler does to the learning rate: read by stepping a copy of it, without any training."""

from __future__ import annotations

import dis
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from math import isclose
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau

from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.text import functions_of
from nbinspect.sanity.trials.running.trainee import Trainee, trained
from nbinspect.subject import rate_of

_LONGEST, _FEW = 20_000, 2
_AT_PEAK, _A_FACTOR, _WAITS = 0.9, 0.1 * (1 - 1e-9), 5
_SWINGS, _LITTLE, _MILESTONES, _AN_EPOCH = 10, 0.1, 8, 10


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
    waits: int = 0
    """Steps at the start at which the rate of every group is exactly 0, where a function of it rounds down."""
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
        """Whether the rate is at its peak at the end, and goes far higher after it: much, or little if it only rises.

        What falls to the end of the run and rises after it, as the square of what is left, is never stepped that far.
        """
        times = float(self.rates.max()) / self.peak if self.peak else 0.0
        only_rises = len(self.run) > _FEW and bool((np.diff(self.run) > 0).all())
        is_at_peak = float(self.run[-1]) >= _AT_PEAK * self.peak
        return is_at_peak and times > (little if only_rises else much)

    @property
    def settled_at(self) -> int:
        """Step of the run from which on the rate is the same."""
        changes = np.flatnonzero(np.diff(self.run))
        return int(changes[-1]) + 1 if len(changes) else 0

    @property
    def changes(self) -> int:
        """How often the rate of the run changes from one step to the next."""
        return int(np.count_nonzero(np.diff(self.run)))

    @property
    def is_squared(self) -> bool:
        """Whether the highest of all rates is the square of the given one: a factor was given that is the rate.

        Not where decays by tenths have been passed, as in a run that is taken up again: 0.01 is a tenth of 0.1.
        """
        is_of_factors = self.kind == "LambdaLR" and self.is_fresh
        return is_of_factors and self.base <= _A_FACTOR and isclose(float(self.rates.max()), self.base**2, rel_tol=1e-6)

    @property
    def jumps(self) -> bool:
        """Whether it goes from rates of 0 to nearly its peak at once."""
        return self.waits >= _WAITS and len(self.run) > self.waits and self.run[self.waits] >= _AT_PEAK * self.peak > 0


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
    return next(schedules_in(trainee, steps), None)


def schedules_in(trainee: Trainee, steps: int | None) -> Iterator[Schedule]:
    """Give what `schedule_in` returns, then the same of other schedulers of that optimizer, each stepped by itself."""
    waiting = {name: one for name, one in trainee.schedulers.items() if not isinstance(one, ReduceLROnPlateau)}
    first = next(iter(waiting.values()), None)
    for name, scheduler in waiting.items():
        if first is not None and scheduler.optimizer is first.optimizer:
            with keeping_rates(scheduler):
                found = _schedule_of(name, scheduler, trainee, steps)
            yield found


@contextmanager
def keeping_rates(scheduler: Any) -> Iterator[None]:
    """Give the groups of a scheduler's optimizer the rates that they have now when the block ends."""
    groups = scheduler.optimizer.param_groups
    before = [rate_of(group) for group in groups]
    try:
        yield
    finally:
        for group, rate in zip(groups, before, strict=True):
            if rate is not None:
                group["lr"] = rate


def _schedule_of(name: str, scheduler: Any, trainee: Trainee, steps: int | None) -> Schedule:
    left = max(steps - taken_by(scheduler), 1) if steps else None
    is_fresh = taken_by(scheduler) == 0
    last: Any = getattr(scheduler, "_schedulers", (scheduler,))[-1]
    period = last.T_max if type(last) is CosineAnnealingLR else None
    base = max((rate_of(group, base=True) or 0.0 for group in scheduler.optimizer.param_groups), default=0.0)
    spans = (getattr(scheduler, key, None) for key in ("T_max", "total_steps", "total_iters"))
    span = next((int(one) for one in spans if isinstance(one, int)), None)
    table = _stepped(trainee, scheduler, min(10 * left if left else 1000, _LONGEST))
    rates = np.asarray(table[:, int(table.max(0).argmax())])
    waits = int(np.flatnonzero(np.append(table.any(1), True))[0]) if _rounds_down(scheduler) else 0
    ended = left is not None and len(rates) < left
    return Schedule(name, type(scheduler).__name__, rates, left, period, base, span, ended, waits, is_fresh)


def _rounds_down(scheduler: Any) -> bool:
    """Return whether a function that the rates are made with has `//` or `int` in it: other zeros may be meant."""
    parts = (scheduler, *getattr(scheduler, "_schedulers", ()))
    given = [one for part in parts for one in getattr(part, "lr_lambdas", ())]
    codes = [function.__code__ for one in given for function in functions_of(one)]
    said = [one for code in codes for one in dis.get_instructions(code)]
    floors = any("//" in one.argrepr or "FLOOR" in one.opname for one in said)
    return floors or any("int" in code.co_names for code in codes)


def rates_along(scheduler: Any) -> Iterator[list[float]]:
    """Step a scheduler as long as it lets itself be stepped, and give the rates of its groups before each step."""
    while True:
        groups = scheduler.optimizer.param_groups
        if any(isinstance(group.get("lr"), complex) for group in groups):  # a root of what is left, beyond the end
            return
        yield [rate_of(group) or 0.0 for group in groups]
        try:
            scheduler.step()
        except (ValueError, LookupError):  # OneCycleLR refuses steps beyond its last; a table of rates has no more
            return


def _stepped(trainee: Trainee, scheduler: Any, steps: int) -> npt.NDArray[np.float64]:
    with trainee.quiet():
        return np.asarray(list(islice(rates_along(scheduler), max(steps, 1))), dtype=np.float64)


def fault_of(
    schedule: Schedule,
    unit: str,
    *,
    sinks: bool,
    rises: bool,
    epochs: int | None,
    steps: int | None,
    epoch: int | None = None,
) -> tuple[str, str, str] | None:
    """Return what is wrong, in a few words and in a sentence, and what to do; None where nothing is.

    Args:
        schedule: what the scheduler does.
        unit: ``steps`` or ``epochs``, in which it is stepped.
        sinks: whether the rate is next to nothing for too long.
        rises: whether it goes on rising after the end.
        epochs: of the run, where it is stepped every batch.
        steps: of the run, where they are known.
        epoch: steps of one, where it is stepped every batch.
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
    if fault := _of_its_unit(schedule, epochs, epoch, total, remedy):
        return fault
    if schedule.is_squared:
        peak = float(schedule.rates.max())
        text = f"Its highest rate, {peak:.3g}, is the square of the given one, {schedule.base:.3g}: it multiplies."
        return f"at most {peak:.3g}, the square of the rate", text, "Return a factor of the rate, at most 1."
    if schedule.jumps:
        text = f"The rate is exactly 0 for {schedule.waits} {unit}, and then {schedule.peak:.3g} at once."
        whole = "Divide with / for //, so that it rises step by step: min(1, (step + 1) / warmup)."
        return f"0 until {one} {schedule.waits}, and then at its highest at once", text, whole
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


def _of_its_unit(
    schedule: Schedule, epochs: int | None, epoch: int | None, total: int, remedy: str
) -> tuple[str, str, str] | None:
    """Return that lengths are those of epochs, or of one epoch, in a schedule that is stepped every batch."""
    half, settled = schedule.half_period, schedule.settled_at
    if half and epoch and total > 2 * half:
        swings, ends_high = total / half, float(schedule.run[-1]) >= 0.5 * schedule.peak
        is_of_epochs = epochs is not None and half <= epochs and 2 * half <= epoch
        if (half == epoch and ends_high) or (is_of_epochs and swings >= _SWINGS):  # else it is a cycle on purpose
            text = f"It is at its lowest after {half} steps, and then rises again, {swings / 2:.0f} times in the run."
            return f"goes down and up every {2 * half} steps", text, remedy
    if (
        epochs
        and epochs <= 2 * settled <= 2 * epochs
        and schedule.changes <= _MILESTONES
        and total >= _AN_EPOCH * epochs
        and 0 < schedule.run[-1] <= 1.001 * _LITTLE * schedule.peak
    ):
        left = float(schedule.run[-1])
        text = f"Its last change, to {left:.3g} from at most {schedule.peak:.3g}, is at step {settled}: the run has "
        return f"at its last rate, {left:.3g}, from step {settled} of {total}", f"{text}{epochs} epochs.", remedy
    return None
