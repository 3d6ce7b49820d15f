from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import time
import zlib
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from nbinspect.errors import InputError
from nbinspect.runlog import follow as follow_module
from nbinspect.runlog.follow import Follow
from nbinspect.runlog.log import RunLog
from nbinspect.runlog.looks import Look
from nbinspect.runlog.runfile import LogError, encoded
from tests.runlog.logged import KILLED, another_python, news, probe_record, trace
from tests.runlog.test_ranks import same, written

pytestmark = pytest.mark.slow


@pytest.fixture
def log(tmp_path):
    log = RunLog(tmp_path / "a", about={"model": {"class": "Net"}})
    yield log
    log.close()


def test_a_folder_that_is_not_there_is_waited_for(tmp_path):
    """Before the run begins there is nothing and no error; once it has begun it is followed."""
    follow = Follow(tmp_path / "a")
    assert (follow.poll(), follow.record, follow.alive) == (None, None, None)
    assert follow.text == f"waiting for a run at {tmp_path / 'a'}"
    log = RunLog(tmp_path / "a")
    log.write(news(1, 2))
    log.close()
    assert follow.poll().steps == 2


def test_only_what_is_fresh_comes(log, tmp_path):
    """Each look gives what was written since the last one, None where nothing was, and the whole grows."""
    follow = Follow(tmp_path / "a")
    for first, last in ((1, 3), (4, 4), (5, 9)):
        log.write(news(first, last))
        log.flush()
        fresh = follow.poll()
        assert fresh.traces[0].step.tolist() == list(range(first, last + 1))
        assert len(fresh.probes) == (first == 1)
        assert follow.poll() is None
        assert follow.record.traces[0].step.tolist() == list(range(1, last + 1))
    assert [each.step for each in follow.record.readings[0]] == [3, 4, 9]
    assert follow.about == {"model": {"class": "Net"}}


def test_a_run_is_followed_while_it_is_written(tmp_path):
    """A reader that looks all the time, and a trainer in another process, both get on; each step is read once."""
    code = """
import sys
from nbinspect.runlog.log import RunLog
from tests.runlog.logged import news
log = RunLog(sys.argv[1])
for step in range(1, 101):
    log.write(news(step, step))
    assert log.flush()
log.close()
"""
    follow, steps = Follow(tmp_path / "a"), []
    with another_python(code, tmp_path / "a") as child:
        end = time.monotonic() + 60
        while follow.alive is not False and time.monotonic() < end:
            fresh = follow.poll()
            steps += [] if fresh is None else fresh.traces[0].step.tolist()
        assert child.wait(30) == 0
    assert steps == list(range(1, 101))
    assert follow.text == "ended at step 100; all that was written is here"


def test_a_killed_trainer_is_named(tmp_path):
    """After a kill all that was flushed is there, and the words say that it was killed, and where."""
    with another_python(KILLED, tmp_path / "a") as child:
        assert child.wait(60) == -9
    follow = Follow(tmp_path / "a")
    assert follow.poll().steps == 7
    assert follow.alive is False
    assert follow.text == "the trainer was killed at step 7; all that was written is here"


def test_a_live_run_says_so(log, tmp_path):
    """A run that is being written is alive, at its step, and says how long ago it last wrote."""
    log.write(news(1, 1204))
    log.flush()
    follow = Follow(tmp_path / "a")
    follow.poll()
    assert follow.alive is True
    assert follow.text.startswith("live · step 1,204 · ")
    log.close("ended by ValueError: x")
    follow.poll()
    assert follow.alive is False
    assert follow.text == "ended by ValueError: x at step 1,204; all that was written is here"


@pytest.mark.parametrize("clock", [-7200.0, 7200.0], ids=["behind", "ahead"])
def test_another_host_is_alive_while_its_log_moves(tmp_path, monkeypatch, clock):
    """A trainer on another host, whose clock is hours off, is alive while it gives signs of life, and unknown after."""
    monkeypatch.setattr("nbinspect.runlog.log.this_process", lambda: "another/1/2")
    log = RunLog(tmp_path / "a")
    follow, now = Follow(tmp_path / "a"), time.monotonic()

    def beats(second):
        monkeypatch.setattr(follow_module.time, "monotonic", lambda: now + second)
        follow.poll()
        return follow.alive

    log.flush()
    with closing(sqlite3.connect(log.file)) as db:
        db.execute("UPDATE session SET beat = beat + ?", (clock,))
        db.commit()
    assert beats(0) is (True if clock > 0 else None)
    log.flush()
    assert beats(5) is True
    assert beats(25) is True
    assert beats(60) is None
    assert "no sign of the trainer since 55 s ago" in follow.text
    log.close()


