"""What the programs of this set share: seeding, loaders, and tables and digits that are already scaled."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset


def cargo_start(seed: int = 0) -> None:
    """Seed every generator that a program may draw from."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def cargo_loader(*columns: Tensor, size: int = 32, shuffle: bool = True) -> DataLoader[Any]:
    """Batches of rows, shuffled in every epoch unless told otherwise."""
    generator = torch.Generator().manual_seed(7)
    return DataLoader(
        TensorDataset(*columns), batch_size=size, shuffle=shuffle, generator=generator if shuffle else None
    )


def cargo_halves(*columns: Tensor, share: float = 0.8, seed: int = 3) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Random rows for training and the others for validation."""
    order = torch.randperm(len(columns[0]), generator=torch.Generator().manual_seed(seed))
    cut = int(share * len(order))
    return tuple(c[order[:cut]] for c in columns), tuple(c[order[cut:]] for c in columns)


def cargo_loaders(*columns: Tensor, size: int = 32) -> dict[str, Any]:
    """A shuffled loader for training and one in order for validation."""
    train, val = cargo_halves(*columns)
    return {"loader": cargo_loader(*train, size=size), "val_loader": cargo_loader(*val, size=size, shuffle=False)}


def cargo_digits(limit: int = 1200, *, flat: bool = False) -> tuple[Tensor, Tensor]:
    """Handwritten digits with zero mean and unit spread over all pixels, and their classes."""
    images, labels = load_digits(return_X_y=True)
    x = torch.tensor(images[:limit], dtype=torch.float32)
    x = (x - x.mean()) / x.std()
    return x if flat else x.view(-1, 1, 8, 8), torch.tensor(labels[:limit], dtype=torch.long)


def cargo_table(load: Any) -> tuple[Tensor, Tensor]:
    """A table of scikit-learn with standardised columns, and its raw targets."""
    rows, targets = load(return_X_y=True)
    x = torch.tensor(rows, dtype=torch.float32)
    return (x - x.mean(0)) / x.std(0), torch.tensor(targets)
