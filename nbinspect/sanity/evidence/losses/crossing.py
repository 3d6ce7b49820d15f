"""Operations that pair every sample with every other by broadcasting (N,) with (N, 1), and what becomes of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nbinspect.capture.kinds import word_of
from nbinspect.records import Place
from nbinspect.sanity.evidence.passes.lineage import Source, reaching, roots, source_of
from nbinspect.sanity.recorded import Operation, Recorded

_LOSSES = re.compile(r"(mse|l1|smooth_l1|huber|(poisson|gaussian)_nll|soft_margin)_loss|kl_div")
_ELEMENTWISE = re.compile(r"add|sub|subtract|rsub|mul|multiply|div|divide|true_divide|maximum|minimum")
_REDUCES = re.compile(r"mean|sum|nanmean|nansum")
_REARRANGES = re.compile(r"view|reshape|flatten|ravel|contiguous|clone|float|double|to")
_NEIGHBOURLY = ("softmax", "log_softmax", "tril", "triu", "cumsum", "sort", "matmul")
"""Those that keep the shape of a matrix of pairs, but know its rows from its columns."""
_ADDS_AXIS = re.compile(r"unsqueeze|getitem|view|reshape")
_DIFFERS = re.compile(r"add|r?sub|subtract")


@dataclass(frozen=True, eq=False)
class Crossing:
    """An operation that pairs each of N values with each of N others."""

    operation: Operation
    count: int
    """N"""
    narrow: Source
    """The one of shape (N,), or (N, *S); (1, N) or (1, N, *S) in a table."""
    wide: Source
    """The one of shape (N, 1), or (N, 1, *S)."""
    compares: bool
    """Whether one of the two depends on the network and the other is of the batch alone."""
    wide_learns: bool
    """Whether the wide one depends on the network."""
    explicit: bool
    """Whether the axis of length 1 was put in on the operation's own line; of two that the network gave, and that are
    subtracted as those of a ranking are, on any line."""
    is_table: bool
    """Whether a row meets a column, as pairs that are meant do too; only where both are compared."""


def crossings(recorded: Recorded) -> list[Crossing]:
    """Return the crossings whose pairs are summed or averaged as if they were N values, and used for nothing else.

    Pairs made of one tensor and itself, as pairwise losses make them, are not among them; nor are those that a mask of
    pairs selects from, a softmax compares or a product of matrices uses. Source: T-shapes.
    """
    wanted = reaching(recorded)
    found = [crossing(recorded, one) for one in recorded.operations if one.step.index in wanted]
    tables = {one.operation.step.index for one in found if one is not None and one.is_table}
    of_pairs = [one for one in recorded.operations if one.step.index in wanted - tables and _is_of_pairs(one)]
    pairs = {_line(one) for one in of_pairs}
    kept = [one for one in found if one is not None and _line(one.operation) not in pairs]
    return [one for one in kept if _is_averaged(recorded, one.operation, {k.operation.step.index for k in kept})]


def crossing(recorded: Recorded, operation: Operation) -> Crossing | None:
    """Return an operation as a crossing; None where it is none."""
    step = operation.step
    word = word_of(step.name)
    named = _LOSSES.fullmatch(word) is not None
    if step.kind != "operation" or len(step.inputs) < 2 or not (named or _ELEMENTWISE.fullmatch(word)):
        return None
    shapes = [use.shape for use in step.inputs[:2]]
    order = next(((n, w) for n, w in ((0, 1), (1, 0)) if _pairs_up(shapes[n], shapes[w])), None)
    is_table = order is None
    order = order or next(((n, w) for n, w in ((0, 1), (1, 0)) if _are_table(shapes[n], shapes[w])), None)
    if order is None:
        return None
    narrow, wide = (source_of(recorded, operation, at) for at in order)
    origins = [roots(recorded, operation, at) for at in order]
    of_batch = [any(name.startswith("batch") for name in names) for names in origins]
    learns = [not all(name.startswith("batch") for name in names) for names in origins]
    explicit = not named and any(
        _ADDS_AXIS.fullmatch(word_of(one.step.name)) and one.step.place == step.place for one in wide.passed
    )
    if all(learns) and _DIFFERS.fullmatch(word):
        explicit = explicit or _is_given_axis(recorded, operation, order[1])
    compares = learns[0] != learns[1]
    if not all(of_batch) or narrow.tensor is wide.tensor or (is_table and not compares):
        return None
    return Crossing(operation, shapes[order[1]][0], narrow, wide, compares, learns[1], explicit, is_table)


def _line(operation: Operation) -> tuple[str, Place | None]:
    return operation.step.name, operation.step.place


def _is_of_pairs(one: Operation) -> bool:
    """Whether an operation pairs rows with columns, (N, 1) with (1, M), as the line that it is on then does anyway."""
    shapes = [use.shape for use in one.step.inputs[:2]]
    if one.step.kind != "operation" or one.step.place is None or not _ELEMENTWISE.fullmatch(word_of(one.step.name)):
        return False
    return (
        len(shapes) == 2
        and all(len(shape) == 2 for shape in shapes)
        and shapes[0][::-1] != shapes[0]
        and (shapes[0][1] == 1 == shapes[1][0] or shapes[0][0] == 1 == shapes[1][1])
    )


def _is_given_axis(recorded: Recorded, operation: Operation, position: int) -> bool:
    """Whether an axis was put into what an operation was given, on the way there from what computed its values."""
    while (use := operation.step.inputs[position]).step is not None and use.step in recorded.by_index:
        operation, position = recorded.by_index[use.step], 0
        if len(operation.given) != 1 or len(operation.made) != 1:
            return False
        if operation.made[0].dim() != operation.given[0].dim():
            return operation.made[0].dim() > operation.given[0].dim()
    return False


def _pairs_up(narrow: tuple[int, ...], wide: tuple[int, ...]) -> bool:
    return len(narrow) > 0 and len(wide) == len(narrow) + 1 and wide == (narrow[0], 1, *narrow[1:])


def _are_table(row: tuple[int, ...], column: tuple[int, ...]) -> bool:
    return len(row) > 1 and row[0] == 1 < row[1] and column == (row[1], 1, *row[2:])


def _is_averaged(recorded: Recorded, first: Operation, crossed: set[int]) -> bool:
    """Whether what an operation made is reduced in the end, by operations that treat the pairs as plain values.

    A sum over what else each pair has, as of a distance, leaves the pairs.
    """
    if all(not made.shape for made in first.step.outputs):
        return True
    shape = first.step.outputs[0].shape[:2]
    pairs = crossed | {first.step.index}
    averaged = False
    for one in recorded.operations:
        uses = one.step.inputs
        if one.step.kind != "operation" or not any(use.step in pairs for use in uses) or one.step.index in crossed:
            continue
        word = word_of(one.step.name)
        masked = any(use.shape[:2] == shape and use.step not in pairs for use in uses)
        keeps = all(made.shape[:2] == shape for made in one.step.outputs)
        if masked:
            return False
        reduces = _REDUCES.fullmatch(word) and not keeps
        if reduces or (_LOSSES.fullmatch(word) and not all(made.shape for made in one.step.outputs)):
            averaged = True
        elif _REARRANGES.fullmatch(word) or keeps:
            if word in _NEIGHBOURLY:
                return False
            pairs.add(one.step.index)
        else:
            return False
    return averaged
