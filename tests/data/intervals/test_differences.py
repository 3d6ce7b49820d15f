from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from nbinspect.data.intervals.differences import mcnemar, of_difference, of_mean, of_pairs
from nbinspect.data.intervals.intervals import wilson


@pytest.mark.parametrize(("one", "other"), [(0, 0), (5, 0), (3, 9), (40, 40), (700, 611), (6000, 5700)])
def test_mcnemar_is_the_exact_binomial_test(one: int, other: int) -> None:
    """The chance is that of a fair coin in two-sided binomial test, also of thousands of pairs."""
    wanted = stats.binomtest(one, one + other).pvalue if one + other else 1.0
    assert mcnemar(one, other) == pytest.approx(wanted, rel=1e-9)


def test_interval_of_a_mean_is_students() -> None:
    """Few values have the wide interval of Student's distribution, one value has no bounds and none no mean."""
    values = np.array([1.0, 2.5, 2.0, 7.0])
    low, high = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    assert of_mean(values) == pytest.approx((3.125, low, high), rel=1e-2)
    assert of_mean([2.0]) == (2.0, -math.inf, math.inf)
    assert math.isnan(of_mean([])[0])


def test_intervals_of_differences_hold_the_truth() -> None:
    """Of two shares of different samples about 95 of 100 intervals hold the true difference, near 0 as well."""
    rng = np.random.default_rng(1)
    for share, other in ((0.02, 0.1), (0.3, 0.3)):
        held = 0
        for _ in range(1000):
            counts = rng.binomial((300, 150), (share, other))
            ends = [(wrong / n, *wilson(wrong, n)) for wrong, n in zip(counts.tolist(), (300, 150), strict=True)]
            _, low, high = of_difference(ends[0], ends[1])
            held += low <= share - other <= high
        assert 920 <= held <= 985


def test_intervals_of_pairs_hold_the_truth() -> None:
    """Of two shares of the same 50 samples about 95 of 100 intervals hold the true difference."""
    rng, held = np.random.default_rng(2), 0
    for _ in range(1000):
        both = rng.multinomial(50, (0.12, 0.04, 0.84))
        value, low, high = of_pairs(int(both[0]), int(both[1]), 50)
        assert low <= value <= high
        held += low <= 0.08 <= high
    assert 920 <= held <= 990
    assert math.isnan(of_pairs(0, 0, 0)[0])
