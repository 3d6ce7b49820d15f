from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nbinspect.sanity.trials.running.cadence import cadence, divisors_in, is_misread

EVERY = 6


def counted(every: int) -> Callable[..., None]:
    seen = 0

    def step(optimizer: Any, scheduler: Any) -> None:
        nonlocal seen
        seen += 1
        if (seen + 1) % every == 0:
            optimizer.step()
        if not seen % EVERY:
            scheduler.step()

    return step


def by_what_it_is_given(optimizer: Any, epoch: int) -> None:
    if epoch % 5 == 0:
        optimizer.step()


def under_two(optimizer: Any, warm: bool, seen: int = 0) -> None:
    seen += 1
    if seen % 2 == 0:
        print(seen)  # noqa: T201 - as users write it
        if warm:
            optimizer.step()


def otherwise(optimizer: Any, seen: int = 0) -> None:
    seen += 1
    if seen % 2 == 0:
        pass
    else:
        optimizer.step()


class Trainer:
    def __init__(self, every: int) -> None:
        self.every, self.seen = every, 0

    def step(self, optimizer: Any) -> None:
        self.seen += 1
        if self.seen % self.every == 0:
            optimizer.step()


@pytest.mark.parametrize(
    ("step", "of_schedule", "every"),
    [
        (counted(3), False, 3),
        (counted(3), True, 6),
        (Trainer(7).step, False, 7),
        (by_what_it_is_given, False, None),
        (under_two, False, None),
        (otherwise, False, None),
        (Trainer(7).step, True, None),
        (None, False, None),
    ],
)
def test_the_divisor_of_its_own_count_is_read(step: Any, of_schedule: bool, every: int | None) -> None:
    """From a variable around it, a global and `self`; not where another count or condition decides."""
    assert cadence(step, of_schedule=of_schedule) == every


@pytest.mark.parametrize(
    ("step", "divisors"),
    [(counted(3), [3, 6]), (Trainer(7).step, [7]), (by_what_it_is_given, [5]), (otherwise, [2]), (None, [])],
)
def test_all_divisors_of_a_text_are_read(step: Any, divisors: list[int]) -> None:
    """Of whatever a remainder is taken, and under any condition, in ascending order."""
    assert divisors_in(step) == divisors


def misread(optimizer: Any, step: int) -> None:
    if step + 1 % 4 == 0:
        optimizer.step()


def of_what_is_no_remainder(optimizer: Any, step: int) -> None:
    if step + 1 % 1 == 0:
        optimizer.step()


@pytest.mark.parametrize(("step", "expected"), [(misread, True), (of_what_is_no_remainder, False), (otherwise, False)])
def test_a_remainder_of_a_number_alone_is_a_slip(step: Any, expected: bool) -> None:
    """`step + 1 % 4 == 0` is met by no count, `step + 1 % 1 == 0` by 0, and other conditions are not judged."""
    assert is_misread(step) is expected
