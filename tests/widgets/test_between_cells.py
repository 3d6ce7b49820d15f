from __future__ import annotations

import asyncio

import pytest

from nbinspect.data.explorer.explorer import Doing
from nbinspect.errors import InputError, NbinspectError
from nbinspect.widgets import between_cells
from nbinspect.widgets.between_cells import BetweenCells
from nbinspect.widgets.main_thread import MainThread


class Heard:
    """What was told of work, and how it ended."""

    def __init__(self):
        self.told, self.ended, self.closed = [], [], False

    def steps(self, count=5, error=None):
        try:
            for number in range(count):
                yield Doing("scan", "scans", number / count)
            if error is not None:
                raise error
        finally:
            self.closed = True

    def work(self):
        return BetweenCells(MainThread(), lambda doing: self.told.append(doing.done), self.ended.append)


def test_in_a_script_work_is_done_at_once():
    """Without an event loop all steps are done before `start` returns, however many there are."""
    heard = Heard()
    work = heard.work()
    future = work.start(heard.steps(5000))
    assert future.result(0) == {}
    assert len(heard.told) == 5000
    assert heard.ended == [None]
    assert not work.running


def test_with_an_event_loop_others_come_in_between(monkeypatch):
    """Between two slices the event loop runs what else there is to do, and the work goes on after it."""
    monkeypatch.setattr(between_cells, "_SLICE", 0.0)

    async def notebook():
        heard = Heard()
        work = heard.work()
        future = work.start(heard.steps())
        seen = []
        while not future.done():
            seen.append(len(heard.told))
            await asyncio.sleep(0)
        return seen, heard

    seen, heard = asyncio.run(notebook())
    assert seen[0] == 0
    assert set(range(1, 5)) <= set(seen)
    assert heard.ended == [None]


def test_the_rest_is_done_now_where_it_is_needed():
    """A cell that needs the result does the rest of the work, and nothing is done twice."""

    async def notebook():
        heard = Heard()
        work = heard.work()
        future = work.start(heard.steps())
        with pytest.raises(InputError, match="under way"):
            work.start(heard.steps())
        work.finish()
        assert future.done()
        await asyncio.sleep(0.01)
        return heard

    heard = asyncio.run(notebook())
    assert len(heard.told) == 5
    assert heard.ended == [None]


def test_an_error_ends_the_work_and_is_told():
    """What the work raises is told, is in the future, and is raised where the work was finished; later work can be."""
    heard = Heard()
    work, error = heard.work(), NbinspectError("torn")
    assert work.start(heard.steps(2, error)).exception(0) is error
    assert heard.ended == [error]
    assert work.start(heard.steps(1)).result(0) == {}

    async def notebook():
        own = heard.work()
        future = own.start(heard.steps(2, error))
        with pytest.raises(NbinspectError):
            own.finish()
        return future

    assert asyncio.run(notebook()).exception(0) is error


def test_an_interrupt_ends_the_work_and_is_raised_in_the_cell():
    """After an interrupt the steps are closed and the request is answered."""
    heard = Heard()

    async def notebook():
        work = heard.work()
        future = work.start(heard.steps(3, KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            work.finish()
        return future

    assert asyncio.run(notebook()).result(0) == {}
    assert heard.closed


def test_an_interrupt_in_a_script_is_raised():
    """Without an event loop the interrupt ends the work and reaches whoever began it."""
    heard = Heard()
    work = heard.work()
    with pytest.raises(KeyboardInterrupt):
        work.start(heard.steps(3, KeyboardInterrupt()))
    assert heard.closed
    assert work.start(heard.steps(1)).result(0) == {}


def test_stopped_work_is_closed_where_it_is():
    """A stop closes the steps; what was begun is cleaned up."""

    async def notebook():
        heard = Heard()
        work = heard.work()
        future = work.start(heard.steps())
        work.stop()
        work.stop()
        await asyncio.sleep(0.01)
        return heard, future

    heard, future = asyncio.run(notebook())
    assert (heard.told, future.result(0)) == ([], {})


def test_whoever_waits_hears_of_an_end_that_could_not_be_told():
    """Where telling of the end raises, the work counts as ended, and what was begun is answered."""

    def refuse(error):
        raise NbinspectError("the page is gone")

    async def notebook():
        heard = Heard()
        work = BetweenCells(MainThread(), lambda doing: None, refuse)
        future = work.start(heard.steps())
        with pytest.raises(NbinspectError, match="the page is gone"):
            work.finish()
        return heard.closed, work.running, future.done()

    assert asyncio.run(notebook()) == (True, False, True)
