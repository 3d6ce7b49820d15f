"""In which order labels come, and whether each class of a stream does in one stretch although it is drawn anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, IterableDataset

from nbinspect.records import CheckResult, Floats
from nbinspect.sanity.batches import reading
from nbinspect.sanity.check import failed, measured
from nbinspect.sanity.evidence.data.scan import Scan
from nbinspect.sanity.program import Program

_CLASSES = 3
_AT_ONCE = 1.5
_CENTRAL = 0.9
_EPISODES, _IN_ORDER = 8, 0.8


def labels_in_order(scan: Scan) -> Floats | None:
    """Return labels in the order of the loader, of a sample of them where only that is known.

    Of a stream whose classes come back, or whose batches hold several each in no order of classes, the order inside of
    a batch is left out: it may list its classes on purpose.
    """
    if scan.classes is not None and scan.order is None and not isinstance(scan.loader, list | tuple):
        come_back = (scan.classes[1:] != scan.classes[:-1]).sum() >= len(np.unique(scan.classes))
        if come_back or _are_episodes(scan.by_batch):
            return np.concatenate([*map(np.random.default_rng(0).permutation, scan.by_batch)])
        return scan.classes
    if scan.order is None or scan.is_whole:
        return scan.classes
    if scan.rows is None or not np.isfinite(scan.rows.classes).all():
        return None
    positions = {int(index): place for place, index in enumerate(scan.order.first)}
    known = [(positions[int(index)], row) for row, index in enumerate(scan.rows.indices) if int(index) in positions]
    return scan.rows.classes[[row for _, row in sorted(known)]]


def _are_episodes(batches: Sequence[Floats]) -> bool:
    """Whether batches hold several classes each, and these neither rise nor fall from batch to batch, as if sorted."""
    if len(batches) < _EPISODES or np.median([len(np.unique(labels)) for labels in batches]) < _CLASSES:
        return False
    middles = np.argsort(np.argsort([labels.mean() for labels in batches]))
    return bool(abs(np.corrcoef(middles, np.arange(len(middles)))[0, 1]) < _IN_ORDER)


def classes_apart(labels: Floats, reads_together: Callable[[], bool], most: float = 2 / 3) -> CheckResult | None:
    """Return a failure where an order falls into parts no two of which share a class, as of folders with their own.

    No random order does that, with four samples a class. None where one part has more than `most`, or the model reads
    a batch as one.
    """
    kinds, codes = np.unique(labels, return_inverse=True)
    if not _CLASSES <= len(kinds) <= len(labels) / 4:
        return None
    lasts = len(codes) - 1 - np.unique(codes[::-1], return_index=True)[1]
    ends = np.flatnonzero(np.maximum.accumulate(lasts[codes]) == np.arange(len(codes)))
    sizes = np.diff(ends, prepend=-1)
    if sizes.max() > most * len(codes) or reads_together():
        return None
    seen = len(np.unique(codes[: sizes[0]]))
    return failed(
        f"{len(sizes)} parts without a class in common",
        measured("parts of an epoch no two of which share a class", len(sizes), "1"),
        title="The order of the data carries the label",
        detail=f"Every epoch comes in the same order, and its first {sizes[0]:,} of {len(codes):,} samples have {seen} "
        f"of {len(kinds)} classes, which never come again, as of folders read one after the other: the network forgets "
        "the classes of one part while it learns those of the next.",
        remedy="Give the training loader shuffle=True.",
        code="+ DataLoader(…, shuffle=True)",
    )


@dataclass(frozen=True)
class Stretches:
    """How many classes are under way at a time: one where they are sorted, all where they are mixed."""

    at_once: float
    classes: int


def stretches_of(program: Program, scan: Scan) -> Stretches | None:
    """Return it where hardly more than one class comes at a time, and another epoch has another order.

    As of one folder after the other through a buffer that is far smaller than a folder. A series goes through its
    states in the order of time in each epoch, or comes back to them.
    """
    is_stream = isinstance(scan.loader, DataLoader) and isinstance(scan.loader.dataset, IterableDataset)
    if scan.labels is None or not scan.is_whole or not is_stream:
        return None
    kinds = np.unique(scan.labels)
    at_once = _at_once(scan.labels, kinds)
    if len(kinds) < _CLASSES or at_once >= _AT_ONCE or not _comes_anew(program, scan):
        return None
    return Stretches(at_once, len(kinds))


def _at_once(labels: Floats, kinds: Floats) -> float:
    """Return the stretches that hold the central nine tenths of each class, together, in those of one after another."""
    edges = (1 - _CENTRAL) / 2, (1 + _CENTRAL) / 2
    widths = [np.subtract(*np.quantile(np.flatnonzero(labels == kind), edges[::-1])) for kind in kinds]
    return float(np.sum(widths) / (_CENTRAL * len(labels)))


class _Twice(IterableDataset[Any]):
    """Two epochs of a stream, one after the other."""

    def __init__(self, stream: IterableDataset[Any]) -> None:
        self.stream = stream

    def __iter__(self) -> Iterator[Any]:
        for _ in range(2):
            yield from self.stream


def _comes_anew(program: Program, scan: Scan) -> bool:
    """Whether a second epoch has the very labels of the first, in another order.

    Not so where samples are made anew, as windows of a series with another beginning, or some are left out.
    """
    loader = scan.loader
    twice: Any = DataLoader(
        _Twice(loader.dataset),
        batch_size=loader.batch_size,
        collate_fn=loader.collate_fn,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
    )
    found: list[Floats] = []
    with reading(program.subject, twice, program.limits) as batches:
        for batch in batches:
            if batch.epoch or batch.targets is None or program.limits.left <= 0:
                break
            found.append(batch.targets.detach().cpu().reshape(-1).double().numpy())
    both = np.concatenate(found) if found else np.zeros(0)
    first, second = both[: len(both) // 2], both[len(both) // 2 :]
    are_same = np.array_equal(np.sort(first), np.sort(second))
    return scan.read <= len(first) and are_same and not np.array_equal(first, second)
