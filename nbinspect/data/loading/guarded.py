"""What runs where samples are read, mostly in a worker: one that raises is a failure, and the others still come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset, default_collate, get_worker_info

from nbinspect.calling import split_batch
from nbinspect.data.loading.ordering import REORDERED, Ordering
from nbinspect.data.loading.tapping import Tap
from nbinspect.decode.names import shortened
from nbinspect.errors import place_in_user_code
from nbinspect.evaluation.samples import size_of
from nbinspect.records import Integers, SampleFailure
from nbinspect.subject import Subject

Work: TypeAlias = Callable[..., Any]
"""``work(batch, indices)``, or with a tap ``work(batch, indices, contents)``."""

_IN_A_ROW = 100
_UNCUT = (Mapping, str, bytes)
"""What a list holds one of for each sample, where tensors would be several inputs."""


@dataclass(frozen=True, eq=False)
class Read:
    """A batch that was read, or what was made of it."""

    indices: Integers
    """(n,) in the data set; in the order of reading where the loader tells none. Empty where all samples failed."""
    value: Any
    """The collated batch, or what `work` made of it; None where there are no samples."""
    failures: tuple[SampleFailure, ...] = ()
    note: str = ""
    """What is odd about how it was put together."""


@dataclass(frozen=True)
class Sample:
    """A sample as the data set gave it, or why it gave none."""

    index: int
    value: Any
    content: Any = None
    """What was told of it before its transform."""
    error: str = ""


def told(error: BaseException) -> str:
    """Return an exception in one line, with the user's file and line."""
    place = place_in_user_code(error)
    return shortened(f"{type(error).__name__}: {error}", 300) + (f" ({place})" if place else "")


def count_of(subject: Subject, batch: Any) -> int:
    """Return how many samples a batch has, lists of boxes and of strings included; 1 where nothing tells."""
    parts = split_batch(subject, batch)
    for part in (parts.targets, parts.inputs):
        if isinstance(part, list | tuple) and part and all(isinstance(each, _UNCUT) for each in part):
            return len(part)
    return size_of(subject, batch) or 1


def _of_samples(subject: Subject, item: Any) -> Any:
    """Return an item as a batch: one that is a single sample, which one target shows, as a batch of that sample."""
    parts = split_batch(subject, item)
    targets, inputs = parts.targets, parts.inputs
    if isinstance(targets, Tensor):
        alone = not targets.dim()
        if isinstance(inputs, Tensor):  # features and targets of several samples are as many
            alone |= inputs.dim() == targets.dim() == 1 and len(inputs) != len(targets)
    else:
        alone = isinstance(targets, int | float)
    return default_collate([item]) if alone else item


class GuardedRows(Dataset[Any]):
    """A map-style data set of which groups of samples are asked for; a sample that raises is a failure of its own."""

    def __init__(self, dataset: Any, *, tell: Callable[[Any], Any] | None, whole: bool, counted: bool) -> None:
        self.dataset = dataset
        self._tap = None if tell is None else Tap(dataset, tell)
        self._whole = whole
        self._counted = counted

    def __getitems__(self, keys: Sequence[Any]) -> list[Sample]:
        """Return a group of samples; of items that are batches, one for the whole group where that can be read."""
        if self._whole:
            return self._items(keys)
        many = getattr(self.dataset, "__getitems__", None)
        if many is not None and not self.taps:
            with suppress(Exception):  # one by one tells which of them raises
                return [Sample(self._index(key), value) for key, value in zip(keys, many(keys), strict=True)]
        return [self._one(self._index(key), key) for key in keys]

    @property
    def taps(self) -> bool:
        """Whether there is a transform to be listened to."""
        return self._tap is not None and self._tap.finds

    def _items(self, keys: Sequence[Any]) -> list[Sample]:
        whole = self._one(0, keys[0] if self._counted else list(keys))
        if not whole.error or self._counted:
            return [whole]
        return [self._one(place, [key]) for place, key in enumerate(keys)]

    def _one(self, index: int, key: Any) -> Sample:
        try:
            if self._tap is not None and self.taps and not self._whole:
                return Sample(index, *self._tap.read(key))
            return Sample(index, self.dataset[key])
        except Exception as error:  # noqa: BLE001 - the user's own data set may raise anything
            return Sample(index, None, None, told(error))

    def _index(self, key: Any) -> int:
        return 0 if self._counted else int(key)


