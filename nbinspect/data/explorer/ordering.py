"""The order of rows by a column, and the groups that they fall into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nbinspect.errors import InputError
from nbinspect.records import Column
from nbinspect.records.arrays import Flags, Integers


@dataclass(frozen=True)
class Group:
    """Rows of one word that stand together."""

    word: str
    """Empty where there is none."""
    count: int
    first: int
    """Where in the order the group begins."""


def ordered(column: Column, rows: Integers, *, descending: bool) -> Integers:
    """Return the rows in ascending or descending order of a column, ties as they were and missing values last.

    Classes are in the order of their indices, texts in that of the alphabet. The arguments are left unchanged.
    """
    keys, missing = _keys(column)
    there, away = rows[~missing[rows]], rows[missing[rows]]
    own = keys[there]
    return np.concatenate([there[np.argsort(-own if descending else own, kind="stable")], away])


def grouped(column: Column, rows: Integers) -> tuple[Integers, tuple[Group, ...]]:
    """Return the rows with those of one word together, otherwise in the order that they came in, and the groups.

    Raises:
        InputError: for a column of numbers or indices.
    """
    if column.kind in ("number", "index"):
        raise InputError(
            f"group: expected a column of classes, texts or flags, got {column.name!r}; sort by it instead"
        )
    order = ordered(column, rows, descending=False)
    keys, missing = _keys(column)
    codes = np.where(missing[order], -1, column.values[order])
    own = np.where(missing[order], keys.max(initial=0) + 1, keys[order])
    starts = np.flatnonzero(np.diff(own, prepend=-1))
    counts = np.diff(starts, append=len(order))
    named = zip(codes[starts].tolist(), counts.tolist(), starts.tolist(), strict=True)
    return order, tuple(Group(_word(column, code), count, first) for code, count, first in named)


def _word(column: Column, code: int) -> str:
    if column.kind == "flag":
        return "yes" if code else "no"
    return column.words[code] if code >= 0 else ""


def _keys(column: Column) -> tuple[NDArray[Any], Flags]:
    """Return what each row is sorted by, and whether it has none."""
    values = column.values
    if column.kind == "number":
        return values, np.isnan(values)
    if column.kind == "flag":
        return values.astype(np.int64), np.zeros(len(values), np.bool_)
    if column.kind == "text" and column.words:
        _, ranks = np.unique(np.array(column.words, dtype=object), return_inverse=True)
        return ranks[values], values < 0
    # small integers are sorted in one pass
    return values.astype(np.int16 if len(column.words) < 2**15 > values.max(initial=0) else np.int64), values < 0
