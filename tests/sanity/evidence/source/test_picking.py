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


class ByName:
    """A loss of the parts that it was made with, or of the first of them alone."""

    def __init__(self, names: list[str], both: bool) -> None:
        self.names, self.share = names, 0.0
        self.names = names
        self.both = both

    def __call__(self, out: Any, y: Tensor) -> Tensor:
        if self.both:
            return sum(F.mse_loss(out[name], y) for name in self.names)
        return self.first(out)

    def first(self, out: Any) -> Tensor:
        return out["a"].mean()


class ByShare(ByName):
    """Adds a part once its share is raised."""

    def __call__(self, out: Any, y: Tensor) -> Tensor:
        return out["a"].mean() + out["b"].mean() if self.share else out["a"].mean()


class Staged(ByName):
    """Goes over to another part after a while."""

    def __init__(self, late: bool) -> None:
        super().__init__(["a"], both=True)
        self.late = late

    def __call__(self, out: Any, y: Tensor) -> Tensor:
        return out["a"].mean() if self.late else out["b"].mean()

    def advance(self) -> None:
        self.late = True


def with_the_shorter(out: Any, y: Tensor) -> Tensor:
    total = torch.zeros(())
    for weight, part in zip((1.0, 0.5), out, strict=False):
        total = total + weight * F.mse_loss(part, y)
    for number in range(2):
        total = total + out[number].mean()
    return total


def summed_up(out: Any, y: Tensor, weight: Tensor | None = None) -> Tensor:
    total = None
    for part in out:
        total = part.mean() if total is None else total + part.mean()
    return total if weight is None else total * weight


def by_number_of_targets(out: Any, y: Any) -> Tensor:
    return sum(F.mse_loss(part, own) for part, own in zip(out, y, strict=False))


def by_target(out: Any, y: Any) -> Tensor:
    _, b = y
    return out[0].mean() if b is None else out[1].mean()


def by_make_of_target(out: Any, y: Any) -> Tensor:
    return out[0].mean() + out[1].mean() if isinstance(y, tuple) else out[0].mean()


def by_length(out: Any, y: Any) -> Tensor:
    return sum(out[number].mean() for number in range(len(y)))


STRAIGHT = [one, two, by_each, with_the_shorter, ByName(["a"], True), summed_up, nn.MSELoss()]


@pytest.mark.parametrize("loss_fn", STRAIGHT)
def test_straight_losses_take_alike(loss_fn: Any) -> None:
    """What is written, loops over it, what a loss was made with, torch's and one's own functions are seen through."""
    assert takes_alike(loss_fn)


@pytest.mark.parametrize(
    "loss_fn",
    [
        *(by_index, by_name, by_attribute, by_lookup, by_chance, by_branch, by_another, ByShare([], True)),
        *(Staged(False), ByName(["a"], False), by_number_of_targets, by_target, by_make_of_target, by_length),
    ],
)
def test_what_may_differ_from_call_to_call_does_not(loss_fn: Any) -> None:
    """Branches, draws, names that are not written down and what is changed later may pick another part next time."""
    assert not takes_alike(loss_fn)


def test_what_has_no_text_is_unknown() -> None:
    """Lambdas, builtins and nothing cannot be read; objects without a hash and partial functions can."""
    for loss_fn in (lambda out, y: out["a"].mean(), sum, None):
        assert not takes_alike(loss_fn)
    assert takes_alike(Weighted())
    assert takes_alike(functools.partial(one, y=None))


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


class ButTheFirst(Chain):
    def forward(self, x: Tensor) -> Tensor:
        for number, layer in enumerate(self.layers):
            x = layer(x) if number > 0 else x
        return x


class OfSeveral(Chain):
    def forward(self, parts: list[Tensor]) -> Tensor:
        return sum(layer(part) for layer, part in zip(self.layers, parts, strict=False))


class KeptAside(Chain):
    def forward(self, x: Tensor) -> Tensor:
        self.kept = self.layers[1](x)
        return self.layers[0](x)


def test_a_pass_without_choices_goes_the_same_way_every_time() -> None:
    """Loops over layers and what is written pick the same ones; a condition, state, or what is unread may not."""
    assert passes_alike(nn.Sequential(Chain(), nn.ReLU()))
    for other in (ByCondition(), ByState(), ByRange(), ByParent(), ButTheFirst(), OfSeveral(), KeptAside()):
        assert not passes_alike(nn.Sequential(other)), type(other).__name__
