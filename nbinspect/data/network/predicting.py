"""A whole data set predicted, sample by sample, without a trace on the network."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

import numpy as np
from torch import Tensor
from torch.utils.data import DataLoader

from nbinspect.capture.loader import only_indexes
from nbinspect.data.findings.found import samples
from nbinspect.data.loading.reading import Read, Reader
from nbinspect.data.network.counting import Counted
from nbinspect.data.network.feature_space import Features
from nbinspect.data.network.model_columns import ModelColumns
from nbinspect.data.network.outputs import Outputs
from nbinspect.data.network.units import Scale, checked_scale
from nbinspect.data.scanning.samples import loader_of
from nbinspect.data.scanning.scan import Progress
from nbinspect.decode.names import Names
from nbinspect.errors import CaptureError
from nbinspect.evaluation.samples import picked
from nbinspect.records import Column, DatasetRecord, SampleFailure
from nbinspect.subject import Subject

Split = Literal["train", "validation"]

_LOOKED_AT = 64
"""Samples, and batches, that the first look takes at most: of one sample alone little can be told."""


@dataclass(frozen=True, eq=False)
class Predicted:
    """What the network makes of the samples of a record."""

    columns: tuple[Column, ...]
    """``prediction``, ``confidence``, ``margin``, ``loss``, ``correct``, ``error``, as far as they apply, (N,) each."""
    features: Features | None
    """What enters the last layer; None where that cannot be told."""
    samples: int
    complete: bool
    """Whether every row of the record was predicted."""
    notes: tuple[str, ...] = ()
    """What a reader should know: samples that could not be read, or that the loss refuses."""
    no_features: str = ""
    """Why there are no features, in words; empty where there are some."""


class Predicting:
    """Predicts the samples of a record as it is iterated; what was predicted so far stands, however it ends.

    Each sample is read once, as the network gets it in training, and run in eval mode without gradients. The network,
    its loss, the loader and the random states are left unchanged. Source: S-output-histogram, K-wrong-predictions.

    Raises:
        InputError: for a `target_scale` that is none.
        LoaderError: if there is no loader, or it cannot be read.
        CaptureError: while iterating, if the forward raises: with the user's file and line; if what it returns does not
            tell samples apart, or none of them can be read.
    """

    def __init__(
        self, subject: Subject, split: Split, record: DatasetRecord, *, target_scale: Scale | None = None
    ) -> None:
        """Prepare; nothing is run.

        Args:
            subject: the live objects.
            split: of which the record is.
            record: as a scan gave it, complete or not; its columns are left unchanged.
            target_scale: mean and standard deviation that the targets were scaled with, so that errors are told in
                original units.
        """
        self._subject, self._indices = subject, record.column("index")
        self._columns = ModelColumns(record, Names.of(subject.class_names), checked_scale(target_scale))
        self._outputs = Outputs(subject)
        loader = loader_of(subject, split)
        # rows of plain tensors are in step with their indices, and with no work of ours they come as copies
        plain = isinstance(loader, DataLoader) and only_indexes(loader)
        self._reader = Reader(subject, loader, work=None if plain else Counted.of(subject))
        self._failed = 0
        self._failure: SampleFailure | None = None
        self._cancelled = False

    def __iter__(self) -> Iterator[Progress]:
        """Predict batch after batch."""
        began, total = time.monotonic(), len(self._columns.done)
        if not total or self._indices is None:
            return
        last = int(self._indices.values[-1])
        try:
            for read in self._looked_at():
                if self._cancelled:
                    return
                self._predict(read)
                done, seconds = int(self._columns.done.sum()), time.monotonic() - began
                yield Progress(done, total, seconds, seconds * (total - done) / done if done else None)
                if len(read.indices) and int(read.indices[-1]) >= last:
                    break
            if self._failure is not None and not self._columns.done.any():
                raise CaptureError(f"none of the samples can be read: {self._failure.error}")
        finally:
            self._reader.close()

    def cancel(self) -> None:
        """Stop before the next batch."""
        self._cancelled = True

    @property
    def result(self) -> Predicted:
        """What was predicted so far."""
        done = self._columns.done
        features = self._columns.features(self._outputs.features)
        why = "" if features is not None else self._outputs.no_features
        return Predicted(self._columns.columns(), features, int(done.sum()), bool(done.all()), self._notes(), why)

    def _notes(self) -> tuple[str, ...]:
        said = self._columns.notes()
        if self._outputs.refusal:
            said = (*said, f"There are no losses: the loss raised {self._outputs.refusal}.")
        if self._failure is not None:
            first = self._failure
            said = (
                *said,
                f"{samples(self._failed)} could not be read, the first at index {first.index:,}: {first.error}.",
            )
        return said

    def _looked_at(self) -> Iterator[Read]:
        """Give all reads, after a first look at the first of them."""
        first: list[Read] = []
        count = 0
        for read in self._reader:
            first.append(read)
            count += len(read.indices)
            if count >= _LOOKED_AT or len(first) >= _LOOKED_AT:
                break
        some = [read for read in first if len(read.indices)]
        if some:
            self._outputs.look([read.value for read in some], [len(read.indices) for read in some])
        yield from chain(first, self._reader)

    def _predict(self, read: Read) -> None:
        self._failed += len(read.failures)
        self._failure = self._failure or next(iter(read.failures), None)
        if not len(read.indices) or self._indices is None:
            return
        known = self._indices.values
        rows = np.minimum(np.searchsorted(known, read.indices), len(known) - 1)
        kept = known[rows] == read.indices
        if not kept.any():
            return
        value = read.value
        if not kept.all() and _is_plain(value, len(kept)):  # samples that the scan did not come to cost no forward
            value = picked(value, np.flatnonzero(kept).tolist(), len(kept), self._subject.batch_axis)
            rows, kept = rows[kept], np.ones(int(kept.sum()), np.bool_)
        try:
            seen = self._outputs.read(value, len(kept))
        except CaptureError as error:
            first, last = read.indices[[0, -1]].tolist()
            raise CaptureError(f"predicting stopped at samples {first:,} to {last:,}: {error}") from error
        self._columns.add(rows, seen, kept)


def _is_plain(batch: Any, size: int) -> bool:
    """Whether a batch is tensors with a row for each sample and nothing else."""
    parts = batch if isinstance(batch, list | tuple) else [batch]
    return all(isinstance(part, Tensor) and part.dim() > 0 and len(part) == size for part in parts)


def predict(
    subject: Subject,
    split: Split,
    record: DatasetRecord,
    *,
    target_scale: Scale | None = None,
    progress: Callable[[Progress], object] | None = None,
) -> tuple[Column, ...]:
    """Return what the network makes of each sample of a record, as columns; all is left unchanged.

    Raises:
        InputError, LoaderError, CaptureError: as `Predicting`.
    """
    predicting = Predicting(subject, split, record, target_scale=target_scale)
    for each in predicting:
        if progress is not None:
            progress(each)
    return predicting.result.columns
