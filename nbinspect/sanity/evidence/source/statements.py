"""The statements of a recorded pass: the text of a line, whether the result of a call on it is ever read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from nbinspect.records import ForwardRecord, Place, SourceCode
from nbinspect.sanity.evidence.source.parsed import parsed

_SIGNS = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.MatMult: "matmul"}


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
    0 where the call stands alone, or nothing after it reads the variable."""
    owner: str = ""
    """What stands before the point: ``x`` of ``x.relu()``, ``F`` of ``F.relu(x)``; empty where there is none."""
    given: str = ""
    """The first argument behind such an owner, where it is a plain name."""


def line_at(record: ForwardRecord, place: Place | None) -> str:
    """Return the text of a line, without its indent; empty where it is not to be had."""
    source = _around(record, place)
    if place is None or source is None or not 0 <= place.line - source.first < len(source.lines):
        return ""
    return source.lines[place.line - source.first].strip()


def dropped_at(record: ForwardRecord, place: Place) -> Dropped | None:
    """Return the call on a line whose result nothing can read: it stands alone, or goes to a name never read; or None.

    A variable counts as overwritten only where that is certain: later in the same block, with no branch, loop or inner
    function that mentions it on the way.
    """
    source = _around(record, place)
    tree = None if source is None else parsed("\n".join(source.lines))
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
                is_last = _is_only_named_there(function, name) or _is_unread_after(function, statement, name)
                if again is None and not name.startswith("_") and is_last:
                    return _dropped(statement.value, name, 0)
                return None if again is None else _dropped(statement.value, name, again + source.first - 1)
    return None


def is_conditional(record: ForwardRecord, place: Place | None) -> bool:
    """Return whether a line stands in a branch of its function, which other calls may pass by."""
    source = _around(record, place)
    tree = None if source is None else parsed("\n".join(source.lines))
    if place is None or source is None or tree is None:
        return False
    line = place.line - source.first + 1
    branches = (node for node in ast.walk(tree) if isinstance(node, ast.If | ast.IfExp | ast.Match))
    return any(node.lineno <= line <= (node.end_lineno or node.lineno) for node in branches)


def _around(record: ForwardRecord, place: Place | None) -> SourceCode | None:
    """Return the function that a line stands in."""
    return next((s for s in record.sources if place and (s.file, s.first) == (place.file, place.first)), None)


def _dropped(call: ast.expr, name: str, again: int) -> Dropped | None:
    """Return the call of a statement; None where it is none, or may hand what it is given to somebody's function.

    A sum or product that nothing reads counts as a call of what it is the sign for.
    """
    if isinstance(call, ast.BinOp) and type(call.op) in _SIGNS and not again:
        return Dropped(_SIGNS[type(call.op)], ast.unparse(call), name, 0, ast.unparse(call.left))
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


def _is_only_named_there(function: ast.FunctionDef, name: str) -> bool:
    return sum(isinstance(node, ast.Name) and node.id == name for node in ast.walk(function)) == 1


def _is_unread_after(function: ast.FunctionDef, statement: ast.stmt, name: str) -> bool:
    """Whether nothing that can run after a statement mentions a variable that it gives a value to."""
    later = _later(function.body, statement)
    return later is not None and not any(_has(part, name) for part in later)


def _later(block: list[ast.stmt], statement: ast.stmt) -> list[ast.stmt] | None:
    """Return what can run after a statement of a block, of loops and tries around it the whole; None if not in it."""
    for position, one in enumerate(block):
        rest = block[position + 1 :]
        if one is statement:
            return rest
        for _, inner in _blocks(one):
            if (after := _later(inner, statement)) is not None:
                runs_again = isinstance(one, ast.For | ast.AsyncFor | ast.While | ast.Try)
                return [*([one] if runs_again else after), *rest]
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
