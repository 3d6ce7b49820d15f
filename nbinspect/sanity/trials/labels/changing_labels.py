"""What is said where a loader gives labels that do not stay the same."""

from __future__ import annotations

from nbinspect.records import Chart, Measurement
from nbinspect.sanity.check import CheckResult, failed, measured
from nbinspect.sanity.trials.labels.reread import Reread


def of_labels_that_change(again: Reread, shown: Measurement, charts: tuple[Chart, ...]) -> CheckResult:
    """Say that the loader gives a sample another label when it is read again."""
    return failed(
        "the same samples get other labels at each reading",
        shown,
        measured(
            f"labels that stay when {again.samples} samples are read again",
            f"{again.agreeing:.0%}",
            f"100% ({again.chance:.0%} by chance)",
        ),
        title="The label of a sample is another at each reading",
        detail=f"Of {again.samples} samples that the loader gave twice, {again.agreeing:.0%} had the same label both "
        f"times, and {again.chance:.0%} would by chance: classes are numbered or labels drawn anew each time.",
        remedy="Number the classes once, before training, and let data set and collate_fn look the numbers up.",
        where="loader",
        charts=charts,
        confirmed=True,
    )
