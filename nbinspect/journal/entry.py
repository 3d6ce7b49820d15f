"""An entry of a journal as it is read back: a report, a run or an action, with all that is known of it."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Literal

import numpy as np

from nbinspect.errors import InputError
from nbinspect.figures.words import clean, number, plural
from nbinspect.journal.process import is_gone
from nbinspect.journal.revived import revived
from nbinspect.records import Floats, Integers
from nbinspect.report.report import Report

Kind = Literal["report", "run", "action"]
KINDS = ("report", "run", "action")
COLUMNS = "id, kind, name, status, began, ended, process, configuration, checks"


@dataclass(frozen=True, eq=False)
class Curve:
    """What was logged of one quantity, in the order in which it was logged."""

    steps: Integers
    """(K,)"""
    values: Floats
    """(K,) float64"""
    seconds: Floats
    """(K,) since the run began."""


@dataclass(frozen=True, eq=False)
class Entry:
    """A report, a run or an action, as a journal has it."""

    id: int
    kind: Kind
    name: str
    status: str
    """Of a run ``running``, ``finished``, ``failed``, ``interrupted``, ``killed`` or the user's own; of a report ``ok``
    or ``failed``, ``cut short`` where it did not come to its end; of an action ``done``."""
    began: datetime
    seconds: float | None
    """None for a run that goes on, or was killed."""
    configuration: dict[str, Any] = field(repr=False)
    """In sections: config, model, optimizer, loader, seed, versions, commit, device, data, …; what is not known is not
    there, and where it could not be read, ``unread`` says why."""
    checks: dict[str, str] = field(repr=False)
    """The status of each check, by name."""
    notes: tuple[str, ...] = ()
    curves: dict[str, Curve] = field(default_factory=dict, repr=False)
    """By the names given to `Run.log`."""
    json: str | None = field(default=None, repr=False)
    """The report, as JSON."""

    @property
    def report(self) -> Report:
        """The report.

        Raises:
            InputError: if this entry is none.
        """
        if self.json is None:
            raise InputError(
                f"entry {self.id} has no report: it is {'an' if self.kind == 'action' else 'a'} {self.kind}"
            )
        return revived(self.json)

    @property
    def loss(self) -> float | None:
        """The last loss that was logged; None where none was."""
        curve = self.curves.get("loss")
        return None if curve is None else float(curve.values[-1])

    def __str__(self) -> str:
        told = [f"{self.id} {clean(self.name, 80)}", self.kind, clean(self.status, 30), f"{self.began:%Y-%m-%d %H:%M}"]
        if self.seconds is not None:
            told.append(f"{self.seconds:.1f} s")
        if self.loss is not None:
            told.append(f"loss {number(self.loss)} after {plural(len(self.curves['loss'].values), 'step')}")
        wrong = [name for name, status in self.checks.items() if status in ("fail", "error")]
        if self.checks:
            told.append(f"failed: {', '.join(map(clean, wrong))}" if wrong else plural(len(self.checks), "check"))
        return " · ".join(told)


def entry_read(db: sqlite3.Connection, entry: int) -> Entry | None:
    """Return an entry with its notes and curves; None where there is no such number."""
    row = db.execute(f"SELECT {COLUMNS}, report FROM entry WHERE id = ?", (entry,)).fetchone()
    if row is None:
        return None
    *facts, report = row
    notes = db.execute("SELECT text FROM note WHERE entry = ? ORDER BY id", (entry,)).fetchall()
    logged: dict[str, list[tuple[int, float, float]]] = {}
    columns = "name, step, value, at"
    for name, step, value, at in db.execute(f"SELECT {columns} FROM value WHERE entry = ? ORDER BY id", (entry,)):
        logged.setdefault(name, []).append((step, np.nan if value is None else value, at - facts[4]))
    curves = {name: _curve(rows) for name, rows in logged.items()}
    return Entry(**facts_of(tuple(facts)), notes=tuple(text for (text,) in notes), curves=curves, json=report)


def facts_of(row: tuple[Any, ...]) -> dict[str, Any]:
    """Return the fields of an entry that its row alone tells; a row has the `COLUMNS`."""
    entry, kind, name, status, began, ended, process, configuration, checks = row
    return {
        "id": entry,
        "kind": kind,
        "name": name,
        "status": "killed" if status == "running" and is_gone(process) else status,
        "began": datetime.fromtimestamp(began, timezone.utc).astimezone(),
        "seconds": None if ended is None else ended - began,
        "configuration": json.loads(configuration),
        "checks": json.loads(checks),
    }


def _curve(rows: list[tuple[int, float, float]]) -> Curve:
    steps, values, seconds = zip(*rows, strict=True)
    return Curve(np.array(steps, dtype=np.int64), np.array(values, dtype=np.float64), np.array(seconds))
