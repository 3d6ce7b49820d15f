"""Cheap statistics of many tensors as they pass by: a few reductions and a subsample each, fetched in one transfer.

Sum, norm, least and greatest value are of all values, and tell mean, deviation and whether all is finite; shares and
bars are of an evenly spaced subsample. Values that are not finite are looked at a second time, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd, inf, isfinite, nan, sqrt
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nbinspect.capture.statistics import fetch
from nbinspect.capture.tensors import readable
from nbinspect.records import Moments

Bounds: TypeAlias = tuple[float, float]
_Array: TypeAlias = NDArray[Any]

_SAMPLE = 2048
_BARS = 24
_EXACT_INTEGERS = 2**20
_ILL_CONDITIONED = 1e3
_NEAR = 0.01
_MANY_UNITS = 2**14


@dataclass(frozen=True)
class Measured:
    """What is known of one tensor's values."""

    moments: Moments | None
    units: int
    dead: int
    note: str = ""
    sample: _Array | None = None
    """Evenly spaced values in the order of memory, 2,048 at most."""


@dataclass(frozen=True)
class _Slot:
    count: int = 0
    """Values that stand for all, where a broadcast tensor repeats them `times` times."""
    times: int = 1
    units: int = 0
    step: int = 1
    bounds: Bounds | None = None
    note: str = ""
    row: Tensor | None = None
    """(7,) least, greatest, sum, norm, NaN, infinite values, dead units."""
    sample: Tensor | None = None


class MomentsGatherer:
    """Takes tensors one by one without waiting for their device, and tells of all of them at once."""

    def __init__(self) -> None:
        self._slots: list[_Slot] = []

    def add(self, tensor: Tensor, bounds: Bounds | None = None) -> None:
        """Take the statistics of a tensor of any kind as it is now; it is left unchanged and not held.

        Args:
            tensor: of any shape; axes of a broadcast tensor that repeat its values are looked at once.
            bounds: both ends of an activation that cannot leave them; values near an end count as saturated.
        """
        try:
            with torch.no_grad():
                self._slots.append(_slot(tensor, bounds))
        except RuntimeError as error:  # out of memory, or an operation that this kind of tensor does not know
            reason = str(error).split("\n", maxsplit=1)[0]
            self._slots.append(_Slot(note=f"values cannot be read: {reason}"))

    def gather(self) -> list[Measured]:
        """Return what is known of each tensor since the last call, in their order; one transfer a device."""
        slots, self._slots = self._slots, []
        fetched: dict[int, tuple[_Array, _Array]] = {}
        for device in {slot.row.device for slot in slots if slot.row is not None}:
            here = [n for n, slot in enumerate(slots) if slot.row is not None and slot.row.device == device]
            arrays = fetch(*(part for n in here for part in (slots[n].row, slots[n].sample) if part is not None))
            fetched |= {n: (arrays[2 * k], arrays[2 * k + 1]) for k, n in enumerate(here)}
        return [_measured(slot, *fetched.get(n, ())) for n, slot in enumerate(slots)]


