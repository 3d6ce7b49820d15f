"""What the page of a sanity view asks for, and how each is answered."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from nbinspect.errors import InputError
from nbinspect.reference.swap import Swap
from nbinspect.report.report import Report
from nbinspect.widgets.main_thread import MainThread
from nbinspect.widgets.requests import Requests
from nbinspect.widgets.sanity_forms import Shown


class View(Protocol):
    """What the requests need of the view that they are about."""

    @property
    def shown(self) -> Shown | None:
        """What has been found so far."""

    def run(self, only: Any = None) -> Report:
        """Run checks."""

    def swap(self) -> Swap:
        """Swap model and data for known ones."""

    def turn(self, plain: bool) -> None:
        """Turn the switch to plain runs, or back."""

    def cancel(self) -> None:
        """Have the run end."""

    def working(self, text: str) -> AbstractContextManager[None]:
        """Say what is being done."""


class SanityRequests:
    """Answers the page of a sanity view: checks run between cells, `cancel` is heard at once where it can arrive."""

    def __init__(self, view: View) -> None:
        self._view = view
        working: dict[str, Callable[..., Any]] = {"run": self._run, "swap": self._swap, "export": self._export}
        looking: dict[str, Callable[..., Any]] = {"cancel": view.cancel, "plain": self._plain}
        self._requests = Requests(view, MainThread(), looking=looking, working=working)

    def _run(self, only: Any = None) -> None:
        # An interrupt is as good as a cancel here: what was found stands, and there is no cell to end.
        with contextlib.suppress(KeyboardInterrupt):
            self._view.run(only)

    def _swap(self) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            self._view.swap()

    def _plain(self, on: bool) -> None:
        self._view.turn(bool(on))

    def _export(self, form: str) -> dict[str, str]:
        with self._view.working("exports"):
            if self._view.shown is None:
                raise InputError("there is nothing to export yet: run the checks first")
            return self._view.shown.file(form)
