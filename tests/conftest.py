from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

# Figures are drawn without a screen, and no test may ask a hub for a model.
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Short trainings go the same way on most processors, or a test that passes here may fail on the next machine.
os.environ.setdefault("MKL_CBWR", "AVX2")
os.environ.setdefault("ATEN_CPU_CAPABILITY", "avx2")
# What a shell starts in the background ignores interrupts, and they are tested.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Small networks gain nothing from threads, and two processes with threads of their own wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Many tests start a Python of their own, which would compile the whole package again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a CUDA device where there is none."""
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device on this machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run browser tests last: Playwright leaves an event loop running on this thread, as a notebook does.

    Programs of the zoo come first: they take long each, and one of two processes would wait for the last of them.
    """
    items.sort(key=lambda item: (item.get_closest_marker("browser") is not None, "zoo" not in item.path.parts))


def pytest_collection_finish() -> None:
    """Set what is alive by now, whole libraries, aside: to look it through takes longer than most tests."""
    gc.collect()
    gc.freeze()


def pytest_runtest_teardown() -> None:
    """Leave no default device of None, which before torch 2.5 breaks `torch.get_default_device` for the tests after."""
    torch = sys.modules.get("torch")
    if torch is not None and getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", ...) is None:
        del torch._GLOBAL_DEVICE_CONTEXT.device_context


@pytest.fixture
def opened() -> Iterator[Callable[..., Any]]:
    """Opens steppers, and closes them in the end; no thread of a pass may be left then."""
    from nbinspect.stepping.stepper import ForwardStepper
    from nbinspect.subject import Subject
    from tests.stepping.threads import WAIT, passes_alive

    steppers: list[ForwardStepper] = []

    def open_stepper(model: Any, batch: Any = None, loss_fn: Any = None, **options: Any) -> ForwardStepper:
        inspected = model if isinstance(model, Subject) else Subject(model, None, loss_fn)
        steppers.append(ForwardStepper(inspected, batch, **{"timeout": WAIT, **options}))
        return steppers[-1]

    yield open_stepper
    for stepper in steppers:
        stepper.close()
    if passes_alive():  # of steppers that a test let go of unclosed, in cycles
        gc.collect()
    for thread in passes_alive():
        thread.join(WAIT)
    assert not passes_alive()
