"""A data set scanned: columns, hashes and features of all that a loader gives."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np
from torch import nn
from torch.utils.data import Subset

from nbinspect.data.loading.plan import may_go_on
from nbinspect.data.loading.reading import Read, Reader
from nbinspect.data.scanning.describing import Describing, told_of
from nbinspect.data.scanning.gathering import TEXTS, Gathered, Gathering
from nbinspect.data.scanning.look import Layout, look_at
from nbinspect.errors import InputError, LoaderError
from nbinspect.interrupts import undivided
from nbinspect.records import Column, DatasetRecord, SampleFailure
from nbinspect.subject import Subject, kind_of, make_subject

Split: TypeAlias = Literal["train", "validation"]

_FAILURES = 100
_STREAM = 1_000_000
"""Samples of a stream that tells no length, where no limit was given."""
_TOLD_EVERY = 0.2


@dataclass(frozen=True)
class Progress:
    """How far a scan is."""

    done: int
    """Samples, unreadable ones too."""
    total: int | None
    seconds: float
    left: float | None
    """Seconds that it will still take; None where that is unknown."""


class Scan:
    """Goes over a loader once and describes each sample; `for progress in scan` drives it.

    What was scanned stands in `record` at any time, also after `cancel`, an interrupt or an error. The loader, its
    data set and the random states are left unchanged. Source: K-look, D-look.

    Raises:
        InputError: where the subject has no loader of this split, or for a limit below 1.
        LoaderError: for a loader that is empty or cannot be read without disturbing it.
    """

    def __init__(self, subject: Subject, split: Split = "train", *, limit: int | None = None) -> None:
        self._loader = subject.loader if split == "train" else subject.val_loader
        if self._loader is None:
            raise InputError(f"there is no loader of the {split} split: give {_ARGUMENTS[split]}")
        self._subject = subject
        self._split: Split = split
        self._limit = limit
        self._layout: Layout | None = None
        self._gathering: Gathering | None = None
        self._failures: list[SampleFailure] = []
        self._failed = 0
        self._seconds = 0.0
        self._cancelled = self._ended = False
        self._notes: list[str] = []
        with self._named():
            # checks the loader, and knows what there is; the look before may still tell what to ask of it
            self._plan = Reader(subject, self._loader, limit=limit).plan
        self._most = _STREAM if limit is None and may_go_on(self._loader, self._plan) else None

    def cancel(self) -> None:
        """Stop after the batch that is being read; what was scanned stands."""
        self._cancelled = True

    def __iter__(self) -> Iterator[Progress]:
        """Scan, a batch at each `next`; may be asked for once."""
        with self._named():
            yield from self._scanned()

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Say of an error of the validation loader whose it is."""
        try:
            yield
        except LoaderError as error:
            if self._split == "train":
                raise
            raise type(error)(f"val_loader: {error}") from error

    def _scanned(self) -> Iterator[Progress]:
        began = time.monotonic()
        yield self._progress()
        layout = look_at(self._subject, self._loader, self._plan) or Layout((), "", "", "values", random=False)
        self._layout = layout
        plain = _describing_parts(self._subject)
        self._gathering = Gathering(layout, self._subject)
        work = Describing(layout, plain)
        tap = partial(told_of, signed=layout.random)
        with closing(Reader(self._subject, self._loader, work=work, tap=tap, limit=self._limit)) as reader:
            for read in reader:
                if self._most is not None and self._done >= self._most:
                    self._notes.append(_GOES_ON.format(self._done))
                    return
                with undivided():  # a batch of which only some columns were taken in would be no rows
                    self._take(read, self._gathering)
                self._seconds = time.monotonic() - began
                yield self._progress()
                if self._cancelled:
                    return
        self._ended = True

    def _take(self, read: Read, gathering: Gathering) -> None:
        if len(read.indices):
            gathering.add(read.value, read.indices)
        if read.note and read.note not in self._notes:
            self._notes.append(read.note)
        self._failed += len(read.failures)
        self._failures += read.failures[: _FAILURES - len(self._failures)]

    def _progress(self) -> Progress:
        done, total = self._done, self._plan.total
        left = self._seconds / done * max(0, total - done) if done and total is not None else None
        return Progress(done, total, self._seconds, left)

    @property
    def _done(self) -> int:
        return self._failed + (self._gathering.rows if self._gathering is not None else 0)

    @property
    def record(self) -> DatasetRecord:
        """The record of what was scanned so far, without findings."""
        found = self._gathering.gathered() if self._gathering is not None else _NOTHING
        layout = self._layout
        population = self._plan.population if self._plan.population is not None else self._done if self._ended else None
        return DatasetRecord(
            _name(self._loader),
            self._split,
            population,
            self._ended and (population is None or self._done >= population),
            self._seconds,
            layout.form if layout is not None else "values",
            found.label_kind,
            found.columns,
            found.features,
            self._failed,
            tuple(self._failures),
            notes=(*self._sayings(layout), *found.notes),
            **found.arrays,
        )

    def _sayings(self, layout: Layout | None) -> Iterator[str]:
        """Give what a reader should know of how the samples were read."""
        plan, done = self._plan, self._done
        if plan.total is not None and plan.population is not None and plan.total < plan.population:
            how = "the first" if plan.counted else "drawn at random, always the same"
            yield f"{plan.total:,} of {plan.population:,} samples were to be scanned, {how}"
        if not self._ended and done and (self._most is None or done < self._most):
            yield f"the scan was stopped after {done:,} sample{'' if done == 1 else 's'}"
        if plan.counted:
            yield "the loader tells no indices: samples are counted in the order of reading"
        yield from self._notes
        if layout is not None and layout.beside:
            others = ", ".join(layout.beside)
            yield f"of the inputs {layout.main} is described; {others} only count where samples are compared"
        if done > TEXTS and layout is not None and layout.form == "text":
            yield f"texts are kept of the first {TEXTS:,} samples"


