"""Data of the programs about training steps: tables, digits, words and characters of Python's help."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from torch.utils.data import DataLoader, Dataset, TensorDataset

TOPICS = ("specialnames", "compound", "types", "formatstrings")


class Mapped(Dataset):
    """Tensors handed out as a dict, a name each."""

    def __init__(self, **columns: torch.Tensor):
        self.columns = columns

    def __len__(self):
        return len(next(iter(self.columns.values())))

    def __getitem__(self, index):
        return {name: column[index] for name, column in self.columns.items()}


def seeded():
    """Seed both generators, as every program does first."""
    torch.manual_seed(0)
    np.random.seed(0)


def shuffled(dataset, batch, **options):
    """A shuffling loader with a generator of its own."""
    return DataLoader(
        dataset, batch_size=batch, shuffle=True, drop_last=True, generator=torch.Generator().manual_seed(1), **options
    )


def digits(flat=False, unit=True):
    """Training and validation tensors of scikit-learn's digits, in [0, 1] or standardised as a whole."""
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(3).permutation(len(x))
    x = torch.tensor(x[order] / 16, dtype=torch.float32)
    if not unit:
        x = (x - 0.305) / 0.376
    x = x if flat else x.view(-1, 1, 8, 8)
    y = torch.tensor(y[order])
    return x[:1280], y[:1280], x[1280:], y[1280:]


def digit_loaders(batch=32, flat=False, unit=True, named=None):
    """Loaders of the digits: pairs, or dicts under the two names given."""
    x, y, xv, yv = digits(flat, unit)
    if named:
        parts = Mapped(**dict(zip(named, (x, y), strict=True))), Mapped(**dict(zip(named, (xv, yv), strict=True)))
    else:
        parts = TensorDataset(x, y), TensorDataset(xv, yv)
    return shuffled(parts[0], batch), DataLoader(parts[1], batch_size=batch)


def table(name, batch=16):
    """Loaders of a standardised table: wine (classes), cancer (0.0 or 1.0), diabetes (standardised target)."""
    load = {"wine": load_wine, "cancer": load_breast_cancer, "diabetes": load_diabetes}[name]
    x, y = load(return_X_y=True)
    order = np.random.default_rng(5).permutation(len(x))
    x, y = x[order], y[order]
    cut = int(0.8 * len(x))
    x = torch.tensor((x - x[:cut].mean(0)) / x[:cut].std(0), dtype=torch.float32)
    if name == "wine":
        y = torch.tensor(y)
    else:
        y = (y - y[:cut].mean()) / y[:cut].std() if name == "diabetes" else y
        y = torch.tensor(y, dtype=torch.float32).unsqueeze(1)
    train = shuffled(TensorDataset(x[:cut], y[:cut]), batch)
    return train, DataLoader(TensorDataset(x[cut:], y[cut:]), batch_size=batch)


@lru_cache
def help_text():
    """Long texts of Python's own help."""
    from pydoc_data.topics import topics

    return tuple(topics[name] for name in TOPICS)


@lru_cache
def characters(length=48):
    """Character ids of the help in windows that do not overlap, shuffled, and the size of the alphabet."""
    text = "".join(" ".join(part.split()) for part in help_text())
    alphabet = sorted(set(text))
    numbers = {c: i for i, c in enumerate(alphabet)}
    ids = torch.tensor([numbers[c] for c in text])
    windows = ids[: len(ids) // length * length].view(-1, length).unique(dim=0)
    order = torch.randperm(len(windows), generator=torch.Generator().manual_seed(2))
    return windows[order[:1200]], len(alphabet)


@lru_cache
def topic_words(length=24, vocabulary=400):
    """Word ids of windows, their topic, and the size of the vocabulary with 1 for rare words and 0 unused."""
    texts = [part.lower().split() for part in help_text()]
    words, counts = np.unique(np.concatenate([np.array(t) for t in texts]), return_counts=True)
    kept = words[np.argsort(-counts, kind="stable")[: vocabulary - 2]]
    numbers = {w: i + 2 for i, w in enumerate(kept)}
    rows, labels = [], []
    for label, text in enumerate(texts):
        ids = [numbers.get(w, 1) for w in text]
        for start in range(0, 135 * length, length):
            rows.append(ids[start : start + length])
            labels.append(label)
    order = np.random.default_rng(7).permutation(len(rows))
    return torch.tensor(rows)[order], torch.tensor(labels)[order], vocabulary


def topic_loaders(batch=16, names=("input_ids", "labels")):
    """Loaders of windows of words and their topic, dicts in the manner of transformers."""
    x, y, _ = topic_words()
    train = Mapped(**dict(zip(names, (x[:440], y[:440]), strict=True)))
    val = Mapped(**dict(zip(names, (x[440:], y[440:]), strict=True)))
    return shuffled(train, batch), DataLoader(val, batch_size=batch)


def text_loaders(batch=16, length=48):
    """Loaders of character windows as dicts for a causal model that shifts inside."""
    x, _ = characters(length)
    train, val = x[:1000], x[1000:]
    return (
        shuffled(Mapped(input_ids=train, labels=train.clone()), batch),
        DataLoader(Mapped(input_ids=val, labels=val.clone()), batch_size=batch),
    )
