"""A table as CSV that may be opened in a spreadsheet: no word of the data is a formula there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_BEGINS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def to_csv(table: pd.DataFrame) -> str:
    """Return a table as CSV; words that a spreadsheet would run have an apostrophe before them, numbers do not.

    Lines end as on Unix, and halves of characters, which no file can hold, are written out. The table is left
    unchanged.
    """
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    written = table.copy(deep=False)
    for place, dtype in enumerate(table.dtypes):
        if not (is_numeric_dtype(dtype) or is_bool_dtype(dtype)):
            written.isetitem(place, table.iloc[:, place].astype(object).map(_harmless, na_action="ignore"))
    written.columns = written.columns.map(_harmless)
    text: str = written.to_csv(index=False)
    return text


def _harmless(word: Any) -> Any:
    if not isinstance(word, str):
        return word
    # a carriage return alone is not quoted, and begins a new cell
    whole = word.encode("utf-8", "backslashreplace").decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    begun = whole.lstrip()
    return f"'{whole}" if begun.startswith(_BEGINS) and not _is_number(begun) else whole


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
