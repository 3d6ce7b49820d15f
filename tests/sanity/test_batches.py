"""Batches cut, changed, and read again."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.calling import call_model
from nbinspect.sanity.batches import Batch, make_batch, reading
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.limits import Limits
from nbinspect.subject import Subject


class Pair(NamedTuple):
    x: Tensor
    y: Tensor


X, Y = torch.arange(24.0).reshape(6, 4), torch.arange(6)


class Takes(nn.Module):
    """Gives back what it gets, whatever it is called."""

    def forward(self, x: Any = None, **rest: Any) -> Any:
        return x if x is not None else rest


def made(raw: Any, **options: Any) -> Batch:
    return make_batch(Subject(Takes(), **options), raw)


def double(tensor: Tensor) -> Tensor:
    return tensor * 2


def halved(batch: Any) -> Any:
    return batch["x"] / 2, batch["label"]


RAW = [
    ((X, Y), {}),
    (Pair(X, Y), {}),
    ({"x": X, "y": Y}, {}),
    ({"x": X, "label": Y, "text": list("abcdef")}, {}),
    ([X, Y], {}),
    ({"x": X, "label": Y}, {"split": halved}),
]


@pytest.mark.parametrize(("raw", "options"), RAW)
def test_samples_are_taken_from_inputs_and_targets_alike(raw: Any, options: dict[str, Any]) -> None:
    """Taking samples keeps inputs, targets and lists of texts together, and the model is called with them."""
    batch = made(raw, **options)
    assert batch.size == 6
    taken = batch.taken([4, 1])
    assert taken.size == 2
    assert torch.equal(taken.targets, Y[[4, 1]])
    entered = call_model(taken.subject, taken.raw, taken.parts)
    whole = call_model(batch.subject, batch.raw, batch.parts)
    inner = entered if isinstance(entered, Tensor) else entered["x"]
    assert torch.equal(inner, (whole if isinstance(whole, Tensor) else whole["x"])[[4, 1]])
    if isinstance(raw, dict) and "text" in raw:
        assert taken.raw["text"] == ["e", "b"]


@pytest.mark.parametrize(("raw", "options"), RAW)
def test_inputs_can_be_changed_without_the_targets(raw: Any, options: dict[str, Any]) -> None:
    """A change of the inputs reaches the model's call; the targets and the batch itself stay."""
    batch = made(raw, **options)
    ((name, before),) = batch.inputs
    for changed in (batch.mapped(double), batch.with_inputs({name: before * 2})):
        assert torch.equal(changed.inputs[0][1], before * 2)
        assert torch.equal(changed.targets, Y)
    assert torch.equal(batch.inputs[0][1], before)


def test_a_batch_that_cannot_be_cut_says_so() -> None:
    """Packed sequences are not cut."""
    packed = pack_sequence([torch.randn(3, 2), torch.randn(2, 2)])
    with pytest.raises(MissingNeed, match="cut into samples"):
        made((packed, torch.tensor([0, 1]))).taken([0])


def test_a_batch_axis_of_one_is_cut_along_it() -> None:
    """With samples along the second axis, inputs (T, N, F) are cut there and targets (N,) along their first."""
    batch = made((torch.randn(5, 6, 2), Y), batch_axis=1)
    assert batch.size == 6
    taken = batch.taken([0, 3])
    assert taken.inputs[0][1].shape == (5, 2, 2)
    assert taken.targets.shape == (2,)


def test_batches_come_in_order_and_tell_the_epoch() -> None:
    """Reading goes on into the next epoch and says so, and leaves the loader's generator as it was."""
    generator = torch.Generator().manual_seed(0)
    loader = DataLoader(TensorDataset(X, Y), batch_size=4, shuffle=True, generator=generator)
    before = generator.get_state()
    with reading(Subject(Takes(), loader), loader, Limits(60)) as batches:
        found = [next(batches) for _ in range(4)]
    assert [batch.epoch for batch in found] == [0, 0, 1, 1]
    assert [batch.size for batch in found] == [4, 2, 4, 2]
    assert all(torch.equal(batch.targets, Y[list(batch.indices)]) for batch in found)
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize("loader", [[], iter([1]), ["words"]])
def test_a_loader_without_batches_is_a_missing_need(loader: Any) -> None:
    """An empty loader, a one-shot iterator and a batch without tensors are needs that are missing, not errors."""
    with pytest.raises(MissingNeed), reading(Subject(Takes(), loader), loader, Limits(60)) as batches:
        next(batches)


def test_an_autoencoder_has_inputs() -> None:
    """Where inputs and targets are one tensor, it is an input all the same, and the targets stay when it is changed."""
    batch = made((X, X))
    assert [name for name, _ in batch.inputs] == ["x"]
    changed = batch.mapped(double)
    assert torch.equal(changed.inputs[0][1], X * 2)
    assert torch.equal(changed.targets, X)


def test_targets_that_the_model_is_given_are_no_inputs() -> None:
    """Labels that go to a model which computes its own loss are not among the inputs."""
    batch = made({"x": X, "label": Y})
    assert [name for name, _ in batch.inputs] == ["x"]


def test_taken_samples_keep_their_indices() -> None:
    """Of fewer samples the data set's indices are those of these samples, so that they stay samples of their own."""
    batch = make_batch(Subject(Takes()), (X, Y), (7, 3, 5, 0, 1, 2))
    assert batch.taken([4, 1]).indices == (1, 3)
