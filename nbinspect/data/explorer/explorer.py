"""A subject's data sets, to be scanned, searched, sorted, selected and marked; without a page."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from nbinspect.data.explorer.marks import mark_code
from nbinspect.data.explorer.split_view import SplitView
from nbinspect.data.loading.plan import checked_limit
from nbinspect.data.scanning.samples import MOST, Preview, loader_of, preview, with_model_columns
from nbinspect.data.table.spreadsheet import to_csv
from nbinspect.errors import InputError, NbinspectError, reason_of
from nbinspect.records import DatasetRecord
from nbinspect.records.arrays import Integers
from nbinspect.subject import Subject
from nbinspect.whole_files import write_whole

if TYPE_CHECKING:
    import pandas as pd
    from torch.utils.data import Dataset, Subset

    from nbinspect.data.network.feature_space import Features
    from nbinspect.data.scanning.scan import Scan

Split = Literal["train", "validation"]

_EVERY = 1.0
"""Seconds between two looks at what was scanned so far, at least; and ten times what a look takes."""


@dataclass(frozen=True)
class Doing:
    """How far a piece of work has come."""

    work: str
    """``scan``, ``predict``, …"""
    text: str
    done: float | None = None
    """Share, 0…1; None where the end is unknown."""
    left: float | None = None
    """Seconds."""


class Explorer:
    """The training and the validation data of a subject, each as a `SplitView`; the subject is left unchanged.

    Args:
        subject: what is inspected; its loaders are read.
        limit: the most samples of a split to scan; None for all, of a stream that tells no length for a million.

    Raises:
        InputError: for a limit that is no whole number from 1.
        LoaderError: if there is no loader.
    """

    def __init__(self, subject: Subject, *, limit: int | None = None) -> None:
        loader_of(subject, "train")
        checked_limit(limit)
        self.subject = subject
        self.splits: tuple[Split, ...] = ("train",) if subject.val_loader is None else ("train", "validation")
        self.split: Split = "train"
        self.views: dict[Split, SplitView] = {}
        self.features: dict[Split, Features] = {}
        """What enters the network's last layer, once it has predicted."""
        self.no_features: dict[Split, str] = {}
        """Why there are none, of a split that was predicted; empty where there are some."""
        self.target_scale: Any = None
        """Mean and standard deviation that the targets were scaled with, as given for the last prediction."""
        self.serial = 0
        """Counts the records that were taken, so that a watcher knows of a new one."""
        self.lost_marks = 0
        """Marks that fell away in the last scan, for their samples hold something else now."""
        self.lock = threading.RLock()
        """Held while what is shown changes: it may be asked for on another thread than the one that scans."""
        self._limit = limit
        self._cancelled = threading.Event()

    @property
    def view(self) -> SplitView:
        """The split that is looked at.

        Raises:
            NbinspectError: before anything of it was scanned.
        """
        return self._view_of(self.split)

    @property
    def other(self) -> SplitView | None:
        """The split that is not looked at; None where nothing of it was scanned."""
        return next((view for split, view in self.views.items() if split != self.split), None)

    def scan(self, told: Callable[[Doing], object] = lambda _: None) -> DatasetRecord:
        """Scan every split and return the record of the one that is looked at; an interrupt leaves what was scanned."""
        for doing in self.scanning():
            told(doing)
        return self.view.record

    def scanning(self) -> Generator[Doing, None, None]:
        """Scan every split, a step at each `next`; closed or interrupted on the way, what was scanned stands.

        Of a split that was scanned before, the record with more samples stands then.
        """
        from nbinspect.data.scanning.scan import Scan

        self.begin()
        self.lost_marks = 0
        try:
            for split in self.splits:
                if not self._cancelled.is_set():
                    yield from self._scanning(split, Scan(self.subject, split, limit=self._limit))
            yield Doing("scan", "looks for what is odd in it")
        except GeneratorExit:  # nobody waits for findings
            raise
        except BaseException:
            self._find()
            raise
        self._find()

    def begin(self) -> None:
        """Begin a piece of work: an earlier cancel is over."""
        self._cancelled.clear()

    def cancel(self) -> None:
        """Have the work that is under way come to an end; what it has found stands."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether the work under way is to end."""
        return self._cancelled.is_set()

    def take(self, split: Split, record: DatasetRecord) -> None:
        """Look at a later record of a split; marks and selection stay with their samples."""
        with self.lock:
            if split in self.views:
                self.lost_marks += self.views[split].take(record)
            else:
                self.views[split] = SplitView(record)
            self.serial += 1

    def switch(self, split: Split) -> None:
        """Look at the other split.

        Raises:
            LoaderError: if there is no loader for it.
            NbinspectError: if nothing of it was scanned.
        """
        loader_of(self.subject, split)
        self._view_of(split)
        self.split = split

    def preview(self, rows: Any, split: Split | None = None) -> tuple[Preview, Integers]:
        """Fetch these rows, 64 at most, of the split that is looked at or another, and return which the batch is of.

        Raises:
            LoaderError: for a stream, of which no sample can be fetched again.
            InputError: for too many rows, or one that there is not.
        """
        own = split or self.split
        view = self._view_of(own)
        view.rows_checked(rows)
        chosen = np.array([*dict.fromkeys(np.ravel(rows).tolist())], dtype=np.int64)
        if len(chosen) > MOST:
            raise InputError(f"rows: expected {MOST} at most, got {len(chosen)}")
        found = preview(self.subject, own, view.record.columns[0].values[chosen].tolist())
        shown = view.rows_of(found.indices)
        if found.batch is None:
            return found, shown
        batch = with_model_columns(found.batch, view.record, shown)
        return Preview(batch, found.indices, found.errors), shown

    def frame(self, rows: Integers | None = None) -> pd.DataFrame:
        """Return all columns and the marks, of these rows or all, with the data set's index as index."""
        frame = self.view.frame()
        found: pd.DataFrame = (frame if rows is None else frame.iloc[rows]).set_index("index")
        return found

    def indices(self, *, without: str | Sequence[str] | None = "excluded") -> list[int]:
        """Return the data set's indices of the samples that were scanned and are not marked so, ascending.

        Raises:
            InputError: for a mark that there is not.
        """
        view = self.view
        marks = [without] if isinstance(without, str) else list(without or [])
        kept = ~np.isin(view.marked, [mark_code(mark) for mark in marks])
        found: list[int] = np.sort(view.record.columns[0].values[kept]).tolist()
        return found

    def subset(self, *, without: str | Sequence[str] | None = "excluded") -> Subset[Any]:
        """Return the loader's data set without the samples that are marked so, and without unreadable ones.

        Raises:
            InputError: for a mark that there is not.
            NbinspectError: for a stream, or where only a part was scanned.
        """
        from torch.utils.data import IterableDataset, Subset

        dataset = getattr(loader_of(self.subject, self.split), "dataset", None)
        record = self.view.record
        if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__getitem__"):
            raise NbinspectError(
                f"{record.name} gives its samples in a stream, and no subset can be taken of it: "
                f"skip the numbers that are not in indices() as you read it"
            )
        if not record.complete:
            total = "" if record.total is None else f" of {record.total:,}"
            raise NbinspectError(
                f"only {record.rows:,}{total} samples were scanned, and a subset would leave out all others: scan() "
                f"all of them, or take Subset(dataset, explorer.indices()) for those that were scanned"
            )
        subset: Subset[Any] = Subset(cast("Dataset[Any]", dataset), self.indices(without=without))
        return subset

    def csv(self, path: str | Path | None = None, most: int | None = None) -> str:
        """Return the rows that are shown as CSV, in their order; or write them to a file, and return its path.

        Words that a spreadsheet would run as a formula have an apostrophe before them; `to_frame` has them as they are.

        Raises:
            InputError: for what is no path.
            NbinspectError: if the file cannot be written.
        """
        if path is not None and not isinstance(path, str | Path):
            raise InputError(f"path: expected the path of a file to write, got {path!r}")
        text = to_csv(self.view.frame().iloc[self.view.shown.rows[:most]])
        if path is None:
            return text
        try:
            write_whole(path, text)
        except (OSError, ValueError) as error:
            raise NbinspectError(f"{path} cannot be written: {error}") from error
        return str(path)

    def _view_of(self, split: Split) -> SplitView:
        if split not in self.views:
            raise NbinspectError(f"nothing of the {split} data was scanned yet: call scan() first")
        return self.views[split]

    def _scanning(self, split: Split, scan: Scan) -> Iterator[Doing]:
        """Scan a split; a first scan is looked at as it goes, a later one when it has ended."""
        before = self.views[split].record if split in self.views else None
        looked, pause, ended, why = time.monotonic(), _EVERY, False, ""
        try:
            for progress in scan:
                if self.cancelled:
                    scan.cancel()
                elif before is None and time.monotonic() - looked >= pause:
                    began = time.monotonic()
                    self.take(split, replace(scan.record, notes=()))  # they speak of a scan that has ended
                    looked = time.monotonic()
                    pause = max(_EVERY, 10 * (looked - began))
                total = progress.total
                words = f"scans the {split} data, {progress.done:,}" + (f" of {total:,}" if total else "")
                yield Doing("scan", words, progress.done / total if total else None, progress.left)
            ended = not self.cancelled
        except KeyboardInterrupt:
            why = "the scan was interrupted: what was scanned stands, and scan() begins anew"
            raise
        except Exception as error:
            why = f"the scan ended with an error: {reason_of(error)}"
            raise
        finally:
            scan.cancel()
            record = scan.record
            record = replace(record, notes=(*record.notes, *([why] if why else [])))
            if before is None or ended or record.rows >= before.rows:
                self.take(split, record)

    def _find(self) -> None:
        """Work out what is odd in what was scanned."""
        from nbinspect.data.findings.find import find

        records = {split: view.record for split, view in self.views.items()}
        for split, record in records.items():
            other = next((each for own, each in records.items() if own != split and each.rows), None)
            self.take(split, find(record, other))
