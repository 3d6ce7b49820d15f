"""What tells samples apart: hashes of their content, and signatures of which those of like samples are alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from xxhash import xxh3_64_intdigest

from nbinspect.capture.tensors import readable
from nbinspect.records import Flags, Floats, Integers
from nbinspect.sanity.evidence.data.digest import arrays_in

_LEAST_STEP = 1e-4
_MIX = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_TOKENS_AT_ONCE = 2**14


def content_hash(content: Any) -> int:
    """Return the hash of one sample's content, of any kind: its values, their type and shape.

    Raises:
        TypeError: if a part of it is of a kind whose content is unknown.
    """
    if getattr(content, "mode", "") == "RGB" and type(content).__module__.startswith("PIL."):
        values = content.tobytes("raw", "XRGB")  # as Pillow holds them, with a 0 before each: had in half the time
        return _signed(xxh3_64_intdigest(values, xxh3_64_intdigest(f"RGB{content.size}".encode())))
    if isinstance(content, str):
        content = content.encode(
            "utf-8", "surrogatepass"
        )  # half of a character, as where a text was cut, is content too
    found = 0
    for array in arrays_in(content):
        found = _of_bytes(np.ascontiguousarray(array), f"{array.dtype}{array.shape}", found)
    return _signed(found)


def sample_hashes(value: Any, size: int) -> Integers:
    """Return (N,) hashes of the samples of a batch, or of a part of one: tensors, arrays, lists, mappings of them.

    Raises:
        TypeError: as `content_hash`.
    """
    if isinstance(value, Tensor):
        value = _host_array(value)
    if isinstance(value, np.ndarray) and value.ndim and len(value) == size and value.dtype != object:
        return _row_hashes(value)
    parts: Sequence[Any] = list(value.values()) if isinstance(value, Mapping) else ()
    if isinstance(value, list | tuple):
        if len(value) == size and not all(_is_column(part, size) for part in value):
            return np.array([content_hash(part) for part in value], dtype=np.int64)
        parts = value
    if not parts:
        return np.zeros(size, dtype=np.int64) + content_hash(value)
    return combined([sample_hashes(part, size) for part in parts])


def token_hashes(values: Tensor, span: Flags) -> Integers:
    """Return (N,) hashes of values (N, T, …) of the tokens that one `span` (N, T) without gaps covers in each sample.

    Raises:
        TypeError: as `content_hash`.
    """
    rows = _host_array(values)
    form = xxh3_64_intdigest(f"{rows.dtype}{rows.shape[2:]}".encode())
    flat: Any = np.ascontiguousarray(rows).reshape(*rows.shape[:2], -1).view(np.uint8)
    starts, sizes = span.argmax(1).tolist(), span.sum(1).tolist()
    found = [
        xxh3_64_intdigest(row[start : start + size].reshape(-1), form)
        for row, start, size in zip(flat, starts, sizes, strict=True)
    ]
    return np.array(found, dtype=np.uint64).view(np.int64)


def joint_hashes(parts: Sequence[Any], size: int, span: Flags | None) -> Integers:
    """Return (N,) hashes of samples from their parts; of those by token what lies in a `span` (N, T), without padding.

    Raises:
        TypeError: as `content_hash`.
    """
    return combined(
        [
            token_hashes(part, span)
            if span is not None and isinstance(part, Tensor) and part.shape[:2] == span.shape
            else sample_hashes(part, size)
            for part in parts
        ]
    )


def combined(hashes: Sequence[Integers]) -> Integers:
    """Return one hash a sample from those of its parts."""
    return hashes[0] if len(hashes) == 1 else _row_hashes(np.stack(list(hashes), axis=1))


def column_hashes(rows: NDArray[Any]) -> Integers:
    """Return (F,) hashes of the columns of (N, F) values."""
    return _row_hashes(np.ascontiguousarray(rows.T))


def picture_signatures(grey: Floats) -> NDArray[np.uint64]:
    """Return (N,) signatures of pictures from 8×9 grey values (N, 8, 9): a bit says whether it gets brighter there."""
    spread = grey.max((1, 2), keepdims=True) - grey.min((1, 2), keepdims=True)
    brighter = np.diff(grey, axis=2) > _LEAST_STEP * spread  # less is rounding, which no two ways of reading share
    return np.packbits(brighter.reshape(len(grey), -1), axis=1).view(np.uint64).reshape(-1)


def token_signatures(ids: Integers, counts: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Return (N,) signatures of token ids (N, T), of which those under `counts` count: SimHash of pairs of tokens."""
    tokens = _mixed(np.where(counts, ids, -1).astype(np.int64).view(np.uint64))
    edge = np.zeros((len(ids), 1), dtype=np.uint64)
    pairs = _mixed(np.concatenate([edge, tokens], 1) * np.uint64(_MIX[1]) + np.concatenate([tokens, edge], 1))
    used = np.concatenate([counts, np.zeros((len(ids), 1), np.bool_)], 1)
    used[:, 1:] |= counts  # a pair counts where one of its tokens does
    found = np.zeros((len(ids), 64), dtype=np.bool_)
    step = max(1, _TOKENS_AT_ONCE // pairs.shape[1])
    for start in range(0, len(ids), step):
        part = slice(start, start + step)
        bits = np.unpackbits(pairs[part].view(np.uint8).reshape(*pairs[part].shape, 8), axis=2)
        signs = np.where(used[part][:, :, None], 2 * bits.astype(np.int8) - 1, np.int8(0))
        found[part] = signs.sum(1, dtype=np.int32) > 0
    return np.packbits(found, axis=1).view(np.uint64).reshape(-1)


def _row_hashes(rows: NDArray[Any]) -> Integers:
    """Return (N,) hashes of rows (N, …), which stay as they are."""
    form = xxh3_64_intdigest(f"{rows.dtype}{rows.shape[1:]}".encode())
    if not rows[:1].size:
        return np.full(len(rows), _signed(form), dtype=np.int64)
    flat: Any = np.ascontiguousarray(rows).reshape(len(rows), -1).view(np.uint8)
    found = np.fromiter(map(xxh3_64_intdigest, flat, repeat(form)), dtype=np.uint64, count=len(rows))
    return found.view(np.int64)


def _of_bytes(array: NDArray[Any], form: str, before: int) -> int:
    return xxh3_64_intdigest(array.reshape(-1).view(np.uint8).data, before ^ xxh3_64_intdigest(form.encode()))


def _signed(number: int) -> int:
    return number - 2**64 if number >= 2**63 else number


def _is_column(value: Any, size: int) -> bool:
    return isinstance(value, Tensor | np.ndarray) and value.ndim > 0 and len(value) == size


def _host_array(tensor: Tensor) -> NDArray[Any]:
    values, note = readable(tensor)
    if values is None:
        raise TypeError(note)
    return (values.float() if values.dtype is torch.bfloat16 else values).cpu().numpy()


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread whole numbers over 64 bits, so that neighbours share no more of them than any two."""
    mixed: NDArray[np.uint64] = numbers + np.uint64(_MIX[0])
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(_MIX[1])
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(_MIX[2])
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))
