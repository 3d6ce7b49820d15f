from __future__ import annotations

import math

import numpy as np
import pytest

from nbinspect.sanity.trials.fitting.curve import Curve
from nbinspect.sanity.trials.fitting.floor import UNKNOWN, Goal

GOAL = Goal(0.0, 2.3)
STEPS = np.arange(41)


def curve(losses: object, goal: Goal = GOAL) -> Curve:
    return Curve("x", tuple(float(loss) for loss in losses), goal)


SHAPES = {
    "reaches the floor": 2.3 * np.exp(-STEPS / 8),
    "falls": 2.3 * np.exp(-STEPS / 60),
    "plateaus": 0.7 + 1.6 * np.exp(-STEPS / 3),
    "rises": 2.3 + 0.02 * STEPS,
    "explodes": 2.3 * np.exp(STEPS / 8),
    "oscillates": 2.3 + 0.8 * (-1.0) ** STEPS,
}


@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize("kind", SHAPES)
def test_each_kind_is_told_from_its_shape_with_and_without_noise(kind: str, noise: float) -> None:
    """Curves of a known kind are named so, also with noise of a hundredth."""
    drawn = np.random.default_rng(0).normal(0, noise, len(STEPS))
    assert curve(SHAPES[kind] + drawn * (kind != "plateaus")).kind == kind


def test_a_loss_that_is_not_a_number_explodes() -> None:
    """NaN and infinity count as exploding, and nothing is left to hope for."""
    for bad in (math.nan, math.inf):
        found = curve([2.3, 2.0, bad])
        assert found.kind == "explodes"
        assert found.left == math.inf
        assert found.is_decided


def test_what_is_left_is_measured_above_the_floor_of_the_targets() -> None:
    """A loss that comes to the entropy of smoothed labels is at its floor."""
    smoothed = curve([2.3, 1.2, 0.95, 0.93, 0.92], Goal(0.9, 2.3))
    assert smoothed.left == pytest.approx(0.03 / 1.4)
    assert smoothed.is_reached
    assert not curve([2.3, 1.2, 0.95, 0.93, 0.92]).is_reached


def test_without_a_floor_nothing_is_reached_and_a_fall_is_still_seen() -> None:
    """Of a loss whose floor is unknown, also a negative one, only the way down is told."""
    found = curve(-0.1 * STEPS, UNKNOWN)
    assert found.kind == "falls"
    assert not found.is_reached


def test_a_run_ends_as_soon_as_its_answer_is_certain() -> None:
    """It is decided at the floor, or settled; not while it falls, nor after one low value by chance."""
    assert curve([2.3, 1.0, 0.1, 0.1]).is_decided
    assert not curve([2.3, 0.1]).is_decided
    assert curve([2.3] * 22).is_decided
    assert not curve([2.3] * 12).is_decided
    assert not curve(SHAPES["falls"][:22]).is_decided


def test_a_loss_that_creeps_down_has_not_settled() -> None:
    """A steady fall by little, as of targets far from unit scale, is no plateau for good."""
    creeping = curve(1e9 - STEPS, Goal(0.0, 1e8))
    assert creeping.kind == "plateaus"
    assert not creeping.is_settled
    assert curve(SHAPES["plateaus"]).is_settled


def test_a_climb_is_told_however_small() -> None:
    """A loss that goes up at nearly every step climbs; one that wavers does not."""
    assert curve(2.3 + 1e-6 * STEPS).climbs
    assert not curve(SHAPES["oscillates"]).climbs
