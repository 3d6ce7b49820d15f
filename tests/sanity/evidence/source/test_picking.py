from __future__ import annotations

import functools
import random
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nbinspect.sanity.evidence.source.picking import passes_alike, takes_alike

NAME = "a"


def one(out: dict[str, Tensor], y: Tensor) -> Tensor:
    """A part by its name."""
    return F.mse_loss(out["a"][:, -1], y[..., 0]) + out.get("a").square().mean()


def two(out: Any, y: Tensor) -> Tensor:
    a, _ = out
    return one({"a": a}, y) + torch.mean(a) * float(2)


def by_index(out: Any, y: Tensor) -> Tensor:
    return out[int(y[0])].mean()


def by_name(out: Any, y: Tensor) -> Tensor:
    return out[NAME].mean()


def by_attribute(out: Any, y: Tensor) -> Tensor:
    return getattr(out, NAME).mean()


def by_lookup(out: Any, y: Tensor) -> Tensor:
    return out.get(NAME).mean()


def by_chance(out: Any, y: Tensor) -> Tensor:
    return random.choice(out).mean()


def by_branch(out: Any, y: Tensor) -> Tensor:
    if y.sum() > 0:
        return out["a"].mean()
    return out["b"].mean()


def by_another(out: Any, y: Tensor) -> Tensor:
    return by_branch(out, y)


def by_each(out: Any, y: Tensor) -> Tensor:
    return sum(part.mean() for part in out)


@dataclass
class Weighted:
    """A loss with an equality of its own, so that it has no hash."""

    weight: float = 1.0

    def __call__(self, out: Any, y: Tensor) -> Tensor:
        return self.weight * out["a"].mean()


@pytest.mark.parametrize("loss_fn", [one, two])
def test_straight_losses_take_alike(loss_fn: Any) -> None:
    """Written names and positions, torch's functions and straight functions of one's own are seen through."""
    assert takes_alike(loss_fn)


@pytest.mark.parametrize(
    "loss_fn", [by_index, by_name, by_attribute, by_lookup, by_chance, by_branch, by_another, by_each]
)
def test_what_may_differ_from_call_to_call_does_not(loss_fn: Any) -> None:
    """Branches, loops, draws, and names that are not written down may pick another part next time."""
    assert not takes_alike(loss_fn)


def test_what_is_no_plain_function_is_unknown() -> None:
    """Modules, objects without a hash, partial functions, lambdas, builtins and nothing have no text to be read."""
    for loss_fn in (
        nn.MSELoss(),
        Weighted(),
        functools.partial(one, y=None),
        lambda out, y: out["a"].mean(),
        sum,
        None,
    ):
        assert not takes_alike(loss_fn)


class Chain(nn.Module):
    """Layers in a list, and passes that go through them."""

    def __init__(self) -> None:
        super().__init__()
        self.layers, self.stage = nn.ModuleList(nn.Linear(2, 2) for _ in range(3)), 1

    def last(self, x: Tensor) -> Tensor:
        for number, layer in enumerate(self.layers):
            x = layer(x) + number
        return x

    def forward(self, x: Tensor) -> Tensor:
        parts = [F.relu(layer(x)) for layer in self.layers]
        return self.last(torch.stack(parts[:2]).sum(0))


class ByCondition(Chain):
    def last(self, x: Tensor) -> Tensor:
        return self.layers[0](x) if self.stage else x


class ByState(Chain):
    def forward(self, x: Tensor) -> Tensor:
        return [layer(x) for layer in self.layers][self.stage]


class ByRange(Chain):
    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([layer(x) for layer, _ in zip(self.layers, range(self.stage), strict=False)]).sum(0)


class ByParent(Chain):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


class KeptAside(Chain):
    def forward(self, x: Tensor) -> Tensor:
        self.kept = self.layers[1](x)
        return self.layers[0](x)


def test_a_pass_without_choices_goes_the_same_way_every_time() -> None:
    """Loops over layers and what is written pick the same ones; a condition, state, or what is unread may not."""
    assert passes_alike(nn.Sequential(Chain(), nn.ReLU()))
    for other in (ByCondition(), ByState(), ByRange(), ByParent(), KeptAside()):
        assert not passes_alike(nn.Sequential(other)), type(other).__name__
