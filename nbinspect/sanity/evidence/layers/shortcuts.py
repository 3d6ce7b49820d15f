"""How the gradient fares along the shortcuts of a residual network, from one sum to the next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from math import log
from statistics import median

from nbinspect.capture.kinds import word_of
from nbinspect.sanity.check import CheckResult, failed, measured
from nbinspect.sanity.evidence.layers.depth import LEAST, layers_of, magnitude, size_of, through_depth
from nbinspect.sanity.evidence.passes.lineage import source_of, where_of
from nbinspect.sanity.recorded import Operation, Recorded

_ADDS = ("add", "iadd", "radd", "lerp")
_CHANGES, _NEARLY_ALL = 1.1, 0.9
_DOUBLES = 1.9
"""Blocks that make as much as they are given multiply it by 1.4."""
_SCALES = re.compile(r"[ri]?(mul(tiply)?|div(ide)?|truediv|true_divide)|neg|\w*dropout\d?d?")


@dataclass(frozen=True, eq=False)
class Shortcut:
    """A sum of what a block of layers was given and what it made of that."""

    operation: Operation
    gradient: float
    """Norm of the loss's gradient with respect to the sum."""
    is_twice: bool
    """Whether what the block was given is added to a sum that holds it already."""


def shortcuts(recorded: Recorded) -> list[Shortcut]:
    """Return the longest row of shortcuts, each of which is given the sum of the one before, from input to output.

    Between two of them are at most views, casts, dropout, factors, and sums of the same with itself; weighted layers
    of its own stand beside each, so that the times of a recurrent network make no row.
    """
    own = sorted(layer.operation.step.index for layer in layers_of(recorded))
    rows: dict[int, list[Shortcut]] = {}
    """By the index of each step on such a way, what led to it."""
    for one in recorded.operations:
        if one.in_loss or not _adds(one) or one.step.inputs[0].shape != one.step.inputs[1].shape:
            continue
        ends = [end for position in (0, 1) if (end := _bottom(recorded, one, position)) is not None]
        first, last = min(ends, key=_index, default=one), max(ends, key=_index, default=one)
        if len(ends) < 2 or not _is_of(recorded, last, first):
            continue
        row = rows.get(first.step.index, [])
        gradient = next((made.gradient for made in one.step.outputs if made.gradient is not None), None)
        has_own = any(first.step.index < index <= last.step.index for index in own)
        size = size_of(gradient) if gradient is not None else 0.0
        twice = _adds(last) and any(_bottom(recorded, last, position) is first for position in (0, 1))
        rows[one.step.index] = [*row, Shortcut(one, size, twice)] if has_own and size > 0 else row
    return max(rows.values(), key=len, default=[])


def grown_along(backward: Recorded, *, fast: float, most: float) -> CheckResult | None:
    """Tell of a gradient that grows along the shortcuts to more than is allowed; None where it does not.

    Args:
        backward: the shared pass.
        fast: factor above which it has exploded where each shortcut doubles it.
        most: the same where each makes it grow by less.
    """
    row = shortcuts(backward)
    factor, each = _along(row)
    limit = fast if each > _DOUBLES else most
    return _told(row, each, f"below {limit:g}") if factor > limit else None


def faded_along(backward: Recorded, *, least: float) -> CheckResult | None:
    """Tell of a gradient that shrinks along the shortcuts of the shared pass to less than a share; None where not."""
    row = shortcuts(backward)
    factor, each = _along(row)
    return _told(row, each, f"above {least:g}") if factor < least else None


def _along(row: list[Shortcut]) -> tuple[float, float]:
    """Return what the gradient is multiplied by along a row of shortcuts, without a single large step, and at one.

    Both are 1 where there are few, or not nearly all of them make it grow, or shrink.
    """
    steps = [before.gradient / after.gradient for before, after in pairwise(row)]
    enough = _NEARLY_ALL * len(steps)
    steady = sum(one > _CHANGES for one in steps) >= enough or sum(one < 1 / _CHANGES for one in steps) >= enough
    if len(row) < LEAST or not steady:
        return 1.0, 1.0
    each = median(steps)
    return min(each ** len(steps), row[0].gradient / row[-1].gradient, key=lambda factor: abs(log(factor))), each


def _told(row: list[Shortcut], each: float, expected: str) -> CheckResult:
    factor, first = row[0].gradient / row[-1].gradient, row[0].operation
    effect, remedy = (_GROWS, _SMALLER) if factor > 1 else (_SHRINKS, _WHOLE)
    does = "grows" if factor > 1 else "shrinks"
    names = [f"{where_of(one.operation)} ({at})" for at, one in enumerate(row, 1)]
    return failed(
        f"gradient {does} to {magnitude(factor)} along {len(row)} shortcuts",
        measured("gradient at the first shortcut, of that at the last", factor, expected),
        measured("factor of one shortcut", each, "about 1"),
        title=f"The gradient {'explodes' if factor > 1 else 'vanishes'} along the shortcuts",
        detail=f"Each of {len(row)} shortcuts multiplies it by about {each:.3g}, which should hand it on as it is: "
        + effect,
        remedy=_ONCE if sum(one.is_twice for one in row) > len(row) / 2 else remedy,
        where=first.step.path,
        place=first.step.place,
        charts=(through_depth("Gradient along the shortcuts", "norm", names, [one.gradient for one in row]),),
    )


_GROWS = "what the first blocks make drowns what the last ones add, and no rate suits both."
_ONCE = "Add what a block is given once, x + block(x): either in the block or around it."
_SMALLER = "Begin the last layer of each block smaller, or normalise what the block is given."
_WHOLE = "Hand each sum on as it is, with no factor on it and all of its gradient."
_SHRINKS = "the first blocks do not learn while the last do."


def _adds(operation: Operation) -> bool:
    return operation.step.kind == "operation" and word_of(operation.step.name) in _ADDS and len(operation.given) > 1


def _index(operation: Operation) -> int:
    return operation.step.index


def _bottom(recorded: Recorded, operation: Operation, position: int) -> Operation | None:
    """Return what made an argument, past views, casts and factors; None where no step did."""
    maker = source_of(recorded, operation, position).maker
    while maker is not None and maker.step.kind == "operation" and _SCALES.fullmatch(word_of(maker.step.name)):
        positions = range(len(maker.given))
        made = [at for at in positions if maker.step.inputs[at].step is not None and maker.given[at].numel() > 1]
        wide = [at for at in made if maker.step.inputs[at].shape == maker.step.outputs[0].shape]
        if len(wide) != 1:
            return maker
        maker = source_of(recorded, maker, wide[0]).maker
    return maker


def _is_of(recorded: Recorded, last: Operation, first: Operation) -> bool:
    """Whether one step is, or depends on, an earlier one."""
    waiting, seen = [last.step.index], set[int]()
    while waiting:
        index = waiting.pop()
        if index == first.step.index:
            return True
        known = recorded.by_index.get(index)
        if known is None or index in seen or index < first.step.index:
            continue
        seen.add(index)
        waiting += [use.step for use in known.step.inputs if use.step is not None]
    return False
