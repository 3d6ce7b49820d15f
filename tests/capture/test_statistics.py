"""Statistics against NumPy in float64, and what they cost in transfers."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from nbinspect.capture.statistics import measure
from nbinspect.records import Histogram, SampleStatistics, Statistics


def expected(rows: list[NDArray[np.float64]]) -> dict[str, list[float]]:
    """The oracle: NumPy over the finite values of each row."""
    found: dict[str, list[float]] = {
        key: [] for key in ("min", "mean", "std", "max", "zeros", "nan", "posinf", "neginf")
    }
    for row in rows:
        finite = row[np.isfinite(row)]
        for key in ("min", "mean", "std", "max"):
            found[key].append(getattr(np, key)(finite) if finite.size else np.nan)
        found["zeros"].append((row == 0).sum())
        found["nan"].append(np.isnan(row).sum())
        found["posinf"].append((row == np.inf).sum())
        found["neginf"].append((row == -np.inf).sum())
    return found


def measured(*parts: Tensor) -> tuple[Statistics, SampleStatistics, Histogram | None]:
    names = tuple(map(str, range(parts[0].shape[1])))
    return measure(parts, "channel", names)[:3]


def compare(parts: list[Tensor], rtol: float = 1e-7, atol: float = 1e-12) -> None:
    """Hold channels and samples of parts (n, C, S) against NumPy."""
    hosts = [part.to(torch.float64).numpy() for part in parts]
    channels = [np.concatenate([host[:, row].ravel() for host in hosts]) for row in range(parts[0].shape[1])]
    samples = [sample.ravel() for host in hosts for sample in host]
    statistics, of_samples, _ = measured(*parts)
    for key, values in expected(channels).items():
        np.testing.assert_allclose(getattr(statistics, key), values, rtol=rtol, atol=atol, err_msg=key)
    oracle = expected(samples)
    for key in ("min", "mean", "std", "max", "zeros"):
        np.testing.assert_allclose(getattr(of_samples, key), oracle[key], rtol=rtol, atol=atol, err_msg=key)
    nonfinite = np.sum([oracle[key] for key in ("nan", "posinf", "neginf")], axis=0)
    np.testing.assert_array_equal(of_samples.nonfinite, nonfinite)
    np.testing.assert_array_equal(statistics.count, [len(row) for row in channels])


class Transfers(TorchDispatchMode):
    """Counts what makes the host wait for a device: scalars read, and copies to the host."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        waiting = (
            "_local_scalar_dense",
            "aten.nonzero",
            "_unique",
            "masked_select",
            "is_nonzero",
            "equal.",
            "bincount",
        )
        if any(name in str(func) for name in waiting):
            self.waits.append(str(func))
        return func(*args, **(kwargs or {}))


# up to where the difference of two values is a float32 too
FLOATS = st.one_of(
    st.floats(-(2.0**126), 2.0**126, width=32, allow_subnormal=False), st.sampled_from([math.nan, math.inf, -math.inf])
)


