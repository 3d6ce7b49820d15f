"""`label-noise`: do identical inputs have different targets, and do simple models reject labels?"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from nbinspect.records import CheckResult, Integers, TaskRecord
from nbinspect.sanity.check import (
    Arguments,
    Check,
    MissingNeed,
    failed,
    inconclusive,
    measured,
    passed,
    skipped,
    warned,
)
from nbinspect.sanity.evidence.data.near_copies import of_near_copies
from nbinspect.sanity.evidence.data.repeats import order_among_equals
from nbinspect.sanity.evidence.data.rows import Rows, among_equals, contradicting
from nbinspect.sanity.evidence.data.scan import Scan
from nbinspect.sanity.evidence.losses.labels_given import kind_compared
from nbinspect.sanity.recorded import Recorded

_FEW, _ALL, _SURE = 20, 0.9, 8.0
_CLASSES = ("classification", "binary", "multilabel", "segmentation")


def run(
    scan: Scan,
    labelled: TaskRecord,
    training_attempt: Recorded,
    *,
    share: float = 0.01,
    sure: int = 5,
    repeated: float = 0.3,
    unexplained: float = 0.8,
    rejected: float = 0.02,
    doubt: float = 0.2,
    skill: float = 0.7,
) -> CheckResult:
    """Fail where samples have the inputs, but not the target, of another, which chance cannot do; of near copies warn.

    Args:
        scan: what was read.
        labelled: the task that the labels are for.
        training_attempt: asked for its losses where the task is not known.
        share: of the samples, that may contradict another class label; fewer than `sure` are stray ones.
        sure: see `share`.
        repeated: of the samples, in regression, that have the inputs of another.
        unexplained: of the targets' variance, among those of equal inputs; half is worth a look, less fails if sorted.
        rejected: of the labels, to which simple models give a chance below `doubt`, which is worth a look.
        doubt: see `rejected`.
        skill: right answers without which simple models are not asked.
    """
    kind = kind_compared(training_attempt) if labelled.kind == "other" and not labelled.given else labelled.kind
    if kind not in (*_CLASSES, "regression"):
        return skipped("class labels, or numbers")
    rows = scan.rows if scan.rows is not None and scan.rows.are_telling and len(scan.rows.inputs) >= _FEW else None
    if kind == "regression":
        return _of_numbers(rows, repeated, unexplained) if rows is not None else passed("no rows to compare")
    if rows is not None and len(positions := contradicting(rows)):
        return _contradiction(rows, positions, share, sure)
    near = of_near_copies(rows) if rows is not None else None
    return near or _of_models(scan, kind, rejected, doubt, skill)


def _of_numbers(rows: Rows, repeated: float, unexplained: float) -> CheckResult:
    """Judge how far targets of equal inputs differ: little where a measurement was repeated."""
    groups, share, apart = among_equals(rows)
    found = f"{share:.0%} of {len(rows.inputs):,} samples share their inputs with others"
    if groups < _FEW or share < repeated or apart < unexplained / 2:
        return passed(f"{found}, {apart:.0%} of the variance among them")
    is_sorted = share >= _ALL and apart >= unexplained * 0.75 and order_among_equals(rows) >= _SURE
    return (failed if apart >= unexplained or is_sorted else warned)(
        f"{found}, and {apart:.0%} of the variance is among those",
        measured("variance among targets of equal inputs, of all", f"{apart:.0%}", f"below {unexplained:.0%}"),
        measured("samples with the inputs of another", f"{share:.1%}", f"below {repeated:.0%}"),
        title="Identical inputs with different targets",
        detail=f"{found}. Among targets of equal inputs is {apart:.0%} of all their variance, which no network can "
        "predict from these inputs." + " They follow the order of the rows, which no chance does." * is_sorted,
        remedy="Look for inputs and targets that were joined by the wrong key, or for a feature that was lost.",
        where="targets",
    )


def _of_models(scan: Scan, kind: str, rejected: float, doubt: float, skill: float) -> CheckResult:
    """Ask simple models that never saw a label how likely it is."""
    try:
        models = scan.simple_models
    except MissingNeed as missing:
        if scan.rows is None:
            return inconclusive("samples differ at each reading", settle=f"Simple models need {missing}.")
        return passed(f"no contradiction (not compared with simple models, which need {missing})")
    if not models.chances or kind not in ("classification", "binary"):
        return passed("no input has two labels")
    found = models.rejected(doubt)
    skilled = models.weaker > max(skill, models.baseline + models.margin)
    # where classes overlap, models are undecided far more often than they reject
    if not skilled or found.share - 2 * found.error < rejected or found.undecided >= 2 * found.share:
        return passed(f"{found.share:.1%} of {len(models.chosen):,} labels rejected by simple models")
    return warned(
        f"{found.share:.1%} of the labels are rejected by simple models",
        measured("labels that both models find unlikely", f"{found.share:.2%}", f"below {rejected:.0%}"),
        measured("right answers of the weaker model", f"{models.weaker:.1%}", f"above {models.baseline:.1%}"),
        title="Labels that simple models reject",
        detail=f"A linear model and a random forest, fitted on other samples, agree on another label for "
        f"{found.share:.1%} of the samples and give the label that is there a chance below {doubt:.0%}.",
        remedy="Look at these samples first, the least likely at the top, and correct their labels.",
        where=f"samples like number {found.first} of those read",
    )


def _contradiction(rows: Rows, positions: Integers, share: float, sure: int) -> CheckResult:
    found = len(positions) / len(rows.inputs)
    same = np.flatnonzero(rows.inputs == rows.inputs[positions[0]])[:2]
    labels = " and ".join(f"{rows.labels[i]:g}" for i in same)
    pair = " and ".join(str(rows.indices[i]) for i in same)
    told = f" have the labels {labels}" if np.isfinite(rows.labels[same]).all() else " have different targets"
    certain = found > share and len(positions) >= sure and not rows.are_few_valued
    return (failed if certain else warned)(
        f"{len(positions):,} of {len(rows.inputs):,} samples contradict an equal one",
        measured("samples with the inputs but not the target of another", f"{found:.2%}", f"below {share:.0%}"),
        title="Identical inputs with different targets",
        detail=f"{len(positions):,} samples equal another, not in the target: {pair}{told}. No network can fit both.",
        remedy="Correct or drop these labels; look for inputs and labels that were joined by the wrong key.",
        where=f"sample {rows.indices[positions[0]]}",
    )


def good() -> Arguments:
    """Return a linear model on different rows whose labels follow from them."""
    x = torch.randn(64, 8)
    return {"model": nn.Linear(8, 2), "loader": [(x, (x[:, 0] > 0).long())], "loss_fn": nn.CrossEntropyLoss()}


def bad() -> Arguments:
    """Return the same where eight rows come again with the other label."""
    arguments = good()
    x, y = arguments["loader"][0]
    return {**arguments, "loader": [(torch.cat([x, x[:8]]), torch.cat([y, 1 - y[:8]]))]}


CHECK = Check(
    name="label-noise",
    stage="data",
    question="Do the labels contradict each other?",
    why="Wrong labels set a floor under the loss that is then blamed on the network.",
    remedy="Look at the samples that are named, and at how labels were joined to inputs.",
    cost=0,
    run=run,
    good=good,
    bad=bad,
    explains=("nothing-to-learn",),
    sources=("K-corrupt", "S-match"),
    silent="rows of few values, repeated measurements, text; one contradiction, and near copies of two classes, warn",
)
