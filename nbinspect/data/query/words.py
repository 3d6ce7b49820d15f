"""Words of all rows, stored once each: compared, searched and changed without a look at every row."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nbinspect.data.query.source import QueryError
from nbinspect.records.arrays import Flags, Floats, Integers

if TYPE_CHECKING:
    import pandas as pd

_LONGEST_PATTERN = 200
_MOST_REPEATS = 3


@dataclass(frozen=True, eq=False)
class Words:
    """A column of words."""

    codes: Integers
    """(N,) places in `words`, −1 for none."""
    words: tuple[str, ...]

    def flags(self, test: Callable[[str], bool]) -> Flags:
        """Return (N,) whether the word of a row passes; a row without a word does not."""
        return np.array([*(test(word) for word in self.words), False], dtype=np.bool_)[self.codes]

    def numbers(self, value: Callable[[str], float]) -> Floats:
        """Return (N,) float64 of the words, NaN for none."""
        return np.array([*(value(word) for word in self.words), np.nan])[self.codes]

    def changed(self, change: Callable[[str], str]) -> Words:
        """Return the words changed one by one."""
        return Words(self.codes, tuple(map(change, self.words)))

    def equal(self, other: Words) -> Flags:
        """Return (N,) whether two columns have the same word in a row; none is equal to nothing."""
        places: dict[str, int] = {}
        ours, theirs = (
            np.array([*(places.setdefault(word, len(places)) for word in side.words), -1])[side.codes]
            for side in (self, other)
        )
        return np.asarray((ours == theirs) & (ours >= 0))


def words_of(series: pd.Series[Any]) -> Words:
    """Return the words of a column that holds no numbers."""
    import pandas as pd

    if isinstance(series.dtype, pd.CategoricalDtype):
        return Words(np.asarray(series.cat.codes, dtype=np.int64), tuple(map(str, series.cat.categories)))
    codes, words = pd.factorize(series)
    return Words(np.asarray(codes, dtype=np.int64), tuple(map(str, words)))


def as_numbers(words: Words) -> Floats | None:
    """Return (N,) the words read as numbers, NaN where one is none; None where no word is a number."""

    def value(word: str) -> float:
        try:
            return float(word)
        except ValueError:
            return float("nan")

    found = words.numbers(value)
    return found if np.isfinite([value(word) for word in words.words]).any() or not words.words else None


def pattern_of(text: str, *, regex: bool, case: bool) -> re.Pattern[str]:
    """Return what to search for, as pandas understands it.

    Raises:
        QueryError: for a pattern that is none, or that could take for ever on some text.
    """
    if not regex:
        return re.compile(re.escape(text), 0 if case else re.IGNORECASE)
    bare = re.sub(r"\\.|\[\^?\]?[^\]]*\]", "x", text, flags=re.DOTALL)
    slow = re.search(r"\)\s*[*+?{]", bare) or len(re.findall(r"[*+{]", bare)) > _MOST_REPEATS
    if slow or len(text) > _LONGEST_PATTERN:
        raise QueryError(
            f"expected a simple pattern, got {text[:60]!r}, which could take for ever on some texts; write a pattern "
            f"with at most {_MOST_REPEATS} repeats (* + {{}}), no repeated group, and at most {_LONGEST_PATTERN} "
            "characters, or add regex=False"
        )
    try:
        return re.compile(text, 0 if case else re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise QueryError(f"expected a regular expression, got {text!r}: {error}; or add regex=False") from None
