from __future__ import annotations

import numpy as np
import pytest

from nbinspect.data.explorer.arrangement import Brush
from nbinspect.data.explorer.charts import Charts, compared
from nbinspect.data.explorer.split_view import SplitView
from nbinspect.errors import InputError
from nbinspect.records import Column, DataMap
from tests.data.columns import index, numbers, record
from tests.data.records_of_data import animals, column, record_of


def test_a_histogram_counts_all_shown_and_the_other_split():
    """All rows, those that match, and the other split scaled to as many rows are counted."""
    view, other = SplitView(animals(12)), SplitView(animals(6))
    view.arrange(query="correct")
    drawn = Charts(view).histogram(other)
    assert drawn.bins.column == "label"
    assert drawn.all.tolist() == [4, 4, 4]
    assert drawn.shown.tolist() == [2, 2, 2]
    assert drawn.other.tolist() == [4, 4, 4]


def test_a_histogram_is_brought_up_to_date():
    """Another query, or later columns, change the counts."""
    view = SplitView(animals(12))
    charts = Charts(view)
    assert charts.histogram(None).shown.sum() == 12
    view.arrange(query="label == 'cat'")
    assert charts.histogram(None).shown.tolist() == [4, 0, 0]
    view.take(animals(6))
    assert charts.histogram(None).all.sum() == 6


def test_another_histogram_takes_the_brush_of_the_one_before_away():
    """A brush is seen, or it does not filter."""
    view = SplitView(animals(12))
    charts = Charts(view)
    view.arrange(brush=Brush("label", words=("cat",)))
    charts.draw_histogram("label")
    assert view.asked.brush is not None
    charts.draw_histogram("mean")
    assert view.asked.brush is None
    with pytest.raises(InputError):
        charts.draw_histogram("meen")


def test_points_follow_a_later_record():
    """Points of two columns are drawn anew of a record with other rows; those of a map only of the same samples."""
    view = SplitView(animals(6))
    charts = Charts(view)
    assert charts.points() is None
    charts.draw_columns("mean", "label", "correct")
    points, colours = charts.points()
    assert points.rows.tolist() == [0, 1, 2, 3, 4]
    assert colours.words == ("no", "yes")
    view.take(animals(12))
    assert len(charts.points()[0].rows) == 11
    charts.draw_map(DataMap(np.arange(12), np.zeros(12), np.zeros(12), "PCA", "pixels", sampled=False), "label")
    view.take(animals(12))
    assert len(charts.points()[0].rows) == 12
    view.take(animals(6))
    assert charts.points() is None


def test_points_of_a_column_that_has_gone_are_dropped():
    """Without their columns there are no points, and without its column no colours."""
    view = SplitView(animals(6))
    charts = Charts(view)
    charts.draw_columns("mean", "mean", "label")
    view.take(record_of(column("mean", "number", [1, 2])))
    assert charts.points()[1] is None
    view.take(record_of(column("std", "number", [1, 2])))
    assert charts.points() is None


def test_an_unknown_column_is_refused_before_anything_is_drawn():
    """A colour or an axis that there is not leaves the points as they were."""
    charts = Charts(SplitView(animals(6)))
    for asked in [("mean", "mean", "lable"), ("mean", "men", None)]:
        with pytest.raises(InputError):
            charts.draw_columns(*asked)
    assert charts.points() is None


def test_splits_are_compared_in_the_same_bins():
    """A column of both splits is counted in one set of bins; one of another kind is not compared."""
    own, other = column("mean", "number", [0.5, 1.5]), column("mean", "number", [2.5])
    bins, train, validation = compared(own, other)
    assert (bins.edges[0], bins.edges[-1]) == (0.5, 2.5)
    assert (train.sum(), validation.sum()) == (2, 1)
    assert compared(own, column("mean", "class", [0], words=("a",)))[2] is None
    assert compared(own, None)[2] is None


def test_words_of_each_sample_of_its_own_are_no_first_chart():
    """Where labels are texts of their own, the first histogram is of numbers and points have no colour."""
    texts = Column(
        "label", "text", np.arange(12, dtype=np.int32), "target", tuple(f"style {n} · price {n}" for n in range(12))
    )
    charts = Charts(SplitView(record(index(12), texts, numbers("mean", range(12)))))
    assert charts.histogram_column == "mean"
    assert charts.colour is None


def test_of_several_targets_the_first_is_drawn():
    """Where no target is called the label, the first that can be counted is the first chart and the colour."""
    texts = Column("note", "text", np.arange(12, dtype=np.int32), "target", tuple(f"note {n}" for n in range(12)))
    kinds = Column("kind", "class", np.arange(12, dtype=np.int32) % 3, "target", ("a", "b", "c"))
    charts = Charts(SplitView(record(index(12), numbers("mean", range(12)), texts, kinds)))
    assert (charts.histogram_column, charts.colour) == ("kind", "kind")
