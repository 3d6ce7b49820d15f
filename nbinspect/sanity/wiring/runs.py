"""`runs`: does the forward pass run on a real batch, and the loss on what it gives?"""

from __future__ import annotations

import torch
from torch import nn

from nbinspect.records import CheckResult
from nbinspect.sanity.check import Arguments, Check, failed, passed
from nbinspect.sanity.recorded import Recorded


def run(attempt: Recorded) -> CheckResult:
    """Fail where the forward or the loss raises on a real batch, with the step, the shapes and the line."""
    failure = attempt.failure
    if failure is None:
        loss = attempt.record.loss
        return passed(f"{len(attempt.operations)} steps" + (f", loss {loss:.4g}" if loss is not None else ""))
    step = attempt.record.steps[failure.step] if failure.step is not None else None
    return failed(
        failure.error.splitlines()[0][:120],
        title="The step raises on a real batch",
        detail=f"{failure.error} {failure.explanation}".strip(),
        remedy="Give the layer that raises the shape, dtype and device that the batch has here.",
        where=f"{step.name} in {step.path}" if step is not None and step.path else step.name if step else "",
        place=failure.place,
    )


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
    cost=0,
    run=run,
    good=good,
    bad=bad,
    sources=("T-shapes", "T-dtype"),
    silent="nothing: a step that raises is always a defect",
)
