"""What the text of a class says: whether its calls keep things, what it may use, where it sets an attribute."""

from __future__ import annotations

import ast
import functools
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from types import FunctionType

from torch.nn import init

from nbinspect.records import Place
from nbinspect.sanity.evidence.source.around import texts_around
from nbinspect.sanity.evidence.source.lookups import lookups_past
from nbinspect.sanity.evidence.source.parsed import is_call_of, is_users, parsed, tree_of
from nbinspect.sanity.evidence.source.settled import branches_not_taken

_LOOKS_AROUND = frozenset(
    {"getattr", "children", "named_children", "modules", "named_modules", "_modules", "__dict__", "get_submodule"}
)
_ASKS = frozenset(
    {"parameters", "named_parameters", "state_dict", "requires_grad_", "requires_grad", "shape", "device", "dtype"}
)
_FILLS = ("append", "extend", "add", "update", "insert", "put", "write", "log", "register_buffer", "setdefault")


def keeps_things(kind: type) -> bool:
    """Return whether calls of a class may leave something behind: it sets attributes, fills lists, or is unreadable."""
    for one in kind.__mro__:
        if one.__module__.split(".")[0] in ("builtins", "torch"):
            continue
        tree = tree_of(one) if is_users(one) else None
        if tree is None or any(_stores(node) for part in _methods(tree) for node in ast.walk(part)):
            return True
    return False


