from __future__ import annotations

import os
import resource
import sqlite3
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from nbinspect import Journal
from nbinspect.errors import InputError
from nbinspect.journal.storage import VERSION, JournalError, add_entry, prepared, reading, writing
from tests.journal.programs import another_python


@contextmanager
def full_disk() -> Iterator[None]:
    """In this block the system refuses to let any file grow."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def as_nobody() -> Iterator[None]:
    """In this block a superuser has no more rights than others, so that read-only means read-only."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def rows(file: Path) -> int:
    with reading(file) as db:
        return db.execute("SELECT count(*) FROM entry").fetchone()[0]


def database(file: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(file)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()
    return file


def other_version(file: Path, version: int) -> Path:
    prepared(file)
    return database(file, "PRAGMA journal_mode = DELETE", f"PRAGMA user_version = {version}")


REFUSED = [
    (lambda f: f.write_bytes(b"loss,step\n1,2\n"), "is no SQLite database"),
    (lambda f: database(f, "CREATE TABLE mine (x)"), "is not a journal of nbinspect"),
    (lambda f: database(f, f"PRAGMA user_version = {VERSION}", "CREATE TABLE entry (x)"), "is not a journal"),
    (lambda f: other_version(f, VERSION + 1), f"written in form {VERSION + 1}.*update nbinspect"),
    (lambda f: other_version(f, VERSION - 1), f"written in form {VERSION - 1}.*older nbinspect"),
]


@pytest.mark.parametrize(("make", "message"), REFUSED, ids=["text", "foreign", "alike", "newer", "older"])
def test_a_file_that_is_no_such_journal_is_refused_and_left(tmp_path, make, message):
    """Another file, another program's database and another version give one clear error, with not a byte changed."""
    file = tmp_path / "runs.db"
    make(file)
    before = file.read_bytes()
    with pytest.raises(InputError, match=message):
        Journal(file)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [tmp_path / "runs.db"]


def test_a_version_that_comes_while_the_file_is_open_is_refused(tmp_path):
    """A journal that another program has brought to another form since is neither read nor written."""
    file = other_version(tmp_path / "runs.db", VERSION)
    database(file, "PRAGMA user_version = 99")
    for way in (reading, writing):
        with pytest.raises(InputError, match="form 99"), way(file):
            pass


@pytest.mark.parametrize("path", ["", ":memory:", "no/such/folder/runs.db"])
def test_a_path_of_no_file_is_refused(path):
    """A folder, memory, and a folder that there is not are refused, and nothing is made."""
    with pytest.raises(InputError, match="expected the path of a file"):
        Journal(path)


def test_an_empty_file_becomes_a_journal(tmp_path):
    """A file of no bytes, as `touch` makes it, is taken."""
    file = tmp_path / "it's 100% #new?.db"
    file.touch()
    journal = Journal(file)
    journal.act("x")
    assert len(Journal(str(file))) == 1


def test_a_change_of_folder_does_not_move_the_journal(tmp_path, monkeypatch):
    """A relative path means the file where it was when the journal was opened."""
    monkeypatch.chdir(tmp_path)
    journal = Journal("runs.db")
    monkeypatch.chdir("/")
    journal.act("x")
    assert (tmp_path / "runs.db").exists()
    assert len(journal) == 1


def test_what_is_not_committed_is_undone(tmp_path):
    """An exception or an interrupt inside a transaction leaves the file as it was, and free for others."""
    file = prepared(tmp_path / "runs.db")

    def broken_off(error):
        with writing(file) as db:
            add_entry(db, "action", "x", status="done", configuration={})
            raise error

    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error):
            broken_off(error)
    assert rows(file) == 0
    with writing(file) as db:
        assert add_entry(db, "action", "x", status="done", configuration={}) == 1


