"""Real samples that programs of the zoo share: tables, digits, image patches, windows of text, a made-up series."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

import numpy as np
import torch
from sklearn import datasets
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset

Pair = tuple[Tensor, Tensor]


@lru_cache
def _arrays(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a table of scikit-learn once."""
    bunch = getattr(datasets, f"load_{name}")()
    return bunch.data, bunch.target


def seed() -> None:
    """Seed PyTorch and NumPy, as the first lines of a script do."""
    torch.manual_seed(0)
    np.random.seed(0)


def table(name: str) -> Pair:
    """Return raw rows (N, F) in float32 and targets (N,) of a table such as ``wine``, in random order."""
    rows, targets = _arrays(name)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(1))
    return torch.tensor(rows, dtype=torch.float32)[order], torch.tensor(targets)[order]


def standardised(values: Tensor) -> Tensor:
    """Bring every column to mean 0 and standard deviation 1."""
    return (values - values.mean(0)) / values.std(0)


def digits(count: int = 1000, side: int = 8) -> Pair:
    """Return images (N, 1, side, side) in [0, 16], and digits (N,), in random order."""
    rows, targets = table("digits")
    images = rows[:count].reshape(-1, 1, 8, 8)
    if side != 8:
        images = torch.nn.functional.interpolate(images, size=(side, side), mode="bilinear")
    return images, targets[:count]


@lru_cache
def _photographs() -> list[np.ndarray]:
    return datasets.load_sample_images().images


def patches(count: int = 480, side: int = 16) -> Pair:
    """Return bytes (N, 3, side, side) of patches that do not overlap, and of which photograph (N,) they are."""
    cut = []
    for photograph in _photographs():
        tall, wide = (size // side for size in photograph.shape[:2])
        grid = photograph[: tall * side, : wide * side].reshape(tall, side, wide, side, 3)
        cut.append(torch.tensor(grid.transpose(0, 2, 4, 1, 3).reshape(-1, 3, side, side)))
    generator = torch.Generator().manual_seed(2)
    chosen = torch.cat([part[torch.randperm(len(part), generator=generator)[: count // 2]] for part in cut])
    labels = torch.arange(2).repeat_interleave(count // 2)
    order = torch.randperm(count, generator=generator)
    return chosen[order], labels[order]


@lru_cache
def _word_ids(vocabulary: int) -> list[list[int]]:
    from pydoc_data.topics import topics

    longest = sorted(topics.values(), key=len)[-4:]
    words = [re.findall(r"[a-z]+|[^a-z\s]", text.lower()) for text in longest]
    common = Counter(word for page in words for word in page).most_common(vocabulary - 2)
    ids = {word: index + 2 for index, (word, _) in enumerate(common)}
    return [[ids.get(word, 1) for word in page] for page in words]


def topics(count: int = 400, length: int = 24, vocabulary: int = 300) -> Pair:
    """Return windows of word ids (N, length; 0 pads, 1 is unknown) of four help pages, and the pages (N,), in order."""
    generator = torch.Generator().manual_seed(3)
    windows, seen = [], set()
    for page in _word_ids(vocabulary):
        cut = [tuple(page[start : start + length]) for start in range(0, len(page) - length, length)]
        # Help pages repeat themselves; no window, nor one without its last word, should be there twice.
        once = {window[:-1]: window for window in cut if window[:-1] not in seen}
        seen.update(once)
        fresh = torch.tensor(list(once.values()))
        windows.append(fresh[torch.randperm(len(fresh), generator=generator)[: count // 4]])
    labels = torch.cat([torch.full((len(part),), page) for page, part in enumerate(windows)])
    return torch.cat(windows), labels


def series(count: int = 600, length: int = 24) -> Pair:
    """Return windows (N, length, 1) of a noisy daily and weekly rhythm, and the value after each (N, 1)."""
    generator = torch.Generator().manual_seed(4)
    time = torch.arange(count + length, dtype=torch.float32)
    values = torch.sin(time * 2 * torch.pi / 24) + 0.6 * torch.sin(time * 2 * torch.pi / 168)
    values = values + 0.2 * torch.randn(values.shape, generator=generator)
    windows = values.unfold(0, length, 1)[:count]
    return windows.unsqueeze(-1).clone(), values[length:].unsqueeze(-1).clone()


def parted(x: Tensor, y: Tensor, share: float = 0.8) -> tuple[Pair, Pair]:
    """Part samples at random into training and validation."""
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(5))
    train, rest = order[: int(share * len(x))], order[int(share * len(x)) :]
    return (x[train], y[train]), (x[rest], y[rest])


def batches(*tensors: Tensor, size: int = 32, shuffle: bool = True) -> DataLoader:
    """Return a loader over tensors; a training loader shuffles and drops the odd last batch."""
    return loaded(TensorDataset(*tensors), size=size, shuffle=shuffle)


def loaded(dataset: Dataset, size: int = 32, shuffle: bool = True) -> DataLoader:
    """Return a loader over a data set, with a generator of its own."""
    generator = torch.Generator().manual_seed(0)
    return DataLoader(dataset, batch_size=size, shuffle=shuffle, drop_last=shuffle, generator=generator)
