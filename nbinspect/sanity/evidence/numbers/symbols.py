"""Batches of bytes that stand for themselves, each known to the model: their arithmetic goes round on purpose."""

from __future__ import annotations

from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.nested import tensors_in
from nbinspect.sanity.evidence.passes.lineage import hands_on, source_of
from nbinspect.sanity.recorded import Operation, Recorded

_BYTES, _MARKS = 256, 8
"""Different bytes, and how many marks there may be besides, as for a beginning and an end."""


def are_bytes(recorded: Recorded) -> bool:
    """Return whether all numbers of a batch, but for masks, are but looked up or predicted among the 256 bytes.

    Differences of bytes, which wrap around, then are as many symbols, of which the bytes come back.
    """
    numbers = [one for _, one in tensors_in(recorded.batch.raw, "batch") if not _is_mask(one)]
    return bool(numbers) and all(_is_of_bytes(recorded, one) for one in numbers)


def _is_mask(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() and bool(((tensor == 0) | (tensor == 1)).all())


def _is_of_bytes(recorded: Recorded, tensor: Tensor) -> bool:
    uses = [one for one in recorded.operations if one.step.kind == "operation" and not hands_on(one)]
    known = [one for one in uses if any(_is_given(recorded, one, at, tensor) for at in range(len(one.given)))]
    return bool(known) and all(0 <= _choices(one) - _BYTES <= _MARKS for one in known)


def _is_given(recorded: Recorded, one: Operation, at: int, tensor: Tensor) -> bool:
    source = source_of(recorded, one, at)
    return source.from_batch and source.tensor is tensor


def _choices(one: Operation) -> int:
    """Return among how many symbols an operation looks up, or compares a prediction; 0 of any other."""
    word, first = word_of(one.step.name), one.given[0]
    if word == "embedding":
        return next((table.shape[0] for table in one.given if table.is_floating_point()), 0)
    if word == "one_hot":
        return one.made[0].shape[-1] if one.made else 0
    return first.shape[1] if word in ("cross_entropy", "nll_loss") and first.dim() > 1 else 0
