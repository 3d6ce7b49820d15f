"""Sanity checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nbinspect.records.arrays import Floats
from nbinspect.records.places import Place

Status = Literal["pass", "warn", "fail", "inconclusive", "skip", "waived", "error"]
Stage = Literal["data", "wiring", "init", "backward", "training"]
Hindrance = Literal["", "time", "cancelled", "raised", "trained"]
"""What kept a check from an answer: no time, a cancel, the user's program raised, it is trained; empty otherwise."""


@dataclass(frozen=True)
class Measurement:
    """What a check measured, beside what it expected."""

    quantity: str
    """``lowest loss these outputs allow``"""
    measured: str
    """As a person reads it, with its unit: ``1.461 nats``."""
    expected: str
    """``0.000 nats``, ``below 0.7``; where a threshold decides, its value."""


@dataclass(frozen=True)
class Chart:
    """A picture of what a check measured, as numbers."""

    kind: Literal["lines", "bars", "histogram", "matrix"]
    title: str
    x: str
    """What the axis is, with its unit; so is `y`. Of a matrix, what columns and rows are."""
    y: str
    names: tuple[str, ...]
    """One a line; one a bar; one a row of a matrix; of histograms one each."""
    values: tuple[Floats, ...]
    """Lines: (K,) a line. Bars: one array (n,). Histogram: (B,) counts each. Matrix: (n,) a row."""
    at: Floats
    """(K,) where the lines' values lie; (B + 1,) edges of a histogram; empty otherwise."""
    expected: tuple[float | None, float | None] = (None, None)
    """The band in which values of lines and bars are expected, or the range that a histogram should fill."""
    log: bool = False


@dataclass(frozen=True)
class CheckResult:
    """What one check found."""

    check: str
    stage: str
    status: Status
    summary: str
    """A few words beside its name: ``probabilities into cross-entropy``, ``needs val_loader``, ``all 12 reached``."""
    title: str = ""
    """Of a finding, its name as a headline: ``Softmax before cross-entropy``."""
    detail: str = ""
    """Of a finding, what is wrong and what it does, in one or two sentences; of an error, its cause."""
    measurements: tuple[Measurement, ...] = ()
    where: str = ""
    """Parameter, module path or operation: ``fc2``, ``conv1.weight``, ``F.softmax``."""
    place: Place | None = None
    """The line of the user's code, where there is one."""
    remedy: str = ""
    """One sentence with the value to use."""
    code: str = ""
    """The remedy as code to copy; lines that begin with ``- `` go, lines that begin with ``+ `` come."""
    charts: tuple[Chart, ...] = ()
    hindrance: Hindrance = ""
    confirmed: bool = False
    """Whether the remedy was tried on a copy and helped; `measurements` has both numbers."""
    is_apart: bool = False
    """Whether nothing else follows from it, as from a misfit that only a number of the evaluation has."""
    explained_by: str = ""
    """The check whose finding is the cause of this one; empty for causes."""
    explains: tuple[str, ...] = ()
    """The checks of this run whose findings follow from this one."""
    sources: tuple[str, ...] = ()
    """Ids of the advice that it serves: ``K-loss-at-init``."""
    passes: float = 0.0
    """Forward and backward passes that it ran itself, in batches; shared ones count where they were first needed."""
    steps: int = 0
    """Training steps on copies that it ran itself; shared ones count where they were first needed."""
    seconds: float = 0.0


@dataclass(frozen=True)
class CheckFacts:
    """What a check is, apart from what it found."""

    name: str
    stage: str
    question: str
    why: str
    remedy: str
    silent: str
    """On what it stays silent, and why."""
    cost: float
    """Forward and backward passes beyond the shared ones, in batches, at most."""
    needs: tuple[str, ...]
    """What has to be there, in a few words each: ``val_loader``, ``a loss that has a gradient``."""
    thresholds: tuple[tuple[str, str], ...]
    """Name and default of each."""
    explains: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class TaskRecord:
    """What kind of task the program solves, and how that was told."""

    kind: Literal["classification", "binary", "multilabel", "regression", "segmentation", "language-model", "other"]
    given: bool
    """Whether the user said so; else it was inferred."""
    why: str
    """From what it was inferred, and what could not be told, in a sentence."""
    loss: str
    """The loss as PyTorch names it, ``F.cross_entropy``; empty where none was recognised."""
    classes: int | None
    """Number of classes C, or of labels of a multilabel task; None for other tasks."""


@dataclass(frozen=True)
class Progress:
    """How far a run of checks has come."""

    done: int
    total: int
    check: str
    """The check that is running now; empty at the end."""
    seconds: float
    """Since the run began."""
    left: float | None
    """Estimated seconds that are left; None while nothing is known."""
    results: tuple[CheckResult, ...]
    """Those that have come in since the last call."""
    steps: int = 0
    """Training steps on copies that `check` has taken so far."""


@dataclass(frozen=True)
class SanityRecord:
    """A run of checks."""

    model: str
    """Its class."""
    results: tuple[CheckResult, ...]
    """In the order of the catalogue."""
    diagnosis: tuple[str, ...]
    """Names of the checks that failed or warned, causes before symptoms: the first is the thing to mend."""
    task: TaskRecord | None
    """None where it could not be asked (no batch)."""
    device: str
    memory: tuple[int, int] | None
    """Greatest memory of an accelerator in use during the run, and all it has, in bytes; None on the CPU."""
    seed: int
    seconds: float
    passes: float
    """Forward and backward passes, in batches; those of training steps are not among them."""
    cut: str
    """Why the run ended early: ``time budget of 120 s``, ``cancelled``; empty for a whole run."""
    notes: tuple[str, ...]
    """What a reader should know of the run, a sentence each."""
    versions: tuple[tuple[str, str], ...]
    """Package and version: nbinspect, torch, Python."""
    steps: int = 0
    """Training steps on copies."""
    plain: bool = False
    """Whether augmentation and regularisation were off; `notes` say what was found to switch off."""
