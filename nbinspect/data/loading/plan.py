"""Which samples of a loader are read, and in which groups: told from its sampler, before any sample is."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

from nbinspect.capture.loader import copied, shared
from nbinspect.capture.undisturbed import undisturbed
from nbinspect.errors import InputError, LoaderError
from nbinspect.records import Integers

_MOST = 2**26
_EPOCHS = 2  # a sampler may give another part of its samples the second time


@dataclass(frozen=True, eq=False)
class Plan:
    """What is read of a loader, and how its samples are counted."""

    keys: Integers | Sequence[Any] | None
    """What the data set is asked for, each once; None where the loader is gone through as it is."""
    size: int
    """Keys in a group."""
    whole: bool
    """Whether each item of the data set is a batch already."""
    counted: bool
    """Whether samples are counted in the order of reading, for the loader tells no indices."""
    total: int | None
    """Samples that will be read; None where that is unknown."""
    population: int | None
    """Samples that there are."""

    def __post_init__(self) -> None:
        if self.keys is not None and not len(self.keys):
            raise LoaderError("there is nothing to read: the data set, or what the sampler draws from it, is empty")

    def group(self, number: int) -> list[Any]:
        """Return the keys of one group; empty after the last."""
        keys = self.keys[number * self.size : (number + 1) * self.size] if self.keys is not None else ()
        return keys.tolist() if isinstance(keys, np.ndarray) else list(keys)

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return 0 if self.keys is None else -(-len(self.keys) // self.size)


def checked_limit(limit: Any) -> None:
    """Raise InputError for a limit that is neither None nor a whole number from 1."""
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise InputError(f"limit: expected a number of samples, 1 or more, got {limit!r}; give None for all")


def plan_of(loader: Any, limit: int | None = None) -> Plan:
    """Return how a whole loader is read, or `limit` samples drawn at random, always the same; leaves it unchanged.

    Raises:
        InputError: for a limit below 1.
        LoaderError: for a loader without samples, or whose sampler cannot be copied or raises.
    """
    checked_limit(limit)
    if not isinstance(loader, DataLoader) or isinstance(loader.dataset, IterableDataset):
        whole = isinstance(loader, DataLoader) and loader.batch_sampler is None and loader.batch_size is None
        size = None if whole else _length(getattr(loader, "dataset", None))
        known = [number for number in (size, limit) if number is not None]
        return Plan(None, 0, whole, True, min(known) if size is not None else None, size)
    keys, size = _keys(loader)
    if loader.batch_sampler is None:
        return _of_wholes(keys)
    known_keys = _integers(keys)
    if known_keys is None:
        keys = _distinct(keys)
        return Plan(keys[:limit], size, False, True, min(len(keys), limit or len(keys)), len(keys))
    chosen = known_keys
    if limit is not None and limit < len(chosen):
        chosen = np.sort(np.random.default_rng(0).choice(chosen, limit, replace=False))
    return Plan(chosen, size, False, False, len(chosen), len(known_keys))


def plan_for(loader: Any, indices: Sequence[int] | Integers) -> Plan | None:
    """Return how single samples are read again, in this order; None where the loader tells no indices."""
    if plan_of(loader).counted:
        return None
    return Plan(np.asarray(indices, dtype=np.int64), 1, False, False, len(indices), None)


def may_go_on(loader: Any, plan: Plan) -> bool:
    """Whether a loader is a stream that tells no length, so that it may never end."""
    return plan.keys is None and plan.population is None and _length(loader) is None


def indices_of(loader: Any) -> int | None:
    """Return how many indices a loader's data set has, from 0; None where it tells none. Raises as `plan_of`."""
    plan = plan_of(loader)
    if plan.counted or plan.keys is None:
        return None
    # a sampler may know of more than the data set counts
    return max(int(np.max(plan.keys)) + 1, _length(loader.dataset) or 0)


def _keys(loader: DataLoader[Any]) -> tuple[Integers | Sequence[Any], int]:
    """Return all that the sampler may ask for, and the size of a batch."""
    own: Any = loader.batch_sampler
    plain = type(own) is BatchSampler
    sampler = own.sampler if plain else loader.sampler if own is None else own
    size = own.batch_size if plain else 1
    with undisturbed(loader):
        try:
            known = _population(sampler) if plain else None
            if known is not None:
                return known, size
            again = copied(sampler, shared(loader), "its sampler")
            epochs = [list(islice(again, _MOST)) for _ in range(_EPOCHS)]
        except LoaderError:
            raise
        except Exception as error:
            raise LoaderError(f"the loader's sampler raised {type(error).__name__}: {error}") from error
    if plain or own is None:
        return list(chain(*epochs)), size
    groups = [list(group) for epoch in epochs for group in epoch]
    return list(chain(*groups)), max(1, len(groups[0])) if groups else 1


def _population(sampler: Any) -> Integers | None:
    """Return what a sampler of PyTorch's own draws from; None for others."""
    if type(sampler) in (SequentialSampler, RandomSampler):
        return np.arange(len(sampler.data_source))
    if type(sampler) is SubsetRandomSampler:
        return _integers(sampler.indices)
    if type(sampler) is WeightedRandomSampler:
        return np.flatnonzero(np.asarray(sampler.weights) > 0)
    return None


def _integers(keys: Any) -> Integers | None:
    """Return keys in ascending order, each once, where all are whole numbers."""
    if isinstance(keys, np.ndarray) and keys.dtype.kind in "iu":
        return np.unique(keys)
    try:
        return np.unique(np.fromiter(map(operator.index, keys), dtype=np.int64))
    except (TypeError, ValueError):
        return None


def _distinct(keys: Any) -> list[Any]:
    """Return keys of any kind in the order in which they come, each once where that can be told."""
    try:
        return list(dict.fromkeys(keys))
    except TypeError:
        return list(keys)


def _of_wholes(keys: Any) -> Plan:
    """Read items that are batches already; those asked for with lists of indices by indices of our own grouping."""
    whole_numbers = _integers(keys)
    if whole_numbers is not None:
        return Plan(whole_numbers, 1, True, True, None, None)
    if all(isinstance(key, list | tuple) for key in keys):
        flat = _integers(chain(*keys))
        if flat is not None:
            return Plan(flat, max(1, len(keys[0])), True, False, len(flat), len(flat))
    return Plan(_distinct(keys), 1, True, True, None, None)


def _length(dataset: Any) -> int | None:
    """Return how many samples a stream says that it has."""
    try:
        return len(dataset)
    except Exception:  # noqa: BLE001 - the user's own __len__ may raise anything
        return None