class GuardedStream(IterableDataset[Any]):
    """An iterable data set that goes on after a sample that raises, where its iterator can."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __iter__(self) -> Iterator[Sample]:
        try:
            samples = iter(self.dataset)
        except Exception as error:  # noqa: BLE001 - as above
            yield Sample(0, None, None, told(error))
            return
        failed = 0
        while failed < _IN_A_ROW:
            try:
                value = next(samples)
            except StopIteration:  # noqa: PERF203 - any sample may raise, and the next be sound
                return
            except Exception as error:  # noqa: BLE001 - as above
                failed += 1
                yield Sample(0, None, None, told(error))
            else:
                failed = 0
                yield Sample(0, value)


@dataclass(frozen=True, eq=False)
class Collating:
    """Collates samples as the user's loader does and works on the batch; what cannot be collated goes one by one."""

    collate: Callable[[Any], Any]
    work: Work | None
    tapped: bool
    subject: Subject
    whole: bool
    counted: bool
    ordering: Ordering | None = None
    """Tells whether the collation can be asked for several samples at once; None where it need not be asked."""

    def __call__(self, samples: Sequence[Sample]) -> list[Read]:
        """Return what came of a group; indices that are counted, and those of whole batches, begin at 0 in each."""
        if self.counted and not self.whole:
            samples = [replace(sample, index=place) for place, sample in enumerate(samples)]
        failures = tuple(SampleFailure(sample.index, sample.error) for sample in samples if sample.error)
        good = [sample for sample in samples if not sample.error]
        reads = [Read(np.zeros(0, np.int64), None, failures)] if failures else []
        return reads + (self._items(good) if self.whole else self.made(good))

    def made(self, samples: Sequence[Sample]) -> list[Read]:
        """Return the batch of these samples; where they make none together, of each alone."""
        if not samples:
            return []
        indices = np.array([sample.index for sample in samples], dtype=np.int64)
        values = [sample.value for sample in samples]
        if len(samples) > 1 and self.ordering is not None and not self.ordering.keeps(values):
            return [replace(read, note=REORDERED) for sample in samples for read in self.made([sample])]
        try:
            batch = self.collate(values)
            return [Read(indices, self.worked(batch, indices, [sample.content for sample in samples]))]
        except Exception as error:  # noqa: BLE001 - samples of different shapes, or anything the user's code raises
            if len(samples) == 1:
                return [Read(indices[:0], None, (SampleFailure(samples[0].index, told(error)),))]
        return [read for sample in samples for read in self.made([sample])]

    def worked(self, batch: Any, indices: Integers, contents: Sequence[Any]) -> Any:
        """Return what the work makes of a batch; the batch where there is none."""
        if self.work is None:
            return batch
        return self.work(batch, indices, contents) if self.tapped else self.work(batch, indices)

    def _items(self, samples: Sequence[Sample]) -> list[Read]:
        """Batches that the data set gave whole."""
        reads = []
        for sample in samples:
            try:
                batch = _of_samples(self.subject, self.collate(sample.value))
                size = count_of(self.subject, batch)
                indices = np.arange(sample.index, sample.index + size)
                reads.append(Read(indices, self.worked(batch, indices, [None] * size)))
            except Exception as error:  # noqa: BLE001, PERF203 - as above
                reads.append(Read(np.zeros(0, np.int64), None, (SampleFailure(sample.index, told(error)),)))
        return reads


@dataclass(frozen=True, eq=False)
class WorkerStart:
    """Begins a worker as the user's loader does, who finds the data set where PyTorch puts it."""

    dataset: Any
    init: Callable[[int], None] | None

    def __call__(self, worker: int) -> None:
        """Begin the worker of this number."""
        object.__setattr__(get_worker_info(), "dataset", self.dataset)
        if self.init is not None:
            self.init(worker)
