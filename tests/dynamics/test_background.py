from __future__ import annotations

import asyncio
import contextvars
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch

from nbinspect.dynamics.background import run_in_background
from nbinspect.dynamics.controls import Controls
from nbinspect.errors import InputError

WAIT = 20
NAMED: contextvars.ContextVar[str] = contextvars.ContextVar("named")


def test_the_result_is_that_of_the_function() -> None:
    """The call returns while the training goes on, and `wait` gives what it returned."""
    go, controls = threading.Event(), Controls(list)
    run = run_in_background(lambda: (go.wait(WAIT), threading.current_thread())[1], controls)
    assert (run.running, controls.state) == (True, "running")
    go.set()
    thread = run.wait(WAIT)
    assert thread is not threading.current_thread()
    assert thread.daemon
    assert (run.running, run.result, run.error, controls.state) == (False, thread, None, "ended")


def test_modes_and_context_go_along() -> None:
    """Grad mode, autocast, default device and type and context variables are those of the cell."""

    def modes() -> tuple[Any, ...]:
        return (
            torch.is_grad_enabled(),
            torch.is_autocast_enabled("cpu"),
            torch.get_autocast_dtype("cpu"),
            torch.get_default_dtype(),
            torch.empty(0).device,
            NAMED.get("none"),
        )

    NAMED.set("here")
    plain = run_in_background(modes, Controls(list)).wait(WAIT)
    torch.set_default_device("meta")
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad(), torch.autocast("cpu", torch.float16):
            here, there = modes(), run_in_background(modes, Controls(list)).wait(WAIT)
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)
    assert there == here
    assert plain == modes()
    assert plain != here


def test_an_error_is_reported_kept_and_raised() -> None:
    """What training raises is told with its place, and raised by `wait`."""
    told: list[tuple[str, str]] = []

    def train() -> None:
        raise ValueError("the label is 7")

    run = run_in_background(train, Controls(list), lambda kind, text: told.append((kind, text)))
    with pytest.raises(ValueError, match="the label is 7"):
        run.wait(WAIT)
    assert isinstance(run.error, ValueError)
    assert told[0][0] == "problem"
    assert told[0][1].startswith("training raised ValueError: the label is 7 (")
    assert __file__ in told[0][1]


@pytest.mark.parametrize("paused", [False, True])
def test_a_stop_is_a_normal_end(paused: bool) -> None:
    """A run that is stopped, while it goes on or in a pause, ends without an error, and a second stop does no harm."""
    waits = threading.Event()
    controls = Controls(list, changed=lambda state: waits.set() if state == "paused" else None)

    def train() -> None:
        step = 0
        while True:
            step += 1
            controls.serve(step)

    if paused:
        controls.pause_at(step=3)
    run = run_in_background(train, controls)
    assert not paused or waits.wait(WAIT)
    run.stop()
    assert run.wait(WAIT) is None
    run.stop()
    assert (run.error, controls.state) == (None, "stopped")


def test_a_wait_that_is_too_short_says_so() -> None:
    """`wait` gives up after its time, and the run goes on."""
    go = threading.Event()
    run = run_in_background(lambda: go.wait(WAIT), Controls(list))
    with pytest.raises(TimeoutError, match="still goes on"):
        run.wait(0.01)
    assert run.running
    go.set()
    assert run.wait(WAIT) is True


@pytest.mark.parametrize("stops", [False, True])
def test_an_interrupt_ends_the_waiting_and_the_run_only_where_asked(stops: bool) -> None:
    """Interrupting the cell that waits leaves the run alone by default."""
    go, stopping, controls = threading.Event(), threading.Event(), Controls(list)

    def train() -> str:
        signal.raise_signal(signal.SIGINT)  # reaches the main thread, which waits
        go.wait(WAIT)
        controls.serve(1)
        return "whole"

    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the Interrupt may come before the waiting has begun
        run = run_in_background(lambda: (stopping.wait(WAIT), train())[1], controls)
        stopping.set()
        run.wait(WAIT, stop_on_interrupt=stops)
    go.set()
    assert run.wait(WAIT) == (None if stops else "whole")


@pytest.mark.parametrize(
    ("train", "named"), [(None, "without parentheses"), (lambda: None, "going already"), (asyncio.sleep, "asyncio.run")]
)
def test_what_cannot_be_run_is_refused(train: Callable[[], Any], named: str) -> None:
    """Bad input, and a second run of the same controls, are errors that say what to write."""
    controls = Controls(list)
    if named == "going already":
        controls.begin(elsewhere=True)
    with pytest.raises(InputError, match=named):
        run_in_background(train, controls)


def test_what_this_cell_has_attached_may_go_to_the_background() -> None:
    """Watching that began on this thread, without a step in flight, is no run that stands in the way."""
    controls = Controls(list)
    controls.begin()
    go = threading.Event()
    run = run_in_background(lambda: (go.wait(WAIT), controls.busy)[1], controls)
    assert controls.busy
    go.set()
    assert run.wait(WAIT) is False
