from __future__ import annotations

import numpy as np
import pytest

from nbinspect.data.explorer.marks import carried, found_again, mark_code, mark_column, unmarked
from nbinspect.errors import InputError
from tests.data.records_of_data import column, record_of


def scanned(indices, hashes):
    return record_of(column("index", "index", indices, "sample"), input_hashes=np.array(hashes, dtype=np.int64))


def test_marks_stay_with_samples_that_hold_what_they_held():
    """A mark follows its index to another row, and falls away where the content is another one or the index is gone."""
    before, now = scanned([0, 1, 2, 3], [10, 11, 12, 13]), scanned([1, 2, 3, 9], [11, 99, 13, 10])
    marked = unmarked(4)
    marked[[0, 1, 2]] = [1, 0, 1]
    kept, lost = carried(marked, before, now)
    assert kept.tolist() == [0, -1, -1, -1]
    assert lost == 2


def test_without_hashes_the_index_alone_tells():
    """Where contents are not known, marks follow the index."""
    before, now = scanned([0, 1, 2], []), scanned([2, 0], [])
    rows, same = found_again(np.array([0, 1, 2]), before, now)
    assert rows.tolist() == [1, 0]
    assert same.tolist() == [True, False, True]


def test_a_later_record_without_rows_keeps_no_mark():
    """Nothing is found again in an empty record."""
    marked = unmarked(1)
    marked[0] = 1
    assert carried(marked, scanned([4], []), scanned([], []))[1] == 1


def test_an_unknown_mark_is_refused():
    """Only the two marks and None are taken."""
    assert [mark_code(mark) for mark in ("suspicious", "excluded", None)] == [0, 1, -1]
    with pytest.raises(InputError, match="'suspicious' or 'excluded'"):
        mark_code("deleted")
    assert mark_column(np.array([1, -1], np.int32)).words[1] == "excluded"
