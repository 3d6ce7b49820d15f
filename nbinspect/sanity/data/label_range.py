"""`label-range`: are class labels ones that the loss means, of a dtype that it takes, and more than one?"""

from __future__ import annotations

from collections import Counter

import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult, TaskRecord
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, skipped, warned
from nbinspect.sanity.evidence.data.label_dtype import misfit, runs_as_indices
from nbinspect.sanity.evidence.data.scan import Scan
from nbinspect.sanity.evidence.losses.codes import odd_codes
from nbinspect.sanity.evidence.losses.ignored_labels import labels_outside, wrapped
from nbinspect.sanity.evidence.losses.label_findings import (
    of_codes,
    of_labels_outside,
    of_signs,
    of_still_labels,
    of_still_numbers,
    of_wrapped_labels,
)
from nbinspect.sanity.evidence.losses.labels_given import beyond_outputs, meets_others, rates_candidates, still_labels
from nbinspect.sanity.evidence.losses.margins import below_nothing, signs_wanted, wants_signs
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, tensor_output
from nbinspect.sanity.task import OF_CLASSES
from nbinspect.subject import Subject


def run(  # noqa: PLR0917 - each need is supplied by its name
    scan: Scan,
    attempt: Recorded,
    training_attempt: Recorded,
    labelled: TaskRecord,
    subject: Subject,
    program: Program,
    *,
    enough: int = 20,
) -> CheckResult:
    """Fail on indices that no output stands for, no and yes by other numbers than 0 and 1, a wrong dtype, one class.

    Of `enough` labels it is no chance that all are equal.
    """
    outputs, odd = tensor_output(attempt.outputs), misfit(attempt)
    if odd is not None:
        proven = runs_as_indices(program, attempt, odd)
        indices = labelled.loss in OF_CLASSES and outputs is not None and odd.dim() == outputs.dim() - 1
        if proven or (indices and "type" in str(attempt.error).lower()):
            return _wrong_dtype(odd, proven=proven)
    where = attempt.batch.parts.target_name
    if (found := _as_given(scan, attempt, training_attempt, labelled, program, enough)) is not None:
        return found
    if labelled.kind == "regression" and scan.only_target and scan.is_fair and scan.read >= enough:
        return of_still_numbers(scan.only_target, scan.read)
    if labelled.kind not in ("classification", "segmentation", "binary", "multilabel", "language-model"):
        return skipped("class labels")
    constant = _constant(scan, labelled, training_attempt, enough)
    if constant is not None:
        return constant
    if not scan.tally or labelled.kind in ("binary", "multilabel"):
        return passed("labels of several values")
    low, high = min(scan.tally), max(scan.tally)
    if below := wrapped(scan.tally, labelled, subject, attempt):
        return of_wrapped_labels(below, labelled.classes or 0, where)
    wrong = labels_outside(scan.tally, labelled, subject, attempt)
    if wrong is None:
        return passed(f"labels {low} to {high}")
    if not wrong:
        return passed(f"{len(scan.tally)} values, {low} to {high}, for {labelled.classes} outputs")
    return of_labels_outside(wrong, low, high, labelled.classes or 0, where)


def _as_given(  # noqa: PLR0917 - each need has its name
    scan: Scan, attempt: Recorded, training_attempt: Recorded, task: TaskRecord, program: Program, enough: int
) -> CheckResult | None:
    """Judge labels as the losses get them, whether the loss, the model or the step of the user calls these."""
    where = attempt.batch.parts.target_name
    beyond = beyond_outputs(attempt)
    if beyond is not None:
        labels, classes = beyond
        tally = scan.tally or Counter(map(int, labels.flatten().tolist()))
        wrong = {value: tally[value] for value in sorted(set(map(int, labels.flatten().tolist())))}
        return of_labels_outside(wrong, min(tally), max(tally), classes, where)
    still = still_labels(program, training_attempt, scan, enough=enough)
    if still is not None:
        return of_still_labels(still)
    known = signs_wanted(training_attempt, scan)
    if known is not False or wants_signs(program.subject, attempt, scan):
        return of_signs(where, certain=known is not None)
    codes = odd_codes(program, training_attempt, scan) or below_nothing(program.subject, attempt, scan, task)
    return None if codes is None else of_codes(codes, where)


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


def _constant(scan: Scan, task: TaskRecord, attempt: Recorded, enough: int) -> CheckResult | None:
    """Judge targets that are all the same: a defect if that is all of them, or all of a fair sample."""
    value = scan.only_target
    if meets_others(attempt) or task.kind == "language-model" or not value or scan.read < enough:
        return None
    if not scan.is_fair:
        return inconclusive(f"only {value} among {scan.read:,} labels", settle="Read more: this was a part.")
    # right where a network rates candidates, and finds the right one first
    by_place = value.startswith("[") or any(rates_candidates(attempt, one) for one in attempt.named(*OF_CLASSES))
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
    silent="labels that the loss ignores, and targets that are probabilities; quantities that are all one warn",
)
