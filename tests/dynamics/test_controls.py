from __future__ import annotations

import _thread
import asyncio
import math
import signal
import threading
import timeit
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
import torch
from torch import nn

from nbinspect.dynamics.conditions import RunStopped
from nbinspect.dynamics.controls import Controls
from nbinspect.errors import InputError, NbinspectError

WAIT = 20


class Training:
    """A run on another thread whose steps are let through one by one, or freely."""

    def __init__(self, **options: Any) -> None:
        self.optimizer = torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1)
        self.moments: list[tuple[str, str]] = []
        self.states: list[str] = []
        self.paused = threading.Event()
        self.done: list[int] = []
        self.ended = threading.Event()
        self.raised: list[BaseException] = []
        self.controls = Controls(
            lambda: [self.optimizer],
            report=lambda kind, text: self.moments.append((kind, text)),
            changed=self._changed,
            **options,
        )

    def _changed(self, state: str) -> None:
        self.states.append(state)
        if state == "paused":
            self.paused.set()

    def run(self, steps: int, loss: Callable[[int], float] = float) -> None:
        try:
            for step in range(1, steps + 1):
                self.optimizer.step()
                self.done.append(step)
                self.controls.serve(step, loss(step))
        except BaseException as error:  # noqa: BLE001 - kept for the test
            self.raised.append(error)
        finally:
            self.controls.end()
            self.ended.set()

    def start(self, steps: int, loss: Callable[[int], float] = float) -> None:
        threading.Thread(target=self.run, args=(steps, loss), daemon=True).start()

    def until_paused(self) -> None:
        assert self.paused.wait(WAIT)
        self.paused.clear()


def test_a_run_pauses_advances_and_resumes() -> None:
    """A pause holds the run after the step, `advance` lets so many through, and `resume` the rest."""
    run = Training()
    run.controls.pause()
    run.start(10)
    run.until_paused()
    assert (run.done, run.controls.state) == ([1], "paused")
    run.controls.advance(3)
    run.until_paused()
    assert run.done == [1, 2, 3, 4]
    run.controls.resume()
    assert run.ended.wait(WAIT)
    assert run.done == list(range(1, 11))
    assert run.states == ["running", "paused", "running", "paused", "running", "ended"]
    assert run.moments == [("pause", "paused after step 1: asked for")]
    assert run.controls.paused_seconds > 0


def test_work_and_rates_are_served_in_a_pause_in_their_order() -> None:
    """What is asked for while the run is paused happens on its thread at once, first come first served."""
    run = Training()
    run.controls.pause()
    run.start(2)
    run.until_paused()
    order: list[Any] = []
    first = run.controls.do(lambda: order.append(threading.current_thread()) or "done")
    run.controls.set_rate(0.5).result(WAIT)
    last = run.controls.do(lambda: order.append(run.optimizer.param_groups[0]["lr"]))
    assert first.result(WAIT) == "done"
    last.result(WAIT)
    assert order[0] is not threading.current_thread()
    assert order[1] == 0.5
    assert ("rate", "learning rate: 0.1 → 0.5") in run.moments
    assert run.controls.state == "paused"
    run.controls.resume()
    assert run.ended.wait(WAIT)


def test_what_work_raises_is_raised_where_it_was_asked_for() -> None:
    """A failure of work goes into its future and not into training."""
    run = Training()
    run.controls.pause()
    run.start(3)
    run.until_paused()
    with pytest.raises(ZeroDivisionError):
        run.controls.do(lambda: 1 / 0).result(WAIT)
    run.controls.resume()
    assert run.ended.wait(WAIT)
    assert (run.done, run.raised) == ([1, 2, 3], [])


def test_a_stop_ends_a_paused_run_as_an_interrupt_does() -> None:
    """`stop` raises what no `except Exception` catches, and work that is asked for later is done at once again."""
    run = Training()
    run.controls.pause()
    run.start(5)
    run.until_paused()
    run.controls.stop()
    assert run.controls.stopping
    assert run.ended.wait(WAIT)
    assert run.done == [1]
    assert isinstance(run.raised[0], RunStopped)
    assert isinstance(run.raised[0], KeyboardInterrupt)
    assert (run.controls.state, run.controls.stopping) == ("stopped", False)
    assert run.controls.do(lambda: 7).result(0) == 7


def test_an_iterated_run_is_not_interrupted_by_a_stop() -> None:
    """Whoever iterates reads `stopping` and ends the loop; nothing is raised."""
    run = Training()
    run.controls.watched = "loop"
    for step in range(1, 10):
        run.controls.serve(step)
        if step == 3:
            run.controls.stop()
            run.controls.serve(step)
        if run.controls.stopping:
            break
    run.controls.end()
    assert (step, run.controls.state) == (3, "stopped")


