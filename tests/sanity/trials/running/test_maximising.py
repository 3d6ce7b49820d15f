from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Categorical, MixtureSameFamily, Normal
from torch.utils.data import DataLoader, TensorDataset

from nbinspect import check
from nbinspect.sanity.batches import make_batch
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.comparison import losses_of
from nbinspect.sanity.trials.running.maximising import maximising_in
from nbinspect.subject import make_subject

pytestmark = pytest.mark.slow


class Spread(nn.Module):
    """Gives a middle and the logarithm of a variance."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.middle, self.variance = nn.Linear(5, 32), nn.Linear(32, 1), nn.Linear(32, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.body(x).relu()
        return self.middle(hidden), self.variance(hidden)


def of_one(outputs: tuple[Tensor, Tensor], y: Tensor) -> Tensor:
    return Normal(outputs[0], (outputs[1] / 2).exp()).log_prob(y).mean()


def of_two(outputs: Tensor, y: Tensor) -> Tensor:
    logits, middles, widths = outputs.chunk(3, 1)
    parts = Normal(middles, widths.clamp(-3, 3).exp())
    return MixtureSameFamily(Categorical(logits=logits), parts).log_prob(y[:, 0]).mean()


def of_classes(outputs: Tensor, y: Tensor) -> Tensor:
    return -nn.functional.cross_entropy(outputs, (y[:, 0] > 0).long())


def program(likelihood: Any, **more: Any) -> Any:
    torch.manual_seed(0)
    x = torch.randn(256, 5)
    y = 2 * x[:, :1] + 0.1 * torch.randn(256, 1)
    model: nn.Module = Spread()
    if likelihood is not of_one:
        model = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 6))
    loader: Any = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, maximize=True)
    return {"model": model, "loader": loader, "loss_fn": likelihood, "optimizer": optimizer, **more}


def step(model: Any, batch: Any, optimizer: Any, loss_fn: Any) -> float:
    optimizer.zero_grad()
    loss = loss_fn(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return float(loss.detach())


@pytest.mark.parametrize("likelihood", [of_one, of_two, of_classes])
@pytest.mark.parametrize("own", [None, step])
def test_a_likelihood_that_is_maximised_raises_no_alarm(likelihood: Any, own: Any) -> None:
    """A log-likelihood under an optimizer that maximises is right: no check of the whole catalogue fails or warns."""
    record = check(**program(likelihood, train_step=own))
    assert [(one.check, one.summary) for one in record.results if one.status in ("fail", "warn", "error")] == []
    told = {one.check: one for one in record.results}
    for name in ("loss-direction", "overfit-one-batch", "learning-rate", "shuffled-labels"):
        assert told[name].status == "skip", name
    assert "minimises" in told["overfit-one-batch"].summary


def test_the_same_under_an_optimizer_that_minimises_fails() -> None:
    """What the optimizer minimises, and is a log-likelihood, has the wrong sign."""
    made = program(of_one)
    made["optimizer"] = torch.optim.Adam(made["model"].parameters(), 1e-3)
    assert check(**made, only=["loss-direction"]).results[0].status == "fail"


@pytest.mark.parametrize("loss_fn", [nn.CrossEntropyLoss(), nn.MSELoss()])
def test_an_ordinary_loss_that_is_maximised_fails(loss_fn: Any) -> None:
    """Where perfect predictions have the lower loss, an optimizer that maximises makes predictions worse."""
    torch.manual_seed(0)
    x = torch.randn(64, 5)
    y = x[:, :3].argmax(1) if isinstance(loss_fn, nn.CrossEntropyLoss) else x[:, :3]
    model = nn.Linear(5, 3)
    given = {"model": model, "loader": DataLoader(TensorDataset(x, y), 16), "loss_fn": loss_fn}
    optimizer = torch.optim.SGD(model.parameters(), 0.1, maximize=True)
    (found,) = check(**given, optimizer=optimizer, only=["loss-direction"]).results
    assert (found.status, found.where) == ("fail", "optimizer")


def _program(optimizer: Any, own: Any = None) -> Program:
    made = program(of_one)
    subject = make_subject(
        made["model"], made["loader"], of_one, optimizer=optimizer(made["model"].parameters()), train_step=own
    )
    return Program(subject, Limits(60))


@pytest.mark.parametrize(
    ("optimizer", "told"),
    [
        (lambda parameters: torch.optim.SGD(parameters, 0.1, maximize=True), True),
        (lambda parameters: {"all": torch.optim.SGD(parameters, 0.1, maximize=True)}, True),
        (lambda _: lambda parameters: torch.optim.SGD(parameters, 0.1, maximize=True), True),
        (lambda _: lambda parameters: torch.optim.SGD(parameters, 0.1), False),
        (lambda parameters: torch.optim.SGD(parameters, 0.1), False),
        (torch.optim.LBFGS, False),
        (lambda _: None, False),
    ],
)
def test_optimizers_that_maximise_are_known(optimizer: Any, told: bool) -> None:
    """One optimizer, a dict of them, and what a factory makes."""
    assert (True in maximising_in(_program(optimizer))) == told


def test_an_optimizer_that_only_the_step_knows_is_asked() -> None:
    """A step may close over an optimizer that maximises, and which is not given."""
    made = program(of_one)
    model, optimizer = made["model"], made["optimizer"]

    def own(batch: Any) -> float:
        return step(model, batch, optimizer, of_one)

    assert maximising_in(Program(make_subject(model, made["loader"], of_one, train_step=own), Limits(60))) == {True}


def test_losses_of_what_is_maximised_fall_as_it_learns() -> None:
    """With the sign turned a likelihood that rises is a loss that falls, so that runs are compared the right way."""
    made = _program(lambda parameters: torch.optim.Adam(parameters, 1e-2, maximize=True))
    batch = make_batch(made.subject, next(iter(made.subject.loader)), 0)
    losses = losses_of(made, (batch,), 8)
    assert losses is not None
    assert losses[-1] < losses[0]
    assert losses[0] > 0


class Bounded(nn.Module):
    """A linear layer, beside the multiplier of a bound on its outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.factor = nn.Linear(5, 3), nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.layer(x) + 0 * self.factor
        return outputs


