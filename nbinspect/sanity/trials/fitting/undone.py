"""Whether the user's own step or optimizer undoes what it learns: a standard step, a plain optimizer on one batch."""

from __future__ import annotations

from dataclasses import replace
from inspect import unwrap
from math import hypot
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.fitting.curve import Curve
from nbinspect.sanity.trials.fitting.fit import Way, fit, yours
from nbinspect.sanity.trials.rates.rates import without_schedule
from nbinspect.sanity.trials.rates.taken_over import RatesTaken
from nbinspect.sanity.trials.running.trainee import Trainee, trained
from nbinspect.subject import rate_of

_LEARNT = 0.6
_BLIND = 0.9
_FASTER = 10.0
_MUCH_FASTER = (1e1, 1e3, 1e5)
_FEW, _FIRST = 4, 10
_AS_FAR = 0.5
_LOWERED = 0.5


def standard_curve(program: Program, batch: Batch, own: Curve, taken: RatesTaken, most: int) -> Curve | None:
    """Return the curve of standard steps with the user's optimizer that learn a batch; None if they do not either.

    They make as many updates as the user's own, with the same rates, whether a schedule or that step set them. None as
    well where the user's step may only be slower: where it gathers gradients and has not used them yet; or its
    loss goes down, and it does not update at every call, sets lower rates itself, or learns at ten times the rate. The
    program is left unchanged.

    Args:
        program: with a step and an optimizer of the user's, else None is returned.
        batch: the same at every step.
        own: of the user's own step, which does no better than a network that ignores its inputs.
        taken: its rates.
        most: steps of each of the two runs; four more are observed.
    """
    if program.subject.train_step is None or program.subject.optimizer is None or own.goal.gap is None:
        return None
    try:
        standard = Way("a standard step", own=False, changed=without_schedule, begun=taken.take)
        curve = fit(program, batch, own.goal, standard, round(most * taken.share)).curve
        if not (curve.is_reached or curve.left < _LEARNT) or _is_slower(program, batch, own):
            return None
    except MissingNeed:
        return None
    return curve


def plain_curve(program: Program, batch: Batch, own: Curve, most: int) -> Curve | None:
    """Return the curve of the optimizer of PyTorch that the user's class extends, if it learns a batch; else None.

    None as well where the user's may only take shorter steps or fewer: at a higher rate, however much higher, it
    learns; or its weights go less than half as far on their way, as where it warms up, gathers gradients or averages
    weights. And where it draws random numbers, as Langevin dynamics do, which are the same at each held step. The
    program is left unchanged.

    Args:
        program: with an optimizer of a class of the user's, whose `step` is its own, else None is returned.
        batch: the same at every step.
        own: of the user's optimizer, which does no better than a network that ignores its inputs.
        most: steps of the run, and twice those of each of the three at higher rates; twenty more are followed.
    """
    plain = plain_of(program.subject.optimizer)
    if plain is None or own.goal.gap is None:
        return None
    way = yours(program)
    try:
        name = f"the {plain.__name__} that your {type(program.subject.optimizer).__name__} extends"
        standard = replace(way, name=name, begun=_as_plain)
        found = fit(program, batch, own.goal, standard, most)
        if not (found.curve.is_reached or found.curve.left < _LEARNT):
            return None
        lengths = [_length(program, batch, own, one) for one in (way, standard)]
        if not lengths[0] >= _AS_FAR * lengths[1]:
            return None
        for factor in _MUCH_FASTER:
            faster = replace(way, name="yours, faster", factor=factor * way.factor)
            if fit(program, batch, own.goal, faster, most // 2).curve.left < _BLIND:
                return None
    except MissingNeed:
        return None
    return found.curve


def plain_of(optimizer: Any) -> type[Optimizer] | None:
    """Return the class of PyTorch that an optimizer extends by a step of its own; None of any other."""
    way: tuple[Any, ...] = type(optimizer).__mro__
    plain = next((kind for kind in way if kind.__module__.split(".")[0] == "torch"), way[0])
    if plain in (way[0], Optimizer) or not issubclass(plain, Optimizer):
        return None
    # PyTorch puts a wrapper of its own on the step of every class
    return plain if unwrap(way[0].step) is not unwrap(plain.step) else None


def _as_plain(trainee: Trainee) -> None:
    for optimizer in trainee.optimizers.values():
        plain = plain_of(optimizer)
        if plain is not None:
            optimizer.__class__ = plain
            vars(optimizer).pop("step", None)  # a schedule counts steps by one of the instance


def _length(program: Program, batch: Batch, own: Curve, way: Way) -> float:
    """Return how far the weights go on their way in a few steps; NaN where an optimizer draws random numbers."""
    walk = _Walk()

    def begun(trainee: Trainee) -> None:
        if way.begun is not None:
            way.begun(trainee)
        walk.begin(trainee)

    fit(program, batch, own.goal, replace(way, begun=begun), _FIRST, done=lambda _: walk.note())
    return float("nan") if walk.draws else walk.length


class _Walk:
    """How far the weights of a copy go, step by step, and whether its optimizers draw random numbers."""

    def __init__(self) -> None:
        self.length = 0.0
        self.draws = False
        self._weights: tuple[Tensor, ...] = ()
        self._before: list[Tensor] = []
        self._states: list[Tensor] = []

    def begin(self, trainee: Trainee) -> None:
        self._weights = tuple(trainee.parameters.values())
        self._before = [weight.detach().clone() for weight in self._weights]
        for optimizer in trainee.optimizers.values():
            optimizer.register_step_pre_hook(self._begins)
            optimizer.register_step_post_hook(self._ends)

    def note(self) -> bool:
        """Add a step; it is never the last."""
        now = [weight.detach().clone() for weight in self._weights]
        self.length += hypot(
            *(float((one - other).float().norm()) for one, other in zip(now, self._before, strict=True))
        )
        self._before = now
        return False

    def _begins(self, *_: Any) -> None:
        self._states.append(torch.get_rng_state())

    def _ends(self, *_: Any) -> None:
        self.draws |= not torch.equal(self._states.pop(), torch.get_rng_state())


def _is_slower(program: Program, batch: Batch, own: Curve) -> bool:
    with trained(program) as trainee:
        steps = [trainee.step(batch, held=True, observed=True) for _ in range(_FEW)]
        rates = [rate_of(group, base=True) or 0.0 for one in trainee.optimizers.values() for group in one.param_groups]
    if not any(update.rewritten for step in steps for update in step.events.updates):
        return steps[-1].events.carried > 0  # gradients that wait for an update after many calls
    if own.kind != "falls":
        return False
    for step in steps:
        used = [rate for update in step.events.updates if update.rewritten for rate in update.rates]
        if not used or max(used) < _LOWERED * max(rates, default=0.0):
            return True
    return fit(program, batch, own.goal, Way("your step, faster", factor=_FASTER), len(own.losses)).curve.left < _BLIND
