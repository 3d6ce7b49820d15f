"""Data and small helpers that several programs of this set share."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


def seed_all_generators(seed: int = 0) -> None:
    """Seed every generator a program may draw from."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def all_digits(*, flat: bool = False) -> tuple[Tensor, Tensor]:
    """All 1797 digits in a random order, standardised as a whole, and their classes."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(7).permutation(len(images))
    x = torch.tensor(images[order] / 16.0, dtype=torch.float32)
    x = (x - x.mean()) / x.std()
    return (x if flat else x.view(-1, 1, 8, 8)), torch.tensor(labels[order], dtype=torch.long)


def loader_over_tensors(*tensors: Tensor, batch_size: int = 32, shuffle: bool = True) -> DataLoader[Any]:
    """A loader over tensors of equal length."""
    return DataLoader(TensorDataset(*tensors), batch_size=batch_size, shuffle=shuffle, drop_last=shuffle)


def standardised_columns(x: Tensor) -> Tensor:
    """Every column with mean 0 and deviation 1."""
    return (x - x.mean(0)) / x.std(0)


def ordinary_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, loss_fn: Any) -> Tensor:
    """One step of training on a batch of inputs and one target."""
    model.train()
    optimizer.zero_grad()
    loss: Tensor = loss_fn(model(*batch[:-1]), batch[-1])
    loss.backward()
    optimizer.step()
    return loss.detach()
