"""Mean and std that a data set or one of its transforms holds, found without running any of their code."""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from types import FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

import numpy as np
from torch import Tensor

_PAIRS = (("mean", "std"), ("image_mean", "image_std"), ("pixel_mean", "pixel_std"), ("MEAN", "STD"))
_UNDOES = re.compile(r"inverse|denorm|unnorm", re.IGNORECASE)
_OTHER_DATA = re.compile(rf"target|label|mask|{_UNDOES.pattern}", re.IGNORECASE)
_PLAIN = (int, float, complex, str, bytes, type(None), type, ModuleType, Tensor, np.ndarray, np.generic)
_OBJECTS = 1000
_ITEMS = 32
_NUMBERS = 4096


@dataclass(frozen=True)
class Constants:
    """Per-channel mean and std (one number each, or one a channel) and the place where they were found, in words."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    place: str


def constants_on(dataset: Any) -> Iterator[Constants]:
    """Yield the constants held by a data set, what it wraps, and their transforms, the outermost first.

    Looks at attributes, lists, dicts, closures and partial functions, at 1000 objects at most; runs none of their code,
    raises nothing and leaves them unchanged. What belongs to targets, or undoes a normalisation, is passed over.
    """
    waiting = deque([(dataset, "dataset")])
    seen: dict[int, Any] = {}
    while waiting and len(seen) < _OBJECTS:
        value, place = waiting.popleft()
        kind = type(value)
        if id(value) in seen or issubclass(kind, _PLAIN) or _UNDOES.search(kind.__name__):
            continue
        seen[id(value)] = value  # kept alive, so that no other object takes its id meanwhile
        parts = _parts(value)
        for pair in _PAIRS:
            mean, std = (numbers(parts.get(f".{name}")) for name in pair)
            if mean and std and (len(mean) == len(std) or 1 in (len(mean), len(std))) and min(std) > 0:
                yield Constants(mean, std, f"{kind.__name__} at {place}")
        waiting.extend((part, place + step) for step, part in parts.items() if not _OTHER_DATA.search(step))


def numbers(value: Any) -> tuple[float, ...] | None:
    """Return a number, or a list, tuple, array or tensor of up to 4096 finite ones, as floats; None for the rest."""
    kind = type(value)
    if issubclass(kind, Tensor):
        readable = not value.is_meta and value.numel() <= _NUMBERS and not value.is_complex()
        value = value.detach().flatten().tolist() if readable else None
    elif issubclass(kind, np.ndarray | np.generic):
        value = value.ravel().tolist() if value.size <= _NUMBERS and value.dtype.kind in "fiu" else None
    elif kind in (int, float):
        value = [value]
    if type(value) not in (list, tuple) or len(value) > _NUMBERS:
        return None
    plain = all(type(each) in (int, float) for each in value)
    return tuple(map(float, value)) if plain and np.isfinite(value).all() else None


def _parts(value: Any) -> dict[str, Any]:
    """What an object holds, by the step that leads there: ``.transform`` or ``[0]``."""
    kind = type(value)
    if issubclass(kind, list | tuple):
        items = (list if issubclass(kind, list) else tuple).__getitem__(value, slice(_ITEMS))
        return {f"[{index}]": part for index, part in enumerate(items)}
    if issubclass(kind, dict):
        return {f".{key}": part for key, part in islice(dict.items(value), _ITEMS) if type(key) is str}
    if kind is MethodType:
        return {".__self__": value.__self__}
    if kind is FunctionType:
        cells = zip(value.__code__.co_freevars, value.__closure__ or (), strict=True)
        with suppress(ValueError):  # a cell that is still empty
            return {f".{name}": cell.cell_contents for name, cell in cells}
        return {}
    return {f".{name}": part for name, part in _attributes(value).items()}


def _attributes(value: Any) -> dict[str, Any]:
    """Attributes of the object and of its classes, without what would run code: properties and other descriptors."""
    found: dict[str, Any] = {}
    for kind in reversed(type(value).__mro__):
        for name, part in vars(kind).items():
            if name.startswith("__"):
                continue
            if type(part) is MemberDescriptorType:
                with suppress(AttributeError):  # a slot that is still empty
                    found[name] = part.__get__(value)
            elif not hasattr(type(part), "__get__"):
                found[name] = part
    with suppress(Exception):  # no __dict__, or one that the class makes up
        found.update(object.__getattribute__(value, "__dict__"))
    for name in ("_buffers", "_parameters", "_modules"):
        inner = found.pop(name, None)
        found.update(inner if type(inner) in (dict, OrderedDict) else {})  # the latter before torch 2.5
    return found
