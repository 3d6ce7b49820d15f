"""The dynamics of a run: what was seen of it while it trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nbinspect.records.arrays import Floats, Integers
from nbinspect.records.decoded import DecodedBatch


@dataclass(frozen=True)
class Trace:
    """One number over the steps of a run; a point stands for one step, or for a stretch of steps that was thinned."""

    name: str
    """``loss``, ``rate``, ``gradient norm``, ``weight norm``, ``update ratio``, ``samples per second``,
    ``validation loss``, ``validation accuracy``, ``probe loss``, ``probe accuracy``, ``jitter``, or a user's own."""
    part: str
    """The layer, parameter group or optimizer that it belongs to; empty where it belongs to the run as a whole."""
    step: Integers
    """(P,) int64, ascending: the last step that each point stands for."""
    low: Floats
    """(P,) float32, over the finite values of the stretch; NaN where there are none. Likewise `mean` and `high`."""
    mean: Floats
    high: Floats
    broken: Integers
    """(P,) int32: how many values of the stretch were NaN or Inf."""


@dataclass(frozen=True)
class ProbeRecord:
    """The fixed batch whose predictions are watched: N samples, and what does not change about them."""

    split: Literal["train", "validation"]
    chosen: str
    """In words: ``first 24 of the first batch``, ``stratified by class``, ``the hardest of 8 batches``, ``given``."""
    task: str
    """As in `TaskRecord`; it decides what the arrays of a `Reading` are."""
    batch: DecodedBatch
    """The samples, decoded for the page; predictions in it are those of the first reading."""
    targets: NDArray[Any] | None
    """(N,) int64 classes; (N, C) float32 of several labels or numbers; (N, T) int64 tokens; (N, h, w) uint8 masks."""
    classes: tuple[str, ...]
    """Names of the C columns of `Reading.values`; empty where columns have none."""
    columns: Integers
    """(C,) which outputs the columns are; the class of a column, where outputs are classes."""
    train_mode: bool = False
    """Whether it is evaluated as training sees it (dropout, batch statistics), and not in eval mode."""


@dataclass(frozen=True)
class Reading:
    """What the network made of the probe batch after one step."""

    step: int
    values: NDArray[Any]
    """classification, binary, multilabel: logits (N, C) float32, log-probabilities where the network gives
    probabilities; regression: outputs (N, C) float32; language-model: the loss of each token (N, T) float32, NaN where
    none counts; segmentation: the likeliest class (N, h, w) uint8; other: (N, 0)."""
    guesses: Integers
    """The likeliest class: (N,) int32, of all classes; (N, T) of a language model; (N, 0) where there is none."""
    losses: Floats
    """(N,) float32; NaN where the loss cannot be taken a sample at a time."""
    correct: NDArray[np.int8]
    """(N,) 1 right, 0 wrong, −1 where that cannot be said."""
    confidence: Floats
    """(N,) float32, the probability of the likeliest class; NaN where there is none. Of maps and tokens the mean."""
    margin: Floats
    """(N,) float32, the target's probability less the likeliest other's, in [−1, 1]; NaN where there is none."""
    jitter: Floats
    """(N,) float32: how far the prediction strays from the straight line of its neighbours in time; 0 … 1 for
    probabilities, in standard deviations of the targets for numbers; NaN for the first two readings."""
    flips: Integers
    """(N,) int32: how often the likeliest class has changed up to here, counted at every reading that was made."""
    forgotten: Integers
    """(N,) int32: how often a right prediction has become wrong up to here."""


MomentKind = Literal[
    "alert", "spike", "broken", "rate", "pin", "pause", "back", "note", "checkpoint", "checks", "problem"
]


@dataclass(frozen=True)
class Moment:
    """Something that happened at a step: a mark on the time line."""

    step: int
    kind: MomentKind
    text: str
    """One sentence for a person."""
    since: int | None = None
    """The step from which an alert speaks."""


@dataclass(frozen=True)
class Spike:
    """A loss far above those before it, with the batch that had it."""

    step: int
    loss: float
    usual: float
    """The median of the losses before it."""
    batch: DecodedBatch | None
    """The samples with the largest loss first, 8 at most; None where the batch was no longer held."""
    losses: Floats
    """(K,) float32, the loss of each of them, measured after the step."""
    note: str = ""


@dataclass(frozen=True)
class DynamicsRecord:
    """All that is known of a run, or of a part of it; what follows with time is appended, and thinned."""

    model: str
    optimizers: tuple[str, ...]
    steps: int
    seconds: float
    """Since the first step, pauses left out."""
    overhead: float
    """Share of the run's time that watching took; NaN before the first step."""
    budget: float
    probes: tuple[ProbeRecord, ...]
    readings: tuple[tuple[Reading, ...], ...]
    """By probe, in the order of the steps."""
    traces: tuple[Trace, ...]
    moments: tuple[Moment, ...]
    spikes: tuple[Spike, ...]
    pins: tuple[int, ...]
    """Steps to which the run can go back."""
    notes: tuple[str, ...]
    """What is not seen and why, with the one line to add: a sentence each."""
