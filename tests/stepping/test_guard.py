"""A pass whose forward writes to its own parameters leaves the user's as they are."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from nbinspect.stepping.stepper import ForwardStepper
from tests.stepping.models import normal


class Writes(nn.Module):
    """A model that writes to a parameter in one of the ways that people do."""

    def __init__(self, how: Callable[[Writes], object]) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(4, 3), nn.Linear(4, 3)
        self.how = how

    def forward(self, x: Tensor) -> Tensor:
        x = x + 1
        self.how(self)
        return self.query(x) + self.key(x) * 2


def momentum(model: Writes) -> None:
    for one, other in zip(model.query.parameters(), model.key.parameters(), strict=True):
        other.data = other.data * 0.9 + one.data * 0.1


def in_place(model: Writes) -> None:
    with torch.no_grad():
        model.key.weight.mul_(0.5)
        model.key.weight[0] = 7.0
        model.key.bias.add_(1).clamp_(max=0.5)


def through_data(model: Writes) -> None:
    model.key.weight.data.clamp_(-0.1, 0.1)
    model.key.weight.data.mul_(3)


def out(model: Writes) -> None:
    torch.mul(model.query.bias.detach(), 2, out=model.key.bias.data)


def initialises(model: Writes) -> None:
    nn.init.constant_(model.key.bias, 0.25)


def backward(model: Writes) -> None:
    with torch.enable_grad():
        model.query(torch.ones(2, 4)).sum().backward()


@pytest.mark.parametrize("level", ["operation", "module"])
@pytest.mark.parametrize("how", [momentum, in_place, through_data, out, initialises, backward])
def test_writes_reach_the_pass_and_not_the_model(
    opened: Callable[..., ForwardStepper], how: Callable[[Writes], object], level: str
) -> None:
    """The outputs are those of the writing forward, in this pass and in the next; the user's bytes never change."""
    torch.manual_seed(0)
    model, x = Writes(how), normal(5, 4)
    expected = copy.deepcopy(model)(x)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    addresses = [parameter.data_ptr() for parameter in model.parameters()]
    stepper = opened(model, x, level=level)
    for _ in range(2):
        while stepper.into() is not None:
            assert all(torch.equal(before[name], parameter) for name, parameter in model.named_parameters())
        assert torch.equal(stepper.outputs, expected)
        stepper.restart()
    assert all(torch.equal(before[name], parameter) for name, parameter in model.named_parameters())
    assert [parameter.data_ptr() for parameter in model.parameters()] == addresses
    assert all(parameter.grad is None for parameter in model.parameters())
