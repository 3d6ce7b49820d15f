"""What the rates of the user's own updates say of a schedule, whoever sets them: a scheduler, a metric, their step."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import isclose, isfinite, log
from typing import Any

from nbinspect.records import CheckResult
from nbinspect.sanity.check import failed, measured, warned
from nbinspect.sanity.trials.rates.sizes import rates_of
from nbinspect.sanity.trials.running.cadence import cadence
from nbinspect.sanity.trials.running.maximising import are_maximising
from nbinspect.sanity.trials.running.observed import Observed
from nbinspect.sanity.trials.running.schedule import Schedule

_FEWEST, _TWICE, _MOVES = 5, 1.5, 1.001

Fault = tuple[str, str, str]
"""What is wrong, in a few words and in a sentence, and what to do."""


def wrong_way(observed: Observed) -> Fault | None:
    """Return that a scheduler takes a loss that gets better for the worse: it waits for the other end of it.

    None where a part is to lower the loss and another to raise it, as a multiplier or an adversary.
    """
    if len(observed.maximising) != 1:
        return None
    is_maximised = are_maximising(observed.maximising)
    wrong, right, better = ("min", "max", "rises") if is_maximised else ("max", "min", "falls")
    losses = [one.loss for one in observed.steps if one.loss is not None and isfinite(one.loss)]
    for name, (mode, best) in observed.awaiting.items():
        given = observed.scheduled.get(name, 0) >= _FEWEST
        if mode == wrong and given and any(isclose(best, loss, rel_tol=1e-5) for loss in losses):
            return (
                f"waits for the loss to {'fall' if is_maximised else 'rise'}",
                f"The {name} has mode='{wrong}' and is given the loss: as the loss {better}, it lowers the rate.",
                f"Make it with mode='{right}'"
                + (
                    " as the loss is maximised."
                    if is_maximised
                    else ", or give it a metric that rises, such as the accuracy."
                ),
            )
    return None


def sunk_by_hand(observed: Observed, total: int | None, nothing: float, share: float) -> Fault | None:
    """Return that rates without a scheduler fall by one factor, which leaves nothing long before the end.

    Args:
        observed: the user's own steps.
        total: updates of the run, or of an epoch, where they are known.
        nothing: share of the first rate that is next to nothing.
        share: of the run, for which the rate may be that low.
    """
    rates = rates_of(observed)
    if not total or any(count for name, count in observed.scheduled.items() if name not in observed.awaiting):
        return None
    if not observed.is_own or len(rates) < _FEWEST or not all(rate > 0 for rate in rates):
        return None
    factors = [after / before for before, after in pairwise(rates)]
    if not all(isclose(factor, factors[0], rel_tol=1e-3) for factor in factors) or not factors[0] < 1:
        return None
    after = int(log(nothing) / log(factors[0]))
    if after >= (1 - share) * total:
        return None
    return (
        f"next to nothing from step {after} of {total}",
        f"Each update has {factors[0]:.3g} times the rate of the one before: after {after} of {total} updates less "
        f"than {nothing:g} of it is left.",
        f"Lower it once an epoch, or by a factor of about {0.01 ** (1 / total):.4g} an update.",
    )


def stepped_first(observed: Observed, schedule: Schedule) -> Fault | None:
    """Return that the schedule is stepped before the first update, so that its first rate is never used."""
    rates, updates = schedule.rates, observed.steps[0].events.updates if observed.steps else []
    if not observed.is_own or len(rates) < 3 or not updates or not rates[0] > rates[1] or not schedule.is_fresh:
        return None
    first = max(updates[0].rates, default=0.0)
    if not isclose(first, rates[1], rel_tol=1e-9) or isclose(first, rates[0], rel_tol=1e-9):
        return None
    return (
        "stepped before the optimizer",
        f"The first update has the rate {first:.6g}, the second of the schedule: scheduler.step() stands before "
        "optimizer.step(), so that the first rate is skipped and every later one comes a step early.",
        "Call scheduler.step() after optimizer.step().",
    )


def own_fault(observed: Observed, schedule: Schedule) -> CheckResult | None:
    """Return a result where a schedule that fits the run has no effect, or is stepped too early."""
    if vain := of_no_effect(observed, schedule):
        return of_the_rates(vain, observed)
    early = stepped_first(observed, schedule)
    return of_the_rates(early, observed, judged=warned) if early else None


def of_no_effect(observed: Observed, schedule: Schedule) -> Fault | None:
    """Return that a scheduler is stepped, and changes no rate of any optimizer that updates something.

    None where an optimizer of parameters of its own has not updated, or once alone: its turn may come.
    """
    updates = [update for one in observed.steps for update in one.events.updates]
    calls = observed.scheduled.get(schedule.name, 0)
    if not observed.is_own or calls < _FEWEST or len(updates) < _FEWEST:
        return None
    last = max(number for number, one in enumerate(observed.steps) if one.events.updates)
    planned = schedule.rates[1 : max(1, last * calls // len(observed.steps)) + 1]  # those that an update was made with
    moves = len(planned) >= _FEWEST and float(planned.max()) > _MOVES * float(planned.min())
    kept: dict[int, list[tuple[float, ...]]] = {}
    for update in updates:
        kept.setdefault(id(update.optimizer), []).append(update.rates)
    if not moves or any(len(rates) == 1 or len(set(rates)) > 1 for rates in kept.values()):
        return None
    updated = frozenset().union(*(update.sizes for update in updates))
    if any(held & observed.trainable - updated for held in observed.held.values()):
        return None
    return (
        "changes no rate that is used",
        f"In {calls} calls the {schedule.kind} changes its optimizer's rate from {planned[0]:.4g} to "
        f"{planned[-1]:.4g}, and the optimizers that update parameters keep theirs: it was made with another one, or "
        "its rates are overwritten.",
        "Make the scheduler with the very optimizer that is stepped, and after it.",
    )


def steps_an_update(observed: Observed, every: int) -> int:
    """Return how often a scheduler is stepped with each update, where updates come at regular calls; else 1.

    Args:
        observed: the user's own steps.
        every: how many calls an update takes, as `calls_an_update` tells.
    """
    calls, updates = max(observed.scheduled.values(), default=0), len(observed.updating)
    taken = len(observed.steps)
    if not observed.is_own or not updates or calls < _TWICE * updates or updates_a_call(observed) > 1:
        return 1
    if every > 1:
        since = taken - next(number for number, one in enumerate(observed.steps) if one in observed.updating)
        fits = next((count for count in (taken, since) if calls % count == 0), None)  # of all, or from the first update
        return 1 if fits is None else every * (calls // fits)
    return 1 if updates < taken else round(calls / updates)


def calls_an_update(observed: Observed, step: Callable[..., Any] | None) -> int:
    """Return how many calls an update takes, of a step that accumulates at a regular pace; else 1.

    Args:
        observed: the user's own steps.
        step: whose text settles the pace where two updates alone were seen.
    """
    at = [number for number, one in enumerate(observed.steps) if one in observed.updating]
    gaps = {after - before for before, after in pairwise(at)}
    return gaps.pop() if len(gaps) == 1 and (len(at) > 2 or cadence(step, of_schedule=False) in gaps) else 1


def updates_a_call(observed: Observed) -> int:
    """Return how often the same optimizer updates in one of these calls, at most, as in several passes over a batch."""
    taken = [[id(update.optimizer) for update in one.events.updates] for one in observed.steps]
    return max((of_one.count(one) for of_one in taken for one in set(of_one)), default=0)


def is_unclear(observed: Observed, total: int | None, epoch: int | None, each: int, pace: int) -> bool:
    """Return whether a fault hangs on what a total counts: calls of the step, or updates.

    Args:
        observed: the user's own steps.
        total: of the run, as the user gave it.
        epoch: calls of an epoch.
        each: how often the scheduler is stepped with an update.
        pace: how many calls an update takes.
    """
    is_odd = updates_a_call(observed) > 1 or (each > 1 and total is not None and not counts_updates(total, epoch, pace))
    return total is not None and is_odd


def counts_updates(total: int, epoch: int | None, every: int) -> bool:
    """Return whether a total surely counts updates: in calls it is no whole number of epochs, in updates it is.

    Args:
        total: of the run, as the user gave it.
        epoch: calls of an epoch.
        every: how many calls an update takes.
    """
    if every == 1:
        return True
    over = total * every % epoch if epoch else 0
    return epoch is not None and total % epoch > 0 and min(over, epoch - over) < every


def of_the_rates(fault: Fault, observed: Observed, judged: Callable[..., CheckResult] = failed) -> CheckResult:
    """Return the result that says what is wrong, with the rates of the first updates."""
    summary, detail, remedy = fault
    rates = [f"{rate:.4g}" for rate in rates_of(observed)]
    return judged(
        summary,
        measured("learning rates of the first updates", ", ".join(rates[:4]), "as the schedule gives them"),
        title=f"The schedule does not fit the run: {summary}",
        detail=detail,
        remedy=remedy,
        where="train_step",
    )
