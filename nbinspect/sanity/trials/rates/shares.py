"""Rates that a schedule comes to, where the given ones are mere factors, as where width and step make the rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch.optim.lr_scheduler import ReduceLROnPlateau

from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.schedule import keeping_rates, rates_along, taken_by
from nbinspect.sanity.trials.running.trainee import Trainee, trained
from nbinspect.subject import rate_of

_LONGEST, _SHORTEST = 20_000, 2_000
_FACTOR = 0.5
"""Share of the given rate below which all of a schedule stays, whose given rate is a factor."""

Shares = Mapping[str, tuple[float, ...]]
"""By the name of each optimizer, the highest rate of each of its groups, as a share of the given one."""


def shares_in_use(program: Program) -> Shares:
    """Return the shares of the optimizers that have a fresh schedule; 1 where it comes to half of a rate or more.

    A schedule that still rises after 20,000 steps counts as one that comes to the given rate. Of several schedulers of
    one optimizer each is stepped by itself, and the highest rate counts: one may begin at another's warm-up.

    Args:
        program: left unchanged.

    Raises:
        MissingNeed: as `trained`.
    """
    if program.subject.scheduler is None and program.subject.train_step is None:
        return {}
    shares: dict[str, tuple[float, ...]] = {}
    with trained(program) as trainee:
        names = {id(optimizer): name for name, optimizer in trainee.optimizers.items()}
        of_each: dict[str, list[Any]] = {}
        for scheduler in trainee.schedulers.values():
            if id(scheduler.optimizer) in names and not isinstance(scheduler, ReduceLROnPlateau):
                of_each.setdefault(names[id(scheduler.optimizer)], []).append(scheduler)
        for name, schedulers in of_each.items():
            if not any(map(taken_by, schedulers)):
                with trainee.quiet():
                    alone = [_shares_of(one) for one in schedulers]
                shares[name] = tuple(map(max, zip(*alone, strict=True)))
    return shares


def use_shares(trainee: Trainee, shares: Shares) -> None:
    """Let the rates that a schedule comes to count as the given ones, of the optimizers that are here."""
    for name in shares.keys() & trainee.optimizers.keys():
        for group, share in zip(trainee.optimizers[name].param_groups, shares[name], strict=False):
            given = rate_of(group, base=True)
            if given is not None:
                group["given_lr"] = given * share


def _shares_of(scheduler: Any) -> tuple[float, ...]:
    """Step a scheduler until each rate has come to half of the given one, or has long been past its highest."""
    groups = scheduler.optimizer.param_groups
    given = [rate_of(group, base=True) or 0.0 for group in groups]
    highest, reached = [0.0] * len(groups), [0] * len(groups)
    waiting = list(range(len(groups)))
    step = 0
    with keeping_rates(scheduler):
        for step, rates in enumerate(rates_along(scheduler)):
            for at in waiting:
                if rates[at] > highest[at]:
                    highest[at], reached[at] = rates[at], step
            waiting = [at for at in waiting if highest[at] < _FACTOR * given[at]]
            if step >= _LONGEST or all(step > max(_SHORTEST, 2 * reached[at]) for at in waiting):
                break
    used = {at for at in waiting if highest[at] > 0 and reached[at] < step}
    return tuple(highest[at] / given[at] if at in used else 1.0 for at in range(len(groups)))
