"""The dynamics view of a run that trains elsewhere: in a script, in another process, on another host."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from nbinspect.dynamics.history import Facts, History
from nbinspect.errors import NbinspectError, reason_of
from nbinspect.figures.dynamics_page import dynamics_html, dynamics_text
from nbinspect.records import DynamicsRecord
from nbinspect.runlog.follow import Follow
from nbinspect.widgets.dynamics_page import PageNews
from nbinspect.widgets.main_thread import MainThread
from nbinspect.widgets.shown_run import ShownRun

_EVERY = 0.5
"""Seconds between two looks into the log."""
_NO_CONTROL = "this run trains in another process: it can be watched from here, and not steered"


class FollowView(ShownRun):
    """A run of a `Recorder` as it goes, also when its trainer was killed; open it with `Inspector.dynamics`.

    It reads the folder on a thread of its own until `close`, and changes nothing there.

    Args:
        path: the folder that the `Recorder` was given; one that is not there yet is waited for.
    """

    def __init__(self, path: str | Path) -> None:
        self._follow = Follow(path)
        self._problem = ""
        self._ended = threading.Event()
        self._over = False
        self._main = MainThread()
        super().__init__()
        self._page = PageNews(self._put, self._shown)
        self._look()
        self._thread = threading.Thread(target=self._watch, name="nbinspect-follow", daemon=True)
        self._thread.start()

    @property
    def record(self) -> DynamicsRecord:
        """All that was read of the run.

        Raises:
            NbinspectError: while there is nothing.
        """
        if self._follow.record is None:
            raise NbinspectError(self._follow.text)
        return self._follow.record

    @property
    def alive(self) -> bool | None:
        """Whether the trainer runs; None where that cannot be told."""
        return self._follow.alive

    def close(self) -> None:
        """End reading; a static page stays in the notebook."""
        if not self._closed:
            self._closed = True
            self._ended.set()
            if threading.current_thread() is not self._thread:
                self._thread.join(10)
            self.status = {**self._status(), "state": "closed", "text": "this view is closed"}
            self._output.close()
            self.layout.close()  # a widget of its own, with a comm of its own
        super().close()

    def _watch(self) -> None:
        while not self._ended.wait(0.0 if self._follow.behind else _EVERY):
            self._look()

    def _look(self) -> None:
        """Read what is new, and show it; what is wrong with the log is shown instead."""
        generation, text = self._follow.generation, self._follow.text
        try:
            fresh, self._problem = self._follow.poll(), ""
        except Exception as error:  # noqa: BLE001 - on a thread of its own, which must not end without a word
            fresh, self._problem = None, reason_of(error)
        if self._follow.generation != generation:
            self._page.tell_all(self._status())
        elif fresh is not None:
            self._page.tell(fresh, self._status())
        elif self._follow.text != text or self._problem:
            self._put({"status": self._status()})
        self._look_for_end()

    def _look_for_end(self) -> None:
        """Have the static page brought up to date when the run is over."""
        over = self._follow.alive is False and not self._follow.behind
        if over and not self._over:
            self._output.outdate()
            self._main.soon(self._renew)
        self._over = over

    def _renew(self) -> None:
        if not self._closed:
            self._output.renew(self.model_id)

    def _shown(self) -> DynamicsRecord:
        record = self._follow.record
        return record if record is not None else History().whole(Facts("", notes=(self._follow.text,)))

    def _status(self) -> dict[str, Any]:
        record = self._follow.record
        alive = self._follow.alive
        state = "error" if self._problem else "idle" if record is None else "ended" if alive is False else "running"
        return {
            "state": state,
            "text": self._problem or self._follow.text,
            "stale": None,
            "live": "off",
            "liveText": _NO_CONTROL,
            "step": 0 if record is None else record.steps,
            "rates": [],
            "canPause": False,
            "whyNot": _NO_CONTROL,
            "following": str(self._follow.path),
            "background": False,
            "journal": False,
        }

    def _html(self) -> str:
        return dynamics_html(self._shown())

    def _summary(self) -> str:
        return dynamics_text(self._shown())

    def _title(self) -> str:
        return f"Dynamics · {self._follow.path.name}"
