"""What a network gets wrong on a data set: classes mixed up, slices of large error, doubtful labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nbinspect.records.arrays import Floats, Integers


@dataclass(frozen=True, eq=False)
class Confusion:
    """How often samples of one class are taken for another."""

    words: tuple[str, ...]
    """The K classes, from data and so hostile; beyond the limit the last stands for all other classes."""
    counts: Integers
    """(K, K) samples: row is the label, column the prediction."""
    right: int
    """Samples whose prediction is their label, of all classes."""
    known: int
    """Samples that have a label and a prediction."""
    missing: int
    """Samples that lack a label or a prediction; they are not in `counts`."""
    others: int
    """How many classes are told under the last of `words`; 0 where each has a row of its own."""
    pairs: tuple[ConfusedPair, ...]
    """The most frequent confusions of all classes, 50 at most."""
    sentence: str

    @property
    def recall(self) -> Floats:
        """(K,) the share of each class that is told right; NaN where it has no sample, and of other classes."""
        return self._share(1)

    @property
    def precision(self) -> Floats:
        """(K,) the share of what is taken for each class that is of it; NaN where nothing is."""
        return self._share(0)

    def _share(self, axis: int) -> Floats:
        total = self.counts.sum(axis).astype(np.float64)
        found: Floats = np.full(len(total), np.nan)
        np.divide(self.counts.diagonal(), total, out=found, where=total > 0)
        if self.others:
            found[-1] = np.nan
        return found


@dataclass(frozen=True)
class ConfusedPair:
    """Samples of one class that are taken for another."""

    label: str
    prediction: str
    count: int
    share: float
    """Of the samples with that label."""
    query: str
    """The query that shows exactly these samples."""


@dataclass(frozen=True)
class Slice:
    """Samples with something in common on which the error is larger than on the rest."""

    text: str
    """``label cat, brightness below 0.2``"""
    query: str
    """The query that selects exactly these samples."""
    count: int
    error: float
    low: float
    """Of the 95 % interval of `error` (Wilson for a rate, t for a mean), as `high`."""
    high: float
    rest: float
    """The error on all other samples."""
    p: float
    """The chance of so much error by luck alone, corrected for all slices that were tried (Bonferroni)."""
    share: float
    """The share of all error that falls on these samples."""


@dataclass(frozen=True)
class Slices:
    """Where a network's error is larger than luck explains."""

    measure: str
    """What `error` is: ``error rate``, ``mean absolute error``, ``mean loss``."""
    error: float
    """Over all samples that were judged."""
    samples: int
    slices: tuple[Slice, ...]
    """The largest error first; empty where no slice stands out."""
    tried: int
    least: int
    """Samples that a slice must have to be tried."""
    sentence: str


@dataclass(frozen=True, eq=False)
class LabelIssues:
    """Labels that models which had not seen them find unlikely: candidates to look at, no verdicts."""

    rows: Integers
    """(M,) the candidates, the least likely label first."""
    given: tuple[str, ...]
    """(M,) the label of each, from data and so hostile."""
    suggested: tuple[str, ...]
    """(M,) the label that the models prefer."""
    quality: Floats
    """(M,) the probability that the models give the label, 0…1."""
    judged: int
    """Samples whose labels were looked at."""
    accuracy: float
    """Of the models, on samples that they had not seen, against the labels as they are."""
    of: str
    """What the models were fitted on, in words."""
    method: str
    """``cleanlab 2.9.0, confident learning``, or ``confident learning``."""
    sentence: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class OutputHistogram:
    """Outputs against targets, over all samples."""

    kind: Literal["number", "class"]
    name: str
    """Of the target: ``label``, ``label_0``."""
    words: tuple[str, ...]
    """(B,) the classes, the most frequent 30 at most; empty of numbers."""
    edges: Floats
    """(B + 1,) of numbers, in the units of the target; (0,) of classes."""
    targets: Integers
    """(B,) samples; so is `outputs`."""
    outputs: Integers
    joint: Integers
    """(B, B) samples: row is the target's bin, column the output's; (0, 0) of classes."""
    samples: int
    unit: str
    sentence: str
    advice: tuple[str, ...]
    """A sentence each; empty where there is nothing to do."""


@dataclass(frozen=True)
class ErrorInUnits:
    """How far predictions of numbers are off, in the units of the problem."""

    name: str
    rmse: float
    mae: float
    bias: float
    """The mean of prediction − target."""
    spread: float
    """Standard deviation of the targets: the error of a constant that predicts their mean."""
    samples: int
    unit: str
    sentence: str
