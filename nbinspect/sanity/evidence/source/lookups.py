"""Which attributes a `getattr` may come to, where its name is written, or put together from what is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbinspect.sanity.evidence.source.settled import is_given

_ANY, _NUMBER = r".*", r"-?\d+"
_MOST = 1000


def lookups_past(tree: ast.AST, attribute: str, holder: object = None) -> set[int]:
    """Return the ids of the names `getattr` in a text whose calls come to other attributes than this one, for certain.

    Args:
        tree: the text, of a method say.
        attribute: which is asked for.
        holder: the object; of a loop over what it was made with, for good, the values are known.
    """
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and len(node.args) > 1)
    return {
        id(call.func)
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "getattr"
        if re.fullmatch(_spelt(call.args[1], tree, holder), attribute) is None
    }


def _spelt(node: ast.expr, tree: ast.AST, holder: object) -> str:
    """Return a pattern of what the text of an expression may be."""
    match node:
        case ast.Constant(value=str() | int() as value):
            return re.escape(str(value))
        case ast.JoinedStr(values=parts):
            return "".join(_spelt(part, tree, holder) for part in parts)
        case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
            return _spelt(value, tree, holder)
        case ast.Call(func=ast.Name(id="str"), args=[one], keywords=[]):
            return _spelt(one, tree, holder)
        case ast.BinOp(left=left, op=ast.Add(), right=right) if _is_text(left) or _is_text(right):
            return _spelt(left, tree, holder) + _spelt(right, tree, holder)
        case ast.Name(id=name):
            return _of_name(name, tree, holder)
    return _ANY


def _is_text(node: ast.expr) -> bool:
    """Whether an expression is a text, so that what is added to it is joined."""
    match node:
        case ast.Constant(value=str()) | ast.JoinedStr() | ast.Call(func=ast.Name(id="str")):
            return True
        case ast.BinOp(left=left, right=right):
            return _is_text(left) or _is_text(right)
    return False


def _of_name(name: str, tree: ast.AST, holder: object) -> str:
    """Return a pattern of what a loop gives a name; of one that is set in any other way, too, it may be anything."""
    stored = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name]
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.For | ast.comprehension)]
    over = [loop.iter for loop in loops if isinstance(loop.target, ast.Name) and loop.target.id == name]
    is_argument = any(isinstance(node, ast.arg) and node.arg == name for node in ast.walk(tree))
    if not over or is_argument or len(over) != sum(isinstance(node.ctx, ast.Store) for node in stored):
        return _ANY
    return f"(?:{'|'.join(value for one in over for value in _values(one, tree, holder))})"


def _values(over: ast.expr, tree: ast.AST, holder: object) -> Iterator[str]:
    """Give a pattern for each of the values that a loop goes over."""
    match over:
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from (
                    _values(part.value, tree, holder) if isinstance(part, ast.Starred) else [_spelt(part, tree, holder)]
                )
        case ast.Call(func=ast.Name(id="range"), args=given):
            ends = [one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, int)]
            numbers = range(*ends) if len(ends) == len(given) else range(_MOST)
            yield from [_NUMBER] if len(numbers) >= _MOST else map(str, numbers)
        case ast.Attribute(value=ast.Name(id="self"), attr=attribute) if holder is not None:
            held = getattr(holder, attribute, None) if is_given(holder, attribute) else None
            known = isinstance(held, list | tuple) and all(isinstance(one, str | int) for one in held)
            yield from (re.escape(str(one)) for one in held) if known and held is not None else [_ANY]
        case _:
            yield _ANY
