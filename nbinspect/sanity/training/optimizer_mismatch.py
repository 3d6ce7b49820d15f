"""`optimizer-mismatch`: does the optimizer hold the parameters that the model has now?"""

from __future__ import annotations

import torch
from torch import nn

from nbinspect.records import CheckResult, Measurement
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Arguments, Check, failed, measured, passed, warned
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.own_steps.left_out import held_by_none, in_place_of, losses_with
from nbinspect.sanity.trials.running.comparison import ends_at, losses_of
from nbinspect.sanity.trials.running.observed import Observed
from nbinspect.sanity.trials.running.stepping import in_order, stepping


def run(program: Program, batch: Batch, observed: Observed, *, control_steps: int = 10) -> CheckResult:
    """Fail where an optimizer holds tensors of neither model nor loss, which no gradient reaches, in place of others.

    A parameter that any optimizer holds, or that the step changes itself, is not missing. Frozen tensors of neither
    count where no optimizer holds anything else, and nothing changes.
    """
    updates = [update for one in observed.steps for update in one.events.updates]
    stepped = frozenset().union(*(update.sizes for update in updates))
    held = frozenset().union(*observed.held.values()) | stepped
    own = program.parameters.keys()
    missing = held_by_none(program, observed)
    foreign = stepped - own - observed.arrived
    is_all = not held & own and not observed.rewritten  # then frozen ones are no other network's, kept on purpose
    stale = sorted(foreign if is_all else foreign & observed.trainable)
    trainable = len(observed.trainable & own)
    numbers = (
        measured("trainable parameters that no optimizer holds", f"{len(missing)} of {trainable}", "0"),
        measured("tensors held that no gradient reaches, of neither model nor loss", len(stale), "0"),
    )
    if not missing:
        return passed(f"all {trainable} trainable parameters are held", numbers[0])
    names = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
    if not stale and in_place_of(program, observed):
        return _in_place_of(missing, names, numbers[0])
    if not stale:
        return warned(
            f"{len(missing)} of {trainable} trainable parameters are held by no optimizer",
            *numbers,
            title="Parameters that no optimizer holds",
            detail=f"Gradients come for {names}, and nothing uses them; if that is meant, freeze these.",
            remedy="Give them to the optimizer, or set requires_grad_(False), which also saves their gradients.",
            where=missing[0],
        )
    losses = losses_of(program, (batch,), control_steps), losses_with(program, batch, missing, control_steps)
    ends = tuple(map(ends_at, losses))
    tried = [
        measured(f"loss of a batch after {control_steps} steps{how}", end, "lower")
        for how, end in zip(("", ", with them in the optimizer"), ends, strict=True)
    ]
    return failed(
        f"the optimizer holds {len(stale)} tensors of another model",
        *numbers,
        *(tried if all(losses) else ()),
        title="The optimizer was made for other parameters",
        detail=f"It holds {len(stale)} tensors that are of neither model nor loss, and lacks {names}: the model, or a "
        f"part of it, was replaced after the optimizer was made.",
        remedy="Make the optimizer after the model is complete, and again when a layer is replaced.",
        code="+ optimizer = torch.optim.AdamW(model.parameters(), lr=…)  # after the last change of the model",
        where=missing[0],
        confirmed=ends[1] < ends[0],
    )


def _in_place_of(missing: list[str], names: str, number: Measurement) -> CheckResult:
    return failed(
        f"{len(missing)} parameters are held by no optimizer, and those of another part twice",
        number,
        title="The optimizer was given one part twice, and another not at all",
        detail=f"It lists those of one part two times, which are updated so often, and lacks {names}, for which "
        "gradients come.",
        remedy="Give the optimizer the parameters of each part once.",
        where=missing[0],
    )


def good() -> Arguments:
    """Return a program whose optimizer holds the model's parameters."""
    return stepping(in_order)


def bad() -> Arguments:
    """Return one whose head was replaced after its optimizer was made."""
    arguments = stepping(in_order)
    model: nn.Sequential = arguments["model"]
    arguments["optimizer"] = torch.optim.SGD(model.parameters(), 0.1)
    model[2] = nn.Linear(16, 3)
    return arguments


CHECK = Check(
    name="optimizer-mismatch",
    stage="training",
    question="Does the optimizer hold the parameters that the model has now?",
    why="An optimizer made before the model, or its head, was replaced trains tensors that nothing uses any more.",
    remedy="Make the optimizer after the model is complete.",
    cost=20,
    run=run,
    good=good,
    bad=bad,
    explains=("updates-not-applied", "overfit-one-batch", "input-independent-baseline", "shuffled-labels"),
    sources=("S-not-applied",),
    silent="parameters in another optimizer; head-only tuning, and missing ones alone, are a warning",
)
