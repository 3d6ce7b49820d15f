"""Data and small networks that several of the reported programs of this hand share."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import sklearn.datasets
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset


def all_seeded(seed: int = 0) -> None:
    """Seed Python, NumPy and torch."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def loader(*tensors: Tensor, batch: int = 32, shuffle: bool = True) -> DataLoader[Any]:
    """Batches of tensors that belong together."""
    return DataLoader(TensorDataset(*tensors), batch_size=batch, shuffle=shuffle)


def bytes_of_digits() -> tuple[Tensor, Tensor]:
    """1400 handwritten digits as bytes (N, 1, 8, 8) in a fixed random order, and their classes."""
    images, labels = sklearn.datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(7).permutation(len(images))[:1400]
    levels = np.round(images[order] / 16 * 255).astype(np.uint8)
    return torch.from_numpy(levels).view(-1, 1, 8, 8), torch.from_numpy(labels[order]).long()


def tissue_photographs(count: int, size: int = 16, channels: int = 3) -> tuple[Tensor, Tensor]:
    """Photographs of round cells on tissue as bytes (N, channels, size, size), and their masks (N, 1, size, size)."""
    draw = np.random.default_rng(11)
    row, column = np.mgrid[:size, :size]
    images, masks = [], []
    for _ in range(count):
        mask = np.zeros((size, size), dtype=bool)
        for _ in range(draw.integers(1, 4)):
            y, x, radius = draw.uniform(3, size - 3), draw.uniform(3, size - 3), draw.uniform(2, 4)
            mask |= (row - y) ** 2 + (column - x) ** 2 < radius**2
        colour = np.linspace(60, 100, channels)[:, None, None]
        light = draw.normal(140, 20, (channels, size, size)) + draw.normal(0, 10, (channels, 1, 1))
        images.append(np.clip(light - mask * colour, 0, 255).astype(np.uint8))
        masks.append(mask[None])
    return torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(masks)).float()


class UNet(nn.Module):
    """A U-Net (Ronneberger et al. 2015) of one level, with BatchNorm."""

    def __init__(self, channels: int, classes: int, width: int = 16) -> None:
        super().__init__()
        self.down = self.convolutions(channels, width)
        self.bottom = self.convolutions(width, 2 * width)
        self.up = nn.ConvTranspose2d(2 * width, width, 2, 2)
        self.merge = self.convolutions(2 * width, width)
        self.out = nn.Conv2d(width, classes, 1)

    @staticmethod
    def convolutions(inputs: int, outputs: int) -> nn.Sequential:
        """Two convolutions, each with its norm and ReLU."""
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        fine = self.down(x)
        coarse = self.bottom(F.max_pool2d(fine, 2))
        result: Tensor = self.out(self.merge(torch.cat([fine, self.up(coarse)], 1)))
        return result


class DigitNet(nn.Module):
    """A LeNet for images of 8 × 8."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU()
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(32 * 16, 64), nn.ReLU(), nn.Linear(64, classes))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.head(self.features(x))
        return result


def rhythms(count: int, seed: int = 3, *, channels: int = 4, length: int = 48, classes: int = 4) -> list[Tensor]:
    """Standardised recordings (N, channels, length) of a rhythm in noise, and which of the rhythms it was."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, classes, count)
    time = np.arange(length) / length
    phase = draw.uniform(0, 2 * np.pi, (count, channels, 1))
    strength = draw.uniform(0.8, 1.4, (count, channels, 1))
    waves = strength * np.sin(2 * np.pi * (2 + 3 * labels[:, None, None]) * time + phase)
    x = waves + draw.normal(0, 0.7, (count, channels, length))
    return [torch.from_numpy(x / x.std()).float(), torch.from_numpy(labels).long()]


def wave_net(channels: int = 4, classes: int = 4) -> nn.Sequential:
    """A convolutional network over time."""
    return nn.Sequential(
        nn.Conv1d(channels, 24, 7, padding=3),
        nn.ReLU(),
        nn.MaxPool1d(2),
        nn.Conv1d(24, 32, 5, padding=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(4),
        nn.Flatten(),
        nn.Linear(128, classes),
    )


class Pairs(Dataset[Any]):
    """Samples of a list."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        return self.rows[index]


def leaning_sentences(
    count: int, seed: int = 5, *, length: int = 10, words: int = 60, classes: int = 3
) -> list[Tensor]:
    """Word indices (N, length), 0 as padding, of sentences whose words lean to their class, and the classes."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, classes, count)
    ids = np.zeros((count, length), dtype=np.int64)
    share = words // (classes + 1)
    for row, label in enumerate(labels):
        long = draw.integers(6, length + 1)
        own = draw.integers(1 + share * label, 1 + share * (label + 1), long)
        any_word = draw.integers(1, words, long)
        ids[row, :long] = np.where(draw.random(long) < 0.4, own, any_word)
    return [torch.from_numpy(ids), torch.from_numpy(labels).long()]


class BagOfWords(nn.Module):
    """A classifier of the mean of the word vectors, padding left out."""

    def __init__(self, words: int = 60, classes: int = 3) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, 32, padding_idx=0)
        self.head = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, classes))

    def forward(self, ids: Tensor) -> Tensor:
        real = (ids != 0).unsqueeze(-1)
        result: Tensor = self.head((self.embedding(ids) * real).sum(1) / real.sum(1))
        return result


def melodies(count: int, seed: int = 9, *, length: int = 16, notes: int = 24) -> Tensor:
    """Sequences (N, length) of notes that walk by one of three steps, with a free note at times; no two alike."""
    draw, drawn = np.random.default_rng(seed), 2 * count
    songs = np.zeros((drawn, length), dtype=np.int64)
    songs[:, 0] = draw.integers(0, notes, drawn)
    step = draw.choice([1, 2, 5], drawn)
    for place in range(1, length):
        free = draw.integers(0, notes, drawn)
        songs[:, place] = np.where(draw.random(drawn) < 0.15, free, (songs[:, place - 1] + step) % notes)
    first = np.sort(np.unique(songs, axis=0, return_index=True)[1])
    return torch.from_numpy(songs[first[:count]])


class VariationalAutoencoder(nn.Module):
    """A variational autoencoder (Kingma and Welling 2014) of digits, which gives logits, mean and log variance."""

    def __init__(self, latent: int = 8) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 2 * latent))
        self.decoder = nn.Sequential(nn.Linear(latent, 96), nn.ReLU(), nn.Linear(96, 64), nn.Unflatten(1, (1, 8, 8)))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_variance = self.encoder(images).chunk(2, 1)
        code = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return self.decoder(code), mean, log_variance


def bound_per_image(outputs: tuple[Tensor, Tensor, Tensor], images: Tensor) -> Tensor:
    """The negative evidence bound per image."""
    logits, mean, log_variance = outputs
    reconstruction = F.binary_cross_entropy_with_logits(logits, images, reduction="none").sum((1, 2, 3))
    divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
    return (reconstruction + divergence).mean()
