"""The main input of a batch in columns: what its values are like, and what tells its samples apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nbinspect.capture.tensors import channel_axis, readable
from nbinspect.data.scanning.embedding import pooled_values
from nbinspect.data.scanning.pictures import channels_first, made_small
from nbinspect.data.scanning.signature import column_hashes, picture_signatures, token_signatures
from nbinspect.data.scanning.summary import Look, Summary, Sums, looked_at, summarised, together
from nbinspect.data.scanning.texts import texts_of
from nbinspect.decode.choose import Decoder
from nbinspect.records import Flags, Floats, Integers
from nbinspect.subject import Subject

_AT_ONCE = 2**19
_FEATURES = 4096
_WHITE = 255
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
    sides: Floats
    """(n, 2) the lengths of a series along its axes, of which only all samples tell the one of steps; else (n, 0)."""


def describe_content(values: Any, mask: Tensor | None, form: Decoder, size: int, subject: Subject) -> Content:
    """Describe the main input of `size` samples: a tensor (n, …), a list of tensors or of strings, or None."""
    if values is None:
        return Content({}, {}, _NO_SIGNATURES, *_nothing(size), None, _sides(size, (), form))
    if form == "text":
        return _of_texts(values, mask, subject)
    return (
        _dense(values, form)
        if isinstance(values, Tensor)
        else _together([_dense(x.unsqueeze(0), form) for x in values])
    )


def _nothing(size: int) -> tuple[Flags, Floats]:
    return np.zeros(size, np.bool_), np.zeros((size, 0), np.float32)


def _together(parts: Sequence[Content]) -> Content:
    """Put consecutive samples together; features only where all have as many."""
    if len(parts) == 1:
        return parts[0]
    features = [part.features for part in parts if part.features is not None]
    alike = len(features) == len(parts) and len({len(each.missing) for each in features}) == 1
    signed = all(len(part.signatures) for part in parts)
    width = min((part.embedding.shape[1] for part in parts if part.embedding.shape[1]), default=0)
    return Content(
        {name: np.concatenate([_numbers_in(part, name) for part in parts]) for name in _names_in(parts)},
        {name: [word for part in parts for word in _each(part, name)] for name in parts[0].words},
        np.concatenate([part.signatures for part in parts]) if signed else _NO_SIGNATURES,
        np.concatenate([part.blank for part in parts]),
        np.concatenate([_embedded(part, width) for part in parts]),
        merged(features) if alike else None,
        np.concatenate([part.sides for part in parts]),
    )


def _names_in(parts: Sequence[Content]) -> dict[str, None]:
    """Return the names of the numbers of any of the parts; a sample without values has none."""
    return {name: None for part in parts for name in part.numbers}


def _numbers_in(part: Content, name: str) -> Floats:
    return part.numbers.get(name, np.full(len(part.blank), np.nan))


def _embedded(part: Content, width: int) -> Floats:
    """Return the embedding in so many numbers; NaN of a sample without values."""
    nothing = np.full((len(part.blank), width), np.nan, np.float32)
    return part.embedding[:, :width] if part.embedding.shape[1] else nothing


def _each(part: Content, name: str) -> Sequence[str]:
    words = part.words[name]
    return list(words) * len(part.blank) if len(words) == 1 else words


def merged(parts: Sequence[Features]) -> Features:
    """Put what is known of the same features of several batches together; hashes are of hashes, where all have some."""
    if len(parts) == 1:
        return parts[0]
    sums = together([part.sums for part in parts])
    missing = np.sum([part.missing for part in parts], axis=0)
    hashed = len({len(part.hashes) for part in parts}) == 1  # a batch of one value a channel looks like a table
    hashes = column_hashes(np.stack([part.hashes for part in parts])) if hashed else np.zeros(0, np.int64)
    return Features(sums, missing, sum(part.total for part in parts), hashes)


def _dense(values: Tensor, form: Decoder) -> Content:
    """Describe samples (n, …) of one shape."""
    words = _kind_words(values)
    read, _ = readable(values)
    if read is None or not read.numel():
        return Content({}, words, _NO_SIGNATURES, *_nothing(len(values)), None, _sides(len(values), (), form))
    rows = _channels(read.cpu(), form)
    shape = tuple(channels_first(read).shape[1:]) if form == "image" and read.dim() > 2 else None
    step = max(1, _AT_ONCE * len(rows) // rows.numel())  # what fits in the cache is read but once
    looks, parts = zip(*(_looks(part, shape) for part in torch.split(rows, step)), strict=True)
    summary = summarised(rows, [look for look in looks if look is not None])
    own = summary.sums.along(1)
    numbers = _numbers(summary, own, form)
    signatures = _NO_SIGNATURES
    if shape is not None:
        white = _WHITE if values.dtype is torch.uint8 else 1  # never by what the values are, which splits do not share
        numbers |= {
            name: np.concatenate([getattr(part, name) for part in parts]) / white for name in ("brightness", "contrast")
        }
        signatures = picture_signatures(np.concatenate([part.grey for part in parts]))
    embedding = np.concatenate([part if shape is None else part.embedding for part in parts])
    still = own.low >= own.high if rows[0].numel() > 1 else own.low > own.high  # one number alone says something
    blank = still & (summary.broken == summary.missing)
    sides = _sides(len(values), tuple(values.shape[1:]), form)
    return Content(numbers, words, signatures, blank, embedding, _features(summary, rows), sides)


def _looks(rows: Tensor, shape: tuple[int, ...] | None) -> tuple[Look | None, Any]:
    """Return what is seen of some samples (n, C, S), and their embedding; of pictures of a shape, those made small."""
    plain = rows if rows.is_floating_point() and rows.element_size() > 2 else rows.float()
    look = looked_at(plain) if rows.shape[2] > 1 else None
    if shape is None:
        return look, pooled_values(plain.float())
    if look is None or not np.isfinite(look.total).all():
        plain = plain.nan_to_num(0.0, 0.0, 0.0)
    return look, made_small(plain.float().reshape(-1, *shape))


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


def _sides(size: int, shape: tuple[int, ...], form: Decoder) -> Floats:
    """Return (n, 2) the lengths of series of this shape, 1 before that of a plain row; NaN of those without values."""
    if form not in ("series", "audio"):
        return np.zeros((size, 0))
    own = (shape if len(shape) == 2 else (1, math.prod(shape))) if shape else (np.nan, np.nan)
    return np.tile(np.array(own, np.float64), (size, 1))


def _numbers(summary: Summary, own: Sums, form: Decoder) -> dict[str, Floats]:
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
    return numbers


def _features(summary: Summary, values: Tensor) -> Features | None:
    n, count, size = values.shape
    if not 0 < count <= _FEATURES:
        return None
    table = size == 1 and count > 1
    hashes = column_hashes(values[:, :, 0].double().numpy()) if table else np.zeros(0, np.int64)
    return Features(summary.sums.along(0), summary.absent, n * size, hashes)


def _of_texts(values: Any, mask: Tensor | None, subject: Subject) -> Content:
    """Describe texts as ids or strings; one is blank that says nothing, or the same id from end to end."""
    texts = texts_of(values, mask, subject)
    blank = texts.lengths == 0
    if isinstance(values, Tensor):
        words = _kind_words(values)
        blank |= (texts.ids == texts.ids[:, :1]).all(1) & (texts.ids.shape[1] > 1)
    else:
        each = [_kind_words(part.unsqueeze(0)) for part in values if isinstance(part, Tensor)]
        words = {name: [own[name][0] for own in each] for name in ("shape", "dtype")} if each else {"dtype": ["str"]}
    signatures = token_signatures(texts.ids, texts.counts)
    numbers = {"length": texts.lengths}
    sides = _sides(len(blank), (), "text")
    return Content(numbers, words | {"text": texts.shown}, signatures, blank, texts.embedding, None, sides)


def _kind_words(values: Tensor) -> dict[str, Sequence[str]]:
    return {"shape": [_shape(values)], "dtype": [str(values.dtype).removeprefix("torch.")]}


def _shape(values: Tensor) -> str:
    return "×".join(map(str, values.shape[1:])) if values.dim() > 1 else "1"
