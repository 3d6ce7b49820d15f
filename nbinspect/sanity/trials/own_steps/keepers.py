"""What keeps a tensor with its graph from step to step: the names that hold one, and the lines that write to them."""

from __future__ import annotations

import ast
import copy
import types
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from nbinspect.copies.reach import attributes, bindings_of, elements
from nbinspect.records import Place
from nbinspect.sanity.trials.running.text import functions_of, statements_of
from nbinspect.whose import is_users_file

_FILLS = frozenset({"append", "appendleft", "extend", "add", "insert", "update", "setdefault"})


@dataclass(frozen=True)
class Keeper:
    """A line that gives a tensor to what lives on."""

    name: str
    """Of the variable or attribute that keeps it."""
    place: Place
    line: str
    """The text of the line, without its indent."""
    mended: str
    """The same with what is kept detached; empty where that is not plain."""


def keepers(roots: Iterable[Any]) -> list[Keeper]:
    """Return the lines of the user's functions and classes that write to what holds a tensor with a graph now."""
    names, kinds = _holding([root for root in roots if root is not None])
    reached = [function for root in roots for function in functions_of(root)]
    methods = [one for kind in kinds for one in vars(kind).values() if isinstance(one, types.FunctionType)]
    found = [
        Keeper(name, place, line, _mended(node))
        for function in {id(one): one for one in (*reached, *methods)}.values()
        if names and function.__name__ != "__init__" and is_users_file(function.__code__.co_filename)
        for node, place, line in statements_of(function)
        if (name := _written(node)) in names
    ]
    return list({(one.place.file, one.place.line): one for one in found}.values())


def _holding(roots: list[Any]) -> tuple[set[str], list[type]]:
    """Return the names under which a tensor with a graph is found, and the classes of the objects on the way."""
    waiting = deque((binding.name, binding.value) for binding in bindings_of(roots))
    seen: dict[int, Any] = {}
    names: set[str] = set()
    while waiting:
        name, value = waiting.popleft()
        if isinstance(value, Tensor) and value.grad_fn is not None:
            names.add(name)
        elif id(value) not in seen and not isinstance(value, Tensor):
            seen[id(value)] = value
            waiting.extend(_parts(name, value))
    return names - {""}, list({type(value): None for value in seen.values()})


def _parts(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Give what a value leads to, elements of containers by the container's own name."""
    if isinstance(value, dict | list | tuple | set | deque):
        yield from ((name, part) for part in elements(value))
    elif isinstance(value, types.MethodType):
        yield from (("", value.__func__), ("", value.__self__))
    elif isinstance(value, types.FunctionType):
        given = value.__defaults__ or ()
        count = value.__code__.co_argcount
        yield from zip(value.__code__.co_varnames[count - len(given) : count], given, strict=True)
        yield from ((value.__kwdefaults__ or {}) | vars(value)).items()
    else:
        yield from (item for item in attributes(value).items() if item[0] != "_parameters")
        if isinstance(value, nn.Module):
            yield from value.named_buffers(recurse=False)


def _written(node: ast.stmt) -> str:
    """Return the name of what a statement fills or assigns to; empty for other statements."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
        return _name(node.value.func.value) if node.value.func.attr in _FILLS else ""
    if isinstance(node, ast.AugAssign):
        return _name(node.target)
    gives = isinstance(node, ast.Assign) and any(isinstance(part, ast.Name) for part in ast.walk(node.value))
    return _name(node.targets[0]) if isinstance(node, ast.Assign) and gives and len(node.targets) == 1 else ""


def _name(node: ast.expr) -> str:
    while isinstance(node, ast.Subscript):
        node = node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _mended(node: ast.stmt) -> str:
    """Return a statement with the one variable that it keeps detached; empty where it keeps anything else."""
    again: Any = copy.deepcopy(node)
    value: Any = again.value
    given = value.args if isinstance(again, ast.Expr) else [value]
    if len(given) == 1 and isinstance(given[0], ast.Name):
        given[0].id += ".detach()"
        return ast.unparse(again)
    if isinstance(again, ast.Assign) and isinstance(value, ast.BinOp) and not _has_list(value):
        again.value = ast.Name(f"({ast.unparse(value)}).detach()")
        return ast.unparse(again)
    return ""


def _has_list(node: ast.expr) -> bool:
    return any(isinstance(part, ast.List | ast.Tuple) for part in ast.walk(node))
