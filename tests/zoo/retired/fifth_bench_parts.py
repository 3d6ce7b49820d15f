"""What the bench files of the fifth set share: seeding, loaders over columns, and a few standard data sets."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset

from tests.zoo.program import Arguments


def sown(seed: int = 0) -> np.random.Generator:
    """Seed every generator in use and return a fresh one of NumPy."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    return np.random.default_rng(seed)


def served(data: Dataset[Any], size: int = 32, shuffle: bool = True, collate: Any = None) -> DataLoader[Any]:
    """A loader with a generator of its own; the training loader drops a short last batch."""
    order = torch.Generator().manual_seed(5)
    return DataLoader(data, size, shuffle=shuffle, drop_last=shuffle, generator=order, collate_fn=collate)


def cut(*columns: Tensor, held_out: float = 0.2) -> tuple[Any, Any]:
    """The columns in a random order, cut into training and validation."""
    order = torch.randperm(len(columns[0]), generator=torch.Generator().manual_seed(9))
    held = int(held_out * len(order))
    return tuple(c[order[held:]] for c in columns), tuple(c[order[:held]] for c in columns)


def column_loaders(*columns: Tensor, size: int = 32) -> Arguments:
    """A training and a validation loader over a random cut of the columns."""
    train, val = cut(*columns)
    return {
        "loader": served(TensorDataset(*train), size),
        "val_loader": served(TensorDataset(*val), size, shuffle=False),
    }


def digit_sheets(count: int = 1200) -> tuple[Tensor, Tensor]:
    """The 8×8 digits of scikit-learn with one channel, at mean 0 and deviation 1, and their labels."""
    raw, labels = load_digits(return_X_y=True)
    pixels = torch.tensor(raw[:count], dtype=torch.float32).view(-1, 1, 8, 8)
    return (pixels - pixels.mean()) / pixels.std(), torch.tensor(labels[:count])


def digit_bytes(count: int = 1200) -> tuple[Tensor, Tensor]:
    """The 8×8 digits of scikit-learn as bytes up to 240, with one channel, and their labels."""
    raw, labels = load_digits(return_X_y=True)
    return torch.tensor(raw[:count] * 15, dtype=torch.uint8).view(-1, 1, 8, 8), torch.tensor(labels[:count])


def scaled_table(load: Callable[..., Any]) -> tuple[Tensor, Tensor]:
    """A table of scikit-learn with standardised columns, and its targets as they are."""
    rows, targets = load(return_X_y=True)
    x = torch.tensor(rows, dtype=torch.float32)
    return (x - x.mean(0)) / x.std(0), torch.tensor(targets)
