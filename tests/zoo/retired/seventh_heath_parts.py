"""What the programs of this set share: seeds, loaders, and small data made ready."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset


def seed_torch_and_friends(seed: int = 0) -> None:
    """Seed everything that draws."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def train_and_val(*tensors: Tensor, train: int, batch: int = 32) -> dict[str, Any]:
    """The first `train` samples as a shuffled loader, the others for validation."""
    generator = torch.Generator().manual_seed(7)
    first, rest = TensorDataset(*(t[:train] for t in tensors)), TensorDataset(*(t[train:] for t in tensors))
    return {
        "loader": DataLoader(first, batch_size=batch, shuffle=True, generator=generator, drop_last=True),
        "val_loader": DataLoader(rest, batch_size=batch),
    }


class Records(Dataset[dict[str, Tensor]]):
    """Samples as dictionaries of tensors."""

    def __init__(self, columns: dict[str, Tensor]) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {name: column[index] for name, column in self.columns.items()}


def train_and_val_records(train: int, batch: int = 32, **columns: Tensor) -> dict[str, Any]:
    """The same for batches that are dictionaries."""
    generator = torch.Generator().manual_seed(7)
    first = Records({name: column[:train] for name, column in columns.items()})
    rest = Records({name: column[train:] for name, column in columns.items()})
    return {
        "loader": DataLoader(first, batch_size=batch, shuffle=True, generator=generator, drop_last=True),
        "val_loader": DataLoader(rest, batch_size=batch),
    }


def small_digit_images(count: int = 1280) -> tuple[Tensor, Tensor]:
    """Images of digits, (N, 1, 8, 8) with zero mean and unit spread, and their classes."""
    data = load_digits()
    order = np.random.default_rng(3).permutation(len(data.target))[:count]
    x = torch.tensor(data.images[order], dtype=torch.float32).unsqueeze(1) / 16
    return (x - x.mean()) / x.std(), torch.tensor(data.target[order], dtype=torch.long)


def grey_digits(count: int = 640) -> Tensor:
    """Images of digits, (N, 1, 16, 16) in [0, 1]."""
    data = load_digits()
    order = np.random.default_rng(4).permutation(len(data.target))[:count]
    x = torch.tensor(data.images[order], dtype=torch.float32).unsqueeze(1) / 16
    return F.interpolate(x, size=16, mode="bilinear", align_corners=False)


def tumour_measures() -> tuple[Tensor, Tensor]:
    """The measures of tumours, standardised, and whether each is benign."""
    data = load_breast_cancer()
    order = np.random.default_rng(5).permutation(len(data.target))
    x = torch.tensor(data.data[order], dtype=torch.float32)
    return (x - x.mean(0)) / x.std(0), torch.tensor(data.target[order], dtype=torch.float32)


def disc_images(count: int = 480, size: int = 16) -> tuple[Tensor, Tensor, Tensor]:
    """Noisy images of one disc each, (N, 1, size, size), their masks, and (x, y, log radius) of the discs."""
    centre = torch.rand(count, 2) * (size - 7) + 3
    radius = torch.rand(count) * 3 + 2.5
    grid = torch.arange(size).float()
    far = (grid[None, :, None] - centre[:, 1, None, None]) ** 2 + (grid[None, None, :] - centre[:, 0, None, None]) ** 2
    mask = (far < (radius**2)[:, None, None]).float().unsqueeze(1)
    image = mask + 0.4 * torch.randn_like(mask)
    where = torch.cat([centre, radius.log().unsqueeze(1)], 1)
    return (image - image.mean()) / image.std(), mask, (where - where.mean(0)) / where.std(0)


def keyed_sentences(count: int = 960, *, length: int = 12, padded: bool = False) -> tuple[Tensor, Tensor]:
    """Token sequences from 1 to 19, each with one of four key words, which is the class; padded at the end with 0."""
    tokens = torch.randint(5, 20, (count, length))
    lengths = torch.randint(5, length + 1, (count,)) if padded else torch.full((count,), length)
    place = (torch.rand(count) * lengths).long()
    label = torch.randint(0, 4, (count,))
    tokens[torch.arange(count), place] = label + 1
    tokens[torch.arange(length)[None] >= lengths[:, None]] = 0
    return tokens, label


def word_chains(count: int = 640, *, words: int = 24, length: int = 16) -> Tensor:
    """Token sequences in which each word is followed by one of three words of its own."""
    follow = torch.stack([torch.randperm(words)[:3] for _ in range(words)])
    rows = [torch.randint(0, words, (count,))]
    for _ in range(length - 1):
        rows.append(follow[rows[-1], torch.randint(0, 3, (count,))])
    return torch.stack(rows, 1)


def mean_over_words(hidden: Tensor, real: Tensor) -> Tensor:
    """The mean over the real words of (N, T, D)."""
    weight = real.unsqueeze(-1).float()
    return (hidden * weight).sum(1) / weight.sum(1)


def fitted(model: nn.Module, loss_fn: Any, loader: Any, steps: int, rate: float = 3e-3) -> nn.Module:
    """Train a model for some steps with Adam."""
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=rate)
    done = 0
    while done < steps:
        for *inputs, target in loader:
            if done == steps:
                break
            optimizer.zero_grad()
            loss_fn(model(*inputs), target).backward()
            optimizer.step()
            done += 1
    return model


class UNet(nn.Module):
    """A U-Net of two levels."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.first = self.block(1, width)
        self.second = self.block(width, 2 * width)
        self.last = self.block(3 * width, width)
        self.head = nn.Conv2d(width, 1, 1)

    @staticmethod
    def block(into: int, out: int) -> nn.Sequential:
        """Two convolutions."""
        return nn.Sequential(
            nn.Conv2d(into, out, 3, padding=1), nn.ReLU(), nn.Conv2d(out, out, 3, padding=1), nn.ReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        high = self.first(x)
        low = self.second(F.max_pool2d(high, 2))
        out: Tensor = self.head(self.last(torch.cat([high, F.interpolate(low, scale_factor=2)], 1)))
        return out
