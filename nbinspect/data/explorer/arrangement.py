"""Which rows are shown, and in which order: a query and a brush choose, a column sorts, another one groups."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbinspect.data.explorer.ordering import Group, grouped, ordered
from nbinspect.errors import InputError
from nbinspect.records import Column
from nbinspect.records.arrays import Flags, Integers

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Sort:
    """By which column."""

    column: str
    descending: bool


@dataclass(frozen=True)
class Brush:
    """A part of a histogram: numbers from `low` to `high`, both included, or words."""

    column: str
    low: float | None = None
    high: float | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Arrangement:
    """What is asked for."""

    query: str = ""
    sort: Sort | None = None
    group: str | None = None
    brush: Brush | None = None


@dataclass(frozen=True, eq=False)
class Arranged:
    """The rows that are shown, in their order, and the groups that they form."""

    rows: Integers
    groups: tuple[Group, ...] | None


def arranged(columns: Mapping[str, Column], frame: pd.DataFrame, asked: Arrangement) -> Arranged:
    """Return the rows that are asked for, in order; columns and frame are left unchanged.

    Raises:
        QueryError: for a query that cannot be read, with the place.
        InputError: for a column that there is not, with the nearest one, or one that cannot be grouped by.
    """
    from nbinspect.data.query.matching import rows_matching

    rows = rows_matching(frame, asked.query)
    if asked.brush is not None:
        rows = rows[_brushed(column_of(columns, asked.brush.column), asked.brush)[rows]]
    if asked.sort is not None:
        rows = ordered(column_of(columns, asked.sort.column), rows, descending=asked.sort.descending)
    if asked.group is None:
        return Arranged(rows, None)
    return Arranged(*grouped(column_of(columns, asked.group), rows))


def column_of(columns: Mapping[str, Column], name: object) -> Column:
    """Return the column of this name.

    Raises:
        InputError: if there is none, with the nearest one.
    """
    if isinstance(name, str) and name in columns:
        return columns[name]
    near = difflib.get_close_matches(str(name), list(columns), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(columns)}"
    raise InputError(f"there is no column {name!r}: {hint}")


def _brushed(column: Column, brush: Brush) -> Flags:
    values = column.values
    if column.kind in ("number", "index"):
        low = -np.inf if brush.low is None else brush.low
        high = np.inf if brush.high is None else brush.high
        inside: Flags = (values >= low) & (values <= high)
        return inside & (values >= 0) if column.kind == "index" else inside
    words = ("no", "yes") if column.kind == "flag" else column.words
    brushed = set(brush.words)
    chosen = np.array([*(word in brushed for word in words), False])
    return chosen[values.astype(np.int64)]
