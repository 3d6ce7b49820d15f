"""What a person says of samples, and how it stays with them when the data is scanned again."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nbinspect.errors import InputError
from nbinspect.records import Column, DatasetRecord
from nbinspect.records.arrays import Flags, Integers

MARKS = ("suspicious", "excluded")

Marked: TypeAlias = NDArray[np.int32]
"""(N,): a place in `MARKS` of each row, −1 for none."""


def unmarked(count: int) -> Marked:
    """Return no mark for each of so many rows."""
    return np.full(count, -1, dtype=np.int32)


def mark_code(mark: object) -> int:
    """Return the place of a mark in `MARKS`; −1 for None, which takes a mark away.

    Raises:
        InputError: for another word.
    """
    if mark is None:
        return -1
    if mark not in MARKS:
        raise InputError(f"mark: expected {' or '.join(map(repr, MARKS))}, or None to take a mark away, got {mark!r}")
    return MARKS.index(str(mark))


def mark_column(marked: Marked) -> Column:
    """Return the marks as a column that can be asked for in a query."""
    return Column("mark", "class", marked, "mark", MARKS, help="what you marked this sample as")


def carried(marked: Marked, before: DatasetRecord, now: DatasetRecord) -> tuple[Marked, int]:
    """Return the marks of a record on the rows of a later one, and how many fell away."""
    kept, rows = unmarked(now.rows), np.flatnonzero(marked >= 0)
    places, same = found_again(rows, before, now)
    kept[places] = marked[rows[same]]
    return kept, int((~same).sum())


def found_again(rows: Integers, before: DatasetRecord, now: DatasetRecord) -> tuple[Integers, Flags]:
    """Return the rows that samples have in a later record, and of which samples: those that hold what they held.

    A sample is told by its index in the data set and by what that holds, where this is known.
    """
    if not len(rows) or not now.rows:
        return np.zeros(0, np.int64), np.zeros(len(rows), np.bool_)
    old, new = before.columns[0].values, now.columns[0].values
    order = np.argsort(new, kind="stable")
    places = order[np.searchsorted(new[order], old[rows]).clip(max=now.rows - 1)]
    same = new[places] == old[rows]
    if len(before.input_hashes) == before.rows and len(now.input_hashes) == now.rows:
        same &= before.input_hashes[rows] == now.input_hashes[places]
    return places[same], same