def _stores(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
        return True
    return any(is_call_of(node, word) for word in _FILLS)


def may_be_used(kind: type, attribute: str, holder: object = None) -> bool:
    """Return whether code beyond `__init__` may use a class's attribute: names it, looks it up, or is unreadable.

    A method that a derived class writes anew counts no more, unless that one may call it; nor does one that only
    `__init__` calls, but to give it another name as well, or what merely initialises an attribute, lists its parameters
    or asks for their shape. Of a condition on what the `holder` was made with, for good, the branch not taken does not
    count.
    """
    parts = _parts_of(kind)
    if parts is None:
        return True
    counted, making = parts
    return (
        any(_mentions(part, attribute, holder) for part in counted)
        or any(_names_again(part, attribute) for part in making)
        or mentioned_elsewhere(kind, attribute)
    )


def used_beside_forward(kind: type, attribute: str) -> bool:
    """Return whether a method that `forward` does not lead to may use a class's attribute: one to sample, or embed."""
    parts = _parts_of(kind)
    if parts is None:
        return True
    counted, making = parts
    named = {getattr(part, "name", ""): _attributes(part) for part in counted}
    waiting, reached = ["forward"], set[str]()
    while waiting:
        name = waiting.pop()
        if name in named and name not in reached:
            reached.add(name)
            waiting += named.keys() & named[name]
    return any(_names_again(part, attribute) for part in making) or any(
        _mentions(part, attribute) for part in counted if getattr(part, "name", "") not in reached
    )


@functools.lru_cache(64)
def _parts_of(kind: type) -> tuple[list[ast.AST], list[ast.AST]] | None:
    """Return the parts of a class, and of those above it, that may run once an object is made, and those that make it.

    None where a text is not to be had.
    """
    trees: list[tuple[type, ast.AST]] = []
    for one in kind.__mro__:
        if one.__module__.split(".")[0] in ("builtins", "torch"):
            continue
        tree = tree_of(one)
        if tree is None:
            return None
        trees.append((one, tree))
    written: dict[str, ast.AST] = {}
    counted: list[ast.AST] = []
    for one, tree in trees:
        for part in _methods(tree):
            name = getattr(part, "name", "")
            replaced = written.get(name) if isinstance(part, ast.FunctionDef) else None
            if replaced is not None and not (_mentions(replaced, "super") or _mentions(replaced, one.__name__)):
                continue
            counted.append(part)
            written[name] = part
    begins = [part for _, tree in trees for part in _body(tree) if getattr(part, "name", "") == "__init__"]
    making = _of_making(kind, begins, counted)
    later = [part for part in counted if getattr(part, "name", "") not in making]
    return later, [*begins, *(part for part in counted if getattr(part, "name", "") in making)]


def _of_making(kind: type, begins: Sequence[ast.AST], methods: list[ast.AST]) -> set[str]:
    """Return the names of the methods that `__init__` alone calls, itself or through others of them."""
    named = {part.name: _attributes(part) for part in methods if isinstance(part, ast.FunctionDef)}
    waiting = [_attributes(part) for part in begins]
    found: set[str] = set()
    while waiting:
        new = (named.keys() & waiting.pop()) - found
        found |= new
        waiting += [named[name] for name in new]
    while others := {
        name
        for name in found
        if any(name in own for other, own in named.items() if other not in found)
        or name == "forward"
        or mentioned_elsewhere(kind, name)
    }:
        found -= others
    return found


def _attributes(tree: ast.AST) -> set[str]:
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def _names_again(tree: ast.AST, name: str) -> bool:
    """Whether a method that makes an object puts an attribute of it into another, or into a function, whole."""
    around = {id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    passed = _looked_at(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or node.attr != name or not isinstance(node.ctx, ast.Load):
            continue
        above = around[id(node)]
        if id(node) in passed or (isinstance(above, ast.Attribute) and above.attr != "forward"):
            continue
        if isinstance(above, ast.List | ast.Tuple) and isinstance(around[id(above)], ast.For | ast.comprehension):
            continue  # each of them in turn
        if isinstance(above, ast.Call):
            calls = above.func is node and not _is_inside_function(above, around, tree)
            if calls or "init" in ast.unparse(above.func).lower():
                continue
        return True
    return False


def _is_inside_function(node: ast.AST, around: Mapping[int, ast.AST], tree: ast.AST) -> bool:
    while node is not tree:
        node = around[id(node)]
        if isinstance(node, ast.Lambda | ast.FunctionDef) and node is not tree:
            return True
    return False


def _methods(tree: ast.AST) -> Iterator[ast.AST]:
    return (part for part in _body(tree) if not (isinstance(part, ast.FunctionDef) and part.name == "__init__"))


def _body(tree: ast.AST) -> list[ast.stmt]:
    return next((node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef)), [])


def _mentions(tree: ast.AST, name: str, holder: object = None) -> bool:
    passed, others = _looked_at(tree) | branches_not_taken(tree, holder), lookups_past(tree, name, holder)
    for node in ast.walk(tree):
        word = getattr(node, "attr", None) or getattr(node, "id", None)
        if (word == name and id(node) not in passed) or (word in _LOOKS_AROUND and id(node) not in others):
            return True
        if isinstance(node, ast.Constant) and node.value == name:
            return True
    return False


@functools.lru_cache(64)
def _looked_at(tree: ast.AST) -> set[int]:
    """Return the ids of nodes that are only initialised, listed as parameters, or asked for what they are like."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in _ASKS:
            value = node.value
            while isinstance(value, ast.Attribute | ast.Subscript):
                found.add(id(value))
                value = value.value
        if isinstance(node, ast.Call) and _initialises(node.func):
            found |= {id(part) for argument in node.args for part in ast.walk(argument)}
    return found


def _initialises(called: ast.expr) -> bool:
    """Whether what is called is a function of ``nn.init``, written with its module or by its name."""
    if isinstance(called, ast.Attribute):
        return hasattr(init, called.attr) and ast.unparse(called.value).split(".")[-1] == "init"
    return isinstance(called, ast.Name) and called.id.endswith("_") and hasattr(init, called.id)


def mentioned_elsewhere(kind: type | FunctionType, name: str) -> bool:
    """Return whether a text around a class or function reaches for ``model.name`` on anything but ``self``."""
    texts = texts_around(kind)
    return texts is None or any(_reaches_for(text, name) for text in texts)


@functools.lru_cache(1024)
def _reaches_for(text: str, name: str) -> bool:
    if f".{name}" not in text.replace(" ", ""):
        return False
    tree = parsed(text)
    if tree is None:  # a cell with magics
        return re.search(rf"\.{re.escape(name)}\b", text) is not None
    passed = _looked_at(tree)
    reached = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == name)
    return any(
        id(node) not in passed and not (isinstance(node.value, ast.Name) and node.value.id == "self")
        for node in reached
    )


def assigned_at(kind: type, attribute: str) -> tuple[Place, str] | None:
    """Return where the text of a class first gives ``self.attribute`` a value, and that line; None if nowhere."""
    for one in kind.__mro__:
        tree = tree_of(one) if is_users(one) else None
        file = inspect.getsourcefile(one) if tree is not None else None
        if tree is None or file is None:
            continue
        lines, first = inspect.getsourcelines(one)
        for node in (part for part in ast.walk(tree) if isinstance(part, ast.Assign)):
            parts = (part for target in node.targets for part in getattr(target, "elts", (target,)))
            if any(isinstance(part, ast.Attribute) and part.attr == attribute for part in parts):
                place = Place(file, first + node.lineno - 1, one.__qualname__, first)
                return place, lines[node.lineno - 1].strip()
    return None
