"""Copies of scripted modules, alone and with what trains them."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect import check
from nbinspect.copies.scripted import with_leaves
from nbinspect.copies.twins import Twins

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")


def scripted() -> torch.jit.ScriptModule:
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    model[3].bias.requires_grad_(False)
    return torch.jit.script(model)


@pytest.mark.parametrize("inside", [False, True])
def test_the_copy_trains_and_the_original_stays(inside: bool) -> None:
    """The copied optimizer moves the copied parameters, which are leaves, and no gradient comes to the originals."""
    body = scripted()
    model = nn.Sequential(body, nn.Linear(3, 3)) if inside else body
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 0.1)
    before = [value.clone() for value in model.state_dict().values()]
    twins = Twins([model, optimizer])
    own, owns = twins.of(model), twins.of(optimizer)
    assert [p.is_leaf for p in own.parameters()] == [True] * len(list(model.parameters()))
    assert [p.requires_grad for p in own.parameters()] == [p.requires_grad for p in model.parameters()]
    own(torch.randn(4, 6)).square().sum().backward()
    owns.step()
    moved = [not torch.equal(a, b) for a, b in zip(own.parameters(), model.parameters(), strict=True)]
    assert moved == [p.requires_grad for p in model.parameters()]
    assert all(p.grad is None for p in model.parameters())
    assert all(map(torch.equal, model.state_dict().values(), before))


def test_gradients_come_along() -> None:
    """A gradient that has been gathered is the copy's too, in memory of its own."""
    model = scripted()
    model(torch.randn(4, 6)).sum().backward()
    own = Twins([model]).of(model)
    for one, other in zip(model.parameters(), own.parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None)
        if one.grad is not None:
            assert torch.equal(one.grad, other.grad)
            assert one.grad.data_ptr() != other.grad.data_ptr()


def test_a_part_that_came_before_the_whole_is_of_the_same_copy() -> None:
    """The copy of a child is the child of the copy."""
    model = scripted()
    first = getattr(model, "0")
    twins = Twins([first, model])
    own = getattr(twins.of(model), "0")
    assert torch.equal(own.weight, first.weight)
    assert twins.of(first).weight.data_ptr() == own.weight.data_ptr() != first.weight.data_ptr()


def test_leaves_stay_as_they_are() -> None:
    """Of a copy that has leaves already nothing changes, frozen ones included."""
    model = nn.Linear(3, 2)
    model.bias.requires_grad_(False)
    with_leaves(model)
    assert [p.requires_grad for p in model.parameters()] == [True, False]


def test_all_checks_run_on_a_scripted_model_without_an_error_or_warning() -> None:
    """No check changes a gradient of the original, none is blamed for it, and torch warns of nothing."""
    model, targets = scripted(), torch.arange(192) % 3
    loader = DataLoader(TensorDataset(torch.randn(192, 6), targets), 32, shuffle=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 1e-3)
        report = check(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer)
    assert report.errors == report.failed == ()
    assert report["updates-not-applied"].status == "pass"
    assert report["learning-rate"].status in ("pass", "inconclusive")