def scan(
    loader: Any,
    *,
    val_loader: Any = None,
    limit: int | None = None,
    progress: bool | Callable[[Progress], object] = True,
    **options: Any,
) -> DatasetRecord:
    """Scan a loader and tell what is odd in its data set; an interrupt leaves what was scanned so far.

    Args:
        loader: any iterable of batches; it, its data set and the random states are left unchanged.
        val_loader: the validation split, to be compared with it.
        limit: the most samples of each to scan, drawn at random, of a stream the first; None for all, of a stream
            that tells no length for a million.
        progress: whether to print one line that tells how far it is, or a function of a `Progress`; returning False
            cancels.
        **options: as `Inspector` takes them: ``split``, ``class_names``, ``feature_names``, ``tokenizer``, …

    Raises:
        InputError: for arguments that cannot be used.
        LoaderError: for a loader that is empty or cannot be read.

    Source: K-look, D-look.
    """
    from nbinspect.data.findings.find import find

    if not isinstance(progress, bool) and not callable(progress):
        raise InputError(f"progress: expected True, False or a function of a Progress, got {kind_of(progress)}")
    subject = make_subject(nn.Identity(), loader, val_loader=val_loader, **options)
    other = None if val_loader is None else Scan(subject, "validation", limit=limit)
    told = progress if callable(progress) else _Line() if progress else (lambda _: None)
    own = scanned(Scan(subject, limit=limit), told)
    return find(own, None if other is None else scanned(other, told))


def scanned(scan: Scan, told: Callable[[Progress], object]) -> DatasetRecord:
    """Run a scan to its end, or to an interrupt, and return its record; `told` that returns False cancels."""
    try:
        for step in scan:
            if told(step) is False:
                scan.cancel()
    except KeyboardInterrupt:
        scan.cancel()
    return scan.record


class _Line:
    """Prints progress on one line."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        ended = progress.done == progress.total
        if progress.done and (ended or now - self._last > _TOLD_EVERY):
            self._last = now
            of = "" if progress.total is None else f" of {progress.total:,}"
            left = "" if progress.left is None or ended else f", {progress.left:.0f} s left"
            line = f"scanned {progress.done:,}{of} samples in {progress.seconds:.1f} s{left}"
            sys.stderr.write(f"\r{line:<78}" + ("\n" if ended else ""))
            sys.stderr.flush()


_GOES_ON = (
    "the loader is a stream that tells no length, and it goes on: the scan ended after {:,} samples; give limit= to "
    "have more or fewer of them scanned"
)
_ARGUMENTS = {"train": "a loader", "validation": "val_loader="}
_NOTHING = Gathered((Column("index", "index", np.zeros(0, np.int64), "sample"),), "", (), (), {})


def _describing_parts(subject: Subject) -> Subject:
    """Return what of a subject describes batches, and can travel to a worker."""
    used = ("split", "class_names", "feature_names", "tokenizer", "vocabulary", "sample_rate", "padding_value", "task")
    return Subject(nn.Identity(), batch_axis=subject.batch_axis, **{name: getattr(subject, name) for name in used})


def _name(loader: Any) -> str:
    """Return the class of the data set, inside of subsets, or of the loader that has none."""
    dataset = getattr(loader, "dataset", loader)
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    return type(dataset).__name__
