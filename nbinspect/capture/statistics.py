"""Exact statistics of tensors, worked out on their own device and brought to the host in one transfer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, gcd
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nbinspect.capture.origins import type_name
from nbinspect.records import Histogram, SampleStatistics, Statistics

Axis: TypeAlias = Literal["channel", "feature", "all"]
Array: TypeAlias = NDArray[Any]

_BINS = 32
_HISTOGRAM_ROWS = 16
_HISTOGRAM_VALUES = 2**20
_CHUNK = 2**20
_CELLS = 2**18
_FILL = (float("inf"), float("-inf"), 0.0)
"""What stands for values left out: in the least, the greatest and the sum."""
_EXACT_IN_FLOAT32 = {torch.float16, torch.bfloat16, torch.float32, torch.bool, torch.uint8, torch.int8, torch.int16}


def measure(
    parts: Sequence[Tensor], axis: Axis, names: tuple[str, ...], *more: Tensor
) -> tuple[Statistics, SampleStatistics, Histogram | None, list[Array]]:
    """Return statistics per channel and per sample, a histogram per channel, and `more` tensors as arrays.

    Takes real dense tensors (n, C, S) on one device: one for a batch, or one a sample where S differs between them;
    leaves them unchanged. One transfer to the host; a second one only where values turn out to be NaN or infinite,
    for to set them apart costs several times the finite case.
    """
    (channels, samples, *bars), share = _measured(parts, masked=False)
    tables = fetch(channels, samples, *bars, *more)
    if not np.isfinite(tables[0]).all():
        (channels, samples, *bars), share = _measured(parts, masked=True)
        tables[:4] = fetch(channels, samples, *bars)
    low, mean, std, high, count, zeros, *others = _finished(tables[0])
    statistics = Statistics(axis, names, count, low, mean, std, high, zeros, *others)
    low, mean, std, high, _, zeros, *others = _finished(tables[1])
    of_samples = SampleStatistics(low, mean, std, high, zeros, np.sum(others, axis=0))
    return statistics, of_samples, _histogram(tables[2], tables[3], share), tables[4:]


def _measured(parts: Sequence[Tensor], *, masked: bool) -> tuple[list[Tensor], float]:
    """Return tables (9, C) of channels and (9, N) of samples, counts and layout of bars; and the share counted."""
    channels, samples = [], []
    for chunk in _chunks(parts):
        if chunk.shape[2] == 1:  # features: one value a cell is no saving, so go over the values once for each
            channels.append(_cells(chunk.permute(2, 1, 0), masked=masked))
            samples.append(_cells(chunk.permute(0, 2, 1), masked=masked))
        else:
            cells = _cells(chunk, masked=masked)
            channels.append(_pooled(cells, 1))
            samples.append(_pooled(cells, 2))
    table = _pooled(torch.cat(channels, dim=1), 1)[:, 0]
    counts, layout, share = _bars(parts, table[0], table[1], masked=masked)
    return [table, torch.cat(samples, dim=1)[:, :, 0], counts, layout], share


def _chunks(parts: Sequence[Tensor]) -> Iterator[Tensor]:
    """Split into stretches of samples that bound the memory taken beside the batch itself."""
    for part in parts:
        _, channels, size = part.shape
        most = min(_CHUNK // max(1, channels * size), _CELLS // max(1, channels) if size > 1 else _CHUNK)
        yield from torch.split(part, max(1, most))


def _cells(values: Tensor, *, masked: bool) -> Tensor:
    """Return (9, n, C) float64 of values (n, C, S): least, greatest, and the seven sums below."""
    wide, size = torch.float64, values.shape[2]
    if values.numel() == 0:
        return _nothing(values).expand(-1, *values.shape[:2])
    values = values.to(torch.float32 if values.dtype in _EXACT_IN_FLOAT32 else wide)
    finite = values.isfinite() if masked else None
    low, high, kept = (values, values, values) if finite is None else (values.where(finite, x) for x in _FILL)
    none = torch.zeros(values.shape[:2], dtype=wide, device=values.device)
    count = none + size if finite is None else finite.sum(2, dtype=wide)
    total = kept.sum(2, dtype=wide)
    mean = total / count.clamp(min=1)
    centre = mean.to(values.dtype)  # two passes: the squares of values far from zero would drown their spread
    apart = values - centre.unsqueeze(2)
    apart = apart if finite is None else apart.where(finite, 0)
    squares = torch.linalg.vector_norm(apart, dim=2, dtype=wide).square() - count * (mean - centre).square()
    zeros = (size - values.count_nonzero(2)).to(wide)
    tests = (torch.isnan, torch.isposinf, torch.isneginf)
    others = [test(values).sum(2, dtype=wide) for test in tests] if masked else [none] * 3
    return torch.stack(
        [low.amin(2).to(wide), high.amax(2).to(wide), count, total, squares.clamp(min=0), zeros, *others]
    )


def _nothing(like: Tensor) -> Tensor:
    return torch.tensor([*_FILL[:2], *[0.0] * 7], dtype=torch.float64, device=like.device)[:, None, None]


def _pooled(cells: Tensor, dim: int) -> Tensor:
    """Return the statistics of cells put together along one axis, which is kept with length 1."""
    if cells.shape[dim] == 0:
        return _nothing(cells).expand(-1, *(1 if axis == dim else cells.shape[axis] for axis in (1, 2)))
    low, high = cells[:1].amin(dim, keepdim=True), cells[1:2].amax(dim, keepdim=True)
    sums = cells[2:].sum(dim, keepdim=True)
    count, total = cells[2].clamp(min=1), cells[3]
    mean = (sums[1] / sums[0].clamp(min=1)).unsqueeze(0)
    between = cells[2:3] * (total / count - mean).square()
    sums[2:3] += between.sum(dim, keepdim=True)
    return torch.cat([low, high, sums])


def _finished(table: Array) -> tuple[Array, ...]:
    """Return least, mean, deviation and greatest value, then counts of all values, zeros, NaN, +Inf and −Inf."""
    low, high, finite, total, squares, *counts = table
    with np.errstate(invalid="ignore"):
        some = np.where(finite > 0, finite, np.nan)
        std = np.where(low == high, 0.0, np.sqrt(squares / some))
        moments = [np.where(finite > 0, column, np.nan) for column in (low, total / some, std, high)]
    zeros, *others = (column.astype(np.int64) for column in counts)
    return *moments, finite.astype(np.int64) + sum(others), zeros, *others


def _bars(parts: Sequence[Tensor], low: Tensor, high: Tensor, *, masked: bool) -> tuple[Tensor, Tensor, float]:
    """Return (R, bins) counts, (3, R) first edge, width and number of bins, and the share of values counted."""
    low, high = low[:_HISTOGRAM_ROWS], high[:_HISTOGRAM_ROWS]
    rows, total = len(low), sum(part.shape[0] * part.shape[2] for part in parts)
    step = max(1, ceil(rows * total / _HISTOGRAM_VALUES))
    chosen = [_thinned(part[:, :rows], step).to(torch.float64) for part in parts]
    taken = sum(part.shape[0] * part.shape[2] for part in chosen)
    layout = _layout(chosen, low, high)
    start, width = layout[0, :, None], layout[1, :, None]
    counts = torch.zeros(rows * _BINS, dtype=torch.int64, device=low.device)
    offset = torch.arange(rows, device=low.device)[:, None] * _BINS
    for values in chosen:
        place = ((values - start) / width).nan_to_num_(0).clamp_(0, _BINS - 1).long() + offset
        weight = values.isfinite() if masked else torch.ones((), dtype=torch.bool, device=low.device).expand_as(values)
        counts.scatter_add_(0, place.flatten(), weight.flatten().long())  # works without waiting for the device
    return counts.view(rows, _BINS), layout, taken / total if total else 1.0


def _thinned(part: Tensor, step: int) -> Tensor:
    """Return every `step`-th value of each channel as (n, C, S), without a copy of the whole."""
    size = part.shape[2]
    if step == 1:
        return part
    while gcd(step, size) > 1:
        step += 1  # or one column of a picture would stand for all
    index = torch.arange(0, part.shape[0] * size, step, device=part.device)
    return part[index // size, :, index % size].unsqueeze(2)


def _layout(chosen: Sequence[Tensor], low: Tensor, high: Tensor) -> Tensor:
    """Return (3, R) first edge, width and number of bins: of equal width, and around whole numbers where all are."""
    spread = high - low
    whole = torch.stack([(values.frac().nan_to_num_(0) == 0).all(2).all(0) for values in chosen]).all(0)
    whole &= torch.maximum(low.abs(), high.abs()) < 2**50  # beyond, halves cannot be told apart
    width = torch.where(whole, ((spread + 1) / _BINS).ceil(), spread / _BINS)
    single = width == 0
    width = torch.where(single, low.abs().clamp(min=1) / _BINS, width)
    start = torch.where(whole, low - 0.5, torch.where(single, low - width * _BINS / 2, low))
    used = torch.where(whole, ((high - start) / width).floor() + 1, float(_BINS))
    return torch.stack([start, width, used])


def _histogram(counts: Array, layout: Array, share: float) -> Histogram | None:
    some = counts.any(axis=1)
    if not some.any():
        return None
    start, width, used = np.where(some, layout, [[0.0], [1.0], [1.0]])
    bins = int(used.max())
    return Histogram(counts[:, :bins], start[:, None] + np.arange(bins + 1) * width[:, None], share)


def fetch(*tensors: Tensor) -> list[Array]:
    """Bring tensors of any types to the host, as bytes in one transfer."""
    flat = torch.cat([tensor.flatten().contiguous().view(torch.uint8) for tensor in tensors]).cpu().numpy()
    stops = np.cumsum([tensor.nbytes for tensor in tensors])
    pieces = zip(tensors, np.split(flat, stops[:-1]), strict=True)
    return [piece.copy().view(type_name(tensor.dtype)).reshape(tensor.shape) for tensor, piece in pieces]
