"""Records out of JSON: plain values, and packed arrays, back into the records that they were made from."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nbinspect.errors import InputError

_DTYPES = frozenset(
    ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")
)
_AXES = 16
_LARGEST = 2**40
"""Elements along an axis: more is no array, even where another axis is empty."""


def made(kind: Any, value: Any, buffers: Sequence[Any] | None = None) -> Any:
    """Return the value of JSON as the type that a record's annotation names: a record, a tuple, an array, a number.

    The values may come from anywhere: only records of nbinspect, tuples, numbers, text and arrays are made, nothing is
    called or imported by name. A field that came later than the JSON has its default, one of a later nbinspect is left
    out; of several records in a union the field ``decoder`` chooses.

    Args:
        kind: a record, or the type of a record's field.
        value: JSON values as `nbinspect.wire.pack` or a report writes them; None is NaN where a number must be.
        buffers: the bytes that ``"buffer"`` of packed arrays counts.

    Raises:
        InputError: for a value of another form than `kind`, or an array whose bytes are not those of its shape.
    """
    try:
        return _made(kind, value, buffers or ())
    except (TypeError, ValueError, OverflowError) as error:
        raise error if isinstance(error, InputError) else InputError(f"{type(error).__name__}: {error}") from error


def _made(kind: Any, value: Any, buffers: Sequence[Any]) -> Any:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _record(kind, value, buffers)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return None if value is None else _made(_chosen(arguments, value), value, buffers)
    if origin is Literal:
        return _checked(value, isinstance(value, str) and value in arguments, kind)
    if origin is np.ndarray:
        return _array(typing.get_args(arguments[1])[0], value, buffers)
    if origin is tuple:
        _checked(value, isinstance(value, list), kind)
        kinds = [arguments[0]] * len(value) if arguments[1:] == (...,) else arguments
        return tuple(_made(each, part, buffers) for each, part in zip(kinds, value, strict=True))
    return _plain(kind, value)


def _record(kind: type, value: Any, buffers: Sequence[Any]) -> Any:
    _checked(value, isinstance(value, dict), kind)
    given = {name: _made(hint, value[name], buffers) for name, hint in _hints(kind).items() if name in value}
    return kind(**given)  # what lacks a field that has no default is a TypeError


def _chosen(kinds: tuple[Any, ...], value: Any) -> Any:
    several = [kind for kind in kinds if kind is not type(None)]
    if len(several) == 1:
        return several[0]
    decoder = value.get("decoder") if isinstance(value, dict) else None
    for kind in several:
        if isinstance(decoder, str) and decoder in typing.get_args(_hints(kind).get("decoder")):
            return kind
    raise InputError(f"expected one of {', '.join(kind.__name__ for kind in several)}, got decoder {decoder!r}")


def _plain(kind: Any, value: Any) -> Any:
    if kind is float:
        _checked(value, value is None or (isinstance(value, int | float | str) and not isinstance(value, bool)), kind)
        return math.nan if value is None else float(value)  # reports name what JSON lacks: "NaN", "Infinity"
    if kind is int:
        return _checked(value, isinstance(value, int) and not isinstance(value, bool), kind)
    return _checked(value, isinstance(value, kind), kind)


def _checked(value: Any, right: bool, kind: Any) -> Any:
    if not right:
        raise InputError(f"expected {getattr(kind, '__name__', kind)}, got {repr(value)[:80]}")
    return value


def _array(kind: Any, value: Any, buffers: Sequence[Any]) -> NDArray[Any]:
    if isinstance(value, list):
        return np.array([float(each) for each in value])
    _checked(value, isinstance(value, dict), "an array")
    dtype, shape, data = value.get("dtype"), value.get("shape"), _bytes_of(value, buffers)
    _checked(dtype, isinstance(dtype, str) and dtype in _DTYPES, "the dtype of an array")
    right = isinstance(shape, list) and len(shape) <= _AXES and all(type(n) is int and 0 <= n < _LARGEST for n in shape)
    _checked(shape, right, "the shape of an array")
    _checked(shape, math.prod(shape) * np.dtype(dtype).itemsize == data.nbytes, f"a shape of {data.nbytes} bytes")
    flat = np.frombuffer(data, np.uint8 if dtype == "bool" else dtype)
    # a copy is aligned, and does not keep the bytes of its neighbours; the bytes of flags may be any
    found = flat != 0 if dtype == "bool" else flat.copy()
    return _cast(found, typing.get_origin(kind) or kind).reshape(tuple(shape))


def _cast(array: NDArray[Any], kind: Any) -> NDArray[Any]:
    """Return the array as a field's type wants it; large integers were sent as float64."""
    if kind is Any or np.issubdtype(array.dtype, kind):
        return array
    if kind is np.integer and array.dtype == np.float64 and (np.abs(array) <= 2.0**62).all():
        return array.astype(np.int64)
    raise InputError(f"expected an array of {kind.__name__}, got {array.dtype}")


def _bytes_of(value: dict[str, Any], buffers: Sequence[Any]) -> memoryview:
    if "data" in value:
        return memoryview(value["data"]).cast("B")
    place: int = value.get("buffer", -1)
    _checked(place, type(place) is int and 0 <= place < len(buffers), f"one of {len(buffers)} buffers")
    return memoryview(buffers[place]).cast("B")


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)
