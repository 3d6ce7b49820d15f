"""Programs about recurrent gains, decoupled decay, bags of instances, residual networks, and a prior."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_fern_parts import fern_digits, fern_loaders, fern_seeds


class ElmanNet(nn.Module):
    """A plain recurrent network whose states are averaged."""

    def __init__(self, gain: float, width: int = 40) -> None:
        super().__init__()
        self.rnn = nn.RNN(2, width, batch_first=True)
        nn.init.orthogonal_(self.rnn.get_parameter("weight_hh_l0"), gain=gain)
        self.head = nn.Linear(width, 3)

    def forward(self, x: Tensor) -> Any:
        return self.head(self.rnn(x)[0].mean(1))


@pair("exploding-gradients", group="backward")
def recurrent_gain_of_three(sick: bool) -> Arguments:
    """The orthogonal recurrent matrix is scaled by 3 instead of 1: gradients grow from step to step back in time."""
    fern_seeds()
    kind = torch.randint(3, (500,))
    time = torch.arange(40) * (0.15 + 0.2 * kind[:, None]) + 6.28 * torch.rand(500, 1)
    x = torch.stack([time.sin(), time.cos() * torch.where(torch.rand(500, 1) < 0.5, 1, -1)], 2) + 0.2 * torch.randn(
        500, 40, 2
    )
    model = ElmanNet(gain=3.0 if sick else 1.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **fern_loaders(x, kind))


def decayed_groups(model: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Weight decay for matrices and kernels, none for biases."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    return [
        {"params": matrices, "weight_decay": decay},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]


@pair("regularised-debug-run", group="training", source="scikit-learn")
def decay_divided_by_the_rate(sick: bool) -> Arguments:
    """AdamW wants the decay per step divided by the rate, and it had been divided already: a decay of 50."""
    fern_seeds()
    x, y = fern_digits()
    rate, decay = 2e-3, 1e-4
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.GELU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 64),
        nn.GELU(),
        nn.Linear(64, 10),
    )
    groups = decayed_groups(model, decay / rate / (rate / 2 if sick else 1))
    optimizer = torch.optim.AdamW(groups, lr=rate)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **fern_loaders(x, y))


class NoisyOr(nn.Module):
    """The probability that at least one of the instances in a bag is positive."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.instance = nn.Sequential(
            nn.Flatten(2), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)
        )
        with torch.no_grad():
            self.instance[-1].bias.fill_(-1.7)  # type: ignore[operator]

    def forward(self, bags: Tensor) -> Tensor:
        none = F.logsigmoid(-self.instance(bags)).sum(1)[:, 0]
        return (1 - none.exp()).clamp(1e-6, 1 - 1e-6)


@healthy(resembles="loss-input", source="scikit-learn")
def bags_with_a_noisy_or() -> Arguments:
    """Multiple-instance learning: a noisy-or gives probabilities, and the loss for probabilities takes them."""
    fern_seeds()
    images, classes = fern_digits(1600)
    picked = torch.randperm(len(images)).view(-1, 4)
    bags = images[picked]
    label = (classes[picked] < 2).any(1).float()
    model = NoisyOr()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(
        model=model, loss_fn=nn.BCELoss(), optimizer=optimizer, task="binary", **fern_loaders(bags, label, batch=16)
    )


class PreNormBlock(nn.Module):
    """A residual block that normalises its input and is divided by the root of the depth."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.norm, self.into, self.out = nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.scale = depth**-0.5

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = self.out(F.gelu(self.into(self.norm(x))))
        return torch.add(x, h, alpha=self.scale)


@healthy(resembles="exploding-gradients", source="published")
def twenty_residual_blocks() -> Arguments:
    """Twenty layers in a row, which skip connections and norms keep in bounds."""
    fern_seeds()
    x, y = fern_digits()
    blocks = [PreNormBlock(32, 20) for _ in range(20)]
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), *blocks, nn.LayerNorm(32), nn.Linear(32, 10))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **fern_loaders(x, y))


@healthy(resembles="final-bias", source="scikit-learn")
def counts_of_ink_above_their_mean() -> Arguments:
    """The targets lie about 20 with a spread of one, and the last bias starts there."""
    fern_seeds()
    x, _ = fern_digits()
    ink = (x * torch.linspace(-1, 1, 8)).mean((1, 2, 3)) + x[..., 2:6, :].clamp(min=0).mean((1, 2, 3))
    target = ((ink - ink.mean()) / ink.std() + 20)[:, None]
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 48), nn.ReLU()
    )
    head = nn.Linear(48, 1)
    nn.init.constant_(head.bias, 20.0)
    model.append(head)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **fern_loaders(x, target))
