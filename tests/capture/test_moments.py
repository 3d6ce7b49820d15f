from __future__ import annotations

import warnings
from math import inf, nan

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from nbinspect.capture.moments import MomentsGatherer
from nbinspect.capture.summary import Measured

RANDOM = torch.Generator().manual_seed(0)


def measured(tensor: Tensor, **options: object) -> Measured:
    """What the gatherer tells of one tensor."""
    values = MomentsGatherer()
    values.add(tensor, **options)  # type: ignore[arg-type] # bounds and axis
    (found,) = values.gather()
    return found


def check(tensor: Tensor, oracle: NDArray[np.float64], tolerance: float = 1e-6) -> None:
    """Compare exact numbers with NumPy's over all values, and shares with those of a large sample."""
    found = measured(tensor).moments
    assert found is not None
    finite = oracle[np.isfinite(oracle)]
    assert (found.count, found.nan, found.inf) == (oracle.size, np.isnan(oracle).sum(), np.isinf(oracle).sum())
    assert (found.min, found.max) == (finite.min(), finite.max())
    assert found.mean == pytest.approx(finite.mean(), rel=tolerance, abs=tolerance * abs(finite).max())
    assert found.std == pytest.approx(finite.std(), rel=1e-3, abs=1e-30)
    close = 1e-12 if found.sampled == 1 else 0.05
    assert found.zero == pytest.approx((oracle == 0).mean(), abs=close)
    assert found.negative == pytest.approx((oracle < 0).mean(), abs=close)
    assert found.bars.sum() <= 2048


SHAPES = [(), (1,), (7,), (32, 10), (8, 3, 16, 16), (4, 128, 64)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_floats_are_measured_as_numpy_does(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """Every floating type and shape gives NumPy's numbers in float64."""
    tensor = torch.randn(shape, generator=RANDOM).to(dtype)
    check(tensor, tensor.double().numpy().ravel())


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool])
def test_integers_are_measured_as_numpy_does(dtype: torch.dtype) -> None:
    """Integers and flags are measured exactly."""
    tensor = torch.randint(0, 2 if dtype is torch.bool else 100, (50, 300), generator=RANDOM).to(dtype)
    check(tensor, tensor.numpy().astype(np.float64).ravel())


def test_many_integers_keep_their_mean() -> None:
    """Integers too many to be converted are measured on a part of them that stands for all."""
    tensor = torch.randint(0, 1000, (2**21 + 3,), generator=RANDOM)
    found = measured(tensor).moments
    assert found is not None
    assert found.count == tensor.numel()
    assert found.mean == pytest.approx(tensor.double().mean().item(), rel=0.01)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.transpose(1, 2),
        lambda x: x.permute(3, 0, 2, 1),
        lambda x: x[:, ::2, 1:, ::3],
        lambda x: x.to(memory_format=torch.channels_last),
        lambda x: x[:1].expand(4, -1, -1, -1),
        lambda x: x[:, :1].expand(-1, 9, -1, -1),
        lambda x: x[0, 0, 0, :1].expand(64),
        lambda x: x.flip(1),
        lambda x: x.unfold(3, 4, 2),
        lambda x: x.conj(),
        torch._neg_view,
    ],
)
def test_any_layout_gives_the_numbers_of_its_values(change: object) -> None:
    """Transposed, strided, broadcast, channels-last and lazily negated tensors are measured as what they hold."""
    tensor = change(torch.randn(4, 6, 16, 16, generator=RANDOM))  # type: ignore[operator] # a function
    check(tensor, tensor.double().contiguous().numpy().ravel())


@pytest.mark.parametrize("bad", [[nan], [inf], [-inf], [nan, inf, -inf, -inf]])
@pytest.mark.parametrize("size", [100, 10_000])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_values_that_are_not_finite_are_counted_exactly(bad: list[float], size: int, dtype: torch.dtype) -> None:
    """NaN and infinities are counted one by one, and the other numbers are of the finite values."""
    tensor = torch.randn(size, generator=RANDOM).to(dtype)
    tensor[torch.arange(len(bad)) * 7 + 3] = torch.tensor(bad, dtype=dtype)
    check(tensor, tensor.double().numpy())


def test_nothing_finite_leaves_no_number() -> None:
    """Where no value is finite there is neither mean nor range."""
    found = measured(torch.full((5000,), nan)).moments
    assert found is not None
    assert found.nan == 5000
    assert np.isnan([found.mean, found.std, found.min, found.max]).all()
    assert not len(found.bars)


@pytest.mark.parametrize("scale", [1e-42, 1e-30, 1e20, 1e37])
def test_sizes_at_the_ends_of_the_type_are_measured(scale: float) -> None:
    """Neither squares that vanish nor squares beyond the type spoil mean and deviation."""
    tensor = torch.randn(3000, 3, generator=RANDOM) * scale
    check(tensor, tensor.double().numpy().ravel(), tolerance=1e-4)


