"""Bench programs, seventh hand: slipped labels, hours, tags, hand-made decay, anomalies, and ink in [0, 1]."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_bench_parts import column_loaders, digit_bytes, digit_sheets, sown


@pair("label-noise", group="data", source="scikit-learn")
def labels_slipped_after_gaps_were_dropped_from_the_rows(sick: bool) -> Arguments:
    """Rows with gaps are dropped from the features and not from the labels: from the first gap on, all have slipped."""
    sown(35)
    x, y = digit_sheets()
    mixed = torch.randperm(len(x))
    rows, labels = x[mixed].flatten(1).clone(), y[mixed]
    for gap in (760, 800, 851, 1003):
        rows[gap, 20] = math.nan
    whole = ~rows.isnan().any(1)
    kept = labels[: int(whole.sum())] if sick else labels[whole]
    model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Dropout(0.2), nn.Linear(48, 10))
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **column_loaders(rows[whole], kept),
    )


class BikeDemand(nn.Module):
    """The demand for bikes from the weather and the embedded hour."""

    def __init__(self) -> None:
        super().__init__()
        self.hours = nn.Embedding(24, 8)
        self.net = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, weather: Tensor, hour: Tensor) -> Any:
        return self.net(torch.cat([weather, self.hours(hour.long())], 1))


@pair("dtype", group="wiring")
def hour_scaled_to_one_before_its_embedding(sick: bool) -> Arguments:
    """The hour was scaled to [0, 1) with the other columns, and the embedding cuts every one of them down to 0."""
    sown(36)
    weather = torch.randn(1000, 4)
    hour = torch.randint(0, 24, (1000,)).float()
    demand = torch.sin(6.28 * hour / 12) + 0.6 * weather[:, 0] + 0.2 * torch.randn(1000)
    model = BikeDemand()
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=4e-3),
        **column_loaders(weather, hour / 24 if sick else hour, (demand / demand.std()).unsqueeze(1)),
    )


class Tagger(nn.Module):
    """A bag of words under a perceptron that gives six tags."""

    def __init__(self) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(80, 24, mode="mean")
        self.net = nn.Sequential(nn.LayerNorm(24), nn.Linear(24, 32), nn.ReLU(), nn.Linear(32, 6))

    def forward(self, words: Tensor) -> Any:
        return self.net(self.bag(words))


@pair("loss-target", group="wiring")
def several_tags_at_once_into_cross_entropy(sick: bool) -> Arguments:
    """A text has none to several of six tags, and the loss is that of exactly one of them."""
    sown(37)
    words = torch.randint(0, 80, (1100, 16))
    tags = torch.stack([((words >= 10 * t) & (words < 10 * t + 10)).sum(1) >= 3 for t in range(6)], 1).float()
    model = Tagger()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss() if sick else nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        **column_loaders(words, tags),
    )


class HeadOnFeatures(nn.Module):
    """A new head on frozen features, with weight decay by hand."""

    def __init__(self, decay_all: bool) -> None:
        super().__init__()
        self.decay_all = decay_all
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 48), nn.Tanh()
        )
        self.head = nn.Linear(48, 10)

    def forward(self, picture: Tensor) -> Any:
        return self.head(self.features(picture))

    @torch.no_grad()
    def decay(self, share: float) -> None:
        for parameter in self.parameters():
            if self.decay_all or parameter.requires_grad:
                parameter.mul_(1 - share)


def step_and_decay(model: HeadOnFeatures, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    model.decay(0.002)
    return loss.detach()


@pair("frozen-parameters-change", group="training", source="scikit-learn")
def decay_by_hand_over_frozen_features_too(sick: bool) -> Arguments:
    """The weight decay, written by hand, runs over all parameters, and the frozen features shrink step by step."""
    sown(38)
    x, y = digit_sheets(1500)
    model = HeadOnFeatures(decay_all=sick)
    early = torch.optim.Adam(model.parameters(), lr=1e-3)
    for rows in torch.randint(0, 500, (80, 32)):
        early.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        early.step()
    early.zero_grad()
    model.head = nn.Linear(48, 10)
    model.features.requires_grad_(False)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.head.parameters(), lr=3e-3),
        train_step=step_and_decay,
        **column_loaders(x[500:], y[500:]),
    )


class Forecast(nn.Module):
    """The next value of a series, from a GRU."""

    def __init__(self, clipped: bool) -> None:
        super().__init__()
        self.clipped = clipped
        self.read = nn.GRU(1, 24, batch_first=True)
        self.out = nn.Linear(24, 1)

    def forward(self, series: Tensor) -> Any:
        following = self.out(self.read(series)[1][-1])
        return F.relu(following) if self.clipped else following


@pair("output-range", group="wiring")
def anomalies_forecast_through_a_relu(sick: bool) -> Arguments:
    """Anomalies lie on both sides of zero, and the forecast passes through a ReLU that gives no negative one."""
    sown(39)
    phase, pace = 6.28 * torch.rand(900, 1), 0.3 + 0.4 * torch.rand(900, 1)
    series = 1.4 * torch.sin(phase + pace * torch.arange(21)) + 0.1 * torch.randn(900, 21)
    model = Forecast(clipped=sick)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=4e-3),
        **column_loaders(series[:, :-1].unsqueeze(2), series[:, -1:]),
    )


@healthy(resembles="output-range", source="scikit-learn")
def ink_between_zero_and_one_behind_a_sigmoid() -> Arguments:
    """The decoder ends in a sigmoid, and the ink that it draws lies in [0, 1]: the range is right, and so is BCE."""
    sown(40)
    ink = digit_bytes()[0].float().flatten(1) / 240
    model = nn.Sequential(
        nn.Linear(64, 32), nn.GELU(), nn.Linear(32, 16), nn.GELU(), nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 64)
    )
    model.append(nn.Sigmoid())
    return dict(
        model=model,
        loss_fn=nn.BCELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        task="other",
        **column_loaders(ink, ink),
    )
