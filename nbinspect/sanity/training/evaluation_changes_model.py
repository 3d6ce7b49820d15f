"""`evaluation-changes-model`: does the user's evaluation leave the model as it was?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from nbinspect.records import CheckResult
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Arguments, Check, MissingNeed, failed, measured, passed, warned
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.own_steps.evaluating import evaluated_batch
from nbinspect.sanity.trials.own_steps.evaluation import (
    Left,
    is_begun,
    is_statistic,
    learnt_from,
    left_behind,
    shift_of_outputs,
    shift_of_training,
)
from nbinspect.sanity.trials.running.stepping import stepping
from nbinspect.sanity.trials.running.text import place_of


def run(
    program: Program, batch: Batch, eval_step: Callable[..., Any], *, smallest: float = 1e-6, steps: int = 2
) -> CheckResult:
    """Fail where `eval_step` leaves gradients, or changes parameters or statistics, and the model goes on differently.

    It is run on copies, in train mode, as after training. Buffers that eval mode alone would keep are a warning, for
    that is `train-eval-mode`'s; so is state that is no statistic of the data, which a model may carry on purpose.

    Args:
        program: left unchanged.
        batch: what is trained on; and evaluated, without a `val_loader`.
        eval_step: the user's own.
        smallest: shift above which the model goes on differently.
        steps: of the user's own `train_step` before, where nothing is found without.
    """
    seen = evaluated_batch(program, batch)
    left, taken = _left(program, seen, batch, steps)
    kept = () if left.names else learnt_from(program, seen, left.attributes)
    if (left.names or kept) and not taken and is_begun(program, seen, steps, kept, first=batch):
        return passed("what the first batch sets up stays after a training step")
    steps = taken
    left = replace(left, buffers=kept) if kept else left
    if not left.names:
        return passed("parameters, buffers and gradients stay" + "; the model is left in eval mode" * left.leaves_mode)
    is_buffers = not (left.parameters or left.gradients or left.switched)
    if is_buffers and not kept and not left_behind(program, seen, training=False, steps=steps, first=batch).names:
        return _of_mode(left, eval_step)
    # what is put in for an evaluation may stay until the next step puts the weights back
    shifts = {} if steps else {"outputs in eval mode, of their spread": shift_of_outputs(program, seen)}
    trains = shift_of_training(program, seen, steps=steps, first=batch)
    shifts |= {"parameters after a training step, of their spread": trains}
    does = any(shift > smallest for shift in shifts.values() if shift is not None)
    is_known = any(shift is not None for shift in shifts.values())
    if not does and (kept or len(left.switched) == len(left.names)):
        return passed("parameters, buffers and gradients stay; what else it leaves nothing that was tried depends on")
    learnt = learnt_from(program, seen, left.buffers) if is_buffers and does else ()
    is_state = is_buffers and not learnt and not any(is_statistic(program, name) for name in left.buffers)
    certain = bool(left.gradients) or (does and not is_state) or (bool(left.parameters) and not is_known)
    return (failed if certain else warned)(
        f"evaluation changes {_counted(left)}",
        measured("parameters, buffers, gradients and requires_grad that evaluation changes", len(left.names), "0"),
        *(measured(f"change of {name}", shift, "0") for name, shift in shifts.items() if shift is not None),
        title="Evaluation changes the model",
        detail=f"eval_step leaves other values in {', '.join(left.names[:3])}"
        + (", and the model goes on differently." if does else "; nothing that was tried depends on them."),
        remedy="Update it while training alone." if learnt else _remedy(left),
        code="+ if self.training:" if learnt else "+ model.eval()\n+ with torch.no_grad():",
        where=learnt[0] if learnt else left.names[0],
        place=place_of(eval_step),
        confirmed=does,
    )


def _left(program: Program, seen: Batch, batch: Batch, steps: int) -> tuple[Left, int]:
    """Return what an evaluation leaves behind, and how many steps were taken before it."""
    left = left_behind(program, seen)
    if left.names or program.subject.train_step is None:
        return left, 0
    try:
        return left_behind(program, seen, steps=steps, first=batch), steps
    except MissingNeed:
        return left, 0


def _counted(left: Left) -> str:
    parts = {"parameters": left.parameters, "buffers": left.buffers, "gradients": left.gradients}
    parts |= {"settings of requires_grad": left.switched}
    return ", ".join(f"{len(names)} {kind}" for kind, names in parts.items() if names)


def _remedy(left: Left) -> str:
    if left.parameters:
        return "Take optimizer steps and other writes to parameters out of eval_step."
    if left.switched:
        return "Evaluate under torch.no_grad() instead of switching requires_grad, or switch it back in eval_step."
    if left.gradients:
        return "Evaluate under torch.no_grad(), or clear the gradients of a backward pass in eval_step."
    return "Call model.eval() at the beginning of eval_step, and put back what it keeps in buffers."


def _of_mode(left: Left, eval_step: Callable[..., Any]) -> CheckResult:
    return warned(
        f"evaluation in train mode moves {len(left.buffers)} buffers",
        measured("buffers that evaluation changes", len(left.buffers), "0, as in eval mode"),
        title="Evaluation teaches the model's statistics",
        detail=f"eval_step stays in train mode, so that {left.buffers[0]} learns from what is evaluated; in eval mode "
        f"nothing changes: see train-eval-mode.",
        remedy="Call model.eval() at the beginning of eval_step, unless the loop around it does.",
        code="+ model.eval()",
        where=left.buffers[0],
        place=place_of(eval_step),
    )


def _evaluates(model: nn.Module, batch: Any) -> Any:
    with torch.no_grad():
        return functional.cross_entropy(model(batch[0]), batch[1])


def _trains(model: nn.Module, batch: Any, optimizer: Any) -> Any:
    loss = functional.cross_entropy(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call] # torch's own
    optimizer.step()
    return loss


def good() -> Arguments:
    """Return an evaluation that only looks."""
    return stepping(None, eval_step=_evaluates)


def bad() -> Arguments:
    """Return one that was copied from the training step."""
    return stepping(None, eval_step=_trains)


CHECK = Check(
    name="evaluation-changes-model",
    stage="training",
    question="Does the evaluation leave the model as it was?",
    why="An evaluation that writes to the model trains on validation data, or spoils what training built.",
    remedy="Evaluate under model.eval() and torch.no_grad(), without an optimizer step.",
    cost=24,
    run=run,
    good=good,
    bad=bad,
    explains=("batch-leak",),
    sources=("T-mode",),
    silent="the mode in which it leaves the model; weights that it swaps and puts back; what its first batch sets up",
)
