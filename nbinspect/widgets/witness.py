"""What has been run on one inspector, on its views in whichever cell and without one: the evidence of its recipe."""

from __future__ import annotations

import contextlib
import itertools
import sys
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from nbinspect.journal.journal import Journal
from nbinspect.recipe.evidence import BatchLook, Evidence, Given, Oddity, PassLook, RunLook, Scan, Verdict
from nbinspect.records import BatchRecord, DatasetRecord, DynamicsRecord
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
_SURE, _SHARE = 5, 0.02
"""Validation samples, and their share, from which training on them is no accident: as in `split-leak`."""
_NUMBERS = ("table", "series", "values")


class Witness:
    """Takes note of what views find; it holds none of them, and keeps plain facts when they have gone.

    Args:
        subject: what is inspected.
        journal: the inspector's.
    """

    def __init__(self, subject: Subject, journal: Journal | None) -> None:
        self._journal = journal is not None
        self._known = Evidence(given_of(subject, journal=self._journal))
        self._views: weakref.WeakKeyDictionary[View, int] = weakref.WeakKeyDictionary()
        self._serial = itertools.count()
        self.listeners: weakref.WeakSet[Any] = weakref.WeakSet()
        """Objects whose `evidence_came` is called when something new is known."""

    @property
    def evidence(self) -> Evidence:
        """All that is known now."""
        for view, _ in sorted(self._views.items(), key=lambda one: one[1]):  # what has changed last counts
            if type(view).__name__ != "SanityView":  # read when its run has ended: what was checked since is the latest
                self._known = read(view, self._known)
        return self._known

    def watched(self, view: Watched) -> Watched:
        """Take note of what this view finds from now on, and return it."""
        self._views[view] = next(self._serial)
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
        self._views[change["owner"]] = next(self._serial)
        ended_by = sys.exc_info()[1]  # a ``with`` block that is left by an error tells its end while that is handled
        with contextlib.suppress(Exception):
            self._known = with_error(read(change["owner"], self._known), change["owner"], ended_by)
            self._tell()

    def _tell(self) -> None:
        for listener in list(self.listeners):
            listener.evidence_came()


def given_of(subject: Subject, *, journal: bool) -> Given:
    """Return what an inspector was given that steps of the recipe need."""
    loss = subject.loss_fn is not None or subject.train_step is not None
    given = {"loader": subject.loader is not None, "validation": subject.val_loader is not None}
    return Given(**given, loss=loss, journal=journal, train_step=subject.train_step is not None)


def read(view: View, known: Evidence) -> Evidence:
    """Return what is known, with what a view has found; of each thing the latest counts."""
    return _READERS[type(view).__name__](view, known)


def with_report(known: Evidence, report: Report) -> Evidence:
    """Return what is known, with what checks have found."""
    found = {
        result.check: Verdict(
            result.status,
            result.title or result.summary,
            result.stage,
            not result.explained_by,
            result.hindrance,
        )
        for result in report.results
    }
    return replace(known, verdicts={**known.verdicts, **found})


def _data(view: DataView, known: Evidence) -> Evidence:
    scans = dict(known.scans)
    records = {split: looked.record for split, looked in view.explorer.views.items()}
    for split, looked in view.explorer.views.items():
        record = looked.record
        predicted = any(name in looked.columns for name in ("prediction", "loss"))
        odd = tuple(_oddities(record, records.get("validation")))
        counts = (record.rows, record.total, record.complete, predicted)
        scans[split] = Scan(*counts, odd, record.failed, _illegible(record))
    answered = max(known.answered, view.desk.answered)
    baseline = view.desk.baseline
    if baseline is not None and baseline is not known.baseline:
        known = replace(known, baseline=baseline, trained=_is_trained(known))
    return replace(known, scans=scans, answered=answered)


def _oddities(record: DatasetRecord, graded: DatasetRecord | None) -> Iterator[Oddity]:
    """Yield what is worth a look, in sentences with counts; of samples in both splits the training data tell."""
    for finding in record.findings:
        if finding.level != "warn" or (finding.kind == "in both splits" and record is graded):
            continue
        text, certain = finding.text, finding.kind == "unreadable"
        if finding.kind == "in both splits":
            text = f"{finding.count:,} of {record.rows:,} {record.split} samples are in the validation data too"
            leaked = (
                max((each.count for each in graded.findings if each.kind == finding.kind), default=0) if graded else 0
            )
            certain = graded is not None and leaked >= _SURE and leaked > _SHARE * graded.rows
        elif finding.groups:
            text = text.split(": ", 1)[0]
        yield Oddity(finding.kind, text, certain)


