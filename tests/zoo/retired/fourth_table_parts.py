"""Seeds, splits and data that the programs dealt to the fourth table share."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset


def seed_table(seed: int) -> None:
    """Seed torch, NumPy and Python."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def pictures_of_digits() -> tuple[Tensor, Tensor]:
    """The digits of scikit-learn as pictures with one channel of fractions, in a random order, and their classes."""
    data = load_digits()
    order = torch.randperm(len(data.target), generator=torch.Generator().manual_seed(3))
    pictures = torch.tensor(data.images, dtype=torch.float32)[:, None] / 16
    return pictures[order], torch.tensor(data.target, dtype=torch.int64)[order]


def z_scores(values: Tensor, like: Tensor | None = None) -> Tensor:
    """Columns brought to mean zero and spread one, by their own statistics or by those of others."""
    other = values if like is None else like
    dims = tuple(range(other.dim() - 1))
    return (values - other.mean(dims)) / other.std(dims)


def batches_of(*tensors: Tensor, size: int = 32, shuffle: bool = True) -> DataLoader[Any]:
    """Batches of the rows of some tensors, without a small last one where they are shuffled."""
    return DataLoader(TensorDataset(*tensors), batch_size=size, shuffle=shuffle, drop_last=shuffle)


def both_loaders(*tensors: Tensor, held_out: int, size: int = 32) -> dict[str, DataLoader[Any]]:
    """A training and a validation loader; the rows held out are the last ones."""
    return {
        "loader": batches_of(*(t[:-held_out] for t in tensors), size=size),
        "val_loader": batches_of(*(t[-held_out:] for t in tensors), size=size, shuffle=False),
    }
