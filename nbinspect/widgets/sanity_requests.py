"""What the page of a sanity view asks for, and how each is answered."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol

from nbinspect.errors import InputError
from nbinspect.figures.sanity_page import sanity_text
from nbinspect.records import SanityRecord
from nbinspect.report.interchange import as_json, as_junit, as_page
from nbinspect.report.report import Report
from nbinspect.widgets.main_thread import MainThread
from nbinspect.widgets.requests import Requests

_FORMS: dict[str, tuple[str, Callable[[SanityRecord], str]]] = {
    "html": ("sanity.html", as_page),
    "json": ("sanity.json", as_json),
    "junit": ("sanity.xml", as_junit),
    "text": ("sanity.txt", sanity_text),
}
"""The forms that a report can be saved in: the name of the file, and what writes it."""


class View(Protocol):
    """What the requests need of the view that they are about."""

    @property
    def report(self) -> Report | None:
        """What has been found so far."""

    def run(self, only: Any = None) -> Report:
        """Run checks."""

    def cancel(self) -> None:
        """Have the run end."""

    def working(self, text: str) -> AbstractContextManager[None]:
        """Say what is being done."""


class SanityRequests:
    """Answers the page of a sanity view: checks run between cells, `cancel` is heard at once where it can arrive."""

    def __init__(self, view: View) -> None:
        self._view = view
        working: dict[str, Callable[..., Any]] = {"run": self._run, "export": self._export}
        self._requests = Requests(view, MainThread(), looking={"cancel": view.cancel}, working=working)

    def _run(self, only: Any = None) -> None:
        # An interrupt is as good as a cancel here: what was found stands, and there is no cell to end.
        with _interruptible(), contextlib.suppress(KeyboardInterrupt):
            self._view.run(only)

    def _export(self, form: str) -> dict[str, str]:
        with self._view.working("exports"):
            if self._view.report is None:
                raise InputError("there is nothing to export yet: run the checks first")
            name, write = _FORMS[form]
            return {"name": name, "text": write(self._view.report.record)}


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Have "interrupt kernel" raise KeyboardInterrupt in this block, as in a cell; kernels ignore it between cells."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
