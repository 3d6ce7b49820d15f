from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nbinspect.sanity.evidence.data.columns import Column, Gatherer
from nbinspect.sanity.evidence.data.shift import channels_reordered, shift_between


def column(values: Tensor) -> Column:
    gatherer = Gatherer("x", None)
    gatherer.add(values)
    made = gatherer.column()
    assert made is not None
    return made


def test_distance_and_ratio_are_in_deviations() -> None:
    """A shift of two deviations and a spread four times as wide are measured as such."""
    torch.manual_seed(0)
    x = torch.randn(500, 3)
    other = torch.randn(500, 3) * torch.tensor([1.0, 1.0, 4.0]) + torch.tensor([0.0, 2.0, 0.0])
    shift = shift_between(column(x), column(other))
    np.testing.assert_allclose(shift.distance, [0, 2, 0], atol=0.15)
    np.testing.assert_allclose(shift.ratio, [1, 1, 4], rtol=0.1)


def test_a_few_outliers_are_no_spread() -> None:
    """A wild value on the smaller side does not count, however surely it is no chance."""
    x, other = torch.randn(40, 2), torch.randn(2000, 2)
    x[0] = 1e3
    assert shift_between(column(x), column(other)).ratio.tolist() == [1, 1]


def test_reordered_channels_are_named_in_their_order() -> None:
    """The order that fits is the permutation that was made; equal channels have none."""
    torch.manual_seed(0)
    levels = torch.tensor([0.1, 0.5, 0.9])[:, None, None]
    one, other = (levels + 0.05 * torch.randn(60, 3, 4, 4) for _ in range(2))
    assert channels_reordered(column(one), column(other[:, [1, 2, 0]])) == (2, 0, 1)
    assert channels_reordered(column(one), column(other)) is None
    assert channels_reordered(column(torch.randn(60, 3, 4, 4)), column(torch.randn(60, 3, 4, 4))) is None
