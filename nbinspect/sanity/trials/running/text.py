"""What the text of the user's own step says: where it stands, and the calls in it and in the functions it uses."""

from __future__ import annotations

import ast
import functools
import inspect
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from nbinspect.copies.reach import bindings_of
from nbinspect.records import Place
from nbinspect.sanity.evidence.source.parsed import tree_of
from nbinspect.whose import is_users_file

_CUTS = ("detach", "detach_", "no_grad", "inference_mode", "set_grad_enabled")


@dataclass(frozen=True)
class Mention:
    """A call of a method that the user's text has."""

    place: Place
    line: str
    """The text of the line, without its indent."""
    is_conditional: bool
    """Whether it stands in a ``try``, or under an ``if`` that is no mere switch, set outside and left as it is."""


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


def decides(step: Callable[..., Any] | None) -> bool:
    """Return whether a step, or a user's function that it uses, may do other things at another call; true if unread."""
    functions = functions_of(step)
    trees = [tree_of(function) for function in functions]
    return not functions or any(
        tree is None or any(conditional for _, conditional in _walked(tree, names_written(tree), conditional=False))
        for tree in trees
    )


def picks(step: Callable[..., Any] | None) -> bool:
    """Return whether a step chooses anew what it steps: ``one = a if … else b``, ``optimizers[number % 2].step()``."""
    for tree in (tree_of(function) for function in functions_of(step)):
        nodes = list(ast.walk(tree)) if tree is not None else []
        calls = [node.func for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
        stepped = [func.value for func in calls if func.attr == "step"]
        names = {one.id for one in stepped if isinstance(one, ast.Name)}
        given = [node.value for node in nodes if isinstance(node, ast.Assign) and _written_in(node) & names]
        chosen = [node for node in nodes if isinstance(node, ast.IfExp) and _is_of_names(node)]
        places = [one.slice for one in (*stepped, *given) if isinstance(one, ast.Subscript)]
        if chosen or any(not isinstance(one, ast.Constant) for one in places):
            return True
    return False


def frees_by_number(step: Callable[..., Any] | None) -> bool:
    """Return whether a step freezes by what it compares: ``requires_grad_(number % 10 == 0)``."""
    for tree in (tree_of(function) for function in functions_of(step)):
        for node in ast.walk(tree) if tree is not None else ():
            names = [node.func] if isinstance(node, ast.Call) else node.targets if isinstance(node, ast.Assign) else []
            is_said = any("requires_grad" in ast.unparse(name) for name in names)
            if is_said and any(isinstance(one, ast.Compare) for one in ast.walk(node)):
                return True
    return False


def may_cut(step: Callable[..., Any] | None) -> bool:
    """Return whether a switch says if gradients pass: ``set_grad_enabled(thawed)``, or a ``detach()`` under an if."""
    for tree in (tree_of(function) for function in functions_of(step)):
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.If | ast.IfExp) and any(_word(one) in _CUTS for one in ast.walk(node)):
                return True
            given = node.args if isinstance(node, ast.Call) and _word(node.func) == "set_grad_enabled" else []
            if any(not isinstance(one, ast.Constant) for one in given):
                return True
    return False


def _word(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_of_names(node: ast.IfExp) -> bool:
    return all(isinstance(one, ast.Name | ast.Attribute | ast.Subscript) for one in (node.body, node.orelse))


def _written_in(node: ast.Assign) -> set[str]:
    return {one.id for one in node.targets if isinstance(one, ast.Name)}


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
    written = names_written(tree) | set(function.__code__.co_varnames)
    for node, conditional in _walked(tree, written, conditional=False):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method:
            yield Mention(*_written_at(node, function, lines, first), conditional)


def statements_of(function: types.FunctionType) -> Iterator[tuple[ast.stmt, Place, str]]:
    """Give every statement of a function with where it stands and the text of its first line, without its indent."""
    tree, found = tree_of(function), _lines_of(function)
    if tree is None or found is None:
        return
    lines, first = found
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            yield node, *_written_at(node, function, lines, first)


def _written_at(
    node: ast.expr | ast.stmt, function: types.FunctionType, lines: list[str], first: int
) -> tuple[Place, str]:
    """Return where a part of a function stands, and the text of its first line."""
    place = Place(function.__code__.co_filename, first + node.lineno - 1, function.__qualname__, first)
    return place, lines[node.lineno - 1].strip()


def _walked(node: ast.AST, written: set[str], *, conditional: bool) -> Iterator[tuple[ast.AST, bool]]:
    yield node, conditional
    depends = isinstance(node, ast.Try) or (isinstance(node, ast.If | ast.IfExp) and not _is_switch(node.test, written))
    for child in ast.iter_child_nodes(node):
        yield from _walked(child, written, conditional=conditional or depends)


def _is_switch(test: ast.expr, written: set[str]) -> bool:
    """Whether a condition is a name or an attribute alone, or its opposite, that the function does not write."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _is_switch(test.operand, written)
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is | ast.IsNot):
        # `if p.grad is not None` tells parameters apart, and not one call from another
        return isinstance(test.left, ast.Attribute) and test.left.attr == "grad"
    name = test.id if isinstance(test, ast.Name) else test.attr if isinstance(test, ast.Attribute) else None
    return name is not None and name not in written


def names_written(tree: ast.AST) -> set[str]:
    """Return the names and attributes that a text gives a value to."""
    named = (node for node in ast.walk(tree) if isinstance(node, ast.Name | ast.Attribute))
    return {one.id if isinstance(one, ast.Name) else one.attr for one in named if isinstance(one.ctx, ast.Store)}
