"""Seeds, data sets and loaders that several programs of this author share."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

Split = tuple[tuple[Tensor, ...], tuple[Tensor, ...]]


def seeded(seed: int = 0) -> None:
    """Seed every generator a program may use."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def divided(*tensors: Tensor, train: int, seed: int = 0) -> Split:
    """The first `train` rows of one random order for training, the others for validation."""
    order = torch.randperm(len(tensors[0]), generator=torch.Generator().manual_seed(seed))
    return tuple(t[order[:train]] for t in tensors), tuple(t[order[train:]] for t in tensors)


def batches(split: Split, size: int = 32) -> dict[str, Any]:
    """A shuffled loader for training and one in order for validation."""
    train, val = TensorDataset(*split[0]), TensorDataset(*split[1])
    return {"loader": DataLoader(train, size, shuffle=True, drop_last=True), "val_loader": DataLoader(val, size)}


def digit_images(train: int = 900, val: int = 300, flat: bool = False) -> Split:
    """Handwritten digits of unit scale, as images or as rows, and their classes."""
    data = load_digits()
    x, y = torch.tensor(data.data, dtype=torch.float32), torch.tensor(data.target)
    x = (x / 16 - 0.305) / 0.376
    (x1, y1), (x2, y2) = divided(x if flat else x.view(-1, 1, 8, 8), y, train=train)
    return (x1, y1), (x2[:val], y2[:val])


def table(name: str) -> Split:
    """A table of scikit-learn, its columns (and a real target) standardised by the training rows."""
    data = {"wine": load_wine, "cancer": load_breast_cancer, "diabetes": load_diabetes}[name]()
    x = torch.tensor(data.data, dtype=torch.float32)
    real = name == "diabetes"
    y = torch.tensor(data.target, dtype=torch.float32 if real else torch.int64)
    y = y.unsqueeze(1) if real else y
    (x1, y1), (x2, y2) = divided(x, y, train=int(0.75 * len(x)))
    mean, std = x1.mean(0), x1.std(0)
    if real:
        y1, y2 = ((part - y1.mean()) / y1.std() for part in (y1, y2))
    return ((x1 - mean) / std, y1), ((x2 - mean) / std, y2)


def waves(rows: int = 700, length: int = 50, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Noisy waves (rows, length) of three frequencies with a random phase, and which frequency each has."""
    generator = torch.Generator().manual_seed(seed)
    kind = torch.randint(3, (rows,), generator=generator)
    time = torch.linspace(0, 1, length)
    phase = torch.rand(rows, 1, generator=generator)
    wave = torch.sin(6.2832 * ((kind.unsqueeze(1) * 2.0 + 2.0) * time + phase))
    return (wave + 0.4 * torch.randn(rows, length, generator=generator)) / 0.81, kind


def sentences(rows: int = 700, longest: int = 14, seed: int = 0) -> list[tuple[Tensor, int]]:
    """Sentences of ids 3–29 of several lengths; their class is whether ids 3–9 or ids 10–16 are more frequent."""
    generator = np.random.default_rng(seed)
    found: list[tuple[Tensor, int]] = []
    while len(found) < rows:
        ids = generator.integers(3, 30, generator.integers(4, longest + 1))
        good, bad = ((ids >= 3) & (ids < 10)).sum(), ((ids >= 10) & (ids < 17)).sum()
        if good != bad:
            found.append((torch.tensor(ids), int(good > bad)))
    return found


def filled_up(rows: list[tuple[Tensor, int]]) -> tuple[Tensor, Tensor]:
    """A batch of sentences filled up with zeros, and their classes."""
    ids = torch.nn.utils.rnn.pad_sequence([ids for ids, _ in rows], batch_first=True)
    return ids, torch.tensor([label for _, label in rows])


def sentence_batches(size: int = 32, rows: int = 700) -> dict[str, Any]:
    """Padded batches of sentences for training and validation."""
    found = sentences(rows + 150)
    return {
        "loader": DataLoader(found[:rows], size, shuffle=True, drop_last=True, collate_fn=filled_up),  # type: ignore[arg-type]
        "val_loader": DataLoader(found[rows:], size, collate_fn=filled_up),  # type: ignore[arg-type]
        "padding_value": 0,
    }
