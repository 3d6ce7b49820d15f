from __future__ import annotations

import asyncio
import threading

from nbinspect.widgets.main_thread import MainThread


def test_work_from_another_thread_runs_between_cells_on_the_main_thread():
    """Work handed over while a cell runs starts at its next await, on the thread of the cells."""
    ran = []

    async def cell():
        main = MainThread()
        other = threading.Thread(target=lambda: main.soon(lambda: ran.append(threading.current_thread())))
        other.start()
        other.join()
        assert ran == []
        await asyncio.sleep(0)
        assert ran == [threading.main_thread()]

    asyncio.run(cell())


def test_without_an_event_loop_work_runs_at_once():
    """In a script, and after the loop has been closed, work runs at once on the calling thread."""
    ran = []
    MainThread().soon(lambda: ran.append("script"))

    async def make():
        return MainThread()

    asyncio.run(make()).soon(lambda: ran.append("closed"))
    assert ran == ["script", "closed"]
