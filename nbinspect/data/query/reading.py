"""The value of each part of a filter: a short list of what may stand in one, everything else is refused."""

from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from nbinspect.data.query.methods import METHODS, WORD_METHODS, Value, among, called, equal, numbers_of
from nbinspect.data.query.source import QueryError, Source
from nbinspect.data.query.words import Words, words_of
from nbinspect.records.arrays import Flags, Floats

if TYPE_CHECKING:
    import pandas as pd

_GREATEST_POWER = 10
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.mod,
    ast.Pow: np.power,
}
_ORDER: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}
_CAN = "it knows columns, numbers, 'words', comparisons, and/or/not/in, + - * / % **, abs() and column.str"


@dataclass(frozen=True, eq=False)
class Table:
    """The table that a filter is about, and the filter's text."""

    frame: pd.DataFrame
    places: dict[str, int]
    """The place of each column by its name."""
    source: Source

    def text(self, node: ast.expr) -> str:
        """Return a part of the filter as its user wrote it, shortened."""
        python = self.source.python.strip().encode()[node.col_offset : node.end_col_offset].decode(errors="replace")
        for stand_in, name in self.source.names.items():
            python = python.replace(stand_in, name)
        return " ".join(python.split())[:80]

    def column(self, name: str) -> Flags | Floats | Words:
        """Return a column as flags, float64 with NaN for none, or words.

        Raises:
            QueryError: for an unknown name, with the nearest known one.
        """
        import pandas as pd

        if name not in self.places:
            near = difflib.get_close_matches(name, self.places, n=1)
            known = f"did you mean {near[0]}?" if near else f"there are {', '.join(list(self.places)[:12])}"
            raise QueryError(f"expected a column, got {name[:80]!r}, and words stand in quotes; {known}")
        series = self.frame.iloc[:, self.places[name]]
        if isinstance(series.dtype, pd.CategoricalDtype) or not pd.api.types.is_numeric_dtype(series.dtype):
            return words_of(series)
        if pd.api.types.is_bool_dtype(series.dtype):
            return series.to_numpy(dtype=np.bool_, na_value=False)
        return series.to_numpy(dtype=np.float64, na_value=np.nan)


def flags_of(node: ast.expr, table: Table) -> Flags:
    """Return (N,) where a condition holds.

    Raises:
        QueryError: for a part that is no condition.
    """
    value = value_of(node, table)
    if isinstance(value, bool | np.bool_) or (isinstance(value, np.ndarray) and value.dtype == np.bool_):
        return np.broadcast_to(value, len(table.frame))
    kind = "words" if isinstance(value, Words | str) else "numbers"
    raise QueryError(f"expected a condition, got {kind}: {table.text(node)!r}; compare it, as in loss > 1")


def value_of(node: ast.expr, table: Table) -> Value:
    """Return what a part of a filter comes to.

    Raises:
        QueryError: for kinds of expressions that are not on the list.
    """
    reading = _KINDS.get(type(node))
    if reading is None:
        raise QueryError(f"expected a filter, got {table.text(node)!r}, which a filter cannot do; {_CAN}")
    value: Value = reading(node, table)
    return value


def _number_of(node: ast.expr, table: Table) -> Floats | float:
    return numbers_of(value_of(node, table), table.text(node))


def _logic(node: ast.BoolOp, table: Table) -> Flags:
    join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
    return reduce(join, (flags_of(part, table) for part in node.values))


def _unary(node: ast.UnaryOp, table: Table) -> Value:
    if isinstance(node.op, ast.Not | ast.Invert):
        return np.logical_not(flags_of(node.operand, table))
    number = _number_of(node.operand, table)
    return -number if isinstance(node.op, ast.USub) else number


