from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nbinspect.data.learnable.quick_samples import quick_samples
from nbinspect.errors import InputError


def test_samples_are_those_that_were_given() -> None:
    """Small whole data come through as they are, pictures flattened, with the classes' own names."""
    rng = np.random.default_rng(0)
    pictures, labels = rng.random((40, 1, 2, 3)), np.array(["cat", "<b>dog"] * 20)
    found = quick_samples(pictures, labels)
    np.testing.assert_array_equal(found.features, pictures.reshape(40, 6))
    np.testing.assert_array_equal(found.names[found.targets], labels)
    assert (found.task, found.notes, found.problem) == ("classes", (), "")


def test_what_is_left_out_is_said() -> None:
    """Missing labels, rare classes, missing values and constant features are left out or filled, each with a word."""
    rng = np.random.default_rng(0)
    features = rng.random((102, 4)).astype(np.float32)
    features[:, 2], features[5, 0], features[6, 1] = 7, np.nan, np.inf
    labels: Any = np.array(["a", "b"] * 50 + ["rare", None], object)
    found = quick_samples(features, labels)
    assert set(found.names[found.targets]) == {"a", "b"}
    assert found.features.shape == (100, 3)
    assert np.isnan(found.features).sum() == 2
    said = " | ".join(found.notes)
    for part in ("1 of 102 samples has no label", "1 of 3 classes has fewer than 5", "constant", "medians"):
        assert part in said


def test_work_is_bounded() -> None:
    """Many samples, features and classes are drawn from at random, the same ones for the same seed, and it is said."""
    rng = np.random.default_rng(0)
    features, labels = rng.random((12_000, 300), np.float32), rng.integers(0, 2000, 12_000)
    found, again = (quick_samples(features, labels, seed=3) for _ in range(2))
    assert found.features.shape[0] <= 5000
    assert (found.features.shape[1], len(found.names)) == (256, 100)
    np.testing.assert_array_equal(found.rows, again.rows)
    assert np.bincount(found.targets).min() >= 5
    many = quick_samples(features[:, :3], labels % 3)
    assert len(many.rows) == 5000
    assert len(found.notes) >= 2
    assert many.notes == ("5,000 of 12,000 samples, drawn at random",)


def test_ten_thousand_classes_of_few_samples_are_too_few() -> None:
    """Where no class has five samples nothing is judged, and the reason is said."""
    found = quick_samples(np.random.default_rng(0).random((10_000, 3)), np.arange(10_000))
    assert found.problem.startswith("Too few samples: 0")
    assert "10,000 of 10,000 classes have fewer than 5 samples" in found.notes[0]


@pytest.mark.parametrize(
    ("features", "labels", "problem"),
    [
        (np.random.default_rng(0).random((29, 2)), np.arange(29) % 2, "Too few samples"),
        (np.random.default_rng(0).random((40, 2)), np.zeros(40, int), "same label"),
        (np.random.default_rng(0).random((40, 2)), np.ones(40), "same label"),
        (np.ones((40, 2)), np.arange(40) % 2, "varies"),
        (np.full((40, 2), np.nan), np.arange(40) % 2, "varies"),
        (np.zeros((40, 0)), np.arange(40) % 2, "varies"),
        (np.zeros((0, 3)), np.zeros(0, int), "Too few samples"),
    ],
)
def test_nothing_to_judge_has_a_reason(features: Any, labels: Any, problem: str) -> None:
    """Too few samples, one label for all and features without variation are told from each other."""
    assert problem in quick_samples(features, labels).problem


@pytest.mark.parametrize(
    ("features", "labels"),
    [
        (np.zeros((3, 2)), np.zeros(4)),
        (np.array([["a"], ["b"]]), np.zeros(2)),
        (np.zeros((3, 2)), np.zeros((3, 2), int)),
        (np.float64(3), np.zeros(1)),
    ],
)
def test_arrays_that_do_not_fit_are_refused(features: Any, labels: Any) -> None:
    """Words as features, labels of another length and several classes of a sample are one clear error."""
    with pytest.raises(InputError, match="expected"):
        quick_samples(features, labels)


def test_folds_split_the_classes_alike() -> None:
    """Each fold predicts every sample once, and holds each class with its share."""
    labels = np.repeat([0, 1, 2], (50, 30, 20))
    found = quick_samples(np.random.default_rng(0).random((100, 2)), labels)
    folds = found.folds()
    np.testing.assert_array_equal(np.sort(np.concatenate([test for _, test in folds])), np.arange(100))
    assert all(np.bincount(labels[test]).tolist() == [10, 6, 4] for _, test in folds)
