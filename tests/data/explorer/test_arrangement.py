from __future__ import annotations

import numpy as np
import pytest

from nbinspect.data.explorer.arrangement import Arrangement, Brush, Sort, arranged
from nbinspect.data.query.matching import QueryError
from nbinspect.data.table.frame import to_frame
from nbinspect.errors import InputError
from tests.data.records_of_data import HOSTILE, animals

RECORD = animals(30)
COLUMNS = {column.name: column for column in RECORD.columns}
FRAME = to_frame(RECORD.columns)


def rows(**asked):
    return arranged(COLUMNS, FRAME, Arrangement(**asked)).rows.tolist()


def test_query_brush_and_order_go_together():
    """What is shown matches the query and lies in the brush, in the order of the sorted column."""
    shown = rows(query="label == 'cat'", brush=Brush("mean", 5.0, 12.0), sort=Sort("mean", False))
    means, labels = COLUMNS["mean"].values, COLUMNS["label"].values
    own = [row for row in range(30) if labels[row] == 0 and 5 <= means[row] <= 12]
    assert shown == own[::-1]
    assert shown


def test_a_brush_of_words_takes_these_words():
    """A brush of classes or of a flag keeps the rows with one of its words."""
    assert rows(brush=Brush("label", words=("dog", HOSTILE))) == [row for row in range(30) if row % 3]
    assert rows(brush=Brush("correct", words=("yes",))) == list(range(1, 30, 2))
    assert rows(brush=Brush("label")) == []


def test_a_brush_of_indices_leaves_none_out_of_it():
    """Rows that name no other sample lie in no brush, also where it has one end only."""
    assert rows(brush=Brush("duplicate", None, 10)) == [3]
    assert len(rows(brush=Brush("mean", None, 1e9))) == 29


def test_groups_are_of_what_is_shown():
    """Groups count the rows that are shown, and stand where these begin."""
    found = arranged(COLUMNS, FRAME, Arrangement(query="correct", group="label"))
    assert [(group.word, group.count, group.first) for group in found.groups] == [
        ("cat", 5, 0),
        ("dog", 5, 5),
        (HOSTILE, 5, 10),
    ]
    np.testing.assert_array_equal(COLUMNS["label"].values[found.rows], np.repeat([0, 1, 2], 5))


@pytest.mark.parametrize(
    "asked", [{"sort": Sort("meen", True)}, {"group": "lable"}, {"brush": Brush("correkt")}, {"sort": Sort(None, True)}]
)
def test_an_unknown_column_is_told_with_the_nearest(asked):
    """A column that there is not is refused with the nearest name, or all names."""
    with pytest.raises(InputError, match=r"there is no column .*(did you mean|there are)"):
        rows(**asked)


def test_a_query_is_never_run():
    """A query that would run code is refused."""
    with pytest.raises(QueryError):
        rows(query="@__import__('os').system('true')")
