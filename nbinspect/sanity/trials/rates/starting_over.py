"""A warm-up of the step's own making that starts over with every epoch: it counts the steps within one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from math import isclose
from types import CodeType
from typing import Any

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.rates.rates_seen import Fault
from nbinspect.sanity.trials.rates.sizes import rates_of
from nbinspect.sanity.trials.running.observed import Observed
from nbinspect.sanity.trials.running.text import functions_of
from nbinspect.sanity.trials.running.trainee import Trainee, trained
from nbinspect.subject import rate_of

_FEW = 3
_LONGEST = 60
"""Calls of an epoch up to which all are made where the step counts them itself; else it is given their numbers."""
_BETWEEN = 20
"""Calls between the ends of an epoch that are made by their numbers."""
_NO_EPOCH = frozenset(
    {"per", "step", "steps", "batch", "batches", "iters", "len", "length", "size", "in", "within", "total"}
)
"""Words that make a name with ``epoch`` one of what an epoch holds, as in ``steps_per_epoch``."""


def starting_over(
    program: Program, observed: Observed, stream: Sequence[Batch], epoch: int | None, total: int | None
) -> Fault | None:
    """Return that rates which rise throughout an epoch are at its end what they were at its beginning, one by one.

    Looked at only where no scheduler sets the rates, each call updates at a higher rate than the one before, and the
    run has further epochs. None where the step asks for the epoch, which no call tells it here.

    Args:
        program: left unchanged; its steps are taken on a copy.
        observed: the user's own first steps.
        stream: successive batches; all steps are taken on the first, so that no rate follows what is in a batch.
        epoch: calls of an epoch.
        total: updates of the run.
    """
    first = rates_of(observed)
    is_by_hand = observed.is_own and not any(observed.scheduled.values()) and len(first) == len(observed.steps)
    if not (is_by_hand and epoch and total and 2 * _FEW <= epoch < total and _rise(first)):
        return None
    if asks_for_epoch(program.subject.train_step):
        return None
    begins = [*range(_FEW), *range(epoch, epoch + _FEW)]
    try:
        around = rates_at(program, begins, stream[0])
        if not _is_again(around) and epoch <= _LONGEST and isclose(around[_FEW], first[_FEW], rel_tol=1e-6):
            around = rates_at(program, range(epoch + _FEW), stream[0])  # it counts its calls itself
        if not _is_again(around):
            return None
        among = {*range(0, epoch, max(1, epoch // _BETWEEN)), *begins[:_FEW], *range(epoch - _FEW, epoch)}
        within = around[:epoch] if len(around) > epoch else rates_at(program, sorted(among), stream[0])
    except MissingNeed:
        return None
    if not _rise(within):
        return None
    return (
        f"the warm-up starts over after step {epoch}",
        f"The rate rises from {within[0]:.3g} to {within[-1]:.3g} in the {epoch} steps of an epoch, and the next one "
        f"begins at {within[0]:.3g} again: it follows the steps within an epoch, so that the warm-up comes no further.",
        f"Count the steps of all epochs, as by epoch * {epoch} + step.",
    )


def _rise(rates: Sequence[float]) -> bool:
    return len(rates) > _FEW and all(before < after for before, after in pairwise(rates))


def asks_for_epoch(step: Callable[..., Any] | None) -> bool:
    """Return whether a step, or a user's function that it uses, is given the number of the epoch, or looks it up."""
    functions = functions_of(step)
    names = {name for function in functions for name in _names(function.__code__)}
    return any(map(_is_epoch, names - {function.__name__ for function in functions}))


def _names(code: CodeType) -> Iterator[str]:
    given = code.co_argcount + code.co_kwonlyargcount  # other variables it fills itself, as from the number of the step
    yield from (*code.co_names, *code.co_varnames[:given], *code.co_freevars)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
        elif isinstance(constant, str):
            yield constant


def _is_epoch(name: str) -> bool:
    words = set(name.lower().split("_"))
    return "epoch" in words and not words & _NO_EPOCH


def _is_again(rates: Sequence[float]) -> bool:
    """Whether the last rates are the first ones."""
    return all(isclose(one, other, rel_tol=1e-6) for one, other in zip(rates[:_FEW], rates[-_FEW:], strict=True))


def rates_at(program: Program, numbers: Iterable[int], batch: Batch) -> list[float]:
    """Return the rates at which steps with these numbers are taken on a copy, one after the other."""
    with trained(program) as trainee:
        return [_rate_at(trainee, number, batch) for number in numbers]


def _rate_at(trainee: Trainee, number: int, batch: Batch) -> float:
    trainee.steps = number
    trainee.step(batch)
    groups = (group for optimizer in trainee.optimizers.values() for group in optimizer.param_groups)
    return max((rate_of(group) or 0.0 for group in groups), default=0.0)
