"""The arrays of a reading, from numbers that were reduced on the device and reached the host at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from nbinspect.evaluation.layout import NO_CLASS, TOKENS, Layout, mask_of, places
from nbinspect.records import Floats, Integers, Reading

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Trail:
    """What a reading must know of those before it."""

    steps: tuple[int, ...]
    """Of the last two readings, as `chances`."""
    chances: tuple[Array, ...]
    guesses: Integers
    """(N,) the likeliest class when last there was one; −1 where there never was."""
    correct: NDArray[np.int8]
    """(N,) whether it was right when that could last be said; −1 where it never could."""
    flips: Integers
    forgotten: Integers


def no_trail(count: int) -> Trail:
    """Return what the first reading of N samples knows: nothing."""
    none, zero = np.full(count, -1, dtype=np.int32), np.zeros(count, dtype=np.int32)
    return Trail((), (), none, none.astype(np.int8), zero, zero)


@dataclass(frozen=True, eq=False)
class _Seen:
    """What one reading says of each sample, apart from the readings before."""

    values: Array
    chances: Array
    """What jitter is measured of."""
    guesses: Integers
    confidence: Floats
    margin: Floats
    correct: NDArray[np.int8]


def make_reading(
    step: int, layout: Layout, trail: Trail, *, numbers: Floats, losses: Floats | None, goal: Array | None
) -> tuple[Reading, Trail]:
    """Return the reading of a step, and what the next one must know of it.

    Jitter is how far the reading before strays from the straight line between its neighbours in time: at steps
    a < b < c the line is p_a + (p_c − p_a)·(b − a)/(c − a). Of classes it is ½ Σ |p_b − line|; of labels, one or
    several, the mean of |·|; of numbers that in standard deviations of the targets; of tokens half the mean |·| of
    exp(−loss); of masks the share of pixels whose class differs from both neighbours. A flip: the likeliest class
    differs from the one at the reading before. A forgetting event: right before, wrong now (Toneva et al. 2019).

    Args:
        step: updates so far; one that is not after the last begins a new line for the jitter.
        layout: of the outputs.
        trail: of the readings before.
        numbers: (N, K), as `numbers_of` gives them.
        losses: (N,); None where none can be taken.
        goal: targets as `goal_array` gives them; None where there are none.
    """
    count = len(numbers)
    with np.errstate(all="ignore"):
        seen = _seen(layout, numbers, goal)
        if trail.steps and step <= trail.steps[-1]:
            trail = replace(trail, steps=(), chances=())
        jitter = _jitter(layout.kind, (*trail.chances, seen.chances), (*trail.steps, step), count)
    if losses is None:
        losses = numbers[:, -3] if layout.kind == "language-model" else np.full(count, np.nan)
    trail = _followed(trail, step, seen, count)
    reading = Reading(
        step,
        seen.values,
        seen.guesses,
        losses.astype(np.float32),
        seen.correct,
        seen.confidence.astype(np.float32),
        seen.margin.astype(np.float32),
        jitter.astype(np.float32),
        trail.flips,
        trail.forgotten,
    )
    return reading, trail


def _followed(trail: Trail, step: int, seen: _Seen, count: int) -> Trail:
    """The trail with one reading more."""
    now = seen.guesses if seen.guesses.ndim == 1 else np.full(count, -1, dtype=np.int32)
    flipped = (trail.guesses >= 0) & (now >= 0) & (trail.guesses != now)
    lost = (trail.correct == 1) & (seen.correct == 0)
    return Trail(
        (*trail.steps[-1:], step),
        (*trail.chances[-1:], seen.chances),
        np.where(now >= 0, now, trail.guesses).astype(np.int32),
        np.where(seen.correct >= 0, seen.correct, trail.correct).astype(np.int8),
        trail.flips + flipped.astype(np.int32),
        trail.forgotten + lost.astype(np.int32),
    )


def _jitter(kind: str, chances: tuple[Array, ...], steps: tuple[int, ...], count: int) -> Floats:
    if len(chances) < 3 or not chances[0].size:
        return np.full(count, np.nan)
    (first, middle, last), (a, b, c) = chances, steps
    if kind == "segmentation":
        return np.asarray(((middle != first) & (middle != last)).reshape(count, -1).mean(1))
    strays = np.abs(middle - (first + (last - first) * ((b - a) / (c - a))))
    if kind == "classification":
        return np.asarray(0.5 * strays.sum(1))
    if kind == "language-model":
        known = np.isfinite(strays)
        return np.asarray(0.5 * np.where(known, strays, 0).sum(1) / known.sum(1))  # NaN where no token counts
    return np.asarray(strays.mean(1))


def _seen(layout: Layout, numbers: Floats, goal: Array | None) -> _Seen:
    count = len(numbers)
    unknown, nothing = np.full(count, -1, dtype=np.int8), np.full(count, np.nan)
    no_guess = np.zeros((count, 0), dtype=np.int32)
    if layout.kind == "classification":
        return _of_classes(layout, numbers, goal)
    if layout.kind in ("binary", "multilabel"):
        return _of_labels(layout, numbers, goal)
    if layout.kind == "regression":
        spread = np.ones(numbers.shape[1]) if goal is None else goal.std(0)
        scaled = numbers / np.where(spread > 0, spread, 1.0)
        return _Seen(numbers.astype(np.float32), scaled, no_guess, nothing, nothing, unknown)
    if layout.kind == "language-model":
        tokens = (numbers.shape[1] - 3) // 2
        loss, guesses = numbers[:, :tokens], numbers[:, tokens : 2 * tokens].astype(np.int32)
        return _Seen(loss.astype(np.float32), np.exp(-loss), guesses, numbers[:, -2], numbers[:, -1], unknown)
    if layout.kind == "segmentation":
        height, width = (len(places(side)) for side in layout.shape[-2:])
        mask = numbers[:, :-2].astype(np.uint8).reshape(count, height, width)
        return _Seen(mask, mask, no_guess, numbers[:, -2], numbers[:, -1], unknown)
    empty = np.zeros((count, 0), dtype=np.float32)
    return _Seen(empty, empty, no_guess, nothing, nothing, unknown)


def class_chances(layout: Layout, numbers: Floats) -> Floats:
    """Return probabilities (N, C) of classes; a row with NaN or +Inf is NaN as a whole."""
    with np.errstate(all="ignore"):
        values = numbers.astype(np.float64)
        if not layout.chances:
            values = np.exp(values - values.max(1, keepdims=True))
            values = values / values.sum(1, keepdims=True)
        values[~np.isfinite(values).all(1)] = np.nan
        return values


def _of_classes(layout: Layout, numbers: Floats, goal: Array | None) -> _Seen:
    chances = class_chances(layout, numbers)
    count, classes = chances.shape
    rows, broken = np.arange(count), np.isnan(chances[:, 0])
    guesses = np.where(broken, -1, np.nan_to_num(chances).argmax(1)).astype(np.int32)
    confidence = chances[rows, guesses]
    margin, correct = np.full(count, np.nan), np.full(count, -1, dtype=np.int8)
    if goal is not None:
        known = (goal >= 0) & (goal < classes) & (goal != layout.ignored)
        own = chances[rows, np.where(known, goal, 0)]
        others = chances.copy()
        others[rows, np.where(known, goal, 0)] = -np.inf
        margin = np.where(known, own - others.max(1), np.nan)
        correct = np.where(known & ~broken, guesses == goal, -1).astype(np.int8)
    values = np.log(np.maximum(numbers, np.finfo(np.float32).tiny)) if layout.chances else numbers
    kept = values if layout.columns is None else values[:, layout.columns]
    return _Seen(kept.astype(np.float32), chances, guesses, confidence, margin, correct)


def _of_labels(layout: Layout, numbers: Floats, goal: Array | None) -> _Seen:
    """One label or several: each has a probability of its own; the margin is that of the worst label."""
    count = len(numbers)
    chances = numbers.astype(np.float64) if layout.chances else 1 / (1 + np.exp(-numbers.astype(np.float64)))
    broken = np.isnan(chances).any(1)
    margin, correct = np.full(count, np.nan), np.full(count, -1, dtype=np.int8)
    if layout.kind == "binary":
        guesses, confidence = (chances[:, 0] > 0.5).astype(np.int32), np.maximum(chances[:, 0], 1 - chances[:, 0])
    else:
        guesses, confidence = np.nan_to_num(chances).argmax(1).astype(np.int32), chances.max(1)
    if goal is not None:
        wanted = goal.reshape(count, -1)
        margin = ((2 * chances - 1) * np.where(wanted > 0.5, 1, -1)).min(1)
        right = ((chances > 0.5) == (wanted > 0.5)).all(1)
        correct = np.where(broken | np.isnan(margin), -1, right).astype(np.int8)
    guesses[broken] = -1
    values = numbers
    if layout.chances:
        safe = np.clip(numbers.astype(np.float64), 1e-12, 1 - 1e-12)
        values = np.log(safe / (1 - safe))
    kept = values if layout.columns is None else values[:, layout.columns]
    return _Seen(kept.astype(np.float32), chances, guesses, confidence, margin, correct)


def goal_array(layout: Layout, goal: Tensor | None) -> Array | None:
    """Return the targets (N, …) on the host as readings compare with them; None where they do not fit the outputs.

    Classes (N,) int64; labels and numbers (N, C) float32; tokens (N, T) int64; masks (N, h, w) uint8.
    """
    if goal is None or layout.kind == "other":
        return None
    if layout.kind == "segmentation":
        mask = mask_of(goal, layout)
        if mask is None:
            return None
        small = mask.cpu().numpy()[:, places(mask.shape[1])][:, :, places(mask.shape[2])]
        return np.where((small < 0) | (small > NO_CLASS), NO_CLASS, small).astype(np.uint8)
    if layout.kind == "language-model":
        return goal[:, :TOKENS].cpu().numpy().astype(np.int64)
    rows = goal.reshape(len(goal), -1).float().cpu().numpy() if goal.is_floating_point() else None
    whole = goal.reshape(len(goal), -1).cpu().numpy() if rows is None else rows
    if layout.kind == "classification":
        if whole.shape[1] == layout.shape[0] > 1:
            return np.asarray(whole.argmax(1), dtype=np.int64)
        return whole[:, 0].astype(np.int64) if whole.shape[1] == 1 else None
    if layout.kind == "binary":
        return (whole[:, 0] > 0.5).astype(np.int64) if whole.shape[1] == 1 else None
    width = int(np.prod(layout.shape)) if layout.shape else 1
    if whole.shape[1] != width:
        return None
    kept = whole if layout.kind == "multilabel" or layout.columns is None else whole[:, layout.columns]
    return kept.astype(np.float32)
