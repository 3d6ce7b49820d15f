"""Cheap statistics of many tensors as they pass by: a few reductions and a subsample each, fetched in one transfer.

Sum, norm, least and greatest value are of all values, and tell mean, deviation and whether all is finite; shares and
bars are of an evenly spaced subsample. Values that are not finite are looked at a second time, exactly. What several
steps hand on, as a view too, is measured once.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace
from math import inf, isfinite, nan, sqrt
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from nbinspect.capture.bounds import Bounds
from nbinspect.capture.extent import Extent, dead_units, extent, flat_values, thinned
from nbinspect.capture.statistics import fetch
from nbinspect.capture.summary import Facts, Measured, Sums, summarised, well_conditioned
from nbinspect.capture.tensors import readable
from nbinspect.capture.units import usual_axis
from nbinspect.records import Moments

_SAMPLE = 2048
_EXACT_INTEGERS = 2**20
_MANY_UNITS = 2**14


@dataclass(eq=False)
class Slot:
    """A tensor that was taken; `measured` is filled by the next `gather`."""

    facts: Facts
    axis: int | None = None
    bounds: Bounds | None = None
    sums: Sums | None = None
    sample: Tensor | None = None
    row: Tensor | None = None
    """(9,) the numbers of `sums`, on a device that is not to be waited for."""
    measured: Measured | None = None

    @property
    def moments(self) -> Moments | None:
        """The statistics, once they were gathered."""
        return None if self.measured is None else self.measured.moments


@dataclass(frozen=True)
class _Recent:
    """A tensor measured a moment ago, that another one may share its values with."""

    tensor: weakref.ref[Tensor]
    version: int
    extent: Extent
    shape: torch.Size
    slot: Slot


class MomentsGatherer:
    """Takes tensors one by one without waiting for their device, and tells of all of them at once."""

    def __init__(self) -> None:
        self._slots: list[Slot] = []
        self._recent: dict[int, _Recent] = {}

    def add(self, tensor: Tensor, bounds: Bounds | None = None, axis: int | None = -1) -> Slot:
        """Take the statistics of a tensor of any kind as it is now; it is left unchanged and not held.

        Args:
            tensor: of any shape; axes of a broadcast tensor that repeat its values are looked at once.
            bounds: both ends of an activation that cannot leave them; values near an end count as saturated.
            axis: that of channels or features, None for none; by default where they mostly are.
        """
        try:
            with torch.no_grad():
                slot = self._taken(tensor, bounds, usual_axis(tensor) if axis == -1 else axis)
        except RuntimeError as error:  # out of memory, or an operation that this kind of tensor does not know
            reason = str(error).split("\n", maxsplit=1)[0]
            slot = Slot(Facts(note=f"values cannot be read: {reason}"))
        self._slots.append(slot)
        return slot

    def forget(self) -> None:
        """Measure anew whatever comes next: something was written to."""
        self._recent.clear()

    def gather(self) -> list[Measured]:
        """Return what is known of each tensor since the last call, in their order; one transfer a device."""
        slots, self._slots = self._slots, []
        self._recent.clear()
        waiting = {id(part): part for slot in slots if slot.row is not None for part in (slot.row, slot.sample)}
        arrays: dict[int, NDArray[Any]] = {}
        for device in {part.device for part in waiting.values() if part is not None}:
            here = {key: part for key, part in waiting.items() if part is not None and part.device == device}
            arrays |= zip(here, fetch(*here.values()), strict=True)
        return [_filled(slot, arrays) for slot in slots]

    def _taken(self, tensor: Tensor, bounds: Bounds | None, axis: int | None) -> Slot:
        if torch._C._functorch.maybe_current_level() is not None:
            return Slot(Facts(note="inside vmap or grad: values are not read"))
        values, note = readable(tensor)
        if values is None:
            return Slot(Facts(note=note))
        if note or values.is_inference() or type(values) is not Tensor or not values.numel():
            return _slot(values, note, bounds, axis)
        where, lies = values.data_ptr(), extent(values)
        recent = self._recent.get(where)
        known = None if recent is None else _shared(recent, values, lies, bounds=bounds, axis=axis)
        slot = known or _slot(values, note, bounds, axis)
        self._recent[where] = _Recent(weakref.ref(tensor), values._version, lies, values.shape, slot)
        return slot


def _slot(values: Tensor, note: str, bounds: Bounds | None, axis: int | None) -> Slot:
    values = values.cpu() if values.device.type == "mps" else values  # MPS has no float64
    flat, times = flat_values(values)
    units = _units(values, axis)
    count = flat.numel()
    if not count:
        return Slot(Facts(units=units, note=note or "no values"))
    sample = thinned(flat, _SAMPLE)
    if not flat.is_floating_point():
        flat = thinned(flat, _EXACT_INTEGERS).to(torch.float64)
    sample = sample.to(torch.float64 if flat.dtype is torch.float64 else torch.float32)
    slot = Slot(Facts(count, times, flat.numel(), units, note), axis, bounds, sample=sample)
    if flat.device.type == "cpu":
        slot.sums = _sums(flat, exact=len(sample) == count)
    else:
        slot.row = _row(flat)
    _count_dead(slot, values)
    return slot


def _shared(recent: _Recent, values: Tensor, lies: Extent, *, bounds: Bounds | None, axis: int | None) -> Slot | None:
    """Return the statistics of a tensor that holds the very values of a recent one; None where it does not."""
    before = recent.tensor()
    if before is None or recent.extent != lies or not before._version == recent.version == values._version:
        return None
    slot = replace(recent.slot, facts=replace(recent.slot.facts, units=_units(values, axis)), axis=axis, bounds=bounds)
    if (slot.axis, recent.shape) != (recent.slot.axis, values.shape):
        _count_dead(slot, values)
    return slot


def _units(values: Tensor, axis: int | None) -> int:
    few = axis is not None and values.is_floating_point() and 0 < values.shape[axis] <= _MANY_UNITS and values.numel()
    return values.shape[axis] if few and axis is not None else 0


def _count_dead(slot: Slot, values: Tensor) -> None:
    axis = slot.axis if slot.facts.units else None
    if slot.sums is not None:
        possible = axis is not None and not (slot.sums.low > 0 or slot.sums.high < 0)
        dead = dead_units(values, axis).item() if possible and axis is not None else 0.0
        slot.sums = slot.sums._replace(dead=float(dead))
    elif slot.row is not None:
        dead_there = slot.row[:1] * 0 if axis is None else dead_units(values, axis).to(torch.float64).view(1)
        slot.row = torch.cat([slot.row[:8], dead_there])


def _sums(flat: Tensor, *, exact: bool) -> Sums:
    """Return the sums over values of this machine; `exact` if a subsample will tell mean and deviation anyway."""
    low, high = (end.item() for end in flat.aminmax())
    if not (isfinite(low) and isfinite(high)):
        finite = flat[flat.isfinite()]
        sums = _sums(finite, exact=exact) if finite.numel() else Sums(nan, nan, 0.0, 0.0)
        lost, above = int(flat.isnan().sum()), int((flat == inf).sum())
        return sums._replace(lost=lost, above=above, below=flat.numel() - finite.numel() - lost - above)
    if exact:
        return Sums(low, high, 0.0, 0.0)
    wide = torch.float32 if flat.element_size() < 4 else None
    total, norm = flat.sum(dtype=wide).item(), torch.linalg.vector_norm(flat, dtype=wide).item()
    if low < high and not well_conditioned(total, norm, flat.numel()):
        return _careful_sums(flat, low, high)
    return Sums(low, high, total, norm)


def _careful_sums(flat: Tensor, low: float, high: float) -> Sums:
    """Return the sums in two passes of float64, for values far from zero or close to an end of their type."""
    parts = torch.split(flat, _EXACT_INTEGERS)
    total = sum(part.to(torch.float64).sum().item() for part in parts)
    mean = total / flat.numel()
    squares = sum(torch.linalg.vector_norm(part.to(torch.float64) - mean).item() ** 2 for part in parts)
    return Sums(low, high, total, nan, spread=sqrt(squares))


def _row(flat: Tensor) -> Tensor:
    """Return the numbers of `Sums` on the values' own device, without a wait for it."""
    wide = torch.float32 if flat.element_size() < 4 else None
    finite = flat.isfinite()
    only = flat.where(finite, 0)
    row = [flat.where(finite, inf).amin(), flat.where(finite, -inf).amax(), only.sum(dtype=wide)]
    row += [torch.linalg.vector_norm(only, dtype=wide), flat[0] * nan]
    row += [flat.isnan().sum(), (flat == inf).sum(), (flat == -inf).sum()]
    return torch.stack([number.to(torch.float64) for number in row])


def _filled(slot: Slot, arrays: dict[int, NDArray[Any]]) -> Measured:
    sample = None if slot.sample is None else arrays.get(id(slot.sample))
    sums = slot.sums if slot.row is None else Sums(*arrays[id(slot.row)].tolist())
    if sample is None and slot.sample is not None:
        sample = slot.sample.numpy()
    slot.measured = summarised(slot.facts, slot.bounds, sums, sample)
    return slot.measured
