from __future__ import annotations

import json
import sqlite3
import zlib
from contextlib import closing, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbinspect.errors import InputError, NbinspectError
from nbinspect.records import DynamicsRecord
from nbinspect.runlog import runfile
from nbinspect.runlog.runfile import BusyError, LogError, decoded, encoded, reading, sessions_in, writing
from tests.runlog.logged import another_python, news

ROW = encoded(news(1, 3))
INSERT = "INSERT INTO session VALUES (?, 'host/1/2', 1.0, 2.0, NULL, 'running', 3, 4.0, '{}')"


def count(file):
    with reading(file) as db:
        return len(sessions_in(db))


def test_a_row_comes_back_as_the_record():
    """A record that is encoded and decoded is the same when it is encoded again, hostile text and halves included."""
    assert encoded(decoded(DynamicsRecord, *ROW)) == ROW


def test_what_is_committed_stays_and_what_is_not_goes(tmp_path):
    """Rows are there after the block, and none of them where it raised."""
    file = tmp_path / "rank-0.sqlite"
    with writing(file) as db:
        db.execute(INSERT, (1,))
    with pytest.raises(LogError, match="UNIQUE"), writing(file) as db:
        db.executemany(INSERT, [(2,), (1,)])
    assert count(file) == 1


def test_a_writer_killed_within_a_transaction_leaves_the_rows_before(tmp_path):
    """A process that is killed while its rows are half on the disk leaves a file that is read without them."""
    file = tmp_path / "rank-0.sqlite"
    with writing(file) as db:
        db.execute(INSERT, (1,))
    code = f"""
import os, signal, sys
from pathlib import Path
from nbinspect.runlog.runfile import writing
with writing(Path(sys.argv[1])) as db:
    db.execute("PRAGMA cache_size = 1")
    for number in range(2, 2000):
        db.execute({INSERT!r}, (number,))
    db.execute("PRAGMA cache_spill = 1")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    before = file.stat().st_size
    with another_python(code, file) as child:
        assert child.wait(60) == -9
    assert file.with_name(f"{file.name}-journal").exists(), "the transaction was under way"
    assert file.stat().st_size > before, "its pages were on the disk already"
    assert count(file) == 1


def test_a_reader_does_not_change_the_file(tmp_path):
    """Reading leaves the file as it is, byte for byte, and makes no other file beside it."""
    file = tmp_path / "rank-0.sqlite"
    with writing(file) as db:
        db.execute(INSERT, (1,))
    before = file.read_bytes()
    assert count(file) == 1
    assert file.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [file.name]


def test_a_file_that_is_held_is_said_to_be_busy(tmp_path, monkeypatch):
    """While another connection commits, a reader gives up soon and says so."""
    file = tmp_path / "rank-0.sqlite"
    with writing(file) as db:
        db.execute(INSERT, (1,))
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        with pytest.raises(BusyError, match="another process holds it"):
            count(file)


def make_text(file):
    file.write_text("no database at all, " * 100)


def make_foreign(file):
    with closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE session (id INTEGER)")


def make_view(file):
    with writing(file) as db:
        db.execute(INSERT, (1,))
    with closing(sqlite3.connect(file)) as db:
        db.execute("DROP TABLE news")
        db.execute("CREATE VIEW news AS SELECT 1 AS serial")


def make_trigger(file):
    with writing(file) as db:
        db.execute("CREATE TRIGGER more AFTER INSERT ON news BEGIN DELETE FROM news; END")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (make_text, "no log of a run"),
        (make_foreign, "no log of a run"),
        (make_view, "another version"),
        (make_trigger, "another version"),
    ],
)
def test_another_file_is_refused_and_left(tmp_path, make, message):
    """Text, another program's database and one with views or triggers are refused by reader and writer, unchanged."""
    file = tmp_path / "rank-0.sqlite"
    make(file)
    before = file.read_bytes()
    with pytest.raises((InputError, LogError), match=message):
        count(file)
    with pytest.raises((InputError, LogError), match=message), writing(file):
        pass
    assert file.read_bytes() == before


def test_a_file_that_is_gone_is_said_to_be_gone(tmp_path):
    """A file that there is not gives a clear error and is not made by reading, nor a folder by writing."""
    with pytest.raises(LogError, match="no such file"):
        count(tmp_path / "rank-0.sqlite")
    with pytest.raises(LogError, match="no such folder"), writing(tmp_path / "gone" / "rank-0.sqlite"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_bomb_is_refused(monkeypatch):
    """A few bytes that would unpack to more than a row may have are refused before they fill the memory."""
    bomb = zlib.compress(bytes(2**20))
    monkeypatch.setattr(runfile, "LARGEST_DATA", 2**16)
    with pytest.raises(InputError, match="larger than 65536"):
        decoded(DynamicsRecord, "[]", ROW[1], bomb)
    with pytest.raises(InputError, match="damaged"):
        decoded(DynamicsRecord, "[]", zlib.compress(b"[" * 200_000), ROW[2])


def test_a_record_too_large_for_a_row_is_not_written(monkeypatch):
    """A record above the limit is refused with its size."""
    monkeypatch.setattr(runfile, "LARGEST_TEXT", 100)
    with pytest.raises(LogError, match="too large"):
        encoded(news(1, 3))


@settings(max_examples=100, deadline=None)
@given(part=st.integers(0, 2), place=st.integers(0, 10**6), byte=st.integers(0, 255))
def test_a_flipped_byte_is_read_or_refused(part, place, byte):
    """A byte changed anywhere in a row gives a record, or one kind of error."""
    row = [ROW[0].encode(), ROW[1], ROW[2]]
    changed = bytearray(row[part])
    changed[place % len(changed)] = byte
    row[part] = bytes(changed)
    with suppress(NbinspectError):
        assert isinstance(decoded(DynamicsRecord, row[0].decode("utf-8", "replace"), row[1], row[2]), DynamicsRecord)


@settings(max_examples=60, deadline=None)
@given(sizes=st.text() | st.lists(st.integers()).map(json.dumps), text=st.binary(), data=st.binary())
def test_any_row_is_read_or_refused(sizes, text, data):
    """Bytes from anywhere, compressed or not, give one kind of error."""
    for row in ((sizes, text, data), (sizes, zlib.compress(text), zlib.compress(data))):
        with pytest.raises(InputError):
            decoded(DynamicsRecord, *row)
