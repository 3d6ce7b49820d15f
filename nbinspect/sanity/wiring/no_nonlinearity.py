"""`no-nonlinearity`: do affine layers follow each other with nothing between?"""

from __future__ import annotations

import torch
from torch import nn

from nbinspect.records import CheckResult
from nbinspect.sanity.check import Arguments, Check, measured, passed, warned
from nbinspect.sanity.evidence.layers.affine import (
    followers,
    is_affine,
    pairs_of_affine_network,
    users_of,
    value_of,
    weight_of,
)
from nbinspect.sanity.evidence.source.parsed import is_published
from nbinspect.sanity.recorded import Operation, Recorded


def run(training_pass: Recorded) -> CheckResult:
    """Warn where an affine layer's output goes through nothing but the next: together they are no more than one."""
    recorded = training_pass
    users = users_of(recorded)
    layers = [one for one in recorded.operations if is_affine(one)]
    found = [(one, after) for one in layers for after in followers(recorded, one, users)]
    pairs = [(one, after) for one, after in found if not (is_published(after.step.place) or _is_factor(one, after))]
    pairs = pairs or [pair for pair in pairs_of_affine_network(recorded) if not _is_factor(*pair)]
    if not pairs:
        return passed(f"affine layers: {len(layers)}, none straight after another")
    second = pairs[0][1]
    names = " and ".join(one.step.path or one.step.name for one in pairs[0])
    return warned(
        f"no nonlinearity between {names}",
        measured("pairs of affine layers with no nonlinearity between", len(pairs), "0"),
        title=f"No nonlinearity between {names}",
        detail=f"With none between, {names} together can do no more than one layer.",
        remedy=f"Put an activation such as `torch.relu` between {names}, or make them one layer.",
        where=second.step.path or second.step.name,
        place=second.step.place,
    )


def _is_factor(one: Operation, follower: Operation) -> bool:
    """Whether two layers are factors of one on purpose: few values between, grouped or separate kernels, one weight."""
    first, second = weight_of(one), weight_of(follower)
    if first.data_ptr() == second.data_ptr():
        return True
    are_kernels = first.dim() > 2 and second.dim() > 2
    if are_kernels and _are_separate(first.shape[2:], second.shape[2:]):
        return True
    if any(
        weight.dim() > 2 and value_of(layer).shape[1] != weight.shape[1]
        for layer, weight in ((one, first), (follower, second))
    ):
        return True
    if are_kernels and any(a > 1 and b > 1 for a, b in zip(first.shape[2:], second.shape[2:], strict=False)):
        return False  # two kernels that reach along one axis are no factors of one
    inputs = first[0].numel() if first.dim() == second.dim() else value_of(one)[0].numel()
    return second.shape[1] < min(inputs, second.shape[0])


def _are_separate(one: torch.Size, other: torch.Size) -> bool:
    """Whether two unlike kernels share no axis that both reach along, as 1 × 5 and 5 × 1, or 3 × 3 and 1 × 1."""
    return one != other and not any(a > 1 and b > 1 for a, b in zip(one, other, strict=False))


def _program(*layers: nn.Module) -> Arguments:
    batch = (torch.randn(8, 4), torch.randint(3, (8,)))
    return {"model": nn.Sequential(*layers), "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


def good() -> Arguments:
    """Return two layers with a rectifier between."""
    return _program(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def bad() -> Arguments:
    """Return two layers with nothing between."""
    return _program(nn.Linear(4, 8), nn.Linear(8, 3))


CHECK = Check(
    name="no-nonlinearity",
    stage="wiring",
    question="Do affine layers follow each other with nothing between?",
    why="Two affine layers with nothing between are one: the network is shallower than its code.",
    remedy="Put an activation between the layers, or make them one.",
    cost=0,
    run=run,
    good=good,
    bad=bad,
    sources=("D-depth", "S-layers"),
    silent="low-rank factors, adapters, separable kernels, attention, outputs used elsewhere, published models",
)
