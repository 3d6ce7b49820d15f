"""Which parts of a function's text are the same on every call: what is written, or given when an object is made."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbinspect.sanity.evidence.source.around import texts_around
from nbinspect.sanity.evidence.source.parsed import is_users, parsed, tree_of

_CHANGES = ("append", "extend", "insert", "pop", "remove", "clear", "update", "setdefault")
_OVER = ("range", "zip", "enumerate", "reversed", "sorted", "len")
_VIEWS = ("items", "values", "keys")
_WRAPS = ("list", "tuple", "dict", "set", "sorted", "iter", "next", "getattr")
_TAKES = ("get", "pop", "items", "values", "keys")


@dataclass
class Settled:
    """Tells of the expressions of one function whether they are the same on every call.

    Args:
        function: its tree.
        owner: the object whose method it is; None for a plain function.
        is_pass: whether it is a pass of the network, whose arguments are all of the batch, as one that is None may be.
        is_step: whether it is a step, which takes the batch at any place; the first that a loss takes is the outputs,
            which are of the same make on every call.
    """

    function: ast.FunctionDef
    owner: Any = None
    is_pass: bool = False
    is_step: bool = False
    names: set[str] = field(default_factory=set)
    """Those of loops over what is settled: positions, and what an object was given."""

    def __post_init__(self) -> None:
        """Find the names that loops hand out."""
        for node in self._nodes():
            if isinstance(node, ast.For | ast.comprehension):
                self.names |= set(self._handed_out(node.target, node.iter))
        stored = [n.id for n in self._nodes() if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        self.names -= {name for name in self.names if stored.count(name) > 1}

    def _nodes(self) -> list[ast.AST]:
        return [node for statement in self.function.body for node in ast.walk(statement)]

    def _handed_out(self, target: ast.expr, over: ast.expr) -> Iterator[str]:
        parts = target.elts if isinstance(target, ast.Tuple) else [target]
        called = over.func.id if isinstance(over, ast.Call) and isinstance(over.func, ast.Name) else ""
        given = over.args if isinstance(over, ast.Call) else []
        if called == "enumerate" and len(parts) == 2 and given:
            yield from self._handed_out(parts[0], ast.Constant(0))
            yield from self._handed_out(parts[1], given[0])
        elif called == "zip" and len(parts) == len(given):
            for part, one in zip(parts, given, strict=True):
                yield from self._handed_out(part, one)
        elif self.is_settled(over):
            yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))

    def is_settled(self, node: ast.expr) -> bool:
        """Whether an expression has the same value on every call, whatever the function is given."""
        match node:
            case ast.Constant():
                return True
            case ast.Name(id=name):
                return name in self.names
            case ast.Attribute(attr=attribute):
                return self._is_own(node) and is_given(self.owner, attribute)
            case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot()], comparators=[ast.Constant(value=None)]):
                return self._is_alike(left) or self._is_left_out(left) or self.is_settled(left)
            case ast.Compare(left=left, comparators=others):
                return all(map(self.is_settled, (left, *others)))
            case ast.BoolOp(values=parts) | ast.Tuple(elts=parts) | ast.List(elts=parts):
                return all(map(self.is_settled, parts))
            case ast.BinOp(left=left, right=right):
                return self.is_settled(left) and self.is_settled(right)
            case ast.UnaryOp(operand=operand):
                return self.is_settled(operand)
            case ast.Slice(lower=lower, upper=upper, step=step):
                return all(part is None or self.is_settled(part) for part in (lower, upper, step))
            case ast.Call(func=ast.Name(id="isinstance"), args=[one, _]):
                return self._is_alike(one)
            case ast.Call(func=ast.Name(id="len"), args=[one]):
                return self.is_iterable(one)
            case ast.Call(func=ast.Name(id="range"), args=given):
                return all(map(self.is_settled, given))
        return False

    def is_iterable(self, node: ast.expr) -> bool:
        """Whether a loop over this goes round as often, and in the same order, on every call."""
        match node:
            case ast.Name():
                return self._is_alike(node)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return not any(isinstance(part, ast.Starred) for part in parts)
            case ast.Call(func=ast.Name(id=name), args=given) if name in _OVER:
                return all(map(self.is_iterable, given))
            case ast.Call(func=ast.Attribute(value=value, attr=name), args=[]) if name in _VIEWS:
                return self.is_iterable(value)
            case ast.Attribute(attr=attribute) if self._is_own(node):
                return is_given(self.owner, attribute) or _is_layers(self.owner, attribute)
        return self.is_settled(node)

    def _is_alike(self, node: ast.expr, seen: frozenset[str] = frozenset()) -> bool:
        """Whether what a name holds is of the same make on every call: no part of a batch, which may lack others."""
        if isinstance(node, ast.Name):
            given = [one.arg for one in self.function.args.args][0 if self.owner is None else 1 :]
            if node.id in self.names or (node.id in given[:1] and not (self.is_pass or self.is_step)):
                return True
            made = [one for one in self._nodes() if isinstance(one, ast.Assign | ast.AugAssign | ast.AnnAssign)]
            values = [one.value for one in made if node.id in _stored(one)]
            if len(values) != sum(node.id in _stored(one) for one in self._nodes() if isinstance(one, ast.Name)):
                return False
            later = seen | {node.id}
            return bool(values) and all(
                node.id in seen or (value is not None and self._is_alike(value, later)) for value in values
            )
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _WRAPS:
            return all(self._is_alike(one, seen) for one in node.args)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _TAKES:
            return self._is_alike(node.func.value, seen)
        if isinstance(node, ast.Subscript | ast.Attribute):
            return self._is_alike(node.value, seen)
        return True

    def _is_left_out(self, node: ast.expr) -> bool:
        """Whether this is an argument of a loss that has None for a default."""
        every = self.function.args
        absent = {
            one.arg
            for one, value in zip(every.args[::-1], every.defaults[::-1], strict=False)
            if isinstance(value, ast.Constant) and value.value is None
        }
        return not self.is_pass and isinstance(node, ast.Name) and node.id in absent

    def _is_own(self, node: ast.Attribute) -> bool:
        arguments = self.function.args.args
        return isinstance(node.value, ast.Name) and bool(arguments) and node.value.id == arguments[0].arg

    def chooses(self) -> bool:
        """Whether the function has a condition or a loop that may come out otherwise on another call."""
        for node in self._nodes():
            if isinstance(node, ast.If | ast.IfExp) and (not self.is_settled(node.test) or self._is_meant(node)):
                return True
            if isinstance(node, ast.For | ast.comprehension) and not self.is_iterable(node.iter):
                return True
            if isinstance(node, ast.comprehension) and not all(map(self.is_settled, node.ifs)):
                return True
        return False

    def _is_meant(self, node: ast.If | ast.IfExp) -> bool:
        """Whether an object was told to pass by something that it could do, or a pass to leave one of several out."""
        if self.is_pass and any(isinstance(part, ast.Name) and part.id in self.names for part in ast.walk(node.test)):
            return True
        asked = (part for part in ast.walk(node.test) if isinstance(part, ast.Attribute) and self._is_own(part))
        if not any(asked):
            return False
        live = _branch_of(node, self.owner)
        others = [node.body, node.orelse] if live is None else [node.orelse if live else node.body]
        parts = (part for other in others for one in _listed(other) for part in ast.walk(one))
        return any(isinstance(part, ast.Call) for part in parts)

    def picks_otherwise(self) -> bool:
        """Whether an index may be another one on another call."""
        indices = (node.slice for node in self._nodes() if isinstance(node, ast.Subscript))
        return not all(map(self._is_index, indices))

    def _is_index(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Tuple):
            return all(map(self._is_index, node.elts))
        return self.is_settled(node)


def _is_layers(owner: Any, attribute: str) -> bool:
    return hasattr(getattr(owner, attribute, None), "named_parameters")


def is_given(owner: Any, attribute: str) -> bool:
    """Return whether an object was given an attribute's plain value when it was made, and nothing changes it since.

    Numbers are weights, which a schedule may raise; a word or number written in `__init__` waits to be changed.
    """
    value = getattr(owner, attribute, None)
    if not isinstance(value, bool | list | tuple | dict | None) or not is_users(type(owner)):
        return False
    return _is_argument(type(owner), attribute) and not _is_changed(type(owner), attribute)


def branches_not_taken(tree: ast.AST, owner: object) -> set[int]:
    """Return the ids of the nodes in branches that an object never takes, being made with a flag for good."""
    found: set[int] = set()
    for node in ast.walk(tree) if owner is not None else ():
        if not isinstance(node, ast.If | ast.IfExp):
            continue
        live = _branch_of(node, owner)
        if live is not None:
            found |= {id(part) for one in _listed(node.orelse if live else node.body) for part in ast.walk(one)}
    return found


def _branch_of(node: ast.If | ast.IfExp, owner: object) -> bool | None:
    """Return how a condition on a switch that an object was made with comes out; None of another condition."""
    test, is_turned = node.test, False
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, is_turned = test.operand, True
    if not isinstance(test, ast.Attribute) or not isinstance(test.value, ast.Name) or test.value.id != "self":
        return None
    value = getattr(owner, test.attr, None)
    return value is not is_turned if isinstance(value, bool) and is_given(owner, test.attr) else None


def _listed(branch: list[ast.stmt] | ast.expr) -> Sequence[ast.AST]:
    return branch if isinstance(branch, list) else [branch]


def _stored(node: ast.AST) -> set[str]:
    """Return the names that a statement, or a name itself, gives a value."""
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}


def _is_argument(kind: type, attribute: str) -> bool:
    for one in kind.__mro__:
        tree = tree_of(one) if is_users(one) else None
        for part in ast.walk(tree) if tree is not None else ():
            if not isinstance(part, ast.FunctionDef) or part.name != "__init__":
                continue
            every = part.args
            given = {own.arg for own in (*every.args, *every.kwonlyargs, every.vararg) if own is not None}
            for node in ast.walk(part):
                sets = isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in given
                targets = node.targets if sets and isinstance(node, ast.Assign) else []
                if any(isinstance(target, ast.Attribute) and target.attr == attribute for target in targets):
                    return True
    return attribute in getattr(kind, "__dataclass_fields__", {})


def _is_changed(kind: type, attribute: str) -> bool:
    """Whether a text around a class sets, or adds to, an attribute of that name outside of an `__init__`."""
    texts = texts_around(kind)
    return texts is None or any(_changes(text, attribute) for text in texts)


@functools.lru_cache(1024)
def _changes(text: str, attribute: str) -> bool:
    if attribute not in text:
        return False
    tree = parsed(text)
    if tree is None:
        return True
    begins = [part for part in ast.walk(tree) if isinstance(part, ast.FunctionDef) and part.name == "__init__"]
    inside = {id(node) for part in begins for node in ast.walk(part)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or id(node) in inside:
            continue
        if node.attr == attribute and not isinstance(node.ctx, ast.Load):
            return True
        if node.attr in _CHANGES and isinstance(node.value, ast.Attribute) and node.value.attr == attribute:
            return True
    return False
