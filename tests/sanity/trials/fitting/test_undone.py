from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from nbinspect.sanity.recorded import record
from nbinspect.sanity.trials.fitting.fit import fit, yours
from nbinspect.sanity.trials.fitting.floor import goal_of
from nbinspect.sanity.trials.fitting.undone import plain_curve, plain_of
from tests.sanity.trials.ways import program_of

pytestmark = pytest.mark.slow


class Renamed(torch.optim.Adam):
    """Adds nothing."""


class Returning(torch.optim.SGD):
    """Goes back to where it began at every second step."""

    def __init__(self, parameters: Any, *rest: Any, **named: Any) -> None:
        super().__init__(parameters, *rest, **named)
        self.held = [parameter for group in self.param_groups for parameter in group["params"]]
        self.began, self.steps = [parameter.detach().clone() for parameter in self.held], 0

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = super().step(closure)
        self.steps += 1
        for parameter, value in zip(self.held, self.began, strict=True) if self.steps % 2 == 0 else ():
            parameter.copy_(value)
        return loss


class Patient(torch.optim.Adam):
    """Warms up by rates of its own, and waits for the gradients of several calls, whatever its groups say."""

    def __init__(self, parameters: Any, warm_up: int = 1, every: int = 1) -> None:
        super().__init__(parameters, 3e-3)
        self.warm_up, self.every, self.calls = warm_up, every, 0

    def step(self, closure: Any = None) -> Any:
        self.calls += 1
        for group in self.param_groups:
            group["lr"] = 3e-3 * min(1.0, self.calls / self.warm_up)
        return super().step(closure) if self.calls % self.every == 0 else None


class Averaged(torch.optim.SGD):
    """Keeps the weights that it trains aside; those of the model are their average."""

    def __init__(self, parameters: Any, *rest: Any, **named: Any) -> None:
        super().__init__(parameters, *rest, **named)
        self.held = [parameter for group in self.param_groups for parameter in group["params"]]
        self.aside = [parameter.detach().clone() for parameter in self.held]

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        averages = [parameter.clone() for parameter in self.held]
        for parameter, value in zip(self.held, self.aside, strict=True):
            parameter.copy_(value)
        loss = super().step(closure)
        for parameter, value, average in zip(self.held, self.aside, averages, strict=True):
            value.copy_(parameter)
            parameter.copy_(average.lerp(value, 1e-3))
        return loss


class Langevin(torch.optim.SGD):
    """Adds noise to each step, which is the same at each step of a run that holds the draws."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = super().step(closure)
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
        return loss


class Own(torch.optim.Optimizer):
    """Extends no algorithm."""

    def step(self, closure: Any = None) -> Any:
        return None


class Heir(Returning):
    """Has the step of the class before it."""


@pytest.mark.parametrize(
    ("kind", "plain"),
    [(torch.optim.Adam, None), (Renamed, None), (Own, None), (Returning, torch.optim.SGD), (Heir, torch.optim.SGD)],
)
def test_an_optimizer_that_adds_a_step_of_its_own_has_a_plain_one(kind: Any, plain: Any) -> None:
    """Only where a class of the user's overrides the step of one of PyTorch there is something to set beside it."""
    assert plain_of(kind([nn.Parameter(torch.zeros(1))], {"lr": 0.1} if kind is Own else 0.1)) is plain
    assert plain_of(None) is None


def test_the_plain_optimizer_is_put_into_a_copy_alone() -> None:
    """Its curve falls where that of the user's stands still; the user's keeps its class, its groups and a schedule."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
    optimizer = Returning(model.parameters(), 0.3, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 100)
    loader = [(torch.randn(16, 8), torch.arange(16) % 4)]
    program, (batch,) = program_of(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer, scheduler=scheduler)
    goal = goal_of(record(program, batch))
    own = fit(program, batch, goal, yours(program), 40).curve
    plain = plain_curve(program, batch, own, 40)
    assert plain is not None
    assert plain.left < 0.6
    assert own.left > 0.9
    assert "SGD that your Returning extends" in plain.name
    assert type(optimizer) is Returning
    assert type(program.subject.optimizer) is Returning


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "make",
    [
        lambda parameters: Patient(parameters, warm_up=1000),
        lambda parameters: Patient(parameters, every=32),
        lambda parameters: Averaged(parameters, 0.3, momentum=0.9),
        lambda parameters: Langevin(parameters, 0.3, momentum=0.9),
    ],
)
def test_an_optimizer_that_gets_there_later_or_by_noise_undoes_nothing(make: Any, seed: int) -> None:
    """Warm-up inside of a step, gathered gradients and averages keep weights near at any rate; noise is meant."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
    loader = [(torch.randn(16, 8), torch.arange(16) % 4)]
    program, (batch,) = program_of(model, loader, nn.CrossEntropyLoss(), optimizer=make(model.parameters()))
    goal = goal_of(record(program, batch))
    assert plain_curve(program, batch, fit(program, batch, goal, yours(program), 40).curve, 40) is None
