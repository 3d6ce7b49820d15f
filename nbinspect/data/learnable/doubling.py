"""What twice the data would bring: gains of earlier doublings, carried on by a power law."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nbinspect.data.intervals.differences import Interval
from nbinspect.data.intervals.intervals import t_quantile
from nbinspect.records.arrays import Floats

Answer = Literal["helps", "does not help", "cannot be told"]

_DRAWS = 2000
_SLOPES = np.linspace(0.3, 1.0, 71)
"""By what factor a gain may shrink from one doubling to the next; power laws of losses have 0.5 … 0.95 in the main."""
_LAST = 4
"""Doublings that the law is laid through: where data are few, other laws hold."""
_WORTH, _OF_LOSS = 0.01, 0.1
_SHARED = 0.5
"""Samples that a draw predicts, by those that it is fitted on: a third by two thirds."""


@dataclass(frozen=True, eq=False)
class Doubling:
    """Mean losses at K sizes, and what the next doubling gains."""

    losses: Floats
    """(K,), with the ends of their intervals."""
    low: Floats
    high: Floats
    gain: Interval
    answer: Answer


def doubled(losses: Floats, cells: Floats, sizes: Sequence[int], samples: int, seed: int = 0) -> Doubling:
    """Return what doubling `samples` would take off the mean loss, of fits on `sizes` that double each.

    It does not help where the interval lies below what is worth it, 0.01 or a tenth of the loss where that is less;
    it helps where the interval lies above 0 and the gain is half of that or more.

    Args:
        losses: (K, N) of each sample at each size.
        cells: (M, K) mean loss of M draws of two thirds of the samples to fit on, over the rest.
        sizes: K of them, ascending.
        samples: that there are, of which the largest size may be a part.
        seed: of the draws for the interval.
    """
    means = losses.mean(1)
    of_samples = np.cov(losses) / losses.shape[1]
    of_draws, wide = _of_draws(losses, cells)
    spread = 1.959964 * np.sqrt(np.diag(of_samples) + wide**2 * np.diag(of_draws))
    apart = np.eye(len(sizes))[:-1] - np.eye(len(sizes))[1:]
    gains, covariance = apart @ means, apart @ (of_samples + wide**2 * of_draws) @ apart.T
    weight = 1 / np.maximum(np.diag(covariance), 1e-12)
    kept = _of_one_law(gains, weight)
    drawn = np.random.default_rng(seed).multivariate_normal(
        gains[-kept:], covariance[-kept:, -kept:], _DRAWS, method="eigh"
    )
    next_ones = _carried_on(drawn, weight[-kept:], math.log2(samples / sizes[-1]))
    # the middle of draws, for the one through the means alone would hide how little is known of the slope
    low, value, high = (float(end) for end in np.quantile(next_ones, (0.025, 0.5, 0.975)))
    worth = min(_WORTH, _OF_LOSS * float(means[-1]))
    answer: Answer = "helps" if low > 0 and value >= worth / 2 else "cannot be told"
    # where no sample is wrong there is nothing to be gained
    if high < worth or means[-1] <= 0:
        answer = "does not help"
    return Doubling(means, means - spread, means + spread, (value, low, high), answer)


def _of_one_law(gains: Floats, weight: Floats) -> int:
    """Return how many of the last gains (G,) a power law fits; the very last one it always does."""
    for kept in range(min(_LAST, len(gains)), 1, -1):
        if _laid(gains[None, -kept:], weight[-kept:])[1].min() < 3 * kept:
            return kept
    return 1


def _laid(gains: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Return the last gain (D, S) that fits draws (D, G) best for each slope, and its squared misfit (D, S)."""
    shape = _SLOPES[:, None] ** -np.arange(gains.shape[1])[::-1]
    last = (gains * weight) @ shape.T / (weight * shape**2).sum(1)
    misfit: Floats = (weight * (gains[:, None] - last[..., None] * shape) ** 2).sum(2)
    return last, misfit


def _carried_on(gains: Floats, weight: Floats, ahead: float) -> Floats:
    """Return (D,) gains of the doubling that begins `ahead` doublings after the last, of draws (D, G) of the gains.

    The factor by which gains shrink is drawn too, by how well it fits each draw.
    """
    last, misfit = _laid(gains, weight)
    likely = np.exp(-0.5 * (misfit - misfit.min(1, keepdims=True)))
    share = np.cumsum(likely, axis=1) / likely.sum(1, keepdims=True)
    # evenly spread places instead of random ones: as good, and the same for every seed
    at = (np.arange(len(gains)) * 0.6180339887) % 1
    chosen = np.minimum((share < at[:, None]).sum(1), len(_SLOPES) - 1)
    carried: Floats = last[np.arange(len(gains)), chosen] * _SLOPES[chosen] ** (ahead + 1)
    # laws bend: in each doubling that nobody has seen the gain may shrink faster, down to half of what it would be
    return carried * 0.5 ** (ahead * ((np.arange(len(gains)) * 0.7548776662) % 1))


def _of_draws(losses: Floats, cells: Floats) -> tuple[Floats, float]:
    """Return the covariance (K, K) of the means due to what was drawn to fit on, and how much wider few draws make it.

    Differences between the draws beyond what different test samples explain are theirs. The draws share samples, so
    that their mean is less sure than that of independent ones (the correction of Nadeau and Bengio).
    """
    count = len(cells)
    between = np.cov(cells.T)
    within = np.cov(losses) * count / losses.shape[1]
    values, vectors = np.linalg.eigh((between - within) * (1 / count + _SHARED))
    covariance: Floats = (vectors * np.maximum(values, 0)) @ vectors.T
    return covariance, t_quantile(0.975, max(count - 1, 1)) / 1.959964
