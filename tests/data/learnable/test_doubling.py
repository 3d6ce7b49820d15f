from __future__ import annotations

import numpy as np
import pytest

from nbinspect.data.learnable.doubling import Doubling, doubled

SIZES = [25, 50, 100, 200, 400]


def curve(scale: float, slope: float, floor: float, seed: int, count: int = 600) -> Doubling:
    """What is made of samples that are wrong with a chance that falls by a power law."""
    rng = np.random.default_rng(seed)
    chances = floor + scale * np.array(SIZES, float) ** -slope
    # the same samples are hard at every size, as they are for real models
    hardness = rng.random(count)
    losses = np.stack([(hardness + rng.normal(0, 0.05, count)) % 1 < chance for chance in chances]).astype(float)
    cells = np.stack([part.mean(1) for part in np.array_split(losses, 3, axis=1)])
    return doubled(losses, cells, SIZES, 400)


@pytest.mark.parametrize(("scale", "slope", "floor"), [(1.6, 0.5, 0.05), (1.0, 0.3, 0.0), (3.0, 1.0, 0.1)])
def test_the_gain_of_a_power_law_lies_in_the_interval(scale: float, slope: float, floor: float) -> None:
    """Of 30 curves of known laws at least 26 have the true gain of the next doubling within their interval."""
    truth = scale * (400.0**-slope - 800.0**-slope)
    found = [curve(scale, slope, floor, seed).gain for seed in range(30)]
    assert sum(low <= truth <= high for _, low, high in found) >= 26


def test_flat_curves_are_not_said_to_gain() -> None:
    """Of 30 curves that are flat at most one is said to gain by more data."""
    answers = [curve(0.0, 1.0, 0.2, seed).answer for seed in range(30)]
    assert answers.count("helps") <= 1


def test_perfect_scores_have_nothing_to_gain() -> None:
    """Where no sample is wrong at any size, more data would not help."""
    found = doubled(np.zeros((5, 100)), np.zeros((9, 5)), SIZES, 400)
    assert (found.answer, found.gain) == ("does not help", (0.0, 0.0, 0.0))


def test_a_rise_that_no_law_fits_is_judged_by_its_last_step() -> None:
    """After a fall only the last doubling counts, and the next one gains no more than that."""
    rng = np.random.default_rng(0)
    means = np.array([1.1, 1.5, 2.3, 0.85, 0.65])
    losses = means[:, None] + rng.normal(0, 0.3, (5, 600))
    found = doubled(losses, means + rng.normal(0, 0.01, (9, 5)), SIZES, 400)
    assert 0 < found.gain[1] < found.gain[2] < 0.3
