"""One look over a loader's data, which all checks of data share: bounded in samples, time and memory."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from nbinspect.nested import tensors_in
from nbinspect.records import Floats, Integers
from nbinspect.sanity.batches import Batch, reading
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.evidence.data.columns import Column, Gatherer
from nbinspect.sanity.evidence.data.digest import Digest, Form, digest
from nbinspect.sanity.evidence.data.features import features_of, parts_of, samples_first
from nbinspect.sanity.evidence.data.order import Order, order_of
from nbinspect.sanity.evidence.data.rows import Rows, one_hot_classes, rows_of
from nbinspect.sanity.evidence.data.simple_models import SimpleModels, fit_simple_models
from nbinspect.sanity.evidence.data.stored import stored_rows
from nbinspect.sanity.limits import Limits
from nbinspect.subject import Subject

_SAMPLES = 2048
_VALUES = 2**26
_SECONDS = 20.0
_FURTHER = 10
"""By how many times a stream is read further that has had one label so far: sorted, or all of one class."""
_MOST_VALUES = 10_000


@dataclass(frozen=True, eq=False)
class Scan:
    """What was read of a loader."""

    loader: Any = field(repr=False)
    read: int
    """Samples, in `batches` batches."""
    batches: int
    is_whole: bool
    """Whether an epoch was read to its end."""
    is_fair: bool
    """Whether what was read is the whole, or was drawn at random from it."""
    order: Order | None
    """The loader's order; None where it cannot be told from its sampler."""
    inputs: dict[str, Column]
    """What the model is called with, by name."""
    targets: dict[str, Column]
    labels: Floats | None
    """(N,) the targets in the order of reading, if each is one number."""
    by_batch: tuple[Floats, ...]
    """The same, or the classes of one-hot targets, batch by batch; nothing without them."""
    tally: Counter[int] | None
    """How often each value occurs among the targets, if those are whole numbers."""
    features: Floats
    """(N, ≤ 1024) inputs for simple models; (N, 0) where they have no common form."""
    nonfinite: Batch | None
    """The first batch that holds NaN or Inf."""
    rows: Rows | None
    """What each sample is; None where samples are random at each reading, or of a kind that cannot be compared."""
    is_one_hot: bool = False
    """Whether each target is a row of zeros with a single one."""

    @cached_property
    def classes(self) -> Floats | None:
        """The targets, (N,), if each is one number, or the class of each if they are one-hot."""
        return np.concatenate(self.by_batch) if self.is_one_hot else self.labels

    @cached_property
    def simple_models(self) -> SimpleModels:
        """How well simple models predict the labels of samples that they were not fitted on.

        Raises:
            MissingNeed: if scikit-learn is not installed, or there is nothing to fit.
        """
        labels = self.classes
        if labels is None or not self.features.shape[1]:
            raise MissingNeed("one number to predict for each sample, from inputs of one shape")
        are_classes = self.is_one_hot or bool(self.tally) or is_binary(labels)
        return fit_simple_models(self.features, labels, are_classes=are_classes)

    @cached_property
    def only_target(self) -> str:
        """What every target that was read is, ``0`` or ``[0, 1, 0]``; nothing where two of them differ.

        Of several numbers each, whole numbers are told, of which none was left out as padding.
        """
        if self.labels is not None and bool((self.labels == self.labels[0]).all()):
            return f"{self.labels[0]:g}"
        if self.tally is not None and len(self.tally) == 1:
            return str(next(iter(self.tally)))
        return next(iter(self.targets.values())).only(self.read) if len(self.targets) == 1 else ""


def is_binary(labels: Floats) -> bool:
    """Tell whether labels are all zero or one."""
    return bool(np.isin(labels, (0, 1)).all())


