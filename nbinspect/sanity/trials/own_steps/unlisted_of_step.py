"""Weights that a model holds without listing them, on which the losses of the user's own training step depend."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.evidence.passes.reach import leaves_of
from nbinspect.sanity.evidence.passes.unlisted import Unlisted, unlisted_in
from nbinspect.sanity.limits import Hung
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.backward_calls import BackwardCalls
from nbinspect.sanity.trials.running.trainee import trained
from nbinspect.sanity.trials.running.watch import is_same


@dataclass(frozen=True)
class OfStep:
    """An attribute that holds unlisted weights, and whether the step trains them all the same."""

    found: Unlisted
    """On the copy, with those tensors alone that a loss depends on."""
    is_trained: bool
    """Whether the step changed one of them, or an optimizer holds them, whose turn may come later."""


def unlisted_of_step(program: Program, batch: Batch) -> list[OfStep] | None:
    """Take one step of the user's own on a copy, and return the unlisted weights that its losses reach.

    None where there is no such step, it does not run on a copy, or calls no ``backward()``.

    Args:
        program: left unchanged; the step is counted.
        batch: left unchanged.
    """
    if program.subject.train_step is None:
        return None
    try:
        with trained(program) as trainee, BackwardCalls() as calls:
            held = list(unlisted_in(trainee.program.network))
            optimizers = trainee.optimizers.values()
            held_by = {id(one) for part in optimizers for group in part.param_groups for one in group["params"]}
            before = {id(tensor): tensor.detach().clone() for one in held for tensor in one.tensors}
            trainee.step(batch)
            leaves = {key for loss in calls.found for key in leaves_of(loss)}
            found = [replace(one, tensors=_reached(one, leaves)) for one in held]
            return (
                [
                    OfStep(
                        one,
                        any(id(t) in held_by or not is_same(t.detach(), before[id(t)]) for t in one.tensors),
                    )
                    for one in found
                    if one.tensors
                ]
                if calls.found
                else None
            )
    except (MissingNeed, RuntimeError, Hung):
        return None


def _reached(one: Unlisted, leaves: set[int]) -> tuple[Tensor, ...]:
    return tuple(tensor for tensor in one.tensors if id(tensor) in leaves)
