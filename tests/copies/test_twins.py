from __future__ import annotations

import threading
from typing import Any

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils.data import DataLoader

from nbinspect.copies import twins as module
from nbinspect.copies.twins import Twins, is_live, walked
from nbinspect.errors import CaptureError


def trained() -> tuple[nn.Linear, torch.optim.Optimizer, Any]:
    model = nn.Linear(3, 2)
    optimizer = torch.optim.Adam(model.parameters(), 0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2)
    model(torch.randn(4, 3)).sum().backward()
    optimizer.step()
    return model, optimizer, scheduler


def test_copies_refer_to_each_other_as_the_originals_do() -> None:
    """The copied optimizer holds the copied parameters, with their state and gradients, and the schedule moves it."""
    model, optimizer, scheduler = trained()
    twins = Twins([model, optimizer, scheduler])
    own, owns_optimizer, owns_schedule = map(twins.of, (model, optimizer, scheduler))
    assert owns_optimizer.param_groups[0]["params"][0] is own.weight
    assert owns_schedule.optimizer is owns_optimizer
    assert torch.equal(owns_optimizer.state[own.weight]["exp_avg"], optimizer.state[model.weight]["exp_avg"])
    assert torch.equal(own.weight.grad, model.weight.grad)
    assert own.weight.grad.data_ptr() != model.weight.grad.data_ptr()


def test_copies_share_no_memory() -> None:
    """Writing to a copy leaves the original."""
    model, optimizer, _ = trained()
    twins = Twins([model, optimizer])
    before = model.weight.detach().clone()
    with torch.no_grad():
        twins.of(model).weight.zero_()
        twins.of(optimizer).state[twins.of(model).weight]["exp_avg"].zero_()
    assert torch.equal(model.weight, before)
    assert bool(optimizer.state[model.weight]["exp_avg"].any())


def test_what_has_been_filled_since_is_copied_with_its_tensors_off_their_graphs() -> None:
    """A container that held nothing live when the copies were made may hold activations by now."""
    model, _, _ = trained()
    kept: dict[str, Any] = {}
    twins = Twins([model])
    kept["hidden"] = model(torch.ones(1, 3))
    own = twins.of([kept, kept])
    assert own[0] is own[1] is not kept
    assert own[0]["hidden"].is_leaf
    assert torch.equal(own[0]["hidden"], kept["hidden"])
    assert not kept["hidden"].is_leaf


class Heard(TorchFunctionMode):
    """Hears of every operation."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.names.append(function.__name__)
        return function(*args, **(kwargs or {}))


def test_nobody_who_follows_operations_hears_of_those_that_copy() -> None:
    """A copy that is made within a recorded pass is no part of it; what comes after it is."""
    model, optimizer, _ = trained()
    with Heard() as heard:
        twins = Twins([model, optimizer])
        assert heard.names == []
        twins.of(model)(torch.ones(1, 3))
    assert "linear" in heard.names


def test_what_holds_nothing_live_is_itself() -> None:
    """Numbers, plain lists, loaders and data sets are not copied."""
    model, _, _ = trained()
    plain, loader = [1.0], DataLoader([torch.zeros(2)])
    twins = Twins([model])
    assert twins.of(plain) is plain
    assert twins.of(loader) is loader
    assert is_live([model])
    assert is_live({"a": {"b": torch.zeros(1)}})
    assert not is_live(plain)


def test_containers_hold_the_copies() -> None:
    """A dict of models becomes a dict of their copies."""
    model, optimizer, _ = trained()
    held = {"model": model, "parts": [optimizer]}
    twins = Twins([held])
    assert twins.of(held)["model"] is twins.of(model)
    assert twins.of(held)["parts"][0] is twins.of(optimizer)


def test_tensors_inside_a_graph_and_generators_are_copied() -> None:
    """A state that a module keeps with its graph is copied without it, and a generator with its state."""
    model, _, _ = trained()
    model.hidden = model(torch.randn(1, 3))
    model.draws = torch.Generator().manual_seed(5)
    own = Twins([model]).of(model)
    assert torch.equal(own.hidden, model.hidden)
    assert not own.hidden.requires_grad
    assert torch.equal(torch.rand(3, generator=own.draws), torch.rand(3, generator=torch.Generator().manual_seed(5)))


def test_inputs_by_which_a_program_differentiates_require_gradients_in_the_copy() -> None:
    """Places that were cast after they asked for gradients are differentiated by in the copy too."""
    held = {"places": torch.tensor([[1.0]], dtype=torch.float64, requires_grad=True).float(), "model": nn.Linear(1, 1)}
    own = Twins([held]).of(held)
    for _ in range(2):  # the graph outlives a pass
        (slope,) = torch.autograd.grad(own["model"](own["places"]).sum(), own["places"])
        assert torch.equal(slope, held["model"].weight)
    assert own["places"].data_ptr() != held["places"].data_ptr()


def test_locks_are_shared() -> None:
    """What refuses to be copied is the same in the copy; all else is copied."""

    class Owner:
        def __init__(self) -> None:
            self.model, self.lock = nn.Linear(2, 2), threading.Lock()

    owner = Owner()
    own = Twins([owner]).of(owner)
    assert own.lock is owner.lock
    assert own.model is not owner.model


def test_a_model_that_refuses_is_named() -> None:
    """A live object that cannot be copied raises, with the reason."""

    class Refuses(nn.Linear):
        def __deepcopy__(self, memo: Any) -> Any:
            raise TypeError("no copies of <b>me</b>")

    with pytest.raises(CaptureError, match="no copies of"):
        Twins([Refuses(2, 2)])


def test_without_memory_the_bytes_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that does not fit is refused before it is made: 4 MiB of weights need 8 with their gradients."""
    monkeypatch.setattr(module, "_free", lambda _: 2**20)
    with pytest.raises(CaptureError, match=r"8 MiB of memory on cpu .* 1 MiB are free"):
        Twins([nn.Linear(1024, 1024, bias=False)])


def test_each_part_is_walked_once() -> None:
    """Circles end, and gradients are left out."""
    model, optimizer, _ = trained()
    circle: list[Any] = [model, optimizer]
    circle.append(circle)
    parts = list(walked(circle))
    assert len({id(part) for part in parts}) == len(parts)
    assert not any(part is model.weight.grad for part in parts)
    assert any(part is model.weight for part in parts)


def test_a_sparse_tensor_takes_what_it_holds() -> None:
    """A sparse matrix of a million rows and columns with one value is copied, and needs no room for all of them."""
    sparse = torch.sparse_coo_tensor([[3], [5]], [1.0], (10**6, 10**6), check_invariants=True)
    own = Twins([sparse]).of(sparse)
    assert own is not sparse
    assert own.coalesce().values().tolist() == [1.0]
