"""Where a loss takes the distance between predictions and targets, by a loss of PyTorch's or by a subtraction."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.sanity.evidence.passes.lineage import Source, argument, reaching, roots, source_of
from nbinspect.sanity.recorded import Operation, Recorded

_DISTANCES = re.compile(r"(mse|l1|smooth_l1|huber)_loss")
_SUBTRACTIONS = re.compile(r"r?sub|subtract")


@dataclass(frozen=True, eq=False)
class Comparison:
    """An operation that takes the distance between what the network gives and what the batch holds."""

    operation: Operation
    prediction: Source
    target: Source
    predicted: Tensor
    """The predictions as they were compared, detached; so are the targets, `wanted`."""
    wanted: Tensor


def comparisons(recorded: Recorded) -> Iterator[Comparison]:
    """Give every such operation that the loss is made of; its targets depend on the batch alone."""
    wanted = reaching(recorded)
    for one in recorded.operations:
        if one.step.kind != "operation" or one.step.index not in wanted or len(one.given) < 2:
            continue
        word = word_of(one.step.name)
        if _DISTANCES.fullmatch(word):
            first, second = argument(one, "input", 0), argument(one, "target", 1)
        elif one.in_loss and _SUBTRACTIONS.fullmatch(word):
            first, second = 0, 1
        else:
            continue
        if first is not None and second is not None:
            yield from _compared(recorded, one, first, second)


def _compared(recorded: Recorded, one: Operation, first: int, second: int) -> Iterator[Comparison]:
    given = [all(name.startswith("batch") for name in roots(recorded, one, at)) for at in (first, second)]
    if given[0] == given[1]:
        return
    at, to = (second, first) if given[0] else (first, second)
    predicted, wanted = one.given[at].detach(), one.given[to].detach()
    if not (predicted.is_complex() or wanted.is_complex()):
        yield Comparison(one, source_of(recorded, one, at), source_of(recorded, one, to), predicted, wanted)
