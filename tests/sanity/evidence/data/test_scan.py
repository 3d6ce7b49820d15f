from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.evidence.data.scan import Scan, scan
from nbinspect.sanity.limits import Ended, Limits
from nbinspect.subject import make_subject

pytestmark = pytest.mark.slow


def scanned(loader: Any, limits: Limits | None = None, **more: Any) -> Scan:
    return scan(make_subject(nn.Identity(), loader, **more), loader, limits or Limits(60))


def data(size: int) -> TensorDataset:
    return TensorDataset(torch.randn(size, 4), torch.arange(size) % 3)


class Endless(IterableDataset[Any]):
    def __init__(self, classes: int = 2) -> None:
        self.classes = classes

    def __iter__(self) -> Any:
        for number in count():
            yield torch.randn(4), number % self.classes


def test_a_small_set_is_read_to_its_end() -> None:
    """All samples, labels in order and their counts are there."""
    found = scanned(DataLoader(data(50), batch_size=8))
    assert (found.read, found.batches, found.is_whole, found.is_fair) == (50, 7, True, True)
    assert found.labels is not None
    np.testing.assert_array_equal(found.labels, np.arange(50) % 3)
    assert found.tally == {0: 17, 1: 17, 2: 16}
    assert found.rows is not None
    assert found.rows.share == 1


def test_a_long_set_in_fixed_order_is_read_at_random_places() -> None:
    """Of a long unshuffled set 2,048 samples from all over are read."""
    x = torch.arange(20_000).float()[:, None].expand(-1, 4).contiguous()
    found = scanned(DataLoader(TensorDataset(x, torch.zeros(20_000).long()), batch_size=64))
    assert (found.read, found.is_whole, found.is_fair) == (2048, False, True)
    assert abs(float(found.inputs["x"].mean[0]) - 10_000) < 1000


def test_an_endless_stream_is_bounded() -> None:
    """A stream without end is read for 2,048 samples, and is no fair sample."""
    found = scanned(DataLoader(Endless(), batch_size=256))
    assert (found.read, found.is_whole, found.is_fair) == (2048, False, False)


def test_a_stream_of_one_label_is_read_further() -> None:
    """Where every label so far is the same ten times as many samples are read, and no more of an endless stream."""
    assert scanned(DataLoader(Endless(classes=1), batch_size=512)).read == 20_480


def test_a_batch_without_samples_is_passed_over() -> None:
    """What a collate function leaves empty costs neither labels nor features of the others."""
    found = scanned([(torch.randn(0, 4), torch.zeros(0).long()), data(8).tensors])
    assert (found.read, found.batches, found.is_whole, found.features.shape) == (8, 2, True, (8, 4))
    assert found.labels is not None
    np.testing.assert_array_equal(found.labels, np.arange(8) % 3)


def test_a_batch_that_a_list_repeats_is_read_once() -> None:
    """A list of one batch many times holds one batch."""
    batch = data(8).tensors
    found = scanned([batch] * 9)
    assert (found.read, found.batches, found.is_whole) == (8, 1, True)


def test_nothing_of_the_users_changes() -> None:
    """Generators of the loader and of the process, and the data, are as they were."""
    generator = torch.Generator().manual_seed(5)
    loader = DataLoader(data(300), batch_size=16, shuffle=True, generator=generator)
    states = generator.get_state(), torch.get_rng_state(), loader.dataset.tensors[0].clone()
    scanned(loader)
    assert torch.equal(generator.get_state(), states[0])
    assert torch.equal(torch.get_rng_state(), states[1])
    assert torch.equal(loader.dataset.tensors[0], states[2])


def test_the_batch_axis_is_the_users() -> None:
    """Samples along another axis are told apart."""
    batch = (torch.randn(6, 10, 4), torch.arange(10) % 3)
    found = scanned([batch], batch_axis=1)
    assert found.read == 10
    assert found.rows is not None
    assert len(found.rows.inputs) == 10


def test_texts_beside_tensors_and_missing_targets_are_no_hindrance() -> None:
    """Batches with strings, without targets, with nothing to compare are read all the same."""
    found = scanned([{"x": torch.randn(3, 4), "name": ["a", "b", "c"]}])
    assert found.labels is None
    assert found.targets == {}
    with pytest.raises(MissingNeed):
        _ = found.simple_models


def test_a_cancelled_run_ends_inside() -> None:
    """Reading stops when the user says so."""
    with pytest.raises(Ended):
        scanned(DataLoader(data(50), batch_size=8), Limits(60, cancelled=lambda: True))