@pytest.mark.parametrize("interrupt", [lambda: signal.raise_signal(signal.SIGINT), _thread.interrupt_main])
def test_an_interrupt_ends_a_pause_and_goes_on(interrupt: Callable[[], None]) -> None:
    """The Interrupt of the kernel reaches a main thread that waits in a pause."""
    controls = Controls(list, changed=lambda state: state == "paused" and other.start())
    other = threading.Thread(target=interrupt)
    controls.pause()
    with pytest.raises(KeyboardInterrupt) as raised:
        controls.serve(1)
    assert not isinstance(raised.value, RunStopped)
    assert controls.state == "running"
    other.join(WAIT)
    controls.serve(2)


def test_an_interrupt_in_work_reaches_both_threads() -> None:
    """Work that is interrupted gives its future an error, and the Interrupt goes on."""
    controls = Controls(list)
    controls.serve(1)
    asked: list[Future[Any]] = []
    other = threading.Thread(target=lambda: asked.append(controls.do(lambda: signal.raise_signal(signal.SIGINT))))
    other.start()
    other.join(WAIT)
    with pytest.raises(KeyboardInterrupt):
        controls.serve(2)
    with pytest.raises(NbinspectError, match="interrupted"):
        asked[0].result(0)


def test_pause_at_a_step_and_on_a_condition() -> None:
    """A condition pauses once: at its step, or at the first step at which it is true from there on."""
    run = Training()
    run.controls.pause_at(step=3)
    run.controls.pause_at(step=4, when=lambda seen: seen.loss > 5)
    run.start(8)
    run.until_paused()
    assert run.done[-1] == 3
    run.controls.resume()
    run.until_paused()
    assert run.done[-1] == 6
    with pytest.raises(InputError, match="after 6"):
        run.controls.pause_at(step=6)
    run.controls.resume()
    assert run.ended.wait(WAIT)
    assert [kind for kind, _ in run.moments] == ["pause", "pause"]


def test_a_condition_that_raises_is_reported_and_dropped() -> None:
    """A failing condition does not reach training, and is heard of once."""
    run = Training()
    run.controls.pause_at(when=lambda seen: seen.missing)
    run.run(5)
    assert (run.done, run.raised) == ([1, 2, 3, 4, 5], [])
    assert [kind for kind, _ in run.moments] == ["problem"]
    assert "missing" in run.moments[0][1]


def test_a_pause_that_nobody_could_end_is_refused() -> None:
    """Where no resume can arrive `pause` and `advance` say why, and a condition reports it while the run goes on."""
    run = Training(can_pause=lambda: "no page can answer here")
    for refused in (run.controls.pause, run.controls.advance):
        with pytest.raises(InputError, match="no page can answer here"):
            refused()
    run.controls.pause_at(step=2)
    run.run(4)
    assert run.done == [1, 2, 3, 4]
    assert run.moments == [("problem", "did not pause after step 2: no page can answer here")]


def test_a_missing_loss_is_nan() -> None:
    """A condition sees NaN, and no comparison with it holds."""
    seen = []
    controls = Controls(list)
    controls.pause_at(when=lambda run: seen.append(run.loss) or run.loss > 0)
    controls.serve(1)
    assert math.isnan(seen[0])


def test_work_left_at_the_end_is_refused() -> None:
    """A future whose work was not begun when the run ends raises, and nobody waits for ever."""
    run = Training()
    run.controls.begin(elsewhere=True)
    asked = [run.controls.do(int) for _ in range(2)]
    asked[0].cancel()
    run.controls.end()
    with pytest.raises(NbinspectError, match="ended before"):
        asked[1].result(0)


def test_without_a_run_work_is_done_at_once_on_the_main_thread_alone() -> None:
    """The main thread does it; another thread is refused, or has it done by `settle` where that is woken."""

    def asked_elsewhere(controls: Controls) -> Future[Any]:
        futures: list[Future[Any]] = []
        other = threading.Thread(target=lambda: futures.append(controls.do(threading.get_ident)))
        other.start()
        other.join(WAIT)
        return futures[0]

    woken: list[bool] = []
    deaf, hearing = Controls(list), Controls(list, wake=lambda: woken.append(True))
    assert deaf.do(threading.get_ident).result(0) == threading.get_ident()
    with pytest.raises(NbinspectError, match="no run is going"):
        asked_elsewhere(deaf).result(0)
    future = asked_elsewhere(hearing)
    assert (woken, future.done()) == ([True], False)
    hearing.settle()
    assert future.result(0) == threading.get_ident()