@pytest.mark.parametrize("offset", [100.0, -1e4, 1e6])
def test_a_small_deviation_from_a_large_mean_is_measured(offset: float) -> None:
    """A deviation of one around a large mean is not lost in the difference of squares."""
    tensor = torch.randn(200, 100, generator=RANDOM) + offset
    check(tensor, tensor.double().numpy().ravel())


@pytest.mark.parametrize("size", [5, 5000])
@pytest.mark.parametrize("power", [-520, 515, 1020])
def test_squares_beyond_the_range_of_the_type_are_not_taken(size: int, power: int) -> None:
    """The deviation of the greatest and of the smallest numbers is that of the same ones near 1; nothing warns."""
    near = torch.randint(1, 16, (size,), generator=torch.Generator().manual_seed(0)).double() / 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = measured(torch.ldexp(near, torch.tensor(power, dtype=torch.float64))).moments
    assert found is not None
    assert np.ldexp(found.std, -power) == pytest.approx(near.std(correction=0).item(), rel=0.05)
    assert np.ldexp(found.mean, -power) == pytest.approx(near.mean().item(), rel=0.05)


def test_equal_values_have_no_deviation() -> None:
    """A constant has a deviation of exactly zero and one bar."""
    found = measured(torch.full((9000,), 0.1)).moments
    assert found is not None
    assert found.std == 0.0
    assert found.bars.tolist() == [2048] or len(found.bars) == 1


def test_complex_numbers_are_measured_as_magnitude_and_phase() -> None:
    """Complex values are read as magnitude and phase, and the note says so."""
    tensor = torch.randn(30, 4, dtype=torch.complex64, generator=RANDOM)
    found = measured(tensor)
    oracle = np.concatenate([np.abs(tensor.numpy()).ravel(), np.angle(tensor.numpy()).ravel()])
    assert found.moments is not None
    assert found.moments.mean == pytest.approx(oracle.mean(), rel=1e-4)
    assert "complex" in found.note


def test_sparse_and_quantised_tensors_are_measured_dense() -> None:
    """Zeros that a sparse tensor leaves out count, and quantised values are de-quantised."""
    dense = torch.randn(20, 30, generator=RANDOM).relu()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls both kinds unfinished or outdated
        rows, quantised = dense.to_sparse_csr(), torch.quantize_per_tensor(dense, 0.1, 0, torch.quint8)
    for tensor in (dense.to_sparse(), rows):
        found = measured(tensor)
        assert found.moments is not None
        assert found.moments.mean == pytest.approx(dense.mean().item(), rel=1e-5)
        assert found.moments.zero == pytest.approx((dense == 0).double().mean().item())
    assert measured(quantised).moments is not None


@pytest.mark.parametrize(
    ("tensor", "reason"),
    [
        (torch.empty(3, 4, device="meta"), "meta"),
        (torch.empty(0, 4), "no values"),
        (torch.empty(4, 0), "no values"),
    ],
)
def test_a_tensor_without_values_says_why(tensor: Tensor, reason: str) -> None:
    """A tensor that holds nothing to be read has a note instead of numbers."""
    found = measured(tensor)
    assert found.moments is None
    assert reason in found.note


def test_inside_vmap_values_are_left_alone() -> None:
    """Within vmap nothing is read, for it would be read of all samples at once."""
    values = MomentsGatherer()
    torch.func.vmap(lambda x: (values.add(x), x * 2)[1])(torch.ones(3, 2))
    assert "vmap" in values.gather()[0].note


@given(
    st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), min_size=1, max_size=60),
    st.sampled_from([1, 40, 100]),
)
@settings(deadline=None, max_examples=150)
def test_any_floats_are_measured_as_numpy_does(numbers: list[float], repeats: int) -> None:
    """Whatever the values, counts, range, mean and deviation are those of the finite ones."""
    tensor = torch.tensor(numbers, dtype=torch.float32).repeat(repeats)
    oracle = tensor.double().numpy()
    finite = oracle[np.isfinite(oracle)]
    found = measured(tensor).moments
    assert found is not None
    assert (found.nan, found.inf) == (np.isnan(oracle).sum(), np.isinf(oracle).sum())
    if len(finite):
        largest = abs(finite).max()
        assert (found.min, found.max) == (finite.min(), finite.max())
        assert found.mean == pytest.approx(finite.mean(), rel=1e-4, abs=1e-4 * largest)
        assert found.std == pytest.approx(finite.std(), rel=0.02, abs=1e-4 * largest)


