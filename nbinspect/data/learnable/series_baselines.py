"""What a network that foretells series has to beat: the last value, a seasonal mean and a linear model."""

from __future__ import annotations

import math
import time

import numpy as np
from numpy.typing import ArrayLike

from nbinspect.data.intervals.differences import of_mean
from nbinspect.data.learnable.quick_models import LINEAR, out_of_fold, quick_models
from nbinspect.data.learnable.quick_samples import FEWEST, FOLDS, QuickSamples
from nbinspect.data.learnable.verdict import Attempt, Table, judge
from nbinspect.errors import InputError
from nbinspect.records import BaselineRecord, BaselineScore
from nbinspect.records.arrays import Floats

_MOST_SAMPLES, _MOST_PAST, _MOST_STEPS, _MOST_FUTURE = 5000, 4096, 256, 64
_SEASONED = 500
"""Series that the season is found in."""
_PLAIN = 0.3
"""Autocorrelation from which a season is one."""


def series_baselines(
    history: ArrayLike,
    future: ArrayLike,
    *,
    predictions: ArrayLike | None = None,
    seen: bool = False,
    unit: str = "",
    seed: int = 0,
) -> BaselineRecord:
    """Score the last value, a seasonal mean and a linear model of the last steps, and the network, on series' futures.

    The season is found by autocorrelation; without one the mean of the series stands for it. At most 5,000 samples are
    used, of each the last 256 steps for the linear model, cross-validated. Arrays are left
    unchanged. Source: S-baseline-series.

    Args:
        history: (N, T) what is known of each series, NaN where a step is missing.
        future: (N,) or (N, H) the steps that follow; the first 64 are judged.
        predictions: (N,) or (N, H) what the network says of them.
        seen: whether the network was trained on these samples.
        unit: of the values.
        seed: of the folds and of what is drawn.

    Raises:
        InputError: for arrays that do not belong together.
        NbinspectError: where scikit-learn is not installed.
    """
    began = time.monotonic()
    past, coming, said, notes = _arrays(history, future, predictions, seed)
    if len(past) < FEWEST:
        sizes = len(past), past.shape[1], 0, FOLDS
        text = f"Too few samples: {len(past)} series with all their future, and {FEWEST} are the least to judge by."
        return BaselineRecord("series", "mean absolute error", unit, (), "cannot be told", text, *sizes, notes, 0.0)
    steps = coming.shape[1]
    period = season(past[:_SEASONED])
    name = f"seasonal mean ({period} steps)" if period else "mean of the series"
    attempts = [
        _attempt("last value", np.repeat(past[:, -1:], steps, axis=1), coming),
        _attempt(name, seasonal_mean(past, steps, period), coming),
        _attempt("linear model", _linear(past, coming, seed), coming),
    ]
    network = None if said is None else _attempt("your network", said, coming)
    of = f"{past.shape[1]:,} steps"
    table = Table(attempts, "linear model", network, seen, False, "mean absolute error", unit, of)
    verdict, sentence = judge(table)
    scores = tuple(each.score for each in (*attempts, *([network] if network else [])))
    sizes = len(past), past.shape[1], 0, FOLDS
    seconds = time.monotonic() - began
    return BaselineRecord(
        "series", "mean absolute error", unit, scores, verdict, sentence + ".", *sizes, notes, seconds
    )


