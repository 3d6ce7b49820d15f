"""What the text of a class says: whether its calls keep things, what it may use, where it sets an attribute."""

from __future__ import annotations

import ast
import inspect
import linecache
from collections.abc import Iterator

from nbinspect.records import Place
from nbinspect.sanity.evidence.source.parsed import is_call_of, is_users, parsed, tree_of

_LOOKS_AROUND = frozenset(
    {"getattr", "children", "named_children", "modules", "named_modules", "_modules", "__dict__", "get_submodule"}
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


def may_be_used(kind: type, attribute: str) -> bool:
    """Return whether code beyond `__init__` may use a class's attribute: names it, looks it up, or is unreadable.

    A method that a derived class writes anew counts no more, unless that one may call it.
    """
    written: dict[str, ast.AST] = {}
    for one in kind.__mro__:
        if one.__module__.split(".")[0] in ("builtins", "torch"):
            continue
        tree = tree_of(one)
        if tree is None:
            return True
        for part in _methods(tree):
            name = getattr(part, "name", "")
            replaced = written.get(name) if isinstance(part, ast.FunctionDef) else None
            if replaced is not None and not (_mentions(replaced, "super") or _mentions(replaced, one.__name__)):
                continue
            if _mentions(part, attribute):
                return True
            written[name] = part
    return _mentioned_elsewhere(kind, attribute)


def _methods(tree: ast.AST) -> Iterator[ast.AST]:
    return (part for part in _body(tree) if not (isinstance(part, ast.FunctionDef) and part.name == "__init__"))


def _body(tree: ast.AST) -> list[ast.stmt]:
    return next((node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef)), [])


def _mentions(tree: ast.AST, name: str) -> bool:
    for node in ast.walk(tree):
        word = getattr(node, "attr", None) or getattr(node, "id", None)
        if word == name or word in _LOOKS_AROUND or (isinstance(node, ast.Constant) and node.value == name):
            return True
    return False


def _mentioned_elsewhere(kind: type, name: str) -> bool:
    """Whether the file of a class reaches for ``model.name`` on anything but ``self``."""
    try:
        text = "".join(linecache.getlines(inspect.getsourcefile(kind) or ""))
    except (OSError, TypeError):
        return True
    tree = parsed(text)
    if tree is None:
        return True
    reached = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == name)
    return any(not (isinstance(node.value, ast.Name) and node.value.id == "self") for node in reached)


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
