"""Data and networks that the programs about data share."""

from __future__ import annotations

import random
from pydoc_data.topics import topics

import numpy as np
import torch
from sklearn.datasets import load_digits, load_sample_images
from torch import nn


def start() -> None:
    """Seed every generator, as the first line of each program."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


def digit_images(count: int) -> tuple[np.ndarray, np.ndarray]:
    """So many 8 × 8 digits in [0, 1], in a random order, with their classes."""
    digits = load_digits()
    order = np.random.permutation(len(digits.target))[:count]
    return (digits.images[order] / 16).astype(np.float32), digits.target[order].astype(np.int64)


def photo_patches(count: int, size: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Patches of bytes out of the two photographs of scikit-learn, mixed, and which photograph each comes from."""
    patches, labels = [], []
    for label, photo in enumerate(load_sample_images().images):
        rows, columns = photo.shape[0] // size, photo.shape[1] // size
        grid = photo[: rows * size, : columns * size].reshape(rows, size, columns, size, 3).swapaxes(1, 2)
        tiles = grid.reshape(-1, size, size, 3)
        lively = tiles[tiles.astype(np.float32).std(axis=(1, 2, 3)) > 12]
        chosen = lively[np.random.permutation(len(lively))[: count // 2]]
        patches.append(chosen)
        labels.append(np.full(len(chosen), label))
    order = np.random.permutation(sum(len(part) for part in patches))
    return np.concatenate(patches)[order], np.concatenate(labels)[order].astype(np.int64)


def manual_words(name: str) -> list[int]:
    """The words of one page of Python's manual, as numbers from 1 to 499 by a hash that never changes."""
    return [sum(ord(sign) * 31**place for place, sign in enumerate(word)) % 499 + 1 for word in topics[name].split()]


def manual_letters(name: str) -> list[int]:
    """The letters of one page of Python's manual, numbered from 0 to 95."""
    return [ord(sign) - 32 if " " <= sign <= "~" else 95 for sign in " ".join(topics[name].split())]


class LeNet(nn.Module):
    """LeCun's network of 1998, with max-pooling and ReLU, for digits of 8 × 8."""

    def __init__(self, classes: int = 10, channels: int = 1) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(channels, 12, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(96, 64), nn.ReLU(), nn.Linear(64, classes))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        return self.classifier(self.features(images))


class SmallVGG(nn.Module):
    """Two blocks of VGG, without normalisation, for patches of 16 × 16."""

    def __init__(self, classes: int = 2) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(512, 64), nn.ReLU(), nn.Linear(64, classes))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        return self.classifier(self.features(images))


class Table(nn.Module):
    """A perceptron with one hidden layer or two."""

    def __init__(self, columns: int, outputs: int, width: int = 48) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(columns, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, outputs)
        )

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the logits or values."""
        return self.layers(rows)


class SpectrogramNet(nn.Module):
    """Convolutions over time and frequency, averaged at the end."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(32 * 4 * 8, 48), nn.ReLU(), nn.Linear(48, classes))

    def forward(self, spectrogram: torch.Tensor) -> torch.Tensor:
        """Return the logits of the spoken command."""
        return self.head(self.body(spectrogram))


class BeatReader(nn.Module):
    """A GRU over a signal, read at its end."""

    def __init__(self, classes: int, width: int = 32) -> None:
        super().__init__()
        self.memory = nn.GRU(1, width, batch_first=True)
        self.head = nn.Linear(width, classes)

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Return the logits of the kind of beat."""
        states, _ = self.memory(signal.unsqueeze(-1))
        return self.head(states.mean(dim=1))


class WordBag(nn.Module):
    """fastText: the mean of the word vectors, and a linear layer."""

    def __init__(self, classes: int, width: int = 32) -> None:
        super().__init__()
        self.vectors = nn.EmbeddingBag(500, width, mode="mean", padding_idx=0)
        self.head = nn.Linear(width, classes)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        """Return the logits of the page."""
        return self.head(self.vectors(words))


def clips(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Tones that rise, fall, stay low or stay high, after a stretch of digital silence."""
    seconds = np.arange(1024) / 1024
    courses = {0: (60, 200), 1: (320, -200), 2: (90, 0), 3: (330, 0)}
    labels = np.random.randint(0, 4, count)
    sounds = np.zeros((count, 1024))
    for row, label in enumerate(labels):
        base, slope = courses[int(label)]
        tone = np.sin(2 * np.pi * (base + 10 * np.random.randn() + slope * seconds / 2) * seconds)
        begin, end = np.random.randint(64, 256), np.random.randint(768, 960)
        sounds[row, begin:end] = (tone + 0.3 * np.random.randn(1024))[begin:end]
    return sounds, labels.astype(np.int64)


def heartbeats(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Counts of a 12-bit converter around 2048: narrow beats, wide beats and beats upside down."""
    kinds = np.random.randint(0, 3, count)
    time = np.arange(64)[None]
    centres = np.random.uniform(26, 38, (count, 1))
    widths = np.where(kinds == 1, 7.0, 2.5)[:, None]
    heights = np.where(kinds == 2, -1.0, 1.0)[:, None] * np.random.uniform(0.8, 1.2, (count, 1))
    waves = heights * np.exp(-(((time - centres) / widths) ** 2)) + 0.05 * np.random.randn(count, 64)
    return np.clip(2048 + 700 * waves, 0, 4095).astype(np.uint16), kinds.astype(np.int64)
