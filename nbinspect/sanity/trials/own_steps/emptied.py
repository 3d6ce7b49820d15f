"""A mask that changes from batch to batch, and leaves a row of softmax with nothing after a few steps of training."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.sanity.batches import reading
from nbinspect.sanity.check import MissingNeed, StepRaised
from nbinspect.sanity.evidence.numbers.nonfinite import Reached, is_finite, reached_in
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Operation, Recorded, record
from nbinspect.sanity.trials.running.trainee import Trainee, trained

_STEPS = 12
_SOFTMAX = re.compile(r"(log_)?softmax")


@dataclass(frozen=True, eq=False)
class Emptied:
    """The pass that breaks."""

    recorded: Recorded
    """With the weights from before the step that it broke."""
    reached: Reached
    steps: int
    """How many went well before."""


def emptied(program: Program, recordings: tuple[Recorded, ...]) -> Emptied | None:
    """Train a copy for a few steps where masks are not always the same, until one leaves a softmax nothing to choose.

    None where masks stay, or parameters remain finite, or something else than such a mask breaks them.

    Args:
        program: left unchanged; its steps are counted.
        recordings: passes over several batches, all finite.
    """
    if not _changes(recordings):
        return None
    with (
        suppress(MissingNeed, StepRaised),
        reading(program.subject, program.subject.loader, program.limits) as batches,
        trained(program) as trainee,
    ):
        for number, batch in enumerate(islice(batches, _STEPS)):
            before = {name: one.detach().clone() for name, one in _kept(trainee)}
            trainee.step(batch)
            if is_finite([one for _, one in _kept(trainee)]):
                continue
            with torch.no_grad():
                for name, one in _kept(trainee):
                    one.copy_(before[name])
            recorded = record(trainee.program, batch)
            reached = None if recorded.error is not None else reached_in(trainee.program, recorded)
            origin = None if reached is None or not reached.is_grave else reached.origin.operation
            is_emptied = origin is not None and _is_softmax(origin) and _is_masked(origin.given[0])
            return Emptied(recorded, reached, number) if reached is not None and is_emptied else None
    return None


def _kept(trainee: Trainee) -> Iterable[tuple[str, Tensor]]:
    yield from trainee.program.network.named_parameters()
    yield from trainee.program.network.named_buffers()


def _changes(recordings: tuple[Recorded, ...]) -> bool:
    """Whether a softmax is given masked values, and not equally many in each of several batches of one size."""
    for one in recordings[0].operations:
        if not (_is_softmax(one) and one.given and _is_masked(one.given[0])):
            continue
        others = [same for other in recordings[1:] if (same := other.by_index.get(one.step.index)) is not None]
        alike = [same.given[0] for same in others if same.given and same.given[0].shape == one.given[0].shape]
        if any(int(same.isneginf().sum()) != int(one.given[0].isneginf().sum()) for same in alike):
            return True
    return False


def _is_softmax(one: Operation) -> bool:
    return one.step.kind == "operation" and _SOFTMAX.fullmatch(word_of(one.step.name)) is not None


def _is_masked(given: Tensor) -> bool:
    """Whether some values are minus infinity, and all others are finite."""
    return (
        given.is_floating_point()
        and bool(given.isneginf().any())
        and not bool((given.isnan() | given.isposinf()).any())
    )
