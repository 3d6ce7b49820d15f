"""The digest of one sample: hashes of its content, and a few of its values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from nbinspect.capture.tensors import readable
from nbinspect.nested import fields_of
from nbinspect.records import Floats

_PLACES = 64
_FEW = 16

Array: TypeAlias = NDArray[Any]
Form: TypeAlias = tuple[tuple[str, tuple[int, ...]], ...]
"""Type and shape of each array of a sample's inputs."""
Digest: TypeAlias = tuple[int, int, Floats, bool, Floats, int]
"""Hash of the inputs, hash of the targets, the targets if they are a few numbers, whether the inputs are one value,
places, hash of what may be the sample's name and is left out of the inputs; 0 without one."""
_NAME = re.compile(r"(?:\w*_)?(?:id|idx|index|uid|uuid|guid|key)", re.IGNORECASE)


def digest(inputs: Any, targets: Any) -> tuple[Form, Digest]:
    """Return the form and the digest of one sample, left unchanged.

    Raises:
        TypeError: if a part of it is of a kind whose content is unknown.
    """
    content, name = _parted(inputs)
    given, aimed = list(arrays_in(content)), list(arrays_in(targets))
    few = len(aimed) == 1 and (aimed[0].size == 1 or (aimed[0].ndim == 1 and 0 < aimed[0].size <= _FEW))
    label = aimed[0].reshape(-1).astype(np.float64) if few and aimed[0].dtype.kind != "c" else np.full(1, np.nan)
    numbers = [array.reshape(-1) for array in given if array.size]
    flat = all(bool((array == array[0]).all()) for array in numbers)
    form = tuple((str(array.dtype), array.shape) for array in given)
    key = _hash(list(arrays_in(name))) if name else 0
    return form, (_hash(given), _hash(aimed), label, flat, _places(numbers), key)


def _parted(inputs: Any) -> tuple[Any, list[Any]]:
    """Return what a sample holds, and single numbers and texts that may be its name, by what they are called."""
    if not isinstance(inputs, Mapping):
        return inputs, []
    names = [name for name, part in inputs.items() if _NAME.fullmatch(str(name)) and _is_single(part)]
    content = [part for name, part in inputs.items() if name not in names]
    return (content, [inputs[name] for name in names]) if any(True for _ in arrays_in(content)) else (inputs, [])


def _is_single(part: Any) -> bool:
    if isinstance(part, Tensor | np.ndarray):
        return part.ndim == 0 and not part.dtype.is_floating_point if isinstance(part, Tensor) else part.ndim == 0
    return isinstance(part, str | int | np.integer) and not isinstance(part, bool)


def numbers_of(labels: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Return (N, K) the targets of samples, (N, 1) of NaN where they are not as many each, and (N,) those that are one.

    The latter is NaN where K is not 1.
    """
    alike = len({len(label) for label in labels}) == 1
    numbers = np.stack(labels) if alike else np.full((len(labels), 1), np.nan)
    return numbers, numbers[:, 0] if numbers.shape[1] == 1 else np.full(len(numbers), np.nan)


def sizes(inputs: Any) -> list[int]:
    """Return how many values each array of a sample has."""
    return [array.size for array in arrays_in(inputs)]


def arrays_in(value: Any) -> Iterator[Array]:
    """Give the values of a sample as arrays of numbers; it is left unchanged.

    Raises:
        TypeError: if a part of it is of a kind whose content is unknown.
    """
    if isinstance(value, Tensor):
        values = readable(value)[0]
        if values is None:
            raise TypeError("a tensor whose values cannot be read")
        yield (values.float() if str(values.dtype) == "torch.bfloat16" else values).cpu().numpy()
    elif isinstance(value, str | bytes):
        yield np.frombuffer(value.encode() if isinstance(value, str) else value, dtype=np.uint8)
    elif isinstance(value, bool | int | float | np.generic | np.ndarray):
        array = np.asarray(value)
        if array.dtype.kind not in "biufc":
            raise TypeError(f"an array of {array.dtype}")
        yield array
    elif isinstance(value, list | tuple) and value and all(isinstance(part, int | float) for part in value):
        yield np.asarray(value)
    elif isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        for part in value:
            yield from arrays_in(part)
    elif hasattr(value, "tobytes") and hasattr(value, "mode"):
        yield np.asarray(value)  # a picture as Pillow holds it
    elif value is not None:
        fields = value if isinstance(value, Mapping) else fields_of(value)
        if fields is None:
            raise TypeError(f"a {type(value).__name__}")
        for part in fields.values():
            yield from arrays_in(part)


def _hash(arrays: list[Array]) -> int:
    hasher = blake2b(digest_size=8)
    for array in arrays:
        hasher.update(f"{array.dtype}{array.shape}".encode())
        hasher.update(np.ascontiguousarray(array).tobytes())
    return int.from_bytes(hasher.digest(), "big", signed=True)


def _places(numbers: list[Array]) -> Floats:
    if not numbers:
        return np.zeros(0)
    each = max(1, _PLACES // len(numbers))
    chosen = [array[np.linspace(0, len(array) - 1, min(each, len(array))).astype(np.int64)] for array in numbers]
    real = [np.abs(part) if part.dtype.kind == "c" else part for part in chosen]
    result: Floats = np.nan_to_num(np.concatenate(real)).astype(np.float64)[:_PLACES]
    return result
