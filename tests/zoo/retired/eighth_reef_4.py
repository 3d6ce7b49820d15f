"""Broken programs as they were reported, each with its mended twin: probabilities, loads, order, shapes and sums."""

from __future__ import annotations

import torch
from sklearn.datasets import load_wine
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eighth_reef_parts import reef_digits, reef_loader, reef_loaders, reef_start


class LogisticRegression(nn.Module):
    """One linear layer, with or without a softmax behind it."""

    def __init__(self, inputs: int, classes: int, softmax: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, classes)
        self.softmax = softmax

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.linear(x)
        return F.softmax(scores, dim=1) if self.softmax else scores


@pair("loss-input", group="wiring", source="scikit-learn")
def logistic_regression_with_two_softmaxes(sick: bool) -> Arguments:
    """The forward of the logistic regression ends in a softmax, and its loss is a cross-entropy that applies another.

    (Lightning-Universe/lightning-bolts#654).
    """
    reef_start()
    data = load_wine()
    order = torch.randperm(len(data.target))
    x = torch.tensor(data.data, dtype=torch.float32)[order]
    x = (x - x.mean(0)) / x.std(0)
    model = LogisticRegression(13, 3, softmax=sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-2),
        **reef_loaders(x, torch.tensor(data.target)[order], train=140, batch=16),
    )


def loads_of_buildings(samples: int) -> tuple[Tensor, Tensor]:
    """Outdoor temperature, humidity, hour and weekday, and the load of the next day in kilowatts."""
    temperature = torch.rand(samples) * 30 + 5
    humidity = torch.rand(samples) * 60 + 30
    hour = torch.randint(0, 24, (samples,)).float()
    weekend = (torch.rand(samples) < 2 / 7).float()
    cooling = (temperature - 18).clamp(min=0)
    load = 2400 + 160 * cooling + 6 * humidity + 900 * torch.sin((hour - 8) / 24 * 6.283) - 1100 * weekend
    load += 120 * torch.randn(samples)
    x = torch.stack([temperature, humidity, torch.sin(hour / 24 * 6.283), torch.cos(hour / 24 * 6.283), weekend], dim=1)
    return x, load[:, None]


@pair("target-scale", group="data")
def loads_in_kilowatts(sick: bool) -> Arguments:
    """The inputs are standardised and the labels, loads of thousands, are not, and the loss stays huge.

    (PaddlePaddle/Paddle#36276).
    """
    reef_start()
    x, load = loads_of_buildings(1000)
    x = (x - x[:800].mean(0)) / x[:800].std(0)
    if not sick:
        load = (load - load[:800].mean()) / load[:800].std()
    model = nn.Sequential(nn.Linear(5, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 1))
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **reef_loaders(x, load, train=800),
    )


@pair("not-shuffled", group="data", source="scikit-learn")
def aircraft_in_the_order_of_their_classes(sick: bool) -> Arguments:
    """The samples of the data set are organised class by class, and the loader does not shuffle them.

    (pytorch/vision#7818).
    """
    reef_start()
    x, y = reef_digits()
    by_class = torch.argsort(y[:1000], stable=True)
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3), nn.ReLU(), nn.Conv2d(12, 12, 3), nn.ReLU(), nn.Flatten(), nn.Linear(192, 10)
    )
    return {
        "model": model,
        "loader": reef_loader(TensorDataset(x[:1000][by_class], y[:1000][by_class]), shuffle=not sick),
        "val_loader": reef_loader(TensorDataset(x[1000:], y[1000:]), shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class SeriesRegressor(nn.Module):
    """A fully convolutional network over a series of two variables and one number from it."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(2, 16, 7, padding=3),
            nn.BatchNorm1d(16),
            nn.ReLU(),
            nn.Conv1d(16, 16, 5, padding=2),
            nn.BatchNorm1d(16),
            nn.ReLU(),
            nn.AdaptiveAvgPool1d(1),
            nn.Flatten(),
        )
        self.output = nn.Linear(16, 1)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.output(self.body(x))
        return output


def error_of_columns(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean squared error, both as they come."""
    return (outputs - targets).square().mean()


def error_of_numbers(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean squared error, the outputs without their last axis of one."""
    return (outputs.squeeze(-1) - targets).square().mean()


@pair("silent-broadcast", group="wiring")
def regressor_of_series_with_a_column_too_many(sick: bool) -> Arguments:
    """The targets have the shape (batch,) and the network gives (batch, 1), which the loss makes a matrix of all pairs.

    (sktime/sktime#10931).
    """
    reef_start()
    time = torch.arange(40.0)
    slow, height = torch.rand(900, 1) * 0.4 + 0.1, torch.rand(900, 1) + 0.5
    series = torch.stack([height * torch.sin(slow * time), height * torch.cos(slow * time)], dim=1)
    y = (2 * slow + height).squeeze(1)
    y = (y - y.mean()) / y.std()
    model = SeriesRegressor()
    return dict(
        model=model,
        loss_fn=error_of_columns if sick else error_of_numbers,
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        task="regression",
        **reef_loaders(series + 0.1 * torch.randn(series.shape), y, train=750),
    )


class NeighbourMean(nn.Module):
    """Represents both ends of an edge by their features and the mean of their neighbours, and scores the edge."""

    def __init__(self, features: int = 10, width: int = 16) -> None:
        super().__init__()
        self.hidden = nn.Linear(2 * features, 32)
        self.output = nn.Linear(32, width)

    def represent(self, node: Tensor) -> Tensor:
        hidden: Tensor = self.output(F.relu(self.hidden(node)))
        return hidden

    def forward(self, ends: Tensor) -> Tensor:
        left, right = ends.unbind(1)
        return (self.represent(left) * self.represent(right)).sum(1)


def loss_of_a_batch_divided_once(outputs: Tensor, targets: Tensor) -> Tensor:
    """The cross-entropy of the edges of a batch, by their number."""
    return F.binary_cross_entropy_with_logits(outputs, targets, reduction="sum") / len(targets)


def loss_of_a_batch_divided_twice(outputs: Tensor, targets: Tensor) -> Tensor:
    """The cross-entropy of the edges of a batch, by their number, and that by their number."""
    loss = F.binary_cross_entropy_with_logits(outputs, targets, reduction="sum") / len(targets)
    return loss / len(targets)


@pair("loss-reduction", group="wiring")
def edges_divided_by_their_number_twice(sick: bool) -> Arguments:
    """The loss is divided by the batch size in two places, which scales the learning rate by it.

    (williamleif/GraphSAGE#12).
    """
    reef_start()
    centre = torch.randn(5, 10)
    group = torch.randint(0, 5, (300,))
    features = centre[group] + 0.7 * torch.randn(300, 10)
    neighbours = torch.stack(
        [features[group == g][torch.randint(int((group == g).sum()), (5,))].mean(0) for g in group]
    )
    nodes = torch.cat([features, neighbours], dim=1)
    pairs = torch.combinations(torch.arange(300))[torch.randperm(44850)]
    same = group[pairs[:, 0]] == group[pairs[:, 1]]
    pairs = torch.cat([pairs[same][:700], pairs[~same][:700]])[torch.randperm(1400)]
    left, right = pairs.unbind(1)
    y = (group[left] == group[right]).float()
    ends = torch.stack([nodes[left], nodes[right]], dim=1)
    model = NeighbourMean()
    return dict(
        model=model,
        loss_fn=loss_of_a_batch_divided_twice if sick else loss_of_a_batch_divided_once,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        task="binary",
        **reef_loaders(ends, y, train=1200, batch=64),
    )
