"""`Journal`: every report, run and panel action in one file, to be found again and to be compared."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbinspect.errors import InputError
from nbinspect.journal.comparison import Comparison, compared
from nbinspect.journal.configuration import configuration_of
from nbinspect.journal.entry import COLUMNS, KINDS, Entry, entry_read, facts_of
from nbinspect.journal.plain import flat, plain
from nbinspect.journal.run import Run
from nbinspect.journal.storage import add_entry, prepared, reading, writing
from nbinspect.report.report import Report
from nbinspect.subject import Subject, kind_of

if TYPE_CHECKING:
    import pandas as pd

_OWN = ("kind", "name", "status", "began", "seconds", "loss", "steps", "failed", "seed", "commit", "device", "batch")
_SUMMARY = f"""SELECT {COLUMNS},
    (SELECT value FROM value WHERE entry = entry.id AND name = 'loss' ORDER BY id DESC LIMIT 1),
    (SELECT count(*) FROM value WHERE entry = entry.id AND name = 'loss')
    FROM entry ORDER BY id"""


class Journal:
    """Keeps reports, runs and actions in one SQLite file, with configuration, seed, versions, commit, device and data.

    Several notebooks and scripts may have the same file open and write to it; it is to lie on a local disk. Each
    entry is on the disk when the call that makes it returns. Nothing is deleted or changed later.

    Args:
        path: the file; made if it is not there.

    Raises:
        InputError: if it is no journal, or one of another version; it is left unchanged.
        JournalError: if it cannot be read, or made.

    Source: S-journal.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = prepared(path)

    def add(self, report: Report, name: str = "", *, note: str = "", config: Any = None, inspector: Any = None) -> int:
        """Keep a report with its checks, and return its number.

        Args:
            report: of `nbinspect.check`, or of a panel.
            name: to find it by; the model's class by default.
            note: a sentence to keep with it.
            config: your own configuration, a mapping, a dataclass or a namespace.
            inspector: the `Inspector` of the program, so that its configuration and data are kept too; one batch is
                read through a copy of the loader, and the program is left unchanged.

        Raises:
            JournalError: if it cannot be written.
        """
        if not isinstance(report, Report):
            raise InputError(f"report: expected a Report of nbinspect.check, got {kind_of(report)}")
        configuration = configuration_of(_subject(inspector), config, report.record)
        with writing(self.path) as db:
            return add_entry(
                db,
                "report",
                name or report.record.model,
                status="cut short" if report.record.cut else "ok" if report.ok else "failed",
                configuration=configuration,
                checks={result.check: result.status for result in report.results},
                report=report.to_json(),
                seconds=report.record.seconds,
                note=note,
            )

    def run(self, name: str, *, config: Any = None, inspector: Any = None, note: str = "") -> Run:
        """Begin a run of training: ``with journal.run("baseline", inspector=inspector) as run: run.log(step, loss)``.

        Args:
            name: to find it by; several runs may have the same.
            config: your own configuration, a mapping, a dataclass or a namespace.
            inspector: as of `add`.
            note: a sentence to keep with it.

        Raises:
            JournalError: if it cannot be written; once a run has begun, no trouble with the file raises.
        """
        configuration = configuration_of(_subject(inspector), config)
        with writing(self.path) as db:
            entry = add_entry(db, "run", name, status="running", configuration=configuration, note=note)
        return Run(self.path, entry, name)

    def act(self, name: str, **details: Any) -> int:
        """Keep something that a person did, with its details, and return its number.

        Raises:
            JournalError: if it cannot be written.
        """
        with writing(self.path) as db:
            configuration = {"details": plain(details)}
            return add_entry(db, "action", name, status="done", configuration=configuration, seconds=0.0)

    def runs(self, *, kind: str | None = None, name: str | None = None, status: str | None = None) -> pd.DataFrame:
        """Return what there is as a DataFrame, a row an entry, by its number.

        Your own configuration has a column a setting: ``config.lr``.

        Args:
            kind: ``run``, ``report`` or ``action``; the first two by default.
            name: of the entries; all by default.
            status: likewise.

        Raises:
            InputError: for another kind.
        """
        import pandas as pd

        if kind is not None and kind not in KINDS:
            raise InputError(f"kind: expected one of {', '.join(KINDS)}, got {kind!r}")
        with reading(self.path) as db:
            found = db.execute(_SUMMARY).fetchall()  # whole: a cursor that an exception keeps would hold the file
        rows = [_row(row) for row in found]
        wanted = ("run", "report") if kind is None else (kind,)
        rows = [r for r in rows if r["kind"] in wanted and name in (None, r["name"]) and status in (None, r["status"])]
        own = {key: None for row in rows for key in row if key.startswith("config.")}
        index = pd.Index([row["id"] for row in rows], name="id", dtype="int64")
        frame: pd.DataFrame = pd.DataFrame(rows, columns=[*_OWN, *own], index=index)
        return frame

    def __getitem__(self, entry: int) -> Entry:
        """Return an entry by its number, with its notes, curves and report.

        Raises:
            InputError: if there is none of this number.
        """
        number = _number_of(entry)
        with reading(self.path) as db:
            found = None if number is None else entry_read(db, number)
            if found is None:
                last = db.execute("SELECT max(id) FROM entry").fetchone()[0]
        if found is None:
            raise InputError(f"no entry {entry!r} in this journal; {f'the last is {last}' if last else 'it is empty'}")
        return found

    def __len__(self) -> int:
        with reading(self.path) as db:
            return int(db.execute("SELECT count(*) FROM entry").fetchone()[0])

    def __bool__(self) -> bool:
        return True  # also without entries

    def compare(self, a: int | Entry | Run, b: int | Entry | Run) -> Comparison:
        """Return two entries side by side: what differed, and what it did.

        Raises:
            InputError: for a number that there is not.

        Source: K-one-at-a-time.
        """
        return compared(*(e if isinstance(e, Entry) else self[e.id if isinstance(e, Run) else e] for e in (a, b)))

    def __repr__(self) -> str:
        return f"Journal({str(self.path)!r})"


