"""What the page of a dynamics view asks for, and how each is answered: at once, but for what reads the probe."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Protocol

from nbinspect.widgets.main_thread import MainThread
from nbinspect.widgets.requests import Requests


class View(Protocol):
    """What the requests need of the view that they are about; each but the first only notes what is asked."""

    def watch_next(self) -> None:
        """Begin to watch."""

    def pause(self) -> None:
        """Pause after this step."""

    def resume(self) -> None:
        """Go on."""

    def advance(self, steps: int = 1) -> None:
        """Run so many steps, then pause."""

    def stop(self) -> None:
        """End after this step."""

    def set_rate(self, rate: float, group: str | None = None) -> Future[None]:
        """Set the learning rate."""

    def pin(self) -> Future[int]:
        """Keep the state."""

    def go_back(self, step: int, rate: float | None = None) -> Future[None]:
        """Go back to a state."""

    def check(self) -> Future[Any]:
        """Run the sanity checks."""

    def save_checkpoint(self, path: str | Path | None = None) -> Future[Path]:
        """Save the state to a file."""

    def note(self, text: str) -> None:
        """Keep a sentence."""

    def beat(self) -> None:
        """Take note that a message has arrived."""


class DynamicsRequests:
    """Answers the page of a dynamics view on the thread that its messages arrive on."""

    def __init__(self, view: View) -> None:
        self._view = view
        looking: dict[str, Callable[..., Any]] = {
            "pause": view.pause,
            "resume": view.resume,
            "advance": view.advance,
            "stop": view.stop,
            "rate": view.set_rate,
            "pin": self._pin,
            "back": view.go_back,
            "checks": self._check,
            "checkpoint": self._save,
            "note": view.note,
            "beat": view.beat,
        }
        self._requests = Requests(view, MainThread(), looking=looking, working={"watch": view.watch_next})

    def _pin(self) -> Future[dict[str, Any]]:
        return _then(self._view.pin(), lambda step: {"step": step})

    def _check(self) -> Future[dict[str, Any]]:
        return _then(self._view.check(), lambda report: {"text": str(report)})

    def _save(self, path: str | None = None) -> Future[dict[str, Any]]:
        return _then(self._view.save_checkpoint(path or None), lambda file: {"path": str(file)})


def _then(future: Future[Any], change: Any) -> Future[Any]:
    """Return the future of what `change` makes of a result."""
    changed: Future[Any] = Future()

    def settled(done: Future[Any]) -> None:
        error = done.exception()
        if error is not None:
            changed.set_exception(error)
        else:
            changed.set_result(change(done.result()))

    future.add_done_callback(settled)
    return changed
