from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

from nbinspect.decode.activation import attention_of, view_activation, view_weights
from nbinspect.errors import InputError
from nbinspect.records import ActivationView

Array = NDArray[Any]
BARS = 24


def seen(tensor: Tensor, size: int, **how: Any) -> ActivationView:
    return view_activation(tensor, **({"step": 4, "output": 1, "name": "F.relu → output", "size": size} | how))


def block_means(plane: Array, rows: int, columns: int) -> Array:
    """The means of the finite values of each block, one block at a time."""
    height, width = plane.shape
    means = np.full((math.ceil(height / rows), math.ceil(width / columns)), np.nan)
    for i, j in np.ndindex(means.shape):
        block = plane[i * rows : (i + 1) * rows, j * columns : (j + 1) * columns]
        if np.isfinite(block).any():
            means[i, j] = block[np.isfinite(block)].mean()
    return means


def finite(values: Array) -> Array:
    return values[np.isfinite(values)]


def strongest(units: list[Array]) -> list[int]:
    sizes = [np.abs(finite(unit)).mean() if len(finite(unit)) else -1.0 for unit in units]
    order = sorted(range(len(sizes)), key=lambda unit: -sizes[unit])
    return [unit for unit in order if sizes[unit] >= 0][:8]


def agrees(view: ActivationView, shown: Array, units: list[Array]) -> None:
    """Check range, bars and strongest units of what is shown (P, H, W) against NumPy."""
    values = finite(shown)
    low, high = values.min(), values.max()
    np.testing.assert_allclose(view.shared, (low, high))
    np.testing.assert_allclose(view.edges, (low, high))
    counts = np.histogram(values.astype(np.float64), bins=BARS, range=(float(low), float(high)))[0]
    np.testing.assert_array_equal(view.bars, counts)
    assert view.top.tolist() == strongest(units)
    page = shown[view.first : view.first + len(view.planes)]
    np.testing.assert_allclose(view.low, [finite(plane).min() if len(finite(plane)) else np.nan for plane in page])
    np.testing.assert_allclose(view.high, [finite(plane).max() if len(finite(plane)) else np.nan for plane in page])


def test_maps_show_a_page_of_channels_of_one_sample() -> None:
    """Of (N, C, H, W) the chosen sample's channels are shown, with what is told of them worked out by brute force."""
    torch.manual_seed(0)
    tensor = torch.randn(5, 37, 6, 9).relu()
    tensor[:, [3, 18, 36]] = 0
    tensor[2, 20] = 0
    values = tensor.numpy()
    for first, count in ((0, 16), (16, 16), (32, 5)):
        view = seen(tensor, 5, sample=2, first=first)
        assert (view.kind, view.axes) == ("maps", ("channel", "height", "width"))
        assert (view.step, view.output, view.name) == (4, 1, "F.relu → output")
        assert (view.shape, view.dtype, view.device) == ((5, 37, 6, 9), "float32", "cpu")
        assert (view.sample, view.samples, view.size, view.first, view.total) == (2, 5, (6, 9), first, 37)
        np.testing.assert_array_equal(view.planes, values[2, first : first + count])
        assert view.planes.dtype == np.float32
        expected = [not values[:, channel].any() for channel in range(first, first + count)]
        assert view.dead.tolist() == expected
        agrees(view, values[2], list(values[2]))
        assert view.excited is not None
        np.testing.assert_array_equal(view.excited, values.max((2, 3)).T)
        assert (view.row_names, view.column_names, view.compared, view.note) == ((), (), "", "")


@pytest.mark.parametrize(
    ("planes", "size", "factor"),
    [
        (2, (128, 128), 1),
        (2, (129, 60), 2),
        (4, (300, 500), 4),
        (5, (128, 64), 2),
        (4, (128, 64), 1),
        (16, (130, 67), 3),
        (1, (1, 513), 5),
    ],
)
def test_large_maps_are_reduced_by_averaging(planes: int, size: tuple[int, int], factor: int) -> None:
    """Planes above 128 pixels a side, or 64 where they are many, become the means of square blocks."""
    torch.manual_seed(1)
    tensor = torch.randn(2, planes, *size)
    view = seen(tensor, 2, sample=1)
    expected = np.stack([block_means(plane, factor, factor) for plane in tensor[1].double().numpy()])
    np.testing.assert_allclose(view.planes, expected, rtol=1e-5, atol=1e-6)
    assert max(view.planes.shape[1:]) <= (64 if planes > 4 else 128)
    assert view.size == size
    agrees(view, tensor[1].numpy(), list(tensor[1].numpy()))


