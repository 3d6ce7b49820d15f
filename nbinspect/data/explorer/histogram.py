"""How the values of a column are spread: over all samples, over those that are shown, and in the other split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nbinspect.records import Column
from nbinspect.records.arrays import Floats, Integers

_BINS = 40
_WORDS = 200
_EXACT = 2**50
"""Below it there are numbers between two whole ones."""
_FLAGS = ("no", "yes")


@dataclass(frozen=True, eq=False)
class Bins:
    """What is counted: stretches of numbers between K + 1 edges, or K words."""

    column: str
    kind: Literal["number", "class"]
    edges: Floats
    """(K + 1,) float64, each stretch without its end but the last; (0,) of words."""
    words: tuple[str, ...]
    more: int = 0
    """Words that are left out, the rarest ones."""


def bins_of(column: Column, other: Column | None = None) -> Bins:
    """Return what to count of a column and of the same one in another split; at most 40 stretches or 200 words.

    Whole numbers within a small range have a stretch each.
    """
    if column.kind in ("number", "index"):
        both = [_numbers(each) for each in (column, other) if each is not None]
        return Bins(column.name, "number", _edges(np.concatenate(both)), ())
    words = _words(column)
    counts = dict.fromkeys(words, 0)
    for each in (column, other):
        if each is not None:
            codes = each.values.astype(np.int64)
            tally = np.bincount(codes[codes >= 0], minlength=len(_words(each)))
            for word, count in zip(_words(each), tally.tolist(), strict=True):
                counts[word] = counts.get(word, 0) + count
    if column.kind == "text":
        counts = {word: count for word, count in counts.items() if count}
    common = sorted(counts, key=lambda word: -counts[word])[:_WORDS]
    kept = set(common)
    shown = tuple(common) if column.kind == "text" else tuple(word for word in counts if word in kept)
    return Bins(column.name, "class", np.zeros(0), shown, len(counts) - len(shown))


def places(column: Column, bins: Bins) -> Integers:
    """Return the bin of each row (N,), −1 where a row is in none."""
    if bins.kind == "number":
        values = np.where(column.values >= 0, column.values, np.nan) if column.kind == "index" else column.values
        found = np.searchsorted(bins.edges, values, side="right") - 1
        last = len(bins.edges) - 1
        found[values == bins.edges[-1]] = last - 1
        return np.where(np.isfinite(values) & (found < last), found, -1)
    known = {word: place for place, word in enumerate(bins.words)}
    place_of = np.array([*(known.get(word, -1) for word in _words(column)), -1])
    return place_of[column.values.astype(np.int64)]


def counts(column: Column, bins: Bins, rows: Integers | None = None) -> Integers:
    """Return how many rows are in each bin (K,); of all rows where none are given."""
    found = places(column, bins)
    found = found if rows is None else found[rows]
    size = len(bins.words) if bins.kind == "class" else len(bins.edges) - 1
    return np.bincount(found[found >= 0], minlength=size)


def _words(column: Column) -> tuple[str, ...]:
    return _FLAGS if column.kind == "flag" else column.words


def _numbers(column: Column) -> Floats:
    values = column.values
    return values[values >= 0].astype(np.float64) if column.kind == "index" else values[np.isfinite(values)]


def _edges(values: Floats) -> Floats:
    if not len(values):
        return np.array([0.0, 1.0])
    low, high = float(values.min()), float(values.max())
    if high - low <= _BINS - 1 and max(-low, high) < _EXACT and (values == np.rint(values)).all():
        return np.arange(low - 0.5, high + 1)
    if np.nextafter(low, high) == high:  # one value, or two beside each other: no room for edges between them
        return np.array([low - abs(low) / 2 - 1, high + abs(high) / 2 + 1])
    share = np.linspace(0, 1, _BINS + 1)
    return low * (1 - share) + high * share  # their difference may be more than a number holds