def test_a_suspended_trainer_is_held_up_and_not_dead(tmp_path, monkeypatch):
    """Of a trainer that was suspended it cannot be told whether it goes on, and the words say so."""
    code = """
import sys
from nbinspect.runlog.log import RunLog
log = RunLog(sys.argv[1])
log.flush()
print("begun", flush=True)
sys.stdin.read()
"""
    with another_python(code, tmp_path / "a") as child:
        assert child.stdout.readline() == "begun\n"
        os.kill(child.pid, signal.SIGSTOP)
        follow, now = Follow(tmp_path / "a"), time.monotonic()
        follow.poll()
        monkeypatch.setattr(follow_module.time, "monotonic", lambda: now + 60)
        assert follow.alive is None
        assert "held up" in follow.text


def test_a_long_log_is_read_in_parts(log, tmp_path, monkeypatch):
    """Of a log longer than a look takes, the parts come one after the other, and `behind` says that there is more."""
    monkeypatch.setattr(follow_module, "_ROWS", 2)
    for step in range(1, 6):
        log.write(news(step, step))
        log.flush()
    follow = Follow(tmp_path / "a")
    parts = [(follow.poll().traces[0].step.tolist(), follow.behind) for _ in range(3)]
    assert parts == [([1, 2], True), ([3, 4], True), ([5], False)]


def test_memory_stays_bounded(log, tmp_path):
    """What is kept of a hundred thousand steps is a few thousand points."""
    for first in range(1, 100_001, 10_000):
        log.write(news(first, first + 9999, traces=(trace("loss", range(first, first + 10_000)),)))
        log.flush()
    follow = Follow(tmp_path / "a")
    assert len(follow.poll().traces[0].step) == 100_000
    assert len(follow.record.traces[0].step) < 5000


def test_another_run_in_its_place_is_read_from_its_beginning(log, tmp_path):
    """Where the folder was deleted and another run begun in it, that one is followed from its first step."""
    follow = Follow(tmp_path / "a")
    log.write(news(1, 9))
    log.close()
    follow.poll()
    shutil.rmtree(tmp_path / "a")
    second = RunLog(tmp_path / "a")
    second.write(news(1, 2))
    second.close()
    assert follow.poll().steps == 2
    assert follow.generation == 1
    assert follow.record.traces[0].step.tolist() == [1, 2]


def test_other_samples_of_a_resumed_run_are_another_probe(tmp_path):
    """Where a resumed run watches other samples, their readings are not mixed with those of the first."""
    for size in (4, 6):
        log = RunLog(tmp_path / "a", resume=True)
        log.write(news(1, 3, probes=(probe_record(size=size),)))
        log.write(news(4, 5))
        log.close()
    found = Follow(tmp_path / "a").poll()
    assert [probe.batch.batch.size for probe in found.probes] == [4, 6]
    assert [[each.step for each in part] for part in found.readings] == [[3, 5], [8, 10]]


def damage(file, column, value):
    with closing(sqlite3.connect(file)) as db:
        db.execute(f"UPDATE news SET {column} = ? WHERE serial = 1", (value,))
        db.commit()


BROKEN = news(1, 1)
UNEVEN = replace(BROKEN, traces=(replace(BROKEN.traces[0], low=np.zeros(3, dtype=np.float32)),))
NO_PROBE = replace(BROKEN, probes=())
SHORT = replace(BROKEN, readings=((replace(BROKEN.readings[0][0], jitter=np.zeros(3, dtype=np.float32)),),))


