"""A thread that can be suspended in the middle of its work, in the modes of the code that it works for."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable

from nbinspect.stepping.modes import Modes, state_swapped

_PATIENCE = 2.0
_LOOK = 0.1


class Stopped(BaseException):
    """Raised inside the work to end it; no `except Exception` of the user's catches it."""


class Worker:
    """Runs `work` on a daemon thread, a slice at a time.

    The random states and the settings that all threads share are the work's own during a slice and the caller's again
    between slices. Between slices the work makes no step, also after a slice that took too long.

    Args:
        work: calls `pause` wherever it can be suspended, and `check` at each step.
        modes: those that the work runs in, and the random states that it begins with.
    """

    def __init__(self, work: Callable[[], None], modes: Modes) -> None:
        self.ended = False
        self._work = work
        self._modes = modes
        self._state = list(modes.shared)
        self._go = threading.Semaphore(0)
        self._rest = threading.Semaphore(0)
        self._awaited = threading.Event()
        self._held = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def advance(self, timeout: float | None = None) -> bool:
        """Let the work go on until it pauses or ends; False if it does neither within `timeout` seconds.

        On an Interrupt the work is stopped, and the Interrupt goes on.
        """
        if self._thread is None:
            run = self._modes.context.copy().run
            self._thread = threading.Thread(target=run, args=(self._run,), name="nbinspect-pass", daemon=True)
            self._thread.start()
        return self._slice(timeout, go=True)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the work pauses or ends; False if it does neither within `timeout` seconds."""
        return self._slice(timeout, go=False)

    def pause(self) -> None:
        """Suspend the work here, on its own thread, until `advance`."""
        self._rest.release()
        self._go.acquire()
        self.check()

    def check(self) -> None:
        """Hold the work, on its own thread, while nobody waits for it; raise `Stopped` if nobody wants it any more."""
        if not self._awaited.is_set():
            self._held.set()
            while not (self._awaited.wait(_LOOK) or self._stopping):
                pass
            self._held.clear()
        if self._stopping:
            raise Stopped

    def stop(self) -> bool:
        """End the work; False if it is blocked in compiled code and had to be abandoned."""
        self._stopping = True
        self._awaited.set()
        self._go.release()
        if self._thread is None:
            self.ended = True
        # a stepper may be collected on the thread of its own pass
        if self._thread is None or self._thread is threading.current_thread():
            return True
        if self.ended:
            self._thread.join(_LOOK)  # it has no more to do than to end
            return True
        with state_swapped(self._state):
            return self._joined(self._thread)

    def _joined(self, thread: threading.Thread) -> bool:
        thread.join(_LOOK)
        until = time.monotonic() + _PATIENCE
        while thread.is_alive() and time.monotonic() < until:
            if thread.ident is not None:
                # a loop in Python that never reaches another step
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(Stopped))
            thread.join(_LOOK)
        return not thread.is_alive()

    def _slice(self, timeout: float | None, *, go: bool) -> bool:
        with state_swapped(self._state):
            try:
                self._awaited.set()
                if go:
                    self._go.release()
                arrived = self._arrived(timeout)
                self._awaited.clear()
                if not arrived:
                    self._held.wait(_PATIENCE)  # what the step in flight draws is the work's own too
            except BaseException:
                self.stop()
                raise
            return arrived

    def _arrived(self, timeout: float | None) -> bool:
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            # in short waits: an Interrupt gets through between them on every system
            left = _LOOK if until is None else max(0.0, min(_LOOK, until - time.monotonic()))
            if self._rest.acquire(timeout=left) or self.ended:
                return True
            if until is not None and time.monotonic() >= until:
                return False

    def _run(self) -> None:
        try:
            try:
                self._go.acquire()
                self.check()
                with self._modes.on_this_thread():
                    self._work()
            finally:
                self._work = _nothing  # so that a pass that is over is freed at once
                self.ended = True
                self._rest.release()
        except Stopped:
            pass


def _nothing() -> None:
    return None
