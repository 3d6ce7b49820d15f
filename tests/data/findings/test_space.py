from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_wine
from sklearn.preprocessing import StandardScaler

from nbinspect.data.findings.space import are_telling, first_of_each, points_of, spacing_of
from tests.data.scanned_records import scanned


def test_features_of_a_table_are_scaled_alike() -> None:
    """Points of a table are standardised, pictures stay as they are, texts have length 1, unknown values the mean."""
    wine, digits = load_wine(), load_digits()
    table = scanned(wine.data, wine.target)
    np.testing.assert_allclose(points_of(table), StandardScaler().fit_transform(wine.data), atol=1e-3)
    pictures = scanned(digits.images, digits.target)
    np.testing.assert_array_equal(points_of(pictures), digits.data)
    text = scanned(digits.data, digits.target, form="text")
    np.testing.assert_allclose(np.linalg.norm(points_of(text), axis=1), 1, rtol=1e-5)
    embedding = wine.data.astype(np.float32)
    embedding[4, 2] = np.nan
    assert points_of(scanned(wine.data, wine.target, embedding=embedding))[4, 2] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("dimensions", [1, 2, 5, 10])
def test_the_distance_of_chance_is_met_by_chance(dimensions: int) -> None:
    """Within the distance that is told for a number of pairs there are about as many, in any dimension."""
    points = np.random.default_rng(0).random((2000, dimensions)).astype(np.float32)
    spacing = spacing_of(points)
    assert spacing.dimensions == pytest.approx(dimensions, rel=0.35)
    pairs = 200
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    found = (apart[np.triu_indices(2000, 1)] <= spacing.chance(pairs, 2000)).sum()
    assert pairs / 2.5 < found < 2.5 * pairs


def test_few_or_equal_points_have_no_spacing() -> None:
    """Below forty points, or where most are one and the same, there is no usual distance."""
    assert spacing_of(np.random.default_rng(0).normal(size=(39, 3)).astype(np.float32)) is None
    assert spacing_of(np.ones((500, 3), np.float32)) is None


def test_each_content_counts_once() -> None:
    """Of equal samples the first one stays, and blank ones are left out."""
    rows = np.array([[1, 1], [1, 2], [3, 4], [1, 2], [5, 6]])
    assert first_of_each(scanned(rows, np.zeros(5))).tolist() == [1, 2, 4]


def test_only_rich_samples_are_telling() -> None:
    """Digits, wine and random numbers are telling; coins, dice and one number each are not."""
    random = np.random.default_rng(0)
    for rows in (load_digits().images, load_wine().data, random.normal(size=(300, 5))):
        assert are_telling(scanned(rows, np.zeros(len(rows))))
    for rows in (random.integers(0, 2, (500, 12)), random.integers(0, 6, (500, 3)), random.normal(size=(500, 1))):
        assert not are_telling(scanned(rows, np.zeros(500)))
    # without an embedding two numbers of each picture are too little to tell
    bare = scanned(load_digits().images, np.zeros(1797), embedding=np.zeros((0, 0)), embedded=np.zeros(0, np.int64))
    assert not are_telling(bare)
