"""Weights of a sum over one axis that were made by a softmax over another, of one element: all of them are 1."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.sanity.evidence.passes.graph import function_of
from nbinspect.sanity.recorded import Operation, Recorded

_SAME = re.compile(r"transpose|permute|movedim|swapaxes|squeeze|unsqueeze|expand|expand_as|view|reshape|contiguous|to"
                   r"|float|alpha_dropout|dropout|getitem|clone|t|mt")  # fmt: skip
_PRODUCTS = re.compile(r"matmul|bmm|rmatmul|baddbmm")


def lone_weights(recorded: Recorded) -> dict[Operation, int]:
    """Return the softmaxes over one element whose results weigh the elements of a sum, with how many these are.

    Scores of one step, one memory or one class have such an axis too; what they weigh is summed over that very axis.
    """
    origin: dict[int, Operation] = {}
    products: dict[int, tuple[Operation, Tensor]] = {}
    found: dict[Operation, int] = {}
    for one in recorded.operations:
        if one.step.kind != "operation" or one.in_loss or len(one.made) != 1:
            continue
        word, made = word_of(one.step.name), one.made[0]
        if _is_over_one(made):
            origin[id(made)] = one
        for tensor in one.given:
            if (softmax := origin.get(id(tensor))) is not None and tensor is not made:
                if _SAME.fullmatch(word):
                    origin[id(made)] = softmax
                elif word in ("mul", "multiply", "rmul"):
                    products[id(made)] = softmax, tensor
                elif (count := _contracted(word, one, tensor)) > 1:
                    found.setdefault(softmax, count)
            if word == "sum" and id(tensor) in products:
                softmax, weights = products[id(tensor)]
                count = max(_summed(made, tensor, weights), default=1)
                if count > 1:
                    found.setdefault(softmax, count)
    return found


def _is_over_one(made: Tensor) -> bool:
    node = function_of(made)
    return type(node).__name__ == "SoftmaxBackward0" and made.dim() > 1 and made.shape[_axes(node, made)[0]] == 1


def _axes(node: Any, of: Tensor) -> tuple[int, ...]:
    """Return the axes that a node of the graph works along, counted from 0."""
    given = getattr(node, "_saved_dim", ())
    signed = (axis - 2**64 if axis >= 2**63 else axis for axis in ((given,) if isinstance(given, int) else given))
    return tuple(axis % of.dim() for axis in signed)


def _summed(made: Tensor, product: Tensor, weights: Tensor) -> Iterator[int]:
    """Give over how many of its elements a product with weights was summed, along each of the sum's axes."""
    node = function_of(made)
    for axis in _axes(node, product) if type(node).__name__ == "SumBackward1" else ():
        at = axis - product.dim() + weights.dim()  # broadcast from the right
        yield weights.shape[at] if at >= 0 else 1


def _contracted(word: str, one: Operation, weights: Tensor) -> int:
    """Return over how many of its elements a product of matrices sums weights."""
    if len(one.given) < 2 or weights.dim() < 2:
        return 1
    if word == "einsum":
        left = list(one.made[0].shape)
        return max((size for size in weights.shape if size not in left), default=1)
    return weights.shape[-1 if weights is one.given[0] else -2] if _PRODUCTS.fullmatch(word) else 1
