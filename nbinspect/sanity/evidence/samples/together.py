"""Whether a model reads the samples of a batch together, as one that takes a batch for a sequence or a graph does."""

from __future__ import annotations

from nbinspect.sanity.batches import reading
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.evidence.data.contents import relation
from nbinspect.sanity.evidence.samples.dependence import measure_dependence
from nbinspect.sanity.program import Program

_AT_LEAST = 1e-3


def reads_together(program: Program) -> bool:
    """Whether what it gives for one sample depends on others of the first batch, in eval mode; False if untold."""
    with reading(program.subject, program.subject.loader, program.limits) as batches:
        batch = next(batches)
    try:
        found = measure_dependence(program, batch)
    except MissingNeed:
        return bool(relation(batch))
    return found.across > _AT_LEAST and not found.is_random
