from __future__ import annotations

import numpy as np
import pytest

from nbinspect.data.explorer.ordering import grouped, ordered
from nbinspect.errors import InputError
from tests.data.records_of_data import column

NUMBERS = column("loss", "number", [2.0, np.nan, -np.inf, 2.0, np.inf, 0.0])
CLASSES = column("label", "class", [1, 0, -1, 1, 0, 2], words=("b", "a", "c"))
TEXTS = column("text", "text", [1, 0, -1, 2, 0, 1], words=("b", "a", "c"))
ROWS = np.arange(6)


@pytest.mark.parametrize(
    ("of", "ascending", "descending"),
    [
        (NUMBERS, [2, 5, 0, 3, 4, 1], [4, 0, 3, 5, 2, 1]),
        (CLASSES, [1, 4, 0, 3, 5, 2], [5, 0, 3, 1, 4, 2]),
        (TEXTS, [0, 5, 1, 4, 3, 2], [3, 1, 4, 0, 5, 2]),
    ],
)
def test_rows_are_sorted_with_ties_as_they_were_and_missing_ones_last(of, ascending, descending):
    """Both orders keep equal rows as they came, and end with those that have no value."""
    assert ordered(of, ROWS, descending=False).tolist() == ascending
    assert ordered(of, ROWS, descending=True).tolist() == descending


def test_a_part_of_the_rows_is_sorted():
    """Only the rows that are given are sorted."""
    assert ordered(NUMBERS, np.array([4, 1, 0]), descending=False).tolist() == [0, 4, 1]


def test_groups_keep_the_order_inside():
    """Rows of one word stand together in the order that they came in; those without one are last."""
    order, groups = grouped(CLASSES, ROWS[::-1])
    assert order.tolist() == [4, 1, 3, 0, 5, 2]
    assert [(group.word, group.count, group.first) for group in groups] == [
        ("b", 2, 0),
        ("a", 2, 2),
        ("c", 1, 4),
        ("", 1, 5),
    ]


def test_flags_are_grouped_and_numbers_are_not():
    """A flag gives two groups, and a column of numbers is refused with what to do instead."""
    flags = column("correct", "flag", [True, False, True])
    assert [(group.word, group.count) for group in grouped(flags, np.arange(3))[1]] == [("no", 1), ("yes", 2)]
    with pytest.raises(InputError, match="sort by it instead"):
        grouped(NUMBERS, ROWS)


def test_no_rows_form_no_groups():
    """Of no rows there is no group."""
    order, groups = grouped(CLASSES, np.arange(0))
    assert (len(order), groups) == (0, ())


def test_many_classes_are_sorted_as_few_are():
    """More classes than fit into a small integer are in the order of their indices too."""
    codes = np.random.default_rng(0).permutation(40_000)
    of = column("label", "class", codes, words=tuple(map(str, range(40_000))))
    np.testing.assert_array_equal(ordered(of, np.arange(40_000), descending=True), np.argsort(-codes))
