"""What decoders make of a tensor: something that a person can look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from nbinspect.records.arrays import Bytes, Flags, Floats, Integers
from nbinspect.records.tensors import BatchRecord


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
