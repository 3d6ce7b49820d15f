from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nbinspect.decode.series import decode_series
from nbinspect.errors import InputError

NAN, INF = float("nan"), float("inf")


def envelope(values: NDArray[np.float32], points: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Least and greatest finite value of each stretch of (N, C, T), one stretch at a time."""
    length = values.shape[-1]
    low = np.full((*values.shape[:2], points), np.nan, dtype=np.float32)
    high = low.copy()
    for n, c, p in np.ndindex(low.shape):
        part = values[n, c, math.floor(p * length / points) : math.ceil((p + 1) * length / points)]
        part = part[np.isfinite(part)]
        if len(part):
            low[n, c, p], high[n, c, p] = part.min(), part.max()
    return low, high


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 2000), st.integers(1, 3), st.integers(0, 2**31))
def test_envelopes_are_exact(length: int, channels: int, seed: int) -> None:
    """Every stretch has the least and greatest finite value of its steps, whatever the length and the holes."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(2, channels, length)).astype(np.float32)
    values[random.random(values.shape) < 0.3] = random.choice([NAN, INF, -INF, 0, 3e38])
    values[:, :, length // 3 : length // 2] = NAN
    series = decode_series(list(map(torch.from_numpy, values)), "x")
    low, high = envelope(values, min(length, 512))
    np.testing.assert_array_equal(series.low, low)
    np.testing.assert_array_equal(series.high, high)
    assert series.length == length


@pytest.mark.parametrize("length", [1, 2, 511, 512])
def test_short_series_are_not_reduced(length: int) -> None:
    """Up to 512 steps every value is there, as least and as greatest."""
    values = torch.randn(3, length)
    series = decode_series(values, "x")
    np.testing.assert_array_equal(series.low[:, 0], values.numpy())
    np.testing.assert_array_equal(series.high, series.low)


@pytest.mark.parametrize(
    "dtype",
    [torch.bool, torch.uint8, torch.int16, torch.int64, torch.float16, torch.bfloat16, torch.float64],
    ids=str,
)
def test_every_dtype_is_reduced_exactly(dtype: torch.dtype) -> None:
    """Integers, flags and floats of any width give the least and greatest value of each stretch."""
    values = torch.randint(0, 100, (2, 3, 1300)).to(dtype)
    series = decode_series(values, "x")
    low, high = envelope(values.float().numpy(), 512)
    np.testing.assert_array_equal(series.low, low)
    np.testing.assert_array_equal(series.high, high)
    assert series.low.dtype == np.float32


def test_doubles_beyond_float32_stay_finite() -> None:
    """A finite double that float32 cannot hold is shown as the end of its range, infinity as a hole."""
    series = decode_series(torch.tensor([[1e300, -1e300, INF]], dtype=torch.float64), "x")
    end = np.finfo(np.float32).max
    np.testing.assert_array_equal(series.low[0, 0], np.array([end, -end, np.nan], dtype=np.float32))


@pytest.mark.parametrize(
    ("shape", "channels", "length"),
    [((4, 50), 1, 50), ((4, 3, 50), 3, 50), ((4, 50, 3), 3, 50), ((4, 5, 5), 5, 5), ((4, 1, 9), 1, 9)],
)
def test_the_axis_of_steps_is_found(shape: tuple[int, ...], channels: int, length: int) -> None:
    """The longer axis is that of the steps, and of two alike the last."""
    values = torch.arange(float(math.prod(shape))).reshape(shape)
    series = decode_series(values, "x")
    assert (series.low.shape, series.total_channels, series.length) == ((4, channels, length), channels, length)
    first = values[0] if len(shape) == 2 else values[0, 0] if shape[1] == channels else values[0, :, 0]
    np.testing.assert_array_equal(series.low[0, 0], first.numpy())


@pytest.mark.parametrize("steps_first", [False, True])
def test_ragged_series_are_filled_up(steps_first: bool) -> None:
    """Series of different lengths share one axis of steps, and what is missing is a hole."""
    parts = [torch.randn(2, length) for length in (3, 7, 1)]
    series = decode_series([part.T if steps_first else part for part in parts], "x")
    expected = np.full((3, 2, 7), np.nan, dtype=np.float32)
    for row, part in zip(expected, parts, strict=True):
        row[:, : part.shape[1]] = part.numpy()
    np.testing.assert_array_equal(series.low, expected)
    np.testing.assert_array_equal(series.high, expected)


def test_ragged_series_of_one_channel_are_reduced_on_a_common_scale() -> None:
    """The stretches of a short series are those of the longest one."""
    long, short = torch.randn(2000), torch.randn(1000)
    series = decode_series([long, short], "x")
    padded = np.full((2, 1, 2000), np.nan, dtype=np.float32)
    padded[0, 0], padded[1, 0, :1000] = long.numpy(), short.numpy()
    low, high = envelope(padded, 512)
    np.testing.assert_array_equal(series.low, low)
    np.testing.assert_array_equal(series.high, high)


@pytest.mark.parametrize("shape", [(3, 1000, 2000), (512, 16, 600), (20_000, 4, 600), (200_000, 30)])
def test_the_whole_stays_small(shape: tuple[int, ...]) -> None:
    """At most 16 channels, 512 stretches and 8 MB are handed over."""
    series = decode_series(torch.zeros(1).expand(shape), "x")
    assert series.low.shape[1] <= 16
    assert series.low.shape[2] <= 512
    assert series.low.nbytes + series.high.nbytes <= 8 * 2**20
    assert len(series.channels) == series.low.shape[1]
    assert series.total_channels == (shape[1] if len(shape) == 3 else 1)


def test_names_go_with_the_channels() -> None:
    """Names are those given, of the channels that are shown; their number must fit."""
    values = torch.zeros(2, 20, 30)
    assert decode_series(values, "x", channel_names=range(20)).channels == tuple(map(str, range(16)))
    assert decode_series(values, "x").channels[:2] == ("channel 0", "channel 1")
    with pytest.raises(InputError, match="expected 20 names, one for each channel of x, got 3"):
        decode_series(values, "x", channel_names=["a", "b", "c"])


@pytest.mark.parametrize("shape", [(0, 5), (3, 0), (0, 2, 5), (2, 2, 0)])
def test_empty_series_are_empty(shape: tuple[int, ...]) -> None:
    """A batch without samples or steps gives a record and no error."""
    series = decode_series(torch.zeros(shape), "x")
    assert len(series.low) == shape[0]
    assert np.isnan(series.low).all()


def test_other_shapes_are_refused() -> None:
    """One axis, four axes and lists that differ in both axes are no series."""
    for shape in [(3,), (2, 3, 4, 5)]:
        with pytest.raises(InputError, match="expected series"):
            decode_series(torch.zeros(shape), "x")
    with pytest.raises(InputError, match="differ in T alone"):
        decode_series([torch.zeros(2, 5), torch.zeros(3, 6)], "x")


def test_the_series_is_left_unchanged() -> None:
    """Reducing works on copies."""
    values = torch.randn(2, 3, 2000)
    before = values.clone()
    decode_series(values, "x")
    assert torch.equal(values, before)
