from __future__ import annotations

import numpy as np
import pytest

from nbinspect.data.table.cells import cells_of
from tests.data.records_of_data import HOSTILE, column


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (12345.0, "12345"),
        (0.123456, "0.1235"),
        (1.5e9, "1.5e+09"),
        (-2.25, "-2.25"),
        (np.nan, ""),
        (np.inf, "inf"),
        (1e-20, "1e-20"),
        (-0.0, "0"),
    ],
)
def test_numbers_have_four_significant_digits(value, text):
    """Whole numbers are written whole, others with four digits, and a missing one is empty."""
    assert cells_of(column("mean", "number", [0, value]), np.array([1])) == [text]


def test_other_samples_stand_behind_a_sign():
    """The index of a sample that is equal, near or in conflict has its sign; one's own index has none."""
    for name, text in [("index", "1,203"), ("duplicate", "= 1,203"), ("near", "≈ 1,203"), ("conflict", "≠ 1,203")]:
        assert cells_of(column(name, "index", [1203, -1]), np.array([0, 1])) == [text, ""]


def test_words_are_given_as_they_are_and_cut():
    """Class names and texts stay what they are, hostile ones too, up to 200 characters."""
    words = (HOSTILE, "x" * 1000)
    assert cells_of(column("label", "class", [0, 1, -1], words=words), np.arange(3)) == [HOSTILE, "x" * 200, ""]


def test_what_is_right_or_wrong_has_its_sign():
    """Flags are a tick or a cross, also where correctness is a number because it is not always known."""
    assert cells_of(column("correct", "flag", [True, False]), np.arange(2)) == ["✓", "✕"]
    assert cells_of(column("correct", "number", [1, 0, np.nan]), np.arange(3)) == ["✓", "✕", ""]
