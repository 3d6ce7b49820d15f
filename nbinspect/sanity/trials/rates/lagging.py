"""Weights that stand still beside others of the same network, and a run in which they move like those."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from functools import partial
from math import isfinite
from statistics import median
from typing import Any

import torch
from torch import Tensor

from nbinspect.records import Chart, CheckResult
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import failed, measured
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.trials.running.comparison import chart_of, ends_at, fell, losses_of
from nbinspect.sanity.trials.running.observed import Observed
from nbinspect.sanity.trials.running.trainee import Trainee

_APART = 1e-2 * (1 - 1e-6)  # of the largest rate, up to rounding: a group with less was given one of another magnitude
_MOVES = 1e-4  # of its size by an update: a weight that learns
_FURTHER, _FALLS = 2.0, 0.05  # how many times as far the loss has to fall, and which share of it at least
_EVEN = 1.1  # times the deviation of even numbers: their largest one, by chance
_LESS = 3.0  # or how many times less has to be left of it


def lagging(
    program: Program, sizes: Mapping[str, float], observed: Observed, recorded: Recorded, *, still: float, slow: float
) -> frozenset[str]:
    """Return the names of weights that hardly move, while other parameters do in the same step.

    Args:
        program: tells weights that may have been trained before: those may be meant to move little beside a new head.
        sizes: of the updates, as shares of the weights, by name.
        observed: tells the rates of the groups.
        recorded: tells weights whose rows mostly got no gradient, as those of embeddings: they are left out.
        still: below this size a weight hardly moves, where another one does.
        slow: the same where its rate is of another magnitude than the largest one, and it is as it was drawn.
    """
    updates = observed.updating[-1].events.updates if observed.updating else []
    most = max((rate for update in updates for rate in update.rates), default=0.0)
    low = {
        name
        for update in updates
        for rate, names in zip(update.rates, update.groups, strict=True)
        if 0 < rate <= _APART * most
        for name in names
        if name in sizes and _is_as_drawn(program.parameters[name])
    }
    bound = still if max(sizes.values()) >= _MOVES else 0.0
    found = {name for name, size in sizes.items() if 0 < size < (slow if name in low else bound)}
    return frozenset(name for name in found if _is_dense(recorded.gradients.get(name)))


def of_those_behind(
    program: Program,
    batch: Batch,
    sizes: Mapping[str, float],
    names: Set[str],
    *,
    steps: int,
    tried: Sequence[float],
    chart: Chart,
) -> CheckResult | None:
    """Fail where the loss falls further with rates at which these weights move as well; None where it does not.

    Args:
        program: left unchanged.
        batch: what is learnt.
        sizes: of the updates as they are, as shares of the weights, by name.
        names: of the weights that lag.
        steps: of each run.
        tried: sizes of updates that these weights are to have, while others keep their own.
        chart: of the sizes, which goes with the answer.
    """
    as_it_is = losses_of(program, (batch,), steps)
    if not as_it_is or not isfinite(ends_at(as_it_is)):
        return None
    for size in tried:
        moving = losses_of(program, (batch,), steps, before=partial(_quicken, sizes=sizes, names=names, size=size))
        is_less = 0 < ends_at(moving) < ends_at(as_it_is) / _LESS
        if moving and fell(moving) > max(0 if is_less else _FURTHER * fell(as_it_is), _FALLS * abs(as_it_is[0])):
            break
    else:
        return None
    middle, first = median(sizes[name] for name in names), sorted(names)[0]
    return failed(
        f"updates of {middle:.2g} of the weights in {len(names)} of {len(sizes)} layers",
        measured("size of an update beside its weights, median of these layers", middle, "about 0.001"),
        measured(f"loss of a batch after {steps} steps", ends_at(as_it_is), "lower"),
        measured(f"loss of a batch after {steps} steps in which they change by {size:g}", ends_at(moving), "lower"),
        title="Most layers stand still beside the others",
        detail=f"In {len(names)} of {len(sizes)} layers, as {first}, a step changes the weights by about {middle:.1g} "
        f"of their size, and other parameters move; with rates for these layers at which it is {size:g}, the loss "
        "falls much further.",
        remedy="Look at what sets the rate of each group, and at weights that are kept large and scaled down in use: a "
        "step should change weights by about a thousandth of their size in every layer.",
        where=first,
        charts=(chart, *chart_of("Loss of one batch", {"as it is": as_it_is, "where all layers move": moving})),
        confirmed=True,
    )


def _is_as_drawn(weight: Tensor) -> bool:
    """Whether a weight is even between two bounds, as most layers begin; what has been trained has a longer tail."""
    held = weight.detach().double()
    return bool(held.abs().max() <= _EVEN * 3**0.5 * held.square().mean().sqrt())


def _is_dense(gradient: Tensor | None) -> bool:
    if gradient is None or gradient.layout is not torch.strided:
        return False
    return bool((gradient != 0).flatten(1).any(1).float().mean() > 0.5)


def _quicken(trainee: Trainee, *, sizes: Mapping[str, float], names: Set[str], size: float) -> None:
    known = {id(parameter): name for name, parameter in trainee.parameters.items() if name in sizes}
    scheduled = {id(scheduler.optimizer) for scheduler in trainee.schedulers.values()}
    for optimizer in trainee.optimizers.values():
        for group in list(optimizer.param_groups):
            held = {known[id(parameter)] for parameter in group["params"] if id(parameter) in known}
            if held & names and held - names and id(optimizer) not in scheduled:  # a schedule knows its groups by place
                _split(optimizer.param_groups, group, {id(trainee.parameters[name]) for name in held & names})

    def of_group(group: Mapping[str, Any]) -> float:
        held = {known[id(parameter)] for parameter in group["params"] if id(parameter) in known}
        return size / median(sizes[name] for name in held) if held and held <= names else 1.0

    trainee.scale_rates(of_group)


def _split(groups: list[dict[str, Any]], group: dict[str, Any], apart: Set[int]) -> None:
    own = group["params"]
    group["params"] = [parameter for parameter in own if id(parameter) not in apart]
    groups.append({**group, "params": [parameter for parameter in own if id(parameter) in apart]})
