"""Batches of the user's loader, read without disturbing it: through a copy, in a worker where reading may change it."""

from __future__ import annotations

import copy
import io
import multiprocessing
import platform
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
)

from nbinspect.capture.indices import RecordedIndices, as_indices, checked_indices
from nbinspect.capture.undisturbed import OwnDraws, undisturbed
from nbinspect.capture.workers import death_told, heard, tells_death, unheard
from nbinspect.errors import LoaderError, UnreadableLoaderError, of_torch, place_in_user_code
from nbinspect.interrupts import undivided
from nbinspect.nested import map_tensors
from nbinspect.whose import is_installed

_SAMPLERS = (RandomSampler, SequentialSampler, SubsetRandomSampler, WeightedRandomSampler)


@dataclass(frozen=True)
class Fetched:
    """A batch as the loader collated it, and the data set's index of each sample where the loader tells."""

    batch: Any
    indices: tuple[int, ...] | None
    epoch: int = 0
    """How many passes over the loader had been completed before."""


class BatchSource:
    """Successive batches of a loader whose own iterators, generators and data set are left unchanged.

    A `DataLoader` is copied: same data set, copies of its samplers and generators, one worker process where reading may
    change the data set. Other loaders are iterated as deep copies that share their arrays. The first batch holds the
    samples of the next epoch's first.

    Raises:
        LoaderError: at once, if the loader cannot be read without disturbing it (a generator, an open stream).
    """

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._pass: Iterator[Any] | None = None
        self._record: RecordedIndices | None = None
        self._epoch = -1
        self._group: Any = None
        self._draws = OwnDraws(loader)
        refuse_streams(loader)

    @property
    def can_repeat(self) -> bool:
        """Whether the same samples can be fetched anew: a map-style data set, read through the loader's own indices."""
        return isinstance(self._loader, DataLoader) and not isinstance(self._loader.dataset, IterableDataset)

    def next(self) -> Fetched:
        """Return the next batch, from a new pass when the last one is over.

        Raises:
            LoaderError: if the loader is empty or raises; the cause is chained.
        """
        for _ in range(2):
            with self._draws.go_on():
                try:
                    if self._pass is None:
                        self._pass, self._record = _start(self._loader, None)
                        unheard(self._pass)
                        self._epoch += 1
                    with heard(self._pass):
                        batch = next(self._pass)
                except StopIteration:
                    broken = self._record.error if self._record is not None else None
                    self.close()
                    if broken is not None:
                        raise explained(broken, self._loader) from broken
                    continue
                except (LoaderError, KeyboardInterrupt):  # our own says what is the matter; a stuck worker is stopped
                    self.close()
                    raise
                except Exception as error:
                    died = hasattr(self._pass, "_workers") and tells_death(error)
                    self.close()
                    raise (death_told(error) if died else explained(error, self._loader)) from error
            self._group = self._record.groups.popleft() if self._record is not None else None
            return Fetched(batch, as_indices(self._group), self._epoch)
        raise LoaderError("the loader gave no batch: its data set is empty, or drop_last leaves nothing of it")

    def again(self) -> Fetched:
        """Return the samples of the last batch, fetched anew: random augmentation differs, the indices do not.

        Raises:
            LoaderError: if nothing was fetched yet, or the loader tells no indices; see `can_repeat`.
        """
        if not self.can_repeat or self._group is None:
            raise LoaderError("the same samples cannot be fetched again: this loader tells no indices of its samples")
        return self._fetched(self._group)

    def fetch(self, indices: Sequence[int]) -> Fetched:
        """Return the samples of these indices of the data set as one batch, collated by the loader's own function.

        `again` then fetches these anew. The pass that `next` goes on with is left where it is.

        Raises:
            InputError: for indices that are no whole numbers from 0, or none at all.
            LoaderError: if the loader tells no indices of its samples, or raises; the cause is chained.
        """
        group = checked_indices(indices)
        if not self.can_repeat or self._loader.batch_sampler is None:
            raise LoaderError("samples cannot be fetched by their index: this loader tells no indices of its samples")
        fetched = self._fetched(group)
        self.point_at(group)
        return fetched

    def point_at(self, indices: Sequence[int]) -> None:
        """Have `again` fetch these samples: they were fetched elsewhere."""
        self._group = [*indices]

    def _fetched(self, group: Any) -> Fetched:
        with undisturbed(self._loader):
            # another base seed than before: the user's generator is a copy here and would repeat the augmentation
            seed = torch.Generator()
            seed.seed()
            try:
                batches, _ = _start(self._loader, [group], generator=seed)
                try:
                    batch = next(batches)
                finally:
                    _stop(batches)
            except LoaderError:
                raise
            except Exception as error:
                raise explained(error, self._loader) from error
        return Fetched(batch, as_indices(group))

    def close(self) -> None:
        """Stop the worker process, if one runs."""
        _stop(self._pass)
        self._pass = None
        self._record = None


def _stop(batches: Iterator[Any] | None) -> None:
    """Stop the workers of a pass now, and not when Python collects it, which may be in another worker's process."""
    stop = getattr(batches, "_shutdown_workers", None)
    if stop is not None:
        stop()


