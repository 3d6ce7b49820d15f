from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nbinspect.sanity.trials.running.watch import Events, is_same, norm_of, watching

X = torch.randn(8, 4, generator=torch.Generator().manual_seed(3))


def model() -> nn.Linear:
    return nn.Linear(4, 2)


def loss_of(net: nn.Module) -> Tensor:
    return net(X).square().mean()


def watched(net: nn.Module, take: Any, used: set[str] | None = None) -> Events:
    with watching(dict(net.named_parameters()), set() if used is None else used) as events:
        take()
    return events


def joint(*tensors: Tensor) -> float:
    return float(torch.cat([tensor.flatten() for tensor in tensors]).norm())


def test_an_update_is_described() -> None:
    """Norms, rates, sizes and names are those that arithmetic by hand gives."""
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), 0.5)
    wanted = torch.autograd.grad(loss_of(net), list(net.parameters()))
    before = [parameter.detach().clone() for parameter in net.parameters()]

    def take() -> None:
        loss_of(net).backward()
        optimizer.step()

    events = watched(net, take)
    (update,) = events.updates
    assert update.gradient == pytest.approx(joint(*wanted), rel=1e-5)
    assert update.arrived == pytest.approx(joint(*wanted), rel=1e-5)
    assert update.rates == (0.5,)
    assert update.groups == (frozenset({"weight", "bias"}),)
    assert update.found["bias"] == pytest.approx(float(wanted[1].norm()), rel=1e-5)
    assert update.sizes["weight"] == pytest.approx(0.5 * float(wanted[0].norm()) / float(before[0].norm()), rel=1e-4)
    assert update.rewritten == {"weight", "bias"}
    assert update.carried == 0
    assert events.passes == 1
    assert events.arrived["weight"] == pytest.approx(float(wanted[0].norm()), rel=1e-5)


def test_clipping_shows_between_arrived_and_found() -> None:
    """What is cut after the backward pass is in one number and not in the other."""
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), 0.5)

    def take() -> None:
        (100 * loss_of(net)).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 0.01)
        optimizer.step()

    (update,) = watched(net, take).updates
    assert update.gradient == pytest.approx(0.01, rel=1e-3)
    assert update.arrived > 1


@pytest.mark.parametrize(
    ("clear", "piles"), [("never", True), ("start", False), ("end", False), ("none", False), ("zero", False)]
)
def test_gradients_that_were_used_before_are_told(clear: str, piles: bool) -> None:
    """What an update used and nobody cleared is carried into the next, however clearing is written."""
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), 0.01)
    used: set[str] = set()

    def take() -> None:
        if clear == "start":
            optimizer.zero_grad()
        loss_of(net).backward()
        optimizer.step()
        for parameter in net.parameters():
            if clear == "none":
                parameter.grad = None
            elif clear == "zero":
                parameter.grad.zero_()
        if clear == "end":
            optimizer.zero_grad()

    first, second = (watched(net, take, used).updates[0] for _ in range(2))
    assert first.carried == 0
    assert (second.carried > 0) is piles
    if piles:
        assert second.carried == pytest.approx(first.arrived, rel=1e-5)


def test_accumulation_that_is_cleared_carries_nothing_over_an_update() -> None:
    """Gradients that wait for their update are carried into a call, but not over an update."""
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), 0.01)
    used: set[str] = set()
    found = []
    for number in range(6):

        def take(last: bool = number % 3 == 2) -> None:
            loss_of(net).backward()
            if last:
                optimizer.step()
                optimizer.zero_grad()

        found.append(watched(net, take, used))
    assert [len(events.updates) for events in found] == [0, 0, 1, 0, 0, 1]
    assert [events.carried > 0 for events in found] == [False, True, True, False, True, True]
    assert [update.carried for events in found for update in events.updates] == [0, 0]


def test_frozen_parameters_that_an_optimizer_moves_are_named() -> None:
    """Weight decay moves what has a gradient, whether it requires one or not."""
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), 0.5, weight_decay=0.1)
    loss_of(net).backward()
    net.bias.requires_grad_(requires_grad=False)
    (update,) = watched(net, optimizer.step).updates
    assert update.frozen == {"bias"}
    assert update.rewritten == {"weight", "bias"}


