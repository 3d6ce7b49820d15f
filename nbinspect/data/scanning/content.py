"""The main input of a batch in columns: what its values are like, and what tells its samples apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from nbinspect.capture.tensors import channel_axis, readable
from nbinspect.data.scanning.embedding import pooled_values
from nbinspect.data.scanning.pictures import channels_first, made_small
from nbinspect.data.scanning.signature import column_hashes, picture_signatures, token_signatures
from nbinspect.data.scanning.summary import Summary, Sums, summarise, together
from nbinspect.data.scanning.texts import texts_of
from nbinspect.decode.choose import Decoder
from nbinspect.records import Flags, Floats, Integers
from nbinspect.subject import Subject

_AT_ONCE = 2**19
_FEATURES = 4096
_DARK = 100
"""Pictures of 0…255 are hardly ever so dark that none has more; those of other ranges end anywhere."""
_NO_SIGNATURES: NDArray[np.uint64] = np.zeros(0, np.uint64)


@dataclass(frozen=True, eq=False)
class Features:
    """What a batch tells of each of C features, or channels."""

    sums: Sums
    """(C,)"""
    missing: Floats
    """(C,) how many NaN."""
    total: int
    """Values of each."""
    hashes: Integers
    """(C,) of the batch's values, in a table; else (0,)."""


@dataclass(frozen=True, eq=False)
class Content:
    """What is known of the main input of n samples."""

    numbers: dict[str, Floats]
    """(n,) each, by the names of columns."""
    words: dict[str, Sequence[str]]
    """n each, or one for all."""
    signatures: NDArray[np.uint64]
    """(n,), or (0,) where there are none."""
    blank: Flags
    embedding: Floats
    """(n, K)"""
    features: Features | None


