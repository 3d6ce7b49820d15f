"""How many samples a batch holds, and which of its tensors belong together: batches come in every form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from torch import Tensor

from nbinspect.calling import Parts, split_batch
from nbinspect.capture.tensors import batch_size, length_of
from nbinspect.nested import packed_in, tensors_in
from nbinspect.subject import Subject

Entry: TypeAlias = "tuple[str, Tensor | list[Tensor]]"
"""A tensor and the expression that reaches it; a list stands for samples of different sizes."""


def size_in(subject: Subject, batch: Any) -> int:
    """Return the number of samples of a batch as `capture_batch` counts them, without a forward."""
    return counted(split_batch(subject, batch), batch, subject.batch_axis)


def counted(parts: Parts, batch: Any, axis: int) -> int:
    """Return the number of samples of a batch that has been split already."""
    hint = told_size(parts.inputs, parts.targets, batch, axis)
    found = (*entries(parts.inputs, "", hint, axis), *entries(parts.targets, "", hint, axis))
    return packed_size(parts.inputs, parts.targets) or batch_size([value for _, value in found], axis)


def size_of_any(subject: Subject, batch: Any) -> int:
    """Return the number of samples of a batch, also of one made by hand, that the user's `split` does not take."""
    try:
        return size_in(subject, batch)
    except Exception:  # noqa: BLE001 - `split` may raise anything on it
        return batch_size([tensor for _, tensor in tensors_in(batch, "")], subject.batch_axis)


def entries(value: Any, name: str, size: int | None, axis: int = 0) -> Iterator[Entry]:
    """Yield the tensors of a nested value; a list of samples of different sizes, or of dicts of them, is one entry.

    `size` is the number of samples where it is known, and `axis` the one that they are along in tensors of several.
    """
    if isinstance(value, list | tuple) and value:
        if _is_ragged(value, size, axis):
            yield name, list(value)
            return
        if all(isinstance(part, Mapping) for part in value) and len({tuple(part) for part in value}) == 1:
            for key in value[0]:
                yield from entries([part[key] for part in value], f"{name}[:]['{key}']", len(value), axis)
            return
    if isinstance(value, list | tuple | Mapping) and not hasattr(value, "_fields"):
        parts = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, part in parts:
            yield from entries(part, f"{name}[{key!r}]", size, axis)
        return
    yield from tensors_in(value, name)


def is_listed(value: Any, size: int, axis: int = 0) -> bool:
    """Whether a value is a list of its samples: of tensors of different sizes, or of a mapping each."""
    if not isinstance(value, list | tuple) or not len(value) == size > 0:
        return False
    return all(isinstance(part, Mapping) for part in value) or _is_ragged(value, size, axis)


def packed_size(*values: Any) -> int | None:
    """Return the number of samples of the first packed sequence, all of which have a first step; None without one."""
    return next((int(packed.batch_sizes[0]) for packed in packed_in(values)), None)


def told_size(inputs: Any, targets: Any, batch: Any, axis: int) -> int | None:
    """Return the length of the targets, or of the first list of a dict for each sample; None where there is neither."""
    told = length_of(targets, axis)
    if axis and any(length_of(tensor, axis) == length_of(targets) for _, tensor in tensors_in(inputs, "")):
        told = length_of(targets)  # (N, K), and not time first
    if told is not None:
        return told
    for value in (targets, *(batch.values() if isinstance(batch, Mapping) else ())):
        if isinstance(value, list | tuple) and value and all(isinstance(part, Mapping) for part in value):
            return len(value)
    return None


def _is_ragged(parts: Sequence[Any], size: int | None, axis: int = 0) -> bool:
    """Tell samples of different sizes from several inputs: the latter are as long as the batch."""
    if not all(isinstance(part, Tensor) and part.dim() for part in parts):
        return False
    if len({(part.dim(), part.dtype) for part in parts}) > 1:
        return False
    pictures = parts[0].dim() == 3 and size == len(parts) and {part.shape[0] for part in parts} <= {1, 3, 4}
    if all(length_of(part, axis) == size for part in parts) and not pictures:
        return False
    return size == len(parts) or len({part.shape for part in parts}) > 1