def _arithmetic(node: ast.BinOp, table: Table) -> Value:
    work = _ARITHMETIC.get(type(node.op))
    if work is None:
        raise QueryError(f"expected + - * / // % or **, got {table.text(node)!r}")
    left, right = (_number_of(part, table) for part in (node.left, node.right))
    if isinstance(node.op, ast.Pow) and (isinstance(right, np.ndarray) or abs(right) > _GREATEST_POWER):
        raise QueryError(f"expected a power of at most {_GREATEST_POWER}, got {table.text(node)!r}")
    value: Value = work(left, right)
    return value


def _compare(node: ast.Compare, table: Table) -> Flags | bool:
    sides = [node.left, *node.comparators]
    pairs = zip(sides, node.ops, sides[1:], strict=False)
    found: Flags | bool = reduce(np.logical_and, (_pair(left, op, right, table) for left, op, right in pairs))
    return found


def _pair(left: ast.expr, op: ast.cmpop, right: ast.expr, table: Table) -> Flags | bool:
    if type(op) in _ORDER:
        found: Flags | bool = _ORDER[type(op)](_number_of(left, table), _number_of(right, table))
        return found
    if isinstance(op, ast.Is | ast.IsNot):
        raise QueryError("expected == or !=, got is; for what is missing, write column.isna()")
    values = value_of(left, table), value_of(right, table)
    if isinstance(op, ast.In | ast.NotIn):
        found = among(*values, table.text(left))
    else:
        found = equal(*values, (table.text(left), table.text(right)))
    return np.logical_not(found) if isinstance(op, ast.NotIn | ast.NotEq) else found


def _call(node: ast.Call, table: Table) -> Value:
    """Return what one of the listed methods comes to; its name is looked up in that list alone."""
    if any(isinstance(part, ast.Starred) for part in node.args) or any(part.arg is None for part in node.keywords):
        raise QueryError(f"expected arguments one by one, got * or ** in {table.text(node)!r}")
    given = [value_of(part, table) for part in node.args]
    named = {str(part.arg): value_of(part.value, table) for part in node.keywords}
    target = node.func
    if isinstance(target, ast.Name) and target.id == "abs":
        return called("abs", METHODS["abs"], [*given], named)
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Attribute) and target.value.attr == "str":
        if target.attr in WORD_METHODS:
            words = value_of(target.value.value, table)
            if not isinstance(words, Words):
                raise QueryError(f"expected words before .str, got numbers: {table.text(target.value.value)!r}")
            return called(target.attr, WORD_METHODS[target.attr], [words, *given], named)
    elif isinstance(target, ast.Attribute) and target.attr in METHODS:
        return called(target.attr, METHODS[target.attr], [value_of(target.value, table), *given], named)
    known = ", ".join([*METHODS, *(f"str.{name}" for name in WORD_METHODS)])
    raise QueryError(f"expected one of {known}, got {table.text(target)!r}")


def _name(node: ast.Name, table: Table) -> Value:
    return table.column(table.source.names.get(node.id, node.id))


def _constant(node: ast.Constant, table: Table) -> Value:
    if isinstance(node.value, bool | str):
        return node.value
    if isinstance(node.value, int | float) and abs(node.value) < 2**63 and math.isfinite(node.value):
        return float(node.value)
    raise QueryError(f"expected a number or a text in quotes, got {table.text(node)!r}")


def _list(node: ast.List | ast.Tuple | ast.Set, table: Table) -> Value:
    values = [value_of(part, table) for part in node.elts]
    plain = tuple(value for value in values if isinstance(value, float | bool | str))
    if len(plain) < len(values):
        raise QueryError(f"expected a list of numbers or 'words', got {table.text(node)!r}")
    return plain


_KINDS: dict[type[ast.expr], Callable[[Any, Table], Any]] = {
    ast.BoolOp: _logic,
    ast.UnaryOp: _unary,
    ast.BinOp: _arithmetic,
    ast.Compare: _compare,
    ast.Call: _call,
    ast.Name: _name,
    ast.Constant: _constant,
    ast.List: _list,
    ast.Tuple: _list,
    ast.Set: _list,
}
