"""What the user's own source says: the statement on a line, whether its result is read, what a class mentions."""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from nbinspect.copies.reach import is_installed
from nbinspect.records import ForwardRecord, Place

_LOOKS_AROUND = frozenset(
    {"getattr", "children", "named_children", "modules", "named_modules", "_modules", "__dict__", "get_submodule"}
)
_FILLS = ("append", "extend", "add", "update", "insert", "put", "write", "log", "register_buffer", "setdefault")


@dataclass(frozen=True)
class Dropped:
    """A call whose result the statement that it stands in throws away."""

    called: str
    """The last name of what is called: ``relu`` of ``x.relu()``, ``fc`` of ``self.fc(x)``; empty for ``all[0](x)``."""
    text: str
    """The call as it is written."""
    name: str
    """The variable that the result was given to; empty where the call stands alone."""
    again: int
    """The line that gives that variable another value, unread until then: its own in a loop, where the next round does;
    0 where the call stands alone."""
    owner: str = ""
    """What stands before the point: ``x`` of ``x.relu()``, ``F`` of ``F.relu(x)``; empty where there is none."""
    given: str = ""
    """The first argument behind such an owner, where it is a plain name."""


def line_at(record: ForwardRecord, place: Place | None) -> str:
    """Return the text of a line, without its indent; empty where it is not to be had."""
    if place is None:
        return ""
    for source in record.sources:
        inside = source.file == place.file and source.first == place.first
        if inside and 0 <= place.line - source.first < len(source.lines):
            return source.lines[place.line - source.first].strip()
    return ""


def dropped_at(record: ForwardRecord, place: Place) -> Dropped | None:
    """Return the call on a line whose result nothing can read: it stands alone, or is overwritten unread; else None.

    A variable counts as overwritten only where that is certain: later in the same block, with no branch, loop or inner
    function that mentions it on the way.
    """
    source = next((s for s in record.sources if (s.file, s.first) == (place.file, place.first)), None)
    tree = None if source is None else _parsed("\n".join(source.lines))
    function = tree.body[0] if tree is not None and tree.body else None
    if source is None or not isinstance(function, ast.FunctionDef):
        return None
    line = place.line - source.first + 1
    for owner, block in _blocks(function):
        for position, statement in enumerate(block):
            if not statement.lineno <= line <= (statement.end_lineno or 0):
                continue
            if isinstance(statement, ast.Expr):
                return _dropped(statement.value, "", 0)
            name = _target(statement)
            if isinstance(statement, ast.Assign) and name and name != "_" and not _captures(function, name):
                again = _overwritten(name, block[position + 1 :])
                others = [*block[:position], *block[position + 1 :]]
                if isinstance(owner, ast.For) and not any(_has(part, name) for part in (statement.value, *others)):
                    again = statement.lineno  # the next round overwrites it
                return None if again is None else _dropped(statement.value, name, again + source.first - 1)
    return None


def is_conditional(record: ForwardRecord, place: Place | None) -> bool:
    """Return whether a line stands in a branch of its function, which other calls may pass by."""
    source = next((s for s in record.sources if place and (s.file, s.first) == (place.file, place.first)), None)
    tree = _parsed("\n".join(source.lines)) if source is not None else None
    if place is None or source is None or tree is None:
        return False
    line = place.line - source.first + 1
    branches = (node for node in ast.walk(tree) if isinstance(node, ast.If | ast.IfExp | ast.Match))
    return any(node.lineno <= line <= (node.end_lineno or node.lineno) for node in branches)


def _dropped(call: ast.expr, name: str, again: int) -> Dropped | None:
    """Return the call of a statement; None where it is none, or may hand what it is given to somebody's function."""
    if not isinstance(call, ast.Call):
        return None
    if isinstance(call.func, ast.Attribute):
        given = call.args[0].id if call.args and isinstance(call.args[0], ast.Name) else ""
        return Dropped(call.func.attr, ast.unparse(call), name, again, ast.unparse(call.func.value), given)
    nested = any(isinstance(node, ast.Call) for part in call.args for node in ast.walk(part))
    return None if nested else Dropped(getattr(call.func, "id", ""), ast.unparse(call), name, again)


def _blocks(tree: ast.AST) -> Iterator[tuple[ast.AST, list[ast.stmt]]]:
    """Give every run of statements of a function with what it belongs to, not those of functions inside it."""
    for part in ("body", "orelse", "finalbody"):
        block = getattr(tree, part, None)
        if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
            yield tree, block
            for statement in block:
                if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    yield from _blocks(statement)
    for handler in getattr(tree, "handlers", []):
        yield from _blocks(handler)


def _target(statement: ast.stmt) -> str:
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else ""


def _overwritten(name: str, rest: list[ast.stmt]) -> int | None:
    """Return the line that overwrites a variable before anything can have read it; None where none surely does."""
    for statement in rest:
        if not _has(statement, name):
            if any(isinstance(node, ast.Break | ast.Continue | ast.Return | ast.Raise) for node in ast.walk(statement)):
                return None
            continue
        value = getattr(statement, "value", None)
        reads = value is not None and _has(value, name)
        return statement.lineno if _target(statement) == name and not reads else None
    return None


def _has(tree: ast.AST, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree))


def _captures(function: ast.FunctionDef, name: str) -> bool:
    """Whether an inner function, or a look at all variables, may read a variable at another time."""
    for node in ast.walk(function):
        if isinstance(node, ast.Global | ast.Nonlocal) and name in node.names:
            return True
        if isinstance(node, ast.Name) and node.id in ("locals", "vars", "eval", "exec"):
            return True
        inner = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and node is not function
        if inner and _has(node, name):
            return True
    return False


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
    return any(_is_call_of(node, word) for word in _FILLS)


def backward_calls(function: Callable[..., Any]) -> int | None:
    """Return how many calls of ``….backward(…)`` a function's text has; None where its text is not to be had."""
    tree = tree_of(inspect.unwrap(function))
    return None if tree is None else sum(_is_call_of(node, "backward") for node in ast.walk(tree))


def _is_call_of(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name


def is_users(kind: type) -> bool:
    """Return whether a class is the user's own, and not from an installed package."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None) or ""
    return not is_installed(file) and kind.__module__.split(".")[0] != "torch"


def is_published(place: Place | None) -> bool:
    """Return whether a line is of an installed package."""
    return place is not None and is_installed(place.file)


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
    tree = _parsed(text)
    if tree is None:
        return True
    reached = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == name)
    return any(not (isinstance(node.value, ast.Name) and node.value.id == "self") for node in reached)


def tree_of(value: Any) -> ast.AST | None:
    """Return the parsed text of a function or class; None where it is not to be had."""
    try:
        return _parsed(inspect.getsource(value))
    except (OSError, TypeError):
        return None


@functools.lru_cache(64)
def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(textwrap.dedent(text))
    except (SyntaxError, ValueError):
        return None


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
