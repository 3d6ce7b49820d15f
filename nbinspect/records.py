"""Plain frozen records that pass between the layers: NumPy at most, no torch, no widgets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]
Integers: TypeAlias = NDArray[np.integer[Any]]
Bytes: TypeAlias = NDArray[np.uint8]
Flags: TypeAlias = NDArray[np.bool_]

Role = Literal["input", "target", "output"]


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


# What decoders make of a tensor: something that a person can look at.


@dataclass(frozen=True)
class Normalisation:
    """``shown = fed * std + mean``, per channel, gives values in [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    source: str
    """In words: ``argument``, ``Normalize found on the data set's transform``, ``estimated: ImageNet constants``."""


@dataclass(frozen=True)
class Pictures:
    """N pictures of C channels, 8 bits a value: ``value = low + byte * (high - low) / 255`` per channel."""

    name: str
    kind: Literal["image", "values"]
    """`image`: grey (C = 1), RGB (3), RGBA (4) or many channels; `values`: a value map with a facet a channel."""
    planes: Bytes
    """(N, C, h, w), reduced on the device where the original is larger."""
    low: Floats
    """(C,) float32; so is `high`."""
    high: Floats
    exact: Floats | None
    """(N, C, h, w) float32: the very values, where they are few enough to send and not reduced; else None."""
    marks: Bytes | None
    """(N, h, w): 0 finite, 1 NaN, 2 +Inf, 3 −Inf in any channel; None where all is finite."""
    size: tuple[int, int]
    """(H, W) of the original; of the largest in a ragged list."""
    sizes: Integers | None
    """(N, 2) H and W of each original in a ragged list (pictures are padded at the right and bottom), else None."""
    channels: tuple[str, ...]
    """Names of the C channels that are shown."""
    total_channels: int
    normalisation: Normalisation | None
    """None where the values need none; then `normalisation_note` says why: ``values already lie in 0…1``."""
    normalisation_note: str
    clipped: float
    """Share of the values outside [low, high], shown as the nearest end."""
    decoder: Literal["image", "values"] = "image"


@dataclass(frozen=True)
class Tokens:
    """N sequences of T tokens (the first 512 at most)."""

    name: str
    ids: Integers
    """(N, T) int32."""
    pieces: tuple[str, ...]
    """The distinct tokens of the batch as text; ids as text where no tokenizer or vocabulary is known."""
    index: Integers
    """(N, T) int32 into `pieces`."""
    special: Flags
    """(N, T) special tokens (CLS, SEP, PAD, BOS …)."""
    attended: Flags | None
    """(N, T) the attention mask of the same batch, None where there is none."""
    length: int
    """T of the original."""
    source: str
    """Where the text comes from: ``tokenizer BertTokenizer``, ``vocabulary``, ``ids (no tokenizer given)``."""
    decoder: Literal["text"] = "text"


@dataclass(frozen=True)
class Table:
    """N rows of F features (the first 256 at most)."""

    name: str
    values: Floats
    """(N, F) float32."""
    features: tuple[str, ...]
    total_features: int
    decoder: Literal["table"] = "table"


@dataclass(frozen=True)
class Series:
    """N series of C channels, as the least and greatest value in each of P stretches of equal length."""

    name: str
    low: Floats
    """(N, C, P) float32; so is `high`. Equal where no reduction was needed. NaN where a stretch has no finite value."""
    high: Floats
    channels: tuple[str, ...]
    total_channels: int
    length: int
    """T, the number of steps of the original."""
    sample_rate: float | None
    """In Hz, of audio; None for other series."""
    decoder: Literal["series", "audio"] = "series"


Decoded: TypeAlias = Pictures | Tokens | Table | Series


@dataclass(frozen=True)
class Labels:
    """What a target or a prediction says of each sample, in words."""

    name: str
    kind: Literal["class", "soft", "multilabel", "regression", "tokens", "mask", "boxes", "picture", "other"]
    text: tuple[str, ...]
    """(N) short text of each: ``cat``, ``cat 0.83``, ``cat, dog``, ``3.14``, ``12 (outside the 10 class names)``."""
    values: Floats
    """(N,) float64 to sort by: class index, number, count of labels; NaN where it has no order."""
    classes: tuple[str, ...]
    """The distinct texts to filter by, the first 200; empty where filtering by label makes no sense."""


@dataclass(frozen=True)
class Masks:
    """Segmentation masks, reduced like the pictures that they lie over (nearest neighbour)."""

    classes: Bytes
    """(N, h, w) class index; 255 is ignored or absent."""
    names: tuple[str, ...]


@dataclass(frozen=True)
class Boxes:
    """Boxes over pictures: row k belongs to sample `sample[k]`."""

    sample: Integers
    """(K,) int32."""
    corners: Floats
    """(K, 4) float32: left, top, right, bottom as shares of the width and height of the original picture."""
    text: tuple[str, ...]


@dataclass(frozen=True)
class DecodedBatch:
    """All that a view, a figure or a static page shows of a batch."""

    batch: BatchRecord
    inputs: tuple[Decoded, ...]
    """What could be decoded, the main one first; tensors that could not are in `batch.tensors` alone."""
    targets: tuple[Decoded, ...]
    """Targets that are themselves pictures, tokens or series (autoencoders, translation)."""
    labels: Labels | None
    masks: Masks | None
    boxes: Boxes | None
    predictions: Labels | None
    """None until asked for."""
    correct: Integers | None
    """(N,) int8: 1 prediction equals label, 0 it does not, -1 cannot be said; None where there is no prediction."""
    losses: Floats | None
    """(N,) float64 loss of each sample alone; None until asked for, or where the loss gives none per sample."""
    notes: tuple[str, ...] = ()
    """What could not be decoded, and why, a sentence each."""


# A forward pass, step by step.


@dataclass(frozen=True)
class Place:
    """A line of the user's code."""

    file: str
    line: int
    function: str
    """As Python qualifies it: ``Net.forward``."""
    first: int
    """The line on which that function begins; with `file` it finds the `SourceCode`."""


@dataclass(frozen=True)
class SourceCode:
    """A function of the user's, as text."""

    file: str
    function: str
    first: int
    lines: tuple[str, ...]


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


@dataclass(frozen=True)
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
    """``a view of step 3``, ``leaves the graph: 0.53``, ``the same tensor as step 3``."""


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


# Sanity checks.

Status = Literal["pass", "warn", "fail", "inconclusive", "skip", "waived", "error"]
Stage = Literal["data", "wiring", "init", "backward", "training"]


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
    confirmed: bool = False
    """Whether the remedy was tried on a copy and helped; `measurements` has both numbers."""
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


# Reference.


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


# The dynamics of a run: what was seen of it while it trained.


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
