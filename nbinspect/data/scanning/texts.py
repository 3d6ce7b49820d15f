"""Texts of a batch, as token ids or as strings: how long, in which words, and of which tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from xxhash import xxh3_64_intdigest

from nbinspect.decode.names import shortened
from nbinspect.decode.text import decode_text
from nbinspect.records import Flags, Floats, Integers
from nbinspect.subject import Subject

_BINS = 64
_SHOWN = 200
_READ = 200


@dataclass(frozen=True, eq=False)
class Texts:
    """N texts of at most T tokens."""

    ids: Integers
    """(N, T) int64."""
    counts: Flags
    """(N, T) which are text, and not padding."""
    shown: tuple[str, ...]
    """The first 200 characters of each, in one line."""

    @property
    def lengths(self) -> Floats:
        """(N,) tokens that count."""
        return np.asarray(self.counts.sum(1), dtype=np.float64)

    @property
    def embedding(self) -> Floats:
        """(N, 64) float32 square roots of the shares of tokens, by a hash of their ids."""
        places = (self.ids * 0x9E3779B1 % 2**32) // (2**32 // _BINS)
        keys = (np.arange(len(self.ids))[:, None] * _BINS + places)[self.counts]
        found = np.bincount(keys, minlength=len(self.ids) * _BINS).reshape(-1, _BINS)
        return np.sqrt(found / np.maximum(self.lengths, 1)[:, None]).astype(np.float32)


def texts_of(values: Tensor | Sequence[Any], mask: Tensor | None, subject: Subject) -> Texts:
    """Return texts from ids (N, T), N sequences of ids, or N strings; `mask` (N, T) tells which tokens count."""
    if not isinstance(values, Tensor) and all(isinstance(each, str | bytes) for each in values):
        return _of_strings([each if isinstance(each, str) else shortened(each, 10**6) for each in values])
    parts = values if isinstance(values, Tensor) else list(values)
    if isinstance(parts, Tensor):
        rows = parts.reshape(len(parts), -1)
        ids = rows.long().cpu().numpy()
        counts = counting(ids, mask, subject)
    else:
        rows = pad_sequence([part.flatten() for part in parts], batch_first=True)
        ids = rows.long().cpu().numpy()
        counts = np.arange(ids.shape[1]) < np.array([[part.numel()] for part in parts])
    return Texts(ids, counts, _shown(ids, counts, subject))


def span_of(values: Any, mask: Tensor | None, subject: Subject) -> Flags | None:
    """Return which tokens of ids (N, T) lie between the first that counts and the last; None of other values.

    What lies outside must be one token repeated; a mask of which that is not so does not tell padding, and is not used.
    """
    if not isinstance(values, Tensor) or values.dim() != 2 or not values.numel():
        return None
    ids = values.long().cpu().numpy()
    inside, sound = _spans(ids, counting(ids, mask, subject))
    if mask is not None and not sound.all():
        inside, sound = _spans(ids, counting(ids, None, subject))
    inside[~sound] = True
    return inside


def _spans(ids: Integers, counts: Flags) -> tuple[Flags, Flags]:
    """Return which of ids (N, T) lie between those that count, and (N,) whether those outside are all the same."""
    begun = np.logical_or.accumulate(counts, axis=1)
    inside: Flags = begun & np.logical_or.accumulate(counts[:, ::-1], axis=1)[:, ::-1]
    low, high = np.where(inside, ids.max(), ids).min(1), np.where(inside, ids.min(), ids).max(1)
    return inside, np.asarray(low >= high)


def counting(ids: Integers, mask: Tensor | None, subject: Subject) -> Flags:
    """Return which of token ids (N, T) are text and not padding; `mask` (N, T) tells it where it has that shape."""
    if mask is not None and tuple(mask.shape) == ids.shape:
        return np.asarray((mask > 0).cpu().numpy())
    padding = subject.padding_value
    if padding is None:
        padding = getattr(subject.tokenizer, "pad_token_id", None)
    if isinstance(padding, int | float):
        return np.asarray(ids != padding)
    # nothing says what padding is: zeros at the end are, for no text ends in many of one token
    return np.asarray(np.maximum.accumulate((ids != 0)[:, ::-1], axis=1)[:, ::-1])


def _shown(ids: Integers, counts: Flags, subject: Subject) -> tuple[str, ...]:
    cut, used = ids[:, :_READ], counts[:, :_READ]
    tokens = decode_text(torch.from_numpy(cut), "", tokenizer=subject.tokenizer, vocabulary=subject.vocabulary)
    between = "" if all(len(piece) <= 1 for piece in tokens.pieces) else " "
    shown = []
    for row, own in zip(tokens.index, used, strict=True):
        text = between.join(tokens.pieces[place] for place in row[own[: len(row)]])
        shown.append(shortened(text.replace(" ##", "").replace("Ġ", "").replace("▁", ""), _SHOWN))
    return tuple(shown)


def _of_strings(texts: Sequence[str]) -> Texts:
    words = [re.findall(r"\w+|[^\w\s]", text) for text in texts]
    known = {word: xxh3_64_intdigest(word.encode("utf-8", "surrogatepass")) >> 1 for row in words for word in row}
    width = max((len(row) for row in words), default=0)
    ids, counts = np.zeros((len(texts), width), np.int64), np.zeros((len(texts), width), np.bool_)
    for place, row in enumerate(words):
        ids[place, : len(row)] = [known[word] for word in row]
        counts[place, : len(row)] = True
    return Texts(ids, counts, tuple(shortened(text, _SHOWN) for text in texts))
