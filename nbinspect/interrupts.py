"""When an interrupt is raised: at once while a click works, later while something changes that belongs together."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Have "interrupt kernel" raise KeyboardInterrupt in this block, as in a cell; kernels ignore it between cells."""
    # a handler that is not Python's own could not be put back
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is None:
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def undivided() -> Iterator[None]:
    """Have an interrupt of this block wait for its end; for changes that hold only as a whole."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    waiting: list[tuple[int, FrameType | None]] = []
    own = os.getpid()

    def arrive(number: int, frame: FrameType | None) -> None:
        if os.getpid() == own:
            waiting.append((number, frame))
        else:  # of a process that was forked in the block, which has not to do with its end
            before(number, frame)

    signal.signal(signal.SIGINT, arrive)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if waiting:
            before(*waiting[0])
