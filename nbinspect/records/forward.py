"""A forward pass, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nbinspect.records.arrays import Flags, Floats, Integers
from nbinspect.records.places import Place, SourceCode
from nbinspect.records.tensors import Finding


@dataclass(frozen=True)
class Moments:
    """Statistics of one activation, gradient or parameter."""

    count: int
    mean: float
    """Over the finite values, as are `std` (population), `min` and `max`; NaN where there are none."""
    std: float
    min: float
    max: float
    nan: int
    inf: int
    zero: float
    """Share of zeros; as `negative`, `saturated` and `bars` from the share of the values that `sampled` says."""
    negative: float
    saturated: float
    """Share at either end of a bounded activation (sigmoid, tanh, softmax); 0 for the others."""
    sampled: float
    """1.0 is all values, less an evenly spaced subsample."""
    bars: Integers
    """(B,) counts in bins of equal width."""
    edges: tuple[float, float]
    """The first and the last edge of `bars`."""


@dataclass(frozen=True)
class Activation:
    """A tensor that a step made."""

    name: str
    """``output``, or how to reach it: ``output['logits'][0]``."""
    shape: tuple[int, ...]
    dtype: str
    device: str
    requires_grad: bool
    moments: Moments | None
    """None where values cannot be read; then `note` says why."""
    units: int = 0
    """Channels or features; 0 where it has neither."""
    dead: int = 0
    """How many of them are zero on every sample."""
    gradient: Moments | None = None
    """Of the loss with respect to it; None until asked for, or where none flows."""
    note: str = ""


@dataclass(frozen=True)
class TensorUse:
    """A tensor that a step was given."""

    name: str
    """The argument: ``input``, ``weight``, ``args[1]``."""
    origin: str
    """What it is: ``conv1.weight``, ``batch``, ``step 4``, ``made outside the pass``."""
    step: int | None
    """The step that made it."""
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, repr=False)
class Step:
    """One call of a module, or one operation, of a forward pass."""

    index: int
    """In the order in which steps begin; a module's own steps follow it."""
    kind: Literal["module", "operation"]
    name: str
    """A module's class, or an operation in PyTorch's spelling: ``Conv2d``, ``F.relu``, ``Tensor.view``."""
    path: str
    """The module, or the one that the operation runs in: ``layer1.0.conv``; empty for the model itself."""
    call: int
    """How often this module had been called before, in this pass; 0 for operations."""
    parent: int | None
    """The module step that it runs in; None for the model itself."""
    depth: int
    place: Place | None
    """None where only PyTorch's own code called it (in an `nn.Sequential` that is itself the model)."""
    inputs: tuple[TensorUse, ...]
    outputs: tuple[Activation, ...]
    parameters: tuple[str, ...]
    """Names of the parameters that it was given or, for a module, owns itself."""
    grad_enabled: bool
    autocast: str | None
    in_place: bool
    seconds: float
    """Without the time that recording took. Of an accelerator, its own time."""
    memory: int | None
    """Bytes that it left allocated on the accelerator; None on the CPU."""
    findings: tuple[Finding, ...] = ()
    note: str = ""
    """``a view of its input``, ``its input, unchanged``, ``leaves the graph: 0.53``, ``raised``."""

    def __repr__(self) -> str:
        shapes = ", ".join(str(tuple(output.shape)) for output in self.outputs)
        where = f" in {self.path}" if self.path and self.kind == "operation" else f" {self.path}" if self.path else ""
        return f"<Step {self.index}: {self.name}{where} → {shapes or self.note or 'nothing'}>"


@dataclass(frozen=True)
class Failure:
    """Why a forward pass ended early."""

    error: str
    """Type and message."""
    step: int | None
    """The innermost step that raised; None where it was Python between two steps."""
    place: Place | None
    explanation: str
    """What the shapes or values were, in a sentence; empty where the message says it all."""


