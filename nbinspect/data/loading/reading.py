"""A whole loader gone through without disturbing it, or single samples of it again."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from nbinspect.capture.loader import BatchSource, only_indexes, refuse_streams
from nbinspect.data.loading.guarded import Collating, GuardedRows, GuardedStream, Read, Sample, Work
from nbinspect.data.loading.here import groups_found
from nbinspect.data.loading.ordering import Ordering
from nbinspect.data.loading.passes import Reading, stream_read
from nbinspect.data.loading.plan import Plan, plan_for, plan_of
from nbinspect.errors import LoaderError
from nbinspect.evaluation.samples import picked
from nbinspect.records import Integers, SampleFailure
from nbinspect.sanity.evidence.data.order import origin_of
from nbinspect.subject import Subject

__all__ = ["Read", "Reader", "fetch", "reads_of"]

_DIED = "the worker process that read it died"
_NONE = np.zeros(0, np.int64)
_ROWS_AT_ONCE, _VALUES_AT_ONCE = 1024, 2**21
_STEPS = 128
"""Groups at least, or as many as the loader has batches: between two of them a reading can be stopped."""


class Reader:
    """Goes over a loader once; it, its data set, its generators and the random states are left unchanged.

    Of a map-style data set each index that the sampler draws from comes once, in ascending order, in groups of the
    loader's batch size through its `collate_fn`; other loaders are gone through as they are. Samples are read in as
    many workers as the loader has, one at least, except rows of plain tensors, which need none and come to `work` in
    groups of up to 1,024. A sample that raises, or kills its worker, is a failure; what cannot be collated together
    comes one by one, and so does what the collation would reorder, with a note. Where all of the first group fail in
    the worker of a loader that has none, a copy of the data set is read in this process.

    Raises:
        InputError: for a limit below 1.
        LoaderError: at once for a loader that is empty or cannot be read without disturbing it; while reading, if it
            raises in a way that no sample is to blame for.
    """

    def __init__(
        self,
        subject: Subject,
        loader: Any,
        *,
        work: Work | None = None,
        tap: Callable[[Any], Any] | None = None,
        limit: int | None = None,
    ) -> None:
        """Plan the reading; nothing is read before the first is asked for.

        Args:
            subject: tells how batches are split; its model is not run.
            loader: of the user.
            work: makes of ``(batch, indices)`` what is yielded in the batch's place, in the worker, so that contents
                need not travel; with `tap`, of ``(batch, indices, contents)``. Must not change the batch. Indices that
                are counted begin at 0 in each batch there.
            tap: makes something of what the data set's transform is given of a sample; None where there is no such.
            limit: samples to read, drawn at random, always the same; the first ones where there are no indices.
        """
        refuse_streams(loader)
        self.plan = plan_of(loader, limit)
        self.total = self.plan.total
        """Samples that will be read; None where that is unknown."""
        self._reads = _limited(reads_of(subject, loader, self.plan, work=work, tap=tap), limit)

    def __iter__(self) -> Iterator[Read]:
        return self

    def __next__(self) -> Read:
        return next(self._reads)

    def close(self) -> None:
        """Stop the workers, if any run."""
        self._reads.close()


def fetch(subject: Subject, loader: Any, indices: Sequence[int] | Integers) -> Iterator[Read]:
    """Give single samples again, each as a batch of one, as the network gets them; random augmentation differs.

    They come in the order of `indices`. Where the loader tells no indices, it is gone through from its beginning to
    the last of them, and they come in the order of reading. The loader is left unchanged.

    Raises:
        LoaderError: as `Reader`.
    """
    if not len(indices):
        return
    refuse_streams(loader)
    plan = plan_for(loader, indices)
    if plan is not None:
        yield from reads_of(subject, loader, plan, workers=1)
        return
    wanted = {int(index) for index in indices}
    reader = Reader(subject, loader)
    try:
        for read in reader:
            size = len(read.indices)
            for place, index in enumerate(read.indices.tolist()):
                if index in wanted:
                    one = picked(read.value, [place], size, subject.batch_axis)
                    yield Read(read.indices[place : place + 1], one)
            missed = tuple(failure for failure in read.failures if failure.index in wanted)
            if missed:
                yield Read(_NONE, None, missed)
            if max(read.indices.tolist(), default=-1) >= max(wanted):
                return
    finally:
        reader.close()


def _limited(reads: Iterator[Read], limit: int | None) -> Generator[Read, None, None]:
    """Give reads as far as the limit, and whole batches."""
    count = 0
    for read in reads:
        yield read
        count += len(read.indices) + len(read.failures)
        if limit is not None and count >= limit:
            return


def reads_of(
    subject: Subject,
    loader: Any,
    plan: Plan,
    *,
    work: Work | None = None,
    tap: Callable[[Any], Any] | None = None,
    workers: int | None = None,
) -> Iterator[Read]:
    """Read a loader by a plan; `workers` stands for the loader's own number, else as `Reader`."""
    subject = Subject(nn.Identity(), split=subject.split, batch_axis=subject.batch_axis)  # can travel to a worker
    if not isinstance(loader, DataLoader):
        collating = Collating(_as_it_is, work, tap is not None, subject, whole=True, counted=True)
        return _counted(map(collating, _iterated(loader)))
    ordering = Ordering(loader.collate_fn, subject.batch_axis)
    collating = Collating(loader.collate_fn, work, tap is not None, subject, plan.whole, plan.counted, ordering)
    count = workers or max(1, loader.num_workers)
    if plan.keys is None:
        return _counted(stream_read(Reading(loader, GuardedStream, collating, count)))
    guard = partial(GuardedRows, tell=tap, whole=plan.whole, counted=plan.counted)
    if not plan.counted and not plan.whole and only_indexes(loader):
        return _gathered(guard(loader.dataset), plan, collating)
    groups = _placed(groups_found(Reading(loader, guard, collating, count), plan), plan)
    return _counted(groups) if plan.counted else chain.from_iterable(groups)


