"""The file of a journal: one SQLite database that several processes write to, opened anew for each transaction."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from nbinspect.errors import InputError, NbinspectError
from nbinspect.journal.process import this_process

VERSION = 1
"""Of the tables; another one is refused."""
_APPLICATION = 0x6E62696E
_MAGIC = b"SQLite format 3\x00"
_PATIENCE = 10.0
"""Seconds to wait while another process writes."""
_TABLES = (
    """CREATE TABLE entry (
        id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL,
        began REAL NOT NULL, ended REAL, process TEXT NOT NULL, configuration TEXT NOT NULL,
        checks TEXT NOT NULL, report TEXT)""",
    """CREATE TABLE value (
        id INTEGER PRIMARY KEY, entry INTEGER NOT NULL REFERENCES entry, at REAL NOT NULL, step INTEGER NOT NULL,
        name TEXT NOT NULL, value REAL)""",
    "CREATE INDEX value_of_entry ON value (entry, name)",
    """CREATE TABLE note (
        id INTEGER PRIMARY KEY, entry INTEGER NOT NULL REFERENCES entry, at REAL NOT NULL, text TEXT NOT NULL)""",
    "CREATE INDEX note_of_entry ON note (entry)",
)
_OURS = r"""SELECT sql FROM sqlite_master
    WHERE tbl_name COLLATE NOCASE IN ('entry', 'value', 'note') AND name NOT LIKE 'sqlite\_%' ESCAPE '\'"""
"""A view or a trigger of such a name could do anything."""
VALUE = "INSERT INTO value (entry, at, step, name, value) VALUES (?, ?, ?, ?, ?)"
"""A value of NaN is stored as NULL, for SQLite has no other."""
NOTE = "INSERT INTO note (entry, at, text) VALUES (?, ?, ?)"
END = "UPDATE entry SET status = ?, ended = ? WHERE id = ?"
_MEANS = {
    "database is locked": f"another process has been writing to it for {_PATIENCE:.0f} s",
    "attempt to write a readonly database": "the file, or its folder, is read-only",
    "disk I/O error": "the disk refuses to write (disk I/O error): it may be full",
}
_ENTRY = """INSERT INTO entry (kind, name, status, began, ended, process, configuration, checks, report)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""


class JournalError(NbinspectError):
    """The file of a journal cannot be read or written."""


def prepared(path: str | Path) -> Path:
    """Return the absolute path of a journal, which is made if there is no such file, or an empty one.

    Raises:
        InputError: if it is a folder, no database, another program's, or of another version; it is left unchanged.
        JournalError: if it cannot be read, or made.
    """
    file = Path(path).expanduser().absolute()
    if str(path) == ":memory:" or not _may_be_file(file):
        raise InputError(f"journal: expected the path of a file in a folder that there is, got {str(path)!r:.400}")
    head = _head(file)
    if head:
        _check_head(file, head)
        return file
    with _told(file), closing(_connected(file, "rwc")) as db:
        db.execute("BEGIN EXCLUSIVE")  # of several that open it at once, one makes the tables
        if not db.execute("SELECT 1 FROM sqlite_master").fetchone():
            for statement in _TABLES:
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {_APPLICATION}")
            db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
        with contextlib.suppress(sqlite3.OperationalError):  # another process is at it; it works without, too
            db.execute("PRAGMA journal_mode = WAL")
    return file


def _may_be_file(file: Path) -> bool:
    try:
        return not file.is_dir() and file.parent.is_dir() and "\x00" not in str(file)
    except OSError:  # a name that is too long
        return False


def _head(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(100)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise JournalError(f"journal {file}: cannot be read ({error.strerror})") from error


def _check_head(file: Path, head: bytes) -> None:
    # read as bytes: opening a database with SQLite may already write to it
    if not head.startswith(_MAGIC):
        raise InputError(f"journal {file}: this file is no SQLite database; give another path")
    if int.from_bytes(head[68:72], "big") != _APPLICATION:
        raise InputError(f"journal {file}: this database is not a journal of nbinspect; give another path")
    _check_version(file, int.from_bytes(head[60:64], "big"))


def _check(file: Path, db: sqlite3.Connection) -> None:
    _check_version(file, _version(db))
    if {sql for (sql,) in db.execute(_OURS)} != set(_TABLES):
        raise InputError(
            f"journal {file}: its tables are not those that nbinspect makes, or have triggers; give another path"
        )


def _check_version(file: Path, version: int) -> None:
    if version != VERSION:
        raise InputError(
            f"journal {file}: written in form {version}, this nbinspect reads and writes form {VERSION}; "
            f"{'update nbinspect' if version > VERSION else 'use the older nbinspect'}, or give another path"
        )


@contextmanager
def writing(file: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection for one transaction: on leaving it is committed to the disk, or on an exception undone.

    Raises:
        JournalError: if the file is gone, read-only or held by another writer for long, or the disk is full.
    """
    # a connection for each: none is carried into a forked worker or another thread, and none holds the file
    with _told(file), closing(_connected(file, "rw")) as db:
        db.execute("BEGIN IMMEDIATE")
        _check(file, db)
        yield db
        db.execute("COMMIT")


@contextmanager
def reading(file: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection that sees one state of the file throughout; also on a full disk, and in a read-only folder.

    Raises:
        JournalError: if the file is gone or cannot be read.
    """
    with _told(file), closing(_readable(file)) as db:
        db.execute("BEGIN")
        _check(file, db)
        yield db


def _readable(file: Path) -> sqlite3.Connection:
    db = _connected(file, "rw")
    try:
        _version(db)
    except sqlite3.Error:
        db.close()
        log = Path(f"{file}-wal")
        if not file.exists() or (log.exists() and log.stat().st_size):
            raise
        return _connected(file, "ro&immutable=1")  # no room for the files that readers share, and no writer
    return db


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _connected(file: Path, mode: str) -> sqlite3.Connection:
    db = sqlite3.connect(f"{file.as_uri()}?mode={mode}", uri=True, timeout=_PATIENCE, isolation_level=None)
    db.execute("PRAGMA trusted_schema = OFF")
    return db


@contextmanager
def _told(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        said = str(error) or "it is damaged"  # in Python 3.10 names that are no text come without a word
        reason = _MEANS.get(said, said) if file.exists() else "it is not there any more"
        raise JournalError(f"journal {file}: {reason}") from error
    except UnicodeDecodeError as error:  # of SQLite's message, which quotes the bytes of a damaged file
        raise JournalError(f"journal {file}: it is damaged") from error


def add_entry(
    db: sqlite3.Connection,
    kind: str,
    name: str,
    *,
    status: str,
    configuration: dict[str, Any],
    checks: dict[str, str] | None = None,
    report: str | None = None,
    seconds: float | None = None,
    note: str = "",
) -> int:
    """Add an entry that ends now and lasted `seconds`, or has just begun, and return its id."""
    now = time.time()
    began, ended = (now, None) if seconds is None else (now - seconds, now)
    texts = (json.dumps(configuration, allow_nan=False), json.dumps(checks or {}), report)
    row = (kind, storable(name), status, began, ended, this_process(), *texts)
    entry = db.execute(_ENTRY, row).lastrowid
    assert entry is not None
    if note:
        db.execute(NOTE, (entry, now, storable(note)))
    return entry


def storable(text: object) -> str:
    """Return text as SQLite takes it: halves of characters, which UTF-8 has not, are written out."""
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8")
