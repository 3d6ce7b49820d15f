"""What the text of the user's own step says: where it stands, and the calls in it and in the functions it uses."""

from __future__ import annotations

import ast
import functools
import inspect
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from nbinspect.copies.reach import bindings_of, is_users_file
from nbinspect.records import Place
from nbinspect.sanity.evidence.source import tree_of


@dataclass(frozen=True)
class Mention:
    """A call of a method that the user's text has."""

    place: Place
    line: str
    """The text of the line, without its indent."""
    is_conditional: bool
    """Whether it stands under an ``if`` or in a ``try``."""


def place_of(step: Callable[..., Any] | None) -> Place | None:
    """Return where a step is defined; None where that is not to be had."""
    function = next(_functions_in(step), None)
    found = None if function is None else _lines_of(function)
    if function is None or found is None:
        return None
    return Place(function.__code__.co_filename, found[1], function.__qualname__, found[1])


def mentions_of(step: Callable[..., Any] | None, method: str) -> list[Mention]:
    """Return every call of ``….method(…)`` in the text of a step and of the user's functions that it uses."""
    return [mention for function in functions_of(step) for mention in _mentions_in(function, method)]


def functions_of(step: Callable[..., Any] | None) -> list[types.FunctionType]:
    """Return a step's own function, and the user's functions that it reaches, each once."""
    reached = bindings_of([step]) if step is not None else []
    parts = [part for binding in reached for part in _functions_in(binding.value)]
    return list({id(part): part for part in parts if is_users_file(part.__code__.co_filename)}.values())


def _functions_in(value: Any) -> Iterator[types.FunctionType]:
    if isinstance(value, functools.partial):
        yield from _functions_in(value.func)
    elif isinstance(value, types.MethodType):
        yield from _functions_in(value.__func__)
        yield from (part for part in vars(type(value.__self__)).values() if isinstance(part, types.FunctionType))
    elif isinstance(value, types.FunctionType):
        inner = inspect.unwrap(value)
        yield from (part for part in {id(inner): inner, id(value): value}.values())
    elif callable(value) and not isinstance(value, type):
        own = inspect.getattr_static(type(value), "__call__")
        yield from (part for part in (own, *vars(type(value)).values()) if isinstance(part, types.FunctionType))


def _lines_of(function: types.FunctionType) -> tuple[list[str], int] | None:
    try:
        return inspect.getsourcelines(function)
    except (OSError, TypeError):
        return None


def _mentions_in(function: types.FunctionType, method: str) -> Iterator[Mention]:
    tree, found = tree_of(function), _lines_of(function)
    if tree is None or found is None:
        return
    lines, first = found
    for node, conditional in _walked(tree, conditional=False):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method:
            place = Place(function.__code__.co_filename, first + node.lineno - 1, function.__qualname__, first)
            yield Mention(place, lines[node.lineno - 1].strip(), conditional)


def _walked(node: ast.AST, *, conditional: bool) -> Iterator[tuple[ast.AST, bool]]:
    yield node, conditional
    for child in ast.iter_child_nodes(node):
        yield from _walked(child, conditional=conditional or isinstance(node, ast.If | ast.IfExp | ast.Try))
