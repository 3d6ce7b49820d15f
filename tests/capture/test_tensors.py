"""What a tensor is, how any kind of it is read, and the record made of it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from nbinspect.capture.tensors import batch_size, channel_axis, describe, facts_of, readable

# what torch says of the tensors that are made here, not of what is done with them
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*quantize", "ignore:Sparse", "ignore:ComplexHalf", "ignore:The PyTorch"
)


@pytest.fixture(autouse=True)
def seed() -> Iterator[None]:
    """The same numbers in each test."""
    torch.manual_seed(0)
    return


@pytest.mark.parametrize(
    ("shape", "floating", "axis"),
    [
        ((), True, None),
        ((8,), True, None),
        ((8, 5), True, 1),
        ((8, 5), False, None),
        ((8, 3, 100), True, 1),
        ((8, 5, 5), True, 1),
        ((8, 100, 3), True, 2),
        ((8, 3, 100), False, None),
        ((8, 3, 32, 32), True, 1),
        ((8, 3, 32, 32), False, 1),
        ((8, 32, 32, 3), True, 3),
        ((8, 32, 32, 1), True, 3),
        ((8, 3, 32, 4), True, 1),
        ((8, 64, 7, 7), True, 1),
        ((8, 2, 3, 4, 5), True, 1),
        ((8, 3, None, None), True, 1),
        ((8, None, None, 3), True, 3),
        ((8, None, 3), True, 2),
        ((8, 3, None), True, 1),
    ],
)
def test_channel_axis(shape: tuple[int | None, ...], floating: bool, axis: int | None) -> None:
    """Features of tables, channels of signals and of pictures in either order are found by shape and type."""
    assert channel_axis(shape, floating=floating) == axis


def coo() -> Tensor:
    return torch.tensor([[0.0, 2.0], [0.0, 0.0]]).to_sparse()


def csr() -> Tensor:
    return torch.tensor([[0.0, 2.0], [0.0, 0.0]]).to_sparse_csr()


def quantised() -> Tensor:
    return torch.quantize_per_tensor(torch.tensor([[0.0, 2.0], [0.0, 0.0]]), 0.5, 10, torch.quint8)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (coo, "sparse_coo"),
        (csr, "sparse_csr"),
        (quantised, "quantised"),
        (lambda: torch.tensor([[0.0, 2.0], [0.0, 0.0]]).to(torch.float8_e4m3fn), "float8_e4m3fn"),
        (lambda: torch.tensor([[0, 2], [0, 0]], dtype=torch.uint16), "uint16"),
        (lambda: torch.tensor([[0, 2], [0, 0]], dtype=torch.uint32), "uint32"),
        (lambda: torch.tensor([[0, 2], [0, 0]], dtype=torch.uint64), "uint64"),
    ],
)
def test_readable_makes_values_plain_and_says_so(make: Any, word: str) -> None:
    """Sparse, quantised and rare types become dense and plain with the same values; the note says so."""
    values, note = readable(make())
    assert values is not None
    assert values.layout is torch.strided
    assert values.tolist() == [[0, 2], [0, 0]]
    assert word in note


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float16, torch.bfloat16, torch.float64])
def test_readable_leaves_plain_types(dtype: torch.dtype) -> None:
    """A plain tensor is handed on without a copy, detached, with nothing to say."""
    tensor = torch.ones(3, 2).to(dtype)
    if dtype.is_floating_point:
        tensor.requires_grad_()
    values, note = readable(tensor)
    assert values is not None
    assert (values.dtype, values.data_ptr(), values.requires_grad, note) == (dtype, tensor.data_ptr(), False, "")


@pytest.mark.parametrize("dtype", [torch.complex32, torch.complex64, torch.complex128])
@pytest.mark.parametrize(
    ("shape", "shown"), [((), (2,)), ((4,), (4, 2)), ((4, 3), (4, 2, 3)), ((4, 3, 5), (4, 2, 3, 5))]
)
def test_readable_splits_complex_numbers(shape: tuple[int, ...], shown: tuple[int, ...], dtype: torch.dtype) -> None:
    """Complex values become magnitude and phase on a new axis 1, conjugated ones too."""
    tensor = torch.randn(shape, dtype=torch.complex64).to(dtype).conj()
    values, note = readable(tensor)
    assert values is not None
    assert values.shape == shown
    assert "magnitude and phase" in note
    host = tensor.to(torch.complex64).resolve_conj().numpy()
    expected = np.stack([np.abs(host), np.angle(host)], axis=min(1, host.ndim))
    np.testing.assert_allclose(values.float().numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: torch.empty(3, device="meta"), "meta"),
        (
            lambda: torch.sparse_coo_tensor(torch.zeros(2, 1).long(), torch.ones(1), (10**5, 10**4)),
            "1,000,000,000 values",
        ),
        (lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged), "nested"),
    ],
)
def test_unreadable_says_why(make: Any, reason: str) -> None:
    """What cannot be read gives None with the reason, and a record with facts and that note."""
    values, note = readable(make())
    assert values is None
    assert reason in note


def test_a_record_without_values_has_its_facts() -> None:
    """A meta tensor has a record of facts alone, with the reason."""
    record = describe(torch.empty(4, 3, device="meta"), "x", "input", batch_size=4)
    assert (record.facts.shape, record.facts.layout, record.facts.device) == ((4, 3), "meta", "meta")
    assert record.statistics is record.samples is record.histogram is None
    assert "meta" in record.note
    assert len(record.preview) == 0


def test_a_tensor_that_raises_is_described_by_its_facts() -> None:
    """Where an operation fails on a strange tensor the record says so, and nothing is raised."""

    class Strange(Tensor):
        @classmethod
        def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is Tensor.detach:
                raise NotImplementedError("no such thing here\nand much more")
            return super().__torch_function__(func, types, args, kwargs)

    record = describe(torch.ones(2, 2).as_subclass(Strange), "x", "input", batch_size=2)
    assert record.facts.shape == (2, 2)
    assert record.note == "values cannot be read: NotImplementedError: no such thing here"


@pytest.mark.parametrize(
    ("make", "layout", "strides"),
    [
        (lambda: torch.ones(2, 3, 4, 4), "contiguous", (48, 16, 4, 1)),
        (lambda: torch.ones(2, 3, 4, 4).to(memory_format=torch.channels_last), "channels_last", (48, 1, 12, 3)),
        (lambda: torch.ones(8, 3).t(), "strided (1, 3)", (1, 3)),
        (lambda: torch.ones(1).expand(4, 3), "strided (0, 0)", (0, 0)),
        (coo, "sparse_coo", ()),
        (csr, "sparse_csr", ()),
        (quantised, "quantised", (2, 1)),
        (lambda: torch.tensor(3.0), "contiguous", ()),
    ],
)
def test_facts(make: Any, layout: str, strides: tuple[int, ...]) -> None:
    """Facts state layout and strides as they are."""
    tensor = make()
    facts = facts_of(tensor, "x['image']", "input")
    assert (facts.layout, facts.strides, facts.shape) == (layout, strides, tuple(tensor.shape))
    assert (facts.name, facts.role, facts.device) == ("x['image']", "input", "cpu")


def test_facts_of_gradients_and_types() -> None:
    """Facts state the type by its name and whether a gradient is wanted."""
    facts = facts_of(torch.ones(2, dtype=torch.bfloat16, requires_grad=True), "x", "input")
    assert (facts.dtype, facts.requires_grad) == ("bfloat16", True)


@pytest.mark.parametrize(
    ("shapes", "shape"),
    [
        ([(3, 5, 4), (3, 2, 2)], (2, 3, None, None)),
        ([(5,), (2,)], (2, None)),
        ([(3, 5), (2,)], (2, None)),
        ([(3, 5), (3, 5)], (2, 3, 5)),
        ([], (0,)),
    ],
)
def test_facts_of_a_ragged_list(shapes: list[tuple[int, ...]], shape: tuple[int | None, ...]) -> None:
    """A list has the number of samples first, and None where the lengths differ."""
    facts = facts_of([torch.ones(each) for each in shapes], "x", "input")
    assert (facts.shape, facts.layout, facts.strides) == (shape, "ragged list", ())


def oracle(values: Tensor, axis: int | None) -> tuple[Any, Any]:
    """Mean and deviation of each channel by NumPy in float64."""
    host = values.double().numpy()
    rows = host.reshape(1, -1) if axis is None else np.moveaxis(host, axis, 0).reshape(host.shape[axis], -1)
    return rows.mean(1), rows.std(1)


@pytest.mark.parametrize(
    ("shape", "axis", "kind"),
    [
        ((6, 5), 1, "feature"),
        ((6, 3, 100), 1, "channel"),
        ((6, 100, 3), 2, "channel"),
        ((6, 3, 8, 9), 1, "channel"),
        ((6, 8, 9, 3), 3, "channel"),
        ((6, 3, 2, 8, 9), 1, "channel"),
        ((6,), None, "all"),
    ],
)
def test_rows_are_channels(shape: tuple[int, ...], axis: int | None, kind: str) -> None:
    """Statistics have a row a channel or feature, wherever its axis is, and one a sample."""
    values = torch.randn(shape) * torch.arange(1.0, 1 + shape[-1])
    record = describe(values, "x", "input", batch_size=6)
    assert record.statistics is not None
    assert record.samples is not None
    mean, std = oracle(values, axis)
    assert record.statistics.axis == kind
    assert record.statistics.names == (("",) if axis is None else tuple(str(row) for row in range(shape[axis])))
    np.testing.assert_allclose(record.statistics.mean, mean, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(record.statistics.std, std, rtol=1e-7, atol=1e-12)
    mean, std = oracle(values, 0)
    np.testing.assert_allclose(record.samples.mean, mean, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(record.samples.std, std, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool, torch.uint16, torch.uint64])
def test_whole_numbers_have_one_row(dtype: torch.dtype) -> None:
    """Token ids and flags have neither channels nor features."""
    record = describe(torch.arange(12).reshape(3, 4).to(dtype), "ids", "input", batch_size=3)
    assert record.statistics is not None
    assert (record.statistics.axis, record.statistics.names, record.statistics.count.tolist()) == ("all", ("",), [12])


def test_statistics_of_samples_need_the_batch_first() -> None:
    """A tensor whose first axis is not the batch, and a single number, have no statistics per sample."""
    for values in (torch.randn(5, 3), torch.tensor(2.5)):
        record = describe(values, "x", "input", batch_size=7)
        assert record.samples is None
        assert record.statistics is not None


def test_a_ragged_list_is_one_batch() -> None:
    """Statistics of a ragged list run over the values of all its samples, channel by channel."""
    values = [torch.randn(3, 5, 4), torch.randn(3, 2, 2) * 9, torch.randn(3, 7, 1)]
    record = describe(values, "x", "input", batch_size=3)
    assert record.statistics is not None
    assert record.samples is not None
    together = torch.cat([sample.flatten(1) for sample in values], dim=1)
    np.testing.assert_allclose(record.statistics.std, together.double().numpy().std(1), rtol=1e-7)
    np.testing.assert_allclose(record.samples.std, [sample.double().numpy().std() for sample in values], rtol=1e-7)
    assert record.facts.layout == "ragged list"


@pytest.mark.parametrize(
    "values",
    [
        [torch.randn(3, 5), torch.randn(2)],
        [torch.randn(5), torch.randn(2)],
        [torch.tensor(1.5), torch.tensor(2.5)],
    ],
)
def test_a_ragged_list_without_common_channels(values: list[Tensor]) -> None:
    """Where the samples share no channels there is one row over all values."""
    record = describe(values, "x", "input", batch_size=2)
    assert record.statistics is not None
    assert record.samples is not None
    together = torch.cat([sample.flatten() for sample in values]).double().numpy()
    np.testing.assert_allclose(record.statistics.mean, [together.mean()], rtol=1e-9)
    np.testing.assert_allclose(record.samples.max, [float(sample.max()) for sample in values])


def test_nested_tensors_are_ragged_lists() -> None:
    """A nested tensor is counted and described as the list of its samples."""
    for layout in (torch.strided, torch.jagged):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a prototype, says torch
            nested = torch.nested.nested_tensor([torch.ones(2, 3), torch.zeros(4, 3)], layout=layout)
        assert batch_size([nested]) == 2
        record = describe(nested, "x", "input", batch_size=2)
        assert record.facts.shape == (2, None, 3)
        assert record.statistics is not None
        np.testing.assert_allclose(record.statistics.mean, [1 / 3] * 3)


def test_complex_rows() -> None:
    """Magnitude and phase are the rows of a complex tensor, whatever its shape."""
    for shape in ((6,), (6, 3), (6, 3, 3), (6, 2, 5, 3), ()):
        tensor = torch.randn(shape, dtype=torch.complex64)
        record = describe(tensor, "x", "input", batch_size=6)
        assert record.statistics is not None
        assert record.statistics.names == ("magnitude", "phase")
        expected = [np.abs(tensor.numpy()).mean(), np.angle(tensor.numpy()).mean()]
        np.testing.assert_allclose(record.statistics.mean, expected, rtol=1e-5)


def test_empty_lists_and_batches() -> None:
    """A batch of size 0 and an empty list have records, with nothing in them."""
    record = describe(torch.zeros(0, 3, 4, 4), "x", "input", batch_size=0)
    assert record.statistics is not None
    assert record.samples is not None
    assert (record.statistics.count.tolist(), len(record.samples.mean), record.histogram) == ([0, 0, 0], 0, None)
    assert describe([], "x", "input", batch_size=0).note == "an empty list"


def test_every_type_has_its_preview() -> None:
    """The first 64 values come in the tensor's own type where NumPy has it, in float32 otherwise."""
    for dtype in (
        torch.bool,
        torch.int8,
        torch.uint8,
        torch.int16,
        torch.int64,
        torch.uint16,
        torch.float16,
        torch.float64,
    ):
        record = describe((torch.arange(100) % 2).to(dtype), "x", "input", batch_size=100)
        assert record.preview.tolist() == [0, 1] * 32
        assert record.preview.dtype == str(dtype).removeprefix("torch.")
    record = describe(torch.full((3,), 1.5, dtype=torch.bfloat16), "x", "input", batch_size=3)
    assert (record.preview.tolist(), record.preview.dtype) == ([1.5] * 3, np.float32)
    record = describe(torch.tensor([2**62 + 1, 7]), "ids", "input", batch_size=2)
    assert record.preview.tolist() == [2**62 + 1, 7]
    record = describe(torch.tensor([1 + 2j]).conj(), "x", "input", batch_size=1)
    assert record.preview.tolist() == [1 - 2j]


