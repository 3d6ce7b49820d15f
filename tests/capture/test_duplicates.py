from __future__ import annotations

import numpy as np
import pytest
import torch

from nbinspect.capture.duplicates import duplicate_samples


def test_equal_samples_are_named_by_position():
    """Samples that are equal value by value are counted and named, and no others; NumPy's unique rows agree."""
    x = torch.randn(12, 3, 4, 4)
    x[5], x[9], x[7] = x[2], x[2], x[0]
    finding = duplicate_samples([x])
    rows = np.unique(x.reshape(12, -1).numpy(), axis=0)
    assert finding.text.startswith(f"{12 - len(rows)} samples are duplicates: 0 = 7, 2 = 5 = 9")
    assert finding.samples == (0, 2, 5, 7, 9)


def test_samples_must_be_equal_in_every_input():
    """Samples that share one input and differ in another are no duplicates."""
    same, other = torch.zeros(4, 16), torch.arange(64.0).reshape(4, 16)
    assert duplicate_samples([same, other]) is None
    assert duplicate_samples([same, same]).samples == (0, 1, 2, 3)


def test_one_changed_value_makes_another_sample():
    """Two samples that differ in a single value by the last bit are not reported."""
    x = torch.randn(1, 1000).repeat(2, 1)
    x[1, 17] = torch.nextafter(x[1, 17], torch.tensor(9.0))
    assert duplicate_samples([x]) is None


QUIET = [
    [torch.tensor([3, 3, 3])],
    [torch.zeros(4, 2)],
    [torch.zeros(1, 16)],
    [torch.zeros(0, 16)],
    [],
    [torch.zeros(4, 16), torch.zeros(4, 16, device="meta")],
]


@pytest.mark.parametrize("inputs", QUIET)
def test_samples_that_tell_nothing_are_left_alone(inputs):
    """Single ids, rows of a few values, batches of one and inputs that cannot be read give no finding."""
    assert duplicate_samples(inputs) is None


def test_ragged_and_unusual_samples_are_compared():
    """Lists of samples of different sizes, NaN, integers and booleans are compared like any other."""
    ragged = [torch.ones(10), torch.ones(12), torch.ones(10)]
    assert duplicate_samples([ragged]).samples == (0, 2)
    assert duplicate_samples([torch.full((2, 9), torch.nan)]).samples == (0, 1)
    assert duplicate_samples([torch.ones(2, 9, dtype=torch.bool)]).samples == (0, 1)
    assert duplicate_samples([torch.ones(2, 9, dtype=torch.int64).to_sparse()]).samples == (0, 1)
