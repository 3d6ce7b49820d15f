from __future__ import annotations

import numpy as np
from sklearn.neighbors import NearestNeighbors

from nbinspect.data.findings.neighbours import nearest


def test_the_nearest_are_those_of_scikit_learn() -> None:
    """Places and distances are exact, also far from zero and when the work is cut into parts."""
    random = np.random.default_rng(0)
    points, others = (random.normal(1000, 1, (n, 12)).astype(np.float32) for n in (3000, 5000))
    places, distances = nearest(points, others, 4)
    expected, rows = NearestNeighbors(algorithm="brute").fit(others.astype(float)).kneighbors(points, 4)
    np.testing.assert_allclose(distances, expected, rtol=1e-3)
    assert (places == rows).mean() > 0.999


def test_a_point_is_no_neighbour_of_itself() -> None:
    """With its own place told, a point is left out, while an equal one is its neighbour at distance 0."""
    points = np.array([[0.0], [5.0], [5.0], [9.0]], np.float32)
    places, distances = nearest(points, points, 2, own=np.arange(4))
    assert places[:, 0].tolist() == [1, 2, 1, 1] or places[:, 0].tolist() == [1, 2, 1, 2]
    assert distances.tolist() == [[5, 5], [0, 4], [0, 4], [4, 4]]


def test_fewer_points_give_fewer_neighbours() -> None:
    """More neighbours than there are, or none at all, are no error."""
    points = np.zeros((3, 2), np.float32)
    assert nearest(points, points, 9, own=np.arange(3))[0].shape == (3, 2)
    assert nearest(points, points[:0], 2)[0].shape == (3, 0)
    assert nearest(points[:0], points, 2)[1].shape == (0, 2)
