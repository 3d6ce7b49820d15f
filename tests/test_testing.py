from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import GPT2Config, GPT2LMHeadModel

from nbinspect.errors import InputError
from nbinspect.testing import (
    assert_causal,
    assert_equivalent,
    assert_healthy,
    assert_no_batch_leak,
    assert_overfits,
    assert_updates,
)
from tests.sanity.states import state_of


class Transposed(nn.Module):
    """Takes a view for a transpose, so that samples are mixed."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x.reshape(x.shape[1], x.shape[0]).t().reshape(-1, 4))


def classifier() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 3))


def batch(size: int = 32) -> tuple[Tensor, Tensor]:
    x = torch.randn(size, 4, generator=torch.Generator().manual_seed(0))
    return x, x[:, :3].argmax(1)


def loop_of_distances(x: Tensor, y: Tensor) -> Tensor:
    """Squared distances, pair by pair."""
    return torch.stack([torch.stack([((a - b) ** 2).sum() for b in y]) for a in x])


def distances(x: Tensor, y: Tensor) -> Tensor:
    """The same at once."""
    return ((x[:, None] - y[None]) ** 2).sum(-1)


def test_a_healthy_program_passes_and_gives_its_report() -> None:
    """`assert_healthy` returns the report of a program on which nothing fails."""
    model = classifier()
    report = assert_healthy(model, [batch()], nn.CrossEntropyLoss(), only=["wiring"])
    assert report.ok


def test_a_sick_program_fails_with_cause_and_remedy() -> None:
    """The message names the check, what was measured, and what to do."""
    model = nn.Sequential(classifier(), nn.Softmax(1))
    with pytest.raises(AssertionError, match="loss-input") as raised:
        assert_healthy(model, [batch()], nn.CrossEntropyLoss(), only=["wiring"])
    assert "oftmax" in str(raised.value)


def test_a_batch_leak_is_told_with_the_samples() -> None:
    """A view for a transpose fails, a plain network passes, and neither changes."""
    model, inputs = Transposed(), torch.randn(8, 4)
    before = state_of(model)
    with pytest.raises(AssertionError, match="batch-leak"):
        assert_no_batch_leak(model, inputs)
    assert state_of(model) == before
    assert_no_batch_leak(classifier(), torch.randn(8, 4))


def test_what_cannot_be_judged_does_not_pass_silently() -> None:
    """A batch of one sample says nothing of a leak, so that the assertion fails with the reason."""
    with pytest.raises(AssertionError, match="could not be judged"):
        assert_no_batch_leak(classifier(), torch.randn(1, 4))


def test_causal_models_pass_and_others_fail() -> None:
    """A GPT-2 is causal; a bidirectional recurrent network is not."""
    config = GPT2Config(vocab_size=50, n_positions=16, n_embd=32, n_layer=2, n_head=2)
    assert_causal(GPT2LMHeadModel(config), {"input_ids": torch.randint(0, 50, (4, 12))})

    class Tagger(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.GRU(8, 8, batch_first=True, bidirectional=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.net(x)[0]

    with pytest.raises(AssertionError, match="causality"):
        assert_causal(Tagger(), torch.randn(4, 10, 8))


def test_equal_functions_pass_in_values_and_gradients() -> None:
    """The loop over pairs and the vectorised version agree, also over several inputs."""
    assert_equivalent(loop_of_distances, distances, (torch.randn(5, 3), torch.randn(4, 3)))
    several = ((torch.randn(n, 3), torch.randn(4, 3)) for n in (1, 2, 7))
    assert_equivalent(loop_of_distances, distances, several)


def test_a_wrong_value_is_told_with_its_place() -> None:
    """The message gives the index at which outputs differ most, both values and the tolerance."""

    def wrong(x: Tensor) -> Tensor:
        y = x * 2
        y[1, 2] += 0.5
        return y

    with pytest.raises(AssertionError, match=r"output\[1, 2\] is .* apart by 0.5 .* 1 of 12 values"):
        assert_equivalent(lambda x: x * 2, wrong, torch.randn(3, 4))


def test_a_gradient_that_is_cut_is_told() -> None:
    """Equal values with a detached half differ in the gradient alone."""
    cut = lambda x: x.detach() * x  # noqa: E731 - a function in a line
    with pytest.raises(AssertionError, match="gradient of input 0"):
        assert_equivalent(lambda x: x * x, cut, torch.randn(3))
    assert_equivalent(lambda x: x * x, cut, torch.randn(3), gradients=False)


def test_shapes_and_missing_outputs_are_told() -> None:
    """A broadcast that changes the shape is no tolerance's business."""
    with pytest.raises(AssertionError, match=r"shape \(3,\) and \(3, 1\)"):
        assert_equivalent(lambda x: x, lambda x: x[:, None], torch.randn(3))
    with pytest.raises(AssertionError, match="the first gives"):
        assert_equivalent(lambda x: {"a": x}, lambda x: {"b": x}, torch.randn(3))
    with pytest.raises(InputError, match="at least one"):
        assert_equivalent(lambda x: x, lambda x: x, iter([]))


