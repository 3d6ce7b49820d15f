"""The text of the user's own code, parsed: whose it is, and what it calls."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
import textwrap
from collections.abc import Callable
from typing import Any

from nbinspect.records import Place
from nbinspect.whose import is_installed


def is_users(kind: type) -> bool:
    """Return whether a class is the user's own, and not from an installed package."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None) or ""
    return not is_installed(file) and kind.__module__.split(".")[0] != "torch"


def is_published(place: Place | None) -> bool:
    """Return whether a line is of an installed package."""
    return place is not None and is_installed(place.file)


def tree_of(value: Any) -> ast.AST | None:
    """Return the parsed text of a function or class; None where it is not to be had."""
    try:
        return parsed(inspect.getsource(value))
    except (OSError, TypeError):
        return None


@functools.lru_cache(64)
def parsed(text: str) -> ast.Module | None:
    """Return the tree of a text, indented or not; None where it is no Python."""
    try:
        return ast.parse(textwrap.dedent(text))
    except (SyntaxError, ValueError):
        return None


def backward_calls(function: Callable[..., Any]) -> int | None:
    """Return how many calls of ``….backward(…)`` a function's text has; None where its text is not to be had."""
    tree = tree_of(inspect.unwrap(function))
    return None if tree is None else sum(is_call_of(node, "backward") for node in ast.walk(tree))


def is_call_of(node: ast.AST, name: str) -> bool:
    """Return whether a part of a tree is a call of ``….name(…)``."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name
