"""Rates and schedules of steps that go by the number of the step: what they do far into the run."""

from __future__ import annotations

from collections.abc import Sequence

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.rates.rates_seen import Fault
from nbinspect.sanity.trials.rates.starting_over import asks_for_epoch, rates_at
from nbinspect.sanity.trials.running.observed import Observed
from nbinspect.sanity.trials.running.schedule import taken_by
from nbinspect.sanity.trials.running.text import functions_of
from nbinspect.sanity.trials.running.trainee import trained

_SHARES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97)
_FEWEST = 50


def sunk_by_number(
    program: Program, observed: Observed, batch: Batch, total: int | None, *, nothing: float, share: float
) -> Fault | None:
    """Return that a step which sets the rates itself leaves next to nothing of them long before the end of the run.

    A few steps are taken on a copy, each with a number further on in the run. None where the step asks for the epoch,
    which no call tells it here, or does not update at each call.

    Args:
        program: left unchanged.
        observed: the user's own first steps.
        batch: of all steps, so that no rate follows what is in a batch.
        total: updates of the run, where they are known.
        nothing: share of the highest rate that is next to nothing.
        share: of the run, for which the rate may be that low.
    """
    step = program.subject.train_step
    sets_rates = any("param_groups" in function.__code__.co_names for function in functions_of(step))
    updates_always = observed.is_own and len(observed.updating) == len(observed.steps)
    if not (sets_rates and updates_always) or total is None or total < _FEWEST or any(observed.scheduled.values()):
        return None
    if asks_for_epoch(step):
        return None
    numbers = [round(total * one) for one in _SHARES]
    try:
        rates = rates_at(program, numbers, batch)
    except MissingNeed:
        return None
    low = [rate <= nothing * max(rates) for rate in rates]
    after = next((number for at, number in enumerate(numbers) if all(low[at:])), total)
    if not max(rates) > 0 or after > (1 - share) * total:
        return None
    return (
        f"next to nothing from step {after} of {total}",
        f"At step {after} the step sets the rate to {rates[numbers.index(after)]:.3g}, where it was {max(rates):.3g} "
        "before, and it stays that low to the end.",
        "Let the rate follow the steps of the whole run, or count epochs where the numbers are meant for epochs.",
    )


def is_stepped_at_ends(program: Program, stream: Sequence[Batch], epoch: int) -> bool:
    """Return whether a step that steps no scheduler at first does so in the last call of an epoch, by its number."""
    if epoch < 3:
        return False
    try:
        with trained(program) as trainee:
            began = {name: taken_by(scheduler) for name, scheduler in trainee.schedulers.items()}
            trainee.steps = epoch - 2
            for number in range(2):
                trainee.step(stream[number % len(stream)])
            taken = [taken_by(scheduler) - began[name] for name, scheduler in trainee.schedulers.items()]
    except MissingNeed:
        return False
    return max(taken, default=0) == 1
