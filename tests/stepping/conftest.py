from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from torch import nn

from nbinspect.stepping.stepper import ForwardStepper
from nbinspect.subject import Subject

WAIT = 20.0
"""Seconds after which a test gives up on another thread."""


def passes_alive() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "nbinspect-pass"]


@pytest.fixture
def opened() -> Iterator[Callable[..., ForwardStepper]]:
    """Opens steppers, and closes them in the end; no thread of a pass may be left then."""
    steppers: list[ForwardStepper] = []

    def open_stepper(model: nn.Module | Subject, batch: Any = None, loss_fn: Any = None, **options: Any) -> Any:
        inspected = model if isinstance(model, Subject) else Subject(model, None, loss_fn)
        steppers.append(ForwardStepper(inspected, batch, **{"timeout": WAIT, **options}))
        return steppers[-1]

    yield open_stepper
    for stepper in steppers:
        stepper.close()
    gc.collect()
    for thread in passes_alive():
        thread.join(WAIT)
    assert not passes_alive()
