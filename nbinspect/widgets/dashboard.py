"""The dashboard of an inspector: its recipe, its views, and one sample carried through them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import traitlets

from nbinspect.browse import Split
from nbinspect.errors import InputError, NbinspectError, reason_of
from nbinspect.figures.dashboard_page import dashboard_html, dashboard_text
from nbinspect.recipe.catalogue import advice_of
from nbinspect.recipe.progress import recipe_of
from nbinspect.records import RecipeRecord, RoomName
from nbinspect.widgets.cells import AfterCells
from nbinspect.widgets.dashboard_facts import facts_of
from nbinspect.widgets.dashboard_names import ProgramNames
from nbinspect.widgets.dashboard_requests import DashboardRequests
from nbinspect.widgets.dashboard_rooms import ROOMS, Program, checked_room, start, why_off
from nbinspect.widgets.dashboard_sample import CARRIED, Selected, against, by_index, carried, picked, stands, told
from nbinspect.widgets.dashboard_state import recipe_state, rooms_state, sample_state
from nbinspect.widgets.dashboard_views import Views
from nbinspect.widgets.main_thread import MainThread
from nbinspect.widgets.notebook_view import NotebookView, front_end
from nbinspect.wire import PACKED, pack

if TYPE_CHECKING:
    from nbinspect.widgets.witness import View

_CLOSED = "this dashboard is closed: open another with inspector.dashboard()"


class Dashboard(NotebookView):
    """All views of an inspector in one place; open it with `Inspector.dashboard`, or by showing the inspector.

    It runs nothing by itself: a view is made when its room is opened, and does then what it says. Works without a page
    too: `open`, `select`, `show`, `views`, `recipe`.
    """

    _esm, _css = front_end("dashboard")
    rooms = traitlets.Any([]).tag(**PACKED)
    active = traitlets.Unicode("recipe").tag(sync=True)
    facts = traitlets.Dict().tag(**PACKED)
    sample = traitlets.Any(None, allow_none=True).tag(**PACKED)
    recipe = traitlets.Instance(RecipeRecord).tag(sync=True, to_json=lambda record, _: pack(recipe_state(record)))
    status = traitlets.Dict().tag(**PACKED)

    def __init__(self, inspector: Program) -> None:
        self._inspector = inspector
        self._names = ProgramNames(inspector.subject)
        self._views = Views(inspector, self._tell_rooms, self._picked)
        self._selected: Selected | None = None
        self._sought: Selected | None = None
        self._moving = False
        self._pages: tuple[list[str], list[str]] = ([], [])
        super().__init__(recipe=recipe_of(inspector.witness.evidence))
        self._main = MainThread()
        self._cells = AfterCells(self._after_cell)
        self._requests = DashboardRequests(self, self._main)
        inspector.witness.listeners.add(self)
        self._say("idle", "")
        self._tell()

    @property
    def views(self) -> dict[RoomName, View]:
        """The views that are open, by room."""
        return dict(self._views.open)

    def open(self, room: RoomName | None = None) -> View | None:
        """Go to a room, and return its view, which is made the first time; None for the recipe.

        A sample that is selected is brought along, where the room can show it and loses no pass by it.

        Raises:
            NbinspectError: for a room that there is not, or whose view cannot be made; the room shows why.
        """
        if room is None:  # ipywidgets opens the widget itself so
            super().open()
            return None
        view = self._opened(room)
        if self._selected is not None and room in CARRIED and self._selected.room != room:
            try:
                why = stands(view, self._selected)
                self._say("idle", why) if why else self._carry(room)
            except NbinspectError as error:  # the room was asked for, and the sample comes along where it can
                self._say("idle", str(error))
                self._sought = self._selected if room == "data" else None
        return view

    def act(self, step: str) -> None:
        """Do what a step of the recipe says: go to its room, and start there what it names; raises as these do."""
        advice = advice_of(step)
        if advice is None:
            raise InputError(f"step: the recipe has no {step!r}")
        view = self._opened(advice.room)
        if advice.action is not None and view is not None:
            with self._working(advice.action.lower()):
                start(advice, view)

    def select(self, index: int, split: Split = "train") -> None:
        """Select the sample with this index of a split's data set; raises InputError where the loader tells none."""
        self._check_open()
        self._choose(by_index(self._inspector.subject, split, index))

    def show(self, room: RoomName) -> View | None:
        """Carry the selected sample into a room, go there, and return its view.

        Raises:
            NbinspectError: if no sample is selected, or the room cannot be opened or show it; the reason is shown too.
        """
        if checked_room(room) not in CARRIED:
            raise InputError(f"room: expected one of {', '.join(CARRIED)}, got {room!r}")
        if self._selected is None:
            raise InputError("no sample is selected: pick one in a view, or select(index)")
        view = self._opened(room)
        self._carry(room)
        return view

    def clear(self) -> None:
        """Let go of the selected sample."""
        self._choose(None)

    def renew(self) -> None:
        """Inspect what the notebook's variables mean now, and close the views; ticks of the data stay with the data."""
        self._check_open()
        changed, before = self._names.changed, self._inspector.subject
        if not changed:
            raise NbinspectError("no variable of the notebook means another one now: there is nothing to renew")
        with self._working(f"turns to the new {', '.join(changed)}"):
            self._inspector.inspect(**changed)
            self._views.close()
            self._names = ProgramNames(self._inspector.subject, before)
            self._selected = None
            self._go("recipe")
        self._say("idle", self._names.word)

    def close(self) -> None:
        """Close the dashboard and its views; a static page stays in the notebook."""
        if not self._closed:
            self._output.close()  # with the pages of the views that are open
            self._closed = True
            self._cells.stop()
            self._inspector.witness.listeners.discard(self)
            self.status = {"state": "closed", "text": _CLOSED, "stale": None, "renew": False}
            self._views.close()
            self._selected = None
            self.layout.close()  # a widget of its own, with a comm of its own
        super().close()

    def waiting(self) -> None:
        """Say that a click has arrived and waits for the running cell."""
        self._say("waiting", "waits for the running cell to end")

    def rest(self) -> None:
        """Say that a click waits no longer."""
        if self.status["state"] == "waiting":
            self._say("idle", "")

    def evidence_came(self) -> None:
        """Bring the recipe up to date: a view of the inspector has found something; on any thread."""
        self._tell()
        if self._sought is not None:
            self._main.soon(self._bring_sought)

    def _bring_sought(self) -> None:
        """Show the sample that the data did not hold when they were gone to, once it is scanned."""
        data, sought = self._views.open.get("data"), self._sought
        if self._closed or data is None or sought is None or sought is not self._selected or self.active != "data":
            self._sought = None
        elif not against("data", data, sought):
            self._sought = None
            with contextlib.suppress(NbinspectError):
                self._carry("data")

    def _opened(self, room: RoomName) -> View | None:
        self._check_open()
        why = why_off(checked_room(room), self._inspector.subject)
        if why:
            raise InputError(f"{room}: {why}")
        self._go(room)
        if room != "recipe" and room not in self._views.open:
            with self._working(f"opens {room}"):
                self._views.make(room)
        return self.views.get(room)

    def _carry(self, room: RoomName) -> None:
        """Bring an open room to the selected sample, with the draw of it that the room it was picked in shows now."""
        if self._selected is not None:
            with self._working(f"brings the sample to {room}"), self._alone():
                self._selected = carried(room, self._views.open, self._selected, self._inspector.subject)
            self._say("idle", told(room, self._views.open, self._selected))

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Take what views and the active tab say in this block as our own doing."""
        before, self._moving = self._moving, True
        try:
            yield
        finally:
            self._moving = before

    def _go(self, room: RoomName) -> None:
        with self._alone():
            self.active = room

    @traitlets.observe("active")
    def _gone(self, _: Any) -> None:
        if not self._closed and not self._moving:
            self._main.soon(self._arrive)

    def _arrive(self) -> None:
        """Open the room that the page has gone to; where it cannot be opened, the room says why."""
        room = self.active
        if not self._closed and room in ROOMS and not why_off(checked_room(room), self._inspector.subject):
            with contextlib.suppress(Exception):
                self.open(checked_room(room))

    def _picked(self, room: RoomName, view: View) -> None:
        found = None if self._moving else picked(room, view, self._inspector.subject)
        if found is not None:
            self._choose(found)

    def _choose(self, selected: Selected | None) -> None:
        self._selected = selected
        self._tell_rooms()

    @contextlib.contextmanager
    def _working(self, text: str) -> Iterator[None]:
        """Say what is being done, then that it has ended; an error is shown and raised."""
        self._say("busy", text)
        try:
            yield
        except Exception as error:
            self._say("error", reason_of(error))
            raise
        except BaseException:
            self._say("idle", "")
            raise
        else:
            self._say("idle", "")
        finally:
            self._tell()

    def _check_open(self) -> None:
        if self._closed:
            raise NbinspectError(_CLOSED)

    def _say(self, state: str, text: str) -> None:
        if not self._closed:
            renew = bool(self._names.changed)
            self.status = {"state": state, "text": text, "stale": self._names.stale, "renew": renew}

    def _tell(self) -> None:
        """Bring everything that the page is told up to date."""
        if self._closed:
            return
        with self.hold_sync():
            self.facts = facts_of(self._inspector.subject)
            self.recipe = recipe_of(self._inspector.witness.evidence)
            self._tell_rooms()

    def _tell_rooms(self) -> None:
        if not self._closed:
            self.rooms = rooms_state(self._views, self.recipe, self._inspector.subject)
            selected = self._selected
            self.sample = None if selected is None else sample_state(selected, self._views, self._inspector.subject)

    def _after_cell(self) -> None:
        state, text = self.status["state"], self.status["text"]
        resting = told(self.active, self._views.open, self._selected) or self._names.word
        self._say(state, resting if state == "idle" else text)
        self._tell()
        if self._views.outdated:
            self._views.outdated = False
            self._output.outdate()
            self._output.renew(self.model_id)

    def _static(self) -> tuple[list[str], list[str]]:
        if not self._closed:
            self._pages = self._views.static()
        return self._pages

    def _html(self) -> str:
        return dashboard_html(self.facts, self.recipe, self._static()[0])

    def _summary(self) -> str:
        return dashboard_text(self.facts, self.recipe, self._static()[1])

    def _title(self) -> str:
        return f"Inspector · {self.facts['model']}"
