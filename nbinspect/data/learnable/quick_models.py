"""Simple models of scikit-learn; each predicts samples that it was not fitted on."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbinspect.data.learnable.quick_samples import QuickSamples, Task
from nbinspect.errors import NbinspectError
from nbinspect.records.arrays import Floats, Integers
from nbinspect.settings import random_undos

Fold = tuple[Integers, Integers]
LINEAR = {"classes": "logistic regression", "numbers": "linear regression"}
_OF_A_TREE = 1000
CONSTANT = {"classes": "most common class", "numbers": "mean"}


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model says of N samples that it was not fitted on."""

    answers: Floats
    """(N,) places of classes, or (N, T) numbers."""
    doubt: Floats
    """(N,) squared distance of the probabilities from the label (0 … 2); empty of numbers."""


def quick_models(task: Task, size: int, seed: int = 0) -> dict[str, Any]:
    """Return models by name to be fitted on `size` samples, the constant one first; each fills up missing values.

    The linear ones are a little regularised, and see features of mean 0 and std 1; a tree of the forest sees at most
    1,000 samples. Source: S-learnable.

    Raises:
        NbinspectError: where scikit-learn is not installed.
    """
    require_sklearn()
    with undrawn():
        from sklearn.dummy import DummyClassifier, DummyRegressor
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
        from sklearn.linear_model import LogisticRegression, Ridge
        from sklearn.naive_bayes import GaussianNB

    # without a bound on what a tree sees a forest takes minutes where the others take seconds
    forest: dict[str, Any] = {"n_estimators": 50, "min_samples_leaf": 2, "random_state": seed}
    forest["max_samples"] = min(1.0, _OF_A_TREE / max(size, 1))
    if task == "classes":
        return {
            CONSTANT[task]: DummyClassifier(strategy="prior"),
            LINEAR[task]: _prepared(LogisticRegression(max_iter=100, tol=1e-3)),
            "naive Bayes": _prepared(GaussianNB(var_smoothing=1e-3)),
            "random forest": _prepared(RandomForestClassifier(**forest), scaled=False),
        }
    return {
        CONSTANT[task]: DummyRegressor(strategy="mean"),
        LINEAR[task]: _prepared(Ridge(alpha=1.0)),
        "random forest": _prepared(RandomForestRegressor(**forest, max_features=0.2), scaled=False),
    }


def require_sklearn() -> None:
    """Refuse with one clear word where scikit-learn is not installed."""
    try:
        import sklearn  # noqa: F401 - only asked whether it is there
    except ImportError as error:
        raise NbinspectError(
            "simple models need scikit-learn, which is not installed; install nbinspect[data]"
        ) from error


@contextmanager
def undrawn() -> Iterator[None]:
    """Keep the global random states through a block: modules of scikit-learn and SciPy draw when first imported."""
    undos = list(random_undos())
    try:
        yield
    finally:
        for _, act, given in undos:
            act(*given)


def out_of_fold(
    model: Any, samples: QuickSamples, folds: Sequence[Fold], step: Callable[[], None] = lambda: None
) -> Predictions:
    """Fit a copy of `model` on each fold's first part and predict its second; samples of no second part get NaN.

    `step` is called after each fold; what it raises stops the work.
    """
    from sklearn.base import clone

    answers = np.full(samples.targets.shape, np.nan)
    doubt = np.full(len(answers) if samples.task == "classes" else 0, np.nan)
    for fit, predict in folds:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # a model that does not converge is merely a worse one
            fitted = clone(model).fit(samples.features[fit], samples.targets[fit])
            if samples.task == "classes":
                answers[predict], doubt[predict] = _judged(fitted, samples, predict)
            else:
                answers[predict] = fitted.predict(samples.features[predict]).reshape(len(predict), -1)
        step()
    return Predictions(answers, doubt)


def _judged(fitted: Any, samples: QuickSamples, predict: Integers) -> tuple[Floats, Floats]:
    """Return the likeliest class of each sample, and the squared distance of its probabilities from the label."""
    chances, labels = np.asarray(fitted.predict_proba(samples.features[predict])), samples.targets[predict]
    found = np.asarray(fitted.classes_)
    # a small part may lack a class, of which the model then knows nothing
    of_label = np.where(found[None] == labels[:, None], chances, 0).sum(1)
    return found[chances.argmax(1)].astype(np.float64), (chances**2).sum(1) + 1 - 2 * of_label


def _prepared(model: Any, *, scaled: bool = True) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    filled = SimpleImputer(strategy="median", keep_empty_features=True)
    return make_pipeline(filled, StandardScaler(), model) if scaled else make_pipeline(filled, model)
