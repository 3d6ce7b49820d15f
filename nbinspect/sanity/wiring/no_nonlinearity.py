"""`no-nonlinearity`: do affine layers follow each other with nothing between?"""

from __future__ import annotations

import re

import torch
from torch import nn

from nbinspect.capture.kinds import word_of
from nbinspect.nested import tensors_in
from nbinspect.records import CheckResult
from nbinspect.sanity.check import Arguments, Check, measured, passed, warned
from nbinspect.sanity.evidence.passes.lineage import roots
from nbinspect.sanity.evidence.source.parsed import is_published
from nbinspect.sanity.recorded import Operation, Recorded

_AFFINE = re.compile(r"linear|conv\dd")
# what hands values on as they are, or some of them
_HANDS_ON = re.compile(
    r"view|reshape|flatten|unflatten|squeeze|unsqueeze|contiguous|\w*dropout(\dd)?|permute|transpose|t"
)
# what leaves rows and features where they are
_KEEPS = re.compile(r"contiguous|\w*dropout(\dd)?")
_PRODUCT = re.compile(r"r?matmul|mm|bmm|spmm")


def run(recorded: Recorded) -> CheckResult:
    """Warn where an affine layer's output goes through nothing but the next: together they are no more than one."""
    users = _users(recorded)
    layers = [one for one in recorded.operations if _is_affine(one)]
    found = [(one, after) for one in layers if (after := _follower(recorded, one, users)) is not None]
    pairs = [(one, after) for one, after in found if not (is_published(after.step.place) or _is_factor(one, after))]
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


def _follower(recorded: Recorded, one: Operation, users: dict[int, list[Operation | None]]) -> Operation | None:
    """Return the affine layer that alone takes what another one made, handed on as it is; None where there is none.

    Between two linear layers, rows may be mixed by a matrix without weights, as neighbours in a graph are, where they
    are so before the first or after the second too: a layer that only embeds the nodes is left alone, as is one that
    classifies what is pooled of them.
    """
    first, is_mixed, is_kept = one, False, True
    while True:
        after = users.get(id(one.made[0]), [])
        # what hands on the very tensor that it was given has itself for a user
        if len(after) != 1 or after[0] is None or after[0] is one or not after[0].made:
            return None
        before, one = one, after[0]
        word = word_of(one.step.name)
        if _mixes_rows(recorded, one) and one.given[1] is before.made[0]:
            if one.given[0].shape[-2] != one.given[0].shape[-1]:
                return None
            is_mixed = True
        elif one.given[0] is not before.made[0]:
            return None
        elif _is_affine(one):
            return one if not is_mixed or (is_kept and _are_over_rows(recorded, first, one, users)) else None
        elif not _HANDS_ON.fullmatch(word):
            return None
        else:
            is_kept = is_kept and _KEEPS.fullmatch(word) is not None


def _are_over_rows(
    recorded: Recorded, first: Operation, second: Operation, users: dict[int, list[Operation | None]]
) -> bool:
    """Whether two layers are linear ones, and rows are mixed before the first or after the second."""
    around = [recorded.maker(first.given[0]), *users.get(id(second.made[0]), [])]
    is_linear = all(word_of(one.step.name) == "linear" for one in (first, second))
    return is_linear and any(one is not None and _mixes_rows(recorded, one) for one in around)


def _mixes_rows(recorded: Recorded, one: Operation) -> bool:
    """Whether a step multiplies rows, from the left, by a matrix that no parameter goes into."""
    if not _PRODUCT.fullmatch(word_of(one.step.name)) or len(one.given) != 2 or one.given[0].requires_grad:
        return False
    weights = {name for each in recorded.operations for name in each.step.parameters}
    return min(one.given[0].dim(), one.given[1].dim()) > 1 and not roots(recorded, one, 0) & weights


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
    silent="low-rank factors, adapters, separable kernels, attention, outputs used elsewhere, published models",
)