def test_a_large_matrix_is_reduced_to_256_cells_a_side() -> None:
    """Rows and columns of a matrix are reduced apart, a block of columns is dead where all of them are, names join."""
    torch.manual_seed(2)
    tensor = torch.randn(300, 1000)
    tensor[:, 40:48] = 0
    tensor[:, 101] = 0
    names = tuple(f"s{row}" for row in range(300))
    view = seen(tensor, 300, row_names=names, column_names=("too", "few"))
    assert view.planes.shape == (1, 150, 250)
    np.testing.assert_allclose(view.planes[0], block_means(tensor.double().numpy(), 2, 4), rtol=1e-5, atol=1e-6)
    assert np.flatnonzero(view.dead).tolist() == [10, 11]
    assert view.row_names[:2] == ("s0 … s1", "s2 … s3")
    assert len(view.row_names) == 150
    assert view.column_names == ()
    agrees(view, tensor[None].numpy(), list(tensor.numpy().T))


def test_a_matrix_of_all_samples_tells_of_its_columns() -> None:
    """Of (N, F) all samples are rows, and features are the units that may be dead or strong."""
    torch.manual_seed(3)
    tensor = torch.randn(7, 12)
    tensor[:, [1, 5]] = 0
    tensor[:, 9] *= 50
    tensor[2, 7] = 0
    view = seen(tensor, 7, sample=3, row_names=tuple("abcdefg"), column_names=tuple("ABCDEFGHIJKL"))
    assert (view.kind, view.axes, view.sample, view.samples) == ("matrix", ("", "sample", "feature"), None, 7)
    np.testing.assert_array_equal(view.planes, tensor[None].numpy())
    assert np.flatnonzero(view.dead).tolist() == [1, 5]
    assert view.top[0] == 9
    assert (view.row_names, view.column_names) == (tuple("abcdefg"), tuple("ABCDEFGHIJKL"))
    assert view.excited is None
    agrees(view, tensor[None].numpy(), list(tensor.numpy().T))


@pytest.mark.parametrize(
    ("operation", "axes"),
    [
        ("", ("", "position", "feature")),
        ("Linear", ("", "position", "feature")),
        ("F.conv1d", ("", "channel", "time")),
        ("MaxPool1d", ("", "channel", "time")),
        ("Conv1D", ("", "position", "feature")),
    ],
)
def test_three_axes_are_a_matrix_of_one_sample(operation: str, axes: tuple[str, str, str]) -> None:
    """Of (N, T, F), and of (N, C, T) that a one-dimensional operation made, the chosen sample is shown."""
    torch.manual_seed(4)
    tensor = torch.randn(4, 5, 8)
    view = seen(tensor, 4, sample=3, operation=operation, row_names=tuple("abcde"))
    assert (view.kind, view.axes, view.sample, view.samples, view.total) == ("matrix", axes, 3, 4, 1)
    np.testing.assert_array_equal(view.planes, tensor[3:].numpy())
    assert view.row_names == tuple("abcde")
    assert view.dead.tolist() == [False]
    assert view.excited is not None
    np.testing.assert_array_equal(view.excited, tensor.numpy().max((1, 2))[None])
    agrees(view, tensor[3:].numpy(), list(tensor[3].numpy().T))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_rows_that_sum_to_one_are_attention(causal: bool, dtype: torch.dtype) -> None:
    """(N, heads, T, T) of a softmax is attention, a plane a head, also where it is causal."""
    torch.manual_seed(5)
    scores = torch.randn(3, 20, 7, 7)
    scores = scores.masked_fill(~torch.ones(7, 7, dtype=torch.bool).tril(), -math.inf) if causal else scores
    weights = scores.softmax(-1).to(dtype)
    view = seen(weights, 3, sample=1, first=16)
    assert (view.kind, view.axes, view.total) == ("attention", ("head", "query", "key"), 20)
    np.testing.assert_array_equal(view.planes, weights[1, 16:].float().numpy())
    assert seen(weights * 0.9, 3).kind == "maps"
    assert seen(weights - 1 / 7, 3).kind == "maps"
    signed = weights + torch.tensor([1.0, -1, 0, 0, 0, 0, 0]).to(dtype)
    assert seen(signed, 3).kind == "maps"
    assert seen(scores.nan_to_num(neginf=0), 3).kind == "maps"


