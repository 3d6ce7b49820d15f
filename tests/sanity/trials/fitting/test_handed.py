from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nbinspect.sanity.training.input_independent_baseline import CHECK
from tests.sanity.running import run_one
from tests.sanity.states import state_of

DRAWN = torch.Generator().manual_seed(0)
X, Y = torch.randn(32, 8, generator=DRAWN), torch.arange(32) % 4
LINKS = torch.randint(32, (2, 200), generator=DRAWN)


class Net(nn.Module):
    def __init__(self, outputs: int, more: int = 0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(8 + more, 64), nn.ReLU(), nn.Linear(64, outputs))

    def forward(self, rows: Tensor, beside: Tensor) -> Tensor:
        return self.layers(rows) + 0 * beside.sum()


def loss_by_noise(model: Any, batch: Any) -> Tensor:
    """The noise is to be told from what it was added to."""
    noise, share = torch.randn(X.shape), torch.rand(len(X), 1)
    return F.mse_loss(model(share * batch[0] + (1 - share) * noise, share), noise)


def loss_by_nodes(model: Any, batch: Any) -> Tensor:
    """A batch says which nodes of a graph count."""
    outputs = model(torch.zeros_like(X).index_add(0, LINKS[0], X[LINKS[1]]), LINKS.float())
    return F.cross_entropy(outputs[batch[0]], Y[batch[0]])


def loss_by_rewards(model: Any, batch: Any) -> Tensor:
    """The targets are made of what comes after."""
    states, later, rewards = batch
    with torch.no_grad():
        wanted = rewards + 0.9 * model(later, later).amax(1)
    return F.mse_loss(model(states, later).amax(1), wanted)


def loss_by_hints(model: Any, batch: Any) -> Tensor:
    """The targets are among the inputs."""
    return F.cross_entropy(model(torch.cat([batch[0], batch[1][:, None].float()], 1), batch[0]), batch[1])


@pytest.mark.parametrize(
    ("loss_of", "batch", "sizes", "status"),
    [
        (loss_by_noise, (X,), (8,), "skip"),
        (loss_by_nodes, (torch.arange(24),), (4,), "skip"),
        (loss_by_rewards, (X, X.flip(0), X[:, 0].abs()), (4,), "skip"),
        (loss_by_hints, (X, Y), (4, 1), "fail"),
    ],
)
def test_inputs_are_zeroed_where_the_step_gives_them_to_the_model_alone(
    loss_of: Any, batch: Any, sizes: tuple[int, ...], status: str
) -> None:
    """Nothing is told by zeros for inputs that the step makes targets of, or does not give to its model."""
    model = Net(*sizes)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    def train_step(batch: Any) -> None:
        optimizer.zero_grad()
        loss_of(model, batch).backward()
        optimizer.step()

    before = state_of(model, optimizer)
    assert run_one(CHECK, model=model, loader=[batch], optimizer=optimizer, train_step=train_step).status == status
    assert state_of(model, optimizer) == before
