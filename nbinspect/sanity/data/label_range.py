"""`label-range`: are class indices inside [0, C), of a dtype that the loss takes, and more than one?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult, TaskRecord
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, skipped
from nbinspect.sanity.evidence.ignored_labels import is_ignored
from nbinspect.sanity.evidence.scan import Scan
from nbinspect.sanity.recorded import Recorded, tensor_output
from nbinspect.subject import Subject

_ENOUGH = 20
_PER_CLASS = ("F.cross_entropy", "F.nll_loss")
_FITTING = (torch.int64, torch.uint8)


def run(scan: Scan, attempt: Recorded, task: TaskRecord, subject: Subject) -> CheckResult:
    """Fail on indices that no output stands for, on labels of a wrong dtype, and on one class alone."""
    if task.kind not in ("classification", "segmentation", "binary", "multilabel", "language-model"):
        return skipped("class labels")
    outputs, targets = tensor_output(attempt.outputs), attempt.batch.targets
    if task.loss in _PER_CLASS and targets is not None and outputs is not None and attempt.error is not None:
        indices = targets.dim() == outputs.dim() - 1
        if indices and targets.dtype not in _FITTING and "type" in str(attempt.error).lower():
            return _wrong_dtype(targets, task)
    constant = _constant(scan, task)
    if constant is not None:
        return constant
    if not scan.tally or task.kind in ("binary", "multilabel"):
        return passed("labels of several values")
    low, high = min(scan.tally), max(scan.tally)
    if outputs is None or task.classes is None or task.loss not in _PER_CLASS or not _fit(outputs, attempt):
        return passed(f"labels {low} to {high}")
    wrong = {
        value: count
        for value, count in sorted(scan.tally.items())
        if not 0 <= value < task.classes and not is_ignored(value, subject, attempt)
    }
    if not wrong:
        return passed(f"{len(scan.tally)} values, {low} to {high}, for {task.classes} outputs")
    shown = ", ".join(map(str, list(wrong)[:8]))
    shifted = low == 1 and high == task.classes
    resized = f"Give the last layer {high + 1} outputs, or map the labels."
    return failed(
        f"labels {shown} for {task.classes} outputs",
        measured("labels", f"{low} to {high}", f"0 to {task.classes - 1}"),
        measured("labels outside", sum(wrong.values()), "0"),
        title="Labels outside of the classes",
        detail=f"The model has {task.classes} outputs, so class indices go from 0 to {task.classes - 1}; "
        f"{sum(wrong.values()):,} labels are {shown}, which the loss does not ignore.",
        remedy="Subtract 1 from the labels." if shifted else resized,
        code="+ targets = targets - 1" if shifted else "",
        where=attempt.batch.parts.target_name,
    )


def _fit(outputs: Tensor, attempt: Recorded) -> bool:
    """Whether the outputs' second axis surely is that of the classes: the loss ran, or the other axes agree."""
    targets = attempt.batch.targets
    if attempt.error is None:
        return True
    return targets is not None and outputs.dim() > 1 and (*outputs.shape[:1], *outputs.shape[2:]) == targets.shape


def _wrong_dtype(targets: Tensor, task: TaskRecord) -> CheckResult:
    kind = str(targets.dtype).removeprefix("torch.")
    return failed(
        f"class indices of {kind}",
        measured("dtype of the labels", kind, "int64"),
        title="Class labels of a wrong dtype",
        detail=f"{task.loss} takes class indices as int64, and these are {kind}.",
        remedy="Convert the labels with .long().",
        code="+ targets = targets.long()",
    )


def _constant(scan: Scan, task: TaskRecord) -> CheckResult | None:
    """Judge labels of one value: a defect if that is all of them, or all of a fair sample."""
    labels = scan.labels
    same = labels is not None and bool((labels == labels[0]).all())
    one = same or (scan.tally is not None and len(scan.tally) == 1)
    if task.kind == "language-model" or not one or scan.read < _ENOUGH:
        return None
    value = next(iter(scan.tally)) if scan.tally else float(labels[0]) if labels is not None else "?"
    if not scan.is_fair:
        return inconclusive(f"only {value} among {scan.read:,} labels", settle="Read more: this was a part.")
    return failed(
        f"every label is {value}",
        measured("different labels", f"1 among {scan.read:,}", "2 or more"),
        title="A constant label",
        detail=f"Every label that was read is {value}, so a network that ignores its input is perfect.",
        remedy="Look at how labels are loaded: a wrong column, a filter, or the first folder only.",
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
    cost=0,
    run=run,
    good=good,
    bad=bad,
    explains=("runs", "class-imbalance", "nothing-to-learn", "loss-at-init"),
    sources=("K-corrupt",),
    silent="labels that the loss ignores, and targets that are probabilities",
)
