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
from nbinspect.sanity.evidence.rows import Rows, contradicting
from nbinspect.sanity.evidence.scan import Scan

_SURE = 5
_FEW = 20
_SKILLED = 0.7


def run(
    scan: Scan, task: TaskRecord, *, share: float = 0.01, rejected: float = 0.02, doubt: float = 0.2
) -> CheckResult:
    """Fail where over `share` of the samples have the inputs, but not the target, of another, which chance cannot do.

    Warns of single ones, and where simple models that never saw them give over `rejected` of the labels a chance
    below `doubt`, each of them.
    """
    if task.kind not in ("classification", "binary", "multilabel", "segmentation"):
        return skipped("class labels")
    rows = scan.rows
    if rows is not None and rows.are_telling and len(rows.inputs) >= _FEW:
        positions = contradicting(rows)
        if len(positions):
            return _contradiction(rows, positions, share)
    try:
        models = scan.simple_models
    except MissingNeed as missing:
        return (
            passed(f"no contradiction (not compared with simple models, which need {missing})")
            if rows
            else (inconclusive("samples differ at each reading", settle=f"Simple models need {missing}."))
        )
    if not models.chances or task.kind not in ("classification", "binary"):
        return passed("no input has two labels")
    odd, undecided = models.rejected(doubt)
    found, error = float(odd.mean()), float(np.sqrt(max(odd.mean(), 1 / len(odd)) / len(odd)))
    skill = min(models.scores["linear"], models.scores["random forest"])
    skilled = skill > max(_SKILLED, models.baseline + models.margin)
    # where classes overlap, models are undecided far more often than they reject
    if skilled and found - 2 * error > rejected and undecided < 2 * found:
        return warned(
            f"{found:.1%} of the labels are rejected by simple models",
            measured("labels that both models find unlikely", f"{found:.2%}", f"below {rejected:.0%}"),
            measured("right answers of the weaker model", f"{skill:.1%}", f"above {models.baseline:.1%}"),
            title="Labels that simple models reject",
            detail=f"A linear model and a random forest, fitted on other samples, agree on another label for "
            f"{found:.1%} of the samples and give the label that is there a chance below {doubt:.0%}.",
            remedy="Look at these samples first, the least likely at the top, and correct their labels.",
            where=f"samples like number {int(models.chosen[int(np.argmax(odd))])} of those read",
        )
    return passed(f"{found:.1%} of {len(odd):,} labels rejected by simple models")


def _contradiction(rows: Rows, positions: Integers, share: float) -> CheckResult:
    found = len(positions) / len(rows.inputs)
    same = np.flatnonzero(rows.inputs == rows.inputs[positions[0]])[:2]
    labels = " and ".join(f"{rows.labels[i]:g}" for i in same)
    pair = " and ".join(str(rows.indices[i]) for i in same)
    told = f" have the labels {labels}" if np.isfinite(rows.labels[same]).all() else " have different targets"
    return (failed if found > share and len(positions) >= _SURE else warned)(
        f"{len(positions):,} of {len(rows.inputs):,} samples contradict an equal one",
        measured("samples with the inputs but not the target of another", f"{found:.2%}", f"below {share:.0%}"),
        title="Identical inputs with different targets",
        detail=f"{len(positions):,} samples equal another in every input and differ in the target: "
        f"samples {pair}{told}. No network can fit both.",
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
    sources=("K-corrupt", "S-match"),
    silent="rows of few distinct values, regression and text; a single contradiction is a warning",
)
