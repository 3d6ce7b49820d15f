"""Values of a column as the short texts that a table shows."""

from __future__ import annotations

import math

from nbinspect.records import Column
from nbinspect.records.arrays import Integers

_LONGEST = 200
_WHOLE = 1e7
_SIGNS = {"near": "≈ ", "conflict": "≠ "}


def cells_of(column: Column, rows: Integers) -> list[str]:
    """Return the text of these rows, as it is in the data: hostile; empty where there is no value.

    Numbers have four significant digits; what is right has a tick and what is wrong a cross; another sample's index
    stands behind the sign of how it is alike.
    """
    values = column.values[rows].tolist()
    if column.kind == "flag" or column.name == "correct":
        return ["" if math.isnan(value) else "✓" if value else "✕" for value in values]
    if column.kind == "number":
        return [_number(value) for value in values]
    if column.kind == "index":
        sign = "" if column.name == "index" else _SIGNS.get(column.name, "= ")
        return [f"{sign}{value:,}" if value >= 0 else "" for value in values]
    return [column.words[value][:_LONGEST] if value >= 0 else "" for value in values]


def _number(value: float) -> str:
    if math.isnan(value):
        return ""
    if abs(value) < _WHOLE and value == int(value):
        return str(int(value))
    return f"{value:.4g}"
