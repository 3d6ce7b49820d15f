"""Whether what enters the model in a training step holds the samples of the batch, each in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from torch import Tensor
from torch.nn.utils.rnn import pad_packed_sequence

from nbinspect.nested import axis_of, packed_in, tensors_in
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.trials.running.watch import are_same

Place: TypeAlias = Literal["own", "mixed", "unknown"]
"""Where a sample of the batch enters: its own place, with others in it or not."""
_TRIED = 4
"""Samples that are changed one by one."""


def place_of_samples(batch: Batch, entered: Any, entering: Callable[[Batch], Any], axis: int) -> Place:
    """Return whether each sample of a batch enters in its own place, mixed with others there, or none can be told.

    It does where other orders of the samples enter in these orders, or each one that is changed is changed in its
    place. A step that sorts or shuffles its samples, joins or divides batches, or draws from a memory has no such.

    Args:
        batch: left unchanged.
        entered: what the model is called with on it.
        entering: gives the same for another batch, with the same random draws.
        axis: along which the samples enter.
    """
    size = batch.size
    rows = _rows(entered, size, axis)
    if size < 2 or not rows:
        return "own" if size < 2 or _is_list_of(size, entered) else "unknown"
    places = list(range(size))
    place_found: Place = "own"
    try:
        turned = places[1:] + places[:1]
        if are_same([tensor[turned] for tensor in rows], _rows(entering(batch.taken(turned)), size, axis)):
            return "own"
        for place in places[:: -(-size // _TRIED)]:
            others = [(place + 1) % size if each == place else each for each in places]
            found = _rows(entering(batch.taken(others)), size, axis)
            if are_same(rows, found):
                continue
            if len(rows) != len(found) or are_same(*([one[place] for one in ones] for ones in (rows, found))):
                return "unknown"
            rest = [each for each in places if each != place]
            if not are_same(*([one[rest] for one in ones] for ones in (rows, found))):
                place_found = "mixed"
    except MissingNeed:  # a batch that cannot be cut into samples
        return "own"
    return place_found


def _rows(value: Any, size: int, axis: int) -> list[Tensor]:
    """Return the tensors that hold as many samples, along their first axes."""
    padded = [pad_packed_sequence(packed, batch_first=True)[0] for packed in packed_in(value)]
    found = [(tensor, axis_of(tensor, size, axis)) for _, tensor in tensors_in(value, "") if not tensor.is_nested]
    rows = [tensor.movedim(along, 0) for tensor, along in found if along is not None]
    return [tensor.detach() for tensor in (*rows, *(one for one in padded if len(one) == size))]


def _is_list_of(size: int, value: Any) -> bool:
    """Whether one of the arguments is a list of as many, such as pictures of different sizes."""
    return any(isinstance(part, list) and len(part) == size for part in value.values())
