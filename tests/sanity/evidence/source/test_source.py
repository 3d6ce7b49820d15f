from __future__ import annotations

from typing import Any

import pytest
from torch import nn

from nbinspect.records import ForwardRecord, Place, SourceCode
from nbinspect.sanity.evidence.source.source import (
    assigned_at,
    backward_calls,
    dropped_at,
    is_users,
    keeps_things,
    line_at,
    may_be_used,
)


def record_of(*lines: str) -> ForwardRecord:
    """A record with one function, whose `def` is on line 10 of its file."""
    source = SourceCode(
        "net.py", "Net.forward", 10, ("    def forward(self, x):", *(f"        {line}" for line in lines))
    )
    return ForwardRecord("Net", "operation", (), (source,), (), (), 1, True, None, True, None, 0.0)


def place(line: int) -> Place:
    return Place("net.py", line, "Net.forward", 10)


def test_reads_a_line_without_its_indent() -> None:
    """A line is found by file and number; others are empty."""
    record = record_of("return x")
    assert line_at(record, place(11)) == "return x"
    assert line_at(record, place(99)) == ""
    assert line_at(record, None) == ""


@pytest.mark.parametrize(
    ("lines", "at", "name", "again"),
    [
        (("x.relu()", "return x"), 11, "", 0),
        (("h = f(x)", "h = g(x)", "return h"), 11, "h", 12),
        (("h = f(", "    x,", ")", "y = 1", "h = g(x)"), 12, "h", 15),
        (("for f in x:", "    h = f(x)", "return h"), 12, "h", 12),
    ],
)
def test_finds_results_that_nothing_can_read(lines: tuple[str, ...], at: int, name: str, again: int) -> None:
    """A call alone, a value replaced below, and one that the next round replaces are dropped."""
    found = dropped_at(record_of(*lines), place(at))
    assert found is not None
    assert (found.name, found.again) == (name, again)


@pytest.mark.parametrize(
    "lines",
    [
        ("h = f(x)", "return h"),
        ("h = f(x)", "h = g(h)"),
        ("h = f(x)", "if x: h = g(x)", "return h"),
        ("h = f(x)", "if x: return 1", "h = g(x)"),
        ("h = f(x)", "y = [h for _ in x]", "h = g(x)"),
        ("h = f(x)", "h += 1", "h = g(x)"),
        ("h, k = f(x)", "h = g(x)"),
        ("_ = f(x)", "_ = g(x)"),
        ("h = x + 1", "h = g(x)"),
        ("show(f(x))", "return x"),
        ("h = f(x)", "print(locals())", "h = g(x)"),
        ("this is no Python",),
    ],
)
def test_is_silent_where_something_may_read_a_result(lines: tuple[str, ...]) -> None:
    """Reads, branches, several targets, discards and unreadable text are no drop."""
    assert dropped_at(record_of(*lines), place(11)) is None


class Keeper(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.used, self.forgotten = nn.Linear(1, 1), nn.Linear(1, 1)
        self.parts = [nn.Linear(1, 1)]

    def forward(self, x: Any) -> Any:
        self.last = self.used(x)
        return self.last


class Finder(nn.Module):
    def forward(self, x: Any, name: str) -> Any:
        return getattr(self, name)(x)


def test_tells_which_attributes_a_class_may_use() -> None:
    """Mentions beyond `__init__` and lookups by name count; what is only set there was forgotten."""
    assert may_be_used(Keeper, "used")
    assert not may_be_used(Keeper, "forgotten")
    assert may_be_used(Finder, "anything")


class Replaced(Keeper):
    def forward(self, x: Any) -> Any:
        return self.forgotten(x)


class Extended(Keeper):
    def forward(self, x: Any) -> Any:
        return super().forward(self.forgotten(x))


def test_a_replaced_method_uses_nothing() -> None:
    """What the forward of a base class mentions counts only where the one that replaces it may call it."""
    assert not may_be_used(Replaced, "used")
    assert may_be_used(Extended, "used")
    assert may_be_used(Replaced, "forgotten")


def test_tells_which_classes_keep_things() -> None:
    """Setting an attribute keeps something; torch's own layers do not."""
    assert keeps_things(Keeper)
    assert not keeps_things(Finder)
    assert not keeps_things(nn.BatchNorm1d)


def test_finds_where_an_attribute_is_set() -> None:
    """The line in `__init__` is found with its text."""
    found = assigned_at(Keeper, "parts")
    assert found is not None
    assert found[1] == "self.parts = [nn.Linear(1, 1)]"
    assert assigned_at(Keeper, "nothing") is None
    several = assigned_at(Keeper, "forgotten")
    assert several is not None
    assert several[1].startswith("self.used, self.forgotten =")


def test_counts_backward_calls() -> None:
    """Each call in the text of a step is counted; without text nobody knows."""

    def step(model: Any, batch: Any) -> None:
        model(batch).backward()
        model.other(batch).backward()

    assert backward_calls(step) == 2
    assert backward_calls(len) is None


def test_tells_whose_a_class_is() -> None:
    """Classes of torch and of installed packages are not the user's."""
    assert is_users(Keeper)
    assert not is_users(nn.Linear)
    assert not is_users(pytest.MonkeyPatch)
