"""Whether samples that come several times are held so by the data set, and whether they make its classes even."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import Subset

from nbinspect.records import Floats, Integers
from nbinspect.sanity.evidence.data.digest import digest
from nbinspect.sanity.evidence.data.order import origin_of
from nbinspect.sanity.evidence.data.rows import Rows, is_multiplied

_UNEVEN, _EVEN = 1.5, 1.2
_OFTEN = 0.98
_SEVERAL = 3
_FIFTH, _HALF, _SET = 0.2, 0.5, 30
_END, _MIDDLE, _MEAN, _ORDINARY = 0.05, 0.4, 0.1, 0.25


def are_held(loader: Any, rows: Rows) -> bool:
    """Whether the data set of a stream that was read whole holds a row for each sample, as many of them repeated.

    What draws samples again on purpose, holds each of them once, or all of them as many times as there are epochs.
    """
    _, counts = np.unique(np.stack([rows.inputs, rows.targets]), axis=1, return_counts=True)
    if rows.share != 1 or is_multiplied(rows):
        return False
    return any(sorted(held.values()) == sorted(counts.tolist()) for held in _held(loader, len(rows.inputs)))


def _held(loader: Any, count: int) -> Iterator[Counter[int]]:
    """Give how often each row comes in the arrays and lists, of so many rows, of the data set of a loader."""
    for part in getattr(getattr(loader, "dataset", None), "__dict__", {}).values():
        is_array = isinstance(part, Tensor | np.ndarray) and part.ndim > 1
        if (is_array or isinstance(part, list | tuple)) and len(part) == count:
            with suppress(TypeError):  # of a kind whose content is unknown
                yield Counter(digest(row, ())[1][0] for row in part)


def are_listed_again(loader: Any, rows: Rows, repeats: Integers) -> bool:
    """Whether nearly all repeats are of an index that a subset lists again, as one drawn with replacement does."""
    dataset = getattr(loader, "dataset", None)
    if not isinstance(dataset, Subset):
        return False
    _, first = np.unique(origin_of(dataset, rows.indices)[1], return_index=True)
    return bool((~np.isin(repeats, first)).mean() >= _OFTEN)


def is_one_of_full_content(rows: Rows) -> bool:
    """Whether one sample alone, an ordinary one, is a fifth of all or more, with a target of more than a few numbers.

    Where nothing is known or happened, a default or a blank comes often: its values are the least or the largest of
    most places, or their mean or middle, and one state that many episodes begin in goes with one answer. At a place
    where a sample is ordinary, its value is none of these.
    """
    used = np.flatnonzero(~rows.flat)
    keys = np.stack([rows.inputs, rows.targets])[:, used]
    _, first, counts = np.unique(keys, axis=1, return_index=True, return_counts=True)
    if not len(counts) or counts.max() < _FIFTH * len(rows.inputs):
        return False
    if np.isfinite(rows.aims).any() or len(np.unique(rows.targets)) == 1:
        return False
    kinds = rows.places[used[first]]
    row, others = kinds[counts.argmax()], np.delete(kinds, counts.argmax(), axis=0)
    if len(others) < _SET:
        return False
    below = (others < row).mean(0) + (others == row).mean(0) / 2
    end = np.minimum(below, 1 - below)
    is_ordinary = (end > _END) & (end < _MIDDLE) & (np.abs(row - others.mean(0)) > _MEAN * others.std(0))
    return bool(is_ordinary.mean() >= _ORDINARY)


def are_answered_again(rows: Rows) -> bool:
    """Whether half or more of the inputs that come several times have several targets, as where many are asked of each.

    Answers to one question agree now and then, so that equal samples are no copies. What was read twice or three times
    has each of them so often.
    """
    used = np.flatnonzero(~rows.flat)
    counts = np.unique(rows.inputs[used], return_counts=True)[1]
    pairs, times = np.unique(np.stack([rows.inputs, rows.targets])[:, used], axis=1, return_counts=True)
    if not (counts > 1).any() or max((times % whole == 0).mean() for whole in (2, 3)) >= _OFTEN:
        return False
    answers = np.unique(pairs[0], return_counts=True)[1]
    return bool((answers[counts > 1] > 1).mean() >= _HALF)


def makes_classes_even(rows: Rows, repeats: Integers) -> bool:
    """Whether only samples of other classes than the most common one are repeated, and all come about as often then.

    As where the rare are copied on purpose until classes are even; or nearer to that, each sample of a class alike, and
    at least three times.
    """
    labels = rows.classes
    if not np.isfinite(labels).all() or not len(repeats):
        return False
    values, counts = np.unique(labels, return_counts=True)
    own = counts - np.array([(labels[repeats] == value).sum() for value in values])
    if len(values) < 2 or own.min() == 0 or not (own.max() > _UNEVEN * own.min() and own.argmax() == counts.argmax()):
        return False
    is_even = counts.max() <= _EVEN * counts.min()
    return bool(own.max() >= _OFTEN * counts.max() and (is_even or _are_multiplied(rows, values[counts > own])))


def _are_multiplied(rows: Rows, values: Floats) -> bool:
    """Whether each sample of these classes comes as often as others of its class, three times or more."""
    used = ~rows.flat & np.isin(rows.classes, values)
    keys = np.stack([rows.inputs, rows.targets])[:, used]
    _, first, counts = np.unique(keys, axis=1, return_index=True, return_counts=True)
    labels = rows.classes[used][first]
    return all(np.ptp(counts[labels == value]) == 0 and counts[labels == value].min() >= _SEVERAL for value in values)


def order_among_equals(rows: Rows) -> float:
    """Return by how many deviations targets of equal inputs resemble the next one in the data set more than by chance.

    What was measured several times differs at random. Where a feature was lost, by which the rows of one input are
    sorted, neighbours are alike. In any order the mean product of two, about their mean, is that of all pairs. Nothing
    of a table that is sorted by its target.
    """
    used = np.flatnonzero(~rows.flat & np.isfinite(rows.aims).all(1))
    used = used[np.lexsort((rows.indices[used], rows.inputs[used]))]
    groups = np.unique(rows.inputs[used], return_inverse=True)[1].reshape(-1)
    counts = np.bincount(groups)
    if not len(used) or counts.max() < _SEVERAL:
        return 0.0
    targets = rows.aims[used]
    steps = np.diff(targets[np.argsort(rows.indices[used])], axis=0)
    if ((steps >= 0).mean(0) > _OFTEN).any() or ((steps <= 0).mean(0) > _OFTEN).any():
        return 0.0
    means = np.stack([np.bincount(groups, one) for one in targets.T], 1) / counts[:, None]
    apart = targets - means[groups]
    apart /= np.maximum(apart.std(0), 1e-12)
    pairs = (groups[1:] == groups[:-1]) & (counts[groups[1:]] >= _SEVERAL)
    sizes = counts[groups[1:][pairs]]
    squares = np.bincount(groups, (apart**2).mean(1))[groups[1:][pairs]]
    gains = (apart[1:] * apart[:-1]).mean(1)[pairs] + squares / (sizes * (sizes - 1))
    return float(gains.sum() / max(np.sqrt((gains**2).sum()), 1e-12))
