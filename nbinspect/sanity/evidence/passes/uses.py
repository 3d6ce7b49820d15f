"""Which calls on the user's own lines made something that nothing uses."""

from __future__ import annotations

from collections.abc import Iterator

from nbinspect.nested import tensors_in
from nbinspect.records import Place
from nbinspect.sanity.evidence.passes.flow import memory_of
from nbinspect.sanity.recorded import Operation, Recorded


def calls_by_line(recorded: Recorded) -> dict[Place, tuple[Operation, ...]]:
    """Return the calls on each line of the user's code; not the steps inside a module that is called on that line."""
    lines: dict[Place, tuple[Operation, ...]] = {}
    for one in recorded.operations:
        above = recorded.by_index.get(one.step.parent) if one.step.parent is not None else None
        if one.step.place is not None and (above is None or above.step.place != one.step.place):
            lines[one.step.place] = (*lines.get(one.step.place, ()), one)
    return lines


def unused_calls(recorded: Recorded) -> frozenset[Operation]:
    """Return the calls on the user's lines of which nothing is used later: not what they made, nor its memory.

    Used is what a later step is given, what the model or the loss returned, and what was changed in place.
    """
    last = {memory_of(tensor): one.step.index for one in recorded.operations for tensor in one.given}
    ends = (tensor for _, tensor in tensors_in((recorded.outputs, recorded.loss), ""))
    last |= {memory_of(tensor): len(recorded.operations) for tensor in ends}
    calls = (call for line in calls_by_line(recorded).values() for call in line)
    return frozenset(call for call in calls if call.made and not _is_used(call, recorded, last))


def _is_used(call: Operation, recorded: Recorded, last: dict[int, int]) -> bool:
    inside = list(_inside(call, recorded))
    end = inside[-1].step.index if inside else call.step.index
    given = {memory_of(tensor) for tensor in call.given}
    # what shares memory with its input is a view of it, or the input itself; what was given nothing draws or counts
    if call.step.in_place or not given or any(memory_of(tensor) in given for tensor in call.made):
        return True
    return any(last.get(memory_of(tensor), 0) > end for one in (call, *inside) for tensor in one.made)


def _inside(call: Operation, recorded: Recorded) -> Iterator[Operation]:
    """Give the steps inside a module's call, in order."""
    index = call.step.index + 1
    while (one := recorded.by_index.get(index)) is not None and one.step.depth > call.step.depth:
        yield one
        index += 1
