"""How a tensor lies in memory, and its values in the cheapest order to read them."""

from __future__ import annotations

from math import gcd
from typing import TypeAlias

import torch
from torch import Tensor

Extent: TypeAlias = tuple[torch.dtype, tuple[tuple[int, int], ...]]


def extent(values: Tensor) -> Extent:
    """Return what two strided tensors that begin at one place share if they hold the same values, in any order."""
    if values.is_contiguous():
        return values.dtype, ((1, values.numel()),)
    merged: list[tuple[int, int]] = []
    for step, length in sorted(zip(values.stride(), values.shape, strict=True)):
        if length == 1:
            continue
        if merged and step == merged[-1][0] * merged[-1][1]:
            merged[-1] = merged[-1][0], merged[-1][1] * length
        else:
            merged.append((step, length))
    return values.dtype, tuple(merged)


def flat_values(values: Tensor) -> tuple[Tensor, int]:
    """Return all values in some order, as a view wherever memory holds them without gaps, and how often each counts."""
    if values.is_contiguous():
        return values.view(-1), 1
    times = 1
    for axis in reversed(range(values.dim())):
        if values.stride(axis) == 0 and values.shape[axis] > 1:
            times *= values.shape[axis]
            values = values.select(axis, 0)
    if not values.is_contiguous():
        values = values.permute(sorted(range(values.dim()), key=values.stride, reverse=True))
    return values.reshape(-1), times


def thinned(flat: Tensor, most: int) -> Tensor:
    """Return evenly spaced values, `most` at most; a step that no even length divides visits every column."""
    count = flat.numel()
    if count <= most:
        return flat.clone()
    step = -(-count // most)
    while gcd(step, count) > 1:
        step += 1  # or one column of a picture would stand for all
    return flat[::step].clone()


def dead_units(values: Tensor, axis: int) -> Tensor:
    """Return (), how many units are zero in every place on every sample; NaN is not zero."""
    if values.device.type != "cpu":
        return _silent(values, axis).sum()
    values = values.movedim(axis, 0)
    # most units show in their first place, or sample, that they live: only the others are looked for in the rest
    units = _first_place(values).eq(0).nonzero().view(-1)
    for part in (values.narrow(1, 0, 1), values):
        if not len(units):
            break
        few = len(units) < len(values) // 2
        silent = _silent(part.index_select(0, units) if few else part, 0)
        units = units[silent if few else silent[units]]
    return torch.tensor(len(units))


def _first_place(values: Tensor) -> Tensor:
    while values.dim() > 1:
        values = values.select(1, 0)
    return values


def _silent(values: Tensor, axis: int) -> Tensor:
    others = [dim for dim in range(values.dim()) if dim != axis]
    return (values.amax(others) == 0) & (values.amin(others) == 0)  # magnitudes would take a copy
