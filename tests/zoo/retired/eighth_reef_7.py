"""Broken programs as they were reported, each with its mended twin, and two that are right."""

from __future__ import annotations

import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import ConcatDataset, TensorDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.eighth_reef_parts import reef_digits, reef_loader, reef_loaders, reef_start


def small_conv_net() -> nn.Sequential:
    """Two convolutions with batch norm, and ten classes."""
    return nn.Sequential(
        nn.Conv2d(1, 12, 3),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.Conv2d(12, 24, 3),
        nn.BatchNorm2d(24),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(96, 10),
    )


@pair("not-shuffled", group="data", source="scikit-learn")
def folders_of_classes_one_after_the_other(sick: bool) -> Arguments:
    """The data are folders of different classes, and the loader of one process does not shuffle them.

    (ultralytics/yolov5#2582).
    """
    reef_start()
    x, y = reef_digits()
    train_x, train_y = x[:1000], y[:1000]
    folders = [
        TensorDataset(train_x[kept], train_y[kept])
        for kept in (train_y < 3, (train_y >= 3) & (train_y < 7), train_y >= 7)
    ]
    model = small_conv_net()
    return {
        "model": model,
        "loader": reef_loader(ConcatDataset(folders), shuffle=not sick),
        "val_loader": reef_loader(TensorDataset(x[1000:], y[1000:]), shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9),
    }