@settings(max_examples=150, deadline=None)
@given(arrays(np.float32, array_shapes(min_dims=3, max_dims=3, max_side=5), elements=FLOATS))
def test_any_values_agree_with_numpy(values: NDArray[np.float32]) -> None:
    """Any float32 values, NaN and both infinities among them, give NumPy's numbers over the finite ones."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # sums of large values of both signs are as exact as float64 is, here as in NumPy
        largest = float(np.abs(values[np.isfinite(values)]).max(initial=1.0))
        compare([torch.from_numpy(values)], rtol=1e-5, atol=1e-12 * largest)


@pytest.mark.parametrize(
    "dtype",
    [
        *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.bool),
        *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
    ],
)
def test_every_type(dtype: torch.dtype) -> None:
    """Each real type is summed exactly: half precision is not summed in half precision, nor bytes in bytes."""
    torch.manual_seed(0)
    compare(
        [(torch.rand(6, 3, 500, dtype=torch.float64) * 100).to(dtype)], rtol=1e-12 if dtype is torch.float64 else 1e-7
    )


@pytest.mark.parametrize(("mean", "std"), [(1e6, 1.0), (1e-6, 1e-9), (-3e4, 0.5), (0.0, 1e30), (1e15, 1e9)])
def test_spread_far_from_zero(mean: float, std: float) -> None:
    """The deviation is right where the mean is a million times as large, and where squares exceed float32."""
    generator = np.random.default_rng(0)
    values = torch.from_numpy((generator.normal(size=(8, 2, 4000)) * std + mean).astype(np.float32))
    compare([values], rtol=1e-7)


def test_mean_of_many_values() -> None:
    """The mean of ten million float32 values is right to 1e-6, in every chunk that it is taken in."""
    values = torch.full((10, 1, 1_000_000), 0.1)
    values[5:] = 0.3
    statistics, of_samples, _ = measured(values)
    np.testing.assert_allclose(statistics.mean, 0.2, rtol=1e-6)
    np.testing.assert_allclose(statistics.std, 0.1, rtol=1e-6)
    np.testing.assert_array_equal(of_samples.std, 0)


def test_a_constant_has_no_deviation() -> None:
    """One value repeated has deviation 0 and not what rounding leaves."""
    for dtype in (torch.float32, torch.float64):
        statistics, of_samples, _ = measured(torch.full((7, 2, 333), 0.1, dtype=dtype))
        assert not statistics.std.any()
        assert not of_samples.std.any()


def test_whole_numbers_are_exact() -> None:
    """Integers up to 2**53 come back as they are."""
    values = torch.tensor([[[2**53 - 1, 5]], [[-(2**40) - 1, 0]]])
    statistics, _, _ = measured(values)
    assert (statistics.min[0], statistics.max[0], statistics.zeros[0]) == (-(2**40) - 1, 2**53 - 1, 1)


def test_samples_of_different_lengths() -> None:
    """Parts of different lengths give statistics over all values of a channel, whatever part they are in."""
    torch.manual_seed(0)
    parts = [torch.randn(1, 3, size) * size for size in (4, 1, 9, 0)]
    parts[1][0, 2, 0] = torch.nan
    compare(parts)


def test_many_small_chunks_make_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches that are taken in stretches give the numbers of one taken whole."""
    torch.manual_seed(0)
    values = torch.randn(50, 3, 20) + torch.arange(50)[:, None, None] * 1000
    monkeypatch.setattr("nbinspect.capture.statistics._CHUNK", 100)
    compare([values])


@pytest.mark.parametrize("shape", [(0, 3, 4), (4, 0, 3), (4, 3, 0), (0, 0, 0)])
def test_nothing_to_measure(shape: tuple[int, ...]) -> None:
    """No values are no error: counts are 0, all else is NaN, and there is no histogram."""
    statistics, of_samples, histogram = measured(torch.zeros(shape))
    assert statistics.count.tolist() == [0] * shape[1]
    assert np.isnan(statistics.mean).all()
    assert np.isnan(of_samples.std).all()
    assert len(of_samples.min) == shape[0]
    assert histogram is None


def test_a_thousand_channels() -> None:
    """A thousand channels and ten thousand features have their rows; the histogram has the first sixteen."""
    torch.manual_seed(0)
    compare([torch.randn(4, 1000, 9)])
    values = torch.randn(30, 10_000, 1)
    compare([values])
    histogram = measured(values)[2]
    assert histogram is not None
    assert histogram.counts.shape == (16, 32)


@pytest.mark.parametrize("layout", ["expanded", "transposed", "strided", "channels last"])
def test_any_memory_layout(layout: str) -> None:
    """Values that do not lie one after the other are read where they lie."""
    torch.manual_seed(0)
    values = {
        "expanded": torch.randn(1, 3, 1).expand(5, 3, 7),
        "transposed": torch.randn(7, 3, 5).transpose(0, 2),
        "strided": torch.randn(10, 6, 14)[::2, 1::2, ::2],
        "channels last": torch.randn(5, 4, 4, 3).movedim(3, 1).flatten(2),
    }[layout]
    compare([values])


def test_one_wait_where_all_is_finite() -> None:
    """On the way to the one transfer nothing waits for the device, neither with finite values nor with others."""
    values = torch.randn(8, 3, 100)
    holed = values.clone()
    holed[0, 0, 0] = torch.nan
    labels = torch.arange(8)
    for parts in ([values], [holed], [torch.randint(9, (8, 3, 100))], [values[:1], values[1:2, :, :5]]):
        with Transfers() as transfers:
            measure(parts, "channel", tuple("abc"), labels)
        assert transfers.waits == []


