"""The dynamics view: predictions on a fixed batch while training runs, and its controls, on a page."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any

import traitlets
from IPython.core.getipython import get_ipython
from torch import Tensor

from nbinspect.dynamics.background import BackgroundRun
from nbinspect.dynamics.conditions import RunView
from nbinspect.dynamics.observer import Observer
from nbinspect.dynamics.plan import Plan
from nbinspect.dynamics.steering import Steering
from nbinspect.dynamics.watched import Watched
from nbinspect.errors import NbinspectError
from nbinspect.figures.dynamics_page import dynamics_html, dynamics_text
from nbinspect.journal.journal import Journal
from nbinspect.records import DynamicsRecord
from nbinspect.report.report import Report
from nbinspect.report.running import check
from nbinspect.subject import Subject
from nbinspect.widgets.cells import AfterCells
from nbinspect.widgets.dynamics_desk import DynamicsDesk
from nbinspect.widgets.dynamics_requests import DynamicsRequests
from nbinspect.widgets.main_thread import MainThread
from nbinspect.widgets.shown_run import ShownRun

_CLOSED = "this view is closed: open another with inspector.dynamics()"


class DynamicsView(ShownRun):
    """Predictions on a fixed batch while training runs; open it with `Inspector.dynamics`.

    Works without a page too. Weights, buffers, gradients, modes and random states of a run that is watched are bit for
    bit those of a run alone; only `set_rate`, `go_back` and `stop` change what is trained, as they say.
    """

    probe = traitlets.Int(0).tag(sync=True)
    sample = traitlets.Int(None, allow_none=True).tag(sync=True)
    """Which sample of the probe of that number is picked, by its position."""

    def __init__(self, subject: Subject, *, journal: Journal | None = None, **options: Any) -> None:
        main = MainThread()
        self._observer = Observer(
            subject,
            changed=lambda _state: self._desk.say(),
            wake=lambda: main.soon(self._observer.controls.settle),
            **options,
        )
        self._steering = Steering(self._observer)
        self._displayed = False
        super().__init__()
        self._desk = DynamicsDesk(self._observer, journal, self._put, lambda: main.soon(self._ended))
        self._cells = AfterCells(self._after_cell)
        self._requests = DynamicsRequests(self)
        self._desk.say()

    @property
    def record(self) -> DynamicsRecord:
        """All that is known of the run so far, as a plain record."""
        return self._observer.record

    def attach(self) -> DynamicsView:
        """Begin to watch, in a loop that is not edited: until `detach`, or the end of a ``with`` block."""
        self._open()
        self._observer.attach()
        return self

    def watch_next(self) -> None:
        """Attach by a click, between cells; an error is shown on the page."""
        try:
            self.attach()
        finally:
            self._desk.say()

    def waiting(self) -> None:
        """Say that a click has arrived and waits for the running cell."""
        self._put({"status": {**self.status, "text": "waits for the running cell to end"}})

    def detach(self) -> None:
        """End watching: a last reading of the probe, and every hook removed. The view stays."""
        self._observer.detach()
        self._told()

    def __enter__(self) -> DynamicsView:
        self.attach()
        if not self._displayed and get_ipython() is not None:
            self._ipython_display_()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        stopped = self._observer.__exit__(kind, error, traceback)
        self._told()
        return stopped

    def step(self, loss: Tensor | float | None = None, **values: float) -> None:
        """Give the loss of the step that was just made, and numbers to draw beside it; see `Observer.step`."""
        self._open()
        self._observer.step(loss, **values)

    def watch(self, loader: Iterable[Any]) -> Watched:
        """Return an iterable of the very batches of a loader, for ``for`` and ``async for``; a stop ends it."""
        self._open()
        return self._observer.watch(loader)

    def run_in_background(self, train: Callable[[], Any]) -> BackgroundRun:
        """Call `train` on a thread of its own, watched, and return at once, so that every click arrives.

        Raises:
            InputError: if `train` takes arguments or is no function, or a run is going.
        """
        self._open()
        return self._desk.run_in_background(train)

    def pause(self) -> None:
        """Pause after this step. Raises InputError where no resume could arrive; so does `advance`."""
        self._observer.controls.pause()

    def advance(self, steps: int = 1) -> None:
        """Run so many steps more, then pause."""
        self._observer.controls.advance(steps)

    def resume(self) -> None:
        """Go on after a pause."""
        self._observer.controls.resume()

    def stop(self) -> None:
        """End the run after this step."""
        self._observer.controls.stop()

    def pause_at(self, step: int | None = None, when: Callable[[RunView], object] | None = None) -> None:
        """Pause once at a step, or when a condition holds: ``pause_at(when=lambda run: run.loss > 3)``."""
        self._observer.controls.pause_at(step, when)

    def set_rate(self, rate: float, group: str | None = None) -> Future[None]:
        """Set the learning rate from the next step on, of all groups or of ``optimizer/group``; schedulers go along."""
        return self._observer.controls.set_rate(rate, group)

    def pin(self) -> Future[int]:
        """Keep the full state of the run, to go back to; see `Steering.pin`."""
        return self._steering.pin()

    def go_back(self, step: int, rate: float | None = None) -> Future[None]:
        """Give the run the state of a pinned step, with another learning rate if one is given."""
        return self._steering.go_back(step, rate)

    def save_checkpoint(self, path: str | Path | None = None) -> Future[Path]:
        """Save weights, optimizers and schedulers to a file, ``checkpoint-<step>.pt`` by default."""
        return self._steering.save(path)

    def check(self, **options: Any) -> Future[Report]:
        """Run the sanity checks on the run as it stands, between two steps; options as in `nbinspect.check`."""
        return self._observer.controls.do(functools.partial(self._checked, options))

    def note(self, text: str) -> None:
        """Keep a sentence with this step, on the time line and in the inspector's journal."""
        self._desk.note(str(text))

    def beat(self) -> None:
        """Take note that a message of the page has arrived."""
        if self._observer.live.beat():
            self._desk.say()

    def close(self) -> None:
        """End watching and let go of all that is held; a run goes on unwatched, a static page stays."""
        if not self._closed:
            self._observer.released = True
            self._observer.detach()
            self._closed = True
            self._cells.stop()
            self.status = {**self.status, "state": "closed", "text": _CLOSED}
            self._output.close()
            self.layout.close()  # a widget of its own, with a comm of its own
        super().close()

    def _open(self) -> None:
        if self._closed:
            raise NbinspectError(_CLOSED)

    def _told(self) -> None:
        self._desk.tell_all()
        self._output.outdate()

    def _ended(self) -> None:
        """Renew the static page after a run on a thread of its own: no cell's end may come."""
        self._output.outdate()
        self._renew()

    def _renew(self) -> None:
        if not self._closed and not self._observer.running:
            self._output.renew(self.model_id)

    def _after_cell(self) -> None:
        self._desk.cell_ended()
        self._renew()

    def _checked(self, options: dict[str, Any]) -> Report:
        report = check(self, **options)
        self._observer.mark("checks", str(report).splitlines()[0])
        return report

    @property
    def plan(self) -> Plan:
        """Which samples are watched."""
        return self._observer.plan

    @property
    def subject(self) -> Subject:
        """What is trained."""
        return self._observer.subject

    def _html(self) -> str:
        return dynamics_html(self.record)

    def _summary(self) -> str:
        return dynamics_text(self.record)

    def _ipython_display_(self) -> None:
        self._displayed = True
        super()._ipython_display_()

    def _title(self) -> str:
        return f"Dynamics · {type(self.subject.network).__name__}"
