"""Data for the programs on initialisation, backward passes and learning: fresh tensors, in an order without meaning."""

from __future__ import annotations

import re
from pydoc_data.topics import topics

import numpy as np
import torch
from sklearn import datasets
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

LONGEST = sorted(topics, key=lambda name: (-len(topics[name]), name))[:4]
LETTERS = "abcdefghijklmnopqrstuvwxyz ."


def seed_everything() -> None:
    """Seed PyTorch and NumPy as the first cell of a notebook does."""
    torch.manual_seed(0)
    np.random.seed(0)


def standardised(table: np.ndarray) -> np.ndarray:
    return (table - table.mean(0)) / table.std(0)


def digit_images(count: int = 1024, start: int = 0) -> tuple[Tensor, Tensor]:
    """Handwritten digits of one channel, about mean 0 and deviation 1 over all pixels."""
    digits = datasets.load_digits()
    order = np.random.RandomState(0).permutation(len(digits.target))[start : start + count]
    images = (digits.images[order] / 16 - 0.305) / 0.376
    return torch.tensor(images, dtype=torch.float32).unsqueeze(1), torch.tensor(digits.target[order])


def tumours() -> tuple[Tensor, Tensor]:
    """Breast cancer: 569 rows of 30 standardised columns, and whether the tumour is benign."""
    x, y = datasets.load_breast_cancer(return_X_y=True)
    order = np.random.RandomState(0).permutation(len(y))
    return torch.tensor(standardised(x)[order], dtype=torch.float32), torch.tensor(y[order])


def wines() -> tuple[Tensor, Tensor]:
    """Wine: 178 rows of 13 standardised columns, and the cultivar."""
    x, y = datasets.load_wine(return_X_y=True)
    order = np.random.RandomState(0).permutation(len(y))
    return torch.tensor(standardised(x)[order], dtype=torch.float32), torch.tensor(y[order])


def diabetes() -> tuple[Tensor, Tensor]:
    """Diabetes: 442 rows of 10 standardised columns, and the standardised progression as a column."""
    x, y = datasets.load_diabetes(return_X_y=True)
    order = np.random.RandomState(0).permutation(len(y))
    table = np.column_stack([standardised(x), standardised(y)])[order]
    return torch.tensor(table[:, :-1], dtype=torch.float32), torch.tensor(table[:, -1:], dtype=torch.float32)


def letter_windows(length: int = 32, count: int = 512) -> Tensor:
    """Windows of letters (0 to 27) from Python's own help, none of which overlap."""
    text = re.sub(r"[^a-z .]+", " ", " ".join(topics[name] for name in LONGEST).lower())
    text = re.sub(r" +", " ", text)
    ids = torch.tensor([LETTERS.index(letter) for letter in text[: length * 3000]])
    windows = ids[: len(ids) // length * length].view(-1, length).unique(dim=0)
    return windows[torch.from_numpy(np.random.RandomState(0).permutation(len(windows))[:count])]


def passages(words: int = 20, vocabulary: int = 400) -> tuple[Tensor, Tensor]:
    """Passages of word ids from 2 on (1 is a rare word, 0 the padding), and which of four topics they are from."""
    pages = [re.findall(r"[a-z_]+", topics[name].lower()) for name in LONGEST]
    counts: dict[str, int] = {}
    for word in [word for page in pages for word in page]:
        counts[word] = counts.get(word, 0) + 1
    common = sorted(counts, key=lambda word: (-counts[word], word))[: vocabulary - 2]
    ids = {word: number for number, word in enumerate(common, start=2)}
    rows, labels = [], []
    for label, page in enumerate(pages):
        for begin in range(0, min(len(page), 250 * words) - words, words):
            rows.append([ids.get(word, 1) for word in page[begin : begin + words]])
            labels.append(label)
    order = torch.from_numpy(np.random.RandomState(0).permutation(len(labels)))
    return torch.tensor(rows)[order], torch.tensor(labels)[order]


def batches(*tensors: Tensor, size: int = 32, **options: object) -> DataLoader:
    """A shuffled loader over tensors."""
    return DataLoader(TensorDataset(*tensors), batch_size=size, **{"shuffle": True, **options})
