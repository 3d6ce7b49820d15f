"""The dynamics view of a run that trains elsewhere: in a script, in another process, on another host."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from nbinspect.dynamics.history import Facts, History
from nbinspect.errors import NbinspectError, reason_of
from nbinspect.figures.dynamics import dynamics_figure
from nbinspect.figures.dynamics_animation import dynamics_animation
from nbinspect.figures.dynamics_page import dynamics_html, dynamics_text
from nbinspect.figures.dynamics_table import dynamics_frame, readings_frame
from nbinspect.records import DynamicsRecord
from nbinspect.runlog.follow import Follow
from nbinspect.widgets.dynamics_page import PageNews
from nbinspect.widgets.main_thread import MainThread
from nbinspect.widgets.output import Output
from nbinspect.wire import PACKED

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_STATIC = Path(__file__).parents[1] / "static"
_EVERY = 0.5
"""Seconds between two looks into the log."""
_NO_CONTROL = "this run trains in another process: it can be watched from here, and not steered"


class FollowView(anywidget.AnyWidget):
    """A run of a `Recorder` as it goes, also when its trainer was killed; open it with `Inspector.dynamics`.

    It reads the folder on a thread of its own until `close`, and changes nothing there.

    Args:
        path: the folder that the `Recorder` was given; one that is not there yet is waited for.
    """

    # the text, not the path: widgets that were made from a path are never collected
    _esm = (_STATIC / "dynamics.js").read_text(encoding="utf-8")
    _css = (_STATIC / "dynamics.css").read_text(encoding="utf-8")
    history = traitlets.Any(None, allow_none=True).tag(sync=True)
    news = traitlets.Any(None, allow_none=True).tag(sync=True)
    status = traitlets.Dict().tag(**PACKED)

    def __init__(self, path: str | Path) -> None:
        self._follow = Follow(path)
        self._problem = ""
        self._ended = threading.Event()
        self._over = False
        self._main = MainThread()
        super().__init__()
        self._output = Output(lambda: dynamics_html(self._shown()), lambda: dynamics_text(self._shown()))
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

    def figure(self, **options: Any) -> Figure:
        """Return the run as a matplotlib figure; options as in `nbinspect.figures.dynamics.dynamics_figure`."""
        return dynamics_figure(self.record, **options)

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers of the run as a pandas DataFrame, a row a step."""
        return dynamics_frame(self.record)

    def readings_frame(self, probe: int = 0) -> pd.DataFrame:
        """Return the readings of a probe as a pandas DataFrame, a row a step and sample."""
        return readings_frame(self.record, probe)

    def animation(self, path: str | Path | None = None, **options: Any) -> bytes | Path:
        """Return a GIF of the predictions moving, or write it; see `nbinspect.figures.dynamics_animation`."""
        return dynamics_animation(self.record, path, **options)

    def to_html(self, path: str | Path, *, hover: bool = True) -> Path:
        """Write the run as one HTML file, and return its path; `hover` as in `Report.to_html`."""
        return self._output.write(path, f"Dynamics · {self._follow.path.name}", hover=hover)

    def freeze(self) -> None:
        """Replace the live output in the notebook by a static page without scripts, and close the view."""
        self._output.freeze()
        self.close()

    def close(self) -> None:
        """End reading; a static page stays in the notebook."""
        if not self._ended.is_set():
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
        if not self._ended.is_set():
            self._output.renew(self.model_id)

    def _put(self, traits: dict[str, Any]) -> None:
        if not self._ended.is_set():
            with self.hold_sync():
                for name, value in traits.items():
                    setattr(self, name, value)

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

    def _ipython_display_(self) -> None:
        self._output.show(None if self._ended.is_set() else self.model_id)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:  # type: ignore[override] # IPython takes a dict too
        return self._output.bundle(None if self._ended.is_set() else self.model_id)

    def __repr__(self) -> str:
        return dynamics_text(self._shown())
