"""Batches of which each index that was read has its own sample; others are refused where they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from nbinspect.calling import split_batch
from nbinspect.data.findings.found import samples
from nbinspect.data.loading.guarded import count_of
from nbinspect.records import Integers
from nbinspect.subject import Subject


@dataclass(frozen=True, eq=False)
class Counted:
    """Work of a `Reader`: gives a batch on that has a sample for each index, so that others are read one by one."""

    subject: Subject
    """Without its network, which need not travel."""

    @classmethod
    def of(cls, subject: Subject) -> Counted:
        """Return the work for batches of a subject."""
        return cls(Subject(nn.Identity(), split=subject.split, batch_axis=subject.batch_axis))

    def __call__(self, batch: Any, indices: Integers) -> Any:
        """Return the batch, unchanged.

        Raises:
            ValueError: where its targets and its inputs both have another number of entries than there are indices.
        """
        parts, size, axis = split_batch(self.subject, batch), len(indices), self.subject.batch_axis
        told = [each for part in (parts.targets, parts.inputs) if (each := _entries(part, axis)) is not None]
        if told and size not in (*told, count_of(self.subject, batch)):
            raise ValueError(
                f"the batch that the loader's collation makes of {samples(size)} has {told[0]:,} entries, not one for "
                f"each, so it cannot be told which is which"
            )
        return batch


def _entries(part: Any, axis: int) -> int | None:
    """How many samples a part of a batch has, as far as its form tells."""
    if isinstance(part, PackedSequence):
        return int(part.batch_sizes[0])
    if isinstance(part, Tensor | np.ndarray):
        return int(part.shape[axis if part.ndim > axis else 0]) if part.ndim else None
    return len(part) if isinstance(part, list | tuple) and part else None
