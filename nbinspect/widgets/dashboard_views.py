"""The views of a dashboard: made when they are asked for, followed while they are open, and let go of when closed."""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nbinspect.errors import NbinspectError, reason_of
from nbinspect.records import RoomName
from nbinspect.widgets.dashboard_rooms import ROOMS, Program

if TYPE_CHECKING:
    from nbinspect.widgets.witness import View

_EVERY = 0.5
"""Seconds between two words about a view that is at work."""
_PICKED = ["sample", "probe"]
_GOING = ("running", "paused")


class Views:
    """The views that are open, and why others could not be made.

    Args:
        inspector: what makes them.
        told: is called when one says something new, or was closed; on any thread.
        picked: is called when a person has picked a sample in one.
    """

    def __init__(
        self, inspector: Program, told: Callable[[], object], picked: Callable[[RoomName, View], object]
    ) -> None:
        self._inspector = inspector
        self._told = told
        self._picked = picked
        self._told_at = 0.0
        self.open: dict[RoomName, View] = {}
        self.failed: dict[RoomName, str] = {}
        """Why a room could not be opened, the last time it was tried."""
        self.opening: RoomName | None = None
        self.outdated = False
        """Whether a run has ended since this was set to False: static pages are older than it."""

    def make(self, room: RoomName) -> View:
        """Make the view of a room, and follow it; raises what its making raises, and keeps why."""
        self.opening = room
        self.failed.pop(room, None)
        self._told()
        try:
            view: View = getattr(self._inspector, room)()
        except Exception as error:
            if _is_of_marimo(error):
                text = f"marimo makes a view only while a cell runs: run inspector.{room}() in a cell of its own"
                raise NbinspectError(text) from error
            self.failed[room] = reason_of(error)
            raise
        finally:
            self.opening = None
        self.open[room] = view
        view.observe(self._changed, names=["status", "comm"])
        view.observe(self._sample_changed, names=_PICKED)
        return view

    def static(self) -> tuple[list[str], list[str]]:
        """Return the static pages of the open views, as HTML and as text, in the order of the rooms."""
        found = [self.open[room]._repr_mimebundle_() for room in ROOMS if room in self.open]
        return [each["text/html"] for each in found], [each["text/plain"] for each in found]

    def close(self) -> None:
        """Close all."""
        for view in list(self.open.values()):
            view.close()
        self.failed.clear()

    def _changed(self, change: dict[str, Any]) -> None:
        """Take note of what a view says; that may be on the thread that trains, which nothing here may break."""
        with contextlib.suppress(Exception):
            if change["name"] == "comm":
                self._let_go(change["owner"], change["new"])
                return
            before, now = (status.get("state") if status else None for status in (change["old"], change["new"]))
            self.outdated |= before in _GOING and now not in _GOING
            if before != now or time.monotonic() >= self._told_at + _EVERY:
                self._told_at = time.monotonic()
                self._told()

    def _let_go(self, view: View, comm: Any) -> None:
        room = self._room_of(view)
        if comm is None and room is not None:
            view.unobserve(self._changed, names=["status", "comm"])
            view.unobserve(self._sample_changed, names=_PICKED)
            del self.open[room]
            self._told()

    def _sample_changed(self, change: dict[str, Any]) -> None:
        room = self._room_of(change["owner"])
        if room is not None:
            self._picked(room, change["owner"])

    def _room_of(self, view: View) -> RoomName | None:
        return next((room for room, own in self.open.items() if own is view), None)


def _is_of_marimo(error: Exception) -> bool:
    """Whether it was raised inside marimo, which keeps what a widget is made of with the cell that runs."""
    *_, (last, _) = traceback.walk_tb(error.__traceback__)
    return str(last.f_globals.get("__name__")).split(".")[0] == "marimo"
