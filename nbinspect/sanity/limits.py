"""How long a run of checks may take, and how it is ended early: by its budget, by the user, by an answer that hangs."""

from __future__ import annotations

import ctypes
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nbinspect.records.sanity import Hindrance

LEAST = 2.0
_FAIR = 0.125
"""Share of the budget that a call is given before it counts as one that hangs."""
_AGAIN = 5.0
"""Until the next ring: Python drops what is raised in a finaliser or in a weak reference's callback."""


class Ended(BaseException):
    """The run is over before its end; a BaseException, so that no `except Exception` of the user's swallows it."""

    def __init__(self, why: str, hindrance: Hindrance = "time") -> None:
        super().__init__(why)
        self.hindrance: Hindrance = hindrance


class Hung(BaseException):
    """A call of the user's code took longer than the run can wait for; a BaseException for the same reason."""


class Limits:
    """The time budget of a run, and the wish to cancel it.

    Args:
        seconds: the whole run's budget.
        cancelled: asked between and inside checks; True ends the run.
    """

    def __init__(self, seconds: float, cancelled: Callable[[], bool] = lambda: False) -> None:
        self.seconds = seconds
        self._cancelled = cancelled
        self._began = time.monotonic()

    @property
    def spent(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._began

    @property
    def left(self) -> float:
        """Seconds until the budget is used up; never below 0."""
        return max(0.0, self.seconds - self.spent)

    def ask(self) -> None:
        """Raise `Ended` if the budget is used up or the user has cancelled; long loops call it."""
        if self._cancelled():
            raise Ended("cancelled", "cancelled")
        if self.left == 0:
            raise Ended(self._end)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Run the user's code for at most half of the time that is left, then raise `Hung` in it.

        Near the end of the budget a call that is merely slow does not end in that time either, so that then `Ended`
        is raised: no time was left.

        Ends loops and waits in Python; a thread that is blocked inside C code outside of the main thread is not freed.
        """
        self.ask()
        allowed = max(LEAST, self.left / 2)
        message = f"a call of your code did not end within {allowed:.0f} s"
        no_time = allowed >= self.left or allowed < self.seconds * _FAIR
        main = threading.current_thread() is threading.main_thread()
        try:
            with _alarm(allowed, message) if main and _alarm_is_free(allowed) else _timer(allowed, message):
                yield
        except Hung:
            if no_time:
                raise Ended(self._end) from None
            raise

    @property
    def _end(self) -> str:
        return f"time budget of {self.seconds:g} s"


def _alarm_is_free(seconds: float) -> bool:
    """Whether nobody else wants to be woken within this time."""
    return hasattr(signal, "setitimer") and not 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= seconds


@contextmanager
def _alarm(seconds: float, message: str) -> Iterator[None]:
    """Raise by a signal, which also ends waits in the operating system."""

    def ring(*_: object) -> None:
        raise Hung(message)

    began = time.monotonic()
    before = signal.signal(signal.SIGALRM, ring)
    others, interval = signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if others:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, others - (time.monotonic() - began)), interval)


@contextmanager
def _timer(seconds: float, message: str) -> Iterator[None]:
    """Raise in this thread from another one, at the next bytecode."""
    thread = threading.get_ident()
    lock, done = threading.Lock(), threading.Event()

    def ring() -> None:
        wait = seconds
        while not done.wait(wait):
            with lock:
                if not done.is_set():
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Hung))
            wait = _AGAIN

    timer = threading.Thread(target=ring, daemon=True)
    timer.start()
    try:
        yield
    except Hung:
        raise Hung(message) from None
    finally:
        with lock:
            done.set()
