"""A few numbers of each sample, in which like samples are near each other; of very many samples, of a random part."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nbinspect.records import Floats, Integers

WIDTH = 64
_MOST = 100_000


def pooled_values(values: Tensor) -> Floats:
    """Return (n, K ≤ 64) float32 of values (n, C, S): as they are where they are few, else means of neighbours."""
    n, features, size = values.shape
    kept = values[:, :WIDTH] if size > 1 else values
    steps = min(size, max(1, WIDTH // kept.shape[1])) if size > 1 else 1
    small = _means(kept, steps) if size > 1 else _means(kept.reshape(n, 1, features), min(features, WIDTH))
    return small.reshape(n, -1).numpy()


def _means(values: Tensor, steps: int) -> Tensor:
    if values.shape[-1] == steps:
        return values
    return torch.nn.functional.adaptive_avg_pool1d(values, steps)


class Embedded:
    """Gathers rows of an embedding, 100,000 at most: each sample has the same chance to be among them."""

    def __init__(self) -> None:
        self._draws = np.random.default_rng(0)
        self._count = 0
        self._rows: list[Integers] = []
        self._chances: list[Floats] = []
        self._values: list[Floats] = []
        self._kept = 0

    def add(self, values: Floats) -> None:
        """Take in the embedding (n, K) of the next n samples; of another width than the first, it counts as unknown."""
        n = len(values)
        width = self._values[0].shape[1] if self._values else values.shape[1]
        fitting = values if values.shape[1] == width else np.full((n, width), np.nan, np.float32)
        self._rows.append(np.arange(self._count, self._count + n))
        self._chances.append(self._draws.random(n))
        self._values.append(fitting)
        self._count += n
        self._kept += n
        if self._kept > 2 * _MOST:
            self._thin()

    def gathered(self) -> tuple[Integers, Floats]:
        """Return (M,) ascending rows and their embedding (M, K); what is not finite is the mean of its column."""
        if not self._kept:
            return np.zeros(0, np.int64), np.zeros((0, 0), np.float32)
        self._thin()
        values = self._values[0].astype(np.float32)
        broken = ~np.isfinite(values)
        if broken.any():
            values[broken] = 0.0
            means = values.sum(0) / np.maximum((~broken).sum(0), 1)
            values = np.where(broken, means.astype(np.float32), values)
        return self._rows[0], values

    def _thin(self) -> None:
        rows, chances = np.concatenate(self._rows), np.concatenate(self._chances)
        values = np.concatenate(self._values)
        if len(rows) > _MOST:
            used = np.sort(np.argpartition(chances, _MOST)[:_MOST])
            rows, chances, values = rows[used], chances[used], values[used]
        self._rows, self._chances, self._values, self._kept = [rows], [chances], [values], len(rows)