def test_modules_see_the_same_dropout_and_stay_as_they_are() -> None:
    """Both sides draw the same random numbers, and BatchNorm's statistics do not move."""
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5))
    inputs = torch.randn(6, 4)
    before = state_of(model)
    assert_equivalent(model, model, inputs)
    assert state_of(model) == before


def test_float64_is_compared_strictly_and_nan_equals_nan() -> None:
    """A difference of 1e-6 matters in float64; NaN at the same place does not."""
    x = torch.randn(4, dtype=torch.float64)
    with pytest.raises(AssertionError, match="apart by"):
        assert_equivalent(lambda x: x, lambda x: x * (1 + 1e-6), x)
    assert_equivalent(lambda x: x.log(), lambda x: x.log(), x, gradients=False)


def test_overfitting_one_batch() -> None:
    """A classifier overfits a batch; one whose output cannot depend on the input does not."""
    assert_overfits(classifier(), batch(16), nn.CrossEntropyLoss())
    blind = nn.Sequential(nn.Linear(4, 1), nn.Softmax(1), nn.Linear(1, 3))
    with pytest.raises(AssertionError, match="overfit-one-batch"):
        assert_overfits(blind, batch(16), nn.CrossEntropyLoss())


def test_updates_reach_every_parameter() -> None:
    """A step that updates passes; one that clears before it updates, and an optimizer of another model, fail."""
    model = classifier()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    assert_updates(model, batch(), nn.CrossEntropyLoss(), optimizer=optimizer)

    def cleared(model: nn.Module, batch: tuple[Tensor, Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        loss = functional.cross_entropy(model(batch[0]), batch[1])
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
        return loss

    with pytest.raises(AssertionError, match="updates-not-applied"):
        assert_updates(model, batch(), nn.CrossEntropyLoss(), optimizer=optimizer, train_step=cleared)
    other = torch.optim.SGD(classifier().parameters(), lr=0.1)
    with pytest.raises(AssertionError):
        assert_updates(model, batch(), nn.CrossEntropyLoss(), optimizer=other)


def test_flags_can_be_compared() -> None:
    """Functions that give True and False pass where they agree, and fail where they do not, with the place."""
    x = torch.tensor([1.0, -2.0, 3.0])
    assert_equivalent(lambda x: x > 0, lambda x: ~(x <= 0), x)
    with pytest.raises(AssertionError, match=r"output\[1\] is 0 and 1, apart by 1"):
        assert_equivalent(lambda x: x > 0, lambda x: x > -5, x)


def test_functions_that_draw_see_the_same_numbers_of_every_library() -> None:
    """Two functions that draw alike are equal whichever generator they draw from, and no seed waits for a device."""
    waiting = list(torch.cuda._lazy_seed_tracker.get_calls())

    def noisy(x: Tensor) -> Tensor:
        return x * torch.rand(3) + float(np.random.rand()) + random.random()

    assert_equivalent(noisy, noisy, torch.ones(3))
    assert list(torch.cuda._lazy_seed_tracker.get_calls()) == waiting


def test_gradients_are_compared_whatever_the_default_device_is() -> None:
    """A default device that is not the tensors' own does not get into the comparison."""
    with torch.device("meta"):
        assert_equivalent(torch.tanh, lambda x: x.tanh(), torch.ones(3, device="cpu"))
