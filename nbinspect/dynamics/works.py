"""Work that one thread asks another to do, in the order in which it was asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from nbinspect.errors import NbinspectError


class Works:
    """A queue of functions without arguments, each with the future of its result; any thread may add to it."""

    def __init__(self) -> None:
        self._queue: deque[tuple[Future[Any], Callable[[], Any]]] = deque()

    def __bool__(self) -> bool:
        return bool(self._queue)

    def add(self, future: Future[Any], work: Callable[[], Any]) -> None:
        """Queue work whose result goes to this future."""
        self._queue.append((future, work))

    def work_off(self) -> None:
        """Do all that is queued, on this thread."""
        while True:
            try:
                future, work = self._queue.popleft()
            except IndexError:
                return
            do_now(future, work)

    def refuse(self, why: str) -> None:
        """Have every future that is queued raise an error with this sentence."""
        left, self._queue = self._queue, deque()
        for future, _ in left:
            if future.set_running_or_notify_cancel():
                future.set_exception(NbinspectError(why))


def do_now(future: Future[Any], work: Callable[[], Any]) -> None:
    """Do the work here and give the future what it returns or raises; an Interrupt goes on besides."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work())
    except Exception as error:  # noqa: BLE001 - whoever asked for the work gets what it raised
        future.set_exception(error)
    except BaseException as error:
        future.set_exception(NbinspectError(f"interrupted before it was done ({type(error).__name__})"))
        raise