def test_the_preview_follows_the_axes() -> None:
    """The preview of a transposed tensor is in the order of its axes, and nothing copies the whole."""
    copied: list[int] = []

    class Copies(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is torch.ops.aten.clone.default and args[0].dtype is torch.float32:
                copied.append(args[0].nbytes)
            return func(*args, **(kwargs or {}))

    values = torch.randn(20, 3, 30, 30).to(memory_format=torch.channels_last)
    with Copies():
        record = describe(values, "x", "input", batch_size=20)
    assert record.preview.tolist() == values.reshape(-1)[:64].tolist()
    assert max(copied, default=0) < values.nbytes / 10


def test_autocast_does_not_lower_the_precision() -> None:
    """Inside autocast, as in a forward pass, statistics are those of outside."""
    values = torch.randn(16, 3, 8, 8) + 1000
    outside = describe(values, "x", "input", batch_size=16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = describe(values, "x", "input", batch_size=16)
        assert torch.is_autocast_enabled("cpu")
    assert outside.statistics is not None
    assert inside.statistics is not None
    np.testing.assert_array_equal(inside.statistics.std, outside.statistics.std)
    np.testing.assert_array_equal(inside.statistics.mean, outside.statistics.mean)


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_any_grad_mode(mode: Any) -> None:
    """Tensors with a graph, and inference tensors, are described and left as they are."""
    with mode():
        values = torch.randn(4, 3, requires_grad=True) * 2
        before, version = values.clone(), values._version if not values.is_inference() else None
        record = describe(values, "x", "input", batch_size=4)
        assert record.statistics is not None
        assert torch.equal(values, before)
        assert version is None or values._version == version


def test_deterministic_mode_and_default_device() -> None:
    """Deterministic algorithms and a default device of the user's do not stand in the way."""
    values = torch.randn(4, 3, 8, 8)
    torch.use_deterministic_algorithms(True)
    torch.set_default_device("meta")
    try:
        record = describe(values, "x", "input", batch_size=4)
    finally:
        torch.set_default_device(None)
        torch.use_deterministic_algorithms(False)
    assert record.statistics is not None
    assert record.note == ""


def test_random_states_are_left_alone() -> None:
    """To describe a tensor draws no random number."""
    state, numpy_state = torch.get_rng_state(), str(np.random.get_state())
    describe(torch.ones(200, 3, 100, 100), "x", "input", batch_size=200)
    assert torch.equal(torch.get_rng_state(), state)
    assert str(np.random.get_state()) == numpy_state


@pytest.mark.gpu
def test_on_an_accelerator() -> None:
    """A tensor on a CUDA device gives the record that it gives on the host, with one wait."""
    values = torch.randn(16, 3, 32, 32)
    torch.use_deterministic_algorithms(True)
    try:
        near, far = (describe(values.to(device), "x", "input", batch_size=16) for device in ("cpu", "cuda"))
    finally:
        torch.use_deterministic_algorithms(False)
    assert near.statistics is not None
    assert far.statistics is not None
    assert near.histogram is not None
    assert far.histogram is not None
    np.testing.assert_allclose(far.statistics.std, near.statistics.std, rtol=1e-9)
    np.testing.assert_array_equal(far.histogram.counts, near.histogram.counts)
