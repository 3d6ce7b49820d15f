from __future__ import annotations

import pytest

from nbinspect.records import ForwardRecord, Place, SourceCode
from nbinspect.sanity.evidence.source.statements import dropped_at, line_at


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
        (("h = f(x)", "y = g(h)", "h = y + x", "return y"), 13, "h", 0),
        (("h = f(x)", "if x:", "    y = h", "else:", "    h = g(x)", "return y"), 15, "h", 0),
        (("h = f(x)", "with h:", "    h = g(h)", "return x"), 13, "h", 0),
    ],
)
def test_finds_results_that_nothing_can_read(lines: tuple[str, ...], at: int, name: str, again: int) -> None:
    """A call alone, a value replaced below or by the next round, and one that nothing after it reads are dropped."""
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


@pytest.mark.parametrize(
    ("lines", "at"),
    [
        (("h = f(x)", "for y in x:", "    k = g(h)", "    h = f(y)", "return k"), 14),
        (("h = f(x)", "while h < x:", "    h = h + x", "return x"), 13),
        (("h = f(x)", "try:", "    h = g(h)", "except ValueError:", "    return h", "return x"), 13),
        (("h = f(x)", "if h:", "    h = g(h)", "return h"), 13),
        (("h = f(x)", "k = lambda: h", "h = g(h)", "return k()"), 13),
    ],
)
def test_is_silent_where_a_next_round_or_what_follows_may_read_it(lines: tuple[str, ...], at: int) -> None:
    """A variable that is given a new value is read by another round, a handler, what comes after or a function."""
    assert dropped_at(record_of(*lines), place(at)) is None
