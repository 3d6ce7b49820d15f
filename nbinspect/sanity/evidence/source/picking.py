"""Whether a loss takes the same parts of a network's outputs on every call, and a forward pass of its layers'."""

from __future__ import annotations

import ast
import builtins
import inspect
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from torch import nn

from nbinspect.copies.reach import is_installed
from nbinspect.sanity.evidence.source.parsed import is_users, tree_of

_CHOICES = (
    *(ast.If, ast.IfExp, ast.While, ast.Match, ast.Try, ast.BoolOp),
    *(ast.Lambda, ast.Global, ast.Nonlocal, ast.Await, ast.Yield, ast.YieldFrom),
)
_BRANCHES = (*_CHOICES, ast.For, ast.AsyncFor, ast.comprehension)
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
    if any(isinstance(node, _BRANCHES) for node in nodes) or not _picks_by_text(nodes):
        return False
    calls = (node for node in nodes if isinstance(node, ast.Call))
    return all(_is_known(call, function, {*seen, function}) for call in calls)


def passes_alike(network: nn.Module) -> bool:
    """Return whether no text of a network's passes picks among results but by what is written in it.

    Loops over layers may be; a condition, an attribute that is no layer, chance, or a class without a text may not.
    """
    return all(
        type(one).__module__.split(".")[0] == "torch"
        or (is_users(type(one)) and _runs_alike(type(one).forward, one, set()))
        for one in network.modules()
    )


def _runs_alike(function: Any, module: nn.Module, seen: set[Any]) -> bool:
    tree = tree_of(function) if inspect.isfunction(function) and function not in seen else None
    body = tree.body if isinstance(tree, ast.Module) else []
    if len(body) != 1 or not isinstance(body[0], ast.FunctionDef) or body[0].decorator_list or not body[0].args.args:
        return False
    nodes = [node for statement in body[0].body for node in ast.walk(statement)]
    own = body[0].args.args[0].arg
    loops = [node.iter for node in nodes if isinstance(node, ast.For | ast.comprehension)]
    over = [part for one in loops for part in ast.walk(one) if isinstance(part, ast.Attribute)]
    kept = [node for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)]
    if kept or any(isinstance(node, _CHOICES) or getattr(node, "ifs", []) for node in nodes):
        return False
    if not _picks_by_text(nodes) or any(_is_name(one.value, own) and not _layer(module, one.attr) for one in over):
        return False
    made = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}

    def is_known(call: ast.Call) -> bool:
        """Return whether this is a layer, another such part of the pass, or known to pick nothing."""
        called = call.func
        if isinstance(called, ast.Subscript) or (isinstance(called, ast.Name) and called.id in made):
            return True  # a layer of several, by what is written, or each in turn
        if isinstance(called, ast.Attribute) and _is_name(called.value, own):
            method = getattr(type(module), called.attr, None)
            return _layer(module, called.attr) or _runs_alike(method, module, {*seen, function})
        return not _is_name(called, "super") and _is_known(call, function, {*seen, function})

    return all(is_known(node) for node in nodes if isinstance(node, ast.Call))


def _picks_by_text(nodes: list[ast.AST]) -> bool:
    indices = [part for node in nodes if isinstance(node, ast.Subscript) for part in ast.walk(node.slice)]
    return all(isinstance(part, _WRITTEN) for part in indices)


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _layer(module: nn.Module, attribute: str) -> bool:
    return isinstance(getattr(module, attribute, None), nn.Module)


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
