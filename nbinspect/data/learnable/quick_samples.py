"""Samples made ready for simple models: few enough to be quick, without missing labels and constant features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nbinspect.data.findings.found import is_are, samples
from nbinspect.errors import InputError
from nbinspect.records.arrays import Flags, Floats, Integers

FOLDS = 5
FEWEST = 30
"""Samples below which nothing can be told."""
_MOST_SAMPLES, _MOST_FEATURES, _MOST_CLASSES = 5000, 256, 100
_HUGE = 1e100
"""Beyond it squares would overflow."""

Task = Literal["classes", "numbers"]


@dataclass(frozen=True, eq=False)
class QuickSamples:
    """N samples of K features that vary."""

    task: Task
    features: Floats
    """(N, K) float64, NaN where a value is missing."""
    targets: NDArray[Any]
    """(N,) int64 places in `names`, or (N, T) float64 numbers."""
    names: NDArray[Any]
    """(C,) the classes as they were given; empty of numbers."""
    outputs: Integers
    """(T,) which of the numbers of a target vary and are predicted; empty of classes."""
    rows: Integers
    """(N,) ascending places in the arrays that were given."""
    given: int
    """Features before those that do not vary were left out."""
    labelled: int
    """Samples with a label, before any was left out."""
    notes: tuple[str, ...]

    @property
    def problem(self) -> str:
        """Why nothing can be told of these samples; empty where it can."""
        if self.labelled < FEWEST or len(self.rows) < FEWEST:
            return f"Too few samples: {len(self.rows)} that can be used, and {FEWEST} are the least to judge by"
        alike = len(self.names) == 1 if self.task == "classes" else self.targets.shape[1] == 0
        if alike:
            return "All samples have the same label: there is nothing to tell apart"
        if not self.features.shape[1]:
            return (
                f"None of the {self.given} features varies: nothing can be told apart by them; look how they are read"
            )
        return ""

    def folds(self, count: int = FOLDS, seed: int = 0) -> list[tuple[Integers, Integers]]:
        """Return which of the N to fit on and which to predict, `count` times, the classes alike in all."""
        from sklearn.model_selection import KFold, StratifiedKFold

        kind = StratifiedKFold if self.task == "classes" else KFold
        return list(kind(count, shuffle=True, random_state=seed).split(self.features, self._strata))

    @property
    def _strata(self) -> Integers | None:
        return self.targets if self.task == "classes" else None


def quick_samples(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    task: Task | None = None,
    seed: int = 0,
    most: int = _MOST_SAMPLES,
    folds: int = FOLDS,
) -> QuickSamples:
    """Choose at most `most` samples, 256 features and 100 classes, at random where there are more.

    Both arrays are left unchanged. Classes with fewer than `folds` samples are left out, so are samples without
    a label (None, NaN).

    Args:
        features: (N, …) numbers.
        labels: (N,) classes of any kind, or (N,) or (N, T) numbers.
        task: by default numbers where the labels are floats, else classes.
        seed: of what is chosen.
        most: samples.
        folds: of the cross-validation that follows.

    Raises:
        InputError: for features that are no numbers, or arrays of different lengths.
    """
    values, given = _numbers(features), np.asarray(labels)
    if given.ndim == 0 or len(values) != len(given) or given.ndim > 2:
        raise InputError(f"expected a label of each of the {len(values)} samples, got labels {given.shape}")
    task = task or ("numbers" if given.dtype.kind == "f" else "classes")
    random, notes = np.random.default_rng(seed), list[str]()
    targets, names, known = _codes(given) if task == "classes" else _targets(given)
    labelled = int(known.sum())
    if labelled < len(known):
        without = len(known) - labelled
        have = "has" if without == 1 else "have"
        notes.append(f"{without:,} of {len(known):,} samples {have} no label and {is_are(without)} left out")
    rows: Integers = np.flatnonzero(known)
    if task == "classes":
        rows = _of_common_classes(targets, rows, folds, random, notes)
    if len(rows) > most:
        notes.append(f"{most:,} of {len(rows):,} samples, drawn at random")
        rows = np.sort(random.choice(rows, most, replace=False))
    if task == "classes":
        rows = rows[np.bincount(targets[rows], minlength=1)[targets[rows]] >= folds]
        kept, targets = np.unique(targets[rows], return_inverse=True)
        names = names[kept]
        outputs = np.zeros(0, np.int64)
    else:
        targets = targets[rows]
        outputs = np.flatnonzero((targets != targets[:1]).any(0))
        targets = targets[:, outputs]
    chosen, count = _varying(values, rows, random, notes)
    return QuickSamples(task, chosen, targets, names, outputs, rows, count, labelled, tuple(notes))


def _numbers(features: ArrayLike) -> NDArray[Any]:
    values = np.asarray(features)
    if values.ndim == 0 or values.dtype.kind not in "biuf":
        raise InputError(f"expected features as numbers (N, K), got {values.dtype} of shape {values.shape}")
    return values.reshape(len(values), int(np.prod(values.shape[1:])))


def _codes(labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], Flags]:
    import pandas as pd

    if labels.ndim > 1:
        raise InputError(f"expected one class of each sample (N,), got labels {labels.shape}")
    codes, names = pd.factorize(labels)
    return codes.astype(np.int64), np.asarray(names), codes >= 0


def _targets(labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], Flags]:
    try:
        numbers = labels.astype(np.float64).reshape(len(labels), -1)
    except (TypeError, ValueError) as error:
        raise InputError(f"expected numbers as targets, got {labels.dtype}; classes need task='classes'") from error
    whole: Flags = np.isfinite(numbers)
    return np.clip(numbers, -_HUGE, _HUGE), np.zeros(0, np.int64), np.logical_and.reduce(whole, axis=1)


def _of_common_classes(
    codes: Integers, rows: Integers, folds: int, random: np.random.Generator, notes: list[str]
) -> Integers:
    counts = np.bincount(codes[rows], minlength=1)
    rare, common = np.flatnonzero((counts > 0) & (counts < folds)), np.flatnonzero(counts >= folds)
    if len(rare):
        lost, total = samples(int(counts[rare].sum())), int((counts > 0).sum())
        have = "has" if len(rare) == 1 else "have"
        left = f"{is_are(len(rare))} left out, {lost}"
        notes.append(f"{len(rare):,} of {total:,} classes {have} fewer than {folds} samples and {left}")
    if len(common) > _MOST_CLASSES:
        notes.append(f"{_MOST_CLASSES} of {len(common):,} classes, drawn at random: scores of all would be lower")
        common = random.choice(common, _MOST_CLASSES, replace=False)
    return rows[np.isin(codes[rows], common)]


def _varying(values: NDArray[Any], rows: Integers, random: np.random.Generator, notes: list[str]) -> tuple[Floats, int]:
    """Return float64 (N, K) of features that vary, and how many there were; NaN stands for all that is not finite."""
    count = min(values.shape[1], _MOST_FEATURES)
    if count < values.shape[1]:
        notes.append(f"{count} of {values.shape[1]:,} features, drawn at random")
        columns = np.sort(random.choice(values.shape[1], count, replace=False))
    else:
        columns = np.arange(count)
    chosen = values[np.ix_(rows, columns)].astype(np.float64)
    broken = ~np.isfinite(chosen)
    if broken.any():
        share = 100 * float(broken.mean())
        notes.append(f"{max(share, 0.1):.1f} % of the values are missing or infinite; medians stand for them")
    chosen = np.where(broken, np.nan, np.clip(chosen, -_HUGE, _HUGE))
    vary = np.array([_varies(column) for column in chosen.T], np.bool_)
    if len(rows) and not vary.all():
        constant = int((~vary).sum())
        notes.append(f"{constant} of {count} features {is_are(constant)} constant and left out")
    return chosen[:, vary], count


def _varies(column: Floats) -> bool:
    finite = column[np.isfinite(column)]
    return bool(finite.size and np.ptp(finite) > 0)
