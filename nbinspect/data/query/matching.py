"""Rows of a table that a filter asks for: a language of columns and comparisons, in which no code can be written."""

from __future__ import annotations

import ast
import difflib
import warnings
from typing import TYPE_CHECKING

import numpy as np

from nbinspect.data.query.reading import Table, flags_of
from nbinspect.data.query.source import QueryError, Source, is_plain, spelled, tree_of
from nbinspect.data.query.words import Words
from nbinspect.records.arrays import Flags, Integers

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["QueryError", "rows_matching"]

_NOT_SEARCHED = ("shape", "dtype", "mark")


def rows_matching(frame: pd.DataFrame, query: str) -> Integers:
    """Return the positions of the rows that a query asks for, int64, ascending; the table is left unchanged.

    The query is written as for `DataFrame.query`: ``loss > 1 and label != prediction``, ``label in ["cat", "dog"]``,
    ``text.str.contains("free")``, ``duplicate.notna()``, with backticks around a column's name of several words. It is
    read, never run. A missing value is equal to nothing and differs from everything. Plain words that are no columns
    are looked for in texts, labels and predictions; an empty query means all rows.

    Raises:
        QueryError: for what is no such query: what was expected, what came, what to write.
    """
    if not isinstance(query, str):
        raise QueryError(
            f"expected a filter as text, got {type(query).__name__}; write one like 'loss > 1', '' shows all"
        )
    places: dict[str, int] = {}
    for position, name in enumerate(frame.columns):
        places.setdefault(str(name), position)
    if not query.strip():
        return np.arange(len(frame))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of escapes in the user's own strings, which are no mistake in a filter
        if is_plain(query, places):
            return np.flatnonzero(_found(Table(frame, places, Source(query, "", ())), query.strip()))
        table = Table(frame, places, spelled(query, places))
        tree = tree_of(table.source)
        if isinstance(tree, ast.Constant) and isinstance(tree.value, str):
            return np.flatnonzero(_found(table, tree.value))
        return np.flatnonzero(flags_of(tree, table))


def _found(table: Table, phrase: str) -> Flags:
    """Return the rows with a phrase in their text, label or prediction, in upper or lower case."""
    found = np.zeros(len(table.frame), np.bool_)
    sought = phrase.casefold()
    for name in table.places:
        if name not in _NOT_SEARCHED:
            words = table.column(name)
            if isinstance(words, Words):
                found |= words.flags(lambda word: sought in word.casefold())
    near = difflib.get_close_matches(phrase, table.places, n=1)
    if near and phrase.isidentifier() and not found.any():
        raise QueryError(f"expected a column or a word of the data, got {phrase!r}; did you mean {near[0]}?")
    return found
