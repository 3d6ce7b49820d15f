"""`runs`: does the forward pass run on a real batch, and the loss on what it gives?"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nbinspect.calling import is_guessed
from nbinspect.records import CheckResult, Failure
from nbinspect.sanity.batches import WITHOUT_TENSORS
from nbinspect.sanity.check import (
    Arguments,
    Check,
    failed,
    inconclusive,
    measured,
    passed,
    warned,
)
from nbinspect.sanity.evidence.passes.lineage import where_of
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, Trial
from nbinspect.sanity.trials.own_steps.called_otherwise import by_own_step, of_further_steps, unsettled
from nbinspect.sanity.trials.own_steps.evaluating import of_evaluation
from nbinspect.sanity.trials.own_steps.last_batch import of_last_batch
from nbinspect.subject import Subject

_SHAPES = "Give the layer that raises the shape, dtype and device that the batch has here."


def run(program: Program, trial: Trial) -> CheckResult:
    """Fail where loader, forward or loss raise on a real batch, or no backward can follow.

    A `train_step` that is given counts, taken twice on a copy, and so does an `eval_step` on what it is to evaluate.
    On the last batch alone: a warning.
    """
    attempt = trial.attempt
    if attempt is None or trial.raised is not None:
        return _no_batch(str(trial.raised), program.subject)
    if attempt.failure is not None:
        plain = _raises(attempt, attempt.failure)
        if program.subject.train_step is not None:
            return by_own_step(program, attempt, plain)
        if attempt.batch.of_arrays:
            return unsettled(plain, "What is made of the arrays is not known: model and loss got tensors. ")
        return unsettled(plain) if is_guessed(program.subject, attempt.batch.raw, attempt.batch.parts) else plain
    subject = program.subject
    if subject.loss_fn is not None and attempt.batch.parts.targets is None:
        settle = "Give `split`, or batches of inputs, targets; () for targets where the loss takes none."
        return inconclusive("no targets: the loss was not run", settle=settle)
    if (found := _of_loss(subject, attempt.loss)) is not None:
        return found
    if any(program.parameters) and not any(p.requires_grad for p in program.parameters.values()):
        return (failed if _is_optimised(program) else warned)(
            "no parameter requires a gradient",
            measured("trainable parameters", 0, "1 or more"),
            title="Every parameter is frozen",
            detail="All parameters have requires_grad=False: `loss.backward()` has nothing to reach and raises.",
            remedy="Set requires_grad_(True) on the parameters that are to be trained.",
            where=type(program.network).__name__,
        )
    loss = "" if attempt.record.loss is None else f", loss {attempt.record.loss:.4g}"
    found = of_further_steps(program, attempt) or of_last_batch(program, attempt.batch.size)
    return found or of_evaluation(program, attempt.batch) or passed(f"{len(attempt.operations)} steps{loss}")


def _no_batch(need: str, subject: Subject) -> CheckResult:
    if need.startswith(WITHOUT_TENSORS) and (subject.train_step or subject.forward):
        return inconclusive(
            "the batches hold no tensors",
            settle="What your own functions make of them is not known. Let the loader give tensors or NumPy arrays, as "
            "a tuple or by name: with all samples of an input in one.",
        )
    return failed(
        need.splitlines()[0][:120],
        title="No batch comes out of the loader",
        detail=f"A step needs {need}.",
        remedy="Mend the data set, collate_fn or `split` where it raises.",
        where="loader",
    )


def _raises(attempt: Recorded, failure: Failure) -> CheckResult:
    operation = attempt.by_index.get(failure.step) if failure.step is not None else None
    return failed(
        failure.error.splitlines()[0][:120],
        title="The step raises on a real batch",
        detail=f"{failure.error} {failure.explanation}".strip(),
        remedy=_SHAPES if failure.explanation else "Mend the line that raises.",
        where=where_of(operation),
        place=failure.place,
    )


def _of_loss(subject: Subject, loss: Any) -> CheckResult | None:
    """Fail where no backward can start from a loss; None where it can, or where other checks tell of it."""
    is_vector = isinstance(loss, Tensor) and loss.numel() != 1
    if subject.train_step is not None or not (is_vector or (loss is None and subject.loss_fn is not None)):
        return None
    fault = f"the loss has the shape {tuple(loss.shape)}" if is_vector else "the loss is None: its return is missing"
    return failed(
        fault,
        measured("what the loss gives", fault, "a tensor of one value"),
        title="The loss has no backward",
        detail=f"{fault[0].upper()}{fault[1:]}: `loss.backward()` raises, and no step can be taken.",
        remedy="Return the mean over the batch, as a tensor: without .item(), float() or reduction='none'.",
        where="loss_fn",
    )


def _is_optimised(program: Program) -> bool:
    """Whether the optimizer holds parameters of the model and nothing else."""
    held = {id(p) for group in getattr(program.subject.optimizer, "param_groups", ()) for p in group["params"]}
    return bool(held) and held <= {id(p) for p in program.parameters.values()}


def good() -> Arguments:
    """Return a linear model on rows of its width."""
    batch = (torch.randn(8, 4), torch.randint(3, (8,)))
    return {"model": nn.Linear(4, 3), "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


def bad() -> Arguments:
    """Return a linear model on rows of another width."""
    batch = (torch.randn(8, 5), torch.randint(3, (8,)))
    return {"model": nn.Linear(4, 3), "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


CHECK = Check(
    name="runs",
    stage="wiring",
    question="Does a training step run on a real batch?",
    why="A mismatch of shape, dtype or device shows only on real data, and the message names torch's line, not yours.",
    remedy="Compare the two shapes at the line that is named, and change the layer or the batch.",
    cost=4,
    run=run,
    good=good,
    bad=bad,
    sources=("T-shapes", "T-dtype"),
    silent="a plain call that raises, where a train_step of your own runs",
)
