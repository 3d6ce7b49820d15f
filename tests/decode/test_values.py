from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from nbinspect.decode.values import decode_values
from nbinspect.errors import InputError
from nbinspect.records import Pictures, Statistics


def shown(pictures: Pictures) -> Any:
    low, high = (np.float64(end)[:, None, None] for end in (pictures.low, pictures.high))
    return low + pictures.planes * (high - low) / 255


def assert_shows(pictures: Pictures, wanted: Any) -> None:
    step = np.float64(pictures.high - pictures.low)[:, None, None] / 255
    assert pictures.planes.shape == wanted.shape
    assert (abs(shown(pictures) - wanted) <= 0.502 * step + 1e-7).all()


@pytest.mark.parametrize(
    ("shape", "as_maps", "step", "names"),
    [
        ((5,), (5, 1, 1, 1), 1, ("values",)),
        ((5, 7), (5, 1, 1, 7), 1, ("values",)),
        ((5, 7, 9), (5, 1, 7, 9), 1, ("values",)),
        ((5, 2, 7, 9), (5, 2, 7, 9), 1, ("[0]", "[1]")),
        ((2, 16, 3, 3), (2, 16, 3, 3), 1, tuple(f"[{c}]" for c in range(16))),
        ((2, 17, 3, 3), (2, 17, 3, 3), 2, tuple(f"[{c}]" for c in range(0, 17, 2))),
        ((2, 100, 3, 3), (2, 100, 3, 3), 7, tuple(f"[{c}]" for c in range(0, 100, 7))),
        ((2, 2, 3, 4, 5), (2, 6, 4, 5), 1, ("[0, 0]", "[0, 1]", "[0, 2]", "[1, 0]", "[1, 1]", "[1, 2]")),
        ((2, 3, 8, 2, 5), (2, 24, 2, 5), 2, tuple(f"[{c}, {d}]" for c in range(3) for d in range(0, 8, 2))),
        ((2, 2, 1, 2, 3, 4), (2, 4, 3, 4), 1, ("[0, 0, 0]", "[0, 0, 1]", "[1, 0, 0]", "[1, 0, 1]")),
        ((0, 2, 7, 9), (0, 2, 7, 9), 1, ("[0]", "[1]")),
        ((1, 1), (1, 1, 1, 1), 1, ("values",)),
        ((3, 0), (3, 1, 1, 0), 1, ("values",)),
        ((3, 0, 500), (3, 1, 0, 500), 1, ("values",)),
        ((2, 16, 4, 4), (2, 16, 4, 4), 1, tuple(f"[{c}]" for c in range(16))),
    ],
)
def test_each_shape_becomes_maps(
    shape: tuple[int, ...], as_maps: tuple[int, ...], step: int, names: tuple[str, ...]
) -> None:
    """The last two axes are a map, the axes before them facets, at most 16 of them and named by their index."""
    tensor = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    pictures = decode_values(tensor, "h")
    assert pictures.channels == names
    assert pictures.total_channels == as_maps[1]
    assert pictures.kind == pictures.decoder == "values"
    assert pictures.size == as_maps[2:]
    if tensor.numel():
        assert_shows(pictures, tensor.double().numpy().reshape(as_maps)[:, ::step])


def test_a_scalar_is_one_value() -> None:
    """A tensor without axes is a map of one pixel."""
    pictures = decode_values(torch.tensor(3.5), "h")
    assert shown(pictures).tolist() == [[[[3.5]]]]


