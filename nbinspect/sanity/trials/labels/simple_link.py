"""How clearly simple models link inputs and labels, each judged on samples that it was not fitted on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nbinspect.records import Floats, Integers
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.evidence.data.scan import Scan, is_binary

_EXCHANGES = 200
_LEAST = 1e-3
_FOLDS = 4
_PENALTIES = (0.03, 3.0)
"""Beside the variance of a feature: hardly any, and one that leaves each feature to itself, for very weak links."""
_MOST_CLASSES = 50


@dataclass(frozen=True)
class SimpleLink:
    """What the best of the simple models finds."""

    strength: float
    """By how many deviations it is better than without any link."""
    samples: int
    """How many it was fitted to and judged on, at most."""
    features: int
    """What each of them has."""


def simple_link(scan: Scan) -> SimpleLink | None:
    """Return the clearest link between inputs and labels that ridge regression, linear model, forest or Bayes finds.

    None where none can be fitted. Chances of the own classes are set beside those of exchanged ones, which also sees
    what right answers do not show where nearly all samples are of one class.
    """
    labels, features = scan.classes, scan.features
    if labels is None or not features.shape[1] or not np.isfinite(labels).all():
        return None
    try:
        models = scan.simple_models
    except MissingNeed:
        return None
    found = [ridge_strength(features, labels, are_classes=bool(len(models.labels)))]
    if models.chances:
        codes = np.unique(models.labels, return_inverse=True)[1]
        own = np.eye(int(codes.max()) + 1)[codes]
        found += [_beside_exchanged(np.log(np.clip(one, _LEAST, 1)), own) for one in models.chances.values()]
    else:
        found.append(2 * max(models.scores.values()) / max(models.margin, 1e-12))
    return SimpleLink(max(found), len(labels), features.shape[1])


def ridge_strength(features: Floats, labels: Floats, *, are_classes: bool) -> float:
    """Return by how many deviations the better of two ridge regressions links features (N, K) and labels (N,)."""
    return max(_beside_exchanged(*pair) for pair in _ridges(features, labels, are_classes=are_classes))


def _ridges(features: Floats, labels: Floats, *, are_classes: bool) -> Iterator[tuple[Floats, Floats]]:
    """Give predictions (N, K) of ridge regressions for each fold from the others, and what is predicted."""
    rows = np.random.default_rng(0).permutation(len(labels))
    x = features[rows].astype(np.float64)
    x = (x - x.mean(0)) / np.maximum(x.std(0), 1e-9)
    y = _columns(labels[rows], are_classes=are_classes)
    folds: Integers = np.arange(len(y)) % _FOLDS
    for penalty in _PENALTIES:
        told = np.zeros_like(y)
        for fold in range(_FOLDS):
            fitted = x[folds != fold]
            gram = fitted.T @ fitted + penalty * len(fitted) * np.eye(x.shape[1])
            mean = y[folds != fold].mean(0)
            told[folds == fold] = x[folds == fold] @ np.linalg.solve(gram, fitted.T @ (y[folds != fold] - mean))
        yield told, y


def _columns(labels: Floats, *, are_classes: bool) -> Floats:
    values, codes = np.unique(labels, return_inverse=True)
    if are_classes and not is_binary(labels) and len(values) <= _MOST_CLASSES:
        return np.asarray(np.eye(len(values))[codes])
    return np.asarray(labels[:, None] - labels.mean())


def _beside_exchanged(told: Floats, own: Floats) -> float:
    """Return by how many deviations predictions agree better with their own targets than with exchanged ones."""
    generator = np.random.default_rng(0)
    others = np.array([(told * own[generator.permutation(len(own))]).sum() for _ in range(_EXCHANGES)])
    return float(((told * own).sum() - others.mean()) / max(float(others.std()), 1e-12))
