"""Is there anything to learn, and has the network learned it: simple models and the network on the same samples."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from nbinspect.data.intervals.differences import NEARLY_SURE, of_mean
from nbinspect.data.intervals.intervals import wilson
from nbinspect.data.learnable.kept import kept_of
from nbinspect.data.learnable.quick_models import LINEAR, Predictions, out_of_fold, quick_models, require_sklearn
from nbinspect.data.learnable.quick_samples import FEWEST, FOLDS, QuickSamples, Task, quick_samples
from nbinspect.data.learnable.verdict import Attempt, Metric, Table, judge
from nbinspect.errors import InputError
from nbinspect.records import BaselineRecord, BaselineScore, DatasetRecord

Told = Callable[[int, int], None]
"""Told how much of how much is done; what it raises stops the work."""


def baselines_of(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    task: Task | None = None,
    correct: ArrayLike | None = None,
    predictions: ArrayLike | None = None,
    seen: bool = False,
    of: str = "",
    unit: str = "",
    seed: int = 0,
    progress: Told | None = None,
) -> BaselineRecord:
    """Score the most common class or the mean, a linear model, naive Bayes and a random forest, and the network.

    Each sample is predicted by models that were fitted on four fifths of the others, the same for all. At most 5,000
    samples, 256 features and 100 classes are used. Arrays and random states are left unchanged. Source: S-learnable.

    Args:
        features: (N, …) numbers, NaN where one is missing.
        labels: (N,) classes of any kind, or (N,) or (N, T) numbers.
        task: by default numbers where the labels are floats, else classes.
        correct: (N,) whether the network is right, NaN or −1 where that is unknown; of classes only.
        predictions: (N,) or (N, T) what the network says, as the labels are given; for numbers in their unit.
        seen: whether the network was trained on these samples.
        of: what the features are, for the sentence: ``64 pixels``.
        unit: of the targets.
        seed: of folds, of forests and of what is drawn.
        progress: is called with how many fits of how many are done.

    Raises:
        InputError: for arrays that do not belong together.
        NbinspectError: where scikit-learn is not installed.
    """
    began = time.monotonic()
    require_sklearn()
    samples = quick_samples(features, labels, task=task, seed=seed)
    network = _of_network(samples, labels, correct, predictions)
    of = of or f"{samples.given} features"
    if samples.problem:
        return _untold(samples, unit, time.monotonic() - began)
    models = quick_models(samples.task, len(samples.rows) * (FOLDS - 1) // FOLDS, seed)
    folds, done, total = samples.folds(seed=seed), 0, len(models) * FOLDS

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    found = {name: out_of_fold(model, samples, folds, step) for name, model in models.items()}
    attempts = [_attempt(name, each, samples) for name, each in found.items()]
    own, unknown = _network_row(network, samples)
    metric: Metric = "accuracy" if samples.task == "classes" else "R²"
    hidden = samples.task == "classes" and _tells_apart(found)
    table = Table(attempts, LINEAR[samples.task], own, seen, hidden, metric, unit, of)
    verdict, sentence = judge(table)
    rows = tuple(each.score for each in (*attempts, *([own] if own else [])))
    return BaselineRecord(
        task=samples.task,
        metric=metric,
        unit=unit,
        scores=rows,
        verdict=verdict,
        sentence=sentence + ".",
        samples=len(samples.rows),
        features=samples.features.shape[1],
        classes=len(samples.names),
        folds=FOLDS,
        notes=(*samples.notes, *unknown),
        seconds=time.monotonic() - began,
    )


def baselines(record: DatasetRecord, *, seed: int = 0, progress: Told | None = None) -> BaselineRecord:
    """Do as `baselines_of` with what a scan kept of each sample, beside the network where it has predicted.

    Repeated samples are used once. The record is left unchanged. Source: S-learnable.

    Raises:
        InputError: where the scan kept no features, or labels that are neither classes nor numbers.
        NbinspectError: where scikit-learn is not installed.
    """
    kept = kept_of(record)
    made = baselines_of(
        kept.features,
        kept.labels,
        task=kept.task,
        correct=kept.correct,
        predictions=kept.predictions,
        seen=record.split == "train",
        of=kept.of,
        unit=kept.unit,
        seed=seed,
        progress=progress,
    )
    return replace(made, notes=(*kept.notes, *made.notes))


def _of_network(
    samples: QuickSamples, labels: ArrayLike, correct: ArrayLike | None, predictions: ArrayLike | None
) -> Predictions | None:
    """Return what the network says of the chosen samples in the way of the models; class −1 is none of theirs."""
    given = predictions if predictions is not None else correct
    if given is None:
        return None
    said, truth = np.asarray(given), np.asarray(labels)
    if len(said) != len(truth) or (predictions is not None and said.size != truth.size):
        raise InputError(f"expected what the network says of each of the {len(truth)} samples, got {said.shape}")
    if samples.task == "numbers":
        if predictions is None:
            raise InputError("of numbers the network is judged by its predictions, not by whether they are right")
        numbers = said.astype(np.float64).reshape(len(said), -1)
        return Predictions(numbers[np.ix_(samples.rows, samples.outputs)], np.zeros(0))
    if predictions is not None and (said.dtype.kind in "US") != (truth.dtype.kind in "US"):
        raise InputError(f"expected predictions like the labels ({truth.dtype}), got {said.dtype}")
    judged = (said == truth) if predictions is not None else said
    right = judged[samples.rows].astype(np.float64)
    unknown = np.isnan(right) | (right < 0)
    return Predictions(np.where(unknown, np.nan, np.where(right == 1, samples.targets, -1)), np.zeros(0))


def _network_row(network: Predictions | None, samples: QuickSamples) -> tuple[Attempt | None, list[str]]:
    if network is None:
        return None, []
    known, count = int(np.isfinite(network.answers.reshape(len(samples.rows), -1)).all(1).sum()), len(samples.rows)
    if known < FEWEST:
        return None, [f"the network is left out: what it says is known of {known:,} of the {count:,} samples"]
    notes = [f"the network is judged on {known:,} of the {count:,} samples"] if known < count else []
    return _attempt("your network", network, samples), notes


def _attempt(name: str, said: Predictions, samples: QuickSamples) -> Attempt:
    if samples.task == "classes":
        losses = np.where(np.isnan(said.answers), np.nan, said.answers != samples.targets)
        known = losses[np.isfinite(losses)]
        low, high = wilson(float((known == 0).sum()), len(known))
        share = float((known == 0).mean()) if len(known) else np.nan
        return Attempt(BaselineScore(name, share, low, high, np.nan), losses)
    apart = said.answers - samples.targets
    spread = samples.targets - samples.targets.mean(0)
    variance = (spread**2).mean(0)
    losses, around = (apart**2 / variance).mean(1), (spread**2 / variance).mean(1)
    known = np.isfinite(losses)
    _, low, high = of_mean(losses[known] - losses[known].mean() * around[known])
    value, half = 1 - float(losses[known].mean() / around[known].mean()), (high - low) / 2
    return Attempt(BaselineScore(name, value, value - half, value + half, float(np.nanmean(np.abs(apart)))), losses)


def _tells_apart(found: dict[str, Predictions]) -> bool:
    """Whether the probabilities of any model are nearer to the labels than the shares of the classes are."""
    constant, *others = found.values()
    return any(of_mean(constant.doubt - each.doubt, NEARLY_SURE)[1] > 0 for each in others)


def _untold(samples: QuickSamples, unit: str, seconds: float) -> BaselineRecord:
    metric: Metric = "accuracy" if samples.task == "classes" else "R²"
    sizes = len(samples.rows), samples.features.shape[1], len(samples.names), FOLDS
    sentence = f"{samples.problem}."
    return BaselineRecord(samples.task, metric, unit, (), "cannot be told", sentence, *sizes, samples.notes, seconds)
