"""What a filter may call on a column: the few methods of pandas that only look."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from nbinspect.data.query.source import QueryError
from nbinspect.data.query.words import Words, as_numbers, pattern_of
from nbinspect.records.arrays import Flags, Floats

Scalar: TypeAlias = "float | bool | str"
Value: TypeAlias = "Flags | Floats | Words | Scalar | tuple[Scalar, ...]"


def numbers_of(value: Value, name: str) -> Floats | float:
    """Return a value as float64; words count where they are numbers, flags and lists do not.

    Raises:
        QueryError: for a value that is no number, called `name` there.
    """
    if isinstance(value, Words):
        numbers = as_numbers(value)
        if numbers is None:
            example = repr(value.words[0][:40])
            raise QueryError(f"expected numbers, but {name} holds words such as {example}; write == {example}")
        return numbers
    if isinstance(value, str | bool | tuple) or np.asarray(value).dtype == np.bool_:
        kind = "text" if isinstance(value, str) else "a list" if isinstance(value, tuple) else "yes or no"
        raise QueryError(f"expected a number, got {kind}: {name}")
    return np.asarray(value, dtype=np.float64) if isinstance(value, np.ndarray) else float(value)


def equal(left: Value, right: Value, names: tuple[str, str]) -> Flags | bool:
    """Return where two values are equal; a missing one is equal to nothing.

    Raises:
        QueryError: for a number against words that are no numbers, and for lists.
    """
    if isinstance(left, tuple) or isinstance(right, tuple):
        raise QueryError(f"expected one value on each side of ==, got a list; write {names[0]} in {names[1]}")
    if isinstance(left, Words | str) and isinstance(right, Words | str):
        return _same_words(left, right)
    if isinstance(left, str) or isinstance(right, str):
        text, other = (names[0], names[1]) if isinstance(left, str) else (names[1], names[0])
        raise QueryError(f"expected a number to compare {other} with, got text: {text}; write it without quotes")
    found: Flags | bool = np.equal(_plain_number(left, names[0]), _plain_number(right, names[1]))
    return found


def _same_words(left: Words | str, right: Words | str) -> Flags | bool:
    if isinstance(left, Words) and isinstance(right, Words):
        return left.equal(right)
    if isinstance(left, Words):
        return left.flags(lambda word: word == right)
    return right.flags(lambda word: word == left) if isinstance(right, Words) else left == right


def _plain_number(value: Value, name: str) -> Floats | float:
    """Return a number; yes counts as 1 and no as 0, for ``correct == False``."""
    if isinstance(value, bool) or (isinstance(value, np.ndarray) and value.dtype == np.bool_):
        return np.asarray(value, dtype=np.float64)
    return numbers_of(value, name)


def among(value: Value, options: Value, name: str) -> Flags | bool:
    """Return where a value is one of a list.

    Raises:
        QueryError: for options that are no list, and for words where the value is a number.
    """
    if not isinstance(options, tuple):
        raise QueryError(f"expected a list such as {name} in ['cat', 'dog'], got one value; to search, {name}.str")
    texts = {option for option in options if isinstance(option, str)}
    numbers = [option for option in options if not isinstance(option, str)]
    found: Flags | bool = False
    if texts and isinstance(value, Words):
        found = value.flags(texts.__contains__)
    elif texts:
        found = equal(value, min(texts), (name, repr(min(texts))))
    if numbers:
        found = np.logical_or(found, np.isin(_plain_number(value, name), [float(option) for option in numbers]))
    return found


def _missing(value: Value) -> Flags | bool:
    if isinstance(value, Words):
        return np.asarray(value.codes < 0)
    return np.isnan(value) if isinstance(value, np.ndarray) else False


def _present(value: Value) -> Flags | bool:
    return np.logical_not(_missing(value))


def _is_in(value: Value, values: Value) -> Flags | bool:
    return among(value, values, "a column")


def _between(value: Value, left: Value, right: Value, inclusive: Value = "both") -> Flags:
    number, low, high = (numbers_of(part, "a side of between") for part in (value, left, right))
    if inclusive not in ("both", "neither", "left", "right"):
        raise QueryError(f"expected inclusive='both', 'neither', 'left' or 'right', got {inclusive!r}")
    above = np.greater_equal if inclusive in ("both", "left") else np.greater
    below = np.less_equal if inclusive in ("both", "right") else np.less
    return np.logical_and(above(number, low), below(number, high))


def _abs(value: Value) -> Floats | float:
    return np.abs(numbers_of(value, "the value of abs"))


def _contains(words: Words, pat: Value, case: Value = True, na: Value = False, regex: Value = True) -> Flags:
    search = pattern_of(_text(pat, "contains"), regex=bool(regex), case=bool(case)).search
    return words.flags(lambda word: search(word) is not None) | (np.asarray(words.codes < 0) & (na is True))


def _starts(words: Words, pat: Value) -> Flags:
    start = _text(pat, "startswith")
    return words.flags(lambda word: word.startswith(start))


def _ends(words: Words, pat: Value) -> Flags:
    end = _text(pat, "endswith")
    return words.flags(lambda word: word.endswith(end))


def _text(value: Value, method: str) -> str:
    if not isinstance(value, str):
        raise QueryError(f"expected text in quotes in {method}(…), got {value!r}"[:200])
    return value


METHODS: Mapping[str, Callable[..., Value]] = {
    "isna": _missing,
    "isnull": _missing,
    "notna": _present,
    "notnull": _present,
    "isin": _is_in,
    "between": _between,
    "abs": _abs,
}
WORD_METHODS: Mapping[str, Callable[..., Value]] = {
    "contains": _contains,
    "startswith": _starts,
    "endswith": _ends,
    "lower": lambda words: words.changed(str.lower),
    "upper": lambda words: words.changed(str.upper),
    "strip": lambda words: words.changed(str.strip),
    "len": lambda words: words.numbers(len),
}


def called(name: str, method: Callable[..., Value], given: Sequence[Value], named: Mapping[str, Value]) -> Value:
    """Return what a method comes to.

    Raises:
        QueryError: for arguments that it does not take.
    """
    try:
        inspect.signature(method).bind(*given, **named)
    except TypeError:
        own = ", ".join(list(inspect.signature(method).parameters)[1:])
        raise QueryError(f"expected {name}({own}), got other arguments") from None
    return method(*given, **named)