def scan(subject: Subject, loader: Any, limits: Limits) -> Scan:
    """Read a loader for at most 2,048 samples, 67 million values or one epoch, and say what was seen.

    A stream of one label so far is read for ten times as many, for it may be sorted.

    Only a loader that takes longer than twenty seconds for that is cut short by the clock.

    A long data set that the loader gives in a fixed order is read at random places; a batch that a list holds several
    times is read once. The loader, its data set and the random states are left unchanged.

    Raises:
        MissingNeed: if the loader cannot be read without disturbing it.
    """
    order = order_of(loader)
    scattered = order is not None and order.repeats and len(order.first) > _SAMPLES
    chosen = _scattered(loader, order) if scattered and order is not None else _without_repeats(loader)
    read = _read(subject, chosen, limits, is_stream=order is None)
    if order is None:
        rows = rows_of(
            read.digests, total=read.count if read.is_whole else None, are_own=isinstance(loader, list | tuple)
        )
    else:
        rows = stored_rows(subject, loader, order, limits, size=read.values // max(1, read.count))
    shuffled = order is not None and (scattered or not order.repeats)
    labels, is_one_hot = _joined(read.labels, read.count), _joined(read.hot, read.count) is not None
    return Scan(
        loader,
        read.count,
        read.batches,
        is_whole=read.is_whole and not scattered,
        is_fair=read.is_whole or shuffled,
        order=order,
        inputs=_columns(read.inputs),
        targets=_columns(read.targets),
        labels=labels,
        by_batch=tuple(read.hot if is_one_hot else read.labels if labels is not None else ()),
        tally=read.tally,
        features=_table(read),
        nonfinite=read.nonfinite,
        rows=rows,
        is_one_hot=is_one_hot,
    )


@dataclass(eq=False)
class _Reading:
    """What has been gathered so far."""

    hashed: bool
    count: int = 0
    values: int = 0
    batches: int = 0
    is_whole: bool = False
    inputs: dict[str, Gatherer] = field(default_factory=dict)
    targets: dict[str, Gatherer] = field(default_factory=dict)
    labels: list[Floats] = field(default_factory=list)
    hot: list[Floats] = field(default_factory=list)
    """The class of each sample of the batches whose targets are one-hot."""
    same: int = 0
    """Samples with a label that is one number, the same as the first one's."""
    tally: Counter[int] | None = field(default_factory=Counter)
    features: list[Floats] = field(default_factory=list)
    digests: list[tuple[Form, Digest]] = field(default_factory=list)
    nonfinite: Batch | None = None


def _read(subject: Subject, loader: Any, limits: Limits, *, is_stream: bool) -> _Reading:
    read = _Reading(hashed=is_stream)
    until = time.monotonic() + min(_SECONDS, limits.left / 5)
    with reading(subject, loader, limits) as batches:
        for batch in batches:
            if batch.epoch:
                read.is_whole = True
                break
            _take(read, batch)
            further = _FURTHER if is_stream and read.same == read.count else 1
            enough = read.count >= further * _SAMPLES or read.values >= further * _VALUES
            if enough or time.monotonic() > until:
                break
    with suppress(TypeError):  # a stream has no length
        read.is_whole |= read.batches == len(loader)
    return read


def _take(read: _Reading, batch: Batch) -> None:
    inputs, targets = parts_of(batch)
    read.batches += 1
    if not any(tensor.numel() for _, tensor in (*inputs, *targets)):
        return  # a collate function that drops samples may leave none
    strange = [*_gather(read.inputs, inputs, batch), *_gather(read.targets, targets, batch)]
    if read.nonfinite is None and any(map(_is_amiss, strange)):
        read.nonfinite = batch
    read.count += max(1, batch.size)
    read.values += sum(tensor.numel() for _, tensor in inputs)
    read.features.append(features_of(inputs, batch))
    if len(targets) == 1:
        _count(read, targets[0][1].detach().cpu(), batch)
    else:
        read.tally = None
    if read.hashed:
        read.digests += _digests(inputs, targets, batch)


def _gather(gatherers: dict[str, Gatherer], tensors: list[tuple[str, Tensor]], batch: Batch) -> Iterator[Gatherer]:
    """Take in each tensor, and give what gathers those with NaN or Inf in them."""
    for name, tensor in tensors:
        gatherer = gatherers.setdefault(name, Gatherer(name, batch.subject.padding_value))
        if gatherer.add(samples_first(tensor, batch), batch.indices):
            yield gatherer


def _is_amiss(gatherer: Gatherer) -> bool:
    """Whether values that are not finite are no mask's."""
    column = gatherer.column()
    return column is not None and not column.is_additive_mask


def _count(read: _Reading, target: Tensor, batch: Batch) -> None:
    if target.is_floating_point() or target.is_complex():
        read.tally = None
    elif read.tally is not None and len(read.tally) < _MOST_VALUES:
        values, counts = torch.unique(target, return_counts=True)
        read.tally.update({int(value): int(count) for value, count in zip(values, counts, strict=True)})
    if batch.size and target.numel() == batch.size and not target.is_complex():
        read.labels.append(target.reshape(-1).to(torch.float64).numpy())
        read.same += int((read.labels[-1] == read.labels[0][0]).sum())
    elif batch.size and target.dim() == 2 and len(target) == batch.size and not target.is_complex():
        hot = one_hot_classes(target.to(torch.float64).numpy())
        read.hot += [] if hot is None else [hot]


def _digests(
    inputs: list[tuple[str, Tensor]], targets: list[tuple[str, Tensor]], batch: Batch
) -> Iterator[tuple[Form, Digest]]:
    parts = [[samples_first(tensor, batch).cpu() for _, tensor in part] for part in (inputs, targets)]
    each = [[tensor for tensor in part if tensor.dim() and len(tensor) == batch.size] for part in parts]
    for number in range(batch.size):
        yield digest(*([tensor[number] for tensor in part] for part in each))


def _columns(gatherers: dict[str, Gatherer]) -> dict[str, Column]:
    made = {name: gatherer.column() for name, gatherer in gatherers.items()}
    return {name: column for name, column in made.items() if column is not None}


def _table(read: _Reading) -> Floats:
    alike = len({part.shape[1] for part in read.features}) == 1
    return np.concatenate(read.features) if alike else np.zeros((read.count, 0), np.float32)


def _joined(labels: list[Floats], count: int) -> Floats | None:
    found = np.concatenate(labels) if labels else np.zeros(0)
    return found if len(found) == count else None


def _scattered(loader: DataLoader[Any], order: Order) -> DataLoader[Any]:
    """Return a loader of samples drawn at random from those that a loader gives in a fixed order."""
    return picked(loader, np.random.default_rng(0).permutation(order.population)[:_SAMPLES], order.batch_size)


def picked(loader: DataLoader[Any], indices: Integers, batch_size: int) -> DataLoader[Any]:
    """Return a loader of some samples of another one's data set, put together as that one does."""
    groups = [part.tolist() for part in np.split(indices, range(batch_size, len(indices), batch_size))]
    return DataLoader(
        loader.dataset,
        batch_sampler=groups,
        collate_fn=loader.collate_fn,
        num_workers=min(1, loader.num_workers),
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
    )


def _without_repeats(loader: Any) -> Any:
    if not isinstance(loader, list | tuple):
        return loader
    return list({tuple(id(tensor) for _, tensor in tensors_in(batch, "")): batch for batch in loader}.values())
