"""Would more data help: scores of a model that is fitted on more and more of the samples."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from nbinspect.data.learnable.baselines import Told
from nbinspect.data.learnable.doubling import Doubling, doubled
from nbinspect.data.learnable.kept import kept_of
from nbinspect.data.learnable.quick_models import LINEAR, Fold, Predictions, out_of_fold, quick_models, require_sklearn
from nbinspect.data.learnable.quick_samples import QuickSamples, Task, quick_samples
from nbinspect.errors import InputError
from nbinspect.records import DatasetRecord, LearningCurve
from nbinspect.records.arrays import Floats, Integers

Fit = Callable[[Integers, Integers], ArrayLike]
"""Trains a fresh network on the first samples (by their place in the arrays) and predicts the second ones."""

Metric = Literal["accuracy", "R²"]
_MOST, _FOLDS, _REPEATS, _SIZES = 3000, 3, 3, 6
_SMALLEST = 16


def learning_curve_of(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    task: Task | None = None,
    model: str = "",
    fit: Fit | None = None,
    repeats: int | None = None,
    most: int | None = None,
    seed: int = 0,
    progress: Told | None = None,
) -> LearningCurve:
    """Fit a model on a half, a quarter, … of the samples and say what twice the data would bring.

    Smaller sets are parts of the larger ones. Each sample is predicted by fits on two thirds of the others; the gain is
    carried on by a power law, with an interval for the samples, the draws and the law. Arrays and random states are
    left unchanged; what `fit` does is its own. Source: K-more-data.

    Args:
        features: (N, …) numbers.
        labels: (N,) classes of any kind, or (N,) or (N, T) numbers.
        task: by default numbers where the labels are floats, else classes.
        model: ``random forest`` or ``naive Bayes``; by default the linear one.
        fit: trains your own network instead: it gets the places of the samples to train on and of those to predict,
            and returns the predictions of the latter as the labels are given.
        repeats: times that all is done with other draws; by default 3, and once with `fit`.
        most: samples to work with, by default 3,000, and all with `fit`.
        seed: of the draws.
        progress: is called with how many fits of how many are done; what it raises stops the work.

    Raises:
        InputError: for arrays that do not belong together, an unknown model, or predictions of a wrong shape.
        NbinspectError: where scikit-learn is not installed.
    """
    began = time.monotonic()
    require_sklearn()
    samples = quick_samples(
        features, labels, task=task, seed=seed, most=most or (len(np.asarray(labels)) if fit else _MOST), folds=_FOLDS
    )
    name = model or ("your network" if fit else LINEAR[samples.task])
    if not fit and name not in quick_models(samples.task, 0):
        raise InputError(f"expected a model of {', '.join(quick_models(samples.task, 0))}, got {model!r:.60}")
    sizes = _sizes(samples) if not samples.problem else []
    if len(sizes) < 3:
        why = samples.problem or f"Too few samples: {len(samples.rows)} are not enough to halve them twice"
        return _untold(name, samples, why, time.monotonic() - began)
    count = repeats or (1 if fit else _REPEATS)
    done, total = 0, count * len(sizes) * _FOLDS

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    losses = np.empty((count, len(sizes), len(samples.rows)))
    cells = np.empty((count, _FOLDS, len(sizes)))
    for repeat in range(count):
        folds = samples.folds(_FOLDS, seed + repeat)
        for place, size in enumerate(sizes):
            nested = [(_first(samples, train, size, seed + repeat), test) for train, test in folds]
            if fit is not None:
                found = _of_fit(fit, samples, nested, labels, step)
            else:
                found = out_of_fold(quick_models(samples.task, size, seed + repeat)[name], samples, nested, step)
            losses[repeat, place] = _losses(found, samples)
        cells[repeat] = [losses[repeat][:, test].mean(1) for _, test in folds]
    judged = doubled(losses.mean(0), cells.reshape(-1, len(sizes)), sizes, samples.labelled, seed)
    return _curve(name, samples, sizes, judged, own=fit is not None, seconds=time.monotonic() - began)


def learning_curve(
    record: DatasetRecord,
    *,
    model: str = "",
    fit: Fit | None = None,
    repeats: int | None = None,
    most: int | None = None,
    seed: int = 0,
    progress: Told | None = None,
) -> LearningCurve:
    """Do as `learning_curve_of` with what a scan kept of each sample; `fit` gets indices of the data set.

    Source: K-more-data.

    Raises:
        InputError: where the scan kept no features, or labels that are neither classes nor numbers.
        NbinspectError: where scikit-learn is not installed.
    """
    kept = kept_of(record)
    indices = record.columns[0].values[kept.rows]

    def by_index(train: Integers, test: Integers) -> ArrayLike:
        assert fit is not None  # only handed on where there is one
        return fit(indices[train], indices[test])

    made = learning_curve_of(
        kept.features,
        kept.labels,
        task=kept.task,
        model=model,
        fit=by_index if fit else None,
        repeats=repeats,
        most=most,
        seed=seed,
        progress=progress,
    )
    return replace(made, notes=(*kept.notes, *made.notes))


def _sizes(samples: QuickSamples) -> list[int]:
    """Return sizes that double, ascending, the last being what a fit can have at most."""
    largest = len(samples.rows) * (_FOLDS - 1) // _FOLDS
    least = max(_SMALLEST, 2 * len(samples.names))
    halves = [largest >> times for times in range(_SIZES) if largest >> times >= least]
    return halves[::-1]


def _first(samples: QuickSamples, train: Integers, size: int, seed: int) -> Integers:
    """Return `size` of `train`, which hold those of any smaller size, each class with its share."""
    order = np.random.default_rng(seed).permutation(train)
    if samples.task == "classes":
        codes = samples.targets[order]
        by_class = np.argsort(codes, kind="stable")
        counts = np.bincount(codes, minlength=1)
        starts = np.cumsum(counts) - counts
        place = np.empty(len(order))
        place[by_class] = (np.arange(len(order)) - starts[codes[by_class]] + 0.5) / counts[codes[by_class]]
        order = order[np.argsort(place, kind="stable")]
    return np.sort(order[:size])


def _of_fit(
    fit: Fit, samples: QuickSamples, folds: Sequence[Fold], labels: ArrayLike, step: Callable[[], None]
) -> Predictions:
    answers = np.full(samples.targets.shape, np.nan)
    truth = np.asarray(labels)
    for train, test in folds:
        said = np.asarray(fit(samples.rows[train], samples.rows[test]))
        wanted = (len(test), *truth.shape[1:])
        if said.size != math.prod(wanted) or len(said) != len(test):
            raise InputError(f"fit: expected predictions of {len(test)} samples {wanted}, got {said.shape}")
        if samples.task == "classes":
            right = np.asarray(said.reshape(wanted) == truth[samples.rows[test]])
            answers[test] = np.where(right, samples.targets[test], -1)
        else:
            answers[test] = said.astype(np.float64).reshape(len(test), -1)[:, samples.outputs]
        step()
    return Predictions(answers, np.zeros(0))


def _losses(found: Predictions, samples: QuickSamples) -> Floats:
    apart: Floats = found.answers - samples.targets
    if samples.task == "classes":
        wrong: Floats = np.sign(np.abs(apart))
        return wrong
    losses: Floats = (apart**2 / samples.targets.var(0)).mean(1)
    return losses


def _untold(name: str, samples: QuickSamples, why: str, seconds: float) -> LearningCurve:
    none, nan = np.zeros(0), math.nan
    metric: Metric = "accuracy" if samples.task == "classes" else "R²"
    places, count, notes = np.zeros(0, np.int64), samples.labelled, samples.notes
    return LearningCurve(
        name, metric, places, none, none, none, count, nan, nan, nan, "cannot be told", f"{why}.", notes, seconds
    )


def _curve(
    name: str, samples: QuickSamples, sizes: Sequence[int], judged: Doubling, *, own: bool, seconds: float
) -> LearningCurve:
    metric: Metric = "accuracy" if samples.task == "classes" else "R²"
    told = _sentence(name, metric, sizes[-1], samples.labelled, judged, own=own)
    return LearningCurve(
        model=name,
        metric=metric,
        sizes=np.array(sizes, np.int64),
        scores=1 - judged.losses,
        low=1 - judged.high,
        high=1 - judged.low,
        samples=samples.labelled,
        gain=judged.gain[0],
        gain_low=judged.gain[1],
        gain_high=judged.gain[2],
        answer=judged.answer,
        sentence=told,
        notes=samples.notes,
        seconds=seconds,
    )


def _sentence(name: str, metric: str, largest: int, samples: int, judged: Doubling, *, own: bool) -> str:
    scale, unit, digits = (100, "points", 1) if metric == "accuracy" else (1, "of R²", 3)
    # + 0 makes zero of a negative zero
    value, low, high = (f"{round(scale * each, digits) + 0:.{digits}f}".replace("-", "−") for each in judged.gain)
    of = f"judged by {name} at up to {largest:,} samples"
    if judged.answer == "helps":
        return f"Doubling the {samples:,} samples would gain {value} {unit} ({low} … {high}), {of}."
    if judged.answer == "cannot be told":
        told = f"Whether doubling the {samples:,} samples would help cannot be told"
        return f"{told}: the gain lies between {low} and {high} {unit}, {of}."
    more = "" if own else "; a network, which can use more data, may gain more"
    return f"Doubling the {samples:,} samples would not help: {value} {unit} ({low} … {high}), {of}{more}."
