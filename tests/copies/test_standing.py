from __future__ import annotations

import io
from collections import deque
from typing import Any

import pytest
import torch
from torch import nn

from nbinspect.copies.reach import bindings_of
from nbinspect.copies.sinks import sink_for
from nbinspect.copies.standing import standing_in
from nbinspect.copies.twins import Twins, is_live

model: Any = None
history: list[float] = []
count = 0


class Log:
    """Holds nothing live."""

    def __init__(self) -> None:
        self.values, self.last, self.recent = {"a": 1}, 0.0, deque([1], maxlen=2)


log = Log()


def step() -> Any:
    global count  # noqa: PLW0603 - what is tested
    count += 1
    history.append(1.0)
    log.values["b"] = 2
    log.recent.append(2)
    log.last = 5.0
    with torch.no_grad():
        model.weight.zero_()
    return model


def standing() -> Any:
    bindings = bindings_of([step])
    twins = Twins([binding.value for binding in bindings if is_live(binding.value)])
    return standing_in(bindings, twins)


@pytest.fixture(autouse=True)
def _fresh() -> None:
    global model  # noqa: PLW0603 - what is tested
    model = nn.Linear(2, 2)


def test_copies_stand_in_and_go() -> None:
    """Inside the block the function reaches a copy, and after it the original, unchanged."""
    original, before = model, model.weight.detach().clone()
    with standing():
        assert step() is not original
    assert model is original
    assert torch.equal(model.weight, before)


@pytest.mark.parametrize("fault", [None, ValueError, KeyboardInterrupt])
def test_plain_values_are_put_back(fault: type[BaseException] | None) -> None:
    """Counters, lists and objects that hold nothing live are as they were, also after an exception or an interrupt."""
    original = model
    try:
        with standing():
            step()
            assert count == 1
            if fault is not None:
                raise fault
    except (ValueError, KeyboardInterrupt):
        pass
    assert model is original
    assert count == 0
    assert history == []
    assert (log.values, log.last, list(log.recent)) == ({"a": 1}, 0.0, [1])


def test_files_that_are_closed_have_no_stand_in() -> None:
    """A file that is open for writing has one of its kind, a reader, a closed and a detached one have none."""
    closed, detached = io.StringIO(), io.TextIOWrapper(io.BytesIO())
    closed.close()
    detached.detach()
    assert isinstance(sink_for(io.TextIOWrapper(io.BytesIO())), io.StringIO)
    assert isinstance(sink_for(io.BytesIO()), io.BytesIO)
    assert [sink_for(file) for file in (closed, detached, io.BufferedReader(io.BytesIO()))] == [None] * 3
