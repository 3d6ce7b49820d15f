"""Labels that a loss fills in by itself: those of the rest are the very ones that it marks the others with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

import torch
from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.sanity.batches import Batch, reading
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.evidence.data.features import parts_of
from nbinspect.sanity.evidence.data.scan import Scan
from nbinspect.sanity.evidence.passes.lineage import Source, source_of
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Operation, Recorded

_MARKS = ("setitem", "index_put", "where", "masked_fill", "masked_scatter")
_COMPARES = ("gt", "ge", "lt", "le", "eq", "ne", "greater", "greater_equal", "less", "less_equal", "not_equal")
_BATCHES = 40


def marked_as_the_rest(program: Program, recorded: Recorded, scan: Scan, source: Source) -> str | None:
    """Return how labels that are all the same came to be marked in places that the batch tells from the others.

    So they are where the number of nothing is that of the only class there is. The batch has to hold one of two
    neighbouring whole numbers in each place that is marked, and the other in all that are not, and no third one in all
    that is read: else other labels come at another time.

    Args:
        program: for its loader, which is read on suspicion.
        recorded: the pass with the loss.
        scan: of the same data.
        source: of labels that are all the same.
    """
    marker = source.maker
    if marker is None or word_of(marker.step.name).strip("_") not in _MARKS:
        return None
    for at, mask in enumerate(marker.given if scan.is_fair else ()):
        use = marker.step.inputs[at]
        compared = recorded.by_index.get(use.step) if use.step is not None else None
        if mask.dtype is not torch.bool or compared is None or mask.shape != source.tensor.shape:
            continue
        told = _told_by(recorded, compared, mask)
        if told is not None and _are_all(program, recorded, *told):
            return f"{marker.step.name} writes it where the batch tells places from the rest, and the rest holds it too"
    return None


def _told_by(recorded: Recorded, compared: Operation, mask: Tensor) -> tuple[Tensor, Tensor] | None:
    """Return the tensor of the batch that a comparison marks places by, and its two values; None where it is none."""
    if word_of(compared.step.name) not in _COMPARES or not compared.given:
        return None
    values, source = compared.given[0].detach(), source_of(recorded, compared, 0)
    kinds = torch.unique(values)
    if not source.from_batch or values.shape != mask.shape or len(kinds) != 2 or float(kinds[1] - kinds[0]) != 1:
        return None
    is_upper = values == kinds[1]
    is_told = torch.equal(is_upper, mask) or torch.equal(~is_upper, mask)
    return (values, source.tensor) if is_told and not float(kinds[0]) % 1 else None


def _are_all(program: Program, recorded: Recorded, values: Tensor, tensor: Tensor) -> bool:
    """Whether a tensor of the batch, or the column of it that has these values, has no others in further batches."""
    parts = parts_of(recorded.batch)
    name = next((name for name, one in (*parts[0], *parts[1]) if one is tensor), None)
    wide = tensor.dim() == values.dim() + 1
    columns = [at for at in range(tensor.shape[-1]) if torch.equal(tensor[..., at], values)] if wide else []
    if name is None or not (columns or (tensor.shape == values.shape and torch.equal(tensor, values))):
        return False
    kinds, seen = set(torch.unique(values).tolist()), 0
    for batch in _further(program):
        found = {name: one for part in parts_of(batch) for name, one in part}.get(name)
        if found is None or (columns and found.dim() != tensor.dim()):
            return False
        if not set(torch.unique(found[..., columns[0]] if columns else found).tolist()) <= kinds:
            return False
        seen += 1
    return seen > 0


def _further(program: Program) -> Iterator[Batch]:
    """Give the batches of an epoch, at most so many."""
    with suppress(MissingNeed), reading(program.subject, program.subject.loader, program.limits) as batches:
        for batch in islice(batches, _BATCHES):
            if batch.epoch:
                return
            yield batch
