"""An entry of a journal as it is read back: a report, a run or an action, with all that is known of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Literal

import numpy as np

from nbinspect.errors import InputError
from nbinspect.figures.words import clean, number, plural
from nbinspect.journal.plain import flat
from nbinspect.journal.process import is_gone
from nbinspect.journal.revived import revived
from nbinspect.records import Floats, Integers
from nbinspect.report.report import Report
from nbinspect.revive import made

Kind = Literal["report", "run", "action"]
KINDS = ("report", "run", "action")
_VALUES = "SELECT name, step, value, at FROM value WHERE entry = ? ORDER BY id"
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
    found = facts_of(tuple(facts))
    notes = db.execute("SELECT text FROM note WHERE entry = ? ORDER BY id", (entry,)).fetchall()
    logged: dict[str, list[tuple[int, float, float]]] = {}
    with _undamaged(entry):
        for name, step, value, at in db.execute(_VALUES, (entry,)).fetchall():
            logged.setdefault(name, []).append((step, np.nan if value is None else value, at - facts[4]))
        curves = {name: _curve(rows) for name, rows in logged.items()}
    return Entry(**found, notes=tuple(text for (text,) in notes), curves=curves, json=report)


def facts_of(row: tuple[Any, ...]) -> dict[str, Any]:
    """Return the fields of an entry that its row alone tells; a row has the `COLUMNS`.

    Raises:
        InputError: for a row that nbinspect has not written; it may come from anywhere.
    """
    entry, kind, name, status, began, ended, process, configuration, checks = row
    with _undamaged(entry):
        return {
            "id": entry,
            "kind": made(Kind, kind),
            "name": made(str, name),
            "status": "killed" if status == "running" and is_gone(process) else made(str, status),
            "began": datetime.fromtimestamp(began, timezone.utc).astimezone(),
            "seconds": None if ended is None else ended - began,
            "configuration": _configuration(json.loads(configuration)),
            "checks": {str(check): made(str, found) for check, found in json.loads(checks).items()},
        }


def _configuration(found: Any) -> dict[str, Any]:
    sections: dict[str, Any] = made(dict, found)
    flat(sections)  # which refuses what is nested too deep
    commit, *_ = (made(dict, sections.get(name) or {}) for name in ("commit", "data", "seed"))
    if commit and not (isinstance(commit.get("id"), str) and "dirty" in commit):
        raise ValueError("a commit without its id")
    return sections


@contextmanager
def _undamaged(entry: object) -> Iterator[None]:
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError) as error:
        raise InputError(f"entry {entry} of the journal is damaged ({str(error)[:200]})") from error


def _curve(rows: list[tuple[int, float, float]]) -> Curve:
    steps, values, seconds = zip(*rows, strict=True)
    return Curve(np.array(steps, dtype=np.int64), np.array(values, dtype=np.float64), np.array(seconds))