def test_attention_comes_in_other_shapes_too() -> None:
    """Averaged heads, heads folded into the batch, cross attention, and rows that attend to nothing are attention."""
    torch.manual_seed(6)
    averaged = torch.randn(3, 7, 7).softmax(-1)
    assert (seen(averaged, 3).kind, seen(averaged, 3).total) == ("attention", 1)
    folded = torch.randn(12, 7, 7).softmax(-1)
    view = seen(folded, 3, sample=2)
    assert (view.kind, view.sample, view.samples, view.total) == ("attention", 2, 3, 4)
    np.testing.assert_array_equal(view.planes, folded[8:].numpy())
    across = torch.randn(3, 2, 5, 9).softmax(-1)
    assert seen(across, 3, operation="F.softmax").kind == "attention"
    assert seen(across, 3).kind == "maps"
    assert seen(torch.randn(3, 5, 9).softmax(-1), 3, operation="F.softmax").kind == "matrix"
    padded = torch.randn(3, 2, 7, 7).softmax(-1)
    padded[0, :, 5:], padded[1, :, 5:] = 0, math.nan
    assert seen(padded, 3).kind == "attention"
    padded[:] = 0
    padded[0, 0] = torch.eye(7)
    assert seen(padded, 3).kind == "maps"
    assert seen(torch.ones(3, 2, 1, 1), 3).kind == "maps"
    assert seen(torch.zeros(3, 2, 7, 7), 3).kind == "maps"


@pytest.mark.parametrize(
    ("shape", "size", "expected", "total", "plane"),
    [
        ((6,), 6, ("vector", ("", "", "sample"), 6), 1, (1, 6)),
        ((6,), 4, ("vector", ("", "", "feature"), 0), 1, (1, 6)),
        ((), 4, ("number", ("", "", ""), 0), 1, (1, 1)),
        ((5, 7), 4, ("matrix", ("", "row", "column"), 0), 1, (5, 7)),
        ((5, 4, 3), 4, ("maps", ("position", "sample", "feature"), 0), 5, (4, 3)),
        ((1, 8, 8), 4, ("maps", ("plane", "row", "column"), 0), 1, (8, 8)),
        ((8, 3, 5, 5), 4, ("maps", ("plane", "row", "column"), 0), 24, (5, 5)),
        ((4, 2, 3, 5, 6), 4, ("maps", ("plane", "height", "width"), 4), 6, (5, 6)),
        ((4, 2, 3, 2, 5, 6), 4, ("maps", ("plane", "height", "width"), 4), 12, (5, 6)),
        ((4, 9, 9, 3), 4, ("maps", ("channel", "height", "width"), 4), 9, (9, 3)),
    ],
)
def test_every_shape_has_its_kind(
    shape: tuple[int, ...], size: int, expected: tuple[str, tuple[str, ...], int], total: int, plane: tuple[int, int]
) -> None:
    """Vectors, numbers, volumes, weights and tensors whose first axis is not the batch are all shown."""
    torch.manual_seed(7)
    tensor = torch.randn(shape)
    view = seen(tensor, size)
    assert ((view.kind, view.axes, view.samples), view.total, view.size) == (expected, total, plane)
    chosen = tensor[0] if view.sample == 0 else tensor
    np.testing.assert_array_equal(view.planes, chosen.reshape(total, *plane).numpy()[:16])
    assert view.sample is None or view.samples
    assert len(view.dead) == len(view.planes)
    assert (view.excited is None) == (view.sample is None)


def test_pictures_that_enter_with_channels_last_are_shown_by_channel() -> None:
    """An input (N, H, W, 3) has three maps."""
    tensor = torch.randn(4, 9, 8, 3)
    view = seen(tensor, 4, step=-1, sample=1)
    assert (view.total, view.size) == (3, (9, 8))
    np.testing.assert_array_equal(view.planes, tensor[1].numpy().transpose(2, 0, 1))


