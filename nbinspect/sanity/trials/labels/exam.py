"""The exam of labels that no copy has learnt so far: can anything at all be learnt of them, and would that be seen?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nbinspect.records import TaskRecord
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.evidence.data.joined import joined
from nbinspect.sanity.evidence.data.scan import Scan
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import record
from nbinspect.sanity.trials.fitting.floor import goal_of
from nbinspect.sanity.trials.labels.power import is_plain, parted, too_few
from nbinspect.sanity.trials.labels.relabelled import Memory, memory_of, relabelled
from nbinspect.sanity.trials.labels.simple_link import SimpleLink, simple_link

_MEMORISED, _ENOUGH = 0.8, 0.3
"""Shares of the loss of the best constant prediction: what counts as memorised, and is enough of it."""
_AS_FAST = 0.85
_A_FEATURE = 5
_PLENTY = 600
"""Samples looked at; on fewer a weak link may well stay unseen."""
_UNSEEN = 0.05
"""Correlation that numbers, as the returns of a market, may well have with their inputs; classes rarely have less."""


@dataclass(frozen=True, eq=False)
class Exam:
    """What came of it; with a doubt, as far as it went."""

    doubt: str
    """What would settle it, as a sentence; empty where nothing can be learnt of the labels."""
    seen: int = 0
    """How many samples were memorised."""
    others: int = 0
    """How many were looked at and not trained on."""
    own: Memory | None = None
    """With the real labels."""
    exchanged: Memory | None = None
    """With shuffled ones."""
    blind: float = 0.0
    """Loss of the best constant prediction on the samples that were memorised."""
    link: SimpleLink | None = None
    is_plain: bool = False
    """Whether there are many samples, of numbers so many that a weak link shows, and inputs learnt from so soon."""


def exam_of(
    program: Program, task: TaskRecord, stream: Sequence[Batch], scan: Scan, *, steps: int, chance: float
) -> Exam:
    """Let Adam memorise some samples on two copies, with their labels and with shuffled ones; the program is unchanged.

    Args:
        program: the original.
        task: as in `looked_at`.
        stream: batches of one epoch: the first are memorised, the others looked at.
        scan: of the same data, for simple models.
        steps: at most, twice; of a network that is slow to memorise twice as many.
        chance: up to how many deviations are chance.

    Raises:
        MissingNeed: as `trained` and `looked_at`, or where batches cannot be joined.
    """
    seen, others = parted(stream)
    few = too_few(seen, others)
    if few:
        return Exam(f"Give more data: there are {few}.")
    batch, fresh = joined(seen), sum(one.size for one in others)
    blind = goal_of(record(program, batch)).blind
    if blind is None or blind <= 0:
        return Exam("Train longer: what the loss of the best constant prediction is cannot be told.")
    goals = {"enough": _ENOUGH * blind, "at_least": _MEMORISED * blind}
    own = memory_of(program, task, batch, others, steps=steps, **goals)
    if abs(own.strength) > chance:
        return Exam("Train longer: Adam at 0.01 learns something of them.", batch.size, fresh, own)
    link = simple_link(scan)
    if link is None or link.strength > chance:
        found = "no simple model can be tried on these inputs" if link is None else "a simple model learns them"
        return Exam(f"Train longer: {found}.", batch.size, fresh, own, link=link)
    if not own.losses[-1] <= _MEMORISED * blind:
        text = f"Train longer: {len(own.losses)} steps of Adam do not memorise {batch.size} samples."
        return Exam(text, batch.size, fresh, own, link=link)
    exchanged = memory_of(program, task, relabelled(batch, program.seed), (), steps=len(own.losses), enough=0.0)
    if sum(own.losses) < _AS_FAST * sum(exchanged.losses) or not exchanged.losses[-1] <= blind:
        text = "Train longer: the real labels are memorised faster than shuffled ones."
        return Exam(text, batch.size, fresh, own, exchanged, blind, link)
    is_table = any(tensor.dim() == 2 for _, tensor in batch.inputs)
    plain = fresh >= _PLENTY and is_plain(batch) and not (is_table and link.samples < _A_FEATURE * link.features)
    plain &= task.kind != "regression" or (max(own.strength, 0.0) + chance) / fresh**0.5 <= _UNSEEN
    return Exam("", batch.size, fresh, own, exchanged, blind, link, plain)