def _illegible(record: DatasetRecord) -> str:
    """Return why a person cannot label these samples; empty where one can."""
    label, texts = record.column("label"), record.column("text")
    if record.form in _NUMBERS:
        return "a person cannot tell these numbers"
    if record.form == "text" and texts is not None and not any(map(str.isalpha, "".join(texts.words))):
        return "a person cannot tell token ids: give a tokenizer or vocabulary, Inspector(…, tokenizer=…)"
    if label is not None and label.kind == "class":
        return ""
    several = len(record.targets) > 1
    return (
        "several targets: which a person is to tell is not known" if several else "there are no classes to tell apart"
    )


def _is_trained(known: Evidence) -> bool:
    """Whether something that was run tells that the network is no longer as it was made."""
    told = any(each.hindrance == "trained" for each in known.verdicts.values())
    return told or (known.run is not None and known.run.steps > 0)


def _batch(view: BatchView, known: Evidence) -> Evidence:
    shown = view.decoded
    if shown is None:
        if view.status.get("state") != "error":
            return known
        error = str(view.status["text"])
        return replace(known, batch=BatchLook(0, error, (), from_loader=error.startswith("the loader ")))
    look = look_at_batch(shown.batch)
    kept = known.batch is not None and known.batch.from_loader and known.batch.size and not look.from_loader
    return known if kept else replace(known, batch=look)


def look_at_batch(record: BatchRecord) -> BatchLook:
    """Return what is to be known of a batch that was shown."""
    findings = [*record.findings, *(finding for tensor in record.tensors for finding in tensor.findings)]
    warnings = tuple(dict.fromkeys(finding.text for finding in findings if finding.level == "warn"))
    return BatchLook(record.size, record.error or "", warnings, record.origin.how != "given")


def _forward(view: ForwardView, known: Evidence) -> Evidence:
    passed, stepper, before = view.untouched, view.stepper, known.forward
    if passed is None or stepper.state == "closed":
        return known
    fetched = stepper.runs.batches.fetched
    held = view.holding
    own = held.indices is not None or (fetched is not None and fetched.batch is held.batch)
    if before is not None and before.from_loader and not own:
        return known
    stepped = (own and stepper.reached >= 0) or (before is not None and before.stepped)
    error = passed.failure.error if passed.failure else ""
    return replace(known, forward=PassLook(len(passed.steps), error, own, stepped))


def _sanity(view: SanityView, known: Evidence) -> Evidence:
    return known if view.as_it_is is None else with_report(known, view.as_it_is)


def _dynamics(view: DynamicsView, known: Evidence) -> Evidence:
    if view.status.get("background"):  # what grows on another thread is read when it has ended
        return known
    record = view.record
    if not record.steps:
        return known
    look, before = look_at_run(record), known.run
    same = before is not None and before.steps == look.steps and not look.raised
    return replace(known, run=replace(look, raised=before.raised) if same and before is not None else look)


def look_at_run(record: DynamicsRecord) -> RunLook:
    """Return what is to be known of a run that was watched."""
    validated = any(trace.name == "validation loss" and len(trace.step) for trace in record.traces)
    told = {kind: [m.text for m in record.moments if m.kind == kind] for kind in ("alert", "broken", "problem")}
    raised = [text for text in told["problem"] if text.startswith("training raised ")]
    readings = max(map(len, record.readings), default=0)
    ends = ("".join(told["broken"][-1:]), "".join(raised[-1:]))
    return RunLook(record.steps, readings, validated, tuple(told["alert"]), *ends)


def with_error(known: Evidence, view: View, error: BaseException | None) -> Evidence:
    """Return what is known, with the error that has ended the run of a view; stops and interrupts are none."""
    run = known.run
    ended = type(view).__name__ == "DynamicsView" and isinstance(error, Exception)
    if not ended or run is None:
        return known
    return replace(known, run=replace(run, raised=f"training raised {type(error).__name__}: {error}"))


_READERS: dict[str, Callable[[Any, Evidence], Evidence]] = {
    "BatchView": _batch,
    "DataView": _data,
    "DynamicsView": _dynamics,
    "ForwardView": _forward,
    "SanityView": _sanity,
}
"""By the name of the class: to open one view must not import all of them."""
