"""What a sanity view tells the journal: each run with its settings, and what a person did there."""

from __future__ import annotations

from typing import Any

from nbinspect.errors import NbinspectError
from nbinspect.journal.journal import Journal
from nbinspect.journal.plain import plain
from nbinspect.report.report import Report
from nbinspect.subject import Subject

_SETTINGS = ("thresholds", "intended")


class SanityJournal:
    """Keeps what happens in one view; trouble with the file is told in `problem`, and never ends a run.

    Args:
        journal: where; None keeps nothing.
        subject: the program of the view.
    """

    def __init__(self, journal: Journal | None, subject: Subject) -> None:
        self._journal = journal
        self._subject = subject
        self._settings: dict[str, Any] = dict.fromkeys(_SETTINGS)
        self.problem = ""
        """Why the last thing that happened was not kept; empty where it was."""

    def begins(self, only: Any, skip: Any, **more: Any) -> None:
        """Keep that a run begins, and before it which thresholds and waived findings are other ones than last time."""
        self.problem = ""
        for name in _SETTINGS:
            now = plain(getattr(self._subject, name))
            if now != self._settings[name]:
                self.act(name, before=self._settings[name], now=now)
                self._settings[name] = now
        self.act("run", only=only, skip=skip, **more)

    def ended(self, report: Report) -> None:
        """Keep what a run found."""
        if self._journal is not None:
            try:
                self._journal.add(report, inspector=self._subject)
            except NbinspectError as error:
                self.problem = f"the report was not kept: {error}"

    def act(self, name: str, **details: Any) -> None:
        """Keep what a person did."""
        if self._journal is not None:
            try:
                self._journal.act(name, **details)
            except NbinspectError as error:
                self.problem = f"not kept: {error}"
