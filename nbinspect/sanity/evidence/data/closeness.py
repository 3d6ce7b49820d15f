"""Whether samples may equal each other by chance: which other samples there are then."""

from __future__ import annotations

import numpy as np

from nbinspect.records import Flags, Integers
from nbinspect.sanity.evidence.data.rows import Rows, are_windows

_NEAR = 2
_MOST = 200
_THREES, _FEWER, _BY_CHANCE = 5.0, 0.75, 5.0
_MEASURED = 0.9
_IN_ORDER, _ONE_LAG = 0.8, 0.5
_EPISODES = 4
_LONG, _TIMES = 32, 4


def come_by_chance(rows: Rows, positions: Integers, others: Rows) -> bool:
    """Whether samples that have equals among the others may have them by chance: as values or as rows are drawn."""
    return come_near(rows, positions, others) or are_drawn(others)


def are_drawn(rows: Rows) -> bool:
    """Whether rows come three times as often as they do when drawn from not too many, of which some come twice.

    Whatever the chances of the rows that could be, of N draws with P equal pairs some 2 P² / 3 N triples or more are
    equal, for the mean cube of chances is no less than the square of their mean square. What was read twice has none,
    and any part of what lies there k times each has (k - 2) / (k - 1) of them: fewer, by more than chance can. Too few
    pairs tell nothing, and a value that differs from row to row, as measurements do, is not drawn from few.
    """
    _, first, counts = np.unique(rows.inputs[~rows.flat], return_index=True, return_counts=True)
    pairs, triples = (counts * (counts - 1) / 2).sum(), (counts * (counts - 1) * (counts - 2) / 6).sum()
    expected = 2 * pairs**2 / (3 * max(1, counts.sum()))
    kinds = rows.places[~rows.flat][first]
    varied = max((len(np.unique(column)) for column in kinds.T), default=0)
    least = max(expected / 2, min(_FEWER * expected, expected - _BY_CHANCE * expected**0.5))
    return bool(expected >= _THREES and triples >= least and varied < _MEASURED * len(kinds))


def come_near(rows: Rows, positions: Integers, others: Rows) -> bool:
    """Whether of these samples, which have equals among the others, half or more differ from one in two values only.

    Where chance makes a row twice, it makes rows that differ at one place or two more often still: they need fewer
    coincidences. A copy in rows that are far apart has no such neighbours. Of long rows the places that were kept must
    be the same, and the rest not. Values that hardly repeat, as measurements are, have to be equal.
    """
    kinds = positions[np.unique(rows.inputs[positions], return_index=True)[1]][:_MOST]
    width = others.places.shape[1]
    if not len(kinds) or not width or rows.places.shape[1] != width:
        return False
    known, first = np.unique(others.inputs, return_index=True)
    places, hashes = others.places[first[~others.flat[first]]], known[~others.flat[first]]
    may_differ = np.array([len(np.unique(column)) <= len(places) / 2 for column in places.T])
    most = _NEAR * width // max(width, rows.values)
    near = [_has_near(places, hashes != rows.inputs[one], rows.places[one], may_differ, most) for one in kinds]
    return sum(near) >= len(kinds) / 2


def _has_near(places: np.ndarray, is_other: Flags, row: np.ndarray, may_differ: Flags, most: int) -> bool:
    differs = places != row
    return bool((is_other & (differs.sum(1) <= most) & ~differs[:, ~may_differ].any(1)).any())


def are_copied_in_order(rows: Rows) -> bool:
    """Whether nearly all repeats come in the order of what they repeat, as where a part is read again, of a whole set.

    Chance has no order. What goes round has one, and comes again after one and the same number of rows, or its rows are
    windows that each go on where the one before began; what stays as it was comes again at once. Nor are rows copied
    with which many episodes or games begin, a smaller part of all.
    """
    if rows.share not in (None, 1.0):
        return False
    keys, lags = _lags(rows)
    repeats = lags > 1
    goes_on = np.zeros_like(repeats)
    goes_on[1:] = repeats[1:] & (lags[1:] == lags[:-1])
    goes_on[:-1] |= goes_on[1:]
    used = np.flatnonzero(lags)
    if not len(used) or goes_on.sum() < _IN_ORDER * len(used) or are_windows(rows):
        return False
    usual = np.unique(lags[used], return_counts=True)[1].max()
    firsts = keys[np.flatnonzero(goes_on & (np.append(0, lags[:-1]) != lags))]
    begins = np.unique(firsts, return_counts=True)[1].max(initial=0)
    if len(used) < len(keys) / 2 and begins >= max(_EPISODES, len(firsts) / 4):
        return False
    return bool(len(used) < len(keys) / 2 or usual < _ONE_LAG * len(used))


def are_long_stretches(rows: Rows) -> bool:
    """Whether what is copied in order is a few long stretches, as a part is that was read again.

    Rows of few values meet and go on alike where each follows from the one before, as states of a system do: in many
    short stretches, each of another distance, or in some that go round, and come again after few rows.
    """
    far, often = np.unique(_lags(rows)[1], return_counts=True)
    is_long = (far > 1) & (often >= _LONG) & (often <= _TIMES * far)
    return bool(are_copied_in_order(rows) and often[is_long].sum() >= often[far > 0].sum() / 2)


def _lags(rows: Rows) -> tuple[Integers, Integers]:
    """Return the content of each row as a number, in order, and how many rows before it was the last of the same."""
    order = np.argsort(rows.indices)
    keys = np.unique(np.stack([rows.inputs, rows.targets])[:, order], axis=1, return_inverse=True)[1].reshape(-1)
    last: dict[int, int] = {}
    lags = np.zeros(len(keys), dtype=np.int64)
    for place, key in enumerate(np.where(rows.flat[order], -1, keys).tolist()):
        lags[place] = place - last.get(key, place) if key >= 0 else 0
        last[key] = place
    return keys, lags