def test_what_is_not_finite_stays_so() -> None:
    """NaN and Inf are kept in planes, count for nothing else, and a reduced cell is NaN where none is finite."""
    torch.manual_seed(8)
    tensor = torch.randn(2, 3, 6, 6)
    tensor[0, 0, 0, 0], tensor[0, 0, 1, 1], tensor[0, 0, 2, 2] = math.nan, math.inf, -math.inf
    tensor[0, 1] = math.nan
    view = seen(tensor, 2)
    np.testing.assert_array_equal(view.planes, tensor[0].numpy())
    agrees(view, tensor[0].numpy(), list(tensor[0].numpy()))
    assert set(view.top.tolist()) == {0, 2}
    assert view.excited is not None
    np.testing.assert_array_equal(view.excited, tensor.numpy().max((2, 3)).T)
    wide = torch.randn(1, 1, 4, 256)
    wide[0, 0, :2, :2] = math.nan
    wide[0, 0, 2, 5] = math.inf
    view = seen(wide, 1)
    assert np.isnan(view.planes[0, 0, 0])
    np.testing.assert_allclose(view.planes[0], block_means(wide[0, 0].double().numpy(), 2, 2), rtol=1e-5, atol=1e-6)
    view = seen(torch.full((2, 3), math.nan), 2)
    assert np.isnan([*view.shared, *view.edges, *view.low, *view.high]).all()
    assert (len(view.bars), len(view.top)) == (0, 0)


def test_equal_values_are_one_bar() -> None:
    """Where all values are equal there is one bar around them, and zero planes are dead."""
    view = seen(torch.zeros(2, 3, 4, 4), 2)
    assert (view.bars.tolist(), view.edges, view.shared) == ([48], (-0.5, 0.5), (0.0, 0.0))
    assert view.dead.all()
    view = seen(torch.full((2, 3, 4, 4), 7), 2)
    assert (view.bars.tolist(), view.edges, view.shared) == ([48], (6.5, 7.5), (7.0, 7.0))


@pytest.mark.parametrize(
    "values",
    [
        torch.arange(24).reshape(2, 3, 2, 2),
        torch.arange(24).reshape(2, 3, 2, 2) % 3 == 0,
        torch.arange(24, dtype=torch.uint8).reshape(2, 3, 2, 2),
        torch.arange(24).reshape(2, 3, 2, 2).half(),
        torch.arange(24).reshape(2, 3, 2, 2).to(torch.bfloat16),
        torch.arange(24).reshape(2, 3, 2, 2).double(),
        torch.arange(24).reshape(2, 3, 2, 2).float().to(torch.float8_e4m3fn),
        torch.arange(24).reshape(2, 3, 2, 2).to(torch.uint16),
        torch.arange(24).reshape(2, 3, 2, 2).float().to_sparse(),
        torch.arange(24).reshape(2, 2, 2, 3).permute(0, 3, 1, 2),
        torch.arange(6).reshape(2, 3, 1, 1).expand(2, 3, 2, 2),
    ],
    ids=["int", "bool", "byte", "half", "bfloat16", "double", "float8", "uint16", "sparse", "strided", "expanded"],
)
def test_every_type_and_layout_is_shown(values: Tensor) -> None:
    """Values of any type are shown as they are, as far as float32 can hold them."""
    view = seen(values, 2, sample=1)
    dense = values.to_dense().float().numpy()
    np.testing.assert_array_equal(view.planes, dense[1])
    agrees(view, dense[1], list(dense[1]))
    assert view.dtype == str(values.dtype).removeprefix("torch.")


def test_doubles_beyond_float32_stay_finite() -> None:
    """A value that float32 cannot hold is shown as its greatest, and its true size is told."""
    view = seen(torch.tensor([[1e300, -1e300, math.inf]], dtype=torch.float64), 1)
    assert view.planes[0, 0].tolist() == [np.finfo(np.float32).max, np.finfo(np.float32).min, math.inf]
    assert view.shared == (-1e300, 1e300)
    assert view.bars.tolist() == [1, *[0] * 22, 1]


