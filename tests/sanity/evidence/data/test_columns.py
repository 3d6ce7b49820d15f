from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from nbinspect.sanity.evidence.data.columns import Column, Gatherer, constant_features


def gathered(*batches: Tensor, padding: float | None = None) -> Column:
    gatherer = Gatherer("x", padding)
    for batch in batches:
        gatherer.add(batch)
    column = gatherer.column()
    assert column is not None
    return column


@pytest.mark.parametrize(("shape", "axis"), [((7, 5), (0,)), ((7, 3, 4, 4), (0, 2, 3)), ((7, 2, 9), (0, 2))])
def test_moments_agree_with_numpy(shape: tuple[int, ...], axis: tuple[int, ...]) -> None:
    """Mean, deviation and extremes over several batches are those of all values at once, far from zero too."""
    torch.manual_seed(0)
    batches = [1e4 + torch.randn(shape, dtype=torch.float64) for _ in range(3)]
    whole = torch.cat(batches).numpy()
    column = gathered(*batches)
    np.testing.assert_allclose(column.mean, whole.mean(axis))
    np.testing.assert_allclose(column.std, whole.std(axis), rtol=1e-6)
    np.testing.assert_allclose([column.low, column.high], [whole.min(axis), whole.max(axis)])
    assert column.centres.shape == (21, shape[1])
    np.testing.assert_allclose(column.centres, whole.mean(axis[1:]) if axis[1:] else whole)


def test_gaps_are_counted_and_left_out() -> None:
    """NaN, Inf and declared padding are counted apart and touch no moment."""
    x = torch.tensor([[1.0, -1.0], [float("nan"), 2.0], [3.0, float("inf")]])
    column = gathered(x, padding=-1)
    assert column.nan.tolist() == [1, 0]
    assert column.inf.tolist() == [0, 1]
    assert column.count.tolist() == [3, 2]
    assert column.mean.tolist() == [2, 2]


def test_channels_that_change_their_number_are_pooled() -> None:
    """Batches of other lengths fall back to statistics over all values."""
    batches = [torch.randn(4, 6, 8), torch.randn(4, 3, 8)]
    column = gathered(*batches)
    values = np.concatenate([batch.double().numpy().ravel() for batch in batches])
    assert column.axis == "all"
    np.testing.assert_allclose([column.mean[0], column.std[0]], [values.mean(), values.std()], rtol=1e-6)


def test_constant_features_are_named() -> None:
    """A constant column of a table is named, and an absent category is none."""
    x = torch.randn(50, 4)
    x[:, 1] = 3.3
    assert constant_features(gathered(x)) == ["feature 1 of x"]
    codes = torch.nn.functional.one_hot(torch.arange(50) % 3, 5).float()
    assert constant_features(gathered(codes)) == []


def test_what_cannot_be_read_gives_nothing() -> None:
    """Empty and meta tensors are passed over."""
    gatherer = Gatherer("x", None)
    assert not gatherer.add(torch.zeros(0, 3))
    assert not gatherer.add(torch.zeros(2, 3, device="meta"))
    assert gatherer.column() is None