def journal_at(given: Any) -> Journal:
    """Return the journal itself, or the one at a path.

    Raises:
        InputError: if it is neither.
    """
    if isinstance(given, str | Path):
        return Journal(given)
    if not isinstance(given, Journal):
        raise InputError(f"journal: expected a Journal or the path of one, got {kind_of(given)}")
    return given


def _subject(inspector: Any) -> Subject | None:
    subject = getattr(inspector, "subject", inspector)
    if subject is not None and not isinstance(subject, Subject):
        raise InputError(f"inspector: expected an Inspector, got {kind_of(inspector)}")
    return subject


def _number_of(entry: Any) -> int | None:
    """Return a whole number of any type, as the index of a DataFrame has; None where it can be no entry's."""
    try:
        number = operator.index(entry)
    except TypeError:
        return None
    return number if abs(number) < 2**63 else None


def _row(row: tuple[Any, ...]) -> dict[str, Any]:
    *facts, loss, steps = row
    found = facts_of(tuple(facts))
    known = found.pop("configuration")
    wrong = [check for check, status in found.pop("checks").items() if status in ("fail", "error")]
    commit = known.get("commit") or {}
    return {
        **found,
        "loss": float("nan") if loss is None else loss,
        "steps": steps,
        "failed": ", ".join(wrong),
        "seed": (known.get("seed") or {}).get("torch"),
        "commit": commit["id"][:10] + ("+" if commit["dirty"] else "") if commit else None,
        "device": known.get("device"),
        "batch": (known.get("data") or {}).get("batch"),
        **{f"config.{key}".removesuffix("."): value for key, value in flat(known.get("config", {})).items() if key},
    }
