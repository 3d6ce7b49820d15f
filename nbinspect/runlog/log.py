"""The log of a run in a folder: written beside the training loop, never in its way, and read while it grows."""

from __future__ import annotations

import atexit
import json
import os
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbinspect.errors import InputError, NbinspectError
from nbinspect.journal.plain import plain
from nbinspect.journal.process import this_process
from nbinspect.records import DynamicsRecord, ProbeRecord
from nbinspect.runlog.looks import Look
from nbinspect.runlog.news import fold, later, thinned, weight
from nbinspect.runlog.runfile import LogError, Session, encoded, file_of, sessions_in, writing

MOST_BYTES = 64 * 2**20
"""Of what waits in memory while the disk refuses; beyond it old detail is thinned, extremes stay."""
_MANY, _LOOKS = 600, 10_000
"""Records and looks that wait at most before they are merged, and before the oldest looks go."""
_EVERY, _SLOWEST, _HOUR = 1.0, 10.0, 3600.0
"""Seconds between writes: every second in the first hour, later a 3600th of the run's age, at most ten."""
_PATIENCE = 20.0
_OPEN: set[Path] = set()

_BEGIN = "INSERT INTO session VALUES (?, ?, ?, ?, NULL, 'running', ?, ?, ?)"
_BEAT = """UPDATE session SET beat = ?, ended = ?, status = ?, steps = ?, seconds = ?, about = ?
    WHERE id = ? AND process = ?"""
_NEWS = "INSERT INTO news (session, at, sizes, record, data) VALUES (?, ?, ?, ?, ?)"
_LOOK = "INSERT OR REPLACE INTO look VALUES (?, ?, ?, ?, ?, ?)"


