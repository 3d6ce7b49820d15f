"""Several batches as one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from nbinspect.nested import map_tensors, tensors_in
from nbinspect.sanity.batches import Batch, made_again
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.evidence.data.contents import relation, sample_axis


def joined(batches: Sequence[Batch]) -> Batch:
    """Return several batches as one.

    Raises:
        MissingNeed: if they cannot be joined: packed or ragged, or rows that are no samples of their own.
    """
    first = batches[0]
    columns = [[(tensor, batch) for _, tensor in tensors_in(batch.raw, "")] for batch in batches]
    if relation(first) or isinstance(first.parts.inputs, PackedSequence) or len(set(map(len, columns))) > 1:
        raise MissingNeed("batches that can be joined")
    along = iter(list(zip(*columns, strict=True)))

    def join(_: Tensor) -> Tensor:
        parts = next(along)
        axis = sample_axis(*parts[0])
        return parts[0][0] if axis is None else torch.cat([tensor for tensor, _ in parts], axis)

    try:
        return made_again(first, map_tensors(join, first.raw))
    except (RuntimeError, StopIteration) as error:
        raise MissingNeed("batches that can be joined") from error
