"""Whether clicks on the page arrive while training runs, and where a pause could therefore be ended."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Live: TypeAlias = Literal["on", "off", "unknown"]
Way: TypeAlias = Literal["plain", "background", "async"]

USE_BACKGROUND = "use dynamics.run_in_background(train)"
_FIRST_WITH_SUBSHELLS = 7


@dataclass(frozen=True)
class Kernel:
    """The Jupyter kernel that this process is."""

    version: int | None
    """The first number of ipykernel's version; None of another kernel."""
    attended: bool
    """Whether somebody could answer the cell, as `input()` needs: not under ``nbconvert --execute``."""


def running_kernel() -> Kernel | None:
    """Return the kernel that this process is; None in a script and in a plain IPython."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython else None
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return None
    number = str(getattr(sys.modules.get("ipykernel"), "__version__", "")).split(".")[0]
    return Kernel(int(number) if number.isdigit() else None, bool(getattr(kernel, "_allow_stdin", True)))


class Liveness:
    """Tells from the messages that came, and from how training runs, whether the page's controls work.

    A message that arrives while a run goes on, on another thread than the training's or between the steps of an
    ``async for``, proves it for the run of this cell. Nothing else does on the plain loop of a cell, for the page may
    be closed, or have none of the subshells that ipykernel 7 offers.

    Args:
        kernel: gives the kernel that this process is, if it is one.
    """

    def __init__(self, kernel: Callable[[], Kernel | None] = running_kernel) -> None:
        self._kernel = kernel
        self._way: Way = "plain"
        self._stepped = False
        self._thread: int | None = None
        self._proved: Way | None = None

    def begin(self, way: Way) -> None:
        """Take note of how a run goes from here; on its own thread, or before the steps of one in the background.

        What has been proved stays so if the way is the same, as it is for each further epoch.
        """
        here, main = threading.get_ident(), threading.main_thread().ident
        if here != main:
            way = "background"
        if way != self.way:
            self._stepped, self._proved = False, None
        self._way, self._thread = way, None if way == "background" and here == main else here

    def stepped(self, thread: int) -> None:
        """Take note of a step on this thread (`threading.get_ident`)."""
        self._thread = thread
        self._stepped = True

    def beat(self, thread: int | None = None) -> bool:
        """Take note of a message of the page on this thread, by default the calling one; True where it is new proof."""
        thread = threading.get_ident() if thread is None else thread
        between_steps = self.way == "async"
        if not self._stepped or self._proved == self.way or (thread == self._thread and not between_steps):
            return False
        self._proved = self.way
        return True

    def cell_ended(self) -> None:
        """Take note that the cell is over: messages that waited for it prove nothing."""
        self._stepped = False
        if self.way != "background":
            self._way, self._proved = "plain", None

    @property
    def way(self) -> Way:
        """How training runs."""
        if self._thread is None:
            return self._way
        if self._thread != threading.main_thread().ident:
            return "background"
        return "async" if self._way == "async" else "plain"

    @property
    def state(self) -> Live:
        """Whether clicks arrive while training runs."""
        return self._told()[0]

    @property
    def text(self) -> str:
        """The same for a person, with what to do where they do not."""
        return self._told()[1]

    def why_no_pause(self) -> str:
        """Return why a pause could not be ended, with the way out; "" where it can.

        On a thread of its own a run can always go on again: by a cell, if not by a click.
        """
        return "" if self.state == "on" or self.way == "background" else self.text

    def _told(self) -> tuple[Live, str]:
        if self._proved == self.way:
            return "on", "live control: on"
        kernel = self._kernel()
        if kernel is None:
            return "off", f"no page can answer here; in a notebook {USE_BACKGROUND}"
        if self.way == "background":
            return "unknown", "clicks arrive while training runs on its own thread; none has come yet"
        if self._stepped and not kernel.attended:
            return "off", "no page can answer here, for the notebook runs without one"
        if self.way == "async":
            return "on", "live control: on, between two batches"
        if kernel.version is not None and kernel.version < _FIRST_WITH_SUBSHELLS:
            return "off", f"clicks wait for the cell's end: {USE_BACKGROUND}"
        return "unknown", f"no click has arrived during this cell yet; where none does, {USE_BACKGROUND}"
