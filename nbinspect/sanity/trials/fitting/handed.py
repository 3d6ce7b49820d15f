"""A batch without its inputs, where the user's own step hands these to the model, and gives it targets of the batch."""

from __future__ import annotations

from torch import Tensor

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, record
from nbinspect.sanity.task import loss_call
from nbinspect.sanity.trials.fitting.samples import made_alike
from nbinspect.sanity.trials.running.watch import are_same


def without_inputs(program: Program, batch: Batch) -> Batch | None:
    """Return the batch as `made_alike` does; None where that cannot be done, or changes the targets in the pass.

    Args:
        program: left unchanged.
        batch: as it is.

    Raises:
        MissingNeed: if passes go through a step that makes its targets of the inputs, as one that hides words does, or
            of random draws, as one that adds noise to be told, or that gives its model none of the inputs.
    """
    zeroed = made_alike(batch)
    if zeroed is not None and program.goes_through_step:
        _require_its_own(program, batch, zeroed)
    elif zeroed is not None and program.subject.loss_fn is None:
        own, other = (_targets(record(program, one)) for one in (batch, zeroed))
        return None if own is None or other is None or not are_same([own], [other]) else zeroed
    return zeroed


def _require_its_own(program: Program, batch: Batch, zeroed: Batch) -> None:
    other = Program(program.given, program.limits, program.seed + 1, program.whole, original=program)
    passes = [record(program, batch), record(program, zeroed), record(other, batch)]
    own, *others = map(_targets, passes)
    if own is None or not all(other is not None and are_same([own], [other]) for other in others):
        raise MissingNeed("targets that your train_step takes from the batch, and makes of neither inputs nor draws")
    given = _given(passes[0])
    if given and are_same(given, _given(passes[1])):
        raise MissingNeed("a train_step that gives the model inputs of the batch")


def _targets(recorded: Recorded) -> Tensor | None:
    call = None if recorded.error is not None else loss_call(recorded)
    return None if call is None else call.targets


def _given(recorded: Recorded) -> list[Tensor]:
    """Return what the user's step called the model, or parts of it, with."""
    calls = (one for one in recorded.operations if one.step.kind == "module" and one.step.parent is None)
    return [tensor for one in calls for tensor in one.given]
