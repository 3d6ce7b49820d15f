"""`loss-direction`: do the predictions get better as the loss falls?"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from torch import nn

from nbinspect.records import TaskRecord
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import (
    Arguments,
    Check,
    CheckResult,
    measured,
    passed,
    skipped,
)
from nbinspect.sanity.evidence.losses.by_perfect import judged_by_perfect
from nbinspect.sanity.evidence.losses.density import inverted, log_density
from nbinspect.sanity.evidence.losses.extreme import loss_of, sees_targets
from nbinspect.sanity.evidence.losses.negated import negated, of_negated
from nbinspect.sanity.evidence.losses.parted import of_parted
from nbinspect.sanity.evidence.losses.sinking import of_sinking, sinking, with_turned_weights
from nbinspect.sanity.evidence.losses.untrained import has_learnt, is_untrained
from nbinspect.sanity.evidence.losses.wrong_way import wrong_way
from nbinspect.sanity.evidence.passes.beheld import is_beheld
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, with_gradients
from nbinspect.sanity.task import task_of
from nbinspect.sanity.trials.own_steps.climbing import climb, of_climb
from nbinspect.sanity.trials.own_steps.step_direction import Turned, turned
from nbinspect.sanity.trials.running.maximising import Maximising, of_maximised, trains_all
from nbinspect.sanity.trials.running.own_step import OwnStep


def run(  # noqa: PLR0917 - each need is supplied by its name
    program: Program,
    own_step: OwnStep | None,
    attempt: Recorded,
    task: TaskRecord,
    maximising: Maximising,
    batches: tuple[Batch, ...],
    *,
    rates: tuple[float, ...] = (0.003, 0.01),
) -> CheckResult:
    """Fail where the loss prefers the predictions of this network to perfect ones, and steps down it make them worse.

    Warn where it drives apart the pairs whose inputs are more alike. `rates` are lengths of the steps against the
    gradient, as shares of the length of all parameters.
    """
    found = _found(program, own_step, attempt, task, maximising, rates=rates)
    if found.status != "fail":
        is_open = program.subject.train_step is None and True not in maximising
        return (of_parted(program, attempt, batches) if is_open else None) or found
    shown = (program, attempt) if own_step is None else (own_step.program, own_step.recorded)
    if is_beheld(*shown):
        return skipped("outputs that the loss judges itself: here a network that is not trained does")
    is_trained = has_learnt(program, shown[1], task_of(shown[1], task))
    return replace(found, status="warn") if is_trained else found  # which may be meant to forget


def _found(
    program: Program,
    own_step: OwnStep | None,
    attempt: Recorded,
    task: TaskRecord,
    maximising: Maximising,
    *,
    rates: tuple[float, ...],
) -> CheckResult:
    is_alone = program.subject.train_step is None  # which may give the loss its sign
    if True not in maximising and own_step is not None and (told := turned(program, own_step, task, rates)) is not None:
        cosine = climb(program, own_step)
        if told.is_wrong and cosine > 0:
            return _risen()
        return of_climb(own_step, cosine) or _of_step(told)
    seen = own_step.recorded if own_step is not None else attempt if attempt.error is None else None
    sign = negated(seen) if seen is not None else None
    if sign is not None and not maximising & {True} and trains_all(program):
        if own_step is not None and climb(program, own_step) > 0:
            return _risen()
        return of_negated(sign)
    found = judged_by_perfect(program, with_gradients(attempt, program.subject), task, rates)
    if True in maximising:
        is_lower = is_alone and task.kind != "other" and found.status == "pass"
        return of_maximised(program, maximising, is_lower=is_lower, is_new=is_untrained(program, attempt, task))
    density = log_density(program, attempt) if found.status == "skip" and is_alone else None
    if density is not None:
        return inverted(density)
    is_open = is_alone and found.status != "fail" and program.subject.loss_fn is not None and trains_all(program)
    if not is_open:
        return found
    sees = partial(sees_targets, program, attempt)
    sunk = sinking(attempt, partial(loss_of, program, attempt), program.seed, sees_targets=sees)
    if sunk is None:
        return found
    for turned_over in with_turned_weights(attempt):
        if sinking(attempt, partial(loss_of, program, turned_over), program.seed, sees_targets=sees) is None:
            return found
    return of_sinking(sunk)


def _risen() -> CheckResult:
    return passed("your train_step goes up the gradient of what is to rise")


def _of_step(found: Turned) -> CheckResult:
    if not found.steps:
        return passed("a step against the gradient of your train_step takes outputs towards the targets")
    shown = [measured("loss of perfect predictions", found.best, f"below {found.now:.4g}, that of this network's")]
    for rate, after, _ in found.steps:
        shown.append(measured(f"{found.measure}, after a step of {rate:g}", after, f"at most {found.before:.4g}"))
    if found.is_wrong:
        return wrong_way(shown, "train_step", found.place)
    return passed(f"perfect predictions have the loss {found.best:.4g}, these {found.now:.4g}", *shown)


def good() -> Arguments:
    """Return a classification with cross-entropy."""
    batch = (torch.randn(16, 4), torch.arange(16) % 3)
    return {"model": nn.Linear(4, 3), "loader": [batch], "loss_fn": nn.functional.cross_entropy}


def bad() -> Arguments:
    """Return the same with the sign flipped."""
    return good() | {"loss_fn": lambda outputs, targets: -nn.functional.cross_entropy(outputs, targets)}


CHECK = Check(
    name="loss-direction",
    stage="wiring",
    question="Do the predictions get better as the loss falls?",
    why="A flipped sign, or a metric that is minimised, trains without an error, away from the targets.",
    remedy="Give the optimizer something whose lowest value is that of perfect predictions.",
    cost=2,
    run=run,
    good=good,
    bad=bad,
    explains=("loss-at-init", "final-bias", "overfit-one-batch", "learning-rate", "shuffled-labels"),
    sources=("S-loss-task",),
    silent="floorless losses, such as densities, whose steps make predictions better; optimizers that maximise; "
    "outputs that are to differ from their partners alone",
)