class RunLog:
    """Appends what is fresh of a run to ``<path>/rank-<rank>.sqlite``; `write` costs microseconds and never waits.

    A thread of its own writes about once a second, each time in one transaction: what was written stays, also when the
    process is killed. While the disk refuses, training goes on, `report` is told once, what waits is kept in memory
    (64 MiB, beyond that thinned) and is written as soon as the disk takes it.

    Args:
        path: the folder of the run; it is made if it is not there.
        rank: of this process.
        about: what to keep of the run, as values of JSON.
        resume: append to the run that is in the folder; its steps go on from the last one.
        counted: steps and seconds that whoever writes has counted already, in this run.
        report: called with ``"problem"`` and a sentence, on the thread that calls `write` or `close`.

    Raises:
        InputError: if the folder holds a run already and `resume` is not set, or another program's file.
        LogError: if it cannot be written to, or another process is writing there.
    """

    def __init__(
        self,
        path: str | Path,
        rank: int = 0,
        *,
        about: dict[str, Any] | None = None,
        resume: bool = False,
        counted: tuple[int, float] = (0, 0.0),
        report: Callable[..., object] | None = None,
    ) -> None:
        self.path = Path(path).expanduser().absolute()
        self.file = file_of(self.path, rank)
        self.problem = ""
        """Why the disk refuses; empty while it takes what comes."""
        self._report = report
        self._about = dict(about or {})
        self._process, self._number = this_process(), os.getpid()
        self._began = time.time()
        self._age = time.monotonic()
        self._told = False
        self._ended: tuple[float | None, str] = (None, "running")
        self._queue: list[DynamicsRecord] = []
        self._looks: list[Look] = []
        self._waiting: DynamicsRecord | None = None
        self._probes: tuple[ProbeRecord, ...] = ()
        self._lock, self._writing, self._closing = threading.Lock(), threading.Lock(), threading.Event()
        self._session, steps, seconds = self._opened(resume)
        self._steps, self._seconds = max(0, steps - counted[0]), max(0.0, seconds - counted[1])
        self._reached = (self._steps, self._seconds)
        _OPEN.add(self.file)
        self._thread = threading.Thread(target=self._work, name="nbinspect run log", daemon=True)
        self._thread.start()
        atexit.register(self.close, "left open")

    def write(self, fresh: DynamicsRecord) -> None:
        """Hand over what is fresh of the run."""
        if os.getpid() != self._number:  # a forked worker has the log, but not its thread
            return
        with self._lock:
            self._queue.append(fresh)
            if len(self._queue) > _MANY:
                whole = fold(*self._queue)
                self._queue = [] if whole is None else [thinned(whole)]
        self._tell()

    def look(self, look: Look) -> None:
        """Hand over what this rank noted of itself after a step."""
        if os.getpid() == self._number:
            with self._lock:
                self._looks = [*self._looks[-_LOOKS:], look]

    def flush(self) -> bool:
        """Write all that waits, wait for it, and return whether the disk took it; what it refused goes on waiting."""
        with self._writing:
            try:
                self._flush()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and the training goes on
                self.problem = str(error) if isinstance(error, NbinspectError) else f"log {self.file}: {error!r}"
            else:
                self.problem, self._told = "", False
        return not self.problem

    def describe(self, **about: Any) -> None:
        """Keep more about the run: values of JSON by name."""
        self._about = {**self._about, **about}

    def close(self, status: str = "ended") -> None:
        """Write all that waits, and that the run has ended, and how; waits for the disk 20 s at most."""
        if self._closing.is_set() or os.getpid() != self._number:
            return
        self._ended = (time.time(), status)
        self._closing.set()
        self._thread.join(_PATIENCE)
        if self._thread.is_alive():
            self.problem = f"log {self.file}: the disk has not answered for {_PATIENCE:.0f} s"
        _OPEN.discard(self.file)
        atexit.unregister(self.close)
        self._tell(last=True)

    def _opened(self, resume: bool) -> tuple[int, int, float]:
        """Return the number of this session, and the steps and seconds of those before it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LogError(f"log {self.path}: cannot be made ({error.strerror})") from error
        with writing(self.file) as db:
            sessions = sessions_in(db)
            if not resume and any(one.steps or (one.ended is None and not one.gone) for one in sessions):
                raise InputError(_taken(self.path, sessions[0]))
            if not resume:  # a run that ended before its first step is none
                db.execute("DELETE FROM session")
                db.execute("DELETE FROM news")
            before = sessions[-1] if resume and sessions else None
            session, steps, seconds = 1, 0, 0.0
            if before is not None:
                _refuse_beside_another(self.file, before)
                session, steps, seconds = before.id + 1, before.steps, before.seconds
            self._begin(db, session, steps, seconds)
        return session, steps, seconds

    def _begin(self, db: sqlite3.Connection, session: int, steps: int, seconds: float) -> None:
        about = json.dumps(plain(self._about))
        db.execute(_BEGIN, (session, self._process, self._began, time.time(), steps, seconds, about))

    def _work(self) -> None:
        pause, done = _EVERY, False
        while not done:
            done = self._closing.wait(pause)
            if self.flush():
                pause = min(_SLOWEST, max(_EVERY, (time.monotonic() - self._age) / _HOUR))
            else:
                pause = min(_PATIENCE, pause * 2)

    def _flush(self) -> None:
        with self._lock:
            fresh, self._queue = self._queue, []
            looks = list(self._looks)
        if fresh:
            self._waiting = fold(self._waiting, *fresh)
            self._probes = next((part.probes for part in reversed(fresh) if part.probes), self._probes)
            self._reached = (self._steps + fresh[-1].steps, self._seconds + fresh[-1].seconds)
        elif looks and self._waiting is None:
            self._reached = (max(self._reached[0], self._steps + looks[-1].step), self._reached[1])
        try:
            with writing(self.file) as db:
                self._mark(db)
                if self._waiting is not None:
                    row = encoded(later(self._waiting, self._steps, self._seconds))
                    db.execute(_NEWS, (self._session, time.time(), *row))
                db.executemany(_LOOK, (_row(self._session, self._steps, look) for look in looks))
        except BaseException:
            if self._waiting is not None and weight(self._waiting) > MOST_BYTES:
                self._waiting = thinned(self._waiting)
            raise
        self._waiting = None
        with self._lock:
            self._looks = [look for look in self._looks if look.step > looks[-1].step] if looks else self._looks

    def _mark(self, db: sqlite3.Connection) -> None:
        about = json.dumps(plain(self._about))
        row = (time.time(), *self._ended, *self._reached, about, self._session, self._process)
        if db.execute(_BEAT, row).rowcount:
            return
        if db.execute("SELECT 1 FROM session").fetchone():
            raise LogError(f"log {self.file}: another run has taken its place")
        # it was deleted, and the folder made anew: what readings are of must be there once more
        self._begin(db, self._session, self._steps, self._seconds)
        if self._waiting is not None:
            self._waiting = replace(self._waiting, probes=self._probes)
        db.execute(_BEAT, row)

    def _tell(self, last: bool = False) -> None:
        if not self.problem or (self._told and not last):
            return
        self._told = True
        kept = (
            "what was not written is lost" if last else "the run goes on, and what comes is kept in memory until then"
        )
        text = f"{self.problem}; {kept}"
        if self._report is not None:
            self._report("problem", text)
        warnings.warn(text, RuntimeWarning, stacklevel=3)


def _row(session: int, steps: int, look: Look) -> tuple[Any, ...]:
    return (session, look.step + steps, look.losses, look.loss, look.samples, look.parameters.tobytes())


def _taken(folder: Path, first: Session) -> str:
    free = next(name for n in range(2, 10_000) if not (name := folder.with_name(f"{folder.name}-{n}")).exists())
    began = time.strftime("%d %B %Y at %H:%M", time.localtime(first.began))
    return (
        f"log {folder}: there is a run already, begun on {began}; write to another path such as {str(free)!r}, "
        f"or set resume=True to append to it"
    )


def _refuse_beside_another(file: Path, session: Session) -> None:
    own = session.process == this_process()
    silent = time.time() - session.beat > 60
    if session.ended is not None or session.gone or (own and file not in _OPEN) or (not own and silent):
        return
    who = "this process, through another Recorder," if own else f"the process {session.process}"
    raise LogError(f"log {file}: {who} is still writing to it; end that first")
