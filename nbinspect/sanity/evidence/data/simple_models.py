"""How far simple models come: each sample is predicted by models that were fitted on others."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbinspect.records import Floats, Integers
from nbinspect.sanity.check import MissingNeed

_MOST = 1000
_LEAST = 60
_FOLDS = 3
_MOST_CLASSES = 50
_DECIDED = 0.75
_MOST_TRIED = 128
"""Columns of a wide table of which a tree chooses one to part its samples by; half of them took a minute."""


@dataclass(frozen=True, eq=False)
class SimpleModels:
    """Predictions on samples that the models had not seen, and their scores."""

    chosen: Integers
    """(N,) which samples of the scan these are."""
    labels: Integers
    """(N,) the class of each; empty for regression."""
    chances: dict[str, Floats]
    """(N, C) chance of each class, by model; empty for regression."""
    scores: dict[str, float]
    """Share of right answers, or R² for regression, by model."""
    baseline: float
    """The same for the most common class, or the mean."""
    margin: float
    """Two standard errors of a score's gain over the baseline."""

    @property
    def weaker(self) -> float:
        """The share of right answers of the weaker of linear model and forest."""
        return min(self.scores["linear"], self.scores["random forest"])

    def rejected(self, doubt: float) -> Rejected:
        """Return which labels the linear model and the forest, agreeing on another, give a chance below `doubt`."""
        codes = np.unique(self.labels, return_inverse=True)[1]
        chances = [self.chances[name] for name in ("linear", "random forest")]
        low = [chance[np.arange(len(codes)), codes] < doubt for chance in chances]
        odd = low[0] & low[1] & (chances[0].argmax(1) == chances[1].argmax(1))
        share = float(odd.mean())
        error = float(np.sqrt(max(share, 1 / len(odd)) / len(odd)))
        undecided = float((chances[0].max(1) < _DECIDED).mean())
        return Rejected(share, error, undecided, int(self.chosen[int(np.argmax(odd))]))


@dataclass(frozen=True)
class Rejected:
    """Labels that simple models, which had not seen them, find unlikely."""

    share: float
    error: float
    """Standard error of the share."""
    undecided: float
    """Share of samples of which the linear model is undecided."""
    first: int
    """Number of the first of them in the scan."""


def fit_simple_models(features: Floats, labels: Floats, *, are_classes: bool) -> SimpleModels:
    """Fit a linear model, a random forest and naive Bayes on two thirds, and predict the last third, three times.

    At most 1,000 samples are used. For regression there is no naive Bayes. Source: S-learnable.

    Raises:
        MissingNeed: if scikit-learn is not installed, or the samples are too few for it.
    """
    try:
        import sklearn  # noqa: F401 - only asked whether it is there
    except ImportError as error:
        raise MissingNeed("scikit-learn") from error
    chosen = np.random.default_rng(0).permutation(len(labels))[:_MOST]
    if are_classes:
        values, counts = np.unique(labels[chosen], return_counts=True)
        kept = np.isin(labels[chosen], values[counts >= 2 * _FOLDS])
        chosen = chosen[kept]
        if not 2 <= len(np.unique(labels[chosen])) <= _MOST_CLASSES:
            raise MissingNeed(f"2 to {_MOST_CLASSES} classes with several samples each")
    chosen = chosen[np.isfinite(labels[chosen])]
    if len(chosen) < _LEAST:
        raise MissingNeed(f"{_LEAST} samples with labels")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a model that does not converge is merely a worse one
        fit = _classes if are_classes else _numbers
        return fit(features[chosen].astype(np.float64), labels[chosen], chosen)


def _classes(features: Floats, labels: Floats, chosen: Integers) -> SimpleModels:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.naive_bayes import GaussianNB

    values, codes = np.unique(labels, return_inverse=True)
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    models = {
        "linear": _scaled(LogisticRegression(max_iter=200)),
        "random forest": RandomForestClassifier(50, min_samples_leaf=2, random_state=0),
        "naive Bayes": _scaled(GaussianNB(var_smoothing=1e-3)),
    }
    chances = {
        name: cross_val_predict(model, features, codes, cv=folds, method="predict_proba")
        for name, model in models.items()
    }
    right = {name: chance.argmax(1) == codes for name, chance in chances.items()}
    common = codes == np.bincount(codes).argmax()
    gains = [hits.astype(float) - common for hits in right.values()]
    margin = 2 * max(float(gain.std()) for gain in gains) / np.sqrt(len(codes))
    scores = {name: float(hits.mean()) for name, hits in right.items()}
    return SimpleModels(chosen, values[codes].astype(np.int64), chances, scores, float(common.mean()), margin)


def _numbers(features: Floats, labels: Floats, chosen: Integers) -> SimpleModels:
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import KFold, cross_val_predict

    folds = KFold(_FOLDS, shuffle=True, random_state=0)
    tried = max(1, min(features.shape[1] // 2, _MOST_TRIED))
    models = {
        "linear": _scaled(Ridge(alpha=1.0)),
        "random forest": RandomForestRegressor(50, min_samples_leaf=2, max_features=tried, random_state=0),
    }
    apart = (labels - labels.mean()) ** 2
    gains = {
        name: (apart - (labels - cross_val_predict(model, features, labels, cv=folds)) ** 2) / max(apart.mean(), 1e-300)
        for name, model in models.items()
    }
    margin = 2 * max(float(gain.std()) for gain in gains.values()) / np.sqrt(len(labels))
    scores = {name: float(gain.mean()) for name, gain in gains.items()}
    return SimpleModels(chosen, np.zeros(0, np.int64), {}, scores, 0.0, margin)


def _scaled(model: Any) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), model)
