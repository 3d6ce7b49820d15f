"""Whether labels belong to the row before or after theirs, as where a file was read from one line further on."""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import log, sqrt
from typing import Any

import numpy as np
from torch.utils.data import DataLoader

from nbinspect.records import Chart, CheckResult, Floats, Integers, Measurement
from nbinspect.sanity.batches import reading
from nbinspect.sanity.check import failed, measured
from nbinspect.sanity.evidence.data.features import features_of, parts_of
from nbinspect.sanity.evidence.data.order import order_of, origin_of
from nbinspect.sanity.evidence.data.scan import is_binary, picked
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.labels.simple_link import ridge_strength

_MOST, _LEAST, _SECONDS = 1000, 150, 10.0
_UNKNOWN, _CLEAR = 3.0, 8.0
_BEYOND = 1.5
_SAME = 0.99


@dataclass(frozen=True)
class MovedOn:
    """How clearly ridge regression links inputs and labels, in deviations above exchanged ones."""

    by: int
    """Of which row after its own a label is: 1 of the next, -1 of the one before."""
    as_it_is: float
    moved: float
    pairs: int
    """How many rows have both neighbours' places known."""


def moved_on(program: Program) -> MovedOn | None:
    """Return by how much labels have to be moved to belong to their rows; None where that is not clear.

    Rows of a series depend on each other, and a label may be meant to tell of the next one: there it is None as well,
    as where a column of the neighbour is the label.
    """
    read = _in_order(program)
    if read is None:
        return None
    places, x, y, are_classes = read
    first = np.flatnonzero(np.diff(places) == 1)
    if len(first) < _LEAST or not x.shape[1] or not np.isfinite(y).all():
        return None
    here, after = first, first + 1
    if _are_in_a_row(x[here], x[after]) or _are_in_a_row(y[here, None], y[after, None]):
        return None
    as_it_is = ridge_strength(x[here], y[here], are_classes=are_classes)
    if as_it_is > _UNKNOWN:
        return None
    for by, rows, labels in ((1, after, here), (-1, here, after)):
        found = ridge_strength(x[rows], y[labels], are_classes=are_classes)
        if found >= _CLEAR and not np.abs(_correlations(x[rows], y[labels, None])).max() > _SAME:
            return MovedOn(by, as_it_is, found, len(first))
    return None


def _in_order(program: Program) -> tuple[Integers, Floats, Floats, bool] | None:
    """Return the places of rows in the data set, in ascending order, with inputs (N, K) and labels (N,)."""
    loader: Any = program.subject.loader
    order = order_of(loader)
    if order is None or not isinstance(loader, DataLoader):
        return None
    places = origin_of(loader.dataset, order.population)[1]
    sorted_ = np.argsort(places, kind="stable")[:_MOST]
    rows = rows_at(program, order.population[sorted_], order.batch_size)
    return None if rows is None else (places[sorted_][: len(rows[1])], *rows)


def rows_at(program: Program, indices: Integers, size: int) -> tuple[Floats, Floats, bool] | None:
    """Return inputs (N, K) and labels (N,) of samples of the loader's data set, and whether labels are classes.

    The last of them may be missing, where reading takes long. None unless each label is one number.
    """
    features: list[Floats] = []
    labels: list[Floats] = []
    whole, until = True, time.monotonic() + min(_SECONDS, program.limits.left / 5)
    loader: Any = program.subject.loader
    with reading(program.subject, picked(loader, indices, size), program.limits) as batches:
        for batch in batches:
            if batch.epoch or time.monotonic() > until:
                break
            inputs, targets = parts_of(batch)
            if len(targets) != 1 or not batch.size or targets[0][1].numel() != batch.size:
                return None
            target = targets[0][1].detach().cpu()
            whole = whole and not target.is_floating_point() and not target.is_complex()
            labels.append(target.reshape(-1).double().numpy())
            features.append(features_of(inputs, batch))
    if not labels or len({part.shape[1] for part in features}) > 1:
        return None
    x, y = np.concatenate(features), np.concatenate(labels)
    return x, y, whole or is_binary(y)


def _are_in_a_row(here: Floats, after: Floats) -> bool:
    """Whether columns of rows and of the rows after, or how far they are off, go together more than chance has it."""
    mean = here.mean(0)
    highest = max(
        float(np.abs(_correlations(one, other)).max())
        for one, other in ((here, after), (np.abs(here - mean), np.abs(after - mean)))
    )
    # the largest of m normal deviates is about √(2 log m)
    return highest * sqrt(len(here)) > max(_UNKNOWN, sqrt(2 * log(here.shape[1] ** 2)) + _BEYOND)


def _correlations(one: Floats, other: Floats) -> Floats:
    """Return (J, K) the correlations of the columns of two tables; 0 for constant ones."""
    parts = [np.asarray(part, np.float64) - part.mean(0) for part in (one, other)]
    first, second = (part / np.maximum(np.sqrt((part**2).sum(0)), 1e-12) for part in parts)
    return np.asarray(first.T @ second)


def of_moved_labels(found: MovedOn, shown: Measurement, charts: tuple[Chart, ...]) -> CheckResult:
    """Say that each label belongs to a neighbour of its row."""
    which, where = ("next", "further on") if found.by > 0 else ("previous", "further back")
    return failed(
        f"the labels are those of the {which} rows",
        shown,
        measured(f"the same on {found.pairs:,} rows, with ridge regression", found.as_it_is, "far above 3"),
        measured(f"the same with the labels of the {which} rows put right", found.moved, "no higher"),
        title="Every label is that of a neighbouring row",
        detail=f"Ridge regression knows nothing of the labels as they are ({found.as_it_is:.1f} deviations above "
        f"shuffled ones), and much if each is given to the {which} row ({found.moved:.1f}): the labels were read one "
        f"line {where} than the inputs.",
        remedy="Look for a line that was skipped in one file alone: a header, a first or stray entry, a lag.",
        where="loader",
        charts=charts,
        confirmed=True,
    )
