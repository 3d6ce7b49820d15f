"""How many calls of the user's step one in so many stands for, as its text says: ``if seen % 4 == 0``."""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any

from nbinspect.sanity.evidence.source.parsed import tree_of
from nbinspect.sanity.trials.running.text import functions_of, names_written


def cadence(step: Callable[..., Any] | None, *, of_schedule: bool) -> int | None:
    """Return every how many calls a step calls ``….step()`` by a count that it keeps itself; None where it is not so.

    Calls under no condition are passed over: where they are reached, nobody has to ask.

    Args:
        step: the user's own; it is not called.
        of_schedule: whether what is stepped is a schedule, by its name, or anything else.
    """
    found = {
        every
        for function in functions_of(step)
        if (tree := tree_of(function)) is not None
        for test in _tests(tree, of_schedule=of_schedule)
        for every in [_every(test, function, step, names_written(tree))]
    }
    return next(iter(found)) if len(found) == 1 else None


def divisors_in(step: Callable[..., Any] | None) -> list[int]:
    """Return the whole numbers above 1 by which the text of a step takes remainders, ascending: 10 of ``n % 10``."""
    return sorted(
        {
            every
            for function in functions_of(step)
            for node in ast.walk(tree_of(function) or ast.Module([], []))
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod)
            for every in [_value_of(node.right, function, step)]
            if isinstance(every, int) and every > 1
        }
    )


def is_misread(step: Callable[..., Any] | None) -> bool:
    """Return whether every ``….step()`` stands under a condition on a remainder that no count from 0 on ever meets.

    ``step + 1 % 4 == 0`` is ``step + (1 % 4) == 0``, and in ``step % 4 == 4`` no remainder is as large as the divisor.
    """
    trees = [tree for function in functions_of(step) if (tree := tree_of(function)) is not None]
    tests = [test for tree in trees for test in _tests(tree, of_schedule=False)]
    return bool(tests) and all(test is not None and _slips(test) for test in tests)


def _slips(test: ast.expr) -> bool:
    """Whether a condition reads ``… + number % number == 0``, with something left over, or ``… % number == number``."""
    match test:
        case ast.Compare(left=ast.BinOp(op=ast.Mod(), right=divisor), ops=[ast.Eq()], comparators=[rest]):
            if isinstance(divisor, ast.Constant) and isinstance(rest, ast.Constant):
                return (
                    isinstance(divisor.value, int) and isinstance(rest.value, int) and rest.value >= divisor.value > 0
                )
            return isinstance(divisor, ast.Name | ast.Attribute) and ast.dump(divisor) == ast.dump(rest)
        case ast.Compare(
            left=ast.BinOp(
                op=ast.Add(),
                right=ast.BinOp(
                    left=ast.Constant(value=int(number)), op=ast.Mod(), right=ast.Constant(value=int(every))
                ),
            ),
            ops=[ast.Eq()],
            comparators=[ast.Constant(value=0)],
        ):
            return every > 0 and number % every > 0
    return False


def _tests(tree: ast.AST, *, of_schedule: bool) -> Iterator[ast.expr | None]:
    """Give the condition of each call that stands under one `if`; None for those under more or other conditions."""
    for node, tests in _walked(tree, ()):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "step":
            is_of_schedule = "sched" in ast.unparse(node.func.value).lower()
            if tests and is_of_schedule is of_schedule:
                yield tests[0] if len(tests) == 1 else None


def _walked(node: ast.AST, tests: tuple[ast.expr, ...]) -> Iterator[tuple[ast.AST, tuple[ast.expr, ...]]]:
    yield node, tests
    for child in ast.iter_child_nodes(node):
        inside = isinstance(node, ast.If) and child in node.body
        other = (isinstance(node, ast.If) and child in node.orelse) or isinstance(node, ast.Try | ast.For | ast.While)
        own = (node.test,) if inside and isinstance(node, ast.If) else (ast.Constant(None),) * 2 if other else ()
        yield from _walked(child, (*tests, *own))


def _every(test: ast.expr | None, function: types.FunctionType, step: Any, written: set[str]) -> int | None:
    """Return the divisor of ``count % divisor == rest``, where the function itself counts."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        rest = test.operand
    elif isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
        rest = test.left
    else:
        return None
    if not (isinstance(rest, ast.BinOp) and isinstance(rest.op, ast.Mod)):
        return None
    counted = {node.id for node in ast.walk(rest.left) if isinstance(node, ast.Name)}
    counted |= {node.attr for node in ast.walk(rest.left) if isinstance(node, ast.Attribute)}
    every = _value_of(rest.right, function, step)
    return every if counted & written and isinstance(every, int) and every > 0 else None


def _value_of(node: ast.expr, function: types.FunctionType, step: Any) -> Any:
    """Return what a number, a name from outside the function, or an attribute of `self` stands for; None if unknown."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        try:
            outside = inspect.getclosurevars(function)
        except ValueError:  # a variable of the function around it that has no value yet
            return None
        return {**outside.globals, **outside.nonlocals}.get(node.id)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        return getattr(step, "__self__", step).__dict__.get(node.attr)
    return None
