"""A warm-up of the step's own making that starts over with every epoch: it counts the steps within one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import isclose

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.rates.rates_seen import Fault
from nbinspect.sanity.trials.rates.sizes import rates_of
from nbinspect.sanity.trials.running.observed import Observed
from nbinspect.sanity.trials.running.trainee import Trainee, trained
from nbinspect.subject import rate_of

_FEW = 3
_LONGEST = 60
"""Calls of an epoch up to which all are made; of a longer one only those around its end, by the number they get."""


def starting_over(
    program: Program, observed: Observed, stream: Sequence[Batch], epoch: int | None, total: int | None
) -> Fault | None:
    """Return that rates which rise throughout an epoch are at its end what they were at its beginning, one by one.

    Looked at only where no scheduler sets the rates, each call updates at a higher rate than the one before, and the
    run has further epochs.

    Args:
        program: left unchanged; its steps are taken on a copy.
        observed: the user's own first steps.
        stream: successive batches.
        epoch: calls of an epoch.
        total: updates of the run.
    """
    first = rates_of(observed)
    is_by_hand = observed.is_own and not any(observed.scheduled.values()) and len(first) == len(observed.steps)
    if not (is_by_hand and epoch and total and 2 * _FEW <= epoch < total and _rise(first)):
        return None
    numbers = list(range(epoch + _FEW))
    if epoch > _LONGEST:
        numbers = [*numbers[:_FEW], *numbers[-2 * _FEW :]]
    try:
        with trained(program) as trainee:
            rates = [_rate_at(trainee, number, stream) for number in numbers]
    except MissingNeed:
        return None
    within, after = rates[:-_FEW], rates[-_FEW:]
    is_again = all(isclose(one, other, rel_tol=1e-6) for one, other in zip(within[:_FEW], after, strict=True))
    if not (_rise(within) and is_again):
        return None
    return (
        f"the warm-up starts over after step {epoch}",
        f"The rate rises from {within[0]:.3g} to {within[-1]:.3g} in the {epoch} steps of an epoch, and the next one "
        f"begins at {after[0]:.3g} again: it follows the steps within an epoch, so that the warm-up comes no further.",
        f"Count the steps of all epochs, as by epoch * {epoch} + step.",
    )


def _rise(rates: Sequence[float]) -> bool:
    return len(rates) > _FEW and all(before < after for before, after in pairwise(rates))


def _rate_at(trainee: Trainee, number: int, stream: Sequence[Batch]) -> float:
    """Return the rate at which a step with this number is taken."""
    trainee.steps = number
    trainee.step(stream[number % len(stream)])
    groups = (group for optimizer in trainee.optimizers.values() for group in optimizer.param_groups)
    return max((rate_of(group) or 0.0 for group in groups), default=0.0)
