"""Columns of a data set as a pandas table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from nbinspect.records import Column

if TYPE_CHECKING:
    import pandas as pd


def to_frame(columns: Iterable[Column]) -> pd.DataFrame:
    """Return the columns as a table with one row a sample; the columns are left unchanged.

    Numbers become float64, classes Categorical with the words as categories, texts strings, flags bool, and indices
    Int64 with <NA> for none.
    """
    import pandas as pd

    frame: pd.DataFrame = pd.DataFrame({column.name: _series(column) for column in columns})
    return frame


def _series(column: Column) -> Any:
    import pandas as pd

    values = column.values
    if column.kind == "class":
        words, first = _distinct(column.words)
        codes = np.append(first, -1)[values]
        return pd.Series(pd.Categorical.from_codes(codes, categories=pd.Index(words, dtype=object)))
    if column.kind == "text":
        return pd.Series(np.array([*column.words, None], dtype=object)[values])
    if column.kind == "index":
        return pd.Series(pd.arrays.IntegerArray(values.astype(np.int64), values < 0))
    return pd.Series(values)


def _distinct(words: tuple[str, ...]) -> tuple[list[str], np.ndarray[Any, np.dtype[np.int64]]]:
    """Return the distinct words and the place of each word among them: two classes may have one name."""
    places: dict[str, int] = {}
    codes = [places.setdefault(word, len(places)) for word in words]
    return list(places), np.array(codes, dtype=np.int64)
