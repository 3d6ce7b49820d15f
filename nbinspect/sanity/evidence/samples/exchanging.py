"""Batches in which one sample is replaced by another one: its content alone, or what goes with it too."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.evidence.data.contents import contents, sample_axis


def exchanged(part: Batch, batch: Batch, sample: int) -> Batch:
    """Return the samples with the content of one replaced by that of another one of the batch.

    Raises:
        MissingNeed: if there is no content that differs.
    """
    given = _by_sample(contents(batch), batch)
    other = next(_others(part, batch, sample, given), None)
    if other is not None:
        rows = {name: _row(tensor, batch, other) for name, tensor in given.items()}
    else:
        rows = {name: _row(tensor, batch, sample) for name, tensor in given.items()}
        rows = {name: row + torch.randn_like(row) for name, row in rows.items() if row.is_floating_point()}
    return _with_rows(part, batch, sample, rows)


def exchanged_whole(part: Batch, batch: Batch, sample: int) -> Batch:
    """Return the samples with one replaced by another of the batch, of another mask or length, which go with it.

    The other leaves the longest of all, and the shortest, as long as they were, for a model may cut all to these: how
    that changes outputs is for padding to tell. Where none does, the content alone is replaced.

    Raises:
        MissingNeed: if no masks or lengths differ.
    """
    own, inner = dict(batch.inputs), contents(batch)
    given = _by_sample(own, batch)
    beside = {name: tensor for name, tensor in given.items() if name not in inner}
    others = list(_others(part, batch, sample, beside))
    if not others:
        raise MissingNeed("masks or lengths that differ")
    for other in others:
        whole = _with_rows(part, batch, sample, {name: _row(tensor, batch, other) for name, tensor in given.items()})
        if all(_reach_as_far(part, whole, name, sample_axis(tensor, batch) or 0) for name, tensor in beside.items()):
            return whole
    return exchanged(part, batch, sample)


def _reach_as_far(part: Batch, whole: Batch, name: str, axis: int) -> bool:
    """Whether an input of two batches has the same least and greatest values, place by place, over all samples."""
    one, other = (dict(batch.inputs)[name].detach() for batch in (part, whole))
    return all(torch.equal(end(one, axis), end(other, axis)) for end in (torch.amin, torch.amax))


def _by_sample(own: dict[str, Tensor], batch: Batch) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in own.items() if sample_axis(tensor, batch) is not None}


def _others(part: Batch, batch: Batch, sample: int, given: dict[str, Tensor]) -> Iterator[int]:
    """Give the samples that differ from one in what is given, those first that are not among the part."""
    own = {name: _row(tensor, batch, sample) for name, tensor in given.items()}
    for turn in (*range(part.size, batch.size), *range(1, part.size)):
        other = (sample + turn) % batch.size
        if any(not torch.equal(_row(tensor, batch, other), own[name]) for name, tensor in given.items()):
            yield other


def _with_rows(part: Batch, batch: Batch, sample: int, rows: dict[str, Tensor]) -> Batch:
    if not rows:
        raise MissingNeed("samples that differ")
    inputs, own = dict(batch.inputs), dict(part.inputs)
    others = {}
    for name, row in rows.items():
        axis = sample_axis(inputs[name], batch) or 0
        others[name] = own[name].detach().clone()
        others[name].narrow(axis, sample, 1).copy_(row)  # not every dtype has index_copy
    return part.with_inputs(others)


def _row(tensor: Tensor, batch: Batch, sample: int) -> Tensor:
    return tensor.detach().narrow(sample_axis(tensor, batch) or 0, sample, 1)