def test_a_multiplier_that_goes_up_beside_weights_that_go_down_is_no_defect() -> None:
    """Of an optimizer with groups both ways the loss is to fall, and nobody is told to turn it round."""
    torch.manual_seed(0)
    x, model = torch.randn(64, 5), Bounded()
    groups = [{"params": model.layer.parameters()}, {"params": [model.factor], "maximize": True}]
    loader, optimizer = DataLoader(TensorDataset(x, x[:, :3]), 16), torch.optim.SGD(groups, 0.1)
    (found,) = check(model, loader, nn.MSELoss(), optimizer=optimizer, only=["loss-direction"]).results
    assert (found.status, "a group" in found.summary) == ("skip", True)
    made = Program(make_subject(model, loader, nn.MSELoss(), optimizer=optimizer), Limits(60))
    losses = losses_of(made, (make_batch(made.subject, next(iter(loader)), 0),), 8)
    assert losses is not None
    assert losses[0] > losses[-1] > 0


class Misled(nn.Module):
    """A network that stays as it is, and a change of its inputs that is to mislead it."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Linear(5, 3).requires_grad_(requires_grad=False)
        self.change = nn.Parameter(torch.zeros(5))

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.network(x + self.change)
        return outputs


@pytest.mark.parametrize("frozen", [True, False])
def test_inputs_that_are_to_mislead_a_network_are_no_defect(frozen: bool) -> None:
    """An adversarial change rightly maximises the loss of the network that it is made for."""
    torch.manual_seed(0)
    x, model = torch.randn(64, 5), Misled()
    model.network.requires_grad_(not frozen)
    loader = DataLoader(TensorDataset(x, x[:, :3].argmax(1)), 16)
    optimizer = torch.optim.SGD([model.change], 0.1, maximize=True)
    (found,) = check(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer, only=["loss-direction"]).results
    assert found.status == "skip"


def test_a_network_that_is_to_forget_is_a_warning() -> None:
    """One that has learnt its data may unlearn them by rising losses; of a fresh one the optimizer is at fault."""
    torch.manual_seed(0)
    x, model = torch.randn(64, 5), nn.Linear(5, 3)
    y = x[:, :3].argmax(1)
    rising = torch.optim.SGD(model.parameters(), 0.1, maximize=True)
    given: Any = {"optimizer": rising, "only": ["loss-direction"]}
    loader = DataLoader(TensorDataset(x, y), 16)
    assert [one.status for one in check(model, loader, nn.CrossEntropyLoss(), **given).results] == ["fail"]
    learning = torch.optim.Adam(model.parameters(), 0.1)
    for _ in range(60):
        learning.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        learning.step()
    assert [one.status for one in check(model, loader, nn.CrossEntropyLoss(), **given).results] == ["warn"]
