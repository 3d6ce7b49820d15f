"""Affine layers of a pass: products with weights, and what stands between them that keeps two of them one."""

from __future__ import annotations

import re
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from nbinspect.capture.kinds import word_of
from nbinspect.nested import tensors_in
from nbinspect.sanity.evidence.passes.lineage import ancestors, roots
from nbinspect.sanity.recorded import Operation, Recorded

_LAYERS = re.compile(r"linear|conv(_transpose)?\dd")
_PRODUCT = re.compile(r"r?matmul|mm|bmm|spmm")
# what hands values on as they are, some of them, or means of them
_HANDS_ON = re.compile(
    r"view|reshape|flatten|unflatten|squeeze|unsqueeze|contiguous|\w*dropout(\dd)?|permute|transpose|t"
    r"|batch_norm|(adaptive_)?avg_pool\dd|interpolate|upsample"
)
# what leaves rows and features where they are
_KEEPS = re.compile(r"contiguous|\w*dropout(\dd)?|batch_norm")
_SCALES = re.compile(r"r?(add|sub|mul|div)|true_divide|truediv|rtruediv|neg")
_BENDS = re.compile(r"(leaky_)?relu6?|hardtanh|clamp(_min|_max)?|clip|threshold")
_JOINS = re.compile(r"cat|concat|stack|mean|sum|getitem|chunk|split|narrow|select|to|float|double|clone")


def is_affine(one: Operation) -> bool:
    """Return whether a step is an affine layer: a product of what it is given with a weight, or a convolution."""
    if one.step.kind != "operation" or not one.made or len(one.given) < 2:
        return False
    word = word_of(one.step.name)
    if _LAYERS.fullmatch(word):
        return isinstance(one.given[1], nn.Parameter)
    value, weight = one.given[-2:] if word == "addmm" else one.given[:2]
    # one's own layers: rows times a matrix that is a parameter
    is_product = (_PRODUCT.fullmatch(word) is not None or word in ("addmm", "einsum")) and len(one.given) < 4
    is_matrix = isinstance(weight, nn.Parameter) and weight.dim() == 2 and not isinstance(value, nn.Parameter)
    return is_product and is_matrix and value.shape[-1] == weight.shape[0] and one.made[0].dim() == value.dim()


def value_of(one: Operation) -> Tensor:
    """Return what an affine layer takes, beside its weight."""
    return one.given[-2] if word_of(one.step.name) == "addmm" else one.given[0]


def weight_of(one: Operation) -> Tensor:
    """Return the weight of an affine layer as ``(outputs, inputs, …)``."""
    word = word_of(one.step.name)
    if _LAYERS.fullmatch(word):
        return one.given[1].transpose(0, 1) if "transpose" in word else one.given[1]
    return (one.given[-1] if word == "addmm" else one.given[1]).transpose(0, 1)


def users_of(recorded: Recorded) -> dict[int, list[Operation | None]]:
    """Return the operations that were given each tensor; None stands for the user, to whom the model returned it."""
    users: dict[int, list[Operation | None]] = {}
    for one in recorded.operations:
        if one.step.kind == "operation":
            for tensor in one.given:
                users.setdefault(id(tensor), []).append(one)
    for _, tensor in tensors_in(recorded.outputs, ""):
        users.setdefault(id(tensor), []).append(None)
    return users


def followers(recorded: Recorded, one: Operation, users: dict[int, list[Operation | None]]) -> list[Operation]:
    """Return the affine layers that alone take what another one made, handed on as it is; none where others do.

    Of several, as heads on one trunk are, none may meet another in a product, as queries and keys do.
    """
    after = users.get(id(one.made[0]), [])
    found = [None if each is None else _end_of(recorded, one, each, users) for each in after]
    layers = [each for each in found if each is not None]
    if len(layers) != len(found) or (len(layers) > 1 and _meet(recorded, layers)):
        return []
    return layers