def test_complex_values_are_magnitude_and_phase() -> None:
    """Complex (N, F) become a plane of two rows a sample, and the note says so."""
    tensor = torch.tensor([[1 + 1j, 2j], [3 + 0j, -1j]])
    view = seen(tensor, 2, sample=1)
    assert "magnitude and phase" in view.note
    np.testing.assert_allclose(view.planes[0], [[3, 1], [0, -math.pi / 2]], rtol=1e-6)
    assert (view.shape, view.dtype) == ((2, 2), "complex64")


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested:UserWarning", "ignore:.*[Qq]uantiz.*:UserWarning")
def test_what_cannot_be_shown_says_why() -> None:
    """Meta, nested and empty tensors have the kind none and a reason, and quantised ones are shown."""
    view = seen(torch.empty(2, 3, device="meta"), 2)
    assert (view.kind, view.shape, view.device) == ("none", (2, 3), "meta")
    assert "no values" in view.note
    assert view.planes.shape == (0, 0, 0)
    for layout in (torch.strided, torch.jagged):
        nested = torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)], layout=layout)
        view = seen(nested, 2)
        assert (view.kind, view.shape) == ("none", (2,))
        assert "nested" in view.note
    for shape in ((0,), (0, 3), (2, 0, 4, 4), (2, 3, 0, 4)):
        view = seen(torch.zeros(shape), shape[0])
        assert (view.kind, view.shape) == ("none", shape)
        assert str(shape) in view.note
    whole = torch.quantize_per_tensor(torch.tensor([[0.5, 1.0]]), 0.5, 0, torch.quint8)
    view = seen(whole, 1)
    assert view.planes.tolist() == [[[0.5, 1.0]]]
    assert "quantised" in view.note


def test_a_difference_is_shown() -> None:
    """With something to compare with, the difference is what is shown and told of, of integers without wrapping."""
    torch.manual_seed(9)
    tensor, other = torch.randn(3, 5, 4, 4), torch.randn(3, 5, 4, 4)
    other[:, 2] = tensor[:, 2]
    view = seen(tensor, 3, sample=1, compared=other, compared_with="eval mode")
    shown = (tensor - other)[1].numpy()
    np.testing.assert_array_equal(view.planes, shown)
    agrees(view, shown, list(shown))
    assert view.compared == "eval mode"
    assert np.flatnonzero(view.dead).tolist() == [2]
    few, many = torch.tensor([[1, 2]], dtype=torch.uint8), torch.tensor([[3, 1]], dtype=torch.uint8)
    assert seen(few, 1, compared=many).planes.tolist() == [[[-2, 1]]]
    assert seen(few > 1, 1, compared=many > 1).planes.tolist() == [[[-1, 1]]]
    halves = torch.tensor([[60000.0]]).half()
    assert seen(halves, 1, compared=-halves).planes.item() == 120_000
    weights = torch.randn(2, 3, 5, 5).softmax(-1)
    assert seen(weights, 2, compared=weights.flip(-1)).kind == "attention"
    view = seen(tensor, 3, compared=torch.empty(3, 5, 4, 4, device="meta"), compared_with="step 3")
    assert (view.kind, "meta" in view.note) == ("none", True)


def test_shapes_and_numbers_that_do_not_fit_are_refused() -> None:
    """Another shape to compare with, a sample and a plane that are not there are errors that say what came."""
    tensor = torch.randn(3, 5, 4, 4)
    with pytest.raises(InputError, match=r"\(3, 5, 4, 4\), got \(3, 5, 4\)"):
        seen(tensor, 3, compared=tensor[..., 0])
    for sample in (3, -1):
        with pytest.raises(InputError, match=f"sample: expected 0 to 2, got {sample}"):
            seen(tensor, 3, sample=sample)
    for first in (5, -1):
        with pytest.raises(InputError, match=f"plane, 0 to 4, got {first}"):
            seen(tensor, 3, first=first)


def test_many_channels_or_samples_have_no_table_of_the_greatest() -> None:
    """The greatest value of each channel in each sample is told for at most 256 channels and 512 samples."""
    assert seen(torch.randn(2, 256, 1, 2), 2).excited is not None
    assert seen(torch.randn(2, 257, 1, 2), 2).excited is None
    assert seen(torch.randn(512, 2, 1, 2), 512).excited is not None
    assert seen(torch.randn(513, 2, 1, 2), 513).excited is None


