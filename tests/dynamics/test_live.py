from __future__ import annotations

import threading
from importlib.metadata import version

import pytest
from jupyter_client.manager import start_new_kernel

from nbinspect.dynamics.live import Kernel, Liveness, running_kernel

MAIN = threading.main_thread().ident or 0
PAGE = MAIN + 1
TRAINING = MAIN + 2


def test_a_click_that_arrives_in_a_plain_loop_proves_live_control() -> None:
    """On ipykernel 7 nothing is known before a message, and it holds for this cell alone."""
    live = Liveness(lambda: Kernel(7, attended=True))
    live.stepped(MAIN)
    assert live.state == "unknown"
    assert "run_in_background" in live.why_no_pause()
    assert live.beat(PAGE)
    assert (live.state, live.text, live.why_no_pause()) == ("on", "live control: on", "")
    assert not live.beat(PAGE)
    live.cell_ended()
    live.stepped(MAIN)
    assert live.state == "unknown"


def test_messages_that_waited_for_the_cell_prove_nothing() -> None:
    """What comes before the first step, after the cell, or on the training thread itself leaves it open."""
    live = Liveness(lambda: Kernel(7, attended=True))
    assert not live.beat(PAGE)
    live.stepped(MAIN)
    assert not live.beat(MAIN)
    live.cell_ended()
    assert not live.beat(PAGE)
    assert live.state == "unknown"


def test_ipykernel_6_makes_clicks_wait_for_the_cells_end() -> None:
    """The text names the way out, a pause is refused with it, and a message that does arrive is believed."""
    live = Liveness(lambda: Kernel(6, attended=True))
    live.stepped(MAIN)
    assert live.state == "off"
    assert live.why_no_pause() == "clicks wait for the cell's end: use dynamics.run_in_background(train)"
    assert live.beat(PAGE)
    assert live.state == "on"


@pytest.mark.parametrize("number", [6, 7])
def test_a_background_run_can_always_be_resumed(number: int) -> None:
    """Before a message it is unknown but may be paused, after one it is on, also when the starting cell has ended."""
    live = Liveness(lambda: Kernel(number, attended=True))
    live.begin("background")
    assert (live.state, live.why_no_pause()) == ("unknown", "")
    live.stepped(TRAINING)
    live.cell_ended()
    live.stepped(TRAINING)
    assert live.beat(MAIN)
    live.cell_ended()
    assert (live.way, live.state) == ("background", "on")
    live.stepped(MAIN)
    assert (live.way, live.state) == ("plain", "off" if number < 7 else "unknown")


def test_an_async_loop_is_live_where_a_page_is() -> None:
    """Between two batches messages arrive on the very thread that trains."""
    live = Liveness(lambda: Kernel(6, attended=True))
    live.begin("async")
    live.stepped(MAIN)
    assert (live.state, live.why_no_pause()) == ("on", "")
    assert live.beat(MAIN)
    live.cell_ended()
    live.stepped(MAIN)
    assert live.way == "plain"


@pytest.mark.parametrize("way", ["plain", "async", "background"])
def test_a_further_epoch_keeps_what_was_proved(way: str) -> None:
    """A watched loop begins anew in each epoch, on whatever thread, and live control stays on."""
    live = Liveness(lambda: Kernel(7, attended=True))
    seen: list[tuple[str, str]] = []

    def epochs() -> None:
        for _ in range(2):
            live.begin("async" if way == "async" else "plain")
            seen.append((live.way, live.state))
            live.stepped(threading.get_ident())
            live.beat(PAGE)

    if way == "background":
        live.begin(way)
        other = threading.Thread(target=epochs)
        other.start()
        other.join(20)
    else:
        epochs()
    assert seen == [(way, "on" if way == "async" else "unknown"), (way, "on")]


@pytest.mark.parametrize("way", ["plain", "async"])
def test_an_executed_notebook_has_no_page(way: str) -> None:
    """Where nobody could answer the cell no pause is made, until a message proves the contrary."""
    live = Liveness(lambda: Kernel(7, attended=False))
    live.begin(way)
    live.stepped(MAIN)
    assert live.state == "off"
    assert live.why_no_pause().startswith("no page can answer here")
    assert live.beat(PAGE)
    assert live.why_no_pause() == ""


def test_a_script_has_no_page() -> None:
    """Outside of a kernel a plain loop cannot be paused, and a run on its own thread can."""
    live = Liveness()
    live.stepped(MAIN)
    assert live.state == "off"
    assert "no page can answer here" in live.why_no_pause()
    live.begin("background")
    assert (live.state, live.why_no_pause()) == ("off", "")


def test_the_kernel_is_the_one_that_runs() -> None:
    """In a real kernel its version and whether somebody could answer are known, and in a script there is none."""
    assert running_kernel() is None
    manager, client = start_new_kernel(kernel_name="python3")
    told: list[str] = []
    try:
        for attended in (True, False):
            client.execute_interactive(
                "from nbinspect.dynamics.live import running_kernel; print(running_kernel())",
                allow_stdin=attended,
                timeout=60,
                output_hook=lambda message: told.append(message["content"].get("text", "")),
            )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    number = version("ipykernel").split(".")[0]
    assert "".join(told).split("\n")[:2] == [f"Kernel(version={number}, attended={answer})" for answer in (True, False)]
