"""What the programs of this hand share: seeding, batches, splits, digits and tables."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset


def quill_seed(seed: int = 0) -> np.random.Generator:
    """Seed torch, numpy and random, and hand out a generator for synthetic data."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    return np.random.default_rng(seed)


def in_batches(*tensors: Tensor, size: int = 32, shuffle: bool = True, drop_last: bool = False) -> DataLoader[Any]:
    """Batches of rows of these tensors."""
    order = torch.Generator().manual_seed(1)
    return DataLoader(TensorDataset(*tensors), size, shuffle=shuffle, drop_last=drop_last, generator=order)


def split_rows(*tensors: Tensor, share: float = 0.8) -> tuple[list[Tensor], list[Tensor]]:
    """The same random rows of each tensor for training, and the other rows for validation."""
    order = torch.randperm(len(tensors[0]), generator=torch.Generator().manual_seed(2))
    cut = int(share * len(order))
    return [t[order[:cut]] for t in tensors], [t[order[cut:]] for t in tensors]


def quill_loaders(*tensors: Tensor, size: int = 32, drop_last: bool = False) -> dict[str, Any]:
    """Shuffled batches for training and plain ones for validation."""
    train, val = split_rows(*tensors)
    return {
        "loader": in_batches(*train, size=size, drop_last=drop_last),
        "val_loader": in_batches(*val, size=size, shuffle=False),
    }


def quill_digits(count: int = 1200) -> tuple[Tensor, Tensor]:
    """Handwritten digits as standardised images of one channel, and their classes."""
    data = load_digits()
    images = (torch.tensor(data.images[:count], dtype=torch.float32) / 16 - 0.305) / 0.376
    return images.unsqueeze(1), torch.tensor(data.target[:count])


def standard_table(load: Callable[..., Any]) -> tuple[Tensor, Any]:
    """The standardised features of a table of scikit-learn, and its targets as they are."""
    x, y = load(return_X_y=True)
    x = torch.tensor(x, dtype=torch.float32)
    return (x - x.mean(0)) / x.std(0), y


def tensor(values: Any) -> Tensor:
    """An array as a float tensor."""
    return torch.as_tensor(np.asarray(values), dtype=torch.float32)
