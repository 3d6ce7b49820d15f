"""`duplicate-samples`: is the same sample in the data set more than once?"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from nbinspect.records import CheckResult
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, skipped, warned
from nbinspect.sanity.evidence.data.closeness import are_copied_in_order, are_long_stretches, come_by_chance
from nbinspect.sanity.evidence.data.repeats import (
    are_answered_again,
    are_held,
    are_listed_again,
    is_one_of_full_content,
    makes_classes_even,
)
from nbinspect.sanity.evidence.data.rows import Rows, is_multiplied, repeated
from nbinspect.sanity.evidence.data.scan import Scan
from nbinspect.sanity.evidence.data.stored import Drawn, drawn_from_others
from nbinspect.sanity.evidence.data.workers import given_by_every_worker
from nbinspect.sanity.limits import Limits
from nbinspect.subject import Subject

_FEW = 20


def run(
    subject: Subject, scan: Scan, limits: Limits, *, share: float = 0.03, most: float = 2 / 3, sure: int = 5
) -> CheckResult:
    """Fail where samples equal another in input and target, which chance cannot do, or every worker gives all of them.

    Args:
        subject: how samples are split, where they are read again.
        scan: what was read.
        limits: the run's budget.
        share: of the samples that may repeat another.
        most: of the samples; where more repeat another, or rows are short and of few values, rows that come several
            times may be the nature of the data, unless the whole is one set several times over; so may rows that come
            near to others as well.
        sure: repeats, of so many different samples, that are no stray ones; or of one that is a fifth of all.
    """
    rows = scan.rows
    if rows is None:
        if (drawn := drawn_from_others(subject, scan.loader, scan.order, limits)) is not None:
            return _of_drawn(drawn)
        return inconclusive(
            "samples differ at each reading",
            settle="Keep the random part in an attribute `transform` of the data set, so that it can be left out.",
        )
    if len(rows.inputs) < _FEW:
        return skipped(f"{_FEW} samples or more")
    if not (rows.are_telling or (rows.are_of_many and (is_multiplied(rows) or are_long_stretches(rows)))):
        return passed("rows of few values, which are equal by chance")
    alike = given_by_every_worker(scan.loader, limits, to_the_end=scan.is_whole)
    return _of_workers(scan, alike) if alike else _of_rows(scan.loader, rows, share, most, sure)


def _of_rows(loader: Any, rows: Rows, share: float, most: float, sure: int) -> CheckResult:
    earlier, repeats = repeated(rows)
    extra = len(repeats)
    found = extra / len(rows.inputs)
    is_part = rows.share is not None and rows.share < 1
    seen = f"{len(rows.inputs):,} samples" + (f" ({rows.share:.1%} of all)" if is_part else "")
    if not extra:
        if is_part:
            return inconclusive(f"none among {seen}", settle="Raise the share that is read, or compare all the files.")
        return passed(f"none among {seen}")
    examples = ", ".join(f"{earlier[i]} = {rows.indices[i]}" for i in repeats[:3])
    kinds = len(np.unique(rows.inputs[repeats]))
    are_many = min(extra, kinds) >= sure or is_one_of_full_content(rows)
    certain = found > share and are_many and (rows.are_own or are_held(loader, rows))
    may_be_chance = rows.are_few_valued or come_by_chance(rows, repeats, rows)
    even = makes_classes_even(rows, repeats)
    listed, answered = are_listed_again(loader, rows, repeats), are_answered_again(rows)
    certain &= not (even or listed or answered) and (_are_put_together(rows) or not (found >= most or may_be_chance))
    return (failed if certain else warned)(
        f"{extra:,} among {seen}",
        measured("samples that repeat another", f"{found:.2%}", f"below {share:.0%}"),
        title="Samples that occur more than once",
        detail=f"{extra:,} of {seen} equal another in every value and in the target: samples {examples}. They count "
        "double in training, and after a random split lie in train and validation alike."
        + (" They make the classes even, which may be meant." if even else "")
        + (" A subset lists their indices again, which may be meant." if listed else "")
        + (" Most inputs that repeat have several targets, as answers of many people." if answered else "")
        + (" Rows of this kind may be equal by chance." if may_be_chance and not (certain or even) else ""),
        remedy="Keep each sample once; look for files that were read or joined twice.",
        where=f"sample {rows.indices[repeats[0]]}",
    )


def _are_put_together(rows: Rows) -> bool:
    """Whether copies are as often as each other, or in order, which chance has nothing of, whatever rows hold."""
    return is_multiplied(rows) or are_copied_in_order(rows)


def _of_drawn(drawn: Drawn) -> CheckResult:
    """Warn only, for some samples may be given more often than others on purpose."""
    return warned(
        f"{drawn.changing:,} of {drawn.read:,} indices draw the samples of others",
        measured("indices that give another sample at each reading", f"{drawn.changing:,} of {drawn.read:,}", "0"),
        measured("their samples that other indices give too", f"{drawn.shared:.0%}", "none"),
        title="Indices that draw a sample in place of their own",
        detail=f"{drawn.changing:,} of {drawn.read:,} indices give another sample at each reading, and "
        f"{drawn.shared:.0%} of those come from other indices too: some come several times an epoch, and others never.",
        remedy="Let each index stand for one sample: leave out beforehand what cannot be given. If some are to come "
        "more often, a WeightedRandomSampler says so.",
        where="the data set's __getitem__",
    )


def _of_workers(scan: Scan, count: int) -> CheckResult:
    workers = scan.loader.num_workers
    return failed(
        f"each of {workers} workers gives the same {count:,} samples",
        measured("samples that every worker gives", f"{count:,} of {count:,}", "0: each gives its own"),
        title="Every worker gives every sample",
        detail=f"The stream does not share its samples out: each of the {workers} workers gives the same "
        f"{count:,} that were read, so that each sample comes {workers} times in an epoch.",
        remedy="Let each worker skip what the others give: ask torch.utils.data.get_worker_info().",
        code="+ worker = torch.utils.data.get_worker_info()\n"
        "+ if worker is not None:\n"
        "+     samples = itertools.islice(samples, worker.id, None, worker.num_workers)",
        where=type(scan.loader.dataset).__name__,
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
    silent="repeats of a sampler, streams shared out among workers, rows of few values in any order, blanks; a stray "
    "copy, rows that chance makes twice, inputs with several targets, copies that make the classes even, and indices "
    "that draw those of others or are listed again, warn",
)