def test_colours_in_the_last_axis_are_facets() -> None:
    """(N, H, W, 3) has its three channels as facets."""
    tensor = torch.rand(2, 6, 7, 3)
    assert_shows(decode_values(tensor, "h"), tensor.double().numpy().transpose(0, 3, 1, 2))


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.float16, torch.bfloat16, torch.float64], ids=str)
@pytest.mark.parametrize("shape", [(3, 4, 5, 6), (3, 4, 140, 6)])
def test_any_dtype_is_reduced_like_a_picture(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    """Maps of any dtype come back as their area averages within half a step, each facet over its own range."""
    tensor = (100 * torch.randn(shape, generator=torch.Generator().manual_seed(0))).to(dtype)
    before = tensor.clone()
    wanted = tensor.double().numpy()
    pictures = decode_values(tensor, "h")
    if shape[2] == 140:
        wanted = wanted.reshape(3, 4, 70, 2, 3, 2).mean((3, 5))
    assert_shows(pictures, wanted)
    np.testing.assert_allclose(pictures.high, before.double().amax((0, 2, 3)), rtol=1e-6)
    assert torch.equal(tensor, before)


def test_values_that_are_not_finite_are_marked() -> None:
    """NaN and infinities in any facet leave a mark, the other values keep theirs."""
    tensor = torch.arange(30.0).reshape(1, 2, 3, 5)
    tensor[0, 1, 0, 1], tensor[0, 0, 2, 2], tensor[0, 1, 2, 4] = float("nan"), float("inf"), float("-inf")
    pictures = decode_values(tensor, "h")
    assert pictures.marks is not None
    assert pictures.marks.tolist() == [[[0, 1, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 2, 0, 3]]]
    kept = tensor.isfinite().numpy()
    np.testing.assert_allclose(shown(pictures)[kept], tensor.numpy()[kept], atol=0.06)


@pytest.mark.parametrize(
    ("rows", "low", "high"),
    [([(0, 4), (10, 20), (-3, 1)], [0, 10, -3], [4, 20, 1]), ([(0, 4), (-9, 2)], [-9] * 3, [4] * 3)],
)
def test_given_statistics_set_the_range(rows: list[tuple[float, float]], low: list[float], high: list[float]) -> None:
    """Statistics of each facet give each its range; others give one range to all."""
    middle = np.array([(a + b) / 2 for a, b in rows])
    ends = np.array(rows, dtype=np.float64).T
    none = np.zeros(len(rows), dtype=np.int64)
    known = Statistics(
        "channel", ("",) * len(rows), none + 8, ends[0], middle, ends[1] - ends[0], ends[1], none, none, none, none
    )
    pictures = decode_values(torch.zeros(2, 3, 2, 2), "h", statistics=known)
    assert pictures.low.tolist() == low
    assert pictures.high.tolist() == high


@pytest.mark.parametrize(
    ("shapes", "facets"),
    [([(4, 9), (6, 2)], 1), ([(3, 4, 9), (3, 6, 2)], 3), ([(5,), (3,)], 1), ([(2, 200, 9), (2, 7, 9)], 2)],
)
def test_samples_of_different_sizes_are_padded(shapes: list[tuple[int, ...]], facets: int) -> None:
    """A ragged list has the size of each sample, and each at the top left."""
    samples: list[Tensor] = [1 + torch.rand(shape) for shape in shapes]
    pictures = decode_values(samples, "h")
    sizes = [(1, *shape)[-2:] for shape in shapes]
    assert pictures.planes.shape[1] == pictures.total_channels == facets
    np.testing.assert_array_equal(pictures.sizes, sizes)
    assert pictures.size == tuple(np.max(sizes, axis=0))
    if max(pictures.size) <= 128:
        for index, (height, width) in enumerate(sizes):
            step = np.float64(pictures.high - pictures.low)[:, None, None] / 255
            wanted = samples[index].double().numpy().reshape(facets, height, width)
            assert (abs(shown(pictures)[index, :, :height, :width] - wanted) <= 0.502 * step).all()


@pytest.mark.parametrize("shapes", [[], [(3, 4, 5), (2, 4, 5)], [(4, 5), (1, 4, 5)]])
def test_samples_of_different_kinds_are_refused(shapes: list[tuple[int, ...]]) -> None:
    """Samples with other axes or facets than the rest cannot share a layout, and the error says which came."""
    with pytest.raises(InputError, match="expected samples that differ only in their last two axes"):
        decode_values([torch.rand(shape) for shape in shapes], "h")
