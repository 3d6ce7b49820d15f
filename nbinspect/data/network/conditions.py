"""Columns cut into parts, each with the words for a person and the query that selects exactly its samples."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from nbinspect.data.query.spelling import equals, spelled
from nbinspect.decode.names import shortened
from nbinspect.records import Column, Flags, Floats, Integers

QUARTILES, TAILS = (0.25, 0.5, 0.75), (0.1, 0.9)
_DIGITS = 3


@dataclass(frozen=True, eq=False)
class Cut:
    """A column whose samples are told apart into parts."""

    column: str
    codes: Integers
    """(N,) int32 place in `parts`; −1 for none."""
    parts: tuple[tuple[str, str], ...]
    """The words and the query of each."""


def cuts_of(columns: Iterable[Column], least: int) -> list[Cut]:
    """Return all columns that can be cut into parts of `least` samples or more, those that a model made left out.

    Numbers are cut twice, between quartiles and into the lowest and highest tenth.
    """
    known = (column for column in columns if column.about not in ("model", "mark") and column.name != "index")
    return [cut for column in known for cut in _cuts(column, least) if cut.parts]


def by_word(column: Column) -> tuple[tuple[str, ...], Integers]:
    """Return the distinct words of a class and each sample's place among them: two classes may have one name."""
    places = {word: place for place, word in enumerate(dict.fromkeys(column.words))}
    codes = np.array([*(places[word] for word in column.words), -1], np.int64)
    return tuple(places), codes[column.values]


def in_one_order(label: Column, prediction: Column) -> tuple[tuple[str, ...], Integers, Integers]:
    """Return the words of labels and predictions, and the place of each sample's label and prediction among them."""
    (words, own), (more, told) = by_word(label), by_word(prediction)
    places = {word: place for place, word in enumerate(dict.fromkeys((*words, *more)))}
    return tuple(places), own, np.array([*(places[word] for word in more), -1], np.int64)[told]


def _cuts(column: Column, least: int) -> tuple[Cut, ...]:
    if column.kind == "class":
        return (_of_classes(column, least),)
    if column.kind == "number":
        return _of_numbers(column, least)
    name = spelled(column.name)
    if column.kind == "index":
        parts = ((column.name, f"{name}.notna()"), (f"no {column.name}", f"{name}.isna()"))
        return (_kept(column.name, np.where(column.values >= 0, 0, 1), parts, least),)
    if column.kind == "flag":
        parts = ((column.name, f"{name} == True"), (f"not {column.name}", f"{name} == False"))
        return (_kept(column.name, np.where(column.values, 0, 1), parts, least),)
    return ()


def _of_classes(column: Column, least: int) -> Cut:
    words, codes = by_word(column)
    parts = tuple((f"{column.name} {shortened(word)}", equals(column.name, word)) for word in words)
    return _kept(column.name, codes, parts, least)


def _of_numbers(column: Column, least: int) -> tuple[Cut, ...]:
    values = np.asarray(column.values, np.float64)
    known = values[np.isfinite(values)]
    name = spelled(column.name)
    missing = (f"{column.name} missing", f"{name}.isna()")
    edges, tails = _edges(known, QUARTILES), _edges(known, TAILS)
    if not len(edges) and not len(tails):
        parts = ((f"{column.name} known", f"{name}.notna()"), missing)
        return (_kept(column.name, np.where(np.isnan(values), 1, 0), parts, least),)
    codes = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="right"))
    whole = _kept(column.name, codes, (*_stretches(column.name, edges), missing), least)
    ends = np.searchsorted(tails, values, side="right")
    outside = np.where(np.isnan(values) | ((ends == 1) & (len(tails) == 2)), -1, ends)
    return whole, _kept(column.name, outside, _stretches(column.name, tails), least)


def _edges(known: Floats, quantiles: tuple[float, ...]) -> Floats:
    """Quantiles, rounded so that words and query say the same, without those that part nothing."""
    if not len(known):
        return known
    found = [float(f"{value:.{_DIGITS}g}") for value in np.quantile(known, quantiles, method="higher")]
    edges = np.unique(found)
    return np.asarray(edges[(edges > known.min()) & (edges <= known.max())])


def _stretches(column: str, edges: Floats) -> tuple[tuple[str, str], ...]:
    if not len(edges):
        return ((column, f"{spelled(column)}.notna()"),)
    ends = [None, *edges.tolist(), None]
    return tuple(_between(column, low, high) for low, high in pairwise(ends))


def _between(column: str, low: float | None, high: float | None) -> tuple[str, str]:
    name = spelled(column)
    if low is None:
        return f"{column} below {high:g}", f"{name} < {high!r}"
    if high is None:
        return f"{column} from {low:g}", f"{name} >= {low!r}"
    return f"{column} {low:g} … {high:g}", f"{name} >= {low!r} and {name} < {high!r}"


def _kept(column: str, codes: Integers, parts: tuple[tuple[str, str], ...], least: int) -> Cut:
    """The parts of enough samples; none where one part is all there is."""
    counts = np.bincount(codes[codes >= 0], minlength=len(parts))
    enough: Flags = (counts >= least) & (counts < len(codes))
    places = np.full(len(parts) + 1, -1, np.int32)
    places[:-1][enough] = np.arange(enough.sum())
    return Cut(column, places[codes], tuple(parts[each] for each in np.flatnonzero(enough)))
