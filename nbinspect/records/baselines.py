"""How far simple models come with the data, and what more data would bring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nbinspect.records.arrays import Floats, Integers


@dataclass(frozen=True)
class BaselineScore:
    """One row of the table: a model, and how well it predicts samples that it was not fitted on."""

    name: str
    value: float
    """Share of right answers, R² of numbers, or the mean absolute error of series; NaN where it could not be fitted."""
    low: float
    """With `high`, where the value lies with 95 % confidence."""
    high: float
    error: float
    """Mean absolute error in the unit of the targets; NaN of classes."""
    note: str = ""
    """What is to be known of this row."""


@dataclass(frozen=True)
class BaselineRecord:
    """Simple models beside the network, all on the same samples."""

    task: Literal["classes", "numbers", "series"]
    metric: Literal["accuracy", "R²", "mean absolute error"]
    unit: str
    """Of the targets; empty where it is not known, and of classes."""
    scores: tuple[BaselineScore, ...]
    """The constant first (series: the last value), then the models, and the network last where it was given."""
    verdict: Literal[
        "learnable",
        "nothing to learn",
        "network below constant",
        "network below simple",
        "network level",
        "network above",
        "cannot be told",
    ]
    sentence: str
    """That in words, with its figures and what to do."""
    samples: int
    """That were judged."""
    features: int
    classes: int
    """0 of numbers."""
    folds: int
    notes: tuple[str, ...]
    """What a reader should know: what was left out, drawn at random or filled in."""
    seconds: float


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """Scores of one model fitted on more and more of the data, and what twice the data would bring."""

    model: str
    metric: Literal["accuracy", "R²"]
    sizes: Integers
    """(K,) samples that it was fitted on, ascending."""
    scores: Floats
    """(K,) float64, on samples that it was not fitted on; so are `low` and `high`, with 95 % confidence."""
    low: Floats
    high: Floats
    samples: int
    """Samples that there are, which the gain speaks of doubling."""
    gain: float
    """Of the score by doubling them; NaN where it cannot be told."""
    gain_low: float
    """With `gain_high`, where the gain lies with 95 % confidence."""
    gain_high: float
    answer: Literal["helps", "does not help", "cannot be told"]
    sentence: str
    notes: tuple[str, ...]
    seconds: float
