"""The parts of a data set on which a network errs more than luck explains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from nbinspect.data.intervals.intervals import by_luck, mean_interval, wilson
from nbinspect.data.network.conditions import Cut, cuts_of
from nbinspect.errors import InputError
from nbinspect.records import Column, Flags, Floats, Integers, Slice, Slices

LEAST, LEAST_SHARE = 20, 0.01
LEVEL = 0.05
"""The chance at most that a data set whose errors are spread by luck alone has any slice."""
MOST = 12
_WORSE = 1.2
"""How much larger the error must be than on the rest; less is of no use to anybody."""
SEARCHED = 200_000
"""Samples among which slices are looked for, drawn at random; their figures are those of all samples."""
_PAIRED = 40
"""Cuts of columns that are put together in pairs at most."""


@dataclass(frozen=True, eq=False)
class _Tried:
    """Slices that were tried: all parts of one column, or all pairs of parts of two."""

    cuts: tuple[Cut, ...]
    places: Integers
    """(G, 1 or 2) the parts of each slice with enough samples."""
    chances: Floats
    """(G,)"""

    def inside(self, slice_: int) -> Flags:
        """Return which samples (N,) a slice has."""
        parts = zip(self.cuts, self.places[slice_], strict=True)
        return np.asarray(np.logical_and.reduce([cut.codes == place for cut, place in parts]))

    def conditions(self, slice_: int) -> list[tuple[str, str]]:
        """Return the words and the query of each condition of a slice."""
        return [cut.parts[place] for cut, place in zip(self.cuts, self.places[slice_], strict=True)]


def worst_slices(columns: Sequence[Column]) -> Slices:
    """Return the slices of one or two conditions on which the error is larger than on the rest, the largest first.

    Tried are classes, flags and stretches between quantiles of numbers, and pairs of two such, of 20 samples and 1 % of
    all or more. The error is the share of wrong predictions; without these the mean absolute error, or the mean loss.
    Chances (hypergeometric of rates, by ranks of numbers) are corrected for all slices tried (Bonferroni), so that
    errors that are spread by luck alone give no slice in 95 of 100 data sets; a slice that another one explains is left
    out. The columns are left unchanged. Source: T-error-analysis.

    Raises:
        InputError: if nothing says how wrong the network is.
    """
    measure, errors = measured(columns)
    known = np.isfinite(errors)
    errors, rates = errors[known], measure == "error rate"
    least = max(LEAST, int(np.ceil(LEAST_SHARE * len(errors))))
    cuts = [Cut(cut.column, cut.codes[known], cut.parts) for cut in cuts_of(columns, least)]
    search = _search(errors, rates, least)
    tried = list(_tried(cuts, search)) if len(errors) > least else []
    number = sum(len(each.chances) for each in tried)
    found = _standing_out(tried, search) if number else []
    overall = float(errors.mean()) if len(errors) else float("nan")
    drawn = [_slice(group.conditions(each), group.inside(each), errors, p, rates) for group, each, p in found]
    slices = tuple(sorted(drawn, key=lambda each: -each.error))
    said = _sentence(measure, overall, len(errors), slices, number)
    return Slices(measure, overall, len(errors), slices, number, least, said)


def measured(columns: Sequence[Column]) -> tuple[str, Floats]:
    """Return what says how wrong the network is, and its value for each sample (N,), NaN where it is not known.

    Raises:
        InputError: if no column does.
    """
    by_name = {column.name: column for column in columns}
    if "correct" in by_name:
        return "error rate", 1 - by_name["correct"].values.astype(np.float64)
    if "error" in by_name:
        many = "label" in by_name and by_name["label"].kind == "text"  # numbers, and the error their root mean square
        name = "mean error" if many else "mean absolute error"
        return name, np.abs(by_name["error"].values.astype(np.float64))
    if "loss" in by_name and np.isfinite(by_name["loss"].values).any():
        return "mean loss", by_name["loss"].values.astype(np.float64)
    raise InputError("slices: expected predictions with their errors, found no column 'correct', 'error' or 'loss'")


@dataclass(frozen=True, eq=False)
class _Search:
    """The samples (n,) among which slices are looked for."""

    rows: Integers
    errors: Floats
    scores: Floats
    """What is compared: rates as they are, numbers by their ranks."""
    rates: bool
    least: int


def _search(errors: Floats, rates: bool, least: int) -> _Search:
    rows = np.arange(len(errors))
    if len(rows) > SEARCHED:
        rows = np.sort(np.random.default_rng(0).choice(rows, SEARCHED, replace=False))
    own = errors[rows]
    return _Search(rows, own, own if rates else _ranks(own), rates, int(least * len(rows) / max(1, len(errors))))


def _ranks(values: Floats) -> Floats:
    """Ranks from 0, equal values sharing the mean of theirs."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts + 1) / 2)[codes.reshape(-1)])