class PatchForecaster(nn.Module):
    """A transformer over the patches of a window, and as many values of the future as asked for."""

    def __init__(self, window: int = 32, patch: int = 4, ahead: int = 1, width: int = 24) -> None:
        super().__init__()
        self.patch = patch
        self.embed = nn.Linear(patch, width)
        self.place = nn.Parameter(0.02 * torch.randn(window // patch, width))
        self.block = nn.TransformerEncoderLayer(width, 4, 48, dropout=0.0, batch_first=True, norm_first=True)
        self.head = nn.Linear(window // patch * width, ahead)

    def forward(self, window: Tensor) -> Tensor:
        patches = window.view(len(window), -1, self.patch)
        ahead: Tensor = self.head(self.block(self.embed(patches) + self.place).flatten(1))
        return ahead


class ForecastError(nn.Module):
    """The mean squared error of a forecast, the targets as they come or in the shape of the forecast."""

    def __init__(self, same_shape: bool) -> None:
        super().__init__()
        self.same_shape = same_shape
        self.mse = nn.MSELoss()

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        error: Tensor = self.mse(outputs, targets.view_as(outputs) if self.same_shape else targets)
        return error


@pair("silent-broadcast", group="wiring")
def forecast_of_one_value_against_a_row(sick: bool) -> Arguments:
    """A forecast of one value is (B, 1) and its targets (B,), and the error is taken of all pairs of the batch.

    (jsboige/CoursIA#926).
    """
    reef_start()
    time = torch.arange(1300.0)
    series = torch.sin(time / 5) + 0.6 * torch.sin(time / 2.3 + 1) + 0.15 * torch.randn(1300)
    series = (series - series.mean()) / series.std()
    windows = series.unfold(0, 33, 1)
    train, val = windows[:1000], windows[1033:]
    model = PatchForecaster()
    return {
        "model": model,
        "loader": reef_loader(TensorDataset(train[:, :32], train[:, 32])),
        "val_loader": reef_loader(TensorDataset(val[:, :32], val[:, 32]), shuffle=False),
        "loss_fn": ForecastError(same_shape=not sick),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "task": "regression",
    }


@pair("class-imbalance", group="data")
def pages_whose_rare_elements_weigh_like_the_rest(sick: bool) -> Arguments:
    """One element in fifteen is the one looked for, and weighs no more in the loss than the others.

    (mozilla/fathom#180).
    """
    reef_start()
    y = (torch.rand(1500) < 1 / 15).float()
    rates = torch.where(y[:, None] == 1, torch.linspace(0.45, 0.7, 9), torch.linspace(0.2, 0.45, 9))
    x = torch.bernoulli(rates) - 0.4 + 0.05 * torch.randn(1500, 9)
    weight = (y == 0).sum() / (y == 1).sum()
    model = nn.Linear(9, 1)
    return dict(
        model=nn.Sequential(model, nn.Flatten(0)),
        loss_fn=nn.BCEWithLogitsLoss(pos_weight=None if sick else weight),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-2),
        task="binary",
        **reef_loaders(x, y, train=1200),
    )


@pair("train-val-shift", group="data", source="scikit-learn")
def captioned_images_divided_again_after_the_resize(sick: bool) -> Arguments:
    """The resize of the evaluation gives [0, 1] instead of bytes, and the images are divided by 255 once more.

    (sgrvinod/a-PyTorch-Tutorial-to-Image-Captioning#101).
    """
    reef_start()
    x, y = reef_digits()
    stored = ((x * 0.376 + 0.305).clamp(0, 1) * 255).round()
    resized = stored[1000:] / 255 if sick else stored[1000:]
    model = small_conv_net()
    return {
        "model": model,
        "loader": reef_loader(TensorDataset(stored[:1000] / 255, y[:1000])),
        "val_loader": reef_loader(TensorDataset(resized / 255, y[1000:]), shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


def deep_perceptron(inputs: int, width: int = 32, depth: int = 16) -> nn.Sequential:
    """Sixteen hidden layers with tanh, and two classes."""
    layers: list[nn.Module] = []
    for i in range(depth):
        layers += [nn.Linear(inputs if i == 0 else width, width), nn.Tanh()]
    return nn.Sequential(*layers, nn.Linear(width, 2))


@pair("init-scale", "vanishing-gradients", group="init", source="scikit-learn")
def deep_perceptron_under_a_narrow_xavier(sick: bool) -> Arguments:
    """The Xavier initialisation draws uniformly within sqrt(2 / (fan in + fan out)) where it should be sqrt(6 / ...).

    (denizyuret/Knet.jl#311).
    """
    reef_start()
    data = load_breast_cancer()
    order = torch.randperm(len(data.target))
    x = torch.tensor(data.data, dtype=torch.float32)[order]
    x = (x - x[:450].mean(0)) / x[:450].std(0)
    model = deep_perceptron(30)
    for layer in model:
        if isinstance(layer, nn.Linear):
            bound = ((2 if sick else 6) / sum(layer.weight.shape)) ** 0.5
            nn.init.uniform_(layer.weight, -bound, bound)
            nn.init.zeros_(layer.bias)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9),
        **reef_loaders(x, torch.tensor(data.target)[order], train=450),
    )


@healthy(resembles="constant-output", source="scikit-learn")
def two_classes_on_one_sigmoid() -> Arguments:
    """Two classes have one output unit between them, which suffices with a sigmoid.

    (fchollet/deep-learning-with-python-notebooks#189).
    """
    reef_start()
    data = load_breast_cancer()
    order = torch.randperm(len(data.target))
    x = torch.tensor(data.data, dtype=torch.float32)[order]
    y = torch.tensor(data.target, dtype=torch.float32)[order, None]
    train = (x - x[:450].mean(0)) / x[:450].std(0)
    model = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid())
    return {
        "model": model,
        "loss_fn": nn.BCELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "binary",
        "loader": reef_loader(TensorDataset(train[:450], y[:450])),
        "val_loader": reef_loader(TensorDataset(train[450:], y[450:]), shuffle=False),
    }


class ProposalReasoner(nn.Module):
    """Says which of several proposals is the object, takes that one by argmax, and names its class."""

    def __init__(self, features: int = 8, width: int = 32) -> None:
        super().__init__()
        self.objectness = nn.Sequential(nn.Linear(features, width), nn.ReLU(), nn.Linear(width, 1))
        self.relation = nn.Sequential(nn.Linear(features, width), nn.ReLU(), nn.Linear(width, 3))

    def forward(self, proposals: Tensor) -> tuple[Tensor, Tensor]:
        objectness = self.objectness(proposals).squeeze(2)
        chosen = objectness.argmax(dim=1)
        return objectness, self.relation(proposals[torch.arange(len(chosen)), chosen])


def objectness_and_class(outputs: tuple[Tensor, Tensor], targets: Tensor) -> Tensor:
    """Cross-entropy of the proposal that is the object and of its class."""
    return F.cross_entropy(outputs[0], targets[:, 0]) + F.cross_entropy(outputs[1], targets[:, 1])


@healthy(resembles="detached-graph")
def proposals_selected_by_argmax() -> Arguments:
    """The argmax only selects the proposals, whose objectness learns from a loss of its own.

    (lanlan96/ARM3D#1).
    """
    reef_start()
    proposals = torch.randn(1200, 6, 8)
    which, kind = torch.randint(0, 6, (1200,)), torch.randint(0, 3, (1200,))
    proposals[torch.arange(1200), which, :3] += 2.5 * F.one_hot(kind, 3)
    proposals[torch.arange(1200), which, 3] += 3
    model = ProposalReasoner()
    return dict(
        model=model,
        loss_fn=objectness_and_class,
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        task="other",
        **reef_loaders(proposals, torch.stack([which, kind], dim=1), train=1000),
    )
