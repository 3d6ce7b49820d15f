"""Samples of an explorer that a person labels, beside the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nbinspect.data.explorer.explorer import Explorer, Split
from nbinspect.data.findings.found import no_label
from nbinspect.data.human.asking import HumanBaseline
from nbinspect.errors import InputError
from nbinspect.records import HumanRecord


def human(explorer: Explorer, *, n: int, twice: float, path: str | Path | None) -> HumanBaseline:
    """Draw samples of the split that is looked at for a person to label. Raises InputError without classes."""
    record = explorer.view.record
    label = record.column("label")
    if label is None or label.kind != "class":
        got = no_label(record.columns) if label is None else f"the label is a {label.kind}"
        raise InputError(f"human: expected a class for each sample to compare a person's answers with, but {got}")
    return HumanBaseline(record.columns[0].values, label.values, label.words, n=n, twice=float(twice), path=path)


def human_result(explorer: Explorer, asked: HumanBaseline, split: Split) -> HumanRecord:
    """Return what a person's answers about a split come to, beside the network where it has predicted that."""
    correct = explorer.views[split].record.column("correct")
    right = None if correct is None else correct.values.astype(np.float64)
    return asked.result(right, seen=split == "train")
