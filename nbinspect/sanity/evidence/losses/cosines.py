"""Logits that are cosines times a number: as large as that number makes them, on purpose, whatever the weights."""

from __future__ import annotations

from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.sanity.evidence.passes.lineage import ancestors
from nbinspect.sanity.recorded import Operation, Recorded
from nbinspect.sanity.task import LossCall

_PRODUCTS = ("linear", "matmul", "mm", "bmm", "einsum", "baddbmm", "addmm")
_CLOSE = 1e-2


def of_cosines(recorded: Recorded, call: LossCall) -> bool:
    """Whether the logits of a loss are made of products of vectors that all have one length."""
    return any(
        one.step.kind == "operation"
        and bool(one.made)
        and one.made[0].numel() == call.outputs.numel()
        and (word_of(one.step.name) == "cosine_similarity" or _are_of_one_length(one))
        for one in ancestors(recorded, call.operation)
    )


def _are_of_one_length(one: Operation) -> bool:
    vectors = [tensor for tensor in one.given if tensor.dim() > 1 and tensor.is_floating_point()]
    return word_of(one.step.name) in _PRODUCTS and len(vectors) > 1 and all(map(_is_of_one_length, vectors))


def _is_of_one_length(tensor: Tensor) -> bool:
    lengths = [tensor.detach().float().norm(dim=axis) for axis in (-1, -2)]
    return any(bool((one.amax() - one.amin()) < _CLOSE * one.amin()) for one in lengths if one.numel() > 1)
