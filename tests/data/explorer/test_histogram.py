from __future__ import annotations

import numpy as np
import pytest

from nbinspect.data.explorer.histogram import bins_of, counts, places
from tests.data.records_of_data import column


def test_numbers_are_counted_as_numpy_counts_them():
    """Counts of each stretch equal those of NumPy's histogram, and what is not finite is in none."""
    values = np.random.default_rng(0).normal(size=5000)
    values[:3] = [np.nan, np.inf, -np.inf]
    of = column("mean", "number", values)
    bins = bins_of(of)
    expected, _ = np.histogram(values[3:], bins.edges)
    np.testing.assert_array_equal(counts(of, bins), expected)
    assert len(bins.edges) == 41
    assert (places(of, bins)[:3] == -1).all()
    assert counts(of, bins, np.arange(100)).sum() == 97


def test_whole_numbers_within_a_small_range_have_a_stretch_each():
    """Lengths from 3 to 9 are counted one by one."""
    of = column("length", "number", [3, 9, 9, 5])
    bins = bins_of(of)
    np.testing.assert_array_equal(bins.edges, np.arange(2.5, 10))
    assert counts(of, bins).tolist() == [1, 0, 1, 0, 0, 0, 2]


@pytest.mark.parametrize(
    "values", [[], [np.nan], [4.0, 4.0], [0.1], [1e300, 1e300], [-1e308, 1e308], [1.0, np.nextafter(1, 2)], [2.0**53]]
)
def test_every_finite_value_is_in_a_bin(values):
    """Edges ascend and hold all finite values: none, one, equal, very large and very close ones."""
    of = column("mean", "number", values)
    bins = bins_of(of)
    assert (np.diff(bins.edges) > 0).all()
    assert np.isfinite(bins.edges).all()
    assert counts(of, bins).sum() == np.isfinite(values).sum()


def test_both_splits_are_counted_in_the_same_bins():
    """Edges and words cover the other split too, whose codes may be others."""
    own, other = (column("label", "class", [0, 0, 1], words=words) for words in (("cat", "dog"), ("dog", "bird")))
    bins = bins_of(own, other)
    assert bins.words == ("cat", "dog", "bird")
    assert counts(own, bins).tolist() == [2, 1, 0]
    assert counts(other, bins).tolist() == [0, 2, 1]
    numbers = bins_of(column("mean", "number", [0.5, 1.5]), column("mean", "number", [-3.5]))
    assert (numbers.edges[0], numbers.edges[-1]) == (-3.5, 1.5)


def test_the_most_common_of_many_words_are_counted():
    """Of 10,000 classes the 200 with most samples are kept, in the order of the classes, and the rest is told."""
    words = tuple(f"class {number}" for number in range(10_000))
    of = column("label", "class", np.repeat(np.arange(10_000), np.where(np.arange(10_000) < 9_800, 1, 2)), words=words)
    bins = bins_of(of)
    assert bins.words == words[9_800:]
    assert bins.more == 9_800
    assert (counts(of, bins) == 2).all()


def test_flags_and_indices_are_counted():
    """A flag has the words no and yes; indices are numbers of which none is missing from the bins but −1."""
    flags = column("correct", "flag", [True, True, False])
    assert counts(flags, bins_of(flags)).tolist() == [1, 2]
    twins = column("duplicate", "index", [-1, 4, 4, 7])
    assert counts(twins, bins_of(twins)).sum() == 3


def test_equal_names_of_two_classes_are_one_word():
    """Samples of two classes with one name are counted together."""
    of = column("label", "class", [0, 1, 2], words=("cat", "dog", "cat"))
    bins = bins_of(of)
    assert dict(zip(bins.words, counts(of, bins).tolist(), strict=True)) == {"cat": 2, "dog": 1}
