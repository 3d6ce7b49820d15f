"""A run that is followed from its log: what is there, what comes, and whether the trainer is still alive."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbinspect.dynamics.history import History, facts_of
from nbinspect.errors import InputError, written_out
from nbinspect.records import DynamicsRecord, ProbeRecord
from nbinspect.runlog.news import fold
from nbinspect.runlog.ranks import causes_between
from nbinspect.runlog.runfile import BusyError, Session, decoded, file_of, reading, sessions_in
from nbinspect.wire import pack

_ROWS, _BYTES = 256, 32 * 2**20
"""Read at most in one look; `Follow.behind` says that there is more."""
_PATIENCE = 30.0
"""Seconds without a sign of life; a writer gives one at least every ten."""
_LOST = "readings of a probe whose own row is damaged are left out"
_RANKS_EVERY = 10.0
_NEWS = """SELECT serial, CAST(session AS INTEGER), CAST(sizes AS TEXT), CAST(record AS BLOB), CAST(data AS BLOB)
    FROM news WHERE serial > ? ORDER BY serial LIMIT ?"""


class Follow:
    """Follows the run whose `Recorder` writes to a folder, from any process and host that sees the folder.

    Reads only, for milliseconds at a time, so that the trainer never waits; memory is bounded. A folder that is not
    there yet is waited for. Nothing is changed but for one case: a log whose writer was killed within a transaction is
    put in order by SQLite when it is opened.

    Args:
        path: the folder that the `Recorder` was given.
        rank: whose log to follow; the others are compared with it.
    """

    def __init__(self, path: str | Path, rank: int = 0) -> None:
        self.path = Path(path).expanduser().absolute()
        self.file = file_of(self.path, rank)
        self.behind = False
        """Whether more is written than the last `poll` has read."""
        self.generation = 0
        """Goes up when another run has taken the place of the one before; `record` then begins anew."""
        self._clear()

    def _clear(self) -> None:
        self._history = History()
        self._latest: DynamicsRecord | None = None
        self._serial = 0
        self._first: tuple[str, float] | None = None
        self._session: Session | None = None
        self._moved = time.monotonic()
        self._known: tuple[ProbeRecord, ...] = ()
        self._numbers: dict[int, tuple[int, ...]] = {}
        self._said: set[str] = set()
        self._compared = -_RANKS_EVERY
        self._damage: InputError | None = None

    @property
    def record(self) -> DynamicsRecord | None:
        """All that was read, thinned; None before there is any."""
        return None if self._latest is None else self._history.whole(facts_of(self._latest))

    @property
    def about(self) -> dict[str, Any]:
        """What the recorder told of the run: its configuration, versions and ranks, as values of JSON."""
        try:
            found = json.loads(self._session.about) if self._session is not None else {}
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def poll(self) -> DynamicsRecord | None:
        """Return what is fresh since the last call, None where nothing is; at most 256 rows, see `behind`.

        Raises:
            LogError: if the log cannot be read.
            InputError: for a file that is no log, or a damaged row; the next call goes on behind that row.
        """
        if self._damage is not None:
            damage, self._damage = self._damage, None
            raise damage
        if not self.file.exists():
            return None
        try:
            with reading(self.file) as db:
                self._enter(sessions_in(db))
                rows = _within(db.execute(_NEWS, (self._serial, _ROWS)))
                self.behind = bool(rows) and bool(
                    db.execute("SELECT 1 FROM news WHERE serial > ? LIMIT 1", (rows[-1][0],)).fetchone()
                )
        except BusyError:
            return None
        return self._heard(rows)

    def _heard(self, rows: list[tuple[int, int, str, bytes, bytes]]) -> DynamicsRecord | None:
        parts, damage = [], None
        for serial, session, sizes, text, data in rows:
            self._serial = serial  # first: a damaged row is complained of once
            try:
                parts.append(self._renumbered(session, _sound(decoded(DynamicsRecord, sizes, text, data))))
            except InputError as error:
                damage = error
                break
        fresh = fold(None, *parts)
        if fresh is not None:
            self._history.append(fresh)
            self._latest = fresh
        if damage is not None:
            self.behind = True
            if fresh is None:
                raise damage
            self._damage = damage  # what was read before it comes first
        return self._with_ranks(fresh)

    def _enter(self, sessions: list[Session]) -> None:
        if not sessions:
            return
        first = (sessions[0].process, sessions[0].began)
        if self._first not in (None, first):
            self._clear()
            self.generation += 1
        self._first = first
        if self._session is None or sessions[-1].beat != self._session.beat:
            # by this computer's own clock, for that of the other host may differ
            age = time.time() - sessions[-1].beat if self._session is None else 0.0
            self._moved = time.monotonic() - max(0.0, age)
        self._session = sessions[-1]

    def _renumbered(self, session: int, record: DynamicsRecord) -> DynamicsRecord:
        """Return the record with the probes of a resumed run behind those before, where they are other samples."""
        if record.probes:
            known = list(self._known)
            numbers = []
            for probe in record.probes:
                same = next((n for n, one in enumerate(known) if n not in numbers and _alike(one, probe)), len(known))
                known += [probe] if same == len(known) else []
                numbers.append(same)
            self._known, self._numbers[session] = tuple(known), tuple(numbers)
        numbers_here = self._numbers.get(session, ())
        lost = any(record.readings[len(numbers_here) :])
        readings: list[Any] = [()] * len(self._known)
        for number, part in zip(numbers_here, record.readings, strict=False):
            readings[number] = part
        return replace(
            record,
            probes=self._known if record.probes else (),
            readings=tuple(readings),
            notes=(*record.notes, _LOST) if lost else record.notes,
        )

    def _with_ranks(self, fresh: DynamicsRecord | None) -> DynamicsRecord | None:
        """Return what is fresh with what the comparison of ranks has to say that was not said before."""
        if self._latest is None or time.monotonic() - self._compared < _RANKS_EVERY:
            return fresh
        self._compared = time.monotonic()
        causes = [(cause, moment) for cause, moment in causes_between(self.path) if cause not in self._said]
        if not causes:
            return fresh
        self._said.update(cause for cause, _ in causes)
        new = tuple(moment for _, moment in causes)
        said = replace(self._latest, probes=(), readings=(), traces=(), moments=new, spikes=())
        self._history.append(said)
        return fold(fresh, said)

    @property
    def alive(self) -> bool | None:
        """Whether the trainer runs; None where that cannot be told, or nothing is there yet.

        A process of this host is asked for; of another host the signs of life in the log are watched for 30 s.
        """
        session = self._session
        if session is None:
            return None
        if session.ended is not None or session.gone:
            return False
        return True if self._silence() < _PATIENCE else None

    def _silence(self) -> float:
        return time.monotonic() - self._moved

    @property
    def text(self) -> str:
        """How the run stands, in a sentence."""
        session = self._session
        if session is None:
            return f"waiting for a run at {self.path}"
        step = f"step {session.steps:,}"
        if session.ended is not None:
            return f"{written_out(session.status[:80])} at {step}; all that was written is here"
        silence = f"{self._silence():.0f} s ago"
        if self.alive is None:
            return f"no sign of the trainer since {silence}, at {step}: it is held up, or its host was switched off"
        if self.alive:
            return f"live · {step} · {silence}"
        return f"the trainer was killed at {step}; all that was written is here"


def _within(cursor: Any) -> list[tuple[int, int, str, bytes, bytes]]:
    """Return the first rows of a cursor that fit into the limit together, one at least."""
    rows: list[tuple[int, int, str, bytes, bytes]] = []
    total = 0
    for row in cursor:
        total += len(row[3]) + len(row[4])
        if rows and total > _BYTES:
            break
        rows.append(row)
    return rows


def _sound(record: DynamicsRecord) -> DynamicsRecord:
    """Refuse arrays that do not fit together."""
    for trace in record.traces:
        shapes = {part.shape for part in (trace.step, trace.low, trace.mean, trace.high, trace.broken)}
        if shapes != {trace.step.shape[:1]}:
            raise InputError(f"a row of the log is damaged (trace {trace.name!r:.80} has columns {shapes})")
    for one in (each for part in record.readings for each in part):
        lengths = {part.shape[:1] for part in vars(one).values() if not isinstance(part, int)}
        if len(lengths) > 1 or () in lengths:
            raise InputError(f"a row of the log is damaged (a reading has arrays of {lengths} samples)")
    return record


def _alike(a: ProbeRecord, b: ProbeRecord) -> bool:
    """Tell whether two probes are the same samples."""

    def told(probe: ProbeRecord) -> str:
        parts = (probe.split, probe.task, probe.targets, probe.classes, probe.batch.inputs)
        return json.dumps(pack(parts), default=lambda data: bytes(data).hex())

    return told(a) == told(b)
