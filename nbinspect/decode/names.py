"""Names of classes, tokens and features: looked up by index in whatever the user has, and made fit to be shown."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, TypeAlias

from nbinspect.errors import InputError, written_out

Lookup: TypeAlias = Callable[[int], Any]
"""Gives the name of an index, or None where there is none."""

IGNORED = -100
"""The class index that PyTorch's losses ignore."""

_LIMIT = 60
_SHOWN = 3
_OUTSIDE = re.compile(r"(\S+) \((outside the (?:\d+ )?class names)\)$")
_SIGNS = str.maketrans("\n\t", "↵⇥")


def shortened(text: Any, limit: int = _LIMIT) -> str:
    """Return anything as one line of at most `limit` characters, with control characters made visible."""
    try:
        whole = text.decode("utf-8", "backslashreplace") if isinstance(text, bytes) else str(text)
    except Exception as error:  # noqa: BLE001 - a name's own __str__ may raise anything
        return f"⟨{type(text).__name__} that cannot be written: {type(error).__name__}⟩"
    shown = written_out(whole[: limit + 1].translate(_SIGNS))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def names_of(what: str, names: Sequence[object] | None, shown: int, total: int, tensor: str) -> tuple[str, ...]:
    """Return the first `shown` of the user's names, or ``feature 0``, ``feature 1`` … where there are none.

    Raises:
        InputError: where the number of names is not `total`.
    """
    if names is None:
        return tuple(f"{what} {index}" for index in range(shown))
    if len(names) != total:
        raise InputError(
            f"{what}_names: expected {total} names, one for each {what} of {tensor}, got {len(names)}; "
            f"give {total} names, or none"
        )
    return tuple(map(shortened, list(names)[:shown]))


def lookup_in(names: Any, argument: str) -> tuple[Lookup, int | None]:
    """Return a lookup by index, and how many names there are (None where the object does not tell).

    `names` is a sequence, a mapping index → name or name → index, a string of characters, or an object with
    `get_itos` or `lookup_token`, as vocabularies have; it is read when asked, and left unchanged.

    Raises:
        InputError: if it cannot be read by index.
    """
    if callable(getattr(names, "get_itos", None)):
        names = names.get_itos()
    if isinstance(names, Mapping):
        names = _by_index(names)
    get = getattr(names, "lookup_token", None) or getattr(names, "__getitem__", None)
    if get is None or isinstance(names, type):
        kind = type(names).__name__
        raise InputError(f"{argument}: expected a list of names or a dict index → name, got {kind}; write sorted(…)")
    return lambda index: _name_at(get, index), len(names) if hasattr(names, "__len__") else None


def _by_index(names: Mapping[Any, Any]) -> dict[int, Any]:
    """Turn name → index round; keys that JSON made text of become numbers again."""
    if not all(isinstance(key, Integral) for key in names) and all(isinstance(n, Integral) for n in names.values()):
        return {int(index): name for name, index in names.items()}
    return {int(key): name for key, name in names.items() if str(key).lstrip("-").isdecimal()}


def _name_at(get: Callable[[int], Any], index: int) -> Any:
    if index < 0:
        return None
    try:
        return get(index)
    except Exception:  # noqa: BLE001 - an index outside raises whatever the container chooses
        return None


@dataclass(frozen=True)
class Names:
    """Class names, looked up by index."""

    lookup: Lookup | None
    count: int | None

    @classmethod
    def of(cls, class_names: Any) -> Names:
        """Return the names that the user gave; none for None.

        Raises:
            InputError: if they cannot be read by index.
        """
        return cls(None, None) if class_names is None else cls(*lookup_in(class_names, "class_names"))

    @property
    def given(self) -> bool:
        """Whether there are names at all."""
        return self.lookup is not None

    def bare(self, index: int) -> str:
        """Return the name of a class, or its index where it has none."""
        name = None if self.lookup is None else self.lookup(index)
        return number(index) if name is None else shortened(name)

    def __getitem__(self, index: int) -> str:
        if index == IGNORED:
            return "ignored"
        if self.lookup is None or self.lookup(index) is not None:
            return self.bare(index)
        return f"{number(index)} (outside the {'' if self.count is None else f'{self.count} '}class names)"


def outside(labels: Mapping[str, int]) -> tuple[int, str]:
    """Return how many labels have no name, from how often each text of `Names` comes, and in words which; 0 for none.

    The words go on from "is" or "are": ``outside the 10 class names: 10, 12``.
    """
    found = {match[1]: (match[2], count) for text, count in labels.items() if count and (match := _OUTSIDE.match(text))}
    if not found:
        return 0, ""
    shown = ", ".join([*found][:_SHOWN]) + ", …" * (len(found) > _SHOWN)
    told = next(iter(found.values()))[0]
    return sum(count for _, count in found.values()), f"{told}: {shown}"


def number(value: float) -> str:
    """Return a number with at most four significant digits; an integer whole."""
    if isinstance(value, int):
        return str(value).replace("-", "−")
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "−Inf"
    return f"{value:.4g}".replace("-", "−")
