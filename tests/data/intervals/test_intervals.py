from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from nbinspect.data.intervals.intervals import by_luck, mean_interval, t_quantile, wilson


@pytest.mark.parametrize(("count", "total"), [(0, 20), (3, 20), (20, 20), (470, 1000)])
def test_a_rate_has_the_interval_of_wilson(count, total):
    """It equals SciPy's at two levels."""
    for level in (0.9, 0.95):
        wanted = stats.binomtest(count, total).proportion_ci(level, method="wilson")
        assert wilson(count, total, level) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


def test_nothing_is_known_of_no_sample():
    """The interval of a rate of nothing is all there is, that of a mean of one value too."""
    assert wilson(0, 0) == (0, 1)
    assert mean_interval(np.array([3.0])) == (-np.inf, np.inf)


@pytest.mark.parametrize("degrees", [1, 2, 3, 5, 19, 100, 10_000])
def test_quantiles_of_t_are_those_of_student(degrees):
    """They agree with SciPy's to one in a thousand for three degrees, and to 1e-6 from nineteen on."""
    near = 5e-3 if degrees < 5 else 5e-4 if degrees < 19 else 1e-6
    for chance in (0.9, 0.975):
        assert t_quantile(chance, degrees) == pytest.approx(stats.t.ppf(chance, degrees), rel=near)


def test_a_mean_has_the_interval_of_student():
    """It equals SciPy's on skewed values."""
    values = np.random.default_rng(0).lognormal(size=40)
    wanted = stats.t.interval(0.95, 39, values.mean(), stats.sem(values))
    assert mean_interval(values) == pytest.approx(wanted, rel=1e-6)


def test_the_chance_of_a_rate_is_hypergeometric():
    """It equals SciPy's tail wherever it is small, down to 1e-40, also where all that were drawn are ones."""
    scores = np.r_[np.ones(60), np.zeros(940)]
    hits, counts = np.array([5.0, 8.0, 12.0, 30.0, 30.0, 20.0]), np.array([30, 30, 30, 30, 100, 20])
    wanted = stats.hypergeom.sf(hits - 1, 1000, 60, counts)
    np.testing.assert_allclose(by_luck(hits, counts, scores, rates=True), wanted, rtol=1e-6)


def test_the_chance_of_a_sum_of_ranks_is_that_of_random_draws():
    """It agrees with a hundred thousand draws of thirty ranks of three hundred."""
    rng = np.random.default_rng(0)
    ranks = np.arange(300.0)
    sums = np.array([rng.choice(300, 30, replace=False).sum() for _ in range(20_000)])
    border = float(np.quantile(sums, 0.99))
    assert by_luck(np.array([border]), np.array([30]), ranks, rates=False)[0] == pytest.approx(0.01, abs=0.003)


def test_scores_that_are_all_alike_say_nothing():
    """No group stands out of scores that do not differ."""
    assert (by_luck(np.array([20.0]), np.array([20]), np.ones(100), rates=True) >= 0.5).all()


def test_the_interval_of_all_or_none_reaches_the_end():
    """The interval of 100 % ends at 1 and that of 0 % begins at 0, without an error of rounding."""
    assert {(wilson(total, total)[1], wilson(0, total)[0]) for total in range(1, 400)} == {(1.0, 0.0)}