@pytest.mark.parametrize(
    ("shape", "axis"), [((64, 30), 1), ((64, 30, 5, 5), 1), ((6, 30, 40), 1), ((6, 40, 30), 2), ((2, 30, 3, 3), 1)]
)
@pytest.mark.parametrize("sign", ["zero or more", "both"])
def test_dead_units_are_those_that_are_zero_everywhere(shape: tuple[int, ...], axis: int, sign: str) -> None:
    """A unit is dead when all its values on all samples are zero, and one value in one sample makes it live."""
    tensor = torch.randn(shape, generator=RANDOM)
    tensor = tensor.relu() if sign == "zero or more" else tensor
    lines = tensor.movedim(axis, 0)
    lines[[3, 7, 11, 29]] = 0
    lines[29].reshape(-1)[:0] = 1  # changes nothing
    if sign == "both":
        lines[11, -1] = 0.5
    oracle = int((tensor.movedim(axis, 0).reshape(shape[axis], -1) == 0).all(1).sum())
    found = measured(tensor, axis=axis)
    assert (found.units, found.dead) == (30, oracle)
    assert oracle == (4 if sign == "zero or more" else 3)


def test_values_close_to_an_end_of_an_activation_are_saturated() -> None:
    """The saturated share is that within one hundredth of the range from either end."""
    tensor = torch.tensor([0.001, 0.5, 0.995, 0.02, 0.98, 1.0])
    found = measured(tensor, bounds=(0.0, 1.0)).moments
    assert found is not None
    assert found.saturated == 0.5


def test_a_view_is_measured_as_the_tensor_itself() -> None:
    """Tensors and views that hold the same values give the same numbers, each with its own units."""
    x = torch.randn(4, 8, 6, 6, generator=RANDOM).relu()
    x[:, 2] = 0
    values = MomentsGatherer()
    for tensor in (x, x.flatten(1), x.transpose(0, 1), x[:2], x.detach(), x.view(4, 8, 36)):
        values.add(tensor)
    whole, flat, turned, half, same, lines = values.gather()
    assert [found.dead for found in (whole, flat, same)] == [1, int((x.flatten(1) == 0).all(0).sum()), 1]
    assert turned.dead == int((x.transpose(0, 1) == 0).all(3).all(2).all(0).sum())
    assert lines.units == 0
    assert half.moments is not None
    assert half.moments.mean == pytest.approx(x[:2].mean().item(), rel=1e-5)
    for found in (flat, turned, same, lines):
        assert found.moments is not None
        assert whole.moments is not None
        assert (found.moments.mean, found.moments.std) == (whole.moments.mean, whole.moments.std)


def test_a_tensor_that_was_written_to_is_measured_anew() -> None:
    """Numbers of a tensor are those at the moment it is taken, also after a write to it or to a view."""
    x = torch.ones(50, 50)
    values = MomentsGatherer()
    for change in (lambda: None, lambda: x.mul_(2), lambda: x[3:].add_(1), lambda: x.view(-1).zero_()):
        change()
        values.add(x)
        values.add(x.view(-1))
    means = [found.moments.mean for found in values.gather() if found.moments is not None]
    assert means == pytest.approx([1, 1, 2, 2, 2.94, 2.94, 0, 0])


def test_memory_used_again_is_measured_again() -> None:
    """A tensor in the place of one that is gone is another tensor."""
    values = MomentsGatherer()
    for number in range(20):
        values.add(torch.full((4096,), float(number)))
    assert [found.moments.mean for found in values.gather() if found.moments] == list(range(20))


def test_measuring_leaves_the_tensor_unchanged() -> None:
    """Values, version and gradient requirement stay as they were."""
    x = torch.randn(5, 5, requires_grad=True)
    before, version = x.detach().clone(), x._version
    measured(x)
    assert torch.equal(x, before)
    assert (x._version, x.requires_grad, x.grad) == (version, True, None)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.bool])
def test_an_accelerator_is_measured_in_one_transfer(dtype: torch.dtype) -> None:
    """On CUDA the numbers are those of the CPU, those of values that are not finite too."""
    tensor = torch.randn(8, 16, 9, 9, generator=RANDOM).mul(3).to(dtype)
    if tensor.is_floating_point():
        tensor[:, 3] = 0
        tensor[0, 0, 0, :4] = torch.tensor([nan, inf, -inf, -inf], dtype=dtype)
    values = MomentsGatherer()
    there = tensor.cuda()
    for each in (there, there.flatten(2), there[:4]):
        values.add(each, axis=1)
    whole, flat, half = values.gather()
    for found, oracle in ((whole, tensor), (flat, tensor.flatten(2)), (half, tensor[:4])):
        mine, theirs = measured(oracle, axis=1), found
        assert (mine.units, mine.dead) == (theirs.units, theirs.dead)
        assert mine.moments is not None
        assert theirs.moments is not None
        for key in ("count", "nan", "inf", "min", "max"):
            assert getattr(mine.moments, key) == getattr(theirs.moments, key)
        assert theirs.moments.mean == pytest.approx(mine.moments.mean, rel=1e-3, abs=1e-4)
        assert theirs.moments.std == pytest.approx(mine.moments.std, rel=1e-3)
