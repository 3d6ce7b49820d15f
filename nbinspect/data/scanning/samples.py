"""Samples fetched again by their indices, and decoded as a batch is; the network is not run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from nbinspect.calling import entering, split_batch
from nbinspect.capture.batch import CapturedBatch, build, samples_first
from nbinspect.capture.door import Visit
from nbinspect.data.table.cells import cells_of
from nbinspect.decode.batch import decode_batch
from nbinspect.errors import LoaderError
from nbinspect.evaluation.samples import joined, size_of
from nbinspect.nested import packed_in, tensors_in
from nbinspect.records import DatasetRecord, DecodedBatch, Labels, Origin
from nbinspect.records.arrays import Integers
from nbinspect.subject import Subject

if TYPE_CHECKING:
    from nbinspect.data.loading.reading import Read

_NOT_APART = "what enters the network cannot be told apart by sample"
MOST = 64
"""Samples of one preview."""


@dataclass(frozen=True, eq=False)
class Preview:
    """Samples to look at."""

    batch: DecodedBatch | None
    """Without predictions; None where no sample could be read, or told apart from the others."""
    indices: tuple[int, ...]
    """Of the samples in the batch, in its order."""
    errors: dict[int, str]
    """Why a sample could not be read, by its index."""


@dataclass(frozen=True)
class _Entered:
    """A group of samples as the network would get it."""

    size: int
    inputs: dict[str, Tensor]
    targets: Any
    target_name: str


def loader_of(subject: Subject, split: Literal["train", "validation"]) -> Any:
    """Return the loader of a split.

    Raises:
        LoaderError: if there is none.
    """
    loader = subject.loader if split == "train" else subject.val_loader
    if loader is None:
        which = "loader" if split == "train" else "validation loader"
        raise LoaderError(f"there is no {which}: give Inspector(model, loader, …, val_loader=…)")
    return loader


def preview(subject: Subject, split: Literal["train", "validation"], indices: Sequence[int]) -> Preview:
    """Fetch samples of a split, as the network gets them, and decode them; all is left unchanged.

    Raises:
        LoaderError: if the loader tells no indices of its samples, as a stream, or there is none.
    """
    from nbinspect.data.loading.reading import fetch

    reads = list(fetch(subject, loader_of(subject, split), indices))
    errors = {failure.index: failure.error for read in reads for failure in read.failures}
    groups = [(tuple(read.indices.tolist()), _entered(subject, read)) for read in reads if len(read.indices)]
    if not groups:
        return Preview(None, (), errors)
    read_indices = tuple(index for own, _ in groups for index in own)
    captured = _captured(subject, split, [group for _, group in groups], read_indices)
    if captured.record.size != len(read_indices):
        return Preview(None, (), errors | dict.fromkeys(read_indices, _NOT_APART))
    return Preview(decode_batch(captured, subject), read_indices, errors)


def with_model_columns(batch: DecodedBatch, record: DatasetRecord, rows: Integers) -> DecodedBatch:
    """Return a batch of these rows with the predictions, correctness and losses that the record has of them."""
    predicted, correct, loss = (record.column(name) for name in ("prediction", "correct", "loss"))
    if predicted is not None:
        kind: Literal["class", "regression", "other"] = "class" if predicted.kind == "class" else "other"
        text = tuple(cells_of(predicted, rows))
        values = predicted.values[rows].astype(np.float64)
        batch = replace(batch, predictions=Labels("prediction", kind, text, values, ()))
    if correct is not None:
        batch = replace(batch, correct=np.nan_to_num(correct.values[rows].astype(np.float64), nan=-1).astype(np.int8))
    return batch if loss is None else replace(batch, losses=loss.values[rows])


def _entered(subject: Subject, read: Read) -> _Entered:
    """Return what would enter the network, the samples along the first axis."""
    parts = split_batch(subject, read.value)
    goals = {id(tensor) for _, tensor in tensors_in(parts.targets, "")}
    size = size_of(subject, read.value)

    # a packed sequence of one sample is its steps
    alone = {id(packed.data) for packed in packed_in(parts.inputs) if int(packed.batch_sizes[0]) == 1}
    entered = {
        name: each.unsqueeze(0) if id(each) in alone else each
        for name, each in entering(subject, read.value, parts)
        if id(each) not in goals
    }
    inputs, targets = (samples_first(value, size, subject.batch_axis) for value in (entered, parts.targets))
    return _Entered(len(read.indices), inputs, targets, parts.target_name)


def _captured(
    subject: Subject, split: Literal["train", "validation"], groups: Sequence[_Entered], indices: tuple[int, ...]
) -> CapturedBatch:
    first = groups[0]
    names = [name for name in first.inputs if all(name in group.inputs for group in groups)]
    sizes = [group.size for group in groups]
    arguments = {name: _as_one([group.inputs[name] for group in groups], sizes) for name in names}
    seen = Visit("", arguments, subject.network.training, None, torch.is_grad_enabled())
    origin = Origin(type(subject.network).__name__, split, "probe", None)
    targets = _targets_as_one([group.targets for group in groups], sizes)
    return build(seen, targets, first.target_name, origin=origin, indices=indices)


def _as_one(tensors: Sequence[Tensor], sizes: Sequence[int]) -> Tensor | list[Tensor]:
    """Return groups of samples as one tensor, or as a list of samples where their shapes differ."""
    if any(not tensor.dim() or len(tensor) != size for tensor, size in zip(tensors, sizes, strict=True)):
        return tensors[0]  # no samples along it
    if len({(tensor.shape[1:], tensor.dtype) for tensor in tensors}) == 1:
        return torch.cat(list(tensors))
    return [sample for tensor in tensors for sample in tensor]


def _targets_as_one(targets: Sequence[Any], sizes: Sequence[int]) -> Any:
    if all(isinstance(target, Tensor) for target in targets):
        return _as_one(targets, sizes)
    if all(isinstance(target, np.ndarray) for target in targets):
        return np.concatenate(targets)
    try:
        return joined(targets, sizes)
    except (RuntimeError, ValueError):  # parts of different shapes: the decoder says what it makes of the first group
        return targets[0]