def _slot(tensor: Tensor, bounds: Bounds | None) -> _Slot:
    if torch._C._functorch.maybe_current_level() is not None:
        return _Slot(note="inside vmap or grad: values are not read")
    values, note = readable(tensor)
    if values is None:
        return _Slot(note=note)
    values = values.cpu() if values.device.type == "mps" else values  # MPS has no float64
    flat, times = _flat(values)
    count = flat.numel()
    if not count:
        return _Slot(units=_units(values), note=note or "no values")
    if not flat.is_floating_point():
        flat = _thinned(flat, _EXACT_INTEGERS).to(torch.float64)
    units = _units(values)
    row = _row(flat, values, units)
    sample = _thinned(flat, _SAMPLE).to(torch.float64 if flat.dtype is torch.float64 else torch.float32)
    return _Slot(count, times, units, count // max(1, sample.numel()), bounds, note, row, sample)


def _row(flat: Tensor, values: Tensor, units: int) -> Tensor:
    """Return the seven numbers that are taken of all values, on their device."""
    wide = torch.float32 if flat.element_size() < 4 else None
    low, high = flat.aminmax()
    waits = flat.device.type == "cpu"  # elsewhere a look at a value would wait for the device
    if waits and isfinite(low.item()) and isfinite(high.item()):
        numbers = [low, high, flat.sum(dtype=wide), torch.linalg.vector_norm(flat, dtype=wide)]
        zeros = float(_dead(values)) if units and low.item() == 0 else 0.0
        return torch.tensor([*(number.item() for number in numbers), 0.0, 0.0, zeros], dtype=torch.float64)
    finite, lost = flat.isfinite(), flat.isnan().sum()
    only = flat.where(finite, 0)
    some = [flat.where(finite, inf).amin(), flat.where(finite, -inf).amax(), only.sum(dtype=wide)]
    some += [torch.linalg.vector_norm(only, dtype=wide), lost, (~finite).sum() - lost]
    dead = _dead(values) if units else lost * 0
    return torch.stack([number.to(torch.float64) for number in [*some, dead]])


def _flat(values: Tensor) -> tuple[Tensor, int]:
    """Return all values in some order, as a view wherever memory holds them without gaps, and how often each counts."""
    times = 1
    for axis in reversed(range(values.dim())):
        if values.stride(axis) == 0 and values.shape[axis] > 1:
            times *= values.shape[axis]
            values = values.select(axis, 0)
    if not values.is_contiguous():
        values = values.permute(sorted(range(values.dim()), key=values.stride, reverse=True))
    return values.reshape(-1), times


def _thinned(flat: Tensor, most: int) -> Tensor:
    """Return evenly spaced values, `most` at most; a step that no even length divides visits every column."""
    count = flat.numel()
    if count <= most:
        return flat.clone()
    step = -(-count // most)
    while gcd(step, count) > 1:
        step += 1  # or one column of a picture would stand for all
    return flat[::step].clone()


def _unit_axes(values: Tensor) -> tuple[int, ...]:
    """Return the axes that may be channels or features; of three, that of a convolution and that of a transformer."""
    axes = {2: (1,), 3: (2, 1)}.get(values.dim(), (1,) if values.dim() > 3 else ())
    return axes if values.is_floating_point() and values.shape[0] > 0 else ()


def _units(values: Tensor) -> int:
    axes = _unit_axes(values)
    return values.shape[axes[0]] if axes and values.shape[axes[0]] <= _MANY_UNITS else 0


def _dead(values: Tensor) -> Tensor:
    """Return how many units are zero in every place on every sample."""
    axis = _unit_axes(values)[0]
    others = [dim for dim in range(values.dim()) if dim != axis]
    return (values.abs().amax(others) == 0).sum()


def _measured(slot: _Slot, row: _Array | None = None, sample: _Array | None = None) -> Measured:
    if row is None or sample is None:
        return Measured(None, slot.units, 0, slot.note)
    low, high, total, norm, lost, infinite, dead = map(float, row)
    finite = slot.count - lost - infinite
    values = sample.astype(np.float64)
    values = values[np.isfinite(values)]
    exact = len(sample) == slot.count
    mean = total / finite if finite else nan
    variance = norm**2 / finite - mean**2 if finite else nan
    # a small difference of large squares, or squares beyond the type's range, say nothing
    if exact or not isfinite(variance) or mean**2 > _ILL_CONDITIONED * variance:
        mean, variance = (float(values.mean()), float(values.var())) if len(values) else (nan, nan)
    low, high = (low, high) if finite else (nan, nan)
    saturated = 0.0
    if slot.bounds is not None and len(values):
        near = _NEAR * (slot.bounds[1] - slot.bounds[0])
        saturated = float(((values < slot.bounds[0] + near) | (values > slot.bounds[1] - near)).mean())
    bars, edges = _bars(values, low, high)
    moments = Moments(
        count=slot.count * slot.times,
        mean=mean,
        std=0.0 if low == high else sqrt(max(variance, 0.0)) if finite else nan,
        min=low,
        max=high,
        nan=int(lost) * slot.times,
        inf=int(infinite) * slot.times,
        zero=float((sample == 0).mean()),
        negative=float((sample < 0).mean()),
        saturated=saturated,
        sampled=1.0 if exact else len(sample) / slot.count,
        bars=bars,
        edges=edges,
    )
    return Measured(moments, slot.units, int(dead), slot.note, sample)


def _bars(values: _Array, low: float, high: float) -> tuple[NDArray[np.int32], Bounds]:
    if not len(values):
        return np.zeros(0, np.int32), (nan, nan)
    if low == high:
        return np.array([len(values)], np.int32), (low - 0.5, high + 0.5)
    width = high / _BARS - low / _BARS  # their difference may lie beyond the type's range
    place = ((values / width) - low / width).astype(np.int64).clip(0, _BARS - 1)
    return np.bincount(place, minlength=_BARS).astype(np.int32), (low, high)
