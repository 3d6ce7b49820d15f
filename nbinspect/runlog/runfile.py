"""The file of one rank's log: one SQLite database that one process appends to while others read."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from nbinspect.errors import InputError, NbinspectError
from nbinspect.journal.process import is_gone
from nbinspect.revive import made
from nbinspect.wire import pack

Kind = TypeVar("Kind")

LARGEST_TEXT, LARGEST_DATA = 32 * 2**20, 512 * 2**20
"""Bytes of a row, unpacked; a larger one is neither written nor read."""
_APPLICATION = 0x6E626472
_PATIENCE = 10.0
"""Seconds that a writer waits for those who read."""
_TABLES = (
    """CREATE TABLE session (
        id INTEGER PRIMARY KEY, process TEXT NOT NULL, began REAL NOT NULL, beat REAL NOT NULL, ended REAL,
        status TEXT NOT NULL, steps INTEGER NOT NULL, seconds REAL NOT NULL, about TEXT NOT NULL)""",
    """CREATE TABLE news (
        serial INTEGER PRIMARY KEY AUTOINCREMENT, session INTEGER NOT NULL, at REAL NOT NULL,
        sizes TEXT NOT NULL, record BLOB NOT NULL, data BLOB NOT NULL)""",
    """CREATE TABLE look (
        session INTEGER NOT NULL, step INTEGER NOT NULL, losses INTEGER NOT NULL, loss REAL, samples TEXT NOT NULL,
        parameters BLOB NOT NULL, PRIMARY KEY (session, step))""",
)
_MEANS = {
    "database is locked": "another process holds it",
    "attempt to write a readonly database": "the file, or its folder, is read-only",
    "disk I/O error": "the disk refuses to write (disk I/O error): it may be full",
    "database or disk is full": "the disk is full",
    "unable to open database file": "it cannot be opened, or its folder not be written to",
    "file is not a database": "this file is no log of a run",
}


@dataclass(frozen=True)
class Session:
    """A process that wrote to the log, from the first to the last word of it."""

    id: int
    process: str
    began: float
    beat: float
    """The last sign of life; like the other times by its host's clock, in seconds since 1970."""
    ended: float | None
    status: str
    """``running``, or how it ended."""
    steps: int
    """Steps reached by then, those of the sessions before counted."""
    seconds: float
    about: str
    """JSON."""

    @property
    def gone(self) -> bool:
        """Whether the process has ended, where that can be told from here."""
        try:
            return is_gone(self.process)
        except (ValueError, OverflowError):  # the row may come from anywhere
            return False


class LogError(NbinspectError):
    """The log of a run cannot be read or written."""


class BusyError(LogError):
    """The log of a run is held by another process just now."""


def file_of(folder: Path, rank: int) -> Path:
    """Return the file of a rank in the folder of a run."""
    return folder / f"rank-{rank}.sqlite"


