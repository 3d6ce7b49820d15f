"""A whole data set predicted, sample by sample, without a trace on the network."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import numpy as np

from nbinspect.data.loading.reading import Read, Reader
from nbinspect.data.network.feature_space import Features
from nbinspect.data.network.model_columns import ModelColumns
from nbinspect.data.network.outputs import Outputs
from nbinspect.data.network.units import Scale, checked_scale
from nbinspect.data.scanning.samples import loader_of
from nbinspect.data.scanning.scan import Progress
from nbinspect.decode.names import Names
from nbinspect.errors import CaptureError
from nbinspect.evaluation.samples import picked, size_of
from nbinspect.records import Column, DatasetRecord
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


class Predicting:
    """Predicts the samples of a record as it is iterated; what was predicted so far stands, however it ends.

    Each sample is read once, as the network gets it in training, and run in eval mode without gradients. The network,
    its loss, the loader and the random states are left unchanged. Source: S-output-histogram, K-wrong-predictions.

    Raises:
        InputError: for a `target_scale` that is none.
        LoaderError: if there is no loader, or it cannot be read.
        CaptureError: while iterating, if the forward raises: with the user's file and line.
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
        self._reader = Reader(subject, loader_of(subject, split))
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
                    return
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
        return Predicted(self._columns.columns(), features, int(done.sum()), bool(done.all()))

    def _looked_at(self) -> Iterator[Read]:
        """Give all reads, after a first look at the first of them."""
        first: list[Read] = []
        count = 0
        for read in self._reader:
            first.append(read)
            count += len(read.indices)
            if count >= _LOOKED_AT or len(first) >= _LOOKED_AT:
                break
        batches = [read.value for read in first if len(read.indices)]
        if batches:
            self._outputs.look(batches)
        yield from chain(first, self._reader)

    def _predict(self, read: Read) -> None:
        if not len(read.indices) or self._indices is None:
            return
        known = self._indices.values
        rows = np.minimum(np.searchsorted(known, read.indices), len(known) - 1)
        kept = known[rows] == read.indices
        if not kept.any():
            return
        value = read.value
        if not kept.all():  # samples that the scan could not read, or did not come to
            size = size_of(self._subject, value)
            value = picked(value, np.flatnonzero(kept).tolist(), size, self._subject.batch_axis)
        try:
            seen = self._outputs.read(value, int(kept.sum()))
        except CaptureError as error:
            first, last = read.indices[[0, -1]].tolist()
            raise CaptureError(f"predicting stopped at samples {first:,} to {last:,}: {error}") from error
        self._columns.add(rows[kept], seen)


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
