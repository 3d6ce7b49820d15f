from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nbinspect.capture.explain import explain
from nbinspect.capture.forward import record_forward
from nbinspect.subject import make_subject

ones = torch.ones


class Fails(nn.Module):
    """Runs a function of its layer."""

    def __init__(self, function: Callable[[nn.Module, Tensor], Any], layer: nn.Module) -> None:
        super().__init__()
        self.function, self.layer = function, layer

    def forward(self, x: Tensor) -> Any:
        return self.function(self.layer, x)


def explained(function: Callable[[Any, Tensor], Any], x: Tensor, layer: nn.Module | None = None) -> str:
    """The explanation of what a function raises."""
    model = Fails(function, layer or nn.Identity())
    failure = record_forward(make_subject(model, [x]), x).failure
    assert failure is not None
    return failure.explanation


def through(layer: nn.Module, x: Tensor) -> Any:
    """Call the layer on the batch."""
    return layer(x)


LAYERS = [
    (nn.Linear(10, 5), ones(4, 12), "batch (4, 12) ends in 12 features, layer.weight takes 10"),
    (
        nn.Linear(12, 5),
        ones(4, 3, 4),
        "batch (4, 3, 4) ends in 4 features, layer.weight takes 12; flatten(1) would give as many",
    ),
    (nn.Conv2d(3, 8, 3), ones(4, 1, 8, 8), "batch (4, 1, 8, 8) has 1 channels on axis 1, layer.weight takes 3"),
    (nn.Conv2d(3, 8, 3), ones(4, 8), "batch (4, 8) has 2 axes, expected 3D (unbatched) or 4D (batched)"),
    (nn.Conv2d(3, 8, 9), ones(4, 3, 8, 8), "(4, 3, 8, 8) is 8 × 8 with its padding, less than the kernel of 9 × 9"),
    (nn.Linear(10, 5), ones(4, 10).double(), "batch is float64, layer.weight is float32; cast one with .to(torch.…)"),
    (nn.Linear(10, 5), ones(4, 10).long(), "batch is int64, layer.weight is float32; cast one with .to(torch.…)"),
    (
        nn.Conv2d(3, 8, 3),
        ones(4, 3, 8, 8).half(),
        "batch is float16, layer.weight is float32; cast one with .to(torch.…)",
    ),
    (nn.Embedding(10, 5), ones(4, 3), "batch is float32, indices must be int64 or int32: use .long() on indices"),
    (
        nn.Embedding(10, 5),
        torch.full((4, 3), 10),
        "layer.weight has 10 rows: indices run from 0 to 9, and one that came lies beyond",
    ),
    (nn.BatchNorm2d(8), ones(4, 3, 8, 8), "batch (4, 3, 8, 8) has 3 channels on axis 1, the layer normalises 8"),
    (
        nn.BatchNorm1d(8),
        ones(1, 8),
        "(1, 8) holds one value a channel: in train mode a batch norm needs two samples or more",
    ),
    (nn.LayerNorm(8), ones(4, 7), "batch (4, 7) must end in (8), which is what the layer normalises"),
    (nn.LSTM(10, 5), ones(4, 2, 12), "batch (4, 2, 12) ends in 12 features, the layer takes 10"),
]


@pytest.mark.parametrize(("layer", "x", "text"), LAYERS, ids=[text[:40] for _, _, text in LAYERS])
def test_layers_say_what_they_take(layer: nn.Module, x: Tensor, text: str) -> None:
    """A layer that refuses its input is explained by that input and the layer's own parameter."""
    assert explained(through, x, layer) == text