def _start(
    loader: Any, groups: list[Any] | None, generator: torch.Generator | None = None
) -> tuple[Iterator[Any], RecordedIndices | None]:
    """Begin a pass over a copy of the loader, or over the given groups of indices of its data set."""
    if not isinstance(loader, DataLoader):
        return _batches_of(loader), None
    memo = shared(loader)
    record: RecordedIndices | None = None
    options: dict[str, Any] = {"batch_size": loader.batch_size, "drop_last": loader.drop_last}
    if not isinstance(loader.dataset, IterableDataset):
        automatic = loader.batch_sampler is not None
        sampler = groups or copied(loader.batch_sampler if automatic else loader.sampler, memo, "its sampler")
        record = RecordedIndices(sampler)
        options = {"batch_sampler": record} if automatic else {"sampler": record, "batch_size": None}
    own = copy.deepcopy(loader.generator, memo) if loader.generator is not None else None
    options |= {"collate_fn": loader.collate_fn, "generator": generator or own}
    if only_indexes(loader):  # to start a worker would take longer than many a check
        return iter(DataLoader(loader.dataset, **options)), record
    dataset, context = loader.dataset, worker_context(loader)
    if context is None:
        dataset = copied(loader.dataset, arrays_of(loader.dataset), "its data set")
    else:
        options |= {"num_workers": 1, "multiprocessing_context": context, "timeout": loader.timeout}
        options |= {"worker_init_fn": loader.worker_init_fn}
    with undivided():  # Python drops an interrupt that is raised while it forks
        return iter(DataLoader(dataset, **options)), record


def worker_context(loader: DataLoader[Any]) -> Any:
    """Return how to start the worker; None where none can read this data set, which is then copied in this process."""
    if any(tensor.device.type != "cpu" for tensor in arrays_of(loader.dataset).values() if isinstance(tensor, Tensor)):
        return None
    if loader.multiprocessing_context is not None:
        return loader.multiprocessing_context
    if platform.system() == "Linux":
        return "fork"
    # elsewhere workers must import the data set's class, which fails for a class defined in a notebook
    return multiprocessing.get_start_method() if loader.num_workers else None


def only_indexes(loader: DataLoader[Any]) -> bool:
    """Whether PyTorch's own code alone reads the data set and makes new tensors of its rows, which changes nothing."""
    dataset = loader.dataset
    while type(dataset) is Subset:
        dataset = dataset.dataset
    return (
        type(dataset) is TensorDataset
        and all(type(tensor) is Tensor and not tensor.requires_grad for tensor in dataset.tensors)
        and type(loader.batch_sampler) is BatchSampler
        and type(loader.sampler) in _SAMPLERS
        and loader.collate_fn is default_collate
        and loader.worker_init_fn is None
    )


def _batches_of(loader: Any) -> Iterator[Any]:
    batches = loader if isinstance(loader, list | tuple) else copied(loader, arrays_of(loader), "it")
    # the network may work in place on what it gets
    return (map_tensors(lambda tensor: tensor.clone(), batch) for batch in batches)


def refuse_streams(loader: Any) -> None:
    """Raise UnreadableLoaderError for a loader that a second reader would move on: an iterator, an open file."""
    if hasattr(loader, "__next__") and not _begins_anew(loader):
        text = f"the loader is a one-shot iterator ({type(loader).__name__}): "
        raise UnreadableLoaderError(f"{text}reading a batch would take it from your training")
    dataset = getattr(loader, "dataset", None)
    parts = vars(dataset) if isinstance(dataset, IterableDataset) else {}
    stream = next((name for name, part in parts.items() if isinstance(part, io.IOBase)), None)
    if stream is not None:
        text = f"the data set {type(dataset).__name__} reads from an open file ({stream!r}): "
        raise UnreadableLoaderError(f"{text}a second reader would move its position")


def _begins_anew(loader: Any) -> bool:
    """Whether an iterator is of the user's own class and has a length, as one that begins anew; it can be copied."""
    kind = type(loader)
    own = isinstance(kind.__next__, FunctionType) and not is_installed(kind.__next__.__code__.co_filename)
    return own and hasattr(kind, "__len__")


def shared(loader: DataLoader[Any]) -> dict[int, Any]:
    """Return a memo for `deepcopy` in which a sampler's copy shares the data set, and all generators stay one."""
    return {id(loader.dataset): loader.dataset} | arrays_of(loader.sampler)


def arrays_of(value: Any, limit: int = 100_000) -> dict[int, Any]:
    """Return a memo for `deepcopy` that shares the arrays and tensors an object holds, so that no data is copied."""
    memo: dict[int, Any] = {}
    seen: set[int] = set()
    waiting = [value]
    while waiting and len(seen) < limit:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, Tensor | np.ndarray):
            memo[id(part)] = part
        elif isinstance(part, list | tuple):
            waiting.extend(part)
        elif isinstance(part, dict):
            waiting.extend(part.values())
        elif not isinstance(part, type | ModuleType | FunctionType):
            waiting.extend(getattr(part, "__dict__", {}).values())
    return memo


def copied(value: Any, memo: dict[int, Any], what: str) -> Any:
    """Return a deep copy; `what` is what the value is, in words.

    Raises:
        UnreadableLoaderError: if it cannot be copied.
    """
    try:
        return copy.deepcopy(value, memo)
    except Exception as error:
        text = f"the loader cannot be read without disturbing it: {what} cannot be copied"
        raise UnreadableLoaderError(f"{text} ({type(error).__name__}: {error})") from error


def explained(error: Exception, loader: Any) -> LoaderError:
    """Return an error that says what the loader raised and where; a worker's carries its traceback only as text."""
    text = str(error)
    if "DataLoader worker process" in text:
        lines = text.rstrip().splitlines()
        places = re.findall(r'File "([^"]+)", line (\d+)', text)
        own = [f"{file}:{line}" for file, line in places if not of_torch(file)]
        worker = " in its worker" if getattr(loader, "num_workers", True) else ""  # else the worker was ours
        return LoaderError(f"the loader raised{worker}{' at ' + own[-1] if own else ''}: {lines[-1]}")
    place = place_in_user_code(error)
    return LoaderError(f"the loader raised {type(error).__name__}{' at ' + place if place else ''}: {text}")
