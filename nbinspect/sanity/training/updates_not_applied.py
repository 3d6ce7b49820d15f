"""`updates-not-applied`: do the user's own training steps change what they are meant to train?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from nbinspect.records import CheckResult
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, warned
from nbinspect.sanity.evidence.losses.untrained import is_fresh
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.own_steps.inert import as_tried
from nbinspect.sanity.trials.own_steps.left_out import in_place_of, left_out
from nbinspect.sanity.trials.own_steps.unapplied import (
    SAID,
    Reason,
    Unapplied,
    cut_off,
    is_at_work,
    shut_off,
    unapplied,
)
from nbinspect.sanity.trials.running.comparison import fell, losses_of
from nbinspect.sanity.trials.running.observed import Observed
from nbinspect.sanity.trials.running.stepping import in_order, stepping
from nbinspect.sanity.trials.running.text import mentions_of, place_of

_AT: dict[Reason, str] = {"cleared": "zero_grad", "never its turn": "backward", "no step": "backward"}


def run(
    program: Program,
    batch: Batch,
    observed: Observed,
    *,
    control_steps: int = 10,
) -> CheckResult:
    """Fail where trainable parameters are bit for bit the same after several steps that were to change them.

    Args:
        program: left unchanged.
        batch: what standard steps are tried on.
        observed: steps on a copy.
        control_steps: of the standard steps.
    """
    found = [as_tried(program, one) for one in unapplied(observed, program.subject.train_step)]
    cut = None if found else cut_off(program, batch, observed)
    if cut is not None and (cut.is_certain or not observed.rewritten):
        found = [cut]
    if not found and (shut := shut_off(observed, program.subject.train_step)):
        found = [shut] if shut.reason != "never reached" or is_at_work(program, batch, shut.names) else []
    if not found and (left := left_out(program, batch, observed)):
        found = [Unapplied("left out", left)]
    if not found and (left := in_place_of(program, observed)):
        found = [Unapplied("not listed", left)]
    still = {name for one in found for name in one.names}
    held: frozenset[str] = frozenset().union(*observed.held.values())
    wanted = len(observed.trainable & (held | observed.rewritten | still))
    share = measured(f"parameters changed in {len(observed.steps)} steps", f"{wanted - len(still)} of {wanted}", "all")
    if not found:
        idle = len((observed.trainable & observed.arrived) - held - observed.rewritten)
        others = f"; {idle} more are held by no optimizer" if idle else ""
        return passed(f"{wanted} of {wanted} changed in {len(observed.steps)} steps{others}", share)
    worst = max(found, key=lambda one: (one.is_certain, len(one.names)))
    _, wrong, remedy, _ = SAID[worst.reason]
    if not worst.is_certain:
        return inconclusive(f"{len(still)} of {wanted} never changed", share, settle=f"{wrong}: maybe later. {remedy}")
    is_all = len(still) == wanted
    if worst.reason == "rounded" and not _has_half(program, worst):
        if not is_all:
            return passed(f"all but {len(still)} changed, whose updates are too small for their type", share)
        return inconclusive("updates too small to change anything", share, settle="Try a higher learning rate.")
    meant = worst.reason == "cut off" and not is_fresh(program)
    is_part = worst.reason in ("cleared", "not written") and _is_part(worst, observed)
    on_purpose = meant or is_part or worst.reason in ("rounded", "put back")
    result = _told(program, observed, worst, share, doubtful=on_purpose and not is_all)
    return _with_control(result, program, batch, control_steps) if is_all and result.status == "fail" else result


def _step_of(observed: Observed, name: str) -> Any:
    """Return the step of the optimizer that holds a parameter."""
    updates = (update for one in observed.steps for update in one.events.updates)
    return next((type(update.optimizer).step for update in updates if name in update.sizes), None)


def _is_part(one: Unapplied, observed: Observed) -> bool:
    """Whether the optimizer found gradients of others, as where those of a few are cancelled on purpose."""
    updates = (update for step in observed.steps for update in step.events.updates)
    return any(observed.held[one.optimizer] & update.rewritten for update in updates)


def _has_half(program: Program, one: Unapplied) -> bool:
    parameters = [program.parameters[name] for name in one.names if name in program.parameters]
    return any(parameter.dtype in (torch.float16, torch.bfloat16) for parameter in parameters)


def _told(program: Program, observed: Observed, one: Unapplied, *numbers: Any, doubtful: bool) -> CheckResult:
    title, wrong, remedy, code = SAID[one.reason]
    step = _step_of(observed, one.names[0]) if one.reason == "not written" else program.subject.train_step
    lines = [mention.place for mention in mentions_of(step, _AT.get(one.reason, ""))]
    names = ", ".join(one.names[:3]) + (f" and {len(one.names) - 3} more" if len(one.names) > 3 else "")
    return (warned if doubtful else failed)(
        "one parameter never changes" if len(one.names) == 1 else f"{len(one.names)} parameters never change",
        *numbers,
        title=title,
        detail=f"{wrong}: {names}.",
        remedy=remedy,
        where=one.names[0] if one.names else "train_step",
        place=lines[0] if len(lines) == 1 else place_of(step),
        code=code.format(optimizer=one.optimizer),
    )


def _with_control(result: CheckResult, program: Program, batch: Batch, steps: int) -> CheckResult:
    """Try what the step should have done: standard steps with the same optimizer and loss."""
    losses = losses_of(program, (batch,), steps, own=False)
    if losses is None or fell(losses) <= 0.01 * abs(losses[0]):
        return result
    number = measured(f"loss of a batch after {steps} steps that clear, go back and update", losses[-1], "lower")
    as_it_is = measured(f"loss of a batch after {steps} of these steps", losses[0], "lower")
    return replace(result, measurements=(*result.measurements, as_it_is, number), confirmed=True)


def _cleared_between(model: nn.Module, batch: Any, optimizer: Any, loss_fn: Any) -> Any:
    loss = loss_fn(model(batch[0]), batch[1])
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss


def good() -> Arguments:
    """Return a step that clears, goes back and updates."""
    return stepping(in_order)


def bad() -> Arguments:
    """Return one that clears what the backward pass made before the optimizer sees it."""
    return stepping(_cleared_between)


CHECK = Check(
    name="updates-not-applied",
    stage="training",
    question="Do training steps change every parameter that they are meant to train?",
    why="A step that updates nothing, or only a part, runs without an error and its loss merely does not fall.",
    remedy="Order the calls as zero_grad(), backward(), step(), for every optimizer, at a rate above 0.",
    cost=34,
    run=run,
    good=good,
    bad=bad,
    explains=("overfit-one-batch", "learning-rate", "input-independent-baseline", "shuffled-labels", "lr-schedule"),
    sources=("S-not-applied",),
    silent="steps skipped by a scaler, accumulation, warm-up from a rate of 0, parameters that no gradient comes for",
)
