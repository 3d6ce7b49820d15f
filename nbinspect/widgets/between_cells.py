"""Long work on the user's objects, a slice at a time between cells, so that no click and no cell is kept waiting."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import Any

from nbinspect.data.explorer.explorer import Doing
from nbinspect.errors import InputError
from nbinspect.widgets.main_thread import MainThread

_SLICE = 0.1
"""Seconds of one slice; a step is never broken off."""

Steps = Generator[Doing, None, None]


class BetweenCells:
    """Runs the steps of one piece of work at a time.

    Args:
        main: where they run.
        told: is told how far the work has come, after each step.
        ended: is called when the work has ended, with what it raised.
    """

    def __init__(
        self, main: MainThread, told: Callable[[Doing], object], ended: Callable[[BaseException | None], object]
    ) -> None:
        self._main = main
        self._told = told
        self._ended = ended
        self._steps: Steps | None = None
        self._future: Future[dict[str, Any]] = Future()
        self._inside = self._once_more = False

    @property
    def running(self) -> bool:
        """Whether there is work."""
        return self._steps is not None

    def start(self, steps: Steps) -> Future[dict[str, Any]]:
        """Begin work, and return what is done when it has ended; without an event loop it is done at once.

        Raises:
            InputError: while other work is under way.
        """
        if self._steps is not None:
            raise InputError("other work is under way: wait for its end, or cancel it")
        self._steps, self._future = steps, Future()
        future = self._future
        self._main.soon(self._slice)
        return future

    def finish(self) -> None:
        """Do the rest of the work now, on this thread; an interrupt ends it, and is raised."""
        while self._steps is not None:
            error = self._advance(math.inf)
            if error is not None:
                raise error

    def stop(self) -> None:
        """End the work where it is."""
        if self._steps is not None:
            self._end(self._steps, None)

    def _slice(self) -> None:
        if self._inside:  # there is no event loop, and this is the call below
            self._once_more = True
            return
        self._inside = self._once_more = True
        try:
            while self._once_more:
                self._once_more = False
                error = self._advance(_SLICE)
                if isinstance(error, KeyboardInterrupt):  # in a script: kernels ignore interrupts between cells
                    raise error
                if self._steps is not None:
                    self._main.soon(self._slice)
        finally:
            self._inside = False

    def _advance(self, seconds: float) -> BaseException | None:
        """Do steps for so long; return what they raised."""
        steps, until = self._steps, time.monotonic() + seconds
        if steps is None:
            return None
        try:
            for doing in steps:
                self._told(doing)
                if time.monotonic() >= until:
                    return None
        except BaseException as error:  # noqa: BLE001 - handed on to whoever waits for the end
            self._end(steps, error)
            return error
        self._end(steps, None)
        return None

    def _end(self, steps: Steps, error: BaseException | None) -> None:
        self._steps = None
        steps.close()
        try:
            self._ended(error)
        finally:  # the page waits for an answer
            if isinstance(error, Exception):
                self._future.set_exception(error)
            else:
                self._future.set_result({})
