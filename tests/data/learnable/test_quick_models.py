from __future__ import annotations

import sys

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nbinspect.data.learnable.quick_models import out_of_fold, quick_models
from nbinspect.data.learnable.quick_samples import quick_samples
from nbinspect.errors import NbinspectError

pytestmark = pytest.mark.slow


def test_predictions_are_those_of_cross_validation() -> None:
    """Answers and their doubt are what scikit-learn's own cross-validation gives on the same folds."""
    samples = quick_samples(*load_iris(return_X_y=True))
    folds, steps = samples.folds(), list[int]()
    model = quick_models("classes", 120)["logistic regression"]
    found = out_of_fold(model, samples, folds, lambda: steps.append(1))
    same = make_pipeline(StandardScaler(), LogisticRegression(max_iter=100, tol=1e-3))
    chances = cross_val_predict(same, samples.features, samples.targets, cv=folds, method="predict_proba")
    np.testing.assert_array_equal(found.answers, chances.argmax(1))
    np.testing.assert_allclose(found.doubt, ((chances - np.eye(3)[samples.targets]) ** 2).sum(1), atol=1e-9)
    assert len(steps) == len(folds)


def test_missing_values_are_filled_from_the_part_that_is_fitted() -> None:
    """Every model takes features with gaps, also one of which a part has no value at all."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 3))
    features[:50, 2], features[3, 0] = np.nan, np.nan
    for labels in (np.arange(60) % 2, rng.normal(size=60)):
        samples = quick_samples(features, labels)
        for model in quick_models(samples.task, 48).values():
            assert np.isfinite(out_of_fold(model, samples, samples.folds()).answers).all()


def test_the_global_random_state_is_left_alone() -> None:
    """Fitting draws no number from NumPy's global generator."""
    before = np.random.get_state()[1].copy()  # type: ignore[index, union-attr]
    samples = quick_samples(*load_iris(return_X_y=True))
    for model in quick_models("classes", 120).values():
        out_of_fold(model, samples, samples.folds())
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # type: ignore[index]


def test_without_scikit_learn_there_is_one_clear_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where scikit-learn cannot be imported the error says what to install."""
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(NbinspectError, match=r"nbinspect\[data\]"):
        quick_models("classes", 10)
