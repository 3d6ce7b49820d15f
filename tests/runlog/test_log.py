from __future__ import annotations

import json
import os
import shutil
import time

import numpy as np
import pytest

from nbinspect.errors import InputError
from nbinspect.runlog import log as log_module
from nbinspect.runlog.follow import Follow
from nbinspect.runlog.log import RunLog
from nbinspect.runlog.looks import Look
from nbinspect.runlog.news import fold
from nbinspect.runlog.runfile import LogError, encoded, reading, sessions_in
from tests.journal.test_storage import as_nobody, full_disk
from tests.runlog.logged import KILLED, another_python, news

pytestmark = pytest.mark.slow

PARTS = [news(1, 4), news(5, 5), news(6, 9)]


def read(path):
    """All that the log of rank 0 has, unthinned."""
    follow, found = Follow(path), []
    while (fresh := follow.poll()) is not None or follow.behind:
        found += [] if fresh is None else [fresh]
    return fold(None, *found)


@pytest.mark.parametrize("flushes", [False, True], ids=["at-once", "apart"])
def test_what_is_written_is_read_back_whole(tmp_path, flushes):
    """All that was handed over is in the file when the log is closed, merged or row by row, hostile text included."""
    log = RunLog(tmp_path / "runs" / "a", about={"model": {"class": "Net"}})
    for part in PARTS:
        log.write(part)
        if flushes:
            assert log.flush()
    log.close()
    assert encoded(read(tmp_path / "runs" / "a")) == encoded(fold(*PARTS))


def test_writing_never_waits_for_the_disk(tmp_path):
    """While another process holds the file, handing over takes no time, and all is written afterwards."""
    log = RunLog(tmp_path / "a")
    with reading(log.file) as db:
        sessions_in(db)
        start = time.perf_counter()
        for part in PARTS:
            log.write(part)
        assert time.perf_counter() - start < 0.1
    log.close()
    assert read(tmp_path / "a").steps == 9


def test_a_folder_with_a_run_is_refused(tmp_path):
    """A second run in the folder of a first one is refused with a free path and the way to append; nothing changes."""
    log = RunLog(tmp_path / "a")
    log.write(PARTS[0])
    log.close()
    (tmp_path / "a-2").mkdir()
    before = (tmp_path / "a" / "rank-0.sqlite").read_bytes()
    with pytest.raises(InputError, match=r"there is a run already, begun on .*a-3'.*resume=True"):
        RunLog(tmp_path / "a")
    assert (tmp_path / "a" / "rank-0.sqlite").read_bytes() == before


def test_a_run_that_never_made_a_step_is_none(tmp_path):
    """A folder whose run ended before its first step is taken, and what was there is not mixed in."""
    RunLog(tmp_path / "a").close()
    log = RunLog(tmp_path / "a")
    log.write(PARTS[0])
    log.close()
    assert read(tmp_path / "a").steps == 4
    with reading(tmp_path / "a" / "rank-0.sqlite") as db:
        assert len(sessions_in(db)) == 1


def test_a_resumed_run_goes_on_from_the_last_step(tmp_path):
    """Steps of a second session follow those of the first, and a third those of the second."""
    for _ in range(3):
        log = RunLog(tmp_path / "a", resume=True)
        for part in PARTS:
            log.write(part)
        log.close()
    whole = read(tmp_path / "a")
    assert whole.traces[0].step.tolist() == list(range(1, 28))
    assert whole.steps == 27
    assert len(whole.probes) == 1, "it is the same probe in each"
    with reading(tmp_path / "a" / "rank-0.sqlite") as db:
        assert [session.status for session in sessions_in(db)] == ["ended"] * 3


