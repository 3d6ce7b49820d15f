"""A scheduler that waits for a metric and is stepped with every update: whether it sinks the rate in a few dozen."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, inf, isfinite, log
from typing import Any

from torch.optim.lr_scheduler import ReduceLROnPlateau

from nbinspect.records import CheckResult
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import failed, measured
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.observed import Observed
from nbinspect.sanity.trials.running.trainee import Trainee, trained
from nbinspect.subject import rate_of

_LONGEST, _MORE = 60, 20
_JUDGED = 8
_BETTER = 2.0


def sunk_by_waiting(
    program: Program, observed: Observed, stream: Sequence[Batch], nothing: float, early: float
) -> CheckResult | None:
    """Return a failure where such a scheduler leaves nothing of the rate, and the loss falls on at the rate as it was.

    The steps are the user's own, on copies. None where it is stepped less often, where the rate cannot sink within 60
    of them or does not, and where nothing is lost by it, as at the floor of the loss.

    Args:
        program: left unchanged.
        observed: its steps.
        stream: successive batches, taken in turn.
        nothing: share of the first rate that is next to nothing.
        early: updates, after which it may sink.

    Raises:
        MissingNeed: as `trained` and `Trainee.step`.
    """
    name = next((one for one in observed.awaiting if observed.scheduled[one] >= len(observed.steps)), None)
    if name is None or not observed.is_own or len(observed.updating) < len(observed.steps):
        return None
    judged = stream[:_JUDGED]
    with trained(program) as trainee:
        scheduler: Any = trainee.schedulers[name]
        first = _rate(scheduler)
        if _soonest(scheduler, first, nothing) > min(early, _LONGEST):
            return None
        began = _mean(trainee, judged)
        while _rate(scheduler) > nothing * (1 + 1e-6) * first:
            if trainee.steps >= min(early, _LONGEST):
                return None
            trainee.step(stream[trainee.steps % len(stream)])
        after, left, patience = trainee.steps, _mean(trainee, judged), scheduler.patience
    with trained(program) as trainee:
        trainee.schedulers[name].factor = 1.0  # type: ignore[attr-defined] # it is one that waits
        for number in range(after + _MORE):
            trainee.step(stream[number % len(stream)])
        kept = _mean(trainee, judged)
    if not began - kept > max(_BETTER * (began - left), 0.01 * abs(began)):
        return None
    return failed(
        f"next to nothing after {after} updates",
        measured("updates until less than a thousandth of the rate is left", after, f"above {early:.0f}"),
        measured("loss then", left, f"not far above {kept:.4g}"),
        measured(f"loss after {after + _MORE} updates at the rate as it was", kept, "no lower"),
        title=f"The schedule does not fit the run: next to nothing after {after} updates",
        detail=f"The {name} is given a metric with every update, and lowers the rate after {patience + 1} that are no "
        f"better than the best: the losses of single batches go up and down, and it takes that for a plateau.",
        remedy="Step it once an epoch with the mean loss of the epoch, or of the validation data; or set its patience "
        "to several epochs of updates.",
        where=name,
        confirmed=True,
    )


def _rate(scheduler: ReduceLROnPlateau) -> float:
    return max((rate_of(group) or 0.0 for group in scheduler.optimizer.param_groups), default=0.0)


def _soonest(scheduler: ReduceLROnPlateau, first: float, nothing: float) -> float:
    """Return the fewest steps in which a rate can sink to nothing; infinite where it is kept from it."""
    least = max(map(float, scheduler.min_lrs), default=0.0)
    if first <= 0 or least > nothing * first or not 0 <= scheduler.factor < 1:
        return inf
    drops = ceil(log(nothing) / log(scheduler.factor) - 1e-9) if scheduler.factor else 1
    return float(drops * (scheduler.patience + 1) + (drops - 1) * scheduler.cooldown)


def _mean(trainee: Trainee, batches: Sequence[Batch]) -> float:
    losses = [trainee.loss(batch) for batch in batches]
    return sum(losses) / len(losses) if all(map(isfinite, losses)) else inf
