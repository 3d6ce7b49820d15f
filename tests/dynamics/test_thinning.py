from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from nbinspect.dynamics.thinning import READINGS, Readings, Traces
from nbinspect.records import Reading, Trace


def trace(steps: np.ndarray, values: np.ndarray, name: str = "loss", part: str = "") -> Trace:
    finite = np.isfinite(values)
    known = np.where(finite, values, np.nan).astype(np.float32)
    return Trace(name, part, steps.astype(np.int64), known, known, known, (~finite).astype(np.int32))


def reading(step: int, jitter: float = 0.0, samples: int = 4) -> Reading:
    some = np.full(samples, jitter, dtype=np.float32)
    ints = np.zeros(samples, dtype=np.int32)
    return Reading(
        step=step,
        values=np.zeros((samples, 3), dtype=np.float32),
        guesses=ints,
        losses=some,
        correct=ints.astype(np.int8),
        confidence=some,
        margin=some,
        jitter=some,
        flips=ints,
        forgotten=ints,
    )


def long_run(steps: int, seed: int = 0) -> tuple[Trace, np.ndarray]:
    """The trace of a run of random losses, added a hundred steps at a time, and the losses."""
    losses = np.random.default_rng(seed).normal(1.0, 0.1, steps)
    losses[steps // 3] = 50.0
    losses[steps // 2] = np.nan
    traces = Traces()
    for start in range(0, steps, 100):
        numbers = np.arange(start + 1, min(start + 100, steps) + 1)
        traces.extend([trace(numbers, losses[start : start + 100])])
    return traces.traces()[0], losses


def test_a_long_run_keeps_extremes_and_recent_steps() -> None:
    """Of 50,000 steps the highest and lowest loss, how many are not finite and the last 1,000 are kept."""
    kept, losses = long_run(50_000)
    assert len(kept.step) <= 2048
    assert kept.high.max() == np.float32(50.0)
    assert np.nanmin(kept.low) == np.float32(np.nanmin(losses))
    assert kept.broken.sum() == 1
    np.testing.assert_array_equal(kept.step[-1000:], np.arange(49_001, 50_001))
    np.testing.assert_array_equal(kept.mean[-1000:], losses[-1000:].astype(np.float32))


def test_every_point_stands_for_its_own_stretch() -> None:
    """The mean of each point is that of the finite losses since the point before it."""
    kept, losses = long_run(20_000)
    start = 0
    for place in range(len(kept.step)):
        stretch = losses[start : kept.step[place]]
        known = stretch[np.isfinite(stretch)]
        assert kept.broken[place] == len(stretch) - len(known)
        assert kept.mean[place] == pytest.approx(known.mean(), rel=1e-5)
        assert kept.low[place] == np.float32(known.min())
        assert kept.high[place] == np.float32(known.max())
        start = kept.step[place]


def test_the_older_part_of_a_run_has_an_even_resolution() -> None:
    """No point of the older half stands for more than a hundredth of the run."""
    kept, _ = long_run(50_000)
    assert np.diff(kept.step).max() <= 500


def test_memory_ends_somewhere() -> None:
    """However many names come, the numbers take at most some megabytes."""
    traces = Traces()
    for number in range(400):
        traces.extend([trace(np.arange(3000), np.ones(3000), "ratio", f"layer{number}")])
    size = sum(part.nbytes for one in traces.traces() for part in vars(one).values() if isinstance(part, np.ndarray))
    assert size < 5_000_000


def test_what_is_not_finite_stays_apart() -> None:
    """A stretch of NaN alone has NaN as its numbers, and is counted."""
    traces = Traces(points=8)
    traces.extend([trace(np.arange(1, 65), np.full(64, np.nan))])
    kept = traces.traces()[0]
    assert kept.broken.sum() == 64
    assert np.isnan(kept.mean).all()
    assert np.isnan(kept.high).all()


def test_readings_keep_the_first_the_recent_and_the_jittery() -> None:
    """Of 5,000 readings the first, the last half of what is kept, a jittery one and a pinned one stay."""
    readings = Readings()
    for step in range(5000):
        readings.add(reading(step, jitter=1.0 if step == 1234 else 0.0), pinned=(2001,))
    steps = [one.step for one in readings.readings()]
    assert len(steps) <= READINGS
    assert steps[0] == 0
    assert {1234, 2001} <= set(steps)
    assert steps[-100:] == list(range(4900, 5000))
    assert steps == sorted(steps)


def test_large_readings_are_fewer() -> None:
    """The bytes of all readings together stay under their limit."""
    readings = Readings(limit_bytes=1_000_000)
    for step in range(500):
        large = dataclasses.replace(reading(step), values=np.zeros((10, 2500), dtype=np.float32))
        readings.add(large)
    assert len(readings.readings()) * 100_000 <= 1_100_000
