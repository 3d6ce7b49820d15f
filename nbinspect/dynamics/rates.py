"""Learning rates: how their groups are named, and how one is changed so that a scheduler goes on from it."""

from __future__ import annotations

import gc
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from nbinspect.errors import InputError
from nbinspect.subject import kind_of

_OF_GROUPS = ("initial_lr", "max_lr", "min_lr", "swa_lr")
_OF_SCHEDULERS = ("base_lrs", "max_lrs")


@dataclass(frozen=True, eq=False)
class RateGroup:
    """One parameter group of an optimizer, under the names that the view and the controls use."""

    optimizer: str
    """The class, with a number from the second of a class on: ``Adam``, ``Adam 2``."""
    group: str
    """The group's own ``name``, else its number from 0."""
    owner: Optimizer
    index: int

    @property
    def name(self) -> str:
        """What `set_rate` calls it: ``Adam/0``."""
        return f"{self.optimizer}/{self.group}"

    @property
    def options(self) -> dict[str, Any]:
        """The live group itself."""
        return self.owner.param_groups[self.index]

    @property
    def rate(self) -> float:
        """The learning rate that holds now."""
        return float(self.options["lr"])


def rate_groups(optimizers: Iterable[Optimizer]) -> list[RateGroup]:
    """Return the parameter groups of these optimizers, in their order, each under a name of its own.

    Groups without a rate are left out: their optimizer makes its own, as Adafactor may.
    """
    found = []
    kinds: Counter[str] = Counter()
    for optimizer in optimizers:
        kind = type(optimizer).__name__
        kinds[kind] += 1
        kind = kind if kinds[kind] == 1 else f"{kind} {kinds[kind]}"
        own = [str(group.get("name", at)) for at, group in enumerate(optimizer.param_groups)]
        names = [name if own.count(name) == 1 else f"{name} ({at})" for at, name in enumerate(own)]
        known = [at for at, group in enumerate(optimizer.param_groups) if group.get("lr") is not None]
        found += [RateGroup(kind, names[at], optimizer, at) for at in known]
    return found


def schedulers_of(optimizers: Sequence[Optimizer]) -> list[LRScheduler]:
    """Return every living scheduler of these optimizers, wherever the user holds it."""
    return [part for part in alive(LRScheduler) if any(getattr(part, "optimizer", None) is one for one in optimizers)]


def alive(kind: type) -> list[Any]:
    """Return every living object of this class and of those below it, in about 0.1 µs an object of the process."""
    kinds, pending = {kind}, [kind]
    while pending:
        below: list[type] = pending.pop().__subclasses__()
        pending += [one for one in below if one not in kinds]
        kinds.update(below)
    # by type(): the class that a lazy proxy claims to have may run the user's code
    return [thing for thing in gc.get_objects() if type(thing) in kinds]


def checked_rate(rate: object) -> float:
    """Return a learning rate as a float.

    Raises:
        InputError: if it is no finite number above 0.
    """
    if isinstance(rate, bool) or not isinstance(rate, Real):
        raise InputError(f"rate: expected a number above 0, got {kind_of(rate)}")
    number = float(rate)
    if not (math.isfinite(number) and number > 0):
        raise InputError(f"rate: expected a finite number above 0, got {rate}; to hold the weights still, pause it")
    return number


def chosen_groups(optimizers: Sequence[Optimizer], group: str | None) -> list[RateGroup]:
    """Return the groups that ``set_rate(rate, group)`` is about: those at rest only by name.

    A group is at rest whose rate is 0 and that no scheduler can raise: it was frozen on purpose.

    Raises:
        InputError: if no group has that name, no optimizer has made a step yet, or none has a rate.
    """
    groups = rate_groups(optimizers)
    if not groups:
        why = "the optimizer makes its rates itself" if optimizers else "no optimizer has made a step yet"
        raise InputError(f"set_rate: {why}; set the rate where you build the optimizer")
    if group is None:
        return [one for one in groups if one.rate != 0 or float(one.options.get("initial_lr", 0)) > 0]
    named = [one for one in groups if one.name == group]
    if not named:
        raise InputError(f"group: expected one of {', '.join(one.name for one in groups)}, got {group!r}")
    return named


def change_rates(optimizers: Sequence[Optimizer], rate: float, group: str | None = None) -> str:
    """Give the chosen groups this learning rate now, and say so in a sentence.

    What their schedulers compute rates from is scaled in proportion: `base_lrs` and `max_lrs` of schedulers, and
    `initial_lr`, `max_lr`, `min_lr` and `swa_lr` of groups; floors such as `eta_min` stay. So a scheduler goes on in
    its course, twice as high after a rate twice as high. Where a schedule stands at 0 for now, as at the start of a
    warm-up, the rate takes the place of `initial_lr`. A rate that is a tensor is filled in place. A loop that writes
    rates itself undoes all this at its next step.

    Raises:
        InputError: as `chosen_groups`, before anything is changed.
    """
    groups, schedulers = chosen_groups(optimizers, group), schedulers_of(optimizers)
    before = sorted({one.rate for one in groups})
    for one in groups:
        _set_rate(one, rate, [part for part in schedulers if part.optimizer is one.owner])
    return f"learning rate{f' of {group}' if group else ''}: {', '.join(f'{old:.3g}' for old in before)} → {rate:.3g}"


def _set_rate(one: RateGroup, rate: float, schedulers: Iterable[LRScheduler]) -> None:
    options = one.options
    before = one.rate or float(options.get("initial_lr", 0))
    ratio = rate / before if before else 1.0
    for key in _OF_GROUPS:
        if options.get(key) is not None:
            options[key] = options[key] * ratio
    for scheduler in schedulers:
        for key in _OF_SCHEDULERS:
            values = getattr(scheduler, key, None)
            if isinstance(values, list) and one.index < len(values):
                values[one.index] = values[one.index] * ratio
    if isinstance(options["lr"], Tensor):
        with torch.no_grad():
            options["lr"].fill_(rate)
    else:
        options["lr"] = rate
