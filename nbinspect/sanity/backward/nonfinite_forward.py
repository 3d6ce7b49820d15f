"""`nonfinite-forward`: does the forward pass make NaN or infinities that reach the output, the loss or a gradient?"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Arguments, Check, MissingNeed, failed, inconclusive, measured, passed, warned
from nbinspect.sanity.evidence.losses.untrained import is_fresh
from nbinspect.sanity.evidence.numbers.nonfinite import Reached, amiss, is_finite, range_of, reached_in
from nbinspect.sanity.evidence.passes.lineage import where_of
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, record
from nbinspect.sanity.trials.own_steps.broken import broken_by
from nbinspect.sanity.trials.own_steps.emptied import Emptied, emptied
from nbinspect.sanity.trials.own_steps.last_batch import is_left_out, last_batch
from nbinspect.sanity.trials.running.own_step import OwnStep


def run(program: Program, recordings: tuple[Recorded, ...], own_step: OwnStep | None) -> CheckResult:
    """Follow values that are not finite back from loss, outputs and gradients to the operation that made them.

    The user's own `train_step` counts where it updates parameters by a loss that is not finite. On the last, smaller
    batch of an epoch a warning without one, or after training: a loop may leave that batch out.
    Masks that change from batch to batch are followed for a few steps on a copy.
    """
    last = _last(program)
    for recorded in recordings:
        if last is not None and recorded.batch.size < recordings[0].batch.size:
            continue  # it is the last one, which is judged as such
        if (found := _of_pass(program, recorded)) is not None:
            return found
    if own_step is not None and not is_finite(own_step.recorded.loss):
        found = _of_step(program, recordings[0].batch)
        if found is not None:
            return found
    if last is not None and (found := _of_last(program, last)) is not None:
        return found
    if (later := emptied(program, recordings)) is not None:
        return _of_later(later)
    return passed(f"all finite that reaches the loss; batches looked at: {len(recordings)}")


def _of_pass(program: Program, recorded: Recorded) -> CheckResult | None:
    reached = reached_in(program, recorded)
    return None if reached is None else _told(recorded, reached)


def _of_step(program: Program, batch: Batch) -> CheckResult | None:
    own = broken_by(program, batch)
    return None if own is None else _of_pass(own.program, own.recorded)


def _of_later(later: Emptied) -> CheckResult:
    """Tell of a mask that leaves nothing after a few steps on a copy."""
    found = _told(later.recorded, later.reached)
    return replace(
        found,
        summary=f"{found.summary}, training steps before: {later.steps}",
        detail=f"In step {later.steps + 1} on a copy a mask that changes leaves a row with nothing. {found.detail}",
        confirmed=True,
    )


def _last(program: Program) -> Batch | None:
    try:
        return last_batch(program)
    except MissingNeed:
        return None


def _of_last(program: Program, batch: Batch) -> CheckResult | None:
    """Judge the last batch of an epoch, which alone is smaller than the others."""
    is_own = program.subject.train_step is not None
    found = _of_step(program, batch) if is_own else _of_pass(program, record(program, batch))
    if found is None or found.status not in ("fail", "warn"):
        return None
    return replace(
        found,
        # one that outlived an epoch never trains on it
        status="fail" if is_own and is_fresh(program) and not is_left_out(program) else "warn",
        summary=f"{found.summary}, in the last batch of an epoch",
        detail=f"The last batch of an epoch has {batch.size} sample{'s' * (batch.size != 1)}. {found.detail}",
        remedy=f"Leave that batch out by DataLoader(drop_last=True), or where the spread of so few is taken. "
        f"{found.remedy}",
    )


def _told(recorded: Recorded, reached: Reached) -> CheckResult:
    origin, what = reached.origin, reached.what
    say, operation = failed if reached.is_grave else warned, origin.operation
    if operation is None:
        name = origin.use.origin if origin.use is not None else "a tensor"
        if name.startswith("batch"):
            return inconclusive(f"{name} is not finite itself", settle=f"Mend {name} first: it reaches {what}.")
        return say(
            f"{name} is not finite",
            measured(f"values of {name}", "NaN or infinite", "finite"),
            title=f"{name} holds values that are not finite",
            detail=f"{name} is NaN or infinite before the pass, and that reaches {what}.",
            remedy=f"Initialise {name} anew, or go back to a checkpoint from before it broke.",
            where=name,
        )
    name = where_of(operation)
    count = sum(map(amiss, operation.step.outputs))
    given = [(use, range_of(recorded, operation, number)) for number, use in enumerate(operation.step.inputs)]
    return say(
        f"{name} makes {count:,} NaN or infinite values",
        measured(f"values of {name} that are not finite", f"{count:,}", "0"),
        *(measured(f"range of its {use.name} ({use.origin})", text, "finite") for use, text in given if text),
        title=f"{name} makes values that are not finite",
        detail=f"It is the first to make {count:,} NaN or infinite values of finite ones, and they reach {what}.",
        remedy="Keep what it is given away from there: add a small number before log, sqrt and division, clamp "
        "before exp, leave no row wholly masked.",
        where=name,
        place=operation.step.place,
    )


def good() -> Arguments:
    """Return a model that takes logarithms of counts above zero."""
    return _logarithms(1e-3)


def bad() -> Arguments:
    """Return the same where zero counts come through."""
    return _logarithms(0.0)


def _logarithms(least: float) -> Arguments:
    def forward(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        logits: Tensor = model(torch.log(batch[0].clamp_min(least)))
        return logits

    batch = (torch.arange(32.0).reshape(8, 4), torch.randn(8, 1))
    return {"model": nn.Linear(4, 1), "loader": [batch], "loss_fn": nn.MSELoss(), "forward": forward}


CHECK = Check(
    name="nonfinite-forward",
    stage="backward",
    question="Does the forward pass make NaN or infinities that reach the loss?",
    why="One NaN in the loss makes every weight NaN at the next step.",
    remedy="Add a small number before log, sqrt and division, clamp before exp, leave no row wholly masked.",
    cost=4,
    run=run,
    good=good,
    bad=bad,
    explains=(
        *("nondeterminism", "gradient-check", "overfit-one-batch", "learning-rate", "update-ratio"),
        *("updates-not-applied",),
    ),
    sources=("T-numerics",),
    silent="infinities of masks that softmax or a later mask takes away",
)
