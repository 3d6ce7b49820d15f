"""`not-shuffled`: does the order of the training loader carry the label, or never change?"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from nbinspect.records import Chart, CheckResult, Floats, TaskRecord
from nbinspect.sanity.check import Arguments, Check, failed, measured, passed, warned
from nbinspect.sanity.evidence.data.mates import mates_of, unmixed_classes
from nbinspect.sanity.evidence.data.order import label_changes
from nbinspect.sanity.evidence.data.scan import Scan
from nbinspect.sanity.evidence.data.stored import is_drawn_anew
from nbinspect.sanity.evidence.data.stretches import Stretches, classes_apart, labels_in_order, stretches_of
from nbinspect.sanity.evidence.losses.labels_given import hands_a_state_on, labels_compared
from nbinspect.sanity.evidence.samples.together import reads_together
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded

_FEW_BATCHES, _FEW, _SHOWN = 4, 40, 2000


def run(
    program: Program,
    scan: Scan,
    labelled: TaskRecord,
    training_attempt: Recorded,
    *,
    sorted_below: float = 0.1,
    smooth: float = 0.5,
    sure: float = 8.0,
) -> CheckResult:
    """Fail where the label changes less than `sorted_below` times as often as in a shuffled order, in every epoch.

    Or half as often, in a stream that is drawn anew in each epoch, and one class comes after the other. So it is with
    the labels inside of a batch where each epoch has another order: fail where its samples come together again, or
    classes still come in blocks, unless the model reads a batch as one. Of numbers the correlation of successive ones
    counts, from `smooth` on; all by `sure` deviations from chance. In a fixed order, parts without a common class fail.
    """
    if scan.batches < 2 or hands_a_state_on(training_attempt):
        return passed("one batch" if scan.batches < 2 else "a state goes on from batch to batch, in its own order")
    fixed = scan.order.repeats if scan.order is not None else isinstance(scan.loader, list | tuple)
    labels = labels_in_order(scan) if fixed or scan.order is None else None
    are_classes = labelled.kind in ("classification", "binary") or scan.is_one_hot
    if not are_classes and fixed and scan.is_whole and (told := labels_compared(training_attempt, scan)) is not None:
        labels, are_classes = told, True
    mates = mates_of(scan) if are_classes else None
    unmixed = unmixed_classes(mates, sorted_below, sure, lambda: reads_together(program)) if mates else None
    if labels is not None and (are_classes or labelled.kind == "regression") and len(labels) >= _FEW:
        found = _runs(labels, sorted_below, sure) if are_classes else _drift(labels, smooth, sure)
        if fixed and are_classes and scan.batches >= _FEW_BATCHES and (found is None or found.status == "warn"):
            found = classes_apart(labels, lambda: reads_together(program)) or found
        if found is not None:
            near = stretches_of(program, scan) if found.status == "warn" else None
            local = unmixed if found.status == "warn" and unmixed is not None and unmixed.status == "fail" else found
            return local if near is None else _buffered(found, near)
    if unmixed is not None and (not fixed or unmixed.status == "fail"):
        return unmixed
    if not fixed:
        return passed("another order in each epoch" if scan.order is not None else "the labels come in no order")
    if (count := len(scan.loader) if hasattr(scan.loader, "__len__") else scan.batches) < _FEW_BATCHES:
        return passed(f"{count} batches")
    if is_drawn_anew(program.subject, scan.loader, scan.order, program.limits):
        return passed("samples are drawn anew at each reading")
    return warned(
        "the same order in every epoch",
        measured("order in two epochs", "the same", "another"),
        title="The training data is not shuffled",
        detail="Every epoch gives the same batches: the network sees the same few samples together each time.",
        remedy="Give the training loader shuffle=True (a distributed sampler needs set_epoch in each epoch).",
        code="+ DataLoader(…, shuffle=True)",
    )


def _runs(labels: Floats, sorted_below: float, sure: float) -> CheckResult | None:
    """Compare how often the label changes with how often it would if the order were random."""
    if not 2 <= len(np.unique(labels)) <= len(labels) / 4:
        return None
    changes, expected, deviation = label_changes(labels)
    if changes > expected / 2 or (expected - changes) / deviation < sure:
        return None
    return (failed if changes <= sorted_below * expected else warned)(
        f"{changes:,} changes of the label among {len(labels):,} samples",
        measured("changes of the label from sample to sample", changes, f"about {expected:,.0f}"),
        title="The order of the data carries the label",
        detail=f"The label changes {changes:,} times among {len(labels):,} samples in a row, where a shuffled "
        f"order has about {expected:,.0f}: whole batches hold one class, and the network learns to name the last.",
        remedy="Give the training loader shuffle=True.",
        code="+ DataLoader(…, shuffle=True)",
        charts=(_chart(labels),),
    )


def _buffered(found: CheckResult, near: Stretches) -> CheckResult:
    """Say that the shuffle of a stream leaves its classes one after the other."""
    return failed(
        found.summary,
        *found.measurements,
        measured("classes that come at a time, on average", near.at_once, f"about {near.classes}"),
        title=found.title,
        detail=f"{found.detail} Each epoch comes in another order, and still one class after the other.",
        remedy="Make the shuffle buffer far larger than a class, or mix the files or the list of them beforehand.",
        charts=found.charts,
    )


def _drift(labels: Floats, smooth: float, sure: float) -> CheckResult | None:
    apart = labels - labels.mean()
    power = float((apart**2).sum())
    alike = float((apart[1:] * apart[:-1]).sum()) / power if power > 0 else 0.0
    if alike < smooth or alike * np.sqrt(len(labels)) < sure:
        return None
    return warned(
        f"neighbours have like targets (correlation {alike:.2f})",
        measured("correlation of a target with the next", alike, f"about 0, below {smooth:g}"),
        title="The order of the data carries the target",
        detail=f"Samples in a row have like targets (correlation {alike:.2f}): each batch shows one part of the range.",
        remedy="Give the training loader shuffle=True, or declare intended={'not-shuffled': 'time order'}.",
        code="+ DataLoader(…, shuffle=True)",
        charts=(_chart(labels),),
    )


def _chart(labels: Floats) -> Chart:
    shown = labels[:: max(1, -(-len(labels) // _SHOWN))]
    places = np.arange(len(shown)) + 0.0
    return Chart("lines", "Labels in the loader's order", "sample", "label", ("label",), (shown,), places)


def good() -> Arguments:
    """Return a linear model on shuffled classes."""
    data = torch.utils.data.TensorDataset(torch.randn(200, 4), torch.arange(200) // 50)
    loader = torch.utils.data.DataLoader(data, batch_size=20, shuffle=True)
    return {"model": nn.Linear(4, 4), "loader": loader, "loss_fn": nn.CrossEntropyLoss()}


def bad() -> Arguments:
    """Return the same with the classes one after the other."""
    arguments = good()
    return {**arguments, "loader": torch.utils.data.DataLoader(arguments["loader"].dataset, batch_size=20)}


CHECK = Check(
    name="not-shuffled",
    stage="data",
    question="Does the order of the training data carry the label?",
    why="Batches of one class pull the network from one constant answer to the next.",
    remedy="Shuffle the training loader anew in each epoch.",
    cost=0,
    run=run,
    good=good,
    bad=bad,
    explains=("shuffled-labels",),
    sources=("S-order",),
    silent="sets of one batch; time order that is declared as intended; samplers and buffers that mix classes",
)
