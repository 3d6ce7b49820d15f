"""What the programs with the prefix fern share: seeding, splits into loaders, digits, tables and sequences."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset

from tests.zoo.program import Arguments


def fern_seeds(seed: int = 0) -> None:
    """Seed torch, NumPy and Python."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def fern_loaders(*columns: Tensor, batch: int = 32, held_out: float = 0.2, collate: Any = None) -> Arguments:
    """A shuffled training loader and a validation loader over rows in random order."""
    order = torch.randperm(len(columns[0]), generator=torch.Generator().manual_seed(7))
    held = int(held_out * len(order))
    train: Dataset[Any] = TensorDataset(*(column[order[held:]] for column in columns))
    val: Dataset[Any] = TensorDataset(*(column[order[:held]] for column in columns))
    return {
        "loader": DataLoader(train, batch_size=batch, shuffle=True, drop_last=True, collate_fn=collate),
        "val_loader": DataLoader(val, batch_size=batch, collate_fn=collate),
    }


def fern_digits(count: int = 1200) -> tuple[Tensor, Tensor]:
    """Images of digits (N, 1, 8, 8), about standard, and their classes."""
    images, labels = load_digits(return_X_y=True)
    x = torch.tensor(images[:count], dtype=torch.float32).view(-1, 1, 8, 8)
    return (x / 16 - 0.305) / 0.376, torch.tensor(labels[:count])


def fern_table(name: str) -> tuple[Tensor, Tensor]:
    """A standardised table of scikit-learn with its classes, or its standardised continuous target, of shape (N,)."""
    load = {"wine": load_wine, "cancer": load_breast_cancer, "diabetes": load_diabetes}[name]
    features, target = load(return_X_y=True)
    x = torch.tensor((features - features.mean(0)) / features.std(0), dtype=torch.float32)
    if name == "diabetes":
        return x, torch.tensor((target - target.mean()) / target.std(), dtype=torch.float32)
    return x, torch.tensor(target)


def fern_waves(count: int = 600, length: int = 48, channels: int = 1, classes: int = 3) -> tuple[Tensor, Tensor]:
    """Noisy sine waves (N, channels, length) whose frequency is their class."""
    g = torch.Generator().manual_seed(3)
    kind = torch.randint(classes, (count,), generator=g)
    phase = 6.28 * torch.rand(count, channels, 1, generator=g)
    time = torch.arange(length) / length
    wave = torch.sin(6.28 * (2 + 2 * kind).view(-1, 1, 1) * time + phase)
    return 1.3 * wave + 0.3 * torch.randn(count, channels, length, generator=g), kind


def fern_series(count: int = 500, length: int = 32) -> Tensor:
    """Series (N, length) of an autoregressive process of second order, about standard."""
    g = torch.Generator().manual_seed(5)
    steps = [torch.randn(count, generator=g), torch.randn(count, generator=g)]
    for _ in range(length + 10):
        steps.append(1.5 * steps[-1] - 0.8 * steps[-2] + 0.3 * torch.randn(count, generator=g))
    series = torch.stack(steps[-length:], 1)
    return series / series.std()


def fern_tones(count: int = 500, length: int = 33) -> Tensor:
    """Pure tones (N, length) of random pitch and phase with a little noise, about standard."""
    g = torch.Generator().manual_seed(9)
    pitch, phase = 0.2 + 0.8 * torch.rand(count, 1, generator=g), 6.28 * torch.rand(count, 1, generator=g)
    return 1.4 * torch.sin(pitch * torch.arange(length) + phase) + 0.02 * torch.randn(count, length, generator=g)


def fern_sentences(count: int = 600, length: int = 16, vocabulary: int = 24) -> Tensor:
    """Distinct token sequences (N, length) in which most tokens follow from the two before; tokens start at 2."""
    g = torch.Generator().manual_seed(11)
    words = [torch.randint(vocabulary, (2 * count,), generator=g) for _ in range(2)]
    for _ in range(length - 2):
        ruled = (3 * words[-1] + words[-2] + 1) % vocabulary
        free = torch.randint(vocabulary, (2 * count,), generator=g)
        words.append(torch.where(torch.rand(2 * count, generator=g) < 0.75, ruled, free))
    distinct = torch.tensor(sorted(set(map(tuple, torch.stack(words, 1).tolist()))))
    return distinct[torch.randperm(len(distinct), generator=g)[:count]] + 2
