"""Batches of every form, cut into samples and put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from nbinspect.calling import split_batch
from nbinspect.capture.samples import counted, is_listed
from nbinspect.capture.tensors import batch_size
from nbinspect.errors import CaptureError, InputError
from nbinspect.nested import axis_of, fields_of, map_tensors, tensors_in
from nbinspect.subject import Subject


def size_of(subject: Subject, batch: Any) -> int:
    """Return the number of samples N, what most tensors agree on along the batch axis; 0 where it cannot be cut.

    Raises:
        CaptureError: if the user's `split` raises.
    """
    try:
        parts = split_batch(subject, batch)
    except InputError:
        raise
    except Exception as error:
        raise CaptureError(f"the batch cannot be split: {type(error).__name__}: {error}") from error
    if isinstance(parts.inputs, PackedSequence) or isinstance(parts.targets, PackedSequence):
        return 0
    told = counted(parts, batch, subject.batch_axis)
    if any(_has_listed(part, told, subject.batch_axis) for part in (parts.inputs, parts.targets)):
        return told
    return batch_size([tensor for _, tensor in tensors_in(batch, "") if tensor.dim()], subject.batch_axis)


def picked(value: Any, samples: Sequence[int], size: int, axis: int = 0) -> Any:
    """Return these samples of every tensor and list that has `size` of them; other parts are kept."""
    if is_listed(value, size, axis):
        return type(value)(value[number] for number in samples)
    if _has_listed(value, size, axis):
        return _rebuilt(value, [picked(part, samples, size, axis) for part in _parts(value)])

    def cut(tensor: Tensor) -> Tensor:
        along = axis_of(tensor, size, axis)
        if along is None:
            return tensor
        if len(samples) and list(samples) == list(range(samples[0], samples[0] + len(samples))):
            return tensor.narrow(along, samples[0], len(samples))
        return tensor.index_select(along, torch.tensor(list(samples), device=tensor.device))

    cut_down = map_tensors(cut, value)
    if isinstance(value, dict):
        for key, part in value.items():
            if isinstance(part, list) and len(part) == size and not any(isinstance(each, Tensor) for each in part):
                cut_down[key] = [part[number] for number in samples]
    return cut_down


def joined(values: Sequence[Any], sizes: Sequence[int], axis: int = 0) -> Any:
    """Return several batches of one form as one; parts without samples are those of the first.

    Raises:
        RuntimeError: if tensors differ in anything but their number of samples; ValueError if there are more in one.
    """
    first = values[0]
    if len(values) == 1:
        return first
    if is_listed(first, sizes[0], axis):
        return type(first)(part for value in values for part in value)
    if _has_listed(first, sizes[0], axis):
        columns = zip(*map(_parts, values), strict=True)
        return _rebuilt(first, [joined(list(column), sizes, axis) for column in columns])
    if isinstance(first, Tensor):
        along = axis_of(first, sizes[0], axis)
        return first if along is None else torch.cat(list(values), along)
    plain = isinstance(first, list) and not any(isinstance(part, Tensor) for part in first)
    if plain and all(len(value) == size for value, size in zip(values, sizes, strict=True)):
        return [part for value in values for part in value]
    if isinstance(first, Mapping | list | tuple) or fields_of(first) is not None:
        columns = zip(*([tensor for _, tensor in tensors_in(value, "")] for value in values), strict=True)
        whole = iter([joined(list(column), sizes, axis) for column in columns])
        made = map_tensors(lambda _: next(whole), first)
        if isinstance(first, dict):
            for key, part in first.items():
                if isinstance(part, list) and not any(isinstance(each, Tensor) for each in part):
                    made[key] = joined([value[key] for value in values], sizes, axis)
        return made
    return first


def _has_listed(value: Any, size: int, axis: int) -> bool:
    """Whether a value, or a part of it, is a list of its samples."""
    return is_listed(value, size, axis) or any(_has_listed(part, size, axis) for part in _parts(value))


def _parts(value: Any) -> list[Any]:
    """Return the parts of a dict, list or tuple; other values have none."""
    if isinstance(value, PackedSequence):
        return []
    return list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, list | tuple) else []


def _rebuilt(value: Any, parts: list[Any]) -> Any:
    """Return a dict, list or tuple with other parts."""
    if isinstance(value, dict):
        return dict(zip(value, parts, strict=True))
    return value._make(parts) if hasattr(value, "_make") else type(value)(parts)
