"""Work for the thread that runs the notebook's cells, asked for from any other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class MainThread:
    """Runs work between cells: models, loaders and random states belong to the thread that trains.

    Clicks may arrive on a thread of their own while a cell runs. Work handed over here waits for that cell's end, or
    for the next ``await`` in it. Without an event loop (a script) it runs at once.
    """

    def __init__(self) -> None:
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    def soon(self, work: Callable[[], None]) -> None:
        """Have `work` run as soon as no cell is running."""
        if self._loop is None or self._loop.is_closed():
            work()
        else:
            self._loop.call_soon_threadsafe(work)

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        """Have `work` run in a while, when no cell is running; at once where there is no event loop."""
        if self._loop is None or self._loop.is_closed():
            work()
        else:
            self._loop.call_soon_threadsafe(self._loop.call_later, seconds, work)
