from __future__ import annotations

import numpy as np
import pytest

from nbinspect.data.network.conditions import by_word, cuts_of
from nbinspect.data.query.matching import rows_matching
from nbinspect.data.query.spelling import spelled
from nbinspect.data.table.frame import to_frame
from nbinspect.records import Column
from tests.data.columns import classes, index, numbers

HOSTILE = ["it's", 'say "no"', "back\\slash", "new\nline", "`tick`", "{x} == 1", "Ünïcode 👍", "", " "]


def made():
    """Columns of every kind, with ties, missing values, infinities and words that would break a query."""
    rng = np.random.default_rng(0)
    count = 900
    gaps = np.where(rng.random(count) < 0.2, np.nan, rng.normal(size=count))
    far = np.where(rng.random(count) < 0.05, np.inf, rng.lognormal(size=count))
    zeros = np.maximum(0, rng.normal(size=count))
    flags = Column("blank", "flag", rng.random(count) < 0.3, "sample")
    near = Column("near", "index", np.where(rng.random(count) < 0.3, 5, -1), "finding")
    odd = numbers("my column `a`", rng.integers(0, 4, count))
    words = classes("label", rng.integers(-1, len(HOSTILE), count), HOSTILE)
    ranges = (numbers("mean", gaps), numbers("std", far), numbers("zeros", zeros), numbers("tiny", gaps * 1e-9))
    return (index(count), words, *ranges, flags, near, odd, numbers("same", np.ones(count)))


def test_the_query_of_each_part_selects_exactly_its_samples():
    """Classes with hostile names, stretches of numbers, missing values, flags and indices come back row by row."""
    columns = made()
    frame = to_frame(columns)
    cuts = cuts_of(columns, 20)
    assert {cut.column for cut in cuts} == {column.name for column in columns} - {"index", "same"}
    for cut in cuts:
        for place, (_, query) in enumerate(cut.parts):
            np.testing.assert_array_equal(rows_matching(frame, query), np.flatnonzero(cut.codes == place), query)


def test_parts_of_too_few_samples_are_left_out():
    """Their samples belong to no part, and all other parts have as many samples as were asked for."""
    found = cuts_of([classes("label", [0] * 50 + [1] * 30 + [2] * 5, "abc")], 20)[0]
    assert [query for _, query in found.parts] == ["label == 'a'", "label == 'b'"]
    assert (found.codes[80:] == -1).all()


def test_what_the_model_made_is_no_condition():
    """Loss, confidence and marks are left out: they would explain errors by themselves."""
    assert not cuts_of([numbers("loss", np.arange(100), "model"), classes("mark", [0, 1] * 50, "ab", "mark")], 5)


def test_classes_of_one_name_are_one():
    """A query cannot tell them apart, so they share a place."""
    words, codes = by_word(classes("label", [0, 1, 2, -1], ("cat", "dog", "cat")))
    assert words == ("cat", "dog")
    assert codes.tolist() == [0, 1, 0, -1]


@pytest.mark.parametrize(("name", "wanted"), [("mean", "mean"), ("a b", "`a b`"), ("a`b", "`a``b`")])
def test_columns_are_spelled_as_a_query_reads_them(name, wanted):
    """A name that is no Python name stands in backticks."""
    assert spelled(name) == wanted
