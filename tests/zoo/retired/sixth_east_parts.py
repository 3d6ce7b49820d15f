"""What the programs of this prefix share: seeds, standardised public data, loaders, synthetic series and texts."""

# mypy: disable-error-code="no-any-return,no-untyped-call,call-arg"

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


def east_seed(number: int = 0) -> None:
    """Seed every generator that a program draws from."""
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)


def east_digits(count: int = 800, classes: int = 10, standard: bool = True) -> tuple[Tensor, Tensor]:
    """Digits in a fixed random order, one channel of 8 by 8, standardised or in [0, 1]."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.RandomState(11).permutation(len(labels))
    order = order[labels[order] < classes][:count]
    x = torch.tensor(images[order] / 16, dtype=torch.float32).view(-1, 1, 8, 8)
    if standard:
        x = (x - x.mean()) / x.std()
    return x, torch.tensor(labels[order], dtype=torch.long)


def east_ink(count: int = 800) -> Tensor:
    """Digits in black and white, each drawing once."""
    x = (east_digits(count, standard=False)[0] > 0.5).float()
    _, first = np.unique(x.flatten(1).numpy(), axis=0, return_index=True)
    return x[torch.from_numpy(np.sort(first))]


def east_table(name: str) -> tuple[Tensor, Tensor]:
    """A table of scikit-learn in a fixed random order, features standardised; targets too where they are numbers."""
    features, target = {"wine": load_wine, "cancer": load_breast_cancer, "diabetes": load_diabetes}[name](
        return_X_y=True
    )
    order = np.random.RandomState(5).permutation(len(target))
    x = torch.tensor(features[order], dtype=torch.float32)
    x = (x - x.mean(0)) / x.std(0)
    if name != "diabetes":
        return x, torch.tensor(target[order], dtype=torch.long)
    y = torch.tensor(target[order], dtype=torch.float32).unsqueeze(1)
    return x, (y - y.mean()) / y.std()


def east_loader(*tensors: Tensor, size: int = 32, **options: Any) -> DataLoader[Any]:
    """Shuffled batches of tensors."""
    return DataLoader(TensorDataset(*tensors), batch_size=size, shuffle=True, **options)


def east_waves(count: int = 400, length: int = 48, seed: int = 3) -> tuple[Tensor, Tensor]:
    """Noisy sine, square and sawtooth waves of random phase and pitch, of about unit scale."""
    rng = np.random.RandomState(seed)
    labels = rng.randint(0, 3, count)
    turns = rng.uniform(2, 4, (count, 1)) * np.linspace(0, 1, length) + rng.rand(count, 1)
    shapes = np.stack([np.sin(2 * np.pi * turns) * 1.4, np.sign(np.sin(2 * np.pi * turns)), (turns % 1 - 0.5) * 3.4])
    series = shapes[labels, np.arange(count)] + 0.1 * rng.randn(count, length)
    return torch.tensor(series, dtype=torch.float32).unsqueeze(1), torch.tensor(labels)


def east_topics(count: int = 480, topics: int = 4, length: int = 12, seed: int = 2) -> tuple[Tensor, Tensor]:
    """Texts of token ids 4 … 59, a third of whose words belong to the topic of the text."""
    rng = np.random.RandomState(seed)
    labels = rng.randint(0, topics, count)
    ids = rng.randint(4, 60, (count, length))
    own = 4 + labels[:, None] * 10 + rng.randint(0, 10, (count, length))
    ids = np.where(rng.rand(count, length) < 0.4, own, ids)
    return torch.tensor(ids), torch.tensor(labels)


class DigitNet(nn.Module):
    """Two convolutions and two linear layers for images of 8 by 8."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 12, 3, padding=1)
        self.second = nn.Conv2d(12, 24, 3, padding=1)
        self.hidden = nn.Linear(24 * 4, 48)
        self.head = nn.Linear(48, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.first(x)), 2)
        x = F.max_pool2d(F.relu(self.second(x)), 2)
        return self.head(F.relu(self.hidden(x.flatten(1))))


class WaveNet(nn.Module):
    """Two strided convolutions over a series, a mean over time and a linear layer."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(1, 16, 7, stride=2, padding=3), nn.ReLU(), nn.Conv1d(16, 24, 5, stride=2, padding=2), nn.ReLU()
        )
        self.head = nn.Linear(24, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x).mean(2))


def east_perceptron(inputs: int, outputs: int, width: int = 32) -> nn.Sequential:
    """A perceptron of two hidden layers."""
    return nn.Sequential(
        nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, outputs)
    )
