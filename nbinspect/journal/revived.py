"""A report out of its JSON: plain values back into the records that they were made from."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from functools import cache
from typing import Any

import numpy as np

from nbinspect import records
from nbinspect.errors import InputError
from nbinspect.records import SanityRecord
from nbinspect.report.interchange import VERSION
from nbinspect.report.report import Report


def revived(text: str) -> Report:
    """Return the report that was written as JSON by `Report.to_json`.

    Raises:
        InputError: for JSON of another form than this nbinspect writes.
    """
    found = json.loads(text)
    if found.get("version") != VERSION:
        raise InputError(f"report: written in form {found.get('version')}, this nbinspect reads form {VERSION}")
    try:
        return Report(_made(SanityRecord, found))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"report: not as nbinspect writes it ({type(error).__name__}: {error})") from error


def _made(kind: Any, value: Any) -> Any:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        # a field that came later has its default, one of a later nbinspect is left out
        return kind(**{name: _made(hint, value[name]) for name, hint in _hints(kind).items() if name in value})
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        return _made(next(each for each in arguments if each is not type(None)), value)
    if origin is np.ndarray:
        return np.array([float(each) for each in value])
    if origin is tuple and arguments[1:] == (...,):
        return tuple(_made(arguments[0], each) for each in value)
    if origin is tuple:
        return tuple(_made(each, part) for each, part in zip(arguments, value, strict=True))
    return float(value) if kind is float else value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind, vars(records))
