"""Seeds, data sets and loaders that the programs of this set share."""

from __future__ import annotations

import random

import numpy as np
import torch
from sklearn import datasets
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from tests.zoo.program import Arguments


def step_seeded(seed: int = 0) -> None:
    """Seed every source of random numbers."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def step_loaders(*columns: Tensor, batch: int = 32) -> Arguments:
    """Shuffled batches of the first four fifths of the rows, and batches of the others for validation."""
    first = len(columns[0]) * 4 // 5
    train, held_out = (TensorDataset(*(c[part] for c in columns)) for part in (slice(first), slice(first, None)))
    generator = torch.Generator().manual_seed(0)
    return {
        "loader": DataLoader(train, batch, shuffle=True, drop_last=True, generator=generator),
        "val_loader": DataLoader(held_out, batch),
    }


def step_order(rows: int) -> Tensor:
    """A fixed random order of rows."""
    return torch.randperm(rows, generator=torch.Generator().manual_seed(1))


def step_digits(size: int = 1200, *, flat: bool = False) -> tuple[Tensor, Tensor]:
    """Handwritten digits between 0 and 1, as images or as rows."""
    bunch = datasets.load_digits()
    x = torch.tensor(bunch.data, dtype=torch.float32) / 16
    order = step_order(len(x))[:size]
    x, y = x[order], torch.tensor(bunch.target)[order]
    return (x if flat else x.view(-1, 1, 8, 8)), y


def step_table(name: str) -> tuple[Tensor, Tensor]:
    """A table of scikit-learn, standardised by the rows that are trained on."""
    bunch = getattr(datasets, f"load_{name}")()
    order = step_order(len(bunch.data))
    x = torch.tensor(bunch.data, dtype=torch.float32)[order]
    y = torch.tensor(bunch.target)[order]
    first = len(x) * 4 // 5
    x = (x - x[:first].mean(0)) / x[:first].std(0)
    if name == "diabetes":
        y = y.float()
        y = ((y - y[:first].mean()) / y[:first].std()).unsqueeze(1)
    return x, y


def step_tones(size: int = 800, classes: int = 4, length: int = 96) -> tuple[Tensor, Tensor]:
    """Noisy tones of any loudness and phase; the class is the pitch."""
    draw = np.random.default_rng(3)
    y = draw.integers(0, classes, size)
    time = np.arange(length)[None]
    phase, loud = draw.uniform(0, 2 * np.pi, (size, 1)), draw.uniform(0.8, 1.6, (size, 1))
    waves = loud * np.sin(2 * np.pi * (0.03 + 0.05 * y[:, None]) * time + phase)
    waves += 0.3 * draw.standard_normal((size, length))
    return torch.tensor(waves, dtype=torch.float32).unsqueeze(1), torch.tensor(y)


def step_topics(size: int = 800, length: int = 20, words: int = 60, topics: int = 4) -> tuple[Tensor, Tensor]:
    """Sentences of words 1 to `words` - 1, each topic with its own frequent words."""
    draw = np.random.default_rng(4)
    frequencies = draw.dirichlet(np.full(words - 1, 0.3), topics)
    y = draw.integers(0, topics, size)
    rows = [draw.choice(words - 1, length, p=frequencies[k]) + 1 for k in y]
    return torch.tensor(np.stack(rows)), torch.tensor(y)


def step_chains(size: int = 400, length: int = 24, words: int = 30) -> Tensor:
    """Sequences of a Markov chain in which three words may follow each word."""
    draw = np.random.default_rng(5)
    followers = draw.integers(0, words, (words, 3))
    rows = np.zeros((size, length), dtype=np.int64)
    rows[:, 0] = draw.integers(0, words, size)
    for i in range(1, length):
        rows[:, i] = followers[rows[:, i - 1], draw.choice(3, size, p=[0.6, 0.3, 0.1])]
    return torch.tensor(rows)


def step_collated(rows: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    """A batch under the names that transformers expects."""
    ids, labels = (torch.stack(column) for column in zip(*rows, strict=True))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels}


def step_mappings(ids: Tensor, labels: Tensor, batch: int = 16) -> Arguments:
    """Batches as mappings, shuffled for training, of the first four fifths, and of the others for validation."""
    first = len(ids) * 4 // 5
    train, held_out = TensorDataset(ids[:first], labels[:first]), TensorDataset(ids[first:], labels[first:])
    generator = torch.Generator().manual_seed(0)
    return {
        "loader": DataLoader(train, batch, shuffle=True, collate_fn=step_collated, generator=generator),
        "val_loader": DataLoader(held_out, batch, collate_fn=step_collated),
    }


def step_conv_net(width: int = 16, classes: int = 10) -> nn.Sequential:
    """A small convolutional network for digits, with batch normalisation."""
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(8 * width, classes),
    )
