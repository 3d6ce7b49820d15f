from __future__ import annotations

import time

import numpy as np
import pytest

from nbinspect.data.explorer.arrangement import Sort
from nbinspect.data.explorer.split_view import SplitView
from nbinspect.data.query.matching import QueryError
from nbinspect.errors import InputError
from tests.data.records_of_data import animals, column, record_of


def test_a_window_is_the_rows_as_they_are_shown():
    """Rows and texts of a window begin at its place in the order, each with a text a column."""
    view = SplitView(animals())
    view.arrange(sort=Sort("mean", False))
    rows, cells = view.window(1, 2)
    assert rows.tolist() == [3, 2]
    assert list(view.columns) == ["index", "mean", "label", "duplicate", "correct", "mark"]
    assert cells[0] == ["3", "1.5", "cat", "= 0", "✓", ""]
    assert view.window(4, 100)[0].tolist() == [0, 5]
    assert view.window(9, 5)[1] == []
    assert view.window(-3, 1)[0].tolist() == [4]


def test_a_row_is_found_where_it_is_shown():
    """The place of one row follows the order, is None where the query hides it, and its cells are the same."""
    view = SplitView(animals())
    view.arrange(sort=Sort("mean", False))
    assert view.one(2) == (2, view.window(2, 1)[1][0])
    view.arrange(query="index != 2")
    assert view.one(2) == (None, ["2", *view.one(2)[1][1:]])
    with pytest.raises(InputError, match="expected 0 to 5, got 6"):
        view.one(6)


def test_what_cannot_be_read_changes_nothing():
    """After a query or a column that cannot be used, the rows, the query and the order are as they were."""
    view = SplitView(animals())
    view.arrange(query="correct")
    for error, asked in [(QueryError, {"query": "correct =="}), (InputError, {"sort": Sort("los", True)})]:
        with pytest.raises(error):
            view.arrange(**asked)
        assert view.shown.rows.tolist() == [1, 3, 5]
        assert (view.asked.query, view.asked.sort) == ("correct", None)


@pytest.mark.parametrize(
    ("mode", "expected"), [("set", [1, 4]), ("add", [0, 1, 2, 4]), ("remove", [0, 2]), ("toggle", [0, 2, 4])]
)
def test_rows_are_selected(mode, expected):
    """A selection is replaced, added to, taken from or toggled, and ascends with each row once."""
    view = SplitView(animals())
    view.select([2, 0, 1])
    if mode == "remove":
        view.select([1, 3], mode)
    else:
        view.select([4, 1, 4], mode)
    assert view.selected.tolist() == expected


@pytest.mark.parametrize("rows", [[6], [-1], ["a"], [0.5], [True], None, [2**70], [[0]]])
def test_rows_that_there_are_not_are_refused(rows):
    """A row outside, or no whole number, is refused before the selection changes."""
    view = SplitView(animals())
    view.select([1])
    with pytest.raises(InputError, match="rows"):
        view.select(rows)
    with pytest.raises(InputError, match="mode"):
        view.select([1], "all")
    assert view.selected.tolist() == [1]


def test_marks_are_a_column_that_can_be_asked_for():
    """Marked rows are found by a query, and marking what is shown takes effect on it at once."""
    view = SplitView(animals())
    view.select([1, 2])
    view.mark("excluded")
    view.mark("suspicious", [5])
    view.arrange(query="mark == 'excluded'")
    assert view.shown.rows.tolist() == [1, 2]
    view.mark(None, [1])
    assert view.shown.rows.tolist() == [2]
    with pytest.raises(InputError):
        view.mark("gone", [1])


def test_a_later_record_keeps_what_belongs_to_its_samples():
    """Marks and selection follow their samples to a record with more rows, and the query stays."""
    view = SplitView(record_of(column("index", "index", [2, 5], "sample"), column("mean", "number", [1, 2])))
    view.select([1])
    view.mark("excluded")
    view.arrange(query="mean > 0", sort=Sort("mean", True))
    later = record_of(column("index", "index", [1, 2, 5, 7], "sample"), column("mean", "number", [3, 1, 2, -1]))
    assert view.take(later) == 0
    assert view.selected.tolist() == [2]
    assert view.marked.tolist() == [-1, -1, 1, -1]
    assert view.shown.rows.tolist() == [0, 2, 1]


def test_what_was_asked_of_a_column_that_has_gone_is_dropped():
    """A later record without the sorted column is shown as it is."""
    view = SplitView(animals())
    view.arrange(sort=Sort("mean", True))
    view.take(record_of(column("std", "number", [1, 2])))
    assert view.asked.sort is None
    assert view.shown.rows.tolist() == [0, 1]


def test_rows_are_found_by_their_indices():
    """Indices of the data set give their rows in the order asked for, in any order of the record."""
    view = SplitView(record_of(column("index", "index", [7, 3, 9], "sample")))
    assert view.rows_of([9, 7, 9]).tolist() == [2, 0, 2]
    assert view.rows_of([]).tolist() == []
    with pytest.raises(InputError, match="whole numbers"):
        view.rows_of(["7"])
    with pytest.raises(InputError, match="4 is no index"):
        view.rows_of([3, 4])
    with pytest.raises(InputError):
        SplitView(record_of(column("index", "index", [], "sample"))).rows_of([0])


def test_the_table_has_the_marks_and_is_as_pandas_makes_it():
    """The table of a split has every column and the marks, row by row."""
    view = SplitView(animals())
    view.mark("excluded", [4])
    frame = view.frame()
    assert list(frame.columns) == list(view.columns)
    assert frame["mark"].dropna().to_dict() == {4: "excluded"}
    assert frame["label"].tolist()[:2] == ["cat", "dog"]


def test_a_million_rows_are_filtered_and_sorted_at_once():
    """Filter and sort of 1,000,000 rows take less than a second, and give what NumPy gives."""
    generator = np.random.default_rng(0)
    losses, codes = generator.normal(size=1_000_000), generator.integers(0, 10, 1_000_000)
    words = tuple(f"c{number}" for number in range(10))
    view = SplitView(record_of(column("loss", "number", losses), column("label", "class", codes, "target", words)))
    began = time.perf_counter()
    view.arrange(query="loss > 0 and label != 'c3'", sort=Sort("loss", True))
    seconds = time.perf_counter() - began
    own = np.flatnonzero((losses > 0) & (codes != 3))
    np.testing.assert_array_equal(view.shown.rows, own[np.argsort(-losses[own])])
    assert seconds < 1