@contextmanager
def writing(file: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection for one transaction; a file that is not there is made, its folder is not.

    On leaving, the rows are with the operating system and survive the process; on an exception none is written.

    Raises:
        LogError: if the folder is gone, the file is another program's or held for long, or the disk is full.
    """
    # a connection for each: none is carried into a forked worker, and none writes to a file that was deleted
    with _told(file), closing(_connected(file, "rwc", _PATIENCE)) as db:
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("BEGIN IMMEDIATE")
        if not db.execute("SELECT 1 FROM sqlite_master").fetchone():
            for statement in _TABLES:
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {_APPLICATION}")
        _check(file, db)
        yield db
        db.execute("COMMIT")


@contextmanager
def reading(file: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection that sees one state of the file; the writer waits meanwhile, so hold it for milliseconds.

    Raises:
        BusyError: if the writer holds the file just now.
        LogError: if the file is gone, unreadable, or no log of a run.
    """
    with _told(file), closing(_readable(file)) as db:
        db.execute("BEGIN")
        if not db.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise BusyError(f"log {file}: it is being made")
        _check(file, db)
        yield db


def _readable(file: Path) -> sqlite3.Connection:
    db = _connected(file, "ro", 1.0)
    try:
        db.execute("SELECT 1 FROM sqlite_master").fetchone()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        db.close()
        if "readonly" not in str(error):
            raise
        # its writer was killed within a transaction: the first who may write undoes that
        return _connected(file, "rw", 1.0)
    return db


def _connected(file: Path, mode: str, patience: float) -> sqlite3.Connection:
    db = sqlite3.connect(f"{file.as_uri()}?mode={mode}", uri=True, timeout=patience, isolation_level=None)
    db.text_factory = lambda text: text.decode("utf-8", "replace")
    db.execute("PRAGMA trusted_schema = OFF")
    return db


def _check(file: Path, db: sqlite3.Connection) -> None:
    """Refuse all but our own tables: a view or a trigger of that name could do anything."""
    found = {sql for (sql,) in db.execute("SELECT sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")}
    if db.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
        raise InputError(f"{file}: this database is no log of a run; give another path")
    if found != set(_TABLES):
        raise InputError(f"{file}: the log of another version of nbinspect, or damaged")


@contextmanager
def _told(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        said = str(error) or "it is damaged"  # in Python 3.10 names that are no text come without a word
        reason = _MEANS.get(said, said) if file.exists() else "there is no such file, or no such folder"
        kind = BusyError if "locked" in said else LogError
        raise kind(f"log {file}: {reason}") from error
    except UnicodeDecodeError as error:  # of SQLite's message, which quotes the bytes of a damaged file
        raise LogError(f"log {file}: it is damaged") from error


def sessions_in(db: sqlite3.Connection) -> list[Session]:
    """Return those who wrote to the log, the first one first.

    Raises:
        InputError: for rows of another form.
    """
    names = [field.name for field in fields(Session)]
    rows = db.execute(f"SELECT {', '.join(names)} FROM session ORDER BY id").fetchall()
    return [made(Session, dict(zip(names, row, strict=True))) for row in rows]


def encoded(record: Any) -> tuple[str, bytes, bytes]:
    """Return the sizes of a record's arrays as JSON, and the packed record and the arrays' bytes, each compressed.

    Raises:
        LogError: for a record that is larger than a row may be.
    """
    buffers: list[memoryview] = []
    text = json.dumps(pack(record, buffers), allow_nan=False, separators=(",", ":")).encode("ascii")
    data = b"".join(buffers)
    if len(text) > LARGEST_TEXT or len(data) > LARGEST_DATA:
        raise LogError(f"a record of {(len(text) + len(data)) / 2**20:.0f} MiB is too large for the log")
    return json.dumps([part.nbytes for part in buffers]), zlib.compress(text, 1), zlib.compress(data, 1)


def decoded(kind: type[Kind], sizes: str, text: bytes, data: bytes) -> Kind:
    """Return what `encoded` was given; the row may come from anywhere, and is checked.

    Raises:
        InputError: for a row of any other form.
    """
    try:
        lengths, packed = json.loads(sizes), json.loads(_inflated(text, LARGEST_TEXT))
        whole = memoryview(_inflated(data, LARGEST_DATA))
        if not all(type(length) is int and length >= 0 for length in lengths) or sum(lengths) != len(whole):
            raise InputError(f"arrays of {lengths!r:.80} bytes in {len(whole)} bytes")
        buffers = []
        for length in lengths:
            buffers.append(whole[:length])
            whole = whole[length:]
        found: Kind = made(kind, packed, buffers)
    except (TypeError, ValueError, zlib.error, RecursionError) as error:
        raise InputError(f"a row of the log is damaged ({type(error).__name__}: {str(error)[:200]})") from error
    return found


def _inflated(data: bytes, most: int) -> bytes:
    unpacking = zlib.decompressobj()
    found = unpacking.decompress(data, most)
    if not unpacking.eof:
        raise InputError(f"cut off, or larger than {most} bytes")
    return found