@pytest.mark.parametrize("column", ["sizes", "record", "data"])
@pytest.mark.parametrize("value", [b"\xff\x00", b"\xed\xa0\xbd", 3, -1.5, zlib.compress(b"[]"), "[1]"])
def test_a_damaged_row_is_said_once_and_passed_over(log, tmp_path, column, value):
    """Whatever stands in a row, one clear error comes of it, and the next look goes on behind it."""
    log.write(news(1, 1))
    log.flush()
    log.write(news(2, 2, probes=(probe_record(),)))
    log.close()
    damage(log.file, column, value)
    follow = Follow(tmp_path / "a")
    with pytest.raises(InputError):
        follow.poll()
    assert follow.poll().traces[0].step.tolist() == [2]


def test_what_comes_before_a_damaged_row_is_not_lost(log, tmp_path):
    """Rows before a damaged one are given first, then the error, then the rows behind it."""
    for step in range(1, 4):
        log.write(news(step, step))
        log.flush()
    log.close()
    with closing(sqlite3.connect(log.file)) as db:
        db.execute("UPDATE news SET data = 'x' WHERE serial = 2")
        db.commit()
    follow = Follow(tmp_path / "a")
    assert (follow.poll().traces[0].step.tolist(), follow.behind) == ([1], True)
    with pytest.raises(InputError, match="damaged"):
        follow.poll()
    assert (follow.poll().traces[0].step.tolist(), follow.behind) == ([3], False)


@pytest.mark.parametrize("record", [UNEVEN, SHORT], ids=["uneven", "short"])
def test_arrays_that_do_not_fit_together_are_refused(log, tmp_path, record):
    """A trace with columns of unlike length, and readings of unlike samples, are refused."""
    log.write(record)
    log.close()
    with pytest.raises(InputError, match="log"):
        Follow(tmp_path / "a").poll()


def test_readings_of_a_probe_that_is_lost_are_left_out(log, tmp_path):
    """Where the row with the probe cannot be read, the run goes on without its readings, and a note says so."""
    log.write(NO_PROBE)
    log.close()
    found = Follow(tmp_path / "a").poll()
    assert (found.readings, found.steps) == ((), 1)
    assert found.notes[-1] == "readings of a probe whose own row is damaged are left out"


def test_a_damaged_session_is_refused(log, tmp_path):
    """A session whose values are of another kind gives one clear error, and a strange process is only unknown."""
    log.close()
    follow = Follow(tmp_path / "a")
    with closing(sqlite3.connect(log.file)) as db:
        db.execute("UPDATE session SET process = 'x/99999999999999999999/y', ended = NULL, about = '[['")
        db.commit()
    follow.poll()
    assert follow.alive in (True, None)
    assert follow.about == {}
    with closing(sqlite3.connect(log.file)) as db:
        db.execute("UPDATE session SET beat = 'now'")
        db.commit()
    with pytest.raises(InputError):
        follow.poll()


def test_a_file_of_another_program_is_refused(tmp_path):
    """A file that is no log gives a clear error."""
    (tmp_path / "rank-0.sqlite").write_text("text " * 1000)
    with pytest.raises(LogError, match="no log of a run"):
        Follow(tmp_path).poll()


def test_a_row_is_one_whole_transaction(log, tmp_path):
    """The row that is read equals the record that was written, in its packed form."""
    log.write(news(1, 4))
    log.close()
    assert encoded(Follow(tmp_path / "a").poll()) == encoded(news(1, 4))


def test_what_is_wrong_between_ranks_is_said_once(tmp_path, monkeypatch):
    """While losses of two ranks stay apart, and steps go on after a third has failed, each of both is one alert."""
    monkeypatch.setattr(follow_module, "_RANKS_EVERY", 0.0)
    first = written(tmp_path, 0, same)
    second = written(tmp_path, 1, same, loss=30.0)
    written(tmp_path, 2, same, steps=(1, 2)).close("ended by ValueError: odd")
    first.write(news(1, 2))
    follow, said = Follow(tmp_path), []
    for step in (400, 500, 600):
        for log, loss in ((first, 1.0), (second, 30.0 + step)):
            log.look(Look(step, 100, loss, "", np.ones((3, 4), dtype=np.float32)))
            assert log.flush()
        fresh = follow.poll()
        said += [] if fresh is None else [moment.text for moment in fresh.moments if moment.kind == "alert"]
    first.close()
    second.close()
    assert sorted(text.split(",")[0] for text in said) == [
        "rank 2 stopped at step 2",
        "the loss of rank 1 is 430",
    ]
