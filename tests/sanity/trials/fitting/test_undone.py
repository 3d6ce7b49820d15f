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


class Renamed(torch.optim.Adam):
    """Adds nothing."""


class Still(torch.optim.SGD):
    """Takes back what each step does."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        held = [parameter for group in self.param_groups for parameter in group["params"]]
        before = [parameter.clone() for parameter in held]
        loss = super().step(closure)
        for parameter, was in zip(held, before, strict=True):
            parameter.copy_(was + 1e-6)
        return loss


class Own(torch.optim.Optimizer):
    """Extends no algorithm."""

    def step(self, closure: Any = None) -> Any:
        return None


class Heir(Still):
    """Has the step of the class before it."""


@pytest.mark.parametrize(
    ("kind", "plain"),
    [(torch.optim.Adam, None), (Renamed, None), (Own, None), (Still, torch.optim.SGD), (Heir, torch.optim.SGD)],
)
def test_an_optimizer_that_adds_a_step_of_its_own_has_a_plain_one(kind: Any, plain: Any) -> None:
    """Only where a class of the user's overrides the step of one of PyTorch there is something to set beside it."""
    assert plain_of(kind([nn.Parameter(torch.zeros(1))], {"lr": 0.1} if kind is Own else 0.1)) is plain
    assert plain_of(None) is None


def test_the_plain_optimizer_is_put_into_a_copy_alone() -> None:
    """Its curve falls where that of the user's stands still; the user's keeps its class, its groups and a schedule."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
    optimizer = Still(model.parameters(), 0.3, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 100)
    loader = [(torch.randn(16, 8), torch.arange(16) % 4)]
    program, (batch,) = program_of(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer, scheduler=scheduler)
    goal = goal_of(record(program, batch))
    own = fit(program, batch, goal, yours(program), 40).curve
    plain = plain_curve(program, batch, own, 40)
    assert plain is not None
    assert plain.left < 0.6
    assert own.left > 0.9
    assert "SGD that your Still extends" in plain.name
    assert type(optimizer) is Still
    assert type(program.subject.optimizer) is Still