def describe_content(values: Any, mask: Tensor | None, form: Decoder, size: int, subject: Subject) -> Content:
    """Describe the main input of `size` samples: a tensor (n, …), a list of tensors or of strings, or None."""
    if values is None:
        return Content({}, {}, _NO_SIGNATURES, np.zeros(size, np.bool_), np.zeros((size, 0), np.float32), None)
    if isinstance(values, Tensor):
        step = max(1, _AT_ONCE * size // max(1, values.numel()))  # what fits in the cache is read but once
        parts = [_dense(values[start : start + step], form) for start in range(0, size, step)]
    elif isinstance(values[0], str | bytes):
        content = Content({}, {"dtype": ["str"]}, _NO_SIGNATURES, *_nothing(size), None)
        return _with_texts(content, values, None, subject)
    else:
        parts = [_dense(each.unsqueeze(0), form) for each in values]
    content = _together(parts)
    return _with_texts(content, values, mask, subject) if form == "text" else content


def _nothing(size: int) -> tuple[Flags, Floats]:
    return np.zeros(size, np.bool_), np.zeros((size, 0), np.float32)


def _together(parts: Sequence[Content]) -> Content:
    """Put consecutive samples together; features only where all have as many."""
    if len(parts) == 1:
        return parts[0]
    features = [part.features for part in parts if part.features is not None]
    alike = len(features) == len(parts) and len({len(each.missing) for each in features}) == 1
    widths = {part.embedding.shape[1] for part in parts}
    return Content(
        {name: np.concatenate([part.numbers[name] for part in parts]) for name in parts[0].numbers},
        {name: [word for part in parts for word in _each(part, name)] for name in parts[0].words},
        np.concatenate([part.signatures for part in parts]),
        np.concatenate([part.blank for part in parts]),
        np.concatenate([part.embedding[:, : min(widths)] for part in parts]),
        merged(features) if alike else None,
    )


def _each(part: Content, name: str) -> Sequence[str]:
    words = part.words[name]
    return list(words) * len(part.blank) if len(words) == 1 else words


def merged(parts: Sequence[Features]) -> Features:
    """Put what is known of the same features of several batches together; hashes are those of the hashes."""
    if len(parts) == 1:
        return parts[0]
    sums = together([part.sums for part in parts])
    missing = np.sum([part.missing for part in parts], axis=0)
    return Features(
        sums, missing, sum(part.total for part in parts), column_hashes(np.stack([p.hashes for p in parts]))
    )


def _dense(values: Tensor, form: Decoder) -> Content:
    """Describe samples (n, …) of one shape."""
    words: dict[str, Sequence[str]] = {"shape": [_shape(values)], "dtype": [str(values.dtype).removeprefix("torch.")]}
    read, _ = readable(values)
    if read is None or not len(read):
        return Content({}, words, _NO_SIGNATURES, *_nothing(len(values)), None)
    rows = _channels(read.cpu(), form)
    plain = rows.double() if rows.shape[2] == 1 else rows if rows.is_floating_point() else rows.float()
    plain = plain if plain.element_size() > 2 else plain.float()
    summary = summarise(plain)
    numbers = _numbers(summary, form, plain)
    own = summary.sums.along(1)
    blank = (own.low >= own.high) & (summary.broken == summary.missing)
    signatures, embedding = _NO_SIGNATURES, None
    if form == "image" and read.dim() > 2:
        pictures = channels_first(read)
        small = made_small(plain.float().reshape(pictures.shape), summary)
        numbers |= {"brightness": small.brightness, "contrast": small.contrast}
        signatures, embedding = picture_signatures(small.grey), small.embedding
    if embedding is None:
        embedding = pooled_values(plain.float())
    return Content(numbers, words, signatures, blank, embedding, _features(summary, plain))


def _channels(values: Tensor, form: Decoder) -> Tensor:
    """Return values (n, …) as (n, C, S)."""
    if form == "image" and values.dim() > 2:
        return channels_first(values).flatten(2)
    if values.dim() < 2:
        return values.reshape(-1, 1, 1)
    if values.dim() == 2:
        return values.unsqueeze(2) if form == "table" else values.unsqueeze(1)
    axis = channel_axis(tuple(values.shape), floating=values.is_floating_point())
    return values.flatten(1).unsqueeze(1) if axis is None else values.movedim(axis, 1).flatten(2)


def _numbers(summary: Summary, form: Decoder, values: Tensor) -> dict[str, Floats]:
    own = summary.sums.along(1)
    numbers = {
        "min": own.shown(own.low),
        "mean": own.shown(own.mean),
        "std": own.std,
        "max": own.shown(own.high),
        "zeros": summary.zeros,
        "nonfinite": summary.broken,
    }
    if form == "table":
        numbers["missing"] = summary.missing
    elif form in ("series", "audio"):
        numbers["length"] = np.full(len(values), float(values.shape[2]))
    return numbers


def _features(summary: Summary, values: Tensor) -> Features | None:
    n, count, size = values.shape
    if not 0 < count <= _FEATURES:
        return None
    table = size == 1 and count > 1
    hashes = column_hashes(values[:, :, 0].numpy()) if table else np.zeros(0, np.int64)
    return Features(summary.sums.along(0), summary.absent, n * size, hashes)


def _with_texts(content: Content, values: Any, mask: Tensor | None, subject: Subject) -> Content:
    """Add what is known of texts; a text is blank that says nothing."""
    texts = texts_of(values, mask, subject)
    return Content(
        content.numbers | {"length": texts.lengths},
        content.words | {"text": texts.shown},
        token_signatures(texts.ids, texts.counts),
        (texts.lengths == 0) | content.blank,
        texts.embedding,
        None,
    )


def _shape(values: Tensor) -> str:
    return "×".join(map(str, values.shape[1:])) if values.dim() > 1 else "1"


def range_of(low: float, high: float, dtypes: Sequence[str]) -> tuple[float, float]:
    """Return which values are black and white in pictures of these types, whose values lie between low and high."""
    if set(dtypes) == {"uint8"}:
        return 0.0, 255.0
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    if low >= 0 and _DARK < high <= 255:
        return 0.0, 255.0
    return (low, high) if math.isfinite(high - low) and high > low else (0.0, 1.0)
