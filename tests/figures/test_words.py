from __future__ import annotations

import pytest

from nbinspect.figures.words import brief, clean, clean_lines, number, shape, share


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.000"),
        (6.0171, "6.017"),
        (16.0, "16.00"),
        (-0.5, "−0.5000"),
        (123.456, "123.5"),
        (9999.6, "1.000e+04"),
        (12345.6, "12,346"),
        (1234567.0, "1.23e+06"),
        (0.0001, "0.0001000"),
        (-0.00001234, "−1.23e−05"),
        (float("nan"), "NaN"),
        (float("inf"), "+Inf"),
        (float("-inf"), "−Inf"),
    ],
)
def test_numbers_have_four_digits(value: float, text: str) -> None:
    """A number is written with four significant digits, whatever its size."""
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (9.0, "9"), (-3.0, "−3"), (1234567.0, "1,234,567"), (float("nan"), "NaN")]
)
def test_integers_are_whole(value: float, text: str) -> None:
    """Values of an integer tensor are written whole."""
    assert number(value, integer=True) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (2.0, "2"),
        (1.23456, "1.23"),
        (-1234.56, "−1234.6"),
        (123456.0, "1.2e+05"),
        (0.00012, "1.2e−04"),
        (999.6, "1000"),
        (99999.7, "100000"),
    ],
)
def test_small_places_get_short_numbers(value: float, text: str) -> None:
    """The short form has three digits and no zeros at its end."""
    assert brief(value) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 10, "0 %"),
        (10, 10, "100 %"),
        (1, 3, "33.3 %"),
        (1, 10_000, "<0.1 %"),
        (9_999, 10_000, "99.9 %"),
        (0, 0, "–"),
    ],
)
def test_shares_never_round_to_all_or_none(part: int, whole: int, text: str) -> None:
    """Only none is 0 % and only all is 100 %."""
    assert share(part, whole) == text


def test_shapes_are_written_as_python_writes_them() -> None:
    """One length keeps its comma, and an unknown length is a question mark."""
    assert [shape(each) for each in ((), (3,), (3, None, 5))] == ["()", "(3,)", "(3, ?, 5)"]


def test_clean_text_cannot_act_on_a_terminal() -> None:
    """Escape sequences, line breaks and marks that reorder text are written out; emoji and letters stay."""
    assert clean("a\x1b[31mb\rc\nd\te\u202ef\ud800👩‍🔬é") == "a\\u001b[31mb\\u000dc d e\\u202ef\\ud800👩‍🔬é"


@pytest.mark.parametrize("length", [9, 10, 11, 100_000])
def test_clean_text_is_cut(length: int) -> None:
    """Text beyond the limit ends in an ellipsis within it."""
    assert clean("x" * length, 10) == ("x" * length if length <= 10 else "x" * 9 + "…")


def test_lines_of_errors_are_kept() -> None:
    """Lines stay lines, each one clean, and the whole is cut."""
    assert clean_lines("a\n\x1bb\r\nc") == "a\n\\u001bb\nc"
    assert clean_lines("x" * 50, 10) == "x" * 10 + "…"
