"""Data of the retired programs: handwritten digits, tables, and windows of Python's own documentation."""

from __future__ import annotations

import re
from collections import Counter
from pydoc_data.topics import topics

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset

TOPICS = ("debugger", "formatstrings", "string-methods", "types")
VOCABULARY = 400
CHARACTERS = "\x00 abcdefghijklmnopqrstuvwxyz"


def seed_all() -> None:
    """Seed torch and NumPy."""
    torch.manual_seed(0)
    np.random.seed(0)


def shuffled(*tensors: Tensor, batch: int = 32, drop_last: bool = False) -> DataLoader:
    """A shuffling loader over tensors, with a generator of its own."""
    generator = torch.Generator().manual_seed(0)
    return DataLoader(TensorDataset(*tensors), batch, shuffle=True, generator=generator, drop_last=drop_last)


def _mixed(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(0).permutation(len(labels))  # digits come writer by writer
    return features[order], labels[order]


def digits(count: int = 1024, first: int = 0, only: tuple[int, ...] = tuple(range(10))) -> tuple[Tensor, Tensor]:
    """Digits as (N, 1, 8, 8) images in [0, 1], with their labels counted from 0 in `only`."""
    images, labels = _mixed(*load_digits(return_X_y=True))
    kept = np.isin(labels, only)
    images, labels = images[kept][first : first + count], labels[kept][first : first + count]
    places = np.searchsorted(only, labels)
    return torch.tensor(images / 16.0).float().view(-1, 1, 8, 8), torch.tensor(places)


def scaled_digits(count: int = 1024, first: int = 0) -> tuple[Tensor, Tensor]:
    """Digits of mean 0 and spread 1, with their labels."""
    images, labels = digits(count, first)
    return (images - 0.305) / 0.376, labels


def _scaled(features: np.ndarray) -> Tensor:
    return torch.tensor((features - features.mean(0)) / features.std(0)).float()


def wine() -> tuple[Tensor, Tensor]:
    """178 wines of three growers: 13 standardised features, labels."""
    features, labels = load_wine(return_X_y=True)
    return _scaled(features), torch.tensor(labels)


def tumours() -> tuple[Tensor, Tensor]:
    """569 tumours: 30 standardised features, labels."""
    features, labels = _mixed(*load_breast_cancer(return_X_y=True))
    return _scaled(features), torch.tensor(labels)


def documents(length: int = 24, each: int = 120) -> tuple[Tensor, Tensor]:
    """Windows of words of four help topics: ids by falling frequency from 1, the last for rare words; the topic."""
    words = {name: re.findall(r"[a-z_]+|[^\sa-z_]", topics[name].lower()) for name in TOPICS}
    common = Counter(word for name in TOPICS for word in words[name]).most_common(VOCABULARY - 2)
    ids = {word: place for place, (word, _) in enumerate(common, start=1)}
    windows: dict[tuple[int, ...], int] = {}
    for label, name in enumerate(TOPICS):
        known = [ids.get(word, VOCABULARY - 1) for word in words[name]]
        for start in range(0, min(length * each, len(known) - length), length):
            windows.setdefault(tuple(known[start : start + length]), label)
    return torch.tensor(list(windows)), torch.tensor(list(windows.values()))


def _spelled(name: str = "types") -> Tensor:
    text = re.sub("[^a-z]+", " ", topics[name].lower())
    return torch.tensor([CHARACTERS.index(letter) for letter in text])


def sentences(length: int = 32, count: int = 400) -> Tensor:
    """Different windows of characters, (N, length), which do not overlap."""
    windows = _spelled().unfold(0, length, length)
    return torch.unique(windows, dim=0)[torch.randperm(count, generator=torch.Generator().manual_seed(0))]


def contexts(length: int = 8, count: int = 1500) -> tuple[Tensor, Tensor]:
    """Different windows of characters, (N, length), and the character that follows each."""
    windows = _spelled().unfold(0, length + 1, 3)
    seen: dict[tuple[int, ...], int] = {}
    for *context, following in windows.tolist():
        seen.setdefault(tuple(context), following)
    return torch.tensor(list(seen))[:count], torch.tensor(list(seen.values()))[:count]


def streams(rows: int = 16, length: int = 16) -> tuple[Tensor, Tensor]:
    """Text read by `rows` readers side by side: batches follow each other in time; the character after each chunk."""
    letters = _spelled()
    steps = 60
    lanes = letters[: rows * (steps * length + 1)].view(rows, -1)
    chunks = lanes.unfold(1, length, length)
    following = lanes[:, length::length]
    return chunks.transpose(0, 1).reshape(-1, length), following.transpose(0, 1).reshape(-1)


class Fields(Dataset):
    """Samples as dicts of tensors, in the way of the hub."""

    def __init__(self, **fields: Tensor) -> None:
        self.fields = fields

    def __len__(self) -> int:
        return len(next(iter(self.fields.values())))

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {name: column[index] for name, column in self.fields.items()}


def shuffled_fields(batch: int = 16, **fields: Tensor) -> DataLoader:
    """A shuffling loader of dict batches."""
    return DataLoader(Fields(**fields), batch, shuffle=True, generator=torch.Generator().manual_seed(0))
