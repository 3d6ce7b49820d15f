"""`duplicate-samples`: is the same sample in the data set more than once?"""

from __future__ import annotations

import torch
from torch import nn

from nbinspect.records import CheckResult
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, skipped, warned
from nbinspect.sanity.evidence.rows import repeated
from nbinspect.sanity.evidence.scan import Scan

_FEW = 20
_SURE = 5
_MANY = 2 / 3


def run(scan: Scan, *, share: float = 0.03) -> CheckResult:
    """Fail where more than `share` of the samples equal another in input and target, which chance cannot do."""
    rows = scan.rows
    if rows is None:
        return inconclusive(
            "samples differ at each reading",
            settle="Keep the random part in an attribute `transform` of the data set, so that it can be left out.",
        )
    if len(rows.inputs) < _FEW:
        return skipped(f"{_FEW} samples or more")
    if not rows.are_telling:
        return passed("rows of few values, which are equal by chance")
    earlier, repeats = repeated(rows)
    extra = len(repeats)
    found = extra / len(rows.inputs)
    seen = f"{len(rows.inputs):,} samples" + (f" ({rows.share:.1%} of all)" if rows.share is not None else "")
    if not extra:
        if rows.share is not None and rows.share < 1:
            return inconclusive(f"none among {seen}", settle="Raise the share that is read, or compare all the files.")
        return passed(f"none among {seen}")
    examples = ", ".join(f"{earlier[i]} = {rows.indices[i]}" for i in repeats[:3])
    # where most rows come several times, there are few rows to come, and that may be the nature of the data
    sure = share < found < _MANY and extra >= _SURE and rows.are_own
    return (failed if sure else warned)(
        f"{extra:,} among {seen}",
        measured("samples that repeat another", f"{found:.2%}", f"below {share:.0%}"),
        title="Samples that occur more than once",
        detail=f"{extra:,} of {seen} equal another in every value and in the target: samples {examples}. They count "
        "double in training, and after a random split lie in train and validation alike.",
        remedy="Keep each sample once; look for files that were read or joined twice.",
        where=f"sample {rows.indices[repeats[0]]}",
    )


def good() -> Arguments:
    """Return a linear model on 64 different rows."""
    batch = (torch.randn(64, 8), torch.randint(3, (64,)))
    return {"model": nn.Linear(8, 3), "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


def bad() -> Arguments:
    """Return the same where the first eight rows are there twice."""
    arguments = good()
    x, y = arguments["loader"][0]
    return {**arguments, "loader": [(torch.cat([x, x[:8]]), torch.cat([y, y[:8]]))]}


CHECK = Check(
    name="duplicate-samples",
    stage="data",
    question="Is the same sample in the data set more than once?",
    why="Repeated samples weigh more than meant, and a random split puts them on both sides.",
    remedy="Remove copies before splitting.",
    cost=0,
    run=run,
    good=good,
    bad=bad,
    explains=("split-leak",),
    sources=("K-duplicates",),
    silent="repeats drawn by a sampler, rows of few distinct values, blank samples; a stray copy is a warning",
)
