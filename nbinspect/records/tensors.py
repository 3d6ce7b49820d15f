"""Batches and their tensors: facts, statistics, findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from nbinspect.records.arrays import Floats, Integers, Role


@dataclass(frozen=True)
class TensorFacts:
    """What a tensor is, without its values."""

    name: str
    """As the user would write it: ``x``, ``input_ids``, ``x['image'][0]``."""
    role: Role
    shape: tuple[int | None, ...]
    """``None`` stands for an axis whose length differs between the samples of a ragged list."""
    dtype: str
    """PyTorch's name without the prefix: ``float32``."""
    device: str
    layout: str
    """``contiguous``, ``channels_last``, ``strided (1, 8)``, ``sparse_coo``, ``quantised``, ``meta`` or ``ragged``."""
    strides: tuple[int, ...]
    """In elements; empty where the layout has none."""
    requires_grad: bool


@dataclass(frozen=True)
class Statistics:
    """Exact statistics of a tensor, one row a channel or feature (C rows); of one row where there is neither."""

    axis: Literal["channel", "feature", "all"]
    names: tuple[str, ...]
    count: Integers
    """(C,) all values, finite or not."""
    min: Floats
    """(C,) float64, over the finite values; NaN where there are none. Likewise `mean`, `std` (population) and `max`."""
    mean: Floats
    std: Floats
    max: Floats
    zeros: Integers
    """(C,) counts, as are `nan`, `posinf` and `neginf`."""
    nan: Integers
    posinf: Integers
    neginf: Integers


@dataclass(frozen=True)
class SampleStatistics:
    """Statistics of each of the N samples of a tensor, over finite values; float64, NaN where a sample has none."""

    min: Floats
    mean: Floats
    std: Floats
    max: Floats
    zeros: Integers
    nonfinite: Integers


@dataclass(frozen=True)
class Histogram:
    """Counts of finite values, a row a channel or feature as in `Statistics` (the first 16 rows at most)."""

    counts: Integers
    """(C, B)"""
    edges: Floats
    """(C, B + 1)"""
    sampled: float
    """Share of the values that were counted: 1.0 is all, less is an evenly spaced subsample."""


@dataclass(frozen=True)
class Finding:
    """One suspicious (``warn``) or reassuring (``ok``) fact about a tensor or a batch."""

    level: Literal["ok", "warn"]
    kind: str
    """``unscaled``, ``constant``, ``nan``, ``inf``, ``one-label``, ``duplicates``, ``outside-classes``, …"""
    text: str
    """One short sentence for a person, with the number: ``not normalised: std 6.0``."""
    row: int | None = None
    """The row of `Statistics` that it speaks of; None for the whole tensor."""
    samples: tuple[int, ...] = ()
    """Positions in the batch that it speaks of, the first 64 at most."""


@dataclass(frozen=True)
class TensorRecord:
    """One tensor that entered the network, or its target."""

    facts: TensorFacts
    statistics: Statistics | None
    """None where values cannot be read (meta tensors), and then `note` says why. So are `samples` and `histogram`."""
    samples: SampleStatistics | None
    """None also where the first axis is not the batch."""
    histogram: Histogram | None
    findings: tuple[Finding, ...]
    preview: NDArray[Any]
    """The first values, 64 at most, in the tensor's own type where NumPy has it."""
    note: str = ""


@dataclass(frozen=True)
class Origin:
    """Where a batch was captured, in words that the view can show."""

    module: str
    """Class, and path of a submodule, at whose door the batch was caught: ``Net`` or ``Wrapper.encoder``."""
    split: Literal["train", "validation"]
    how: Literal["probe", "training", "given"]
    """`probe`: nbinspect asked for the batch; `training`: the user's own call did; `given`: the user passed it."""
    step: int | None
    """Forward passes of the model seen since the view was attached; None for a probe."""
    notes: tuple[str, ...] = ()
    """What differs from a training step or could not be done, a sentence each."""


@dataclass(frozen=True)
class BatchRecord:
    """The exact batch that entered the network: tensors as they were at the door of the model's own forward."""

    size: int
    """Number of samples, N."""
    tensors: tuple[TensorRecord, ...]
    """Inputs in the order of the call, then targets."""
    training: bool
    """Whether the module was in train mode."""
    autocast: str | None
    """The dtype of autocast where it was on, such as ``bfloat16``."""
    grad_enabled: bool
    origin: Origin
    indices: tuple[int, ...] | None = None
    """Index of each sample in the data set, where the loader tells."""
    error: str | None = None
    """What the forward pass raised, with its ``file:line``; the batch is still whole."""
    findings: tuple[Finding, ...] = ()
    """About the batch as a whole."""