def test_a_log_that_is_being_written_is_not_resumed(tmp_path):
    """Two that write to one log at once are refused, in one process and in two."""
    log = RunLog(tmp_path / "a")
    with pytest.raises(LogError, match="this process, through another Recorder, is still writing"):
        RunLog(tmp_path / "a", resume=True)
    log.close()
    code = """
import sys
from nbinspect.runlog.log import RunLog
log = RunLog(sys.argv[1])
print("begun", flush=True)
sys.stdin.read()
"""
    with another_python(code, tmp_path / "b") as child:
        assert child.stdout.readline() == "begun\n"
        with pytest.raises(LogError, match="still writing"):
            RunLog(tmp_path / "b", resume=True)
        child.kill()
        child.wait(30)
        RunLog(tmp_path / "b", resume=True).close()


@pytest.mark.parametrize("make", [lambda path: path.write_text("x"), lambda path: path.parent.chmod(0o500)])
def test_a_folder_that_cannot_be_made_is_refused_at_once(tmp_path, make):
    """A path that is a file, or lies in a read-only folder, gives a clear error before any training."""
    (tmp_path / "in").mkdir()
    tmp_path.chmod(0o755)
    make(tmp_path / "in" / "a")
    try:
        with as_nobody(), pytest.raises(LogError, match="cannot be made"):
            RunLog(tmp_path / "in" / "a")
    finally:
        (tmp_path / "in").chmod(0o700)


def test_a_full_disk_is_said_once_and_nothing_is_lost(tmp_path):
    """While the disk is full one warning and one report come; with room again all is written, in order."""
    said = []
    log = RunLog(tmp_path / "a", report=lambda *words: said.append(words))
    log.write(PARTS[0])
    assert log.flush()

    def refused():
        for part in PARTS[1:]:
            log.write(part)
            assert not log.flush()
            log.write(news(10, 10, traces=(), readings=((),)))

    with full_disk(), pytest.warns(RuntimeWarning, match=r"full; the run goes on") as caught:
        refused()
    assert len(caught) == len(said) == 1
    assert said[0][0] == "problem"
    assert log.flush()
    log.close()
    assert encoded(read(tmp_path / "a"))[0] == encoded(fold(*PARTS))[0]
    assert read(tmp_path / "a").traces[0].step.tolist() == list(range(1, 10))


def test_what_waits_for_the_disk_is_bounded(tmp_path, monkeypatch):
    """What waits while the disk refuses is thinned above the limit, and its extremes are still written in the end."""
    monkeypatch.setattr(log_module, "MOST_BYTES", 2**20)
    log = RunLog(tmp_path / "a")
    lowest = news(1, 20_000)
    lowest.traces[0].low[5] = -7.0

    def refused():
        for number in range(10):
            log.write(lowest if not number else news(20_000 * number + 1, 20_000 * (number + 1)))
            log.flush()
        assert log_module.weight(log._waiting) < 2**20
        log.write(news(200_001, 200_001))

    with full_disk(), pytest.warns(RuntimeWarning, match="full"):
        refused()
    log.close()
    found = read(tmp_path / "a").traces[0]
    assert found.low.min() == -7.0
    assert found.step[-1] == 200_001


def test_a_writer_that_is_stuck_merges_what_comes(tmp_path, monkeypatch):
    """Records that come faster than the disk answers are merged, not queued for ever, and none is dropped."""
    monkeypatch.setattr(log_module, "_MANY", 8)
    log = RunLog(tmp_path / "a")
    with log._writing:
        for step in range(1, 101):
            log.write(news(step, step))
        assert len(log._queue) <= 9
    log.close()
    assert read(tmp_path / "a").traces[0].step.tolist() == list(range(1, 101))


@pytest.mark.parametrize("anew", [False, True])
def test_a_folder_that_is_deleted_never_ends_the_training(tmp_path, anew):
    """Without its folder the log warns and keeps what comes; in a folder made anew it goes on with that."""
    log = RunLog(tmp_path / "a")
    log.write(PARTS[0])
    log.flush()
    shutil.rmtree(tmp_path / "a")

    def refused():
        log.write(PARTS[1])
        log.flush()
        log.write(PARTS[2])
        if anew:
            (tmp_path / "a").mkdir()
        log.close()

    with pytest.warns(RuntimeWarning, match="no such folder"):
        refused()
    assert (tmp_path / "a").exists() is anew
    if anew:
        assert read(tmp_path / "a").traces[0].step.tolist() == list(range(5, 10))


