"""Seeding, loaders and data that several programs of this prefix share."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset


def reef_start(seed: int = 0) -> None:
    """Seed torch, numpy and random."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def reef_loader(data: Dataset[Any], batch: int = 32, shuffle: bool = True) -> DataLoader[Any]:
    """A loader with a generator of its own."""
    return DataLoader(data, batch_size=batch, shuffle=shuffle, generator=torch.Generator().manual_seed(7))


def reef_loaders(*tensors: Tensor, train: int, batch: int = 32) -> dict[str, DataLoader[Any]]:
    """The first rows to train on, shuffled, the rest to validate on."""
    return {
        "loader": reef_loader(TensorDataset(*(t[:train] for t in tensors)), batch),
        "val_loader": reef_loader(TensorDataset(*(t[train:] for t in tensors)), batch, shuffle=False),
    }


def reef_digits(samples: int = 1200) -> tuple[Tensor, Tensor]:
    """Handwritten digits as standardised images of one channel, in random order."""
    data = load_digits()
    order = np.random.default_rng(3).permutation(len(data.target))[:samples]
    images = torch.tensor(data.images[order], dtype=torch.float32)[:, None] / 16
    return (images - 0.305) / 0.376, torch.tensor(data.target[order])


def reef_blobs(samples: int, size: int = 16) -> tuple[Tensor, Tensor]:
    """Noisy images of one bright ellipse, and the mask of the ellipse."""
    rng = np.random.default_rng(5)
    grid = np.stack(np.meshgrid(np.arange(size), np.arange(size), indexing="ij"))
    centre = rng.uniform(5, size - 5, (samples, 2, 1, 1))
    radius = rng.uniform(2, 5, (samples, 2, 1, 1))
    mask = ((((grid - centre) / radius) ** 2).sum(1) < 1).astype(np.float32)
    image = 2 * mask - 0.7 + rng.normal(0, 0.6, mask.shape)
    return torch.tensor(image[:, None], dtype=torch.float32), torch.tensor(mask[:, None])


def reef_tones(samples: int, length: int = 200) -> tuple[Tensor, Tensor]:
    """Short tones of five pitches under noise, of one channel, and the pitch."""
    rng = np.random.default_rng(11)
    pitch = rng.integers(0, 5, samples)
    time = np.arange(length)
    phase = rng.uniform(0, 2 * np.pi, (samples, 1))
    wave = 1.1 * np.sin(2 * np.pi * (0.05 + 0.06 * pitch[:, None]) * time + phase) + rng.normal(
        0, 0.6, (samples, length)
    )
    return torch.tensor(wave[:, None], dtype=torch.float32), torch.tensor(pitch)
