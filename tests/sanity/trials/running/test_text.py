from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest

from nbinspect.sanity.trials.running.text import functions_of, mentions_of, place_of


def helper(optimizer: Any) -> None:
    optimizer.step()  # in the helper


def step(batch: Any, optimizer: Any) -> None:
    batch.backward()
    if batch:
        optimizer.zero_grad()
    helper(optimizer)


class Trainer:
    def __call__(self, batch: Any) -> None:
        self.take(batch)

    def take(self, batch: Any) -> None:
        batch.backward()


def line_of(text: str) -> int:
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.startswith(text))


@pytest.mark.parametrize(
    ("root", "text"),
    [
        (step, "def step"),
        (functools.partial(step, 1), "def step"),
        (Trainer().take, "    def take"),
        (Trainer(), "    def __call__"),
    ],
)
def test_a_step_is_found_in_its_file(root: Any, text: str) -> None:
    """Functions, partials, methods and callable objects have a line."""
    place = place_of(root)
    assert place is not None
    assert (place.file, place.line) == (__file__, line_of(text))


def test_calls_are_found_in_the_functions_that_it_uses() -> None:
    """A call in a helper counts, and one under a condition is told."""
    (called,) = mentions_of(step, "step")
    assert called.line == "optimizer.step()  # in the helper"
    assert called.place.line == line_of("    optimizer.step()")
    assert not called.is_conditional
    assert mentions_of(step, "zero_grad")[0].is_conditional
    assert not mentions_of(step, "backward")[0].is_conditional
    assert mentions_of(Trainer(), "backward")


def cleared_by_hand(batch: Any, parameters: list[Any]) -> None:
    for p in parameters:
        if p.grad is not None:
            p.grad.zero_()
        if p.moment is None:
            p.moment.fill_()


def test_a_question_for_a_gradient_is_no_condition() -> None:
    """What is done to every parameter that has a gradient is done at each call; other questions for None are open."""
    assert not mentions_of(cleared_by_hand, "zero_")[0].is_conditional
    assert mentions_of(cleared_by_hand, "fill_")[0].is_conditional


def test_without_text_there_is_no_place() -> None:
    """What was made without a file, what is built in, and no step at all have neither lines nor calls."""
    space: dict[str, Any] = {}
    exec("def made(batch):\n    batch.backward()", space)
    for root in (None, space["made"], len):
        assert place_of(root) is None
        assert mentions_of(root, "backward") == []
    assert functions_of(None) == []
