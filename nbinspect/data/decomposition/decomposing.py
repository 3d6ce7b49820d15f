"""Where an error comes from: the differences between the errors on sets that differ in one thing each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from nbinspect.data.decomposition.words import advice_for, sentence_of
from nbinspect.data.findings.found import samples
from nbinspect.data.intervals.differences import of_difference, of_mean
from nbinspect.data.intervals.intervals import wilson
from nbinspect.errors import InputError
from nbinspect.records import (
    DecompositionRecord,
    ErrorLevel,
    ErrorMetric,
    ErrorPart,
    HumanRecord,
    LevelName,
    PartState,
)
from nbinspect.records.arrays import Floats

_METRICS: dict[str, ErrorMetric] = {"error rate": "error rate", "loss": "loss", "rmse": "rmse"}
_FEWEST = 2
_PARTS = (
    ("human", "bias"),
    ("train", "variance"),
    ("train-validation", "shift"),
    ("validation", "validation overfitting"),
)
"""Each level, and what lies between it and the next."""


def decompose(
    train: ArrayLike,
    validation: ArrayLike,
    *,
    train_validation: ArrayLike | None = None,
    test: ArrayLike | None = None,
    human: HumanRecord | ArrayLike | None = None,
    metric: str | None = None,
    unit: str = "",
) -> DecompositionRecord:
    """Take the error on the last set apart: irreducible + bias + variance + shift + validation overfitting.

    Each set is an array (N,) with one value a sample, made in eval mode and without augmentation: whether the sample is
    right for the metric ``error rate``, its loss for ``loss``, prediction − target for ``rmse``. Where a set is
    missing, the parts on either side of it are lumped together, and the record says so. Arrays are left unchanged.
    Source: T-decompose.

    Args:
        train: of samples that the network was trained on.
        validation: of samples from where the network is to be used.
        train_validation: of samples from where those of `train` come from, that it was not trained on.
        test: like `validation`, but never looked at before.
        human: a person's result for ``error rate``, an array like the others, or the irreducible error as one number.
        metric: by default ``error rate`` of flags, and ``loss`` of other numbers.
        unit: of the error.

    Raises:
        InputError: for arrays that are empty, not finite or no flags where flags are expected.
    """
    kind = _METRICS.get(metric or ("error rate" if np.asarray(train).dtype.kind == "b" else "loss"))
    if kind is None:
        raise InputError(f"expected a metric of {', '.join(_METRICS)}, got {metric!r:.40}")
    given: dict[LevelName, ArrayLike | None] = {
        "train": train,
        "train-validation": train_validation,
        "validation": validation,
        "test": test,
    }
    levels = [_level(name, values, kind) for name, values in given.items() if values is not None]
    if human is not None:
        levels.insert(0, _floor(human, kind))
    parts = tuple(_parts(levels))
    reducible = [part for part in parts if part.state == "clear" and part.name != "irreducible"]
    largest = max(reducible, key=lambda part: part.value, default=None)
    sentence = sentence_of(levels[-1], parts, largest, kind, unit)
    notes = tuple(_notes(levels, parts))
    name = "" if largest is None else largest.name
    return DecompositionRecord(kind, unit, tuple(levels), parts, name, sentence, notes)


def _level(name: LevelName, values: ArrayLike, kind: ErrorMetric) -> ErrorLevel:
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: expected one number a sample, got {values!r:.60}") from error
    if array.ndim != 1 or len(array) < _FEWEST:
        raise InputError(f"{name}: expected an array (N,) of {_FEWEST} samples or more, got {array.shape}")
    broken = int((~np.isfinite(array)).sum())
    if broken:
        raise InputError(
            f"{name}: {broken:,} of {len(array):,} values are NaN or infinite; look at these samples first"
        )
    if kind == "error rate":
        if not np.isin(array, (0, 1)).all():
            raise InputError(
                f"{name}: expected whether each sample is right (0 or 1), got {array.min()} … {array.max()}"
            )
        return _rate(name, float((array == 0).sum()), len(array))
    return ErrorLevel(name, *_measured(array, kind), len(array))


def _rate(name: LevelName, wrong: float, count: int) -> ErrorLevel:
    return ErrorLevel(name, wrong / count, *wilson(wrong, count), count)


def _measured(values: Floats, kind: ErrorMetric) -> tuple[float, float, float]:
    if kind == "loss":
        return of_mean(values)
    mean, low, high = of_mean(values**2)
    return math.sqrt(mean), math.sqrt(max(low, 0.0)), math.sqrt(high)


def _floor(human: HumanRecord | ArrayLike, kind: ErrorMetric) -> ErrorLevel:
    if isinstance(human, HumanRecord):
        if kind != "error rate":
            raise InputError(f"a person's answers give an error rate, and the metric is {kind}; give a number as human")
        if not human.samples:
            raise InputError("human: no sample was answered yet")
        return _rate("human", human.samples - human.right, human.samples)
    if np.ndim(human) == 0:
        value = _number(human)
        if not (math.isfinite(value) and (kind == "loss" or value >= 0) and (kind != "error rate" or value <= 1)):
            raise InputError(f"human: expected the irreducible {kind} as a number, got {human!r:.60}")
        return ErrorLevel("human", value, value, value, 0)
    return _level("human", human, kind)


def _number(given: ArrayLike) -> float:
    """Return a number; NaN for what is none."""
    try:
        return float(np.asarray(given))
    except (TypeError, ValueError):
        return math.nan


def _parts(levels: Sequence[ErrorLevel]) -> list[ErrorPart]:
    between = dict(_PARTS)
    order = [name for name, _ in _PARTS] + ["test"]
    first = levels[0]
    lumped = "irreducible" if first.name == "human" else "irreducible + bias"
    # the error itself is above 0, whatever its interval: only of a difference can that be in doubt
    found = [ErrorPart(lumped, first.name, first.value, first.low, first.high, "clear", advice_for(lumped))]
    for lower, upper in pairwise(levels):
        names = order[order.index(lower.name) : order.index(upper.name)]
        name = " + ".join(between[each] for each in names)
        value, low, high = of_difference((upper.value, upper.low, upper.high), (lower.value, lower.low, lower.high))
        state: PartState = "clear" if low > 0 else "negative" if high < 0 else "within noise"
        advice = advice_for(name, negative=state == "negative")
        found.append(ErrorPart(name, f"{upper.name} − {lower.name}", value, low, high, state, advice))
    return found


def _notes(levels: Sequence[ErrorLevel], parts: Sequence[ErrorPart]) -> list[str]:
    there = {level.name for level in levels}
    means = {
        "human": "without a human baseline (or the loss floor of the targets), bias and irreducible error are one",
        "train-validation": "without samples like those of training that it was not trained on, variance and shift are "
        "one: hold out a part of the training set",
        "test": "without a test set that nobody has looked at, overfitting to the validation set cannot be seen",
    }
    notes = [text for name, text in means.items() if name not in there]
    few = [level for level in levels if 0 < level.samples < 30]
    notes += [f"{level.name} has {samples(level.samples)} only" for level in few]
    return notes + [f"{part.name} is negative: {part.advice}" for part in parts if part.state == "negative"]
