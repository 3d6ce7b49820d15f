"""Whether a collation leaves samples in their order; else a row would be taken for another sample."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import default_collate

from nbinspect.nested import axis_of, fields_of

REORDERED = "the loader's collation changes the order of samples: each was collated alone"
_GROUPS = 8
_TRIED = 8
_PLAIN = (str, bytes, int, float)


class Ordering:
    """Compares the first groups of a loader's collation, and ever fewer, with their samples collated one by one."""

    def __init__(self, collate: Callable[[Any], Any], axis: int) -> None:
        self._collate = collate
        self._axis = axis
        self._asked = 0
        self._told = collate is default_collate
        self._kept = True

    def keeps(self, values: Sequence[Any]) -> bool:
        """Whether samples, which are left unchanged, stay in their order, as far as that could be told until now."""
        if self._told or len(values) < 2:
            return self._kept
        self._asked += 1
        if self._asked <= _GROUPS or not self._asked & (self._asked - 1):  # at 16, 32, 64 …
            try:
                self._told = self._reorders(values)
                self._kept = not self._told
            except Exception:  # noqa: BLE001 - the user's collation may refuse one sample, or need what is gone
                self._told = True
        return self._kept

    def _reorders(self, values: Sequence[Any]) -> bool:
        whole = list(_columns(self._collate(copy.deepcopy(list(values))), len(values), self._axis))
        alone = [list(_columns(self._collate([copy.deepcopy(value)]), 1, self._axis)) for value in values]
        if any(len(columns) != len(whole) for columns in alone):
            return False

        def fits(place: int, row: int) -> bool:
            return all(_agree(own[0], all_[row]) for own, all_ in zip(alone[place], whole, strict=True))

        places = range(len(values))
        wrong = [place for place in places if not fits(place, place)][:_TRIED]
        return bool(wrong) and all(any(fits(place, row) for row in places) for place in wrong)


def _columns(value: Any, size: int, axis: int) -> Iterator[Any]:
    """Give the parts of a batch that have an entry for each sample, samples first."""
    if isinstance(value, Tensor):
        along = axis_of(value, size, axis)
        if along is not None:
            yield value.movedim(along, 0)
    elif isinstance(value, list | tuple) and len(value) == size and all(isinstance(one, _PLAIN) for one in value):
        yield value
    else:
        named = fields_of(value)
        parts = value if isinstance(value, list | tuple) else () if named is None else named.values()
        for part in parts:
            yield from _columns(part, size, axis)


def _agree(own: Any, row: Any) -> bool:
    """Whether a sample that was collated alone is this row of a batch, where it may have been padded at the end."""
    if not isinstance(own, Tensor) or not isinstance(row, Tensor):
        return bool(own == row)
    cut = row[tuple(slice(length) for length in own.shape)] if own.dim() == row.dim() else row
    return cut.shape == own.shape and bool(torch.isclose(own, cut, rtol=0, atol=0, equal_nan=True).all())
