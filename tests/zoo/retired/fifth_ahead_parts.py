"""What the programs of this series share: seeds, small data sets with a real signal, and loaders."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

Batch = list[Tensor]
Named = dict[str, Tensor]


def seed_three_libraries(seed: int) -> None:
    """Seed torch, NumPy and Python."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def shuffling_loader(data: Dataset[Any], batch: int = 32, **options: Any) -> DataLoader[Any]:
    """A training loader."""
    return DataLoader(
        data, batch_size=batch, shuffle=True, drop_last=True, generator=torch.Generator().manual_seed(7), **options
    )


def train_and_val_columns(*columns: Tensor, batch: int = 32, share: float = 0.8) -> dict[str, Any]:
    """Loaders of the first part for training and of the rest for validation."""
    cut = int(len(columns[0]) * share)
    train, val = (TensorDataset(*(c[part] for c in columns)) for part in (slice(None, cut), slice(cut, None)))
    return {"loader": shuffling_loader(train, batch), "val_loader": DataLoader(val, batch_size=batch)}


class Records(Dataset[Named]):
    """Rows of named columns."""

    def __init__(self, **columns: Tensor) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, index: int) -> Named:
        return {name: column[index] for name, column in self.columns.items()}


def record_loaders(batch: int = 32, share: float = 0.8, **columns: Tensor) -> dict[str, Any]:
    """Loaders of dictionaries."""
    cut = int(len(next(iter(columns.values()))) * share)
    train = Records(**{name: c[:cut] for name, c in columns.items()})
    val = Records(**{name: c[cut:] for name, c in columns.items()})
    return {"loader": shuffling_loader(train, batch), "val_loader": DataLoader(val, batch_size=batch)}


def scaled_digit_images(count: int = 1000) -> tuple[Tensor, Tensor]:
    """Images of 1×8×8 at unit scale, in random order, and their classes."""
    bunch = load_digits()
    order = np.random.permutation(len(bunch.target))[:count]
    x = torch.tensor(bunch.images[order], dtype=torch.float32)[:, None]
    return (x - 4.9) / 6.0, torch.tensor(bunch.target[order]).long()


def standardised_table(bunch: Any) -> tuple[Tensor, Tensor]:
    """A table in random order, scaled by the statistics of the part that is trained on."""
    order = np.random.permutation(len(bunch.target))
    x = torch.tensor(bunch.data[order], dtype=torch.float32)
    train = x[: int(0.8 * len(x))]
    return (x - train.mean(0)) / train.std(0), torch.tensor(bunch.target[order])


def phased_waves(count: int, length: int = 48, channels: int = 2, classes: int = 4) -> tuple[Tensor, Tensor]:
    """Noisy waves with random phases, whose frequency is the class."""
    y = torch.randint(classes, (count,))
    t = torch.linspace(0, 1, length)
    phase = 6.283 * torch.rand(count, channels, 1)
    x = 1.3 * torch.sin(6.283 * (2 + 2 * y[:, None, None]) * t + phase) + 0.3 * torch.randn(count, channels, length)
    return x, y


def topic_sentences(count: int, length: int = 14, vocab: int = 60, classes: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    """Token ids padded at the end with 0, which positions are real, and the topic, whose words are a third of all."""
    y = torch.randint(classes, (count,))
    common = torch.randint(1, vocab, (count, length))
    own = 1 + 8 * y[:, None] + torch.randint(8, (count, length))
    ids = torch.where(torch.rand(count, length) < 0.35, own, common)
    sizes = torch.randint(length // 2, length, (count, 1))
    real = torch.arange(length)[None] < sizes
    return ids * real, real, y


def markov_tokens(count: int, length: int = 20, vocab: int = 24) -> Tensor:
    """Sequences of a Markov chain in which each token has four likely successors."""
    likely = torch.stack([torch.randperm(vocab)[:4] for _ in range(vocab)])
    out = [torch.randint(vocab, (count,))]
    for _ in range(length):
        out.append(likely[out[-1], torch.tensor([0.55, 0.25, 0.15, 0.05]).expand(count, 4).multinomial(1)[:, 0]])
    return torch.stack(out, 1)


def one_disc_each(count: int, size: int = 16) -> tuple[Tensor, Tensor]:
    """Noisy images of one bright disc each, N×1×H×W, and its mask in the same shape, 0 and 1."""
    axis = torch.arange(size).float()
    centre = 4 + (size - 8) * torch.rand(count, 2, 1, 1)
    radius = 2 + 3 * torch.rand(count, 1, 1)
    far = (axis[None, :, None] - centre[:, 0]) ** 2 + (axis[None, None] - centre[:, 1]) ** 2
    mask = (far < radius**2).float()[:, None]
    return 1.6 * mask - 0.4 + 0.5 * torch.randn(count, 1, size, size), mask


def two_hidden_layers(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Two hidden layers of ReLU."""
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outputs)
    )
