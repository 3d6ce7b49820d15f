"""Data and loaders that the programs of this writer share."""

from __future__ import annotations

import random

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset

from tests.zoo.program import Arguments


def seeded(seed: int = 0) -> None:
    """Seed everything that draws numbers."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def digit_images(count: int = 1000) -> tuple[Tensor, Tensor]:
    """The first digits as standardised images of one channel, and their classes."""
    images, classes = load_digits(return_X_y=True)
    x = torch.tensor(images[:count], dtype=torch.float32).view(-1, 1, 8, 8)
    return (x - x.mean()) / x.std(), torch.tensor(classes[:count])


def digit_rows(count: int = 1000) -> tuple[Tensor, Tensor]:
    """The first digits as standardised rows of 64 numbers, and their classes."""
    x, y = digit_images(count)
    return x.flatten(1), y


def tumour_rows() -> tuple[Tensor, Tensor]:
    """Standardised measurements of tumours, in random order, and whether they are benign."""
    table, benign = load_breast_cancer(return_X_y=True)
    order = torch.randperm(len(table), generator=torch.Generator().manual_seed(7))
    x = torch.tensor(table, dtype=torch.float32)[order]
    return (x - x.mean(0)) / x.std(0), torch.tensor(benign)[order]


def marked_images(count: int, *, kinds: int = 3, size: int = 12, marks: int = 2) -> tuple[Tensor, Tensor]:
    """Noisy images with small marks, and for each kind of mark a map with ones at their centres."""
    draw = torch.Generator().manual_seed(11)
    patterns = torch.tensor(
        [
            [[0.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 0.0]],
            [[1.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 1.0]],
            [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0]],
        ]
    )
    images = 0.3 * torch.randn(count, 1, size, size, generator=draw)
    maps = torch.zeros(count, kinds, size, size)
    for i in range(count):
        for _ in range(marks):
            row, column = (int(v) for v in torch.randint(1, size - 1, (2,), generator=draw))
            kind = int(torch.randint(0, kinds, (1,), generator=draw))
            images[i, 0, row - 1 : row + 2, column - 1 : column + 2] += 2.0 * patterns[kind]
            maps[i, kind, row, column] = 1.0
    return (images - images.mean()) / images.std(), maps


def shuffled(dataset: Dataset[tuple[Tensor, ...]], batch: int = 32) -> DataLoader[tuple[Tensor, ...]]:
    """A training loader."""
    return DataLoader(dataset, batch_size=batch, shuffle=True, drop_last=True)


def for_validation(dataset: Dataset[tuple[Tensor, ...]], batch: int = 64) -> DataLoader[tuple[Tensor, ...]]:
    """A validation loader."""
    return DataLoader(dataset, batch_size=batch)


def split_loaders(*columns: Tensor, batch: int = 32) -> Arguments:
    """Loaders of the first four fifths for training and of the rest for validation."""
    cut = len(columns[0]) * 4 // 5
    train = TensorDataset(*(column[:cut] for column in columns))
    held_out = TensorDataset(*(column[cut:] for column in columns))
    return {"loader": shuffled(train, batch), "val_loader": for_validation(held_out)}
