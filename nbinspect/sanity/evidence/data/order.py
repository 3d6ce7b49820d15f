"""In which order a loader gives the samples of its data set, told from its sampler alone."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, IterableDataset, Subset

from nbinspect.preserve import preserve
from nbinspect.records import Floats, Integers

_MOST_GROUPS = 100_000
_MOST_SAMPLES = 200_000


@dataclass(frozen=True, eq=False)
class Order:
    """The data set's indices as a loader gives them in two epochs, as far as 200,000 samples."""

    first: Integers
    second: Integers
    sizes: tuple[Integers, Integers]
    """Of the batches, in each of the two."""

    @property
    def batch_size(self) -> int:
        """Number of samples in the first batch."""
        return int(self.sizes[0][0])

    @property
    def repeats(self) -> bool:
        """Whether every epoch comes in the same order."""
        return bool(np.array_equal(self.first, self.second))

    @cached_property
    def population(self) -> Integers:
        """The indices that the loader draws from, in ascending order, each once."""
        return np.unique(np.concatenate([self.first, self.second]))


def order_of(loader: Any) -> Order | None:
    """Return the order of a loader, no sample of which is read; None where it cannot be told.

    The loader, its samplers and the random states are left unchanged.
    """
    if not isinstance(loader, DataLoader) or isinstance(loader.dataset, IterableDataset):
        return None
    if loader.batch_sampler is None:
        return None  # an index may stand for a whole batch
    with preserve(loader):
        try:
            sampler = copy.deepcopy(loader.batch_sampler, {id(loader.dataset): loader.dataset})
            first, second = _epoch(sampler), _epoch(sampler)
            found = tuple(np.array([int(index) for group in epoch for index in group]) for epoch in (first, second))
            sizes = np.array([len(group) for group in first]), np.array([len(group) for group in second])
        except Exception:  # noqa: BLE001 - a sampler of the user's own may do and give anything
            return None
    return Order(found[0], found[1], sizes) if found[0].size else None


def _epoch(sampler: Any) -> list[list[Any]]:
    groups: list[list[Any]] = []
    count = 0
    for group in islice(sampler, _MOST_GROUPS):
        groups.append(list(group))
        count += len(groups[-1])
        if count >= _MOST_SAMPLES:
            break
    return groups


def origin_of(dataset: Any, indices: Integers) -> tuple[Any, Integers]:
    """Return the data set inside of `Subset`s, and which of its samples these indices stand for."""
    while isinstance(dataset, Subset):
        indices = np.asarray([int(index) for index in dataset.indices])[indices]
        dataset = dataset.dataset
    return dataset, indices


def label_changes(labels: Floats) -> tuple[int, float, float]:
    """Return how often labels (N,) change from one to the next, and mean and deviation of that in a random order."""
    n = len(labels)
    counts = np.unique(labels, return_counts=True)[1].astype(np.float64)
    squares, cubes = float((counts**2).sum()), float((counts**3).sum())
    # the number of runs in a random order, by Barton and David
    variance = (squares * (squares + n * (n + 1)) - 2 * n * cubes - n**3) / (n**2 * (n - 1))
    return int((labels[1:] != labels[:-1]).sum()), n - squares / n, float(np.sqrt(max(variance, 1e-9)))
