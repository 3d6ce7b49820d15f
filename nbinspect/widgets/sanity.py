"""The sanity view: the checks on a page, run by a click."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import traitlets

from nbinspect.errors import InputError, NbinspectError
from nbinspect.figures.page import waiting_html, waiting_text
from nbinspect.figures.words import plural
from nbinspect.journal.journal import Journal
from nbinspect.records import CheckResult, Progress, SanityRecord
from nbinspect.reference.swap import Swap, swap
from nbinspect.report.report import Report
from nbinspect.report.running import check
from nbinspect.sanity.choose import settings_checked
from nbinspect.sanity.registry import CHECKS
from nbinspect.subject import Subject
from nbinspect.widgets.cells import AfterCells, Names
from nbinspect.widgets.notebook_view import NotebookView, front_end
from nbinspect.widgets.sanity_forms import Shown
from nbinspect.widgets.sanity_journal import SanityJournal
from nbinspect.widgets.sanity_requests import SanityRequests
from nbinspect.widgets.sanity_state import merged, progress_of, so_far
from nbinspect.widgets.sanity_swap import NAME, TRAININGS, swap_result
from nbinspect.wire import PACKED, pack

_CLOSED = "this view is closed: open another with inspector.sanity()"
_EVERY = 0.1
"""Seconds between two messages to the page while checks run."""


class SanityView(NotebookView):
    """The sanity checks of a program, run by a click or by `run`; open it with `Inspector.sanity`.

    Works without a page too. The model, its gradients, buffers, modes and hooks, the optimizer, the loaders'
    generators and the random states are left unchanged, also on exceptions and interrupts.
    """

    _esm, _css = front_end("sanity")
    catalogue = traitlets.Any([]).tag(sync=True)
    record = traitlets.Any(None, allow_none=True).tag(sync=True)
    plain = traitlets.Bool(False).tag(sync=True)
    other = traitlets.Dict().tag(**PACKED)
    swapped = traitlets.Any(None, allow_none=True).tag(sync=True)
    progress = traitlets.Any(None, allow_none=True).tag(sync=True)
    status = traitlets.Dict().tag(**PACKED)

    def __init__(
        self, subject: Subject, *, seed: int = 0, time_budget: float = 120, journal: Journal | None = None
    ) -> None:
        settings_checked(CHECKS, subject)
        self.subject = subject
        self._reports: dict[bool, Report] = {}
        self._swap: Swap | None = None
        self._seed = seed
        self._time_budget = time_budget
        self._cancelled = threading.Event()
        self._journal = SanityJournal(journal, subject)
        self._found: list[CheckResult] = []
        self._shown = self._trained = 0
        self._seconds = self._told_at = 0.0
        self._names = Names(subject.model)
        super().__init__(catalogue=pack([each.facts for each in CHECKS]))
        self._cells = AfterCells(self._after_cell)
        self._requests = SanityRequests(self)
        self._say("idle", "")

    @property
    def report(self) -> Report | None:
        """What has been found: of each check the latest answer; None before the first run.

        Runs as the program is and plain ones have a report each: this is the one that `plain` stands for.
        """
        return self._reports.get(self.plain)

    @property
    def as_it_is(self) -> Report | None:
        """What has been found of the program as it is, however the switch to plain runs stands."""
        return self._reports.get(False)

    @property
    def shown(self) -> Shown | None:
        """The records of all that is shown; None before anything was run."""
        if self.report is None and self._swap is None:
            return None
        record = self.report.record if self.report else so_far(self.subject, (), self._seed, 0.0, plain=self.plain)
        return Shown(record, None if self._swap is None else self._swap.record)

    def run(
        self,
        only: str | Iterable[str] | None = None,
        skip: str | Iterable[str] | None = None,
        plain: bool | None = None,
    ) -> Report:
        """Run checks, with progress on the page, and return the report that the page shows then.

        Args:
            only: names of checks or stages to run; all by default.
            skip: names of checks or stages not to run.
            plain: run without augmentation and regularisation, as `nbinspect.check`; None runs as the switch stands.

        Raises:
            InputError: for an unknown name, with the nearest known one; before anything is run.

        Results of earlier runs of the same kind stay in the report until their checks are run again; so do those of a
        run that is cancelled or interrupted. The inspector's journal keeps each run, with its own results alone.
        """
        if plain is not None:
            self.turn(plain)
        options: dict[str, Any] = {"seed": self._seed, "time_budget": self._time_budget, "progress": self._told}
        with self.working("runs the checks"):
            self._journal.begins(only, skip, **({"plain": True} if self.plain else {}))
            try:
                new = check(self, only=only, skip=skip, plain=self.plain, **options).record
            except BaseException as error:
                if self._found:
                    cut = "interrupted" if isinstance(error, KeyboardInterrupt) else type(error).__name__
                    self._show(self._so_far(cut))
                raise
            finally:
                self._found, self._shown = [], 0
            return self._show(new)

    def swap(self, *, steps: int = 60) -> Swap:
        """Swap model and data for known ones, with progress on the page, and return which of the two is at fault.

        Args:
            steps: of each of the short trainings.

        Raises:
            InputError: for a program that cannot be swapped, with what is missing.

        Copies are trained, and the program is left unchanged; a swap that is cancelled cannot tell.
        """
        with self.working("trains copies of your model and of a known one"):
            self._journal.act("swap", steps=steps)
            self._trained, began = 0, time.monotonic()
            self._swap = swap(
                self,
                steps=steps,
                seed=self._seed,
                time_budget=self._time_budget,
                cancelled=lambda: self._swapping(time.monotonic() - began),
                progress=lambda trained: setattr(self, "_trained", trained),
            )
            self.swapped = pack(swap_result(self._swap.record))
            self._output.outdate()
            return self._swap

    def turn(self, plain: bool) -> None:
        """Turn the switch to plain runs, or back; the report of the other kind is kept, and comes back with it.

        Raises:
            InputError: while checks are running.
        """
        if self.status["state"] in ("busy", "waiting"):
            raise InputError("plain: checks are running; cancel them first")
        with self.hold_sync():
            self.plain = plain

    def cancel(self) -> None:
        """Have the run that is under way, or waits for a cell's end, come to an end; what it has found stands."""
        if self.status["state"] in ("busy", "waiting") and not self._cancelled.is_set():
            self._cancelled.set()
            self._journal.act("cancel")

    def close(self) -> None:
        """End a run that is under way; a static page stays in the notebook."""
        if not self._closed:
            self.cancel()
            self._closed = True
            self._cells.stop()
            self.status = {"state": "closed", "text": _CLOSED, "stale": None}
            self._output.close()
            self.layout.close()  # a widget of its own, with a comm of its own
        super().close()

    def waiting(self) -> None:
        """Say that a click has arrived and waits for the running cell."""
        self._say("waiting", "waits for the running cell to end")

    @contextlib.contextmanager
    def working(self, text: str) -> Iterator[None]:
        """Say what is being done, then that it has ended; an error is shown in the view and raised."""
        if self._closed:
            raise NbinspectError(_CLOSED)
        self._say("busy", text)
        try:
            yield
        except NbinspectError as error:
            self._rest("error", str(error))
            raise
        except BaseException:
            self._rest("idle", "")
            raise
        self._rest("error" if self._journal.problem else "idle", self._journal.problem)

    def _told(self, progress: Progress) -> bool:
        """Tell the page how far the run has come, ten times a second at most; answer whether it goes on."""
        self._found += progress.results
        self._seconds = progress.seconds
        if time.monotonic() - self._told_at >= _EVERY:
            with self.hold_sync():
                self.progress = progress_of(progress)
                if len(self._found) > self._shown:
                    self.record = pack(self._with_earlier(self._so_far()))
            self._shown, self._told_at = len(self._found), time.monotonic()
        return not self._cancelled.is_set()

    def _swapping(self, seconds: float) -> bool:
        """Tell the page how long the swap has been at work; answer whether it is to end."""
        if time.monotonic() - self._told_at >= _EVERY:
            self.progress = progress_of(Progress(self._trained, TRAININGS, NAME, seconds, None, ()))
            self._told_at = time.monotonic()
        return self._cancelled.is_set()

    def _so_far(self, cut: str = "") -> SanityRecord:
        return so_far(self.subject, self._found, self._seed, self._seconds, cut, plain=self.plain)

    def _with_earlier(self, new: SanityRecord) -> SanityRecord:
        return merged(None if self.report is None else self.report.record, new, CHECKS)

    def _show(self, new: SanityRecord) -> Report:
        report = self._reports[self.plain] = Report(self._with_earlier(new))
        self.record = pack(report.record)
        self._output.outdate()
        self._journal.ended(Report(new))
        return report

    @traitlets.observe("plain")
    def _turned(self, _: Any) -> None:
        other = self._reports.get(not self.plain)
        self.record = None if self.report is None else pack(self.report.record)
        self.other = {} if other is None else {result.check: result.status for result in other.results}

    def _rest(self, state: str, text: str) -> None:
        self._cancelled.clear()  # it was meant for what has ended, also where that was no run
        if not self._closed:
            with self.hold_sync():
                self.progress = None
                self._say(state, text)

    def _say(self, state: str, text: str) -> None:
        self.status = {"state": state, "text": text, "stale": self._names.rebound()}

    def _after_cell(self) -> None:
        self._say(self.status["state"], self.status["text"])
        if self.status["state"] not in ("busy", "waiting"):
            self._output.renew(self.model_id)

    def _html(self) -> str:
        return waiting_html("sanity", self._waiting_text()) if self.shown is None else self.shown.html

    def _summary(self) -> str:
        return waiting_text("sanity", self._waiting_text()) if self.shown is None else self.shown.text

    def _waiting_text(self) -> str:
        return self.status["text"] or f"{plural(len(CHECKS), 'check')}, not run yet"

    def _title(self) -> str:
        return f"Sanity · {type(self.subject.network).__name__}"
