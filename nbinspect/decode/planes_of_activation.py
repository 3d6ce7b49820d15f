"""Planes of values and what is told of them, worked out where they are and brought to the host in one transfer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from math import inf, nan

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from nbinspect.capture.statistics import fetch
from nbinspect.records import Flags, Floats, Integers

_SIDE = 128
_SIDE_OF_MANY = 64
_MANY = 4
_MATRIX_SIDE = 256
_BARS = 24
_TOP = 8
_EXCITED = (256, 512)
"""The most channels, and samples, of which the greatest values are told."""
_CHUNK = 2**20
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Planes:
    """A batch of planes (N, P, H, W), a view of the tensor itself; N is 1 where the first axis is not the batch."""

    values: Tensor
    sample: int
    """The one that is shown."""
    first: int
    count: int
    """The page: so many planes from the `first`."""
    matrix: bool
    """Whether columns are the units, and both axes are reduced apart."""
    by_sample: bool
    """Whether the samples are along N, so that one of them is chosen."""


@dataclass(frozen=True)
class Seen:
    """What is told of planes: see the fields of the same names of `ActivationView`."""

    planes: Floats
    low: Floats
    high: Floats
    shared: tuple[float, float]
    dead: Flags
    top: Integers
    excited: Floats | None
    bars: Integers
    edges: tuple[float, float]
    blocks: tuple[int, int]
    """Rows and columns of the original in each cell of a plane."""


def look(given: Planes, *, dead_columns: bool) -> Seen:
    """Return a page of planes with what is told of it; one transfer to the host. Leaves the values unchanged.

    With `dead_columns` the samples are the rows of one plane, and its columns may be dead.
    """
    page = slice(given.first, given.first + given.count)
    shown = wide(given.values[given.sample])
    blocks = _blocks(given)
    low, high = _extremes(shown)
    least, most = low.amin(), high.amax()
    sizes, order = _strongest(shown, by_column=given.matrix)
    dead = shown[0].eq(0).all(0) if dead_columns else _zero(given.values[:, page])
    told = [_reduced(shown[page], *blocks), low[page], high[page], least, most, sizes, order, dead]
    told.append(_counts(shown, least, most))
    if given.by_sample and given.values.shape[1] <= _EXCITED[0] and given.values.shape[0] <= _EXCITED[1]:
        told.append(given.values.amax((2, 3)).to(torch.float32).T)
    planes, lows, highs, first, last, strength, units, zero, counts, *excited = fetch(*told)
    shared, bars, edges = _finished(float(first), float(last), counts)
    if dead_columns:
        zero = np.logical_and.reduceat(zero, np.arange(0, len(zero), blocks[1]))
    return Seen(
        planes=planes,
        low=np.where(np.isinf(lows), nan, lows),
        high=np.where(np.isinf(highs), nan, highs),
        shared=shared,
        dead=zero,
        top=units[strength >= 0].astype(np.int32),
        excited=excited[0] if excited else None,
        bars=bars,
        edges=edges,
        blocks=blocks,
    )


def wide(values: Tensor) -> Tensor:
    """Return values in a type that holds their sums: float32, and float64 for integers and float64."""
    if values.is_floating_point():
        return values.to(torch.float32) if values.element_size() < 4 else values
    return values.to(torch.float64)


def _blocks(given: Planes) -> tuple[int, int]:
    """Return how many rows and columns become one cell: the same of both in a picture, for cells are square there."""
    height, width = given.values.shape[2:]
    if given.matrix:
        return max(1, math.ceil(height / _MATRIX_SIDE)), max(1, math.ceil(width / _MATRIX_SIDE))
    side = _SIDE_OF_MANY if given.count > _MANY else _SIDE
    factor = max(1, math.ceil(max(height, width) / side))
    return factor, factor


def _reduced(planes: Tensor, rows: int, columns: int) -> Tensor:
    """Return the means of blocks as float32, over what is finite; NaN where nothing is."""
    if rows > 1 or columns > 1:
        finite = planes.isfinite()
        parts = torch.stack([planes.where(finite, 0), finite.to(planes.dtype)])
        parts = pad(parts, (0, -planes.shape[-1] % columns, 0, -planes.shape[-2] % rows))
        height, width = parts.shape[-2] // rows, parts.shape[-1] // columns
        parts = parts.reshape(2, -1, height, rows, width, columns).sum((3, 5), dtype=torch.float64)
        planes = parts[0] / parts[1]
    if planes.dtype is torch.float64:  # what is finite stays finite
        planes = torch.where(planes.isfinite(), planes.clamp(-_LARGEST, _LARGEST), planes)
    return planes.to(torch.float32)


def _extremes(shown: Tensor) -> tuple[Tensor, Tensor]:
    """Return the least and greatest finite value of each plane (P,): +Inf and −Inf where there is none."""
    finite = shown.isfinite()
    low, high = shown.where(finite, inf).amin((1, 2)), shown.where(finite, -inf).amax((1, 2))
    return low.to(torch.float64), high.to(torch.float64)


def _strongest(shown: Tensor, *, by_column: bool) -> tuple[Tensor, Tensor]:
    """Return the greatest mean magnitudes of finite values, and of which planes or columns; −1 where none is finite."""
    units = shown[0].T if by_column else shown.flatten(1)
    finite = units.isfinite()
    size = units.where(finite, 0).abs().sum(1, dtype=torch.float64)
    count = finite.sum(1)
    size = torch.where(count > 0, size / count, -1.0)
    sizes, order = size.sort(descending=True, stable=True)
    return sizes[:_TOP], order[:_TOP]


def _zero(page: Tensor) -> Tensor:
    """Return which planes of (N, P, H, W) are zero everywhere on every sample; NaN is not zero."""
    return page.amin((0, 2, 3)).eq(0) & page.amax((0, 2, 3)).eq(0)


def _counts(shown: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Return counts of the finite values in bins of equal width, a stretch at a time to bound the memory taken."""
    counts = torch.zeros(_BARS, dtype=torch.int64, device=shown.device)
    width = high / _BARS - low / _BARS  # their difference may lie beyond the type's range
    for values in torch.split(shown.flatten(), _CHUNK):
        finite = values.isfinite()
        place = (values / width - low / width).nan_to_num(0).clamp(0, _BARS - 1).long()
        counts.scatter_add_(0, place, finite.long())  # works without waiting for the device
    return counts


def _finished(
    low: float, high: float, counts: NDArray[np.int64]
) -> tuple[tuple[float, float], Integers, tuple[float, float]]:
    """Return the range, the bars and their edges; one bar where all values are equal, none where none is finite."""
    if low > high:
        return (nan, nan), np.zeros(0, np.int64), (nan, nan)
    if low == high:
        return (low, high), counts.sum(keepdims=True), (low - 0.5, high + 0.5)
    return (low, high), counts, (low, high)
