"""What has been run on one inspector, on its views in whichever cell and without one: the evidence of its recipe."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from nbinspect.journal.journal import Journal
from nbinspect.recipe.evidence import BatchLook, Evidence, Given, PassLook, RunLook, Scan, Verdict
from nbinspect.records import BatchRecord, DynamicsRecord, ForwardRecord
from nbinspect.report.report import Report
from nbinspect.subject import Subject

if TYPE_CHECKING:
    from nbinspect.widgets.batch import BatchView
    from nbinspect.widgets.data import DataView
    from nbinspect.widgets.dynamics import DynamicsView
    from nbinspect.widgets.forward import ForwardView
    from nbinspect.widgets.sanity import SanityView

    View = BatchView | DataView | DynamicsView | ForwardView | SanityView

Watched = TypeVar("Watched", bound="View")
_AT_WORK = ("busy", "waiting")


class Witness:
    """Takes note of what views find; it holds none of them, and keeps plain facts when they have gone.

    Args:
        subject: what is inspected.
        journal: the inspector's.
    """

    def __init__(self, subject: Subject, journal: Journal | None) -> None:
        self._journal = journal is not None
        self._known = Evidence(given_of(subject, journal=self._journal))
        self._views: weakref.WeakSet[View] = weakref.WeakSet()
        self.listeners: weakref.WeakSet[Any] = weakref.WeakSet()
        """Objects whose `evidence_came` is called when something new is known."""

    @property
    def evidence(self) -> Evidence:
        """All that is known now."""
        for view in list(self._views):
            if type(view).__name__ != "SanityView":  # read when its run has ended: what was checked since is the latest
                self._known = read(view, self._known)
        return self._known

    def watched(self, view: Watched) -> Watched:
        """Take note of what this view finds from now on, and return it."""
        self._views.add(view)
        view.observe(self._changed, names=["status"])
        self._known = read(view, self._known)
        self._tell()
        return view

    def checked(self, report: Report) -> None:
        """Take note of what checks have found without a view; plain runs do not speak for the program."""
        if not report.record.plain:
            self._known = with_report(self._known, report)
            self._tell()

    def begin(self, subject: Subject) -> None:
        """Forget what speaks of the model: another one has taken its place."""
        known = self.evidence.of_data()
        for view in list(self._views):
            view.unobserve(self._changed, names=["status"])
        self._views.clear()
        self._known = replace(known, given=given_of(subject, journal=self._journal))

    def _changed(self, change: dict[str, Any]) -> None:
        """Read a view when it has come to rest; that may be on the thread that trains, which nothing here may break."""
        before, now = (status.get("state") if status else None for status in (change["old"], change["new"]))
        if before == now or now in _AT_WORK:
            return
        with contextlib.suppress(Exception):
            self._known = read(change["owner"], self._known)
            self._tell()

    def _tell(self) -> None:
        for listener in list(self.listeners):
            listener.evidence_came()


def given_of(subject: Subject, *, journal: bool) -> Given:
    """Return what an inspector was given that steps of the recipe need."""
    loss = subject.loss_fn is not None or subject.train_step is not None
    return Given(subject.loader is not None, subject.val_loader is not None, loss, journal)


def read(view: View, known: Evidence) -> Evidence:
    """Return what is known, with what a view has found; of each thing the latest counts."""
    return _READERS[type(view).__name__](view, known)


def with_report(known: Evidence, report: Report) -> Evidence:
    """Return what is known, with what checks have found."""
    found = {
        result.check: Verdict(result.status, result.title or result.summary, result.stage, not result.explained_by)
        for result in report.results
    }
    return replace(known, verdicts={**known.verdicts, **found})


def _data(view: DataView, known: Evidence) -> Evidence:
    scans = dict(known.scans)
    for split, looked in view.explorer.views.items():
        record = looked.record
        scans[split] = Scan(
            record.rows,
            record.total,
            record.complete,
            any(name in looked.columns for name in ("prediction", "loss")),
            tuple((finding.kind, finding.text) for finding in record.findings if finding.level == "warn"),
            record.failed,
        )
    answered = max(known.answered, view.desk.answered)
    return replace(known, scans=scans, baseline=view.desk.baseline or known.baseline, answered=answered)


def _batch(view: BatchView, known: Evidence) -> Evidence:
    shown = view.decoded
    return known if shown is None else replace(known, batch=look_at_batch(shown.batch))


def look_at_batch(record: BatchRecord) -> BatchLook:
    """Return what is to be known of a batch that was shown."""
    findings = [*record.findings, *(finding for tensor in record.tensors for finding in tensor.findings)]
    warnings = tuple(dict.fromkeys(finding.text for finding in findings if finding.level == "warn"))
    return BatchLook(record.size, record.error or "", warnings, record.origin.how != "given")


def _forward(view: ForwardView, known: Evidence) -> Evidence:
    return known if view.untouched is None else replace(known, forward=look_at_pass(view.untouched))


def look_at_pass(record: ForwardRecord) -> PassLook:
    """Return what is to be known of a pass that was recorded."""
    return PassLook(len(record.steps), record.failure.error if record.failure else "")


def _sanity(view: SanityView, known: Evidence) -> Evidence:
    return known if view.as_it_is is None else with_report(known, view.as_it_is)


def _dynamics(view: DynamicsView, known: Evidence) -> Evidence:
    if view.status.get("background"):  # what grows on another thread is read when it has ended
        return known
    record = view.record
    return replace(known, run=look_at_run(record)) if record.steps else known


def look_at_run(record: DynamicsRecord) -> RunLook:
    """Return what is to be known of a run that was watched."""
    validated = any(trace.name == "validation loss" and len(trace.step) for trace in record.traces)
    alerts = tuple(moment.text for moment in record.moments if moment.kind in ("alert", "broken"))
    return RunLook(record.steps, sum(map(len, record.readings)), validated, alerts)


_READERS: dict[str, Callable[[Any, Evidence], Evidence]] = {
    "BatchView": _batch,
    "DataView": _data,
    "DynamicsView": _dynamics,
    "ForwardView": _forward,
    "SanityView": _sanity,
}
"""By the name of the class: to open one view must not import all of them."""