@dataclass(frozen=True)
class ParameterRecord:
    """A parameter of the model."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    requires_grad: bool
    moments: Moments | None
    gradient: Moments | None
    """None until asked for, or where none flows."""


@dataclass(frozen=True)
class ForwardRecord:
    """A forward pass: every step of it, in order, with the statistics of what it made."""

    model: str
    """Its class."""
    level: Literal["module", "operation"]
    steps: tuple[Step, ...]
    sources: tuple[SourceCode, ...]
    """The functions that the steps' places lie in."""
    inputs: tuple[Activation, ...]
    """What entered the model."""
    outputs: tuple[Activation, ...]
    """What it returned; empty where the pass failed."""
    size: int
    """Number of samples, N."""
    training: bool
    autocast: str | None
    grad_enabled: bool
    loss: float | None
    """None without a loss function or targets."""
    seconds: float
    parameters: tuple[ParameterRecord, ...] = ()
    """Filled when gradients are asked for."""
    failure: Failure | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ActivationView:
    """What a person can look at of one activation: some of its planes of values, of one sample or of the batch."""

    step: int
    """Index of the `Step` that made it; -1 for an input of the model, -2 for weights (`filters`)."""
    output: int
    """Which of the step's outputs."""
    name: str
    """``F.relu → output``, ``conv1.weight``."""
    shape: tuple[int, ...]
    dtype: str
    device: str
    kind: Literal["maps", "matrix", "attention", "vector", "number", "none"]
    """`maps`: a plane a channel; `attention`: a plane a head, rows attend to columns; `matrix`: one plane; `vector`:
    one row; `number`: one value; `none`: nothing to show, `note` says why."""
    sample: int | None
    """The sample that is shown; None where all of the batch is."""
    samples: int
    """How many samples can be chosen; 0 where the first axis is not the batch."""
    planes: Floats
    """(P, h, w) float32: this page's planes, reduced by averaging where they are larger than can be sent."""
    size: tuple[int, int]
    """(H, W) of a plane before it was reduced."""
    first: int
    """Number of the first plane of this page among the `total`."""
    total: int
    axes: tuple[str, str, str]
    """What planes, rows and columns are: ``("channel", "height", "width")``, ``("", "sample", "feature")``."""
    row_names: tuple[str, ...]
    """(h,) or empty: tokens, class names of samples."""
    column_names: tuple[str, ...]
    low: Floats
    """(P,) least finite value of each plane before it was reduced; so is `high`. NaN where there is none."""
    high: Floats
    shared: tuple[float, float]
    """Least and greatest finite value over all `total` planes of what is shown."""
    dead: Flags
    """(P,) the planes, or for a matrix of samples the columns (w,), that are zero on every sample of the batch."""
    top: Integers
    """Numbers of the planes (or columns) with the greatest mean magnitude in what is shown: at most 8, in order."""
    excited: Floats | None
    """(total, N) greatest value of each channel in each sample, for at most 256 channels and 512 samples; else None."""
    bars: Integers
    """(B,) counts of the finite values of what is shown."""
    edges: tuple[float, float]
    compared: str
    """What was subtracted: ``the previous step``, ``sample 3``, ``eval mode``; empty where nothing was."""
    note: str = ""


@dataclass(frozen=True)
class Effect:
    """What a replaced activation or an edited input changed, against the untouched run of the same pass."""

    loss: tuple[float | None, float | None]
    """Of the untouched run, and of this one."""
    greatest: float | None
    """Greatest absolute difference of the model's outputs; None before the pass has ended."""
    predictions: tuple[int, int] | None
    """How many samples have another greatest logit now, of how many; None where outputs are not (N, C)."""
    moved: tuple[tuple[int, float], ...]
    """(index of a step, change of its values relative to their norm), by subsample, for each step after the change."""
    text: str
    """In a sentence: ``loss 2.31 → 2.87, 12 of 64 predictions change``."""
