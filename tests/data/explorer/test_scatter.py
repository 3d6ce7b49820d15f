from __future__ import annotations

import numpy as np
import pytest

from nbinspect.data.explorer.scatter import MOST, coloured, mapped, scattered
from nbinspect.errors import InputError
from nbinspect.records import DataMap
from tests.data.records_of_data import column


def test_points_are_the_values_of_two_columns():
    """Each point is a row with both values, and rows that lack one are left out and told."""
    x, y = column("mean", "number", [0.5, np.nan, 2, 3]), column("label", "class", [1, 0, -1, 0], words=("a", "b"))
    points = scattered(x, y)
    assert (points.rows.tolist(), points.xs.tolist(), points.ys.tolist()) == ([0, 3], [0.5, 3], [1, 0])
    assert points.xs.dtype == np.float32
    assert points.title == "label against mean"
    assert points.note == "2 without a finite value in both are left out"


def test_of_many_points_a_part_is_drawn_and_told():
    """Beyond the limit rows are drawn at random, the same each time, and each once."""
    values = np.random.default_rng(0).normal(size=(2, 50_000))
    x, y = (column(name, "number", each) for name, each in zip(("mean", "std"), values, strict=True))
    points = scattered(x, y)
    assert len(points.rows) == MOST == len(np.unique(points.rows))
    assert abs(points.rows.mean() - 25_000) < 500
    np.testing.assert_allclose(points.xs, values[0][points.rows], rtol=1e-6)
    np.testing.assert_array_equal(points.rows, scattered(x, y).rows)
    assert points.note == "20,000 of 50,000 samples, drawn at random"


def test_numbers_beyond_float32_stand_at_its_end():
    """A value that float32 cannot hold is drawn, and is finite."""
    of = column("max", "number", [1e300, -1e300])
    assert np.isfinite(scattered(of, of).xs).all()


def test_texts_are_no_axis():
    """A column of texts is refused."""
    with pytest.raises(InputError, match="holds texts"):
        scattered(column("text", "text", [0], words=("a",)), column("mean", "number", [1]))


def test_a_map_is_drawn_in_ascending_rows():
    """Points of a map keep their rows, ascending, and say of what and how it was made."""
    found = DataMap(np.array([4, 1]), np.float32([1, 2]), np.float32([3, 4]), "PCA", "pixels", sampled=True)
    points = mapped(found)
    assert (points.rows.tolist(), points.xs.tolist(), points.ys.tolist()) == ([1, 4], [2, 1], [4, 3])
    assert points.title == "Map (PCA of pixels)"
    assert "random" in points.note


def test_points_are_coloured_by_words_or_by_numbers():
    """Words have a place each, numbers 256 steps between their percentiles, and missing values −1."""
    rows = np.array([0, 2, 3])
    words = coloured(column("label", "class", [1, 0, -1, 0], words=("a", "b")), rows)
    assert (words.codes.tolist(), words.words) == ([1, -1, 0], ("a", "b"))
    numbers = coloured(column("loss", "number", [0.0, 9.0, np.nan, 4.0]), rows)
    assert (numbers.codes.tolist(), numbers.words, numbers.low, numbers.high) == ([0, -1, 255], None, 0.0, 4.0)
    none = coloured(column("loss", "number", [np.nan] * 4), rows)
    assert none.codes.tolist() == [-1, -1, -1]
