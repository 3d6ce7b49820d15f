"""The rooms of a dashboard: which there are, what each needs, how it is opened, and what its tab says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, get_args

from nbinspect.errors import InputError
from nbinspect.figures.words import plural
from nbinspect.journal.journal import Journal
from nbinspect.recipe.catalogue import Advice
from nbinspect.records import RoomName
from nbinspect.subject import Subject
from nbinspect.widgets.batch import BatchView
from nbinspect.widgets.data import DataView
from nbinspect.widgets.dynamics import DynamicsView
from nbinspect.widgets.forward import ForwardView
from nbinspect.widgets.sanity import SanityView
from nbinspect.widgets.witness import Witness, look_at_batch

if TYPE_CHECKING:
    from nbinspect.widgets.witness import View

ROOMS: tuple[RoomName, ...] = get_args(RoomName)
Badge = tuple[str, str]
"""A few words, and their tone: ``ok``, ``warn``, ``bad`` or nothing."""
_NO_LOADER = "needs a loader: Inspector(model, loader, loss_fn)"


class Program(Protocol):
    """What a dashboard needs of the inspector that it belongs to."""

    subject: Subject
    journal: Journal | None

    @property
    def witness(self) -> Witness:
        """What has been run."""

    def batch(self) -> BatchView:
        """Open the batch."""

    def data(self) -> DataView:
        """Open the data."""

    def forward(self) -> ForwardView:
        """Open the forward pass."""

    def dynamics(self) -> DynamicsView:
        """Open the dynamics."""

    def sanity(self) -> SanityView:
        """Open the checks."""

    def inspect(
        self,
        model: Any = None,
        *,
        loader: Any = None,
        val_loader: Any = None,
        loss_fn: Any = None,
        optimizer: Any = None,
    ) -> None:
        """Inspect other parts of the program."""


def checked_room(name: Any) -> RoomName:
    """Return the name of a room. Raises InputError for another."""
    if name not in ROOMS:
        raise InputError(f"room: expected one of {', '.join(ROOMS)}, got {name!r}")
    room: RoomName = name
    return room


def why_off(room: RoomName, subject: Subject) -> str:
    """Return what a room needs that was not given; empty where it can be opened."""
    return _NO_LOADER if subject.loader is None and room not in ("recipe", "dynamics") else ""


def badge_of(view: View) -> Badge:
    """Return what the tab of an open view says; cheap, for it is asked while training runs."""
    if isinstance(view, DataView):
        return _of_data(view)
    failed = "bad" if view.status.get("state") == "error" else ""
    if isinstance(view, BatchView):
        shown = view.decoded
        if shown is None:
            return "", failed
        look = look_at_batch(shown.batch)
        return plural(look.size, "sample"), "bad" if look.error else "warn" if look.warnings else "ok"
    if isinstance(view, ForwardView):
        passed = view.untouched
        if passed is None:
            return "", failed
        return plural(len(passed.steps), "step"), "bad" if passed.failure else "ok"
    if isinstance(view, SanityView):
        return _of_sanity(view)
    step = int(view.status.get("step", 0))
    return (f"step {step:,}", "") if step else ("", "")


def _of_data(view: DataView) -> Badge:
    records = [looked.record for looked in view.explorer.views.values()]
    if not records:
        return "", ""
    warned = any(finding.level == "warn" for record in records for finding in record.findings)
    bad = any(record.failed for record in records)
    rows = sum(record.rows for record in records)
    return plural(rows, "sample"), "bad" if bad else "warn" if warned else "ok"


def _of_sanity(view: SanityView) -> Badge:
    report = view.report
    if report is None:
        return "", ""
    if report.failed:
        return f"{len(report.failed)} failed", "bad"
    odd = len(report.warned) + len(report.errors)
    return (f"{odd} to look at", "warn") if odd else (f"{len(report.results)} run", "ok")


def start(advice: Advice, view: View) -> None:
    """Start what a step of the recipe names, in the view of its room."""
    if isinstance(view, SanityView):
        view.run(only=advice.checks)
    elif isinstance(view, DataView) and advice.id == "simple-models":
        view.baselines()
    elif isinstance(view, DataView) and advice.id == "wrong-predictions":
        view.desk.finish()  # predictions are of what was scanned
        view.desk.start_predict()
    elif isinstance(view, DataView) and not view.desk.busy and not view.desk.scanned:
        view.desk.start_scan()
