"""The narrowest place of a network: few values of a sample, through which all that reaches the outputs has to go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nbinspect.sanity.evidence.layers.depth import layers_of
from nbinspect.sanity.evidence.passes.lineage import ancestors
from nbinspect.sanity.recorded import Operation, Recorded, tensor_output

_FEW = 3


@dataclass(frozen=True, eq=False)
class Waist:
    """A step between weighted layers that all of the data passes."""

    operation: Operation
    units: int
    """Values of each sample, or of each position where every one has a target."""


def waist(recorded: Recorded) -> Waist | None:
    """Return the narrowest step, of three values or fewer, between trained layers, with no way around it; else None."""
    output, batch = tensor_output(recorded.outputs), recorded.batch
    last = None if output is None else recorded.maker(output)
    if last is None or not batch.size:
        return None
    targets = batch.targets
    places = batch.size
    if targets is not None and targets.dim() > 1 and not targets.is_floating_point():
        places = targets.numel()
    trained = {one.operation.step.index for one in layers_of(recorded) if one.weight.requires_grad}
    found = []
    for one in ancestors(recorded, last):
        if one.step.kind != "operation" or len(one.made) == 0 or not one.made[0].is_floating_point():
            continue
        count = one.made[0].numel()
        if count % places or not 0 < count // places <= _FEW:
            continue
        before = {other.step.index for other in ancestors(recorded, one)}
        after = _after(recorded, one) - {one.step.index}
        if before & trained and after & trained and not _has_way_around(recorded, last, one):
            found.append(Waist(one, count // places))
    return min(found, key=lambda one: (one.units, one.operation.step.index), default=None)


def _after(recorded: Recorded, operation: Operation) -> set[int]:
    """Return the steps that depend on one."""
    reached = {operation.step.index}
    for one in recorded.operations:
        if one.step.kind == "operation" and any(use.step in reached for use in one.step.inputs):
            reached.add(one.step.index)
    return reached


def _has_way_around(recorded: Recorded, last: Operation, waist: Operation) -> bool:
    """Whether data of the batch comes to the outputs without this step."""
    return any(use.origin.startswith("batch") for one in _without(recorded, last, waist) for use in one.step.inputs)


def _without(recorded: Recorded, last: Operation, waist: Operation) -> Iterator[Operation]:
    waiting, seen = [last], {last.step.index, waist.step.index}
    while waiting:
        one = waiting.pop()
        yield one
        before = {use.step for use in one.step.inputs if use.step is not None} - seen
        seen |= before
        waiting += [recorded.by_index[index] for index in before if index in recorded.by_index]
