"""Records as the page gets them: JSON with every array apart as raw bytes."""

from __future__ import annotations

import dataclasses
import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


def pack(value: Any, buffers: list[memoryview] | None = None) -> Any:
    """Return records as JSON values, each array as ``{"dtype", "shape", "data"}`` with its bytes in C order.

    With a list of `buffers` the bytes are appended there and ``"buffer"`` is their position, as custom messages want
    it; without one they stay in place under ``"data"``, as synchronised traits want it. Numbers that JSON lacks become
    None, halves of characters, which no message can hold, are written out.
    """
    if isinstance(value, str):
        return _whole(value)
    if isinstance(value, np.ndarray):
        return _packed(value, buffers)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: pack(getattr(value, field.name), buffers) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {_whole(str(key)): pack(part, buffers) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [pack(part, buffers) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


PACKED: dict[str, Any] = {"sync": True, "to_json": lambda value, _widget: pack(value)}
"""Tags of a trait that the page is told by `pack`: its texts may be of the user's own exceptions."""


def _whole(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _packed(array: NDArray[Any], buffers: list[memoryview] | None) -> dict[str, Any]:
    sent = _sendable(array)
    # flattened first: the cast refuses arrays of no elements with more than one axis
    data = np.ascontiguousarray(sent).reshape(-1).view(np.uint8).data
    head = {"dtype": _name_of(sent.dtype), "shape": list(sent.shape)}
    if buffers is None:
        return {**head, "data": data}
    buffers.append(data)
    return {**head, "buffer": len(buffers) - 1}


@cache
def _name_of(dtype: np.dtype[Any]) -> str:
    return str(dtype.name)  # NumPy works it out anew each time, for longer than all the rest takes


def _sendable(array: NDArray[Any]) -> NDArray[Any]:
    """Give JavaScript a type that it can read: it has typed arrays for these, and none for the others."""
    if array.dtype == np.float16:
        return array.astype(np.float32)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        small = array.size == 0 or (array.min() >= -(2**31) and array.max() < 2**31)
        return array.astype(np.int32 if small else np.float64)
    if array.dtype.kind == "c":
        return np.stack([array.real, array.imag], axis=-1).astype(np.float64)
    return array