def test_no_hook_stays() -> None:
    """After the block, also after an exception in it, parameters have no hooks, and later steps are not seen."""
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), 0.5)

    def fails() -> None:
        loss_of(net).backward()
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        watched(net, fails)
    assert not net.weight._backward_hooks
    assert not net.weight._post_accumulate_grad_hooks
    events = watched(net, lambda: None)
    optimizer.step()
    assert not events.updates


def test_norms_of_any_gradient() -> None:
    """Sparse, complex, empty and missing gradients have a norm."""
    index = torch.tensor([[0, 0, 2]])
    sparse = torch.sparse_coo_tensor(index, torch.tensor([1.0, 2.0, 4.0]), (3,), check_invariants=True)
    assert norm_of(sparse) == pytest.approx(5.0)
    assert norm_of(torch.tensor([3 + 4j])) == pytest.approx(5.0)
    assert norm_of(torch.zeros(0)) == norm_of(None) == 0.0


def test_what_is_written_after_the_update_is_named() -> None:
    """A clamp after the optimizer's step is told from the update itself."""
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), 0.1)

    def take() -> None:
        loss_of(net).backward()
        optimizer.step()
        net.weight.data.clamp_(-0.01, 0.01)

    assert watched(net, take).rewritten_after == {"weight"}


@pytest.mark.parametrize(
    ("other", "same"),
    [
        *(([1.0, nan], True), ([nan, 1.0], False), ([1.0, 0.0], False), ([1.0, inf], False)),
        *(([1.0], False), ([1.0, nan, 0.0], False)),
    ],
)
def test_missing_values_are_the_same_in_the_same_places(other: list[float], same: bool) -> None:
    """Two tensors are the same with NaN at the same places, of one shape and one dtype."""
    one = torch.tensor([1.0, nan])
    assert is_same(one, torch.tensor(other)) is same
    assert not is_same(one, torch.tensor(other, dtype=torch.float64))


def test_whole_numbers_that_an_optimizer_holds_do_not_end_the_step() -> None:
    """An optimizer may be given the weights of quantised layers too, which it leaves as they are."""
    net = model()
    net.levels = nn.Parameter(torch.tensor([1, 2, 3], dtype=torch.uint8), requires_grad=False)
    optimizer = torch.optim.SGD(net.parameters(), 0.5)

    def take() -> None:
        loss_of(net).backward()
        optimizer.step()

    (update,) = watched(net, take).updates
    assert update.sizes["levels"] == 0
    assert update.rewritten == {"weight", "bias"}


class Halving(torch.optim.SGD):
    """Halves what it is given, and shrinks the weights when its parent has taken its step."""

    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad.mul_(0.5)
        super().step(closure)
        with torch.no_grad():
            for group in self.param_groups:
                for parameter in group["params"]:
                    parameter.mul_(0.9)


@pytest.mark.parametrize("is_hooked", [True, False])
def test_a_step_of_a_subclass_is_one_update_with_what_its_parent_found(monkeypatch: Any, *, is_hooked: bool) -> None:
    """A step that calls that of its parent is told of once, as a whole; the class is as it was afterwards."""
    torch.optim.SGD(model().parameters(), 0.1)
    step = torch.optim.SGD.step if is_hooked else torch.optim.SGD.step.__wrapped__
    monkeypatch.setattr(torch.optim.SGD, "step", step)
    net = model()
    optimizer = Halving(net.parameters(), 0.1)

    def take() -> None:
        loss_of(net).backward()
        optimizer.step()

    events = watched(net, take)
    (update,) = events.updates
    assert update.gradient == pytest.approx(update.arrived / 2)
    assert update.rewritten == {"weight", "bias"}
    assert not events.rewritten_after
    assert torch.optim.SGD.step is step


def test_optimizers_made_meanwhile_are_left_as_torch_makes_them(monkeypatch: Any) -> None:
    """A class whose first optimizer is made while it is watched is hooked afterwards, and its step is torch's."""
    torch.optim.SGD(model().parameters(), 0.1)
    plain = torch.optim.SGD.step.__wrapped__
    monkeypatch.setattr(torch.optim.SGD, "step", plain)
    net = model()

    def take() -> None:
        loss_of(net).backward()
        torch.optim.SGD(net.parameters(), 0.1).step()

    assert len(watched(net, take).updates) == 1
    assert torch.optim.SGD.step.hooked
    assert torch.optim.SGD.step.__wrapped__ is plain
