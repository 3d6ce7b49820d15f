"""Which samples of a batch can be told apart, and two of them that tell most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from nbinspect.nested import tensors_in
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.evidence.data.contents import contents, relation, sample_axis


def distinct(batch: Batch) -> Batch:
    """Return the batch without samples whose inputs it has already: under other labels these cannot be fitted.

    A batch that cannot be cut is returned as it is, and so is one whose rows belong together.
    """
    rows = rows_in(batch)
    if rows is None or relation(batch):
        return batch
    seen: dict[bytes, int] = {}
    for at, key in enumerate(bytes_of(rows, batch.size)):
        seen.setdefault(key, at)
    if len(seen) == batch.size:
        return batch
    try:
        return batch.taken(sorted(seen.values()))
    except MissingNeed:
        return batch


def two_unlike(batch: Batch) -> Batch | None:
    """Return two samples with unlike targets and inputs as far apart as any such; None where there are no two.

    Rows of a graph, and batches that cannot be cut, have none.
    """
    targets, rows = batch.targets, rows_in(batch)
    axis = None if targets is None else sample_axis(targets, batch)
    if targets is None or rows is None or axis is None or batch.size < 2 or relation(batch):
        return None
    flat = targets.detach().movedim(axis, 0).reshape(batch.size, -1).cpu().double()
    first = int(flat.mean(1).argmin()) if targets.is_floating_point() else 0
    unlike = (flat != flat[first]).any(1)
    if targets.is_floating_point() and bool(unlike.any()):
        far = (flat - flat[first]).abs().sum(1)
        unlike = far == far.max()
    apart = torch.stack([_distances(row, first) for row in rows]).sum(0)
    apart[~unlike] = -1.0
    other = int(apart.argmax())
    if float(apart[other]) <= 0:
        return None
    try:
        return batch.taken([first, other])
    except MissingNeed:
        return None


def rows_in(batch: Batch) -> list[Tensor] | None:
    """Return the inputs that have an entry a sample as (N, …) on the CPU; None where none can be cut."""
    found = []
    for _, tensor in batch.inputs:
        axis = sample_axis(tensor, batch) if tensor.layout is torch.strided else None
        if axis is not None:
            found.append(tensor.detach().movedim(axis, 0).cpu().contiguous())
    found = [tensor.float() if tensor.dtype is torch.bfloat16 else tensor for tensor in found]
    return found or None


def bytes_of(rows: Sequence[Tensor], samples: int) -> Iterator[bytes]:
    """Give the bytes of all inputs of each sample, by which samples are told apart; `rows` are those of `rows_in`."""
    return (b"".join(row[at].numpy().tobytes() for row in rows) for at in range(samples))


def _distances(row: Tensor, first: int) -> Tensor:
    """Return (N,) how far each sample is from one, relative to the largest value; the share that differs of indices."""
    flat = row.reshape(len(row), -1)
    if not flat.is_floating_point():
        return (flat != flat[first]).double().mean(1) if flat.shape[1] else torch.zeros(len(row), dtype=torch.float64)
    values = flat.double().nan_to_num()
    return (values - values[first]).abs().mean(1) / values.abs().max().clamp_min(1e-30)


def made_alike(batch: Batch) -> Batch | None:
    """Return the batch with the same inputs for every sample: values and indices 0, masks and lengths of the first.

    None where that cannot be done, or the targets would be changed with them. Where the user's `forward` reads the
    whole batch, the targets in it stay, as a leak would have them.
    """
    own = contents(batch)
    reads_all = batch.subject.forward is not None
    kept = {id(tensor) for _, tensor in tensors_in(batch.parts.targets, "")} if reads_all else set()
    others: dict[str, Tensor] = {}
    for name, tensor in batch.inputs:
        if id(tensor) in kept:
            continue
        axis = sample_axis(tensor, batch)
        if tensor.layout is not torch.strided:
            return None
        if name in own:
            others[name] = torch.zeros_like(tensor)
        elif axis is not None:
            others[name] = tensor.narrow(axis, 0, 1).expand_as(tensor).clone()
    if not others:
        return None
    made = batch.with_inputs(others)
    for was, now in ((batch.parts.targets, made.parts.targets), (_given_targets(batch), _given_targets(made))):
        pairs = zip(tensors_in(was, ""), tensors_in(now, ""), strict=True)
        if not all(torch.equal(one, other) for (_, one), (_, other) in pairs):
            return None
    return made


def _given_targets(batch: Batch) -> Any:
    """Return the targets that a model is called with, which computes its own loss."""
    name = batch.parts.target_name
    return None if batch.parts.whole is None or name is None else dict(batch.parts.whole).get(name)
