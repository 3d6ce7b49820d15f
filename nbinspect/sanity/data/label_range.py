"""`label-range`: are class labels ones that the loss means, of a dtype that it takes, and more than one?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult, TaskRecord
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, skipped, warned
from nbinspect.sanity.evidence.data.label_dtype import misfit, runs_as_indices
from nbinspect.sanity.evidence.data.scan import Scan
from nbinspect.sanity.evidence.losses.codes import Codes, odd_codes
from nbinspect.sanity.evidence.losses.ignored_labels import labels_outside, wrapped
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, tensor_output
from nbinspect.sanity.task import OF_CLASSES
from nbinspect.subject import Subject


def run(
    scan: Scan, attempt: Recorded, task: TaskRecord, subject: Subject, program: Program, *, enough: int = 20
) -> CheckResult:
    """Fail on indices that no output stands for, no and yes by other numbers than 0 and 1, a wrong dtype, one class.

    Of `enough` labels it is no chance that all are equal.
    """
    outputs, odd = tensor_output(attempt.outputs), misfit(attempt)
    if odd is not None:
        proven = runs_as_indices(program, attempt, odd)
        indices = task.loss in OF_CLASSES and outputs is not None and odd.dim() == outputs.dim() - 1
        if proven or (indices and "type" in str(attempt.error).lower()):
            return _wrong_dtype(odd, proven=proven)
    if task.kind not in ("classification", "segmentation", "binary", "multilabel", "language-model"):
        return skipped("class labels")
    constant = _constant(scan, task, enough)
    if constant is not None:
        return constant
    codes = odd_codes(program, attempt, scan)
    if codes is not None:
        return _coded(codes, attempt.batch.parts.target_name)
    if not scan.tally or task.kind in ("binary", "multilabel"):
        return passed("labels of several values")
    low, high = min(scan.tally), max(scan.tally)
    if below := wrapped(scan.tally, task, subject, attempt):
        return _wrapped(below, task.classes or 0, attempt.batch.parts.target_name)
    wrong = labels_outside(scan.tally, task, subject, attempt)
    if wrong is None:
        return passed(f"labels {low} to {high}")
    if not wrong:
        return passed(f"{len(scan.tally)} values, {low} to {high}, for {task.classes} outputs")
    return _outside(wrong, low, high, task.classes or 0, attempt.batch.parts.target_name)


def _outside(wrong: dict[int, int], low: int, high: int, classes: int, where: str) -> CheckResult:
    shown, count = ", ".join(map(str, list(wrong)[:8])), sum(wrong.values())
    shifted = low == 1 and high == classes
    return failed(
        f"labels {shown} for {classes} outputs",
        measured("labels", f"{low} to {high}", f"0 to {classes - 1}"),
        measured("labels outside", count, "0"),
        title="Labels outside of the classes",
        detail=f"The model has {classes} outputs, so class indices go from 0 to {classes - 1}; {count:,} labels are "
        f"{shown}, which the loss does not ignore.",
        remedy="Subtract 1 from the labels."
        if shifted
        else f"Give the last layer {high + 1} outputs, or map the labels.",
        code="+ targets = targets - 1" if shifted else "",
        where=where,
    )


def _wrapped(below: dict[int, int], classes: int, where: str) -> CheckResult:
    value, count = max(below), sum(below.values())
    return failed(
        f"labels {value} count as class {value + classes}",
        measured("labels below 0", count, "0"),
        title="Labels below 0 count from the last class",
        detail=f"{count:,} labels are {', '.join(map(str, below))}, and an index below 0 counts from the end: the loss "
        f"is the very same with {value + classes} in place of {value}, though that class has labels of its own.",
        remedy="Leave out samples with labels below 0: loss_fn(outputs[y >= 0], y[y >= 0]).",
        where=where,
        confirmed=True,
    )


def _coded(codes: Codes, where: str) -> CheckResult:
    return failed(
        f"labels {codes.no} and {codes.yes} for no and yes",
        measured("labels", f"{codes.no} and {codes.yes}", "0 and 1"),
        measured("loss as it is", codes.loss, f"{codes.mapped:.4g}, as with labels 0 and 1"),
        title="Labels of no and yes other than 0 and 1",
        detail=f"Binary cross-entropy takes labels from 0 to 1, and is given {codes.no} and {codes.yes} as they are: "
        f"it is {codes.loss:.4g}, {codes.mapped:.4g} with 0 and 1 in their place, and has no lower bound.",
        remedy=f"Map the labels to 0 and 1: targets == {codes.yes}.",
        code=f"+ targets = (targets == {codes.yes}).float()",
        where=where,
        confirmed=True,
    )


def _wrong_dtype(targets: Tensor, *, proven: bool) -> CheckResult:
    kind = str(targets.dtype).removeprefix("torch.")
    tried = " The step raises on them, and runs on the same labels as int64." if proven else ""
    return failed(
        f"class indices of {kind}",
        measured("dtype of the labels", kind, "int64"),
        title="Class labels of a wrong dtype",
        detail=f"Class indices are expected as int64, and these are {kind}, as after a table with gaps.{tried}",
        remedy="Convert the labels with .long().",
        code="+ targets = targets.long()",
        confirmed=proven,
    )


def _constant(scan: Scan, task: TaskRecord, enough: int) -> CheckResult | None:
    """Judge targets that are all the same: a defect if that is all of them, or all of a fair sample."""
    value = scan.only_target
    if task.kind == "language-model" or not value or scan.read < enough:
        return None
    if not scan.is_fair:
        return inconclusive(f"only {value} among {scan.read:,} labels", settle="Read more: this was a part.")
    by_place = value.startswith("[")  # right where a network rates candidates, and finds the right one first
    unless = ", unless it rates candidates one by one" * by_place
    return (warned if by_place else failed)(
        f"every label is {value}",
        measured("different labels", f"1 among {scan.read:,}", "2 or more"),
        title="A constant label",
        detail=f"Every label that was read is {value}, so a network that ignores its input is perfect{unless}.",
        remedy="Look at how labels are loaded: a wrong column, a filter, the first folder only, or names that are "
        "sought in a form they no longer have.",
    )


def good() -> Arguments:
    """Return a linear model of three outputs on labels 0, 1 and 2."""
    batch = (torch.randn(30, 4), torch.arange(30) % 3)
    return {"model": nn.Linear(4, 3), "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


def bad() -> Arguments:
    """Return the same on labels that begin at 1."""
    arguments = good()
    arguments["loader"][0][1].add_(1)
    return arguments


CHECK = Check(
    name="label-range",
    stage="data",
    question="Are class labels ones that the outputs stand for?",
    why="Labels that begin at 1, or hold one class only, raise late on some batch, or train a network on nothing.",
    remedy="Count classes from 0, as int64, and give the last layer one output for each.",
    cost=1,
    run=run,
    good=good,
    bad=bad,
    explains=("runs", "loss-target", "class-imbalance", "nothing-to-learn", "loss-at-init", "overfit-one-batch"),
    sources=("K-corrupt",),
    silent="labels that the loss ignores, and targets that are probabilities",
)