def _end_of(
    recorded: Recorded, first: Operation, one: Operation, users: dict[int, list[Operation | None]]
) -> Operation | None:
    """Return the affine layer at the end of a way on which nothing else uses what is handed on; None without one.

    Between two linear layers, rows may be mixed by a matrix without weights, as neighbours in a graph are, where they
    are so before the first or after the second too: a layer that only embeds the nodes is left alone, as is one that
    classifies what is pooled of them.
    """
    before, is_mixed, is_kept = first, False, True
    while one.made:
        if is_affine(one):
            if value_of(one) is not before.made[0]:
                return None
            return one if not is_mixed or (is_kept and _are_over_rows(recorded, first, one, users)) else None
        if _mixes_rows(recorded, one) and one.given[1] is before.made[0]:
            if one.given[0].shape[-2] != one.given[0].shape[-1]:
                return None
            is_mixed = True
        elif not _hands_on(one, before.made[0]):
            return None
        else:
            is_kept = is_kept and _KEEPS.fullmatch(word_of(one.step.name)) is not None
        after = users.get(id(one.made[0]), [])
        # what hands on the very tensor that it was given has itself for a user
        if len(after) != 1 or after[0] is None or after[0] is one:
            return None
        before, one = one, after[0]
    return None


def _hands_on(one: Operation, value: Tensor) -> bool:
    """Whether a step gives an affine image of a value, and nothing of other values of the batch."""
    word = word_of(one.step.name)
    if _SCALES.fullmatch(word):
        return sum(tensor is value for tensor in one.given) == 1 and all(
            tensor is value or (use.step is None and not use.origin.startswith("batch"))
            for tensor, use in zip(one.given, one.step.inputs, strict=True)
        )
    if not one.given or one.given[0] is not value:
        return False
    if _BENDS.fullmatch(word):
        return len(one.given) == 1 and one.made[0] is not value and torch.equal(one.made[0], value)
    # the mean of all places, as pooling takes it
    is_pooled = word == "mean" and value.dim() == 4 and one.made[0].numel() == value[:, :, 0, 0].numel()
    return is_pooled or _HANDS_ON.fullmatch(word) is not None


def _meet(recorded: Recorded, layers: list[Operation]) -> bool:
    """Whether what two layers made goes into one product: as queries and keys, or values and their gate."""
    own = {one.step.index for one in layers}
    behind: dict[int, set[int]] = {}
    for one in recorded.operations:
        parts = [behind.get(use.step, set()) if use.step is not None else set() for use in one.step.inputs]
        behind[one.step.index] = ({one.step.index} & own).union(*parts)
        word = word_of(one.step.name)
        multiplies = _PRODUCT.fullmatch(word) or word in ("mul", "einsum", "scaled_dot_product_attention", "baddbmm")
        if multiplies and not one.in_loss and len(set(map(frozenset, filter(None, parts)))) > 1:
            return True
    return False


def _are_over_rows(
    recorded: Recorded, first: Operation, second: Operation, users: dict[int, list[Operation | None]]
) -> bool:
    """Whether two layers are linear ones, and rows are mixed before the first or after the second."""
    around = [recorded.maker(value_of(first)), *users.get(id(second.made[0]), [])]
    is_linear = all("conv" not in word_of(one.step.name) for one in (first, second))
    return is_linear and any(one is not None and not is_affine(one) and _mixes_rows(recorded, one) for one in around)


def _mixes_rows(recorded: Recorded, one: Operation) -> bool:
    """Whether a step multiplies rows, from the left, by a matrix that no parameter goes into."""
    if not _PRODUCT.fullmatch(word_of(one.step.name)) or len(one.given) != 2 or one.given[0].requires_grad:
        return False
    weights = {name for each in recorded.operations for name in each.step.parameters}
    return min(one.given[0].dim(), one.given[1].dim()) > 1 and not roots(recorded, one, 0) & weights


def pairs_of_affine_network(recorded: Recorded) -> Iterator[tuple[Operation, Operation]]:
    """Give the layers of which one takes what comes of the other, where the one output is affine from end to end."""
    output = recorded.outputs
    last = recorded.maker(output) if isinstance(output, Tensor) else None
    steps = [one for one in ancestors(recorded, last) if one.step.kind == "operation"] if last is not None else []
    if not all(is_affine(one) or _is_linear(one) for one in steps):
        return
    layers = [one for one in steps if is_affine(one)]
    for second in layers:
        before = set(map(id, ancestors(recorded, second))) - {id(second)}
        yield from ((first, second) for first in layers if id(first) in before)


def _is_linear(one: Operation) -> bool:
    """Whether a step is linear in all that it is given, joined or mixed as it may be."""
    word = word_of(one.step.name)
    if word in ("add", "radd", "sub", "rsub") or _JOINS.fullmatch(word):
        return True
    return bool(one.given) and _hands_on(one, one.given[0])


__all__ = ["followers", "is_affine", "pairs_of_affine_network", "users_of", "value_of", "weight_of"]
