"""Batches as loaders give them: nested dicts, lists, tuples, dataclasses and objects that hold tensors."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

_DEPTH = 16


class Arguments(dict[str, Any]):
    """Inputs that are all that a model is called with, by the names of its arguments; nothing is added or left out."""

    by_place = 0
    """How many of them, the first, are given by their places."""

    def given(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the positional and the keyword arguments."""
        named = list(self.items())
        return tuple(value for _, value in named[: self.by_place]), dict(named[self.by_place :])


def fields_of(value: Any) -> dict[str, Any] | None:
    """Return the named parts of a mapping, NamedTuple, dataclass or object that holds tensors, else None."""
    if isinstance(value, Tensor | PackedSequence | str | bytes | type | torch.nn.Module):
        return None
    if isinstance(value, Mapping):
        return {str(key): part for key, part in value.items()}
    if isinstance(value, tuple):
        names = getattr(value, "_fields", None)
        return dict(zip(names, value, strict=True)) if names else None
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, list):
        return None
    parts = getattr(value, "__dict__", None)
    if isinstance(parts, dict) and any(isinstance(part, Tensor) for part in parts.values()):
        return dict(parts)
    return None


def tensors_in(value: Any, name: str, depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    """Yield every tensor of a nested value with the expression that reaches it: ``batch['image'][0]``."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, PackedSequence):
        yield f"{name}.data", value.data
    elif depth < _DEPTH:
        fields = fields_of(value)
        if fields is not None:
            style = "{}['{}']" if isinstance(value, Mapping) else "{}.{}"
            for key, part in fields.items():
                yield from tensors_in(part, style.format(name, key), depth + 1)
        elif isinstance(value, list | tuple):
            for position, part in enumerate(value):
                yield from tensors_in(part, f"{name}[{position}]", depth + 1)


def packed_in(value: Any, depth: int = 0) -> Iterator[PackedSequence]:
    """Yield every packed sequence of a nested value."""
    if isinstance(value, PackedSequence):
        yield value
    elif depth < _DEPTH:
        fields = fields_of(value)
        parts = value if fields is None and isinstance(value, list | tuple) else (fields or {}).values()
        for part in parts:
            yield from packed_in(part, depth + 1)


def map_tensors(change: Callable[[Tensor], Tensor], value: Any, depth: int = 0) -> Any:
    """Return a copy of a nested value with `change` applied to each tensor; the value itself is left unchanged."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, PackedSequence):
        return value._replace(data=change(value.data))
    if depth >= _DEPTH:
        return value

    def changed(part: Any) -> Any:
        return map_tensors(change, part, depth + 1)

    if isinstance(value, MutableMapping):
        again = copy.copy(value)
        for key, part in value.items():
            again[key] = changed(part)
        return again
    if isinstance(value, tuple):
        parts = [changed(part) for part in value]
        return value._make(parts) if hasattr(value, "_make") else tuple(parts)
    if isinstance(value, list):
        return [changed(part) for part in value]
    fields = fields_of(value)
    if fields is None or isinstance(value, Mapping):
        return value
    again = copy.copy(value)
    for key, part in fields.items():
        # a frozen dataclass refuses plain assignment, also on the copy that nobody has seen yet
        object.__setattr__(again, key, changed(part))
    return again


def moved_to(value: Any, device: torch.device) -> Any:
    """Return a nested value with every tensor on `device`; tensors that are there already are not copied."""
    return map_tensors(lambda tensor: tensor if tensor.is_meta else tensor.to(device), value)


def axis_of(tensor: Tensor, size: int, axis: int) -> int | None:
    """Return the axis along which a tensor has `size` samples, `axis` before the first; None where it has none."""
    return next((each for each in (axis, 0) if tensor.dim() > each and tensor.shape[each] == size), None)
