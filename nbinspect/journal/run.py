"""A run that is being kept: its values, notes and end, written beside the training loop and never in its way."""

from __future__ import annotations

import math
import operator
import sqlite3
import threading
import time
import warnings
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias

from torch import Tensor

from nbinspect.errors import InputError
from nbinspect.journal.storage import END, NOTE, VALUE, JournalError, storable, writing
from nbinspect.subject import kind_of

_EVERY = 1.0
"""Seconds that values wait to be written together."""
_LARGEST = 2**63 - 1

Statement: TypeAlias = tuple[str, tuple[Any, ...]]


class Run:
    """A run of training that a journal keeps; `Journal.run` makes it.

    As a context manager it ends as ``finished``, as ``interrupted`` by an interrupt, or as ``failed`` with the
    exception as a note; exceptions go on. A run whose process ended first is read as ``killed``.
    """

    def __init__(self, file: Path, entry: int, name: str) -> None:
        self.id = entry
        """Its number in the journal: ``journal[run.id]``."""
        self.name = name
        self._file = file
        self._waiting: deque[Statement] = deque()
        self._taken: list[Statement] = []
        self._timer: threading.Timer | None = None
        self._writing = threading.Lock()
        self._problem: JournalError | None = None
        self._warned = False

    def log(self, step: int, loss: Any = None, **values: Any) -> None:
        """Keep the loss and other values of a step, each a number; a tensor of one value is waited for and read.

        Costs microseconds: values are written to the disk together, by a timer's thread, within a second. What was
        written stays, whatever happens to the process; a process that is killed loses at most the last second. If the
        file cannot be written (a full disk), it warns once, keeps the values in memory and tries again with later ones.

        Raises:
            InputError: for a step that is no integer, or a value that is no number.
        """
        number, now = _step(step), time.time()
        given = values if loss is None else {"loss": loss, **values}
        rows = [(VALUE, (self.id, now, number, storable(name), _number(name, v))) for name, v in given.items()]
        self._waiting.extend(rows)
        if self._timer is None:
            self._wait()
        if self._problem is not None:
            self._warn()

    def note(self, text: str) -> None:
        """Keep a sentence with the run, written at once."""
        self._waiting.append((NOTE, (self.id, time.time(), storable(text))))
        self._write_now()

    def finish(self, status: str = "finished") -> None:
        """End the run with a status in a word, and write what waits; a context manager does it by itself."""
        self._waiting.append((END, (storable(status), time.time(), self.id)))
        self._write_now()

    @property
    def unsaved(self) -> int:
        """How many values, notes and ends are in memory alone."""
        return len(self._taken) + len(self._waiting)

    def _wait(self) -> None:
        # no daemon: a process that ends in peace writes what waits
        timer = threading.Timer(_EVERY, self._write)
        timer.name = "nbinspect journal"
        self._timer = timer
        timer.start()

    def _write_now(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._write()
        if self._problem is not None:
            self._warn()

    def _write(self) -> None:
        """Write all that waits, in one transaction; what cannot be written goes on waiting, in order."""
        self._timer = None  # first: what is logged from here on is either taken below or starts another
        with self._writing:
            try:
                with writing(self._file) as db:
                    # one by one: an interrupt meanwhile loses none that was taken
                    self._taken.extend(self._waiting.popleft() for _ in range(len(self._waiting)))
                    _execute(db, self._taken)
            except BaseException as error:
                if not isinstance(error, JournalError | InputError):
                    raise
                self._problem = JournalError(str(error))
            else:
                self._taken, self._problem, self._warned = [], None, False

    def _warn(self) -> None:
        if not self._warned:
            self._warned = True
            text = (
                f"{self._problem}; run {self.id} goes on, and its values are kept in memory until they can be written"
            )
            warnings.warn(text, RuntimeWarning, stacklevel=3)

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
        elif isinstance(error, KeyboardInterrupt):
            self.finish("interrupted")
        else:
            self._waiting.append((NOTE, (self.id, time.time(), storable(f"{type(error).__name__}: {error}")[:2000])))
            self.finish("failed")

    def __repr__(self) -> str:
        return f"Run({self.id}, {self.name!r})"


def _execute(db: sqlite3.Connection, statements: list[Statement]) -> None:
    start = 0
    for place in range(1, len(statements) + 1):
        if place == len(statements) or statements[place][0] != statements[start][0]:
            db.executemany(statements[start][0], (row for _, row in statements[start:place]))
            start = place


def _step(step: Any) -> int:
    try:
        number = operator.index(step)
    except TypeError:
        raise InputError(f"step: expected an integer, got {kind_of(step)}") from None
    if not -_LARGEST <= number <= _LARGEST:
        raise InputError(f"step: expected an integer of 64 bits, got {number}")
    return number


def _number(name: str, value: Any) -> float | None:
    """Return a value as it is stored: NaN as None."""
    try:
        number = float(value.detach() if isinstance(value, Tensor) else value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        shape = f" of the shape {tuple(value.shape)}" if hasattr(value, "shape") else ""
        raise InputError(f"{name}: expected a number, got {kind_of(value)}{shape}") from None
    return None if math.isnan(number) else number