def test_before_the_first_step_work_is_done_at_once_where_the_run_began() -> None:
    """A cell that begins to watch and asks for work does not wait for a step to come, and is at rest at its end."""
    controls = Controls(list)
    controls.begin()
    assert controls.do(lambda: "done").result(0) == "done"
    assert not controls.busy
    controls.rest()
    assert controls.state == "idle"


def test_the_training_thread_itself_never_waits_for_itself() -> None:
    """Work that the loop asks for between its own steps is done at once."""
    controls = Controls(list)
    controls.serve(1)
    assert controls.do(lambda: controls.do(lambda: "nested").result(0)).result(0) == "nested"


def test_at_rest_between_cells_what_is_left_is_done() -> None:
    """`rest` serves the queue on the thread of the run, and on no other; the next step begins anew."""
    run = Training()
    run.controls.serve(1)
    futures: list[Future[Any]] = []
    for ask in (lambda: futures.append(run.controls.do(lambda: 3)), run.controls.rest):
        other = threading.Thread(target=ask)
        other.start()
        other.join(WAIT)
    assert run.controls.state == "running"
    run.controls.rest()
    assert (futures[0].result(0), run.controls.state) == (3, "idle")
    run.controls.serve(2)
    assert run.states == ["running", "idle", "running"]


def test_an_async_run_pauses_between_batches_while_its_loop_goes_on() -> None:
    """In `async for` the step returns and `hold` waits, so that a task of the same loop can resume."""
    controls = Controls(list)
    controls.watched = "async"
    seen = []

    async def train() -> None:
        for step in range(1, 5):
            controls.serve(step)
            await controls.hold()
            seen.append(step)

    async def click() -> None:
        while controls.state != "paused":
            await asyncio.sleep(0)
        assert seen == [1]
        seen.append(controls.do(lambda: "work").result(0))
        controls.resume()

    async def both() -> None:
        controls.pause_at(step=2)
        await asyncio.gather(train(), click())

    asyncio.run(asyncio.wait_for(both(), WAIT))
    assert seen == [1, "work", 2, 3, 4]


def test_steps_of_work_are_no_steps_of_the_run() -> None:
    """Work that trains a little is not paused, stopped or served in the middle."""
    controls = Controls(list)
    controls.serve(1)
    done: list[str] = []

    def trial() -> None:
        controls.serve(2)
        done.append("whole")

    other = threading.Thread(target=lambda: (controls.stop(), controls.do(trial)))
    other.start()
    other.join(WAIT)
    with pytest.raises(RunStopped):
        controls.serve(2)
    assert done == ["whole"]


def test_a_view_that_fails_is_reported() -> None:
    """What the callback of a change raises never reaches training."""
    moments: list[str] = []
    controls = Controls(list, report=lambda kind, _: moments.append(kind), changed=lambda _: 1 / 0)
    controls.serve(1)
    controls.end()
    assert moments == ["problem", "problem"]


@pytest.mark.parametrize(
    ("ask", "named"),
    [
        (lambda c: c.advance(0), "steps"),
        (lambda c: c.advance(1.5), "steps"),
        (lambda c: c.set_rate("0.1"), "rate"),
        (lambda c: c.set_rate(math.nan), "rate"),
        (lambda c: c.set_rate(0), "rate"),
        (lambda c: c.set_rate(0.1, "Adam/7"), "SGD/0"),
        (lambda c: c.do("work"), "work"),
        (lambda c: c.pause_at(), "pause_at"),
        (lambda c: c.pause_at(step=True), "step"),
        (lambda c: c.pause_at(when=3), "when"),
        (lambda c: c.stop(), "no run"),
    ],
)
def test_bad_input_is_refused_before_anything_is_queued(ask: Callable[[Controls], Any], named: str) -> None:
    """The error names what was wrong, and the run goes through as if nothing had been asked."""
    run = Training()
    with pytest.raises(InputError, match=named):
        ask(run.controls)
    run.run(3)
    assert (run.done, run.moments, run.states) == ([1, 2, 3], [], ["running", "ended"])


def test_a_rate_before_any_optimizer_is_refused() -> None:
    """Before the first step there is no group whose rate could be set."""
    with pytest.raises(InputError, match="no optimizer"):
        Controls(list).set_rate(0.1)


def test_a_step_of_which_nothing_was_asked_costs_next_to_nothing() -> None:
    """Serving takes less than a microsecond when nothing is asked, also after a pause has been served."""
    controls = Controls(list, changed=lambda state: state == "paused" and controls.resume())
    controls.pause()
    controls.serve(1)
    controls.serve(2)
    assert min(timeit.repeat(lambda: controls.serve(3, 0.5), number=1000, repeat=20)) < 1e-6 * 1000
