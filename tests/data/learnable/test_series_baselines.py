from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from nbinspect.data.learnable.series_baselines import season, seasonal_mean, series_baselines
from nbinspect.errors import InputError

Array = NDArray[np.float64]


def waves(count: int, period: int, *, steps: int = 100, noise: float = 0.3, trend: float = 0.0) -> Array:
    rng, at = np.random.default_rng(0), np.arange(steps)
    turn = 2 * np.pi * (at + rng.integers(0, period, (count, 1))) / period
    return 10 + 3 * np.sin(turn) + trend * at + rng.normal(0, noise, (count, steps))


@pytest.mark.parametrize("period", [3, 7, 12, 24, 40])
@pytest.mark.parametrize("trend", [0.0, 0.5])
def test_the_season_is_found(period: int, trend: float) -> None:
    """The period of noisy waves is found exactly, with and without a trend."""
    assert season(waves(60, period, trend=trend)) == period


def test_what_has_no_season_is_given_none() -> None:
    """Noise, random walks, constants, straight lines and less than two seasons are no season."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(50, 60))
    line = np.arange(60.0)[None]
    assert [season(each) for each in (noise, noise.cumsum(1), np.ones((5, 10)), line, line * 0 + 1e9)] == [0] * 5
    assert season(waves(50, 24)[:, :30]) == 0


def test_the_seasonal_mean_is_that_of_the_same_places() -> None:
    """Each step ahead is the mean of what stood a season, two seasons and so on before it."""
    history = np.arange(14.0).reshape(2, 7)
    found = seasonal_mean(history, 4, 3)
    np.testing.assert_array_equal(found[0], [(1 + 4) / 2, (2 + 5) / 2, (0 + 3 + 6) / 3, (1 + 4) / 2])
    np.testing.assert_array_equal(seasonal_mean(history, 2, 0)[1], [10, 10])


def test_baselines_of_series_are_scored_in_their_unit() -> None:
    """The last value and the seasonal mean have the mean absolute error that a loop finds."""
    series = waves(80, 12)
    past, coming = series[:, :90], series[:, 90:]
    found = series_baselines(past, coming, unit="kW")
    scores = {score.name: score.value for score in found.scores}
    assert scores["last value"] == pytest.approx(np.abs(coming - past[:, -1:]).mean())
    before = np.stack([past[:, 90 + h - 12 :: -12].mean(1) for h in range(10)], axis=1)
    assert scores["seasonal mean (12 steps)"] == pytest.approx(np.abs(coming - before).mean())
    assert (found.verdict, found.metric) == ("learnable", "mean absolute error")
    assert "kW" in found.sentence


@pytest.mark.parametrize(
    ("noise", "verdict"), [(1.5, "network below simple"), (0.05, "network above"), (9.0, "network below constant")]
)
def test_the_network_is_placed_beside_them(noise: float, verdict: str) -> None:
    """A network that is off by more than a linear model, by less than all, or by more than the last value is named."""
    series = waves(120, 12)
    said = series[:, 90:] + np.random.default_rng(1).normal(0, noise, (120, 10))
    assert series_baselines(series[:, :90], series[:, 90:], predictions=said).verdict == verdict


def test_a_random_walk_has_nothing_to_learn() -> None:
    """Of a random walk nothing foretells more than its last value."""
    walk = np.random.default_rng(0).normal(size=(300, 50)).cumsum(1)
    assert series_baselines(walk[:, :40], walk[:, 40:]).verdict == "nothing to learn"


def test_gaps_and_bad_arrays() -> None:
    """Missing steps are filled and said, series without a future left out, and arrays that do not fit refused."""
    series = waves(60, 12)
    series[0, 5], series[1, :3], series[2, 95], series[3, :90] = np.nan, np.nan, np.nan, np.inf
    found = series_baselines(series[:, :90], series[:, 90:])
    assert found.samples == 58
    assert "2 of 60 series" in found.notes[0]
    assert "filled" in found.notes[1]
    assert series_baselines(series[:9, :90], series[:9, 90:]).verdict == "cannot be told"
    for past, coming in ((series[:, :90], series[:5, 90:]), (series[0], series[0]), (series[:, :1], series[:, 1])):
        with pytest.raises(InputError, match="expected"):
            series_baselines(past, coming)
    with pytest.raises(InputError, match="prediction of each step"):
        series_baselines(series[:, :90], series[:, 90:], predictions=series)
