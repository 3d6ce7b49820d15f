from __future__ import annotations

import numpy as np
import pandas as pd

from nbinspect.data.table.frame import to_frame
from nbinspect.records import Column


def test_each_kind_has_its_type() -> None:
    """Numbers, classes, texts, flags and indices come as float64, Categorical, strings, bool and Int64."""
    frame = to_frame(
        (
            Column("index", "index", np.array([0, 3, 5]), "sample"),
            Column("mean", "number", np.array([0.5, np.nan, 2.0]), "input"),
            Column("label", "class", np.array([1, -1, 0], np.int32), "target", words=("cat", "<b>dog</b>")),
            Column("text", "text", np.array([0, 1, -1], np.int32), "input", words=("a", "b")),
            Column("correct", "flag", np.array([True, False, True]), "model"),
            Column("near", "index", np.array([-1, 0, -1]), "finding"),
        )
    )
    assert [str(dtype) for dtype in frame.dtypes.drop("text")] == ["Int64", "float64", "category", "bool", "Int64"]
    assert frame["label"].tolist()[::2] == ["<b>dog</b>", "cat"]
    assert frame["label"].cat.categories.tolist() == ["cat", "<b>dog</b>"]
    assert frame["text"].tolist()[:2] == ["a", "b"]
    assert frame.isna().sum().to_dict() == {"index": 0, "mean": 1, "label": 1, "text": 1, "correct": 0, "near": 2}
    assert frame.loc[1, "near"] == 0


def test_two_classes_of_one_name_are_one_category() -> None:
    """Class names that occur twice, and columns without any word, make a table all the same."""
    twice = Column("label", "class", np.array([0, 1, 2, -1], np.int32), "target", words=("cat", "dog", "cat"))
    none = Column("mark", "class", np.full(4, -1, np.int32), "mark")
    frame = to_frame((twice, none))
    assert frame["label"].tolist()[:3] == ["cat", "dog", "cat"]
    assert frame["mark"].isna().all()


def test_no_columns_make_an_empty_table() -> None:
    """Nothing that was scanned is a table of no rows, and columns are left as they were."""
    assert len(to_frame(())) == 0
    values = np.array([2, -1])
    pd.testing.assert_series_equal(
        to_frame((Column("near", "index", values, "finding"),))["near"],
        pd.Series([2, None], dtype="Int64", name="near"),
    )
    assert values.tolist() == [2, -1]
