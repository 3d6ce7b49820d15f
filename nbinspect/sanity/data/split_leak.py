"""`split-leak`: are samples of the training data in the validation data too?"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from nbinspect.records import CheckResult, Flags
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, warned
from nbinspect.sanity.evidence.data.closeness import come_by_chance
from nbinspect.sanity.evidence.data.order import origin_of
from nbinspect.sanity.evidence.data.overlapping import overlapped, tell_targets
from nbinspect.sanity.evidence.data.rows import Rows
from nbinspect.sanity.evidence.data.scan import Scan

_MANY, _SOME, _HALF, _TIMES = 0.2, 20, 0.5, 50


def run(scan: Scan, val_scan: Scan, *, share: float = 0.02, sure: int = 5) -> CheckResult:
    """Fail where over `share` of the validation samples that were read, `sure` at least, are training samples too.

    Or where half of its windows lie between windows of train that they overlap with, which tell their targets. Equals
    that chance makes, in train as often as between the two, are only worth a look.
    """
    train, val = scan.rows, val_scan.rows
    if train is None or val is None:
        return inconclusive(
            "samples differ at each reading",
            settle="Keep the random part in an attribute `transform` of the data set, so that it can be left out.",
        )
    shared = _shared_indices(scan, val_scan)
    if shared:
        count, total = shared
        return _finding(count, total, f"indices of one data set are in both: {count:,}", certain=count / total > share)
    known = np.unique(train.inputs[~train.flat])
    found = np.isin(val.inputs, known) & ~val.flat
    if not (train.are_telling and val.are_telling) and not _are_beyond_chance(found, train, val):
        return passed("rows of few values, which are equal by chance")
    count, total = int(found.sum()), len(val.inputs)
    if count:
        certain = count >= sure and count / total > share and not train.are_few_valued
        certain &= not (_is_as_in_train(found, train) and come_by_chance(val, np.flatnonzero(found), train))
        sample = f"{count:,} samples, the first is sample {val.indices[int(found.argmax())]} of validation"
        return _finding(count, total, sample, certain=certain)
    between, asked = overlapped(scan, val_scan)
    if between >= _SOME and between >= _HALF * asked:
        return _overlap(between, asked, certain=tell_targets(scan, val_scan))
    if not train.is_comparable(val):
        return inconclusive(
            f"train holds {train.told}, validation {val.told}",
            settle="Read both through data sets that store samples in one form.",
        )
    if (train.share or 0) < 1:
        part = "an unknown share" if train.share is None else f"{train.share:.1%}"
        return inconclusive(f"none, with {part} of train read", settle="Compare all the files of both splits.")
    return passed(f"none of {total:,} validation samples")


def _are_beyond_chance(found: Flags, train: Rows, val: Rows) -> bool:
    """Whether chance can not put so many samples into train, which holds far fewer of the rows that could be.

    Where it makes rows twice, it does so among the own of train and of validation about as often.
    """
    least = max(_MANY, 10 * _usual(train), 10 * _usual(val), _TIMES * train.part)
    return bool(found.mean() >= least and found.sum() >= _SOME)


def _is_as_in_train(found: Flags, train: Rows) -> bool:
    """Whether validation samples have equals in train about as often as train's own have, up to chance."""
    usual = _usual(train)
    return bool(found.mean() <= usual + 3 * (usual / len(found)) ** 0.5)


def _usual(train: Rows) -> float:
    """Return the share of train's own samples that have an equal there."""
    _, kinds, counts = np.unique(train.inputs, return_inverse=True, return_counts=True)
    return float((counts[kinds] > 1).mean())


def _shared_indices(scan: Scan, val_scan: Scan) -> tuple[int, int] | None:
    """Return how many indices two loaders of one data set share, and how many validation has; None for none."""
    if scan.order is None or val_scan.order is None:
        return None
    train_set, train = origin_of(scan.loader.dataset, scan.order.population)
    val_set, val = origin_of(val_scan.loader.dataset, val_scan.order.population)
    count = len(np.intersect1d(train, val)) if train_set is val_set else 0
    return (count, len(val)) if count else None


def _finding(count: int, total: int, text: str, *, certain: bool) -> CheckResult:
    return (failed if certain else warned)(
        f"{count:,} of {total:,} validation samples are in train",
        measured("validation samples that are in train", f"{count / total:.2%}", "none"),
        title="Validation samples that were trained on",
        detail=f"{text}. On these the network is graded on what it has seen, so validation looks better than it is.",
        remedy="Remove copies, then split by sample (or person, patient, document) with disjoint index lists.",
    )


def _overlap(count: int, total: int, *, certain: bool) -> CheckResult:
    return (failed if certain else warned)(
        f"{count:,} of {total:,} validation windows overlap with train on both sides",
        measured("validation windows that go on in train, before and after", f"{count / total:.1%}", "next to none"),
        title="Windows of train and validation overlap",
        detail=f"{count:,} of {total:,} validation windows share half of their values or more with windows of train "
        "that begin before, and with others that begin after"
        + (": what they are to tell has been seen in training." if certain else ", which tell targets no better."),
        remedy="Split the series first, by time or by recording, and cut windows from each part then.",
    )


def good() -> Arguments:
    """Return a linear model with different rows in train and validation."""
    train, val = ((torch.randn(64, 8), torch.randint(3, (64,))) for _ in range(2))
    return {"model": nn.Linear(8, 3), "loader": [train], "val_loader": [val], "loss_fn": nn.CrossEntropyLoss()}


def bad() -> Arguments:
    """Return the same where half of the validation rows come from train."""
    arguments = good()
    (x, y), (other, labels) = arguments["loader"][0], arguments["val_loader"][0]
    mixed = (torch.cat([x[:32], other[:32]]), torch.cat([y[:32], labels[:32]]))
    return {**arguments, "val_loader": [mixed]}


CHECK = Check(
    name="split-leak",
    stage="data",
    question="Are samples of the training data in the validation data too?",
    why="A network graded on samples that it was trained on looks better than it is.",
    remedy="Remove copies first, split then, and never split frames or patches of one recording.",
    cost=0,
    run=run,
    good=good,
    bad=bad,
    sources=("K-duplicates",),
    silent="rows of few distinct values, blank samples; a stray sample, equals as frequent in train itself, and "
    "windows that overlap, but tell targets no better than others, warn",
)
