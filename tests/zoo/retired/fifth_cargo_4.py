"""Waveforms, bottles, noise and order: programs of the fifth set, fourth hand."""
# mypy: disable-error-code="no-any-return, no-untyped-call"

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_wine
from torch import Tensor, nn

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_cargo_parts import cargo_digits, cargo_loaders, cargo_start, cargo_table


class WaveformGRU(nn.Module):
    """A GRU over a normalised signal of one channel."""

    def __init__(self, normalised_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(normalised_shape)
        self.gru = nn.GRU(1, 32, batch_first=True)
        self.head = nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.gru(self.norm(x))
        return self.head(states.amax(1))


@pair("constant-output", group="wiring")
def layer_norm_over_the_only_channel(sick: bool) -> Arguments:
    """`LayerNorm(1)` normalises each single number by itself, which turns every signal into zeros."""
    cargo_start()
    kinds = torch.randint(0, 3, (600,))
    cycles = (torch.arange(40) / 40 * (2 + torch.rand(600, 1)) + torch.rand(600, 1)) % 1
    sine, square, saw = torch.sin(6.28 * cycles), torch.sign(cycles - 0.5), 2 * cycles - 1
    waves = torch.stack([sine, square, saw], 1)[torch.arange(600), kinds]
    waves = 1.4 * (0.7 + 0.6 * torch.rand(600, 1)) * waves + 0.05 * torch.randn(600, 40)
    model = WaveformGRU((1,) if sick else (40, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **cargo_loaders(waves[..., None], kinds)
    )


@pair("nothing-to-learn", "shuffled-labels", group="data", source="scikit-learn")
def measurements_permuted_without_their_cultivars(sick: bool) -> Arguments:
    """The rows of the measurements are permuted and the classes stay where they were."""
    cargo_start()
    x, y = cargo_table(load_wine)
    order = torch.randperm(len(x))
    x, y = x[order], y.long() if sick else y.long()[order]
    model = nn.Sequential(nn.Linear(13, 24), nn.ReLU(), nn.Linear(24, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **cargo_loaders(x, y, size=16))


class DenoisingAutoencoder(nn.Module):
    """Images with noise on the way in and without it on the way out."""

    def __init__(self, *, fresh_entropy: bool) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 1, 3, padding=1),
        )
        self.fresh_entropy = fresh_entropy

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            if self.fresh_entropy:
                noise = torch.from_numpy(np.random.default_rng().normal(size=x.shape).astype(np.float32))
            else:
                noise = torch.from_numpy(np.random.normal(size=x.shape).astype(np.float32))
            x = x + 0.5 * noise
        return self.net(x)


@pair("nondeterminism", group="backward", source="scikit-learn")
def noise_from_a_generator_that_nobody_seeds(sick: bool) -> Arguments:
    """Every forward pass makes a new `default_rng()` from the system's entropy, so no seed gives the same loss."""
    cargo_start()
    x, _ = cargo_digits(900)
    model = DenoisingAutoencoder(fresh_entropy=sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **cargo_loaders(x, x))


def ported_block(inside: int, outside: int, momentum: float) -> nn.Sequential:
    """A convolution, its BatchNorm and a ReLU."""
    norm = nn.BatchNorm2d(outside, momentum=momentum)
    return nn.Sequential(nn.Conv2d(inside, outside, 3, padding=1, bias=False), norm, nn.ReLU())


@pair("batchnorm-statistics", group="wiring", source="scikit-learn")
def momentum_of_another_framework_turned_round(sick: bool) -> Arguments:
    """A momentum of 1.0 was ported as one minus it: with zero the running statistics never leave their start."""
    cargo_start()
    x, y = cargo_digits()
    momentum = 0.0 if sick else 0.1
    model = nn.Sequential(
        ported_block(1, 16, momentum), ported_block(16, 24, momentum), nn.MaxPool2d(2), ported_block(24, 32, momentum),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(128, 10),
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **cargo_loaders(x, y))


class EventOrder(nn.Module):
    """A transformer encoder over the events of a log, averaged over the log."""

    def __init__(self, *, placed: bool) -> None:
        super().__init__()
        self.embed = nn.Embedding(8, 32)
        self.place = nn.Parameter(0.5 * torch.randn(8, 32))
        if not placed:
            self.place = nn.Parameter(torch.zeros(1, 32))
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(32, 2)

    def forward(self, events: Tensor) -> Tensor:
        return self.head(self.encoder(self.embed(events) + self.place).mean(1))


@pair("overfit-one-batch", group="training")
def order_of_events_asked_of_an_encoder_without_places(sick: bool) -> Arguments:
    """The answer is the order of the same eight events, which an encoder without positions cannot see."""
    cargo_start()
    logs = torch.stack([torch.randperm(8) for _ in range(1000)])
    login_first = ((logs == 0).float().argmax(1) < (logs == 1).float().argmax(1)).long()
    model = EventOrder(placed=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **cargo_loaders(logs, login_first))


class SpreadAndMean(nn.Module):
    """A perceptron that gives a mean and the logarithm of a spread."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh())
        self.mean, self.log_spread = nn.Linear(48, 1), nn.Linear(48, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.body(x)
        return self.mean(h).squeeze(-1), self.log_spread(h).squeeze(-1).clamp(-6, 3)


def gaussian_surprise(outputs: Any, targets: Tensor) -> Tensor:
    """The negative log-likelihood under the Gaussian of each row, which is below zero where the spread is small."""
    mean, log_spread = outputs
    return (log_spread + 0.5 * ((targets - mean) / log_spread.exp()) ** 2).mean()


@healthy(resembles="loss-direction")
def likelihood_of_a_precise_sensor_below_zero() -> Arguments:
    """A Gaussian likelihood whose negative logarithm falls far below zero, since the sensor hardly errs."""
    cargo_start()
    x = torch.randn(900, 2)
    y = torch.sin(1.5 * x[:, 0]) + 0.5 * x[:, 1] + (0.02 + 0.03 * (x[:, 1] > 0)) * torch.randn(900)
    y = (y - y.mean()) / y.std()
    model = SpreadAndMean()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=gaussian_surprise, optimizer=optimizer, task="regression", **cargo_loaders(x, y))