def test_nothing_is_left_beside_the_file(tmp_path):
    """After each transaction the file stands alone and can be copied, and a commit reached the file itself."""
    file = prepared(tmp_path / "runs.db")
    with writing(file) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        add_entry(db, "action", "x", status="done", configuration={})
    assert list(tmp_path.iterdir()) == [tmp_path / "runs.db"]


def test_a_reader_does_not_wait_for_a_writer(tmp_path):
    """While one transaction is open another connection reads the state before it."""
    file = prepared(tmp_path / "runs.db")
    with writing(file) as db:
        add_entry(db, "action", "x", status="done", configuration={})
        assert rows(file) == 0
    assert rows(file) == 1


def test_threads_that_open_it_at_once_make_one_journal(tmp_path):
    """Of several that find no file one makes the tables, and all can write."""

    def opened(number: int) -> int:
        return Journal(tmp_path / "runs.db").act(f"{number}")

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(opened, range(8))) == list(range(1, 9))


def test_processes_write_at_once(tmp_path):
    """Entries and values of two processes that write at the same time are all there, each whole and in order."""
    file = tmp_path / "runs.db"
    code = """
import os
with journal.run(str(os.getpid())) as run:
    for step in range(40):
        run.log(step, step * 0.5)
        run.note(str(step))
        journal.act(f"{os.getpid()} {step}")
"""
    with ExitStack() as stack:
        children = [stack.enter_context(another_python(code, file)) for _ in range(2)]
        assert [child.wait(120) for child in children] == [0, 0]
    journal = Journal(file)
    frame = journal.runs()
    assert set(frame["name"]) == {str(child.pid) for child in children}
    assert set(frame["status"]) == {"finished"}
    for entry in frame.index:
        assert journal[entry].curves["loss"].steps.tolist() == list(range(40))
        assert journal[entry].notes == tuple(map(str, range(40)))
    names = journal.runs(kind="action")["name"].tolist()
    for child in children:
        assert [n for n in names if n.startswith(f"{child.pid} ")] == [f"{child.pid} {step}" for step in range(40)]
    with reading(file) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_full_disk_gives_a_clear_error_and_can_be_read(tmp_path):
    """Where nothing more can be written the error says so, what is there can be read, and afterwards all goes on."""
    file = prepared(tmp_path / "runs.db")
    journal = Journal(file)
    journal.act("before")
    with full_disk():
        with pytest.raises(JournalError, match=r"runs\.db: .*full"):
            journal.act("lost")
        assert journal.runs(kind="action")["name"].tolist() == ["before"]
        with pytest.raises(JournalError):
            Journal(tmp_path / "other.db")
    journal.act("after")
    assert journal.runs(kind="action")["name"].tolist() == ["before", "after"]


def test_a_read_only_file_gives_a_clear_error_and_can_be_read():
    """A journal in a folder that one may only look at is read as any other, and says that it cannot be written."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "runs.db"
        Journal(file).act("before")
        file.chmod(0o444)
        Path(folder).chmod(0o555)
        try:
            with as_nobody():
                journal = Journal(file)
                assert journal[1].name == "before"
                with pytest.raises(JournalError, match="read-only"):
                    journal.act("lost")
        finally:
            Path(folder).chmod(0o755)


def test_a_file_that_was_cut_gives_a_clear_error(tmp_path):
    """A journal whose end is missing says that it is malformed, to a reader and to a writer."""
    journal = Journal(tmp_path / "runs.db")
    journal.act("x")
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole[: len(whole) // 2])
    for use in (journal.runs, lambda: [journal.act("y" * 5000) for _ in range(9)]):
        with pytest.raises(JournalError, match=r"runs\.db: .*(malformed|no such table|disk)"):
            use()


def test_a_file_that_is_gone_is_not_made_anew(tmp_path):
    """A journal that was deleted while it was open says so instead of beginning an empty one."""
    journal = Journal(tmp_path / "runs.db")
    journal.path.unlink()
    for use in (journal.runs, lambda: journal.act("x")):
        with pytest.raises(JournalError, match="not there any more"):
            use()
    assert not journal.path.exists()
