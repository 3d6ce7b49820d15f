"""`nothing-to-learn`: can even simple models predict the labels better than their mean?"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from nbinspect.records import Chart, CheckResult, TaskRecord
from nbinspect.sanity.check import Arguments, Check, inconclusive, measured, passed, skipped, warned
from nbinspect.sanity.evidence.data.scan import Scan
from nbinspect.sanity.evidence.losses.labels_given import kind_compared
from nbinspect.sanity.recorded import Recorded


def run(
    scan: Scan, labelled: TaskRecord, training_attempt: Recorded, *, gain: float = 0.1, enough: int = 150
) -> CheckResult:
    """Warn where no simple model beats the most common class, or the mean, and samples enough would have shown it.

    Enough are those that rule a gain as large as `gain` out, and `enough` at least.
    """
    kind = kind_compared(training_attempt) if labelled.kind == "other" and not labelled.given else labelled.kind
    if kind not in ("classification", "binary", "regression"):
        return skipped("one class or number to predict for each sample")
    models = scan.simple_models
    name, best = max(models.scores.items(), key=lambda item: item[1])
    what, usual = ("right answers", "most common class") if models.chances else ("R²", "mean")
    names = (*models.scores, usual)
    heights = np.array([max(score, -1.0) for score in (*models.scores.values(), models.baseline)])
    chart = Chart("bars", "Simple models on samples that they had not seen", "", what, names, (heights,), np.zeros(0))
    text = f"{name} {best:.3g}, against {models.baseline:.3g}"
    if best > models.baseline + models.margin:
        return passed(text, charts=(chart,))
    if len(models.chosen) < enough or best + models.margin > models.baseline + gain:
        return inconclusive(
            f"{text} on {len(models.chosen)} samples",
            settle="Give more samples: these are too few to tell.",
            charts=(chart,),
        )
    return warned(
        text,
        measured(f"{what} of the best simple model", best, f"above {models.baseline + models.margin:.3g}"),
        measured(f"{what} without looking at the inputs", models.baseline, "lower than that"),
        title="Simple models find nothing to learn",
        detail=f"{', '.join(models.scores)}: none predicts the targets of {len(models.chosen):,} samples better than a "
        "model that ignores the inputs.",
        remedy="Check that inputs and labels still belong together (one shuffled without the other, a wrong join).",
        charts=(chart,),
    )


def good() -> Arguments:
    """Return a linear model on labels that follow from the inputs."""
    x = torch.randn(300, 4)
    return {"model": nn.Linear(4, 2), "loader": [(x, (x[:, 0] > 0).long())], "loss_fn": nn.CrossEntropyLoss()}


def bad() -> Arguments:
    """Return the same with labels that were shuffled without the inputs."""
    x = torch.randn(300, 4)
    return {"model": nn.Linear(4, 2), "loader": [(x, torch.randint(2, (300,)))], "loss_fn": nn.CrossEntropyLoss()}


CHECK = Check(
    name="nothing-to-learn",
    stage="data",
    question="Is there anything to learn from these inputs?",
    why="If inputs and labels do not belong together, no network and no rate will help.",
    remedy="Follow one sample by hand from the file to the batch, with its label.",
    cost=0,
    run=run,
    good=good,
    bad=bad,
    sources=("S-learnable", "S-match"),
    silent="too few samples to tell, which is inconclusive; it never fails",
)
