"""Intervals of rates and means, and how likely a difference is by luck alone."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nbinspect.records import Floats, Integers

_NORMAL = NormalDist()
_PLAIN = 1.5
"""Standard deviations below which nothing is unlikely, and the exact chance is not needed."""


def wilson(count: float, total: float, level: float = 0.95) -> tuple[float, float]:
    """Return the Wilson interval of a rate of `count` in `total`, with 0 of none and 1 of all; (0, 1) of nothing."""
    if total <= 0:
        return 0.0, 1.0
    z, rate = _NORMAL.inv_cdf(0.5 + level / 2), count / total
    middle = (rate + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(rate * (1 - rate) / total + z * z / (4 * total * total))
    return max(0.0, middle - half) if count > 0 else 0.0, min(1.0, middle + half) if count < total else 1.0


def mean_interval(values: Floats, level: float = 0.95) -> tuple[float, float]:
    """Return the t interval of the mean of finite values (n,); (−Inf, Inf) of fewer than two."""
    if len(values) < 2:
        return -math.inf, math.inf
    half = t_quantile(0.5 + level / 2, len(values) - 1) * float(values.std(ddof=1)) / math.sqrt(len(values))
    return float(values.mean()) - half, float(values.mean()) + half


def t_quantile(chance: float, degrees: int) -> float:
    """Return the quantile of Student's t: exact for one and two degrees, of more to four digits or so."""
    if degrees == 1:
        return math.tan(math.pi * (chance - 0.5))
    if degrees == 2:
        return (2 * chance - 1) / math.sqrt(2 * chance * (1 - chance))
    z = _NORMAL.inv_cdf(chance)
    terms = (  # Abramowitz and Stegun 26.7.5
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return float(sum(term / degrees**power for power, term in enumerate(terms)))


def by_luck(sums: NDArray[Any], counts: Integers, scores: Floats, *, rates: bool) -> Floats:
    """Return the chance (G,) that as many samples drawn at random from all have such a sum of scores, or more.

    Args:
        sums: (G,) of the scores of each group.
        counts: (G,) samples of each.
        scores: (N,) of all samples: 0 and 1, or ranks.
        rates: whether scores are 0 and 1; then the chance is exact (hypergeometric), else that of a normal
            distribution with the exact mean and variance.
    """
    total, mean = len(scores), float(scores.mean())
    deviation = np.sqrt(counts * (total - counts) / max(total - 1, 1) * float(scores.var()))
    beyond = np.divide(sums - counts * mean, deviation, out=np.zeros(len(sums)), where=deviation > 0)
    chances = np.array([1 - _NORMAL.cdf(z) if z < 5 else math.erfc(z / math.sqrt(2)) / 2 for z in beyond])
    if rates:
        ones = round(float(scores.sum()))
        for each in np.flatnonzero(beyond > _PLAIN):
            chances[each] = _drawn(round(float(sums[each])), int(counts[each]), ones, total)
    return chances


def _drawn(hits: int, drawn: int, ones: int, total: int) -> float:
    """The chance of `hits` ones or more among `drawn` of `total` samples of which so many are ones."""
    most = min(drawn, ones)
    spread = math.sqrt(drawn * (ones / total) * (1 - ones / total)) + 1
    counts = torch.arange(hits, min(most, hits + int(60 * spread)) + 1, dtype=torch.float64, device="cpu")

    def ways(whole: float, part: torch.Tensor) -> torch.Tensor:
        return math.lgamma(whole + 1) - torch.lgamma(part + 1) - torch.lgamma(whole - part + 1)

    possible = counts[(drawn - counts) <= total - ones]
    logs = ways(ones, possible) + ways(total - ones, drawn - possible)
    return min(1.0, float((logs - ways(total, counts.new_tensor(float(drawn)))).exp().sum()))
