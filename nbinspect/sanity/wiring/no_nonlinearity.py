"""`no-nonlinearity`: do affine layers follow each other with nothing between?"""

from __future__ import annotations

import re

import torch
from torch import nn

from nbinspect.capture.kinds import word_of
from nbinspect.nested import tensors_in
from nbinspect.records import CheckResult
from nbinspect.sanity.check import Arguments, Check, measured, passed, warned
from nbinspect.sanity.evidence.source.source import is_published
from nbinspect.sanity.recorded import Operation, Recorded

_AFFINE = re.compile(r"linear|conv\dd")
# what hands values on as they are, or some of them
_HANDS_ON = re.compile(
    r"view|reshape|flatten|unflatten|squeeze|unsqueeze|contiguous|\w*dropout(\dd)?|permute|transpose|t"
)


def run(recorded: Recorded) -> CheckResult:
    """Warn where an affine layer's output goes through nothing but the next: together they are no more than one."""
    users = _users(recorded)
    layers = [one for one in recorded.operations if _is_affine(one)]
    found = [(one, after) for one in layers if (after := _follower(one, users)) is not None]
    pairs = [(one, after) for one, after in found if not (is_published(after.step.place) or _is_factor(one, after))]
    if not pairs:
        return passed(f"affine layers: {len(layers)}, none straight after another")
    second = pairs[0][1]
    names = " and ".join(one.step.path or one.step.name for one in pairs[0])
    return warned(
        f"nothing between {names}",
        measured("pairs of affine layers with nothing between", len(pairs), "0"),
        title=f"No nonlinearity between {names}",
        detail=f"With nothing between, {names} together can do no more than one layer.",
        remedy=f"Put an activation such as `torch.relu` between {names}, or make them one layer.",
        where=second.step.path or second.step.name,
        place=second.step.place,
    )


def _users(recorded: Recorded) -> dict[int, list[Operation | None]]:
    """Return the operations that were given each tensor; None stands for the user, to whom the model returned it."""
    users: dict[int, list[Operation | None]] = {}
    for one in recorded.operations:
        if one.step.kind == "operation":
            for tensor in one.given:
                users.setdefault(id(tensor), []).append(one)
    for _, tensor in tensors_in(recorded.outputs, ""):
        users.setdefault(id(tensor), []).append(None)
    return users


def _is_affine(one: Operation) -> bool:
    weighs = one.step.kind == "operation" and _AFFINE.fullmatch(word_of(one.step.name)) and len(one.given) > 1
    return bool(weighs) and isinstance(one.given[1], nn.Parameter) and bool(one.made)


def _follower(one: Operation, users: dict[int, list[Operation | None]]) -> Operation | None:
    """Return the affine layer that alone takes what another one made, handed on as it is; None where there is none."""
    while True:
        after = users.get(id(one.made[0]), [])
        # what hands on the very tensor that it was given has itself for a user
        if len(after) != 1 or after[0] is None or after[0] is one:
            return None
        if not after[0].made or after[0].given[0] is not one.made[0]:
            return None
        one = after[0]
        if _is_affine(one):
            return one
        if not _HANDS_ON.fullmatch(word_of(one.step.name)):
            return None


def _is_factor(one: Operation, follower: Operation) -> bool:
    """Whether two layers are factors of one on purpose: few values between, grouped or separate kernels, one weight."""
    first, second = one.given[1], follower.given[1]
    if first is second:
        return True
    if first.dim() > 2 and second.dim() > 2 and _are_separate(first.shape[2:], second.shape[2:]):
        return True
    if any(
        layer.given[1].dim() > 2 and layer.given[0].shape[1] != layer.given[1].shape[1] for layer in (one, follower)
    ):
        return True
    inputs = first[0].numel() if first.dim() == second.dim() else one.given[0][0].numel()
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
    silent="low-rank factors, adapters, separable convolutions, attention, outputs used elsewhere, published models",
)