FUNCTIONS: list[tuple[Callable[[Any, Tensor], Any], Tensor, str]] = [
    (
        lambda _, x: x @ ones(10, 5),
        ones(4, 12),
        "Tensor.matmul cannot multiply (4, 12) by (10, 5): 12 columns meet 10 rows",
    ),
    (
        lambda _, x: torch.bmm(x, ones(3, 12, 5)),
        ones(2, 4, 12),
        "torch.bmm takes as many matrices on both sides, got (2, 4, 12) and (3, 12, 5)",
    ),
    (
        lambda _, x: x.view(-1, 768),
        ones(64, 8, 5, 5),
        "(64, 8, 5, 5) holds 200 values a sample; (-1, 768) does not fit: 768 does not divide 12,800",
    ),
    (
        lambda _, x: x.reshape(64, 512),
        ones(64, 8, 5, 5),
        "(64, 8, 5, 5) holds 200 values a sample; (64, 512) does not fit: that takes 32,768 values, not 12,800",
    ),
    (
        lambda _, x: x.transpose(1, 2).view(4, -1),
        ones(4, 8, 5),
        "(4, 5, 8) does not lie in memory in the order of its axes, as after a transpose; use reshape instead of view",
    ),
    (
        lambda _, x: torch.cat([x, ones(4, 2, 7)], 1),
        ones(4, 3, 8),
        "torch.cat along axis 1 joins shapes that differ elsewhere: (4, 3, 8), (4, 2, 7)",
    ),
    (lambda _, x: torch.stack([x, ones(4, 2)]), ones(4, 3), "torch.stack needs equal shapes, got (4, 3), (4, 2)"),
    (
        lambda _, x: x + ones(4, 3, 7),
        ones(4, 3, 8),
        "Tensor.add cannot broadcast (4, 3, 8) and (4, 3, 7): they differ on axis −1: 8 against 7, and neither is 1",
    ),
    (
        lambda _, x: torch.add(x, torch.ones(4, 3, device="meta")),
        ones(4, 3),
        "torch.add was given tensors on different devices: input (batch), args[1] (step 1); move them with .to(device)",
    ),
    (lambda _, x: x[:, torch.tensor([3])], ones(4, 3), "batch (4, 3): index 3 lies beyond an axis of length 3"),
    (
        lambda _, x: x.expand(4, 4),
        ones(4, 3),
        "Tensor.expand cannot stretch (4, 3) to (4, 4): only an axis of length 1 stretches",
    ),
    (
        lambda _, x: F.cross_entropy(x, torch.full((4,), 3)),
        ones(4, 3),
        "F.cross_entropy was given input (4, 3) float32, args[1] (4,) int64",
    ),
]


@pytest.mark.parametrize(("function", "x", "text"), FUNCTIONS, ids=[text[:40] for _, _, text in FUNCTIONS])
def test_operations_say_what_does_not_fit(function: Callable[[Any, Tensor], Any], x: Tensor, text: str) -> None:
    """An operation that raises is explained by the shapes, types or devices that do not go together."""
    assert explained(function, x) == text


def test_without_a_step_there_is_nothing_to_explain() -> None:
    """An exception between two steps says it all itself."""
    assert explain(None, "anything") == ""


class Made(nn.Module):
    """Makes values of its own, given a number."""

    def forward(self, count: int) -> Tensor:
        return torch.ones(count, 3).view(5, 5)


def test_a_module_that_was_given_no_tensor_is_left_unexplained() -> None:
    """A module that fails on values of its own making is recorded, with no words about an input that it had not."""
    model = Fails(lambda layer, x: x + layer(4), Made())
    failure = record_forward(make_subject(model), ones(4, 3), level="module").failure
    assert failure is not None
    assert (failure.step, failure.explanation) == (1, "")


def test_a_view_inside_a_module_is_not_put_down_to_its_input() -> None:
    """With steps of modules alone, a view of other values than the module was given is not explained by these."""
    model = Fails(lambda _, x: x.repeat(1, 2).view(5, 5), nn.Identity())
    failure = record_forward(make_subject(model), ones(4, 3), level="module").failure
    assert failure is not None
    assert failure.explanation == "Fails was given input (4, 3) float32"
