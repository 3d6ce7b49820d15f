"""Whether samples keep their own labels where they are put together, whatever order they come in."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, default_collate

from nbinspect.records import Chart, CheckResult, Integers, Measurement
from nbinspect.sanity.batches import Batch, reading
from nbinspect.sanity.check import MissingNeed, failed, measured
from nbinspect.sanity.evidence.data.order import order_of
from nbinspect.sanity.evidence.data.scan import picked
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.fitting.samples import bytes_of, rows_in

_SAMPLES, _SECONDS = 128, 5.0
_FEWEST, _PARTED = 20, 5


@dataclass(frozen=True)
class Collated:
    """What came of reading the same batches with their samples in the order of the loader and in the reverse."""

    samples: int
    """How many came in both, with inputs that no other of the batch has."""
    parted: int
    """How many of them had one label in the one and another in the other."""


def parted_by_collating(program: Program) -> Collated | None:
    """Return how many samples have another label when their batch is put together in the reverse order.

    None where none is known to have, as where a batch has other labels than its samples have each alone: places in the
    batch, or draws.
    """
    loader: Any = program.subject.loader
    order = order_of(loader)
    if order is None or not isinstance(loader, DataLoader) or not 2 <= order.batch_size <= _SAMPLES:
        return None
    if loader.collate_fn is default_collate and not hasattr(loader.dataset, "__getitems__"):
        return None  # both keep the order
    size = order.batch_size
    many = min(_SAMPLES, len(order.first)) // size
    groups = [order.first[size * number : size * (number + 1)] for number in range(many)]
    until = time.monotonic() + min(_SECONDS, program.limits.left / 10)
    try:
        turned = _read(program, loader, [part for group in groups for part in (group, group[::-1])], size, until)
        alone = _read(program, loader, groups, 1, until)
    except MissingNeed:  # a collate function may need several samples
        return None
    count = min(len(turned) // 2, len(alone) // size)
    compared = parted = 0
    for number in range(count):
        one, other = (_labelled(batch) for batch in turned[2 * number : 2 * number + 2])
        singles = [_labels(batch) for batch in alone[size * number : size * (number + 1)]]
        own = Counter(label for labels in singles for label in labels or [])
        if one is None or other is None or not own == one[1] == other[1]:
            return None
        both = one[0].keys() & other[0].keys()
        compared += len(both)
        parted += sum(one[0][key] != other[0][key] for key in both)
    return Collated(compared, parted) if compared >= _FEWEST and parted >= _PARTED else None


def _read(program: Program, loader: DataLoader[Any], groups: list[Integers], size: int, until: float) -> list[Batch]:
    found: list[Batch] = []
    if not groups:
        return found
    with reading(program.subject, picked(loader, np.concatenate(groups), size), program.limits) as batches:
        for batch in batches:
            if batch.epoch or time.monotonic() > until:
                break
            found.append(batch)
    return found


def _labels(batch: Batch) -> list[float] | None:
    """Return the labels of a batch; None unless they are one number for each sample."""
    targets = batch.targets
    if targets is None or not batch.size or targets.numel() != batch.size or targets.is_complex():
        return None
    return [float(label) for label in targets.detach().reshape(-1).cpu()]


def _labelled(batch: Batch) -> tuple[dict[bytes, float], Counter[float]] | None:
    """Return the label of each sample by its inputs, which no other has, and how often each label is there."""
    labels, rows = _labels(batch), rows_in(batch)
    if labels is None or rows is None:
        return None
    keys = list(bytes_of(rows, batch.size))
    often = Counter(keys)
    pairs = zip(keys, labels, strict=True)
    return {key: label for key, label in pairs if often[key] == 1}, Counter(labels)


def of_parted_labels(found: Collated, shown: Measurement, charts: tuple[Chart, ...]) -> CheckResult:
    """Say that inputs of a batch are put into another order than their labels."""
    return failed(
        "inputs of a batch are put into another order than their labels",
        shown,
        measured(
            "samples with another label when their batch is put together in the reverse order",
            f"{found.parted} of {found.samples}",
            "0",
        ),
        title="Batches are put together with the labels of other samples",
        detail=f"Of {found.samples} samples, {found.parted} have another label when the very same batch is put "
        "together in the reverse order, though the labels of a batch are together those of its samples: inputs are "
        "sorted or moved without them.",
        remedy="In collate_fn sort whole samples, inputs and label together, before anything is stacked.",
        where="loader",
        charts=charts,
        confirmed=True,
    )