@pytest.mark.parametrize(("holed", "times"), [(False, 1), (True, 2)])
def test_number_of_transfers(holed: bool, times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Finite values cost one transfer with all results in it; NaN and infinite ones a second."""
    moved: list[int] = []
    to_host = Tensor.cpu
    monkeypatch.setattr(Tensor, "cpu", lambda tensor: (moved.append(tensor.nbytes), to_host(tensor))[1])
    values = torch.randn(64, 3, 1000)
    values[3, 1, 5] = torch.inf if holed else 0
    measure([values], "channel", tuple("abc"), values[0, 0, :64])
    assert len(moved) == times
    assert sum(moved) < values.nbytes / 50


def test_more_tensors_come_along_as_they_are() -> None:
    """Further tensors of any type come to the host in the same transfer, to the last bit."""
    more = (
        torch.tensor([2**62 + 1]),
        torch.tensor([True, False]),
        torch.tensor(1 + 2j),
        torch.zeros(0),
        torch.tensor(7),
    )
    arrays_ = measure([torch.ones(2, 1, 3)], "all", ("",), *more)[3]
    assert [array.tolist() for array in arrays_] == [[2**62 + 1], [True, False], 1 + 2j, [], 7]
    assert all(array.flags.aligned and array.flags.writeable for array in arrays_)
    assert [array.dtype for array in arrays_] == [np.int64, np.bool_, np.complex64, np.float32, np.int64]


# --- histograms ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_histogram_of_real_numbers(scale: float) -> None:
    """Thirty-two equal bins from the least to the greatest value of each channel, as NumPy counts them."""
    torch.manual_seed(0)
    values = torch.randn(16, 3, 500) * scale
    histogram = measured(values)[2]
    assert histogram is not None
    assert histogram.sampled == 1.0
    for row in range(3):
        host = values[:, row].double().numpy().ravel()
        counts, edges = np.histogram(host, bins=32)
        np.testing.assert_array_equal(histogram.counts[row], counts)
        np.testing.assert_allclose(histogram.edges[row], edges, rtol=1e-9, atol=1e-12 * scale)


@pytest.mark.parametrize("floating", [False, True])
@pytest.mark.parametrize(
    ("low", "high", "bins", "width"),
    [(0, 9, 10, 1), (-3, 3, 7, 1), (0, 1, 2, 1), (0, 255, 32, 8), (5, 5, 1, 1), (0, 32, 17, 2)],
)
def test_histogram_of_whole_numbers(low: int, high: int, bins: int, width: int, floating: bool) -> None:
    """Whole numbers, also when they are stored as floats, get bins around them that each hold as many."""
    values = torch.arange(low, high + 1).repeat(5)[None, None]
    histogram = measured(values.float() if floating else values)[2]
    assert histogram is not None
    assert histogram.counts.shape == (1, bins)
    np.testing.assert_array_equal(histogram.edges[0], low - 0.5 + width * np.arange(bins + 1))
    counts, _ = np.histogram(values.numpy(), bins=histogram.edges[0])
    np.testing.assert_array_equal(histogram.counts[0], counts)


def test_histogram_leaves_out_what_is_not_finite() -> None:
    """NaN and infinite values are counted in no bin, and do not stretch the range."""
    values = torch.tensor([[[0.0, 0.5, 1.0, torch.nan, torch.inf, -torch.inf]], [[0.25] * 6]])
    histogram = measured(values)[2]
    assert histogram is not None
    assert histogram.counts.sum() == 9
    assert (histogram.edges.min(), histogram.edges.max()) == (0.0, 1.0)


def test_histogram_beside_a_channel_without_values() -> None:
    """A channel of NaN alone has an empty row, and the others are as ever."""
    values = torch.stack([torch.full((4, 10), torch.nan), torch.rand(4, 10)], dim=1)
    histogram = measured(values)[2]
    assert histogram is not None
    assert histogram.counts.sum(1).tolist() == [0, 40]
    assert np.isfinite(histogram.edges).all()


def test_histogram_of_one_value() -> None:
    """A channel of one value has bins around it, however large it is."""
    for value in (0.3, -1e20, 1e-30):
        histogram = measured(torch.full((2, 1, 5), value))[2]
        assert histogram is not None
        assert histogram.counts.sum() == histogram.counts.max() == 10
        assert (np.diff(histogram.edges[0]) > 0).all()


@pytest.mark.parametrize("shape", [(70, 16, 32, 32), (5, 3, 1024, 1024), (300_000, 8)])
def test_histogram_of_a_large_batch_is_a_fair_sample(shape: tuple[int, ...]) -> None:
    """Of a large batch an even share is counted, which is stated, and which is taken from every column of a picture."""
    ramp = torch.arange(shape[-1], dtype=torch.float32) / shape[-1]
    values = ramp.expand(shape).reshape(*shape[:2], -1) if len(shape) > 2 else torch.rand(shape).unsqueeze(2)
    histogram = measured(values)[2]
    assert histogram is not None
    counted = histogram.counts.sum()
    assert counted <= 1.01 * 2**20
    np.testing.assert_allclose(histogram.sampled, counted / (values.numel() / shape[1] * min(16, shape[1])), rtol=1e-9)
    share = histogram.counts / histogram.counts.sum(1, keepdims=True)
    assert (abs(share - 1 / 32) < 0.01).all()
