"""Any value of a configuration as JSON has it: numbers and texts stay, objects become what tells them apart."""

from __future__ import annotations

import argparse
import dataclasses
import math
import re
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from types import CodeType
from typing import Any

import numpy as np
import torch
from torch import Tensor

_DEPTH = 8
_LONGEST = 500
_MANY = 64
"""Numbers of a tensor, above which its shape and type stand for it."""
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def plain(value: Any, depth: int = 0) -> Any:
    """Return a value of JSON that two equal configurations have in common; the given one is left unchanged.

    NaN and infinities become their names, objects their `repr` without addresses, functions their name and the digest
    of their code.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Tensor | np.ndarray | np.generic):
        return _array(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if depth < _DEPTH:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        elif isinstance(value, argparse.Namespace):
            value = vars(value)
        if isinstance(value, Mapping):
            return {str(key): plain(part, depth + 1) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [plain(part, depth + 1) for part in value]
        if isinstance(value, set | frozenset):
            return sorted((plain(part, depth + 1) for part in value), key=repr)
    return described(value) if callable(value) else _text(value)


def _array(value: Any) -> Any:
    shape, kind = tuple(value.shape), str(value.dtype).removeprefix("torch.")
    if math.prod(shape) > _MANY or (isinstance(value, Tensor) and (value.is_meta or value.layout is not torch.strided)):
        return f"{kind} {shape}"
    listed = value.detach().tolist() if isinstance(value, Tensor) else value.tolist()
    return plain(listed) if isinstance(listed, list | bool | int | float | str) else _text(listed)


def _text(value: Any) -> str:
    try:
        return _ADDRESS.sub("", repr(value))[:_LONGEST]
    except Exception:  # noqa: BLE001 - a user's own `repr` may raise anything, and is no reason to keep nothing
        return f"a {type(value).__qualname__}"


def described(thing: Any) -> Any:
    """Return what an object or a function is: its name, its public settings, and a digest of a function's code."""
    if thing is None:
        return None
    name, code = getattr(thing, "__qualname__", None), getattr(thing, "__code__", None)
    if isinstance(code, CodeType):
        return {"function": str(name), "code": code_digest([code])}
    if isinstance(name, str):
        return {"function": name}
    settings = getattr(thing, "__dict__", {})
    own = {
        str(key): plain(part)
        for key, part in dict(settings).items()
        if str(key)[:1] != "_" and key not in ("training", "last_epoch") and _is_setting(part)
    }
    return {"class": type(thing).__qualname__, **own}


def _is_setting(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return len(value) <= _MANY and all(map(_is_setting, value))
    return value is None or isinstance(value, bool | int | float | str)


def code_digest(codes: list[CodeType]) -> str:
    """Return a digest of what functions do: their bytecode, names and constants, wherever they stand."""
    hasher = blake2b(digest_size=6)
    for part in codes:
        for piece in _pieces(part):
            hasher.update(piece)
    return hasher.hexdigest()


def _pieces(code: CodeType) -> Iterator[bytes]:
    yield code.co_code
    yield repr((code.co_names, code.co_varnames, code.co_freevars)).encode("utf-8", "backslashreplace")
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _pieces(constant)
        else:
            # the order of a set differs between processes
            text = repr(sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant)
            yield text.encode("utf-8", "backslashreplace")


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """Return the leaves of a value of JSON by their paths: ``groups.0.lr``."""
    if isinstance(value, dict) and value:
        return {k: v for key, part in value.items() for k, v in flat(part, f"{name}.{key}" if name else key).items()}
    if isinstance(value, list) and any(isinstance(part, dict | list) for part in value):
        return flat({str(place): part for place, part in enumerate(value)}, name)
    return {name: value}
