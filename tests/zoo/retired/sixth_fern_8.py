"""Programs about forecasts, autoencoders, graph convolutions, levels of series, and norms without statistics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_fern_parts import fern_digits, fern_loaders, fern_seeds, fern_tones, fern_waves


class StackedForecaster(nn.Module):
    """Two recurrent layers and a readout of the next value."""

    def __init__(self, readout: str, width: int = 40) -> None:
        super().__init__()
        self.first = nn.GRU(1, width, batch_first=True)
        self.second: nn.Module = nn.GRU(width, 1, batch_first=True) if readout == "gru" else nn.Linear(width, 1)

    def forward(self, series: Tensor) -> Any:
        states = self.first(series)[0]
        values = self.second(states)
        return (values[0] if isinstance(values, tuple) else values)[:, -1]


@pair("output-range", group="wiring")
def forecast_read_from_a_state(sick: bool) -> Arguments:
    """The forecast is the state of a GRU of one unit, which stays within ±1, while half of the values lie beyond."""
    fern_seeds()
    series = fern_tones(500, 25)[..., None] * (0.4 + 1.2 * torch.rand(500, 1, 1))
    model = StackedForecaster("gru" if sick else "linear")
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    loaders = fern_loaders(series[:, :-1].clone(), series[:, -1].clone())
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **loaders)


class DigitAutoencoder(nn.Module):
    """Puts an image through a code of 24 numbers."""

    def __init__(self, code: int = 24) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.SiLU(), nn.Linear(128, code))
        self.decoder = nn.Sequential(nn.Linear(code, 128), nn.SiLU(), nn.Linear(128, 64), nn.Unflatten(1, (1, 8, 8)))

    def forward(self, x: Tensor) -> Any:
        return self.decoder(self.encoder(x))


@pair("update-ratio", "learning-rate", group="training", source="scikit-learn")
def adam_with_the_epsilon_of_another_recipe(sick: bool) -> Arguments:
    """Adam's epsilon is 1.0, as in another recipe; against gradients of 1e-3 it divides each update by a thousand."""
    fern_seeds()
    x, _ = fern_digits(1000)
    model = DigitAutoencoder()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1.0 if sick else 1e-8)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **fern_loaders(x, x.clone()))


class GraphConvolution(nn.Module):
    """Means over the neighbours, mapped, with an optional activation."""

    def __init__(self, inputs: int, outputs: int, activation: Callable[[Tensor], Tensor] | None = None) -> None:
        super().__init__()
        self.linear, self.activation = nn.Linear(inputs, outputs), activation

    def forward(self, h: Tensor, adjacency: Tensor) -> Any:
        h = self.linear(adjacency @ h)
        return h if self.activation is None else self.activation(h)


class MoleculeNet(nn.Module):
    """Three graph convolutions and a sum over the nodes."""

    def __init__(self, activation: Callable[[Tensor], Tensor] | None, width: int = 48) -> None:
        super().__init__()
        self.first = GraphConvolution(3, width, activation)
        self.second = GraphConvolution(width, width, activation)
        self.third = GraphConvolution(width, 1)

    def forward(self, nodes: Tensor, adjacency: Tensor) -> Any:
        return self.third(self.second(self.first(nodes, adjacency), adjacency), adjacency).sum(1)


@pair("no-nonlinearity", group="wiring", source="published")
def graph_convolutions_with_their_default(sick: bool) -> Arguments:
    """The graph convolution has no activation by default, and none is given: three layers make one linear map."""
    fern_seeds()
    nodes = torch.randn(600, 6, 3)
    edges = (torch.rand(600, 6, 6) < 0.15).float()
    edges = torch.maximum(torch.maximum(edges, edges.transpose(1, 2)), torch.eye(6))
    adjacency = edges / edges.sum(2, keepdim=True)
    mixed = adjacency @ nodes
    target = (mixed[..., :1].abs() + (mixed[..., 1:2] * 2).tanh() * (mixed[..., 2:] > 0)).sum(1)
    target = (target - target.mean()) / target.std()
    model = MoleculeNet(None if sick else F.gelu)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=optimizer,
        task="regression",
        **fern_loaders(nodes, adjacency, target),
    )


def level_of_the_window(series: Tensor) -> Tensor:
    return series.mean(1, keepdim=True)


def level_at_the_start(series: Tensor) -> Tensor:
    return series[:, :1]


class LevelFreeForecaster(nn.Module):
    """Takes the level out of a series, predicts the next value at each step, and puts the level back."""

    def __init__(self, level: Callable[[Tensor], Tensor], width: int = 40) -> None:
        super().__init__()
        self.level, self.rnn, self.head = level, nn.LSTM(1, width, batch_first=True), nn.Linear(width, 1)

    def forward(self, series: Tensor) -> Tensor:
        level = self.level(series)
        change: Tensor = self.head(self.rnn((series - level)[..., None])[0])[..., 0]
        return level + change


def error_after_six_steps(forecast: Tensor, target: Tensor) -> Tensor:
    """Squared error once a few steps of a series have been seen."""
    return (forecast[:, 6:] - target[:, 6:]).pow(2).mean()


@pair("causality", group="wiring", source="published")
def level_taken_from_the_whole_window(sick: bool) -> Arguments:
    """Each step's forecast uses the mean of the whole window, later steps among them."""
    fern_seeds()
    series = 0.7 * fern_tones(500, 31) + 0.7 * torch.randn(500, 1)
    model = LevelFreeForecaster(level_of_the_window if sick else level_at_the_start)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return dict(
        model=model,
        loss_fn=error_after_six_steps,
        optimizer=optimizer,
        task="regression",
        causal=True,
        **fern_loaders(series[:, :-1].clone(), series[:, 1:].clone()),
    )


@healthy(resembles="batchnorm-statistics", source="scikit-learn")
def norms_that_keep_no_statistics() -> Arguments:
    """BatchNorm without running statistics normalises by the batch in evaluation too, so that both modes agree."""
    fern_seeds()
    x, y = fern_digits()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16, track_running_stats=False), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(256, 64), nn.BatchNorm1d(64, track_running_stats=False), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **fern_loaders(x, y, batch=40))


class AttentionPool(nn.Module):
    """Convolutions, and a mean of their states weighted by attention."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(2, width, 7, padding=3), nn.ReLU(), nn.Conv1d(width, width, 5, stride=2, padding=2), nn.ReLU()
        )
        self.score, self.head = nn.Conv1d(width, 1, 1), nn.Linear(2 * width, 4)
        self.last_peak: Tensor | None = None

    def forward(self, x: Tensor) -> Any:
        h = self.body(x)
        attention = self.score(h).softmax(-1)
        peak, where = h.max(-1)
        self.last_peak = where.detach()
        pooled = (h * attention).sum(-1)
        pooled.mul_(2.0)
        return self.head(torch.cat([pooled, peak], 1))


@healthy(resembles="unused-result")
def peaks_kept_and_scaled_in_place() -> Arguments:
    """The call of mul_ stands alone because it works in place; the places of the maxima are kept for a plot."""
    fern_seeds()
    x, y = fern_waves(600, 48, channels=2, classes=4)
    model = AttentionPool()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **fern_loaders(x, y))
