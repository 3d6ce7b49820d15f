"""Batches of NumPy arrays: held as tensors, and handed to the user's own functions as the arrays that they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbinspect.nested import map_tensors, tensors_in

_NUMBERS = "biufc"
_WIDEST = {"b": 1, "i": 8, "u": 8, "f": 8, "c": 16}
"""Bytes of the widest numbers of each kind that torch has."""


def as_tensors(raw: Any) -> Any | None:
    """Return a batch with tensors in the stead of its arrays of numbers; the given one is left unchanged.

    None where it holds a tensor, no such array, one that torch has no like of, or arrays in lists within it, of which
    each may be a sample.
    """
    if next(tensors_in(raw, ""), None) is not None or _is_foreign(raw):
        return None
    if isinstance(raw, np.ndarray):
        return _tensor(raw) if _has_numbers(raw) else None
    parts = raw.values() if isinstance(raw, dict) else raw if isinstance(raw, list | tuple) else ()
    if not any(map(_has_numbers, parts)) or any(_is_foreign(part) or _holds_arrays(part) for part in parts):
        return None
    return _mapped(_tensor, raw)


def as_arrays(raw: Any, *, copy: bool = True) -> Any:
    """Return a batch with arrays in the stead of its tensors; without `copy` on their memory, where it is the CPU's."""

    def array(tensor: Tensor) -> Any:
        made = tensor.detach().cpu().numpy()
        return made.copy() if copy else made  # no version tells of what is written to an array

    with torch._C.DisableTorchFunction():  # it is no step of the user's
        return map_tensors(array, raw)


def joined(parts: Any, raw: Any) -> Any:
    """Return what the user's `split` made of arrays: as tensors, and as those of the batch where it handed these on."""
    own = {_key(tensor): tensor for _, tensor in tensors_in(raw, "")}

    def instead(part: Any) -> Any:
        made = _tensor(part, copy=False) if not _is_foreign(part) else part
        return own.get(_key(made), made) if isinstance(made, Tensor) else made

    return map_tensors(instead, _deep(instead, parts))


def _key(tensor: Tensor) -> tuple[Any, ...]:
    if tensor.layout is not torch.strided:
        return (id(tensor),)
    return tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride()


def _has_numbers(part: Any) -> bool:
    return isinstance(part, np.ndarray) and part.ndim > 0 and part.dtype.kind in _NUMBERS


def _is_foreign(part: Any) -> bool:
    """Whether an array means more than its numbers, as one with a mask does, or has numbers that torch lacks."""
    if not _has_numbers(part):
        return False
    return type(part) not in (np.ndarray, np.memmap) or part.dtype.itemsize > _WIDEST[part.dtype.kind]


def _holds_arrays(part: Any) -> bool:
    inner: Iterable[Any] = part.values() if isinstance(part, dict) else part if isinstance(part, list | tuple) else ()
    return any(isinstance(one, np.ndarray) or _holds_arrays(one) for one in inner)


def _tensor(part: Any, *, copy: bool = True) -> Any:
    """Return an array of numbers as a tensor, a copy by default; anything else as it is."""
    if not _has_numbers(part):
        return part
    try:
        return torch.from_numpy(np.array(part, copy=True) if copy or not part.flags.writeable else part)
    except (TypeError, ValueError):
        return torch.from_numpy(np.array(part, dtype=part.dtype.newbyteorder("="), copy=True))


def _mapped(change: Callable[[Any], Any], value: Any) -> Any:
    if isinstance(value, dict):
        return {key: change(part) for key, part in value.items()}
    parts = [change(part) for part in value]
    if isinstance(value, tuple):
        return value._make(parts) if hasattr(value, "_make") else tuple(parts)
    return parts


def _deep(change: Callable[[Any], Any], value: Any) -> Any:
    is_nested = isinstance(value, dict | list | tuple)
    return _mapped(lambda part: _deep(change, part), value) if is_nested else change(value)
