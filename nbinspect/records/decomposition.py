"""An error taken apart: what each part of it is due to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LevelName = Literal["human", "train", "train-validation", "validation", "test"]
ErrorMetric = Literal["error rate", "loss", "rmse"]
PartState = Literal["clear", "within noise", "negative"]


@dataclass(frozen=True)
class ErrorLevel:
    """The error on one set of samples."""

    name: LevelName
    value: float
    low: float
    """With `high`, where the error of all such samples lies with 95 % confidence."""
    high: float
    samples: int
    """0 of a floor that was given as a number."""


@dataclass(frozen=True)
class ErrorPart:
    """The difference of two levels."""

    name: str
    """``bias``, ``variance``, ``shift``, ``validation overfitting``, ``irreducible``, or several joined by `` + ``."""
    of: str
    """``validation − train``."""
    value: float
    low: float
    high: float
    state: PartState
    """Whether the interval lies above 0, holds it, or lies below."""
    advice: str
    """What makes this part smaller."""


@dataclass(frozen=True)
class DecompositionRecord:
    """Parts that add up to the error on the last set."""

    metric: ErrorMetric
    unit: str
    levels: tuple[ErrorLevel, ...]
    parts: tuple[ErrorPart, ...]
    largest: str
    """The largest part that can be lowered and is clear of noise; empty where none is."""
    sentence: str
    notes: tuple[str, ...]
    """What was not given, and what is therefore lumped together."""
