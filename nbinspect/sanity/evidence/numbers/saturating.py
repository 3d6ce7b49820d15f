"""Stand-ins for data whose casts to small integers stop at the type's ends, where plain ones wrap around."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch.utils._python_dispatch import TorchDispatchMode

from nbinspect.records import Flags

_SMALL = (torch.uint8, torch.int8, torch.int16)
_SMALL_ARRAYS = (np.uint8, np.int8, np.int16)
_MARK = 2.0**31


class SaturatingArray(np.ndarray):
    """An array of which casts stop at the ends: of fractions, for which a wrap is undefined; or before a clip there.

    Whole numbers that were fractions wrap as ever, unless a clip to the very ends of the type, which does nothing any
    more, tells that they were to stop.
    """

    was_fraction = False
    stops: tuple[NDArray[Any], NDArray[Any]] | None = None
    """What a cast made, and what it would have made had it stopped."""

    def __array_finalize__(self, made_of: Any) -> None:
        self.was_fraction = self.dtype.kind == "f" or getattr(made_of, "was_fraction", False)

    def astype(self, dtype: DTypeLike, *options: Any, **named: Any) -> Any:  # type: ignore[override] # of any type
        """Cast to a type."""
        with np.errstate(invalid="ignore"):
            made: Any = super().astype(dtype, *options, **named)
        if self.dtype.kind not in "if" or made.dtype not in _SMALL_ARRAYS or not self.was_fraction or not self.size:
            return made
        ends, plain = np.iinfo(made.dtype), self.view(np.ndarray)
        beyond = _beyond(plain, ends.min, ends.max)
        if SaturatingCasts.widens:
            return super().astype(np.int32) if beyond.any() else made
        stopped = np.where(beyond, np.clip(np.nan_to_num(plain), ends.min, ends.max), made).astype(made.dtype)
        if self.dtype.kind == "f":
            SaturatingCasts.stopped += int(beyond.sum())
            return stopped.view(SaturatingArray)
        made.stops = np.array(made), stopped
        return made

    def clip(self, low: Any = None, high: Any = None, *options: Any, **named: Any) -> Any:  # type: ignore[override]
        """Clip to the ends."""
        if self.stops is not None and np.ndim(low) == np.ndim(high) == 0 and None not in (low, high):
            (made, stopped), ends = self.stops, np.iinfo(self.dtype)
            if (low, high) == (ends.min, ends.max) and np.array_equal(self, made):  # not written to since the cast
                SaturatingCasts.stopped += int(np.sum(made != stopped))
                return stopped.view(SaturatingArray)
        return super().clip(low, high, *options, **named)


class SaturatingCasts(TorchDispatchMode):  # type: ignore[no-untyped-call] # PyTorch's own class
    """Under this mode, casts of fractions in tensors to small integers stop at the ends of the type."""

    stopped = 0
    """How many values were stopped in this process, of tensors and of arrays."""
    widens = False
    """Whether casts that would wrap around make wide integers instead, which hold the values."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operation."""
        made = func(*args, **(kwargs or {}))
        if func is not torch.ops.aten._to_copy.default or made.dtype not in _SMALL or not args[0].is_floating_point():
            return made
        ends, values = torch.iinfo(made.dtype), args[0].detach()
        beyond = torch.from_numpy(_beyond(values.to("cpu", torch.float64).numpy(), ends.min, ends.max)).to(made.device)
        if SaturatingCasts.widens:
            return values.to(torch.int32) if beyond.any() else made
        SaturatingCasts.stopped += int(beyond.sum())
        return torch.where(beyond, values.nan_to_num().clamp(ends.min, ends.max).to(made.dtype), made)


def _beyond(values: NDArray[Any], low: int, high: int) -> Flags:
    """Tell which values a clip would have been for.

    None that is one beyond the lower end, as -1 for 255, or stands for a gap: infinite or immense, or the one number
    there is out there, as -9999. Only what is next to the upper end may be one, as a factor of 256 gives it.
    """
    found: Flags = ((values >= high + 1) | (values < low - 1)) & (np.abs(values) < _MARK)
    kinds = np.unique(values[found])
    return found & (kinds.size != 1 or bool(high + 1 <= kinds[0] < high + 2))


def saturating(value: Any) -> Any:
    """Return a value with stand-ins for the arrays in it."""
    if type(value) in (np.ndarray, np.memmap):  # a masked array would lose its mask
        return value.view(SaturatingArray)
    if isinstance(value, Mapping):
        return {key: saturating(part) for key, part in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)(saturating(part) for part in value)
    return value
