"""`loss-direction`: do the predictions get better as the loss falls?"""

from __future__ import annotations

from math import isfinite, isinf

import torch
from torch import nn

from nbinspect.records import Place, TaskRecord
from nbinspect.sanity.check import (
    Arguments,
    Check,
    CheckResult,
    Measurement,
    MissingNeed,
    failed,
    inconclusive,
    measured,
    of_unknown_task,
    passed,
    skipped,
)
from nbinspect.sanity.evidence.losses.density import inverted, log_density
from nbinspect.sanity.evidence.losses.descent import descended
from nbinspect.sanity.evidence.losses.extreme import best_of, is_likeness, loss_of
from nbinspect.sanity.evidence.losses.likeness import of_repelled
from nbinspect.sanity.evidence.losses.location import located
from nbinspect.sanity.evidence.losses.partners import of_estranged
from nbinspect.sanity.evidence.losses.perfect import answers, supposed
from nbinspect.sanity.evidence.losses.untrained import is_untrained
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, with_gradients
from nbinspect.sanity.trials.own_steps.step_direction import Turned, turned
from nbinspect.sanity.trials.running.maximising import Maximising, of_maximised
from nbinspect.sanity.trials.running.own_step import OwnStep


def run(
    program: Program,
    own_step: OwnStep | None,
    attempt: Recorded,
    task: TaskRecord,
    maximising: Maximising,
    *,
    rates: tuple[float, ...] = (0.003, 0.01),
) -> CheckResult:
    """Fail where the loss prefers the predictions of this network to perfect ones, and steps down it make them worse.

    `rates` are lengths of the steps against the gradient, as shares of the length of all parameters.
    """
    is_alone = program.subject.train_step is None  # which may give the loss its sign
    if True not in maximising and own_step is not None and (told := turned(program, own_step, task, rates)) is not None:
        return _of_step(told)
    found = _of_loss(program, with_gradients(attempt, program.subject), task, rates)
    if True in maximising:
        is_lower = is_alone and task.kind != "other" and found.status == "pass"
        return of_maximised(program, maximising, is_lower=is_lower, is_new=is_untrained(program, attempt, task))
    density = log_density(program, attempt) if found.status == "skip" and is_alone else None
    return found if density is None else inverted(density)


def _of_loss(program: Program, backward: Recorded, task: TaskRecord, rates: tuple[float, ...]) -> CheckResult:
    if program.subject.loss_fn is None:
        return of_unknown_task(task) if task.kind == "other" else skipped("a loss_fn")
    if task.kind == "other" and (
        found := of_repelled(program, backward, rates) or of_estranged(program, backward, rates)
    ):
        return found
    is_supposed, task = task.kind == "other", supposed(task, backward)
    if task.kind == "other":
        return of_unknown_task(task)
    if (known := answers(task, backward) or located(program, backward, task)) is None:
        return skipped("outputs that can be compared with the targets")
    try:
        now = loss_of(program, backward, backward.outputs)
        nearer, best = (best_of(program, backward, known, share) for share in (0.1, 1.0))
        best = best_of(program, backward, known, 0.9) if isinf(best) else best  # as a ratio of signal to noise
    except MissingNeed:
        raise
    except Exception as error:  # noqa: BLE001 - the user's loss may want the outputs of a run, with their graph
        return skipped(f"a loss that can be called on other outputs ({type(error).__name__})")
    if not isfinite(now) or not isfinite(best):
        return skipped("a finite loss")
    shown = [measured("loss of perfect predictions", best, f"below {now:.4g}, that of this network's")]
    if not best > now + 1e-3 * abs(now):
        return passed(f"perfect predictions have the loss {best:.4g}, these {now:.4g}", *shown)
    is_sure = known.direct and not (is_supposed and known.kind == "values" and known.columns is None)
    if not is_sure and not (known.kind == "values" and is_likeness(program, backward, known)):
        return skipped("a loss that compares the outputs with the targets as they are")
    before = known.worth(backward.outputs)
    steps = [(rate, known.worth(outputs), loss) for rate, outputs, loss in descended(program, backward, rates)]
    worse = [name for name in before if all(loss < now and after[name] > before[name] for _, after, loss in steps)]
    name = next(iter(worse or before))
    for rate, after, _ in steps:
        shown.append(measured(f"{name}, after a step of {rate:g}", after[name], f"at most {before[name]:.4g}"))
    if not (worse and steps and nearer > now):
        settle = "Small steps did not show that predictions get worse; see what the loss gives for perfect ones."
        return inconclusive("perfect predictions have the higher loss", *shown, settle=settle)
    return _failed(shown)


def _failed(shown: list[Measurement], where: str = "loss_fn", place: Place | None = None) -> CheckResult:
    return failed(
        "minimising it makes predictions worse",
        *shown,
        title="The loss points the wrong way",
        detail="The loss of perfect predictions is higher than the present one, and each small step down makes the "
        "predictions worse: its sign is flipped, or it is a metric that should be maximised.",
        remedy="Multiply the loss by -1, or minimise 1 minus the metric.",
        where=where,
        place=place,
        code="" if place else "- loss = loss_fn(outputs, targets)\n+ loss = -loss_fn(outputs, targets)",
    )


def _of_step(found: Turned) -> CheckResult:
    if not found.steps:
        return passed("a step against the gradient of your train_step takes outputs towards the targets")
    shown = [measured("loss of perfect predictions", found.best, f"below {found.now:.4g}, that of this network's")]
    for rate, after, _ in found.steps:
        shown.append(measured(f"{found.measure}, after a step of {rate:g}", after, f"at most {found.before:.4g}"))
    if found.is_wrong:
        return _failed(shown, "train_step", found.place)
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
