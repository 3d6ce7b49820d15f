"""`class-imbalance`: how uneven are the classes, and which metrics survive that?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sized
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import WeightedRandomSampler

from nbinspect.records import Chart, CheckResult, TaskRecord
from nbinspect.sanity.check import Arguments, Check, measured, passed, skipped, warned
from nbinspect.sanity.evidence.data.scan import Scan, is_binary
from nbinspect.sanity.evidence.losses.class_weights import Misplaced, misplaced
from nbinspect.sanity.recorded import Recorded

_ENOUGH = 50
_SHOWN = 64
_EXPECTED = 10
_TIMES = 10


def run(scan: Scan, labelled: TaskRecord, attempt: Recorded, *, ratio: float = 10) -> CheckResult:
    """Warn where the most common class has surely more than `ratio` times the samples of the rarest.

    And where the loss weighs classes by the inverse frequencies of others, or a sampler takes its weights of classes
    for those of as many samples.
    """
    if labelled.kind not in ("classification", "binary", "segmentation"):
        return skipped("class labels")
    if (few := _of_sampler(scan.loader, labelled)) is not None:
        return few
    counts = {value: count for value, count in _counts(scan).items() if value < (labelled.classes or np.inf)}
    total = sum(counts.values())
    if not counts or total < _ENOUGH:
        return skipped(f"{_ENOUGH} labels")
    compared = labelled.given or bool(labelled.loss)  # else columns of the outputs may be those of an embedding
    for value in range((compared and labelled.classes) or 0):
        counts.setdefault(value, 0)
    (common, most), (rare, least) = max(counts.items(), key=_count), min(counts.items(), key=_count)
    if (others := misplaced(attempt, counts)) is not None:
        return _weighed(others, common)
    # a rare class may have had bad luck in a part of the data: the most that it may have had counts
    possible = least if scan.is_whole else least + 2 * np.sqrt(least + 1) + 2
    missing = least == 0 and total < _EXPECTED * len(counts)
    found = f"{most:,} of class {common}, {least:,} of class {rare}"
    order = sorted(counts)[:_SHOWN]
    chart = Chart(
        "bars", "Samples by class", "class", "labels", tuple(map(str, order)),
        (np.array([float(counts[value]) for value in order]),), np.zeros(0),
    )  # fmt: skip
    if len(counts) < 2 or missing or most <= ratio * possible:
        return passed(found, charts=(chart,))
    if not least and most <= ratio * min(filter(None, counts.values())):
        return _without(rare, len(counts), total, chart)
    return warned(
        f"{most / max(1, least):.3g} : 1 ({found})",
        measured("most common to rarest class", f"{most:,} : {least:,}", f"below {ratio:g} : 1"),
        measured("accuracy of always saying the most common", f"{most / total:.1%}", f"{1 / len(counts):.1%}"),
        title="Uneven classes",
        detail=f"Always answering {common} is right in {most / total:.1%} of the cases, so accuracy says little.",
        remedy="Judge by balanced accuracy, macro F1 or average precision; consider class weights.",
        where=f"class {rare}",
        charts=(chart,),
    )


def _without(rare: int, classes: int, total: int, chart: Chart) -> CheckResult:
    """Tell of a class that the network can answer and that never comes, where the others are even."""
    return warned(
        f"no sample of class {rare}",
        measured(f"samples of class {rare}", f"0 of {total:,}", f"about {total // classes:,}"),
        title=f"Class {rare} has no samples",
        detail=f"The network has {classes} outputs, and no label is {rare}; the other classes are even.",
        remedy=f"Leave it so if {rare} stands for nothing, as padding or an unknown word does; else find its samples.",
        where=f"class {rare}",
        charts=(chart,),
    )


def _weighed(found: Misplaced, common: int) -> CheckResult:
    given, expected = (", ".join(f"{one:.3g}" for one in part[:_EXPECTED]) for part in (found.given, found.expected))
    return warned(
        f"weight {found.given[common]:.3g} for the most common class, {found.given.max():.3g} is the largest",
        measured("weights of the classes in the loss", given, expected),
        title="Class weights the wrong way round" if found.is_by_count else "Class weights in another order",
        detail=f"The weights are the {'' if found.is_by_count else 'inverse '}frequencies of the classes, "
        f"{'not inverted' if found.is_by_count else 'but each is given to another class than its own'}: the loss makes "
        "up for no imbalance, and may add to it.",
        remedy=f"Weigh each class by its own inverse frequency: {expected}.",
        where=f"class {common}",
    )


def _of_sampler(loader: Any, task: TaskRecord) -> CheckResult | None:
    """Tell of a sampler whose weights are one a class, so that it draws the first few samples alone."""
    sampler, data = getattr(loader, "sampler", None), getattr(loader, "dataset", None)
    if not isinstance(sampler, WeightedRandomSampler) or not isinstance(data, Sized):
        return None
    drawn, total = len(sampler.weights), len(data)
    if drawn not in (task.classes, 2 if task.kind == "binary" else task.classes) or total < _TIMES * drawn:
        return None
    return warned(
        f"the sampler draws the first {drawn} of {total:,} samples",
        measured("weights of the sampler", drawn, f"{total:,}, one a sample"),
        title="A sampler with a weight for each class",
        detail=f"WeightedRandomSampler takes a weight for each sample. It is given {drawn}, as many as there are "
        f"classes, and so never draws any but samples 0 to {drawn - 1}.",
        remedy="Give each sample the weight of its class: weights[labels].",
        code="+ WeightedRandomSampler(weights[labels], len(labels))",
        where="sampler",
    )


def _counts(scan: Scan) -> Counter[int]:
    """Count what the network sees, or a fair sample of the data set where only its beginning was read."""
    labels = scan.labels
    if not scan.is_fair and scan.rows is not None and np.isfinite(scan.rows.labels).all():
        labels = scan.rows.labels
    elif scan.tally:
        return Counter({value: count for value, count in scan.tally.items() if value >= 0})
    if labels is None or not (is_binary(labels) or scan.tally):
        return Counter()
    return Counter(int(value) for value in labels if value >= 0)


def _count(item: tuple[int, int]) -> tuple[int, int]:
    return item[1], item[0]


def good() -> Arguments:
    """Return a linear model on classes of one size."""
    batch = (torch.randn(90, 4), torch.arange(90) % 3)
    return {"model": nn.Linear(4, 3), "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


def bad() -> Arguments:
    """Return the same where one class has 3 samples of 303."""
    labels = torch.cat([torch.arange(300) % 2, torch.full((3,), 2)])
    batch = (torch.randn(303, 4), labels)
    return {"model": nn.Linear(4, 3), "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


CHECK = Check(
    name="class-imbalance",
    stage="data",
    question="How uneven are the classes?",
    why="Under strong imbalance a network that names the most common class looks good by accuracy.",
    remedy="Use balanced accuracy, macro F1 or average precision, and weigh or sample the classes.",
    cost=0,
    run=run,
    good=good,
    bad=bad,
    explains=("final-bias",),
    sources=("K-imbalance", "S-metric"),
    silent="differences that a partial look may show by chance, weights of any other kind; it never fails",
)
