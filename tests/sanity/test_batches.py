"""Batches cut, changed, and read again."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.calling import call_model
from nbinspect.capture.operations import Tracer
from nbinspect.sanity.batches import Batch, make_batch, reading
from nbinspect.sanity.check import MissingNeed, ProgramRaised
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


ARRAYS = [
    (X.numpy(), Y.numpy(), ["a"] * 6),
    {"x": X.numpy(), "y": Y.numpy()},
    [X.numpy()[::-1], Y.numpy().astype(">i4")],
]


@pytest.mark.parametrize("raw", ARRAYS, ids=["tuple", "dict", "reversed, of another byte order"])
def test_arrays_are_tensors_here_and_arrays_to_the_users_functions(raw: Any) -> None:
    """A batch of NumPy arrays is cut and changed as one of tensors; what the user's functions get are arrays again."""
    batch = made(raw)
    assert batch.size == 6
    taken = batch.taken([4, 1]).given
    given, own = (list(one.values()) if isinstance(one, dict) else one for one in (taken, raw))
    assert type(taken) is type(raw)
    assert all(isinstance(one, np.ndarray) for one in given[:2])
    assert all((one == whole[[4, 1]]).all() for one, whole in zip(given[:2], own[:2], strict=True))
    assert given[2:] == own[2:]


def test_what_a_split_makes_of_arrays_is_told_from_the_rest() -> None:
    """Targets that a `split` hands on from an array are those of the batch: a change of the inputs leaves them."""
    batch = made((X.numpy(), Y.numpy()), split=lambda b: (b[0], torch.from_numpy(b[1])), forward=lambda m, b: b)
    assert batch.targets is batch.raw[1]
    assert torch.equal(batch.mapped(double).raw[1], Y)


@pytest.mark.parametrize("raw", [[[X.numpy()], [Y.numpy()]], (np.array(["a", "b"]),), ["a", "b"]])
def test_lists_of_samples_and_texts_are_no_batch_of_arrays(raw: Any) -> None:
    """Arrays in lists within a batch may be samples each, and texts are no numbers."""
    with pytest.raises(ProgramRaised):
        made(raw)


def test_handing_over_arrays_is_no_step_of_the_users() -> None:
    """What is recorded of a pass does not tell of tensors that were made arrays."""
    batch, found = made((X.numpy(), Y.numpy())), list[str]()
    with Tracer(nn.Linear(4, 2), "operation", lambda call, value: found.append(call.name), batch=batch.raw):
        assert isinstance(batch.given[0], np.ndarray)
    assert not found


def test_what_is_written_to_an_array_is_not_kept() -> None:
    """A function of the user's that changes its array in place leaves the batch as it is."""
    batch = made((X.numpy(), Y.numpy()))
    batch.given[0][:] = 0
    assert torch.equal(batch.raw[0], X)


@pytest.mark.parametrize("x", [X.numpy().astype(np.longdouble), np.ma.masked_array(X.numpy(), X.numpy() > 0)])
def test_arrays_that_torch_has_no_like_of_are_no_tensors(x: Any) -> None:
    """Numbers that torch lacks, and arrays with a mask, which would be lost, are no batch of arrays."""
    with pytest.raises(ProgramRaised):
        made((x, Y.numpy()))


def test_a_split_may_give_what_cannot_be_written(recwarn: pytest.WarningsRecorder) -> None:
    """An array that a `split` spreads without a copy is a tensor like any other, and torch is quiet about it."""
    wide = made((X.numpy(), Y.numpy()), split=lambda b: (np.broadcast_to(b[0], (2, *b[0].shape)), b[1]))
    assert wide.parts.inputs.shape == (2, *X.shape)
    assert not recwarn.list
