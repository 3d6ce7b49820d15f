"""Whether a loss takes the same parts of a network's outputs on every call."""

from __future__ import annotations

import ast
import builtins
import inspect
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from nbinspect.copies.reach import is_installed
from nbinspect.sanity.evidence.source import tree_of

_BRANCHES = (
    *(ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.Match, ast.Try, ast.BoolOp, ast.comprehension),
    *(ast.Lambda, ast.Global, ast.Nonlocal, ast.Await, ast.Yield, ast.YieldFrom),
)
_WRITTEN = (ast.Constant, ast.Slice, ast.Tuple, ast.UnaryOp, ast.unaryop, ast.expr_context)
_DRAWS = ("rand", "choice", "sample", "shuffle", "perm")


def takes_alike(loss_fn: Any) -> bool:
    """Return whether the text of a loss has no branch, no loop and no index that is not written in it.

    False for what is no plain function with a text, or calls something that is unknown.
    """
    return _is_straight(loss_fn, set())


def _is_straight(function: Any, seen: set[Any]) -> bool:
    if not inspect.isfunction(function):
        return False
    if function in seen:
        return True
    tree = tree_of(function)
    body = tree.body if isinstance(tree, ast.Module) else []
    if len(body) != 1 or not isinstance(body[0], ast.FunctionDef) or body[0].decorator_list:
        return False
    nodes = [node for statement in body[0].body for node in ast.walk(statement)]
    indices = [part for node in nodes if isinstance(node, ast.Subscript) for part in ast.walk(node.slice)]
    if any(isinstance(node, _BRANCHES) for node in nodes) or not all(isinstance(part, _WRITTEN) for part in indices):
        return False
    calls = (node for node in nodes if isinstance(node, ast.Call))
    return all(_is_known(call, function, {*seen, function}) for call in calls)


def _is_known(call: ast.Call, function: FunctionType, seen: set[Any]) -> bool:
    """Whether what is called is another straight function of the user's, or a package's that draws nothing."""
    if any(word in ast.unparse(call.func) for word in _DRAWS):
        return False
    if isinstance(call.func, ast.Name):
        return _is_plain(_seen_from(function, call.func.id), seen)
    if not isinstance(call.func, ast.Attribute):
        return False
    owner = _seen_from(function, call.func.value.id) if isinstance(call.func.value, ast.Name) else None
    if isinstance(owner, ModuleType):
        return _is_plain(getattr(owner, call.func.attr, None), seen)
    # a method of a tensor; what picks from a mapping does so by what is written
    return call.func.attr not in ("get", "pop") or all(isinstance(one, ast.Constant) for one in call.args)


def _is_plain(called: Any, seen: set[Any]) -> bool:
    if inspect.isfunction(called) and not is_installed(inspect.getsourcefile(called) or ""):
        return _is_straight(called, seen)
    if called is getattr:
        return False
    return isinstance(called, FunctionType | BuiltinFunctionType | type)


def _seen_from(function: FunctionType, name: str) -> Any:
    outside = inspect.getclosurevars(function)
    return {**vars(builtins), **outside.globals, **outside.nonlocals}.get(name)