def _gathered(guarded: GuardedRows, plan: Plan, collating: Collating) -> Iterator[Read]:
    """Rows of plain tensors, gathered here as the loader's collation would put them together."""
    keys = np.asarray(plan.keys)
    dataset, rows = origin_of(guarded.dataset, keys)
    size = plan.size
    if collating.work is not None:  # which costs less for many at once
        each = sum(tensor[:1].numel() for tensor in dataset.tensors)
        size = max(size, min(_ROWS_AT_ONCE, _VALUES_AT_ONCE // max(1, each), len(keys) // _STEPS))
    for start in range(0, len(keys), size):
        indices, places = keys[start : start + size], rows[start : start + size]
        try:
            batch = [_picked(tensor, places, collating.work is None) for tensor in dataset.tensors]
            reads = [Read(indices, collating.worked(batch, indices, [None] * len(indices)))]
        except Exception:  # noqa: BLE001 - one by one tells which sample it is
            reads = collating(guarded.__getitems__(indices.tolist()))
        yield from reads


def _picked(tensor: Tensor, places: Integers, to_keep: bool) -> Tensor:
    """Return rows of a tensor; those in a row as a view where nobody will change them."""
    start, stop = int(places[0]), int(places[-1]) + 1
    if start >= 0 and stop - start == len(places) and bool((np.diff(places) == 1).all()):
        return tensor[start:stop].clone() if to_keep else tensor[start:stop]
    return tensor[torch.from_numpy(places)]


def _iterated(loader: Any) -> Iterator[list[Sample]]:
    """Give each batch of a loader that is no `DataLoader`, in one pass; what stops the pass is a failure, the last."""
    source = BatchSource(loader)
    began = False
    try:
        while True:
            try:
                fetched = source.next()
            except LoaderError as error:
                if not began:
                    raise
                yield [Sample(0, None, None, str(error))]
                return
            if fetched.epoch:
                return
            began = True
            yield [Sample(0, fetched.batch)]
    finally:
        source.close()


def _as_it_is(batch: Any) -> Any:
    return batch


def _placed(groups: Iterator[tuple[list[Any], list[Read] | None]], plan: Plan) -> Iterator[list[Read]]:
    """Give reads with the indices of the data set, as far as it has any, and a failure for a sample that killed."""
    for keys, reads in groups:
        if reads is None:
            yield [Read(_NONE, None, (SampleFailure(0 if plan.counted else int(keys[0]), _DIED),))]
        elif plan.whole and not plan.counted:
            yield [_of_keys(read, keys) for read in reads]
        else:
            yield reads


def _of_keys(read: Read, keys: list[int]) -> Read:
    """Return a read of batches that the data set put together itself, with the indices that it was asked for."""
    failures = tuple(SampleFailure(keys[failure.index], failure.error) for failure in read.failures)
    if len(read.indices) and read.indices[-1] >= len(keys):
        error = f"the data set gave {len(read.indices)} samples for {len(keys)} indices"
        return Read(_NONE, None, (*failures, SampleFailure(keys[0], error)))
    return Read(np.asarray(keys, dtype=np.int64)[read.indices], read.value, failures)


def _counted(groups: Iterator[list[Read]]) -> Iterator[Read]:
    """Give reads with indices in the order of reading.

    Raises:
        LoaderError: in the end, if there was nothing.
    """
    offset = 0
    for reads in groups:
        for read in reads:
            failures = tuple(SampleFailure(failure.index + offset, failure.error) for failure in read.failures)
            yield replace(read, indices=read.indices + offset, failures=failures)
        offset += sum(len(read.indices) + len(read.failures) for read in reads)
    if not offset:
        raise LoaderError("there is nothing to read: the loader is empty")
