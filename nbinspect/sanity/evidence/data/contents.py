"""What of a batch is content, what goes with it (masks, lengths), and whether its rows are samples of their own."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from nbinspect.sanity.batches import Batch

_LONG = 6
_RELATIONS = ("edge", "adj", "ptr", "offset", "seqlens", "neighbo")


def contents(batch: Batch) -> dict[str, Tensor]:
    """Return the inputs by name that are no masks and no lengths; all of them where nothing else is left."""
    own = dict(batch.inputs)
    found = {name: tensor for name, tensor in own.items() if not _accompanies(name, tensor, own)}
    return found or own


def sample_axis(tensor: Tensor, batch: Batch) -> int | None:
    """Return the axis of a tensor along which the samples of a batch lie; None where it has none."""
    axes = (axis for axis in (batch.subject.batch_axis, 0) if tensor.dim() > axis)
    return next((axis for axis in axes if batch.size and tensor.shape[axis] == batch.size), None)


def is_mask(name: str, tensor: Tensor) -> bool:
    """Whether an input says by its name or dtype which places of another one count."""
    return tensor.dtype == torch.bool or "mask" in name.lower()


def is_whole(tensor: Tensor) -> bool:
    """Whether the values are whole numbers: indices, tokens, counts."""
    return not (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool)


def are_lengths(tensor: Tensor, others: Iterable[Tensor]) -> bool:
    """Whether a vector may say how long each of the sequences in another tensor is."""
    if tensor.dim() != 1 or not is_whole(tensor) or not tensor.numel() or int(tensor.min()) < 1:
        return False
    longest = int(tensor.max())
    return any(other.dim() > 1 and longest <= max(other.shape[:2]) for other in others)


def relation(batch: Batch) -> str:
    """Return what says that rows of the batch belong together, as nodes of a graph do; empty where nothing does."""
    own = dict(batch.inputs)
    for name, tensor in own.items():
        if relates(name, tensor):
            return f"{name} relates the rows to each other"
        if is_whole(tensor) and tensor.dim() == 2 and 2 in tensor.shape and batch.size not in (2, tensor.shape[0]):
            return f"{name} holds pairs of rows"
        if len(own) > 1 and tensor.dim() > 1 and tensor.squeeze().shape == (batch.size, batch.size):
            return f"{name} relates every row to every other"
        if is_whole(tensor) and tensor.dim() == 1 and len(own) > 1 and _groups(tensor):
            return f"{name} groups the rows"
        if is_whole(tensor) and tensor.dim() == 1 and _moved_on(tensor, batch.targets):
            return f"{name} is one sequence, whose next element is the target of each"
    return "" if batch.indices is None or len(batch.indices) == batch.size else _of_other_size(batch)


def relates(name: str, tensor: Tensor) -> bool:
    """Whether an input says by its name or layout which rows belong together."""
    return tensor.layout is not torch.strided or any(word in name.lower() for word in _RELATIONS)


def _of_other_size(batch: Batch) -> str:
    return f"the loader draws {len(batch.indices or ())} samples, and the tensors have {batch.size} rows: batch_axis=…?"


def _moved_on(tensor: Tensor, targets: Tensor | None) -> bool:
    """Whether the targets of a vector of whole numbers are the same, moved on by one, as those of one text are."""
    if targets is None or targets.shape != tensor.shape or len(tensor) < _LONG or not is_whole(targets):
        return False
    return bool((targets[:-1] == tensor[1:]).all()) and bool((tensor != tensor[0]).any())


def _groups(tensor: Tensor) -> bool:
    """Whether a vector counts up from 0, as the graph of each node does, or the place where each bag begins."""
    steps = tensor.diff()
    return tensor.numel() > 2 and int(tensor[0]) == 0 and bool((steps >= 0).all()) and bool(steps.any())


def _accompanies(name: str, tensor: Tensor, own: dict[str, Tensor]) -> bool:
    if is_mask(name, tensor):
        return True
    if not is_whole(tensor):
        return False
    if are_lengths(tensor, (other for key, other in own.items() if key != name)):
        return True
    return tensor.dim() > 1 and bool(((tensor == 0) | (tensor == 1)).all())