class Refuse(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise AssertionError(f"{func} was seen")


def test_looking_leaves_no_trace() -> None:
    """The tensor, its graph and version stay as they were, inside a function mode and inference mode too."""
    leaf = torch.randn(3, 4, 5, 5, requires_grad=True)
    tensor = leaf * 2
    before, version = tensor.detach().clone(), tensor._version
    with Refuse():
        view = seen(tensor, 3, compared=tensor)
        weights = attention_of(tensor, tensor)
        view_weights("conv", leaf)
    assert not view.planes.any()
    assert not weights.requires_grad
    assert torch.equal(tensor, before)
    assert (tensor._version, tensor.requires_grad, leaf.grad) == (version, True, None)
    tensor.sum().backward()
    with torch.inference_mode():
        inside = torch.randn(3, 4)
        np.testing.assert_array_equal(seen(inside, 3).planes[0], inside.numpy())
    np.testing.assert_array_equal(seen(inside, 3).planes[0], inside.numpy())
    np.testing.assert_array_equal(seen(nn.Parameter(inside.clone()), 3).planes[0], inside.numpy())


@pytest.mark.gpu
def test_a_view_takes_two_transfers_at_most() -> None:
    """On an accelerator the host waits for the device twice at most."""
    weights = torch.randn(3, 4, 200, 200, device="cuda").softmax(-1)
    seen(weights, 3)
    torch.cuda.synchronize()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        view = seen(weights, 3, sample=1)
    copies = [event for event in profile.events() if "Memcpy DtoH" in event.name]
    assert 1 <= len(copies) <= 2
    agrees(view, weights[1].cpu().numpy(), list(weights[1].cpu().numpy()))


def test_filters_of_a_convolution_are_pictures() -> None:
    """A grey filter is a plane, a colour one three, and the note says which plane is which."""
    grey = nn.Conv2d(1, 20, 5).weight
    view = view_weights("conv1", grey)
    assert (view.step, view.name, view.kind, view.total) == (-2, "conv1.weight", "maps", 20)
    assert (view.samples, view.sample, view.excited) == (0, None, None)
    np.testing.assert_array_equal(view.planes, grey.detach()[:, 0].numpy())
    colour = nn.Conv2d(3, 64, 7).weight
    view = view_weights("stem", colour)
    assert (len(view.planes), view.total) == (192, 192)
    np.testing.assert_array_equal(view.planes[3 * 5 + 2], colour.detach()[5, 2].numpy())
    assert view.note == "plane 3·k + c is input channel c (red, green, blue) of filter k"
    assert view_weights("", colour).name == "weight"
    view = view_weights("deep", torch.randn(64, 512, 3, 3))
    assert (len(view.planes), view.total) == (256, 64 * 512)
    view = view_weights("wide", torch.randn(64, 2, 200, 200))
    assert view.planes.shape == (16, 50, 50)
    view = view_weights("sound", torch.randn(6, 2, 9))
    assert (view.planes.shape, view.axes) == ((6, 2, 9), ("filter", "input channel", "time"))


def test_rows_of_a_linear_layer_are_pictures_where_they_are_square() -> None:
    """784 inputs are 28 × 28; 36 and 50 are a matrix, and a bias is a vector."""
    weight = nn.Linear(784, 10).weight
    view = view_weights("fc", weight)
    assert (view.kind, view.size, view.axes) == ("maps", (28, 28), ("unit", "height", "width"))
    np.testing.assert_array_equal(view.planes, weight.detach().reshape(10, 28, 28).numpy())
    assert view_weights("fc", torch.randn(5, 49)).size == (7, 7)
    for features in (36, 50):
        view = view_weights("fc", torch.randn(5, features))
        assert (view.kind, view.size, view.axes) == ("matrix", (5, features), ("", "unit", "input"))
    assert view_weights("bias", torch.randn(5)).kind == "vector"
    assert view_weights("scale", torch.tensor(2.0)).planes.tolist() == [[[2.0]]]
    assert view_weights("lazy", torch.empty(3, 3, device="meta")).kind == "none"


def by_hand(query: Tensor, key: Tensor, mask: Tensor | None, causal: bool, scale: float) -> Array:
    """Attention of each query by loops over NumPy arrays."""
    q, k = query.double().numpy(), key.double().numpy()
    weights = np.zeros((*q.shape[:3], k.shape[2]))
    for n, head, t in np.ndindex(q.shape[:3]):
        scores = k[n, head // (q.shape[1] // k.shape[1])] @ q[n, head, t] * scale
        if causal:
            scores[t + 1 :] = -np.inf
        if mask is not None:
            own = mask.expand(*weights.shape)[n, head, t].numpy()
            scores = np.where(own, scores, -np.inf) if own.dtype == bool else scores + own
        if np.isfinite(scores).any():
            powers = np.exp(scores - scores.max())
            weights[n, head, t] = powers / powers.sum()
    return weights


MASKS = {
    "none": None,
    "keys": torch.tensor([[True] * 6, [True] * 4 + [False] * 2])[:, None, None],
    "bool": torch.arange(30).reshape(5, 6) % 4 > 0,
    "float": torch.linspace(-2, 2, 60).reshape(1, 2, 5, 6).repeat(1, 2, 1, 1),
    "a row": torch.arange(5)[:, None].expand(5, 6) != 2,
}


@pytest.mark.parametrize("heads", [1, 2, 4])
@pytest.mark.parametrize("masked", [*MASKS, "causal"])
@pytest.mark.parametrize("scale", [None, 0.3])
def test_attention_is_that_of_torch(heads: int, masked: str, scale: float | None) -> None:
    """Weights equal a loop by hand, and times the values what torch's own function returns."""
    torch.manual_seed(10)
    query, key, value = torch.randn(2, 4, 5, 8), torch.randn(2, heads, 6, 8), torch.randn(2, heads, 6, 3)
    mask, causal = MASKS.get(masked), masked == "causal"
    weights = attention_of(query, key, mask=mask, is_causal=causal, scale=scale)
    expected = by_hand(query, key, mask, causal, 8**-0.5 if scale is None else scale)
    np.testing.assert_allclose(weights.numpy(), expected, atol=1e-6)
    keys, values = (part.repeat_interleave(4 // heads, 1) for part in (key, value))
    if masked != "a row":  # older releases give NaN where nothing may be attended to
        own = scaled_dot_product_attention(query, keys, values, mask, is_causal=causal, scale=scale)
        torch.testing.assert_close(weights @ values, own)


def test_grouped_heads_are_those_of_torch() -> None:
    """With fewer heads of the key the weights are those of `enable_gqa`."""
    torch.manual_seed(11)
    query, key, value = torch.randn(2, 6, 5, 8), torch.randn(2, 3, 5, 8), torch.randn(2, 3, 5, 8)
    try:
        own = scaled_dot_product_attention(query, key, value, enable_gqa=True)
    except TypeError:
        pytest.skip("this release has no grouped heads")
    torch.testing.assert_close(attention_of(query, key) @ value.repeat_interleave(2, 1), own)


def test_attention_keeps_nan_and_widens_halves() -> None:
    """NaN scores stay NaN, half precision becomes float32, and axes before the last two may be any."""
    query = torch.randn(4, 8)
    assert attention_of(query, query).shape == (4, 4)
    assert attention_of(query.half()[None], query.half()[None]).dtype is torch.float32
    query[1, 0] = math.nan
    weights = attention_of(query, torch.randn(4, 8))
    assert weights[1].isnan().all()
    assert not weights[[0, 2, 3]].isnan().any()


def test_attention_refuses_what_does_not_fit() -> None:
    """Features, masks and heads that do not fit are errors that name the shapes."""
    query, key = torch.randn(2, 4, 5, 8), torch.randn(2, 4, 6, 8)
    with pytest.raises(InputError, match="E of the query"):
        attention_of(query, key[..., :7])
    with pytest.raises(InputError, match=r"got \(2, 4, 5, 8\), \(2, 4, 6, 8\), \(7, 7\)"):
        attention_of(query, key, mask=torch.zeros(7, 7))
    with pytest.raises(InputError, match="is_causal"):
        attention_of(query, key, mask=torch.zeros(5, 6), is_causal=True)
    with pytest.raises(InputError, match=r"\(2, 3, 6, 8\)"):
        attention_of(query, torch.randn(2, 3, 6, 8))
