"""Whether a loss takes the same parts of a network's outputs on every call, and a forward pass of its layers'."""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from torch import nn

from nbinspect.sanity.evidence.source.parsed import is_users, tree_of
from nbinspect.sanity.evidence.source.settled import Settled
from nbinspect.whose import is_installed

_CHOICES = (
    *(ast.While, ast.Match, ast.Try, ast.Lambda, ast.Global, ast.Nonlocal),
    *(ast.Await, ast.AsyncFor, ast.Yield, ast.YieldFrom),
)
_DRAWS = ("rand", "choice", "sample", "shuffle", "perm")


def takes_alike(called: Any, *, is_step: bool = False) -> bool:
    """Return whether the text of a loss, or of a step, picks the same parts of what it is given on every call.

    What is written in it, and what an object was given when it was made, is the same; another condition or index is
    not. False for what has no text, or calls something that is unknown.
    """
    return _is_straight(called, [], is_step=is_step)


def _is_straight(called: Any, seen: list[Any], *, is_step: bool = False) -> bool:
    if isinstance(called, functools.partial):
        called = called.func
    if isinstance(called, nn.Module) and type(called).__module__.split(".")[0] == "torch":
        return True
    if inspect.isfunction(called):
        return _goes_straight(called, None, seen, is_step=is_step)
    if inspect.ismethod(called):
        return _goes_straight(called.__func__, called.__self__, seen, is_step=is_step)
    method = "forward" if isinstance(called, nn.Module) else "__call__"
    return _goes_straight(getattr(type(called), method, None), called, seen, is_step=is_step)


def _goes_straight(function: Any, owner: Any, seen: list[Any], *, is_step: bool = False) -> bool:
    if not inspect.isfunction(function):
        return False
    if any(one is function for one in seen):
        return True
    tree = _function_of(function)
    if tree is None:
        return False
    settled, nodes = Settled(tree, owner, is_step=is_step), _nodes_of(tree)
    if any(isinstance(node, _CHOICES) for node in nodes) or settled.chooses() or settled.picks_otherwise():
        return False
    own = tree.args.args[0].arg if owner is not None and tree.args.args else ""
    arguments = {one.arg for one in tree.args.args}

    def is_known(call: ast.Call) -> bool:
        part = call.func
        if isinstance(part, ast.Attribute) and own and _is_name(part.value, own):
            method, held = getattr(type(owner), part.attr, None), getattr(owner, part.attr, None)
            return _goes_straight(method, owner, [*seen, function]) or (
                not inspect.ismethod(held) and held is not None and _is_straight(held, [*seen, function])
            )
        if isinstance(part, ast.Name) and part.id in arguments:
            return True  # the model or the loss that a step is given
        return _is_known(call, function, [*seen, function])

    return all(is_known(node) for node in nodes if isinstance(node, ast.Call))


def _function_of(function: Any) -> ast.FunctionDef | None:
    """Return the tree of a plain function with a text; None for others."""
    tree = tree_of(function)
    body = tree.body if isinstance(tree, ast.Module) else []
    plain = len(body) == 1 and isinstance(body[0], ast.FunctionDef) and not body[0].decorator_list
    return body[0] if plain and isinstance(body[0], ast.FunctionDef) else None


def _nodes_of(tree: ast.FunctionDef) -> list[ast.AST]:
    return [node for statement in tree.body for node in ast.walk(statement)]


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
    tree = _function_of(function) if inspect.isfunction(function) and function not in seen else None
    if tree is None or not tree.args.args:
        return False
    settled, nodes = Settled(tree, module, is_pass=True), _nodes_of(tree)
    own = tree.args.args[0].arg
    kept = [node for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)]
    if kept or any(isinstance(node, _CHOICES) for node in nodes):
        return False
    if settled.chooses() or settled.picks_otherwise():
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
        return not _is_name(called, "super") and _is_known(call, function, [*seen, function])

    return all(is_known(node) for node in nodes if isinstance(node, ast.Call))


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _layer(module: nn.Module, attribute: str) -> bool:
    return isinstance(getattr(module, attribute, None), nn.Module)


def _is_known(call: ast.Call, function: FunctionType, seen: list[Any]) -> bool:
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


def _is_plain(called: Any, seen: list[Any]) -> bool:
    if inspect.isfunction(called) and not is_installed(inspect.getsourcefile(called) or ""):
        return _goes_straight(called, None, seen)
    if called is getattr:
        return False
    return isinstance(called, FunctionType | BuiltinFunctionType | type) or _is_straight(called, seen)


def _seen_from(function: FunctionType, name: str) -> Any:
    outside = inspect.getclosurevars(function)
    return {**vars(builtins), **outside.globals, **outside.nonlocals}.get(name)
