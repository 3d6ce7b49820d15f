"""What a few sums over all values of a tensor and a subsample of them tell, worked out on the host."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, nan, sqrt
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nbinspect.capture.bounds import Bounds, at_ends
from nbinspect.records import Moments

_Array: TypeAlias = NDArray[Any]

_BARS = 24
_ILL_CONDITIONED = 1e3


@dataclass(frozen=True)
class Facts:
    """What is known of a tensor before its values are fetched."""

    count: int = 0
    """Values that stand for all, where a broadcast tensor repeats them `times` times."""
    times: int = 1
    summed: int = 0
    """How many of them the sums are of."""
    units: int = 0
    note: str = ""


class Sums(NamedTuple):
    """Numbers taken of all values, the first five of the finite ones."""

    low: float
    high: float
    total: float
    norm: float
    spread: float = nan
    """Norm of the deviations from the mean; NaN where it was not worked out."""
    lost: float = 0.0
    """NaN."""
    above: float = 0.0
    """Infinite values above all others, and `below`."""
    below: float = 0.0
    dead: float = 0.0
    """Units that are zero in every place on every sample."""


@dataclass(frozen=True)
class Measured:
    """What is known of one tensor's values."""

    moments: Moments | None
    units: int
    dead: int
    note: str = ""
    sample: _Array | None = None
    """Evenly spaced values in the order of memory, 2,048 at most."""
    masked: bool = False
    """Whether values are infinite and none is NaN, as where a mask was laid on."""


def summarised(facts: Facts, bounds: Bounds | None, sums: Sums | None, sample: _Array | None) -> Measured:
    """Return what sums and a subsample tell of a tensor.

    Args:
        facts: what is known of it besides.
        bounds: both ends of an activation that cannot leave them, -inf for one that may rest at the lower one.
        sums: over all its values; None where they cannot be read.
        sample: (n,) evenly spaced values.
    """
    if sums is None or sample is None:
        return Measured(None, facts.units, 0, facts.note)
    infinite = sums.above + sums.below
    finite = facts.summed - sums.lost - infinite
    with np.errstate(invalid="ignore"):  # of memory that nobody has written to
        values = sample.astype(np.float64)
    values = values[np.isfinite(values)]
    low, high = (sums.low, sums.high) if finite else (nan, nan)
    mean, std = _mean_and_deviation(sums, finite, values)
    bars, edges = _bars(values, low, high)
    moments = Moments(
        count=facts.count * facts.times,
        mean=mean,
        std=0.0 if low == high else std,
        min=low,
        max=high,
        nan=int(sums.lost) * facts.times,
        inf=int(infinite) * facts.times,
        zero=float((sample == 0).mean()),
        negative=float((sample < 0).mean()),
        saturated=_saturated(values, bounds, len(sample)),
        sampled=len(sample) / facts.count,
        bars=bars,
        edges=edges,
    )
    return Measured(moments, facts.units, int(sums.dead), facts.note, sample, masked=infinite > 0 == sums.lost)


def _mean_and_deviation(sums: Sums, finite: float, values: _Array) -> tuple[float, float]:
    if not finite:
        return nan, nan
    if len(values) == finite:
        return _of_values(values)
    mean = sums.total / finite
    if not isfinite(mean):  # the sum lies beyond the type's range, the mean cannot
        mean = _of_values(values)[0]
    if isfinite(sums.spread):
        return mean, sums.spread / sqrt(finite)
    if not well_conditioned(sums.total, sums.norm, finite):
        return mean, _of_values(values)[1]
    size = sums.norm / sqrt(finite)
    return mean, size * sqrt(1 - (mean / size) ** 2)


def _of_values(values: _Array) -> tuple[float, float]:
    """Return mean and deviation, worked out near 1, where neither sums nor squares leave the range of the type."""
    if not len(values):
        return nan, nan
    power = int(np.frexp(np.abs(values).max())[1])
    near = np.ldexp(values, -power)
    return float(np.ldexp(near.mean(), power)), float(np.ldexp(near.std(), power))


def well_conditioned(total: float, norm: float, count: float) -> bool:
    """Whether sum and norm tell the deviation: not as a small difference of large squares, nor beyond their type."""
    if not (isfinite(total) and isfinite(norm)):
        return False
    size, mean = norm / sqrt(count), total / count  # squares of great values would lie beyond the range of the type
    return size > 0 and 1 - (mean / size) ** 2 > (mean / size) ** 2 / _ILL_CONDITIONED


def _saturated(values: _Array, bounds: Bounds | None, count: int) -> float:
    if bounds is None or not len(values):
        return 0.0
    return float(at_ends(values, bounds).sum()) / count


def _bars(values: _Array, low: float, high: float) -> tuple[NDArray[np.int32], Bounds]:
    if not len(values):
        return np.zeros(0, np.int32), (nan, nan)
    if low == high:
        return np.array([len(values)], np.int32), (low - 0.5, high + 0.5)
    width = high / _BARS - low / _BARS  # their difference may lie beyond the type's range
    if width == 0:  # or below it
        return np.array([len(values)], np.int32), (low, high)
    place = ((values / width) - low / width).astype(np.int64).clip(0, _BARS - 1)
    return np.bincount(place, minlength=_BARS).astype(np.int32), (low, high)
