"""Records whose every text is hostile: found by the types of their fields, so that a new field is among them."""

from __future__ import annotations

import dataclasses
import itertools
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from tests.security.hostile import HOSTILE

Record = TypeVar("Record")

# Words of nbinspect's own in fields that are plain text: by them is looked up how something is shown, or drawn. Those
# of a report that comes out of a journal are checked when it is read.
OURS = {
    *(("CheckResult", name) for name in ("check", "stage", "explained_by", "explains", "sources")),
    ("SanityRecord", "diagnosis"),
    ("ProbeRecord", "task"),
    *(("RecipeStep", name) for name in ("id", "title", "advice", "sources")),
    *(("RecipeChapter", "title"), ("RecipeRecord", "next")),
}


def turned(record: Record, turns: int, names: Sequence[str] = tuple(HOSTILE)) -> Iterator[Record]:
    """The record poisoned so many times with the strings of these names, each time with others in each place."""
    strings = [HOSTILE[name] for name in names]
    for turn in range(turns):
        first = turn * len(strings) // turns
        yield poisoned(record, itertools.cycle(strings[first:] + strings[:first]))


def poisoned(record: Record, texts: Iterator[str]) -> Record:
    """The same record with each of its texts taken from `texts`; numbers and what is chosen from a list stay."""
    return typing.cast("Record", _poisoned(type(record), record, texts))


def _poisoned(hint: Any, value: Any, texts: Iterator[str]) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        hints = typing.get_type_hints(type(value))
        changed = {
            field.name: _poisoned(hints[field.name], getattr(value, field.name), texts)
            for field in dataclasses.fields(value)
            if (type(value).__name__, field.name) not in OURS
        }
        return dataclasses.replace(value, **changed)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        texty = [kind for kind in arguments if kind is str or typing.get_origin(kind) is tuple]
        return value if value is None else _poisoned(texty[0] if len(texty) == 1 else None, value, texts)
    if isinstance(value, tuple) and arguments:
        kinds = [arguments[0]] * len(value) if arguments[1:] == (...,) else arguments
        return tuple(_poisoned(kind, part, texts) for kind, part in zip(kinds, value, strict=True))
    return next(texts) if hint is str else value
