"""Where a data view works: one piece of work at a time, and the page told what has changed and how far it has come."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from nbinspect.data.explorer import works
from nbinspect.data.explorer.charts import Charts
from nbinspect.data.explorer.explorer import Doing, Explorer, Split
from nbinspect.data.explorer.labelling import human, human_result
from nbinspect.data.human.asking import HumanBaseline
from nbinspect.errors import InputError, NbinspectError, reason_of
from nbinspect.figures.data_page import data_html, data_text
from nbinspect.figures.data_sheet import DataSheet
from nbinspect.figures.page import waiting_html, waiting_text
from nbinspect.interrupts import interruptible
from nbinspect.records import BaselineRecord, DataMap, HumanRecord
from nbinspect.widgets.between_cells import BetweenCells
from nbinspect.widgets.cells import Names
from nbinspect.widgets.data_sheet import sheet_of
from nbinspect.widgets.data_state import dataset_state, view_state
from nbinspect.widgets.main_thread import MainThread

_NOT_YET = "not scanned yet"
_EVERY = 0.1
"""Seconds between two messages while work is under way."""
_RESTING: dict[str, Any] = {"work": None, "done": None, "left": None}

Found = TypeVar("Found")


class DataDesk:
    """What a data view does with its explorer.

    Args:
        explorer: what is looked at.
        main: where the user's objects are read.
        put: sets traits of the widget.
    """

    def __init__(self, explorer: Explorer, main: MainThread, put: Callable[[dict[str, Any]], None]) -> None:
        self.explorer = explorer
        self.human: HumanBaseline | None = None
        """Samples that a person labels, of `human_split`."""
        self.human_split: Split = "train"
        self.baseline: BaselineRecord | None = None
        """What simple models came to, the last time they were asked."""
        self._human_asked: tuple[int, float, str | Path | None] = (0, 0.0, None)
        self._put = put
        self._steps = BetweenCells(main, self._told, self._ended)
        self._names = Names(explorer.subject.model)
        self._charts: dict[Split, Charts] = {}
        self._sheet: DataSheet | None = None
        self._empty = False
        self._serial = 0
        self._told_at = 0.0
        self._published: tuple[int, str, object] | None = None
        self.say("idle", "")

    @property
    def busy(self) -> bool:
        """Whether a scan or a prediction is under way."""
        return self._steps.running

    @property
    def outdated(self) -> bool:
        """Whether the static page that was made last says that nothing was scanned, and something was since."""
        return self._empty and bool(self.explorer.views)

    @property
    def scanned(self) -> bool:
        """Whether all was scanned."""
        views = self.explorer.views
        return len(views) == len(self.explorer.splits) and all(view.record.complete for view in views.values())

    @property
    def answered(self) -> int:
        """How many samples a person has labelled."""
        return 0 if self.human is None else self.human.answered

    def turn_to(self, index: int, split: Split) -> int:
        """Look at the split that a sample is in, and return its row. Raises NbinspectError if it was not scanned."""
        with self.explorer.lock:
            if split not in self.explorer.views:
                raise NbinspectError(f"nothing of the {split} data was scanned yet")
            (row,) = self.explorer.views[split].rows_of([index]).tolist()
            if split != self.explorer.split:
                self.explorer.switch(split)
                self.publish()
            return int(row)

    @property
    def charts(self) -> Charts:
        """What is drawn of the split that is looked at."""
        view = self.explorer.view
        if self.explorer.split not in self._charts:
            self._charts[self.explorer.split] = Charts(view)
        return self._charts[self.explorer.split]

    def start_scan(self) -> Future[dict[str, Any]]:
        """Scan between cells. Raises InputError while other work is under way, as `start_predict` does."""
        return self._steps.start(self.explorer.scanning())

    def start_predict(self, target_scale: Any = None) -> Future[dict[str, Any]]:
        """Predict between cells."""
        self.explorer.view  # noqa: B018 - raises where nothing was scanned
        return self._steps.start(works.predicting(self.explorer, target_scale))

    def start_human(self, n: int = 50, twice: float = 0.0, path: str | Path | None = None) -> HumanBaseline:
        """Draw samples for a person to label."""
        self.human, self.human_split = human(self.explorer, n=n, twice=twice, path=path), self.explorer.split
        self._human_asked = (n, float(twice), path)
        return self.human

    def go_on_human(self, n: int, twice: float) -> HumanBaseline:
        """Go on where a person stopped who was asked for as much, or was begun with a file; else begin."""
        asked, path = self._human_asked[:2], self._human_asked[2]
        here = self.human is not None and self.human_split == self.explorer.split and not self.human.done
        if here and self.human is not None and (path is not None or asked == (n, float(twice))):
            return self.human
        return self.start_human(n, twice)

    def human_result(self) -> HumanRecord:
        """Return what a person's answers come to. Raises InputError where no samples were drawn."""
        return human_result(self.explorer, self.asked(), self.human_split)

    def asked(self) -> HumanBaseline:
        """Return the samples that a person labels. Raises InputError where none were drawn."""
        if self.human is None:
            raise InputError("no samples were drawn to label: start the human baseline first, human(n=50)")
        return self.human

    def finish(self) -> None:
        """Do the rest of what is under way now; raises what it raises."""
        self._steps.finish()

    def wait_for(self, begun: Future[dict[str, Any]]) -> None:
        """Do the rest of work that was begun now; raises what it raised."""
        self._steps.finish()
        begun.result()

    def work(self, work: Callable[[Explorer, Callable[[Doing], object]], Found]) -> Found:
        """Do work in one go, with progress on the page, and return what it finds; an error is shown, and raised."""
        if self.busy:
            raise NbinspectError("other work is under way: wait for its end, or cancel it")
        self.explorer.begin()
        try:
            with interruptible():
                found = work(self.explorer, self._told)
        except BaseException as error:
            self._ended(error)
            raise
        if isinstance(found, BaselineRecord):
            self.baseline = found
        self._ended(None)
        return found

    def draw_map(self, found: DataMap, colour: str | None = None) -> DataMap:
        """Draw a map of the split that is looked at, in the colours of a column, those of before by default."""
        self.charts.draw_map(found, colour or self.charts.colour)
        self.publish()
        return found

    def publish(self, tried: tuple[str, str] | None = None) -> None:
        """Tell the page what is shown; with a query that could not be read, and why not.

        The data set is told again only where it, the split or a mark is another one.
        """
        explorer = self.explorer
        with explorer.lock:
            if explorer.split not in explorer.views:
                return
            view = explorer.view
            self._serial += 1
            traits: dict[str, Any] = {"view": view_state(view, self.charts, explorer.other, self._serial, tried)}
            before, now = self._published, (explorer.serial, explorer.split, view.marked)
            if before is None or before[:2] != now[:2] or before[2] is not now[2]:
                self._published = now
                traits = {"dataset": dataset_state(explorer), **traits}
            self._put(traits)

    def say(self, state: str, text: str, **progress: Any) -> None:
        """Tell the page what is being done, or that nothing is."""
        self._said = (state, text, progress)
        self._put({"status": {**_RESTING, "state": state, "text": text, "stale": self._names.rebound(), **progress}})

    def say_rest(self) -> None:
        """Tell the page that a click waits no longer."""
        if self._said[0] == "waiting" and not self.busy:
            self.say("idle", "")

    def say_again(self) -> None:
        """Tell the page the same, with names that mean another object since."""
        state, text, progress = self._said
        self.say(state, text, **progress)

    @property
    def text(self) -> str:
        """What was told last."""
        return self._said[1]

    def html(self) -> str:
        """Return the static page of what is shown."""
        self._empty = not self.explorer.views
        if self._empty:
            return waiting_html("data", self.text or _NOT_YET)
        if self._sheet is None:
            self._sheet = sheet_of(self.explorer, self.charts)
        return data_html(self._sheet)

    def summary(self) -> str:
        """Return what is shown as text."""
        if not self.explorer.views:
            return waiting_text("data", self.text or _NOT_YET)
        return data_text(sheet_of(self.explorer, self.charts, fetched=False))

    def forget_page(self) -> None:
        """Have the static page made anew when it is wanted next."""
        self._sheet = None

    def close(self) -> None:
        """End what is under way; the static page is made anew once more."""
        self.explorer.cancel()
        self._steps.stop()
        self.forget_page()

    def _told(self, doing: Doing) -> None:
        """Tell the page how far work has come, ten times a second at most, and what it has found meanwhile."""
        now = time.monotonic()
        if now - self._told_at >= _EVERY or doing.done is None:
            self._told_at = now
            self.say("busy", doing.text, work=doing.work, done=doing.done, left=doing.left)
            if self._published is None or self._published[0] != self.explorer.serial:
                self.publish()

    def _ended(self, error: BaseException | None) -> None:
        self.publish()
        lost = self.explorer.lost_marks
        note = f"{lost:,} marks fell away: those samples hold something else now" if lost else ""
        self.explorer.lost_marks = 0
        if isinstance(error, works.CancelledError):
            self.say("idle", str(error))
        elif isinstance(error, Exception):
            self.say("error", reason_of(error))
        elif error is not None:
            self.say("idle", "interrupted: what was found stands")
        else:
            self.say("idle", note)
