"""Values to 8-bit planes: averaged over blocks and quantised per channel, where they are, a few samples at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nbinspect.capture.tensors import describe
from nbinspect.records import Bytes, Floats, Normalisation, Pictures, Statistics

Samples: TypeAlias = "Tensor | Sequence[Tensor]"
"""(N, C, H, W), or N tensors (C, H, W) of different heights and widths."""
Doubles: TypeAlias = NDArray[np.float64]

SIDE = 128
"""The longest side of a plane that is shown, in pixels."""
PAYLOAD = 8 * 2**20
"""The most bytes of all planes of a tensor together."""
EXACT = 262_144
"""Up to so many values go to the page as float32 beside the bytes."""
_EXTREME = 1e30


def encode(
    samples: Samples,
    name: str,
    kind: Literal["image", "values"],
    *,
    shown: slice,
    channels: tuple[str, ...],
    statistics: Statistics | None,
    normalisation: Normalisation | None = None,
    normalisation_note: str = "",
) -> Pictures:
    """Return the `shown` channels of (N, C, H, W) values of any real dtype as 8-bit planes; leaves them unchanged.

    What is too large for the page becomes the means of square blocks, worked out where the samples are. A block that
    holds a value that is not finite is marked, and its byte stands for the mean of the finite ones.
    """
    known = statistics or describe(samples, name, "input", batch_size=len(samples)).statistics
    total = channel_count(samples)
    summary = channel_summary(known, total)[:, shown]
    samples = samples[:, shown] if isinstance(samples, Tensor) else [sample[shown] for sample in samples]
    low, high = value_range(samples, summary, normalisation)
    size, sizes = _extents(samples)
    factor = shrink_factor(size, len(samples) * len(channels))
    marked = known is None or bool((known.nan + known.posinf + known.neginf).any())
    clipping = bool(np.any((low > summary[0]) | (high < summary[3])))
    planes, clipped = _planes(samples, size, factor, low, high, marked=marked, clipping=clipping)
    few = factor == 1 and planes.size <= EXACT
    return Pictures(
        name=name,
        kind=kind,
        planes=planes,
        low=low.astype(np.float32),
        high=high.astype(np.float32),
        exact=_exact(samples, size) if few else None,
        marks=_marks(samples, size, factor) if marked else None,
        size=size,
        sizes=sizes,
        channels=channels,
        total_channels=total,
        normalisation=normalisation,
        normalisation_note=normalisation_note,
        clipped=clipped,
        decoder=kind,
    )


def channel_count(samples: Samples) -> int:
    """Return C of (N, C, H, W), or of N tensors (C, H, W)."""
    return samples.shape[1] if isinstance(samples, Tensor) else samples[0].shape[0]


def shrink_factor(size: tuple[int, int], planes: int) -> int:
    """Return the side, in pixels of the original, of the blocks that become one pixel of each of `planes` planes."""
    factor = max(1, math.ceil(max(size) / SIDE))
    while factor < max(size) and planes * math.ceil(size[0] / factor) * math.ceil(size[1] / factor) > PAYLOAD:
        factor += 1
    return factor


def channel_summary(statistics: Statistics | None, channels: int) -> Doubles:
    """Return (4, C) min, mean, std and max of each channel: of all values together where rows are not channels."""
    if statistics is None:
        return np.full((4, channels), np.nan)
    rows = np.stack([statistics.min, statistics.mean, statistics.std, statistics.max]).astype(np.float64)
    if rows.shape[1] == channels:
        return rows
    finite = statistics.count - statistics.nan - statistics.posinf - statistics.neginf
    filled, weight = rows[:, finite > 0], finite[finite > 0]
    if not len(weight):
        return np.full((4, channels), np.nan)
    mean = np.average(filled[1], weights=weight)
    std = np.sqrt(np.average(filled[2] ** 2 + (filled[1] - mean) ** 2, weights=weight))
    return np.tile([[filled[0].min()], [mean], [std], [filled[3].max()]], channels)


def value_range(
    samples: Samples, summary: Doubles, normalisation: Normalisation | None = None
) -> tuple[Doubles, Doubles]:
    """Return the least and greatest value to show of each channel, as numbers that float32 holds exactly.

    That is the whole range of the finite values, unless outliers would leave less than a quarter of the levels to all
    other values; even then it covers what a known normalisation maps to [0, 1].
    """
    low, mean, std, high = (row.copy() for row in summary)
    for channel in np.flatnonzero((high - mean > 8 * std) | (mean - low > 8 * std)):
        first, last = np.quantile(subsample(samples, int(channel)), (0.01, 0.99))
        first, last = 2 * first - last, 2 * last - first
        if normalisation is not None:
            shift, scale = normalisation.mean[channel], normalisation.std[channel]
            first, last = min(first, -shift / scale), max(last, (1 - shift) / scale)
        first, last = max(first, low[channel]), min(last, high[channel])
        if 0 < 4 * (last - first) < high[channel] - low[channel]:
            low[channel], high[channel] = first, last
    return _rounded(low, -np.inf), _rounded(high, np.inf)


def subsample(samples: Samples, channel: int, most: int = 65_536) -> Doubles:
    """Return finite values of a channel from all over the batch: all of them where there are no more than `most`."""
    parts = [samples[:, channel]] if isinstance(samples, Tensor) else [sample[channel] for sample in samples]
    share = max(1, most // max(1, len(parts)))
    values = torch.cat([_scattered(part, share) for part in parts]).cpu().double().numpy()
    finite: Doubles = values[np.isfinite(values)]
    return finite


def _scattered(values: Tensor, most: int) -> Tensor:
    """At most `most` values; the step is a large prime, so that they share no row or column of the pictures."""
    positions = torch.arange(min(most, values.numel()), device=values.device)
    if values.numel() > most:
        positions = positions * 2_654_435_761 % values.numel()
    index = []
    for length in reversed(values.shape):  # torch.unravel_index imports sympy, which takes longer than all the rest
        index.append(positions % length)
        positions = positions // length
    return values[tuple(reversed(index))]


def _rounded(bound: Doubles, towards: float) -> Doubles:
    """Bounds rounded outwards to float32, of which the difference is finite too; 0 where there is no finite value."""
    limit = float(np.finfo(np.float32).max) / 2
    bound = np.clip(np.nan_to_num(bound, nan=0.0), -limit, limit)
    near = bound.astype(np.float32)
    inside = near > bound if towards < 0 else near < bound
    return np.where(inside, np.nextafter(near, np.float32(towards)), near).astype(np.float64)


def _extents(samples: Samples) -> tuple[tuple[int, int], NDArray[np.int32] | None]:
    """The largest height and width, and those of each sample of a ragged list."""
    if isinstance(samples, Tensor):
        return (samples.shape[2], samples.shape[3]), None
    sizes = np.array([sample.shape[1:] for sample in samples], dtype=np.int32)
    return (int(sizes[:, 0].max()), int(sizes[:, 1].max())), sizes


def _planes(
    samples: Samples, size: tuple[int, int], factor: int, low: Doubles, high: Doubles, *, marked: bool, clipping: bool
) -> tuple[Bytes, float]:
    """The bytes (N, C, h, w), and the share of the values that lie outside the range."""
    planes = _canvas(samples, (len(low), *size), factor, torch.uint8)
    dtype = _working_dtype(samples, low, high)
    scale = np.divide(255, high - low, out=np.zeros_like(low), where=high > low)
    bounds = (low, high, scale, 0.5 - low * scale)  # 0.5, for the conversion to a byte cuts off
    least, most, slope, shift = (torch.as_tensor(b, dtype=dtype, device=planes.device).view(-1, 1, 1) for b in bounds)
    outside, seen = torch.zeros((), dtype=torch.int64, device=planes.device), 0
    for rows, block in _blocks(samples):
        values = _finite_means(block, factor, dtype, least) if marked else _means(block, factor, dtype)
        if clipping:
            outside += ((values < least) | (values > most)).sum()
            seen += values.numel()
        levels = torch.addcmul(shift, values, slope, out=None if values is block else values)
        planes[rows, :, : values.shape[-2], : values.shape[-1]] = levels.clamp_(0, 255)
    return planes.cpu().numpy(), outside.item() / max(1, seen)


def _exact(samples: Samples, size: tuple[int, int]) -> Floats:
    """The values themselves (N, C, H, W) as float32, 0 where a smaller picture of a ragged list has ended."""
    exact = _canvas(samples, (channel_count(samples), *size), 1, torch.float32)
    for rows, block in _blocks(samples):
        exact[rows, :, : block.shape[-2], : block.shape[-1]] = block
    return exact.cpu().numpy()


def _marks(samples: Samples, size: tuple[int, int], factor: int) -> Bytes:
    """(N, h, w): 1 where any value is NaN, else 2 where any is +Inf, else 3 where any is −Inf, else 0."""
    marks = _canvas(samples, size, factor, torch.uint8)
    for rows, block in _blocks(samples):
        weight = (3 * block.isnan() + 2 * block.isposinf() + 1 * block.isneginf()).amax(1).to(torch.uint8)
        worst = _folded(weight, factor, torch.maximum, torch.uint8)
        marks[rows, : worst.shape[-2], : worst.shape[-1]] = torch.where(worst > 0, 4 - worst, worst)
    return marks.cpu().numpy()


def _canvas(samples: Samples, shape: tuple[int, ...], factor: int, dtype: torch.dtype) -> Tensor:
    """Zeros (N, …, h, w) where the samples are."""
    *axes, height, width = shape
    reduced = (len(samples), *axes, math.ceil(height / factor), math.ceil(width / factor))
    first = samples if isinstance(samples, Tensor) else samples[0]
    return torch.zeros(reduced, dtype=dtype, device=first.device)


def _working_dtype(samples: Samples, low: Doubles, high: Doubles) -> torch.dtype:
    """float32 where it tells 256 levels of every channel apart and holds sums of the values, else float64."""
    span, largest = high - low, np.maximum(abs(low), abs(high))
    coarse = np.any((span > 0) & ((largest > 1000 * span) | (span < 1 / _EXTREME) | (largest > _EXTREME)))
    first = samples if isinstance(samples, Tensor) else samples[0]
    return torch.float64 if coarse and first.device.type != "mps" else torch.float32


def _blocks(samples: Samples) -> Iterator[tuple[slice, Tensor]]:
    """A few samples at a time (n, C, H, W): as many as stay in a processor's cache, more on an accelerator."""
    if not isinstance(samples, Tensor):
        yield from ((slice(i, i + 1), sample[None]) for i, sample in enumerate(samples))
        return
    most = 2**18 if samples.device.type == "cpu" else 2**26
    step = max(1, most // max(1, math.prod(samples.shape[1:])))
    for start in range(0, len(samples), step):
        yield slice(start, start + step), samples[start : start + step]


def _means(block: Tensor, factor: int, dtype: torch.dtype) -> Tensor:
    """The mean of each factor × factor block; the values themselves, uncopied if the dtype fits, where that is 1."""
    if factor == 1:
        return block.to(dtype)
    left = (torch.arange(length, 0, -factor, device=block.device) for length in block.shape[-2:])
    rows, columns = (lengths.clamp_(max=factor) for lengths in left)
    return _folded(block, factor, torch.add, dtype).div_(rows[:, None] * columns)


def _finite_means(block: Tensor, factor: int, dtype: torch.dtype, otherwise: Tensor) -> Tensor:
    finite = block.isfinite()
    total = _folded(torch.where(finite, block, 0), factor, torch.add, dtype)
    counts = _folded(finite, factor, torch.add, dtype)
    return torch.where(counts > 0, total / counts, otherwise)


def _folded(block: Tensor, factor: int, combine: Callable[..., Tensor], dtype: torch.dtype) -> Tensor:
    """Combine the values of each factor × factor block, rows first: adding whole rows is what memory does best."""
    for axis in (-2, -1):
        steps = [slice(start, None, factor) for start in range(min(factor, max(1, block.shape[axis])))]
        parts = [block[..., step, :] if axis == -2 else block[..., step] for step in steps]
        first, *rest = parts
        if rest and rest[0].shape == first.shape and block.dtype == dtype:
            block = combine(first, rest.pop(0))
        else:
            block = first.to(dtype, copy=True)
        for part in rest:
            here = block.narrow(axis, 0, part.shape[axis])
            combine(here, part, out=here)
    return block
