"""Seeds, loaders and small data sets that the programs named fourth_wire share."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, TensorDataset


def seed_generators(seed: int) -> None:
    """Seed every generator that a program may draw from."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def reshuffled(*columns: Tensor, batch: int = 32, **options: Any) -> DataLoader[Any]:
    """Batches in a new random order each epoch, without a small rest."""
    order = torch.Generator().manual_seed(1)
    return DataLoader(
        TensorDataset(*columns), batch_size=batch, shuffle=True, drop_last=True, generator=order, **options
    )


def in_order(*columns: Tensor, batch: int = 64) -> DataLoader[Any]:
    """Batches for evaluation."""
    return DataLoader(TensorDataset(*columns), batch_size=batch)


def both_parts(*columns: Tensor, held_out: int, batch: int = 32) -> dict[str, DataLoader[Any]]:
    """Loaders of the first rows for training and of the last ones for validation."""
    return {
        "loader": reshuffled(*(column[:-held_out] for column in columns), batch=batch),
        "val_loader": in_order(*(column[-held_out:] for column in columns)),
    }


def small_digits(count: int = 1200, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Images (N, 1, 8, 8) in [0, 1] and labels, drawn at random."""
    images, labels = load_digits(return_X_y=True)
    drawn = np.random.default_rng(seed).permutation(len(labels))[:count]
    return torch.tensor(images[drawn] / 16, dtype=torch.float32).view(-1, 1, 8, 8), torch.tensor(labels[drawn])


def _standard(table: Any, rows: Any, held_out: int) -> Tensor:
    """Rows of a table, standardised by those that are not held out."""
    chosen = torch.tensor(table[rows], dtype=torch.float32)
    known = chosen[:-held_out]
    return (chosen - known.mean(0)) / known.std(0)


def standard_tumours(held_out: int = 100) -> tuple[Tensor, Tensor]:
    """Standardised features (569, 30) and labels 0 or 1."""
    table, labels = load_breast_cancer(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(labels))
    return _standard(table, rows, held_out), torch.tensor(labels[rows])


def standard_wines(held_out: int = 34) -> tuple[Tensor, Tensor]:
    """Standardised features (178, 13) and three classes."""
    table, labels = load_wine(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(labels))
    return _standard(table, rows, held_out), torch.tensor(labels[rows])


def patients(held_out: int = 90) -> tuple[Tensor, Tensor]:
    """Standardised features (442, 10) and the standardised course of diabetes (442,)."""
    table, course = load_diabetes(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(course))
    return _standard(table, rows, held_out), _standard(course, rows, held_out)


def discs(count: int = 400, size: int = 16, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Noisy images of one bright disc each (N, 1, S, S) and their masks."""
    draw = torch.Generator().manual_seed(seed)
    centre = 4 + (size - 8) * torch.rand(count, 2, 1, 1, generator=draw)
    radius = 2.5 + 2 * torch.rand(count, 1, 1, generator=draw)
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    away = ((rows - centre[:, 0]) ** 2 + (columns - centre[:, 1]) ** 2).sqrt()
    masks = (away < radius).float().unsqueeze(1)
    return masks + 0.5 * torch.randn(count, 1, size, size, generator=draw) - 0.2, masks


def three_shapes(count: int = 600, steps: int = 30, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Series (N, T) of three shapes, sine, square and saw, of random phase and pace, with noise."""
    draw = torch.Generator().manual_seed(seed)
    kind = torch.randint(3, (count,), generator=draw)
    phase = torch.rand(count, 1, generator=draw)
    pace = 1.5 + torch.rand(count, 1, generator=draw)
    turn = (pace * torch.linspace(0, 1, steps) + phase) % 1
    shapes = torch.stack([torch.sin(2 * torch.pi * turn) * 1.4, torch.where(turn < 0.5, 1.0, -1.0), 3.4 * turn - 1.7])
    series = shapes[kind, torch.arange(count)] + 0.15 * torch.randn(count, steps, generator=draw)
    return series, kind


def remarks(count: int = 800, words: int = 12, classes: int = 3, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Sentences (N, T) of tokens 1 to 49, three of them from the four words that tell the class."""
    draw = torch.Generator().manual_seed(seed)
    kind = torch.randint(classes, (count,), generator=draw)
    tokens = torch.randint(1 + 4 * classes, 50, (count, words), generator=draw)
    places = torch.rand(count, words, generator=draw).argsort(1)[:, :3]
    telling = 1 + 4 * kind[:, None] + torch.randint(4, (count, 3), generator=draw)
    return tokens.scatter(1, places, telling), kind


def ragged_remarks(count: int = 800, longest: int = 24, seed: int = 0) -> tuple[list[Tensor], Tensor]:
    """Sentences of 6 to `longest` tokens each, and their class."""
    draw = torch.Generator().manual_seed(seed + 100)
    tokens, kind = remarks(count, 6, seed=seed)
    lengths = torch.randint(0, longest - 5, (count,), generator=draw).tolist()
    rows = []
    for row, extra in zip(tokens, lengths, strict=True):
        longer = torch.cat([row, torch.randint(13, 50, (extra,), generator=draw)])
        rows.append(longer[torch.randperm(len(longer), generator=draw)])
    return rows, kind


def padded_with_mask(samples: list[tuple[Tensor, int]]) -> dict[str, Tensor]:
    """Collate sentences into input_ids, attention_mask and labels."""
    ids = pad_sequence([tokens for tokens, _ in samples], batch_first=True)
    return {
        "input_ids": ids,
        "attention_mask": (ids != 0).long(),
        "labels": torch.tensor([kind for _, kind in samples]),
    }


def ragged_loader(rows: list[Tensor], kind: Tensor, batch: int = 32) -> DataLoader[Any]:
    """Shuffled dict batches of sentences, padded with 0."""
    samples = list(zip(rows, kind.tolist(), strict=True))
    order = torch.Generator().manual_seed(1)
    return DataLoader(
        samples,  # type: ignore[arg-type]
        batch_size=batch,
        shuffle=True,
        drop_last=True,
        generator=order,
        collate_fn=padded_with_mask,
    )


def phrases(count: int = 600, steps: int = 25, letters: int = 16, seed: int = 0) -> Tensor:
    """Different token sequences (N, T) in which the next token follows from the last two, mostly."""
    draw = torch.Generator().manual_seed(seed)
    table = torch.randint(letters, (letters, 3), generator=draw)
    tokens = torch.randint(letters, (2 * count, steps), generator=draw)
    for step in range(2, steps):
        rule = table[tokens[:, step - 1], tokens[:, step - 2] % 3]
        kept = torch.rand(2 * count, generator=draw) < 0.85
        tokens[:, step] = torch.where(kept, rule, tokens[:, step])
    different = {tuple(row[:-1]): row for row in tokens.tolist()}
    return torch.tensor(list(different.values())[:count])


def noised(clean: Tensor, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Noised samples, their times in (0, 1) and the noise, as a diffusion model is trained on."""
    draw = torch.Generator().manual_seed(seed)
    time = 0.05 + 0.9 * torch.rand(len(clean), 1, generator=draw)
    noise = torch.randn(clean.shape, generator=draw)
    return torch.cos(time * torch.pi / 2) * clean + torch.sin(time * torch.pi / 2) * noise, time, noise
