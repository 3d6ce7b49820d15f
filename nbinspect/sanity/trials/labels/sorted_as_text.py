"""Whether labels belong to rows in another order of the same files: as text (1, 10, 2), or by number (1, 2, 10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch.utils.data import DataLoader

from nbinspect.records import Chart, CheckResult, Floats, Integers, Measurement
from nbinspect.sanity.check import failed, measured
from nbinspect.sanity.evidence.data.order import order_of, origin_of
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.labels.moved_on import rows_at
from nbinspect.sanity.trials.labels.simple_link import ridge_strength

_MOST, _LEAST = 600, 150
_CLEAR, _TIMES = 8.0, 3.0


@dataclass(frozen=True)
class SortedAsText:
    """How clearly ridge regression links inputs and labels, in deviations above exchanged ones."""

    what: str
    """What is in the order of text: the inputs or the labels."""
    first: int
    """The number that counting begins with."""
    as_it_is: float
    put_right: float
    pairs: int
    """How many rows that another place belongs to were tried."""


def in_alphabetical_order(program: Program) -> SortedAsText | None:
    """Return which of inputs and labels are in the order of numbers as text, beside the others by number.

    None where simple models do not know the labels of some rows far better once that is put right.
    """
    loader: Any = program.subject.loader
    order = order_of(loader)
    if order is None or not isinstance(loader, DataLoader):
        return None
    data, places = origin_of(loader.dataset, order.population)
    index_at = dict(zip(places.tolist(), order.population.tolist(), strict=True))
    for first in (0, 1):
        found = _tried(program, index_at, text_order(len(data), first), first, order.batch_size)
        if found is not None:
            return found
    return None


def text_order(count: int, first: int) -> Integers:
    """Return at each place which row comes there where the numbers of the rows are sorted as text."""
    return np.array(sorted(range(count), key=lambda number: str(number + first)))


def _tried(program: Program, index_at: dict[int, int], comes: Integers, first: int, size: int) -> SortedAsText | None:
    moved = [place for place in np.flatnonzero(comes != np.arange(len(comes))).tolist() if place in index_at]
    pairs = np.array([(place, comes[place]) for place in moved if int(comes[place]) in index_at])
    if len(pairs) < _LEAST:
        return None
    pairs = np.random.default_rng(0).permutation(pairs)[:_MOST]
    needed = np.unique(pairs)
    rows = rows_at(program, np.array([index_at[place] for place in needed.tolist()]), size)
    if rows is None or not rows[0].shape[1] or not np.isfinite(rows[1]).all():
        return None
    x, y, are_classes = rows
    here, there = np.searchsorted(needed, pairs[np.isin(pairs, needed[: len(y)]).all(1)]).T
    if len(here) < _LEAST:
        return None
    as_it_is = ridge_strength(x[here], y[here], are_classes=are_classes)
    for what, inputs, labels in (("inputs", here, there), ("labels", there, here)):
        found = ridge_strength(x[inputs], y[labels], are_classes=are_classes)
        if found >= _CLEAR and found >= _TIMES * as_it_is:
            by_place = np.argsort(inputs)
            if found >= _TIMES * _with_others(x[inputs][by_place], y[labels][by_place], are_classes=are_classes):
                return SortedAsText(what, first, as_it_is, found, len(here))
    return None


def _with_others(x: Floats, y: Floats, *, are_classes: bool) -> float:
    """Return how clear the link seems with labels of rows near by or far off: in a series or grid the place tells."""
    moved = (np.roll(y, by) for by in (1, -1, len(y) // 4, len(y) // 2))
    return max(ridge_strength(x, one, are_classes=are_classes) for one in moved)


def of_alphabetical_order(found: SortedAsText, shown: Measurement, charts: tuple[Chart, ...]) -> CheckResult:
    """Say that inputs and labels come in two orders of the same numbers."""
    other = "labels" if found.what == "inputs" else "inputs"
    listed = ", ".join(map(str, sorted(range(found.first, found.first + 12), key=str)[:4]))
    return failed(
        f"the {found.what} are sorted by number as text, the {other} by number",
        shown,
        measured(f"the same on {found.pairs:,} rows, with ridge regression", found.as_it_is, "far above 3"),
        measured("the same with both in the order of numbers", found.put_right, "no higher"),
        title="Inputs and labels are sorted in two ways",
        detail=f"Ridge regression knows little of the labels as they are ({found.as_it_is:.1f} deviations above "
        f"shuffled ones), and much if the {found.what} are taken to come in the order of text, {listed}, … "
        f"({found.put_right:.1f}): names of files were sorted as text, and the {other} by number.",
        remedy="Look up each label by the name of its file, or sort both by the same key: key=lambda p: int(p.stem).",
        where="loader",
        charts=charts,
        confirmed=True,
    )