def _tried(cuts: list[Cut], search: _Search) -> Iterator[_Tried]:
    scores, least = search.scores, search.least
    wrong = np.flatnonzero(scores) if search.rates else slice(None)
    # one place more at the front of each takes the samples of no part
    codes = [cut.codes[search.rows] + 1 for cut in cuts]
    pairs = (pair for pair in combinations(range(len(cuts))[:_PAIRED], 2) if len({cuts[k].column for k in pair}) == 2)
    for chosen in (*((each,) for each in range(len(cuts))), *pairs):
        widths = tuple(len(cuts[each].parts) + 1 for each in chosen)
        places = codes[chosen[0]] if len(chosen) == 1 else codes[chosen[0]] * widths[1] + codes[chosen[1]]
        size, inner = int(np.prod(widths)), (slice(1, None),) * len(widths)
        counts = np.bincount(places, minlength=size).reshape(widths)[inner]
        sums = np.bincount(places[wrong], scores[wrong], size).reshape(widths)[inner]
        enough = (counts >= least) & (counts <= len(scores) - least)
        chances = by_luck(sums[enough], counts[enough], scores, rates=search.rates)
        yield _Tried(tuple(cuts[each] for each in chosen), np.argwhere(enough), chances)


def _standing_out(tried: list[_Tried], search: _Search) -> list[tuple[_Tried, int, float]]:
    """Take the least likely slice, then the next that still stands out among samples that none has taken."""
    chances = np.concatenate([each.chances for each in tried])
    enough = LEVEL / len(chances)  # for each, so that all together are wrong in one data set of twenty at most
    where = [(group, place) for group in tried for place in range(len(group.chances))]
    errors, scores, rates = search.errors, search.scores, search.rates
    left = np.ones(len(errors), np.bool_)
    found: list[tuple[_Tried, int, float]] = []
    for each in np.argsort(chances, kind="stable").tolist():
        if chances[each] > enough or len(found) == MOST:
            break
        group, place = where[each]
        inside = group.inside(place)[search.rows]
        own = inside[left]
        if min(own.sum(), (~own).sum()) < search.least or not _is_worse(inside, errors, rates):
            continue
        again = by_luck(np.array([scores[left][own].sum()]), np.array([own.sum()]), scores[left], rates=rates)
        if again[0] > enough or not _is_worse(own, errors[left], rates):
            continue
        left &= ~inside
        found.append((group, place, float(chances[each] * len(chances))))
    return found


def _is_worse(inside: Flags, errors: Floats, rates: bool) -> bool:
    """Whether the error is larger by so much that it matters, and its interval lies above that of the rest."""
    rest = float(errors[~inside].mean())
    own = errors[inside]
    low, _ = _interval(own, rates)
    return float(own.mean()) >= _WORSE * rest and low > rest


def _interval(errors: Floats, rates: bool) -> tuple[float, float]:
    return wilson(float(errors.sum()), len(errors)) if rates else mean_interval(errors)


def _slice(conditions: list[tuple[str, str]], inside: Flags, errors: Floats, p: float, rates: bool) -> Slice:
    own = errors[inside]
    low, high = _interval(own, rates)
    total = float(errors.sum())
    text = ", ".join(words for words, _ in conditions)
    query = " and ".join(f"({asked})" if " and " in asked else asked for _, asked in conditions)
    share = float(own.sum()) / total if total else 0.0
    return Slice(text, query, int(inside.sum()), float(own.mean()), low, high, float(errors[~inside].mean()), p, share)


def _sentence(measure: str, overall: float, samples: int, slices: tuple[Slice, ...], tried: int) -> str:
    if not samples:
        return "Of no sample is it known how wrong the network is."
    if not tried:
        many = "1 sample is" if samples == 1 else f"{samples:,} samples are"
        return f"{many} too few, or too much alike, to be parted into slices of {LEAST} or more."
    if not slices:
        return f"No slice of {tried:,} has a larger {measure} than luck explains ({_said(overall, measure)} overall)."
    worst = slices[0]
    several = (
        f"; {len(slices)} of {tried:,} slices stand out" if len(slices) > 1 else f"; it alone of {tried:,} stands out"
    )
    return (
        f"The {measure} is {_said(worst.error, measure)} on {worst.count:,} samples with {worst.text}, against "
        f"{_said(worst.rest, measure)} on the rest{several}."
    )


def _said(value: float, measure: str) -> str:
    return f"{100 * value:.1f} %" if measure == "error rate" else f"{value:.3g}"
