"""NaN and infinities in the arrays that a data set holds, beyond the samples that were read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbinspect.records import Flags
from nbinspect.sanity.batches import Batch, reading
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.evidence.data.columns import Column, Gatherer
from nbinspect.sanity.evidence.data.features import parts_of, samples_first
from nbinspect.sanity.evidence.data.order import origin_of
from nbinspect.sanity.evidence.data.scan import Scan, picked
from nbinspect.sanity.program import Program

_MOST_VALUES = 2**28


@dataclass(frozen=True, eq=False)
class Amiss:
    """A batch with samples whose rows are not finite."""

    batch: Batch
    columns: list[Column]
    part: float
    """What a share of the batch's values is to be multiplied with, to be one of the whole data set's."""


def held_amiss(program: Program, scan: Scan) -> Amiss | None:
    """Return a batch with samples from rows that are not finite, in arrays that hold a row for each sample.

    None where there is no such row, or no such value arrives in the batch. The loader is left undisturbed.
    """
    if scan.is_whole or scan.order is None:
        return None
    population = scan.order.population
    base, indices = origin_of(scan.loader.dataset, population)
    flags = _rows_amiss(base)
    if flags is None or int(indices.max()) >= len(flags) or not flags[indices].any():
        return None
    amiss = population[flags[indices]]
    size = min(max(scan.order.batch_size, 2), len(population))
    chosen = np.concatenate([amiss, population[~flags[indices]]])[:size]
    try:
        with reading(program.subject, picked(scan.loader, chosen, size), program.limits) as batches:
            batch = next(batches)
    except MissingNeed:
        return None
    part = len(chosen) / min(len(amiss), size) * len(amiss) / len(population)
    return Amiss(batch, list(_columns(batch)), part)


def _rows_amiss(base: Any) -> Flags | None:
    """Return (N,) which rows hold a value that is not finite, as their sum is then; None without arrays of N rows."""
    found: Flags | None = None
    for array in _arrays(base):
        rows = array.reshape(len(array), -1)
        with np.errstate(all="ignore"):
            sums = rows.detach().sum(1, dtype=torch.float64).cpu().numpy() if isinstance(rows, Tensor) else rows.sum(1)
        found = ~np.isfinite(sums) if found is None else found | ~np.isfinite(sums)
    return found


def _arrays(base: Any) -> Iterator[Tensor | np.ndarray[Any, Any]]:
    """Give the arrays of quantities, two hundred million values in all, that have a row for each sample."""
    left = _MOST_VALUES
    if not hasattr(base, "__len__"):
        return
    for part in getattr(base, "__dict__", {}).values():
        for one in part if isinstance(part, list | tuple) and len(part) < len(base) else (part,):
            if isinstance(one, np.memmap) or not isinstance(one, Tensor | np.ndarray) or not one.ndim:
                continue
            is_real = torch.is_floating_point(one) if isinstance(one, Tensor) else one.dtype.kind == "f"
            size = one.numel() if isinstance(one, Tensor) else one.size
            dense = not isinstance(one, Tensor) or one.layout is torch.strided
            if is_real and dense and len(one) == len(base) and 0 < size <= left:
                left -= size
                yield one


def _columns(batch: Batch) -> Iterator[Column]:
    inputs, targets = parts_of(batch)
    for name, tensor in (*inputs, *targets):
        gatherer = Gatherer(name, batch.subject.padding_value)
        gatherer.add(samples_first(tensor, batch))
        column = gatherer.column()
        if column is not None:
            yield column
