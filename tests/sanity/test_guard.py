"""The guard: what it tells, and that the whole catalogue leaves every byte of the program as it was."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect import check
from nbinspect.records import Progress
from nbinspect.sanity.backward import gradient_check
from nbinspect.sanity.guard import Guard
from nbinspect.sanity.registry import CHECKS
from nbinspect.subject import Subject
from tests.sanity.states import state_of


class Mixed(nn.Module):
    """BatchNorm, dropout, a frozen part in eval mode, a hook of the user's own."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8)).eval()
        self.frozen.requires_grad_(False)
        self.body = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3))
        self.head = nn.Linear(16, 3)
        self.body.register_forward_hook(lambda *_: None)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(self.frozen(x)))


def program() -> dict[str, Any]:
    """A program in the middle of training: gradients, optimizer state, generators that have been drawn from."""
    torch.manual_seed(0)
    model, generator = Mixed(), torch.Generator().manual_seed(1)
    x = torch.randn(96, 6)
    data = TensorDataset(x, (x[:, 0] > 0).long() + (x[:, 1] > 0).long())
    loader = DataLoader(data, batch_size=16, shuffle=True, generator=generator)
    optimizer = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=1e-3)
    loss_fn = nn.CrossEntropyLoss()
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss_fn(model(inputs), targets).backward()
        optimizer.step()
    return {
        "model": model,
        "loader": loader,
        "loss_fn": loss_fn,
        "optimizer": optimizer,
        "val_loader": DataLoader(TensorDataset(*data[:48]), batch_size=16),
    }


@pytest.mark.parametrize("model", [nn.LazyLinear(3), nn.Linear(4, 3, device="meta"), nn.ReLU()])
def test_models_without_bytes_are_guarded_too(model: nn.Module) -> None:
    """Parameters that are not made yet, or have no memory, are no change and no error."""
    with Guard(Subject(model)) as guard:
        assert guard.changed() == ()


def test_a_change_is_seen_beside_a_module_of_the_same_names() -> None:
    """The model of a step that keeps an average of it, whose parameters have the same names, is looked at itself."""
    model, average = nn.Linear(4, 3), nn.Linear(4, 3)

    def train_step(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
        return (model(batch[0]) - average(batch[0])).square().mean()

    with Guard(Subject(model, train_step=train_step)) as guard:
        assert guard.changed() == ()
        with torch.no_grad():
            model.weight.add_(1)
        assert guard.changed() == ("weight",)


def test_an_attribute_that_is_named_like_hooks_is_none() -> None:
    """A flag of the user's own, such as ``use_hooks``, is counted for no hooks."""
    model = nn.Linear(4, 3)
    model.use_hooks = True
    with Guard(Subject(model)) as guard:
        assert guard.changed() == ()


def test_sparse_gradients_are_compared_by_their_bytes() -> None:
    """The gradient of an embedding that makes sparse ones is itself while it stays, NaN included, and else a change."""
    model = nn.Embedding(5, 2, sparse=True)
    (model(torch.tensor([1, 3])).sum() * float("nan")).backward()
    with Guard(Subject(model)) as guard:
        assert guard.changed() == ()
        model.weight.grad._values().zero_()
        assert guard.changed() == ("gradient of weight",)


def test_a_lazy_model_stays_lazy() -> None:
    """A lazy layer is no layer of a size after a run."""
    model = nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.Linear(8, 3))
    check(model, [(torch.randn(8, 4), torch.arange(8) % 3)], nn.CrossEntropyLoss(), only=["runs", "loss-input"])
    assert isinstance(model[0].weight, nn.UninitializedParameter)


def test_all_checks_together_leave_no_trace() -> None:
    """Model, gradients, optimizer, generators and random states are the same bytes after a whole run."""
    arguments = program()
    before = state_of(arguments["model"], arguments["optimizer"], arguments["loader"])
    report = check(**arguments)
    assert not report.errors, str(report)
    assert state_of(arguments["model"], arguments["optimizer"], arguments["loader"]) == before


def test_a_list_of_optimizers_is_what_a_step_gets_and_left_alone() -> None:
    """Two optimizers in a list, body and head, train in the user's own step on copies; nothing fails, and no trace."""
    arguments = program()
    model, loss_fn = arguments["model"], arguments["loss_fn"]
    both = [torch.optim.Adam(part.parameters(), lr=1e-3) for part in (model.body, model.head)]

    def step(model: nn.Module, batch: Any, optimizers: Any) -> Tensor:
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss = loss_fn(model(batch[0]), batch[1])
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        return loss

    for more in ({"train_step": step}, {}):
        before = [state_of(model, one, arguments["loader"]) for one in both]
        report = check(**{**arguments, "optimizer": both, **more})
        assert not report.errors, str(report)
        assert report["updates-not-applied"].status == "pass"
        assert [state_of(model, one, arguments["loader"]) for one in both] == before


@pytest.mark.skipif(torch.cuda.is_initialized(), reason="an accelerator that is in use is seeded, and put back")
def test_no_seed_is_left_for_an_accelerator_that_is_not_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is queued for the random state of an accelerator to which the user turns later."""
    arguments, seeds = program(), []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeds.append)
    check(**arguments, only=["wiring", "backward"])
    check(**gradient_check.good(), only="gradient-check")
    assert seeds == []


@pytest.mark.parametrize("name", [one.name for one in CHECKS])
def test_an_interrupt_in_any_check_leaves_no_trace(name: str) -> None:
    """An interrupt that arrives while a check runs its passes, or just before it, changes no byte."""
    arguments = program()
    before = state_of(arguments["model"], arguments["optimizer"], arguments["loader"])
    calls = 0

    def interrupt(told: Progress) -> None:
        nonlocal calls
        calls += told.check == name
        if calls >= 3 or (told.done and not told.check):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(**arguments, only=name, progress=interrupt)
    assert state_of(arguments["model"], arguments["optimizer"], arguments["loader"]) == before


def test_training_goes_on_as_if_nothing_had_been() -> None:
    """Weights after further training are bit-identical with a run of all checks in between and without."""

    def trained(*, looked_at: bool) -> Tensor:
        arguments = program()
        if looked_at:
            check(**arguments)
        for inputs, targets in arguments["loader"]:
            arguments["optimizer"].zero_grad()
            arguments["loss_fn"](arguments["model"](inputs), targets).backward()
            arguments["optimizer"].step()
        return torch.cat([parameter.detach().flatten() for parameter in arguments["model"].parameters()])

    assert torch.equal(trained(looked_at=True), trained(looked_at=False))


def test_what_a_hook_keeps_is_let_go_of() -> None:
    """Activations that a hook of the user's keeps in a dict, or in an object, are not there after a run."""

    class Keeper:
        def __init__(self) -> None:
            self.last: Any = None

        def __call__(self, module: nn.Module, inputs: Any, output: Tensor) -> None:
            self.last = output

    arguments, kept, keeper = program(), {"before": 1}, Keeper()
    arguments["model"].body.register_forward_hook(lambda _, __, output: kept.update(body=output))
    arguments["model"].head.register_forward_hook(keeper)
    check(**arguments, only=("runs", "dead-units", "learning-rate"))
    assert kept == {"before": 1}
    assert keeper.last is None
