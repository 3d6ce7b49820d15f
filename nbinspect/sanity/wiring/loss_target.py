"""`loss-target`: do the targets suit the loss?"""

from __future__ import annotations

import torch
from torch import nn

from nbinspect.sanity.check import Arguments, Check, CheckResult, failed, passed, skipped, warned
from nbinspect.sanity.evidence.losses.exclusive import exclusive
from nbinspect.sanity.evidence.losses.targets import unsuited
from nbinspect.sanity.evidence.passes.lineage import where_of
from nbinspect.sanity.recorded import Recorded, missing_pass
from nbinspect.subject import Subject


def run(subject: Subject, training_attempt: Recorded) -> CheckResult:
    """Fail where a loss is given targets that it cannot be meant for, or chooses from a single class."""
    attempt = training_attempt
    if attempt.error is not None and subject.train_step is not None:  # which may call the loss with other things
        raise missing_pass(subject)
    everything = [*unsuited(attempt, subject), *exclusive(attempt, subject)]
    everything.sort(key=lambda one: not one.certain)
    if everything:
        found = everything[0]
        return (failed if found.certain else warned)(
            found.title[0].lower() + found.title[1:],
            found.measurement,
            title=found.title,
            detail=found.detail,
            remedy=found.remedy,
            where=where_of(found.operation),
            place=found.operation.step.place,
        )
    if attempt.error is not None:
        raise missing_pass(subject)
    if attempt.loss is None:
        return skipped("a loss")
    return passed("the targets suit the loss")


def good() -> Arguments:
    """Return a classification with class indices."""
    batch = (torch.randn(16, 4), torch.arange(16) % 3)
    return {"model": nn.Linear(4, 3), "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


def bad() -> Arguments:
    """Return cross-entropy on targets of several labels a sample."""
    targets = torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]).repeat(8, 1)
    return good() | {"loader": [(torch.randn(16, 4), targets)]}


CHECK = Check(
    name="loss-target",
    stage="wiring",
    question="Does the loss suit the targets?",
    why="Many losses take targets that they are not meant for, and train towards something else without an error.",
    remedy="Cross-entropy for one class of C, BCE with logits for labels that may coincide, squared error for numbers.",
    cost=0,
    run=run,
    good=good,
    bad=bad,
    explains=(
        *("runs", "loss-direction", "output-range", "constant-output", "loss-at-init", "final-bias", "target-scale"),
        *("zero-gradient-path", "vanishing-gradients", "overfit-one-batch", "input-independent-baseline"),
        *("shuffled-labels", "learning-rate"),
    ),
    sources=("S-loss-task",),
    silent="soft labels that sum to 1, one-hot targets under squared error, counts and ratings (at most a warning)",
)
