"""Which samples a probe has: the first, some of every class, or the hardest of the loader's first batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nbinspect.calling import split_batch
from nbinspect.capture.loader import BatchSource, Fetched
from nbinspect.errors import InputError, LoaderError
from nbinspect.evaluation.samples import joined, picked, size_of
from nbinspect.nested import axis_of, map_tensors, tensors_in
from nbinspect.subject import Subject

STRATIFIED = 16
"""Batches that are looked at for samples of every class."""
HARDEST = 8
"""Batches that are looked at for the hardest samples."""

SampleLosses = Callable[[Any], Tensor | None]
"""Gives the loss of each sample of a batch (N,); None where there is none."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """The samples of a probe, as a batch of the loader's form."""

    batch: Any
    size: int
    words: str
    indices: tuple[int, ...] | None = None
    """The data set's index of each sample, where the loader tells."""


def choose(subject: Subject, how: str, loader: Any, size: int, losses: SampleLosses) -> Chosen:
    """Return the samples of a loader that is left undisturbed.

    Raises:
        InputError: if the loader cannot be read without disturbing it, or has no classes or losses to choose by.
        LoaderError: if it raises, or gives no batch.
    """
    with _read(loader) as batches:
        if how == "first":
            return _first(subject, next(batches), size)
        if how == "stratified":
            return _stratified(subject, batches, size)
        return _hardest(subject, batches, size, losses)


def led_by(subject: Subject, batch: Any, sample: int, size: int, indices: tuple[int, ...] | None) -> Chosen:
    """Return `size` samples of a batch with this one at their head; all of it, as it is, where it cannot be cut."""
    count = size_of(subject, batch)
    if not 0 <= sample < count:
        return Chosen(batch, count, "a batch that was shown", indices)
    order = [sample, *(each for each in range(count) if each != sample)][:size]
    known = None if indices is None or len(indices) != count else tuple(indices[each] for each in order)
    words = "a sample that was picked" + (f", and {len(order) - 1} of its batch" if len(order) > 1 else "")
    own = map_tensors(torch.clone, picked(batch, order, count, subject.batch_axis))  # a slice would hold all of it
    return Chosen(own, len(order), words, known)


@contextmanager
def _read(loader: Any) -> Iterator[Iterator[Fetched]]:
    """Give the batches of one pass over the loader."""
    try:
        source = BatchSource(loader)
    except LoaderError as error:
        raise InputError(
            f"no probe can be taken from the loader: {error}; give the batch itself: probe=batch"
        ) from error

    def batches() -> Iterator[Fetched]:
        while (fetched := source.next()).epoch == 0:
            yield fetched

    try:
        yield batches()
    finally:
        source.close()


def _first(subject: Subject, fetched: Fetched, size: int) -> Chosen:
    count = size_of(subject, fetched.batch)
    if count <= size:  # or a batch that cannot be cut into samples
        return Chosen(fetched.batch, count, f"first {count} of the first batch", fetched.indices)
    pool = _Pool(subject)
    pool.add(fetched, list(range(size)), count)
    return pool.chosen(list(range(size)), f"first {size} of the first batch")


class _Pool:
    """Samples of several batches, of which some are chosen in the end; batches of other shapes are left out."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._batches: list[Any] = []
        self._sizes: list[int] = []
        self._indices: list[int] | None = []
        self._form: Any = None

    def fits(self, batch: Any, count: int) -> bool:
        """Whether samples of the batch can be put beside those that are here."""
        axis = self._subject.batch_axis
        form = []
        for name, tensor in tensors_in(batch, ""):
            along = axis_of(tensor, count, axis)
            form.append((name, tensor.dtype, along, [n for each, n in enumerate(tensor.shape) if each != along]))
        self._form = form if self._form is None else self._form
        return bool(form == self._form)

    def add(self, fetched: Fetched, samples: list[int], count: int) -> None:
        if samples:
            # copies: a loader may fill the same memory again, and a slice would hold all of it
            cut = picked(fetched.batch, samples, count, self._subject.batch_axis)
            self._batches.append(map_tensors(lambda tensor: tensor.detach().clone(), cut))
            self._sizes.append(len(samples))
            known = fetched.indices is not None and len(fetched.indices) == count and self._indices is not None
            self._indices = [*self._indices, *(fetched.indices[n] for n in samples)] if known else None  # type: ignore[misc, index] # both are known

    def chosen(self, samples: list[int], words: str) -> Chosen:
        axis = self._subject.batch_axis
        whole = joined(self._batches, self._sizes, axis)
        batch = picked(whole, samples, sum(self._sizes), axis)
        indices = None if self._indices is None else tuple(self._indices[n] for n in samples)
        return Chosen(batch, len(samples), words, indices)


def _stratified(subject: Subject, batches: Iterator[Fetched], size: int) -> Chosen:
    pool = _Pool(subject)
    members: dict[int, list[int]] = {}
    total = 0
    for _, fetched in zip(range(STRATIFIED), batches, strict=False):
        classes = _classes_of(subject, fetched.batch)
        if not pool.fits(fetched.batch, len(classes)):
            continue
        quota = -(-size // max(1, len({*members, *(each for each in classes if each >= 0)})))
        taken: list[int] = []
        for position, each in enumerate(classes):
            if each >= 0 and len(members.setdefault(each, [])) < quota:
                members[each].append(total + len(taken))
                taken.append(position)
        pool.add(fetched, taken, len(classes))
        total += len(taken)
    if not total:
        raise InputError('how="stratified": no sample has a class (all are negative); use "first"')
    ranks = [(rank, each, place) for each, own in members.items() for rank, place in enumerate(own)]
    return pool.chosen([place for _, _, place in sorted(ranks)[:size]], "stratified by class")


def _classes_of(subject: Subject, batch: Any) -> list[int]:
    """Return the class of each sample.

    Raises:
        InputError: if targets are not one class a sample.
    """
    targets, count = split_batch(subject, batch).targets, size_of(subject, batch)
    if isinstance(targets, Tensor) and len(targets.shape) in (1, 2) and targets.shape[0] == count:
        rows = targets.reshape(count, -1)
        if rows.shape[1] > 1 and bool((rows.sum(1) == 1).all()) and bool(((rows == 0) | (rows == 1)).all()):
            return [int(each) for each in rows.to(torch.uint8).argmax(1).tolist()]
        if rows.shape[1] == 1 and (rows.dtype is torch.bool or bool((rows == rows.round()).all())):
            return [int(each) for each in rows[:, 0].tolist()]
    raise InputError('how="stratified" needs targets with one class a sample; use "first", "hardest" or probe=batch')


def _hardest(subject: Subject, batches: Iterator[Fetched], size: int, losses: SampleLosses) -> Chosen:
    pool = _Pool(subject)
    found: list[float] = []
    looked = 0
    for looked, fetched in zip(range(1, HARDEST + 1), batches, strict=False):  # noqa: B007 - used below
        count = size_of(subject, fetched.batch)
        if not count or not pool.fits(fetched.batch, count):
            continue
        own = losses(fetched.batch)
        if own is None:
            raise InputError('how="hardest" needs a loss of each sample alone, and the loss gives none; use "first"')
        known = own.nan_to_num(nan=-torch.inf).tolist()
        top = sorted(range(count), key=known.__getitem__, reverse=True)[:size]
        pool.add(fetched, top, count)
        found += [known[each] for each in top]
    if not found:
        raise InputError('how="hardest": the batches cannot be cut into samples; use "first" or probe=batch')
    order = sorted(range(len(found)), key=found.__getitem__, reverse=True)[:size]
    return pool.chosen(order, f"the hardest of {looked} batches")
