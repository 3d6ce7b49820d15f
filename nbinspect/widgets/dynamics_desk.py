"""Where a dynamics view works: the page told how the run stands, what it does noted, its thread looked after."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from nbinspect.capture.door import between_steps
from nbinspect.dynamics.background import BackgroundRun, run_in_background
from nbinspect.dynamics.observer import Observer
from nbinspect.errors import NbinspectError
from nbinspect.journal.journal import Journal
from nbinspect.records import DynamicsRecord
from nbinspect.widgets.cells import Names
from nbinspect.widgets.dynamics_page import PageNews, status_of


class DynamicsDesk:
    """What a dynamics view does with its observer beside steering it.

    Args:
        observer: of the run.
        journal: keeps notes; None where there is none.
        put: sets traits of the widget.
        ended: called when watching has ended on a thread that trained.
    """

    def __init__(
        self,
        observer: Observer,
        journal: Journal | None,
        put: Callable[[dict[str, Any]], None],
        ended: Callable[[], None],
    ) -> None:
        self._observer = observer
        self._journal = journal
        self._put = put
        self._background_ended = ended
        self._names = Names(observer.subject.model)
        self._background: BackgroundRun | None = None
        self._page = PageNews(put, lambda: observer.record)
        observer.listeners.append(self._told)

    @property
    def in_background(self) -> bool:
        """Whether the run goes on a thread of its own."""
        return self._background is not None and self._background.running

    def run_in_background(self, train: Callable[[], Any]) -> BackgroundRun:
        """Call `train` on a thread of its own, watched as long as the view is open. Raises InputError as that does."""
        observer = self._observer
        observer.live.begin("background")
        self._background = run_in_background(train, observer.controls, observer.mark, self._beside)
        return self._background

    @contextlib.contextmanager
    def _beside(self) -> Iterator[None]:
        with between_steps():
            self._observer.attach()
        try:
            yield
        finally:
            self._observer.detach()
            self.tell_all()
            self._background_ended()

    def note(self, text: str) -> None:
        """Keep a sentence with this step, on the time line and in the journal."""
        observer = self._observer
        observer.mark("note", text)
        if self._journal is not None:
            try:
                self._journal.act("note", text=text, step=observer.steps)
            except NbinspectError as error:
                observer.mark("problem", f"not kept in the journal: {error}")
        if not observer.running:
            self.tell_all()

    def say(self) -> None:
        """Tell the page how the run stands."""
        self._put({"status": self._status()})

    def tell_all(self) -> None:
        """Tell the page all that is kept."""
        self._page.tell_all(self._status())

    def cell_ended(self) -> None:
        """Take note of the end of a cell: a loop in it is over, or rests."""
        observer = self._observer
        observer.live.cell_ended()
        if not self.in_background:
            observer.controls.rest()
            if observer.running:
                observer.tell()
                self.tell_all()
        self.say()

    def _told(self, fresh: DynamicsRecord) -> None:
        self._page.tell(fresh, self._status())

    def _status(self) -> dict[str, Any]:
        stale, kept = self._names.rebound(), self._journal is not None
        return status_of(self._observer, stale, background=self.in_background, journal=kept)
