"""The remedy as a change of the user's own line, where it can be written with certainty."""

from __future__ import annotations

import ast

from torch import nn

from nbinspect.capture.kinds import word_of
from nbinspect.sanity.evidence.source.statements import line_at
from nbinspect.sanity.recorded import Operation, Recorded


def removal(recorded: Recorded, operation: Operation) -> str:
    """Return the change that takes an operation of one input out of the forward; empty where it cannot be told."""
    line = line_at(recorded.record, operation.step.place)
    without = without_call(line, word_of(operation.step.name))
    if without:
        return f"- {line}\n+ {without}"
    path = operation.step.path
    parent = recorded.by_index.get(operation.step.parent) if operation.step.parent is not None else None
    if not path or parent is None or parent.step.path != path or not hasattr(nn, parent.step.name):
        return ""
    return f"+ {_as_expression(path)} = nn.Identity()  # instead of {parent.step.name}"


def without_call(line: str, word: str) -> str:
    """Return a line with its only call of `word` replaced by what that is given; empty where there is not just one."""
    try:
        tree = ast.parse(line)
    except SyntaxError:
        return ""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _named(node) == word.lower()]
    if len(calls) != 1 or not line.isascii():  # the tree counts bytes
        return ""
    call = calls[0]
    inner = _given_to(call)
    segment = ast.get_source_segment(line, inner) if inner is not None else None
    if segment is None or call.end_col_offset is None or call.lineno != call.end_lineno:
        return ""
    return line[: call.col_offset] + segment + line[call.end_col_offset :]


def _named(call: ast.Call) -> str:
    """Return the bare word of what is called: ``softmax`` of ``F.softmax(…)`` and of ``nn.Softmax(1)(…)``."""
    made = isinstance(call.func, ast.Call)
    function = call.func.func if isinstance(call.func, ast.Call) else call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return "" if name[:1].isupper() and not made else str(name).strip("_").lower()


def _given_to(call: ast.Call) -> ast.expr | None:
    """Return what a call works on: ``x`` in ``F.softmax(x, 1)``, ``self.softmax(x)`` and ``x.softmax(1)``."""
    first = call.args[0] if call.args else None
    if not isinstance(call.func, ast.Attribute):
        return first
    root: ast.expr = call.func
    while isinstance(root, ast.Attribute):
        root = root.value
    owner = root.id if isinstance(root, ast.Name) else ""
    is_module = owner == "self" and first is not None and not isinstance(first, ast.Constant)
    return first if owner in ("F", "torch", "nn", "functional") or is_module else call.func.value


def _as_expression(path: str) -> str:
    return "model" + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in path.split("."))
