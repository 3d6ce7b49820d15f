"""Differences of two figures, each measured on some samples only, with their intervals."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from nbinspect.data.intervals.intervals import mean_interval

Interval = tuple[float, float, float]
"""A value, and the ends between which it lies."""

LIKELY = 0.95
NEARLY_SURE = 0.99
"""Of several comparisons each must be clearer."""


def of_mean(values: ArrayLike, level: float = LIKELY) -> Interval:
    """Return the mean of values (N,) and its interval; NaN of none, without bounds of one."""
    array = np.asarray(values, np.float64)
    return (float(array.mean()) if array.size else math.nan, *mean_interval(array, level))


def of_difference(one: Interval, other: Interval) -> Interval:
    """Return `one` − `other`, measured on different samples, and its interval.

    The intervals may be lopsided, as those of shares near 0 are: the method of variance estimates recovery.
    """
    value = one[0] - other[0]
    low = value - math.hypot(one[0] - one[1], other[2] - other[0])
    high = value + math.hypot(one[2] - one[0], other[0] - other[1])
    return value, low, high


def of_pairs(only_one: int, only_other: int, count: int) -> Interval:
    """Return the difference of two shares of the same `count` samples, and its interval after Agresti and Min."""
    if not count:
        return math.nan, math.nan, math.nan
    more, fewer, total = only_one + 0.5, only_other + 0.5, count + 2
    middle = (more - fewer) / total
    half = 1.959964 * math.sqrt((more + fewer) / total - middle**2) / math.sqrt(total)
    value = (only_one - only_other) / count
    return value, min(max(middle - half, -1.0), value), max(min(middle + half, 1.0), value)


def mcnemar(only_one: int, only_other: int) -> float:
    """Return how likely two equals differ on so many of the same samples, two-sided and exact; 1 of none."""
    count, fewer = only_one + only_other, min(only_one, only_other)
    if count == 0:
        return 1.0
    # in logarithms, for 2 to the power of thousands is no float
    logs = (
        math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1) - count * math.log(2)
        for k in range(fewer + 1)
    )
    return min(1.0, 2 * math.fsum(map(math.exp, logs)))