def season(history: Floats) -> int:
    """Return after how many steps series (N, T) repeat themselves, found by autocorrelation; 0 where they do not.

    Each series is taken about its own straight line, so that a trend is no season. At least two seasons must be seen.
    """
    steps = history.shape[1]
    at = np.arange(steps) - (steps - 1) / 2
    apart = history - history.mean(1, keepdims=True)
    apart = apart - np.outer(apart @ at / max(float(at @ at), 1e-300), at)
    scale = np.sqrt((apart**2).mean(1, keepdims=True))
    apart = np.divide(apart, scale, out=np.zeros_like(apart), where=scale > 1e-12 * (1 + np.abs(history).max()))
    power = (np.abs(np.fft.rfft(apart, 2 * steps, axis=1)) ** 2).mean(0)
    overlap = steps - np.arange(steps)
    likeness = np.fft.irfft(power)[:steps] / overlap
    if likeness[0] <= 0:
        return 0
    likeness = likeness[: steps // 2 + 1] / likeness[0]
    below = np.flatnonzero(likeness < 0)
    if not len(below):
        return 0  # it never turned, so that a slow drift is all there is
    start = int(below[0])
    peak = start + int(np.argmax(likeness[start:]))
    # the multiples of a season are as like as itself: the first peak that is nearly as high
    near = [
        lag
        for lag in range(max(start, 2), len(likeness))
        if likeness[lag] >= 0.9 * likeness[peak]
        and likeness[lag] >= max(likeness[lag - 1], likeness[min(lag + 1, len(likeness) - 1)])
    ]
    noise = 3 / math.sqrt(history.shape[0] * steps)
    return near[0] if near and likeness[peak] > max(_PLAIN, noise) else 0


def seasonal_mean(history: Floats, steps: int, period: int) -> Floats:
    """Return (N, steps): the mean of what stood at the same place of earlier seasons, or of all where `period` is 0."""
    length = history.shape[1]
    if not period:
        return np.repeat(history.mean(1, keepdims=True), steps, axis=1)
    return np.stack([history[:, (length + h) % period :: period].mean(1) for h in range(steps)], axis=1)


def _linear(past: Floats, coming: Floats, seed: int) -> Floats:
    last = past[:, -1:]
    # about the last value: what a series does next is the same wherever it stands
    recent = past[:, -_MOST_STEPS:] - last
    empty = np.zeros(0, np.int64)
    samples = QuickSamples(
        "numbers", recent, coming - last, empty, empty, np.arange(len(past)), recent.shape[1], len(past), ()
    )
    model = quick_models("numbers", len(past), seed)[LINEAR["numbers"]]
    return out_of_fold(model, samples, samples.folds(seed=seed)).answers + last


def _attempt(name: str, said: Floats, coming: Floats) -> Attempt:
    losses = np.abs(said - coming).mean(1)
    value, low, high = of_mean(losses[np.isfinite(losses)])
    return Attempt(BaselineScore(name, value, low, high, value), losses)


def _arrays(
    history: ArrayLike, future: ArrayLike, predictions: ArrayLike | None, seed: int
) -> tuple[Floats, Floats, Floats | None, tuple[str, ...]]:
    try:
        given = np.asarray(history)
        past, coming = given[..., -_MOST_PAST:].astype(np.float64), np.asarray(future, np.float64)
        said = None if predictions is None else np.asarray(predictions, np.float64).reshape(len(coming), -1)
        coming = coming.reshape(len(coming), -1)
    except (TypeError, ValueError) as error:
        raise InputError(f"expected series and their future as numbers: {error}") from error
    if past.ndim != 2 or past.shape[1] < 2 or len(past) != len(coming):
        raise InputError(f"expected series (N, T) and what follows (N, H), got {past.shape} and {coming.shape}")
    if said is not None and said.shape != coming.shape:
        raise InputError(f"expected a prediction of each step {coming.shape}, got {said.shape}")
    notes = []
    if past.shape[1] < given.shape[1]:
        notes.append(f"the last {past.shape[1]:,} of {given.shape[1]:,} steps are used")
    if coming.shape[1] > _MOST_FUTURE:
        notes.append(f"the first {_MOST_FUTURE} of {coming.shape[1]:,} steps are judged")
        coming, said = coming[:, :_MOST_FUTURE], None if said is None else said[:, :_MOST_FUTURE]
    whole = np.isfinite(coming).all(1) & np.isfinite(past).any(1)
    whole &= True if said is None else np.isfinite(said).all(1)
    rows = np.flatnonzero(whole)
    if len(rows) < len(past):
        notes.append(f"{len(past) - len(rows):,} of {len(past):,} series have no whole future and are left out")
    if len(rows) > _MOST_SAMPLES:
        notes.append(f"{_MOST_SAMPLES:,} of {len(rows):,} series, drawn at random")
        rows = np.sort(np.random.default_rng(seed).choice(rows, _MOST_SAMPLES, replace=False))
    if not np.isfinite(past[rows]).all():
        notes.append("missing steps are filled with the value before them")
    return _filled(past[rows]), coming[rows], None if said is None else said[rows], tuple(notes)


def _filled(past: Floats) -> Floats:
    """Return series with each missing step as the one before it, the first ones as the first that there is."""
    finite = np.isfinite(past)
    before = np.maximum.accumulate(np.where(finite, np.arange(past.shape[1]), -1), axis=1)
    before = np.where(before < 0, finite.argmax(1)[:, None], before)
    return np.take_along_axis(past, before, axis=1)
