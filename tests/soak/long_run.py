"""An hour of training at 278 steps a second, told of as it would be, and what is left in memory and on disks."""

from __future__ import annotations

import ctypes
import gc
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nbinspect import Journal
from nbinspect.dynamics.history import Facts, History
from nbinspect.records import Moment, Spike
from nbinspect.runlog.follow import Follow
from nbinspect.runlog.log import RunLog
from nbinspect.widgets.dynamics_page import PageNews
from tests.runlog.logged import decoded_batch, probe_record, reading

HOUR_STEPS = 10**6
SECOND, TELLING = HOUR_STEPS // 3600, HOUR_STEPS // 36_000
"""Steps between two looks at the disk, and between two tellings: listeners are told ten times a second."""
PAGE_WHOLE = 5 * SECOND
MARKED, SPIKED = 30, 600
"""Steps between marks on the time line, and between spikes: as many as are kept come within 10,000 steps."""
PARTS = ("features.0", "features.3", "head.0", "head.2")


@dataclass(frozen=True)
class Held:
    """What there is after some steps."""

    steps: int
    process: int
    """Bytes of the process in the main memory."""
    objects: int
    """Python objects that the collector knows, after a collection."""
    message: int
    """Bytes of the largest message with what is fresh that a page was sent so far."""
    whole: int
    """Bytes of the last message with all that is kept."""
    log: int
    """Bytes of the log of the run."""
    journal: int
    """Bytes of the journal."""


class Page:
    """Stands where a page is: keeps sizes of what it is sent, and the last of it, as a widget's traits do."""

    def __init__(self) -> None:
        self.traits: dict[str, Any] = {}
        self._last: dict[str, Any] = {}
        self.message = 0

    def send(self, traits: dict[str, Any]) -> None:
        """Take traits as a widget does."""
        self.traits.update(traits)
        if "history" in traits:
            self._last = traits
        else:
            self.message = max(self.message, size_of(traits))

    @property
    def whole(self) -> int:
        """Bytes of the last message with all that is kept."""
        return size_of(self._last)


def size_of(sent: Any) -> int:
    """Bytes of a message: its arrays, and each other value as its text, with four for what is around it."""
    if isinstance(sent, memoryview):
        return sent.nbytes
    if isinstance(sent, dict):
        return sum(len(name) + 4 + size_of(part) for name, part in sent.items())
    if isinstance(sent, list):
        return sum(map(size_of, sent))
    return len(str(sent)) + 4


def file_bytes(folder: Path, pattern: str) -> int:
    """Bytes of files, with what SQLite keeps beside them for longer than a transaction."""
    return sum(path.stat().st_size for path in folder.glob(pattern) if not path.name.endswith("-journal"))


def process_bytes() -> int:
    """Bytes of this process in the main memory, but for what it has freed and the C library keeps for later."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


class LongRun:
    """A run of so many steps through history, log, follower, page and journal, without a network that trains."""

    def __init__(self, folder: Path) -> None:
        self.history, self.page, self.followed = History(), Page(), Page()
        self.history.probe(probe_record())
        self.folder = folder
        self.log = RunLog(folder / "run")
        self.follow = Follow(folder / "run")
        self.journal = Journal(folder / "journal.db").run("long")
        self._facts = Facts("Net", ("SGD",))
        self._page = PageNews(self.page.send, lambda: self.history.whole(self._facts))
        self._follower = PageNews(self.followed.send, lambda: self.follow.record)

    def held(self, steps: int) -> Held:
        """What there is now."""
        gc.collect()
        page, other = self.page, self.followed
        sizes = (max(page.message, other.message), max(page.whole, other.whole))
        files = (file_bytes(self.folder, "run/*"), file_bytes(self.folder, "journal.db*"))
        return Held(steps, process_bytes(), len(gc.get_objects()), *sizes, *files)

    def train(self, steps: int, marks: tuple[int, ...]) -> Iterator[Held]:
        """Make the steps; yields what there is after those of `marks`."""
        losses = np.random.default_rng(0).normal(1, 0.1, steps).tolist()
        for step, loss in enumerate(losses, 1):
            self.history.value("loss", step, loss)
            self.journal.log(step, loss)
            if not step % MARKED:
                self.history.moment(Moment(step, "note", f"step {step:,}"))
            if not step % SPIKED:
                self.history.spike(Spike(step, 9 + loss, 0.5, decoded_batch(size=2), np.ones(2, dtype=np.float32)))
            if not step % TELLING or step == steps:
                self._tell(step)
            if not step % SECOND or step == steps:
                self._look(step)
            if step in marks:
                self._send_all(step)
                yield self.held(step)

    def close(self) -> None:
        """End the run."""
        self.journal.finish()
        self.log.close()

    def _tell(self, step: int) -> None:
        for part in PARTS:
            self.history.value("ratio", step, 1e-3, part)
        self.history.reading(0, reading(step))
        self._facts = Facts("Net", ("SGD",), step, step / SECOND, 0.01)
        fresh = self.history.fresh(self._facts)
        self._page.tell(fresh, {"step": step})
        self.log.write(fresh)

    def _look(self, step: int) -> None:
        self.log.flush()
        fresh = self.follow.poll()
        if fresh is not None:
            self._follower.tell(fresh, {"step": fresh.steps})
        if not step % PAGE_WHOLE:
            self._send_all(step)

    def _send_all(self, step: int) -> None:
        for page in (self._page, self._follower):
            page.tell_all({"step": step})
