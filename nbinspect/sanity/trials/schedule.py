"""What a scheduler does to the learning rate: read by stepping a copy of it, without any training."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau

from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.trainee import Trainee, trained

_LONGEST = 20_000


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
    ended: bool
    """Whether it refuses steps before the run is over."""

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
            left = max(steps - int(getattr(scheduler, "last_epoch", 0)), 1) if steps else None
            period = scheduler.T_max if type(scheduler) is CosineAnnealingLR else None
            rates = _stepped(trainee, scheduler, min(10 * left if left else 1000, _LONGEST))
            ended = left is not None and len(rates) < left
            return Schedule(name, type(scheduler).__name__, rates, left, period, ended)
    return None


def _stepped(trainee: Trainee, scheduler: Any, steps: int) -> npt.NDArray[np.float64]:
    optimizer = scheduler.optimizer
    rows = []
    with trainee.quiet():
        for _ in range(max(steps, 1)):
            rows.append([float(group["lr"]) for group in optimizer.param_groups])
            try:
                scheduler.step()
            except ValueError:  # OneCycleLR refuses steps beyond its last
                break
    table = np.asarray(rows, dtype=np.float64)
    return np.asarray(table[:, int(table.max(0).argmax())])


def fault_of(
    schedule: Schedule, unit: str, *, sinks: bool, rises: bool, epochs: int | None
) -> tuple[str, str, str] | None:
    """Return what is wrong, in a few words and in a sentence, and what to do; None where nothing is.

    Args:
        schedule: what the scheduler does.
        unit: ``steps`` or ``epochs``, in which it is stepped.
        sinks: whether the rate is next to nothing for too long.
        rises: whether it goes on rising after the end.
        epochs: of the run, where it is stepped every batch.
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
    if sinks:
        first = int(np.argmax(schedule.run < 1e-3 * schedule.peak))
        text = f"From {one} {first} of {total} on next to nothing is left of the highest rate, {schedule.peak:.3g}."
        return f"next to nothing from {one} {first} of {total}", text, remedy
    if rises:
        top, peak = int(schedule.rates.argmax()), schedule.peak
        text = f"The rate rises until {one} {top}; in the {total} {unit} of the run it never gets above {peak:.3g}."
        shorter = f"Give its lengths in {unit}: a warm-up of about {max(1, total // 20)} of {total}."
        return f"still warming up at the end, {one} {total}", text, shorter if unit == "steps" else remedy
    return None