def test_another_run_in_its_place_is_left_alone(tmp_path):
    """Where the folder was deleted and another run begun in it, the log does not write into that one."""
    log = RunLog(tmp_path / "a")
    code = "import sys\nfrom nbinspect.runlog.log import RunLog\nRunLog(sys.argv[1]).close()"
    with log._writing:
        shutil.rmtree(tmp_path / "a")
        with another_python(code, tmp_path / "a") as child:
            assert child.wait(60) == 0
    log.write(PARTS[0])
    with pytest.warns(RuntimeWarning, match="another run has taken its place"):
        log.close()
    assert read(tmp_path / "a") is None


def test_all_that_was_flushed_survives_a_kill(tmp_path):
    """Of a process that is killed without warning, all that was flushed is read, and that it was killed."""
    with another_python(KILLED, tmp_path / "a") as child:
        assert child.wait(60) == -9
    assert read(tmp_path / "a").traces[0].step.tolist() == list(range(1, 8))


def test_a_process_that_ends_in_peace_writes_what_waits(tmp_path):
    """A script that forgets to close the log has all of it written when it ends."""
    code = """
import sys
from nbinspect.runlog.log import RunLog
from tests.runlog.logged import news
RunLog(sys.argv[1]).write(news(1, 9))
"""
    with another_python(code, tmp_path / "a") as child:
        assert child.wait(60) == 0
    assert read(tmp_path / "a").steps == 9


def test_a_forked_worker_does_not_write(tmp_path):
    """A child that was forked has the log in its memory, and neither writes nor ends it."""
    code = """
import os, sys
from nbinspect.runlog.log import RunLog
from tests.runlog.logged import news
log = RunLog(sys.argv[1])
log.write(news(1, 3))
if os.fork() == 0:
    log.write(news(4, 9))
    sys.exit()
os.wait()
log.close()
"""
    with another_python(code, tmp_path / "a") as child:
        assert child.wait(60) == 0
    assert read(tmp_path / "a").steps == 3


def test_a_clock_that_goes_back_changes_nothing(tmp_path, monkeypatch):
    """Rows are read in the order in which they were written, whatever the clock said."""
    times = iter(range(10**6, 0, -1))
    log = RunLog(tmp_path / "a")
    monkeypatch.setattr(log_module.time, "time", lambda: float(next(times)))
    for part in PARTS:
        log.write(part)
        log.flush()
    log.close()
    monkeypatch.undo()
    assert read(tmp_path / "a").traces[0].step.tolist() == list(range(1, 10))


def test_looks_and_what_is_told_are_kept(tmp_path):
    """Looks are written with their values, at the steps of the whole run, and facts told later join the first ones."""
    for _ in range(2):
        log = RunLog(tmp_path / "a", 3, about={"model": "Net"}, resume=True)
        log.describe(optimizers=["SGD"])
        log.look(Look(4, 2, float("nan"), "abc", np.full((2, 4), 0.25, dtype=np.float32)))
        log.close("ended by ValueError: x")
    with reading(tmp_path / "a" / "rank-3.sqlite") as db:
        rows = db.execute("SELECT * FROM look").fetchall()
        session = sessions_in(db)[-1]
    assert [(row[0], row[1], row[2], row[3], row[4]) for row in rows] == [
        (1, 4, 2, None, "abc"),
        (2, 8, 2, None, "abc"),
    ]
    assert np.frombuffer(rows[0][5], np.float32).tolist() == [0.25] * 8
    assert (json.loads(session.about), session.steps) == ({"model": "Net", "optimizers": ["SGD"]}, 8)
    assert session.status == "ended by ValueError: x"
    assert session.process.split("/")[1] == str(os.getpid())
