"""A model and data set swapped for ones that are known to work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nbinspect.records.arrays import Floats, Integers


@dataclass(frozen=True)
class SwapRun:
    """One short training of a swap: a copy of one of two models on one of two data sets."""

    model: Literal["yours", "reference"]
    data: Literal["yours", "reference"]
    optimizer: str
    """``SGD, rate 0.1 (yours)``, ``Adam, rate 0.001``."""
    steps: Integers
    """(K,) optimizer steps that had been made at each look."""
    losses: Floats
    """(K,) mean loss on samples held out of the training, float64."""
    gain: float
    """How far it came from the constant prediction (0) to perfect answers (1), at its best look."""
    margin: float
    """Three standard errors of `gain`."""
    answer: Literal["learns", "fails", "unclear"]
    error: str = ""
    """What it raised; empty where it ran."""


@dataclass(frozen=True)
class SwapRecord:
    """The user's model and data, each beside one that is known to work, and which of the two is at fault."""

    model: str
    """Its class."""
    at_fault: Literal["model", "data", "fit", "optimizer", "loss", "neither", "unknown"]
    """``fit``: each works with the other's, but not the two together; ``unknown``: it cannot be told."""
    sentence: str
    """That in a sentence."""
    runs: tuple[SwapRun, ...]
    chance: tuple[float, float]
    """Loss of the best constant prediction on the held-out samples: of the user's data, of the reference data."""
    floor: tuple[float, float]
    """Loss of perfect answers on them."""
    reference_model: str
    """What it is, in words; so is `reference_data`."""
    reference_data: str
    task: str
    seed: int
    seconds: float
    notes: tuple[str, ...]
    """What a reader should know of it, a sentence each."""
